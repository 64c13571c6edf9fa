"""Indexing: every key of NumPy's, gradients that add up, errors that name key and shape."""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable
from wengert.testing import check_gradients

X = np.arange(24.0).reshape(2, 3, 4)

KEYS = {
    "integer": 1,
    "negative integer": -1,
    "NumPy integer": np.int64(1),
    "0-d array": np.array(1),
    "all integers": (1, 2, 3),
    "slice": slice(1, None),
    "backward slice": (slice(None), slice(None, None, -2)),
    "empty slice": slice(0, 0),
    "nothing": (),
    "ellipsis": ...,
    "ellipsis in between": (0, ..., 1),
    "new axes": (None, ..., None, 1),
    "list": [0, 1, 1],
    "list of lists": [[0, 1], [1, 1]],
    "empty list": [],
    "range": range(2),
    "array": np.array([[1, 0], [0, 0]]),
    "unsigned bytes": np.array([1, 1], np.uint8),
    "two arrays": (np.array([0, 1, 1]), np.array([2, 0, 0])),
    "arrays that broadcast": (np.array([[0], [1]]), slice(None), np.array([0, -1, 0])),
    "array and integer apart": (0, slice(None), [1, 1]),
    "array between slices": (slice(None), [2, 2], slice(1, 3)),
    "mask": X % 3 == 0,
    "mask of the first axes": X[:, :, 0] > 3,
    "mask of an axis": (slice(None), np.array([True, False, True])),
    "mask and array": (np.array([False, True]), [2, 2]),
    "list of bools": [True, False],
    "mask of nothing": np.zeros(X.shape, bool),
    "True": True,
    "False": (False, 0),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_every_kind_of_key_gives_the_elements_that_numpy_gives(key):
    y = Variable(X)[key]
    np.testing.assert_array_equal(y.data, X[key], strict=True)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_the_gradient_of_an_element_adds_up_over_the_positions_where_it_was_chosen(key):
    x = Variable(X)
    y = x[key]
    gy = np.arange(1.0, y.size + 1).reshape(y.shape)
    y.backward(grad=gy)
    expected = np.zeros(X.shape)
    np.add.at(expected, key, gy)
    np.testing.assert_array_equal(x.grad.data, expected)


@pytest.mark.parametrize("key", [[0, 1, 1], (slice(None), [2, 2]), (..., 1), X > 3])
def test_indexing_differentiates_again(key):
    check_gradients(lambda x: x[key] ** 3, X / 10, order=3)


def test_a_repeated_index_adds_up():
    x = Variable(np.zeros(3))
    x[[0, 2, 2, 0, 0]].backward()
    np.testing.assert_array_equal(x.grad.data, [3, 0, 2])


def test_variables_of_integers_and_bools_are_keys():
    x = Variable(X)
    i, mask = Variable(np.array([1, 0])), Variable(X) > 5
    np.testing.assert_array_equal(x[i].data, X[[1, 0]])
    np.testing.assert_array_equal(x[0, i, 1:].data, X[0, [1, 0], 1:])
    np.testing.assert_array_equal(x[mask].data, X[X > 5])
    np.testing.assert_array_equal(x[Variable(np.array(1)) :].data, X[1:])


def test_one_element_is_a_variable_with_no_axes():
    y = Variable(X)[1, 2, 3]
    assert isinstance(y, Variable)
    assert y.shape == ()
    assert float(y) == 23


def test_iterating_gives_rows_that_stay_in_the_graph():
    x = Variable(np.ones((3, 2)))
    total = 0
    for i, row in enumerate(x):
        total = total + i * row
    total.backward()
    np.testing.assert_array_equal(x.grad.data, [[0, 0], [1, 1], [2, 2]])


def test_a_slice_is_a_view_and_a_key_of_arrays_gives_a_copy():
    x = Variable(X.copy())
    assert np.shares_memory(x[0, 1:].data, x.data)
    assert not np.shares_memory(x[[0, 1]].data, x.data)
    assert not np.shares_memory(x[0].copy().data, x.data)


def test_writing_to_a_gradient_touches_neither_data_nor_other_gradients():
    x = Variable(X.copy())
    y = x[0]
    y.backward(retain_grad=True)
    y.grad.data[...] = 9
    x.grad.data[1] = 9
    np.testing.assert_array_equal(x.data, X)
    np.testing.assert_array_equal(x.grad.data[0], np.ones((3, 4)))
    np.testing.assert_array_equal(y.grad.data, np.full((3, 4), 9))


def test_the_gradient_of_float32_adds_up_in_float32():
    x = Variable(np.zeros(2, np.float32))
    x[[0, 0, 1]].backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad.data, [2, 1])


def test_slices_of_a_graph_of_derivatives_stay_differentiable():
    x = Variable(np.array([1.0, 2.0, 3.0]))
    (gx,) = wg.grad(F.sum(x[1:] * x[:-1] ** 2), [x], create_graph=True)
    F.sum(gx * gx).backward()
    # y = x1 x0² + x2 x1²; its gradient is (2 x0 x1, x0² + 2 x1 x2, x1²) = (4, 13, 4)
    hessian = np.array([[4, 2, 0], [2, 6, 4], [0, 4, 0]])
    np.testing.assert_allclose(x.grad.data, 2 * hessian @ [4, 13, 4])


@pytest.mark.parametrize(
    ("key", "start", "reason"),
    [
        (2, "getitem: got index 2 for shape (2, 3, 4);", "out of bounds"),
        ((0, -4), "getitem: got index (0, -4) for shape (2, 3, 4);", "out of bounds"),
        ((0, [0, 5]), "getitem: got index (0, [0, 5]) for shape (2, 3, 4);", "out of bounds"),
        ((0, 0, 0, 0), "getitem: got index (0, 0, 0, 0) for shape", "too many indices"),
        (1.5, "getitem: got index 1.5 for shape", "only integers"),
        ("a", "getitem: got index 'a' for shape", "only integers"),
        ((..., ...), "getitem: got index (..., ...) for shape", "single ellipsis"),
        (slice("a", 2), "getitem: got index a:2 for shape", "slice indices must be integers"),
        (slice(0, 2, 0), "getitem: got index 0:2:0 for shape", "zero"),
        (np.ones(12, bool), "getitem: got index array of bool (12,) for shape", "boolean"),
        (([0, 1], [0, 1, 2]), "getitem: got index ([0, 1], [0, 1, 2]) for shape", "broadcast"),
        (Variable(np.array([1.0])), "getitem: got index [1.0] for shape", "integer"),
    ],
)
def test_an_index_that_does_not_fit_is_an_index_error_with_key_and_shape(key, start, reason):
    with pytest.raises(IndexError) as error:
        Variable(X)[key]
    assert str(error.value).startswith(start)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("indices", "axis"),
    [(2, None), ([0, 23, 0], None), ([[0, 1], [1, 1]], 0), (np.array([2, 2]), -2), (-1, 2)],
)
def test_take_is_numpys(indices, axis):
    x = Variable(X)
    np.testing.assert_array_equal(np.take(x, indices, axis).data, np.take(X, indices, axis))
    check_gradients(lambda x: F.take(x, indices, axis), X)


def test_take_along_axis_is_numpys_and_sorts_by_argsort():
    order = np.argsort(-X, axis=1)
    y = np.take_along_axis(Variable(X), order, 1)
    np.testing.assert_array_equal(y.data, np.flip(X, 1))
    check_gradients(lambda x: F.take_along_axis(x, order, 1), X)
    best = np.argmax(Variable(X), axis=-1, keepdims=True)
    np.testing.assert_array_equal(F.take_along_axis(Variable(X), best).data, X[..., -1:])


def test_take_needs_integers():
    with pytest.raises(TypeError, match=r"^take: got indices of float64, needed integers"):
        F.take(Variable(X), [0.0])
    with pytest.raises(TypeError, match=r"^take: got indices of bool, needed integers"):
        F.take(Variable(X), [True])
    with pytest.raises(ValueError, match=r"^take_along_axis: got indices of shape"):
        F.take_along_axis(Variable(X), [0])
    with pytest.raises(IndexError, match=r"^getitem: got index"):
        F.take(Variable(X), 3, axis=1)


@pytest.mark.parametrize(
    "pick",
    [
        lambda x, i: x[i],
        lambda x, i: x[..., i],
        lambda x, i: x[Variable(i)],
        lambda x, i: np.take(x, i),
        lambda x, i: np.take_along_axis(x, i, 0),
        lambda x, i: F.scatter_add(np.zeros(3), i, x[:2]) * np.array([1, 1, 0]),
    ],
)
def test_a_key_that_is_changed_later_does_not_change_the_gradient(pick):
    x, i = Variable(np.zeros(3)), np.array([0, 1])
    y = pick(x, i)
    i[:] = 2
    np.sum(y).backward()
    assert x.grad.data.tolist() == [1, 1, 0]


def test_a_list_as_key_that_is_changed_later_does_not_change_the_gradient():
    x, i = Variable(np.zeros((3, 2))), [[0], [1]]
    y = x[i, 0]
    i[0][0] = i[1][0] = 2
    np.sum(y).backward()
    assert x.grad.data.tolist() == [[1, 0], [1, 0], [0, 0]]
