"""`Flatten`: what stands between images and features."""

import math

import numpy as np

from wengert.core import Operand, Variable
from wengert.layers.layer import Layer


class Flatten(Layer):
    """x (N, ...) becomes (N, D): all axes but the first become one."""

    def forward(self, x: Operand) -> Variable:
        shape = np.shape(x)
        if not shape:
            raise ValueError("Flatten: got x (), needed (N, ...)")
        # (not -1: what -1 stands for is not determined where N is 0)
        return np.reshape(x, (shape[0], math.prod(shape[1:])))  # type: ignore[return-value]
