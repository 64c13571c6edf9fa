"""Metrics: accuracy, confusion matrix, F1, R². The results are constants.

A sample whose scores contain NaN has no predicted class: it is not right in the accuracy and in F1,
and in no column of the confusion matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.core import Constant
from wengert.functions.arguments import as_constant, as_labels, check_any, checked_labels
from wengert.functions.precision import result_dtype
from wengert.functions.types import Input, X

__all__ = ["accuracy", "confusion_matrix", "f1_score", "r2_score", "top_k_accuracy"]


def _sample_scores(rng):
    yield rng.normal(size=(4, 3)), np.array([0, 2, 1, 2])
    yield rng.normal(size=(2, 2, 3)), np.array([[0, 1], [2, 2]])


class PredictedClass(Constant):
    """y = the index of the largest x of each sample, or -1 if an x is NaN."""

    def forward(self, x):
        classes = np.argmax(x, axis=-1)  # (of the first NaN, if there is one)
        chosen = np.take_along_axis(x, classes[..., np.newaxis], axis=-1)[..., 0]
        return np.where(np.isnan(chosen), -1, classes)

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), (2, 2, 3)]:
            yield (rng.normal(size=shape),)


class Accuracy(Constant):
    """y = fraction of the samples whose largest x is at t."""

    samples = staticmethod(_sample_scores)

    def forward(self, x, t):
        return _fraction(np.equal(PredictedClass().forward(x), t), x)


class TopKAccuracy(Constant):
    """y = fraction of the samples with x[t] among the k largest of x; samples with NaN do not."""

    samples = staticmethod(_sample_scores)

    def __init__(self, k: int = 2) -> None:
        self.k = k

    def forward(self, x, t):
        right = np.take_along_axis(x, t[..., np.newaxis], axis=-1)
        hits = np.sum(x > right, axis=-1) < self.k
        return _fraction(np.logical_and(hits, PredictedClass().forward(x) >= 0), x)


def _fraction(hits, x):
    """The mean of booleans, in the dtype of x; float64 for integers."""
    return np.mean(hits, dtype=np.float64).astype(result_dtype(x))


class ConfusionMatrix(Constant):
    """y[i, j] = number of samples of class i that were classified as j; p = -1 is no class."""

    def __init__(self, C: int) -> None:
        self.C = C

    def forward(self, p, t):
        classified = p >= 0
        # (as intp: uint8 would wrap at 16 classes)
        p, t = (x[classified].astype(np.intp) for x in (p, t))
        counts = np.bincount(t * self.C + p, minlength=self.C * self.C)
        return counts.reshape(self.C, self.C)

    @staticmethod
    def samples(rng):
        yield (rng.integers(0, 3, size=9), rng.integers(0, 3, size=9)), {"C": 3}
        yield (rng.integers(0, 2, size=(2, 3)), rng.integers(0, 2, size=(2, 3))), {"C": 4}
        yield (np.array([-1, 1, 0, -1]), np.array([0, 1, 1, 1], np.uint8)), {"C": 2}


class F1Score(Constant):
    """y = 2 true positives / (2 true positives + false positives + false negatives)."""

    def __init__(self, C: int, average: str = "macro") -> None:
        self.C = C
        self.average = average

    def forward(self, p, t):
        counts = ConfusionMatrix(self.C).forward(p, t)
        labels = np.bincount(t.astype(np.intp).reshape(-1), minlength=self.C)
        hits, total = np.diagonal(counts), np.sum(counts, axis=0) + labels
        if self.average == "micro":
            return 2 * np.sum(hits) / np.sum(total)
        # 0 for a class that is neither label nor prediction
        scores = 2 * hits / np.maximum(total, 1)
        if self.average == "binary":
            return scores[1]
        return np.mean(scores[total > 0]) if self.average == "macro" else scores

    @staticmethod
    def samples(rng):
        for average in ("macro", "micro", "binary", "none"):
            p, t = rng.integers(0, 2, size=(2, 9))
            yield (p, t), {"C": 2, "average": average}


class R2Score(Constant):
    """y = 1 - Σ (x - t)² / Σ (t - mean t)²."""

    def forward(self, x, t):
        dtype = result_dtype(x)
        x, t = x.astype(np.float64), t.astype(np.float64)
        # (divided by the largest number, so that no square overflows)
        size = max(np.max(np.absolute(x)), np.max(np.absolute(t)))
        if 0 < size < np.inf:
            x, t = x / size, t / size
        y = 1 - np.sum(np.square(x - t)) / np.sum(np.square(t - np.mean(t)))
        return y.astype(dtype)

    @staticmethod
    def samples(rng):
        yield rng.normal(size=5), rng.normal(size=5)
        yield rng.normal(size=(4, 2)), rng.normal(size=(4, 2))


# ---- Public functions ----


def accuracy(x: Input[X], t: Input[X], *, ignore_index: int | None = None) -> X:
    """Fraction of the samples, 0 to 1, whose largest x is at the label in `t`.

    A sample with NaN in x is not right.

    Args:
        x: logits or probabilities, (N, C) or (..., C).
        t: labels, integers 0 ≤ t < C, (N,) or (...).
        ignore_index: samples with this label do not count.

    Returns:
        A constant, ().

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes of x and t do not match, a label is out of range, or no sample
            counts.
    """
    x, t = _counted(x, t, ignore_index)
    t = checked_labels("accuracy", np.shape(x), t)
    check_any("accuracy", np.shape(x), t.size)
    return Accuracy()(x, t)


def top_k_accuracy(x: Input[X], t: Input[X], k: int = 5, *, ignore_index: int | None = None) -> X:
    """Fraction of the samples, 0 to 1, whose label is among the k largest of x.

    A sample with NaN in x is not right.

    Args:
        x: logits or probabilities, (N, C) or (..., C).
        t: labels, integers 0 ≤ t < C, (N,) or (...).
        k: number of classes that count as predicted, 1 ≤ k ≤ C. Ties count in favour of the label.
        ignore_index: samples with this label do not count.

    Returns:
        A constant, ().

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes of x and t do not match, a label is out of range, or there are fewer
            than k classes.
    """
    x, t = _counted(x, t, ignore_index)
    t = checked_labels("top_k_accuracy", np.shape(x), t)
    check_any("top_k_accuracy", np.shape(x), t.size)
    C, k = np.shape(x)[-1], integer("top_k_accuracy", "k", k)
    if not 1 <= k <= C:
        raise ValueError(f"top_k_accuracy: got k {k} for {C} classes, needed 1 ≤ k ≤ {C}")
    return TopKAccuracy(k)(x, t)


def confusion_matrix(
    x: Input[X], t: Input[X], classes: int | None = None, *, ignore_index: int | None = None
) -> X:
    """y[i, j] = number of samples of class i that were classified as j.

    Args:
        x: logits or probabilities, (N, C) or (..., C); or predicted classes, (N,) or (...).
        t: labels, integers 0 ≤ t < C, (N,) or (...).
        classes: C, for an x of classes; by default, one more than the largest class in x and t.
        ignore_index: samples with this label do not count.

    Returns:
        A constant of integers, (C, C). A sample with NaN in x has no predicted class and is left
        out.

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes of x and t do not match, or a label is out of range.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
        array([[1, 1],
               [0, 2]])
    """
    p, t, C = _predicted("confusion_matrix", *_counted(x, t, ignore_index), classes)
    return ConfusionMatrix(C)(p, t)


def f1_score(
    x: Input[X],
    t: Input[X],
    average: str = "macro",
    classes: int | None = None,
    *,
    ignore_index: int | None = None,
) -> X:
    """F1: the harmonic mean of precision and recall, 0 to 1.

    Args:
        x: logits or probabilities, (N, C) or (..., C); or predicted classes, (N,) or (...).
        t: labels, integers 0 ≤ t < C, (N,) or (...).
        average: "binary", F1 of class 1 of two classes; "macro", the mean over the classes in x
            or t; "micro", over all samples, which equals the accuracy; "none", (C,). A sample with
            NaN in x has no predicted class: it is a false negative.
        classes: C, for an x of classes; by default, one more than the largest class in x and t.
        ignore_index: samples with this label do not count.

    Returns:
        A constant, () or (C,). F1 is 0 for a class that is neither in x nor in t.

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes of x and t do not match, a label is out of range, there is no such
            average, or it is "binary" and there are more than two classes.
    """
    if average not in ("binary", "macro", "micro", "none"):
        raise ValueError(
            f"f1_score: got average {average!r}, needed 'binary', 'macro', 'micro' or 'none'"
        )
    x, t = _counted(x, t, ignore_index)
    p, t, C = _predicted("f1_score", x, t, classes)
    if average == "binary" and C > 2:
        raise ValueError(
            f"f1_score: got {C} classes, needed 2 for 'binary'; use 'macro' or 'micro'"
        )
    check_any("f1_score", np.shape(x), np.size(t))
    return F1Score(2 if average == "binary" else C, average)(p, t)


def r2_score(x: Input[X], t: Input[X]) -> X:
    """R² = 1 - Σ (x - t)² / Σ (t - mean t)²: 1 is a perfect prediction, 0 as good as the mean of t.

    Args:
        x: predictions, of any shape.
        t: targets, of the same shape.

    Returns:
        A constant, ().

    Raises:
        ValueError: the shapes differ, or all targets are equal.
    """
    if np.shape(x) != np.shape(t):
        raise ValueError(
            f"r2_score: got x {np.shape(x)} and t {np.shape(t)}, needed equal shapes; "
            f"if element i belongs to element i, use t.reshape(x.shape)"
        )
    values = as_array(t)
    if values.size == 0 or (values == values.flat[0]).all():
        raise ValueError(
            f"r2_score: got targets t {values.shape} that are all equal, needed different ones"
        )
    return R2Score()(x, t)


def _counted(x: Any, t: Any, ignore: int | None) -> tuple[Any, Any]:
    """x and t of the samples whose label is not ignored; unchanged if their shapes do not match."""
    if ignore is None or np.shape(t) not in (np.shape(x), np.shape(x)[:-1]):
        return x, t
    x, t = as_constant(x), as_constant(t)
    counts = np.not_equal(as_array(t), ignore)
    return x[counts], t[counts]


def _predicted(name: str, x: Any, t: Any, classes: int | None) -> tuple[Any, Any, int]:
    """The predicted classes of the samples, their labels, and the number of classes."""
    if classes is not None:
        classes = integer(name, "classes", classes, least=1)
    t, values = as_constant(as_labels(name, t)), as_constant(x)
    if values.ndim == t.ndim + 1:
        C = values.shape[-1]
        if classes not in (None, C):
            raise ValueError(f"{name}: got classes {classes} for x {values.shape}")
        return PredictedClass()(x), checked_labels(name, values.shape, t), C
    if values.shape == t.shape and values.dtype.kind not in "iu":
        cure = "of probabilities of class 1 use (x > 0.5).astype(int)"
        if values.ndim > 1 and values.shape[-1] > 1:
            cure = "of one-hot rows t use np.argmax(t, axis=-1)"
        raise TypeError(
            f"{name}: got x {values.dtype} {values.shape}, needed scores with an axis of classes, "
            f"(..., C), or predicted classes, integers; {cure}"
        )
    C = classes or 1 + int(max(as_array(values).max(initial=0), as_array(t).max(initial=0)))
    checked_labels(name, (*values.shape, C), t)
    checked_labels(name, (*t.shape, C), values)
    return x, t, C
