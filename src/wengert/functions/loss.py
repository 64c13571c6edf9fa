"""Loss functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.arguments import fraction, number
from wengert.arrays import as_array
from wengert.core import Function, Variable, as_variable
from wengert.functions.activation import log_softmax, relu, sigmoid, softmax, softplus
from wengert.functions.arguments import as_constant, as_operand, checked_labels
from wengert.functions.arithmetic import div
from wengert.functions.axes import checked_axis
from wengert.functions.index import take, take_along_axis
from wengert.functions.piecewise import abs, minimum, where
from wengert.functions.reduce import mean, sum
from wengert.functions.reduction import check_reduction, reduced, same_shape
from wengert.functions.shape import moveaxis
from wengert.functions.types import Input, X

__all__ = [
    "binary_cross_entropy", "hinge", "huber", "kl_divergence",
    "mean_absolute_error", "mean_squared_error", "nll", "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]  # fmt: skip


class SoftmaxCrossEntropy(Function):
    """y = mean of -log softmax(x)[t] over the samples,  dy/dx = (softmax(x) - one_hot(t)) / N."""

    def forward(self, x, t):
        z = x - np.max(x, axis=-1, keepdims=True)
        right = z.reshape(-1, z.shape[-1])[np.arange(t.size), t.reshape(-1)]
        # both sums have the same sign: no cancellation
        return (np.sum(np.log(np.sum(np.exp(z), axis=-1))) - np.sum(right)) / t.size

    def backward(self, gy):
        x, t = self.xs
        one_hot = np.equal(np.expand_dims(t, -1), np.arange(x.shape[-1]))  # (..., C)
        return (softmax(x) - one_hot) * (gy / t.size), None

    @staticmethod
    def samples(rng):
        yield rng.normal(size=(4, 3)), np.array([0, 2, 1, 2])
        yield rng.normal(size=(2, 2, 3)), np.array([[0, 1], [2, 2]])
        yield rng.normal(size=(3,)), np.array(1)


class SigmoidCrossEntropy(Function):
    """y = -t log s - (1 - t) log(1 - s) with s = sigmoid(x),  dy/dx = s - t,  dy/dt = -x."""

    elementwise = True

    def forward(self, x, t):
        # for t = 0 or 1 the difference is exact, and the last term is not negative
        return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.absolute(x)))

    def backward(self, gy):
        x, t = self.xs
        need_x, need_t = self.needs
        return gy * (sigmoid(x) - t) if need_x else None, -gy * x if need_t else None

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), ()]:
            yield rng.normal(size=shape), rng.uniform(size=shape)


class BinaryCrossEntropy(Function):
    """y = -t log x - (1 - t) log(1 - x), with logarithms ≥ -100,  dy/dx = (x-t) / x(1-x)."""

    elementwise = True

    def forward(self, x, t):
        return -t * np.log(np.maximum(x, TINY)) - (1 - t) * np.log(np.maximum(1 - x, TINY))

    def backward(self, gy):
        x, t = self.xs
        need_x, need_t = self.needs
        gx = gt = None
        if need_x:  # (finite and of the right sign where the logarithm is limited)
            gx = gy * ((x - t) / np.maximum(x * (1 - x), 1e-12))
        if need_t:
            gt = gy * (np.log(np.maximum(1 - x, TINY)) - np.log(np.maximum(x, TINY)))
        return gx, gt

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), ()]:
            yield rng.uniform(0.1, 0.9, size=shape), rng.uniform(size=shape)


TINY = math.exp(-100)


class MeanSquaredError(Function):
    """y = mean of (x0 - x1)² over all n elements,  dy/dx0 = 2 (x0 - x1) / n = -dy/dx1."""

    def forward(self, x0, x1):
        d = x0 - x1
        return np.vdot(d, d) / d.size

    def backward(self, gy):
        x0, x1 = self.xs
        need0, need1 = self.needs
        gx0 = (x0 - x1) * (gy * (2 / x0.size))
        return gx0 if need0 else None, -gx0 if need1 else None

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), (4,), ()]:
            yield rng.normal(size=shape), rng.normal(size=shape)


# ---- Classes ----


def softmax_cross_entropy(
    x: Input[X],
    t: Input[X],
    *,
    axis: int = -1,
    weight: Input[X] | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> X:
    """-log softmax(x)[t]: the cross-entropy of the logits `x` and the labels `t`.

    Args:
        x: logits, (N, C) or (..., C); large ones do not overflow.
        t: labels, integers 0 ≤ t < C, (N,) or (...); or probabilities of the classes, in x's
            shape, for -Σ t log softmax(x).
        axis: axis of the classes in x; 1 for (N, C, H, W).
        weight: weight of each class, (C,).
        label_smoothing: fraction, 0 to 1, of each target that is spread evenly over the classes.
        ignore_index: samples with this label do not count.
        reduction: "mean", "sum", or "none": (N,) or (...). With labels, the mean is weighted by
            the weights of their classes; with probabilities, it is over the samples.

    Returns:
        Variable, () or (...), in the dtype of x.

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes of x and t do not match, or a label or an option is out of range.

    Example:
        >>> x = np.array([[0.0, 0.0], [0.0, 1000.0]])
        >>> print(softmax_cross_entropy(x, np.array([0, 1])))
        0.34657359027997264
    """
    name = "softmax_cross_entropy"
    x = _classes_last(name, x, axis)
    t = as_operand(t)
    label_smoothing = fraction(name, "label_smoothing", label_smoothing, closed=True)
    if t.dtype.kind == "f" and t.shape == np.shape(x):
        return _soft_cross_entropy(name, x, t, weight, label_smoothing, ignore_index, reduction)
    if weight is None and ignore_index is None and label_smoothing == 0 and reduction == "mean":
        t = checked_labels(name, np.shape(x), t)
        check_reduction(name, reduction, np.shape(x), t.size)
        if t.size == 0:
            return sum(x)
        return SoftmaxCrossEntropy()(x, as_variable(t) if isinstance(x, Variable) else t)
    return _nll(name, log_softmax(x), t, weight, label_smoothing, ignore_index, reduction)


def nll(
    x: Input[X],
    t: Input[X],
    *,
    axis: int = -1,
    weight: Input[X] | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> X:
    """-x[t], for log probabilities x: the negative log likelihood of the labels.

    `nll(log_softmax(x), t)` is `softmax_cross_entropy(x, t)`, which has the same arguments.
    """
    return _nll("nll", _classes_last("nll", x, axis), t, weight, 0, ignore_index, reduction)


def _classes_last(name: str, x: Input[X], axis: int) -> Any:
    logits = as_operand(x)
    axis = checked_axis(name, axis, logits.shape) if logits.ndim else -1
    return logits if axis in (-1, logits.ndim - 1) else moveaxis(logits, axis, -1)


def _nll(
    name: str,
    x: Any,
    t: Any,
    weight: Any,
    smoothing: float,
    ignore: int | None,
    reduction: str,
) -> Any:
    """-Σ q x along the last axis, where q is one-hot, smoothed and weighted."""
    t = checked_labels(name, x.shape, t, ignore=ignore)
    C = x.shape[-1]
    weights = _class_weights(name, weight, x)
    check_reduction(name, reduction, x.shape, _count(t, ignore, weight))
    one_hot = np.equal(t[..., np.newaxis], np.arange(C))
    q = weights * (one_hot * (1 - smoothing) + smoothing / C).astype(x.dtype)
    if ignore is not None:
        counted = np.not_equal(t, ignore)[..., np.newaxis]
        one_hot, q = np.logical_and(one_hot, counted), q * counted
    # 0 times an infinite x is 0 here: masked classes do not count
    losses = -sum(q * where(np.equal(q, 0), 0, x), axis=-1)
    if reduction != "mean":
        return reduced(losses, reduction)
    total = sum(weights * one_hot)
    return div(sum(losses), where(np.equal(total, 0), 1, total))


def _count(t: Any, ignore: int | None, weight: Any) -> float:
    """How many labels count, or the sum of the weights of their classes."""
    labels = as_array(t).reshape(-1)
    labels = labels if ignore is None else labels[labels != ignore]
    return labels.size if weight is None else float(np.sum(as_array(weight)[labels], dtype=float))


def _soft_cross_entropy(
    name: str,
    x: Any,
    t: Any,
    weight: Any,
    smoothing: float,
    ignore: int | None,
    reduction: str,
) -> Any:
    if ignore is not None:
        raise ValueError(
            f"{name}: ignore_index is for labels; leave out rows of probabilities instead"
        )
    check_reduction(name, reduction, x.shape, x.size)
    q = _class_weights(name, weight, x) * (
        (1 - smoothing) * as_operand(t) + smoothing / x.shape[-1]
    )
    return reduced(-sum(q * log_softmax(x), axis=-1), reduction)


def _class_weights(name: str, weight: Any, x: Any) -> Any:
    """The weight of each class, in x's dtype; ones for None."""
    C = x.shape[-1]
    weight = np.ones(C, x.dtype) if weight is None else as_constant(weight)
    if weight.shape != (C,):
        raise ValueError(
            f"{name}: got weight {weight.shape} for x {x.shape}, needed one for each class, ({C},)"
        )
    return _like(weight, x)


def hinge(
    x: Input[X],
    t: Input[X],
    *,
    margin: float = 1.0,
    power: int = 1,
    weight: Input[X] | None = None,
    reduction: str = "mean",
) -> X:
    """Σ max(0, margin - x[t] + x[c])ᵖ / C over the classes c ≠ t: the multi-class hinge loss.

    Args:
        x: scores of the classes, (N, C) or (..., C).
        t: labels, integers 0 ≤ t < C, (N,) or (...).
        margin: how far the score of the label should be above the others.
        power: p, 1 or 2.
        weight: weight of the samples of each class, (C,).
        reduction: "mean" over the samples, "sum", or "none": (N,) or (...).

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes of x and t do not match, or a label or an option is out of range.
    """
    x = as_operand(x)
    shape = np.shape(x)
    t = checked_labels("hinge", shape, t)
    check_reduction("hinge", reduction, shape, t.size)
    if power not in (1, 2):
        raise ValueError(f"hinge: got power {power}, needed 1 or 2")
    right = t[..., np.newaxis]
    gaps: Any = relu(margin - take_along_axis(x, right) + x)
    others = np.not_equal(right, np.arange(shape[-1]))
    losses = mean((gaps if power == 1 else gaps * gaps) * others, axis=-1)
    return reduced(losses * take(_class_weights("hinge", weight, x), t), reduction)


def kl_divergence(
    x: Input[X], t: Input[X], *, axis: int = -1, log_target: bool = False, reduction: str = "mean"
) -> X:
    """Σ t (log t - x) along `axis`: the Kullback-Leibler divergence of t from eˣ.

    Args:
        x: log probabilities, of any shape, such as the result of `log_softmax`.
        t: probabilities, in x's shape; 0 log 0 is 0.
        axis: axis along which the probabilities add up to 1.
        log_target: whether t contains log probabilities.
        reduction: "mean" over the distributions (PyTorch's "batchmean"), "sum", or "none".

    Raises:
        ValueError: the shapes differ, there is no such axis, or an option is out of range.
    """
    x, t = same_shape("kl_divergence", x, t, reduction)
    checked_axis("kl_divergence", axis, np.shape(x))
    if log_target:
        terms = np.exp(t) * (t - x)
    else:
        positive = np.greater(t, 0)
        terms = t * (np.log(where(positive, t, 1)) - where(positive, x, 0))
    return reduced(sum(terms, axis=axis), reduction)


# ---- Binary classification ----


def sigmoid_cross_entropy(
    x: Input[X],
    t: Input[X],
    *,
    weight: Input[X] | None = None,
    pos_weight: Input[X] | None = None,
    reduction: str = "mean",
) -> X:
    """-t log s - (1 - t) log(1 - s) with s = sigmoid(x), for logits x.

    Args:
        x: logits, of any shape; large ones do not overflow.
        t: probabilities, 0 ≤ t ≤ 1, in x's shape.
        weight: weight of each element; broadcasts against x.
        pos_weight: weight of the first term; above 1 for a rare positive class.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: the shapes differ, a target is not in 0 ≤ t ≤ 1, or there is no such reduction.
    """
    x, t = same_shape("sigmoid_cross_entropy", x, t, reduction)
    _check_probabilities("sigmoid_cross_entropy", "targets t", t)
    if pos_weight is None:
        losses = SigmoidCrossEntropy()(x, t)
    else:
        losses = _like(pos_weight, x) * t * softplus(-x) + (1 - t) * softplus(x)
    return reduced(losses if weight is None else losses * _like(weight, x), reduction)


def binary_cross_entropy(
    x: Input[X], t: Input[X], *, weight: Input[X] | None = None, reduction: str = "mean"
) -> X:
    """-t log x - (1 - t) log(1 - x), with logarithms ≥ -100.

    Args:
        x: probabilities, 0 ≤ x ≤ 1, of any shape. For logits, use `sigmoid_cross_entropy`.
        t: probabilities, 0 ≤ t ≤ 1, in x's shape.
        weight: weight of each element; broadcasts against x.
        reduction: "mean" over all elements, "sum", or "none".

    Raises:
        ValueError: the shapes differ, an element is not in the range 0 to 1, or there is no such
            reduction.
    """
    x, t = same_shape("binary_cross_entropy", x, t, reduction)
    hint = "; for logits use sigmoid_cross_entropy"
    _check_probabilities("binary_cross_entropy", "probabilities x", x, hint)
    _check_probabilities("binary_cross_entropy", "targets t", t)
    losses = BinaryCrossEntropy()(x, t)
    return reduced(losses if weight is None else losses * _like(weight, x), reduction)


def _check_probabilities(name: str, what: str, t: Any, hint: str = "") -> None:
    values = as_array(t)
    low, high = values.min(initial=0), values.max(initial=1)
    if low < 0 or high > 1:
        raise ValueError(
            f"{name}: got {what} from {low} to {high}, needed numbers from 0 to 1{hint}"
        )


def _like(weight, x):
    """The weight in x's dtype, without a gradient."""
    weight = as_constant(weight)
    return weight if weight.dtype == x.dtype else weight.astype(x.dtype)


# ---- Regression ----


def mean_squared_error(x0: Input[X], x1: Input[X], *, reduction: str = "mean") -> X:
    """(x0 - x1)².

    Args:
        x0: predictions, of any shape.
        x1: targets, of the same shape; (N, 1) and (N,) would broadcast to (N, N).
        reduction: "mean" over all elements, "sum", or "none".

    Returns:
        Variable, (), or of x0's shape.

    Raises:
        ValueError: the shapes differ, there is no such reduction, or a mean of no elements.
    """
    x0, x1 = same_shape("mean_squared_error", x0, x1, reduction)
    if reduction == "mean" and x0.size:
        return MeanSquaredError()(x0, x1)
    return reduced(np.square(x0 - x1), reduction)


def mean_absolute_error(x0: Input[X], x1: Input[X], *, reduction: str = "mean") -> X:
    """|x0 - x1|. Arguments and errors are those of `mean_squared_error`."""
    x0, x1 = same_shape("mean_absolute_error", x0, x1, reduction)
    return reduced(abs(x0 - x1), reduction)


def huber(x0: Input[X], x1: Input[X], *, delta: float = 1.0, reduction: str = "mean") -> X:
    """d²/2 for d = |x0 - x1| ≤ δ, else δ (d - δ/2).

    Arguments and errors are those of `mean_squared_error`; `delta` is a number > 0.
    """
    x0, x1 = same_shape("huber", x0, x1, reduction)
    delta = number("huber", "delta", delta, above=0)
    d: Any = abs(x0 - x1)
    near: Any = minimum(d, delta)
    return reduced(near * (d - 0.5 * near), reduction)
