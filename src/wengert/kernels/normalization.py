"""Normalization to mean 0 and variance 1.

These are plain formulas, so they run on arrays of every kind.
"""

import math
from typing import Any

import numpy as np


def standardize(
    x: np.ndarray,
    axes: tuple[int, ...],
    eps: Any,
    centered: bool = True,
    scale: np.ndarray | None = None,
) -> tuple[np.ndarray, Any, np.ndarray, np.ndarray]:
    """x̂ = r (x - μ), the mean μ, the variance v, and r = 1 / √(v + eps), over axes, which are kept.

    Without `centered`, μ is None and counts as 0: v is the mean of the squares. With a `scale` (see
    `scale_of`), x is divided by it first, and v does not overflow.
    """
    if scale is not None:
        x, eps = x / scale, eps / scale / scale
    with np.errstate(over="ignore", invalid="ignore"):
        mean = mean_over(x, axes) if centered else None
        y = x if mean is None else x - mean
        var = mean_over(np.square(y), axes)
    r = 1 / np.sqrt(var + eps)
    x = y * r
    if scale is None:
        return x, mean, var, r
    with np.errstate(over="ignore"):
        # half of the largest number: the unbiased variance is at most twice as large
        var = np.minimum(var * scale * scale, np.finfo(var.dtype).max / 2)
    return x, None if mean is None else mean * scale, var, r / scale


def scale_of(x: np.ndarray, axes: tuple[int, ...], var: np.ndarray) -> np.ndarray | None:
    """The largest |x| where the variance has overflowed, and 1 elsewhere; None for 1 everywhere."""
    finite = np.isfinite(var)
    if finite.all():
        return None
    top = np.max(np.absolute(x), axis=axes, keepdims=True)
    return np.where(finite | ~np.isfinite(top), 1, top).astype(x.dtype)


def sum_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sum over axes, which are kept. Adding whole samples first is several times faster."""
    if axes[0] == 0 and len(axes) > 1:
        x, axes = np.sum(x, axis=0, keepdims=True), axes[1:]
    return np.sum(x, axis=axes, keepdims=True)


def mean_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The mean over axes, which are kept."""
    return sum_over(x, axes) * (1 / math.prod([x.shape[i] for i in axes]))
