"""Losses: closed forms, large values, options, and the inputs they refuse."""

import numpy as np
import pytest

from wengert import Variable
from wengert.functions.activation import log_softmax
from wengert.functions.binary import binary_cross_entropy, sigmoid_cross_entropy
from wengert.functions.distance import cosine_similarity, triplet_margin
from wengert.functions.loss import (
    hinge,
    huber,
    kl_divergence,
    mean_absolute_error,
    mean_squared_error,
    nll,
    softmax_cross_entropy,
)
from wengert.testing import check_gradients

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
def test_cross_entropy_of_large_logits_is_exact(dtype):
    x = Variable(np.array([[1e4, 0, -1e4], [1e4, 0, -1e4]], dtype))
    loss = softmax_cross_entropy(x, np.array([0, 2]))
    loss.backward()
    assert loss.data == 1e4  # the mean of 0 and 2e4
    assert x.grad.data.tolist() == [[0, 0, 0], [0.5, 0, -0.5]]
    assert loss.dtype == x.grad.dtype == dtype


def test_cross_entropy_does_not_change_when_all_logits_are_shifted():
    shifted = softmax_cross_entropy(Variable(X + 1000), T)
    assert shifted.data == pytest.approx(softmax_cross_entropy(Variable(X), T).data, rel=1e-12)


def test_cross_entropy_of_a_sequence_is_that_of_its_flattened_steps():
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    t = np.arange(10).reshape(2, 5) % 3
    flat = softmax_cross_entropy(Variable(x.reshape(10, 3)), t.reshape(10))
    assert softmax_cross_entropy(Variable(x), t).data == pytest.approx(flat.data, rel=1e-14)


def test_cross_entropy_of_arrays_is_an_array():
    assert type(softmax_cross_entropy(X, T)) is np.ndarray


@pytest.mark.parametrize("function", [softmax_cross_entropy, nll, hinge])
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 3, 1, 2]), ValueError, "label 3.*classes 0 to 2"),
        (np.array([0, -1, 1, 2]), ValueError, "label -1.*classes 0 to 2"),
        (np.array([0.0, 1.0, 1.0, 2.0]), TypeError, "needed integers; use t.astype"),
        (np.eye(3, dtype=bool)[T], TypeError, "use np.argmax"),
        (T[:3], ValueError, r"x \(4, 3\) and labels t \(3,\)"),
        (T[:, None], ValueError, "use np.squeeze"),
    ],
)
def test_labels_that_do_not_fit_the_logits_are_refused(function, t, error, message):
    with pytest.raises(error, match=message):
        function(Variable(X), t)


@pytest.mark.parametrize("function", [softmax_cross_entropy, nll, hinge])
def test_the_mean_over_no_samples_is_refused(function):
    with pytest.raises(ValueError, match="no samples"):
        function(Variable(X[:0]), T[:0])
    assert function(Variable(X[:0]), T[:0], reduction="sum").data == 0


# ---- Mean squared error ----


def test_mean_squared_error_and_its_gradients_have_their_closed_form():
    x0, x1 = Variable(X), Variable(X[::-1].copy())
    loss = mean_squared_error(x0, x1)
    loss.backward()
    difference = X - X[::-1]
    assert loss.data == pytest.approx(np.mean(difference**2), rel=1e-14)
    np.testing.assert_allclose(x0.grad.data, 2 * difference / 12, rtol=1e-14)
    np.testing.assert_allclose(x1.grad.data, -2 * difference / 12, rtol=1e-14)


# ---- Options of losses of classes ----

WEIGHT = np.array([0.5, 2.0, 1.5])
LOGP = X - np.log(np.exp(X).sum(axis=1, keepdims=True))


def test_reductions_are_made_of_the_losses_of_the_samples():
    losses = softmax_cross_entropy(X, T, reduction="none")
    np.testing.assert_allclose(losses, -LOGP[np.arange(4), T], rtol=1e-14)
    assert softmax_cross_entropy(X, T, reduction="sum") == pytest.approx(losses.sum())
    assert softmax_cross_entropy(X, T) == pytest.approx(losses.mean())


def test_a_weighted_mean_counts_each_sample_by_the_weight_of_its_class():
    expected = np.average(-LOGP[np.arange(4), T], weights=WEIGHT[T])
    assert softmax_cross_entropy(X, T, weight=WEIGHT) == pytest.approx(expected)
    assert nll(LOGP, T, weight=WEIGHT) == pytest.approx(expected)


@pytest.mark.parametrize("ignored", [-100, 2])
def test_ignored_samples_have_no_loss_and_no_gradient_and_do_not_count_in_the_mean(ignored):
    x = Variable(X)
    loss = softmax_cross_entropy(x, np.array([0, ignored, 1, ignored]), ignore_index=ignored)
    loss.backward()
    assert loss.data == pytest.approx(softmax_cross_entropy(X[[0, 2]], np.array([0, 1])))
    assert (x.grad.data[[1, 3]] == 0).all()
    assert (x.grad.data[[0, 2]] != 0).all()


def test_the_mean_of_ignored_samples_alone_is_refused():
    with pytest.raises(ValueError, match="no samples"):
        softmax_cross_entropy(X, np.full(4, -1), ignore_index=-1)


def test_labels_beside_the_ignored_ones_are_checked():
    with pytest.raises(ValueError, match="got the label 3"):
        softmax_cross_entropy(X, np.array([0, -1, 3, 1]), ignore_index=-1)


def test_one_hot_probabilities_give_the_loss_of_labels():
    one_hot = np.eye(3)[T]
    for smoothing in (0, 0.2):
        soft = softmax_cross_entropy(X, one_hot, label_smoothing=smoothing)
        assert soft == pytest.approx(softmax_cross_entropy(X, T, label_smoothing=smoothing))


def test_label_smoothing_mixes_the_labels_with_equal_probabilities():
    mixed = 0.7 * np.eye(3)[T] + 0.1
    expected = softmax_cross_entropy(X, mixed)
    assert softmax_cross_entropy(X, T, label_smoothing=0.3) == pytest.approx(expected)


def test_classes_may_be_on_any_axis():
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5))
    t = np.arange(40).reshape(2, 4, 5) % 3
    expected = softmax_cross_entropy(np.moveaxis(x, 1, -1), t)
    assert softmax_cross_entropy(x, t, axis=1) == pytest.approx(expected)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.0, "weight": np.ones(3)}])
def test_classes_with_a_logit_of_minus_infinity_do_not_matter(options):
    x = Variable(np.array([[0.3, -np.inf, 0.3]]))
    loss = softmax_cross_entropy(x, np.array([0]), **options)
    loss.backward()
    assert loss.data == pytest.approx(np.log(2))
    np.testing.assert_allclose(x.grad.data, [[-0.5, 0, 0.5]])


def test_probabilities_as_targets_have_a_gradient_too():
    check_gradients(softmax_cross_entropy, X, np.random.default_rng(1).uniform(size=X.shape))


def test_hinge_counts_the_classes_within_the_margin_of_the_right_one():
    x = Variable(np.array([[2.0, 1.5, -1.0], [0.0, 3.0, 1.0]]))
    loss = hinge(x, np.array([0, 1]))
    loss.backward()
    assert loss.data == pytest.approx(0.5 / 3 / 2)
    np.testing.assert_allclose(x.grad.data, [[-1 / 6, 1 / 6, 0], [0, 0, 0]])


def test_kl_divergence_is_0_of_equal_distributions_and_accepts_probabilities_of_0():
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    x = Variable(np.array([[-1.0, -1.0, -np.inf], [-1.0, -1.0, -1.0]]))
    assert kl_divergence(np.log(p[1:]), p[1:]) == pytest.approx(0, abs=1e-15)
    losses = kl_divergence(x, p, reduction="none")
    losses.backward()
    assert losses.data == pytest.approx([1 - np.log(2), 1 + np.sum(p[1] * np.log(p[1]))])
    np.testing.assert_allclose(x.grad.data, -p)


def test_kl_divergence_has_a_mean_over_the_distributions_on_its_axis():
    x, t = log_softmax(X, 0), np.exp(log_softmax(X[::-1], 0))
    losses = kl_divergence(x, t, axis=0, reduction="none")
    assert losses.shape == (3,)
    assert kl_divergence(x, t, axis=0) == pytest.approx(losses.mean())
    assert kl_divergence(x, np.log(t), axis=0, log_target=True) == pytest.approx(losses.mean())


# ---- Binary classification ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pos_weight", [None, 3.0])
def test_sigmoid_cross_entropy_of_large_logits_is_exact(dtype, pos_weight):
    x = Variable(np.array([1e4, 1e4, -1e4, -1e4], dtype))
    t = np.array([0, 1, 0, 1])
    losses = sigmoid_cross_entropy(x, t, pos_weight=pos_weight, reduction="none")
    losses.backward()
    w = pos_weight or 1
    assert losses.data.tolist() == [1e4, 0, 0, w * 1e4]
    assert x.grad.data.tolist() == [1, 0, 0, -w]
    assert losses.dtype == dtype


def test_sigmoid_cross_entropy_keeps_its_digits_where_it_is_right():
    loss = sigmoid_cross_entropy(np.array([40.0]), np.array([1]))
    assert loss == pytest.approx(np.exp(-40), rel=1e-12)


def test_binary_cross_entropy_of_certain_mistakes_is_100_and_its_gradient_is_finite():
    x = Variable(np.array([0.0, 1.0, 0.0, 1.0]))
    losses = binary_cross_entropy(x, np.array([1, 0, 0, 1]), reduction="none")
    losses.backward()
    assert losses.data == pytest.approx([100, 100, 0, 0])
    # limited where the logarithm is; where x is right, 1 / (1 - x) = 1
    np.testing.assert_allclose(x.grad.data, [-np.exp(100), np.exp(100), 1, -1])


@pytest.mark.parametrize("loss", [binary_cross_entropy, sigmoid_cross_entropy])
def test_targets_outside_of_0_to_1_are_refused(loss):
    with pytest.raises(ValueError, match=r"got targets t from 0.0 to 2.0, needed numbers from 0"):
        loss(np.full(2, 0.5), np.array([0.0, 2.0]))


def test_logits_passed_as_probabilities_are_refused_with_a_hint():
    with pytest.raises(ValueError, match=r"probabilities x .* use sigmoid_cross_entropy"):
        binary_cross_entropy(np.array([-3.0, 2.0]), np.array([0, 1]))


def test_weights_count_elements():
    x, t, weight = np.array([0.3, 0.6]), np.array([0, 1]), np.array([2.0, 0.0])
    for loss in (binary_cross_entropy, sigmoid_cross_entropy):
        losses = loss(x, t, reduction="none")
        assert loss(x, t, weight=weight) == pytest.approx(losses[0])


# ---- Regression, vectors ----

PAIRED = [
    mean_squared_error, mean_absolute_error, huber, sigmoid_cross_entropy, binary_cross_entropy,
    kl_divergence,
]  # fmt: skip


@pytest.mark.parametrize("loss", PAIRED)
@pytest.mark.parametrize("shapes", [((4, 1), (4,)), ((4,), (4, 1))])
def test_a_column_against_a_row_is_refused_with_a_hint(loss, shapes):
    prediction, target = (Variable(np.zeros(shape)) for shape in shapes)
    with pytest.raises(ValueError, match=r"use x1.reshape\(x0.shape\)"):
        loss(prediction, target)
    loss(prediction, target.reshape(prediction.shape))  # as the hint says


def test_mean_squared_error_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match=r"x0 \(4, 3\) and x1 \(3,\), needed equal shapes$"):
        mean_squared_error(Variable(X), X[0])


@pytest.mark.parametrize("loss", PAIRED)
def test_a_mean_of_no_elements_and_an_unknown_reduction_are_refused(loss):
    x = np.full((2, 2), 0.5)
    with pytest.raises(ValueError, match=f"{loss.__name__}: got no samples"):
        loss(x[:0], x[:0])
    with pytest.raises(ValueError, match=f"{loss.__name__}: got reduction 'max', needed 'mean'"):
        loss(x, x, reduction="max")


@pytest.mark.parametrize("loss", [mean_squared_error, mean_absolute_error, huber])
def test_reductions_of_differences(loss):
    losses = loss(X, X[::-1].copy(), reduction="none")
    assert losses.shape == X.shape
    assert loss(X, X[::-1].copy(), reduction="sum") == pytest.approx(losses.sum())
    assert loss(X, X[::-1].copy()) == pytest.approx(losses.mean())


@pytest.mark.parametrize("loss", [mean_squared_error, mean_absolute_error, huber])
def test_integer_targets_do_not_widen_float32(loss):
    assert loss(Variable(X.astype(np.float32)), np.ones(X.shape, int)).dtype == np.float32


def test_huber_is_a_parabola_near_0_and_straight_from_delta_on():
    x = Variable(np.array([0.5, -2.0, 5.0, 1e30]))
    losses = huber(x, np.zeros(4), delta=2, reduction="none")
    losses.backward()
    assert losses.data == pytest.approx([0.125, 2, 8, 2e30])
    assert x.grad.data.tolist() == [0.5, -2, 2, 2]


def test_cosine_similarity_does_not_depend_on_the_lengths():
    x0, x1 = np.array([[3.0, 4.0], [1e200, 0]]), np.array([[4.0, 3.0], [-1e-3, 0]])
    np.testing.assert_allclose(cosine_similarity(x0, x1), [0.96, -1], rtol=1e-14)
    np.testing.assert_allclose(cosine_similarity(x0.T, x1.T, axis=0), [0.96, -1], rtol=1e-14)


def test_cosine_similarity_to_a_vector_of_zeros_is_0_and_has_a_finite_gradient():
    x = Variable(np.zeros(3))
    y = cosine_similarity(x, np.ones(3))
    y.backward()
    assert y.data == 0
    assert np.isfinite(x.grad.data).all()


def test_derivatives_of_vector_losses_are_right_to_third_order():
    check_gradients(cosine_similarity, X, X[::-1] + 1, order=3)
    check_gradients(triplet_margin, X, X[::-1] + 1, X + 0.3, order=3, rtol=1e-5)


def test_triplet_margin_is_0_where_the_negative_is_further_away_by_the_margin():
    x, positive = np.zeros((2, 2)), np.array([[3.0, 4.0], [3.0, 4.0]])
    losses = triplet_margin(x, positive, np.array([[6.0, 0.0], [0.0, 5.5]]), reduction="none")
    np.testing.assert_allclose(losses, [0, 0.5], atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: softmax_cross_entropy(X, T, reduction="avg"), "got reduction 'avg'"),
        (lambda: softmax_cross_entropy(X, T, label_smoothing=2), "got label_smoothing 2"),
        (lambda: softmax_cross_entropy(X, LOGP, ignore_index=0), "ignore_index is for labels"),
        (lambda: softmax_cross_entropy(X, T, weight=np.ones(2)), r"weight \(2,\) .*needed one for"),
        (lambda: softmax_cross_entropy(X, T, axis=2), "got axis 2"),
        (lambda: nll(np.float64(1), np.array(0)), r"got x \(\)"),
        (lambda: hinge(X, T, power=3), "hinge: got power 3"),
        (lambda: hinge(X, T, weight=np.ones(4)), r"hinge: got weight \(4,\)"),
        (lambda: huber(X, X, delta=0), "huber: got delta 0"),
        (lambda: kl_divergence(X, X, axis=2), "kl_divergence: got axis 2"),
        (lambda: cosine_similarity(X, X[:, :2]), "needed equal lengths along axis -1"),
        (lambda: cosine_similarity(X, X, axis=2), "cosine_similarity: got axis 2"),
        (lambda: triplet_margin(X, X, X[0]), "triplet_margin: got x0"),
        (lambda: triplet_margin(X[0, 0], X[0, 0], X[0, 0]), "needed vectors"),
        (lambda: triplet_margin(X, X, X, p=0.5), "triplet_margin: got p 0.5, needed a number ≥ 1"),
    ],
)
def test_options_and_shapes_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_classes_lie_along_one_axis():
    with pytest.raises(
        TypeError, match="softmax_cross_entropy: got axis \\(0, 1\\), needed an integer"
    ):
        softmax_cross_entropy(np.ones((2, 3)), np.array([0, 1]), axis=(0, 1))
