"""`MLP`: the multi-layer perceptron."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.arguments import function, integers
from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.functions.activation import relu
from wengert.functions.types import Operand
from wengert.initializers import he_normal, lecun_normal
from wengert.layers import Layer, Linear


class MLP(Layer):
    """Linear layers, with an activation after each but the last.

    Args:
        out_sizes: output size of each layer; the last is the number of outputs.
        activation: a function of one Variable.
        in_size: length of x's last axis; None takes it from the first x.
        dtype: of the parameters.

    Example:
        >>> from wengert.models import MLP
        >>> MLP((100, 10), in_size=64)
        MLP(out_sizes=(100, 10), activation=relu)
          layers.0: Linear(out_size=100, in_size=64)
          layers.1: Linear(out_size=10, in_size=100)
    """

    def __init__(
        self,
        out_sizes: Sequence[int],
        activation: Callable[[Any], Any] = relu,
        *,
        in_size: int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        out_sizes = integers("MLP", "out_sizes", out_sizes, 1)
        if not out_sizes:
            raise ValueError("MLP: got no out_sizes, needed one for each layer")
        self.activation = function("MLP", "activation", activation)
        inner = he_normal if activation is relu else lecun_normal
        in_sizes = [in_size, *out_sizes[:-1]]
        self.layers = [
            Linear(out_size, in_size=in_size, dtype=dtype, initializer=inner)
            for in_size, out_size in zip(in_sizes[:-1], out_sizes[:-1], strict=True)
        ]
        self.layers.append(Linear(out_sizes[-1], in_size=in_sizes[-1], dtype=dtype))

    @property
    def out_sizes(self) -> tuple[int, ...]:
        """Output size of each layer."""
        return tuple([layer.out_size for layer in self.layers])

    def forward(self, x: Operand) -> Variable:
        """y of shape (..., out_sizes[-1])."""
        *inner, last = self.layers
        for layer in inner:
            x = self.activation(layer(x))
        return last(x)
