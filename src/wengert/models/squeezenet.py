"""`SqueezeNet`: a convolutional network with few parameters."""

from functools import partial

import numpy as np

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.functions.activation import relu
from wengert.functions.join import concatenate
from wengert.functions.pool import global_avg_pool
from wengert.functions.types import Operand
from wengert.initializers import he_uniform, normal
from wengert.layers import Conv2d, Dropout, Layer, MaxPool2d, Sequential


class Fire(Layer):
    """A 1×1 convolution to few channels, then a 1×1 and a 3×3 convolution, concatenated.

    Args:
        squeezed: channels between the convolutions.
        expanded: output channels of each of the two; y has twice as many.
        in_size: channels of x.
        dtype: of the parameters.
    """

    def __init__(
        self, squeezed: int, expanded: int, *, in_size: int, dtype: DTypeLike = np.float32
    ) -> None:
        self.squeezed, self.expanded, self.in_size = squeezed, expanded, in_size
        conv = partial(Conv2d, dtype=dtype, initializer=he_uniform)
        self.squeeze = conv(squeezed, 1, in_size=in_size)
        self.expand1x1 = conv(expanded, 1, in_size=squeezed)
        self.expand3x3 = conv(expanded, 3, in_size=squeezed, padding=1)

    def forward(self, x: Operand) -> Variable:
        y = relu(self.squeeze(x))
        return relu(concatenate([self.expand1x1(y), self.expand3x3(y)], axis=1))


class SqueezeNet(Layer):
    """SqueezeNet 1.1; 1,235,496 parameters. The parameters have the names of torchvision:
    see `wengert.models`.

    Args:
        classes: number of outputs.
        in_size: channels of x.
        dropout: probability of dropping an input of the last convolution, 0 ≤ dropout < 1.
        dtype: of the parameters.

    Source: F. Iandola et al., arXiv:1602.07360; version 1.1 is in the authors' repository.
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        in_size: int = 3,
        dropout: float = 0.5,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.classes, self.in_size = classes, in_size
        fire = partial(Fire, dtype=dtype)
        pool = partial(MaxPool2d, 3, 2, ceil_mode=True)
        self.features = Sequential(
            Conv2d(64, 3, in_size=in_size, stride=2, dtype=dtype, initializer=he_uniform),
            relu,
            pool(),
            fire(16, 64, in_size=64),
            fire(16, 64, in_size=128),
            pool(),
            fire(32, 128, in_size=128),
            fire(32, 128, in_size=256),
            pool(),
            fire(48, 192, in_size=256),
            fire(48, 192, in_size=384),
            fire(64, 256, in_size=384),
            fire(64, 256, in_size=512),
        )
        last = Conv2d(classes, 1, in_size=512, dtype=dtype, initializer=partial(normal, std=0.01))
        self.classifier = Sequential(Dropout(dropout), last, relu)

    def forward(self, x: Operand) -> Variable:
        """Logits (N, classes) of images (N, in_size, H, W), H and W at least 25."""
        size = np.shape(x)[2:]
        if len(size) != 2 or min(size) < 25:
            raise ValueError(f"SqueezeNet: got x {np.shape(x)}, needed (N, C, H, W), H and W ≥ 25")
        return global_avg_pool(self.classifier(self.features(x)))
