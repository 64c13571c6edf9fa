"""Cumulative products and sums, the cross product, and products of vectors along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.core import Function
from wengert.functions import reduce
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axis
from wengert.functions.join import concatenate, flip, stack
from wengert.functions.linalg import matmul
from wengert.functions.of_numpy.registry import cast, of
from wengert.functions.precision import HALF, SINGLE
from wengert.functions.shape import broadcast_to, expand_dims, flatten, moveaxis, squeeze
from wengert.second_pass import repeated


class Recurrence(Function):
    """y[i] = a[i] y[i-1] + b[i] along an axis, y[-1] = 0.

    With h[i] = gy[i] + a[i+1] h[i+1], which is a recurrence from the end, gb = h and
    ga[i] = h[i] y[i-1]. Pairs (a, b) are combined over distances 1, 2, 4, …
    """

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, a, b):
        a, y = np.moveaxis(a, self.axis, 0).copy(), np.moveaxis(b, self.axis, 0).copy()
        step = 1
        while step < len(a):
            y[step:] += a[step:] * y[:-step]
            a[step:] = a[step:] * a[:-step]
            step *= 2
        return np.moveaxis(y, 0, self.axis)

    def backward(self, gy):
        axis = self.axis
        a, y = _before_zeros(gy, axis, self.xs[0], *self.ys)
        following = _shifted(a, axis, -1, 0)
        h = np.flip(Recurrence(axis)(np.flip(following, axis), np.flip(gy, axis)), axis)
        return h * _shifted(y, axis, 1, 0), h

    @staticmethod
    def samples(rng):
        for n in (1, 2, 5):
            yield (rng.normal(size=(2, n)), rng.normal(size=(2, n))), {"axis": 1}
        yield rng.normal(size=(7,)), rng.normal(size=(7,))


def _before_zeros(gy: Any, axis: int, *values: Any) -> Any:
    """The values; in the second pass 0 from where on all gradients along the axis are 0."""
    if not repeated.get():
        return values
    zero = np.flip(np.logical_and.accumulate(np.flip(as_array(gy) == 0, axis), axis), axis)
    return [np.where(zero, 0, value) for value in values]


def _shifted(x: Any, axis: int, by: int, end: float) -> Any:
    """x moved by one index along an axis, with `end` at the free index."""
    before = (slice(None),) * (axis % x.ndim)
    edge = np.full_like(x[(*before, slice(0, 1))], end)
    if by > 0:
        return np.concatenate([edge, x[(*before, slice(None, -1))]], axis)
    return np.concatenate([x[(*before, slice(1, None))], edge], axis)


class CumProd(Function):
    """y[i] = x[0] … x[i] along an axis,  gx[i] = y[i-1] h[i].

    h[i] = gy[i] + x[i+1] h[i+1] holds for factors of 0 too.
    """

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, x):
        if x.dtype == HALF:
            return np.cumprod(x, self.axis, SINGLE).astype(HALF)
        return np.cumprod(x, self.axis)

    def backward(self, gy):
        axis = self.axis
        x, y = _before_zeros(gy, axis, *self.xs, *self.ys)
        following = _shifted(x, axis, -1, 0)
        h = np.flip(Recurrence(axis)(np.flip(following, axis), np.flip(gy, axis)), axis)
        return h * _shifted(y, axis, 1, 1)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=(2, 3)),), {"axis": -1}
        yield (np.array([[0.5, 0.0, 2.0, 0.0, 3.0], [0.0, 1.0, 2.0, -1.5, 0.5]]),), {"axis": 1}


@of("cumprod")
def cumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products along an axis; of the flattened x for None."""
    x = cast(a, dtype)
    if axis is None:
        return CumProd(0)(flatten(x))
    return CumProd(checked_axis("cumprod", axis, x.shape))(x)


def _cumulative(
    name: str, x: Any, axis: int | None, dtype: Any, include_initial: bool, first: int
) -> Any:
    x = cast(x, dtype)
    if axis is None:
        x = x if x.ndim else flatten(x)
        if x.ndim > 1:
            raise ValueError(f"{name}: got shape {x.shape} without axis, needed axis")
        axis = 0
    axis = checked_axis(name, axis, x.shape)
    y = reduce.cumsum(x, axis) if first == 0 else cumprod(x, axis)
    if not include_initial:
        return y
    edge = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), first, y.dtype)
    return concatenate([edge, y], axis)


@of("cumulative_sum")
def cumulative_sum(
    x: Any,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Any:
    """Running sums along an axis, after a 0 if `include_initial`."""
    return _cumulative("cumulative_sum", x, axis, dtype, include_initial, 0)


@of("cumulative_prod")
def cumulative_prod(
    x: Any,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Any:
    """Running products along an axis, after a 1 if `include_initial`."""
    return _cumulative("cumulative_prod", x, axis, dtype, include_initial, 1)


@of("cross")
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """The cross product of vectors of 3 elements; of 2 elements, its third element."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = as_operand(a), as_operand(b)
    a = moveaxis(a, checked_axis("cross", axisa, a.shape), -1)
    b = moveaxis(b, checked_axis("cross", axisb, b.shape), -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(
            f"cross: got vectors of {a.shape[-1]} and {b.shape[-1]} elements, needed 2 or 3"
        )
    x0, y0 = a[..., 0], a[..., 1]
    x1, y1 = b[..., 0], b[..., 1]
    z = x0 * y1 - y0 * x1
    if a.shape[-1] == b.shape[-1] == 2:
        return z
    if a.shape[-1] == 2:
        z1 = b[..., 2]
        y: Any = stack([y0 * z1, -x0 * z1, z], -1)
    elif b.shape[-1] == 2:
        z0 = a[..., 2]
        y = stack([-z0 * y1, z0 * x1, z], -1)
    else:
        z0, z1 = a[..., 2], b[..., 2]
        y = stack([y0 * z1 - z0 * y1, z0 * x1 - x0 * z1, z], -1)
    return moveaxis(y, -1, axisc)


@of("vdot")
def vdot(a: Any, b: Any, /) -> Any:
    """The inner product of the flattened arrays."""
    a, b = flatten(as_operand(a)), flatten(as_operand(b))
    if a.shape != b.shape:
        raise ValueError(f"vdot: got {a.size} and {b.size} elements, needed equal numbers")
    return matmul(a, b)


@of("vecdot")
def vecdot(x1: Any, x2: Any, *, axis: int = -1, keepdims: bool = False) -> Any:
    """The inner products of vectors along an axis."""
    a, b = as_operand(x1), as_operand(x2)
    a = moveaxis(a, checked_axis("vecdot", axis, a.shape), -1)
    b = moveaxis(b, checked_axis("vecdot", axis, b.shape), -1)
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"vecdot: got shapes {np.shape(x1)} and {np.shape(x2)}, needed as many elements along "
            f"axis {axis}"
        )
    shape = np.broadcast_shapes(a.shape, b.shape)
    a, b = expand_dims(broadcast_to(a, shape), -2), expand_dims(broadcast_to(b, shape), -1)
    y: Any = squeeze(matmul(a, b), (-2, -1))
    return expand_dims(y, axis) if keepdims else y


@of("matvec")
def matvec(x1: Any, x2: Any) -> Any:
    """Products of matrices, the last two axes of x1, and vectors, the last axis of x2."""
    if np.ndim(x1) < 2 or np.ndim(x2) < 1:
        raise ValueError(
            f"matvec: got shapes {np.shape(x1)}, {np.shape(x2)}, needed (..., M, N), (..., N)"
        )
    y: Any = squeeze(matmul(x1, expand_dims(x2, -1)), -1)
    return y


@of("vecmat")
def vecmat(x1: Any, x2: Any) -> Any:
    """Products of vectors, the last axis of x1, and matrices, the last two axes of x2."""
    if np.ndim(x1) < 1 or np.ndim(x2) < 2:
        raise ValueError(
            f"vecmat: got shapes {np.shape(x1)}, {np.shape(x2)}, needed (..., N), (..., N, M)"
        )
    y: Any = squeeze(matmul(expand_dims(x1, -2), x2), -2)
    return y


def reversed_vector(x: Any) -> Any:
    """The vector from its end."""
    return flip(x, 0)
