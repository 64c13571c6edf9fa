"""Gradients of 0 times infinity or NaN, which are 0 in the second pass of a walk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert import kernels
from wengert.arrays import as_array, sum_to
from wengert.core import Function
from wengert.second_pass import repeated, with_zeros


class OfMatrices(Function):
    """A Function of matrices on the last two axes; the axes before them are a batch.

    In the second pass, a matrix whose result gets a gradient of zeros has a gradient of zeros.
    """

    def backward_past_zeros(self, *gys):
        batch = self.xs[0].ndim - 2
        zeros = [all_zero(gy, range(batch, gy.ndim), keepdims=False) for gy in gys]
        zero = np.expand_dims(np.all(zeros, axis=0), (-2, -1))
        gxs = self.backward(*gys)
        if not isinstance(gxs, tuple):
            return with_zeros(gxs, zero)
        return tuple([gx if gx is None else with_zeros(gx, zero) for gx in gxs])


def all_zero(gy: Any, axes: Iterable[int], keepdims: bool = True) -> np.ndarray:
    """Where all elements of `gy` along the axes are 0."""
    found: np.ndarray = np.all(as_array(gy) == 0, axis=tuple(axes), keepdims=keepdims)
    return found


def masked_rows(gys: Any, *values: Any) -> Any:
    """The values, rows of samples; in the second pass 0 in the rows whose `gys` are all 0."""
    if not repeated.get():
        return values
    zero = np.all([all_zero(gy, [-1]) for gy in gys], axis=0)
    return [np.where(zero, 0, value) for value in values]


class MatMulPastZeros(Function):
    """y = a b, where 0 times infinity or NaN is 0; unless `both`, for zeros in a only.

    a and b are matrices on the last two axes. What a zero masks has no gradient either.
    """

    def __init__(self, both: bool = True) -> None:
        self.both = both

    def forward(self, a, b):
        return kernels.matmul_past_zeros(a, b, self.both)

    def backward(self, gy):
        a, b = self.xs
        need_a, need_b = self.needs
        ga = gb = None
        if need_a:
            ga = sum_to(matmul_past_zeros(gy, np.swapaxes(b, -1, -2)), a.shape)
            ga = with_zeros(ga, as_array(a) == 0)
        if need_b:
            gb = sum_to(matmul_past_zeros(np.swapaxes(a, -1, -2), gy), b.shape)
            gb = with_zeros(gb, as_array(b) == 0)
        return ga, gb

    @staticmethod
    def samples(rng):
        for shape0, shape1 in [((2, 3), (3, 4)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2))]:
            yield rng.normal(size=shape0), rng.normal(size=shape1)
            yield (rng.normal(size=shape0), rng.normal(size=shape1)), {"both": False}


def matmul_past_zeros(a: Any, b: Any) -> Any:
    """a b, where 0 times infinity or NaN is 0."""
    with np.errstate(invalid="ignore"):
        y = np.matmul(a, b)
    return y if kernels.all_finite(as_array(y)) else MatMulPastZeros()(a, b)
