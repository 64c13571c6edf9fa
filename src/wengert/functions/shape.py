"""Operations on shape: the same elements in another arrangement.

As in NumPy, most of these give a view: the result shares the memory of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert import arrays
from wengert.arguments import integers
from wengert.arrays import as_array
from wengert.core import Function, Variable
from wengert.dispatch import Axis, implements
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.types import Input, X

__all__ = [
    "broadcast_to", "expand_dims", "flatten", "moveaxis", "repeat", "reshape", "squeeze",
    "sum_to", "swapaxes", "tile", "transpose",
]  # fmt: skip


class Reshape(Function):
    """y = the elements of x, in their order, in another shape; one size may be -1."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x):
        try:
            return np.reshape(x, self.shape)
        except ValueError:
            raise ValueError(
                f"reshape: got x of shape {np.shape(x)}, needed a shape of its {np.size(x)} "
                f"elements, not {self.shape}; one size may be -1, to be inferred"
            ) from None

    def backward(self, gy):
        (x,) = self.xs
        return np.reshape(gy, x.shape)

    @staticmethod
    def samples(rng):
        for shape in [(3, 2), (6,), (-1, 3), (1, 2, 1, 3)]:
            yield (rng.normal(size=(2, 3)),), {"shape": shape}
        yield (rng.normal(size=()),), {"shape": (1, 1)}


class Transpose(Function):
    """y = x with its axes in another order; axes None reverses them."""

    def __init__(self, axes: tuple[int, ...] | None = None) -> None:
        self.axes = axes

    def forward(self, x):
        return np.transpose(x, self.axes)

    def backward(self, gy):
        if self.axes is None:
            return np.transpose(gy)
        axes = [axis % gy.ndim for axis in self.axes]
        return np.transpose(gy, sorted(range(gy.ndim), key=axes.__getitem__))  # the inverse order

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=()),)
        yield (rng.normal(size=(2, 3, 4)),), {"axes": (2, 0, 1)}
        yield (rng.normal(size=(2, 3, 4)),), {"axes": (-2, -1, 0)}


class BroadcastTo(Function):
    """y = x repeated along new axes and axes of size 1."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x):
        try:
            return np.broadcast_to(x, self.shape)
        except ValueError:
            raise ValueError(
                f"broadcast_to: got x of shape {np.shape(x)}, which does not broadcast to "
                f"{self.shape}; counted from the right, sizes must be equal or 1 in x"
            ) from None

    def backward(self, gy):
        (x,) = self.xs
        return sum_to(gy, x.shape)

    @staticmethod
    def samples(rng):
        for shape in [(), (3,), (2, 1), (2, 3), (4, 2, 3)]:
            yield (rng.normal(size=shape),), {"shape": (4, 2, 3)}


class SumTo(Function):
    """y = x summed over the axes along which `shape` broadcasts to x.shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x):
        return arrays.sum_to(x, self.shape)

    def backward(self, gy):
        (x,) = self.xs
        return np.broadcast_to(gy, x.shape)

    @staticmethod
    def samples(rng):
        for shape in [(), (3,), (2, 1), (2, 3), (4, 1, 1)]:
            yield (rng.normal(size=(4, 2, 3)),), {"shape": shape}


# ---- Other shapes, the same order ----


@implements(np.reshape)
def reshape(x: Input[X], shape: int | Sequence[int]) -> X:
    """The elements of x, in their order, in another shape; one size may be -1, to be inferred.

    Raises:
        ValueError: the shape has another number of elements than x.

    Example:
        >>> reshape(np.arange(6), (2, -1))
        array([[0, 1, 2],
               [3, 4, 5]])
    """
    return Reshape(integers("reshape", "shape", shape))(x)


@implements(np.ravel)
def flatten(x: Input[X]) -> X:
    """x reshaped to one axis."""
    return Reshape((-1,))(x)


@implements(np.expand_dims)
def expand_dims(x: Input[X], axis: int | tuple[int, ...]) -> X:
    """x with new axes of size 1 at the positions `axis` of the result."""
    shape = np.shape(x)
    axes = integers("expand_dims", "axis", axis)
    ndim = len(shape) + len(axes)
    new = {a % ndim for a in axes if -ndim <= a < ndim}
    if len(new) < len(axes):
        raise ValueError(
            f"expand_dims: got axis {axis} for shape {shape}; the result has {ndim} axes: needed "
            f"-{ndim} ≤ axis < {ndim}, each once"
        )
    sizes = iter(shape)
    return Reshape(tuple([1 if i in new else next(sizes) for i in range(ndim)]))(x)


@implements(np.squeeze)
def squeeze(x: Input[X], axis: Axis = None) -> X:
    """x without the axes `axis`, which must have size 1; by default, without all axes of size 1."""
    shape = np.shape(x)
    if axis is None:
        return Reshape(tuple([n for n in shape if n != 1]))(x)
    axes = checked_axes("squeeze", axis, shape)
    if any(shape[i] != 1 for i in axes):
        raise ValueError(f"squeeze: got axis {axis} for shape {shape}; needed an axis of size 1")
    return Reshape(tuple([n for i, n in enumerate(shape) if i not in axes]))(x)


# ---- Other orders of the axes ----


@implements(np.transpose)
def transpose(x: Input[X], axes: Sequence[int] | None = None) -> X:
    """x with its axes in the order `axes`; in reverse order by default.

    Example:
        >>> transpose(np.ones((2, 3, 4)), (2, 0, 1)).shape
        (4, 2, 3)
    """
    if axes is None:
        return Transpose()(x)
    order = checked_axes("transpose", axes, np.shape(x))
    if len(order) != np.ndim(x):
        raise ValueError(
            f"transpose: got axes {axes} for shape {np.shape(x)}; needed each of its "
            f"{np.ndim(x)} axes once"
        )
    return Transpose(order)(x)


@implements(np.swapaxes)
def swapaxes(x: Input[X], axis1: int, axis2: int) -> X:
    """x with two axes exchanged."""
    i = checked_axis("swapaxes", axis1, np.shape(x))
    j = checked_axis("swapaxes", axis2, np.shape(x))
    axes = list(range(np.ndim(x)))
    axes[i], axes[j] = j, i
    return Transpose(tuple(axes))(x)


@implements(np.moveaxis)
def moveaxis(x: Input[X], source: int | Sequence[int], destination: int | Sequence[int]) -> X:
    """x with the axes `source` moved to the positions `destination`; the others keep their order.

    Example:
        >>> moveaxis(np.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    sources = checked_axes("moveaxis", source, np.shape(x))
    destinations = checked_axes("moveaxis", destination, np.shape(x))
    if len(sources) != len(destinations):
        raise ValueError(
            f"moveaxis: got source {source} and destination {destination}, needed as many axes"
        )
    axes = [i for i in range(np.ndim(x)) if i not in sources]
    for position, axis in sorted(zip(destinations, sources, strict=True)):
        axes.insert(position, axis)
    return Transpose(tuple(axes))(x)


# ---- Broadcasting, summing, repeating ----


@implements(np.broadcast_to)
def broadcast_to(x: Input[X], shape: int | Sequence[int]) -> X:
    """x repeated along new axes and axes of size 1, to `shape`; read-only, as in NumPy."""
    return BroadcastTo(integers("broadcast_to", "shape", shape))(x)


def sum_to(x: Input[X], shape: int | Sequence[int]) -> X:
    """x summed to `shape`: the counterpart of `broadcast_to`. x itself if that is its shape.

    Raises:
        ValueError: `shape` does not broadcast to x.shape.

    Example:
        >>> sum_to(np.ones((2, 3)), (1, 3))
        array([[2., 2., 2.]])
    """
    shape = integers("sum_to", "shape", shape)
    long = np.shape(x)
    if shape == long:
        return x if isinstance(x, Variable) else as_array(x)  # type: ignore[return-value]
    sizes = zip(shape[::-1], long[::-1], strict=False)
    if len(shape) > len(long) or any(n not in (1, m) for n, m in sizes):
        raise ValueError(
            f"sum_to: got x of shape {long} and shape {shape}, which does not broadcast to it; "
            f"counted from the right, sizes must be equal or 1"
        )
    return SumTo(shape)(x)


@implements(np.repeat)
def repeat(x: Input[X], repeats: Any, axis: int | None = None) -> X:
    """Each element of x `repeats` times along `axis`; of the flattened x by default.

    Args:
        x: input.
        repeats: one number, or one for each index along the axis.
        axis: along which axis; None for the flattened x.

    Example:
        >>> repeat(np.array([1, 2]), 2)
        array([1, 1, 2, 2])
    """
    if axis is None:
        x, axis = flatten(x), 0
    shape: tuple[int, ...] = np.shape(x)
    axis = checked_axis("repeat", axis, shape)
    counts: tuple[int, ...] = integers("repeat", "repeats", repeats)
    if len(counts) not in (1, shape[axis]) or min(counts, default=0) < 0:
        raise ValueError(
            f"repeat: got repeats {repeats} for shape {shape}; needed one number ≥ 0, or "
            f"{shape[axis]}, one for each index of axis {axis}"
        )
    if len(counts) != 1:
        y: Any = np.take(x, np.repeat(np.arange(shape[axis]), counts), axis)
        return y
    before: tuple[int, ...] = shape[: axis + 1]
    after: tuple[int, ...] = shape[axis + 1 :]
    y = broadcast_to(reshape(x, (*before, 1, *after)), (*before, *counts, *after))
    return reshape(y, (*before[:-1], before[-1] * counts[0], *after))


@implements(np.tile)
def tile(x: Input[X], reps: int | Sequence[int]) -> X:
    """Copies of x joined together, `reps` times along each axis (from the right, as in NumPy).

    Example:
        >>> tile(np.array([1, 2]), (2, 2))
        array([[1, 2, 1, 2],
               [1, 2, 1, 2]])
    """
    times = integers("tile", "reps", reps)
    if min(times, default=0) < 0:
        raise ValueError(f"tile: got reps {reps}, needed numbers ≥ 0")
    shape = np.shape(x)
    ndim = max(len(times), len(shape))
    times = (1,) * (ndim - len(times)) + times
    shape = (1,) * (ndim - len(shape)) + shape
    blocks = zip(times, shape, strict=True)
    y = reshape(x, [n for size in shape for n in (1, size)])
    y = broadcast_to(y, [n for block in blocks for n in block])
    return reshape(y, [n * size for n, size in zip(times, shape, strict=True)])


# ---- Shape, ndim and size of a Variable ----


# fmt: off
@implements(np.shape, constant=True)
def _shape(x: Variable) -> tuple[int, ...]: return x.shape

@implements(np.ndim, constant=True)
def _ndim(x: Variable) -> int: return x.ndim

@implements(np.size, constant=True)
def _size(x: Variable, axis: int | None = None) -> int:
    return x.size if axis is None else x.shape[axis]
# fmt: on
