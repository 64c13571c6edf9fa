"""Loss functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import kernels
from wengert.arguments import fraction, number
from wengert.arrays import as_array
from wengert.config import enable_backprop
from wengert.core import Function, Variable, as_variable
from wengert.functions import limited
from wengert.functions.activation import log_softmax, relu, sigmoid, softmax, softplus
from wengert.functions.arguments import as_operand, checked_labels
from wengert.functions.arithmetic import div
from wengert.functions.axes import checked_axis
from wengert.functions.index import take_along_axis
from wengert.functions.limited import LimitedLog, LimitedPower
from wengert.functions.piecewise import abs, where
from wengert.functions.precision import in_float
from wengert.functions.reduce import mean, sum
from wengert.functions.reduction import (
    as_weight,
    check_reduction,
    like,
    reduced,
    rounded,
    same_shape,
    times,
    without,
)
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
        if not enable_backprop.get():
            gx = kernels.softmax_less_one_hot(x, t)
            gx *= gy / t.size
            return gx, None
        right = np.equal(np.expand_dims(t, -1), np.arange(x.shape[-1]))  # (..., C)
        others = np.where(right, 0, softmax(x))
        gx = np.where(right, -np.sum(others, axis=-1, keepdims=True), others)
        return gx * (gy / t.size), None

    @staticmethod
    def samples(rng):
        yield rng.normal(size=(4, 3)), np.array([0, 2, 1, 2])
        yield rng.normal(size=(2, 2, 3)), np.array([[0, 1], [2, 2]])
        yield rng.normal(size=(3,)), np.array(1)


class SigmoidCrossEntropy(Function):
    """y = -t log s - (1 - t) log(1 - s) with s = sigmoid(x),  dy/dx = s - t,  dy/dt = -x."""

    elementwise = True

    def forward(self, x, t):
        size = np.absolute(x)
        factor = np.where(x > 0, 1 - t, t)  # exact for t = 0 or 1; 0 times infinity is 0 here
        return np.where(np.equal(factor, 0), 0, size) * factor + np.log1p(np.exp(-size))

    def backward(self, gy):
        x, t = self.xs
        need_x, need_t = self.needs
        gx = None
        if need_x:  # s - t, with the smaller of s and 1 - s, so that no digits are lost
            small = sigmoid(np.where(x > 0, -x, x))
            gx = gy * np.where(x > 0, (1 - t) - small, small - t)
        return gx, -gy * x if need_t else None

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), ()]:
            yield rng.normal(size=shape), rng.uniform(size=shape)


class BinaryCrossEntropy(Function):
    """y = -t log x - (1 - t) log(1 - x), with logarithms ≥ -100,  dy/dx = (1-t) / (1-x) - t/x.

    The derivatives are limited where the logarithms are (see limited.py).
    """

    elementwise = True

    def forward(self, x, t):
        return -t * limited.log(x) - (1 - t) * limited.log_of_rest(x)

    def backward(self, gy):
        x, t = self.xs
        need_x, need_t = self.needs
        gx = gt = None
        if need_x:
            gx = gy * ((1 - t) * LimitedPower()(1 - x) - t * LimitedPower()(x))
        if need_t:
            gt = gy * (LimitedLog(True)(x) - LimitedLog()(x))
        return gx, gt

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), ()]:
            yield rng.uniform(0.1, 0.9, size=shape), rng.uniform(size=shape)


class MeanSquaredError(Function):
    """y = mean of (x0 - x1)² over all n elements,  dy/dx0 = 2 (x0 - x1) / n = -dy/dx1."""

    def forward(self, x0, x1):
        d = x0 - x1
        return kernels.sum_of_squares(d) / d.size

    def backward(self, gy):
        x0, x1 = self.xs
        need0, need1 = self.needs
        gx0 = (x0 - x1) * (gy * (2 / x0.size))
        return gx0 if need0 else None, -gx0 if need1 else None

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), (4,), ()]:
            yield rng.normal(size=shape), rng.normal(size=shape)


class Huber(Function):
    """y = x²/2 for |x| ≤ δ, else δ (|x| - δ/2);  dy/dx = x, limited to ±δ."""

    elementwise = True

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta

    def forward(self, x):
        size = np.absolute(x)
        near = np.minimum(size, self.delta)
        return near * (size - 0.5 * near)

    def backward(self, gy):
        (x,) = self.xs
        return gy * np.clip(x, -self.delta, self.delta)

    @staticmethod
    def samples(rng):
        yield (np.array([[-2.5, -0.7, 0.0], [0.8, 1.4, 3.1]]),)
        yield (np.array([[-2.5, -0.7, 0.2], [0.8, 1.4, 3.1]]),), {"delta": 2.0}


# ---- Classes ----


@in_float("x")
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
    return _nll(name, x, t, weight, label_smoothing, ignore_index, reduction, logits=True)


@in_float("x")
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
    x = _classes_last("nll", x, axis)
    return _nll("nll", x, t, weight, 0, ignore_index, reduction, logits=False)


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
    *,
    logits: bool,
) -> Any:
    """-Σ q log p along the last axis, where q is one-hot, smoothed and weighted.

    x is log p, or its logits. What q does not count (ignored rows, other classes) may be infinite
    or NaN.
    """
    t = as_array(checked_labels(name, x.shape, t, ignore=ignore))
    counted = np.ones(t.shape, bool) if ignore is None else t != ignore
    C = x.shape[-1]
    weights = as_array(_class_weights(name, weight, x))
    check_reduction(name, reduction, x.shape, _count(t[counted], weight))
    one_hot = np.equal(t[..., np.newaxis], np.arange(C)) & counted[..., np.newaxis]
    q = weights * (one_hot * (1 - smoothing) + smoothing / C).astype(x.dtype)
    q[~counted] = 0
    unused = q == 0
    if logits:
        x = log_softmax(without(x, np.all(unused, axis=-1, keepdims=True)))
    losses = -sum(q * where(unused, 0, x), axis=-1)
    if reduction != "mean":
        return reduced(losses, reduction)
    total = np.sum(weights * one_hot)
    return div(sum(losses), total if total else 1.0)


def _count(t: np.ndarray, weight: Any) -> float:
    """How many labels there are, or the sum of the weights of their classes."""
    return t.size if weight is None else float(np.sum(as_array(weight)[t], dtype=float))


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
    q = (1 - smoothing) * like(t, x.dtype) + smoothing / x.shape[-1]
    q = _class_weights(name, weight, x) * q
    values = as_array(x)
    unused = np.all(as_array(q) == 0, axis=-1, keepdims=True) & ~np.isfinite(values)
    return reduced(-sum(times(q, log_softmax(without(x, unused))), axis=-1), reduction)


def _class_weights(name: str, weight: Any, x: Any) -> Any:
    """The weight of each class, in x's dtype; ones for None."""
    C = x.shape[-1]
    weight = as_weight(np.ones(C) if weight is None else weight, x.dtype)
    if weight.shape != (C,):
        raise ValueError(
            f"{name}: got weight {weight.shape} for x {x.shape}, needed one for each class, ({C},)"
        )
    return weight


@in_float("x")
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
    t = as_array(checked_labels("hinge", shape, t))
    check_reduction("hinge", reduction, shape, t.size)
    margin = number("hinge", "margin", margin)
    if power not in (1, 2):
        raise ValueError(f"hinge: got power {power}, needed 1 or 2")
    weights = as_array(_class_weights("hinge", weight, x))[t]
    right = t[..., np.newaxis]
    x = without(x, weights[..., np.newaxis] == 0)
    own = np.equal(right, np.arange(shape[-1]))
    behind: Any = margin - take_along_axis(x, right)
    gaps: Any = relu(where(own, 0, behind + where(own, 0, x)))
    losses: Any = mean(gaps if power == 1 else gaps * gaps, axis=-1)
    return reduced(losses * weights, reduction)


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
    x, t, dtype = same_shape("kl_divergence", x, t, reduction)
    checked_axis("kl_divergence", axis, np.shape(x))
    # a class of probability 0 does not count, whatever x is there
    if log_target:
        none = np.isneginf(as_array(t))
        p = np.exp(t)
        terms = p * (where(none, 0, t) - where(none, 0, x))
    else:
        none = as_array(t) == 0
        terms = t * (np.log(where(none, 1, t)) - where(none, 0, x))
    return rounded(reduced(sum(terms, axis=axis), reduction), dtype)


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
    x, t, dtype = same_shape("sigmoid_cross_entropy", x, t, reduction)
    weights, y, p = _weighted(weight, x, t)
    _check_probabilities("sigmoid_cross_entropy", "targets t", p)
    if pos_weight is None:
        losses = SigmoidCrossEntropy()(y, p)
    else:
        positive = as_weight(pos_weight, y.dtype) * p
        losses = times(positive, softplus(-y)) + times(1 - p, softplus(y))
    return rounded(reduced(losses if weight is None else losses * weights, reduction), dtype)


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
    x, t, dtype = same_shape("binary_cross_entropy", x, t, reduction)
    weights, y, p = _weighted(weight, x, t)
    hint = "; for logits use sigmoid_cross_entropy"
    _check_probabilities("binary_cross_entropy", "probabilities x", y, hint)
    _check_probabilities("binary_cross_entropy", "targets t", p)
    losses = BinaryCrossEntropy()(y, p)
    return rounded(reduced(losses if weight is None else losses * weights, reduction), dtype)


def _check_probabilities(name: str, what: str, t: Any, hint: str = "") -> None:
    values = as_array(t)
    low, high = values.min(initial=0), values.max(initial=1)
    if low < 0 or high > 1:
        raise ValueError(
            f"{name}: got {what} from {low} to {high}, needed numbers from 0 to 1{hint}"
        )


def _weighted(weight: Any, x: Any, t: Any) -> tuple[Any, Any, Any]:
    """The weight, predictions and targets; 1/2 where the weight is 0, which may be anything."""
    if weight is None:
        return None, x, t
    weight = as_weight(weight, x.dtype)
    masked = as_array(weight) == 0
    return weight, without(x, masked, 0.5), without(t, masked, 0.5)


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
    x0, x1, dtype = same_shape("mean_squared_error", x0, x1, reduction)
    if reduction == "mean" and np.size(x0):
        return rounded(MeanSquaredError()(x0, x1), dtype)
    return rounded(reduced(np.square(x0 - x1), reduction), dtype)


def mean_absolute_error(x0: Input[X], x1: Input[X], *, reduction: str = "mean") -> X:
    """|x0 - x1|. Arguments and errors are those of `mean_squared_error`."""
    x0, x1, dtype = same_shape("mean_absolute_error", x0, x1, reduction)
    return rounded(reduced(abs(x0 - x1), reduction), dtype)


def huber(x0: Input[X], x1: Input[X], *, delta: float = 1.0, reduction: str = "mean") -> X:
    """d²/2 for d = |x0 - x1| ≤ δ, else δ (d - δ/2).

    Arguments and errors are those of `mean_squared_error`; `delta` is a number > 0.
    """
    x0, x1, dtype = same_shape("huber", x0, x1, reduction)
    delta = number("huber", "delta", delta, above=0)
    return rounded(reduced(Huber(delta)(x0 - x1), reduction), dtype)
