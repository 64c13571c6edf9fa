"""Softmax and its logarithm. Plain formulas, except for the one that works in place."""

import numpy as np


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """e^x / Σ e^x along `axis`."""
    y = np.exp(x - np.max(x, axis=axis, keepdims=True))  # the largest exponent is 0
    return y / np.sum(y, axis=axis, keepdims=True)


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """x - log Σ e^x along `axis`."""
    z = x - np.max(x, axis=axis, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


def softmax_or_zero(x: np.ndarray) -> np.ndarray:
    """e^x / Σ e^x along the last axis, and 0 where all of x is -∞; computed in place of x."""
    top = np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    x -= np.where(np.isneginf(top), 0, top)  # -∞ - -∞ would be NaN
    np.exp(x, out=x)
    total = np.sum(x, axis=-1, keepdims=True)
    x /= np.where(np.equal(total, 0), 1, total)
    return x
