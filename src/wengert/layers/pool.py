"""Pooling over moving windows, adaptive windows, and whole channels."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

from wengert.functions import pool as functions
from wengert.functions.geometry import Padding, Sizes
from wengert.functions.types import Input, X
from wengert.layers import misfit
from wengert.layers.layer import Layer


class Pool(Layer):
    """Base class of pooling: `MaxPool2d(2)`; see `max_pool2d` for the options."""

    function: ClassVar[Callable[..., Any]]

    kernel: Sizes
    stride: Sizes | None = None
    _: KW_ONLY
    padding: Padding = 0
    ceil_mode: bool = False

    def _misfit(self, x: Any, *others: Any) -> str:
        n_axes = int(type(self).function.__name__[-2])
        return misfit.image(type(self).__name__, np.shape(x), None, n_axes)

    def forward(self, x: Input[X]) -> X:
        return type(self).function(x, self.kernel, self.stride, self.padding, self.ceil_mode)


class MaxPool1d(Pool):
    """`max_pool1d` of x (N, C, L)."""

    function = functions.max_pool1d


class MaxPool2d(Pool):
    """`max_pool2d` of x (N, C, H, W)."""

    function = functions.max_pool2d


class MaxPool3d(Pool):
    """`max_pool3d` of x (N, C, D, H, W)."""

    function = functions.max_pool3d


class AvgPool(Pool):
    """Base class of average pooling; see `avg_pool2d` for the options."""

    _: KW_ONLY
    count_include_pad: bool = True

    def forward(self, x: Input[X]) -> X:
        return type(self).function(
            x, self.kernel, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AvgPool1d(AvgPool):
    """`avg_pool1d` of x (N, C, L)."""

    function = functions.avg_pool1d


class AvgPool2d(AvgPool):
    """`avg_pool2d` of x (N, C, H, W)."""

    function = functions.avg_pool2d


class AvgPool3d(AvgPool):
    """`avg_pool3d` of x (N, C, D, H, W)."""

    function = functions.avg_pool3d


class AdaptivePool(Layer):
    """Base class of adaptive pooling: `size` is that of y, for each of one to three axes."""

    function: ClassVar[Callable[..., Any]]

    size: Sizes

    def forward(self, x: Input[X]) -> X:
        return type(self).function(x, self.size)


class AdaptiveMaxPool(AdaptivePool):
    """`adaptive_max_pool` of x (N, C, ...)."""

    function = functions.adaptive_max_pool


class AdaptiveAvgPool(AdaptivePool):
    """`adaptive_avg_pool` of x (N, C, ...)."""

    function = functions.adaptive_avg_pool


class GlobalMaxPool(Layer):
    """The largest element of each channel: x (N, C, ...) becomes (N, C)."""

    def forward(self, x: Input[X]) -> X:
        return functions.global_max_pool(x)


class GlobalAvgPool(Layer):
    """The mean of each channel: x (N, C, ...) becomes (N, C)."""

    def forward(self, x: Input[X]) -> X:
        return functions.global_avg_pool(x)
