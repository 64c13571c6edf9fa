"""Convolution, its two gradients, and columns.

Convolution, over any number of spatial axes, is one sum,

    y[n, o, p] = Σ over c, k of  x[n, c, stride·p + dilation·k - padding] W[o, c, k],

read as a function to y, to x or to W. Each of the three is linear in both of its arguments, and is
a matrix product with *columns*: a row for each output position p, with all elements of x that the
kernel covers there. A few images are processed at a time, so that their columns fit into the cache.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import as_strided

from wengert.kernels.geometry import (
    Geometry,
    Sizes,
    channels_first,
    channels_last,
    few_channels,
    interior,
    padded,
    padded_full,
)
from wengert.kernels.sums import matmul_past_zeros

COLUMN_ELEMENTS = 2**18  # computed at a time: 1 MB of float32


def conv(
    x: np.ndarray, W: np.ndarray, geometry: Geometry, b: np.ndarray | None = None
) -> np.ndarray:
    """y (N, O, *out) of x (N, C, *in), W (O, C/groups, *kernel) and, optionally, b (O,)."""
    N, OC, groups = len(x), len(W), geometry.groups
    out = geometry.output_sizes(x.shape[2:])
    image = padded(x, geometry)
    y = np.empty((N, *out, OC), np.result_type(x, W, *([] if b is None else [b])))
    # adding one long row to each image takes a third of the time of adding many short ones
    row = None if b is None else np.tile(b, math.prod(out))
    if OC == groups == x.shape[1]:  # depthwise: BLAS is slow for products of one column
        taps = np.ascontiguousarray(np.moveaxis(W[:, 0], 0, -1))
        for chunk in _chunks(N, math.prod(out) * OC):
            y[chunk] = 0 if row is None else row.reshape(y.shape[1:])
            for k, pixels in geometry.offsets(out):
                y[chunk] += image[chunk][pixels] * taps[k]
        return channels_first(y)
    windows = _windows(image, geometry, out)
    Wm = _matrices(W, groups)
    for chunk in _chunks(N, math.prod(windows.shape[1:])):
        np.matmul(_columns(windows[chunk]), Wm, out=_rows(y[chunk], groups))
        if row is not None:
            y[chunk] += row.reshape(y.shape[1:])
    return channels_first(y)


def conv_input_gradient(
    gy: np.ndarray, W: np.ndarray, geometry: Geometry, sizes: Sizes
) -> np.ndarray:
    """gx (N, C, *sizes): each gy, times W, is added to the elements that its y depends on."""
    N, C = len(gy), W.shape[1] * geometry.groups
    flipped = None if few_channels(C) else _flipped(W, geometry)
    if flipped is not None:
        return conv(gy, *flipped)
    shape, out, groups = (N, C, *sizes), gy.shape[2:], geometry.groups
    gy = np.ascontiguousarray(channels_last(gy))
    image = padded_full(shape, geometry, np.result_type(gy, W))
    offsets = list(geometry.offsets(out))
    if len(W) == groups == C:
        taps = np.ascontiguousarray(np.moveaxis(W[:, 0], 0, -1))
        for chunk in _chunks(N, math.prod(out) * C):
            for k, pixels in offsets:
                image[chunk][pixels] += gy[chunk] * taps[k]
        return channels_first(image[interior(shape, geometry)])
    Wm = _matrices(W, groups)
    few = few_channels(C)
    grouped = image.reshape(*image.shape[:-1], groups, C // groups)
    for chunk in _chunks(N, math.prod(out) * math.prod(W.shape[1:]) * groups):
        rows = _rows(gy[chunk], groups)
        if few:
            columns = (Wm @ rows.transpose(0, 2, 1)).transpose(0, 2, 1)
        else:
            columns = rows @ Wm.transpose(0, 2, 1)
        columns = columns.reshape(groups, -1, *out, *geometry.kernel, C // groups)
        columns = np.moveaxis(columns, 0, 1 + len(out))
        for k, pixels in offsets:
            grouped[chunk][pixels] += columns[(..., *k, slice(None))]
    return channels_first(image[interior(shape, geometry)])


def conv_weight_gradient(
    x: np.ndarray, gy: np.ndarray, geometry: Geometry, past_zeros: bool = False
) -> np.ndarray:
    """gW (O, C/groups, *kernel): the sum over positions of the elements of x times gy.

    With `past_zeros`, 0 times infinity or NaN is 0.
    """
    OC, groups, kernel = gy.shape[1], geometry.groups, geometry.kernel
    C = x.shape[1] // groups
    gy = np.ascontiguousarray(channels_last(gy))
    windows = _windows(padded(x, geometry), geometry, gy.shape[1:-1])
    if OC == groups == x.shape[1] and not past_zeros:
        position = list(range(gy.ndim))
        offset = list(range(gy.ndim, gy.ndim + len(kernel)))
        axes = [*position, *offset], position, [position[-1], *offset]
        return np.einsum(windows[..., 0], axes[0], gy, axes[1], axes[2])[:, None]
    gW = np.zeros((groups, math.prod(kernel) * C, OC // groups), np.result_type(x, gy))
    product = matmul_past_zeros if past_zeros else np.matmul
    for chunk in _chunks(len(x), math.prod(windows.shape[1:])):
        gW += product(_columns(windows[chunk]).transpose(0, 2, 1), _rows(gy[chunk], groups))
    gW = gW.reshape(groups, *kernel, C, OC // groups)
    return np.moveaxis(gW, (-1, -2), (1, 2)).reshape(OC, C, *kernel)


def im2col(x: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Columns (N, C, *kernel, *out) of x (N, C, *in): the elements that the kernel covers."""
    out = geometry.output_sizes(x.shape[2:])
    windows = _windows(padded(x, geometry), geometry, out)  # (N, *out, 1, *kernel, C)
    order = (0, -1, *range(2 + len(out), 2 + 2 * len(out)), *range(1, 1 + len(out)))
    return np.ascontiguousarray(windows.transpose((*order, 1 + len(out)))[..., 0])


def col2im(columns: np.ndarray, geometry: Geometry, sizes: Sizes) -> np.ndarray:
    """x (N, C, *sizes): each element of the columns is added to the pixel that `im2col` reads."""
    n_axes, shape = len(sizes), (*columns.shape[:2], *sizes)
    image = padded_full(shape, geometry, columns.dtype)
    columns = np.moveaxis(columns, (0, 1), (n_axes, -1))  # (*kernel, N, *out, C)
    for k, pixels in geometry.offsets(columns.shape[n_axes + 1 : -1]):
        image[pixels] += columns[k]
    return channels_first(image[interior(shape, geometry)])


def _flipped(W: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, Geometry] | None:
    """Weights and geometry with which `conv` of gy is gx, or None.

    It needs stride 1 and a padding smaller than the kernel. It is faster than adding up columns,
    because columns are then only copied.
    """
    if max(geometry.stride) > 1:
        return None
    axes = zip(geometry.kernel, geometry.dilation, geometry.padding, strict=True)
    reach = [((k - 1) * d, pair) for k, d, pair in axes]
    around = tuple([(r - before, r - after) for r, (before, after) in reach])
    if min(map(min, around)) < 0:
        return None
    groups = geometry.groups
    flipped = np.flip(W, tuple(range(2, W.ndim))).reshape(groups, -1, *W.shape[1:])
    flipped = flipped.swapaxes(1, 2).reshape(W.shape[1] * groups, -1, *W.shape[2:])
    return flipped, replace(geometry, padding=around)


def _windows(image: np.ndarray, geometry: Geometry, out: Sizes) -> np.ndarray:
    """A view (N, *out, G, *kernel, C/G) of the elements under the kernel at each position."""
    groups = geometry.groups
    N, C = image.shape[0], image.shape[-1] // groups
    sample, *steps, channel = image.strides
    strides = (
        sample,
        *[step * s for step, s in zip(steps, geometry.stride, strict=True)],
        channel * C,
        *[step * d for step, d in zip(steps, geometry.dilation, strict=True)],
        channel,
    )
    return as_strided(image, (N, *out, groups, *geometry.kernel, C), strides, writeable=False)


def _columns(windows: np.ndarray) -> np.ndarray:
    """Windows (n, *out, G, *kernel, C/G) as matrices (G, n·P, K·C/G)."""
    g = windows.ndim // 2  # (as many axes before the groups as after)
    position, inner = range(g), range(g + 1, windows.ndim)
    G, P = windows.shape[g], math.prod(windows.shape[:g])
    K = math.prod(windows.shape[g + 1 :])
    if windows.strides[-1] <= windows.strides[g - 1]:
        return windows.transpose(g, *position, *inner).reshape(G, P, K)
    return windows.transpose(g, *inner, *position).reshape(G, K, P).transpose(0, 2, 1)


def _matrices(W: np.ndarray, groups: int) -> np.ndarray:
    """W (O, C/G, *kernel) as matrices (G, K·C/G, O/G)."""
    OC, C, *kernel = W.shape
    W = np.moveaxis(W.reshape(groups, OC // groups, C, *kernel), (1, 2), (-1, -2))
    return W.reshape(groups, math.prod(kernel) * C, OC // groups)


def _rows(y: np.ndarray, groups: int) -> np.ndarray:
    """A view of y (n, *out, O) as matrices (G, n·P, O/G)."""
    OC = y.shape[-1]
    return y.reshape(math.prod(y.shape[:-1]), groups, OC // groups).transpose(1, 0, 2)


def _chunks(N: int, size: int) -> Iterator[slice]:
    """Slices of N images, each with about COLUMN_ELEMENTS elements if an image has `size`."""
    n = max(1, COLUMN_ELEMENTS // max(1, size))
    return (slice(i, i + n) for i in range(0, N, n))
