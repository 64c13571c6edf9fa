"""Arrays joined, split, turned, and with elements added or removed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.arguments import integer, integers
from wengert.arrays import as_array
from wengert.dispatch import implements
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.index import take
from wengert.functions.join import Split, concatenate, flip
from wengert.functions.of_numpy.constants import plain
from wengert.functions.of_numpy.registry import cast, of
from wengert.functions.shape import (
    broadcast_to,
    expand_dims,
    flatten,
    moveaxis,
    reshape,
    swapaxes,
)

# ---- Joining ----


@of("append")
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """`values` after `arr` along `axis`; both flattened for None."""
    return concatenate([as_operand(arr), as_operand(values)], axis)


@of("column_stack")
def column_stack(tup: Sequence[Any]) -> Any:
    """The arrays as columns of a matrix; a matrix keeps its columns."""
    return concatenate([x if np.ndim(x) > 1 else reshape(x, (-1, 1)) for x in tup], 1)


@of("dstack")
def dstack(tup: Sequence[Any]) -> Any:
    """The arrays joined along a third axis."""
    return concatenate([atleast_3d(x) for x in tup], 2)


@of("block")
def block(arrays: Any) -> Any:
    """Nested lists of blocks, joined: the innermost lists along the last axis."""
    depth = _depth(arrays)
    leaves = list(_leaves(arrays))
    ndim = max([depth, *[np.ndim(x) for x in leaves]])
    return _joined(arrays, ndim - depth, ndim)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(item) for item in arrays}
    if len(depths) != 1:
        raise ValueError(f"block: got lists of depths {sorted(depths)}, needed one depth for all")
    return 1 + depths.pop()


def _leaves(arrays: Any) -> Any:
    return itertools.chain(*map(_leaves, arrays)) if isinstance(arrays, list) else [arrays]


def _joined(arrays: Any, axis: int, ndim: int) -> Any:
    if not isinstance(arrays, list):
        x = as_operand(arrays)
        return reshape(x, (1,) * (ndim - x.ndim) + x.shape)
    return concatenate([_joined(item, axis + 1, ndim) for item in arrays], axis)


# ---- Splitting ----


@of("array_split")
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """x split into sections that may differ in size by one, or before indices."""
    axis = checked_axis("array_split", axis, np.shape(ary))
    n = np.shape(ary)[axis]
    if np.ndim(indices_or_sections) == 0:
        sections = integer("array_split", "indices_or_sections", indices_or_sections, 1)
        sizes = [n // sections + (i < n % sections) for i in range(sections)]
        bounds = list(itertools.accumulate(sizes))[:-1]
    else:
        cuts = integers("array_split", "indices_or_sections", indices_or_sections)
        bounds = [slice(cut).indices(n)[1] for cut in cuts]
    if bounds == sorted(bounds):
        return list(Split(tuple(bounds), axis)(ary))
    before = (slice(None),) * axis
    edges = [0, *bounds, n]
    return [as_operand(ary)[(*before, slice(*ends))] for ends in itertools.pairwise(edges)]


def _equal_sections(name: str, x: Any, sections: Any, axis: int) -> list[Any]:
    shape = np.shape(x)
    if len(shape) <= axis:
        raise ValueError(f"{name}: got shape {shape}, needed at least {axis + 1} axes")
    if np.ndim(sections) == 0 and shape[axis] % integer(name, "sections", sections, 1):
        raise ValueError(
            f"{name}: got shape {shape} and {sections} sections, needed a divisor of "
            f"{shape[axis]}; use np.array_split"
        )
    return array_split(x, sections, axis)


@of("hsplit")
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """x split along axis 1; a vector along its only axis."""
    return _equal_sections("hsplit", ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1)


@of("vsplit")
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """x, of two or more axes, split along axis 0."""
    if np.ndim(ary) < 2:
        raise ValueError(f"vsplit: got shape {np.shape(ary)}, needed at least 2 axes")
    return _equal_sections("vsplit", ary, indices_or_sections, 0)


@of("dsplit")
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """x split along axis 2."""
    return _equal_sections("dsplit", ary, indices_or_sections, 2)


@of("unstack")
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices of x along an axis."""
    if np.ndim(x) == 0:
        raise ValueError("unstack: got a 0-d array, needed at least one axis")
    return tuple(moveaxis(x, axis, 0))


# ---- Axes ----


def _each(function: Any, arrays: tuple[Any, ...]) -> Any:
    return function(arrays[0]) if len(arrays) == 1 else tuple(map(function, arrays))


@of("atleast_1d")
def atleast_1d(*arys: Any) -> Any:
    """Each array with at least one axis."""
    return _each(lambda x: as_operand(x) if np.ndim(x) else reshape(x, 1), arys)


@of("atleast_2d")
def atleast_2d(*arys: Any) -> Any:
    """Each array with at least two axes; a vector is a row."""
    return _each(lambda x: as_operand(x) if np.ndim(x) > 1 else reshape(x, (1, -1)), arys)


@of("atleast_3d")
def atleast_3d(*arys: Any) -> Any:
    """Each array with at least three axes; a vector lies along the second."""

    def three(x: Any) -> Any:
        if np.ndim(x) == 2:
            return expand_dims(x, 2)
        return as_operand(x) if np.ndim(x) > 2 else reshape(x, (1, -1, 1))

    return _each(three, arys)


@of("matrix_transpose")
def matrix_transpose(x: Any, /) -> Any:
    """x with its last two axes exchanged."""
    if np.ndim(x) < 2:
        raise ValueError(f"matrix_transpose: got shape {np.shape(x)}, needed at least 2 axes")
    return swapaxes(x, -1, -2)


@of("rollaxis")
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """x with `axis` moved before the axis `start`."""
    shape = np.shape(a)
    axis = checked_axis("rollaxis", axis, shape)
    start = integer("rollaxis", "start", start)
    if not -len(shape) <= start <= len(shape):
        raise ValueError(
            f"rollaxis: got start {start} for shape {shape}; needed -{len(shape)} to {len(shape)}"
        )
    start += len(shape) if start < 0 else 0
    return moveaxis(a, axis, start - (axis < start))


@of("rot90")
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """x turned by 90 degrees k times, from the first of the axes to the second."""
    first, second = checked_axes("rot90", axes, np.shape(m))
    turns = integer("rot90", "k", k) % 4
    if turns == 0:
        return m[:] if np.ndim(m) else m
    if turns == 2:
        return flip(m, (first, second))
    if turns == 1:
        return swapaxes(flip(m, second), first, second)
    return flip(swapaxes(m, first, second), second)


@of("fliplr")
def fliplr(m: Any) -> Any:
    """x with its columns, axis 1, in reverse order."""
    if np.ndim(m) < 2:
        raise ValueError(f"fliplr: got shape {np.shape(m)}, needed at least 2 axes")
    return flip(m, 1)


@of("flipud")
def flipud(m: Any) -> Any:
    """x with its rows, axis 0, in reverse order."""
    if np.ndim(m) < 1:
        raise ValueError("flipud: got a 0-d array, needed at least one axis")
    return flip(m, 0)


@of("broadcast_arrays")
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """The arrays, broadcast to one shape; read-only, as in NumPy."""
    try:
        shape = np.broadcast_shapes(*[np.shape(x) for x in args])
    except ValueError:
        shapes = ", ".join(str(np.shape(x)) for x in args)
        raise ValueError(f"broadcast_arrays: shapes {shapes} do not broadcast") from None
    return tuple([broadcast_to(x, shape) for x in args])


@of("meshgrid")
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    """Coordinates of a grid from one vector for each axis."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: got indexing {indexing!r}, needed 'xy' or 'ij'")
    n = len(xi)
    order = list(range(n))
    if indexing == "xy" and n > 1:
        order[:2] = 1, 0
    grids = [
        reshape(x, (1,) * axis + (-1,) + (1,) * (n - 1 - axis))
        for x, axis in zip(xi, order, strict=True)
    ]
    return tuple(grids) if sparse else broadcast_arrays(*grids)


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, writeable: bool = False
) -> Any:
    """All windows of that shape, as new last axes; a copy, unlike NumPy's.

    Raises:
        TypeError: writeable is True.
        ValueError: there is not one size for each axis, or a window is larger than x.
    """
    if writeable:
        raise TypeError("sliding_window_view: got writeable=True, needed False")
    y: Any = as_operand(x)
    shape: tuple[int, ...] = y.shape
    sizes = integers("sliding_window_view", "window_shape", window_shape, 0)
    axes = (
        tuple(range(len(shape))) if axis is None else integers("sliding_window_view", "axis", axis)
    )
    if len(sizes) != len(axes):
        raise ValueError(
            f"sliding_window_view: got {len(sizes)} sizes for {len(axes)} axes, needed one each"
        )
    for size, i in zip(
        sizes, [checked_axis("sliding_window_view", i, shape) for i in axes], strict=True
    ):
        n = y.shape[i]
        if size > n:
            raise ValueError(f"sliding_window_view: got a window of {size} for shape {shape}")
        windows = np.arange(n - size + 1)[:, np.newaxis] + np.arange(size)
        y = moveaxis(take(y, windows, i), i + 1, -1)
    return y


# ---- Elements added and removed ----


def rearranged(function: Any, arrays: Sequence[Any], *args: Any, **options: Any) -> Any:
    """A function of NumPy that only moves elements of the arrays: what it does with their indices.

    The other arguments are data without a gradient.
    """
    arrays = [as_operand(x) for x in arrays]
    starts = [0, *itertools.accumulate(x.size for x in arrays)]
    indices = [
        np.arange(start, start + x.size).reshape(x.shape)
        for start, x in zip(starts, arrays, strict=False)
    ]
    moved = function(*indices, *plain(args), **plain(options))
    joined = concatenate([flatten(cast(x, arrays[0].dtype)) for x in arrays])
    return take(joined, moved)


@of("delete")
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """x without the elements, or slices along `axis`, at the indices `obj`."""
    x: Any = as_operand(arr)
    if axis is None:
        x, axis = flatten(x), 0
    axis = checked_axis("delete", axis, x.shape)
    return take(x, np.delete(np.arange(x.shape[axis]), plain(obj)), axis)


@of("insert")
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """x with `values`, in its dtype, before the indices `obj`."""
    return rearranged(lambda x, v: np.insert(x, plain(obj), v, axis), [arr, values])


@of("resize")
def resize(a: Any, new_shape: Any) -> Any:
    """The elements of x, repeated as often as needed, in another shape."""
    shape = integers("resize", "new_shape", new_shape)
    return rearranged(np.resize, [a], shape) if np.size(a) else np.zeros(shape, like=as_operand(a))


@of("compress")
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """The slices of x along `axis`, of the flattened x for None, where the condition is true."""
    x: Any = as_operand(a)
    if axis is None:
        x, axis = flatten(x), 0
    axis = checked_axis("compress", axis, x.shape)
    mask = as_operand(condition)
    if mask.ndim != 1:
        raise ValueError(f"compress: got a condition of shape {mask.shape}, needed one axis")
    (indices,) = np.nonzero(mask)
    return take(x, indices, axis)


@of("extract")
def extract(condition: Any, arr: Any) -> Any:
    """The elements of the flattened x where the flattened condition is true."""
    return compress(flatten(as_operand(condition)), flatten(as_operand(arr)))


@of("trim_zeros")
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """x without the zeros at the front ("f"), the back ("b"), or both."""
    x: Any = as_operand(filt)
    trim = trim.lower()
    if x.ndim == 0:
        return x
    if trim not in ("f", "b", "fb", "bf"):
        raise ValueError(f"trim_zeros: got trim {trim!r}, needed 'f', 'b' or 'fb'")
    axes = range(x.ndim) if axis is None else checked_axes("trim_zeros", axis, x.shape)
    used = np.nonzero(as_array(x))
    key = [slice(None)] * x.ndim
    for i in axes:
        first, last = (used[i].min(), used[i].max() + 1) if used[i].size else (x.shape[i], 0)
        if not used[i].size:
            first = last = 0
        key[i] = slice(int(first) if "f" in trim else None, int(last) if "b" in trim else None)
    return x[tuple(key)]
