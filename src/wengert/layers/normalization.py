"""Normalisation over the batch, the features, groups of channels, or each channel."""

from dataclasses import KW_ONLY
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import integers
from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions import normalization as functions
from wengert.functions.types import Operand
from wengert.initializers import Initializer, ones, zeros
from wengert.layers import misfit
from wengert.layers.layer import Layer
from wengert.layers.parameters import LazyParameter, buffer, check_sizes, parameter


class Normalization(Layer):
    """Base class of the normalisations: the scale γ and the shift β.

    Args:
        in_size: channels of x (of LayerNorm, features); None takes it from the first x.
        eps: added to the variance.
        affine: False for no γ and β.
        dtype: of the parameters.
        gamma_initializer: makes γ.
        beta_initializer: makes β.
    """

    in_size: int | tuple[int, ...] | None = None
    _: KW_ONLY
    eps: float = 1e-5
    affine: bool = True
    dtype: InitOnly[DTypeLike] = np.float32
    gamma_initializer: InitOnly[Initializer] = ones
    beta_initializer: InitOnly[Initializer] = zeros
    casts_inputs = "fiub"

    def __post_init__(self) -> None:
        shape: tuple[int | None, ...]
        if isinstance(self.in_size, tuple):
            shape = self.in_size = integers(type(self).__name__, "in_size", self.in_size, 1)
        else:
            check_sizes(self, "in_size")
            shape = (self.in_size,)
        self.gamma = parameter(shape, self.gamma_initializer, self.dtype) if self.affine else None
        self.beta = parameter(shape, self.beta_initializer, self.dtype) if self.affine else None

    def _misfit(self, x: Any, *others: Any) -> str:
        channels = self.in_size if isinstance(self.in_size, int) else None
        return misfit.channels_first(type(self).__name__, np.shape(x), channels)

    def _size_by_channels(
        self, x: Operand, needed: str = "(N, C) or (N, C, ...)", least: int = 2, groups: int = 1
    ) -> None:
        if LazyParameter in map(type, vars(self).values()):
            self._take_size(x, 1, needed, n_axes=range(least, 65), multiple_of=groups)


class BatchNorm(Normalization):
    """`batch_norm` over all axes but the channels, for x (N, C) or (N, C, ...).

    Args:
        in_size, eps, affine, dtype, gamma_initializer, beta_initializer: see `Normalization`.
        momentum: weight of the new statistics in the running ones, used in inference mode.
        running: False for no running statistics: those of the batch are always used.
    """

    _: KW_ONLY
    momentum: float = 0.1
    running: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        shape: Any = (self.in_size,)
        self.running_mean = buffer(shape, zeros, self.dtype) if self.running else None
        self.running_var = buffer(shape, ones, self.dtype) if self.running else None

    def forward(self, x: Operand) -> Variable | ndarray:
        self._size_by_channels(x)
        return functions.batch_norm(
            x,
            self.gamma,
            self.beta,
            self.running_mean,
            self.running_var,
            momentum=self.momentum,
            eps=self.eps,
            train=self.training,
        )


class LayerNorm(Normalization):
    """`layer_norm` over the last axis of x or, with in_size (D, E), over that many last axes.

    Args: see `Normalization`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        axes = len(self.in_size) if isinstance(self.in_size, tuple) else 1
        self._axis = tuple(range(-axes, 0)) if axes > 1 else -1

    def _misfit(self, x: Any, *others: Any) -> str:
        size = self.in_size if isinstance(self.in_size, int) else None
        return misfit.features(type(self).__name__, np.shape(x), size, None, "...")

    def forward(self, x: Operand) -> Variable | ndarray:
        if type(self.gamma) is LazyParameter:
            self._take_size(x, -1, FEATURES, n_axes=range(1, 65))
        return functions.layer_norm(x, self.gamma, self.beta, axis=self._axis, eps=self.eps)


class GroupNorm(Normalization):
    """`group_norm` over each of `groups` groups of channels.

    Args: see `Normalization`.
    """

    groups: int
    _: KW_ONLY
    in_size: int | None = None
    _elsewhere = "groups", "in_size"

    def __post_init__(self) -> None:
        check_sizes(self, "groups")
        super().__post_init__()
        if (self.in_size or 0) % self.groups:
            raise ValueError(
                f"GroupNorm: got in_size {self.in_size} and {self.groups} groups, "
                f"needed in_size a multiple of groups"
            )

    def forward(self, x: Operand) -> Variable | ndarray:
        needed = f"(N, C) or (N, C, ...) with C a multiple of {self.groups} groups"
        self._size_by_channels(x, needed, groups=self.groups)
        return functions.group_norm(x, self.groups, self.gamma, self.beta, eps=self.eps)


class InstanceNorm(Normalization):
    """`instance_norm` over each channel of each sample; for the arguments see `Normalization`."""

    def forward(self, x: Operand) -> Variable | ndarray:
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

    in_size: int | None = None
    _: KW_ONLY
    eps: float = 1e-5
    dtype: InitOnly[DTypeLike] = np.float32
    gamma_initializer: InitOnly[Initializer] = ones
    casts_inputs = "fiub"

    def __post_init__(self) -> None:
        check_sizes(self, "in_size")
        self.gamma = parameter((self.in_size,), self.gamma_initializer, self.dtype)

    def _misfit(self, x: Any, *others: Any) -> str:
        return misfit.features("RMSNorm", np.shape(x), self.in_size, None, "...")

    def forward(self, x: Operand) -> Variable:
        if type(self.gamma) is LazyParameter:
            self._take_size(x, -1, FEATURES, n_axes=range(1, 65))
        return functions.rms_norm(x, self.gamma, eps=self.eps)


FEATURES = "(..., in_size) with in_size ≥ 1"
