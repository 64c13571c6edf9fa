"""Products in which zeros win over infinity and NaN, for the second pass of a walk."""

from __future__ import annotations

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
        zeros = [no_gradient(gy, range(batch, gy.ndim)) for gy in gys]
        zero = np.expand_dims(np.all(zeros, axis=0), (-2, -1))
        gxs = self.backward(*gys)
        if not isinstance(gxs, tuple):
            return past(gxs, zero)
        return tuple([gx if gx is None else past(gx, zero) for gx in gxs])


def no_gradient(gy: Any, axes: Any, keepdims: bool = False) -> np.ndarray:
    """Where all of `gy` along the axes is 0."""
    found: np.ndarray = np.all(as_array(gy) == 0, axis=tuple(axes), keepdims=keepdims)
    return found


def past(gx: Any, zero: np.ndarray) -> Any:
    """`gx`, with 0 where it is not finite and `zero` is true, if their shapes fit."""
    sizes = zip(reversed(zero.shape), reversed(gx.shape), strict=False)
    if zero.ndim > gx.ndim or not all(n in (1, m) for n, m in sizes):
        return gx  # (a sum over what was broadcast)
    return with_zeros(gx, np.broadcast_to(zero, gx.shape))


def reached(gys: Any, *values: Any) -> Any:
    """The values, rows of samples; in the second pass 0 in rows to which `gys` bring only zeros."""
    if not repeated.get():
        return values
    zero = np.all([no_gradient(gy, [-1], keepdims=True) for gy in gys], axis=0)
    return [np.where(zero, 0, value) for value in values]


class MatMulPastZeros(Function):
    """y = a b, where 0 times infinity or NaN is 0; unless `both`, only zeros in a win.

    a and b are matrices on the last two axes. What a zero leaves out has no gradient either.
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
            ga = used(sum_to(matmul_past_zeros(gy, np.swapaxes(b, -1, -2)), a.shape), a)
        if need_b:
            gb = used(sum_to(matmul_past_zeros(np.swapaxes(a, -1, -2), gy), b.shape), b)
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


def used(gx: Any, x: Any) -> Any:
    """`gx`, without NaN and infinity where x is 0."""
    return np.where(np.logical_and(np.equal(x, 0), np.logical_not(np.isfinite(gx))), 0, gx)
