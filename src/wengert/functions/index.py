"""Indexing: elements chosen by their positions.

The option `key` of a Function here is a plain value that describes a key of NumPy's: a tuple of
integers, None, `...`, (start, stop, step) for a slice, and "array" for each index array or mask.
Those arrays are data, and so inputs of the Function.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core import Function, Variable, as_variable
from wengert.dispatch import implements
from wengert.functions.arguments import as_constant
from wengert.functions.axes import checked_axis
from wengert.functions.shape import flatten
from wengert.functions.types import Input, X

__all__ = ["get_item", "take", "take_along_axis"]


_new: Any = object.__new__  # (avoids the conversion of a key to a plain value and back)


class Keyed(Function):
    """A Function with a key, which it stores in NumPy's form, with "array" for each array."""

    _key: Any

    @property
    def key(self) -> tuple[Any, ...]:
        """The key as a plain value."""
        key = self._key if type(self._key) is tuple else (self._key,)
        return tuple([(k.start, k.stop, k.step) if type(k) is slice else k for k in key])


class GetItem(Keyed):
    """y = x[key], for every kind of key that NumPy has."""

    def __init__(self, key: tuple[Any, ...]) -> None:
        self._key = numpy_key(key)

    def forward(self, x, *arrays):
        key = with_arrays(self._key, arrays) if arrays else self._key
        try:
            return x[key]
        except (IndexError, TypeError, ValueError) as error:
            raise _index_error(key, np.shape(x), error) from None

    def backward(self, gy):
        x, *arrays = self.xs
        f = _new(GetItemGrad)
        f._key, f.shape = self._key, x.shape
        gx = f(gy, *arrays)
        return (gx, *[None] * len(arrays)) if arrays else gx

    @staticmethod
    def samples(rng):
        for key in _sample_keys(rng):
            own, arrays = split_key(key)
            yield (rng.normal(size=(3, 4, 5)), *arrays), {"key": _get_item(own).key}
        yield (rng.normal(size=()),), {"key": ()}


class GetItemGrad(Keyed):
    """gx = zeros of `shape` with gy added at key; repeated indices add up."""

    def __init__(self, key: tuple[Any, ...], shape: tuple[int, ...]) -> None:
        self._key = numpy_key(key)
        self.shape = shape

    def forward(self, gy, *arrays):
        key = with_arrays(self._key, arrays)
        if all(array.dtype == bool for array in arrays):  # no element is chosen twice
            gx = np.zeros(self.shape, gy.dtype, like=gy)
            gx[key] = gy
            return gx
        return added_at(self.shape, lambda positions: positions[key], gy)

    def backward(self, ggx):
        _, *arrays = self.xs
        ggy = _get_item(self._key)(ggx, *arrays)
        return (ggy, *[None] * len(arrays)) if arrays else ggy

    @staticmethod
    def samples(rng):
        for key in _sample_keys(rng):
            gy = rng.normal(size=np.empty((3, 4, 5))[key].shape)
            own, arrays = split_key(key)
            yield (gy, *arrays), {"key": _get_item(own).key, "shape": (3, 4, 5)}


def added_at(shape: tuple[int, ...], chosen: Callable[[Any], Any], gy: Any) -> Any:
    """Zeros of that shape with gy added where `chosen` takes it from; float16 in float32."""
    gx = np.zeros(shape, np.float32 if gy.dtype == np.float16 else gy.dtype, like=gy)
    # np.add.at is several times faster with one flat index than with several arrays
    flat = chosen(np.arange(gx.size, like=gy).reshape(shape))
    np.add.at(gx.reshape(-1), flat.reshape(-1), gy.reshape(-1))
    return gx.astype(gy.dtype, copy=False)


class TakeAlongAxis(Function):
    """y[i, ..., k] = x[i, ..., indices[i, ..., k]], here for the last axis."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x, indices):
        try:
            return np.take_along_axis(x, indices, self.axis)
        except (IndexError, ValueError) as error:
            raise IndexError(
                f"take_along_axis: got indices {np.shape(indices)} for x {np.shape(x)} along axis "
                f"{self.axis}; {error}"
            ) from None

    def backward(self, gy):
        x, indices = self.xs
        return TakeAlongAxisGrad(x.shape, self.axis)(gy, indices), None

    @staticmethod
    def samples(rng):
        for axis in (0, 1, -1):
            yield (rng.normal(size=(3, 3)), rng.integers(-3, 3, size=(3, 3))), {"axis": axis}
        yield rng.normal(size=(2, 3)), np.array([[0, 2, 2, -1]])


class TakeAlongAxisGrad(Function):
    """gx = zeros of `shape` with gy added at `indices`; repeated indices add up."""

    def __init__(self, shape: tuple[int, ...], axis: int = -1) -> None:
        self.shape = shape
        self.axis = axis

    def forward(self, gy, indices):
        return added_at(self.shape, lambda p: np.take_along_axis(p, indices, self.axis), gy)

    def backward(self, ggx):
        _, indices = self.xs
        return TakeAlongAxis(self.axis)(ggx, indices), None

    @staticmethod
    def samples(rng):
        for axis in (0, 1, -1):
            indices = rng.integers(-3, 3, size=(3, 3))
            yield (rng.normal(size=(3, 3)), indices), {"shape": (3, 3), "axis": axis}
        yield (rng.normal(size=(2, 4)), np.array([[0, 2, 2, -1]])), {"shape": (2, 3)}


def _get_item(key: Any) -> GetItem:
    """GetItem for a key in NumPy's form."""
    f: GetItem = _new(GetItem)
    f._key = key
    return f


def _sample_keys(rng):
    yield 1
    yield -1, slice(None, None, -2)
    yield ..., None, 0
    yield 2, 3, 4
    yield [0, 2, 0]
    yield slice(1, 3), np.array([[0, 3], [3, -4]])
    yield np.array([0, 1]), slice(None), np.array([4, 4])  # (the axis of the arrays comes first)
    yield rng.normal(size=(3, 4)) > 0
    yield rng.normal(size=3) > -9, ..., 1
    yield rng.normal(size=(3, 4, 5)) > 9


# ---- Keys ----


def split_key(key: Any) -> tuple[Any, list[Any]]:
    """A user's key in NumPy's form with "array" for each array; and private copies of the arrays.

    Raises:
        TypeError: a component of the key is of the wrong kind.
        ValueError: a list does not make an array.
    """
    own: list[Any] = []
    arrays: list[Any] = []
    for k in key if type(key) is tuple else (key,):
        kind = type(k)
        if kind is np.ndarray and k.dtype.kind in "iub":
            own.append("array")
            arrays.append(k.copy())
        elif _is_plain(k):
            own.append(k)
        elif isinstance(k, np.integer):
            own.append(int(k))
        elif kind is slice:
            own.append(slice(*map(_bound, (k.start, k.stop, k.step))))
        else:
            own.append("array")
            arrays.append(_private(k))
    return tuple(own), arrays


def numpy_key(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key in NumPy's form that the plain value `key` describes."""
    return tuple([slice(*k) if type(k) is tuple else k for k in key])


def with_arrays(key: Any, arrays: Sequence[Any]) -> Any:
    """The key with the arrays in place of each "array"."""
    if not arrays:
        return key
    if len(key) == 1:
        return arrays[0]
    following = iter(arrays)
    return tuple([next(following) if type(k) is str else k for k in key])


_INTEGER_OR_NONE = {int, type(None)}


def _is_plain(k: Any) -> bool:
    """Whether k is an int, None, `...`, or a slice of ints."""
    kind = type(k)
    if kind is slice:
        some = _INTEGER_OR_NONE
        return type(k.start) in some and type(k.stop) in some and type(k.step) in some
    return kind is int or k is None or k is ...


def _bound(n: Any) -> int | None:
    try:
        return n if n is None else operator.index(n)
    except TypeError:
        raise TypeError("slice indices must be integers or None") from None


def _private(k):
    """An index array, mask or list of numbers, as an array or a constant."""
    if isinstance(k, np.ndarray | Variable):
        array: Any = as_constant(k)
    else:
        array = np.asarray(_plain_lists(k))
        if array.ndim == 0 and array.dtype != bool:
            raise TypeError("only integers, slices, None, ... and arrays are valid indices")
        if array.size == 0:  # an empty list has no type
            array = array.astype(np.intp)
    if array.dtype.kind not in "iub":
        raise TypeError("arrays used as indices must be of integer or boolean type")
    return array


def _plain_lists(k):
    if isinstance(k, list | tuple):
        return [_plain_lists(item) for item in k]
    return k.data if isinstance(k, Variable) else k


def _index_error(key: Any, shape: tuple[int, ...], error: Exception) -> IndexError:
    if type(key) is tuple and len(key) == 1:
        key = key[0]
    return IndexError(f"getitem: got index {_described(key)} for shape {shape}; {error}")


def _described(key: Any) -> str:
    """The key as in a program; for large arrays, only dtype and shape."""
    if isinstance(key, tuple):
        return "(" + ", ".join(map(_described, key)) + ")"
    if isinstance(key, Variable | np.ndarray):
        large = key.size > 10
        return f"array of {key.dtype} {key.shape}" if large else repr(key.tolist())
    if isinstance(key, slice):
        bounds = ["" if n is None else str(n) for n in (key.start, key.stop, key.step)]
        return ":".join(bounds if bounds[2] else bounds[:2])
    return "..." if key is ... else repr(key)


# ---- Public functions ----


@implements(operator.getitem)
def get_item(x: Input[X], key: Any) -> X:
    """x[key], for every kind of key that NumPy has, including Variables of integers or bools.

    As in NumPy, a key of integers and slices gives a view, which shares the memory of x: to write
    to `x.data[...]` before `backward`, use `x[key].copy()`. A key with arrays gives a copy. The
    gradient of an element that is chosen several times is the sum of its gradients.

    Raises:
        IndexError: the key is of the wrong kind, or out of bounds.

    Example:
        >>> get_item(np.arange(5), [0, 0, 3])
        array([0, 0, 3])
    """
    if type(key) is tuple:
        plain = True
        for k in key:
            plain = plain and _is_plain(k)
    else:
        plain = _is_plain(key)
    if plain:
        f = _new(GetItem)
        f._key = key
        return f(x)
    try:
        own, arrays = split_key(key)
    except (TypeError, ValueError) as error:
        raise _index_error(key, np.shape(x), error) from None
    if isinstance(x, Variable):
        arrays = [as_variable(array) for array in arrays]  # (faster than in the call)
    return _get_item(own)(x, *arrays)


@implements(np.take)
def take(x: Input[X], indices: Input[X], axis: int | None = None) -> X:
    """The elements of x at `indices` along `axis`; of the flattened x by default.

    Args:
        x: input, (..., N, ...).
        indices: integers, of any shape, -N ≤ index < N.
        axis: along which axis; None for the flattened x.

    Example:
        >>> take(np.array([[1, 2, 3], [4, 5, 6]]), [2, 0], axis=1)
        array([[3, 1],
               [6, 4]])
    """
    if axis is None:
        x, axis = flatten(x), 0
    axis = checked_axis("take", axis, np.shape(x))
    own = integer_indices("take", indices)
    if isinstance(x, Variable):
        own = as_variable(own)
    return _get_item((slice(None),) * axis + ("array",))(x, own)


@implements(np.take_along_axis)
def take_along_axis(x: Input[X], indices: Input[X], axis: int = -1) -> X:
    """y[i, ..., k] = x[i, ..., indices[i, ..., k]], here for the last axis.

    Args:
        x: input.
        indices: integers, with as many axes as x, such as the result of `np.argsort`, or of
            `np.argmax` with keepdims. The other axes broadcast against those of x.
        axis: along which axis.

    Example:
        >>> take_along_axis(np.array([[1, 3, 2], [6, 4, 5]]), np.array([[1], [0]]))
        array([[3],
               [6]])
    """
    shape = np.shape(x)
    axis = checked_axis("take_along_axis", axis, shape)
    own = integer_indices("take_along_axis", indices)
    if own.ndim != len(shape):
        raise ValueError(
            f"take_along_axis: got indices of shape {own.shape} for x of shape {shape}; "
            f"needed the same number of axes"
        )
    return TakeAlongAxis(axis)(x, own)


def integer_indices(name: str, indices: Any) -> Any:
    """A private copy of the indices, because `backward` reads them too."""
    array = as_constant(indices)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: got indices of {array.dtype}, needed integers")
    return array
