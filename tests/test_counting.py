"""What losses and metrics divide by: the results of batches make that of all their samples."""

from functools import partial

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable
from wengert.functions.counting import counting

RNG = np.random.default_rng(0)
X = RNG.normal(size=(9, 3))
LABELS = np.array([0, 2, -1, -1, -1, 1, 2, -1, 0])
ALL = np.abs(LABELS)
WEIGHT = np.array([0.2, 3.0, 1.0])
P = RNG.uniform(0.1, 0.9, size=(9, 3))
Q = P / P.sum(axis=1, keepdims=True)
UNIT = RNG.normal(size=(9, 3))


def triplet_margin(x, t, **options):
    return F.triplet_margin(x, t, t[:, ::-1], **options)


LOSSES = {
    "softmax_cross_entropy": (F.softmax_cross_entropy, X, ALL),
    "ignored": (partial(F.softmax_cross_entropy, ignore_index=-1), X, LABELS),
    "weighted": (partial(F.softmax_cross_entropy, weight=WEIGHT), X, ALL),
    "weighted, ignored and smoothed": (
        partial(F.softmax_cross_entropy, weight=WEIGHT, ignore_index=-1, label_smoothing=0.1),
        X, LABELS,
    ),
    "probabilities": (F.softmax_cross_entropy, X, Q),
    "nll": (partial(F.nll, ignore_index=-1, weight=WEIGHT), np.log(Q), LABELS),
    "hinge": (partial(F.hinge, weight=WEIGHT), X, ALL),
    "kl_divergence": (F.kl_divergence, np.log(Q), Q[::-1]),
    "sigmoid_cross_entropy": (partial(F.sigmoid_cross_entropy, pos_weight=3.0), X, P),
    "binary_cross_entropy": (F.binary_cross_entropy, P, P[::-1]),
    "mean_squared_error": (F.mean_squared_error, X, P),
    "mean_absolute_error": (F.mean_absolute_error, X, P),
    "huber": (F.huber, X, P),
    "triplet_margin": (triplet_margin, X, UNIT),
}  # fmt: skip
PARTS = [slice(0, 2), slice(2, 5), slice(5, 9)]  # the second has no label of LABELS


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", LOSSES)
def test_the_counts_of_parts_combine_their_losses_to_that_of_the_whole(name, reduction):
    loss, x, t = LOSSES[name]
    whole = float(loss(x, t, reduction=reduction))
    total = weights = 0.0
    for part in PARTS:
        with counting() as counts:
            value = loss(x[part], t[part], reduction=reduction)
        count = counts.losses[0]
        assert (count is None) == (reduction == "sum")
        total += float(value) * (1 if count is None else count)
        weights = 1 if count is None else weights + count
    assert total / weights == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", ["ignored", "weighted, ignored and smoothed", "nll"])
def test_a_part_without_labels_has_a_loss_of_0_with_a_gradient_of_0_and_a_count_of_0(name):
    loss, x, t = LOSSES[name]
    v = Variable(x[PARTS[1]])
    with counting() as counts:
        value = loss(v, t[PARTS[1]])
    value.backward()
    assert (float(value), counts.losses) == (0, [0])
    np.testing.assert_array_equal(v.grad.data, 0)
    with pytest.raises(ValueError, match="no samples"):
        loss(v, t[PARTS[1]])


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_no_samples_is_0_where_counted_and_else_refused(name):
    loss, x, t = LOSSES[name]
    with counting() as counts:
        assert float(loss(x[:0], t[:0])) == 0
    assert set(counts.losses) == {0}
    with pytest.raises(ValueError, match="no samples"):
        loss(x[:0], t[:0])


@pytest.mark.parametrize("metric", [F.accuracy, partial(F.top_k_accuracy, k=2)])
def test_metrics_count_their_labels(metric):
    with counting() as counts:
        metric(RNG.normal(size=(2, 5, 3)), np.zeros((2, 5), int))
    assert (counts.metrics, counts.losses) == ([10], [])


def test_blocks_count_for_themselves():
    with counting() as outer:
        with counting() as inner:
            F.mean_squared_error(X, P)
        F.mean_squared_error(X[:1], P[:1])
    assert (inner.losses, outer.losses) == ([27], [3])
