"""Shape functions: NumPy's semantics, NumPy's arguments, and gradients in the order of the input.

Derivatives of every Function class are checked in test_operations.py; here are the functions that
are composed of others, and the facts that samples cannot state.
"""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable
from wengert.testing import check_gradients

X = np.arange(24.0).reshape(2, 3, 4)

AS_IN_NUMPY = {
    "reshape to one number": lambda x: np.reshape(x, 24),
    "reshape with -1": lambda x: np.reshape(x, (4, -1)),
    "reshape to a list": lambda x: np.reshape(x, [3, 8]),
    "ravel": np.ravel,
    "transpose": np.transpose,
    "transpose with negative axes": lambda x: np.transpose(x, (-1, 0, 1)),
    "swapaxes": lambda x: np.swapaxes(x, 0, -1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "moveaxis of several": lambda x: np.moveaxis(x, (0, 2), (-2, 0)),
    "expand_dims": lambda x: np.expand_dims(x, -1),
    "expand_dims at several positions": lambda x: np.expand_dims(x, (0, -2)),
    "squeeze": lambda x: np.squeeze(x[:1, :, :1]),
    "squeeze of one axis": lambda x: np.squeeze(x[:1, :, :1], -1),
    "broadcast_to": lambda x: np.broadcast_to(x[:, :1], (5, 2, 3, 4)),
    "concatenate": lambda x: np.concatenate([x, x[:, :1]], axis=-2),
    "concatenate flat": lambda x: np.concatenate((x, x[0]), axis=None),
    "stack": lambda x: np.stack([x, x], axis=-2),
    "vstack of rows": lambda x: np.vstack([x[0, 0], x[0]]),
    "hstack of vectors": lambda x: np.hstack([x[0, 0], x[0, 0, :2]]),
    "hstack": lambda x: np.hstack([x, x[:, :1]]),
    "pad on all sides": lambda x: np.pad(x, 1),
    "pad with a number": lambda x: np.pad(x, ((1, 2), (0, 0), (3, 0)), constant_values=7),
    "pad by the edge": lambda x: np.pad(x, (1, 2), "edge"),
    "pad by the mirror": lambda x: np.pad(x, ((1, 0), (2, 5), (0, 1)), mode="reflect"),
    "pad by more than the size": lambda x: np.pad(x, 5, mode="symmetric"),
    "pad by the other end": lambda x: np.pad(x, 5, mode="wrap"),
    "flip": np.flip,
    "flip of two axes": lambda x: np.flip(x, (0, -1)),
    "roll flat": lambda x: np.roll(x, 5),
    "roll of two axes": lambda x: np.roll(x, (1, -2), (0, 2)),
    "roll of two axes by one shift": lambda x: np.roll(x, 1, (0, 2)),
    "repeat flat": lambda x: np.repeat(x, 2),
    "repeat": lambda x: np.repeat(x, 3, axis=-2),
    "repeat by counts": lambda x: np.repeat(x, [0, 2, 1], axis=1),
    "repeat no times": lambda x: np.repeat(x, 0, axis=1),
    "tile": lambda x: np.tile(x, 2),
    "tile to more axes": lambda x: np.tile(x, (2, 1, 3, 1)),
    "tile no times": lambda x: np.tile(x, (2, 0)),
}


@pytest.mark.parametrize("f", AS_IN_NUMPY.values(), ids=AS_IN_NUMPY)
def test_numpys_function_on_a_variable_gives_what_it_gives_on_an_array(f):
    y = f(Variable(X))
    assert isinstance(y, Variable)
    np.testing.assert_array_equal(y.data, f(X), strict=True)


@pytest.mark.parametrize("f", AS_IN_NUMPY.values(), ids=AS_IN_NUMPY)
def test_the_gradient_of_each_element_has_the_position_of_the_input(f):
    check_gradients(f, X, order=2)


@pytest.mark.parametrize("how", [1, 2, 4, [1, 3], [1, -1], [2, 2, 9], [], (1,), np.array([3])])
def test_split_gives_numpys_sections_as_a_tuple(how):
    parts = np.split(Variable(X), how, axis=-1)
    assert type(parts) is tuple
    for part, expected in zip(parts, np.split(X, how, axis=-1), strict=True):
        np.testing.assert_array_equal(part.data, expected, strict=True)


def test_an_unused_section_of_a_split_has_gradient_zero():
    x = Variable(np.arange(5.0))
    _, middle, _ = F.split(x, [1, 3])
    (middle * middle).backward()
    np.testing.assert_array_equal(x.grad.data, [0, 2, 4, 0, 0])


def test_shape_ndim_and_size_of_a_variable_are_plain_numbers():
    x = Variable(X)
    assert np.shape(x) == (2, 3, 4)
    assert np.ndim(x) == 3
    assert (np.size(x), np.size(x, -1)) == (24, 4)


def test_methods_are_those_of_an_array():
    x = Variable(X)
    for y, expected in [
        (x.reshape(4, 6), X.reshape(4, 6)),
        (x.reshape((4, -1)), X.reshape((4, -1))),
        (x.transpose(1, 2, 0), X.transpose(1, 2, 0)),
        (x.transpose(), X.T),
        (x.T, X.T),
        (x.swapaxes(0, 1), X.swapaxes(0, 1)),
        (x[:1].squeeze(0), X[0]),
        (x.flatten(), X.flatten()),
        (x.repeat(2, axis=1), X.repeat(2, axis=1)),
    ]:
        np.testing.assert_array_equal(y.data, expected, strict=True)


def test_plain_arrays_give_plain_arrays():
    for f in AS_IN_NUMPY.values():
        assert type(f(X)) is np.ndarray
    assert type(F.concatenate([X, X])) is np.ndarray
    assert [type(part) for part in F.split(X, 2)] == [np.ndarray] * 2
    assert type(F.sum_to(X, X.shape)) is np.ndarray


def test_sum_to_is_the_counterpart_of_broadcast_to():
    y = F.sum_to(Variable(X), (3, 1))
    np.testing.assert_array_equal(y.data, X.sum(axis=(0, 2)).reshape(3, 1))
    x = Variable(X)
    assert F.sum_to(x, X.shape) is x


def test_concatenating_dtypes_promotes_and_each_gradient_has_the_dtype_of_its_input():
    x32 = Variable(np.ones(2, np.float32))
    x64 = Variable(np.ones(2))
    y = F.concatenate([x32, x64, np.zeros(1, int)])
    y.backward()
    assert (y.dtype, x32.grad.dtype, x64.grad.dtype) == (np.float64, np.float32, np.float64)


def test_one_variable_concatenated_with_itself_gets_both_gradients():
    x = Variable(np.ones(2))
    F.concatenate([x, x, x]).backward(grad=np.arange(6.0))
    np.testing.assert_array_equal(x.grad.data, [0 + 2 + 4, 1 + 3 + 5])


def test_gradients_through_views_share_no_memory():
    x0, x1 = Variable(np.ones((2, 3))), Variable(np.ones((2, 3)))
    y = F.concatenate([x0.T, F.flip(x1).T])
    gy = np.ones(y.shape)
    y.backward(grad=gy)
    assert not np.shares_memory(x0.grad.data, x1.grad.data)
    assert not np.shares_memory(x0.grad.data, gy)
    x0.grad.data[...] = 5  # (a broadcast view could not be written to)
    np.testing.assert_array_equal(x1.grad.data, np.ones((2, 3)))


def test_a_pad_of_large_numbers_or_nan_stays_out_of_the_gradient():
    x = Variable(np.ones(2))
    y = F.pad(x, 1, constant_values=np.nan)
    (y[1:-1] * 3).backward()
    np.testing.assert_array_equal(x.grad.data, [3, 3])


def test_stack_of_many_differentiates_twice_in_one_split():
    xs = [Variable(np.array(float(i))) for i in range(50)]
    (gx,) = wg.grad(F.stack(xs) ** 3, [xs[7]], create_graph=True)
    gx.backward()
    assert xs[7].grad.data == 6 * 7


MISTAKES = {
    "reshape: got x of shape (2, 3, 4), needed a shape of its 24 elements, not (5, 5)": (
        lambda x: x.reshape(5, 5)
    ),
    "reshape: got x of shape (2, 3, 4), needed a shape of its 24 elements, not (-1, -1)": (
        lambda x: x.reshape(-1, -1)
    ),
    "expand_dims: got axis 4": lambda x: F.expand_dims(x, 4),
    "squeeze: got axis 1 for shape (2, 3, 4); needed an axis of size 1": (
        lambda x: F.squeeze(x, 1)
    ),
    "transpose: got axis (0, 1, 1) for shape (2, 3, 4); needed each axis once": (
        lambda x: x.transpose(0, 1, 1)
    ),
    "transpose: got axes (0, 1) for shape (2, 3, 4); needed each of its 3 axes once": (
        lambda x: x.transpose(0, 1)
    ),
    "swapaxes: got axis 3 for shape (2, 3, 4); needed -3 ≤ axis < 3": lambda x: x.swapaxes(0, 3),
    "moveaxis: got source (0, 1) and destination 0, needed as many axes": lambda x: F.moveaxis(
        x, (0, 1), 0
    ),
    "broadcast_to: got x of shape (2, 3, 4), which does not broadcast to (2, 3, 5)": (
        lambda x: F.broadcast_to(x, (2, 3, 5))
    ),
    "sum_to: got x of shape (2, 3, 4) and shape (2, 4)": lambda x: F.sum_to(x, (2, 4)),
    "repeat: got repeats [1, 2] for shape (2, 3, 4)": lambda x: F.repeat(x, [1, 2], 1),
    "repeat: got repeats -1": lambda x: F.repeat(x, -1),
    "tile: got reps (1, -2)": lambda x: F.tile(x, (1, -2)),
    "concatenate: got no arrays": lambda x: F.concatenate([]),
    "concatenate: got shapes (2, 3, 4), (2, 3) along axis 0": lambda x: F.concatenate(
        [x, x[..., 0]]
    ),
    "concatenate: got shapes (2, 3, 4), (2, 2, 4) along axis 2": (
        lambda x: F.concatenate([x, x[:, :2]], axis=-1)
    ),
    "stack: got shapes (2, 3, 4), (3, 4), needed one shape": lambda x: F.stack([x, x[0]]),
    "stack: got no arrays": lambda x: F.stack([]),
    "split: got x of size 4 along axis 2, which is not a multiple of 3": lambda x: F.split(
        x, 3, -1
    ),
    "split: got x of size 2 along axis 0, which is not a multiple of 0": lambda x: F.split(x, 0),
    "split: got indices [2, 1], needed them sorted": lambda x: F.split(x, [2, 1], 1),
    "pad: got pad_width -1": lambda x: F.pad(x, -1),
    "pad: got pad_width 1.5": lambda x: F.pad(x, 1.5),
    "pad: got pad_width ((1, 2), (3, 4))": lambda x: F.pad(x, ((1, 2), (3, 4))),
    "pad: got mode 'circle'": lambda x: F.pad(x, 1, "circle"),
    "pad: got shape (0, 3, 4), which has no elements for mode 'edge'": (
        lambda x: F.pad(x[:0], 1, "edge")
    ),
    "flip: got axis 3": lambda x: F.flip(x, 3),
    "roll: got 2 shifts for 3 axes": lambda x: F.roll(x, (1, 2), (0, 1, 2)),
}


@pytest.mark.parametrize(("message", "f"), MISTAKES.items(), ids=MISTAKES)
def test_an_error_names_the_arguments_and_the_requirement(message, f):
    with pytest.raises(ValueError) as error:
        f(Variable(X))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("shape", [2.5, (2, 1.0), "ab", None])
def test_a_shape_is_made_of_integers(shape):
    with pytest.raises(TypeError, match=r"^reshape: got shape .*, needed an integer or a tuple"):
        F.reshape(Variable(X), shape)


def test_new_arrays_like_a_variable_are_constants_of_its_shape_and_dtype():
    x = Variable(np.array([[1, 2]], np.float32))
    for y, expected in [
        (np.zeros_like(x), np.zeros((1, 2), np.float32)),
        (np.ones_like(x), np.ones((1, 2), np.float32)),
        (np.full_like(x, 7), np.full((1, 2), 7, np.float32)),
        (np.ones_like(x, dtype=int), np.ones((1, 2), int)),
        (np.zeros_like(x, shape=3), np.zeros(3, np.float32)),
        (np.zeros((2, 1), like=x), np.zeros((2, 1))),
        (np.ones(2, np.float32, like=x), np.ones(2, np.float32)),
        (np.full(2, 5, like=x), np.full(2, 5)),
        (np.eye(2, 3, 1, like=x), np.eye(2, 3, 1)),
        (np.arange(1, 4, like=x), np.arange(1, 4)),
    ]:
        assert isinstance(y, Variable)
        assert not y.requires_grad
        np.testing.assert_array_equal(y.data, expected, strict=True)
    for y in (np.empty_like(x), np.empty((1, 2), np.float32, like=x)):
        assert (y.shape, y.dtype, y.requires_grad) == ((1, 2), np.float32, False)
    assert type(F.zeros_like(x.data)) is np.ndarray


def test_a_variable_as_fill_value_is_refused_because_it_would_lose_its_gradient():
    with pytest.raises(TypeError, match=r"^full_like: got a Variable as fill_value"):
        np.full_like(Variable(X), Variable(np.array(2.0)))


@pytest.mark.parametrize(("axis", "why"), [
    (9, "expand_dims: got axis 9 for shape (2, 3); the result has 3 axes: needed -3 ≤ axis < 3"),
    ((0, -4), "expand_dims: got axis (0, -4) for shape (2, 3); the result has 4 axes"),
])  # fmt: skip
def test_a_new_axis_outside_of_the_result_is_reported_with_the_shape(axis, why):
    with pytest.raises(ValueError) as error:
        np.expand_dims(Variable(np.ones((2, 3))), axis)
    assert str(error.value).startswith(why)


@pytest.mark.parametrize("call", [
    lambda x: np.swapaxes(x, (0, 1), 0), lambda x: np.swapaxes(x, 0, 1.5),
    lambda x: np.repeat(x, 2, axis=(0, 1)), lambda x: np.stack([x, x], axis=(0, 1)),
    lambda x: np.argsort(x, axis=(0, 1)), lambda x: np.take(x, 0, axis=(0, 1)),
    lambda x: F.topk(x, 1, (0, 1)), lambda x: F.glu(x, (0, 1)),
])  # fmt: skip
def test_one_axis_is_an_integer(call):
    with pytest.raises(TypeError, match=r"^\w+: got axis .*, needed an integer$"):
        call(Variable(np.ones((2, 2))))
