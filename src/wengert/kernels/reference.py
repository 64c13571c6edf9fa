"""Kernels in plain NumPy: what runs without native code, and what native code is tested against.

Convolution, over any number of spatial axes, is one sum,

    y[n, o, p] = Σ over c, k of  x[n, c, stride·p + dilation·k - padding] W[o, c, k],

read as a function to y, to x or to W. Each of the three is linear in both of its arguments, and is
a matrix product with *columns*: for each place p of the output, a row of all that is seen from it.

Arrays are (N, C, *spatial) as seen from outside, but the memory of what is made here has the order
(N, *spatial, C): pixels of many channels are copied in long runs, and products come out in place.
NumPy's elementwise functions keep the order of memory, so it lasts from layer to layer. Images are
taken a few at a time, so that their columns stay in the cache.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

Sizes: TypeAlias = Sequence[int]  # one for each spatial axis
Pairs: TypeAlias = Sequence[tuple[int, int]]  # (before, after) for each spatial axis

COLUMN_ELEMENTS = 2**18  # of the columns made at a time: 1 MB of float32
FEW_CHANNELS = 4  # up to here, a line of pixels is a longer run than the channels of one pixel

# ---- Convolution ----


def conv(
    x: np.ndarray,
    W: np.ndarray,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    b: np.ndarray | None = None,
) -> np.ndarray:
    """y (N, O, *out) of x (N, C, *in), W (O, C/groups, *kernel) and perhaps b (O,)."""
    N, OC, kernel = len(x), len(W), W.shape[2:]
    frame = _framed(x, padding)
    out = places(frame.shape[1:-1], kernel, stride, dilation)
    y = np.empty((N, *out, OC), np.result_type(x, W, *([] if b is None else [b])))
    # one long row for each image is added to in a third of the time of many short ones
    row = None if b is None else np.tile(b, math.prod(out))
    if len(W) == groups == x.shape[1]:  # depthwise: products of one column are no work for BLAS
        taps = np.ascontiguousarray(np.moveaxis(W[:, 0], 0, -1))
        for part in _parts(N, math.prod(out) * OC):
            y[part] = 0 if row is None else row.reshape(y.shape[1:])
            for k, seen in _offsets(kernel, out, stride, dilation):
                y[part] += frame[part][seen] * taps[k]
        return np.moveaxis(y, -1, 1)
    windows = _windows(frame, kernel, out, stride, dilation, groups)
    Wm = _matrices(W, groups)
    for part in _parts(N, math.prod(windows.shape[1:])):
        np.matmul(_columns(windows[part]), Wm, out=_rows(y[part], groups))
        if row is not None:
            y[part] += row.reshape(y.shape[1:])
    return np.moveaxis(y, -1, 1)


def conv_input_gradient(
    gy: np.ndarray,
    W: np.ndarray,
    x_shape: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> np.ndarray:
    """gx, of shape x_shape: each gy goes back to all that was seen from its place."""
    N, C = x_shape[:2]
    kernel, out = W.shape[2:], gy.shape[2:]
    if max(stride) == 1 and C > FEW_CHANNELS:
        # a convolution of gy with the kernel turned round, whose columns are copied, not added up
        reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        around = [(r - a, r - b) for r, (a, b) in zip(reach, padding, strict=True)]
        if min(map(min, around)) >= 0:
            turned = np.flip(W, tuple(range(2, W.ndim))).reshape(groups, -1, *W.shape[1:])
            turned = turned.swapaxes(1, 2).reshape(C, -1, *kernel)
            return conv(gy, turned, stride, around, dilation, groups)
    gy = np.ascontiguousarray(np.moveaxis(gy, 1, -1))
    frame = _frame(x_shape, padding, np.result_type(gy, W))
    offsets = list(_offsets(kernel, out, stride, dilation))
    if len(W) == groups == C:
        taps = np.ascontiguousarray(np.moveaxis(W[:, 0], 0, -1))
        for part in _parts(N, math.prod(out) * C):
            for k, seen in offsets:
                frame[part][seen] += gy[part] * taps[k]
        return np.moveaxis(frame[_inside(x_shape, padding)], -1, 1)
    Wm = _matrices(W, groups)
    few = C <= FEW_CHANNELS
    grouped = frame.reshape(*frame.shape[:-1], groups, C // groups)
    for part in _parts(N, math.prod(out) * math.prod(W.shape[1:]) * groups):
        rows = _rows(gy[part], groups)
        if few:
            columns = (Wm @ rows.transpose(0, 2, 1)).transpose(0, 2, 1)
        else:
            columns = rows @ Wm.transpose(0, 2, 1)
        columns = columns.reshape(groups, -1, *out, *kernel, C // groups)
        columns = np.moveaxis(columns, 0, 1 + len(out))
        for k, seen in offsets:
            grouped[part][seen] += columns[(..., *k, slice(None))]
    return np.moveaxis(frame[_inside(x_shape, padding)], -1, 1)


def conv_weight_gradient(
    x: np.ndarray,
    gy: np.ndarray,
    W_shape: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
) -> np.ndarray:
    """gW, of shape W_shape: what was seen from each place, times the gy there."""
    OC, C, *kernel = W_shape
    frame = _framed(x, padding)
    gy = np.ascontiguousarray(np.moveaxis(gy, 1, -1))
    windows = _windows(frame, kernel, gy.shape[1:-1], stride, dilation, groups)
    if OC == groups == x.shape[1]:
        place = list(range(gy.ndim))
        offset = list(range(gy.ndim, gy.ndim + len(kernel)))
        gW = np.einsum(windows[..., 0], [*place, *offset], gy, place, [place[-1], *offset])
        return gW[:, None]
    gW = np.zeros((groups, math.prod(kernel) * C, OC // groups), np.result_type(x, gy))
    for part in _parts(len(x), math.prod(windows.shape[1:])):
        gW += _columns(windows[part]).transpose(0, 2, 1) @ _rows(gy[part], groups)
    gW = gW.reshape(groups, *kernel, C, OC // groups)
    return np.moveaxis(gW, (-1, -2), (1, 2)).reshape(tuple(W_shape))


def im2col(
    x: np.ndarray, kernel: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> np.ndarray:
    """columns (N, C, *kernel, *out) of x (N, C, *in): what is seen from each place."""
    frame = _framed(x, padding)
    out = places(frame.shape[1:-1], kernel, stride, dilation)
    windows = _windows(frame, kernel, out, stride, dilation, 1)  # (N, *out, 1, *kernel, C)
    order = (0, -1, *range(2 + len(out), 2 + 2 * len(out)), *range(1, 1 + len(out)))
    return np.ascontiguousarray(windows.transpose((*order, 1 + len(out)))[..., 0])


def col2im(
    columns: np.ndarray, x_shape: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes
) -> np.ndarray:
    """x, of shape x_shape: each element of the columns added where `im2col` found it."""
    n_axes = len(x_shape) - 2
    kernel, out = columns.shape[2 : 2 + n_axes], columns.shape[2 + n_axes :]
    frame = _frame(x_shape, padding, columns.dtype)
    at = np.moveaxis(columns, (0, 1), (n_axes, -1))  # (*kernel, N, *out, C)
    for k, seen in _offsets(kernel, out, stride, dilation):
        frame[seen] += at[k]
    return np.moveaxis(frame[_inside(x_shape, padding)], -1, 1)


# ---- Pooling ----


def window_max(
    x: np.ndarray, kernel: Sizes, stride: Sizes, padding: Pairs
) -> tuple[np.ndarray, np.ndarray]:
    """The largest element of each window of x (N, C, *in), and which of the window's it is.

    Elements of a window count from 0, in C order; the first one wins a tie. NaN makes NaN.
    """
    frame = _framed(x, padding, -np.inf)
    out = places(frame.shape[1:-1], kernel, stride, (1,) * len(kernel))
    count = math.prod(kernel)
    y = chosen = np.empty(0)
    for i, (_, seen) in enumerate(_offsets(kernel, out, stride, (1,) * len(kernel))):
        view = frame[seen]
        if i == 0:
            y = view.copy("K")
            chosen = np.zeros_like(y, np.min_scalar_type(count))
        else:
            # (i is larger than what was chosen before; assigning with a mask is 6 times slower)
            np.maximum(chosen, (view > y) * chosen.dtype.type(i), out=chosen)
            np.maximum(y, view, out=y)
    return np.moveaxis(y, -1, 1), np.moveaxis(chosen, -1, 1)


def window_sum(
    x: np.ndarray,
    kernel: Sizes,
    stride: Sizes,
    padding: Pairs,
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """The sum of each window of x (N, C, *in); with `chosen`, only its element of that number."""
    frame = _framed(x, padding)
    out = places(frame.shape[1:-1], kernel, stride, (1,) * len(kernel))
    if chosen is not None:
        chosen = np.moveaxis(chosen, 1, -1)
    y: Any = None
    for i, (_, seen) in enumerate(_offsets(kernel, out, stride, (1,) * len(kernel))):
        if y is None:
            y = np.zeros_like(frame[seen])
        if chosen is None:
            y += frame[seen]
        else:
            np.copyto(y, frame[seen], where=chosen == i)
    return np.moveaxis(y, -1, 1)


def window_spread(
    gy: np.ndarray,
    x_shape: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Pairs,
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """gx, of shape x_shape: each gy goes to all of its window, or only to the element `chosen`."""
    gy = np.moveaxis(gy, 1, -1)
    if chosen is not None:
        chosen = np.moveaxis(chosen, 1, -1)
    frame = _frame(x_shape, padding, gy.dtype)
    offsets = _offsets(kernel, gy.shape[1:-1], stride, (1,) * len(kernel))
    for i, (_, seen) in enumerate(offsets):
        if chosen is None:
            frame[seen] += gy
        elif all(s >= k for s, k in zip(stride, kernel, strict=True)):  # each pixel in one window
            # (as integers, times 0 or 1: gy may be infinite)
            bits = f"i{gy.itemsize}"
            np.multiply(gy.view(bits), chosen == i, out=frame.view(bits)[seen])
        else:
            frame[seen] += np.where(chosen == i, gy, 0)
    return np.moveaxis(frame[_inside(x_shape, padding)], -1, 1)


# ---- Parts of the above; memory is (N, *spatial, C) here ----


def places(sizes: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes) -> tuple[int, ...]:
    """How many places each axis of a frame has for a kernel."""
    axes = zip(sizes, kernel, stride, dilation, strict=True)
    return tuple([(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in axes])


def _frame(x_shape: Sizes, padding: Pairs, dtype: Any, fill: float = 0) -> np.ndarray:
    """Room for x (N, C, *in) and its padding, as (N, *in, C)."""
    N, C, *sizes = x_shape
    sizes = [before + n + after for n, (before, after) in zip(sizes, padding, strict=True)]
    if C <= FEW_CHANNELS:
        return np.moveaxis(np.full((N, C, *sizes), fill, dtype), 1, -1)
    return np.full((N, *sizes, C), fill, dtype)


def _inside(x_shape: Sizes, padding: Pairs) -> tuple[slice, ...]:
    """Where in its frame x is."""
    axes = zip(x_shape[2:], padding, strict=True)
    return (slice(None), *[slice(before, before + n) for n, (before, _) in axes])


def _framed(x: np.ndarray, padding: Pairs, fill: float = 0) -> np.ndarray:
    """x (N, C, *in) in its frame, as (N, *in, C)."""
    if not any(map(any, padding)):
        y = np.moveaxis(x, 1, -1)
        return y if x.shape[1] <= FEW_CHANNELS else np.ascontiguousarray(y)
    frame = _frame(x.shape, padding, x.dtype, fill)
    frame[_inside(x.shape, padding)] = np.moveaxis(x, 1, -1)
    return frame


def _offsets(
    kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each offset k in the kernel, and what of a frame is seen at k from all places."""
    for k in np.ndindex(*kernel):
        axes = zip(k, out, stride, dilation, strict=True)
        yield k, (slice(None), *[slice(i * d, i * d + (n - 1) * s + 1, s) for i, n, s, d in axes])


def _windows(
    frame: np.ndarray, kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> np.ndarray:
    """A view (N, *out, G, *kernel, C/G) of what is seen from each place."""
    N, C = frame.shape[0], frame.shape[-1] // groups
    image, *steps, channel = frame.strides
    strides = (
        image,
        *[step * s for step, s in zip(steps, stride, strict=True)],
        channel * C,
        *[step * d for step, d in zip(steps, dilation, strict=True)],
        channel,
    )
    return as_strided(frame, (N, *out, groups, *kernel, C), strides, writeable=False)


def _columns(windows: np.ndarray) -> np.ndarray:
    """Windows (n, *out, G, *kernel, C/G) as matrices (G, n·P, K·C/G)."""
    g = windows.ndim // 2  # (as many axes before the groups as after)
    place, inner = range(g), range(g + 1, windows.ndim)
    G, P = windows.shape[g], math.prod(windows.shape[:g])
    K = math.prod(windows.shape[g + 1 :])
    if windows.strides[-1] <= windows.strides[g - 1]:
        return windows.transpose(g, *place, *inner).reshape(G, P, K)
    return windows.transpose(g, *inner, *place).reshape(G, K, P).transpose(0, 2, 1)


def _matrices(W: np.ndarray, groups: int) -> np.ndarray:
    """W (O, C/G, *kernel) as matrices (G, K·C/G, O/G)."""
    OC, C, *kernel = W.shape
    W = np.moveaxis(W.reshape(groups, OC // groups, C, *kernel), (1, 2), (-1, -2))
    return W.reshape(groups, math.prod(kernel) * C, OC // groups)


def _rows(y: np.ndarray, groups: int) -> np.ndarray:
    """A view of y (n, *out, O) as matrices (G, n·P, O/G)."""
    OC = y.shape[-1]
    return y.reshape(math.prod(y.shape[:-1]), groups, OC // groups).transpose(1, 0, 2)


def _parts(N: int, size: int) -> Iterator[slice]:
    """Slices of N images, each of so many that they need about COLUMN_ELEMENTS, at `size` each."""
    n = max(1, COLUMN_ELEMENTS // max(1, size))
    return (slice(i, i + n) for i in range(0, N, n))
