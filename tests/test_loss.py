"""Losses and accuracy, and the activations they are made of."""

import numpy as np
import pytest

from wengert import Variable
from wengert.functions.activation import log_softmax, relu, sigmoid, softmax
from wengert.functions.loss import accuracy, mean_squared_error, softmax_cross_entropy

X = np.random.default_rng(0).normal(size=(4, 3))
T = np.array([0, 2, 1, 2])


# ---- Softmax cross entropy ----


def test_cross_entropy_is_the_mean_of_minus_log_softmax_at_the_labels():
    p = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    expected = -np.mean([np.log(p[i, t]) for i, t in enumerate(T)])
    assert softmax_cross_entropy(Variable(X), T).data == pytest.approx(expected, rel=1e-14)


def test_cross_entropy_has_the_gradient_softmax_minus_one_hot_over_n():
    x = Variable(X)
    softmax_cross_entropy(x, T).backward()
    p = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(x.grad.data, (p - np.eye(3)[T]) / 4, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_of_large_scores_is_exact(dtype):
    x = Variable(np.array([[1e4, 0, -1e4], [1e4, 0, -1e4]], dtype))
    loss = softmax_cross_entropy(x, np.array([0, 2]))
    loss.backward()
    assert loss.data == 1e4  # the mean of 0 and 2e4
    assert x.grad.data.tolist() == [[0, 0, 0], [0.5, 0, -0.5]]
    assert loss.dtype == x.grad.dtype == dtype


def test_cross_entropy_does_not_change_when_all_scores_are_shifted():
    shifted = softmax_cross_entropy(Variable(X + 1000), T)
    assert shifted.data == pytest.approx(softmax_cross_entropy(Variable(X), T).data, rel=1e-12)


def test_cross_entropy_of_a_sequence_is_that_of_its_flattened_steps():
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    t = np.arange(10).reshape(2, 5) % 3
    flat = softmax_cross_entropy(Variable(x.reshape(10, 3)), t.reshape(10))
    assert softmax_cross_entropy(Variable(x), t).data == pytest.approx(flat.data, rel=1e-14)


def test_cross_entropy_of_arrays_is_an_array():
    assert type(softmax_cross_entropy(X, T)) is np.ndarray


@pytest.mark.parametrize("function", [softmax_cross_entropy, accuracy])
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 3, 1, 2]), ValueError, "label 3.*classes 0 to 2"),
        (np.array([0, -1, 1, 2]), ValueError, "label -1.*classes 0 to 2"),
        (np.array([0.0, 1.0, 1.0, 2.0]), TypeError, "needed integers; use t.astype"),
        (np.eye(3)[T], TypeError, "use np.argmax"),
        (T[:3], ValueError, r"x \(4, 3\) and labels t \(3,\)"),
        (T[:, None], ValueError, "use np.squeeze"),
    ],
)
def test_labels_that_do_not_fit_the_scores_are_refused(function, t, error, message):
    with pytest.raises(error, match=message):
        function(Variable(X), t)


@pytest.mark.parametrize("function", [softmax_cross_entropy, accuracy])
def test_the_mean_over_no_samples_is_refused(function):
    with pytest.raises(ValueError, match="no samples"):
        function(Variable(X[:0]), T[:0])


# ---- Mean squared error ----


def test_mean_squared_error_and_its_gradients_have_their_closed_form():
    x0, x1 = Variable(X), Variable(X[::-1].copy())
    loss = mean_squared_error(x0, x1)
    loss.backward()
    difference = X - X[::-1]
    assert loss.data == pytest.approx(np.mean(difference**2), rel=1e-14)
    np.testing.assert_allclose(x0.grad.data, 2 * difference / 12, rtol=1e-14)
    np.testing.assert_allclose(x1.grad.data, -2 * difference / 12, rtol=1e-14)


@pytest.mark.parametrize("shapes", [((4, 1), (4,)), ((4,), (4, 1))])
def test_a_column_against_a_row_is_refused_with_the_cure(shapes):
    prediction, target = (Variable(np.zeros(shape)) for shape in shapes)
    with pytest.raises(ValueError, match=r"use x1.reshape\(x0.shape\)"):
        mean_squared_error(prediction, target)
    mean_squared_error(prediction, target.reshape(prediction.shape))  # the cure


def test_mean_squared_error_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match=r"x0 \(4, 3\) and x1 \(3,\), needed equal shapes$"):
        mean_squared_error(Variable(X), X[0])


# ---- Accuracy ----


def test_accuracy_is_the_share_of_rows_whose_largest_score_is_at_the_label():
    assert accuracy(np.eye(3)[[0, 2, 1, 1]], T) == 0.75


def test_accuracy_is_a_constant():
    assert not accuracy(Variable(X), T).requires_grad


# ---- Activations ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_keeps_its_digits_far_from_zero(dtype):
    y = sigmoid(Variable(np.array([-1000, -50, 0, 50, 1000], dtype)))
    np.testing.assert_allclose(y.data, [0, np.exp(-50.0), 0.5, 1, 1], rtol=4e-6)
    assert y.dtype == dtype


def test_relu_passes_the_gradient_where_x_is_positive_and_not_at_zero():
    x = Variable(np.array([-1.0, 0.0, 2.0]))
    relu(x).backward()
    assert x.grad.data.tolist() == [0, 0, 1]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_sums_to_one_along_its_axis_also_for_large_scores(axis):
    y = softmax(Variable(1e4 * X), axis)
    np.testing.assert_allclose(y.data.sum(axis=axis), 1, rtol=1e-14)


def test_log_softmax_is_exact_where_softmax_rounds_to_zero():
    assert log_softmax(np.array([0.0, 2000.0])).tolist() == [-2000, 0]


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_softmax_along_an_axis_that_is_not_there_is_refused(function):
    with pytest.raises(ValueError, match="got axis 2"):
        function(Variable(X), axis=2)
    with pytest.raises(ValueError, match="no elements along axis"):
        function(Variable(X[:, :0]))
