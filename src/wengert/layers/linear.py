"""`Linear`: the affine map."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.core import Operand, Parameter, Variable, as_array
from wengert.functions.linalg import linear
from wengert.initializers import lecun_normal, zeros
from wengert.layers.layer import Layer


class Linear(Layer):
    """y = x W + b.

    Args:
        out_size: length of y's last axis.
        in_size: length of x's last axis; None takes it from the first x, and makes W then.
        bias: False for y = x W.
        dtype: of the parameters.
        initializer: what makes W, a function of (shape, dtype).
    """

    def __init__(
        self,
        out_size: int,
        in_size: int | None = None,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
        initializer: Callable[[tuple[int, int], Any], ndarray] = lecun_normal,
    ) -> None:
        for name, size in [("out_size", out_size), ("in_size", in_size)]:
            if size is not None and size < 1:
                raise ValueError(f"Linear: got {name} {size}, needed 1 or more")
        self.out_size = out_size
        self.in_size = in_size
        self._dtype = dtype
        self._initializer = initializer
        self.W: Parameter | None = None  # stands before b, also when it is made later
        self.b = Parameter(zeros((out_size,), dtype), name="b") if bias else None
        if in_size is not None:
            self._make_weights(in_size)

    def _make_weights(self, in_size: int) -> Parameter:
        self.in_size = in_size
        self.W = Parameter(self._initializer((in_size, self.out_size), self._dtype), name="W")
        return self.W

    def forward(self, x: Operand) -> Variable:
        """y of shape (..., out_size), for x of shape (..., in_size)."""
        W = self.W
        if W is None:
            shape = as_array(x).shape
            if not shape or shape[-1] == 0:
                raise ValueError(f"Linear: got x {shape}, needed (N, in_size) with in_size ≥ 1")
            W = self._make_weights(shape[-1])
        return linear(x, W, self.b)
