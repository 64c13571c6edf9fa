"""`VGG16`: a deep stack of 3×3 convolutions."""

from functools import partial
from typing import Any

import numpy as np

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.functions.activation import relu
from wengert.functions.types import Operand
from wengert.initializers import normal
from wengert.layers import (
    AdaptiveAvgPool,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    Sequential,
)
from wengert.models.resnet import he_normal_out

# Channels of the 13 convolutions, as multiples of the first; each stage ends with max pooling.
STAGES = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8))


class VGG16(Layer):
    """13 convolutions in five stages, each of which halves the image, and three Linear layers.

    The convolutions are `features`, the Linear layers `classifier`, numbered as in torchvision:
    see `wengert.models`. With the default options it has 138,357,544 parameters.

    Args:
        classes: number of outputs.
        in_size: channels of x.
        width: channels of the first convolution.
        hidden_size: outputs of each Linear layer but the last.
        dropout: probability of dropping an output of a hidden Linear layer, 0 ≤ dropout < 1.
        dtype: of the parameters.

    Source: K. Simonyan, A. Zisserman, arXiv:1409.1556, table 1, column D.
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        in_size: int = 3,
        width: int = 64,
        hidden_size: int = 4096,
        dropout: float = 0.5,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.classes, self.in_size = classes, in_size
        self.width, self.hidden_size = width, hidden_size
        features: list[Any] = []
        size = in_size
        for stage in STAGES:
            for multiple in stage:
                out_size = multiple * width
                features += [
                    Conv2d(
                        out_size, 3, in_size=size, padding=1, dtype=dtype, initializer=he_normal_out
                    ),
                    relu,
                ]
                size = out_size
            features.append(MaxPool2d(2))
        self.features = Sequential(*features)
        self.pool = Sequential(AdaptiveAvgPool(7), Flatten())
        linear = partial(Linear, dtype=dtype, initializer=partial(normal, std=0.01))
        self.classifier = Sequential(
            linear(hidden_size, in_size=size * 7 * 7),
            relu,
            Dropout(dropout),
            linear(hidden_size, in_size=hidden_size),
            relu,
            Dropout(dropout),
            linear(classes, in_size=hidden_size),
        )

    def forward(self, x: Operand) -> Variable:
        """Logits (N, classes) of images (N, in_size, H, W), H and W at least 32."""
        size = np.shape(x)[2:]
        if len(size) != 2 or min(size) < 32:
            raise ValueError(f"VGG16: got x {np.shape(x)}, needed (N, C, H, W), H and W ≥ 32")
        return self.classifier(self.pool(self.features(x)))
