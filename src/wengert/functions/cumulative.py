"""Running extrema and sums along an axis."""

from __future__ import annotations

import numpy as np

from wengert.arrays import as_array
from wengert.core import Function
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axis
from wengert.functions.index import TakeAlongAxisGrad
from wengert.functions.types import Input, X

__all__ = ["cummax", "cummin"]


class RunningExtreme(Function):
    """The gradient goes to the first element that was as large (or small), from each later one."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        return TakeAlongAxisGrad(x.shape, self.axis)(gy, self.indices(as_array(x), as_array(y)))

    def indices(self, x, y):
        """For each element of y, the index along the axis of the element of x that it equals."""
        x, y = np.moveaxis(x, self.axis, -1), np.moveaxis(y, self.axis, -1)
        fresh = np.ones(x.shape, dtype=bool)
        before, after = y[..., :-1], y[..., 1:]
        fresh[..., 1:] = (before != after) & ((before == before) | (after == after))
        steps = np.where(fresh, np.arange(x.shape[-1]), 0)
        return np.moveaxis(np.maximum.accumulate(steps, axis=-1), -1, self.axis)

    @staticmethod
    def samples(rng):
        for axis in (0, 1, -1):
            yield (rng.normal(size=(4, 5)),), {"axis": axis}


class CumMax(RunningExtreme):
    """y = the largest of x so far, along `axis`."""

    def forward(self, x):
        return np.maximum.accumulate(x, axis=self.axis)


class CumMin(RunningExtreme):
    """y = the smallest of x so far, along `axis`."""

    def forward(self, x):
        return np.minimum.accumulate(x, axis=self.axis)


def cummax(x: Input[X], axis: int = -1) -> X:
    """y = the largest of x so far, along `axis`; NaN from the first NaN on.

    Of equal elements the first one gets the gradient.

    Raises:
        ValueError: x has no such axis.

    Example:
        >>> cummax(np.array([1, 3, 2, 5, 4]))
        array([1, 3, 3, 5, 5])
    """
    x = as_operand(x)
    return CumMax(checked_axis("cummax", axis, x.shape))(x)


def cummin(x: Input[X], axis: int = -1) -> X:
    """y = the smallest of x so far, along `axis` (see `cummax`).

    Raises:
        ValueError: x has no such axis.
    """
    x = as_operand(x)
    return CumMin(checked_axis("cummin", axis, x.shape))(x)
