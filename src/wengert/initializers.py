"""Initial values of parameters: functions of (shape, dtype, fans), drawn from `wengert.random`.

`fans` is (in, out): the number of inputs that each output depends on, and of outputs that each
input affects. They determine the scale that keeps the variance of activations or gradients about
the same from layer to layer. A layer passes the fans of its weights; by default they are the shape
of a matrix, (in, out).

Options are keyword-only, and are set by `functools.partial`: `partial(normal, std=0.02)`.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray

from wengert import hints
from wengert.arrays import DTypeLike
from wengert.names import public
from wengert.random import generator

Shape = tuple[int, ...]
Fans = tuple[int, int] | None
Initializer = Callable[..., ndarray]  # (shape, dtype, fans)


# ---- Without fans ----


def constant(
    shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None, *, value: float = 0
) -> ndarray:
    """One value everywhere."""
    return np.full(shape, value, dtype)


def zeros(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Zeros, for biases."""
    return np.zeros(shape, dtype)


def ones(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Ones, for the scales of normalisation."""
    return np.ones(shape, dtype)


def uniform(
    shape: Shape,
    dtype: DTypeLike = np.float32,
    fans: Fans = None,
    *,
    low: float = -1,
    high: float = 1,
) -> ndarray:
    """Uniform in [low, high)."""
    return generator().uniform(low, high, size=shape).astype(dtype)


def normal(
    shape: Shape,
    dtype: DTypeLike = np.float32,
    fans: Fans = None,
    *,
    mean: float = 0,
    std: float = 1,
) -> ndarray:
    """Normal, with this mean and standard deviation."""
    return (generator().standard_normal(shape) * std + mean).astype(dtype)


def truncated_normal(
    shape: Shape,
    dtype: DTypeLike = np.float32,
    fans: Fans = None,
    *,
    mean: float = 0,
    std: float = 1,
    limit: float = 2,
) -> ndarray:
    """Normal, but values further than `limit` · std from the mean are drawn again.

    With limit 2, the standard deviation is 0.88 std.
    """
    if not limit > 0:
        raise ValueError(f"truncated_normal: got limit {limit}, needed a number > 0")
    z = generator().standard_normal(shape)
    while (beyond := np.abs(z) > limit).any():
        z[beyond] = generator().standard_normal(np.count_nonzero(beyond))
    return (z * std + mean).astype(dtype)


def orthogonal(
    shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None, *, gain: float = 1
) -> ndarray:
    """A matrix, shape[0] × the product of the rest, with orthonormal rows or columns, times gain.

    The rows are orthonormal if there are at most as many as columns, else the columns.

    Source: Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks, 2014, §3.
    """
    if len(shape) < 2:
        raise ValueError(f"orthogonal: got shape {shape}, needed two or more axes")
    rows, columns = shape[0], math.prod(shape[1:])
    Q, R = np.linalg.qr(generator().standard_normal((max(rows, columns), min(rows, columns))))
    Q *= np.where(
        np.diag(R) < 0, -1, 1
    )  # without it, Q is not uniform over the orthogonal matrices
    return (gain * (Q if rows >= columns else Q.T)).reshape(shape).astype(dtype)


# ---- With fans ----


def lecun_normal(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Normal, variance 1/in: for tanh and other activations that are almost linear near 0.

    Source: LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, §4.6.
    """
    fan_in, _ = _fans("lecun_normal", shape, fans)
    return normal(shape, dtype, std=math.sqrt(1 / fan_in))


def lecun_uniform(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Uniform, variance 1/in: see `lecun_normal`."""
    fan_in, _ = _fans("lecun_uniform", shape, fans)
    return _uniform(shape, dtype, 1 / fan_in)


def he_normal(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Normal, variance 2/in: for relu, which sets half of the values to 0.

    Source: He, Zhang, Ren, Sun, Delving Deep into Rectifiers, 2015, eq. 10.
    """
    fan_in, _ = _fans("he_normal", shape, fans)
    return normal(shape, dtype, std=math.sqrt(2 / fan_in))


def he_uniform(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Uniform, variance 2/in: see `he_normal`."""
    fan_in, _ = _fans("he_uniform", shape, fans)
    return _uniform(shape, dtype, 2 / fan_in)


def glorot_normal(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Normal, variance 2 / (in + out): a compromise between forward and backward.

    Source: Glorot, Bengio, Understanding the difficulty of training deep feedforward neural
    networks, 2010, eq. 12.
    """
    return normal(shape, dtype, std=math.sqrt(2 / sum(_fans("glorot_normal", shape, fans))))


def glorot_uniform(shape: Shape, dtype: DTypeLike = np.float32, fans: Fans = None) -> ndarray:
    """Uniform, variance 2 / (in + out): see `glorot_normal`; eq. 16 there."""
    return _uniform(shape, dtype, 2 / sum(_fans("glorot_uniform", shape, fans)))


def _uniform(shape: Shape, dtype: DTypeLike, variance: float) -> ndarray:
    limit = math.sqrt(3 * variance)
    return uniform(shape, dtype, low=-limit, high=limit)


def _fans(name: str, shape: Shape, fans: Fans) -> tuple[int, int]:
    if fans is not None:
        return fans
    if len(shape) != 2:
        raise ValueError(
            f"{name}: got shape {shape}, whose fans are unknown; "
            f"needed a matrix (in, out), or fans=(in, out)"
        )
    return shape[0], shape[1]


__all__, __dir__ = public(globals())

if not TYPE_CHECKING:  # (a type checker would accept every name)
    __getattr__ = hints.of_module(__name__, hints.INITIALIZERS)
