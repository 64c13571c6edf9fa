"""Logarithms and reciprocals of probabilities, limited so that all derivatives are finite at 0."""

from __future__ import annotations

import math

import numpy as np

from wengert.core import Function

LOWEST = -100.0  # the smallest logarithm


class LimitedLog(Function):
    """y = log x, or log(1 - x) for the `complement`, at least -100;  dy/dx = 1/x, or -1 / (1 - x).

    The derivative is limited at the same point as y, and does not vanish below it.
    """

    elementwise = True

    def __init__(self, complement: bool = False) -> None:
        self.complement = complement

    def forward(self, x):
        return log_of_rest(x) if self.complement else log(x)

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

    @staticmethod
    def samples(rng):
        for shape in [(2, 3), ()]:
            yield (rng.uniform(0.5, 2, size=shape),)
            yield (rng.uniform(0.5, 2, size=shape),), {"k": 2}


def log(x):
    """log x, at least -100."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), LOWEST)


def log_of_rest(x):
    """log(1 - x), at least -100."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log1p(-x), LOWEST)


def _least(dtype):
    """The smallest x; in float32, the smallest whose reciprocal is finite."""
    return max(math.exp(LOWEST), float(np.finfo(dtype).tiny))
