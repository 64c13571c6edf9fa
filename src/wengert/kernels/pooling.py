"""Pooling: the maximum and the sum of each window of an image."""

import math
from typing import Any

import numpy as np

from wengert.kernels.geometry import (
    Geometry,
    Sizes,
    channels_first,
    channels_last,
    interior,
    padded,
    padded_full,
)


def window_max(x: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window of x (N, C, *in), and its position in the window.

    Positions count from 0, in C order; the first of equal elements is taken. NaN gives NaN.
    """
    image = padded(x, geometry, -np.inf)
    y = chosen = np.empty(0)
    offsets = geometry.offsets(geometry.output_sizes(x.shape[2:]))
    for i, (_, pixels) in enumerate(offsets):
        elements = image[pixels]
        if i == 0:
            y = elements.copy("K")
            chosen = np.zeros_like(y, np.min_scalar_type(math.prod(geometry.kernel)))
        else:
            # (i is larger than all earlier positions; assignment with a mask takes 6 times as long)
            np.maximum(chosen, (elements > y) * chosen.dtype.type(i), out=chosen)
            np.maximum(y, elements, out=y)
    return channels_first(y), channels_first(chosen)


def window_sum(x: np.ndarray, geometry: Geometry, chosen: np.ndarray | None = None) -> np.ndarray:
    """The sum of each window of x (N, C, *in); with `chosen`, its element at that position."""
    image = padded(x, geometry)
    if chosen is not None:
        chosen = channels_last(chosen)
    y: Any = None
    offsets = geometry.offsets(geometry.output_sizes(x.shape[2:]))
    for i, (_, pixels) in enumerate(offsets):
        if y is None:
            y = np.zeros_like(image[pixels])
        if chosen is None:
            y += image[pixels]
        else:
            np.copyto(y, image[pixels], where=chosen == i)
    return channels_first(y)


def window_sum_gradient(
    gy: np.ndarray, geometry: Geometry, sizes: Sizes, chosen: np.ndarray | None = None
) -> np.ndarray:
    """gx (N, C, *sizes): gy is added to its whole window, or to the element at `chosen`."""
    shape = (*gy.shape[:2], *sizes)
    gy = channels_last(gy)
    if chosen is not None:
        chosen = channels_last(chosen)
    image = padded_full(shape, geometry, gy.dtype)
    # whether each pixel is in at most one window
    apart = all(
        s >= (k - 1) * d + 1
        for s, k, d in zip(geometry.stride, geometry.kernel, geometry.dilation, strict=True)
    )
    for i, (_, pixels) in enumerate(geometry.offsets(gy.shape[1:-1])):
        if chosen is None:
            image[pixels] += gy
        elif apart:
            # (the bits as integers, times 0 or 1, because gy may be infinite)
            bits = f"i{gy.itemsize}"
            np.multiply(gy.view(bits), chosen == i, out=image.view(bits)[pixels])
        else:
            image[pixels] += np.where(chosen == i, gy, 0)
    return channels_first(image[interior(shape, geometry)])
