"""numpy.linalg's forms of functions that have another form in numpy itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.dispatch import implements
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axis
from wengert.functions.linalg import diagonal, matmul, outer
from wengert.functions.reduce import sum
from wengert.functions.shape import expand_dims, moveaxis, squeeze
from wengert.functions.types import Input, X


@implements(np.linalg.outer)
def _outer(x0: Input[X], x1: Input[X], /) -> X:
    if np.ndim(x0) != 1 or np.ndim(x1) != 1:
        raise ValueError(
            f"np.linalg.outer: got shapes {np.shape(x0)} and {np.shape(x1)}, needed vectors; "
            f"np.outer flattens its inputs"
        )
    return outer(x0, x1)


@implements(np.linalg.vecdot)
def _vecdot(x0: Input[X], x1: Input[X], /, *, axis: int = -1) -> X:
    shapes: list[tuple[int, ...]] = [np.shape(x) for x in (x0, x1)]
    sizes = [shape[checked_axis("vecdot", axis, shape)] for shape in shapes]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"np.linalg.vecdot: got shapes {np.shape(x0)} and {np.shape(x1)}; needed equal sizes "
            f"of axis {axis}, got {sizes[0]} and {sizes[1]}"
        )
    a, b = moveaxis(x0, axis, -1), moveaxis(x1, axis, -1)
    return squeeze(matmul(expand_dims(a, -2), expand_dims(b, -1)), (-1, -2))


@implements(np.linalg.cross)
def _cross(x0: Input[X], x1: Input[X], /, *, axis: int = -1) -> X:
    a, b = (moveaxis(as_operand(x), axis, -1) for x in (x0, x1))
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(
            f"np.linalg.cross: got shapes {np.shape(x0)} and {np.shape(x1)}; needed vectors of 3 "
            f"elements along axis {axis}"
        )
    next1, next2 = [1, 2, 0], [2, 0, 1]
    y = a[..., next1] * b[..., next2] - a[..., next2] * b[..., next1]
    return moveaxis(y, -1, axis)


@implements(np.linalg.diagonal)
def _last_diagonal(x: Input[X], /, *, offset: int = 0) -> X:
    _check_matrices("diagonal", x)
    return diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def _last_trace(x: Input[X], /, *, offset: int = 0, dtype: Any = None) -> X:
    _check_matrices("trace", x)
    y: Any = diagonal(x, offset, -2, -1)
    return sum(y if dtype is None else y.astype(dtype), axis=-1)


@implements(np.linalg.matrix_transpose)
def _matrix_transpose(x: Input[X], /) -> X:
    _check_matrices("matrix_transpose", x)
    return moveaxis(x, -1, -2)


def _check_matrices(name: str, x: Input[X]) -> None:
    if np.ndim(x) < 2:
        raise ValueError(f"np.linalg.{name}: got x {np.shape(x)}, needed matrices, (..., M, N)")
