"""Products in which zeros win over infinity and NaN, for the second pass of a walk."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import kernels
from wengert.arrays import as_array, sum_to
from wengert.core import Function


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
