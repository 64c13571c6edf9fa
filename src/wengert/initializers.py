"""First values for parameters: functions of (shape, dtype), drawn from `wengert.random`.

The scale keeps the spread of the values about the same from layer to layer. A weight's shape is
(in, out), and `in` and `out` are how many values each output sums and each input reaches.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from wengert.random import generator


def zeros(shape: tuple[int, ...], dtype: Any = np.float32) -> ndarray:
    """Zeros, as biases start."""
    return np.zeros(shape, dtype)


def lecun_normal(shape: tuple[int, int], dtype: Any = np.float32) -> ndarray:
    """Normal, variance 1/in: for tanh and other activations that are about linear near 0.

    Source: LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, §4.6.
    """
    return _normal(shape, 1 / shape[0], dtype)


def he_normal(shape: tuple[int, int], dtype: Any = np.float32) -> ndarray:
    """Normal, variance 2/in: for relu, which lets half of the values through.

    Source: He, Zhang, Ren, Sun, Delving Deep into Rectifiers, 2015, eq. 10.
    """
    return _normal(shape, 2 / shape[0], dtype)


def glorot_uniform(shape: tuple[int, int], dtype: Any = np.float32) -> ndarray:
    """Uniform, variance 2 / (in + out): between what forward and backward would have.

    Source: Glorot, Bengio, Understanding the difficulty of training deep feedforward neural
    networks, 2010, eq. 16.
    """
    limit = np.sqrt(6 / (shape[0] + shape[1]))
    return generator().uniform(-limit, limit, size=shape).astype(dtype)


def _normal(shape: tuple[int, int], variance: float, dtype: Any) -> ndarray:
    return (generator().standard_normal(shape) * np.sqrt(variance)).astype(dtype)
