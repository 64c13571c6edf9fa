"""Kernels: the array functions that take most of the time. They work on arrays, not on graphs.

Callers write `kernels.conv(...)`; this file alone decides which implementation is called. The other
files hold the plain NumPy implementations, which need no native code and are the reference in tests
of native code.
"""

from wengert.kernels.attention import attend, attend_gradients, causal_mask, masked_products
from wengert.kernels.convolution import (
    col2im,
    conv,
    conv_input_gradient,
    conv_weight_gradient,
    im2col,
)
from wengert.kernels.geometry import Geometry
from wengert.kernels.normalization import scale_of, standardize, sum_over
from wengert.kernels.pooling import window_max, window_sum, window_sum_gradient
from wengert.kernels.recurrence import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
)
from wengert.kernels.softmaxes import (
    log_of_total,
    log_softmax,
    softmax,
    softmax_less_one_hot,
    softmax_or_zero,
    softplus_less_product,
)
from wengert.kernels.sums import all_finite, matmul_past_zeros, sum_of_squares

__all__ = [
    "Geometry",
    "all_finite",
    "attend",
    "attend_gradients",
    "causal_mask",
    "col2im",
    "conv",
    "conv_input_gradient",
    "conv_weight_gradient",
    "gru_backward",
    "gru_forward",
    "im2col",
    "log_of_total",
    "log_softmax",
    "lstm_backward",
    "lstm_forward",
    "masked_products",
    "matmul_past_zeros",
    "rnn_backward",
    "rnn_forward",
    "scale_of",
    "softmax",
    "softmax_less_one_hot",
    "softmax_or_zero",
    "softplus_less_product",
    "standardize",
    "sum_of_squares",
    "sum_over",
    "window_max",
    "window_sum",
    "window_sum_gradient",
]
