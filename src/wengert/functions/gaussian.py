"""The normal distribution and the error function's relatives: tails, inverses, logarithms.

Errors are stated in units of the last place (ulp) of float64, against 40 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core import Function
from wengert.functions.arithmetic import mul
from wengert.functions.math import polynomial
from wengert.functions.precision import in_float
from wengert.functions.samples import one_input
from wengert.functions.types import Input, X

__all__ = ["erfc", "erfcinv", "erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri"]

ROOT_PI = math.sqrt(math.pi)
ROOT_HALF = math.sqrt(0.5)


class Erfc(Function):
    """y = erfc x = 1 - erf x,  dy/dx = -2/√π exp(-x²). Within 8 ulp, in the tail too."""

    elementwise = True
    samples = one_input()

    def forward(self, x):
        a = np.minimum(np.absolute(x), 30)  # (beyond, the tail is 0)
        tail = _exp_of_minus_square(a) * scaled_tail(a)
        return np.where(x < 0, 2 - tail, tail)

    def backward(self, gy):
        (x,) = self.xs
        return gy * (-2 / ROOT_PI * np.exp(-x * x))


class Erfcx(Function):
    """y = exp(x²) erfc x,  dy/dx = 2xy - 2/√π. Within 8 ulp for x ≥ 0."""

    elementwise = True
    samples = one_input()

    def forward(self, x):
        tail = scaled_tail(np.absolute(x))
        with np.errstate(over="ignore"):  # inf is right for x far below 0
            a = np.minimum(x, 0)
            return np.where(x < 0, 2 * np.exp(a * a) - tail, tail)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        # for large x the terms cancel, and the asymptotic series has all digits
        far = np.greater(x, 10)
        w = 1 / np.square(np.where(far, x, 10))
        series = -w / ROOT_PI * polynomial(ERFCX_SLOPE, w)
        near = 2 * np.where(far, 0, x) * np.where(far, 0, y) - 2 / ROOT_PI
        return gy * np.where(far, series, near)


class Erfcinv(Function):
    """y with erfc y = x,  dy/dx = -√π/2 exp(y²). Within 8 ulp, from the smallest x on."""

    elementwise = True
    samples = one_input(0.2, 1.8)

    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            tail = _inverse_tail(np.minimum(x, 2 - x))
            middle = np.absolute(1 - x) <= 0.5
            return np.where(middle, _erfinv_near(1 - x), np.where(x > 1, -tail, tail))

    def backward(self, gy):
        (y,) = self.ys
        return gy * (-ROOT_PI / 2 * np.exp(y * y))


class Erfinv(Function):
    """y with erf y = x,  dy/dx = √π/2 exp(y²). Within 8 ulp of the y for x, near ±1 too."""

    elementwise = True
    samples = one_input(-0.9, 0.9)

    def forward(self, x):
        a = np.absolute(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(a <= 0.5, _erfinv_near(x), np.sign(x) * _inverse_tail(1 - a))

    def backward(self, gy):
        (y,) = self.ys
        return gy * (ROOT_PI / 2 * np.exp(y * y))


class Ndtr(Function):
    """y = Φ(x), the cumulative normal distribution,  dy/dx = φ(x). Within 8 ulp, also far out."""

    elementwise = True
    samples = one_input()

    def forward(self, x):
        tail = _normal_tail(x)
        return np.where(x < 0, tail, 1 - tail)

    def backward(self, gy):
        (x,) = self.xs
        return gy * (ROOT_HALF / ROOT_PI * np.exp(-x * x / 2))


class LogNdtr(Function):
    """y = log Φ(x),  dy/dx = φ(x) / Φ(x)."""

    elementwise = True
    samples = one_input()

    def forward(self, x):
        low = x < -1
        z = np.where(low, x, -1)
        with np.errstate(over="ignore", divide="ignore"):  # -inf is right for x far below 0
            below = np.log(scaled_tail(-ROOT_HALF * z) / 2) - z * z / 2
        tail = _normal_tail(np.where(low, -1, x))
        return np.where(low, below, np.log1p(-np.where(x < 0, 1 - tail, tail)))

    def backward(self, gy):
        (x,) = self.xs
        return gy * NormalHazard()(x)


class NormalHazard(Function):
    """y = φ(x) / Φ(x), for the gradient of log Φ;  dy/dx = -y (x + y).

    Far below 0, y is almost -x, and the asymptotic series of dy/dx has all digits.
    """

    elementwise = True
    samples = one_input()

    def forward(self, x):
        tail = scaled_tail(ROOT_HALF * np.absolute(x))
        bell = _exp_of_minus_square(np.minimum(np.absolute(x), 40), 2)
        with np.errstate(divide="ignore"):
            return 2 * ROOT_HALF / ROOT_PI * np.where(x < 0, 1 / tail, bell / (2 - bell * tail))

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        far = np.less(x, -25)
        series = polynomial(HAZARD_SLOPE, 1 / np.square(np.where(far, x, -25)))
        x, y = np.where(far, 0, x), np.where(far, 0, y)
        return gy * np.where(far, series, -y * (x + y))


# ---- Parts of the formulas ----


def scaled_tail(x: Any) -> Any:
    """exp(x²) erfc x for x ≥ 0.

    With t = 2/(2 + x), the logarithm of it divided by t is a polynomial in 2t - 1, fitted here at
    Chebyshev nodes in 50 digits.
    """
    t = 2 / (2 + x)
    return t * np.exp(polynomial(ERFCX, 2 * t - 1))


def _normal_tail(x: Any) -> Any:
    """Φ(-|x|)."""
    a = np.minimum(np.absolute(x), 40)  # (beyond, it is 0)
    return _exp_of_minus_square(a, 2) * scaled_tail(ROOT_HALF * a) / 2


def _exp_of_minus_square(x: Any, n: int = 1) -> Any:
    """exp(-x²/n) for 0 ≤ x ≤ 40; the square of the rounded x is exact: no digits are lost."""
    near = np.rint(16 * x) / 16
    return np.exp(-near * near / n) * np.exp(-(x - near) * (x + near) / n)


def _erfinv_near(x):
    """y with erf y = x, for |x| ≤ 0.5."""
    x = np.where(np.absolute(x) <= 0.5, x, 0)
    return x * polynomial(ERFINV_NEAR, x * x)


def _inverse_tail(q):
    """y ≥ 0 with erfc y = q, for q ≤ 0.5; by Newton's method on log erfc."""
    q = np.minimum(q, 0.5)
    log_q = np.log(q)
    finite = np.maximum(log_q, -800)
    start = -finite - np.log(-math.pi * np.minimum(finite, -1)) / 2
    y = np.sqrt(np.maximum(start, 0.1))
    for _ in range(5):
        tail = scaled_tail(y)
        y = y + (np.log(tail) - y * y - finite) * (ROOT_PI / 2) * tail
    return np.where(np.equal(q, 0), np.inf, np.where(q >= 0, y, np.nan))


# fmt: off
ERFCX = (
    4.059203416871319e-09, -1.6257634004200004e-09, -3.9153823681150644e-08, 3.996584549064402e-08,
    1.532694522477242e-07, -3.175036568175422e-07, -1.6833321758830403e-07, 1.3278447814608566e-06,
    -1.2725384918465064e-06, -3.0087258428155394e-06, 8.562827807038024e-06, 1.7065643682608049e-07,
    -3.0188008635174027e-05, 3.1732769210255435e-05, 7.140106496969276e-05, -0.00017429974539128116,
    -9.373504499208804e-05, 0.0006736782487619259, -0.00014624686098279685, -0.002345812442194841,
    0.0017589335575530585, 0.008824938553557172, -0.009872689366376865, -0.04689561023107716,
    0.04734330684190415, 0.6726432239776559, -0.6717940840566923,
)
ERFINV_NEAR = (
    0.10731270953322966, -0.05799434039218378, 0.06328732250395408, 0.01684096925270822,
    0.033822614870488245, 0.03618964120014893, 0.04286096362070598, 0.05172986666849686,
    0.06495967050044667, 0.08655212807619524, 0.1275561753189261, 0.2320136665345948,
    0.886226925452758,
)
ERFCX_SLOPE = tuple(
    math.prod(range(1, 2 * k + 2, 2)) / (-2) ** k for k in range(13, -1, -1)
)
HAZARD_SLOPE = (
    505785122, -25625910, 1435330, -89782, 6354, -518, 50, -6, 1, -1,
)
# fmt: on


# ---- Public functions ----


# fmt: off
@in_float("x")
def erfc(x: Input[X]) -> X:
    """y = erfc x = 1 - erf x, exact where erf x is near 1."""
    return Erfc()(x)

@in_float("x")
def erfcx(x: Input[X]) -> X:
    """y = exp(x²) erfc x, without underflow for large x."""
    return Erfcx()(x)

@in_float("x")
def erfinv(x: Input[X]) -> X:
    """y with erf y = x: ±inf at ±1, NaN outside."""
    return Erfinv()(x)

@in_float("x")
def erfcinv(x: Input[X]) -> X:
    """y with erfc y = x: inf at 0, -inf at 2, NaN outside."""
    return Erfcinv()(x)

@in_float("x")
def ndtr(x: Input[X]) -> X:
    """y = Φ(x), the cumulative distribution of the normal distribution."""
    return Ndtr()(x)

@in_float("x")
def log_ndtr(x: Input[X]) -> X:
    """y = log Φ(x), without underflow for x far below 0."""
    return LogNdtr()(x)

@in_float("x")
def ndtri(x: Input[X]) -> X:
    """y with Φ(y) = x, the quantiles of the normal distribution: ±inf at 0 and 1, NaN outside."""
    return mul(-1 / ROOT_HALF, Erfcinv()(mul(x, 2.0)))
# fmt: on
