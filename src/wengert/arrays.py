"""Arrays: what is made into one, and what is summed or cast back to the form of another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.dispatch import ArrayMethods


def as_array(x: Any) -> ndarray:
    """The ndarray in, or made from, `x`.

    Raises:
        TypeError: x is not made of real numbers or booleans.
        ValueError: x is a nested list whose rows differ in length.
    """
    if isinstance(x, ArrayMethods):
        return x.data
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"Variable: got a {type(x).__name__} that is no array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"Variable: got {type(x).__name__} with dtype {array.dtype}; "
            f"needed an array (or number) of float, int or bool"
        )
    return array


def is_foreign(x: Any) -> bool:
    """Whether `x` is an array of another kind: a symbol, an array on a device.

    Such arrays bring NumPy's `__array_function__` and are passed to formulas as they are.
    """
    return hasattr(x, "__array_function__") and not isinstance(x, ArrayMethods | ndarray)


_NUMBERS = {float, int, bool}  # (exactly: np.float64 is a float, and has a dtype)


def fitted(operands: Sequence[Any]) -> list[Any] | None:
    """The operands of one operation, lists as arrays; None if one is an array of another kind.

    Beside arrays or Variables, a number becomes an array of the dtype that NumPy gives it there.
    """
    values, dtypes = [], []
    for x in operands:
        if type(x) not in _NUMBERS:
            if not isinstance(x, ArrayMethods):
                if is_foreign(x):
                    _refuse_variables(operands, x)
                    return None
                x = as_array(x)
            dtypes.append(x.dtype)
        values.append(x)
    if not 0 < len(dtypes) < len(values):
        return values
    alone = len(dtypes) == 1 and dtypes[0].kind == "f"
    return [
        np.array(x, dtypes[0] if alone else np.result_type(x, *dtypes))
        if type(x) in _NUMBERS else x
        for x in values
    ]  # fmt: skip


def _refuse_variables(operands: Sequence[Any], x: Any) -> None:
    """Refuses Variables beside `x`, an array of another kind, for which they have no formula."""
    if any(isinstance(operand, ArrayMethods) for operand in operands):
        raise TypeError(
            f"Variable: got a Variable beside a {type(x).__name__}, needed arrays of one kind; "
            f"use x.data"
        )


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sums `x` (array or Variable) over the axes along which `shape` was broadcast to x.shape."""
    extra = x.ndim - len(shape)
    axes = [i for i in range(x.ndim) if i < extra or shape[i - extra] == 1 != x.shape[i]]
    return np.reshape(np.sum(x, axis=tuple(axes)), shape)


def explained(error: Exception, function: Any, xs: Sequence[Any]) -> Exception:
    """The error to raise for one that the `forward` of this Function raised for arrays `xs`."""
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
    error.add_note(f"in {name}.forward, which was given {arrived}")
    return error


def one_array(ys: Any, function: Any) -> ndarray:
    """The output of a `forward` as an array."""
    if isinstance(ys, list | tuple) or ys is None:
        raise TypeError(
            f"{type(function).__name__}.forward: gave a {type(ys).__name__}; "
            f"return an array, or a plain tuple of arrays for several outputs"
        )
    return as_array(ys)
