"""Metrics: numbers that tell how good a model is, over all samples of a pass."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array
from wengert.core import Variable
from wengert.functions.metrics import confusion_matrix
from wengert.training.callbacks import check_keys

TAKEN = ("loss", "epoch", "step", "lr")  # names in the history that are not those of metrics


class Metric:
    """A metric that is no mean over samples: it gathers something, and makes a number of it.

    A subclass gives `reset`, `update` and `compute`, and names in `gathers` the attributes that
    hold what it gathers: arrays and numbers.
    """

    gathers: tuple[str, ...] = ()

    def reset(self) -> None:
        """Forgets everything."""
        raise NotImplementedError(f"{type(self).__name__} has no reset: define reset(self)")

    def update(self, y: Any, t: Any) -> None:
        """Takes in the outputs y and the targets t of a batch: arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no update: define update(self, y, t)")

    def compute(self) -> Any:
        """The number, or array, for what was taken in."""
        raise NotImplementedError(f"{type(self).__name__} has no compute: define compute(self)")

    def state_dict(self) -> dict[str, Any]:
        """Copies of what was gathered."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self.gathers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state_dict()` was called.

        Raises:
            ValueError: the names or shapes are others; nothing is loaded then.
        """
        needed = self.state_dict()
        check_keys(type(self).__name__, state, needed)
        for name, value in needed.items():
            if np.shape(state[name]) != np.shape(value):
                raise ValueError(
                    f"{type(self).__name__}.load_state_dict: {name} is {np.shape(state[name])}, "
                    f"needed {np.shape(value)}"
                )
        for name in needed:
            setattr(self, name, copy.deepcopy(state[name]))


class Mean(Metric):
    """Σ w x / Σ w of the numbers x added with weights w, in float64; NaN if there were none."""

    gathers = ("total", "weight")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.total = 0.0
        self.weight = 0.0

    def add(self, x: float, weight: float = 1.0) -> None:
        """Takes in one number."""
        self.total += weight * x
        self.weight += weight

    def compute(self) -> float:
        return self.total / self.weight if self.weight else math.nan


class Confusion(Metric):
    """Counts over all samples: counts[i, j] = samples of class i that were taken for class j.

    Args:
        classes: C.
        score: a function of the counts, (C, C), that gives the number; None gives the counts.
    """

    gathers = ("counts",)

    def __init__(self, classes: int, score: "Callable[[ndarray], Any] | None" = None) -> None:
        if classes < 1:
            raise ValueError(f"Confusion: got classes {classes}, needed 1 or more")
        self.classes = classes
        self.score = score
        self.reset()

    def reset(self) -> None:
        self.counts = np.zeros((self.classes, self.classes), np.int64)

    def update(self, y: Any, t: Any) -> None:
        self.counts += as_array(confusion_matrix(y, t, self.classes))

    def compute(self) -> Any:
        return self.counts if self.score is None else self.score(self.counts)


def macro_f1(counts: ndarray) -> float:
    """F1, the mean over the classes that occur: a `score` for `Confusion`.

    (The F1 of a data set is not the mean of the F1s of its batches.)
    """
    hits, named = np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * hits[named > 0] / named[named > 0])) if named.any() else math.nan


Function: TypeAlias = Callable[[Any, Any], Any]  # (y, t) -> number, such as F.accuracy
Metrics: TypeAlias = Mapping[str, Function | Metric] | Iterable[Function | Metric]


class Scores:
    """The results of one pass over the data, as they gather: means over the samples, and metrics.

        scores = Scores([F.accuracy, Confusion(10, macro_f1)])
        for x, t in batches:
            ...
            scores.update(y, t, loss=loss)
        print(scores.compute())  # {"loss": 0.31, "accuracy": 0.91, "macro_f1": 0.9}

    Args:
        metrics: functions (y, t) → number, whose values are averaged over the samples, and Metrics;
            a list, or a dict that names them. Metrics are copied, and start anew.

    Raises:
        TypeError: something is neither.
        ValueError: two have the same name, or one that the history has anyway: "loss", "step", …
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.functions: dict[str, Function] = {}
        self.metrics: dict[str, Metric] = {}
        for name, metric in _named(metrics or ()):
            if name in (*TAKEN, *self.functions, *self.metrics):
                raise ValueError(
                    f"metrics: the name {name!r} is taken; give a dict that names them"
                )
            if isinstance(metric, Metric):
                self.metrics[name] = copy.deepcopy(metric)
            elif callable(metric):
                self.functions[name] = metric
            else:
                raise TypeError(
                    f"metrics: got {metric!r}, needed a function (y, t) → number, or a Metric"
                )
        self.reset()

    def reset(self) -> None:
        """Forgets everything: a new pass begins."""
        self.means: dict[str, Mean] = {}
        for metric in self.metrics.values():
            metric.reset()

    def measure(self, y: Any, t: Any) -> dict[str, float]:
        """The values of the functions for a batch; the Metrics take it in."""
        y, t = _plain(y), _plain(t)
        for metric in self.metrics.values():
            metric.update(y, t)
        return {name: number(f(y, t), f"metric {name}") for name, f in self.functions.items()}

    def add(self, samples: float, values: Mapping[str, Any]) -> None:
        """Takes in means over so many samples, by name."""
        for name, value in values.items():
            if name not in self.means:
                self.means[name] = Mean()
            self.means[name].add(number(value, name), samples)

    def update(self, y: Any, t: Any, **values: Any) -> None:
        """Takes in a batch: outputs, targets, and other means over it, such as the loss."""
        self.add(len(t), values | self.measure(y, t))

    def compute(self) -> dict[str, Any]:
        """The results by name: numbers; lists, where a Metric gives an array."""
        results: dict[str, Any] = {name: mean.compute() for name, mean in self.means.items()}
        for name, metric in self.metrics.items():
            value = metric.compute()
            results[name] = value.tolist() if isinstance(value, ndarray | np.generic) else value
        return results

    def state_dict(self) -> dict[str, Any]:
        return {
            "means": {name: mean.state_dict() for name, mean in self.means.items()},
            "metrics": {name: metric.state_dict() for name, metric in self.metrics.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state_dict()` was called.

        Raises:
            ValueError: the metrics are others; nothing is loaded then.
        """
        check_keys("Scores", state, self.state_dict())
        check_keys("Scores", state["metrics"], self.metrics)
        means = {name: Mean() for name in state["means"]}
        metrics = copy.deepcopy(self.metrics)
        for name, mean in means.items():
            mean.load_state_dict(state["means"][name])
        for name, metric in metrics.items():
            metric.load_state_dict(state["metrics"][name])
        self.means, self.metrics = means, metrics


def number(value: Any, name: str) -> float:
    """`value` as a Python number.

    Raises:
        ValueError: it is not one number.
    """
    if np.size(value) != 1:
        raise ValueError(f"{name}: got shape {np.shape(value)}, needed one number; take its mean")
    return float(as_array(value).reshape(()))


def _named(metrics: Metrics) -> "Iterable[tuple[str, Function | Metric]]":
    if isinstance(metrics, Mapping):
        return metrics.items()
    if callable(metrics) or isinstance(metrics, Metric):
        raise TypeError(f"metrics: got {metrics!r}, needed a list [metric], or a dict")
    return [(_name(metric), metric) for metric in metrics]


def _name(metric: Any) -> str:
    """accuracy for F.accuracy; macro_f1 for Confusion(10, macro_f1), else confusion."""
    score = getattr(metric, "score", None)
    named = score if score is not None else metric
    return str(getattr(named, "__name__", type(named).__name__.lower()))


def _plain(x: Any) -> Any:
    """Arrays in the place of Variables."""
    if isinstance(x, Variable):
        return x.data
    return type(x)(map(_plain, x)) if type(x) in (tuple, list) else x
