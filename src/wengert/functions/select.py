"""Sorting, the k largest elements, and adding at indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.arrays import DTypeLike, as_array
from wengert.core import Constant
from wengert.dispatch import implements
from wengert.functions.arguments import as_operand
from wengert.functions.arithmetic import add
from wengert.functions.axes import checked_axis
from wengert.functions.index import (
    TakeAlongAxis,
    TakeAlongAxisGrad,
    integer_indices,
    take_along_axis,
)
from wengert.functions.types import Input, X

__all__ = ["argsort", "one_hot", "scatter_add", "sort", "topk"]


class ArgSort(Constant):
    """y = the indices that sort x in ascending order; equal elements keep their order."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x):
        return np.argsort(x, axis=self.axis, kind="stable")

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 5)),)
        yield (rng.normal(size=(3, 2)),), {"axis": 0}


class ArgTopK(Constant):
    """y = the indices of the k largest of x, largest first; equal elements keep their order.

    NaN counts as the largest.
    """

    def __init__(self, k: int, axis: int = -1) -> None:
        self.k = k
        self.axis = axis

    def forward(self, x):
        # in reverse order, so that equal elements end up in the right order
        ascending = np.argsort(np.flip(x, self.axis), axis=self.axis, kind="stable")
        descending = x.shape[self.axis] - 1 - np.flip(ascending, self.axis)
        return np.take(descending, np.arange(self.k), axis=self.axis)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 5)),), {"k": 3}
        yield (rng.normal(size=(3, 2)),), {"k": 2, "axis": 0}


class OneHot(Constant):
    """y[..., c] = 1 where t = c, else 0."""

    def __init__(self, C: int, dtype: DTypeLike = np.float32) -> None:
        self.C = C
        self.dtype = np.dtype(dtype)

    def forward(self, t):
        return np.equal(t[..., np.newaxis], np.arange(self.C)).astype(self.dtype)

    @staticmethod
    def samples(rng):
        for shape in [(4,), (2, 3), ()]:
            yield (np.asarray(rng.integers(0, 3, size=shape)),), {"C": 3}


# ---- Public functions ----


@implements(np.argsort, constant=True)
def argsort(x: Input[X], axis: int | None = -1) -> X:
    """The indices that sort x in ascending order along `axis` (flattened for None), a constant.

    Equal elements keep their order; NaN comes last.
    """
    x, axis = _flat(x, axis if np.ndim(x) else None)
    axis = checked_axis("argsort", axis, np.shape(x))
    return ArgSort(axis)(x)


@implements(np.sort)
def sort(x: Input[X], axis: int | None = -1) -> X:
    """x in ascending order along `axis` (flattened for None).

    Equal elements keep their order; NaN comes last.
    """
    x, axis = _flat(x, axis)
    axis = checked_axis("sort", axis, np.shape(x))
    return TakeAlongAxis(axis)(x, ArgSort(axis)(x))


def topk(x: Input[X], k: int, axis: int = -1) -> tuple[X, X]:
    """The k largest of x along `axis`, largest first, and their indices.

    Args:
        x: (..., N, ...).
        k: number of elements, 0 ≤ k ≤ N.
        axis: along which axis.

    Returns:
        Values and indices, (..., k, ...). The indices are a constant. Equal elements keep their
        order; NaN counts as the largest.

    Raises:
        TypeError: k is not an integer.
        ValueError: x has no such axis, or fewer than k elements along it.

    Example:
        >>> topk(np.array([3, 1, 4, 1, 5]), 2)
        (array([5, 4]), array([4, 2]))
    """
    shape = np.shape(x)
    axis = checked_axis("topk", axis, shape)
    k = integer("topk", "k", k)
    if not 0 <= k <= shape[axis]:
        raise ValueError(
            f"topk: got k {k} for x {shape}, needed 0 ≤ k ≤ {shape[axis]}, its size along axis "
            f"{axis}"
        )
    indices = ArgTopK(k, axis)(x)
    return take_along_axis(x, indices, axis), indices


def scatter_add(x: Input[X], indices: Input[X], values: Input[X], axis: int = -1) -> X:
    """y = x with `values` added along `axis` at `indices`; repeated indices add up.

    It is the counterpart of `take_along_axis`. For the last axis,
    y[i, ..., indices[i, ..., k]] += values[i, ..., k].

    Args:
        x: input, (..., N, ...).
        indices: integers -N ≤ index < N, (..., K, ...), with x's sizes along the other axes.
        values: the values to add, in the shape of `indices`.
        axis: along which axis.

    Raises:
        TypeError: the indices are not integers.
        ValueError: the shapes do not match, or x has no such axis.
        IndexError: an index is out of bounds.

    Example:
        >>> scatter_add(np.zeros(3), np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]))
        array([1., 0., 5.])
    """
    own = integer_indices("scatter_add", indices)
    shape: tuple[int, ...] = np.shape(x)
    axis = checked_axis("scatter_add", axis, shape)
    K = own.shape[axis] if own.ndim == len(shape) else -1
    if own.shape != (*shape[:axis], K, *shape[axis + 1 :]) or np.shape(values) != own.shape:
        raise ValueError(
            f"scatter_add: got x {shape}, indices {own.shape} and values {np.shape(values)}; "
            f"needed indices and values of one shape, which is that of x except along axis {axis}"
        )
    N, numbers = shape[axis], as_array(own)
    if numbers.size and not -N <= numbers.min() <= numbers.max() < N:
        raise IndexError(
            f"scatter_add: got indices from {numbers.min()} to {numbers.max()} for x {shape}, "
            f"needed {-N} ≤ index < {N}"
        )
    return add(as_operand(x), TakeAlongAxisGrad(shape, axis)(values, own))


def one_hot(t: Input[X], C: int, dtype: DTypeLike = np.float32) -> X:
    """y[..., c] = 1 where t = c, else 0: a constant.

    Args:
        t: labels, integers 0 ≤ t < C, (...).
        C: number of classes.
        dtype: of y.

    Returns:
        A constant, (..., C).

    Raises:
        TypeError: the labels, or C, are not integers.
        ValueError: a label is out of range.

    Example:
        >>> one_hot(np.array([0, 2]), 3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    labels = as_array(t)
    C = integer("one_hot", "C", C)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: got labels t of {labels.dtype}, needed integers")
    if labels.size and not 0 <= labels.min() <= labels.max() < C:
        raise ValueError(
            f"one_hot: got labels from {labels.min()} to {labels.max()}, needed 0 ≤ t < {C}"
        )
    return OneHot(C, dtype)(t)


def _flat(x: Any, axis: int | None) -> tuple[Any, int]:
    return (np.ravel(x), 0) if axis is None else (x, axis)
