"""Pooling: the maximum or the mean of each window, over one to three spatial axes.

The sum of each window and the Function that adds a gradient to the whole window are linear, and
each is the gradient of the other. Max pooling is a sum of one chosen element of each window. The
choice does not change for a small change of x, so it is a constant for derivatives of every order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from wengert import kernels
from wengert.arrays import as_array
from wengert.core import Function
from wengert.functions import reduce
from wengert.functions.arguments import as_operand
from wengert.functions.geometry import Padding, Sizes, check_kernel_fits, padding_pairs, per_axis
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X
from wengert.functions.zeros import matmul_past_zeros
from wengert.kernels import Geometry

__all__ = [
    "adaptive_avg_pool", "adaptive_max_pool", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "global_avg_pool", "global_max_pool", "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip


class MaxPool(Function):
    """y = the largest x of each window,  dy/dx = 1 for the first such x, else 0."""

    saved = ("chosen",)  # the position of the maximum in its window

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    def forward(self, x):
        y, self.chosen = kernels.window_max(x, self.geometry)
        return y

    def backward(self, gy):
        (x,) = self.xs
        return WindowSumGrad(self.geometry, x.shape[2:])(gy, self.chosen)

    @staticmethod
    def samples(rng):
        for x_shape, geometry in _samples():
            x = rng.permutation(math.prod(x_shape)).reshape(x_shape) / 4  # no ties
            yield (x,), {"geometry": geometry}


class WindowSum(Function):
    """y = the sum of each window of x; with `chosen`, its element at that position."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    def forward(self, x, chosen=None):
        return kernels.window_sum(x, self.geometry, chosen)

    def backward(self, gy):
        x, *chosen = self.xs
        gx = WindowSumGrad(self.geometry, x.shape[2:])(gy, *chosen)
        return gx, *[None for _ in chosen]

    @staticmethod
    def samples(rng):
        for x_shape, geometry in _samples():
            x = rng.normal(size=x_shape)
            yield (x,), {"geometry": geometry}
            yield (x, kernels.window_max(x, geometry)[1]), {"geometry": geometry}


class WindowSumGrad(Function):
    """gx, the gradient of WindowSum: gy is added to its whole window, or to the element `chosen`.

    `sizes` are the spatial sizes of gx, which do not follow from those of gy.
    """

    def __init__(self, geometry: Geometry, sizes: tuple[int, ...]) -> None:
        self.geometry = geometry
        self.sizes = sizes

    def forward(self, gy, chosen=None):
        return kernels.window_sum_gradient(gy, self.geometry, self.sizes, chosen)

    def backward(self, ggx):
        _, *chosen = self.xs
        return WindowSum(self.geometry)(ggx, *chosen), *[None for _ in chosen]

    @staticmethod
    def samples(rng):
        for (x, *chosen), options in WindowSum.samples(rng):
            y = WindowSum(**options)(x)
            yield (rng.normal(size=y.shape), *chosen), {**options, "sizes": x.shape[2:]}


def _samples() -> Iterator[Any]:
    """Shapes of x and geometries: 1-D to 3-D, windows apart and overlapping, padding, gaps."""
    for x_shape, kernel, stride, padding, dilation in [
        ((2, 2, 6), (2,), (2,), ((0, 0),), (1,)),
        ((1, 5, 4), (3,), (1,), ((1, 0),), (1,)),
        ((1, 1, 7), (2,), (2,), ((0, 0),), (2,)),
        ((2, 1, 4, 5), (2, 3), (2, 1), ((0, 0), (1, 1)), (1, 1)),
        ((1, 5, 3, 5), (1, 2), (2, 3), ((0, 0), (0, 1)), (1, 1)),
        ((1, 2, 2, 3, 2), (2, 2, 1), (1, 1, 1), ((0, 0), (1, 0), (0, 0)), (1, 1, 1)),
    ]:
        yield x_shape, Geometry(kernel, stride, padding, dilation)


def max_pool1d(
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> X:
    """The maximum of each window of x (N, C, L); see `max_pool2d`."""
    return _max_pool("max_pool1d", 1, x, kernel, stride, padding, ceil_mode)


def max_pool2d(
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> X:
    """The maximum of each window; of equal elements, the first gets the gradient.

    Args:
        x: images, (N, C, H, W), of a float dtype.
        kernel: size of a window; an integer, or one for each axis.
        stride: pixels from one window to the next; the kernel's size by default.
        padding: elements of -∞ around x, fewer than the kernel's size; an integer, one for each
            axis, (before, after) for each axis, "same" or "valid" (none).
        ceil_mode: whether the last window may reach beyond the end of x; else it is left out.

    Returns:
        Variable, (N, C, OH, OW).

    Raises:
        ValueError: the kernel is larger than x, or the padding than the kernel.

    Example:
        >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
        array([[[[ 5.,  7.],
                 [13., 15.]]]])
    """
    return _max_pool("max_pool2d", 2, x, kernel, stride, padding, ceil_mode)


def max_pool3d(
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> X:
    """The maximum of each window of x (N, C, D, H, W); see `max_pool2d`."""
    return _max_pool("max_pool3d", 3, x, kernel, stride, padding, ceil_mode)


def avg_pool1d(
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> X:
    """The mean of each window of x (N, C, L); see `avg_pool2d`."""
    return _avg_pool("avg_pool1d", 1, x, kernel, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> X:
    """The mean of each window.

    Args:
        x: images, (N, C, H, W), of a float dtype.
        kernel: size of a window; an integer, or one for each axis.
        stride: pixels from one window to the next; the kernel's size by default.
        padding: zeros around x, fewer than the kernel's size; as in `max_pool2d`.
        ceil_mode: whether the last window may reach beyond the end of x; else it is left out.
            Elements beyond the padding do not count in the mean.
        count_include_pad: whether the zeros of the padding count in the mean.

    Returns:
        Variable, (N, C, OH, OW).

    Raises:
        ValueError: the kernel is larger than x, or the padding than the kernel.

    Example:
        >>> avg_pool2d(np.ones((1, 1, 2, 2)), 2, padding=1)[0, 0]
        array([[0.25, 0.25],
               [0.25, 0.25]])
    """
    return _avg_pool("avg_pool2d", 2, x, kernel, stride, padding, ceil_mode, count_include_pad)


def avg_pool3d(
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> X:
    """The mean of each window of x (N, C, D, H, W); see `avg_pool2d`."""
    return _avg_pool("avg_pool3d", 3, x, kernel, stride, padding, ceil_mode, count_include_pad)


def adaptive_max_pool(x: Input[X], size: Sizes) -> X:
    """The maximum of each window of a grid of `size` windows, which may overlap by one pixel.

    Args:
        x: images, (N, C, H, W), of a float dtype; or with one or three spatial axes.
        size: of the result; an integer, or one for each spatial axis. Window i of OH consists of
            the pixels ⌊i H / OH⌋ ≤ h < ⌈(i + 1) H / OH⌉.

    Returns:
        Variable, (N, C, OH, OW).

    Example:
        >>> adaptive_max_pool(np.array([[[1.0, 5.0, 2.0, 3.0, 4.0]]]), 2)
        array([[[5., 4.]]])
    """
    sizes = _adaptive_sizes("adaptive_max_pool", x, size)
    kernel = []
    for axis, n in enumerate(sizes, start=2):
        first, last = _adaptive_windows(np.shape(x)[axis], n)
        length = int(np.max(last - first)) + 1
        kernel.append(length)
        # a short window contains its last pixel twice, which changes no maximum
        pixels = np.minimum(first[:, None] + np.arange(length), last[:, None]).reshape(-1)
        if not np.array_equal(pixels, np.arange(np.shape(x)[axis])):
            x = np.take(x, pixels, axis)
    n_axes = len(kernel)
    sides = tuple(kernel)
    return MaxPool(Geometry(sides, sides, ((0, 0),) * n_axes, (1,) * n_axes))(x)


@in_float("x", integers=False)
def adaptive_avg_pool(x: Input[X], size: Sizes) -> X:
    """The mean of each window of a grid of `size` windows; see `adaptive_max_pool`.

    Example:
        >>> adaptive_avg_pool(np.array([[[1.0, 5.0, 2.0, 3.0, 4.0]]]), 2)
        array([[[2.66666667, 3.        ]]])
    """
    sizes = _adaptive_sizes("adaptive_avg_pool", x, size)
    y: Any = as_operand(x)
    for axis, n in enumerate(sizes, start=2):
        first, last = _adaptive_windows(np.shape(x)[axis], n)
        pixels = np.arange(np.shape(x)[axis])[:, None]
        means = ((first <= pixels) & (pixels <= last)) / (last - first + 1)  # (H, OH)
        y = along_axis(y, means, axis)
    return y


def global_max_pool(x: Input[X]) -> X:
    """The maximum of each channel, (N, C), of x (N, C, ...); equal elements share the gradient."""
    return reduce.max(x, _spatial_axes("global_max_pool", x))


def global_avg_pool(x: Input[X]) -> X:
    """The mean of each channel, (N, C), of x (N, C, ...)."""
    return reduce.mean(x, _spatial_axes("global_avg_pool", x))


# ---- Shared by the above ----


def along_axis(x: Any, matrix: np.ndarray, axis: int) -> Any:
    """x with one axis, (..., I, ...), multiplied by a constant matrix (I, O)."""
    # (past zeros: an element with the weight 0 may be infinite or NaN)
    y = matmul_past_zeros(np.moveaxis(x, axis, -1), matrix.astype(x.dtype))
    return np.moveaxis(y, -1, axis)


def _max_pool(
    name: str,
    n_axes: int,
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None,
    padding: Padding,
    ceil_mode: bool,
) -> X:
    geometry, beyond = _windows(name, n_axes, x, kernel, stride, padding, ceil_mode)
    return MaxPool(_extended(geometry, beyond))(x)


@in_float("x", integers=False)
def _avg_pool(
    name: str,
    n_axes: int,
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None,
    padding: Padding,
    ceil_mode: bool,
    count_include_pad: bool,
) -> X:
    geometry, beyond = _windows(name, n_axes, x, kernel, stride, padding, ceil_mode)
    y = WindowSum(_extended(geometry, beyond))(x)
    if not any(beyond) and (count_include_pad or not any(map(any, geometry.padding))):
        return y * (1 / math.prod(geometry.kernel))
    # the number of elements that count in a window is a product over the axes
    counts = np.ones((), y.dtype)
    axes = zip(geometry.kernel, geometry.stride, geometry.padding, strict=True)
    for n, more, (k, s, (before, after)) in zip(np.shape(x)[2:], beyond, axes, strict=True):
        counted = np.zeros(before + n + after + more, y.dtype)
        counted[slice(before + n + after) if count_include_pad else slice(before, before + n)] = 1
        starts = np.arange(0, len(counted) - k + 1, s)
        counts = counts[..., None] * counted[starts[:, None] + np.arange(k)].sum(axis=1)
    return y / counts


def _windows(
    name: str,
    n_axes: int,
    x: Input[X],
    kernel: Sizes,
    stride: Sizes | None,
    padding: Padding,
    ceil_mode: bool,
) -> tuple[Geometry, list[int]]:
    """The geometry, and for each axis how far the last window reaches beyond the padding."""
    shape = _checked_shape(name, x, n_axes)
    sizes = per_axis(name, "kernel", kernel, n_axes, 1)
    strides = sizes if stride is None else per_axis(name, "stride", stride, n_axes, 1)
    ones = (1,) * n_axes
    pairs = padding_pairs(name, padding, shape[2:], sizes, strides, ones)
    if any(max(pair) >= k for pair, k in zip(pairs, sizes, strict=True)):
        raise ValueError(
            f"{name}: got padding {padding} for kernel {kernel}, needed less padding than the "
            f"kernel's size, so that each window contains an element of x"
        )
    geometry = Geometry(sizes, strides, pairs, ones)
    check_kernel_fits(name, geometry, shape)
    beyond = [0] * n_axes
    if ceil_mode:
        wide = geometry.padded_sizes(shape[2:])
        for i, (n, (before, _)) in enumerate(zip(shape[2:], pairs, strict=True)):
            windows = -(-(wide[i] - sizes[i]) // strides[i]) + 1
            start = (windows - 1) * strides[i]
            if start < before + n:  # (a window that starts in the padding is left out)
                beyond[i] = max(start + sizes[i] - wide[i], 0)
    return geometry, beyond


def _extended(geometry: Geometry, beyond: list[int]) -> Geometry:
    """The geometry with additional padding at the end of each axis."""
    if not any(beyond):
        return geometry
    axes = zip(geometry.padding, beyond, strict=True)
    return replace(geometry, padding=tuple([(before, after + n) for (before, after), n in axes]))


def _checked_shape(name: str, x: Input[X], n_axes: int) -> tuple[int, ...]:
    shape, dtype = np.shape(x), as_array(x).dtype
    if len(shape) != n_axes + 2 or 0 in shape[1:]:
        spatial = ("L", "H, W", "D, H, W")[n_axes - 1]
        hint = "; for a single image use np.expand_dims(x, 0)" if len(shape) == n_axes + 1 else ""
        raise ValueError(f"{name}: got x {shape}, needed (N, C, {spatial}), not empty{hint}")
    if dtype.kind != "f":
        raise TypeError(f"{name}: got x of {dtype}, needed floats; use x.astype(np.float32)")
    return shape


def _spatial_axes(name: str, x: Input[X]) -> tuple[int, ...]:
    n_axes = np.ndim(x) - 2
    _checked_shape(name, x, min(max(n_axes, 1), 3))
    return tuple(range(2, 2 + n_axes))


def _adaptive_sizes(name: str, x: Input[X], size: Sizes) -> tuple[int, ...]:
    axes = _spatial_axes(name, x)
    return per_axis(name, "size", size, len(axes), 1)


def _adaptive_windows(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and last pixel of each of `count` windows over `size` pixels."""
    i = np.arange(count)
    return i * size // count, -(-(i + 1) * size // count) - 1
