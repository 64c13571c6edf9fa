"""`LeNet5`: the first convolutional network in daily use, for handwritten digits."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from wengert.core import Operand, Variable
from wengert.declared import InitOnly
from wengert.functions.trigonometry import tanh
from wengert.layers import AvgPool2d, Conv2d, Flatten, Layer, Linear, Sequential


class LeNet5(Layer):
    """Two convolutions, each with pooling behind it, and three Linear layers; 61,706 parameters.

    The geometry is the paper's, in the simplified form that is in use today: each map of the
    second convolution sees all six maps of the first (the paper leaves some connections out),
    pooling is a plain mean (the paper scales it), and the last layer is Linear (the paper's
    measures distances to drawn digits).

    Args:
        classes: number of outputs.
        in_size: channels of x.
        padding: zeros around x; 2 takes images of 28×28 for images of 32×32.
        activation: a function of one Variable.
        dtype: of the parameters.

    Source: Y. LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, §II.B.
    """

    classes: int = 10
    _: KW_ONLY
    in_size: int = 1
    padding: int = 0
    activation: InitOnly[Callable[[Any], Any]] = tanh
    dtype: InitOnly[Any] = np.float32

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
        """Scores (N, classes) of images (N, in_size, 32, 32), less the padding on each side."""
        size = 32 - 2 * self.padding
        if np.shape(x)[1:] != (self.in_size, size, size):
            raise ValueError(
                f"LeNet5: got x {np.shape(x)}, needed (N, {self.in_size}, {size}, {size}); "
                f"images of 28×28 need padding=2"
            )
        return self.network(x)
