"""`ResNet`: deep convolutional networks with residual blocks."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import numpy as np
from numpy import ndarray

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.functions.activation import relu
from wengert.functions.pool import global_avg_pool, max_pool2d
from wengert.functions.types import Operand
from wengert.initializers import he_normal
from wengert.layers import BatchNorm, Conv2d, Layer, Linear, Sequential


def he_normal_out(shape: tuple[int, ...], dtype: DTypeLike, fans: tuple[int, int]) -> ndarray:
    """Normal, variance 2/out: `he_normal` for the backward pass. Source: arXiv:1502.01852, §2.2."""
    return he_normal(shape, dtype, fans[::-1])


class BasicBlock(Layer):
    """y = relu(inner(x) + shortcut(x)), where inner has two 3×3 convolutions."""

    expansion: ClassVar[int] = 1  # output channels for each inner channel

    def __init__(
        self, size: int, *, in_size: int, stride: int = 1, dtype: DTypeLike = np.float32
    ) -> None:
        self.size, self.in_size, self.stride = size, in_size, stride
        conv = partial(Conv2d, bias=False, dtype=dtype, initializer=he_normal_out)
        self.conv1 = conv(size, 3, in_size=in_size, stride=stride, padding=1)
        self.bn1 = BatchNorm(size, dtype=dtype)
        self.conv2 = conv(size, 3, in_size=size, padding=1)
        self.bn2 = BatchNorm(size, dtype=dtype)
        self.downsample = _shortcut(size, in_size, stride, dtype)

    def forward(self, x: Operand) -> Variable:
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(Layer):
    """The same with three convolutions, 1×1, 3×3 and 1×1; the 3×3 one has fewer channels.

    The stride is that of the 3×3 convolution, so that no pixel of x is skipped ("ResNet v1.5").
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self, size: int, *, in_size: int, stride: int = 1, dtype: DTypeLike = np.float32
    ) -> None:
        self.size, self.in_size, self.stride = size, in_size, stride
        conv = partial(Conv2d, bias=False, dtype=dtype, initializer=he_normal_out)
        out_size = size * self.expansion
        self.conv1 = conv(size, 1, in_size=in_size)
        self.bn1 = BatchNorm(size, dtype=dtype)
        self.conv2 = conv(size, 3, in_size=size, stride=stride, padding=1)
        self.bn2 = BatchNorm(size, dtype=dtype)
        self.conv3 = conv(out_size, 1, in_size=size)
        self.bn3 = BatchNorm(out_size, dtype=dtype)
        self.downsample = _shortcut(out_size, in_size, stride, dtype)

    def forward(self, x: Operand) -> Variable:
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


def _shortcut(out_size: int, in_size: int, stride: int, dtype: DTypeLike) -> Sequential | None:
    """The projection of x to the shape of y; None if x has that shape already."""
    if stride == 1 and in_size == out_size:
        return None
    conv = Conv2d(
        out_size,
        1,
        in_size=in_size,
        stride=stride,
        bias=False,
        dtype=dtype,
        initializer=he_normal_out,
    )
    return Sequential(conv, BatchNorm(out_size, dtype=dtype))


class ResNet(Layer):
    """A convolution (the stem), stages of blocks, the mean over the image, and a Linear layer.

    Each stage but the first halves the image. The parameters have the names of torchvision: see
    `wengert.models`.

    Args:
        block: BasicBlock or Bottleneck.
        counts: number of blocks in each stage.
        classes: number of outputs.
        in_size: channels of x.
        widths: inner channels of the blocks of each stage; the stem has as many as the first.
        small_images: a 3×3 stem that keeps the size of the image, instead of one that divides it
            by 4.
        dtype: of the parameters.

    Source: K. He, X. Zhang, S. Ren, J. Sun, arXiv:1512.03385.

    Example:
        >>> resnet8 = ResNet(BasicBlock, (1, 1, 1), 10, widths=(16, 32, 64), small_images=True)
        >>> sum(p.size for p in resnet8.params())
        78042
        >>> resnet8(np.zeros((2, 3, 32, 32), np.float32)).shape
        (2, 10)
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        counts: Sequence[int],
        classes: int = 1000,
        *,
        in_size: int = 3,
        widths: Sequence[int] = (64, 128, 256, 512),
        small_images: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if len(counts) != len(widths) or min(counts, default=0) < 1:
            raise ValueError(
                f"ResNet: got counts {tuple(counts)} and widths {tuple(widths)}, "
                f"needed one of each, 1 or more, for each stage"
            )
        self.block, self.counts, self.classes = block, tuple(counts), classes
        self.in_size, self.widths, self.small_images = in_size, tuple(widths), small_images
        self.conv1 = Conv2d(
            widths[0],
            3 if small_images else 7,
            in_size=in_size,
            stride=1 if small_images else 2,
            padding=1 if small_images else 3,
            bias=False,
            dtype=dtype,
            initializer=he_normal_out,
        )
        self.bn1 = BatchNorm(widths[0], dtype=dtype)
        self.stages = [f"layer{i + 1}" for i in range(len(counts))]
        size = widths[0]
        for name, count, width in zip(self.stages, counts, widths, strict=True):
            blocks = []
            for i in range(count):
                stride = 2 if i == 0 and name != "layer1" else 1
                blocks.append(block(width, in_size=size, stride=stride, dtype=dtype))
                size = width * block.expansion
            setattr(self, name, Sequential(*blocks))
        self.fc = Linear(classes, in_size=size, dtype=dtype)

    def forward(self, x: Operand) -> Variable:
        """Logits (N, classes) of images (N, in_size, H, W)."""
        y = relu(self.bn1(self.conv1(x)))
        if not self.small_images:
            y = max_pool2d(y, 3, stride=2, padding=1)
        for name in self.stages:
            y = getattr(self, name)(y)
        return self.fc(global_avg_pool(y))


def resnet18(classes: int = 1000, *, in_size: int = 3, dtype: DTypeLike = np.float32) -> ResNet:
    """ResNet-18; 11,689,512 parameters."""
    return ResNet(BasicBlock, (2, 2, 2, 2), classes, in_size=in_size, dtype=dtype)


def resnet34(classes: int = 1000, *, in_size: int = 3, dtype: DTypeLike = np.float32) -> ResNet:
    """ResNet-34; 21,797,672 parameters."""
    return ResNet(BasicBlock, (3, 4, 6, 3), classes, in_size=in_size, dtype=dtype)


def resnet50(classes: int = 1000, *, in_size: int = 3, dtype: DTypeLike = np.float32) -> ResNet:
    """ResNet-50; 25,557,032 parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), classes, in_size=in_size, dtype=dtype)


def resnet101(classes: int = 1000, *, in_size: int = 3, dtype: DTypeLike = np.float32) -> ResNet:
    """ResNet-101; 44,549,160 parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), classes, in_size=in_size, dtype=dtype)


def resnet152(classes: int = 1000, *, in_size: int = 3, dtype: DTypeLike = np.float32) -> ResNet:
    """ResNet-152; 60,192,808 parameters."""
    return ResNet(Bottleneck, (3, 8, 36, 3), classes, in_size=in_size, dtype=dtype)
