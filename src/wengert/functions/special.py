"""Special functions: gamma and related ones, logarithms of probabilities.

Of the gamma functions, errors are stated in units of the last place (ulp) of float64, against 40
digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.arguments import fraction, integer
from wengert.core import Function
from wengert.functions.arguments import as_operand
from wengert.functions.arithmetic import add
from wengert.functions.math import polynomial
from wengert.functions.piecewise import clip, maximum, minimum, where
from wengert.functions.precision import in_float
from wengert.functions.samples import one_input, two_inputs
from wengert.functions.types import Input, X

__all__ = [
    "betaln", "digamma", "entr", "gammaln", "logit", "polygamma", "xlog1py", "xlogy",
]  # fmt: skip

# B₂, B₄, …: numerators and denominators of the Bernoulli numbers
BERNOULLI = tuple(
    a / b
    for a, b in [
        (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510),
        (43867, 798), (-174611, 330),
    ]
)  # fmt: skip


class GammaLn(Function):
    """y = log |Γ(x)|,  dy/dx = digamma x.

    Up to 3 a polynomial, fitted here at Chebyshev nodes in 50 digits, times (x - 1)(x - 2), the
    zeros; up to 10 by Γ(x + 1) = x Γ(x); beyond by Stirling's series; below 0 by reflection. Within
    8 ulp for x > 0; below 0 also within 8 ulp of the sizes of the terms.
    """

    elementwise = True
    samples = one_input(0.5, 12)

    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            a = np.absolute(x)
            y = np.where(a < 10, _gammaln_near(np.minimum(a, 10)), _stirling(np.maximum(a, 10)))
            reflected = LOG_PI - np.log(a) - np.log(np.absolute(_sin_pi(x))) - y
            return np.where((x < 0) & (a < np.inf), reflected, y)

    def backward(self, gy):
        (x,) = self.xs
        return gy * digamma(x)


class PolyGamma(Function):
    """y = the derivative of order n + 1 of log Γ(x),  dy/dx = that of order n + 2.

    The recurrence up to 10 + n, then the asymptotic series; below 0 by reflection. Within 8 ulp for
    x > 0 (for n = 0, where y is near 0, of 1).
    """

    elementwise = True

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def forward(self, x):
        n = self.n
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            below = x < 0
            y = _polygamma(n, np.where(below, 1 - x, x))
            if n % 2:
                reflected = -math.pi * _cot_pi_derivative(n, x) - y
            else:
                # between two poles of different signs there is no value
                reflected = y - math.pi * _cot_pi_derivative(n, x)
                reflected = np.where(np.equal(np.rint(x), x), np.nan, reflected)
            return np.where(below, reflected, y)

    def backward(self, gy):
        (x,) = self.xs
        return gy * PolyGamma(self.n + 1)(x)

    @staticmethod
    def samples(rng):
        for n in (0, 1, 2):
            yield (rng.uniform(0.5, 12, size=(2, 3)),), {"n": n}
            yield (rng.uniform(-0.7, -0.3, size=()),), {"n": n}


class XLogY(Function):
    """y = x log y, and 0 for x = 0;  its derivatives are log y and x/y, and 0 for x = 0."""

    elementwise = True
    samples = two_inputs(0.5, 2)

    def forward(self, x, y):
        zero = np.equal(x, 0) & np.equal(y, y)  # (0 log NaN is NaN)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(zero, 0, x * np.log(np.where(zero, 1, y)))

    def backward(self, gz):
        x, y = self.xs
        zero = np.equal(x, 0)
        return gz * np.log(y), np.where(zero, 0, gz * x / np.where(zero, 1, y))


class XLog1pY(Function):
    """y = x log(1 + y), and 0 for x = 0, exact for small y;  see `XLogY`."""

    elementwise = True
    samples = two_inputs(0.5, 2)

    def forward(self, x, y):
        zero = np.equal(x, 0) & np.equal(y, y)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(zero, 0, x * np.log1p(np.where(zero, 0, y)))

    def backward(self, gz):
        x, y = self.xs
        zero = np.equal(x, 0)
        return gz * np.log1p(y), np.where(zero, 0, gz * x / np.where(zero, 1, 1 + y))


class Logit(Function):
    """y = log(x / (1 - x)), the inverse of the sigmoid;  dy/dx = 1 / (x (1 - x))."""

    elementwise = True
    samples = one_input(0.1, 0.9)

    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):  # -inf and inf at 0 and 1
            middle = np.absolute(x - 0.5) < 0.25
            near = 2 * np.arctanh(np.where(middle, 2 * x - 1, 0))
            far = np.where(middle, 0.5, x)
            return np.where(middle, near, np.log(far) - np.log1p(-far))

    def backward(self, gy):
        (x,) = self.xs
        return gy / (x * (1 - x))


# ---- Parts of the formulas ----

STIRLING = tuple([b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI[:8])][::-1])
LOG_PI = math.log(math.pi)
LOG_SQRT_2PI = math.log(2 * math.pi) / 2


def _sin_pi(x):
    """|sin πx|, exact at the integers."""
    return np.sin(math.pi * (x - np.rint(x)))


def _gammaln_near(a: Any) -> Any:
    """log Γ(a) for 0 ≤ a ≤ 10."""
    small = a < 1
    t: Any = a
    product: Any = 1.0
    for _ in range(7):  # Γ(t) = (t - 1) Γ(t - 1), down to 2 ≤ t < 3
        high = t >= 3
        t = np.where(high, t - 1, t)
        product = np.where(high, product * t, product)
    # (t - 1) and (t - 2) for t = a + 1, without rounding a + 1
    left, right = np.where(small, a, t - 1), np.where(small, a - 1, t - 2)
    y = left * right * polynomial(GAMMALN_NEAR, right)
    return y + np.where(small, -np.log(a), np.log(product))


def _stirling(a):
    """log Γ(a) for a ≥ 10."""
    w = 1 / (a * a)
    terms = [b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI[:8])]
    return (
        (a - 0.5) * (np.log(a) - 1) + (LOG_SQRT_2PI - 0.5) + polynomial(tuple(terms[::-1]), w) / a
    )


def _polygamma(n: int, x: Any) -> Any:
    """The polygamma function of order n for x ≥ 0."""
    total: Any = 0.0
    t: Any = x
    for _ in range(10 + n):
        low = t < 10 + n
        total = total + np.where(low, _power(t, -(n + 1)), 0)
        t = np.where(low, t + 1, t)
    w = 1 / (t * t)
    if n == 0:
        terms = [b / (2 * k + 2) for k, b in enumerate(BERNOULLI)]
        return np.log(t) - 0.5 / t - w * polynomial(tuple(terms[::-1]), w) - total
    # all divided by n!, which may be large
    terms = [b * math.comb(2 * k + n + 1, n) / (2 * k + 2) * 1.0 for k, b in enumerate(BERNOULLI)]
    series = _power(t, -n) * (1 / n + 0.5 / t + w * polynomial(tuple(terms[::-1]), w))
    sign = 1.0 if n % 2 else -1.0
    return sign * math.factorial(n) * (total + series)


def _power(t, n):
    """tⁿ for an integer n < 0, by products: exact to the last places, and inf at 0."""
    y = 1 / t
    result = y
    for _ in range(-n - 1):
        result = result * y
    return result


def _cot_pi_derivative(n: int, x: Any) -> Any:
    """The derivative of order n of cot πx."""
    c = 1 / np.tan(math.pi * (x - np.rint(x)))
    p = np.array([1.0, 0.0])  # of the polynomial in c, highest power first
    for _ in range(n):  # dc/dx = -π (1 + c²)
        p = -math.pi * np.polymul(np.polyder(p), [1.0, 0.0, 1.0])
    return polynomial(tuple(p.tolist()), c)


# fmt: off
GAMMALN_NEAR = (
    1.4756784497956257e-09, -3.045083104616406e-09, -3.6707781973177215e-09, 7.546982106044216e-09,
    1.4354602538186547e-08, -2.9689377236178223e-08, 8.980752931319328e-09, -1.9155798912805917e-08,
    1.0090082501416391e-07, -2.1160209415295267e-07, 3.9829198619176525e-07, -8.417878185566207e-07,
    1.8101965374585382e-06, -3.851628024568635e-06, 8.221641184688458e-06, -1.7660549436859962e-05,
    3.816898383928973e-05, -8.30953205143401e-05, 0.00018255262896164608, -0.0004057073767183402,
    0.0009153769228592748, -0.0021081308352055112, 0.00499864116468036, -0.012384192193336403,
    0.03296500062115597, -0.10031730167435421, 0.42278433509846713,
)
# fmt: on


# ---- Public functions ----


@in_float("x")
def gammaln(x: Input[X]) -> X:
    """y = log |Γ(x)|, with Γ(x) = (x - 1)! for integers; inf at 0, -1, -2, …

    Example:
        >>> float(np.exp(gammaln(5.0)).round(6))
        24.0
    """
    return GammaLn()(x)


@in_float("x")
def digamma(x: Input[X]) -> X:
    """y = d/dx log Γ(x): -inf at 0, NaN at -1, -2, …"""
    return PolyGamma(0)(x)


@in_float("x")
def polygamma(n: int, x: Input[X]) -> X:
    """y = the derivative of order n of the digamma function.

    Args:
        n: order, 0 ≤ n ≤ 100; 0 for the digamma function.
        x: input.

    Raises:
        TypeError: n is not an integer.
        ValueError: n is outside its range.

    Example:
        >>> float(polygamma(1, 1.0).round(6))  # π²/6
        1.644934
    """
    n = integer("polygamma", "n", n, 0)
    if n > 100:
        raise ValueError(f"polygamma: got n {n}, needed 0 ≤ n ≤ 100")
    return PolyGamma(n)(x)


@in_float("x0", "x1")
def betaln(x0: Input[X], x1: Input[X]) -> X:
    """y = log |B(x0, x1)| = log |Γ(x0) Γ(x1) / Γ(x0 + x1)|, for large arguments too."""
    x0, x1 = as_operand(x0), as_operand(x1)
    small, large = minimum(x0, x1), maximum(x0, x1)
    far = np.logical_and(np.greater_equal(large, 10), np.greater(small, 0))
    a, b = where(far, small, 1.0), where(far, large, 10.0)
    # log Γ(b) - log Γ(a + b), where the large terms of Stirling's formula cancel
    series = polynomial(STIRLING, 1 / (b * b)) / b
    series = series - polynomial(STIRLING, 1 / ((a + b) * (a + b))) / (a + b)
    ratio = series + a * (1 - np.log(a + b)) - (b - 0.5) * np.log1p(a / b)
    near = gammaln(where(far, 1.0, large)) - gammaln(
        where(far, 1.0, large) + where(far, 1.0, small)
    )
    return add(gammaln(small), where(far, ratio, near))


@in_float("x", "y")
def xlogy(x: Input[X], y: Input[X]) -> X:
    """x log y, and 0 for x = 0, also where y = 0."""
    return XLogY()(x, y)


@in_float("x", "y")
def xlog1py(x: Input[X], y: Input[X]) -> X:
    """x log(1 + y), exact for small y; and 0 for x = 0, also where y = -1."""
    return XLog1pY()(x, y)


@in_float("x")
def entr(x: Input[X]) -> X:
    """y = -x log x, 0 for x = 0, -inf for x < 0: the terms of the entropy."""
    negative = np.less(x, 0)
    return where(negative, -np.inf, -xlogy(x, where(negative, 1.0, x)))


@in_float("x")
def logit(x: Input[X], eps: float | None = None) -> X:
    """y = log(x / (1 - x)), the inverse of the sigmoid: -inf at 0, inf at 1, NaN outside.

    Args:
        x: probabilities, 0 ≤ x ≤ 1.
        eps: limit x to eps ≤ x ≤ 1 - eps first; None for no limit.

    Raises:
        ValueError: eps is outside 0 ≤ eps < 1.
    """
    if eps is not None:
        eps = fraction("logit", "eps", eps)
        x = clip(x, eps, 1 - eps)
    return Logit()(x)
