"""Metrics: measures of the quality of a model, over all samples of a pass."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy import ndarray

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.core import Variable
from wengert.functions.metrics import confusion_matrix
from wengert.state import check_names, compare_state

RESERVED = ("loss", "epoch", "step", "lr")  # names in the history that no metric can have


class Metric:
    """A metric that is not a mean over samples: it accumulates values and computes a number.

    A subclass defines `reset`, `update` and `compute`, and lists in `gathers` the attributes that
    hold the accumulated values: arrays and numbers.
    """

    gathers: tuple[str, ...] = ()

    def reset(self) -> None:
        """Clears the accumulated values."""
        raise NotImplementedError(f"{type(self).__name__} has no reset: define reset(self)")

    def update(self, y: Any, t: Any) -> None:
        """Accumulates the outputs y and the targets t of a batch: arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no update: define update(self, y, t)")

    def compute(self) -> Any:
        """The number, or array, for all that was accumulated."""
        raise NotImplementedError(f"{type(self).__name__} has no compute: define compute(self)")

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
        compare_state(state, {name: np.shape(value) for name, value in needed.items()}).check(
            caller
        )
        for name in needed:
            setattr(self, name, copy.deepcopy(state[name]))

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

    def add(self, x: float, weight: float = 1.0) -> None:
        """Adds one number."""
        self.total += weight * x
        self.weight += weight

    def compute(self) -> float:
        return self.total / self.weight if self.weight else math.nan


class Confusion(Metric):
    """Counts over all samples: counts[i, j] = samples of class i predicted as class j.

    Args:
        classes: C.
        score: a function of the counts, (C, C), that returns the number; None returns the counts.
    """

    gathers = ("counts",)

    def __init__(self, classes: int, score: "Callable[[ndarray], Any] | None" = None) -> None:
        self.classes = integer("Confusion", "classes", classes, least=1)
        self.score = score
        self.reset()

    def reset(self) -> None:
        self.counts = np.zeros((self.classes, self.classes), np.int64)

    def update(self, y: Any, t: Any) -> None:
        self.counts += as_array(confusion_matrix(y, t, self.classes))

    def compute(self) -> Any:
        return self.counts if self.score is None else self.score(self.counts)

    def __repr__(self) -> str:
        score = "" if self.score is None else f", {getattr(self.score, '__name__', self.score)}"
        return f"Confusion({self.classes}{score})"


def macro_f1(counts: ndarray) -> float:
    """The mean of the F1 scores of all classes that occur: a `score` for `Confusion`.

    (The F1 score of a data set is not the mean of the F1 scores of its batches.)
    """
    hits, named = np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * hits[named > 0] / named[named > 0])) if named.any() else math.nan


Function: TypeAlias = Callable[[Any, Any], Any]  # (y, t) -> number, such as F.accuracy
Metrics: TypeAlias = Mapping[str, Function | Metric] | Iterable[Function | Metric]


class Outputs(NamedTuple):
    """Outputs and targets of a batch, with which a Metric is to be updated."""

    y: Any
    t: Any


class Scores:
    """The running results of one pass over the data: means over the samples, and metrics.

        scores = Scores([F.accuracy, Confusion(10, macro_f1)])
        for x, t in batches:
            ...
            scores.update(y, t, loss=loss)
        print(scores.compute())  # {"loss": 0.31, "accuracy": 0.91, "macro_f1": 0.9}

    Args:
        metrics: functions (y, t) → number, whose values are averaged over the samples, and Metrics;
            a list, or a dict that names them. Metrics are copied, and the copies start empty.

    Raises:
        TypeError: an element is neither.
        ValueError: two have the same name, or a name that the history uses: "loss", "step", …
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.functions: dict[str, Function] = {}
        self.metrics: dict[str, Metric] = {}
        for name, metric in _named(metrics or ()):
            if name in (*RESERVED, *self.functions, *self.metrics):
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
        """Clears the results, for a new pass."""
        self.means: dict[str, Mean] = {}
        for metric in self.metrics.values():
            metric.reset()

    def empty(self) -> "Scores":
        """New scores with the same metrics and no results."""
        metrics: dict[str, Function | Metric] = {**self.functions, **self.metrics}
        return Scores(metrics)

    def measure(self, y: Any, t: Any) -> dict[str, Any]:
        """The metrics of a batch, for `add`; nothing is added yet.

        Returns:
            A number for each function, and the arrays y and t, as `Outputs`, for each Metric.
        """
        y, t = _plain(y), _plain(t)
        values = {name: number(f(y, t), f"metric {name}") for name, f in self.functions.items()}
        return {**values, **dict.fromkeys(self.metrics, Outputs(y, t))}

    def add(self, samples: float, values: Mapping[str, Any]) -> None:
        """Adds the means of a batch of so many samples, by name, and updates the Metrics."""
        for name, value in values.items():
            if isinstance(value, Outputs):
                self.metrics[name].update(*value)
                continue
            if name not in self.means:
                self.means[name] = Mean()
            self.means[name].add(number(value, name), samples)

    def update(self, y: Any, t: Any, **values: Any) -> None:
        """Adds a batch: its outputs, targets, and other means over it, such as the loss."""
        self.add(len(t), values | self.measure(y, t))

    def compute(self) -> dict[str, Any]:
        """The results by name: numbers, or lists where a Metric returns an array."""
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
        """Restores what `state_dict()` returned.

        Raises:
            ValueError: the metrics differ; nothing is loaded.
        """
        check_names("Scores.load_state_dict", state, self.state_dict())
        check_names("Scores.load_state_dict (metrics)", state["metrics"], self.metrics)
        means = {name: Mean() for name in state["means"]}
        metrics = copy.deepcopy(self.metrics)
        for name, mean in means.items():
            mean.load_state_dict(state["means"][name])
        for name, metric in metrics.items():
            metric.load_state_dict(state["metrics"][name])
        self.means, self.metrics = means, metrics

    def __repr__(self) -> str:
        results = {name: mean.compute() for name, mean in self.means.items()}
        shown = [f"{name}={value:.4g}" for name, value in results.items()]
        return f"Scores({', '.join(shown + [str(metric) for metric in self.metrics.values()])})"


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
    """Arrays in place of Variables."""
    if isinstance(x, Variable):
        return x.data
    return type(x)(map(_plain, x)) if type(x) in (tuple, list) else x
