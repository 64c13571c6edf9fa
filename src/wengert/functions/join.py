"""Joining and splitting arrays, padding, and reordering along an axis."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np

from wengert import dispatch
from wengert.arguments import integers
from wengert.arrays import DTypeLike, as_array
from wengert.core import Function, Variable
from wengert.dispatch import Axis, implements
from wengert.functions.arguments import as_operand
from wengert.functions.arithmetic import astype
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.shape import expand_dims, flatten, reshape
from wengert.functions.types import Array, Input, Operand, Plain, X

__all__ = ["array", "concatenate", "flip", "hstack", "pad", "roll", "split", "stack", "vstack"]


class Concatenate(Function):
    """y = the xs joined along an existing axis."""

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, *xs):
        return np.concatenate(xs, self.axis)

    def backward(self, gy):
        ends = itertools.accumulate(x.shape[self.axis] for x in self.xs)
        return Split(tuple(ends)[:-1], self.axis)(gy)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=(2, 3)), rng.normal(size=(1, 3)), rng.normal(size=(0, 3)))
        yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 1))), {"axis": -1}


class Split(Function):
    """ys = x split before the indices `bounds` along an axis."""

    def __init__(self, bounds: tuple[int, ...], axis: int = 0) -> None:
        self.bounds = bounds
        self.axis = axis

    def forward(self, x):
        before = (slice(None),) * (self.axis % x.ndim)
        edges = (0, *self.bounds, x.shape[self.axis])
        return tuple([x[(*before, slice(*ends))] for ends in itertools.pairwise(edges)])

    def backward(self, *gys):
        return np.concatenate(gys, self.axis)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(4, 3)),), {"bounds": (1, 3)}
        yield (rng.normal(size=(2, 5)),), {"bounds": (2, 2), "axis": -1}
        yield (rng.normal(size=(2,)),), {"bounds": ()}


class Pad(Function):
    """y = x padded with a value, by (before, after) elements for each axis."""

    def __init__(self, pad_width: tuple[tuple[int, int], ...], value: float = 0) -> None:
        self.pad_width = pad_width
        self.value = value

    def forward(self, x):
        shape = [a + n + b for (a, b), n in zip(self.pad_width, x.shape, strict=True)]
        y = np.full(shape, self.value, x.dtype, like=x)
        y[self.inside(x.shape)] = x
        return y

    def backward(self, gy):
        (x,) = self.xs
        return gy[self.inside(x.shape)]

    def inside(self, shape: tuple[int, ...]) -> tuple[slice, ...]:
        """The region of y that holds an x of that shape."""
        return tuple([slice(a, a + n) for (a, _), n in zip(self.pad_width, shape, strict=True)])

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),), {"pad_width": ((1, 2), (0, 1))}
        yield (rng.normal(size=(3,)),), {"pad_width": ((2, 0),), "value": -1.5}
        yield (rng.normal(size=()),), {"pad_width": ()}


class Flip(Function):
    """y = x in reverse order along `axis`: one axis, several, or all (None)."""

    def __init__(self, axis: Axis = None) -> None:
        self.axis = axis

    def forward(self, x):
        return np.flip(x, self.axis)

    def backward(self, gy):
        return np.flip(gy, self.axis)

    @staticmethod
    def samples(rng):
        for axis in (None, 0, -1, (0, -1)):
            yield (rng.normal(size=(2, 3, 2)),), {"axis": axis}


class Roll(Function):
    """y = x shifted by `shift` along some axes; elements beyond the end come back at the start."""

    def __init__(self, shift: tuple[int, ...], axis: tuple[int, ...]) -> None:
        self.shift = shift
        self.axis = axis

    def forward(self, x):
        return np.roll(x, self.shift, self.axis)

    def backward(self, gy):
        return np.roll(gy, tuple([-n for n in self.shift]), self.axis)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(5,)),), {"shift": (2,), "axis": (0,)}
        yield (rng.normal(size=(2, 3)),), {"shift": (-1,), "axis": (-1,)}
        yield (rng.normal(size=(2, 3)),), {"shift": (1, 4), "axis": (0, 1)}


# ---- Joining and splitting ----


def array(values: Operand | Sequence[Any], dtype: DTypeLike | None = None) -> Variable | Array:
    """An array of Variables and numbers in nested lists, recorded: `np.array` for Variables.

    NumPy makes plain arrays of lists, so it refuses Variables in them.

    Args:
        values: a number, an array or a Variable, or nested lists or tuples of them; those of one
            list have the same shape.
        dtype: of the result. By default, the common one of the Variables and arrays; numbers do
            not affect it, as in `x + 1`.

    Raises:
        TypeError: there is something else in the lists than numbers, arrays and Variables.
        ValueError: the shapes of the elements of a list differ.

    Example:
        >>> s, c = np.sin(Variable(0.5)), np.cos(Variable(0.5))
        >>> print(np.round(array([[c, -s], [s, c]]), 2))
        [[ 0.88 -0.48]
         [ 0.48  0.88]]
    """
    leaves = list(_leaves(values))
    if not any(isinstance(leaf, Variable) for leaf in leaves):
        plain: Any = as_array(np.array(values, dtype))
        return plain
    if dtype is None:
        dtype = np.result_type(*[x if type(x) in _NUMBERS else as_array(x).dtype for x in leaves])
    return _joined(values, np.dtype(dtype))


_NUMBERS = {float, int, bool}


def _leaves(values: Any) -> Iterator[Any]:
    """The elements of nested lists that are no lists."""
    if isinstance(values, list | tuple):
        for item in values:
            yield from _leaves(item)
    else:
        yield values


def _joined(values: Any, dtype: np.dtype[Any]) -> Any:
    """The array of nested lists, as an operand."""
    if not isinstance(values, list | tuple):
        return astype(values, dtype)
    if not any(isinstance(leaf, Variable) for leaf in _leaves(values)):
        return as_array(np.array(values, dtype))
    items = [_joined(item, dtype) for item in values]
    shapes = {item.shape for item in items}
    if len(shapes) > 1:
        arrived = ", ".join(map(str, sorted(shapes)))
        raise ValueError(f"array: got shapes {arrived} in one list, needed one shape for all")
    return Concatenate(0)(*[reshape(item, (1, *item.shape)) for item in items])


# (Overloads, because mypy finds no X for a list with Variables and arrays.)


@overload
def concatenate(xs: Sequence[Plain], axis: int | None = 0) -> Array: ...  # type: ignore[overload-overlap]
@overload
def concatenate(xs: Sequence[Operand], axis: int | None = 0) -> Variable: ...
@implements(np.concatenate)
def concatenate(xs: Sequence[Operand], axis: int | None = 0) -> Variable | Array:
    """The xs joined along an existing axis; flattened first for axis None.

    Raises:
        ValueError: there are no xs, or they differ in size along another axis.

    Example:
        >>> concatenate([np.zeros((2, 3)), np.zeros((1, 3))]).shape
        (3, 3)
    """
    xs = list(xs)
    if not xs:
        raise ValueError("concatenate: got no arrays, needed at least one")
    if axis is None:
        xs, axis = [flatten(x) for x in xs], 0
    shapes = [np.shape(x) for x in xs]
    axis = checked_axis("concatenate", axis, shapes[0])
    if len({(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}) > 1:
        raise ValueError(
            f"concatenate: got shapes {', '.join(map(str, shapes))} along axis {axis}; "
            f"needed the same sizes in every other axis"
        )
    return Concatenate(axis)(*xs)


@overload
def stack(xs: Sequence[Plain], axis: int = 0) -> Array: ...  # type: ignore[overload-overlap]
@overload
def stack(xs: Sequence[Operand], axis: int = 0) -> Variable: ...
@implements(np.stack)
def stack(xs: Sequence[Operand], axis: int = 0) -> Variable | Array:
    """The xs, which have the same shape, joined along a new axis.

    Example:
        >>> stack([np.zeros(3), np.ones(3)], axis=-1).shape
        (3, 2)
    """
    xs = list(xs)
    shapes = [np.shape(x) for x in xs]
    if len(set(shapes)) != 1:
        arrived = f"shapes {', '.join(map(str, shapes))}" if xs else "no arrays"
        raise ValueError(f"stack: got {arrived}, needed one shape for all")
    axis = checked_axis("stack", axis, shapes[0] + (len(xs),))
    return Concatenate(axis)(*[expand_dims(x, axis) for x in xs])


@overload
def vstack(xs: Sequence[Plain]) -> Array: ...  # type: ignore[overload-overlap]
@overload
def vstack(xs: Sequence[Operand]) -> Variable: ...
@implements(np.vstack)
def vstack(xs: Sequence[Operand]) -> Variable | Array:
    """The xs joined along axis 0; a vector counts as a row."""
    return concatenate([x if np.ndim(x) > 1 else reshape(x, (1, -1)) for x in xs], 0)


@overload
def hstack(xs: Sequence[Plain]) -> Array: ...  # type: ignore[overload-overlap]
@overload
def hstack(xs: Sequence[Operand]) -> Variable: ...
@implements(np.hstack)
def hstack(xs: Sequence[Operand]) -> Variable | Array:
    """The xs joined along axis 1, or vectors along their only axis."""
    xs = [x if np.ndim(x) else reshape(x, 1) for x in xs]
    return concatenate(xs, 0 if xs and np.ndim(xs[0]) == 1 else 1)


@implements(np.split)
def split(x: Input[X], indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[X, ...]:
    """x split along an axis.

    Args:
        x: input.
        indices_or_sections: the number of equal sections, or the indices to split before.
        axis: along which axis.

    Returns:
        A tuple of Variables, also for one section.

    Raises:
        ValueError: the size is not a multiple of the sections, or the indices are not sorted.

    Example:
        >>> [y.shape for y in split(np.zeros(5), [1, 3])]
        [(1,), (2,), (2,)]
    """
    axis = checked_axis("split", axis, np.shape(x))
    size = np.shape(x)[axis]
    cuts = integers("split", "indices_or_sections", indices_or_sections)
    if np.ndim(indices_or_sections) == 0:
        (sections,) = cuts
        if sections < 1 or size % sections:
            raise ValueError(
                f"split: got x of size {size} along axis {axis}, which is not a multiple "
                f"of {sections} sections; for other sections, pass the indices to split before"
            )
        cuts = tuple([i * (size // sections) for i in range(1, sections)])
    bounds = tuple([slice(cut).indices(size)[1] for cut in cuts])  # negative and large ones too
    if list(bounds) != sorted(bounds):
        raise ValueError(f"split: got indices {indices_or_sections}, needed them sorted")
    return Split(bounds, axis)(x)


_SIMPLE_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


@implements(np.pad)
def pad(x: Input[X], pad_width: Any, mode: str = "constant", constant_values: float = 0) -> X:
    """x padded on its sides.

    Args:
        x: input.
        pad_width: elements to add: one number for all sides, (before, after) for all axes, or a
            pair for each axis.
        mode: the values to add: "constant", a number; "edge", the nearest element; "reflect" or
            "symmetric", the mirror image without or with the edge; "wrap", the opposite end;
            "maximum", "mean", "median", "minimum" or "linear_ramp", as in NumPy.
        constant_values: the number for mode "constant".

    Example:
        >>> pad(np.array([1, 2, 3]), (1, 2), mode="reflect")
        array([2, 1, 2, 3, 2, 1])
    """
    simple = mode in _SIMPLE_MODES and np.ndim(constant_values) == 0
    if not simple or isinstance(pad_width, dict):
        dispatch.import_rest()
        full: Any = dispatch.full_forms[np.pad]
        return full(x, pad_width, mode, constant_values=constant_values)
    shape = np.shape(x)
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (len(shape), 2))
    except ValueError:
        widths = np.array([-1])
    if widths.dtype.kind not in "iu" or np.any(widths < 0):
        raise ValueError(
            f"pad: got pad_width {pad_width} for shape {shape}; needed integers ≥ 0: one, "
            f"(before, after), or such a pair for each axis"
        )
    if mode == "constant":
        value = np.asarray(constant_values)
        if value.ndim or value.dtype.kind not in "fiub":
            raise TypeError(f"pad: got constant_values {constant_values}, needed one number")
        return Pad(tuple([(a, b) for a, b in widths.tolist()]), value.item())(as_operand(x))
    y: Any = as_operand(x)
    for axis in np.flatnonzero(widths.any(axis=1)).tolist():
        if shape[axis] == 0:
            raise ValueError(f"pad: got shape {shape}, which has no elements for mode {mode!r}")
        indices: Any = np.pad(np.arange(shape[axis]), widths[axis], mode)  # type: ignore[call-overload]
        y = np.take(y, indices, axis)
    return y


# ---- Reordering along an axis ----


@implements(np.flip)
def flip(x: Input[X], axis: Axis = None) -> X:
    """x in reverse order along `axis`; along every axis by default."""
    return Flip(axis if axis is None else checked_axes("flip", axis, np.shape(x)))(x)


@implements(np.roll)
def roll(x: Input[X], shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> X:
    """x shifted by `shift` along `axis`; elements beyond the end come back at the start.

    For several axes, one shift each or one for all. For axis None, x is flattened and reshaped.

    Example:
        >>> roll(np.array([1, 2, 3, 4]), 1)
        array([4, 1, 2, 3])
    """
    if axis is None:
        return reshape(roll(flatten(x), shift, 0), np.shape(x))
    axes = checked_axes("roll", axis, np.shape(x))
    shifts = integers("roll", "shift", shift)
    if len(shifts) == 1:
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: got {len(shifts)} shifts for {len(axes)} axes; needed one each")
    return Roll(shifts, axes)(x)
