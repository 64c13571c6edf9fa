"""Metrics: known values, edge cases, and the inputs they refuse."""

import numpy as np
import pytest

from wengert import Variable
from wengert.functions.metrics import (
    accuracy,
    confusion_matrix,
    f1_score,
    r2_score,
    top_k_accuracy,
)

X = np.random.default_rng(0).normal(size=(4, 3))
T = np.array([0, 2, 1, 2])
TAKEN, LABELS = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 1, 2, 2, 2, 0])


def test_accuracy_is_the_fraction_of_rows_whose_largest_element_is_at_the_label():
    assert accuracy(np.eye(3)[[0, 2, 1, 1]], T) == 0.75


def test_top_k_accuracy_allows_k_guesses():
    x = np.array([[0.1, 0.5, 0.2, 0.9], [0.4, 0.3, 0.2, 0.1]])
    found = [float(top_k_accuracy(x, np.array([2, 3]), k)) for k in (1, 2, 3, 4)]
    assert found == [0, 0, 0.5, 1]
    assert top_k_accuracy(X, T, 1) == accuracy(X, T)


def test_top_k_accuracy_gives_no_credit_for_nan():
    x = np.array([[np.nan, 1.0, 0.0], [0.0, np.nan, 1.0]])
    assert top_k_accuracy(x, np.array([1, 1]), 1) == 0


def test_confusion_matrix_has_labels_as_rows_and_predictions_as_columns():
    expected = [[1, 0, 1], [0, 1, 0], [0, 1, 2]]
    assert confusion_matrix(TAKEN, LABELS).tolist() == expected
    assert confusion_matrix(np.eye(3)[TAKEN], LABELS).tolist() == expected
    assert confusion_matrix(TAKEN, LABELS, classes=4).shape == (4, 4)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    # class 1 of 2: 2 true positives, 1 false positive, 1 false negative
    taken, labels = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0])
    assert f1_score(taken, labels, "binary") == pytest.approx(2 / 3)
    assert f1_score(np.zeros(3, int), np.zeros(3, int), "binary") == 0


def test_f1_of_several_classes_is_averaged_over_classes_or_samples():
    each = [2 / 3, 2 / 3, 4 / 6]
    assert f1_score(TAKEN, LABELS, "none") == pytest.approx(each)
    assert f1_score(TAKEN, LABELS) == pytest.approx(np.mean(each))
    assert f1_score(TAKEN, LABELS, "micro") == pytest.approx(4 / 6)


def test_classes_without_labels_and_predictions_do_not_count_in_macro_f1():
    assert f1_score(TAKEN, LABELS, classes=7) == pytest.approx(f1_score(TAKEN, LABELS))
    assert f1_score(TAKEN, LABELS, "none", classes=4)[3] == 0


def test_r2_is_1_of_the_targets_0_of_their_mean_and_negative_beyond():
    t = np.array([1.0, 2.0, 6.0])
    assert r2_score(t, t) == 1
    assert r2_score(np.full(3, 3.0), t) == 0
    assert r2_score(t + 3, t) == pytest.approx(1 - 27 / 14)


@pytest.mark.parametrize("metric", [accuracy, top_k_accuracy, confusion_matrix, f1_score])
@pytest.mark.parametrize("ignored", [-1, 2])
@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_samples_whose_label_is_ignored_do_not_count(metric, ignored, shape):
    t = np.where(T == 2, ignored, T)
    options = {"k": 2} if metric is top_k_accuracy else {}
    expected = metric(X[T != 2], T[T != 2], **options)
    x, t = X.reshape(*shape, 3), t.reshape(shape)
    np.testing.assert_array_equal(metric(x, t, **options, ignore_index=ignored), expected)
    found = metric(Variable(x), t, **options, ignore_index=ignored)
    assert isinstance(found, Variable)
    np.testing.assert_array_equal(found.data, expected)


def test_predicted_classes_whose_label_is_ignored_do_not_count():
    t = np.where(LABELS == 2, -100, LABELS)
    expected = confusion_matrix(TAKEN[LABELS != 2], LABELS[LABELS != 2], 3)
    np.testing.assert_array_equal(confusion_matrix(TAKEN, t, 3, ignore_index=-100), expected)


@pytest.mark.parametrize("metric", [accuracy, top_k_accuracy, f1_score])
def test_if_all_labels_are_ignored_there_are_no_samples(metric):
    with pytest.raises(ValueError, match="got no samples"):
        metric(X, np.full(4, -1), ignore_index=-1)


@pytest.mark.parametrize(
    "metric",
    [
        accuracy,
        lambda x, t: top_k_accuracy(x, t, 2),
        confusion_matrix,
        f1_score,
        lambda x, t: r2_score(x[:, 0], t),
    ],
)
def test_metrics_of_variables_are_constants(metric):
    y = metric(Variable(X), T)
    assert isinstance(y, Variable)
    assert not y.requires_grad


@pytest.mark.parametrize("metric", [accuracy, top_k_accuracy, confusion_matrix, f1_score])
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 3, 1, 2]), ValueError, "label 3.*classes 0 to 2"),
        (np.array([0, -1, 1, 2]), ValueError, "label -1.*classes 0 to 2"),
        (np.array([0.0, 1.0, 1.0, 2.0]), TypeError, "needed integers; use t.astype"),
        (T[:3], ValueError, r"x \(4, 3\) and labels t \(3,\)"),
    ],
)
def test_labels_that_do_not_fit_the_logits_are_refused(metric, t, error, message):
    with pytest.raises(error, match=message):
        metric(X, t)


@pytest.mark.parametrize("metric", [accuracy, top_k_accuracy, f1_score])
def test_the_mean_over_no_samples_is_refused(metric):
    with pytest.raises(ValueError, match="got no samples"):
        metric(X[:0], T[:0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: top_k_accuracy(X, T), "got k 5 for 3 classes"),
        (lambda: top_k_accuracy(X, T, 0), "got k 0"),
        (lambda: confusion_matrix(X, T, classes=4), r"got classes 4 for x \(4, 3\)"),
        (lambda: confusion_matrix(TAKEN, LABELS, classes=2), "got the label 2"),
        (lambda: confusion_matrix(TAKEN - 1, LABELS), "got the label -1"),
        (lambda: f1_score(TAKEN, LABELS, "mean"), "f1_score: got average 'mean'"),
        (lambda: f1_score(X, T, "binary"), "got 3 classes, needed 2 for 'binary'"),
        (lambda: r2_score(X[:, :1], X[:, 0]), r"use t.reshape\(x.shape\)"),
        (lambda: r2_score(np.arange(3.0), np.ones(3)), "that are all equal"),
        (lambda: r2_score(np.ones(0), np.ones(0)), "that are all equal"),
    ],
)
def test_options_and_shapes_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- dtypes and NaN ----


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64])
def test_many_classes_in_small_integers_do_not_wrap(dtype):
    t = np.arange(100).astype(dtype)
    assert f1_score(t, t) == 1
    assert f1_score(t, t, "micro") == 1
    np.testing.assert_equal(confusion_matrix(t, t), np.eye(100, dtype=int))
    np.testing.assert_equal(confusion_matrix(np.eye(100), t), np.eye(100, dtype=int))
    assert confusion_matrix(np.eye(100), t).dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_many_hits_are_counted_exactly(dtype):
    x = np.zeros((70_000, 2), dtype)
    x[:, 0] = 1
    t = np.zeros(70_000, np.uint8)
    for metric in (accuracy(x, t), top_k_accuracy(x, t, 1)):
        assert metric == 1
        assert metric.dtype == dtype


def test_the_accuracy_of_integer_scores_is_a_float64():
    assert accuracy(np.eye(3, dtype=np.int8), np.array([0, 1, 0])).dtype == np.float64
    assert accuracy(np.eye(3, dtype=np.int8), np.array([0, 1, 0])) == 2 / 3


def test_r2_of_small_integers_does_not_wrap():
    x, t = np.array([0, 100, 250], np.uint8), np.array([3, 98, 255], np.uint8)
    assert r2_score(x, t) == r2_score(x.astype(float), t.astype(float))


def test_r2_of_float16_is_right_for_large_and_many_numbers():
    t = np.tile(np.array([100, 900], np.float16), 40_000)
    assert r2_score(t, t) == 1
    assert r2_score(t - 40, t) == pytest.approx(0.99, abs=1e-3)
    assert r2_score(t, t).dtype == np.float16


BAD_ROWS = np.array([[np.nan, 0, 0], [0, np.nan, 1], [0, 1, 0], [np.nan] * 3])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_scores_with_nan_are_never_right(dtype):
    x, t = Variable(BAD_ROWS.astype(dtype)), np.array([0, 1, 1, 2])
    assert accuracy(x, t).data == 0.25
    for k in (1, 2, 3):
        assert top_k_accuracy(x, t, k).data == 0.25
    assert confusion_matrix(x, t).data.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert f1_score(x, t, "none").data == pytest.approx([0, 2 / 3, 0])
    assert f1_score(x, t, "micro").data == pytest.approx(2 / 5)
    assert f1_score(x, t).data == pytest.approx(2 / 9)


def test_all_metrics_of_nan_alone_are_0():
    x, t = np.full((4, 2), np.nan), np.zeros(4, int)
    assert accuracy(x, t) == top_k_accuracy(x, t, 2) == f1_score(x, t) == 0
    assert f1_score(x, t, "binary") == f1_score(x, t, "micro") == 0
    assert confusion_matrix(x, t).sum() == 0


def test_infinite_scores_are_ordered():
    x = np.array([[np.inf, 0.0, -np.inf], [-np.inf, -np.inf, -1e300]])
    assert accuracy(x, np.array([0, 2])) == 1
    assert top_k_accuracy(x, np.array([1, 1]), 2) == 1


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_r2_of_numbers_whose_squares_leave_the_range(size):
    x, t = np.array([1.0, 2.0, 3.0]) * size, np.array([1.0, 2.0, 3.5]) * size
    assert r2_score(x, t) == pytest.approx(r2_score(x / size, t / size))


@pytest.mark.parametrize("metric", [f1_score, confusion_matrix])
@pytest.mark.parametrize("dtype", [float, bool])
def test_scores_without_an_axis_of_classes_are_refused_with_the_cure(metric, dtype):
    x = np.array([0.2, 0.7, 0.9]) > 0.5
    with pytest.raises(TypeError, match=r"got x .* use \(x > 0\.5\)\.astype\(int\)"):
        metric(x.astype(dtype), np.array([0, 1, 1]))
    with pytest.raises(TypeError, match=r"got x float64 \(3, 3\), .* one-hot rows t use np.argmax"):
        metric(np.eye(3), np.eye(3, dtype=int))


@pytest.mark.parametrize("metric", [accuracy, f1_score, confusion_matrix])
def test_a_negative_label_is_refused_with_the_option_that_leaves_it_out(metric):
    t = np.array([0, 1, -1])
    with pytest.raises(ValueError, match=r"got the label -1, .* use ignore_index=-1$"):
        metric(np.eye(3), t)
    metric(np.eye(3), t, ignore_index=-1)
