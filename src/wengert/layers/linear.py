"""`Linear`: the affine map."""

from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions.linalg import linear
from wengert.functions.types import Operand
from wengert.initializers import Initializer, lecun_normal, zeros
from wengert.layers import misfit
from wengert.layers.layer import Layer
from wengert.layers.parameters import LazyParameter, check_sizes, parameter


class Linear(Layer):
    """y = x W + b.

    Args:
        out_size: length of y's last axis.
        in_size: length of x's last axis; None takes it from the first x, which creates W.
        bias: False for y = x W.
        dtype: of the parameters.
        initializer: makes W, (in_size, out_size); see `wengert.initializers`.
        bias_initializer: makes b, (out_size,).
    """

    out_size: int
    _: KW_ONLY
    in_size: int | None = None
    bias: bool = True
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = lecun_normal
    bias_initializer: InitOnly[Initializer] = zeros
    casts_inputs = "fiub"
    _elsewhere = "in_size", "out_size"

    def __post_init__(self) -> None:
        check_sizes(self, "out_size", "in_size")
        out_size, dtype = self.out_size, self.dtype
        self.W = parameter((self.in_size, out_size), self.initializer, dtype)
        self.b = parameter((out_size,), self.bias_initializer, dtype) if self.bias else None

    def _misfit(self, x: Any, *others: Any) -> str:
        shape = np.shape(x)
        return misfit.features("Linear", shape, self.in_size, self.out_size, "...")

    def forward(self, x: Operand) -> Variable:
        """y of shape (..., out_size), for x of shape (..., in_size)."""
        if type(self.W) is LazyParameter:
            self._take_size(x, -1, "(N, in_size) with in_size ≥ 1", n_axes=range(1, 65))
        return linear(x, self.W, self.b)
