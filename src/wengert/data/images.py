"""Images as arrays: the types they come in."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike


def image_dtype(function: str, dtype: DTypeLike) -> "np.dtype[Any]":
    """The dtype that a user asks images in.

    Raises:
        TypeError: it is none at all.
        ValueError: it is neither uint8 nor of floating point.
    """
    try:
        wanted = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"{function}: got dtype {dtype!r}, {error}; give np.float32") from None
    if wanted != np.uint8 and wanted.kind != "f":
        raise ValueError(
            f"{function}: got dtype {wanted}, needed np.float32 or another floating point, for "
            f"pixels from 0 to 1, or np.uint8, for pixels from 0 to 255"
        )
    return wanted


def scale(pixels: ndarray, dtype: "np.dtype[Any]") -> ndarray:
    """Bytes as they are if `dtype` is uint8, and from 0 to 1 if it is floating point."""
    if dtype == np.uint8:
        return pixels
    return np.divide(pixels, 255, dtype=dtype)
