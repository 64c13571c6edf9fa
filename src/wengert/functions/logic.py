"""Comparisons and logical operations, element by element; the results are constants.

(Whether two Variables are the same node of the graph is `x is y`.)
"""

from __future__ import annotations

import numpy as np

from wengert.core import Constant
from wengert.functions.samples import one_input, two_inputs
from wengert.functions.types import Input, X

__all__ = [
    "equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal",
    "logical_and", "logical_not", "logical_or", "logical_xor", "not_equal",
]  # fmt: skip


class OfUfunc(Constant):
    """A constant computed by the class's `ufunc`."""

    elementwise = True

    def forward(self, *xs):
        return self.ufunc(*xs)  # type: ignore[misc]


class OfBits(OfUfunc):
    """A constant of integers or booleans."""

    def forward(self, *xs):
        try:
            return super().forward(*xs)
        except TypeError:
            arrived = " and ".join([str(np.asarray(x).dtype) for x in xs])
            raise TypeError(
                f"{self.ufunc.__name__}: got {arrived}, "  # type: ignore[union-attr]
                f"needed integers or booleans; compare first, as in (x > 0) & (x < 1)"
            ) from None

    @staticmethod
    def samples(rng):
        yield rng.integers(0, 8, size=(2, 3)), rng.integers(0, 8, size=3)
        yield np.array([True, False, True]), np.array([[True], [False]])


class Equal(OfUfunc):
    """y = (x0 = x1)."""

    ufunc = np.equal
    samples = two_inputs()


class NotEqual(OfUfunc):
    """y = (x0 ≠ x1)."""

    ufunc = np.not_equal
    samples = two_inputs()


class Less(OfUfunc):
    """y = (x0 < x1)."""

    ufunc = np.less
    samples = two_inputs()


class LessEqual(OfUfunc):
    """y = (x0 ≤ x1)."""

    ufunc = np.less_equal
    samples = two_inputs()


class Greater(OfUfunc):
    """y = (x0 > x1)."""

    ufunc = np.greater
    samples = two_inputs()


class GreaterEqual(OfUfunc):
    """y = (x0 ≥ x1)."""

    ufunc = np.greater_equal
    samples = two_inputs()


class LogicalAnd(OfUfunc):
    """y = (x0 and x1)."""

    ufunc = np.logical_and
    samples = two_inputs()


class LogicalOr(OfUfunc):
    """y = (x0 or x1)."""

    ufunc = np.logical_or
    samples = two_inputs()


class LogicalXor(OfUfunc):
    """y = (x0 or x1, but not both)."""

    ufunc = np.logical_xor
    samples = two_inputs()


class BitwiseAnd(OfBits):
    """y = (x0 & x1)."""

    ufunc = np.bitwise_and


class BitwiseOr(OfBits):
    """y = (x0 | x1)."""

    ufunc = np.bitwise_or


class BitwiseXor(OfBits):
    """y = (x0 ^ x1)."""

    ufunc = np.bitwise_xor


class LogicalNot(OfUfunc):
    """y = (not x)."""

    ufunc = np.logical_not
    samples = one_input()


class Invert(OfBits):
    """y = (~x)."""

    ufunc = np.invert

    @staticmethod
    def samples(rng):
        yield (np.array([True, False]),)
        yield (rng.integers(0, 8, size=3),)


class IsNan(OfUfunc):
    """y = (x is not a number)."""

    ufunc = np.isnan
    samples = one_input()


class IsInf(OfUfunc):
    """y = (x is infinite)."""

    ufunc = np.isinf
    samples = one_input()


class IsFinite(OfUfunc):
    """y = (x is neither infinite nor NaN)."""

    ufunc = np.isfinite
    samples = one_input()


# fmt: off
def equal(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 = x1), a constant."""
    return Equal()(x0, x1)

def not_equal(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 ≠ x1), a constant."""
    return NotEqual()(x0, x1)

def less(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 < x1), a constant."""
    return Less()(x0, x1)

def less_equal(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 ≤ x1), a constant."""
    return LessEqual()(x0, x1)

def greater(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 > x1), a constant."""
    return Greater()(x0, x1)

def greater_equal(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 ≥ x1), a constant."""
    return GreaterEqual()(x0, x1)

def logical_and(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 and x1), a constant."""
    return LogicalAnd()(x0, x1)

def logical_or(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 or x1), a constant."""
    return LogicalOr()(x0, x1)

def logical_xor(x0: Input[X], x1: Input[X]) -> X:
    """y = (x0 or x1, but not both), a constant."""
    return LogicalXor()(x0, x1)

def logical_not(x: Input[X]) -> X:
    """y = (not x), a constant."""
    return LogicalNot()(x)

def isnan(x: Input[X]) -> X:
    """y = (x is not a number), a constant."""
    return IsNan()(x)

def isinf(x: Input[X]) -> X:
    """y = (x is infinite), a constant."""
    return IsInf()(x)

def isfinite(x: Input[X]) -> X:
    """y = (x is neither infinite nor NaN), a constant."""
    return IsFinite()(x)
# fmt: on
