"""Interpolation: resized images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.functions.arguments import as_operand
from wengert.functions.geometry import Sizes, per_axis
from wengert.functions.pool import along_axis
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X

__all__ = ["interpolate"]

_MODES = {"nearest": (1, 2, 3), "linear": (1,), "bilinear": (2,), "trilinear": (3,)}


@in_float("x", integers=False)
def interpolate(
    x: Input[X],
    size: Sizes | None = None,
    scale: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool = False,
) -> X:
    """Resized images; give either `size` or `scale`.

    Pixels are squares: pixel i of I extends from i/I to (i + 1)/I of the image. With
    `align_corners` they are points instead, and the first and last keep their positions.

    Args:
        x: images, (N, C, H, W), of a float dtype; or with one or three spatial axes.
        size: of the result; an integer, or one for each spatial axis.
        scale: ratio of the size of the result, rounded down, to the size of x; a number > 0, or
            one for each axis.
        mode: "nearest", the pixel in which a pixel of y begins; or linear interpolation between
            the centers of pixels, "linear" for one axis, "bilinear" for two, "trilinear" for
            three.
        align_corners: for linear interpolation only.

    Returns:
        Variable, (N, C, OH, OW).

    Raises:
        ValueError: an option does not fit x or another option.

    Example:
        >>> interpolate(np.array([[[1.0, 3.0]]]), size=4, mode="linear")
        array([[[1. , 1.5, 2.5, 3. ]]])
    """
    shape, dtype = np.shape(x), as_array(x).dtype
    n_axes = len(shape) - 2
    if n_axes not in (1, 2, 3) or 0 in shape[1:]:
        raise ValueError(f"interpolate: got x {shape}, needed (N, C, H, W), not empty")
    if dtype.kind != "f":
        raise TypeError(f"interpolate: got x of {dtype}, needed floats; use x.astype(np.float32)")
    if n_axes not in _MODES.get(mode, ()):
        fitting = [name for name, axes in _MODES.items() if n_axes in axes]
        raise ValueError(f"interpolate: got mode {mode!r} for x {shape}, needed one of {fitting}")
    if align_corners and mode == "nearest":
        raise ValueError("interpolate: got align_corners for mode 'nearest', needed a linear mode")
    y: Any = as_operand(x)
    for axis, (n, step) in enumerate(_sizes_and_steps(shape[2:], size, scale), start=2):
        if mode == "nearest":
            y = _nearest(y, axis, n, step)
        else:
            y = along_axis(y, _lines(shape[axis], n, step, align_corners), axis)
    return y


def _sizes_and_steps(
    shape: Sequence[int], size: Sizes | None, scale: Any
) -> Sequence[tuple[int, float]]:
    """For each axis, its size in y, and the length of a pixel of y in pixels of x."""
    if (size is None) == (scale is None):
        raise ValueError(f"interpolate: got size {size} and scale {scale}, needed one of the two")
    if size is not None:
        sizes = per_axis("interpolate", "size", size, len(shape), 1)
        return [(n, i / n) for n, i in zip(sizes, shape, strict=True)]
    scales = [scale] * len(shape) if np.ndim(scale) == 0 else list(scale)
    if len(scales) != len(shape) or any(
        not s > 0 or math.floor(i * s) < 1 for s, i in zip(scales, shape, strict=False)
    ):
        raise ValueError(
            f"interpolate: got scale {scale} for spatial axes {tuple(shape)}, needed a number > 0 "
            f"(or {len(shape)} of them) for which y is not empty"
        )
    return [(math.floor(i * s), 1 / s) for i, s in zip(shape, scales, strict=True)]


def _nearest(x: Any, axis: int, n: int, step: float) -> Any:
    """x with n pixels along an axis, each the pixel of x where it begins."""
    size = x.shape[axis]
    pixels = np.minimum(np.floor(np.arange(n) * step).astype(int), size - 1)
    times = np.bincount(pixels, minlength=size)
    if np.all(times == times[0]):  # a repetition, whose gradient is a quick sum
        return np.repeat(x, int(times[0]), axis)
    return np.take(x, pixels, axis)


def _lines(size: int, n: int, step: float, align_corners: bool) -> np.ndarray:
    """The matrix (size, n) from pixels to n points on the straight lines between them."""
    if align_corners:
        at = np.arange(n) * ((size - 1) / max(n - 1, 1))
    else:
        at = np.clip(
            (np.arange(n) + 0.5) * step - 0.5, 0, size - 1
        )  # centers, constant beyond the outer ones
    # the weight of a pixel falls from 1 at its center to 0 at the next center
    return np.maximum(1 - abs(at - np.arange(size)[:, None]), 0)
