"""Activations as layers. One without options can also be given as a function: `relu`."""

from dataclasses import KW_ONLY
from functools import partial

import numpy as np

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions import activation as functions
from wengert.functions.trigonometry import tanh
from wengert.functions.types import Input, Operand, X
from wengert.initializers import Initializer, constant
from wengert.layers.layer import Layer
from wengert.layers.parameters import check_sizes, parameter

QUARTER = partial(constant, value=0.25)  # the initial value in the paper of prelu


class PReLU(Layer):
    """y = x for x > 0, else slope x, with a learned slope.

    Args:
        in_size: 1 for one slope; or one for each channel of x (N, C, ...).
        dtype: of the slope.
        initializer: makes it, (in_size,); 0.25 by default.
    """

    in_size: int = 1
    _: KW_ONLY
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = QUARTER

    def __post_init__(self) -> None:
        check_sizes(self, "in_size")
        self.slope = parameter((self.in_size,), self.initializer, self.dtype)

    def forward(self, x: Operand) -> Variable:
        return functions.prelu(x, self.slope)


class LeakyReLU(Layer):
    """y = x for x > 0, else slope x."""

    slope: float = 0.01

    def forward(self, x: Input[X]) -> X:
        return functions.leaky_relu(x, self.slope)


class ELU(Layer):
    """y = x for x > 0, else α (eˣ - 1)."""

    alpha: float = 1.0

    def forward(self, x: Input[X]) -> X:
        return functions.elu(x, self.alpha)


class CELU(Layer):
    """y = x for x > 0, else α (exp(x / α) - 1)."""

    alpha: float = 1.0

    def forward(self, x: Input[X]) -> X:
        return functions.celu(x, self.alpha)


class GELU(Layer):
    """y = x Φ(x), or with `approximate` the formula of GPT-2."""

    approximate: bool = False

    def forward(self, x: Input[X]) -> X:
        return functions.gelu(x, self.approximate)


class Softplus(Layer):
    """y = log(1 + exp(βx)) / β."""

    beta: float = 1.0

    def forward(self, x: Input[X]) -> X:
        return functions.softplus(x, self.beta)


class Softmax(Layer):
    """y = e^x / Σ e^x along `axis`."""

    axis: int = -1

    def forward(self, x: Input[X]) -> X:
        return functions.softmax(x, self.axis)


class LogSoftmax(Layer):
    """y = log softmax(x) along `axis`."""

    axis: int = -1

    def forward(self, x: Input[X]) -> X:
        return functions.log_softmax(x, self.axis)


class GLU(Layer):
    """y = a sigmoid(b), where a and b are the halves of x along `axis`."""

    axis: int = -1

    def forward(self, x: Input[X]) -> X:
        return functions.glu(x, self.axis)


# ---- Without options ----


class ReLU(Layer):
    """y = max(x, 0)."""

    def forward(self, x: Input[X]) -> X:
        return functions.relu(x)


class SELU(Layer):
    """y = λ elu(x, α), with the constants λ and α of `selu`."""

    def forward(self, x: Input[X]) -> X:
        return functions.selu(x)


class SiLU(Layer):
    """y = x sigmoid(x), also called Swish."""

    def forward(self, x: Input[X]) -> X:
        return functions.silu(x)


class Mish(Layer):
    """y = x tanh(softplus(x))."""

    def forward(self, x: Input[X]) -> X:
        return functions.mish(x)


class Sigmoid(Layer):
    """y = 1 / (1 + e⁻ˣ)."""

    def forward(self, x: Input[X]) -> X:
        return functions.sigmoid(x)


class LogSigmoid(Layer):
    """y = log sigmoid(x)."""

    def forward(self, x: Input[X]) -> X:
        return functions.log_sigmoid(x)


class HardSigmoid(Layer):
    """y = x/6 + 1/2, limited to 0 ≤ y ≤ 1."""

    def forward(self, x: Input[X]) -> X:
        return functions.hard_sigmoid(x)


class HardSwish(Layer):
    """y = x hard_sigmoid(x)."""

    def forward(self, x: Input[X]) -> X:
        return functions.hard_swish(x)


class Tanh(Layer):
    """y = tanh(x)."""

    def forward(self, x: Input[X]) -> X:
        return tanh(x)


class Softsign(Layer):
    """y = x / (1 + |x|)."""

    def forward(self, x: Input[X]) -> X:
        return functions.softsign(x)


class Identity(Layer):
    """y = x, for use where a layer is required."""

    def forward(self, x):
        return x
