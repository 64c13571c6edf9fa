"""Normalization to mean 0 and variance 1.

These are plain formulas, so they run on arrays of every kind.
"""

import math
from typing import Any

import numpy as np


def standardize(
    x: np.ndarray, axes: tuple[int, ...], eps: float, centered: bool = True
) -> tuple[np.ndarray, Any, np.ndarray]:
    """x̂ = (x - μ) / √(v + eps), the mean μ and the variance v over axes, which are kept.

    Without `centered`, μ is None and counts as 0: v is the mean of the squares.
    """
    mean = mean_over(x, axes) if centered else None
    y = x if mean is None else x - mean
    var = mean_over(np.square(y), axes)
    return y * (1 / np.sqrt(var + eps)), mean, var


def sum_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sum over axes, which are kept. Adding whole samples first is several times faster."""
    if axes[0] == 0 and len(axes) > 1:
        x, axes = np.sum(x, axis=0, keepdims=True), axes[1:]
    return np.sum(x, axis=axes, keepdims=True)


def mean_over(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The mean over axes, which are kept."""
    return sum_over(x, axes) * (1 / math.prod([x.shape[i] for i in axes]))
