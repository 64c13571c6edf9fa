"""`Linear`: the affine map."""

from typing import Any

import numpy as np

from wengert.core import Operand, Variable
from wengert.functions.linalg import linear
from wengert.initializers import Initializer, lecun_normal, zeros
from wengert.layers.layer import Layer
from wengert.layers.parameters import Unsized, check_sizes, parameter


class Linear(Layer):
    """y = x W + b.

    Args:
        out_size: length of y's last axis.
        in_size: length of x's last axis; None takes it from the first x, and makes W then.
        bias: False for y = x W.
        dtype: of the parameters.
        initializer: makes W, (in_size, out_size); see `wengert.initializers`.
        bias_initializer: makes b, (out_size,).
    """

    def __init__(
        self,
        out_size: int,
        in_size: int | None = None,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
        initializer: Initializer = lecun_normal,
        bias_initializer: Initializer = zeros,
    ) -> None:
        check_sizes("Linear", out_size=out_size, in_size=in_size)
        self.bias = bias
        self.W = parameter((in_size, out_size), initializer, dtype)
        self.b = parameter((out_size,), bias_initializer, dtype) if bias else None

    @property
    def in_size(self) -> int | None:
        return self.W.shape[0]

    @property
    def out_size(self) -> int:
        return self.W.shape[1]

    def forward(self, x: Operand) -> Variable:
        """y of shape (..., out_size), for x of shape (..., in_size)."""
        if type(self.W) is Unsized:
            self._take_size(x, -1, "(N, in_size) with in_size ≥ 1", n_axes=range(1, 65))
        return linear(x, self.W, self.b)
