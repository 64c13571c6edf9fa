"""NumPy's rarer functions, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core import Function
from wengert.functions.arguments import as_operand
from wengert.functions.arithmetic import mul
from wengert.functions.arithmetic import pow as power
from wengert.functions.math import shifted
from wengert.functions.of_numpy.constants import constant_of
from wengert.functions.of_numpy.registry import cast, of, operands_of
from wengert.functions.piecewise import abs as absolute
from wengert.functions.piecewise import maximum, minimum, trunc, where
from wengert.functions.piecewise import round as rounded
from wengert.functions.samples import one_input, two_inputs
from wengert.second_pass import repeated

LOG_2 = math.log(2)


class Hypot(Function):
    """y = √(x0² + x1²) without overflow,  dy/dxᵢ = xᵢ / y, and 0 at (0, 0)."""

    elementwise = True
    ufunc = np.hypot
    samples = two_inputs(0.5, 2)

    def forward(self, x0, x1):
        return np.hypot(x0, x1)

    def backward(self, gy):
        x0, x1 = self.xs
        (y,) = self.ys
        need0, need1 = self.needs
        if repeated.get():  # inf / inf is NaN: the infinite ones have the direction
            infinite = np.isinf(y)
            x0, x1 = [np.where(infinite, np.isinf(x) * np.sign(x), x) for x in (x0, x1)]
            y = np.hypot(x0, x1)
        zero = np.equal(y, 0)
        y = np.where(zero, 1, y)
        gx0 = gy * (np.where(zero, 0, x0) / y) if need0 else None
        gx1 = gy * (np.where(zero, 0, x1) / y) if need1 else None
        return gx0, gx1


class Cbrt(Function):
    """y = ∛x,  dy/dx = 1 / (3y²)."""

    elementwise = True
    ufunc = np.cbrt
    samples = one_input(0.5, 2)

    def forward(self, x):
        return np.cbrt(x)

    def backward(self, gy):
        (y,) = self.ys
        return gy / (3 * y * y)


class LogAddExp2(Function):
    """y = log₂(2^x0 + 2^x1), without overflow;  dy/dxᵢ = 2^(xᵢ - y)."""

    elementwise = True
    ufunc = np.logaddexp2
    samples = two_inputs()

    def forward(self, x0, x1):
        return np.logaddexp2(x0, x1)

    def backward(self, gy):
        x0, x1 = self.xs
        (y,) = self.ys
        need0, need1 = self.needs
        weight0, weight1 = np.exp2(shifted(x0, y)), np.exp2(shifted(x1, y))
        # Their sum is 1 but for the digits that y has lost, and 0 for y = -inf.
        total = np.maximum(weight0 + weight1, 0.25)
        return gy * (weight0 / total) if need0 else None, gy * (weight1 / total) if need1 else None


class Fmod(Function):
    """y = x0 - trunc(x0 / x1) x1,  dy/dx0 = 1,  dy/dx1 = -trunc(x0 / x1)."""

    elementwise = True
    ufunc = np.fmod

    def forward(self, x0, x1):
        return np.fmod(x0, x1)

    def backward(self, gy):
        x0, x1 = self.xs
        need0, need1 = self.needs
        return gy if need0 else None, -gy * np.trunc(x0 / x1) if need1 else None

    @staticmethod
    def samples(rng):
        yield rng.uniform(-2.9, -2.1, size=(2, 3)), rng.uniform(0.98, 1.02, size=3)


class Ldexp(Function):
    """y = x 2ⁿ for integers n,  dy/dx = 2ⁿ."""

    elementwise = True
    ufunc = np.ldexp

    def forward(self, x, n):
        return np.ldexp(x, n)

    def backward(self, gy):
        _, n = self.xs
        return Ldexp()(gy, n), None

    @staticmethod
    def samples(rng):
        yield rng.normal(size=(2, 3)), np.array([-1, 0, 3])


class NextAfter(Function):
    """y = the number next to x0 towards x1,  dy/dx0 = 1."""

    elementwise = True
    ufunc = np.nextafter
    samples = two_inputs()

    def forward(self, x0, x1):
        return np.nextafter(x0, x1)

    def backward(self, gy):
        return gy, np.zeros_like(gy)


class Sinc(Function):
    """The n-th derivative of sin(πx) / (πx), by t = πx.

    It is f(n) = ∫ sⁿ cos(ts + nπ/2) ds over 0 ≤ s ≤ 1. Near 0, its Taylor series; elsewhere
    f(n) = (sin(t + nπ/2) - n f(n-1)) / t, by partial integration.
    """

    elementwise = True

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def forward(self, x):
        t = np.pi * x
        near = np.absolute(t) < 2
        z = np.where(near, t, 0)
        series = np.zeros_like(z)
        for k in reversed(range(26 + self.n)):
            # the k-th derivative of cos, at nπ/2
            factor = (1, 0, -1, 0)[(k + self.n) % 4] / (self.n + k + 1)
            series = factor + series * (z / (k + 1))
        z = np.where(near, 2, t)
        y = np.sin(z) / z
        for k in range(1, self.n + 1):
            sine = (np.sin, np.cos)[k % 2](z) * (1, 1, -1, -1)[k % 4]
            y = (sine - k * y) / z
        return np.where(near, series, y)

    def backward(self, gy):
        (x,) = self.xs
        return gy * (np.pi * Sinc(self.n + 1)(x))

    @staticmethod
    def samples(rng):
        for n in (0, 1, 2):
            yield (np.array([[0.0, 1e-3, 0.4], [-0.63, 1.7, -3.2]]),), {"n": n}


class BesselI(Function):
    """The modified Bessel function Iₙ(x),  dy/dx = (Iₙ₋₁ + Iₙ₊₁) / 2.

    The mean of exp(x cos θ) cos(nθ) over equidistant angles, which converges exponentially: the
    error is I(N - n) for N angles, and for N = 256 less than 1e-16 of y up to x = 700.
    """

    elementwise = True
    samples = one_input()

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def forward(self, x):
        if self.n == 0:
            return np.i0(x)
        # by symmetry, a quarter of the angles: θ and π - θ give cosh or sinh
        angles = (np.arange(64) + 0.5) * (np.pi / 128)
        function = (np.cosh, np.sinh)[self.n % 2]
        y = np.zeros_like(x)
        for angle in angles.tolist():
            y = y + function(x * math.cos(angle)) * (math.cos(self.n * angle) / 64)
        return y

    def backward(self, gy):
        (x,) = self.xs
        return gy * (0.5 * (BesselI(abs(self.n - 1))(x) + BesselI(self.n + 1)(x)))


# ---- Functions of one array ----


@of("fabs")
def fabs(x: Any) -> Any:
    """|x|, of integers too as floats."""
    return absolute(*operands_of(np.fabs, x))


@of("degrees", "rad2deg")
def degrees(x: Any) -> Any:
    """x · 180/π."""
    (x,) = operands_of(np.degrees, x)
    return mul(x, 180 / math.pi)


@of("radians", "deg2rad")
def radians(x: Any) -> Any:
    """x · π/180."""
    (x,) = operands_of(np.radians, x)
    return mul(x, math.pi / 180)


@of("conjugate", "real")
def conjugate(x: Any) -> Any:
    """x itself, as Variables are real."""
    return as_operand(x)


@of("real_if_close")
def real_if_close(a: Any, tol: float = 100) -> Any:
    """x itself, as Variables are real."""
    return as_operand(a)


@of("imag", constant=True)
def imag(val: Any) -> Any:
    """0, as Variables are real."""
    return np.zeros_like(val)


@of("angle", constant=True)
def angle(z: Any, deg: bool = False) -> Any:
    """0 for a positive number and π, or 180, for a negative one."""
    return constant_of("angle", z, deg)


@of("fix")
def fix(x: Any) -> Any:
    """x rounded towards 0."""
    return trunc(x)


@of("around")
def around(a: Any, decimals: int = 0) -> Any:
    """np.round."""
    return rounded(a, decimals)


@of("astype")
def astype(x: Any, dtype: Any, *, copy: bool = True) -> Any:
    """x in another dtype."""
    return cast(x, dtype)


@of("sinc")
def sinc(x: Any) -> Any:
    """sin(πx) / (πx), and 1 at 0."""
    x = as_operand(x)
    return Sinc()(x if x.dtype.kind == "f" else cast(x, np.float64))


@of("i0")
def i0(x: Any) -> Any:
    """The modified Bessel function I₀."""
    x = as_operand(x)
    return BesselI()(x if x.dtype.kind == "f" else cast(x, np.float64))


@of("frexp")
def frexp(x: Any) -> tuple[Any, Any]:
    """The mantissa m, and the exponent n, a constant: x = m 2ⁿ with ½ ≤ |m| < 1."""
    (x,) = operands_of(np.frexp, x)
    _, n = constant_of("frexp", x)
    return Ldexp()(x, -n), n


@of("modf")
def modf(x: Any) -> tuple[Any, Any]:
    """The fraction of x, and x rounded towards 0."""
    (x,) = operands_of(np.modf, x)
    integers = trunc(x)
    return where(np.isinf(x), 0, x - where(np.isinf(x), 0, integers)), integers


@of("nan_to_num")
def nan_to_num(
    x: Any,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Any:
    """x with numbers in place of NaN and ±inf, where its derivative is 0.

    Raises:
        TypeError: copy is False, which would write into x.
    """
    if not copy:
        raise TypeError(
            "nan_to_num: got copy=False, needed True: nothing can be written into a Variable"
        )
    x = as_operand(x)
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    y = where(np.isnan(x), nan, x)
    y = where(np.isposinf(x), limits.max if posinf is None else posinf, y)
    return cast(where(np.isneginf(x), limits.min if neginf is None else neginf, y), x.dtype)


# ---- Functions of two arrays ----


@of("fmax")
def fmax(x0: Any, x1: Any) -> Any:
    """The larger of x0 and x1; of a number and NaN, the number."""
    nan0, nan1 = np.isnan(x0), np.isnan(x1)
    return maximum(where(nan0, x1, x0), where(nan1, x0, x1))


@of("fmin")
def fmin(x0: Any, x1: Any) -> Any:
    """The smaller of x0 and x1; of a number and NaN, the number."""
    nan0, nan1 = np.isnan(x0), np.isnan(x1)
    return minimum(where(nan0, x1, x0), where(nan1, x0, x1))


@of("copysign")
def copysign(x0: Any, x1: Any) -> Any:
    """|x0| with the sign of x1. In x1 it is piecewise constant."""
    x0, x1 = operands_of(np.copysign, x0, x1)
    return where(np.equal(np.signbit(x0), np.signbit(x1)), x0, -as_operand(x0))


@of("heaviside")
def heaviside(x0: Any, x1: Any) -> Any:
    """0 for x0 < 0, x1 for x0 = 0, 1 for x0 > 0. In x0 it is piecewise constant."""
    x0, x1 = operands_of(np.heaviside, x0, x1)
    nonzero = where(np.isnan(x0), x0, np.greater(x0, 0).astype(as_operand(x0).dtype))
    return where(np.equal(x0, 0), x1, nonzero)


@of("ldexp")
def ldexp(x0: Any, x1: Any) -> Any:
    """x0 2ⁿ for integers n."""
    return Ldexp()(*operands_of(np.ldexp, x0, x1))


@of("float_power")
def float_power(x0: Any, x1: Any) -> Any:
    """x0^x1, in float64."""
    x0, x1 = [x if type(x) in (int, float) else cast(x, np.float64) for x in (x0, x1)]
    return power(x0, float(x1) if type(x1) is int else x1)
