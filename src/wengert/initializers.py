"""First values for parameters: functions of (shape, dtype, fans), drawn from `wengert.random`.

`fans` is (in, out): how many values each output sums, and how many each input reaches. The scale
that keeps the spread of the values about the same from layer to layer follows from them. A layer
says what the fans of its weights are; for a matrix left to itself they are its shape, (in, out).

Options stand behind and are set by `functools.partial`: `partial(normal, std=0.02)`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.random import generator

Shape = tuple[int, ...]
Fans = tuple[int, int] | None
Initializer = Callable[..., ndarray]  # (shape, dtype, fans)


# ---- Without fans ----


def constant(
    shape: Shape, dtype: Any = np.float32, fans: Fans = None, *, value: float = 0
) -> ndarray:
    """One value everywhere."""
    return np.full(shape, value, dtype)


def zeros(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Zeros, as biases start."""
    return np.zeros(shape, dtype)


def ones(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Ones, as the scales of normalisation start."""
    return np.ones(shape, dtype)


def uniform(
    shape: Shape, dtype: Any = np.float32, fans: Fans = None, *, low: float = -1, high: float = 1
) -> ndarray:
    """Uniform in [low, high)."""
    return generator().uniform(low, high, size=shape).astype(dtype)


def normal(
    shape: Shape, dtype: Any = np.float32, fans: Fans = None, *, mean: float = 0, std: float = 1
) -> ndarray:
    """Normal, with this mean and standard deviation."""
    return (generator().standard_normal(shape) * std + mean).astype(dtype)


def truncated_normal(
    shape: Shape,
    dtype: Any = np.float32,
    fans: Fans = None,
    *,
    mean: float = 0,
    std: float = 1,
    limit: float = 2,
) -> ndarray:
    """Normal, but what is beyond `limit` · std from the mean is drawn again.

    With limit 2 the values have a standard deviation of 0.88 std.
    """
    if not limit > 0:
        raise ValueError(f"truncated_normal: got limit {limit}, needed a number > 0")
    z = generator().standard_normal(shape)
    while (beyond := np.abs(z) > limit).any():
        z[beyond] = generator().standard_normal(np.count_nonzero(beyond))
    return (z * std + mean).astype(dtype)


def orthogonal(
    shape: Shape, dtype: Any = np.float32, fans: Fans = None, *, gain: float = 1
) -> ndarray:
    """A matrix, shape[0] by the rest, whose rows or columns (the fewer) are orthonormal, × gain.

    Source: Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks, 2014, §3.
    """
    if len(shape) < 2:
        raise ValueError(f"orthogonal: got shape {shape}, needed two axes or more")
    rows, columns = shape[0], math.prod(shape[1:])
    Q, R = np.linalg.qr(generator().standard_normal((max(rows, columns), min(rows, columns))))
    Q *= np.where(np.diag(R) < 0, -1, 1)  # else Q is not uniform over all orthogonal matrices
    return (gain * (Q if rows >= columns else Q.T)).reshape(shape).astype(dtype)


# ---- With fans ----


def lecun_normal(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Normal, variance 1/in: for tanh and other activations that are about linear near 0.

    Source: LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, §4.6.
    """
    fan_in, _ = _fans("lecun_normal", shape, fans)
    return normal(shape, dtype, std=math.sqrt(1 / fan_in))


def lecun_uniform(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Uniform, variance 1/in: see `lecun_normal`."""
    fan_in, _ = _fans("lecun_uniform", shape, fans)
    return _uniform(shape, dtype, 1 / fan_in)


def he_normal(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Normal, variance 2/in: for relu, which lets half of the values through.

    Source: He, Zhang, Ren, Sun, Delving Deep into Rectifiers, 2015, eq. 10.
    """
    fan_in, _ = _fans("he_normal", shape, fans)
    return normal(shape, dtype, std=math.sqrt(2 / fan_in))


def he_uniform(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Uniform, variance 2/in: see `he_normal`."""
    fan_in, _ = _fans("he_uniform", shape, fans)
    return _uniform(shape, dtype, 2 / fan_in)


def glorot_normal(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Normal, variance 2 / (in + out): between what forward and backward would have.

    Source: Glorot, Bengio, Understanding the difficulty of training deep feedforward neural
    networks, 2010, eq. 12.
    """
    return normal(shape, dtype, std=math.sqrt(2 / sum(_fans("glorot_normal", shape, fans))))


def glorot_uniform(shape: Shape, dtype: Any = np.float32, fans: Fans = None) -> ndarray:
    """Uniform, variance 2 / (in + out): see `glorot_normal`; eq. 16 there."""
    return _uniform(shape, dtype, 2 / sum(_fans("glorot_uniform", shape, fans)))


def _uniform(shape: Shape, dtype: Any, variance: float) -> ndarray:
    limit = math.sqrt(3 * variance)
    return uniform(shape, dtype, low=-limit, high=limit)


def _fans(name: str, shape: Shape, fans: Fans) -> tuple[int, int]:
    if fans is not None:
        return fans
    if len(shape) != 2:
        raise ValueError(
            f"{name}: got shape {shape}, which does not say what is summed; "
            f"needed a matrix (in, out), or fans=(in, out)"
        )
    return shape[0], shape[1]
