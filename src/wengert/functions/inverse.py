"""Inverses, solutions of linear systems, determinants and powers of square matrices.

Matrices are on the last two axes; the axes before them are a batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple

import numpy as np

from wengert.arguments import integer, integers
from wengert.arrays import as_array
from wengert.dispatch import implements
from wengert.functions.arguments import as_operand
from wengert.functions.linalg import matmul
from wengert.functions.precision import in_float
from wengert.functions.shape import moveaxis, reshape, squeeze, sum_to
from wengert.functions.types import Input, X
from wengert.functions.zeros import OfMatrices, all_zero
from wengert.second_pass import repeated

__all__ = ["det", "inv", "matrix_power", "slogdet", "solve", "tensorinv", "tensorsolve"]


class Inv(OfMatrices):
    """y = x⁻¹,  gx = -yᵀ gy yᵀ."""

    def forward(self, x):
        return _regular("inv", np.linalg.inv, x)

    def backward(self, gy):
        (y,) = self.ys
        yt = np.swapaxes(y, -1, -2)
        return -(yt @ gy @ yt)

    @staticmethod
    def samples(rng):
        for shape in [(3, 3), (2, 2, 2), (1, 1)]:
            yield (regular_matrix(rng, shape),)


class Solve(OfMatrices):
    """y = A⁻¹ b, for matrices b,  gb = A⁻ᵀ gy,  gA = -gb yᵀ."""

    def forward(self, A, b):
        return _regular("solve", np.linalg.solve, A, b)

    def backward(self, gy):
        A, b = self.xs
        (y,) = self.ys
        need_A, need_b = self.needs
        gb = np.linalg.solve(np.swapaxes(A, -1, -2), gy)  # in y's shape, to which A and b broadcast
        if repeated.get():
            zero = all_zero(gy, (-2, -1))
            gb, y = np.where(zero, 0, gb), np.where(zero, 0, y)
        gA = sum_to(-(gb @ np.swapaxes(y, -1, -2)), A.shape) if need_A else None
        return gA, sum_to(gb, b.shape) if need_b else None

    @staticmethod
    def samples(rng):
        for shape, columns in [
            ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((2, 3, 3), (3, 1)), ((2, 2), (3, 2, 2)),
        ]:  # fmt: skip
            yield regular_matrix(rng, shape), rng.normal(size=columns)


class Det(OfMatrices):
    """y = det x,  dy/dx = the cofactors of x: y x⁻ᵀ if x is regular."""

    def forward(self, x):
        return np.linalg.det(x)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        if _well_conditioned(as_array(x)):
            return _as_matrices(gy * y) * np.swapaxes(np.linalg.inv(x), -1, -2)
        return _as_matrices(gy) * _cofactors(x)

    @staticmethod
    def samples(rng):
        yield from Inv.samples(rng)
        for rank in (2, 1, 0):  # singular matrices, beside a regular one
            x = rng.normal(size=(3, rank)) @ rng.normal(size=(rank, 3))
            yield (np.stack([x, regular_matrix(rng, (3, 3))]),)


class SlogDet(OfMatrices):
    """The sign of det x, and y = log |det x|;  dy/dx = x⁻ᵀ."""

    def forward(self, x):
        return tuple(np.linalg.slogdet(x))

    def backward(self, gsign, gy):  # (the sign is piecewise constant)
        (x,) = self.xs
        unused = np.isneginf(as_array(self.ys[1])) & (as_array(gy) == 0)
        if unused.any():  # (singular matrices that a mask leaves out)
            x = np.where(_as_matrices(unused), np.eye(x.shape[-1], dtype=x.dtype), x)
        return _as_matrices(gy) * np.swapaxes(_regular("slogdet", np.linalg.inv, x), -1, -2)

    samples = Inv.samples


def _well_conditioned(x: np.ndarray) -> bool:
    """Whether all x can be inverted with at least half of their digits (or are not finite)."""
    if not np.all(np.isfinite(x)):
        return True
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = [np.sum(np.abs(a), axis=-2).max(-1, initial=0) for a in (x, np.linalg.inv(x))]
            return bool(np.all(sizes[0] * sizes[1] < np.finfo(x.dtype).eps ** -0.5))
    except np.linalg.LinAlgError:
        return False


def _cofactors(x: Any) -> Any:
    """The cofactors of x, the derivatives of det x, for singular matrices too.

    With x = U s Vᵀ, det x = det U · det(Uᵀ x V) · det V. Around this x, Uᵀ x V is nearly diagonal;
    its leading block P, of the large singular values, is well-conditioned. The determinant of
    [[P, Q], [R, T]] is det P · det S with S = T - R P⁻¹ Q, a polynomial in the few elements of S.
    U and V are constants here, so that all higher derivatives are right.
    """
    U, s, Vt = np.linalg.svd(as_array(x))
    large = s > np.sqrt(np.finfo(s.dtype).eps) * s[..., :1]
    r = int(np.min(np.sum(large, axis=-1)))
    B = np.swapaxes(U, -1, -2) @ x @ np.swapaxes(Vt, -1, -2)
    P, Q, R, T = B[..., :r, :r], B[..., :r, r:], B[..., r:, :r], B[..., r:, r:]
    PQ = np.linalg.solve(P, Q)
    RP = np.swapaxes(np.linalg.solve(np.swapaxes(P, -1, -2), np.swapaxes(R, -1, -2)), -1, -2)
    S = T - R @ PQ
    of_S = _cofactors_by_powers(S)
    det_S = np.sum(S[..., 0, :] * of_S[..., 0, :], axis=-1)
    det_P = np.linalg.det(P)
    gS = _as_matrices(det_P) * of_S
    gP = _as_matrices(det_S * det_P) * np.swapaxes(np.linalg.inv(P), -1, -2)
    RPt, PQt = np.swapaxes(RP, -1, -2), np.swapaxes(PQ, -1, -2)
    top = np.concatenate([gP + RPt @ gS @ PQt, -(RPt @ gS)], axis=-1)
    bottom = np.concatenate([-(gS @ PQt), gS], axis=-1)
    gB = np.concatenate([top, bottom], axis=-2)
    sign = np.sign(np.linalg.det(U) * np.linalg.det(Vt))
    return (_as_matrices(sign) * U) @ gB @ Vt


def _cofactors_by_powers(x: Any) -> Any:
    """The cofactors by sums and products alone (Faddeev and LeVerrier); for small x."""
    n = x.shape[-1]
    unit = np.eye(n, dtype=x.dtype)
    M = np.broadcast_to(unit, x.shape)
    for k in range(1, n):
        xM = x @ M
        M = xM - _as_matrices(np.trace(xM, axis1=-2, axis2=-1) / k) * unit
    return np.swapaxes(M if n % 2 else -M, -1, -2)


def regular_matrix(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random matrices, well-conditioned."""
    return rng.uniform(-0.3, 0.3, size=shape) + np.diag(rng.uniform(1, 2, size=shape[-1]))


def _regular(name: str, function: Any, x: Any, *others: Any) -> Any:
    try:
        return function(x, *others)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(
            f"{name}: got a singular matrix in x {x.shape}, needed independent rows; "
            f"add a little to its diagonal: x + 1e-6 * np.eye(n); or use np.linalg.pinv or "
            f"np.linalg.lstsq"
        ) from None


def _as_matrices(y):
    """(...,) as (..., 1, 1): one number for each matrix of a batch."""
    return np.reshape(y, (*y.shape, 1, 1))


def square_matrices(name: str, x: Input[X]) -> Any:
    """x as an operand, checked: (..., N, N)."""
    matrices = as_operand(x)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise ValueError(f"{name}: got x {matrices.shape}, needed square matrices, (..., N, N)")
    return matrices


# ---- Public functions ----


@implements(np.linalg.inv)
@in_float("x")
def inv(x: Input[X]) -> X:
    """y = x⁻¹, for one matrix or a batch. To solve x y = b, `solve` is faster and more accurate.

    Args:
        x: square matrices, (..., N, N).

    Raises:
        ValueError: x is not square.
        numpy.linalg.LinAlgError: x is singular. (It is a ValueError.)
    """
    return Inv()(square_matrices("inv", x))


@implements(np.linalg.solve)
@in_float("A", "b")
def solve(A: Input[X], b: Input[X]) -> X:
    """The solution y of A y = b.

    Args:
        A: square matrices, (..., N, N).
        b: a vector, (N,); or matrices, (..., N, K), whose batch broadcasts against that of A.

    Raises:
        ValueError: A is not square, or the shape of b does not match.
        numpy.linalg.LinAlgError: A is singular. (It is a ValueError.)

    Example:
        >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
        array([1. , 0.5])
    """
    matrices = square_matrices("solve", A)
    shape, N = np.shape(b), matrices.shape[-1]
    if not shape or shape[0 if len(shape) == 1 else -2] != N:
        raise ValueError(
            f"solve: got A {matrices.shape} and b {shape}, needed b ({N},) or (..., {N}, K)"
        )
    if len(shape) == 1:  # a matrix of one column
        return squeeze(solve(matrices, reshape(b, (N, 1))), -1)
    try:
        np.broadcast_shapes(matrices.shape[:-2], shape[:-2])
    except ValueError:
        raise ValueError(
            f"solve: got A {matrices.shape} and b {shape}, whose batches {matrices.shape[:-2]} and "
            f"{shape[:-2]} do not broadcast"
        ) from None
    return Solve()(matrices, b)


@implements(np.linalg.det)
@in_float("x")
def det(x: Input[X]) -> X:
    """The determinant of matrices, (..., N, N). `slogdet` avoids its overflow and underflow.

    The derivatives of all orders are right for singular matrices too.

    Raises:
        ValueError: x is not square.
    """
    return Det()(square_matrices("det", x))


class SlogdetResult(NamedTuple, Generic[X]):
    """The result of `slogdet`."""

    sign: X
    logabsdet: X


@implements(np.linalg.slogdet)
@in_float("x")
def slogdet(x: Input[X]) -> SlogdetResult[X]:
    """The sign of the determinant of matrices, (..., N, N), and log |det x|.

    For a singular matrix they are 0 and -inf, without a derivative.

    Returns:
        A named tuple (sign, logabsdet).

    Raises:
        ValueError: x is not square.
        numpy.linalg.LinAlgError: x is singular, in the backward pass. (It is a ValueError.)
    """
    return SlogdetResult(*SlogDet()(square_matrices("slogdet", x)))


@implements(np.linalg.matrix_power)
def matrix_power(x: Input[X], n: int) -> X:
    """The product of n equal matrices; of |n| inverses for n < 0; the unit matrix for n = 0.

    Args:
        x: square matrices, (..., N, N).
        n: an integer.

    Raises:
        TypeError: n is not an integer.
        ValueError: x is not square.
        numpy.linalg.LinAlgError: x is singular, and n < 0. (It is a ValueError.)

    Example:
        >>> matrix_power(np.array([[1, 1], [0, 1]]), 5)
        array([[1, 5],
               [0, 1]])
    """
    matrices = square_matrices("matrix_power", x)
    n = integer("matrix_power", "n", n)
    if n == 0:
        unit: Any = np.zeros_like(matrices)
        return unit + np.eye(matrices.shape[-1], dtype=matrices.dtype)
    if matrices.dtype == np.float16:
        y: Any = matrix_power(matrices.astype(np.float32), n)
        return y.astype(np.float16)
    if n < 0:
        matrices, n = inv(matrices), -n
    result: Any = None
    while True:  # square and multiply
        if n % 2:
            result = matrices if result is None else matmul(result, matrices)
        n //= 2
        if not n:
            break
        matrices = matmul(matrices, matrices)
    return np.positive(result) if result is matrices else result


@implements(np.linalg.tensorinv)
@in_float("a")
def tensorinv(a: Input[X], ind: int = 2) -> X:
    """The inverse of `tensordot(a, ·, ind)`: `tensordot(tensorinv(a), tensordot(a, b))` is b.

    Args:
        a: any shape whose first `ind` sizes have the product of the others.
        ind: how many of the axes of a are those of the result of `tensordot`.

    Raises:
        ValueError: a does not make a square matrix.
        numpy.linalg.LinAlgError: the matrix is singular. (It is a ValueError.)

    Example:
        >>> tensorinv(np.eye(6).reshape(2, 3, 6)).shape
        (6, 2, 3)
    """
    ind = integer("tensorinv", "ind", ind, 1)
    shape: tuple[int, ...] = np.shape(a)
    if math.prod(shape[:ind]) != math.prod(shape[ind:]):
        raise ValueError(
            f"tensorinv: got a {shape} and ind {ind}; needed equal products of the first {ind} "
            f"sizes and of the others, got {math.prod(shape[:ind])} and {math.prod(shape[ind:])}"
        )
    n = math.prod(shape[:ind])
    return reshape(inv(reshape(a, (n, n))), (*shape[ind:], *shape[:ind]))


@implements(np.linalg.tensorsolve)
@in_float("a", "b")
def tensorsolve(a: Input[X], b: Input[X], axes: int | Sequence[int] | None = None) -> X:
    """The solution y of tensordot(a, y, y.ndim) = b.

    Args:
        a: the sizes of b, then those of y; both have the same product.
        b: right-hand side.
        axes: axes of a to move to its end first; None for none.

    Raises:
        ValueError: the shapes do not match.
        numpy.linalg.LinAlgError: the matrix that a makes is singular. (It is a ValueError.)

    Example:
        >>> tensorsolve(2 * np.eye(6).reshape(2, 3, 6), np.ones((2, 3)))
        array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    """
    if axes is not None:
        moved = integers("tensorsolve", "axes", axes)
        a = moveaxis(a, moved, tuple(range(-len(moved), 0)))
    shape, n = tuple(np.shape(a)), np.size(b)
    rest: tuple[int, ...] = shape[np.ndim(b) :]
    if shape[: np.ndim(b)] != np.shape(b) or math.prod(rest) != n:
        raise ValueError(
            f"tensorsolve: got a {shape} and b {np.shape(b)}; needed the sizes of b first in a, "
            f"and the product {n} of the others, got {math.prod(rest)}"
        )
    return reshape(solve(reshape(a, (n, n)), reshape(b, (n,))), rest)
