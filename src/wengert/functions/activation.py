"""Activations: the nonlinear steps between layers."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.core import Function, Operand, Variable
from wengert.functions.samples import one_input


class Sigmoid(Function):
    """y = 1 / (1 + e⁻ˣ),  dy/dx = y (1 - y)."""

    elementwise = True
    samples = one_input(-4, 4)

    def forward(self, x: Any) -> Any:
        # exp only ever sees numbers ≤ 0: no overflow, and all digits of a y near 0 are right
        return np.exp(np.minimum(x, 0)) / (1 + np.exp(-abs(x)))

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy * (y * (1 - y))


class ReLU(Function):
    """y = max(x, 0),  dy/dx = 1 for x > 0, else 0."""

    elementwise = True

    def forward(self, x: Any) -> Any:
        return np.maximum(x, 0)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy * (x > 0)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        for shape in [(2, 3), ()]:
            yield (rng.uniform(0.1, 2, size=shape) * rng.choice([-1, 1], size=shape),)


class Softmax(Function):
    """y = e^x / Σ e^x along `axis`,  dx = y (dy - Σ y dy)."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        y = np.exp(x - np.max(x, axis=self.axis, keepdims=True))  # the largest exponent is 0
        return y / np.sum(y, axis=self.axis, keepdims=True)

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return y * (gy - np.sum(y * gy, axis=self.axis, keepdims=True))

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=(2, 3, 2)),), {"axis": 1}
        yield (rng.normal(size=(2, 3, 2)),), {"axis": -3}
        yield (rng.normal(size=(3,)),)


class LogSoftmax(Function):
    """y = x - log Σ e^x along `axis`,  dx = dy - e^y Σ dy."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        z = x - np.max(x, axis=self.axis, keepdims=True)
        return z - np.log(np.sum(np.exp(z), axis=self.axis, keepdims=True))

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return gy - np.exp(y) * np.sum(gy, axis=self.axis, keepdims=True)

    samples = Softmax.samples


def sigmoid(x: Operand) -> Variable:
    """y = 1 / (1 + e⁻ˣ), between 0 and 1."""
    return Sigmoid()(x)


def relu(x: Operand) -> Variable:
    """y = max(x, 0); its gradient at 0 is 0."""
    return ReLU()(x)


def softmax(x: Operand, axis: int = -1) -> Variable:
    """y = e^x / Σ e^x along `axis`: positive numbers whose sum is 1.

    Raises:
        ValueError: x has no such axis, or its length there is 0.
    """
    _check_axis("softmax", x, axis)
    return Softmax(axis)(x)


def log_softmax(x: Operand, axis: int = -1) -> Variable:
    """y = log softmax(x) along `axis`, exact where softmax itself would round to 0.

    Raises:
        ValueError: x has no such axis, or its length there is 0.
    """
    _check_axis("log_softmax", x, axis)
    return LogSoftmax(axis)(x)


def _check_axis(name: str, x: Operand, axis: int) -> None:
    shape = np.shape(x.data if isinstance(x, Variable) else x)
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"{name}: got axis {axis} for x {shape}, which has {len(shape)} axes")
    if shape[axis] == 0:
        raise ValueError(f"{name}: x {shape} has no elements along axis {axis} to share 1 among")
