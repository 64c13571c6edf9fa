"""Convolution, transposed convolution, im2col and col2im, over one to three spatial axes.

Convolution is linear in x and in W. Its two gradients are the same sum, read as a function to x or
to W, so they are linear in two inputs too, and the gradients of each of the three are the other
two. Three classes therefore give the derivatives of every order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wengert import kernels
from wengert.arguments import integer, integers
from wengert.arrays import as_array
from wengert.core import Function
from wengert.functions.geometry import (
    Padding,
    Sizes,
    checked_geometry,
    padding_pairs,
    per_axis,
)
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X
from wengert.kernels import Geometry
from wengert.second_pass import with_zeros

__all__ = [
    "col2im", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "im2col",
]  # fmt: skip


class Conv(Function):
    """y[n, o, p] = Σ x[n, c, stride·p + dilation·k - padding] W[o, c, k] + b[o] over c and k."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    def forward(self, x, W, b=None):
        return kernels.conv(x, W, self.geometry, b)

    def backward(self, gy, past_zeros=False):
        x, W, *_ = self.xs
        need_x, need_W, *need_b = self.needs
        gxs = [
            ConvInputGrad(self.geometry, x.shape[2:])(gy, W) if need_x else None,
            ConvWeightGrad(self.geometry, past_zeros)(x, gy) if need_W else None,
        ]
        for need in need_b:
            # in two steps: adding whole images first is several times faster
            axes = tuple(range(1, gy.ndim - 1))
            gxs.append(np.sum(np.sum(gy, axis=0), axis=axes) if need else None)
        return tuple(gxs)

    def backward_past_zeros(self, gy):
        return self.backward(gy, past_zeros=True)

    @staticmethod
    def samples(rng):
        for x_shape, W_shape, _, geometry in _samples():
            x, W = rng.normal(size=x_shape), rng.normal(size=W_shape)
            yield (x, W), {"geometry": geometry}
            yield (x, W, rng.normal(size=W_shape[0])), {"geometry": geometry}


class ConvInputGrad(Function):
    """gx, the gradient of Conv for x: linear in gy and W. It is also transposed convolution.

    `sizes` are the spatial sizes of gx, which do not follow from those of gy.
    """

    def __init__(self, geometry: Geometry, sizes: tuple[int, ...]) -> None:
        self.geometry = geometry
        self.sizes = sizes

    def forward(self, gy, W):
        return kernels.conv_input_gradient(gy, W, self.geometry, self.sizes)

    def backward(self, ggx, past_zeros=False):
        gy, W = self.xs
        need_gy, need_W = self.needs
        return (
            Conv(self.geometry)(ggx, W) if need_gy else None,
            ConvWeightGrad(self.geometry, past_zeros)(ggx, gy) if need_W else None,
        )

    def backward_past_zeros(self, ggx):
        return self.backward(ggx, past_zeros=True)

    @staticmethod
    def samples(rng):
        for x_shape, W_shape, y_shape, geometry in _samples():
            gy, W = rng.normal(size=y_shape), rng.normal(size=W_shape)
            yield (gy, W), {"geometry": geometry, "sizes": x_shape[2:]}


class ConvWeightGrad(Function):
    """gW, the gradient of Conv for W: linear in x and gy.

    With `past_zeros`, 0 times infinity or NaN is 0, and has no gradient.
    """

    def __init__(self, geometry: Geometry, past_zeros: bool = False) -> None:
        self.geometry = geometry
        self.past_zeros = past_zeros

    def forward(self, x, gy):
        return kernels.conv_weight_gradient(x, gy, self.geometry, self.past_zeros)

    def backward(self, ggW):
        x, gy = self.xs
        need_x, need_gy = self.needs
        gx = ConvInputGrad(self.geometry, x.shape[2:])(gy, ggW) if need_x else None
        ggy = Conv(self.geometry)(x, ggW) if need_gy else None
        if self.past_zeros:
            pairs = ((gx, x), (ggy, gy))
            gx, ggy = (g if g is None else with_zeros(g, as_array(v) == 0) for g, v in pairs)
        return gx, ggy

    @staticmethod
    def samples(rng):
        for x_shape, _, y_shape, geometry in _samples():
            for past_zeros in (False, True):
                inputs = rng.normal(size=x_shape), rng.normal(size=y_shape)
                yield inputs, {"geometry": geometry, "past_zeros": past_zeros}


class Im2Col(Function):
    """y[n, c, k, p] = x[n, c, stride·p + dilation·k - padding], and 0 in the padding."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry

    def forward(self, x):
        return kernels.im2col(x, self.geometry)

    def backward(self, gy):
        (x,) = self.xs
        return Col2Im(self.geometry, x.shape[2:])(gy)

    @staticmethod
    def samples(rng):
        for x_shape, _, _, geometry in _samples():
            yield (rng.normal(size=x_shape),), {"geometry": replace(geometry, groups=1)}


class Col2Im(Function):
    """y[n, c, i] = Σ x[n, c, k, p] over all k and p with stride·p + dilation·k - padding = i.

    `sizes` are the spatial sizes of y, which do not follow from those of x.
    """

    def __init__(self, geometry: Geometry, sizes: tuple[int, ...]) -> None:
        self.geometry = geometry
        self.sizes = sizes

    def forward(self, x):
        return kernels.col2im(x, self.geometry, self.sizes)

    def backward(self, gy):
        return Im2Col(self.geometry)(gy)

    @staticmethod
    def samples(rng):
        for (x,), options in Im2Col.samples(rng):
            columns = Im2Col(**options)(x)
            yield (rng.normal(size=columns.shape),), {**options, "sizes": x.shape[2:]}


def _samples() -> Iterator[Any]:
    """Shapes of x, W and y, and the geometry: 1-D to 3-D, uneven padding, groups, depthwise."""
    for x_shape, W_shape, stride, padding, dilation, groups in [
        ((2, 2, 5), (3, 2, 3), (1,), ((0, 0),), (1,), 1),
        ((2, 4, 6), (2, 2, 2), (2,), ((1, 0),), (2,), 2),
        ((2, 1, 4, 3), (2, 1, 3, 2), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
        ((1, 5, 4, 4), (2, 5, 2, 2), (2, 1), ((0, 0), (1, 0)), (1, 2), 1),  # 5: many channels
        ((2, 3, 3, 4), (3, 1, 2, 2), (1, 2), ((0, 0), (1, 1)), (1, 1), 3),
        ((1, 2, 2, 3, 2), (2, 2, 2, 2, 1), (1, 1, 1), ((0, 0), (1, 0), (0, 0)), (1, 2, 1), 1),
    ]:
        geometry = Geometry(W_shape[2:], stride, padding, dilation, groups)
        out = geometry.output_sizes(x_shape[2:])
        yield x_shape, W_shape, (x_shape[0], W_shape[0], *out), geometry


def conv1d(
    x: Input[X],
    W: Input[X],
    b: Input[X] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> X:
    """Convolution over one axis, x (N, C, L) with W (O, C/groups, K); see `conv2d`."""
    return _conv(1, x, W, b, stride, padding, dilation, groups)


def conv2d(
    x: Input[X],
    W: Input[X],
    b: Input[X] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> X:
    """Convolution: y[n, o, p] = Σ x[n, c, stride·p + dilation·k - padding] W[o, c, k] + b[o].

    Args:
        x: images, (N, C, H, W).
        W: weights, (O, C/groups, KH, KW).
        b: bias, (O,), or None.
        stride: pixels from one position of the kernel to the next; an integer, or one for each
            axis.
        padding: zeros around x; an integer, one for each axis, or (before, after) for each axis.
            "valid" adds none, "same" as many as give y the size ⌈size of x / stride⌉ on each axis.
        dilation: pixels from one element of the kernel to the next; an integer, or one for each
            axis.
        groups: number of groups of channels; the outputs of a group are computed from the inputs
            of that group only. With groups = C = O, convolution is depthwise.

    Returns:
        Variable, (N, O, OH, OW). Its memory has the order (N, OH, OW, O).

    Raises:
        ValueError: x and W disagree about channels or axes, or the kernel is larger than x.

    Example:
        >>> conv2d(np.ones((1, 3, 5, 5)), np.ones((2, 3, 3, 3)), padding="same").shape
        (1, 2, 5, 5)
    """
    return _conv(2, x, W, b, stride, padding, dilation, groups)


def conv3d(
    x: Input[X],
    W: Input[X],
    b: Input[X] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> X:
    """Convolution over three axes, x (N, C, D, H, W), W (O, C/groups, KD, KH, KW); see `conv2d`."""
    return _conv(3, x, W, b, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Input[X],
    W: Input[X],
    b: Input[X] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> X:
    """Transposed convolution over one axis, x (N, C, L), W (C, O/groups, K).

    See `conv_transpose2d`.
    """
    return _conv_transpose(1, x, W, b, stride, padding, output_padding, dilation, groups)


def conv_transpose2d(
    x: Input[X],
    W: Input[X],
    b: Input[X] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> X:
    """Transposed convolution (deconvolution): the gradient of `conv2d` for its input, applied to x.

    Args:
        x: images, (N, C, H, W).
        W: weights, (C, O/groups, KH, KW), as of the convolution from y to x.
        b: bias, (O,), or None.
        stride: pixels in y from the position of one pixel of x to that of the next.
        padding: the padding of the convolution from y to x; it is cut off from y.
        output_padding: additional pixels at the end of each axis of y, 0 ≤ output_padding < stride.
            Several sizes of y lead to the same size of x; this selects one of them.
        dilation: as in `conv2d`.
        groups: as in `conv2d`.

    Returns:
        Variable, (N, O, OH, OW), where OH is
        stride·(H - 1) + dilation·(KH - 1) + 1 - (padding before and after) + output_padding.

    Raises:
        ValueError: x and W disagree about channels or axes, or y would be empty.

    Example:
        >>> conv_transpose2d(np.ones((1, 3, 5, 5)), np.ones((3, 2, 2, 2)), stride=2).shape
        (1, 2, 10, 10)
    """
    return _conv_transpose(2, x, W, b, stride, padding, output_padding, dilation, groups)


def conv_transpose3d(
    x: Input[X],
    W: Input[X],
    b: Input[X] | None = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> X:
    """Transposed convolution over three axes, x (N, C, D, H, W), W (C, O/groups, KD, KH, KW).

    See `conv_transpose2d`.
    """
    return _conv_transpose(3, x, W, b, stride, padding, output_padding, dilation, groups)


def im2col(
    x: Input[X], kernel: Sizes, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1
) -> X:
    """The elements of x that a kernel covers at each position: the columns of convolution.

    Args:
        x: images, (N, C, H, W); or with one, three, ... spatial axes.
        kernel: size of the kernel; an integer, or one for each spatial axis.
        stride: as in `conv2d`, like the other options.
        padding: zeros around x.
        dilation: pixels from one element of the kernel to the next.

    Returns:
        Variable, (N, C, KH, KW, OH, OW).

    Example:
        >>> im2col(np.ones((1, 3, 7, 7)), 5).shape
        (1, 3, 5, 5, 3, 3)
    """
    shape = np.shape(x)
    if len(shape) < 3:
        raise ValueError(f"im2col: got x {shape}, needed (N, C, H, W): a batch, with channels")
    size = per_axis("im2col", "kernel", kernel, len(shape) - 2, 1)
    return Im2Col(checked_geometry("im2col", shape, size, stride, padding, dilation))(x)


@in_float("x", integers=False)
def col2im(
    x: Input[X],
    shape: Sequence[int],
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
) -> X:
    """Images from columns: each element is added to the pixel that `im2col` reads it from.

    Args:
        x: columns, (N, C, KH, KW, OH, OW).
        shape: of the images, (N, C, H, W).
        stride: as in `im2col`, like the other options.
        padding: zeros around the images.
        dilation: pixels from one element of the kernel to the next.

    Returns:
        Variable, of that shape.

    Raises:
        ValueError: x and `shape` do not fit each other.

    Example:
        >>> col2im(im2col(np.ones((1, 1, 3, 3)), 2), (1, 1, 3, 3))[0, 0, 1]
        array([2., 4., 2.])
    """
    shape, columns = integers("col2im", "shape", shape), np.shape(x)
    n_axes = len(shape) - 2
    if n_axes < 1 or len(columns) != 2 + 2 * n_axes:
        raise ValueError(
            f"col2im: got columns {columns} and shape {shape}, needed (N, C, KH, KW, OH, OW) and "
            f"(N, C, H, W)"
        )
    kernel: tuple[int, ...] = columns[2 : 2 + n_axes]
    geometry = checked_geometry("col2im", shape, kernel, stride, padding, dilation)
    needed = shape[:2] + kernel + geometry.output_sizes(shape[2:])
    if columns != needed:
        raise ValueError(f"col2im: got columns {columns}, needed {needed} for {shape}")
    return Col2Im(geometry, shape[2:])(x)


# ---- Shared by the above ----


@in_float("x", "W", "b")
def _conv(
    n_axes: int,
    x: Input[X],
    W: Input[X],
    b: Input[X] | None,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
) -> X:
    name, x_shape, W_shape = f"conv{n_axes}d", np.shape(x), np.shape(W)
    groups = _checked_groups(name, n_axes, x_shape, W_shape, groups)
    C, OC = x_shape[1], W_shape[0]
    if W_shape[1] * groups != C:
        swapped = "; is W transposed? W is (O, C/groups, ...)" if OC == C else ""
        raise ValueError(
            f"{name}: x {x_shape} has {C} channels but W {W_shape} takes {W_shape[1] * groups}"
            f"{f' in {groups} groups' if groups > 1 else ''}{swapped}"
        )
    if OC % groups:
        raise ValueError(
            f"{name}: got {OC} outputs, W {W_shape}, for {groups} groups of equal size"
        )
    geometry = checked_geometry(name, x_shape, W_shape[2:], stride, padding, dilation, groups)
    if b is None:
        return Conv(geometry)(x, W)
    _check_bias(name, b, OC)
    return Conv(geometry)(x, W, b)


@in_float("x", "W", "b")
def _conv_transpose(
    n_axes: int,
    x: Input[X],
    W: Input[X],
    b: Input[X] | None,
    stride: Sizes,
    padding: Padding,
    output_padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> X:
    name, x_shape, W_shape = f"conv_transpose{n_axes}d", np.shape(x), np.shape(W)
    groups = _checked_groups(name, n_axes, x_shape, W_shape, groups)
    if W_shape[0] != x_shape[1] or x_shape[1] % groups:
        raise ValueError(
            f"{name}: got x {x_shape}, W {W_shape} and {groups} groups; needed x (N, C, ...) and "
            f"W (C, O/groups, ...), with C a multiple of groups"
        )
    strides = per_axis(name, "stride", stride, n_axes, 1)
    dilations = per_axis(name, "dilation", dilation, n_axes, 1)
    more = per_axis(name, "output_padding", output_padding, n_axes, 0)
    if any(m >= s for m, s in zip(more, strides, strict=True)):
        raise ValueError(
            f"{name}: got output_padding {output_padding} for stride {stride}; needed less than "
            f"the stride"
        )
    if padding == "same":
        raise ValueError(
            f"{name}: got padding 'same', needed numbers or 'valid': 'same' does not determine the "
            f"size of y; choose it with padding and output_padding"
        )
    pairs = padding_pairs(name, padding, (), W_shape[2:], strides, dilations)
    axes = zip(x_shape[2:], W_shape[2:], strides, dilations, pairs, more, strict=True)
    out = tuple([(n - 1) * s + (k - 1) * d + 1 - sum(p) + m for n, k, s, d, p, m in axes])
    if min(out) < 1:
        raise ValueError(
            f"{name}: padding {padding} leaves nothing of y: x {x_shape} and W {W_shape} give {out}"
        )
    OC = W_shape[1] * groups
    geometry = Geometry(W_shape[2:], strides, pairs, dilations, groups)
    y = ConvInputGrad(geometry, out)(x, W)
    if b is None:
        return y
    _check_bias(name, b, OC)
    return y + np.reshape(b, (OC, *(1,) * n_axes))


def _checked_groups(name: str, n_axes: int, x: Any, W: Any, groups: int) -> int:
    """`groups`, after the number of axes of x and W."""
    spatial = ("L", "H, W", "D, H, W")[n_axes - 1]
    if len(x) != n_axes + 2 or len(W) != n_axes + 2 or 0 in x[1:] or 0 in W:
        hint = "; for a single image use np.expand_dims(x, 0)" if len(x) == n_axes + 1 else ""
        raise ValueError(
            f"{name}: got x {x} and W {W}, needed {n_axes + 2} axes each, (N, C, {spatial}) and "
            f"weights, none of them empty{hint}"
        )
    return integer(name, "groups", groups, 1)


def _check_bias(name: str, b: Input[X], outputs: int) -> None:
    if np.shape(b) != (outputs,):
        raise ValueError(f"{name}: got b {np.shape(b)}, needed ({outputs},), one for each output")
