"""Arithmetic: the Functions behind Python's operators."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from wengert import dispatch
from wengert.arrays import DOUBLE, SINGLE, DTypeLike
from wengert.core import Function
from wengert.dispatch import implements
from wengert.functions.arguments import as_operand
from wengert.functions.samples import one_input, two_inputs
from wengert.functions.types import Input, X

__all__ = ["add", "astype", "copy", "div", "mul", "neg", "pow", "sub"]


class Pos(Function):
    """y = x, a copy."""

    elementwise = True
    ufunc = np.positive

    def forward(self, x):
        try:
            return +x
        except TypeError:  # of booleans
            return x.copy()

    def backward(self, gy):
        return gy

    samples = one_input()


class Neg(Function):
    """y = -x,  dy/dx = -1."""

    elementwise = True
    ufunc = np.negative

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy

    samples = one_input()


class Add(Function):
    """y = x0 + x1,  dy/dx0 = dy/dx1 = 1."""

    elementwise = True
    ufunc = np.add

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy

    samples = two_inputs()


class Sub(Function):
    """y = x0 - x1,  dy/dx0 = 1,  dy/dx1 = -1."""

    elementwise = True
    ufunc = np.subtract

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        need0, need1 = self.needs
        return gy if need0 else None, -gy if need1 else None

    samples = two_inputs()


class Mul(Function):
    """y = x0 x1,  dy/dx0 = x1,  dy/dx1 = x0."""

    elementwise = True
    ufunc = np.multiply

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.xs
        need0, need1 = self.needs
        return gy * x1 if need0 else None, gy * x0 if need1 else None

    samples = two_inputs()


class Div(Function):
    """y = x0 / x1,  dy/dx0 = 1 / x1,  dy/dx1 = -x0 / x1²."""

    elementwise = True
    ufunc = np.true_divide

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.xs
        need0, need1 = self.needs
        g = gy / single(x1)
        return g if need0 else None, -g * x0 / x1 if need1 else None

    samples = two_inputs(0.5, 2)


_INTEGER_POWERS = "pow: got integers and a negative exponent, needed floats; use x.astype(float)"


class Pow(Function):
    """y = xᶜ for a number c,  dy/dx = c xᶜ⁻¹.

    For integers c ≥ 0, higher derivatives are 0, also at x = 0: that of x⁰ is 0 x⁰, not 0 x⁻¹.
    """

    elementwise = True

    def __init__(self, c: float) -> None:
        self.c = c

    def forward(self, x):
        try:
            return x**self.c
        except ValueError:
            raise ValueError(_INTEGER_POWERS) from None

    def backward(self, gy):
        (x,) = self.xs
        return gy * (self.c * single(x) ** (self.c - 1 if self.c else 0))

    @staticmethod
    def samples(rng):
        for integer in (0, 1, 2, 3):
            yield (rng.normal(size=(2, 3)),), {"c": integer}
        for c in (-1, 0.5, -1.5):
            yield (rng.uniform(0.5, 2, size=(2, 3)),), {"c": c}


class Power(Function):
    """y = x0^x1,  dy/dx0 = x1 x0^(x1-1),  dy/dx1 = y log x0."""

    elementwise = True

    def forward(self, x0, x1):
        try:
            return x0**x1
        except ValueError:  # (the core reports shapes that do not broadcast)
            raise ValueError(_INTEGER_POWERS) from None

    def backward(self, gy):
        x0, x1 = self.xs
        (y,) = self.ys
        need0, need1 = self.needs
        gx0 = gx1 = None
        zero = np.equal(x0, 0)
        if need0:
            # at x0 = x1 = 0 the exponent is 0 instead of -1; the factor x1 makes it 0
            c = single(x1)
            exponent = np.where(np.logical_and(zero, np.equal(c, 0)), c, c - 1)
            gx0 = gy * (x1 * single(x0) ** exponent)
        if need1:
            gx1 = gy * (y * np.log(np.where(zero, 1, x0)))  # 0^x1 is constant for x1 > 0
        return gx0, gx1

    samples = two_inputs(0.5, 2)


def single(x):
    """x, in float32 if it is float16: parts of a gradient may overflow where their product fits."""
    dtype = x.dtype
    if dtype is SINGLE or dtype is DOUBLE:
        return x
    return Cast(SINGLE)(x) if dtype == np.float16 else x


class Cast(Function):
    """y = x in another dtype,  dy/dx = 1 if that is a float dtype, else there is no gradient."""

    elementwise = True

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)

    def forward(self, x):
        return x.astype(self.dtype)

    def backward(self, gy):
        return gy if self.dtype.kind == "f" else None  # the backward pass casts it to x's dtype

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),), {"dtype": np.float64}


dispatch.Add, dispatch.Sub, dispatch.Mul, dispatch.Div = Add, Sub, Mul, Div
dispatch.Neg, dispatch.Pos = Neg, Pos


# fmt: off
def add(x0: Input[X], x1: Input[X]) -> X:
    """y = x0 + x1."""
    return Add()(x0, x1)

def sub(x0: Input[X], x1: Input[X]) -> X:
    """y = x0 - x1."""
    return Sub()(x0, x1)

def mul(x0: Input[X], x1: Input[X]) -> X:
    """y = x0 x1, element by element."""
    return Mul()(x0, x1)

def div(x0: Input[X], x1: Input[X]) -> X:
    """y = x0 / x1."""
    return Div()(x0, x1)

def neg(x: Input[X]) -> X:
    """y = -x."""
    return Neg()(x)
# fmt: on


@implements(np.power)
def pow(x: Input[X], c: Input[X]) -> X:
    """y = xᶜ. A Variable c has a gradient too."""
    return Pow(c)(x) if type(c) is int or type(c) is float else Power()(x, c)


@implements(np.copy)
def copy(x: Input[X]) -> X:
    """y = x, a copy."""
    return Pos()(x)


@implements(np.ndarray.astype)
def astype(x: Input[X], dtype: DTypeLike) -> X:
    """y = x in another dtype. Casts to floats have a gradient, casts to integers have none.

    Raises:
        TypeError: the dtype is not a float, int or bool dtype.
    """
    kind = "?"
    with suppress(TypeError):  # (of np.dtype)
        kind = np.dtype(dtype).kind
    if kind not in "fiub":
        raise TypeError(f"astype: got dtype {dtype!r}, needed one of float, int or bool")
    return Cast(dtype)(as_operand(x))
