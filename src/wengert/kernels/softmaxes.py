"""Softmax and its logarithm. Plain formulas, except for those that work in place."""

import numpy as np

from wengert.kernels.sums import all_finite

NEAR_1 = 1.1


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """e^x / Σ e^x along `axis`."""
    y = np.exp(x - np.max(x, axis=axis, keepdims=True))  # the largest exponent is 0
    return y / np.sum(y, axis=axis, keepdims=True)


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """x - log Σ e^x along `axis`."""
    z = x - np.max(x, axis=axis, keepdims=True)
    return z - log_of_total(z, np.sum(np.exp(z), axis=axis, keepdims=True), axis)


def log_of_total(z: np.ndarray, total: np.ndarray, axis: int) -> np.ndarray:
    """log Σ e^z along `axis`, which is kept, from z, whose largest element is 0, and the sum.

    A sum near 1 has lost the digits of all elements but the largest; they are added up again.
    """
    logs = np.log(total)
    if isinstance(total, np.ndarray) and total.min(initial=NEAR_1) < NEAR_1:
        near = np.moveaxis(total, axis, -1)[..., 0] < NEAR_1
        rows = np.moveaxis(z, axis, -1)[near]
        others = np.sum(np.where(rows == 0, 0, np.exp(rows)), axis=-1)
        np.moveaxis(logs, axis, -1)[near, 0] = np.log1p(others)
    return logs


def softmax_less_one_hot(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """softmax(x) - one_hot(t) for labels t, along the last axis.

    p[t] - 1 is computed as a sum of the others: the difference would lose the digits of small ones.
    """
    p = np.ascontiguousarray(softmax(x, -1))
    rows = p.reshape(-1, p.shape[-1])
    right = np.arange(t.size), t.reshape(-1)
    rows[right] = 0
    rows[right] = -np.sum(rows, axis=-1)
    return p


def softplus_less_product(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """log(1 + e^x) - t x for 0 ≤ t ≤ 1; where x = ∞ and t = 1, or x = -∞ and t = 0, it is 0."""
    size = np.absolute(x)
    small = np.log1p(np.exp(-size))
    with np.errstate(invalid="ignore"):
        y = np.maximum(x, 0) - x * t + small
    if not isinstance(y, np.ndarray | np.generic) or all_finite(np.asarray(y)):
        return y
    rest = np.where(x > 0, 1 - t, t)
    return np.where(np.equal(rest, 0), 0, size) * rest + small


def softmax_or_zero(x: np.ndarray) -> np.ndarray:
    """e^x / Σ e^x along the last axis, and 0 where all of x is -∞; computed in place of x."""
    top = np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    x -= np.where(np.isneginf(top), 0, top)  # -∞ - -∞ would be NaN
    np.exp(x, out=x)
    total = np.sum(x, axis=-1, keepdims=True)
    x /= np.where(np.equal(total, 0), 1, total)
    return x
