"""Linear algebra: products, diagonals and triangles of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.core import Function
from wengert.dispatch import implements
from wengert.functions import reduce
from wengert.functions.arithmetic import mul
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.precision import floats, in_float, result_dtype
from wengert.functions.shape import moveaxis, reshape, sum_to, transpose
from wengert.functions.types import Input, X
from wengert.functions.zeros import matmul_past_zeros

__all__ = [
    "diagonal", "dot", "inner", "linear", "matmul", "multi_dot", "outer", "tensordot", "trace",
    "tril", "triu",
]  # fmt: skip


class MatMul(Function):
    """y = x0 x1,  gx0 = gy x1ᵀ,  gx1 = x0ᵀ gy,  for matrices on the last two axes."""

    ufunc = np.matmul

    def forward(self, x0, x1):
        try:
            if (
                np.ndim(x1) == 2 < np.ndim(x0)
            ):  # one product of a tall matrix is faster than many small ones
                return np.matmul(_rows(x0), x1).reshape((*x0.shape[:-1], x1.shape[1]))
            return np.matmul(x0, x1)
        except ValueError:
            raise _product_error("matmul", np.shape(x0), np.shape(x1)) from None

    def backward(self, gy):
        return self._gradients(gy, np.matmul)

    def backward_past_zeros(self, gy):
        return self._gradients(gy, matmul_past_zeros)

    def _gradients(self, gy, product):
        x0, x1 = self.xs
        need0, need1 = self.needs
        if x0.ndim == 2 == x1.ndim:
            return product(gy, x1.T) if need0 else None, product(x0.T, gy) if need1 else None

        # a vector counts as a matrix of one row on the left, of one column on the right
        a = x0 if x0.ndim > 1 else np.reshape(x0, (1, x0.shape[0]))
        b = x1 if x1.ndim > 1 else np.reshape(x1, (x1.shape[0], 1))
        if b.ndim == 2:  # all rows of a are multiplied by the same matrix
            a = _rows(a)
            gy = np.reshape(gy, (a.shape[0], b.shape[1]))
        else:
            batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            gy = np.reshape(gy, (*batch, a.shape[-2], b.shape[-1]))
        gx0 = gx1 = None
        if need0:
            gx0 = reshape(sum_to(product(gy, np.swapaxes(b, -1, -2)), a.shape), x0.shape)
        if need1:
            gx1 = reshape(sum_to(product(np.swapaxes(a, -1, -2), gy), b.shape), x1.shape)
        return gx0, gx1

    @staticmethod
    def samples(rng):
        for shape0, shape1 in [
            ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)),
            ((4, 2, 3), (4, 3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)),
            ((2, 1, 2, 3), (4, 3, 1)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2)), ((2, 0), (0, 3)),
        ]:  # fmt: skip
            yield rng.normal(size=shape0), rng.normal(size=shape1)


def _cure(x: tuple[int, ...], W: tuple[int, ...]) -> str:
    """What to write if x and W do not fit."""
    if x[-1] == W[1]:
        return "; is W transposed? W is (in, out)"
    if math.prod(x[1:]) == W[0]:
        return f"; write x.reshape(-1, {W[0]})"
    return "; W is (in, out)"


class Linear(Function):
    """y = x W + b,  gx = gy Wᵀ,  gW = xᵀ gy,  gb = the sum of gy over the rows."""

    def forward(self, x, W, b):
        if np.ndim(x) == 0 or np.ndim(W) != 2:
            raise ValueError(
                f"linear: got x {np.shape(x)} and W {np.shape(W)}, needed (..., I) and (I, O)"
            )
        if x.shape[-1] != W.shape[0]:
            raise ValueError(
                f"linear: x {x.shape} has {x.shape[-1]} features but W {W.shape} takes "
                f"{W.shape[0]}{_cure(x.shape, W.shape)}"
            )
        if np.shape(b) != W.shape[1:]:
            raise ValueError(f"linear: got b {np.shape(b)} for W {W.shape}, needed {W.shape[1:]}")
        y = np.matmul(_rows(x), W)
        if y.dtype == b.dtype:
            y += b
        else:
            y = y + b
        return y.reshape((*x.shape[:-1], W.shape[1]))

    def backward(self, gy):
        return self._gradients(gy, np.matmul)

    def backward_past_zeros(self, gy):
        return self._gradients(gy, matmul_past_zeros)

    def _gradients(self, gy, product):
        x, W, _ = self.xs
        need_x, need_W, need_b = self.needs
        rows = _rows(gy)
        return (
            np.reshape(product(rows, W.T), x.shape) if need_x else None,
            product(_rows(x).T, rows) if need_W else None,
            np.sum(rows, axis=0) if need_b else None,
        )

    @staticmethod
    def samples(rng):
        for shape in [(2, 3), (3,), (2, 2, 3), (0, 3)]:
            yield rng.normal(size=shape), rng.normal(size=(3, 4)), rng.normal(size=4)


class Tril(Function):
    """y = x on and below diagonal k of the last two axes, 0 above."""

    def __init__(self, k: int = 0) -> None:
        self.k = k

    def forward(self, x):
        return np.tril(x, self.k)

    def backward(self, gy):
        return np.tril(gy, self.k)

    @staticmethod
    def samples(rng):
        for k in (0, 1, -1):
            yield (rng.normal(size=(2, 3, 4)),), {"k": k}


class Triu(Function):
    """y = x on and above diagonal k of the last two axes, 0 below."""

    def __init__(self, k: int = 0) -> None:
        self.k = k

    def forward(self, x):
        return np.triu(x, self.k)

    def backward(self, gy):
        return np.triu(gy, self.k)

    @staticmethod
    def samples(rng):
        yield from Tril.samples(rng)


def _rows(x):
    """x as a matrix: all axes but the last are joined."""
    return x if x.ndim == 2 else np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _product_error(name: str, shape0: tuple[int, ...], shape1: tuple[int, ...]) -> ValueError:
    arrived = f"{name}: got shapes {shape0} and {shape1}"
    if not shape0 or not shape1:
        return ValueError(f"{arrived}; needed at least one axis each; use * for a number")
    inner0, inner1 = shape0[-1], shape1[-1 if name == "inner" else -2 :][0]
    if inner0 != inner1:
        return ValueError(
            f"{arrived}; the axes to sum over have sizes {inner0} and {inner1}; "
            f"needed them equal; is one of the two transposed?"
        )
    return ValueError(f"{arrived}; needed batch axes that broadcast: {shape0[:-2]}, {shape1[:-2]}")


# ---- Products ----


@implements(np.linalg.matmul)
def matmul(x0: Input[X], x1: Input[X]) -> X:
    """The product of matrices on the last two axes, x0 @ x1; the other axes broadcast.

    A vector counts as a row on the left and as a column on the right; the result lacks that axis.

    Args:
        x0: (..., N, K) or (K,).
        x1: (..., K, M) or (K,).

    Returns:
        Variable, (..., N, M), without N or M for a vector.

    Raises:
        ValueError: x0 and x1 disagree about K, or the other axes do not broadcast.

    Example:
        >>> matmul(np.ones((5, 2, 3)), np.ones((3, 4))).shape
        (5, 2, 4)
    """
    return MatMul()(x0, x1)


@in_float("x", "W", "b")
def linear(x: Input[X], W: Input[X], b: Input[X] | None = None) -> X:
    """Affine map y = x W + b.

    Args:
        x: input, (N, I) or (..., I).
        W: weights, (I, O).
        b: bias, (O,), or None for y = x W.

    Returns:
        Variable, (N, O) or (..., O), in the common dtype.

    Raises:
        ValueError: x and W disagree about I, or W and b about O.

    Example:
        >>> linear(np.ones((2, 3)), np.ones((3, 4))).shape
        (2, 4)
    """
    return MatMul()(x, W) if b is None else Linear()(x, W, b)


@implements(np.dot)
def dot(x0: Input[X], x1: Input[X]) -> X:
    """np.dot: the inner product of vectors, `matmul` of matrices, the product with a number.

    In general, the sum over the last axis of x0 and the second-to-last (or only) axis of x1.
    Unlike `matmul`, it multiplies each matrix of x0 by each of x1.
    """
    shape0, shape1 = np.shape(x0), np.shape(x1)
    if not shape0 or not shape1:
        return mul(x0, x1)
    if shape0[-1] != shape1[-2:][0]:
        raise _product_error("dot", shape0, shape1)
    if len(shape0) == 1 or len(shape1) <= 2:
        return MatMul()(x0, x1)
    return tensordot(x0, x1, (-1, -2))


@implements(np.inner)
def inner(x0: Input[X], x1: Input[X]) -> X:
    """The sum over the last axes of x0 and x1, for each pair of their other indices."""
    shape0, shape1 = np.shape(x0), np.shape(x1)
    if not shape0 or not shape1:
        return mul(x0, x1)
    if shape0[-1] != shape1[-1]:
        raise _product_error("inner", shape0, shape1)
    return tensordot(x0, x1, (-1, -1))


@implements(np.outer)
def outer(x0: Input[X], x1: Input[X]) -> X:
    """y[i, j] = x0[i] x1[j]; axes beyond the first are flattened.

    Example:
        >>> outer(np.array([1, 2]), np.array([3, 4, 5]))
        array([[ 3,  4,  5],
               [ 6,  8, 10]])
    """
    return mul(reshape(x0, (-1, 1)), reshape(x1, (1, -1)))


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(x0: Input[X], x1: Input[X], axes: Any = 2) -> X:
    """The sum over pairs of axes of x0 and x1. The other axes of x0, then those of x1, remain.

    Args:
        x0: input.
        x1: input.
        axes: n, for the last n axes of x0 and the first n of x1; or a pair: the axis or axes of
            x0, and the corresponding ones of x1.

    Raises:
        ValueError: corresponding axes differ in size.

    Example:
        >>> tensordot(np.ones((2, 3, 4)), np.ones((4, 5, 3)), ([1, 2], [2, 0])).shape
        (2, 5)
    """
    shape0, shape1 = np.shape(x0), np.shape(x1)
    if isinstance(axes, int | np.integer):
        if not 0 <= axes <= min(len(shape0), len(shape1)):
            raise ValueError(
                f"tensordot: got axes {axes} for shapes {shape0} and {shape1}; both need that many"
            )
        axes = range(len(shape0) - axes, len(shape0)), range(axes)
    if not isinstance(axes, Sequence | np.ndarray) or len(axes) != 2:
        raise ValueError(
            f"tensordot: got axes {axes!r}, needed a number, or a pair: the axes of each input"
        )
    axes0: tuple[int, ...] = checked_axes("tensordot", axes[0], shape0)
    axes1: tuple[int, ...] = checked_axes("tensordot", axes[1], shape1)
    if [shape0[a] for a in axes0] != [shape1[a] for a in axes1]:
        raise ValueError(
            f"tensordot: got shapes {shape0} and {shape1}; axes {axes0} of the first and {axes1} "
            f"of the second need the same sizes"
        )
    rest0: list[int] = [a for a in range(len(shape0)) if a not in axes0]
    rest1: list[int] = [a for a in range(len(shape1)) if a not in axes1]
    sizes0: list[int] = [shape0[a] for a in rest0]
    sizes1: list[int] = [shape1[a] for a in rest1]
    n = math.prod(shape0[a] for a in axes0)
    a = reshape(transpose(x0, (*rest0, *axes0)), (math.prod(sizes0), n))
    b = reshape(transpose(x1, (*axes1, *rest1)), (n, math.prod(sizes1)))
    return reshape(MatMul()(a, b), (*sizes0, *sizes1))


@implements(np.linalg.multi_dot)
def multi_dot(xs: Sequence[Input[X]]) -> X:
    """The product of two or more matrices, in the order of least work.

    Args:
        xs: matrices, (N, K), (K, L), … The first one may be a vector, (K,), and counts as a
            row; the last one too, and counts as a column. The result lacks that axis.

    Raises:
        ValueError: there are fewer than two, they have other numbers of axes, or do not multiply.

    Example:
        >>> multi_dot([np.ones((2, 9)), np.ones((9, 9)), np.ones(9)])
        array([81., 81.])
    """
    shapes: list[tuple[int, ...]] = [np.shape(x) for x in xs]
    needed = [(1, 2) if i in (0, len(shapes) - 1) else (2,) for i in range(len(shapes))]
    if len(shapes) < 2 or any(len(s) not in n for s, n in zip(shapes, needed, strict=True)):
        raise ValueError(
            f"multi_dot: got shapes {', '.join(map(str, shapes))}; needed two or more matrices, "
            f"of which the first and the last may be vectors"
        )
    sizes = [shapes[0][0] if len(shapes[0]) == 2 else 1, *[s[-1] for s in shapes]]
    if len(shapes[-1]) == 1:
        sizes[-2:] = [shapes[-1][0], 1]
    half = result_dtype(*xs) == np.float16
    y = _product(floats(*xs) if half else list(xs), _splits(sizes), 0, len(shapes) - 1)
    return y.astype(np.float16) if half else y


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split the product of the matrices i to j (sizes[k] × sizes[k + 1]) for least work.

    Source: T. H. Cormen, C. E. Leiserson, R. L. Rivest and C. Stein, Introduction to Algorithms,
    chapter on dynamic programming.
    """
    n = len(sizes) - 1
    work = {(i, i): 0 for i in range(n)}
    splits = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            costs = {
                k: work[i, k] + work[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            }
            splits[i, j] = min(costs, key=costs.__getitem__)
            work[i, j] = costs[splits[i, j]]
    return splits


def _product(xs: list[Any], splits: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return xs[i]
    k = splits[i, j]
    return matmul(_product(xs, splits, i, k), _product(xs, splits, k + 1, j))


# ---- Diagonals and triangles ----


@implements(np.diagonal)
def diagonal(x: Input[X], offset: int = 0, axis1: int = 0, axis2: int = 1) -> X:
    """The elements x[i, i + offset] of two axes, as a new last axis; a copy, unlike NumPy's.

    Example:
        >>> diagonal(np.array([[1, 2, 3], [4, 5, 6]]), 1)
        array([2, 6])
    """
    return _diagonal("diagonal", x, offset, axis1, axis2)


def _diagonal(name: str, x: Input[X], offset: int, axis1: int, axis2: int) -> Any:
    shape = np.shape(x)
    offset = integer(name, "offset", offset)
    i, j = checked_axis(name, axis1, shape), checked_axis(name, axis2, shape)
    if i == j:
        raise ValueError(
            f"{name}: got axes {axis1} and {axis2} for shape {shape}, needed two different ones"
        )
    row, column = max(-offset, 0), max(offset, 0)
    steps = np.arange(max(min(shape[i] - row, shape[j] - column), 0))
    return moveaxis(x, (i, j), (-2, -1))[..., steps + row, steps + column]


@implements(np.trace)
def trace(x: Input[X], offset: int = 0, axis1: int = 0, axis2: int = 1) -> X:
    """The sum along a diagonal of two axes."""
    return reduce.sum(_diagonal("trace", x, offset, axis1, axis2), axis=-1)


@implements(np.tril)
def tril(x: Input[X], k: int = 0) -> X:
    """x on and below diagonal k of the last two axes, 0 above (k = 1 is above the main one)."""
    _check_matrix("tril", x)
    return Tril(integer("tril", "k", k))(x)


@implements(np.triu)
def triu(x: Input[X], k: int = 0) -> X:
    """x on and above diagonal k of the last two axes, 0 below (k = 1 is above the main one)."""
    _check_matrix("triu", x)
    return Triu(integer("triu", "k", k))(x)


def _check_matrix(name: str, x: Input[X]) -> None:
    if np.ndim(x) < 2:
        raise ValueError(f"{name}: got shape {np.shape(x)}, needed at least two axes")
