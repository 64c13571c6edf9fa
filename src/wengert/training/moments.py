"""Metrics computed from sums over numbers: R², correlation. No sample is kept."""

import math
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.training.metrics import Metric


class R2(Metric):
    """R² = 1 - Σ (y - t)² / Σ (t - mean t)², of all samples: `F.r2_score` of the data set.

    It is NaN if all targets are equal.
    """

    gathers = ("error", "moments", "bounds")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.error = 0.0
        self.moments, self.bounds = _nothing(1)

    def update(self, y: Any, t: Any) -> None:
        y, t = _equal_shapes("R2", y, t)
        self.error += float(np.sum(np.square(y - t)))
        self.moments, self.bounds = _with(self.moments, self.bounds, t)

    def compute(self) -> float:
        (spread,) = _sums(self.moments, self.bounds, 1)
        return 1 - self.error / spread[0] if spread[0] > 0 else math.nan


class Correlation(Metric):
    """Pearson's correlation of outputs and targets, -1 to 1, of all samples.

    It is NaN if all outputs or all targets are equal.
    """

    gathers = ("moments", "bounds")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.moments, self.bounds = _nothing(2)

    def update(self, y: Any, t: Any) -> None:
        y, t = _equal_shapes("Correlation", y, t)
        self.moments, self.bounds = _with(self.moments, self.bounds, y, t)

    def compute(self) -> float:
        (yy, yt), (_, tt) = _sums(self.moments, self.bounds, 2)
        if not (yy > 0 and tt > 0):
            return math.nan
        return min(max(yt / (math.sqrt(yy) * math.sqrt(tt)), -1.0), 1.0)


def _equal_shapes(name: str, y: Any, t: Any) -> tuple[ndarray, ndarray]:
    """Outputs and targets in float64."""
    if np.shape(y) != np.shape(t):
        raise ValueError(
            f"{name}: got outputs {np.shape(y)} and targets {np.shape(t)}, needed equal shapes; "
            f"if element i belongs to element i, reshape one of them"
        )
    return np.asarray(y, np.float64), np.asarray(t, np.float64)


# ---- Moments of V variables: their number, means, and Σ of products of differences from them ----


def _nothing(V: int) -> tuple[ndarray, ndarray]:
    """The moments and the bounds of no numbers."""
    return np.zeros(1 + V + V * V), np.array([[math.inf] * V, [-math.inf] * V])


def _with(moments: ndarray, bounds: ndarray, *values: ndarray) -> tuple[ndarray, ndarray]:
    """The moments and the bounds with further values of each variable.

    Source: Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm, 1979.
    """
    x = np.stack([value.reshape(-1) for value in values])  # (V, m)
    V, m = x.shape
    if m == 0:
        return moments, bounds
    n, means, sums = moments[0], moments[1 : V + 1], moments[V + 1 :].reshape(V, V)
    new = x.mean(axis=1)
    centred, shift = x - new[:, None], new - means
    sums = sums + centred @ centred.T + np.outer(shift, shift) * (n * m / (n + m))
    means = means + shift * (m / (n + m))
    low, high = np.minimum(bounds[0], x.min(axis=1)), np.maximum(bounds[1], x.max(axis=1))
    return np.concatenate([[n + m], means, sums.reshape(-1)]), np.stack([low, high])


def _sums(moments: ndarray, bounds: ndarray, V: int) -> list[list[float]]:
    """The sums of products; exactly 0 for a variable whose values are all equal."""
    sums = moments[V + 1 :].reshape(V, V)
    differ = bounds[0] < bounds[1]
    nan = np.isnan(bounds).any(axis=0)
    return np.where(np.outer(differ | nan, differ | nan), sums, 0.0).tolist()
