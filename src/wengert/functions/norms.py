"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import boolean, number
from wengert.arrays import as_array
from wengert.dispatch import Axis, implements
from wengert.functions.arguments import as_operand
from wengert.functions.axes import reduced_axes
from wengert.functions.decompose import svdvals
from wengert.functions.inverse import inv, square_matrices
from wengert.functions.piecewise import abs
from wengert.functions.precision import in_float
from wengert.functions.reduce import Reduction, max, min, sum
from wengert.functions.shape import expand_dims, moveaxis
from wengert.functions.types import Input, X

__all__ = ["cond", "matrix_norm", "norm", "vector_norm"]


class Norm(Reduction):
    """y = (Σ |x|ᵖ)^(1/p), without overflow;  dy/dx = sign x (|x| / y)ᵖ⁻¹, and 0 where x is 0."""

    def __init__(self, p: float = 2, axis: Axis = None, keepdims: bool = False) -> None:
        super().__init__(axis, keepdims)
        self.p = p

    def forward(self, x):
        size = np.absolute(x)
        if self.p > 0:
            unit = np.max(size, axis=self.axis, keepdims=True, initial=0)
        else:
            unit = np.min(size, axis=self.axis, keepdims=True, initial=np.inf)
        unit = np.where((unit > 0) & (unit < np.inf), unit, 1)
        size = size / unit
        with np.errstate(divide="ignore"):  # 1/0 = inf is right for p < 0
            powers = np.square(size) if self.p == 2 else size**self.p
            total = np.sum(powers, axis=self.axis, keepdims=True)
            y = (np.sqrt(total) if self.p == 2 else total ** (1 / self.p)) * unit
        return y if self.keepdims else np.squeeze(y, axis=self.axis)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        y = self.spread(y)
        if self.p > 0 and np.any(np.isinf(as_array(y))):
            # beside infinite elements the others do not count: as if these were ±1, and those 0
            endless = np.isinf(as_array(x))
            ones = np.where(endless, np.sign(as_array(x)), 0).astype(x.dtype)
            own = np.sum(endless, axis=self.axis, keepdims=True) ** (1 / self.p)
            infinite = np.isinf(as_array(y))
            x = np.where(infinite, ones, x)
            y = np.where(infinite, own.astype(y.dtype), y)
        flat = np.equal(y, 0)
        if self.p == 2:
            return self.spread(gy) * np.where(flat, 0, x / np.where(flat, 1, y))
        flat = np.logical_or(flat, np.equal(x, 0))
        ratio = np.where(flat, 1, np.absolute(x) / np.where(flat, 1, y))
        return self.spread(gy) * np.where(flat, 0, np.sign(x) * ratio ** (self.p - 1))

    @staticmethod
    def samples(rng):
        for p in (2, 3, 1.5, 0.5, -1, -2.5):
            for _ in range(2):
                x = rng.uniform(0.5, 2, size=(2, 3, 2)) * rng.choice([-1, 1], size=(2, 3, 2))
                yield (x,), {"p": p}
                yield (x,), {"p": p, "axis": -2}
                yield (x,), {"p": p, "axis": (0, -1), "keepdims": True}


def _vector_norm(name: str, x: Any, p: Any, axis: Axis, keepdims: bool) -> Any:
    """The p-norm along `axis`, which has been checked."""
    p = _order(name, p)
    if p == 0:
        found = np.not_equal(x, 0).astype(x.dtype)
        return sum(found, axis, keepdims=keepdims)
    if p == np.inf and not x.size:  # as for every p > 0
        p = 1
    if p == 1:
        return sum(abs(x), axis, keepdims=keepdims)
    if p in (np.inf, -np.inf):
        return (max if p > 0 else min)(abs(x), axis, keepdims=keepdims)
    return Norm(2 if p == 2 else p, axis, keepdims)(x)


def _order(name: str, p: Any) -> float:
    """`ord` of a norm of vectors."""
    if not isinstance(p, str) and p in (np.inf, -np.inf):
        return float(p)
    if isinstance(p, str):
        raise ValueError(
            f"{name}: got ord {p!r} for vectors, needed a number, inf or -inf; a matrix has two "
            f"axes: axis=(-2, -1)"
        )
    return number(name, "ord", p)


def _matrix_norm(name: str, x: Any, p: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    """The norm of matrices on two axes, which have been checked."""
    if p == "fro":
        return Norm(2, axes, keepdims)(x)
    matrices = moveaxis(x, axes, (-2, -1))
    if not x.size and p in ("nuc", 1, 2, np.inf):
        return sum(abs(x), axes, keepdims=keepdims)
    extreme = max if isinstance(p, str) or p > 0 else min
    if p in (1, -1, np.inf, -np.inf):
        y = extreme(sum(abs(matrices), axis=-2 if p in (1, -1) else -1), axis=-1)
    elif p in (2, -2):
        y = extreme(svdvals(matrices), axis=-1)
    elif p == "nuc":
        s = svdvals(matrices)
        values = as_array(s)
        limit = values[..., :1] * (np.max(matrices.shape[-2:]) * np.finfo(values.dtype).eps)
        y = sum(np.where(values <= limit, values, s), axis=-1)  # (0 to rounding, without gradient)
    else:
        raise ValueError(
            f"{name}: got ord {p!r} for matrices, needed 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; "
            f"for the norm of all elements there is vector_norm(x, ord=ord)"
        )
    return expand_dims(y, tuple(sorted(axes))) if keepdims else y


# ---- Public functions ----


@implements(np.linalg.norm)
@in_float("x")
def norm(
    x: Input[X], ord: float | str | None = None, axis: Axis = None, keepdims: bool = False
) -> X:
    """The norm of vectors along one axis, or of matrices on two.

    Args:
        x: any shape.
        ord: for vectors p in (Σ |x|ᵖ)^(1/p), any number; inf for the largest |x|; -inf for the
            smallest; 0 counts the elements that are not 0. For matrices "fro" for the Frobenius
            norm; "nuc" for the sum, 2 for the largest and -2 for the smallest of the singular
            values; 1 and -1 for the largest and smallest column sum of |x|; inf and -inf for that
            of the rows. None is p = 2 over all of the axes.
        axis: axis of the vectors, or two axes of the matrices; None for all axes of x.
        keepdims: keep the reduced axes with size 1.

    Returns:
        Variable. The derivative of a norm of 0 is 0, and that of an element or a singular value
        of 0 too.

    Raises:
        ValueError: x has no such axis, or `ord` is not one for that number of axes.

    Example:
        >>> norm(np.array([[3.0, 4.0], [0.0, 5.0]]), axis=1)
        array([5., 5.])
    """
    x = as_operand(x)
    axis = reduced_axes("norm", axis, x.shape)
    keepdims = boolean("norm", "keepdims", keepdims)
    axes: tuple[int, ...] = tuple(range(x.ndim)) if axis is None else tuple(np.atleast_1d(axis))
    axes = tuple(int(a) for a in axes)
    if ord is None or (isinstance(ord, str) and ord == "fro"):
        return Norm(2, axis, keepdims)(x)
    if len(axes) == 1:
        return _vector_norm("norm", x, ord, axis, keepdims)
    if len(axes) == 2:
        return _matrix_norm("norm", x, ord, (axes[0], axes[1]), keepdims)
    raise ValueError(
        f"norm: got ord {ord!r} for {len(axes)} axes of x {x.shape}; needed one axis for vectors, "
        f"or two for matrices; for the norm of all elements there is vector_norm(x, ord=ord)"
    )


@implements(np.linalg.vector_norm)
@in_float("x")
def vector_norm(x: Input[X], /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> X:
    """The norm of vectors along one or several axes; of all elements for None (see `norm`).

    Raises:
        ValueError: x has no such axis, or `ord` is not a number.
    """
    x = as_operand(x)
    axis = reduced_axes("vector_norm", axis, x.shape)
    return _vector_norm("vector_norm", x, ord, axis, boolean("vector_norm", "keepdims", keepdims))


@implements(np.linalg.matrix_norm)
@in_float("x")
def matrix_norm(x: Input[X], /, *, keepdims: bool = False, ord: float | str | None = "fro") -> X:
    """The norm of matrices on the last two axes (see `norm`).

    Raises:
        ValueError: x has fewer than two axes, or `ord` is not a norm of matrices.
    """
    x = as_operand(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_norm: got x {x.shape}, needed matrices, (..., M, N)")
    axes = (x.ndim - 2, x.ndim - 1)
    keepdims = boolean("matrix_norm", "keepdims", keepdims)
    return _matrix_norm("matrix_norm", x, "fro" if ord is None else ord, axes, keepdims)


@implements(np.linalg.cond)
@in_float("x")
def cond(x: Input[X], p: float | str | None = None) -> X:
    """Condition numbers of matrices, (..., M, N): the norm of x times that of its inverse.

    Args:
        x: matrices; square ones unless p is None, 2 or -2.
        p: which norm of matrices (see `norm`); None is 2.

    Returns:
        Variable, (...,). It is inf, without a derivative, for a singular matrix.

    Raises:
        ValueError: x is not square, or p is not a norm of matrices.

    Example:
        >>> float(cond(np.array([[1.0, 0.0], [0.0, 4.0]])))
        4.0
    """
    y: Any
    x = as_operand(x)
    if p in (None, 2, -2):
        if x.ndim < 2 or 0 in x.shape[-2:]:
            raise ValueError(f"cond: got x {x.shape}, needed matrices, (..., M, N), not empty")
        s = svdvals(x)
        large, small = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        zero = np.equal(as_array(small), 0)
        y = np.where(zero, np.inf if p != -2 else 0, large / np.where(zero, 1, small))
        return y
    matrices = square_matrices("cond", x)
    singular = _singular(as_array(matrices))
    if np.any(singular):
        unit = np.eye(matrices.shape[-1], dtype=matrices.dtype)
        matrices = np.where(singular[..., None, None], unit, matrices)
    y = matrix_norm(matrices, ord=p) * matrix_norm(inv(matrices), ord=p)
    if np.any(singular):
        y = np.where(singular, np.inf, y)
    return y


def _singular(x: np.ndarray) -> np.ndarray:
    """Which of the matrices have no inverse."""
    try:
        np.linalg.inv(x)
        return np.zeros(x.shape[:-2], dtype=bool)
    except np.linalg.LinAlgError:
        return np.equal(np.linalg.slogdet(x).sign, 0)
