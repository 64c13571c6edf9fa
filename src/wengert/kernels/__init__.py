"""Kernels: the heavy array functions. They see arrays only and know nothing of graphs.

Callers write `kernels.conv(...)`; which implementation that is, is decided here and nowhere else.
Each file holds the plain NumPy implementation, which runs without native code and is what native
code is tested against.
"""

from wengert.kernels.attention import attend, attend_gradients, causal_mask
from wengert.kernels.convolution import (
    col2im,
    conv,
    conv_input_gradient,
    conv_weight_gradient,
    im2col,
)
from wengert.kernels.geometry import Geometry
from wengert.kernels.normalization import standardize, sum_over
from wengert.kernels.pooling import window_max, window_sum, window_sum_gradient
from wengert.kernels.recurrence import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
)
from wengert.kernels.softmaxes import log_softmax, softmax, softmax_or_zero

__all__ = [
    "Geometry",
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
    "log_softmax",
    "lstm_backward",
    "lstm_forward",
    "rnn_backward",
    "rnn_forward",
    "softmax",
    "softmax_or_zero",
    "standardize",
    "sum_over",
    "window_max",
    "window_sum",
    "window_sum_gradient",
]
