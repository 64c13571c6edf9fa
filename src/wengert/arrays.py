"""Arrays: what is made into one, and what is summed or cast back to the form of another."""

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
    return hasattr(type(x), "__array_function__") and not isinstance(x, ArrayMethods | ndarray)


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sums `x` (array or Variable) over the axes along which `shape` was broadcast to x.shape."""
    extra = x.ndim - len(shape)
    axes = [i for i in range(x.ndim) if i < extra or shape[i - extra] == 1 != x.shape[i]]
    return np.reshape(np.sum(x, axis=tuple(axes)), shape)
