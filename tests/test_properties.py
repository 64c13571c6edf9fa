"""Properties that hold for whatever Hypothesis draws: broadcasting, indexing, dtypes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import wengert as wg
import wengert.functions as F
from wengert import Variable

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")

numbers = st.floats(-4, 4, width=32)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)


def arrays(shape, dtype=np.float64):
    return hnp.arrays(dtype, shape, elements=numbers)


def ramp(shape):
    """A seed in which no two elements are equal."""
    return 1.0 + np.arange(np.prod(shape, dtype=int)).reshape(shape)


@st.composite
def broadcastable(draw):
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
    return [draw(arrays(shape)) for shape in shapes.input_shapes]


@given(broadcastable())
def test_a_broadcast_sum_gives_back_the_sums_over_what_was_broadcast(pair):
    xs = [Variable(a) for a in pair]
    y = xs[0] + xs[1]
    y.backward(grad=ramp(y.shape))
    for x in xs:
        np.testing.assert_allclose(x.grad.data, wg.arrays.sum_to(ramp(y.shape), x.shape))


@given(broadcastable())
def test_operators_give_what_numpy_gives(pair):
    a, b = pair
    for operate in (np.add, np.subtract, np.multiply, np.maximum, np.arctan2, np.logaddexp):
        for y in (
            operate(Variable(a), Variable(b)),
            operate(a, Variable(b)),
            operate(Variable(a), b),
        ):
            np.testing.assert_array_equal(y.data, operate(a, b))


@given(broadcastable())
def test_the_gradient_of_a_product_is_linear_in_the_seed(pair):
    xs = [Variable(a) for a in pair]
    y = xs[0] * xs[1]
    seed = ramp(y.shape)
    once = wg.grad(y, xs, seed)
    twice = wg.grad(y, xs, 2 * seed)
    for g, h in zip(once, twice, strict=True):
        np.testing.assert_allclose(h.data, 2 * g.data)


@st.composite
def indexed(draw):
    a = draw(arrays(draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))))
    kinds = [
        hnp.basic_indices(a.shape, allow_newaxis=True, allow_ellipsis=True),
        hnp.integer_array_indices(a.shape),
        hnp.arrays(bool, a.shape),
        hnp.arrays(bool, a.shape[:1]),
    ]
    return a, draw(st.one_of(kinds))


@given(indexed())
def test_an_index_gives_what_numpy_gives_and_its_gradient_adds_up(case):
    a, key = case
    x = Variable(a)
    y = x[key]
    np.testing.assert_array_equal(y.data, a[key])
    y.backward(grad=ramp(y.shape))
    expected = np.zeros_like(a)
    np.add.at(expected, key, ramp(y.shape))
    np.testing.assert_array_equal(x.grad.data, expected)


@given(indexed())
def test_the_gradient_of_an_index_is_its_transpose(case):
    # for linear maps ⟨u, A v⟩ = ⟨Aᵀ u, v⟩, and the gradient of the gradient is A again
    a, key = case
    x = Variable(a)
    u = Variable(ramp(x[key].shape))
    g = wg.grad(x[key], x, u, create_graph=True)
    np.testing.assert_allclose(wg.grad(g, u, Variable(a)).data, a[key])


@given(
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.one_of(st.integers(-3, 3), st.floats(-3, 3), st.booleans()),
)
def test_a_python_number_takes_the_dtype_of_the_variable(dtype, number):
    x = Variable(np.ones(3, dtype))
    for y in (
        x + number,
        number - x,
        x * number,
        F.maximum(x, number),
        np.where(x.data > 0, x, number),
    ):
        assert y.dtype == dtype
        y.backward()
    assert x.grad.dtype == dtype


@given(
    st.sampled_from([bool, np.int8, np.int64, np.float32, np.float64]),
    st.sampled_from([np.int8, np.int32, np.float16, np.float32, np.float64]),
)
def test_mixed_dtypes_promote_as_in_numpy_and_gradients_go_back_to_their_own(d0, d1):
    a, b = np.ones(2, d0), np.ones(2, d1)
    x0, x1 = Variable(a), Variable(b)
    y = x0 * x1
    assert y.dtype == (a * b).dtype
    y.backward()
    for x in (x0, x1):
        assert x.dtype.kind != "f" or x.grad.dtype == x.dtype


@given(arrays(shapes), st.data())
def test_a_sum_over_drawn_axes_spreads_its_gradient(a, data):
    axes = data.draw(hnp.valid_tuple_axes(a.ndim)) if a.ndim else None
    keepdims = data.draw(st.booleans())
    x = Variable(a)
    y = F.sum(x, axes, keepdims=keepdims)
    np.testing.assert_allclose(y.data, np.sum(a, axis=axes, keepdims=keepdims), atol=1e-6)
    seed = ramp(y.shape)
    y.backward(grad=seed)
    full = np.sum(a, axis=axes, keepdims=True)
    np.testing.assert_array_equal(x.grad.data, np.broadcast_to(seed.reshape(full.shape), a.shape))


@given(broadcastable())
def test_sum_to_is_the_transpose_of_broadcast_to(pair):
    a, b = pair
    shape = np.broadcast_shapes(a.shape, b.shape)
    x = Variable(a)
    y = F.broadcast_to(x, shape)
    np.testing.assert_array_equal(y.data, np.broadcast_to(a, shape))
    y.backward(grad=ramp(shape))
    np.testing.assert_allclose(x.grad.data, F.sum_to(ramp(shape), a.shape))


@given(st.integers(0, 2**32 - 1))
def test_a_random_graph_has_the_same_gradients_plain_and_recorded(seed):
    rng = np.random.default_rng(seed)
    x = Variable(rng.normal(size=3))
    nodes = [x, x * 2]
    for _ in range(rng.integers(1, 12)):
        a, b = (nodes[rng.integers(len(nodes))] for _ in range(2))
        nodes.append([a + b, a * b, np.tanh(a), a - np.sin(b)][rng.integers(4)])
    y = np.sum(nodes[-1])
    plain = wg.grad(y, x)
    recorded = wg.grad(y, x, create_graph=True)
    np.testing.assert_allclose(recorded.data, plain.data, rtol=1e-12)
