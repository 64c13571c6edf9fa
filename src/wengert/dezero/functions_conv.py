"""Convolution and pooling of the book: `dezero.functions_conv`; most names are in `functions` too.

Images are (N, C, H, W), weights (O, C, KH, KW), those of a transposed convolution (C, O, KH, KW);
`stride`, `pad` and `kernel_size` are numbers, or pairs for the two axes.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.dezero.core import Function, as_variable
from wengert.dezero.utils import get_deconv_outsize, pair
from wengert.functions import conv, pool
from wengert.functions.geometry import checked_geometry
from wengert.kernels import Geometry
from wengert.names import public

Size = int | tuple[int, int]


def _pairs(pad: Size) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis."""
    return tuple([(p, p) for p in pair(pad)])


def _geometry(name: str, x_shape: Any, kernel: Size, stride: Size, pad: Size) -> Geometry:
    if len(x_shape) != 4:
        raise ValueError(f"{name}: got x {x_shape}, needed (N, C, H, W)")
    return checked_geometry(name, x_shape, pair(kernel), pair(stride), _pairs(pad))


def _is_none(b: Any) -> bool:
    return getattr(b, "data", None) is None


# ---- Convolution ----


class Conv2d(conv.Conv, Function):
    """y[n, o, p] = Σ x[n, c, stride·p + k - pad] W[o, c, k] + b[o]; b may be None."""

    saved = ("geometry",)

    def __init__(self, stride: Size = 1, pad: Size = 0) -> None:
        self.stride = pair(stride)
        self.pad = pair(pad)

    def __call__(self, x, W, b=None):
        return super().__call__(x, W) if _is_none(b) else super().__call__(x, W, b)

    def forward(self, x, W, b=None):
        if x.ndim != 4 or W.ndim != 4 or x.shape[1] != W.shape[1]:
            raise ValueError(
                f"conv2d: got x {x.shape} and W {W.shape}, needed (N, C, H, W) and (O, C, KH, KW)"
            )
        _check_bias("conv2d", b, W.shape[0])
        self.geometry = _geometry("conv2d", x.shape, W.shape[2:], self.stride, self.pad)
        return super().forward(x, W, b)


class Deconv2d(conv.ConvInputGrad, Function):
    """y is the gradient of Conv2d with respect to its input, for the output gradient x.

    `outsize` is the size of y, if a convolution maps several sizes to that of x; the smallest of
    them by default.
    """

    saved = ("geometry", "sizes")

    def __init__(self, stride: Size = 1, pad: Size = 0, outsize: Size | None = None) -> None:
        self.stride = pair(stride)
        self.pad = pair(pad)
        self.outsize = outsize

    def __call__(self, x, W, b=None):
        y = super().__call__(x, W)
        if _is_none(b):
            return y
        _check_bias("deconv2d", b, y.shape[1])
        return y + as_variable(b).reshape(1, -1, 1, 1)

    def forward(self, x, W):
        if x.ndim != 4 or W.ndim != 4 or x.shape[1] != W.shape[0]:
            raise ValueError(
                f"deconv2d: got x {x.shape} and W {W.shape}, needed (N, C, H, W) and (C, O, KH, KW)"
            )
        axes = zip(x.shape[2:], W.shape[2:], self.stride, self.pad, strict=True)
        smallest = [get_deconv_outsize(n, k, s, p) for n, k, s, p in axes]
        sizes = tuple(smallest) if self.outsize is None else pair(self.outsize)
        shape = (x.shape[0], W.shape[1], *sizes)
        self.geometry = _geometry("deconv2d", shape, W.shape[2:], self.stride, self.pad)
        self.sizes = sizes
        seen = self.geometry.output_sizes(sizes)
        if seen != x.shape[2:]:
            raise ValueError(
                f"deconv2d: got outsize {self.outsize} for x {x.shape} and W {W.shape}, but a "
                f"convolution maps it to {seen}; omit outsize, or add less than stride"
            )
        return super().forward(x, W)


class Conv2DGradW(conv.ConvWeightGrad, Function):
    """gW, the gradient of `conv2d` with respect to its weights; `conv2d` has been called before."""

    def __init__(self, conv2d: Conv2d) -> None:
        super().__init__(conv2d.geometry)
        self.conv2d = conv2d


def _check_bias(name: str, b: Any, outputs: int) -> None:
    if b is not None and np.shape(b) != (outputs,):
        raise ValueError(f"{name}: got b {np.shape(b)}, needed ({outputs},), one for each output")


def conv2d(x: Any, W: Any, b: Any = None, stride: Size = 1, pad: Size = 0) -> Any:
    """Convolution of x (N, C, H, W) with W (O, C, KH, KW), plus b (O,)."""
    return Conv2d(stride, pad)(x, W, b)


def deconv2d(
    x: Any, W: Any, b: Any = None, stride: Size = 1, pad: Size = 0, outsize: Size | None = None
) -> Any:
    """Transposed convolution of x (N, C, H, W) with W (C, O, KH, KW), plus b (O,)."""
    return Deconv2d(stride, pad, outsize)(x, W, b)


def conv2d_simple(x: Any, W: Any, b: Any = None, stride: Size = 1, pad: Size = 0) -> Any:
    """`conv2d` as one matrix product, with the columns of `im2col`."""
    (N, _, *_), (OC, _, *kernel) = np.shape(x), np.shape(W)
    columns = im2col(x, tuple(kernel), stride, pad, to_matrix=False)
    OH, OW = columns.shape[-2:]
    rows = columns.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, -1)
    y = rows @ as_variable(W).reshape(OC, -1).T
    y = y if _is_none(b) else y + b
    return y.reshape(N, OH, OW, OC).transpose(0, 3, 1, 2)


# ---- Pooling ----


class Pooling(pool.MaxPool, Function):
    """y = the maximum of each window. Padded elements are zeros, which may be the maximum."""

    def __init__(self, kernel_size: Size, stride: Size = 1, pad: Size = 0) -> None:
        self.kernel_size = pair(kernel_size)
        self.stride = pair(stride)
        self.pad = pair(pad)
        super().__init__(Geometry(self.kernel_size, self.stride, ((0, 0), (0, 0)), (1, 1)))

    def __call__(self, x):
        x = as_variable(x)
        _geometry("pooling", x.shape, self.kernel_size, self.stride, self.pad)
        if any(self.pad):
            x = np.pad(x, [(0, 0), (0, 0), *_pairs(self.pad)])
        return super().__call__(x)


class Pooling2DGrad(pool.WindowSumGrad, Function):
    """gx, the gradient of `mpool2d` with respect to its padded input; it has been called before."""

    def __init__(self, mpool2d: Pooling) -> None:
        super().__init__(mpool2d.geometry, mpool2d.inputs[0].shape[2:])
        self.mpool2d = mpool2d

    def __call__(self, gy):
        return super().__call__(gy, self.mpool2d.chosen)


class Pooling2DWithIndexes(pool.WindowSum, Function):
    """The element of each window that `mpool2d` has chosen; it has been called before."""

    def __init__(self, mpool2d: Pooling) -> None:
        super().__init__(mpool2d.geometry)
        self.mpool2d = mpool2d

    def __call__(self, x):
        return super().__call__(x, self.mpool2d.chosen)


class AveragePooling(pool.WindowSum, Function):
    """y = the mean of each window; padded zeros are counted."""

    def __init__(self, kernel_size: Size, stride: Size = 1, pad: Size = 0) -> None:
        self.kernel_size = pair(kernel_size)
        self.stride = pair(stride)
        self.pad = pair(pad)
        super().__init__(Geometry(self.kernel_size, self.stride, _pairs(pad), (1, 1)))

    def __call__(self, x):
        _geometry("average_pooling", np.shape(x), self.kernel_size, self.stride, self.pad)
        return super().__call__(x) * (1 / math.prod(self.kernel_size))


def pooling(x: Any, kernel_size: Size, stride: Size = 1, pad: Size = 0) -> Any:
    """The maximum of each window of x (N, C, H, W), padded with zeros."""
    return Pooling(kernel_size, stride, pad)(x)


def average_pooling(x: Any, kernel_size: Size, stride: Size = 1, pad: Size = 0) -> Any:
    """The mean of each window of x (N, C, H, W), padded with zeros."""
    return AveragePooling(kernel_size, stride, pad)(x)


def pooling_simple(x: Any, kernel_size: Size, stride: Size = 1, pad: Size = 0) -> Any:
    """`pooling` with the columns of `im2col`; all elements equal to a maximum get the gradient."""
    columns = im2col(x, kernel_size, stride, pad, to_matrix=False)
    N, C, KH, KW, OH, OW = columns.shape
    return columns.reshape(N, C, KH * KW, OH, OW).max(axis=2)


# ---- Columns ----


class Im2col(conv.Im2Col, Function):
    """The elements of each window: (N, C, KH, KW, OH, OW).

    With `to_matrix`, one row for each window: (N·OH·OW, C·KH·KW).
    """

    def __init__(self, kernel_size: Size, stride: Size, pad: Size, to_matrix: bool) -> None:
        self.kernel_size = pair(kernel_size)
        self.stride = pair(stride)
        self.pad = pair(pad)
        self.to_matrix = to_matrix
        super().__init__(Geometry(self.kernel_size, self.stride, _pairs(pad), (1, 1)))

    def __call__(self, x):
        _geometry("im2col", np.shape(x), self.kernel_size, self.stride, self.pad)
        y = super().__call__(x)
        if not self.to_matrix:
            return y
        N, C, KH, KW, OH, OW = y.shape
        return y.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, C * KH * KW)


class Col2im(conv.Col2Im, Function):
    """Images from columns: the transpose of Im2col, which adds overlapping elements."""

    def __init__(
        self,
        input_shape: Sequence[int],
        kernel_size: Size,
        stride: Size,
        pad: Size,
        to_matrix: bool,
    ) -> None:
        self.input_shape = tuple(input_shape)
        self.kernel_size = pair(kernel_size)
        self.stride = pair(stride)
        self.pad = pair(pad)
        self.to_matrix = to_matrix
        geometry = _geometry("col2im", self.input_shape, kernel_size, stride, pad)
        super().__init__(geometry, self.input_shape[2:])

    def __call__(self, x):
        N, C, *sizes = self.input_shape
        OH, OW = self.geometry.output_sizes(sizes)
        x, (KH, KW) = as_variable(x), self.kernel_size
        needed = (N * OH * OW, C * KH * KW) if self.to_matrix else (N, C, KH, KW, OH, OW)
        if x.shape != needed:
            raise ValueError(
                f"col2im: got columns {x.shape}, needed {needed} for {self.input_shape}"
            )
        if self.to_matrix:
            x = x.reshape(N, OH, OW, C, KH, KW).transpose(0, 3, 4, 5, 1, 2)
        return super().__call__(x)


def im2col(
    x: Any, kernel_size: Size, stride: Size = 1, pad: Size = 0, to_matrix: bool = True
) -> Any:
    """The elements of each window of x (N, C, H, W).

    Returns:
        Variable, (N·OH·OW, C·KH·KW), or without `to_matrix` (N, C, KH, KW, OH, OW).
    """
    return Im2col(kernel_size, stride, pad, to_matrix)(x)


def col2im(
    x: Any,
    input_shape: Sequence[int],
    kernel_size: Size,
    stride: Size = 1,
    pad: Size = 0,
    to_matrix: bool = True,
) -> Any:
    """Images of `input_shape` from columns; overlapping elements are added."""
    return Col2im(input_shape, kernel_size, stride, pad, to_matrix)(x)


def im2col_array(
    img: np.ndarray, kernel_size: Size, stride: Size, pad: Size, to_matrix: bool = True
) -> np.ndarray:
    """`im2col` of an array, as an array."""
    return im2col(img, kernel_size, stride, pad, to_matrix).data


def col2im_array(
    col: np.ndarray,
    img_shape: Sequence[int],
    kernel_size: Size,
    stride: Size,
    pad: Size,
    to_matrix: bool = True,
) -> np.ndarray:
    """`col2im` of an array, as an array."""
    return col2im(col, img_shape, kernel_size, stride, pad, to_matrix).data


__all__, __dir__ = public(globals(), exports=True)
