"""The functions of the book: `import wengert.dezero.functions as F`.

They are those of wengert, but accept plain arrays and always return Variables. If the book
computes something different from the function of the same name in `wengert.functions`, the
docstring says so.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert import functions as wengert_functions
from wengert.arrays import as_array as array_of
from wengert.config import training
from wengert.dezero.core import Function, Variable, as_variable, making
from wengert.dezero.core import add as add
from wengert.dezero.core import as_array as as_array
from wengert.dezero.core import div as div
from wengert.dezero.core import mul as mul
from wengert.dezero.core import neg as neg
from wengert.dezero.core import pow as pow
from wengert.dezero.core import rsub as rsub
from wengert.dezero.core import sub as sub
from wengert.dezero.functions_conv import average_pooling as average_pooling
from wengert.dezero.functions_conv import col2im as col2im
from wengert.dezero.functions_conv import conv2d as conv2d
from wengert.dezero.functions_conv import conv2d_simple as conv2d_simple
from wengert.dezero.functions_conv import deconv2d as deconv2d
from wengert.dezero.functions_conv import im2col as im2col
from wengert.dezero.functions_conv import pooling as pooling
from wengert.dezero.functions_conv import pooling_simple as pooling_simple
from wengert.dispatch import Axis
from wengert.functions import (
    activation,
    index,
    linalg,
    loss,
    math,
    piecewise,
    reduce,
    shape,
    trigonometry,
)
from wengert.functions.arguments import checked_labels
from wengert.names import public

# fmt: off
# ---- Elementwise ----

class Sin(trigonometry.Sin, Function): ...
class Cos(trigonometry.Cos, Function): ...
class Tanh(trigonometry.Tanh, Function): ...
class Exp(math.Exp, Function): ...
class Log(math.Log, Function): ...
class Sigmoid(activation.Sigmoid, Function): ...
class ReLU(activation.ReLU, Function): ...
class LeakyReLU(activation.LeakyReLU, Function): ...


def sin(x): return Sin()(x)
def cos(x): return Cos()(x)
def tanh(x): return Tanh()(x)
def exp(x): return Exp()(x)
def log(x): return Log()(x)
def sigmoid(x): return Sigmoid()(x)
def relu(x): return ReLU()(x)
def leaky_relu(x: Any, slope: float = 0.2) -> Any: return LeakyReLU(slope)(x)


# ---- Shape and linear algebra ----

class Reshape(shape.Reshape, Function): ...
class Transpose(shape.Transpose, Function): ...
class BroadcastTo(shape.BroadcastTo, Function): ...
class SumTo(shape.SumTo, Function): ...
class Sum(reduce.Sum, Function): ...
class MatMul(linalg.MatMul, Function): ...


def transpose(x, axes=None): return Transpose(axes)(x)
def matmul(x, W): return MatMul()(x, W)
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any: return Sum(axis, keepdims)(x)
# fmt: on


def reshape(x, shape):
    """The elements of x in another shape; x itself if it has that shape."""
    return as_variable(x) if np.shape(x) == shape else Reshape(shape)(x)


def expand_dims(x: Any, axis: int) -> Any:
    """x with a new axis of size 1."""
    sizes = list(np.shape(x))
    sizes.insert(axis, 1)
    return reshape(x, tuple(sizes))


def flatten(x):
    """x as (N, D): all but the first axis become one."""
    return reshape(x, (np.shape(x)[0], -1))


def broadcast_to(x, shape):
    """x broadcast to a shape; x itself if it has that shape."""
    return as_variable(x) if np.shape(x) == shape else BroadcastTo(shape)(x)


def sum_to(x, shape):
    """x summed to a shape that broadcasts to its own; x itself if it has that shape."""
    return as_variable(x) if np.shape(x) == shape else SumTo(shape)(x)


class Linear(linalg.Linear, Function):
    """y = x W + b; b may be None, or a Variable that holds None."""

    def __call__(self, x, W, b=None):
        if b is None or getattr(b, "data", None) is None:
            return matmul(x, W)
        return super().__call__(x, W, b)


def linear(x, W, b=None):
    """y = x W + b."""
    return Linear()(x, W, b)


def linear_simple(x, W, b=None):
    """y = x W + b, computed by two Functions."""
    t = matmul(x, W)
    return t if b is None else t + b


class GetItem(index.GetItem, Function):
    """y = x[slices]."""

    def __init__(self, slices: Any) -> None:
        self.slices = slices
        self._key, self.arrays = index.split_key(slices)  # copies: later changes do not matter

    def __call__(self, x):
        return super().__call__(x, *self.arrays)


class GetItemGrad(index.GetItemGrad, Function):
    """gx = zeros of `in_shape`, with gy added at `slices`."""

    def __init__(self, slices: Any, in_shape: Sequence[int]) -> None:
        self.slices = slices
        self.shape = self.in_shape = tuple(in_shape)
        self._key, self.arrays = index.split_key(slices)

    def __call__(self, gy):
        return super().__call__(gy, *self.arrays)


def get_item(x, slices):
    """x[slices], for every kind of index that NumPy has."""
    return GetItem(slices)(x)


# ---- Largest and smallest ----


class _Extreme(reduce.Extreme):
    """As in `wengert.functions`, but all equal extremes get the whole gradient."""

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        return self.spread(gy) * np.equal(x, self.spread(y))


class Max(_Extreme, reduce.Max, Function):
    """y = max x. All elements equal to it get the whole gradient."""


class Min(_Extreme, reduce.Min, Function):
    """y = min x. All elements equal to it get the whole gradient."""


class Clip(piecewise.Clip, Function):
    """y = x limited to x_min ≤ y ≤ x_max."""

    def __init__(self, x_min: Any, x_max: Any) -> None:
        super().__init__(x_min, x_max)
        self.x_min = x_min
        self.x_max = x_max


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The maximum; all elements equal to it get the whole gradient."""
    return Max(axis, keepdims)(x)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The minimum; all elements equal to it get the whole gradient."""
    return Min(axis, keepdims)(x)


def clip(x, x_min, x_max):
    """x limited to x_min ≤ y ≤ x_max."""
    return Clip(x_min, x_max)(x)


# ---- Softmax ----


class Softmax(activation.Softmax, Function):
    """y = e^x / Σ e^x along `axis`, which is 1 by default."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__(axis)


class LogSoftmax(activation.LogSoftmax, Function):
    """y = x - log Σ e^x along `axis`, which is 1 by default."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__(axis)


def softmax(x: Any, axis: int = 1) -> Any:
    """y = e^x / Σ e^x along `axis`."""
    return Softmax(axis)(x)


def log_softmax(x: Any, axis: int = 1) -> Any:
    """y = log softmax(x) along `axis`."""
    return LogSoftmax(axis)(x)


def sigmoid_simple(x):
    """y = 1 / (1 + e⁻ˣ), computed as written."""
    return 1 / (1 + exp(-as_variable(x)))


def softmax_simple(x: Any, axis: int = 1) -> Any:
    """y = e^x / Σ e^x, computed as written: it overflows for large x."""
    y = exp(x)
    return y / sum(y, axis=axis, keepdims=True)


# ---- Losses: the sum over all, divided by the number of samples N = len(x) ----


class MeanSquaredError(Function):
    """y = Σ (x0 - x1)² / N, where N = len(x0 - x1) counts the samples, not the elements."""

    def forward(self, x0, x1):
        d = x0 - x1
        return np.sum(d * d) / len(d)

    def backward(self, gy):
        x0, x1 = self.inputs
        d = x0 - x1
        gx = d * (gy * (2 / len(d)))
        return sum_to(gx, x0.shape), sum_to(-gx, x1.shape)


class SoftmaxCrossEntropy(loss.SoftmaxCrossEntropy, Function): ...


def mean_squared_error(x0, x1):
    """y = Σ (x0 - x1)² / N, where N counts the samples, not the elements."""
    return MeanSquaredError()(x0, x1)


def mean_squared_error_simple(x0, x1):
    """y = Σ (x0 - x1)² / N, computed as written."""
    d = as_variable(x0) - x1
    return sum(d**2) / len(d)


def softmax_cross_entropy(x, t):
    """The mean of -log softmax(x)[t] for logits x (N, C) and labels t, (N,) or (N, 1)."""
    sizes = np.shape(x)
    labels = checked_labels("softmax_cross_entropy", sizes, array_of(t).reshape(sizes[:-1]))
    return SoftmaxCrossEntropy()(x, labels)


def softmax_cross_entropy_simple(x, t):
    """The mean of -log softmax(x)[t], computed as written; probabilities are at least 1e-15."""
    N = np.shape(x)[0]
    log_p = log(clip(softmax(x), 1e-15, 1.0))
    return -1 * sum(log_p[np.arange(N), array_of(t)]) / N


def sigmoid_cross_entropy(x, t):
    """-Σ (t log s + (1 - t) log(1 - s)) / N with s = sigmoid(x); t is reshaped to x's shape."""
    t = reshape(t, np.shape(x))
    with making(Variable):
        y = wengert_functions.sigmoid_cross_entropy(as_variable(x), t, reduction="sum")
    return y / np.shape(x)[0]


def binary_cross_entropy(p, t):
    """-Σ (t log p + (1 - t) log(1 - p)) / N, with p limited to 1e-15 ≤ p ≤ 0.999."""
    t = reshape(t, np.shape(p))
    N = np.shape(t)[0]
    p = clip(p, 1e-15, 0.999)
    return -1 * sum(t * log(p) + (1 - t) * log(1 - p)) / N


def accuracy(y, t):
    """The fraction of rows of the logits y (N, C) with the maximum at the label; a constant."""
    labels = array_of(t)
    right = array_of(y).argmax(axis=1).reshape(labels.shape) == labels
    return Variable(np.array(right.mean()))


# ---- Components of networks ----


def embed_id(x, W):
    """The rows of W at the indices x."""
    return get_item(W, x)


def dropout(x: Any, dropout_ratio: float = 0.5) -> Any:
    """In training, zeroes elements with probability `dropout_ratio` and scales up the others."""
    x = as_variable(x)
    if not training():
        return x
    mask = np.random.rand(*x.shape) > dropout_ratio
    return x * mask.astype(x.dtype) / (1.0 - dropout_ratio)


class BatchNorm(Function):
    """The batch normalisation of `wengert.functions`; `mean` and `var` are updated in place."""

    def __init__(self, mean: Any, var: Any, decay: float, eps: float) -> None:
        self.mean = self.avg_mean = mean
        self.var = self.avg_var = var
        self.decay = decay
        self.eps = eps

    def __call__(self, x, gamma, beta):
        x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
        if training() and x.ndim in (2, 4) and gamma.size == beta.size == x.size == x.shape[1]:
            return self._of_one_sample(x, gamma, beta)
        with making(Variable):
            return wengert_functions.batch_norm(
                x, gamma, beta, self.avg_mean, self.avg_var, momentum=1 - self.decay, eps=self.eps
            )  # fmt: skip

    def _of_one_sample(self, x: Any, gamma: Any, beta: Any) -> Any:
        """One value for each mean, in training: the deviation and its gradient are zero."""
        self.avg_mean *= self.decay
        self.avg_mean += (1 - self.decay) * x.data.reshape(-1)
        self.avg_var *= self.decay
        return (x - x) * reshape(gamma, x.shape) + reshape(beta, x.shape)


def batch_nrom(
    x: Any, gamma: Any, beta: Any, mean: Any, var: Any, decay: float = 0.9, eps: float = 2e-5
) -> Any:
    """Batch normalisation (spelled so in the book); `mean` and `var` are updated in place.

    Args:
        x: (N, C) or (N, C, H, W).
        gamma: (C,).
        beta: (C,).
        mean: running mean, (C,), used in inference mode.
        var: running variance, (C,), used in inference mode.
        decay: weight of the old value in the running statistics.
        eps: added to the variance.
    """
    return BatchNorm(mean, var, decay, eps)(x, gamma, beta)


__all__, __dir__ = public(globals(), exports=True)
