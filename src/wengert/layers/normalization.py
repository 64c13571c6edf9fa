"""Normalisation over the batch, the features, groups of channels, or each channel."""

from typing import Any

import numpy as np

from wengert.core import Operand, Variable
from wengert.functions import normalization as functions
from wengert.initializers import Initializer, ones, zeros
from wengert.layers.layer import Layer
from wengert.layers.parameters import Unsized, buffer, check_sizes, parameter


class Normalization(Layer):
    """What the normalisations have in common: the scale γ and the shift β.

    Args:
        in_size: channels of x (of LayerNorm, features); None takes it from the first x.
        eps: added to the variance.
        affine: False for neither γ nor β.
        dtype: of the parameters.
        gamma_initializer: makes γ.
        beta_initializer: makes β.
    """

    def __init__(
        self,
        in_size: int | tuple[int, ...] | None = None,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = np.float32,
        gamma_initializer: Initializer = ones,
        beta_initializer: Initializer = zeros,
    ) -> None:
        shape = in_size if isinstance(in_size, tuple) else (in_size,)
        for size in shape:
            check_sizes(type(self).__name__, in_size=size)
        self.eps = eps
        self.affine = affine
        self.gamma = parameter(shape, gamma_initializer, dtype) if affine else None
        self.beta = parameter(shape, beta_initializer, dtype) if affine else None

    @property
    def in_size(self) -> int | tuple[int, ...] | None:
        if self.gamma is None:
            return None
        shape = self.gamma.shape
        return shape if len(shape) > 1 else shape[0]

    def _size_by_channels(
        self, x: Operand, needed: str = "(N, C) or (N, C, ...)", least: int = 2, groups: int = 1
    ) -> None:
        if Unsized in map(type, vars(self).values()):
            self._take_size(x, 1, needed, n_axes=range(least, 65), multiple_of=groups)


class BatchNorm(Normalization):
    """`batch_norm` over all axes but the channels, for x (N, C) or (N, C, ...).

    Args:
        in_size, eps, affine, dtype, gamma_initializer, beta_initializer: see `Normalization`.
        momentum: share of the new in the running statistics, which test mode uses.
        running: False for none: statistics of the batch in test mode too.
    """

    def __init__(
        self,
        in_size: int | None = None,
        *,
        momentum: float = 0.1,
        eps: float = 1e-5,
        affine: bool = True,
        running: bool = True,
        dtype: Any = np.float32,
        gamma_initializer: Initializer = ones,
        beta_initializer: Initializer = zeros,
    ) -> None:
        super().__init__(
            in_size,
            eps=eps,
            affine=affine,
            dtype=dtype,
            gamma_initializer=gamma_initializer,
            beta_initializer=beta_initializer,
        )
        self.momentum = momentum
        self.running = running
        self.running_mean: Any = buffer((in_size,), zeros, dtype) if running else None
        self.running_var = buffer((in_size,), ones, dtype) if running else None

    @property
    def in_size(self) -> int | tuple[int, ...] | None:
        return self.running_mean.shape[0] if self.running else super().in_size

    def forward(self, x: Operand) -> Variable:
        self._size_by_channels(x)
        return functions.batch_norm(
            x,
            self.gamma,
            self.beta,
            self.running_mean,
            self.running_var,
            momentum=self.momentum,
            eps=self.eps,
        )


class LayerNorm(Normalization):
    """`layer_norm` over the last axis of x or, with in_size (D, E), over as many last axes.

    Args: see `Normalization`.
    """

    def __init__(
        self,
        in_size: int | tuple[int, ...] | None = None,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = np.float32,
        gamma_initializer: Initializer = ones,
        beta_initializer: Initializer = zeros,
    ) -> None:
        super().__init__(
            in_size,
            eps=eps,
            affine=affine,
            dtype=dtype,
            gamma_initializer=gamma_initializer,
            beta_initializer=beta_initializer,
        )
        self._axis = tuple(range(-len(in_size), 0)) if isinstance(in_size, tuple) else -1

    def forward(self, x: Operand) -> Variable:
        if type(self.gamma) is Unsized:
            self._take_size(x, -1, FEATURES, n_axes=range(1, 65))
        return functions.layer_norm(x, self.gamma, self.beta, axis=self._axis, eps=self.eps)


class GroupNorm(Normalization):
    """`group_norm` over each of `groups` groups of channels.

    Args: see `Normalization`.
    """

    def __init__(
        self,
        groups: int,
        in_size: int | None = None,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = np.float32,
        gamma_initializer: Initializer = ones,
        beta_initializer: Initializer = zeros,
    ) -> None:
        check_sizes("GroupNorm", groups=groups)
        if (in_size or 0) % groups:
            raise ValueError(
                f"GroupNorm: got in_size {in_size} and {groups} groups, "
                f"needed in_size a multiple of groups"
            )
        super().__init__(
            in_size,
            eps=eps,
            affine=affine,
            dtype=dtype,
            gamma_initializer=gamma_initializer,
            beta_initializer=beta_initializer,
        )
        self.groups = groups

    def forward(self, x: Operand) -> Variable:
        needed = f"(N, C) or (N, C, ...) with C a multiple of {self.groups} groups"
        self._size_by_channels(x, needed, groups=self.groups)
        return functions.group_norm(x, self.groups, self.gamma, self.beta, eps=self.eps)


class InstanceNorm(Normalization):
    """`instance_norm` over each channel of each sample; its arguments are in `Normalization`."""

    def forward(self, x: Operand) -> Variable:
        self._size_by_channels(x, "(N, C, ...) with more than one number in each channel", least=3)
        return functions.instance_norm(x, self.gamma, self.beta, eps=self.eps)


class RMSNorm(Layer):
    """`rms_norm` over the last axis of x.

    Args:
        in_size: length of that axis; None takes it from the first x.
        eps: added to the mean square.
        dtype: of γ.
        gamma_initializer: makes the scale γ.
    """

    def __init__(
        self,
        in_size: int | None = None,
        *,
        eps: float = 1e-5,
        dtype: Any = np.float32,
        gamma_initializer: Initializer = ones,
    ) -> None:
        check_sizes("RMSNorm", in_size=in_size)
        self.eps = eps
        self.gamma = parameter((in_size,), gamma_initializer, dtype)

    @property
    def in_size(self) -> int | None:
        return self.gamma.shape[0]

    def forward(self, x: Operand) -> Variable:
        if type(self.gamma) is Unsized:
            self._take_size(x, -1, FEATURES, n_axes=range(1, 65))
        return functions.rms_norm(x, self.gamma, eps=self.eps)


FEATURES = "(..., in_size) with in_size ≥ 1"
