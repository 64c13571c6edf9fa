"""Conversion of values to arrays, and sums of arrays back to the shape of another array."""

import math
import sys
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from wengert.dispatch import ArrayMethods

DTypeLike: TypeAlias = np.dtype[Any] | type | str  # (NumPy's, which is longer, fills help pages)
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def as_array(x: Any) -> ndarray:
    """`x` as an ndarray: the data of a Variable, an array itself, or an array of numbers.

    Its bytes are in the order of this machine: files such as IDX, FITS and HDF5 may have the other.

    Raises:
        TypeError: x is not made of real numbers or booleans.
        ValueError: x is a nested list whose rows differ in length.
    """
    if isinstance(x, ArrayMethods):
        return x.data
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"Variable: got a {type(x).__name__}, not an array: {error}") from None
    dtype = array.dtype
    if dtype is SINGLE or dtype is DOUBLE:  # (the fastest check of the most frequent ones)
        return array
    if dtype.kind not in "fiub":
        raise TypeError(
            f"Variable: got {type(x).__name__} with dtype {dtype}; "
            f"needed an array (or number) of float, int or bool{_hint_of_kind(array)}"
        )
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _hint_of_kind(array: ndarray) -> str:
    if array.dtype.kind in "US":
        return "; text becomes integers by classes, t = np.unique(text, return_inverse=True)"
    if array.dtype.kind == "M":
        return "; dates become numbers by (t - t.min()) / np.timedelta64(1, 'D')"
    if array.dtype.kind == "m":
        return "; durations become numbers by t / np.timedelta64(1, 'D')"
    if array.dtype == object and array.ndim:
        return "; if all are numbers, x.astype(np.float32) converts them"
    return ""


def is_foreign(x: Any) -> bool:
    """Whether `x` is an array of another kind: a symbol, an array on a device.

    Such arrays define NumPy's `__array_function__` and are passed to formulas unchanged.
    """
    return hasattr(x, "__array_function__") and not isinstance(x, ArrayMethods | ndarray)


_NUMBERS = {float, int, bool}  # (not subclasses: np.float64 is a float, but has a dtype)


def fitted(operands: Sequence[Any], ufunc: np.ufunc | None = None) -> list[Any] | None:
    """The operands of one operation, lists as arrays; None if one is an array of another kind.

    A number among arrays or Variables becomes an array, of the dtype that NumPy would use. An
    integer may be outside of the range of this dtype if `ufunc` is a comparison.
    """
    values, arrays = [], []
    for x in operands:
        if type(x) not in _NUMBERS:
            if not isinstance(x, ArrayMethods):
                if type(x) is not ndarray and is_foreign(x):
                    _refuse_variables(operands, x)
                    return None
                x = as_array(x)
            arrays.append(x)
        values.append(x)
    if not 0 < len(arrays) < len(values):
        return values
    dtypes = [x.dtype for x in arrays]
    alone = len(dtypes) == 1 and dtypes[0].kind == "f"
    try:
        return [
            np.array(x, dtypes[0] if alone else np.result_type(x, *dtypes))
            if type(x) in _NUMBERS else x
            for x in values
        ]  # fmt: skip
    except OverflowError:
        if ufunc not in _COMPARISONS:
            raise
        return [_of_any_size(x) if type(x) is int else x for x in values]


_COMPARISONS = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
}  # fmt: skip


def _of_any_size(x: int) -> ndarray:
    """An integer as an array; as ±inf if it is outside of the range of all integer dtypes."""
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= x <= np.iinfo(dtype).max:
            return np.array(x, dtype)
    return np.array(math.inf if x > 0 else -math.inf)


def snapshot(x: Any) -> Any:
    """`x`; a copy of it if it is an array of integers or booleans.

    For labels, masks and indices in a record: they are small, and programs often refill such arrays
    for each batch, even before `backward`.
    """
    return x.copy() if type(x) is ndarray and x.dtype.kind in "iub" else x


def writable(x: Any) -> ndarray:
    """The array of a Variable for an update in place; a copy, which becomes the array of the
    Variable, if anything else holds the array.

    So a write changes no array that a record, a view or the program refers to: a graph that was
    recorded before the write gives the gradient at the old value.
    """
    data: ndarray = x._data
    if data.base is not None or not data.flags.writeable or sys.getrefcount(data) > _ALONE:
        x._data = data = data.copy(order="K")
    return data


def buffer_for_gradient(p: Any) -> ndarray:
    """An array for a new gradient of p: the old one if nobody else holds it or its Variable."""
    x = p._grad
    data: ndarray = x._data
    free = data.base is None and data.flags.writeable and data.dtype is p._data.dtype
    if free and sys.getrefcount(x) <= _ALONE and sys.getrefcount(data) <= _ALONE:
        return data
    return np.empty(data.shape, p.dtype)


def _refuse_variables(operands: Sequence[Any], x: Any) -> None:
    """Raises TypeError for Variables among the operands of `x`, an array of another kind."""
    if any(isinstance(operand, ArrayMethods) for operand in operands):
        raise TypeError(
            f"Variable: got a Variable beside a {type(x).__name__}, needed arrays of one kind; "
            f"use x.data"
        )


def _references() -> int:
    """The reference count that `writable` finds for an array that only its Variable holds."""

    class Holder:
        _data: Any

    x = Holder()
    x._data = np.empty(0)
    data = x._data
    return sys.getrefcount(data)


_ALONE = _references()


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sums `x` (array or Variable) over the axes along which `shape` was broadcast to x.shape."""
    extra = x.ndim - len(shape)
    axes = tuple([i for i in range(x.ndim) if i < extra or shape[i - extra] == 1 != x.shape[i]])
    if x.dtype == np.float16:  # (too few digits to add up many numbers)
        return np.reshape(np.sum(x.astype(np.float32), axis=axes), shape).astype(x.dtype)
    return np.reshape(np.sum(x, axis=axes), shape)


def gradient_for(gx: Any, data: ndarray, f: Any) -> Any:
    """`gx` in the shape and dtype of `data`, an input of `f`."""
    if gx.shape != data.shape:
        if not f.elementwise:
            raise ValueError(
                f"{f.__class__.__name__}.backward: gave a gradient of shape {gx.shape} for an "
                f"input of shape {data.shape}; elementwise = True would let the walk undo "
                f"broadcasting"
            )
        gx = sum_to(gx, data.shape)
    if gx.dtype != data.dtype and data.dtype.kind == "f":
        gx = gx.astype(data.dtype)
    return gx


def explained(error: Exception, function: Any, xs: Sequence[Any]) -> Exception:
    """The error to raise instead of `error`, which `forward` of this Function raised for `xs`."""
    name = type(function).__name__
    if function.elementwise and isinstance(error, ValueError):
        try:
            np.broadcast_shapes(*[np.shape(x) for x in xs])
        except ValueError:
            shapes = " and ".join(str(np.shape(x)) for x in xs)
            return ValueError(
                f"{name}: shapes {shapes} do not broadcast; "
                f"counted from the right, sizes must be equal or 1"
            )
    arrived = ", ".join(f"{np.asarray(x).dtype} {np.shape(x)}" for x in xs)
    error.add_note(f"in {name}.forward, called with {arrived}")
    return error


def input_text(position: int, names: Sequence[str | None]) -> str:
    """The input at this position, for messages: "input 'W'", or "input 2 of 3"."""
    name = names[position]
    if name:
        return f"input {name!r}"
    return f"input {position + 1} of {len(names)}" if len(names) > 1 else "input"


def replaced(function: Any, x: Any) -> Exception:
    """The error for an input of this Function, whose data is no longer that of the call."""
    inputs = function.inputs
    position = [other is x for other in inputs].index(True)
    which = input_text(position, [other.name for other in inputs])
    return RuntimeError(
        f"{type(function).__name__}: the data of its {which}, {x.dtype} {x.shape}, was replaced "
        f"after the call, as by an update of an optimizer, and a backward with create_graph=True "
        f"needs the old data; call it before the update, or compute the loss again"
    )


def one_array(ys: Any, function: Any) -> ndarray:
    """The output of a `forward` as an array."""
    if isinstance(ys, list | tuple) or ys is None:
        raise TypeError(
            f"{type(function).__name__}.forward: gave a {type(ys).__name__}; "
            f"return an array, or a plain tuple of arrays for several outputs"
        )
    return as_array(ys)
