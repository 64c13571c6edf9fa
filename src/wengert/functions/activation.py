"""Activation functions. (tanh is in trigonometry.py.)"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert import kernels
from wengert.arguments import number
from wengert.arrays import as_array
from wengert.core import Function, Variable
from wengert.functions.arithmetic import add, div, mul, neg
from wengert.functions.axes import checked_axis
from wengert.functions.gaussian import Ndtr
from wengert.functions.join import split
from wengert.functions.piecewise import clip
from wengert.functions.precision import in_float
from wengert.functions.samples import one_input
from wengert.functions.types import Input, X
from wengert.functions.weighted import weighted
from wengert.functions.zeros import all_zero

__all__ = [
    "celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_swish", "leaky_relu", "log_sigmoid",
    "log_softmax", "mish", "prelu", "relu", "selu", "sigmoid", "silu", "softmax", "softplus",
    "softsign",
]  # fmt: skip

# Self-normalizing networks keep mean 0 and variance 1; arXiv:1706.02515, equation 14.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


class Sigmoid(Function):
    """y = 1 / (1 + e⁻ˣ),  dy/dx = y (1 - y)."""

    elementwise = True
    samples = one_input(-4, 4)

    def forward(self, x):
        return logistic(x)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        return gy * (y * (logistic(-x) if near_one(y) else 1 - y))


def near_one(y: Any) -> bool:
    """Whether 1 - y loses digits for an element of y, as far as y is known; or there is NaN."""
    if isinstance(y, Variable):
        y = y.data
    if type(y) is np.ndarray:
        return y.size > 0 and not y.item(y.argmax()) <= 0.99  # (faster than np.max)
    return isinstance(y, np.floating) and not float(y) <= 0.99


def logistic(x):
    """1 / (1 + e⁻ˣ), for use in a forward."""
    # the argument of exp is ≤ 0: no overflow, and y near 0 keeps its precision
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-abs(x)))


class ReLU(Function):
    """y = max(x, 0),  dy/dx = 1 for x > 0, else 0."""

    elementwise = True

    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, gy):
        (x,) = self.xs
        return weighted(gy, x > 0)

    @staticmethod
    def samples(rng):
        for shape in [(2, 3), ()]:
            yield (rng.uniform(0.1, 2, size=shape) * rng.choice([-1, 1], size=shape),)


class LeakyReLU(Function):
    """y = x for x > 0, else slope x;  dy/dx = 1, or slope."""

    elementwise = True

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x):
        return np.where(x > 0, x, self.slope * x)

    def backward(self, gy):
        (x,) = self.xs
        return np.where(x > 0, gy, self.slope * gy)

    @staticmethod
    def samples(rng):
        for sample in ReLU.samples(rng):
            yield sample
            yield sample, {"slope": 1.5}


class PReLU(Function):
    """y = x for x > 0, else slope x, with a trained slope."""

    elementwise = True

    def forward(self, x, slope):
        return np.where(x > 0, x, slope * x)

    def backward(self, gy):
        x, slope = self.xs
        need_x, need_slope = self.needs
        gx = np.where(x > 0, gy, slope * gy) if need_x else None
        return gx, np.where(x > 0, 0, x * gy) if need_slope else None

    @staticmethod
    def samples(rng):
        for shape in [(), (3, 1), (2, 3, 2)]:
            x = rng.uniform(0.1, 2, size=(2, 3, 2)) * rng.choice([-1, 1], size=(2, 3, 2))
            yield x, rng.normal(size=shape)


class ELU(Function):
    """y = x for x > 0, else α (eˣ - 1);  dy/dx = 1, or α eˣ."""

    elementwise = True

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x):
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def backward(self, gy):
        (x,) = self.xs
        return np.where(x > 0, gy, gy * (self.alpha * np.exp(np.minimum(x, 0))))

    @staticmethod
    def samples(rng):
        for sample in ReLU.samples(rng):
            yield sample
            yield sample, {"alpha": 0.5}


class GELU(Function):
    """y = x Φ(x),  dy/dx = Φ(x) + x φ(x): Φ and φ belong to the standard normal distribution."""

    elementwise = True
    samples = one_input(-4, 4)

    def forward(self, x):
        z = np.maximum(x, -40)  # for smaller x, Φ is 0, and -inf times 0 would be NaN
        return z * Ndtr().forward(z)

    def backward(self, gy):
        (x,) = self.xs
        z = np.clip(x, -40, 40)  # for larger |x|, φ is 0 and Φ is 0 or 1; z² cannot overflow
        density = np.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))
        return gy * (Ndtr()(z) + z * density)


class TanhGELU(Function):
    """y = x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³), an approximation of x Φ(x)."""

    elementwise = True
    samples = one_input(-4, 4)

    def forward(self, x):
        z = np.clip(x, -99, 99)  # for larger |x|, tanh u is ±1; the cube cannot overflow
        with np.errstate(over="ignore"):  # (1 / inf = 0 is right)
            # (1 + tanh u) / 2, with all digits where tanh u is near -1
            return np.maximum(x, -99) / (1 + np.exp(z * (-2 * GELU_A - 2 * GELU_B * z * z)))

    def backward(self, gy):
        (x,) = self.xs
        z = np.clip(x, -99, 99)
        u = z * (-2 * GELU_A - 2 * GELU_B * z * z)  # (-2 times the u above)
        z = -4 * GELU_A * z - 3 * u  # -z du/dz; the names are used again, which saves memory
        if isinstance(u, Variable):
            return gy * (sigmoid(-u) * (1 + sigmoid(u) * z))
        with np.errstate(over="ignore"):
            u = 1 / (1 + np.exp(u))
        return gy * (u * (1 + (1 - u) * z))


GELU_A = math.sqrt(2 / math.pi)
GELU_B = 0.044715 * GELU_A


class SiLU(Function):
    """y = x s with s = 1 / (1 + e⁻ˣ),  dy/dx = s (1 + x (1 - s))."""

    elementwise = True
    samples = one_input(-4, 4)

    def forward(self, x):
        x = np.maximum(x, -1000)  # s is 0 there, and -inf times 0 would be NaN
        return x * logistic(x)

    def backward(self, gy):
        (x,) = self.xs
        x = np.clip(x, -1000, 1000)
        s = sigmoid(x)
        rest = sigmoid(-x) if near_one(s) else 1 - s
        return gy * (s * (1 + x * rest))


class Softplus(Function):
    """y = log(1 + exp(βx)) / β,  dy/dx = 1 / (1 + exp(-βx))."""

    elementwise = True

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def forward(self, x):
        z = self.beta * x
        # the argument of exp is ≤ 0, so it cannot overflow
        return (np.maximum(z, 0) + np.log1p(np.exp(-abs(z)))) / self.beta

    def backward(self, gy):
        (x,) = self.xs
        return gy * sigmoid(self.beta * x)

    @staticmethod
    def samples(rng):
        for shape in [(2, 3), ()]:
            yield (rng.normal(size=shape),)
            yield (rng.normal(size=shape),), {"beta": 2.0}


class Softsign(Function):
    """y = x / (1 + |x|),  dy/dx = 1 / (1 + |x|)²."""

    elementwise = True
    samples = ReLU.samples

    def forward(self, x):
        x = np.clip(x, -1e30, 1e30)  # y is ±1 there, and inf / inf would be NaN
        return x / (1 + np.absolute(x))

    def backward(self, gy):
        (x,) = self.xs
        size = 1 + np.absolute(x)
        return gy / size / size


class Mish(Function):
    """y = x t with t = tanh(softplus(x)),  dy/dx = t + x (1 - t²) / (1 + e⁻ˣ)."""

    elementwise = True
    samples = one_input(-4, 2)

    def forward(self, x):
        x = np.maximum(x, -1000)  # t is 0 there, and -inf times 0 would be NaN
        return x * np.tanh(Softplus().forward(x))

    def backward(self, gy):
        (x,) = self.xs
        x = np.clip(x, -1000, 1000)
        u = Softplus()(x)
        t = np.tanh(u)
        slope = 4 * sigmoid(2 * u) * sigmoid(-2 * u) if near_one(t) else 1 - t * t
        return gy * (t + x * slope * sigmoid(x))


class Softmax(Function):
    """y = e^x / Σ e^x along `axis`,  dx = y (dy - Σ y dy)."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x):
        return kernels.softmax(x, self.axis)

    def backward(self, gy):
        return self.gradient_from(gy, *self.ys)

    def gradient_from(self, gy, y):
        gx = y * (gy - np.sum(y * gy, axis=self.axis, keepdims=True))
        return balanced(gx, y, self.axis) if near_one(y) else gx

    def backward_past_zeros(self, gy):
        (y,) = self.ys
        unused = np.logical_or(np.equal(y, 0), all_zero(gy, [self.axis]))
        return self.gradient_from(np.where(unused, 0, gy), np.where(unused, 0, y))

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=(2, 3, 2)),), {"axis": 1}
        yield (rng.normal(size=(2, 3, 2)),), {"axis": -3}
        yield (rng.normal(size=(3,)),)


class LogSoftmax(Function):
    """y = x - log Σ e^x along `axis`,  dx = dy - e^y Σ dy."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x):
        return kernels.log_softmax(x, self.axis)

    def backward(self, gy):
        return self.gradient_from(gy, *self.ys)

    def gradient_from(self, gy, y):
        p = np.exp(y)
        gx = gy - p * np.sum(gy, axis=self.axis, keepdims=True)
        return balanced(gx, p, self.axis) if near_one(p) else gx

    def backward_past_zeros(self, gy):
        return self.gradient_from(gy, np.where(all_zero(gy, [self.axis]), 0, self.ys[0]))

    samples = Softmax.samples


def balanced(gx: Any, p: Any, axis: int) -> Any:
    """`gx`, whose sum is 0, with the element of the largest p computed from the others.

    Where p is almost 1, that element is a difference of equal numbers, which loses its digits.
    """
    largest = np.argmax(as_array(p), axis=axis, keepdims=True)
    top = np.zeros(p.shape, bool)
    np.put_along_axis(top, largest, True, axis)
    return np.where(top, -np.sum(np.where(top, 0, gx), axis=axis, keepdims=True), gx)


# ---- Public functions ----


# fmt: off
@in_float("x")
def sigmoid(x: Input[X]) -> X:
    """y = 1 / (1 + e⁻ˣ), between 0 and 1."""
    return Sigmoid()(x)

@in_float("x")
def log_sigmoid(x: Input[X]) -> X:
    """y = log sigmoid(x), exact where sigmoid(x) rounds to 0."""
    return neg(Softplus()(neg(x)))

def relu(x: Input[X]) -> X:
    """y = max(x, 0); its gradient at 0 is 0."""
    return ReLU()(x)

@in_float("x")
def leaky_relu(x: Input[X], slope: float = 0.01) -> X:
    """y = x for x > 0, else slope x."""
    return LeakyReLU(number("leaky_relu", "slope", slope))(x)

@in_float("x")
def elu(x: Input[X], alpha: float = 1.0) -> X:
    """y = x for x > 0, else α (eˣ - 1). Source: arXiv:1511.07289."""
    return ELU(number("elu", "alpha", alpha))(x)

@in_float("x")
def selu(x: Input[X]) -> X:
    """y = λ elu(x, α), with the α and λ of self-normalizing networks. Source: arXiv:1706.02515."""
    return mul(SELU_SCALE, ELU(SELU_ALPHA)(x))

@in_float("x")
def silu(x: Input[X]) -> X:
    """y = x sigmoid(x), also known as swish. Source: arXiv:1606.08415, section 2."""
    return SiLU()(x)

@in_float("x")
def mish(x: Input[X]) -> X:
    """y = x tanh(softplus(x)). Source: arXiv:1908.08681."""
    return Mish()(x)

@in_float("x")
def softsign(x: Input[X]) -> X:
    """y = x / (1 + |x|), between -1 and 1."""
    return Softsign()(x)

@in_float("x")
def hard_sigmoid(x: Input[X]) -> X:
    """y = x/6 + 1/2, limited to 0 ≤ y ≤ 1. Source: arXiv:1905.02244, section 5.2."""
    return clip(add(mul(x, 1 / 6), 0.5), 0, 1)

@in_float("x")
def hard_swish(x: Input[X]) -> X:
    """y = x hard_sigmoid(x). Source: arXiv:1905.02244, section 5.2."""
    return mul(clip(x, -3), hard_sigmoid(x))  # (-inf times 0 would be NaN)
# fmt: on


@in_float("x")
def celu(x: Input[X], alpha: float = 1.0) -> X:
    """y = x for x > 0, else α (exp(x/α) - 1), which is smooth at 0. Source: arXiv:1704.07483.

    Raises:
        TypeError: α is not a number.
        ValueError: α is 0.
    """
    alpha = number("celu", "alpha", alpha)
    if alpha == 0:
        raise ValueError(
            "celu: got alpha 0, but x is divided by it; use relu(x), the limit for alpha → 0"
        )
    return mul(alpha, ELU()(div(x, alpha)))


@in_float("x")
def gelu(x: Input[X], approximate: bool = False) -> X:
    """y = x Φ(x), where Φ is the standard normal distribution. Source: arXiv:1606.08415.

    Args:
        x: input.
        approximate: use y = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, as GPT-2 does: several
            times faster, with an error below 0.0005.
    """
    return TanhGELU()(x) if approximate else GELU()(x)


@in_float("x")
def softplus(x: Input[X], beta: float = 1.0) -> X:
    """y = log(1 + exp(βx)) / β: a smooth approximation of relu, closer for larger β.

    Raises:
        TypeError: β is not a number.
        ValueError: β is not positive.
    """
    return Softplus(number("softplus", "beta", beta, above=0))(x)


@in_float("x", "slope")
def prelu(x: Input[X], slope: Input[X]) -> X:
    """y = x for x > 0, else slope x, with a trained slope. Source: arXiv:1502.01852.

    Args:
        x: input, (N, C) or (N, C, ...); with a single slope, of any shape.
        slope: (C,), one for each channel; or (1,) or (), one for all elements.

    Raises:
        ValueError: the number of slopes is neither 1 nor that of the channels.
    """
    shape, C = np.shape(x), np.size(slope)
    if np.ndim(slope) > 1 or (C != 1 and (len(shape) < 2 or shape[1] != C)):
        raise ValueError(
            f"prelu: got slope {np.shape(slope)} for x {shape}, needed a single slope, (), "
            f"or one for each channel on axis 1, (C,)"
        )
    return PReLU()(x, np.reshape(slope, (C,) + (1,) * (len(shape) - 2) if C > 1 else ()))


@in_float("x")
def glu(x: Input[X], axis: int = -1) -> X:
    """y = a sigmoid(b), where a and b are the halves of x along `axis`. Source: arXiv:1612.08083.

    Raises:
        ValueError: x has no such axis, or its size along it is odd.
    """
    shape = np.shape(x)
    axis = checked_axis("glu", axis, shape)
    if shape[axis] % 2:
        raise ValueError(f"glu: got x {shape}, needed an even size along axis {axis}")
    a, b = split(x, 2, axis)
    return mul(a, sigmoid(b))


@in_float("x")
def softmax(x: Input[X], axis: int = -1) -> X:
    """y = e^x / Σ e^x along `axis`: positive numbers whose sum is 1.

    Raises:
        ValueError: x has no such axis, or its size along it is 0.
    """
    return Softmax(_one_axis("softmax", x, axis))(x)


@in_float("x")
def log_softmax(x: Input[X], axis: int = -1) -> X:
    """y = log softmax(x) along `axis`, exact where softmax(x) rounds to 0.

    Raises:
        ValueError: x has no such axis, or its size along it is 0.
    """
    return LogSoftmax(_one_axis("log_softmax", x, axis))(x)


def _one_axis(name: str, x: Input[X], axis: int) -> int:
    shape = np.shape(x)
    axis = checked_axis(name, axis, shape)
    if shape[axis] == 0:
        raise ValueError(f"{name}: got x {shape}, needed at least one element along axis {axis}")
    return axis
