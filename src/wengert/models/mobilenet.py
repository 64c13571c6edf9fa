"""`MobileNetV2`: a convolutional network with few multiplications."""

from functools import partial
from typing import Any

import numpy as np

from wengert.arguments import number
from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.functions.piecewise import clip
from wengert.functions.pool import global_avg_pool
from wengert.functions.types import Input, Operand, X
from wengert.initializers import normal
from wengert.layers import BatchNorm, Conv2d, Dropout, Layer, Linear, Sequential
from wengert.models.resnet import he_normal_out

# (expansion, channels, blocks, stride of the first) of each stage: table 2 of the paper.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def relu6(x: Input[X]) -> X:
    """y = min(max(x, 0), 6): a relu whose range suits low-precision arithmetic."""
    return clip(x, 0, 6)


def _conv(
    out_size: int, kernel: int, in_size: int, dtype: DTypeLike, stride: int = 1, groups: int = 1
) -> list[Layer]:
    """A convolution that keeps the size of the image (up to the stride), and BatchNorm."""
    conv = Conv2d(
        out_size,
        kernel,
        in_size=in_size,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        bias=False,
        dtype=dtype,
        initializer=he_normal_out,
    )
    return [conv, BatchNorm(out_size, dtype=dtype)]


def _rounded(channels: float) -> int:
    """The nearest multiple of 8 that is at least 8 and at least nine tenths of `channels`."""
    size = max(8, int(channels + 4) // 8 * 8)
    return size if size >= 0.9 * channels else size + 8


class InvertedResidual(Layer):
    """1×1 convolution to more channels, 3×3 depthwise convolution, 1×1 to few channels.

    If x and y have the same shape, x is added.

    Args:
        out_size: channels of y.
        in_size: channels of x.
        stride: stride of the 3×3 convolution.
        expansion: inner channels for each channel of x; 1 omits the first convolution.
        dtype: of the parameters.
    """

    def __init__(
        self,
        out_size: int,
        *,
        in_size: int,
        stride: int,
        expansion: int,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.out_size, self.in_size = out_size, in_size
        self.stride, self.expansion = stride, expansion
        self.residual = stride == 1 and in_size == out_size
        size = in_size * expansion
        expand = [Sequential(*_conv(size, 1, in_size, dtype), relu6)] if expansion > 1 else []
        self.conv = Sequential(
            *expand,
            Sequential(*_conv(size, 3, size, dtype, stride, groups=size), relu6),
            *_conv(out_size, 1, size, dtype),
        )

    def forward(self, x: Any) -> Variable:
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(Layer):
    """17 inverted residual blocks between two convolutions; 3,504,872 parameters.

    The parameters have the names of torchvision: see `wengert.models`.

    Args:
        classes: number of outputs.
        in_size: channels of x.
        width: factor for the channels of the blocks, which are then rounded to multiples of 8.
        dropout: probability of dropping an input of the Linear layer, 0 ≤ dropout < 1.
        dtype: of the parameters.

    Source: M. Sandler et al., arXiv:1801.04381.
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        in_size: int = 3,
        width: float = 1.0,
        dropout: float = 0.2,
        dtype: DTypeLike = np.float32,
    ) -> None:
        width = number("MobileNetV2", "width", width, above=0)
        self.classes, self.in_size, self.width = classes, in_size, width
        size, last_size = _rounded(32 * width), _rounded(1280 * max(1, width))
        features: list[Layer] = [Sequential(*_conv(size, 3, in_size, dtype, stride=2), relu6)]
        for expansion, channels, count, stride in STAGES:
            out_size = _rounded(channels * width)
            for i in range(count):
                block = InvertedResidual(
                    out_size,
                    in_size=size,
                    stride=stride if i == 0 else 1,
                    expansion=expansion,
                    dtype=dtype,
                )
                features.append(block)
                size = out_size
        features.append(Sequential(*_conv(last_size, 1, size, dtype), relu6))
        self.features = Sequential(*features)
        self.classifier = Sequential(
            Dropout(dropout),
            Linear(classes, in_size=last_size, dtype=dtype, initializer=partial(normal, std=0.01)),
        )

    def forward(self, x: Operand) -> Variable:
        """Logits (N, classes) of images (N, in_size, H, W)."""
        return self.classifier(global_avg_pool(self.features(x)))
