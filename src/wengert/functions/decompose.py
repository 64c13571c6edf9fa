"""Linear algebra: inverses, solutions of linear systems, determinants, Cholesky, norms.

Matrices are on the last two axes; the axes before them are a batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import Function
from wengert.dispatch import Axis, implements
from wengert.functions.arguments import as_operand
from wengert.functions.axes import reduced_axes
from wengert.functions.piecewise import abs
from wengert.functions.precision import in_float
from wengert.functions.reduce import Reduction, max, min, sum
from wengert.functions.shape import reshape, squeeze, sum_to
from wengert.functions.types import Input, X

__all__ = ["cholesky", "det", "inv", "norm", "slogdet", "solve"]


class Inv(Function):
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
            yield (_regular_matrix(rng, shape),)


class Solve(Function):
    """y = A⁻¹ b, for matrices b,  gb = A⁻ᵀ gy,  gA = -gb yᵀ."""

    def forward(self, A, b):
        return _regular("solve", np.linalg.solve, A, b)

    def backward(self, gy):
        A, b = self.xs
        (y,) = self.ys
        need_A, need_b = self.needs
        gb = np.linalg.solve(np.swapaxes(A, -1, -2), gy)  # in y's shape, to which A and b broadcast
        gA = sum_to(-(gb @ np.swapaxes(y, -1, -2)), A.shape) if need_A else None
        return gA, sum_to(gb, b.shape) if need_b else None

    @staticmethod
    def samples(rng):
        for shape, columns in [
            ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((2, 3, 3), (3, 1)), ((2, 2), (3, 2, 2)),
        ]:  # fmt: skip
            yield _regular_matrix(rng, shape), rng.normal(size=columns)


class Det(Function):
    """y = det x,  dy/dx = y x⁻ᵀ."""

    def forward(self, x):
        return np.linalg.det(x)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        return _as_matrices(gy * y) * np.swapaxes(inv(x), -1, -2)

    samples = Inv.samples


class SlogDet(Function):
    """The sign of det x, and y = log |det x|;  dy/dx = x⁻ᵀ."""

    def forward(self, x):
        return tuple(np.linalg.slogdet(x))

    def backward(self, gsign, gy):  # (the sign is piecewise constant)
        (x,) = self.xs
        return _as_matrices(gy) * np.swapaxes(inv(x), -1, -2)

    samples = Inv.samples


class Cholesky(Function):
    """y = L with L Lᵀ = (x + xᵀ)/2,  gx = the symmetric part of L⁻ᵀ Φ(Lᵀ gy) L⁻¹.

    Φ keeps the triangle below the diagonal and half of the diagonal. Source: I. Murray,
    Differentiation of the Cholesky decomposition, arXiv:1602.07527, equation 10.
    """

    def forward(self, x):
        try:
            return np.linalg.cholesky((x + np.swapaxes(x, -1, -2)) / 2)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"cholesky: got a matrix in x {x.shape} that is not positive definite; needed "
                f"vᵀ x v > 0 for all v; try x + 1e-6 * np.eye(n)"
            ) from None

    def backward(self, gy):
        (y,) = self.ys
        yt = np.swapaxes(y, -1, -2)
        n = y.shape[-1]
        lower = np.tri(n, dtype=y.dtype) - np.eye(n, dtype=y.dtype) / 2
        middle = (yt @ gy) * lower
        gx = np.linalg.solve(
            yt, np.swapaxes(np.linalg.solve(yt, np.swapaxes(middle, -1, -2)), -1, -2)
        )
        return (gx + np.swapaxes(gx, -1, -2)) / 2

    @staticmethod
    def samples(rng):
        for shape in [(3, 3), (2, 2, 2), (1, 1)]:
            x = _regular_matrix(rng, shape)
            yield (x @ np.swapaxes(x, -1, -2),)


class Norm(Reduction):
    """y = (Σ |x|ᵖ)^(1/p), without overflow;  dy/dx = sign x (|x| / y)ᵖ⁻¹, and 0 where y is 0."""

    def __init__(self, p: float = 2, axis: Axis = None, keepdims: bool = False) -> None:
        super().__init__(axis, keepdims)
        self.p = p

    def forward(self, x):
        size = np.absolute(x)
        top = np.max(size, axis=self.axis, keepdims=True, initial=0)
        top = np.where((top > 0) & (top < np.inf), top, 1)
        size = size / top
        powers = np.square(size) if self.p == 2 else size**self.p
        total = np.sum(powers, axis=self.axis, keepdims=True)
        y = (np.sqrt(total) if self.p == 2 else total ** (1 / self.p)) * top
        return y if self.keepdims else np.squeeze(y, axis=self.axis)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        y = self.spread(y)
        ratio = x / np.where(np.equal(y, 0), 1, y)
        if self.p != 2:
            ratio = np.sign(x) * np.absolute(ratio) ** (self.p - 1)
        return self.spread(gy) * ratio

    @staticmethod
    def samples(rng):
        for p in (2, 3, 1.5):
            for _ in range(2):
                x = rng.uniform(0.5, 2, size=(2, 3, 2)) * rng.choice([-1, 1], size=(2, 3, 2))
                yield (x,), {"p": p}
                yield (x,), {"p": p, "axis": -2}
                yield (x,), {"p": p, "axis": (0, -1), "keepdims": True}


def _regular_matrix(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random matrices, well-conditioned."""
    return rng.uniform(-0.3, 0.3, size=shape) + np.diag(rng.uniform(1, 2, size=shape[-1]))


def _regular(name: str, function: Any, x: Any, *others: Any) -> Any:
    try:
        return function(x, *others)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"{name}: got a singular matrix in x {x.shape}, needed independent rows; "
            f"add a little to its diagonal: x + 1e-6 * np.eye(n)"
        ) from None


def _as_matrices(y):
    """(...,) as (..., 1, 1): one number for each matrix of a batch."""
    return np.reshape(y, (*y.shape, 1, 1))


# ---- Public functions ----


@implements(np.linalg.inv)
def inv(x: Input[X]) -> X:
    """y = x⁻¹, for one matrix or a batch. To solve x y = b, `solve` is faster and more accurate.

    Args:
        x: square matrices, (..., N, N).

    Raises:
        ValueError: x is not square, or singular.
    """
    return Inv()(_square("inv", x))


@implements(np.linalg.solve)
def solve(A: Input[X], b: Input[X]) -> X:
    """The solution y of A y = b.

    Args:
        A: square matrices, (..., N, N).
        b: a vector, (N,); or matrices, (..., N, K), whose batch broadcasts against that of A.

    Raises:
        ValueError: A is not square or is singular, or the shape of b does not match.

    Example:
        >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
        array([1. , 0.5])
    """
    matrices = _square("solve", A)
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
def det(x: Input[X]) -> X:
    """The determinant of matrices, (..., N, N). `slogdet` avoids its overflow and underflow.

    Raises:
        ValueError: x is not square; or, in the backward pass, x is singular.
    """
    return Det()(_square("det", x))


@implements(np.linalg.slogdet)
def slogdet(x: Input[X]) -> tuple[X, X]:
    """The sign of the determinant of matrices, (..., N, N), and log |det x|.

    For a singular matrix they are 0 and -inf, without a derivative.

    Raises:
        ValueError: x is not square; or, in the backward pass, x is singular.
    """
    return SlogDet()(_square("slogdet", x))


@implements(np.linalg.cholesky)
def cholesky(x: Input[X]) -> X:
    """The lower triangle L with L Lᵀ = x.

    Args:
        x: symmetric, positive definite matrices, (..., N, N). (x + xᵀ)/2 is used, so that the
            gradient is symmetric too.

    Raises:
        ValueError: x is not square, or not positive definite.
    """
    return Cholesky()(_square("cholesky", x))


@implements(np.linalg.norm)
@in_float("x")
def norm(
    x: Input[X], ord: float | str | None = None, axis: Axis = None, *, keepdims: bool = False
) -> X:
    """y = (Σ |x|ᵖ)^(1/p) along `axis`: the p-norm of vectors, or the Frobenius norm of matrices.

    Args:
        x: any shape.
        ord: p ≥ 1; inf for the largest |x|; -inf for the smallest; None or "fro" for p = 2.
        axis: axis or axes of the vectors; None for all axes of x. With an `ord` other than None
            and "fro", there must be one axis.
        keepdims: keep the reduced axes with size 1.

    Returns:
        Variable. The derivative of a norm of 0 is 0.

    Raises:
        ValueError: x has no such axis, or `ord` is not supported.
    """
    shape = np.shape(x)
    axis = reduced_axes("norm", axis, shape)
    p = 2 if ord in (None, "fro") else ord
    if isinstance(p, str) or not (p >= 1 or p == -np.inf):
        raise ValueError(f"norm: got ord {ord!r}, needed a number ≥ 1, inf, -inf, 'fro' or None")
    several = len(shape) if axis is None else np.size(axis)
    if ord not in (None, "fro") and several > 1:
        raise ValueError(
            f"norm: got ord {ord} for {several} axes of x {shape}, needed one; norms of matrices "
            f"other than the Frobenius norm are not recorded, and for all elements there is "
            f"norm(x.ravel(), {ord})"
        )
    if p == 1:
        return sum(abs(x), axis, keepdims=keepdims)
    if p in (np.inf, -np.inf):
        return (max if p > 0 else min)(abs(x), axis, keepdims=keepdims)
    return Norm(p if type(p) is int else float(p), axis, keepdims)(x)


def _square(name: str, x: Input[X]) -> Any:
    matrices = as_operand(x)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise ValueError(f"{name}: got x {matrices.shape}, needed square matrices, (..., N, N)")
    return matrices
