"""Dropout: noise in training, nothing in use."""

from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.config import train
from wengert.core import Function, Operand, Variable
from wengert.random import generator

__all__ = ["channel_dropout", "dropout"]


class Dropout(Function):
    """y = x mask, where the mask is 0 for what is dropped and 1 / (1 - p) for what is kept."""

    elementwise = True

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = mask

    def forward(self, x):
        return x * self.mask

    def backward(self, gy):
        return gy * self.mask

    @staticmethod
    def samples(rng):
        for shape in [(1, 3), (3,), ()]:
            yield (rng.normal(size=(2, 3)),), {"mask": 2.0 * rng.integers(0, 2, size=shape)}


def dropout(x: Operand, p: float = 0.5) -> Variable:
    """Each element becomes 0 with probability p, in training; the others grow by 1 / (1 - p).

    In test mode y = x, which is also the mean of y in training.

    Args:
        x: any shape.
        p: 0 ≤ p < 1.

    Raises:
        ValueError: p is out of its range.

    Source: N. Srivastava et al., Dropout, JMLR 15 (2014), with the scaling moved into training.
    """
    return _dropped("dropout", x, p, np.shape(x))


def channel_dropout(x: Operand, p: float = 0.5) -> Variable:
    """As `dropout`, but a channel is dropped or kept as a whole, for each sample.

    Neighbouring pixels are so alike that dropping single ones would hide little.

    Args:
        x: (N, C, ...).
        p: 0 ≤ p < 1.

    Raises:
        ValueError: p is out of its range, or x has no channels.

    Source: J. Tompson et al., arXiv:1411.4280, section 3.2.
    """
    shape = np.shape(x)
    if len(shape) < 2:
        raise ValueError(f"channel_dropout: got x {shape}, needed (N, C, ...)")
    return _dropped("channel_dropout", x, p, shape[:2] + (1,) * (len(shape) - 2))


def _dropped(name: str, x: Any, p: float, shape: tuple[int, ...]) -> Variable:
    if not 0 <= p < 1:
        raise ValueError(f"{name}: got p {p}, needed 0 ≤ p < 1")
    if p == 0 or not train.get():
        return x
    # single precision is enough for a choice, drawn in half of the time, and the same for every x
    kept = generator().random(shape, dtype=np.float32) >= p
    dtype = np.result_type(as_array(x), np.float16)  # x's, if that is of float
    return Dropout(np.multiply(kept, 1 / (1 - p), dtype=dtype))(x)
