"""Kernels: the heavy array functions. They see arrays only and know nothing of graphs.

Callers write `kernels.conv(...)`; which implementation that is, is decided here and nowhere else.
"""

from wengert.kernels import reference

conv = reference.conv
conv_input_gradient = reference.conv_input_gradient
conv_weight_gradient = reference.conv_weight_gradient
im2col = reference.im2col
col2im = reference.col2im
window_max = reference.window_max
window_sum = reference.window_sum
window_spread = reference.window_spread
places = reference.places
