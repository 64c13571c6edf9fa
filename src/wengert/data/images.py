"""Images as arrays: dtypes and ranges."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike


def image_dtype(caller: str, dtype: DTypeLike) -> "np.dtype[Any]":
    """`dtype` as a dtype of images.

    Raises:
        TypeError: it is not a dtype.
        ValueError: it is neither uint8 nor floating-point.
    """
    try:
        wanted = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"{caller}: got dtype {dtype!r}, {error}; use np.float32") from None
    if wanted != np.uint8 and wanted.kind != "f":
        raise ValueError(
            f"{caller}: got dtype {wanted}, needed np.float32 or another floating-point dtype, for "
            f"pixels from 0 to 1, or np.uint8, for pixels from 0 to 255"
        )
    return wanted


def scale(pixels: ndarray, dtype: "np.dtype[Any]") -> ndarray:
    """The bytes unchanged if `dtype` is uint8; scaled to 0 to 1 if it is floating-point."""
    if dtype == np.uint8:
        return pixels
    return np.divide(pixels, 255, dtype=dtype)
