"""Selection: order, ties, repeated indices, and the inputs it refuses."""

import numpy as np
import pytest

from wengert import Variable
from wengert.functions.index import take_along_axis
from wengert.functions.select import argsort, one_hot, scatter_add, sort, topk
from wengert.testing import check_gradients

X = np.random.default_rng(0).permutation(24).reshape(2, 3, 4) * 1.0
INDICES = np.array([[[0, 2, 2], [1, 1, 1], [-1, 0, 3]], [[3, 2, 1], [0, 0, 1], [2, 2, -4]]])


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_sort_and_argsort_are_those_of_numpy(axis):
    np.testing.assert_array_equal(np.sort(Variable(X), axis).data, np.sort(X, axis))
    np.testing.assert_array_equal(np.argsort(Variable(X), axis).data, np.argsort(X, axis))
    np.testing.assert_array_equal(sort(X, axis), np.sort(X, axis))


def test_the_gradient_of_sort_has_the_order_of_the_input():
    x = Variable(np.array([3.0, 1.0, 2.0]))
    sort(x).backward(grad=np.array([10.0, 20.0, 30.0]))
    assert x.grad.data.tolist() == [30, 10, 20]


def test_equal_elements_keep_their_order():
    assert argsort(np.array([1, 0, 1, 0])).tolist() == [1, 3, 0, 2]
    assert topk(np.array([1, 0, 1, 1]), 3)[1].tolist() == [0, 2, 3]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_topk_has_the_largest_first(axis):
    values, indices = topk(Variable(X), 2, axis)
    expected = np.flip(np.sort(X, axis), axis).take([0, 1], axis)
    np.testing.assert_array_equal(values.data, expected)
    np.testing.assert_array_equal(np.take_along_axis(X, indices.data, axis), expected)
    assert not indices.requires_grad


def test_topk_counts_nan_as_the_largest_and_accepts_unsigned_integers():
    assert topk(np.array([1.0, np.nan, 2.0]), 2)[1].tolist() == [1, 2]
    assert topk(np.array([0, 255, 1], np.uint8), 2)[0].tolist() == [255, 1]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_derivatives_of_selections_are_right_to_third_order(axis):
    check_gradients(lambda x: np.square(sort(x, axis)), X, order=3)
    check_gradients(lambda x: np.square(topk(x, 2, axis)[0]), X, order=3)


def test_scatter_add_adds_up_values_of_one_index():
    values = np.arange(1.0, 19.0).reshape(2, 3, 3)
    expected = X.copy()
    for i, j, k in np.ndindex(values.shape):
        expected[i, j, INDICES[i, j, k]] += values[i, j, k]
    np.testing.assert_array_equal(scatter_add(Variable(X), INDICES, values).data, expected)


def test_scatter_add_is_the_transpose_of_take_along_axis():
    rng = np.random.default_rng(1)
    x, values = rng.normal(size=X.shape), rng.normal(size=INDICES.shape)
    sent = scatter_add(np.zeros_like(x), INDICES, values)
    assert np.vdot(sent, x) == pytest.approx(np.vdot(take_along_axis(x, INDICES), values))


def test_derivatives_of_scatter_add_are_right_to_third_order():
    rng = np.random.default_rng(1)
    check_gradients(
        lambda x, v: np.square(scatter_add(x, INDICES, v)), X, rng.normal(size=(2, 3, 3)), order=3
    )


def test_one_hot_has_a_one_at_the_label():
    y = one_hot(np.array([[0], [2]]), 3)
    assert y.tolist() == [[[1, 0, 0]], [[0, 0, 1]]]
    assert y.dtype == np.float32
    assert one_hot(Variable(np.array([1])), 2, np.float64).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sort(X, 3), ValueError, "got axis 3"),
        (lambda: argsort(X, 3), ValueError, "argsort: got axis 3"),
        (lambda: topk(X, 5), ValueError, r"topk: got k 5 for x \(2, 3, 4\), needed 0 ≤ k ≤ 4"),
        (lambda: topk(X, 1.5), TypeError, "topk: got k 1.5, needed an integer"),
        (lambda: topk(X, 1, axis=-4), ValueError, "topk: got axis -4"),
        (lambda: scatter_add(X, INDICES[0], X), ValueError, r"indices \(3, 3\) and values \(2, 3"),
        (lambda: scatter_add(X, INDICES, X), ValueError, "indices and values of one shape"),
        (lambda: scatter_add(X, X, X), TypeError, "scatter_add: got indices of float64"),
        (lambda: scatter_add(X, INDICES + 4, X[..., :3]), IndexError, "indices from 0 to 7"),
        (lambda: one_hot(np.array([3]), 3), ValueError, "labels from 3 to 3, needed 0 ≤ t < 3"),
        (lambda: one_hot(np.array([-1]), 3), ValueError, "labels from -1 to -1"),
        (
            lambda: one_hot(np.array([1]), 2.5),
            TypeError,
            "one_hot: got C 2.5, needed an integer",
        ),
        (lambda: one_hot(np.array([1.0]), 3), TypeError, "labels t of float64"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
