"""Polynomials, given by their coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.functions.arguments import as_operand
from wengert.functions.arithmetic import add, mul, sub
from wengert.functions.join import concatenate, stack
from wengert.functions.linalg import matmul
from wengert.functions.of_numpy.building import vander
from wengert.functions.of_numpy.registry import as_floats, cast, of
from wengert.functions.of_numpy.signals import convolve
from wengert.functions.shape import flatten, reshape


def _coefficients(p: Any) -> Any:
    """The coefficients as a vector."""
    return flatten(as_operand(p))


@of("polyval")
def polyval(p: Any, x: Any) -> Any:
    """p[0] xⁿ⁻¹ + … + p[n-1], by Horner's rule."""
    p, x = as_operand(p), as_operand(x)
    y = np.zeros_like(x)
    for c in p:
        y = add(mul(y, x), c)
    return y


def _aligned(p0: Any, p1: Any) -> tuple[Any, Any]:
    """The coefficients, with zeros before those of the lower degree."""
    p0, p1 = _coefficients(p0), _coefficients(p1)
    n = max(p0.size, p1.size)
    padded = [
        concatenate([np.zeros(n - p.size, p.dtype), p]) if p.size < n else p for p in (p0, p1)
    ]
    return padded[0], padded[1]


@of("polyadd")
def polyadd(a1: Any, a2: Any) -> Any:
    """The sum of two polynomials."""
    return add(*_aligned(a1, a2))


@of("polysub")
def polysub(a1: Any, a2: Any) -> Any:
    """The difference of two polynomials."""
    return sub(*_aligned(a1, a2))


@of("polymul")
def polymul(a1: Any, a2: Any) -> Any:
    """The product of two polynomials."""
    return convolve(_trimmed(a1), _trimmed(a2))


def _trimmed(p: Any) -> Any:
    """The coefficients without leading zeros."""
    p = _coefficients(p)
    if not p.size:
        return np.zeros(1, p.dtype)
    used = np.flatnonzero(as_array(p))
    return p[int(used[0]) :] if used.size else p[:1]


@of("polydiv")
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """Quotient and remainder of two polynomials."""
    u, v = _coefficients(u), _coefficients(v)
    kind = np.result_type(u.dtype, v.dtype, 1.0)
    rest, v = cast(u, kind), cast(v, kind)
    m, n = rest.size, v.size
    quotient = []
    for _ in range(m - n + 1):
        c = rest[0] / v[0]
        quotient.append(c)
        head = rest[1:n] - c * v[1:]
        rest = concatenate([head, rest[n:]])
    q = stack(quotient) if quotient else np.zeros((1,), kind, like=rest)
    # as in NumPy, without leading zeros
    used = np.flatnonzero(~np.isclose(as_array(rest), 0, rtol=1e-14))
    if not rest.size:
        return q, np.zeros((1,), kind, like=q)
    return q, rest[int(used[0]) if used.size else -1 :]


@of("polyder")
def polyder(p: Any, m: int = 1) -> Any:
    """The m-th derivative of a polynomial."""
    m = integer("polyder", "m", m, 0)
    p = _coefficients(p)
    for _ in range(m):
        if p.size < 2:
            return p[:0]
        p = p[:-1] * np.arange(p.size - 1, 0, -1)
    return p


@of("polyint")
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The m-th antiderivative of a polynomial, with the constants k."""
    m = integer("polyint", "m", m, 0)
    p = as_floats(_coefficients(p))
    constants: Any = np.zeros(m) if k is None else np.atleast_1d(as_operand(k))
    if constants.size == 1 and m > 1:
        constants = constants[0] * np.ones(m)
    if constants.size < m:
        raise ValueError(f"polyint: got {constants.size} constants, needed {m}")
    for i in range(m):
        p = concatenate([p / np.arange(p.size, 0, -1), constants[i : i + 1]])
    return p


@of("poly")
def poly(seq_of_zeros: Any) -> Any:
    """The polynomial with these zeros, and 1 as its first coefficient.

    Raises:
        ValueError: the zeros are a matrix, whose eigenvalues may be complex.
    """
    zeros = as_floats(seq_of_zeros)
    if zeros.ndim > 1:
        raise ValueError(
            f"poly: got shape {zeros.shape}, needed a vector of zeros; for a symmetric matrix use "
            f"np.poly(np.linalg.eigvalsh(x))"
        )
    p: Any = np.ones(1, zeros.dtype, like=zeros)
    for zero in flatten(zeros):
        p = convolve(p, stack([np.ones_like(zero), -zero]))
    return p


@of("polyfit")
def polyfit(
    x: Any,
    y: Any,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Any = None,
    cov: Any = False,
) -> Any:
    """The polynomial of least squares through points; it has derivatives in x, y and w.

    Raises:
        TypeError: `full` or `cov` is asked for, which are not recorded.
        ValueError: there are not more points than the degree, or too few different ones.
    """
    if full or cov is not False:
        raise TypeError("polyfit: got full or cov, needed neither; use np.polyfit(x.data, y.data)")
    deg = integer("polyfit", "deg", deg, 0)
    x, y = as_floats(x), as_floats(y)
    if x.ndim != 1 or y.ndim not in (1, 2) or y.shape[0] != x.size:
        raise ValueError(
            f"polyfit: got x {x.shape} and y {y.shape}, needed (N,) and (N,) or (N, K)"
        )
    A = vander(x, deg + 1)
    b = y if y.ndim == 2 else reshape(y, (-1, 1))
    if w is not None:
        weights = reshape(as_floats(w), (-1, 1))
        A, b = A * weights, b * weights
    scale = np.sqrt(np.sum(np.square(as_array(A)), axis=0))
    A = A / scale
    values = as_array(A)
    if np.linalg.matrix_rank(values, tol=rcond) <= deg:
        raise ValueError(
            f"polyfit: got {x.size} points for degree {deg}, needed more different ones; lower deg"
        )
    # R of A = Q R, without a gradient, turns the normal equations into well-conditioned ones
    R = np.linalg.qr(values, mode="r")
    A = A @ np.linalg.inv(R)
    At = np.transpose(A)
    c = np.linalg.inv(R) @ np.linalg.solve(matmul(At, A), matmul(At, b)) / scale[:, np.newaxis]
    return c if y.ndim == 2 else flatten(c)
