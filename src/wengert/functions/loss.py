"""Loss functions. (Those of two classes are in binary.py.)

A loss has the dtype of its predictions, whatever that of the targets, weights and options. float16
is computed in float32 and rounded once; integers are computed in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import kernels
from wengert.arguments import fraction, number
from wengert.arrays import as_array
from wengert.config import enable_backprop
from wengert.core import Function, Variable, as_variable
from wengert.functions.activation import balanced, log_softmax, near_one, relu, softmax
from wengert.functions.arguments import as_labels, as_operand, checked_labels
from wengert.functions.arithmetic import div
from wengert.functions.axes import checked_axis
from wengert.functions.index import take, take_along_axis
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
)
from wengert.functions.shape import moveaxis
from wengert.functions.types import Input, X
from wengert.functions.zeros import all_zero
from wengert.second_pass import with_zeros

__all__ = [
    "hinge", "huber", "kl_divergence", "mean_absolute_error", "mean_squared_error", "nll",
    "softmax_cross_entropy",
]  # fmt: skip


class SoftmaxCrossEntropy(Function):
    """y = mean of -log softmax(x)[t] over the samples,  dy/dx = (softmax(x) - one_hot(t)) / N."""

    def forward(self, x, t):
        z = x - np.max(x, axis=-1, keepdims=True)
        right = z.reshape(-1, z.shape[-1])[np.arange(t.size), t.reshape(-1)]
        # both sums have the same sign: no cancellation
        total = np.sum(np.exp(z), axis=-1, keepdims=True)
        return (np.sum(kernels.log_of_total(z, total, -1)) - np.sum(right)) / t.size

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


class SoftCrossEntropy(Function):
    """y = -Σ q log p over the classes, with p = softmax(x),  dy/dx = p Σ q - q,  dy/dq = -log p.

    Classes with q = 0 may have p = 0, and rows without any q may be infinite or NaN.
    """

    def forward(self, x, q):
        with np.errstate(invalid="ignore"):
            logp = kernels.log_softmax(x, -1)
            y = -np.sum(q * logp, axis=-1)
        if np.all(np.isfinite(y)):
            return y
        return -np.sum(q * np.where(np.equal(q, 0), 0, logp), axis=-1)

    def backward(self, gy):
        x, q = self.xs
        need_x, need_q = self.needs
        gy = np.expand_dims(gy, -1)
        bad = ~np.isfinite(np.max(as_array(x), axis=-1, keepdims=True))
        if bad.any():
            unused = all_zero(q, [-1])
            x = np.where(bad & (unused | np.equal(as_array(gy), 0)), 0, x)
        gx = gq = None
        if need_x:
            p = softmax(x)
            gx = gy * (p * np.sum(q, axis=-1, keepdims=True) - q)
            gx = balanced(gx, p, -1) if near_one(p) else gx
        if need_q:
            logp = log_softmax(x)
            gq = -gy * np.where(np.logical_and(np.equal(q, 0), np.isinf(logp)), 0, logp)
        return gx, gq

    def backward_past_zeros(self, gy):
        zero = all_zero(np.expand_dims(gy, -1), [-1])
        return tuple([gx if gx is None else with_zeros(gx, zero) for gx in self.backward(gy)])

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), (2, 2, 3), (3,)]:
            yield rng.normal(size=shape), rng.uniform(size=shape)


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
            shape, for -Σ t log softmax(x), where 0 log 0 is 0.
        axis: axis of the classes in x; 1 for (N, C, H, W).
        weight: weight of each class, (C,).
        label_smoothing: fraction, 0 to 1, of each target that is spread evenly over the classes.
        ignore_index: samples with this label do not count, also if x is infinite or NaN there.
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
    t = as_labels(name, t)
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
    """-w[t] x[t] for log probabilities x, or their logits; smoothed, and 0 for ignored labels.

    Rows that do not count, and with labels alone other classes too, may be infinite or NaN.
    """
    t = checked_labels(name, x.shape, t, ignore=ignore)
    weights = _class_weights(name, weight, x)
    check_reduction(name, reduction, x.shape, _count(t, ignore, weight))
    ignored: Any = np.zeros(t.shape, bool) if ignore is None else np.equal(t, ignore)
    t = where(ignored, 0, t)
    factors = where(ignored, 0, take(weights, t))
    if ignore is not None or weight is not None:
        unused = ignored if smoothing else np.equal(factors, 0)
        x = where(np.expand_dims(unused, -1), 0, x)
    if logits:
        x = log_softmax(x)
    right = take_along_axis(x, np.expand_dims(t, -1))[..., 0]
    losses: Any = -times(factors, right)
    if smoothing:
        terms: Any = x if weight is None else times(weights, x)
        spread = -(smoothing / x.shape[-1]) * sum(terms, axis=-1)
        losses = (1 - smoothing) * losses + where(ignored, 0, spread)
    if reduction != "mean":
        return reduced(losses, reduction)
    total = sum(factors)
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
    q = like(t, x.dtype)
    if smoothing:
        q = (1 - smoothing) * q + smoothing / x.shape[-1]
    if weight is not None:
        q = _class_weights(name, weight, x) * q
    return reduced(SoftCrossEntropy()(x, q), reduction)


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
    t = checked_labels("hinge", shape, t)
    check_reduction("hinge", reduction, shape, t.size)
    margin = number("hinge", "margin", margin)
    if power not in (1, 2):
        raise ValueError(f"hinge: got power {power}, needed 1 or 2")
    right = np.expand_dims(t, -1)
    weights: Any = take(_class_weights("hinge", weight, x), t)
    x = where(np.expand_dims(np.equal(weights, 0), -1), 0, x)
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
        none = np.equal(t, -np.inf)
        p = np.exp(t)
        terms = p * (where(none, 0, t) - where(none, 0, x))
    else:
        none = np.equal(t, 0)
        terms = t * (np.log(where(none, 1, t)) - where(none, 0, x))
    return rounded(reduced(sum(terms, axis=axis), reduction), dtype)


# ---- Regression ----


def mean_squared_error(x0: Input[X], x1: Input[X], *, reduction: str = "mean") -> X:
    """(x0 - x1)².

    Args:
        x0: predictions, of any shape.
        x1: targets, of the same shape; (N, 1) and (N,) would broadcast to (N, N).
        reduction: "mean" over all elements, "sum", or "none".

    Returns:
        Variable, (), or of x0's shape; in the dtype of the predictions, float64 for integers.

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
