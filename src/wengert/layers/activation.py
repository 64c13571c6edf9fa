"""Activations that have options or a parameter; one without is a plain function: `relu`."""

from functools import partial
from typing import Any

import numpy as np

from wengert.core import Operand, Variable
from wengert.functions import activation as functions
from wengert.initializers import Initializer, constant
from wengert.layers.layer import Layer
from wengert.layers.parameters import check_sizes, parameter

QUARTER = partial(constant, value=0.25)  # the start in the source of prelu


class PReLU(Layer):
    """y = x for x > 0, else slope x, with a slope that is learnt.

    Args:
        in_size: 1 for one slope; or one for each channel of x (N, C, ...).
        dtype: of the slope.
        initializer: makes it, (in_size,); 0.25 by default.
    """

    def __init__(
        self,
        in_size: int = 1,
        *,
        dtype: Any = np.float32,
        initializer: Initializer = QUARTER,
    ) -> None:
        check_sizes("PReLU", in_size=in_size)
        self.slope = parameter((in_size,), initializer, dtype)

    @property
    def in_size(self) -> int:
        return self.slope.shape[0]

    def forward(self, x: Operand) -> Variable:
        return functions.prelu(x, self.slope)


class LeakyReLU(Layer):
    """y = x for x > 0, else slope x."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Operand) -> Variable:
        return functions.leaky_relu(x, self.slope)


class ELU(Layer):
    """y = x for x > 0, else α (eˣ - 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Operand) -> Variable:
        return functions.elu(x, self.alpha)


class GELU(Layer):
    """y = x Φ(x), or with `approximate` the formula of GPT-2."""

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = approximate

    def forward(self, x: Operand) -> Variable:
        return functions.gelu(x, self.approximate)


class Softplus(Layer):
    """y = log(1 + exp(βx)) / β."""

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def forward(self, x: Operand) -> Variable:
        return functions.softplus(x, self.beta)


class Softmax(Layer):
    """y = e^x / Σ e^x along `axis`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Operand) -> Variable:
        return functions.softmax(x, self.axis)


class LogSoftmax(Layer):
    """y = log softmax(x) along `axis`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Operand) -> Variable:
        return functions.log_softmax(x, self.axis)


class GLU(Layer):
    """y = a sigmoid(b), where a and b are the halves of x along `axis`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Operand) -> Variable:
        return functions.glu(x, self.axis)
