"""Losses, which training makes small, and accuracy, which people read."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.core import Constant, Function, Operand, Variable, as_array, as_variable
from wengert.functions.activation import softmax


class SoftmaxCrossEntropy(Function):
    """y = mean of -log softmax(x)[t] over the samples,  dy/dx = (softmax(x) - one_hot(t)) / N."""

    def forward(self, x: Any, t: Any) -> Any:
        z = x - np.max(x, axis=-1, keepdims=True)
        right = z.reshape(-1, z.shape[-1])[np.arange(t.size), t.reshape(-1)]
        # both sums are of one sign, so nothing cancels
        return (np.sum(np.log(np.sum(np.exp(z), axis=-1))) - np.sum(right)) / t.size

    def backward(self, gy: Any) -> Any:
        x, t = self.xs
        one_hot = np.equal(np.expand_dims(t, -1), np.arange(x.shape[-1]))  # (..., C)
        return (softmax(x) - one_hot) * (gy / t.size), None

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield rng.normal(size=(4, 3)), np.array([0, 2, 1, 2])
        yield rng.normal(size=(2, 2, 3)), np.array([[0, 1], [2, 2]])
        yield rng.normal(size=(3,)), np.array(1)


class MeanSquaredError(Function):
    """y = mean of (x0 - x1)² over all n elements,  dy/dx0 = 2 (x0 - x1) / n = -dy/dx1."""

    def forward(self, x0: Any, x1: Any) -> Any:
        d = x0 - x1
        return np.vdot(d, d) / d.size

    def backward(self, gy: Any) -> Any:
        x0, x1 = self.xs
        need0, need1 = self.needs
        gx0 = (x0 - x1) * (gy * (2 / x0.size))
        return gx0 if need0 else None, -gx0 if need1 else None

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        for shape in [(4, 3), (4,), ()]:
            yield rng.normal(size=shape), rng.normal(size=shape)


class Accuracy(Constant):
    """y = share of the samples whose largest x is at t."""

    def forward(self, x: Any, t: Any) -> Any:
        right = np.equal(np.argmax(x, axis=-1), t)
        return np.mean(right, dtype=np.result_type(x, np.float16))  # a float, x's own if it is one

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield rng.normal(size=(4, 3)), np.array([0, 2, 1, 2])
        yield rng.normal(size=(2, 2, 3)), np.array([[0, 1], [2, 2]])


def softmax_cross_entropy(x: Operand, t: Any) -> Variable:
    """Mean of -log softmax(x)[t]: how surprised the scores `x` are by the labels `t`.

    Args:
        x: scores (logits), (N, C) or (..., C), of any size: nothing overflows.
        t: labels, integers 0 ≤ t < C, (N,) or (...).

    Returns:
        Variable, (), in the dtype of x. Only x has a gradient.

    Raises:
        TypeError: the labels are not integers.
        ValueError: x and t disagree about the samples, or there is no class of such a label.

    Example:
        >>> x = np.array([[0.0, 0.0], [0.0, 1000.0]])
        >>> print(softmax_cross_entropy(x, np.array([0, 1])))
        0.34657359027997264
    """
    return SoftmaxCrossEntropy()(x, _labels("softmax_cross_entropy", x, t))


def mean_squared_error(x0: Operand, x1: Operand) -> Variable:
    """Mean of (x0 - x1)² over all elements.

    Args:
        x0: predictions, of any shape.
        x1: targets, of the same shape: (N, 1) and (N,) would make (N, N) differences.

    Returns:
        Variable, ().

    Raises:
        ValueError: the shapes differ, or there are no elements.
    """
    x0_, x1_ = as_array(x0), as_array(x1)
    if x0_.shape != x1_.shape:
        same = "; if element i belongs to element i, use x1.reshape(x0.shape)"
        raise ValueError(
            f"mean_squared_error: got x0 {x0_.shape} and x1 {x1_.shape}, needed equal shapes"
            f"{same if x0_.size == x1_.size else ''}"
        )
    if x0_.size == 0:
        raise ValueError(f"mean_squared_error: got no elements: x0 {x0_.shape}; a mean needs one")
    return MeanSquaredError()(x0, x1)


def accuracy(x: Operand, t: Any) -> Variable:
    """Share of the samples, 0 to 1, whose largest score in `x` is at the label in `t`.

    Args:
        x: scores or probabilities, (N, C) or (..., C).
        t: labels, integers 0 ≤ t < C, (N,) or (...).

    Returns:
        A constant, ().

    Raises:
        TypeError: the labels are not integers.
        ValueError: x and t disagree about the samples, or there is no class of such a label.
    """
    return Accuracy()(x, _labels("accuracy", x, t))


def _labels(name: str, x: Operand, t: Any) -> Any:
    """The labels `t`, checked against the scores `x`, and of x's kind: array or Variable."""
    recorded = isinstance(x, Variable)
    x, t = as_array(x), as_array(t)
    if t.dtype.kind not in "iu":
        cure = "use np.argmax(t, axis=-1)" if t.shape == x.shape else "use t.astype(int)"
        raise TypeError(f"{name}: got labels t {t.dtype} {t.shape}, needed integers; {cure}")
    if x.ndim == 0 or t.shape != x.shape[:-1]:
        cure = "; use np.squeeze(t, -1)" if t.shape == (*x.shape[:-1], 1) else ""
        raise ValueError(
            f"{name}: got scores x {x.shape} and labels t {t.shape}; "
            f"needed (N, C) and (N,), one label for each row{cure}"
        )
    if t.size == 0:
        raise ValueError(f"{name}: got no samples: x {x.shape}; a mean needs at least one")
    C = x.shape[-1]
    low, high = t.min(), t.max()
    if low < 0 or high >= C:
        raise ValueError(
            f"{name}: got the label {low if low < 0 else high}, but x {x.shape} has classes "
            f"0 to {C - 1}; count labels from 0, or give x more columns"
        )
    return as_variable(t) if recorded else t
