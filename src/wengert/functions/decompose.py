"""Factors of matrices: Cholesky, eigenvalues, singular values, QR.

Matrices are on the last two axes; the axes before them are a batch. Eigenvectors and singular
vectors have no derivative where two eigenvalues or singular values are equal: there the backward
pass raises LinAlgError. The derivative of the values alone needs no vectors' derivative.
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple

import numpy as np

from wengert.arguments import boolean
from wengert.arrays import as_array
from wengert.core import Variable
from wengert.dispatch import implements
from wengert.functions.arguments import as_operand
from wengert.functions.inverse import regular_matrix, square_matrices
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X
from wengert.functions.zeros import OfMatrices

__all__ = ["cholesky", "eigh", "eigvalsh", "qr", "svd", "svdvals"]


class Cholesky(OfMatrices):
    """y = L with L Lᵀ = (x + xᵀ)/2,  gx = the symmetric part of L⁻ᵀ Φ(Lᵀ gy) L⁻¹.

    Φ keeps the triangle below the diagonal and half of the diagonal. Source: I. Murray,
    Differentiation of the Cholesky decomposition, arXiv:1602.07527, equation 10.
    """

    def forward(self, x):
        try:
            return np.linalg.cholesky(symmetric_part(x))
        except np.linalg.LinAlgError:
            raise np.linalg.LinAlgError(
                f"cholesky: got a matrix in x {x.shape} that is not positive definite; needed "
                f"vᵀ x v > 0 for all v; try x + 1e-6 * np.eye(n)"
            ) from None

    def backward(self, gy):
        (y,) = self.ys
        yt = np.swapaxes(y, -1, -2)
        product = yt @ gy
        middle = np.tril(product) - _diagonal_of(product / 2)
        gx = np.linalg.solve(
            yt, np.swapaxes(np.linalg.solve(yt, np.swapaxes(middle, -1, -2)), -1, -2)
        )
        return symmetric_part(gx)

    @staticmethod
    def samples(rng):
        for shape in [(3, 3), (2, 2, 2), (1, 1)]:
            x = regular_matrix(rng, shape)
            yield (x @ np.swapaxes(x, -1, -2),)


class Eigh(OfMatrices):
    """Eigenvalues w and eigenvectors V of x = (x + xᵀ)/2;  gx = V (diag gw + F ∘ Vᵀ gV) Vᵀ.

    F has 1 / (wⱼ - wᵢ), and 0 on its diagonal. UPLO is which triangle the algorithm reads: the
    signs of V depend on it.
    """

    def __init__(self, UPLO: str = "L") -> None:
        self.UPLO = UPLO

    def forward(self, x):
        return tuple(converged("eigh", np.linalg.eigh, symmetric_part(x), self.UPLO))

    def backward(self, gw, gV):
        w, V = self.ys
        Vt = np.swapaxes(V, -1, -2)
        middle = _diagonal(gw)
        if not _is_missing(gV):
            _check_distinct("eigh", "eigenvalues", as_array(w), _reached(w.ndim - 1, gw, gV))
            gaps = np.expand_dims(w, -2) - np.expand_dims(w, -1)
            middle = middle + _off_diagonal(Vt @ gV, gaps)
        return symmetric_part(V @ middle @ Vt)

    @staticmethod
    def samples(rng):
        for n, batch in [(3, ()), (2, (2,)), (1, ())]:
            # (the signs of such vectors are steady when x changes a little)
            yield (_steady_matrix(rng, batch, n, n),)
        yield (_steady_matrix(rng, (), 3, 3),), {"UPLO": "U"}


class SVD(OfMatrices):
    """x = U diag(s) Vᵀ, as U, s and Vᵀ;  gx from all three as in the source.

    With `full`, U and V have further columns that complete a basis. They are determined up to a
    rotation among themselves, and their derivative is taken without one. Source: J. Townsend,
    Differentiating the singular value decomposition, 2016.
    """

    def __init__(self, full: bool = False) -> None:
        self.full = full

    def forward(self, x):
        return tuple(converged("svd", np.linalg.svd, x, self.full))

    def backward(self, gU, gs, gVt):
        U, s, Vt = self.ys
        k = s.shape[-1]
        if _is_missing(gU) and _is_missing(gVt):
            gs = np.where(np.equal(s, 0), 0, gs)  # (as for |x| at 0)
            return U[..., :k] @ _diagonal(gs) @ Vt[..., :k, :]
        m, n = U.shape[-2], Vt.shape[-1]
        reached = _reached(s.ndim - 1, gU, gs, gVt)
        _check_distinct("svd", "singular values", as_array(s), reached, positive=m != n)
        U, gU = _leading("svd", U, gU, k)
        V, gV = _leading("svd", np.swapaxes(Vt, -1, -2), np.swapaxes(gVt, -1, -2), k)
        UgU, VgV = np.swapaxes(U, -1, -2) @ gU, np.swapaxes(V, -1, -2) @ gV
        row, column = np.expand_dims(s, -2), np.expand_dims(s, -1)
        turned = _skew(UgU) * row + column * _skew(VgV)
        middle = _diagonal(gs) + _off_diagonal(turned, (row - column) * (row + column))
        Vt = np.swapaxes(V, -1, -2)
        gx = U @ middle @ Vt
        if m > k:
            gx = gx + ((gU - U @ UgU) / row) @ Vt
        if n > k:
            gx = gx + U @ np.swapaxes((gV - V @ VgV) / row, -1, -2)
        return gx

    @staticmethod
    def samples(rng):
        for m, n, batch in [(3, 3, ()), (4, 2, ()), (2, 3, (2,)), (1, 1, ())]:
            yield (_steady_matrix(rng, batch, m, n),)
        yield (_steady_matrix(rng, (), 3, 2),), {"full": True}
        yield (_steady_matrix(rng, (), 2, 3),), {"full": True}


class QR(OfMatrices):
    """x = Q R, for x with at least as many rows as columns;  gx = (gQ + Q Ψ(R gRᵀ - gQᵀ Q)) R⁻ᵀ.

    Ψ mirrors the triangle below the diagonal. With `full`, Q is square (see `SVD`). Source: S. F.
    Walter, L. Lehmann and R. Lamour, On evaluating higher-order derivatives of the QR
    decomposition, 2012.
    """

    def __init__(self, full: bool = False) -> None:
        self.full = full

    def forward(self, x):
        return tuple(np.linalg.qr(x, "complete" if self.full else "reduced"))

    def backward(self, gQ, gR):
        Q, R = self.ys
        n = R.shape[-1]
        Q, gQ = _leading("qr", Q, gQ, n)
        R, gR = R[..., :n, :], gR[..., :n, :]
        reached = _reached(R.ndim - 2, gQ, gR)
        _check_independent(as_array(R), Q.shape[-2], reached)
        if not np.all(reached):
            R = np.where(reached[..., None, None], R, np.eye(n, dtype=R.dtype))
        M = R @ np.swapaxes(gR, -1, -2) - np.swapaxes(gQ, -1, -2) @ Q
        mirrored = np.tril(M) + np.swapaxes(np.tril(M, -1), -1, -2)
        right = np.swapaxes(gQ + Q @ mirrored, -1, -2)
        return np.swapaxes(np.linalg.solve(R, right), -1, -2)

    @staticmethod
    def samples(rng):
        for m, n, batch in [(3, 3, ()), (4, 2, ()), (3, 2, (2,)), (1, 1, ())]:
            yield (_steady_matrix(rng, batch, m, n),)
        yield (_steady_matrix(rng, (), 3, 2),), {"full": True}


# ---- Parts of the formulas ----


def _steady_matrix(rng: np.random.Generator, batch: tuple[int, ...], m: int, n: int) -> np.ndarray:
    """Random matrices with diagonals 1, 2.5, 4, … and small other elements."""
    diagonal = np.zeros((m, n))
    np.fill_diagonal(diagonal, 1 + 1.5 * np.arange(min(m, n)))
    return diagonal + rng.uniform(-0.3, 0.3, size=(*batch, m, n))


def symmetric_part(x):
    return (x + np.swapaxes(x, -1, -2)) / 2


def _skew(x):
    return x - np.swapaxes(x, -1, -2)


def _diagonal(v):
    """(..., N) as the diagonal of matrices, (..., N, N)."""
    return np.where(np.eye(v.shape[-1], dtype=bool), np.expand_dims(v, -2), 0)


def _diagonal_of(x):
    """x on its diagonal, 0 elsewhere."""
    return np.where(np.eye(x.shape[-1], dtype=bool), x, 0)


def _off_diagonal(x, gaps):
    """x / gaps, with a diagonal of 0."""
    own = np.eye(x.shape[-1], dtype=bool)
    return np.where(own, 0, x / np.where(own, 1, gaps))


def _is_missing(g: Any) -> bool:
    """Whether an output had no gradient: a constant 0."""
    return not getattr(g, "requires_grad", False) and not np.any(as_array(g))


def _reached(batch: int, *gys: Any) -> np.ndarray:
    """Which matrices have a gradient that is not 0; the first `batch` axes count them."""
    found = [np.any(as_array(gy) != 0, axis=tuple(range(batch, gy.ndim))) for gy in gys]
    reached: np.ndarray = np.any(found, axis=0)
    return reached


def _leading(name: str, Q: Any, gQ: Any, k: int) -> tuple[Any, Any]:
    """The first k columns of an orthogonal Q, with the gradient of all columns.

    The other columns, Q₂, move with them as dQ₂ = -Q₁ dQ₁ᵀ Q₂.
    """
    if Q.shape[-1] == k:
        return Q, gQ
    Q1, Q2, g1, g2 = Q[..., :k], Q[..., k:], gQ[..., :k], gQ[..., k:]
    if _is_missing(g2):
        return Q1, g1
    rotation = _skew(np.swapaxes(as_array(Q2), -1, -2) @ as_array(g2))
    size = np.max(np.abs(as_array(g2)), initial=0)
    if np.max(np.abs(rotation), initial=0) > np.sqrt(np.finfo(rotation.dtype).eps) * size:
        raise np.linalg.LinAlgError(
            f"{name}: the result depends on which basis completes {k} columns of {Q.shape}, so "
            f"it has no derivative; use the reduced form, or a function of the basis that does "
            f"not change when it rotates, such as Q2 @ Q2.T"
        )
    return Q1, g1 - Q2 @ (np.swapaxes(g2, -1, -2) @ Q1)


def _check_distinct(
    name: str, values: str, w: np.ndarray, reached: np.ndarray, positive: bool = False
) -> None:
    """Raises LinAlgError if two of the values are equal to rounding, or one is 0 (`positive`).

    Matrices that no gradient has reached may have any values.
    """
    w = w[reached]
    size = np.max(np.abs(w), axis=-1, keepdims=True, initial=0)
    limit = size * (w.shape[-1] * np.finfo(w.dtype).eps)
    close = np.abs(np.diff(w, axis=-1)) <= limit
    if np.any(close):
        raise np.linalg.LinAlgError(
            f"{name}: got a matrix with repeated {values}, whose vectors have no derivative (nor "
            f"have the {values} a second one); use the {values} alone, or add small different "
            f"numbers to the diagonal of x"
        )
    if positive and np.any(w <= limit):
        raise np.linalg.LinAlgError(
            f"{name}: got a matrix with a singular value of 0, whose vectors have no derivative "
            f"when x is not square; needed full rank, or the {values} alone"
        )


def _check_independent(R: np.ndarray, m: int, reached: np.ndarray) -> None:
    R = R[reached]
    sizes = np.abs(np.diagonal(R, axis1=-2, axis2=-1))
    limit = np.max(np.abs(R), axis=(-1, -2), initial=0)[..., None] * m * np.finfo(R.dtype).eps
    if np.any(sizes <= limit):
        raise np.linalg.LinAlgError(
            f"qr: got a matrix whose first {R.shape[-1]} columns are not independent, where Q and "
            f"R have no derivative; for least squares use np.linalg.lstsq or np.linalg.pinv"
        )


def converged(name: str, function: Any, x: Any, *options: Any) -> Any:
    try:
        return function(x, *options)
    except np.linalg.LinAlgError as error:
        found = "" if np.all(np.isfinite(x)) else "with NaN or infinity "
        raise np.linalg.LinAlgError(
            f"{name}: got x {x.shape} {found}for which the algorithm does not converge ({error}); "
            f"needed finite numbers"
        ) from None


def symmetric(name: str, x: Input[X], UPLO: str) -> Any:
    """x if it is symmetric; else the symmetric matrix of which it holds the triangle UPLO.

    A difference of 2 % of the largest element counts as rounding; it is averaged out.
    """
    matrices = square_matrices(name, x)
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise ValueError(f"{name}: got UPLO {UPLO!r}, needed 'L' or 'U'")
    values = as_array(matrices)
    with np.errstate(invalid="ignore"):
        difference = np.abs(_skew(values * 1.0))
        size = np.max(np.abs(values * 1.0), axis=(-1, -2), keepdims=True, initial=0)
        if not np.any(difference > 0.02 * size):
            return matrices
    if UPLO.upper() == "L":
        return np.tril(matrices) + np.swapaxes(np.tril(matrices, -1), -1, -2)
    return np.triu(matrices) + np.swapaxes(np.triu(matrices, 1), -1, -2)


def _matrices(name: str, x: Input[X]) -> Any:
    matrices = as_operand(x)
    if matrices.ndim < 2:
        raise ValueError(f"{name}: got x {matrices.shape}, needed matrices, (..., M, N)")
    return matrices


# ---- Public functions ----


@implements(np.linalg.cholesky)
@in_float("x")
def cholesky(x: Input[X], /, *, upper: bool = False) -> X:
    """The lower triangle L with L Lᵀ = x; or Lᵀ.

    Args:
        x: symmetric, positive definite matrices, (..., N, N). (x + xᵀ)/2 is used, so that the
            gradient is symmetric too. Of an x that is far from symmetric only the lower triangle
            is used, as in NumPy, and only it has a gradient.
        upper: return the upper triangle Lᵀ; of an x that is not symmetric, use that one.

    Raises:
        ValueError: x is not square.
        numpy.linalg.LinAlgError: x is not positive definite. (It is a ValueError.)
    """
    upper = boolean("cholesky", "upper", upper)
    y = Cholesky()(symmetric("cholesky", x, "U" if upper else "L"))
    return np.swapaxes(y, -1, -2) if upper else y


class EighResult(NamedTuple, Generic[X]):
    """The result of `eigh`."""

    eigenvalues: X
    eigenvectors: X


@implements(np.linalg.eigh)
@in_float("x")
def eigh(x: Input[X], UPLO: str = "L") -> EighResult[X]:
    """Eigenvalues and eigenvectors of symmetric matrices: x V = V diag(w).

    Args:
        x: symmetric matrices, (..., N, N). (x + xᵀ)/2 is used, so that the gradient is symmetric
            too. Of an x that is far from symmetric only the triangle UPLO is used, as in NumPy,
            and only it has a gradient.
        UPLO: "L" or "U", the lower or upper triangle.

    Returns:
        A named tuple (eigenvalues, eigenvectors): w (..., N), ascending; V (..., N, N), in columns.
        The sign of each column is arbitrary: use V where the sign does not matter.

    Raises:
        ValueError: x is not square.
        numpy.linalg.LinAlgError: in the backward pass, the derivative of the eigenvectors is needed
            and there are equal eigenvalues. (It is a ValueError.)

    Example:
        >>> eigh(np.array([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
        array([1., 3.])
    """
    matrices = symmetric("eigh", x, UPLO)
    return EighResult(*Eigh(UPLO.upper())(matrices))


@implements(np.linalg.eigvalsh)
@in_float("x")
def eigvalsh(x: Input[X], UPLO: str = "L") -> X:
    """Eigenvalues of symmetric matrices, ascending (see `eigh`).

    Raises:
        ValueError: x is not square.
        numpy.linalg.LinAlgError: in the backward pass of the second derivative, there are equal
            eigenvalues. (It is a ValueError.)
    """
    matrices = symmetric("eigvalsh", x, UPLO)
    y: Any = matrices
    if isinstance(y, Variable):
        return eigh(y, UPLO).eigenvalues  # type: ignore[return-value]
    return converged("eigvalsh", np.linalg.eigvalsh, symmetric_part(y), UPLO)


class SVDResult(NamedTuple, Generic[X]):
    """The result of `svd`."""

    U: X
    S: X
    Vh: X


@implements(np.linalg.svd)
@in_float("x")
def svd(
    x: Input[X], full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> SVDResult[X] | X:
    """Singular value decomposition of matrices: x = U diag(S) Vh.

    Args:
        x: matrices, (..., M, N); K is the smaller of M and N.
        full_matrices: U is (..., M, M) and Vh (..., N, N), and not (..., M, K) and (..., K, N).
            The further columns have a derivative only in functions that do not depend on which
            basis they are, such as U2 @ U2.T.
        compute_uv: False for S alone.
        hermitian: x is symmetric, and its eigenvalues are used: faster.

    Returns:
        A named tuple (U, S, Vh), S (..., K), descending; or S. The signs of the columns of U and
        the rows of Vh are arbitrary: use them where the sign does not matter. The derivative of a
        singular value that is 0 is 0.

    Raises:
        ValueError: x has fewer than two axes.
        numpy.linalg.LinAlgError: in the backward pass, the derivative of U or Vh is needed and
            there are equal singular values, or one is 0 and x is not square. (It is a ValueError.)

    Example:
        >>> svd(np.array([[0.0, 2.0], [1.0, 0.0]])).S
        array([2., 1.])
    """
    full, vectors, hermitian = (
        boolean("svd", name, value)
        for name, value in [
            ("full_matrices", full_matrices), ("compute_uv", compute_uv), ("hermitian", hermitian)
        ]
    )  # fmt: skip
    if hermitian:
        result: Any = _svd_by_eigenvalues(x)
        return result if vectors else result.S
    matrices = _matrices("svd", x)
    if vectors:
        return SVDResult(*SVD(full)(matrices))
    if isinstance(matrices, Variable):
        return SVD()(matrices)[1]
    return converged("svd", np.linalg.svd, matrices, False, False)


def _svd_by_eigenvalues(x: Input[X]) -> SVDResult[X]:
    w, V = eigh(square_matrices("svd", x))
    sizes = abs(w)
    order = np.flip(np.argsort(as_array(sizes), axis=-1), -1)
    w = np.take_along_axis(w, order, -1)
    U = np.take_along_axis(V, np.expand_dims(order, -2), -1)
    signs = np.where(as_array(w) < 0, -1, 1).astype(w.dtype)
    return SVDResult(U, abs(w), np.swapaxes(U * np.expand_dims(signs, -2), -1, -2))


@implements(np.linalg.svdvals)
@in_float("x")
def svdvals(x: Input[X], /) -> X:
    """Singular values of matrices, (..., M, N), descending (see `svd`)."""
    y: Any = svd(x, compute_uv=False)
    return y


class QRResult(NamedTuple, Generic[X]):
    """The result of `qr`."""

    Q: X
    R: X


@implements(np.linalg.qr)
@in_float("x")
def qr(x: Input[X], mode: str = "reduced") -> QRResult[X] | X:
    """x = Q R, with orthogonal columns of length 1 in Q and an upper triangle R.

    Args:
        x: matrices, (..., M, N); K is the smaller of M and N.
        mode: "reduced" for Q (..., M, K) and R (..., K, N); "complete" for (..., M, M) and
            (..., M, N) (see `full_matrices` of `svd`); "r" for R of the reduced form alone.

    Returns:
        A named tuple (Q, R); or R.

    Raises:
        ValueError: x has fewer than two axes, or the mode is not supported.
        numpy.linalg.LinAlgError: in the backward pass, the first K columns of x are not
            independent. (It is a ValueError.)

    Example:
        >>> qr(np.array([[3.0, 1.0], [4.0, 2.0]])).R.shape
        (2, 2)
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: got mode {mode!r}, needed 'reduced', 'complete' or 'r'")
    matrices = _matrices("qr", x)
    m, n = matrices.shape[-2:]
    if m >= n:
        result: Any = QRResult(*QR(full=mode == "complete")(matrices))
    else:  # the first columns determine Q
        Q, R = QR()(matrices[..., :m])
        rest = np.swapaxes(Q, -1, -2) @ matrices[..., m:]
        result = QRResult(Q, np.concatenate([R, rest], axis=-1))
    return result.R if mode == "r" else result
