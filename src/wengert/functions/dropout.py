"""Dropout: random zeros in training, the identity in inference mode."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import kernels
from wengert.arguments import boolean, explains_call, fraction
from wengert.config import training
from wengert.core import Function, Variable, as_variable
from wengert.functions.arguments import as_operand
from wengert.functions.precision import result_dtype
from wengert.functions.types import Input, X
from wengert.functions.weighted import weighted
from wengert.random import generator

__all__ = ["channel_dropout", "dropout"]


class Dropout(Function):
    """y = x mask: the mask is 0 where an element is dropped, and 1 / (1 - p) where it is kept.

    y is 0 where an element is dropped, also if it is infinite or NaN. The mask has no gradient.
    """

    elementwise = True

    def forward(self, x, mask):
        with np.errstate(invalid="ignore"):  # (inf times 0)
            y = x * mask
        if type(y) is np.ndarray and not kernels.all_finite(y):  # (np.where takes longer)
            y = np.where(np.equal(mask, 0), 0, y)
        return y

    def backward(self, gy):
        _, mask = self.xs
        return weighted(gy, mask), None

    @staticmethod
    def samples(rng):
        for shape in [(1, 3), (3,), ()]:
            yield rng.normal(size=(2, 3)), 2 * rng.integers(0, 2, size=shape, dtype=np.int8)


@explains_call()
def dropout(x: Input[X], p: float = 0.5, *, train: bool | None = None) -> X:
    """In training, each element becomes 0 with probability p; the others are scaled by 1 / (1 - p).

    In inference mode y = x, which is also the mean of y in training.

    Args:
        x: any shape.
        p: 0 ≤ p < 1.
        train: True drops in inference mode too, False never; None follows the mode.

    Raises:
        TypeError: p is not a number, or train not a boolean.
        ValueError: p is out of its range.

    Source: N. Srivastava et al., Dropout, JMLR 15 (2014), with the scaling done in training.
    """
    return _dropped("dropout", x, p, np.shape(x), train)


@explains_call()
def channel_dropout(x: Input[X], p: float = 0.5, *, train: bool | None = None) -> X:
    """`dropout` of whole channels, chosen for each sample.

    Neighbouring pixels are similar, so dropping single ones would remove little information.

    Args:
        x: (N, C, ...).
        p: 0 ≤ p < 1.
        train: True drops in inference mode too, False never; None follows the mode.

    Raises:
        TypeError: p is not a number, or train not a boolean.
        ValueError: p is out of its range, or x has no channels.

    Source: J. Tompson et al., arXiv:1411.4280, section 3.2.
    """
    shape = np.shape(x)
    if len(shape) < 2:
        raise ValueError(f"channel_dropout: got x {shape}, needed (N, C, ...)")
    return _dropped("channel_dropout", x, p, shape[:2] + (1,) * (len(shape) - 2), train)


def _dropped(name: str, x: Any, p: float, shape: tuple[int, ...], train: bool | None) -> Any:
    x, p = as_operand(x), fraction(name, "p", p)
    drops = training() if train is None else boolean(name, "train", train)
    if p == 0 or not drops:
        return x
    mask = dropout_mask(p, shape, result_dtype(x))
    return Dropout()(x, as_variable(mask) if isinstance(x, Variable) else mask)


def dropout_mask(p: float, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """A random mask: 0 with probability p, else 1 / (1 - p)."""
    # float32 draws are precise enough, take half of the time, and are the same for every dtype
    kept = generator().random(shape, dtype=np.float32) >= p
    return np.multiply(kept, 1 / (1 - p), dtype=dtype)
