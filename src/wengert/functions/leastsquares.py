"""Least squares, pseudo-inverses and ranks of matrices that need not be square or regular."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple

import numpy as np

from wengert.arguments import boolean, number
from wengert.arrays import as_array
from wengert.core import Variable
from wengert.dispatch import implements
from wengert.functions.arguments import as_constant, as_operand
from wengert.functions.decompose import converged, svdvals, symmetric, symmetric_part
from wengert.functions.linalg import matmul
from wengert.functions.precision import in_float
from wengert.functions.reduce import sum
from wengert.functions.shape import reshape
from wengert.functions.types import Input, X
from wengert.functions.zeros import OfMatrices

__all__ = ["lstsq", "matrix_rank", "pinv"]


class Pinv(OfMatrices):
    """y = x⁺,  gx = -yᵀ gy yᵀ + (1 - x y) gyᵀ y yᵀ + yᵀ y gyᵀ (1 - y x), for a constant rank.

    The second input is the cutoff: smaller singular values, relative to the largest, count as 0.
    Source: G. H. Golub and V. Pereyra, The differentiation of pseudo-inverses and nonlinear
    least squares problems whose variables separate, 1973.
    """

    def forward(self, x, cutoff):
        return converged("pinv", np.linalg.pinv, x, cutoff)

    def backward(self, gy):
        x, cutoff = self.xs
        (y,) = self.ys
        yt, gyt = np.swapaxes(y, -1, -2), np.swapaxes(gy, -1, -2)
        outer, inner = _product(gyt, y, yt), _product(yt, y, gyt)
        outer, inner = outer - _product(x, y, outer), inner - _product(inner, y, x)
        gx = outer + inner - _product(yt, gy, yt)
        return gx, np.zeros_like(cutoff)  # (y is piecewise constant in the cutoff)

    @staticmethod
    def samples(rng):
        for m, n, batch in [(3, 2, ()), (2, 4, ()), (3, 3, (2,))]:
            yield np.eye(m, n) + rng.uniform(-0.3, 0.3, size=(*batch, m, n)), np.array(1e-15)


class LeastSquares(OfMatrices):
    """y = A⁺ b, for matrices b: the shortest of the y with the least |b - A y|. See `Pinv`."""

    def forward(self, A, b, cutoff):
        return converged("lstsq", np.linalg.lstsq, A, b, float(cutoff))[0]

    def backward(self, gy):
        A, b, cutoff = self.xs
        (y,) = self.ys
        P = np.linalg.pinv(A, cutoff)
        Pt = np.swapaxes(P, -1, -2)
        gb = Pt @ gy
        gcutoff = np.zeros_like(cutoff)
        if not self.needs[0]:
            return None, gb, gcutoff
        scale = _power_of_2(as_array(P))  # (P gb has 1/A², which may overflow)
        rest = (scale * (b - A @ y)) @ np.swapaxes((P / scale) @ gb, -1, -2)
        free = gy - P @ (A @ gy)
        gA = rest - gb @ np.swapaxes(y, -1, -2) + (Pt @ y) @ np.swapaxes(free, -1, -2)
        return gA, gb, gcutoff

    @staticmethod
    def samples(rng):
        for m, n in [(4, 2), (3, 3), (2, 4)]:
            A = np.eye(m, n) + rng.uniform(-0.3, 0.3, size=(m, n))
            yield A, rng.normal(size=(m, 2)), np.array(1e-15)


def _product(a: Any, b: Any, c: Any) -> Any:
    """a b c; with M × N matrices and their transposes, in the order without large matrices."""
    return (a @ b) @ c if a.shape[-2] < a.shape[-1] else a @ (b @ c)


def _power_of_2(x: np.ndarray) -> Any:
    """The power of 2 above the largest |x|; 1 if that is not a finite number above 0."""
    size = np.max(np.absolute(x), initial=0)
    exponent = np.frexp(size)[1] if 0 < size < np.inf else 0
    return np.ldexp(x.dtype.type(1), min(exponent, np.finfo(x.dtype).maxexp - 1))


def _cutoff(name: str, x: Any, rcond: Any, rtol: Any = None) -> Any:
    """The cutoff relative to the largest singular value: an array without gradient, or a number."""
    if rcond is not None and rtol is not None:
        raise ValueError(f"{name}: got both rcond and rtol, needed one of them")
    given = rtol if rcond is None else rcond
    if given is None:
        return np.array(np.max(x.shape[-2:]) * np.finfo(x.dtype).eps, x.dtype)
    return as_array(as_constant(given)).astype(x.dtype)


# ---- Public functions ----


@implements(np.linalg.pinv)
@in_float("x")
def pinv(x: Input[X], rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> X:
    """The pseudo-inverse of matrices, (..., M, N), by Moore and Penrose: (..., N, M).

    Args:
        x: matrices. If the rank is lower than M and N, the derivative is that for changes of x
            which keep the rank; others make x⁺ jump.
        rcond: singular values up to this number times the largest count as 0; a number, or one
            for each matrix. None for the larger of M and N times the relative error of the dtype.
        hermitian: x is symmetric (see `eigh`).
        rtol: another name of `rcond`.

    Raises:
        ValueError: x has fewer than two axes.

    Example:
        >>> pinv(np.array([[1.0, 1.0], [1.0, 1.0]])).round(2)
        array([[0.25, 0.25],
               [0.25, 0.25]])
    """
    x = as_operand(x)
    if x.ndim < 2:
        raise ValueError(f"pinv: got x {x.shape}, needed matrices, (..., M, N)")
    if boolean("pinv", "hermitian", hermitian):
        x = symmetric_part(symmetric("pinv", x, "L"))
    return Pinv()(x, _cutoff("pinv", x, rcond, rtol))


class LstsqResult(NamedTuple, Generic[X]):
    """The result of `lstsq`."""

    x: X
    residuals: X
    rank: X
    s: X


@implements(np.linalg.lstsq)
@in_float("a", "b")
def lstsq(a: Input[X], b: Input[X], rcond: float | None = None) -> LstsqResult[X]:
    """The least-squares solution x of a x = b; the shortest one if there are several.

    Args:
        a: a matrix, (M, N). If its rank is lower than M and N, the derivative is that for changes
            of a which keep the rank (see `pinv`).
        b: (M,) or (M, K).
        rcond: singular values up to this number times the largest count as 0. None for the larger
            of M and N times the relative error of the dtype; -1 for the relative error.

    Returns:
        A named tuple: x, (N,) or (N, K); residuals, the sums of squares of b - a x, (1,) or (K,),
        empty if the rank is below N or M ≤ N; the rank of a; s, the singular values of a.

    Raises:
        ValueError: the shapes do not match.

    Example:
        >>> a, b = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([1.0, 3.0, 5.0])
        >>> lstsq(a, b).x.round(6)
        array([1., 2.])
    """
    a, b = as_operand(a), as_operand(b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(
            f"lstsq: got a {a.shape} and b {b.shape}, needed (M, N) and (M,) or (M, K); for a "
            f"batch of matrices there is np.linalg.pinv(a) @ b"
        )
    M, N = a.shape
    if rcond is not None:
        rcond = number("lstsq", "rcond", rcond)
        if rcond < 0:
            rcond = float(np.finfo(a.dtype).eps)
    cutoff = _cutoff("lstsq", a, rcond)
    columns = reshape(b, (M, 1)) if b.ndim == 1 else b
    y: Any = LeastSquares()(a, columns, cutoff)
    s = svdvals(a)
    sizes = as_array(s)
    rank = np.sum(sizes > cutoff * np.max(sizes, initial=0))
    residuals = sum(np.square(columns - matmul(a, y)), axis=0)
    if rank < N or M <= N:
        residuals = residuals[:0]
    y = reshape(y, (N,)) if b.ndim == 1 else y
    if not isinstance(s, Variable):
        s = _constant_like(s, y)
    return LstsqResult(y, residuals, _constant_like(rank, y), s)


@implements(np.linalg.matrix_rank, constant=True)
def matrix_rank(x: Input[X], tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> X:
    """The number of singular values that are not 0: a constant.

    Args:
        x: matrices, (..., M, N); a vector has rank 1, or 0 if it is 0.
        tol: the smallest singular value that counts; by default `rtol` times the largest one.
        hermitian: x is symmetric, and its eigenvalues are used: faster.
        rtol: by default the larger of M and N times the relative error of the dtype.

    Returns:
        Integers, (...,); a constant.
    """
    values = as_array(x)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    limits = [t if t is None else as_array(t) for t in (tol, rtol)]
    return _constant_like(np.linalg.matrix_rank(values, limits[0], hermitian, rtol=limits[1]), x)


def _constant_like(value: Any, x: Any) -> Any:
    """The value as an array; as a constant if x is a Variable."""
    array = np.asarray(value)
    return Variable.constant(array) if isinstance(x, Variable) else array
