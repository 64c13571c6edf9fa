"""Elementwise mathematics: powers, exponentials, trigonometry, extrema, rounding."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.core import Function, Operand, Variable
from wengert.dispatch import implements
from wengert.functions.samples import one_input, two_inputs

LOG_2 = math.log(2)  # (Python numbers, which take the dtype of the arrays they meet)
LOG_10 = math.log(10)

# ---- Of one input ----


class Exp(Function):
    """y = eˣ,  dy/dx = y."""

    elementwise = True
    ufunc = np.exp
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.exp(x)

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy * y


class Exp2(Function):
    """y = 2ˣ,  dy/dx = y log 2."""

    elementwise = True
    ufunc = np.exp2
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.exp2(x)

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy * (y * LOG_2)


class Expm1(Function):
    """y = eˣ - 1, exact near 0;  dy/dx = y + 1."""

    elementwise = True
    ufunc = np.expm1
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.expm1(x)

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy * (y + 1)


class Log(Function):
    """y = log x,  dy/dx = 1/x."""

    elementwise = True
    ufunc = np.log
    samples = one_input(0.5, 2)

    def forward(self, x: Any) -> Any:
        return np.log(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / x


class Log2(Function):
    """y = log₂ x,  dy/dx = 1 / (x log 2)."""

    elementwise = True
    ufunc = np.log2
    samples = one_input(0.5, 2)

    def forward(self, x: Any) -> Any:
        return np.log2(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / (x * LOG_2)


class Log10(Function):
    """y = log₁₀ x,  dy/dx = 1 / (x log 10)."""

    elementwise = True
    ufunc = np.log10
    samples = one_input(0.5, 2)

    def forward(self, x: Any) -> Any:
        return np.log10(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / (x * LOG_10)


class Log1p(Function):
    """y = log(1 + x), exact near 0;  dy/dx = 1 / (1 + x)."""

    elementwise = True
    ufunc = np.log1p
    samples = one_input(-0.5, 2)

    def forward(self, x: Any) -> Any:
        return np.log1p(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / (1 + x)


class Sqrt(Function):
    """y = √x,  dy/dx = 1 / (2y)."""

    elementwise = True
    ufunc = np.sqrt
    samples = one_input(0.5, 2)

    def forward(self, x: Any) -> Any:
        return np.sqrt(x)

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy / (2 * y)


class Rsqrt(Function):
    """y = 1/√x,  dy/dx = -y / (2x)."""

    elementwise = True
    samples = one_input(0.5, 2)

    def forward(self, x: Any) -> Any:
        return 1 / np.sqrt(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        (y,) = self.ys
        return -gy * y / (2 * x)


class Square(Function):
    """y = x²,  dy/dx = 2x."""

    elementwise = True
    ufunc = np.square
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.square(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * (2 * x)


class Reciprocal(Function):
    """y = 1/x,  dy/dx = -y²."""

    elementwise = True
    ufunc = np.reciprocal
    samples = one_input(0.5, 2)

    def forward(self, x: Any) -> Any:
        return 1 / x

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return -gy * y * y


class Abs(Function):
    """y = |x|,  dy/dx = sign x, and 0 at 0."""

    elementwise = True
    ufunc = np.absolute
    samples = one_input(0.5, 2)

    def forward(self, x: Any) -> Any:
        return np.absolute(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * np.sign(x)


class Sin(Function):
    """y = sin x,  dy/dx = cos x."""

    elementwise = True
    ufunc = np.sin
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.sin(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * np.cos(x)


class Cos(Function):
    """y = cos x,  dy/dx = -sin x."""

    elementwise = True
    ufunc = np.cos
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.cos(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return -gy * np.sin(x)


class Tan(Function):
    """y = tan x,  dy/dx = 1 + y²."""

    elementwise = True
    ufunc = np.tan
    samples = one_input(-1, 1)

    def forward(self, x: Any) -> Any:
        return np.tan(x)

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy * (1 + y * y)


class Arcsin(Function):
    """y = arcsin x,  dy/dx = 1 / √(1 - x²)."""

    elementwise = True
    ufunc = np.arcsin
    samples = one_input(-0.7, 0.7)

    def forward(self, x: Any) -> Any:
        return np.arcsin(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / np.sqrt(1 - x * x)


class Arccos(Function):
    """y = arccos x,  dy/dx = -1 / √(1 - x²)."""

    elementwise = True
    ufunc = np.arccos
    samples = one_input(-0.7, 0.7)

    def forward(self, x: Any) -> Any:
        return np.arccos(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return -gy / np.sqrt(1 - x * x)


class Arctan(Function):
    """y = arctan x,  dy/dx = 1 / (1 + x²)."""

    elementwise = True
    ufunc = np.arctan
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.arctan(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / (1 + x * x)


class Sinh(Function):
    """y = sinh x,  dy/dx = cosh x."""

    elementwise = True
    ufunc = np.sinh
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.sinh(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * np.cosh(x)


class Cosh(Function):
    """y = cosh x,  dy/dx = sinh x."""

    elementwise = True
    ufunc = np.cosh
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.cosh(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * np.sinh(x)


class Tanh(Function):
    """y = tanh x,  dy/dx = 1 - y²."""

    elementwise = True
    ufunc = np.tanh
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.tanh(x)

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy * (1 - y * y)


class Arcsinh(Function):
    """y = arsinh x,  dy/dx = 1 / √(x² + 1)."""

    elementwise = True
    ufunc = np.arcsinh
    samples = one_input()

    def forward(self, x: Any) -> Any:
        return np.arcsinh(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / np.sqrt(x * x + 1)


class Arccosh(Function):
    """y = arcosh x,  dy/dx = 1 / √(x² - 1)."""

    elementwise = True
    ufunc = np.arccosh
    samples = one_input(1.5, 3)

    def forward(self, x: Any) -> Any:
        return np.arccosh(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / np.sqrt(x * x - 1)


class Arctanh(Function):
    """y = artanh x,  dy/dx = 1 / (1 - x²)."""

    elementwise = True
    ufunc = np.arctanh
    samples = one_input(-0.7, 0.7)

    def forward(self, x: Any) -> Any:
        return np.arctanh(x)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy / (1 - x * x)


class Erf(Function):
    """y = erf x = 2/√π ∫₀ˣ exp(-t²) dt,  dy/dx = 2/√π exp(-x²).

    Two polynomials, fitted here at Chebyshev nodes in 40 digits: erf(x)/x in x² up to |x| = 1, and
    exp(x²) erfc(x) in 1/(1 + x/2) up to 6, from where erf is 1. Within 2 units in the last place
    of the C library's erf in float64.
    """

    elementwise = True
    samples = one_input()

    def forward(self, x: Any) -> Any:
        a = np.minimum(np.absolute(x), 6)
        near = x * polynomial(ERF_NEAR, np.square(np.minimum(a, 1)))
        far = np.sign(x) * (1 - np.exp(-a * a) * polynomial(ERF_FAR, 1 / (1 + a / 2)))
        return np.where(a < 1, near, far)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * (2 / math.sqrt(math.pi) * np.exp(-x * x))


# fmt: off
ERF_NEAR = (
    -7.795898827002142e-10, 1.3720064546777686e-08, -1.6208483801871705e-07,
    1.6447424703317362e-06, -1.492473690741966e-05, 0.00012055294904839707,
    -0.0008548325975389692, 0.0052239776071164225, -0.02686617064323777, 0.11283791670945006,
    -0.37612638903183543, 1.1283791670955126,
)
ERF_FAR = (
    -0.07440021243346044, 0.5535022023245029, -1.8535316382081848, 3.6426059404027527,
    -4.583844406614994, 3.799359906028882, -2.1298439188930316, 0.9210072415249974,
    -0.3377317752090611, 0.0031605924750990814, -0.011294696331083888, 0.08342915067749279,
    0.17661452876291867, 0.24676994208173553, 0.28210194185256204, 0.28209433744603646,
    1.273194538411999e-08,
)
# fmt: on


def polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """c₀ xⁿ + c₁ xⁿ⁻¹ + … + cₙ, by Horner's rule."""
    y = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        y = y * x + c
    return y


class Clip(Function):
    """y = x limited to low ≤ y ≤ high,  dy/dx = 1 within the limits (also on them), else 0."""

    elementwise = True

    def __init__(self, low: Any = None, high: Any = None) -> None:
        self.low = low
        self.high = high

    def forward(self, x: Any) -> Any:
        return np.clip(x, self.low, self.high)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * np.equal(np.clip(x, self.low, self.high), x)

    @staticmethod
    def samples(rng: np.random.Generator) -> Iterator[Any]:
        x = np.array([[-2.5, -0.7, 0.2], [0.8, 1.4, 3.1]])
        yield (x,), {"low": -1.0, "high": 1.0}
        yield (x,), {"low": 0.0}
        yield (x,), {"high": np.array([-2.0, 0.0, 2.0])}


# ---- Flat between their steps ----


class Flat(Function):
    """A function that is constant between its steps: its derivative is 0."""

    elementwise = True

    def backward(self, gy: Any) -> Any:
        return (np.zeros_like(gy),) * len(self.inputs)


class Sign(Flat):
    """y = -1, 0 or 1: the sign of x."""

    ufunc = np.sign
    samples = one_input(0.1, 0.4)

    def forward(self, x: Any) -> Any:
        return np.sign(x)


class Floor(Flat):
    """y = the largest whole number ≤ x."""

    ufunc = np.floor
    samples = one_input(0.1, 0.4)

    def forward(self, x: Any) -> Any:
        return np.floor(x)


class Ceil(Flat):
    """y = the smallest whole number ≥ x."""

    ufunc = np.ceil
    samples = one_input(0.1, 0.4)

    def forward(self, x: Any) -> Any:
        return np.ceil(x)


class Trunc(Flat):
    """y = x without its fraction."""

    ufunc = np.trunc
    samples = one_input(0.1, 0.4)

    def forward(self, x: Any) -> Any:
        return np.trunc(x)


class Rint(Flat):
    """y = the whole number nearest to x, the even one of two."""

    ufunc = np.rint
    samples = one_input(0.1, 0.4)

    def forward(self, x: Any) -> Any:
        return np.rint(x)


class Round(Flat):
    """y = x rounded to `decimals` places."""

    def __init__(self, decimals: int = 0) -> None:
        self.decimals = decimals

    def forward(self, x: Any) -> Any:
        return np.round(x, self.decimals)

    @staticmethod
    def samples(rng: np.random.Generator) -> Iterator[Any]:
        yield (rng.uniform(0.1, 0.4, size=(2, 3)),)
        yield (np.array([1.121, 22.38]),), {"decimals": 1}


class FloorDivide(Flat):
    """y = ⌊x0 / x1⌋."""

    ufunc = np.floor_divide

    def forward(self, x0: Any, x1: Any) -> Any:
        return x0 // x1

    @staticmethod
    def samples(rng: np.random.Generator) -> Iterator[Any]:
        yield rng.uniform(2.1, 2.9, size=(2, 3)), rng.uniform(0.98, 1.02, size=3)


# ---- Of two inputs ----


class Remainder(Function):
    """y = x0 - ⌊x0 / x1⌋ x1,  dy/dx0 = 1,  dy/dx1 = -⌊x0 / x1⌋."""

    elementwise = True
    ufunc = np.remainder

    def forward(self, x0: Any, x1: Any) -> Any:
        return x0 % x1

    def backward(self, gy: Any) -> Any:
        x0, x1 = self.xs
        return gy, -gy * (x0 // x1) if self.needs[1] else None

    @staticmethod
    def samples(rng: np.random.Generator) -> Iterator[Any]:
        yield rng.uniform(2.1, 2.9, size=(2, 3)), rng.uniform(0.98, 1.02, size=3)


class Arctan2(Function):
    """y = the angle of the point (x1, x0),  dy/dx0 = x1 / r²,  dy/dx1 = -x0 / r²."""

    elementwise = True
    ufunc = np.arctan2
    samples = two_inputs(0.5, 2)

    def forward(self, x0: Any, x1: Any) -> Any:
        return np.arctan2(x0, x1)

    def backward(self, gy: Any) -> Any:
        x0, x1 = self.xs
        g = gy / (x0 * x0 + x1 * x1)
        return g * x1, -g * x0


class LogAddExp(Function):
    """y = log(exp x0 + exp x1), without overflow;  dy/dxᵢ = exp(xᵢ - y)."""

    elementwise = True
    ufunc = np.logaddexp
    samples = two_inputs()

    def forward(self, x0: Any, x1: Any) -> Any:
        return np.logaddexp(x0, x1)

    def backward(self, gy: Any) -> Any:
        x0, x1 = self.xs
        (y,) = self.ys
        return gy * np.exp(x0 - y), gy * np.exp(x1 - y)


class Extremum(Function):
    """The larger or the smaller of two: the gradient goes to it, half to each where they tie."""

    elementwise = True

    def backward(self, gy: Any) -> Any:
        x0, x1 = self.xs
        (y,) = self.ys
        share0 = 0.5 * (gy + gy * np.equal(x0, y) - gy * np.equal(x1, y))
        return share0, gy - share0

    @staticmethod
    def samples(rng: np.random.Generator) -> Iterator[Any]:
        x = np.array([[0.3, -1.2, 2.0], [1.1, 0.5, -0.4]])
        yield x, np.array([[0.9, -1.9, 1.1], [0.2, 1.3, 0.6]])
        yield x, np.array([0.0, 0.8, 1.0])


class Maximum(Extremum):
    """y = the larger of x0 and x1; where they are equal, each gets half of the gradient."""

    ufunc = np.maximum

    def forward(self, x0: Any, x1: Any) -> Any:
        return np.maximum(x0, x1)


class Minimum(Extremum):
    """y = the smaller of x0 and x1; where they are equal, each gets half of the gradient."""

    ufunc = np.minimum

    def forward(self, x0: Any, x1: Any) -> Any:
        return np.minimum(x0, x1)


class Where(Function):
    """y = x0 where the condition holds, x1 elsewhere."""

    elementwise = True

    def forward(self, condition: Any, x0: Any, x1: Any) -> Any:
        return np.where(condition, x0, x1)

    def backward(self, gy: Any) -> Any:
        condition = self.xs[0]
        _, need0, need1 = self.needs
        gx0 = np.where(condition, gy, 0) if need0 else None
        gx1 = np.where(condition, 0, gy) if need1 else None
        return None, gx0, gx1

    @staticmethod
    def samples(rng: np.random.Generator) -> Iterator[Any]:
        condition = np.array([[True, False, True], [False, False, True]])
        yield condition, rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
        yield condition[0], rng.normal(size=(2, 3)), rng.normal(size=())


# ---- Doorways ----


# fmt: off
def exp(x: Operand) -> Variable:
    """y = eˣ."""
    return Exp()(x)

def exp2(x: Operand) -> Variable:
    """y = 2ˣ."""
    return Exp2()(x)

def expm1(x: Operand) -> Variable:
    """y = eˣ - 1, exact near 0."""
    return Expm1()(x)

def log(x: Operand) -> Variable:
    """y = log x."""
    return Log()(x)

def log2(x: Operand) -> Variable:
    """y = log₂ x."""
    return Log2()(x)

def log10(x: Operand) -> Variable:
    """y = log₁₀ x."""
    return Log10()(x)

def log1p(x: Operand) -> Variable:
    """y = log(1 + x), exact near 0."""
    return Log1p()(x)

def sqrt(x: Operand) -> Variable:
    """y = √x."""
    return Sqrt()(x)

def rsqrt(x: Operand) -> Variable:
    """y = 1/√x."""
    return Rsqrt()(x)

def square(x: Operand) -> Variable:
    """y = x²."""
    return Square()(x)

def reciprocal(x: Operand) -> Variable:
    """y = 1/x."""
    return Reciprocal()(x)

def abs(x: Operand) -> Variable:
    """y = |x|."""
    return Abs()(x)

def sin(x: Operand) -> Variable:
    """y = sin x."""
    return Sin()(x)

def cos(x: Operand) -> Variable:
    """y = cos x."""
    return Cos()(x)

def tan(x: Operand) -> Variable:
    """y = tan x."""
    return Tan()(x)

def arcsin(x: Operand) -> Variable:
    """y = arcsin x."""
    return Arcsin()(x)

def arccos(x: Operand) -> Variable:
    """y = arccos x."""
    return Arccos()(x)

def arctan(x: Operand) -> Variable:
    """y = arctan x."""
    return Arctan()(x)

def sinh(x: Operand) -> Variable:
    """y = sinh x."""
    return Sinh()(x)

def cosh(x: Operand) -> Variable:
    """y = cosh x."""
    return Cosh()(x)

def tanh(x: Operand) -> Variable:
    """y = tanh x."""
    return Tanh()(x)

def arcsinh(x: Operand) -> Variable:
    """y = arsinh x."""
    return Arcsinh()(x)

def arccosh(x: Operand) -> Variable:
    """y = arcosh x."""
    return Arccosh()(x)

def arctanh(x: Operand) -> Variable:
    """y = artanh x."""
    return Arctanh()(x)

def erf(x: Operand) -> Variable:
    """y = erf x = 2/√π ∫₀ˣ exp(-t²) dt."""
    return Erf()(x)

def sign(x: Operand) -> Variable:
    """y = -1, 0 or 1: the sign of x. Its derivative is 0."""
    return Sign()(x)

def floor(x: Operand) -> Variable:
    """y = the largest whole number ≤ x. Its derivative is 0."""
    return Floor()(x)

def ceil(x: Operand) -> Variable:
    """y = the smallest whole number ≥ x. Its derivative is 0."""
    return Ceil()(x)

def trunc(x: Operand) -> Variable:
    """y = x without its fraction. Its derivative is 0."""
    return Trunc()(x)

def arctan2(x0: Operand, x1: Operand) -> Variable:
    """y = the angle of the point (x1, x0), in radians from -π to π."""
    return Arctan2()(x0, x1)

def logaddexp(x0: Operand, x1: Operand) -> Variable:
    """y = log(exp x0 + exp x1), without overflow."""
    return LogAddExp()(x0, x1)

def maximum(x0: Operand, x1: Operand) -> Variable:
    """y = the larger of x0 and x1; where they are equal, each gets half of the gradient."""
    return Maximum()(x0, x1)

def minimum(x0: Operand, x1: Operand) -> Variable:
    """y = the smaller of x0 and x1; where they are equal, each gets half of the gradient."""
    return Minimum()(x0, x1)
# fmt: on


@implements(np.round)
def round(x: Operand, decimals: int = 0) -> Variable:
    """y = x rounded to `decimals` places, halves to the even digit. Its derivative is 0."""
    return Round(decimals)(x)


@implements(np.clip)
def clip(x: Operand, low: Operand | None = None, high: Operand | None = None) -> Variable:
    """y = x limited to low ≤ y ≤ high; None is no limit. Limits may be Variables."""
    if isinstance(low, Variable) or isinstance(high, Variable):
        if low is not None:
            x = maximum(x, low)
        return minimum(x, high) if high is not None else x
    return Clip(low, high)(x)


@implements(np.where)
def where(condition: Operand, *values: Operand) -> Variable:
    """y = x0 where the condition holds, x1 elsewhere: `where(condition, x0, x1)`.

    Raises:
        TypeError: not given both values.
    """
    if len(values) != 2:
        raise TypeError(
            f"where: got {len(values)} values, needed 2: where(condition, x0, x1); "
            f"for the indices of what is true use np.nonzero(condition.data)"
        )
    return Where()(condition, *values)
