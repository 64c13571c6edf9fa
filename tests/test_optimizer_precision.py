"""Optimizers in float16, with very large and with zero gradients."""

import numpy as np
import pytest

from wengert import Parameter, Variable, optimizers
from wengert.layers import Layer, Linear
from wengert.optimizers import (
    LBFGS,
    SGD,
    AdaGrad,
    ClipNorm,
    ClipValue,
    ExponentialMovingAverage,
    Momentum,
    Optimizer,
)

KINDS = [
    kind
    for kind in vars(optimizers).values()
    if isinstance(kind, type) and issubclass(kind, Optimizer) and kind not in (Optimizer, LBFGS)
]
FLOATS = [np.float16, np.float32, np.float64]


def param(values, dtype):
    return Parameter(np.array(values, dtype))


def stepped(optimizer, p, gradients):
    optimizer.setup([p])
    for g in gradients:
        p.grad = np.array(g, p.dtype)
        optimizer.update()
    return p.data


GRADIENTS = np.random.default_rng(0).normal(size=(8, 5)) * [1e-7, 1e-4, 1, 300, 60000 / 3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_in_float16_are_those_in_float32_rounded_once(kind, weight_decay):
    start, gradients = np.ones(5, np.float16), GRADIENTS.astype(np.float16)
    half = stepped(kind(weight_decay=weight_decay), Parameter(start.copy()), gradients)
    single = param(start, np.float32)
    stepped(kind(weight_decay=weight_decay), single, gradients)
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, single.data.astype(np.float16))


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_of_a_parameter_in_float16_is_in_float32_and_loads(kind):
    p = param([1.0, 2.0], np.float16)
    optimizer = kind()
    stepped(optimizer, p, [[0.5, -0.5]])
    state = optimizer.state_dict()
    arrays = {name: x for name, x in state.items() if isinstance(x, np.ndarray)}
    assert {x.dtype for x in arrays.values()} == {np.dtype(np.float32)}
    q = Parameter(p.data.copy())
    other = kind().setup([q])
    other.load_state_dict(state)
    for one, of in ((p, optimizer), (q, other)):
        one.grad = np.array([1e-3, 1.0], np.float16)
        of.update()
    np.testing.assert_array_equal(p.data, q.data)


def test_steps_that_are_too_small_for_float16_add_up():
    p = stepped(SGD(1e-4), param([1.0], np.float16), [[1.0]] * 100)
    assert p.tolist() == [np.float16(0.99)]


def test_weights_that_are_loaded_between_steps_in_float16_count():
    p = param([1.0, 1.0], np.float16)
    optimizer = SGD(0.25)
    stepped(optimizer, p, [[1.0, 1e-4]])
    p.data = np.array([5.0, p.data[1]], np.float16)
    p.grad = np.array([1.0, 1e-4], np.float16)
    optimizer.update()
    assert p.data[0] == 4.75
    assert optimizer.states["0"]["master"][1] == pytest.approx(1 - 5e-5, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_is_cast_in_the_middle_of_training_continues(kind):
    model = Linear(1, in_size=2)
    optimizer = kind(0.1).setup(model)
    for dtype in (np.float32, np.float16, np.float32):
        model.astype(dtype)
        model.W.grad = np.ones((2, 1), dtype)
        optimizer.update()
        assert model.W.dtype == dtype
    assert "master" not in optimizer.states["W"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_gradient_of_zero_is_no_step(kind, dtype):
    p = stepped(kind(weight_decay=0.0), param([1.0, -2.0], dtype), [[0.0, 0.0]] * 3)
    assert p.tolist() == [1.0, -2.0]


@pytest.mark.parametrize("kind", [k for k in KINDS if "eps" in k._fields])
def test_an_eps_that_is_0_in_float32_is_refused(kind):
    with pytest.raises(ValueError, match=r"got eps 1e-45, needed a number ≥ 1\.17549e-38"):
        kind(eps=1e-45)
    optimizer = kind(eps=1.2e-38, weight_decay=0.0)
    assert stepped(optimizer, param([1.0], np.float32), [[0.0], [0.0]]).tolist() == [1.0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 1e25), (np.float64, 1e200)])
def test_a_gradient_whose_square_overflows_does_not_stop_later_steps(kind, dtype, large):
    optimizer, p = kind(1e-4), param([1.0], dtype)
    stepped(optimizer, p, [[large]])
    for x in optimizer.states["0"].values():
        assert np.isfinite(x).all()
    assert np.isfinite(p.data).all()


@pytest.mark.parametrize("kind", [k for k in KINDS if "beta2" in k._fields])
def test_a_square_that_overflowed_is_forgotten_after_small_steps(kind):
    optimizer, p = kind(0.01, beta1=0.5, beta2=0.9, weight_decay=0.0), param([1.0], np.float32)
    stepped(optimizer, p, [[1.0]] * 30)
    values = []
    for g in [1e25, *[1.0] * 1000]:
        p.grad = np.array([g], np.float32)
        optimizer.update()
        values.append(float(p.data[0]))
    assert abs(np.diff(values)).max() < 0.2
    assert values[-2] - values[-1] == pytest.approx(0.01, rel=1e-2)


# ---- Hooks ----


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.float16, [3e4, 4e4]),
        (np.float32, [3e20, 4e20]),
        (np.float32, [3e37, 4e37]),
        (np.float64, [3e200, 4e200]),
        (np.float32, [3.0, 4.0]),
    ],
)
def test_clipping_by_norm_of_finite_gradients_whose_squares_overflow(dtype, values):
    p = param([0.0, 0.0], dtype)
    p.grad = np.array(values, dtype)
    norm = ClipNorm(1.0)([p])
    assert norm == pytest.approx(5 / 3 * values[0], rel=1e-3)
    assert p.grad.dtype == dtype
    np.testing.assert_allclose(p.grad.data, [0.6, 0.8], rtol=2e-3)


def test_the_largest_gradients_are_clipped_together():
    largest = np.finfo(np.float32).max
    params = [param(np.zeros(1000), np.float32) for _ in range(4)]
    for p in params:
        p.grad = np.full(1000, largest, np.float32)
    norm = ClipNorm(1.0)(params)
    assert norm == pytest.approx(float(largest) * 4000**0.5)
    np.testing.assert_allclose(params[0].grad.data, 4000**-0.5, rtol=1e-5)


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e300])
def test_finite_gradients_whose_norm_is_greater_than_all_floats_keep_their_direction(limit):
    p, q = param(np.zeros(3), np.float64), param(0.0, np.float64)
    p.grad, q.grad = np.array([1e308, -1e308, 0.0]), np.array(1.5e308)
    assert ClipNorm(limit)(iter([p, q])) == np.inf
    expected = np.array([2.0, -2.0, 0.0, 3.0]) / 17**0.5 * limit
    np.testing.assert_allclose([*p.grad.data, q.grad.data], expected, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "tiny"), [(np.float32, 1e-30), (np.float64, 1e-200)])
def test_the_norm_of_gradients_whose_squares_underflow_is_right(dtype, tiny):
    p = param([0.0, 0.0], dtype)
    p.grad = np.array([3 * tiny, 4 * tiny], dtype)
    assert ClipNorm(1.0)([p]) == pytest.approx(5 * tiny)
    assert ClipNorm(tiny)([p]) == pytest.approx(5 * tiny)
    np.testing.assert_allclose(p.grad.data, [0.6 * tiny, 0.8 * tiny], rtol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_clipping_by_norm_refuses_what_is_not_finite_and_changes_nothing(dtype, value):
    p, q = param([0.0, 0.0], dtype), param(0.0, dtype)
    p.grad, q.grad = np.array([1.0, value], dtype), np.array(9.0, dtype)
    with pytest.raises(ValueError, match=r"the norm of the gradients is (inf|nan); lower lr"):
        ClipNorm(1.0)([q, p])
    assert q.grad.data == 9


@pytest.mark.parametrize("dtype", FLOATS)
def test_clipping_by_value_clips_infinities_and_refuses_nan(dtype):
    p, q = param([0.0, 0.0, 0.0], dtype), param(0.0, dtype)
    p.grad = np.array([np.inf, -np.inf, 0.5], dtype)
    ClipValue(1.0)([p])
    assert p.grad.data.tolist() == [1.0, -1.0, 0.5]
    p.grad, q.grad = np.array([0.0, np.nan, 2.0], dtype), np.array(9.0, dtype)
    with pytest.raises(ValueError, match="ClipValue: a gradient is NaN"):
        ClipValue(1.0)([q, p])
    assert q.grad.data == 9


# ---- Averages and LBFGS ----


def test_an_average_in_float16_follows_small_changes():
    p = param([1.0], np.float16)
    average = ExponentialMovingAverage([p], 0.999)
    average.update()
    p.data = np.array([2.0], np.float16)
    for _ in range(1000):
        average.update()
    assert average.averages["0"].dtype == np.float32
    with average.swapped_in():
        assert p.dtype == np.float16
        assert p.data[0] == pytest.approx(2 - 0.999**1000, rel=1e-3)
    state = average.state_dict()
    average.load_state_dict(state)
    np.testing.assert_array_equal(average.averages["0"], state["0"])


def test_lbfgs_computes_in_float32_for_parameters_in_float16():
    p = param([30.0, -30.0], np.float16)
    optimizer = LBFGS().setup([p])

    def closure():
        x = p.astype(np.float32)
        loss = np.sum((x * np.array([20.0, 1.0], np.float32) - 1) ** 2)
        p.cleargrad()
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.update(closure)
    assert optimizer.history[0][0].dtype == np.float32
    np.testing.assert_allclose(p.data, [0.05, 1.0], rtol=1e-2)


# ---- What a graph holds ----


class Scale(Layer):
    def __init__(self):
        self.w = Parameter(np.array([2.0, 3.0]))


@pytest.mark.parametrize("kind", [*KINDS, LBFGS])
def test_a_step_between_forward_and_backward_leaves_the_gradient_at_the_old_weights(kind):
    model, x = Scale(), Variable(np.array([5.0, 7.0]))
    optimizer = kind(0.1).setup(model)
    recorded = np.sum(model.w * model.w * x)

    def closure():
        model.cleargrads()
        loss = np.sum(model.w * model.w)
        loss.backward()
        return loss

    closure()
    optimizer.update(closure)
    assert model.w.data[0] != 2
    recorded.backward()
    np.testing.assert_array_equal(x.grad.data, [4.0, 9.0])
    with pytest.raises(RuntimeError, match=r"the data of its input.* was replaced after the call"):
        recorded.backward(create_graph=True)


def test_loading_weights_and_averages_leave_recorded_graphs_as_they_are():
    model, x = Scale(), Variable(np.array([5.0, 7.0]))
    average = ExponentialMovingAverage(model, 0.5)
    average.update()
    model.load_state_dict({"w": np.array([10.0, 10.0])})
    with average.swapped_in():
        in_average = np.sum(model.w * x)
    with_loaded = np.sum(model.w * x)
    average.update()
    model.load_state_dict({"w": np.array([0.0, 0.0])})
    in_average.backward()
    assert x.grad.data.tolist() == [2.0, 3.0]
    x.cleargrad()
    with_loaded.backward()
    assert x.grad.data.tolist() == [10.0, 10.0]


def test_an_optimizer_writes_in_place_where_nobody_holds_the_array():
    p = Parameter(np.ones(3))
    address = p.data.ctypes.data
    optimizer = Momentum(0.1).setup([p])
    for _ in range(3):
        p.grad = np.ones(3)
        optimizer.update()
    assert p.data.ctypes.data == address


def test_adagrad_takes_its_default_eps_in_float16():
    p = stepped(AdaGrad(), param([1.0], np.float16), [[0.0], [1.0]])
    assert p.tolist() == [np.float16(0.99)]
