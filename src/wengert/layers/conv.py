"""Convolution and transposed convolution over one to three axes."""

import math
from collections.abc import Callable
from dataclasses import KW_ONLY
from functools import partial
from typing import Any, ClassVar

import numpy as np

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions import conv as functions
from wengert.functions.geometry import Padding, Sizes, per_axis
from wengert.functions.types import Operand
from wengert.initializers import Initializer, lecun_normal, zeros
from wengert.layers import misfit
from wengert.layers.layer import Layer
from wengert.layers.parameters import LazyParameter, check_sizes, parameter


class Conv(Layer):
    """Base class of the convolutions: `Conv2d(32, 3, padding="same")`.

    Args:
        out_size: channels of y.
        kernel: size of the kernel; a number, or one for each axis.
        in_size: channels of x; None takes it from the first x, which creates W.
        stride, padding, dilation, groups: see `conv2d`.
        bias: False for no bias.
        dtype: of the parameters.
        initializer: makes W, (out_size, in_size/groups, ...); see `wengert.initializers`.
        bias_initializer: makes b, (out_size,).
    """

    n_axes: ClassVar[int]
    function: ClassVar[Callable[..., Variable]]
    transposed: ClassVar[bool] = False
    casts_inputs = "fiub"
    _elsewhere: ClassVar[tuple[str, ...]] = ("in_size", "out_size", "kernel", "stride", "padding")

    out_size: int
    kernel: Sizes
    _: KW_ONLY
    in_size: int | None = None
    stride: Sizes = 1
    padding: Padding = 0
    dilation: Sizes = 1
    groups: int = 1
    bias: bool = True
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = lecun_normal
    bias_initializer: InitOnly[Initializer] = zeros

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_sizes(self, "out_size", "in_size", "groups")
        out_size, in_size, groups = self.out_size, self.in_size, self.groups
        if out_size % groups or (in_size or 0) % groups:
            raise ValueError(
                f"{name}: got out_size {out_size}, in_size {in_size} and {groups} groups; "
                f"needed sizes that are multiples of groups"
            )
        kernel = self.kernel = per_axis(name, "kernel", self.kernel, self.n_axes, 1)
        shape: tuple[int | None, ...]
        if self.transposed:
            shape = in_size, out_size // groups, *kernel
        else:
            shape = out_size, in_size and in_size // groups, *kernel
        fans = partial(_fans, groups=groups, transposed=self.transposed)
        unit = 1 if self.transposed else groups
        self.W = parameter(shape, self.initializer, self.dtype, fans, unit)
        self.b = parameter((out_size,), self.bias_initializer, self.dtype) if self.bias else None

    def _misfit(self, x: Any, *others: Any) -> str:
        return misfit.image(type(self).__name__, np.shape(x), self.in_size, self.n_axes)

    def forward(self, x: Operand) -> Variable:
        """y of shape (N, out_size, ...), for x of shape (N, in_size, ...)."""
        self._create_weights(x)
        return type(self).function(
            x, self.W, self.b, self.stride, self.padding, self.dilation, self.groups
        )

    def _create_weights(self, x: Operand) -> None:
        if type(self.W) is LazyParameter:
            n, g = self.n_axes, self.groups
            needed = f"(N, C, {('L', 'H, W', 'D, H, W')[n - 1]})"
            if g > 1:
                needed += f" with C a multiple of {g} groups"
            self._take_size(x, 1, needed, n_axes=(n + 2,), multiple_of=g)


class Conv1d(Conv):
    """`conv1d` of x (N, C, L), with its own weights; see `Conv`."""

    n_axes = 1
    function = functions.conv1d


class Conv2d(Conv):
    """`conv2d` of x (N, C, H, W), with its own weights; see `Conv`."""

    n_axes = 2
    function = functions.conv2d


class Conv3d(Conv):
    """`conv3d` of x (N, C, D, H, W), with its own weights; see `Conv`."""

    n_axes = 3
    function = functions.conv3d


class ConvTranspose(Conv):
    """Base class of the transposed convolutions: `ConvTranspose2d(32, 2, stride=2)`.

    Args:
        output_padding: see `conv_transpose2d`; for the other arguments see `Conv`.
        initializer: makes W, (in_size, out_size/groups, ...).
    """

    transposed = True
    _elsewhere = (*Conv._elsewhere, "output_padding")

    _: KW_ONLY
    output_padding: Sizes = 0

    def forward(self, x: Operand) -> Variable:
        """y of shape (N, out_size, ...), for x of shape (N, in_size, ...)."""
        self._create_weights(x)
        return type(self).function(
            x,
            self.W,
            self.b,
            self.stride,
            self.padding,
            self.output_padding,
            self.dilation,
            self.groups,
        )


class ConvTranspose1d(ConvTranspose):
    """`conv_transpose1d` of x (N, C, L), with its own weights; see `ConvTranspose`."""

    n_axes = 1
    function = functions.conv_transpose1d


class ConvTranspose2d(ConvTranspose):
    """`conv_transpose2d` of x (N, C, H, W), with its own weights; see `ConvTranspose`."""

    n_axes = 2
    function = functions.conv_transpose2d


class ConvTranspose3d(ConvTranspose):
    """`conv_transpose3d` of x (N, C, D, H, W), with its own weights; see `ConvTranspose`."""

    n_axes = 3
    function = functions.conv_transpose3d


def _fans(shape: tuple[int, ...], groups: int, transposed: bool) -> tuple[int, int]:
    """Number of inputs that each output depends on, and of outputs that each input affects."""
    positions = math.prod(shape[2:])
    fans = shape[1] * positions, shape[0] // groups * positions
    return fans[::-1] if transposed else fans
