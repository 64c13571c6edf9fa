"""Losses of two classes, from probabilities or logits.

Logarithms of probabilities, and their reciprocals, are limited so that all derivatives are finite.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert import kernels
from wengert.arrays import as_array
from wengert.core import Function
from wengert.functions.activation import sigmoid, softplus
from wengert.functions.piecewise import where
from wengert.functions.reduction import as_weight, reduced, rounded, same_shape, times
from wengert.functions.types import Input, X
from wengert.second_pass import with_zeros

__all__ = ["binary_cross_entropy", "sigmoid_cross_entropy"]

LOWEST = -100.0  # the smallest logarithm


class SigmoidCrossEntropy(Function):
    """y = -t log s - (1 - t) log(1 - s) with s = sigmoid(x),  dy/dx = s - t,  dy/dt = -x."""

    elementwise = True

    def forward(self, x, t):
        # for t = 0 or 1 the difference is exact, and the last term is not negative
        return kernels.softplus_less_product(x, t)

    def backward(self, gy):
        x, t = self.xs
        need_x, need_t = self.needs
        gx = None
        if need_x:  # s - t, from the smaller of s and 1 - s, so that no digits are lost
            one = np.maximum(np.sign(x), 0)
            sign = 1 - 2 * one
            gx = gy * ((one - t) + sign * sigmoid(sign * x))
        return gx, -gy * x if need_t else None

    @staticmethod
    def samples(rng):
        for shape in [(4, 3), ()]:
            yield rng.normal(size=shape), rng.uniform(size=shape)


class BinaryCrossEntropy(Function):
    """y = -t log x - (1 - t) log(1 - x), with logarithms ≥ -100,  dy/dx = (1-t) / (1-x) - t/x.

    The derivatives are limited where the logarithms are.
    """

    elementwise = True

    def forward(self, x, t):
        return -t * _log(x) - (1 - t) * _log_of_rest(x)

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


class LimitedLog(Function):
    """y = log x, or log(1 - x) for the `complement`, at least -100;  dy/dx = 1/x, or -1 / (1 - x).

    The derivative is limited at the same point as y, and does not vanish below it.
    """

    elementwise = True

    def __init__(self, complement: bool = False) -> None:
        self.complement = complement

    def forward(self, x):
        return _log_of_rest(x) if self.complement else _log(x)

    def backward(self, gy):
        (x,) = self.xs
        if self.complement:
            return -gy * LimitedPower()(1 - x)
        return gy * LimitedPower()(x)

    @staticmethod
    def samples(rng):
        for shape in [(2, 3), ()]:
            yield (rng.uniform(0.1, 0.9, size=shape),)
            yield (rng.uniform(0.1, 0.9, size=shape),), {"complement": True}


class LimitedPower(Function):
    """y = x⁻ᵏ for x ≥ 0, limited at x = e⁻¹⁰⁰, and to the largest number of the dtype.

    dy/dx = -k x⁻ᵏ⁻¹, limited alike, and 0 below the limit of x.
    """

    elementwise = True

    def __init__(self, k: int = 1) -> None:
        self.k = k

    def forward(self, x):
        info = np.finfo(x.dtype)
        with np.errstate(over="ignore"):
            return np.minimum(np.maximum(x, _least(x.dtype)) ** -self.k, info.max)

    def backward(self, gy):
        (x,) = self.xs
        slope = np.where(x < _least(x.dtype), 0, LimitedPower(self.k + 1)(x))
        return gy * (slope * -self.k)

    def backward_past_zeros(self, gy):
        return with_zeros(self.backward(gy), as_array(gy) == 0)

    @staticmethod
    def samples(rng):
        for shape in [(2, 3), ()]:
            yield (rng.uniform(0.5, 2, size=shape),)
            yield (rng.uniform(0.5, 2, size=shape),), {"k": 2}


def _log(x):
    """log x, at least -100."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), LOWEST)


def _log_of_rest(x):
    """log(1 - x), at least -100."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log1p(-x), LOWEST)


def _least(dtype):
    """The smallest x; in float32, the smallest whose reciprocal is finite."""
    return max(math.exp(LOWEST), float(np.finfo(dtype).tiny))


# ---- Public functions ----


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
        weight: weight of each element; broadcasts against x. With 0, x and t may be anything.
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
    """-t log x - (1 - t) log(1 - x), with logarithms ≥ -100, and derivatives limited at e⁻¹⁰⁰.

    Args:
        x: probabilities, 0 ≤ x ≤ 1, of any shape. For logits, use `sigmoid_cross_entropy`.
        t: probabilities, 0 ≤ t ≤ 1, in x's shape.
        weight: weight of each element; broadcasts against x. With 0, x and t may be anything.
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
    masked = np.equal(weight, 0)
    return weight, where(masked, 0.5, x), where(masked, 0.5, t)
