"""Trigonometric and hyperbolic functions and their inverses, element by element."""

from __future__ import annotations

import numpy as np

from wengert.core import Function, Variable
from wengert.functions.activation import near_one, sigmoid
from wengert.functions.arithmetic import single
from wengert.functions.samples import one_input, two_inputs
from wengert.functions.types import Input, X

__all__ = [
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cos", "cosh",
    "sin", "sinh", "tan", "tanh",
]  # fmt: skip


class Sin(Function):
    """y = sin x,  dy/dx = cos x."""

    elementwise = True
    ufunc = np.sin
    samples = one_input()

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        (x,) = self.xs
        return gy * np.cos(x)


class Cos(Function):
    """y = cos x,  dy/dx = -sin x."""

    elementwise = True
    ufunc = np.cos
    samples = one_input()

    def forward(self, x):
        return np.cos(x)

    def backward(self, gy):
        (x,) = self.xs
        return -gy * np.sin(x)


class Tan(Function):
    """y = tan x,  dy/dx = 1 + y²."""

    elementwise = True
    ufunc = np.tan
    samples = one_input(-1, 1)

    def forward(self, x):
        return np.tan(x)

    def backward(self, gy):
        (y,) = self.ys
        return gy * (1 + y * y)


class Arcsin(Function):
    """y = arcsin x,  dy/dx = 1 / √(1 - x²)."""

    elementwise = True
    ufunc = np.arcsin
    samples = one_input(-0.7, 0.7)

    def forward(self, x):
        return np.arcsin(x)

    def backward(self, gy):
        (x,) = self.xs
        return gy / np.sqrt((1 - x) * (1 + x))


class Arccos(Function):
    """y = arccos x,  dy/dx = -1 / √(1 - x²)."""

    elementwise = True
    ufunc = np.arccos
    samples = one_input(-0.7, 0.7)

    def forward(self, x):
        return np.arccos(x)

    def backward(self, gy):
        (x,) = self.xs
        return -gy / np.sqrt((1 - x) * (1 + x))


class Arctan(Function):
    """y = arctan x,  dy/dx = 1 / (1 + x²)."""

    elementwise = True
    ufunc = np.arctan
    samples = one_input()

    def forward(self, x):
        return np.arctan(x)

    def backward(self, gy):
        (x,) = self.xs
        r = np.hypot(x, 1)  # (x² overflows early)
        return gy / r / r


class Arctan2(Function):
    """y = the angle of the point (x1, x0),  dy/dx0 = x1 / r²,  dy/dx1 = -x0 / r².

    At the origin, where there is no derivative, it is 0; at infinity too.
    """

    elementwise = True
    ufunc = np.arctan2
    samples = two_inputs(0.5, 2)

    def forward(self, x0, x1):
        return np.arctan2(x0, x1)

    def backward(self, gy):
        x0, x1 = map(single, self.xs)
        need0, need1 = self.needs
        # a common scale, so that no square overflows or underflows; its derivative cancels
        scale = np.maximum(np.absolute(x0), np.absolute(x1))
        outside = np.logical_or(np.equal(scale, 0), np.isinf(scale))
        scale = np.where(outside, 1, scale)
        if isinstance(scale, Variable):
            scale = scale.detach()
        x0, x1 = np.where(outside, 0, x0) / scale, np.where(outside, 0, x1) / scale
        g = gy / (x0 * x0 + x1 * x1 + outside) / scale
        return g * x1 if need0 else None, -g * x0 if need1 else None


class Sinh(Function):
    """y = sinh x,  dy/dx = cosh x."""

    elementwise = True
    ufunc = np.sinh
    samples = one_input()

    def forward(self, x):
        return np.sinh(x)

    def backward(self, gy):
        (x,) = self.xs
        return gy * np.cosh(x)


class Cosh(Function):
    """y = cosh x,  dy/dx = sinh x."""

    elementwise = True
    ufunc = np.cosh
    samples = one_input()

    def forward(self, x):
        return np.cosh(x)

    def backward(self, gy):
        (x,) = self.xs
        return gy * np.sinh(x)


class Tanh(Function):
    """y = tanh x,  dy/dx = 1 - y²."""

    elementwise = True
    ufunc = np.tanh
    samples = one_input()

    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        if near_one(abs(y)):  # 1 - y² would lose its digits
            return gy * (4 * sigmoid(2 * x) * sigmoid(-2 * x))
        return gy * (1 - y * y)


class Arcsinh(Function):
    """y = arsinh x,  dy/dx = 1 / √(x² + 1)."""

    elementwise = True
    ufunc = np.arcsinh
    samples = one_input()

    def forward(self, x):
        return np.arcsinh(x)

    def backward(self, gy):
        (x,) = self.xs
        return gy / np.hypot(x, 1)


class Arccosh(Function):
    """y = arcosh x,  dy/dx = 1 / √(x² - 1)."""

    elementwise = True
    ufunc = np.arccosh
    samples = one_input(1.5, 3)

    def forward(self, x):
        return np.arccosh(x)

    def backward(self, gy):
        (x,) = self.xs
        return gy / (np.sqrt(x - 1) * np.sqrt(x + 1))


class Arctanh(Function):
    """y = artanh x,  dy/dx = 1 / (1 - x²)."""

    elementwise = True
    ufunc = np.arctanh
    samples = one_input(-0.7, 0.7)

    def forward(self, x):
        return np.arctanh(x)

    def backward(self, gy):
        (x,) = self.xs
        return gy / ((1 - x) * (1 + x))


# ---- Public functions ----


# fmt: off
def sin(x: Input[X]) -> X:
    """y = sin x."""
    return Sin()(x)

def cos(x: Input[X]) -> X:
    """y = cos x."""
    return Cos()(x)

def tan(x: Input[X]) -> X:
    """y = tan x."""
    return Tan()(x)

def arcsin(x: Input[X]) -> X:
    """y = arcsin x."""
    return Arcsin()(x)

def arccos(x: Input[X]) -> X:
    """y = arccos x."""
    return Arccos()(x)

def arctan(x: Input[X]) -> X:
    """y = arctan x."""
    return Arctan()(x)

def sinh(x: Input[X]) -> X:
    """y = sinh x."""
    return Sinh()(x)

def cosh(x: Input[X]) -> X:
    """y = cosh x."""
    return Cosh()(x)

def tanh(x: Input[X]) -> X:
    """y = tanh x."""
    return Tanh()(x)

def arcsinh(x: Input[X]) -> X:
    """y = arsinh x."""
    return Arcsinh()(x)

def arccosh(x: Input[X]) -> X:
    """y = arcosh x."""
    return Arccosh()(x)

def arctanh(x: Input[X]) -> X:
    """y = artanh x."""
    return Arctanh()(x)

def arctan2(x0: Input[X], x1: Input[X]) -> X:
    """y = the angle of the point (x1, x0), in radians from -π to π."""
    return Arctan2()(x0, x1)
# fmt: on
