"""The geometry of kernels and windows that move over images, and images with their padding.

Arrays are (N, C, *spatial) for callers, but kernels allocate memory in the order (N, *spatial, C),
so that many channels of a pixel are copied at once and products are written in place. NumPy's
elementwise functions keep the order of memory, so it is the same from layer to layer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Sizes: TypeAlias = Sequence[int]  # one for each spatial axis
Pairs: TypeAlias = tuple[tuple[int, int], ...]  # (before, after) for each spatial axis

FEW_CHANNELS = 4  # for at most as many, the order (N, C, *spatial) is faster


@dataclass(frozen=True)
class Geometry:
    """How a kernel or a window moves over the spatial axes of an image.

    Each field but the last has one entry for each spatial axis. Element k of the kernel at output
    position p is multiplied by the pixel stride·p + dilation·k - padding.
    """

    kernel: tuple[int, ...]  # sizes
    stride: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    groups: int = 1  # of channels, for convolutions

    def padded_sizes(self, sizes: Sizes) -> tuple[int, ...]:
        """The spatial sizes of an image together with its padding."""
        axes = zip(sizes, self.padding, strict=True)
        return tuple([before + n + after for n, (before, after) in axes])

    def output_sizes(self, sizes: Sizes) -> tuple[int, ...]:
        """The number of positions of the kernel along each axis of an image of these sizes."""
        axes = zip(self.padded_sizes(sizes), self.kernel, self.stride, self.dilation, strict=True)
        return tuple([(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in axes])

    def offsets(self, out: Sizes) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
        """Each element k of the kernel, and the index of the pixels that it covers.

        The index is into a padded image (N, *spatial, C); `out` are the output sizes.
        """
        for k in np.ndindex(*self.kernel):
            axes = zip(k, out, self.stride, self.dilation, strict=True)
            pixels = [slice(i * d, i * d + (n - 1) * s + 1, s) for i, n, s, d in axes]
            yield k, (slice(None), *pixels)


def channels_last(x: np.ndarray) -> np.ndarray:
    """A view (N, *spatial, C) of x (N, C, *spatial)."""
    return x.transpose(0, *range(2, x.ndim), 1)  # (np.moveaxis takes six times as long)


def channels_first(x: np.ndarray) -> np.ndarray:
    """A view (N, C, *spatial) of x (N, *spatial, C)."""
    return x.transpose(0, -1, *range(1, x.ndim - 1))


def few_channels(C: int) -> bool:
    """Whether an image of C channels is better stored in the order (N, C, *spatial)."""
    return C <= FEW_CHANNELS


def padded(x: np.ndarray, geometry: Geometry, fill: float = 0) -> np.ndarray:
    """x (N, C, *spatial) with its padding, as (N, *spatial, C)."""
    if not any(map(any, geometry.padding)):
        y = channels_last(x)
        return y if few_channels(x.shape[1]) else np.ascontiguousarray(y)
    y = padded_full(x.shape, geometry, x.dtype, fill)
    y[interior(x.shape, geometry)] = channels_last(x)
    return y


def padded_full(
    shape: Sizes, geometry: Geometry, dtype: "np.dtype[Any]", fill: float = 0
) -> np.ndarray:
    """An array of one value, of the shape of `padded(x)` for an x of this shape."""
    N, C = shape[:2]
    sizes = geometry.padded_sizes(shape[2:])
    if few_channels(C):
        return channels_last(np.full((N, C, *sizes), fill, dtype))
    return np.full((N, *sizes, C), fill, dtype)


def interior(shape: Sizes, geometry: Geometry) -> tuple[slice, ...]:
    """The index of x in `padded(x)`."""
    axes = zip(shape[2:], geometry.padding, strict=True)
    return (slice(None), *[slice(before, before + n) for n, (before, _) in axes])
