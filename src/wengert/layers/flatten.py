"""`Flatten`: from images to features."""

import math

import numpy as np

from wengert.functions.types import Input, X
from wengert.layers.layer import Layer


class Flatten(Layer):
    """Merges all axes but the first: x (N, ...) becomes (N, D)."""

    def forward(self, x: Input[X]) -> X:
        shape = np.shape(x)
        if not shape:
            raise ValueError("Flatten: got x (), needed (N, ...)")
        # (with -1, the size would be undetermined for N = 0)
        return np.reshape(x, (shape[0], math.prod(shape[1:])))  # type: ignore[return-value]
