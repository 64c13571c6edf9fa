"""`LeNet5`: an early convolutional network, for handwritten digits."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions.trigonometry import tanh
from wengert.functions.types import Operand
from wengert.layers import AvgPool2d, Conv2d, Flatten, Layer, Linear, Sequential


class LeNet5(Layer):
    """Two convolutions, each followed by pooling, and three Linear layers; 61,706 parameters.

    The architecture is that of the paper, in today's usual simplification: each channel of the
    second convolution uses all six channels of the first (the paper omits some connections),
    pooling is a mean (the paper scales it), and the last layer is Linear (that of the paper
    computes distances to prototypes of the digits).

    Args:
        classes: number of outputs.
        in_size: channels of x.
        padding: zeros around x; with 2, images have 28×28 pixels instead of 32×32.
        activation: a function of one Variable.
        dtype: of the parameters.

    Source: Y. LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, §II.B.
    """

    classes: int = 10
    _: KW_ONLY
    in_size: int = 1
    padding: int = 0
    activation: InitOnly[Callable[[Any], Any]] = tanh
    dtype: InitOnly[DTypeLike] = np.float32

    def __post_init__(self) -> None:
        activation, dtype = self.activation, self.dtype
        self.network = Sequential(
            Conv2d(6, 5, in_size=self.in_size, padding=self.padding, dtype=dtype),  # (N, 6, 28, 28)
            activation,
            AvgPool2d(2),
            Conv2d(16, 5, in_size=6, dtype=dtype),  # (N, 16, 10, 10)
            activation,
            AvgPool2d(2),
            Flatten(),
            Linear(120, in_size=16 * 5 * 5, dtype=dtype),
            activation,
            Linear(84, in_size=120, dtype=dtype),
            activation,
            Linear(self.classes, in_size=84, dtype=dtype),
        )

    def forward(self, x: Operand) -> Variable:
        """Logits (N, classes) of images (N, in_size, 32, 32), less the padding on each side."""
        size = 32 - 2 * self.padding
        if np.shape(x)[1:] != (self.in_size, size, size):
            raise ValueError(
                f"LeNet5: got x {np.shape(x)}, needed (N, {self.in_size}, {size}, {size}); "
                f"images of 28×28 need padding=2"
            )
        return self.network(x)
