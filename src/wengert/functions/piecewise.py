"""Piecewise functions, element by element: absolute value, extrema, limits, choice, rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.core import Function, Variable
from wengert.dispatch import implements
from wengert.functions.samples import one_input
from wengert.functions.types import Input, X
from wengert.functions.weighted import weighted

__all__ = [
    "abs", "ceil", "clip", "divmod", "floor", "maximum", "minimum", "round", "sign", "trunc",
    "where",
]  # fmt: skip


class Abs(Function):
    """y = |x|,  dy/dx = sign x, and 0 at 0."""

    elementwise = True
    ufunc = np.absolute
    samples = one_input(0.5, 2)

    def forward(self, x):
        return np.absolute(x)

    def backward(self, gy):
        (x,) = self.xs
        return weighted(gy, np.sign(x))


class Clip(Function):
    """y = x limited to low ≤ y ≤ high,  dy/dx = 1 within the limits (also on them), else 0."""

    elementwise = True

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = low
        self.high = high

    def forward(self, x):
        return np.clip(x, self.low, self.high)

    def backward(self, gy):
        (x,) = self.xs
        return weighted(gy, np.equal(np.clip(x, self.low, self.high), x))

    @staticmethod
    def samples(rng):
        x = np.array([[-2.5, -0.7, 0.2], [0.8, 1.4, 3.1]])
        yield (x,), {"low": -1.0, "high": 1.0}
        yield (x,), {"low": 0.0}
        yield (x,), {"high": 2}


class ClipTo(Function):
    """y = x limited by an array,  dy/dx = 1 within the limit (also on it), else 0.

    The limit is data without a gradient; `Maximum` and `Minimum` have one for it.
    """

    elementwise = True

    def backward(self, gy):
        x, _ = self.xs
        (y,) = self.ys
        return weighted(gy, np.equal(x, y)), None

    @staticmethod
    def samples(rng):
        yield np.array([[-1.6, 2.1, 0.4], [-0.7, -0.3, 2.2]]), np.array([-1, 0, 2], np.int8)


class ClipLow(ClipTo):
    """y = the larger of x and low, an array,  dy/dx = 1 for x ≥ low, else 0."""

    def forward(self, x, low):
        return np.maximum(x, low)


class ClipHigh(ClipTo):
    """y = the smaller of x and high, an array,  dy/dx = 1 for x ≤ high, else 0."""

    def forward(self, x, high):
        return np.minimum(x, high)


class Extremum(Function):
    """The larger or smaller of two; it gets the gradient, or half of it where they are equal."""

    elementwise = True

    def backward(self, gy):
        x0, x1 = self.xs
        (y,) = self.ys
        need0, need1 = self.needs
        # 1 where y is x0, -1 where it is x1, 0 where they are equal
        side = np.equal(x0, y).astype(gy.dtype) - np.equal(x1, y)
        gx0 = weighted(gy, 0.5 * (1 + side)) if need0 else None
        return gx0, weighted(gy, 0.5 * (1 - side)) if need1 else None

    @staticmethod
    def samples(rng):
        x = np.array([[0.3, -1.2, 2.0], [1.1, 0.5, -0.4]])
        yield x, np.array([[0.9, -1.9, 1.1], [0.2, 1.3, 0.6]])
        yield x, np.array([0.0, 0.8, 1.0])


class Maximum(Extremum):
    """y = the larger of x0 and x1; where they are equal, each gets half of the gradient."""

    ufunc = np.maximum

    def forward(self, x0, x1):
        return np.maximum(x0, x1)


class Minimum(Extremum):
    """y = the smaller of x0 and x1; where they are equal, each gets half of the gradient."""

    ufunc = np.minimum

    def forward(self, x0, x1):
        return np.minimum(x0, x1)


class Where(Function):
    """y = x0 where the condition is true, x1 elsewhere."""

    elementwise = True

    def forward(self, condition, x0, x1):
        return np.where(condition, x0, x1)

    def backward(self, gy):
        condition, *_ = self.xs
        _, need0, need1 = self.needs
        gx0 = np.where(condition, gy, 0) if need0 else None
        gx1 = np.where(condition, 0, gy) if need1 else None
        return None, gx0, gx1

    @staticmethod
    def samples(rng):
        condition = np.array([[True, False, True], [False, False, True]])
        yield condition, rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
        yield condition[0], rng.normal(size=(2, 3)), rng.normal(size=())


class Flat(Function):
    """A piecewise constant function; its derivative is 0."""

    elementwise = True

    def backward(self, gy):
        return (np.zeros_like(gy),) * len(self.needs)


class Sign(Flat):
    """y = -1, 0 or 1: the sign of x."""

    ufunc = np.sign
    samples = one_input(0.1, 0.4)

    def forward(self, x):
        return np.sign(x)


class Floor(Flat):
    """y = the largest integer ≤ x."""

    ufunc = np.floor
    samples = one_input(0.1, 0.4)

    def forward(self, x):
        return np.floor(x)


class Ceil(Flat):
    """y = the smallest integer ≥ x."""

    ufunc = np.ceil
    samples = one_input(0.1, 0.4)

    def forward(self, x):
        return np.ceil(x)


class Trunc(Flat):
    """y = x rounded towards 0."""

    ufunc = np.trunc
    samples = one_input(0.1, 0.4)

    def forward(self, x):
        return np.trunc(x)


class Rint(Flat):
    """y = the integer nearest to x; halves go to the even one."""

    ufunc = np.rint
    samples = one_input(0.1, 0.4)

    def forward(self, x):
        return np.rint(x)


class Round(Flat):
    """y = x rounded to that many decimals."""

    def __init__(self, decimals: int = 0) -> None:
        self.decimals = decimals

    def forward(self, x):
        return np.round(x, self.decimals)

    @staticmethod
    def samples(rng):
        yield (rng.uniform(0.1, 0.4, size=(2, 3)),)
        yield (np.array([1.121, 22.38]),), {"decimals": 1}


class FloorDivide(Flat):
    """y = ⌊x0 / x1⌋."""

    ufunc = np.floor_divide

    def forward(self, x0, x1):
        return x0 // x1

    @staticmethod
    def samples(rng):
        yield rng.uniform(2.1, 2.9, size=(2, 3)), rng.uniform(0.98, 1.02, size=3)


class Remainder(Function):
    """y = x0 - ⌊x0 / x1⌋ x1,  dy/dx0 = 1,  dy/dx1 = -⌊x0 / x1⌋."""

    elementwise = True
    ufunc = np.remainder

    def forward(self, x0, x1):
        return x0 % x1

    def backward(self, gy):
        x0, x1 = self.xs
        need0, need1 = self.needs
        return gy if need0 else None, -gy * (x0 // x1) if need1 else None

    @staticmethod
    def samples(rng):
        yield rng.uniform(2.1, 2.9, size=(2, 3)), rng.uniform(0.98, 1.02, size=3)


# ---- Public functions ----


# fmt: off
def abs(x: Input[X]) -> X:
    """y = |x|."""
    return Abs()(x)

def sign(x: Input[X]) -> X:
    """y = -1, 0 or 1: the sign of x. Its derivative is 0."""
    return Sign()(x)

def floor(x: Input[X]) -> X:
    """y = the largest integer ≤ x. Its derivative is 0."""
    return Floor()(x)

def ceil(x: Input[X]) -> X:
    """y = the smallest integer ≥ x. Its derivative is 0."""
    return Ceil()(x)

def trunc(x: Input[X]) -> X:
    """y = x rounded towards 0. Its derivative is 0."""
    return Trunc()(x)

def maximum(x0: Input[X], x1: Input[X]) -> X:
    """y = the larger of x0 and x1; where they are equal, each gets half of the gradient."""
    return Maximum()(x0, x1)

def minimum(x0: Input[X], x1: Input[X]) -> X:
    """y = the smaller of x0 and x1; where they are equal, each gets half of the gradient."""
    return Minimum()(x0, x1)
# fmt: on


@implements(np.round)
def round(x: Input[X], decimals: int = 0) -> X:
    """y = x rounded to that many decimals, halves to the even digit. Its derivative is 0."""
    return Round(integer("round", "decimals", decimals))(x)


def clip(x: Input[X], low: Input[X] | None = None, high: Input[X] | None = None) -> X:
    """y = x limited to low ≤ y ≤ high; None means no limit. Limits may be Variables.

    Raises:
        TypeError: a limit is not a number or an array of numbers.
        ValueError: a limit does not broadcast with x.
    """
    if isinstance(low, Variable) or isinstance(high, Variable):
        y: Any = x if low is None else maximum(x, low)
        return y if high is None else minimum(y, high)
    limits = _limit(low, x), _limit(high, x)
    if not any(isinstance(limit, np.ndarray) for limit in limits):
        return Clip(*limits)(x)
    y = x if low is None else ClipLow()(x, limits[0])
    return y if high is None else ClipHigh()(y, limits[1])


@implements(np.clip)
def _clip(
    x: Input[X], a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> X:
    """`clip` with NumPy's names for the limits."""
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise TypeError("clip: got a limit twice, by position and by name; needed it once")
    return clip(x, a_min if min is None else min, a_max if max is None else max)


def _limit(limit: Any, x: Input[X]) -> Any:
    """A limit, checked: None, a number, or a copy of an array, because `backward` reads it too."""
    if limit is None or type(limit) is float or type(limit) is int:
        return limit
    limit = np.array(limit)
    if limit.dtype.kind not in "fiub":
        raise TypeError(f"clip: got a limit of dtype {limit.dtype}, needed numbers")
    if limit.ndim == 0:
        return limit.item()  # (an option never changes the dtype)
    try:
        np.broadcast_shapes(np.shape(x), limit.shape)
    except ValueError:
        raise ValueError(
            f"clip: got x of shape {np.shape(x)} and a limit of shape {limit.shape}, which do not "
            f"broadcast; counted from the right, sizes must be equal or 1"
        ) from None
    return limit


@implements(np.where)
def where(condition: Input[X], *values: Input[X]) -> X:
    """y = x0 where the condition is true, x1 elsewhere: `where(condition, x0, x1)`.

    `where(condition)` is np.nonzero: the indices of the true elements, a tuple of constants.

    Raises:
        TypeError: one of the values is missing.
    """
    if not values:
        mask: Any = condition
        indices: Any = np.nonzero(mask)
        return indices
    if len(values) != 2:
        raise TypeError(
            f"where: got {len(values)} value, needed 2: where(condition, x0, x1); "
            f"for the indices of true elements use where(condition)"
        )
    return Where()(condition, *values)


@implements(np.divmod)
def divmod(x0: Input[X], x1: Input[X]) -> tuple[X, X]:
    """⌊x0 / x1⌋ and the remainder x0 - ⌊x0 / x1⌋ x1."""
    return FloorDivide()(x0, x1), Remainder()(x0, x1)
