"""Shape: the same numbers in another arrangement.

Like NumPy's, most of these give a view: the result shares the memory of the input.
"""

import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from wengert import core
from wengert.core import Function, Operand, Variable, as_array
from wengert.dispatch import Axis, implements


class Reshape(Function):
    """y = the elements of x, in their order, in another shape; one size may be -1."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        try:
            return np.reshape(x, self.shape)
        except ValueError:
            raise ValueError(
                f"reshape: got x of shape {np.shape(x)}, needed a shape of its {np.size(x)} "
                f"elements, not {self.shape}; one size may be -1, to be worked out"
            ) from None

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return np.reshape(gy, x.shape)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        for shape in [(3, 2), (6,), (-1, 3), (1, 2, 1, 3)]:
            yield (rng.normal(size=(2, 3)),), {"shape": shape}
        yield (rng.normal(size=()),), {"shape": (1, 1)}


class Transpose(Function):
    """y = x with its axes in another order; axes None reverses them."""

    def __init__(self, axes: tuple[int, ...] | None = None) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return np.transpose(x, self.axes)

    def backward(self, gy: Any) -> Any:
        if self.axes is None:
            return np.transpose(gy)
        axes = [axis % gy.ndim for axis in self.axes]
        return np.transpose(gy, sorted(range(gy.ndim), key=axes.__getitem__))  # the way back

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=()),)
        yield (rng.normal(size=(2, 3, 4)),), {"axes": (2, 0, 1)}
        yield (rng.normal(size=(2, 3, 4)),), {"axes": (-2, -1, 0)}


class BroadcastTo(Function):
    """y = x repeated along new axes and axes of size 1."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        try:
            return np.broadcast_to(x, self.shape)
        except ValueError:
            raise ValueError(
                f"broadcast_to: got x of shape {np.shape(x)}, which does not broadcast to "
                f"{self.shape}; counted from the right, sizes must be equal or 1 in x"
            ) from None

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return sum_to(gy, x.shape)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        for shape in [(), (3,), (2, 1), (2, 3), (4, 2, 3)]:
            yield (rng.normal(size=shape),), {"shape": (4, 2, 3)}


class SumTo(Function):
    """y = x summed over the axes along which `shape` broadcasts to x.shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        return core.sum_to(x, self.shape)

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return np.broadcast_to(gy, x.shape)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        for shape in [(), (3,), (2, 1), (2, 3), (4, 1, 1)]:
            yield (rng.normal(size=(4, 2, 3)),), {"shape": shape}


class Concatenate(Function):
    """y = the xs one after the other along an axis they have."""

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, *xs: Any) -> Any:
        return np.concatenate(xs, self.axis)

    def backward(self, gy: Any) -> Any:
        ends = itertools.accumulate(x.shape[self.axis] for x in self.xs)
        return Split(tuple(ends)[:-1], self.axis)(gy)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=(2, 3)), rng.normal(size=(1, 3)), rng.normal(size=(0, 3)))
        yield (rng.normal(size=(2, 3)), rng.normal(size=(2, 1))), {"axis": -1}


class Split(Function):
    """ys = x cut before the indices `bounds` along an axis."""

    def __init__(self, bounds: tuple[int, ...], axis: int = 0) -> None:
        self.bounds = bounds
        self.axis = axis

    def forward(self, x: Any) -> Any:
        before = (slice(None),) * (self.axis % x.ndim)
        edges = (0, *self.bounds, x.shape[self.axis])
        return tuple([x[(*before, slice(*ends))] for ends in itertools.pairwise(edges)])

    def backward(self, *gys: Any) -> Any:
        return np.concatenate(gys, self.axis)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield (rng.normal(size=(4, 3)),), {"bounds": (1, 3)}
        yield (rng.normal(size=(2, 5)),), {"bounds": (2, 2), "axis": -1}
        yield (rng.normal(size=(2,)),), {"bounds": ()}


class Pad(Function):
    """y = x in a frame of one value, with (before, after) elements for each axis."""

    def __init__(self, pad_width: Sequence[tuple[int, int]], value: float = 0) -> None:
        self.pad_width = pad_width
        self.value = value

    def forward(self, x: Any) -> Any:
        shape = [a + n + b for (a, b), n in zip(self.pad_width, x.shape, strict=True)]
        y = np.full(shape, self.value, x.dtype, like=x)
        y[self.inside(x.shape)] = x
        return y

    def backward(self, gy: Any) -> Any:
        (x,) = self.xs
        return gy[self.inside(x.shape)]

    def inside(self, shape: tuple[int, ...]) -> tuple[slice, ...]:
        """Where in y an x of that shape is."""
        return tuple([slice(a, a + n) for (a, _), n in zip(self.pad_width, shape, strict=True)])

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield (rng.normal(size=(2, 3)),), {"pad_width": [(1, 2), (0, 1)]}
        yield (rng.normal(size=(3,)),), {"pad_width": [(2, 0)], "value": -1.5}
        yield (rng.normal(size=()),), {"pad_width": []}


class Flip(Function):
    """y = x in reverse order along some axes (None: along all)."""

    def __init__(self, axis: Axis = None) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return np.flip(x, self.axis)

    def backward(self, gy: Any) -> Any:
        return np.flip(gy, self.axis)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        for axis in (None, 0, -1, (0, -1)):
            yield (rng.normal(size=(2, 3, 2)),), {"axis": axis}


class Roll(Function):
    """y = x moved on by `shift` along some axes; what falls off the end enters at the start."""

    def __init__(self, shift: tuple[int, ...], axis: tuple[int, ...]) -> None:
        self.shift = shift
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return np.roll(x, self.shift, self.axis)

    def backward(self, gy: Any) -> Any:
        return np.roll(gy, tuple([-n for n in self.shift]), self.axis)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        yield (rng.normal(size=(5,)),), {"shift": (2,), "axis": (0,)}
        yield (rng.normal(size=(2, 3)),), {"shift": (-1,), "axis": (-1,)}
        yield (rng.normal(size=(2, 3)),), {"shift": (1, 4), "axis": (0, 1)}


# ---- Arguments ----


def checked_axes(name: str, axis: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One axis, or several, of an array of that shape, each counted from the front.

    Raises:
        TypeError: an axis is no whole number; the message starts with `name`.
        ValueError: there is no such axis, or one is named twice.
    """
    ndim = len(shape)
    axes = _integers(name, "axis", axis)
    if not all(-ndim <= a < ndim for a in axes):
        needed = f"needed -{ndim} ≤ axis < {ndim}" if ndim else "which has no axes"
        raise ValueError(f"{name}: got axis {axis} for shape {shape}; {needed}")
    axes = tuple([a % ndim for a in axes])
    if len(set(axes)) < len(axes):
        raise ValueError(f"{name}: got axis {axis} for shape {shape}; needed each axis once")
    return axes


def _integers(name: str, argument: str, value: Any) -> tuple[int, ...]:
    """A whole number, or a sequence of them, as a tuple."""
    try:
        if hasattr(value, "__index__") and not getattr(value, "ndim", 0):
            return (operator.index(value),)
        return tuple([operator.index(n) for n in value])
    except TypeError:
        raise TypeError(
            f"{name}: got {argument} {value!r}, needed a whole number or a tuple of them"
        ) from None


# ---- The shape changes, the order does not ----


@implements(np.reshape)
def reshape(x: Operand, shape: int | Sequence[int]) -> Variable:
    """The elements of x, in their order, in another shape; one size may be -1, to be worked out.

    Raises:
        ValueError: x has not the number of elements that the shape holds.

    Example:
        >>> reshape(np.arange(6), (2, -1))
        array([[0, 1, 2],
               [3, 4, 5]])
    """
    return Reshape(_integers("reshape", "shape", shape))(x)


@implements(np.ravel)
def flatten(x: Operand) -> Variable:
    """The elements of x on one axis."""
    return Reshape((-1,))(x)


@implements(np.expand_dims)
def expand_dims(x: Operand, axis: int | tuple[int, ...]) -> Variable:
    """x with a new axis of size 1 at each place in `axis`, counted in the result."""
    sizes = iter(np.shape(x))
    ndim = np.ndim(x) + len(_integers("expand_dims", "axis", axis))
    new = checked_axes("expand_dims", axis, (1,) * ndim)
    return Reshape(tuple([1 if i in new else next(sizes) for i in range(ndim)]))(x)


@implements(np.squeeze)
def squeeze(x: Operand, axis: Axis = None) -> Variable:
    """x without the axes in `axis`, which must have size 1; without all of size 1 by default."""
    shape = np.shape(x)
    if axis is None:
        return Reshape(tuple([n for n in shape if n != 1]))(x)
    axes = checked_axes("squeeze", axis, shape)
    if any(shape[i] != 1 for i in axes):
        raise ValueError(f"squeeze: got axis {axis} for shape {shape}; needed an axis of size 1")
    return Reshape(tuple([n for i, n in enumerate(shape) if i not in axes]))(x)


# ---- The axes change places ----


@implements(np.transpose)
def transpose(x: Operand, axes: Sequence[int] | None = None) -> Variable:
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
def swapaxes(x: Operand, axis1: int, axis2: int) -> Variable:
    """x with two axes exchanged."""
    (i,) = checked_axes("swapaxes", axis1, np.shape(x))
    (j,) = checked_axes("swapaxes", axis2, np.shape(x))
    axes = list(range(np.ndim(x)))
    axes[i], axes[j] = j, i
    return Transpose(tuple(axes))(x)


@implements(np.moveaxis)
def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Variable:
    """x with the axes `source` moved to the places `destination`; the others keep their order.

    Example:
        >>> moveaxis(np.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    sources = checked_axes("moveaxis", source, np.shape(x))
    destinations = checked_axes("moveaxis", destination, np.shape(x))
    if len(sources) != len(destinations):
        raise ValueError(
            f"moveaxis: got {len(sources)} axes and {len(destinations)} places; needed one each"
        )
    axes = [i for i in range(np.ndim(x)) if i not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        axes.insert(place, axis)
    return Transpose(tuple(axes))(x)


# ---- Repeating, and its opposite ----


@implements(np.broadcast_to)
def broadcast_to(x: Operand, shape: int | Sequence[int]) -> Variable:
    """x repeated along new axes and axes of size 1, to `shape`. As in NumPy, read-only memory."""
    return BroadcastTo(_integers("broadcast_to", "shape", shape))(x)


def sum_to(x: Operand, shape: int | Sequence[int]) -> Variable:
    """x summed to `shape`: the opposite of `broadcast_to`. (x itself if that is its shape.)

    Raises:
        ValueError: `shape` does not broadcast to x.shape.

    Example:
        >>> sum_to(np.ones((2, 3)), (1, 3))
        array([[2., 2., 2.]])
    """
    shape = _integers("sum_to", "shape", shape)
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
def repeat(x: Operand, repeats: Any, axis: int | None = None) -> Variable:
    """Each element of x (each slice, along `axis`) `repeats` times; x is flat by default.

    Args:
        x: input.
        repeats: one number, or one for each element along the axis.
        axis: along which axis; None takes the elements of x one by one.

    Example:
        >>> repeat(np.array([1, 2]), 2)
        array([1, 1, 2, 2])
    """
    if axis is None:
        x, axis = flatten(x), 0
    shape = np.shape(x)
    (axis,) = checked_axes("repeat", axis, shape)
    counts = _integers("repeat", "repeats", repeats)
    if len(counts) not in (1, shape[axis]) or min(counts, default=0) < 0:
        raise ValueError(
            f"repeat: got repeats {repeats} for shape {shape}; needed one number ≥ 0, or "
            f"{shape[axis]}, one for each index of axis {axis}"
        )
    if len(counts) != 1:
        y: Any = np.take(x, np.repeat(np.arange(shape[axis]), counts), axis)
        return y
    before, after = shape[: axis + 1], shape[axis + 1 :]
    y = broadcast_to(reshape(x, (*before, 1, *after)), (*before, *counts, *after))
    return reshape(y, (*before[:-1], before[-1] * counts[0], *after))


@implements(np.tile)
def tile(x: Operand, reps: int | Sequence[int]) -> Variable:
    """x side by side with itself, `reps` times along each axis (from the right, as in NumPy).

    Example:
        >>> tile(np.array([1, 2]), (2, 2))
        array([[1, 2, 1, 2],
               [1, 2, 1, 2]])
    """
    times = _integers("tile", "reps", reps)
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


# ---- Putting together, taking apart ----


@implements(np.concatenate)
def concatenate(xs: Sequence[Operand], axis: int | None = 0) -> Variable:
    """The xs one after the other along an axis they have; flat for axis None.

    Raises:
        ValueError: there are no xs, or they differ in another axis than this.

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
    (axis,) = checked_axes("concatenate", axis, shapes[0])
    if len({(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}) > 1:
        raise ValueError(
            f"concatenate: got shapes {', '.join(map(str, shapes))} along axis {axis}; "
            f"needed the same sizes in every other axis"
        )
    return Concatenate(axis)(*xs)


@implements(np.stack)
def stack(xs: Sequence[Operand], axis: int = 0) -> Variable:
    """The xs, all of one shape, along a new axis.

    Example:
        >>> stack([np.zeros(3), np.ones(3)], axis=-1).shape
        (3, 2)
    """
    xs = list(xs)
    shapes = [np.shape(x) for x in xs]
    if len(set(shapes)) != 1:
        arrived = f"shapes {', '.join(map(str, shapes))}" if xs else "no arrays"
        raise ValueError(f"stack: got {arrived}, needed one shape for all")
    (axis,) = checked_axes("stack", axis, (*shapes[0], len(xs)))
    return Concatenate(axis)(*[expand_dims(x, axis) for x in xs])


@implements(np.vstack)
def vstack(xs: Sequence[Operand]) -> Variable:
    """The xs below each other; one of a single axis is a row."""
    return concatenate([x if np.ndim(x) > 1 else reshape(x, (1, -1)) for x in xs], 0)


@implements(np.hstack)
def hstack(xs: Sequence[Operand]) -> Variable:
    """The xs beside each other: along axis 1, or along their only axis."""
    xs = [x if np.ndim(x) else reshape(x, 1) for x in xs]
    return concatenate(xs, 0 if xs and np.ndim(xs[0]) == 1 else 1)


@implements(np.split)
def split(
    x: Operand, indices_or_sections: int | Sequence[int], axis: int = 0
) -> tuple[Variable, ...]:
    """x cut into parts along an axis.

    Args:
        x: input.
        indices_or_sections: a number of equal parts, or the indices to cut before.
        axis: along which axis.

    Returns:
        A tuple of Variables, however many.

    Raises:
        ValueError: the axis cannot be cut into so many equal parts, or the indices fall.

    Example:
        >>> [part.shape for part in split(np.zeros(5), [1, 3])]
        [(1,), (2,), (2,)]
    """
    (axis,) = checked_axes("split", axis, np.shape(x))
    size = np.shape(x)[axis]
    cuts = _integers("split", "indices_or_sections", indices_or_sections)
    if np.ndim(indices_or_sections) == 0:
        (sections,) = cuts
        if sections < 1 or size % sections:
            raise ValueError(
                f"split: got x of size {size} along axis {axis}, which does not make {sections} "
                f"equal parts; give the indices to cut before, as a list"
            )
        cuts = tuple([i * (size // sections) for i in range(1, sections)])
    bounds = tuple([slice(cut).indices(size)[1] for cut in cuts])  # negative and large ones too
    if list(bounds) != sorted(bounds):
        raise ValueError(f"split: got indices {indices_or_sections}, needed them in rising order")
    return Split(bounds, axis)(x)


@implements(np.pad)
def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Variable:
    """x in a frame.

    Args:
        x: input.
        pad_width: elements to add: one number for all sides, (before, after) for all axes, or a
            pair for each axis.
        mode: what is added: "constant", a number; "edge", the nearest element; "reflect" or
            "symmetric", the mirror image without or with the edge; "wrap", the other end.
        constant_values: the number that "constant" adds.

    Example:
        >>> pad(np.array([1, 2, 3]), (1, 2), mode="reflect")
        array([2, 1, 2, 3, 2, 1])
    """
    shape = np.shape(x)
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (len(shape), 2))
    except ValueError:
        widths = np.array([-1])
    if widths.dtype.kind not in "iu" or np.any(widths < 0):
        raise ValueError(
            f"pad: got pad_width {pad_width} for shape {shape}; needed whole numbers ≥ 0: one, "
            f"(before, after), or such a pair for each axis"
        )
    if mode == "constant":
        return Pad(widths.tolist(), constant_values)(x)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(
            f"pad: got mode {mode!r}, needed 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'"
        )
    y: Any = x if isinstance(x, Variable) else as_array(x)
    for axis in np.flatnonzero(widths.any(axis=1)).tolist():
        if shape[axis] == 0:
            raise ValueError(f"pad: got shape {shape}, where mode {mode!r} finds no element")
        places = np.arange(shape[axis])
        y = np.take(y, np.pad(places, widths[axis], mode), axis)  # type: ignore[call-overload]
    return y


# ---- Another order along an axis ----


@implements(np.flip)
def flip(x: Operand, axis: Axis = None) -> Variable:
    """x in reverse order along `axis`; along every axis by default."""
    return Flip(axis if axis is None else checked_axes("flip", axis, np.shape(x)))(x)


@implements(np.roll)
def roll(
    x: Operand, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None
) -> Variable:
    """x moved on by `shift` along `axis`; what falls off the end enters at the start.

    Several axes take one shift each, or share one. For axis None x is rolled as if it were flat.

    Example:
        >>> roll(np.array([1, 2, 3, 4]), 1)
        array([4, 1, 2, 3])
    """
    if axis is None:
        return reshape(roll(flatten(x), shift, 0), np.shape(x))
    axes = checked_axes("roll", axis, np.shape(x))
    shifts = _integers("roll", "shift", shift)
    if len(shifts) == 1:
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: got {len(shifts)} shifts for {len(axes)} axes; needed one each")
    return Roll(shifts, axes)(x)


# ---- Facts about a Variable, as NumPy's functions ----


# fmt: off
@implements(np.shape)
def _shape(x: Variable) -> tuple[int, ...]: return x.shape

@implements(np.ndim)
def _ndim(x: Variable) -> int: return x.ndim

@implements(np.size)
def _size(x: Variable, axis: int | None = None) -> int:
    return x.size if axis is None else x.shape[axis]
# fmt: on
