"""Metrics of all samples of a pass, from what they accumulate over its batches."""

import copy
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from wengert.arrays import as_array
from wengert.state import check_names, compare_state


class Metric:
    """A metric that is not a mean over samples: it accumulates values and computes a number.

    A subclass defines `reset`, `update` and `compute`, and lists in `gathers` the attributes that
    hold the accumulated values: arrays and numbers.
    """

    gathers: tuple[str, ...] = ()
    running: ClassVar[bool] = True  # False: takes too long to be shown while an epoch runs

    def reset(self) -> None:
        """Clears the accumulated values."""
        raise NotImplementedError(f"{type(self).__name__} has no reset: define reset(self)")

    def update(self, y: Any, t: Any) -> None:
        """Accumulates the outputs y and the targets t of a batch: arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no update: define update(self, y, t)")

    def compute(self) -> Any:
        """The number, or array, for all that was accumulated."""
        raise NotImplementedError(f"{type(self).__name__} has no compute: define compute(self)")

    def empty(self) -> Self:
        """Another metric like this one, without accumulated values."""
        metric = copy.deepcopy(self)
        metric.reset()
        return metric

    def state_dict(self) -> dict[str, Any]:
        """Copies of the accumulated values."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self.gathers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict()` returned.

        Raises:
            ValueError: names or shapes differ; nothing is loaded.
        """
        caller = f"{type(self).__name__}.load_state_dict"
        needed = self.state_dict()
        check_names(caller, state, needed)
        compare_state(state, self._shapes()).check(caller)
        for name in needed:
            setattr(self, name, copy.deepcopy(state[name]))

    def _shapes(self) -> Mapping[str, Any]:
        """The shapes that a state has."""
        return {name: np.shape(getattr(self, name)) for name in self.gathers}

    def __repr__(self) -> str:
        values = (f"{name}={getattr(self, name)}" for name in self.gathers)
        return f"{type(self).__name__}({', '.join(values)})"


class Mean(Metric):
    """Σ w x / Σ w of the numbers x added with weights w, in float64; NaN without numbers."""

    gathers = ("total", "weight")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.total = 0.0
        self.weight = 0.0

    def add(self, x: float, weight: float | None = 1.0) -> None:
        """Adds one number; with the weight None a part of a sum, whose total is the result."""
        if weight is None:
            self.total += x
            self.weight = 1.0
        elif weight:
            self.total += weight * x
            self.weight += weight

    def compute(self) -> float:
        return self.total / self.weight if self.weight else math.nan


def number(value: Any, name: str) -> float:
    """`value` as a Python number.

    Raises:
        ValueError: it is not one number.
    """
    if np.size(value) != 1:
        raise ValueError(f"{name}: got shape {np.shape(value)}, needed one number; take its mean")
    return float(as_array(value).reshape(()))
