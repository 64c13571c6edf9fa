"""`Scores`: the results of one pass over the data, as if it were one large batch."""

import copy
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeAlias

import numpy as np
from numpy import ndarray

from wengert.core import Variable
from wengert.data import Padded
from wengert.functions.metrics import confusion_matrix, f1_score, r2_score
from wengert.state import check_names
from wengert.training.confusion import F1, Confusion
from wengert.training.kept import Whole
from wengert.training.metrics import Mean, Metric, number
from wengert.training.moments import R2
from wengert.training.plain import (
    SAMPLES,
    Function,
    Outputs,
    PlainFunction,
    Weighted,
    unwrapped,
)

RESERVED = ("loss", "epoch", "step", "lr")  # names in the history that no metric can have

Metrics: TypeAlias = Mapping[str, Function | Metric] | Iterable[Function | Metric]

# The metrics of a data set that belong to functions of one batch
OF_THE_SET: dict[Any, Callable[..., Metric]] = {
    confusion_matrix: lambda classes=None, **options: Confusion(classes, **options),
    f1_score: F1,
    r2_score: R2,
}


class Scores:
    """The running results of one pass over the data: means over the samples, and metrics.

        scores = Scores([F.accuracy, F.f1_score, AUC()])
        for x, t in batches:
            ...
            scores.update(y, t, loss=loss)
        print(scores.compute())  # {"loss": 0.31, "accuracy": 0.91, "f1_score": 0.9, "auc": 0.97}

    The results are those of one large batch, for any size of the batches:

    - A function that is a mean over samples, such as `F.accuracy` or a loss, is averaged over the
      batches, with what it divides by as the weights.
    - `F.r2_score`, `F.f1_score` and `F.confusion_matrix` are computed from sums and counts.
    - Another function is called with parts of the first batches, to find out whether it is a mean
      over samples. If not, as for a root mean squared error, it is computed from all outputs and
      targets, as by `Whole`. (While this is not known, outputs are kept, up to four million
      numbers; then the function is taken as a mean. Of a function that is no mean, at most 64
      million numbers are kept; beyond that, a warning says that it is averaged over the batches.)

    Args:
        metrics: functions (y, t) → number, and Metrics; a list, or a dict that names them. Metrics
            are copied, and the copies start empty. A function with the arguments (y_true, y_pred),
            as in scikit-learn, gets the targets first.

    Raises:
        TypeError: an element is neither.
        ValueError: two have the same name, or a name that the history uses: "loss", "step", …
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.functions: dict[str, PlainFunction] = {}
        self.metrics: dict[str, Metric] = {}
        for name, metric in _named(metrics or ()):
            if name in (*RESERVED, *self.functions, *self.metrics):
                raise ValueError(
                    f"metrics: the name {name!r} is taken; give a dict that names them"
                )
            if isinstance(metric, Metric):
                self.metrics[name] = metric.empty()
            elif not callable(metric) or isinstance(metric, type):
                made = isinstance(metric, type) and issubclass(metric, Metric)
                hint = f"; write {metric.__name__}()" if made else ", such as F.accuracy"
                raise TypeError(
                    f"metrics: got {metric!r}, needed a function (y, t) → number, or a Metric{hint}"
                )
            elif (of_the_set := _of_the_set(metric)) is not None:
                self.metrics[name] = of_the_set
            else:
                self.functions[name] = PlainFunction(metric)
        self.reset()

    def reset(self) -> None:
        """Clears the results, for a new pass."""
        self.means: dict[str, Mean] = {}
        self.kept = {name: Whole(plain.function) for name, plain in self.functions.items()}
        for metric in self.metrics.values():
            metric.reset()

    def empty(self) -> Self:
        """New scores with the same metrics and no results."""
        scores = copy.copy(self)  # what was found out about the functions holds for all passes
        scores.metrics = {name: metric.empty() for name, metric in self.metrics.items()}
        scores.reset()
        return scores

    def measure(self, y: Any, t: Any) -> dict[str, Any]:
        """The metrics of a batch, for `add`; nothing is added yet.

        Returns:
            A number for each function, and the arrays y and t, as `Outputs`, for each Metric.
        """
        y, t = _plain(y), _plain(t)
        values = {name: plain.measure(name, y, t) for name, plain in self.functions.items()}
        return {**values, **dict.fromkeys(self.metrics, Outputs(y, t))}

    def add(self, samples: float, values: Mapping[str, Any]) -> None:
        """Adds the means of a batch of so many samples, by name, and updates the Metrics."""
        for name, value in values.items():
            if isinstance(value, Outputs):
                self.metrics[name].update(*value)
                continue
            mean = self.means.setdefault(name, Mean())
            if not isinstance(value, Weighted):
                mean.add(number(value, name), samples)
                continue
            mean.add(float(value), samples if value.weight is SAMPLES else value.weight)
            if name in self.functions:
                self.functions[name].keep(self.kept[name], value)

    def update(self, y: Any, t: Any, **values: Any) -> None:
        """Adds a batch: its outputs, targets, and other means over it, such as the loss.

        With Padded targets it adds the steps within the lengths. Means over something else than the
        samples, such as a loss that ignores labels, are added by `add(count, {"loss": loss})`.
        """
        if isinstance(t, Padded):
            y, t = t.steps(y), t.steps(t.x)
        self.add(len(t), values | self.measure(y, t))

    def compute(self) -> dict[str, Any]:
        """The results by name: numbers, or lists where a Metric returns an array."""
        results: dict[str, Any] = {}
        for name, mean in self.means.items():
            whole = name in self.functions and self.functions[name].is_whole(self.kept[name])
            results[name] = self.kept[name].compute() if whole else mean.compute()
        results |= {name: metric.compute() for name, metric in self.metrics.items()}
        return {name: _python(value) for name, value in results.items()}

    def running(self) -> dict[str, Any]:
        """Those results that are computed fast enough to be shown while a pass runs."""
        means = {
            name: mean.compute()
            for name, mean in self.means.items()
            if name not in self.functions or self.functions[name].is_mean is not False
        }
        metrics = {name: m.compute() for name, m in self.metrics.items() if m.running}
        return {name: _python(value) for name, value in (means | metrics).items()}

    def state_dict(self) -> dict[str, Any]:
        kept = {name: whole for name, whole in self.kept.items() if whole.ys or whole.closed}
        return {
            "means": {name: mean.state_dict() for name, mean in self.means.items()},
            "metrics": {name: metric.state_dict() for name, metric in self.metrics.items()},
            "kept": {n: None if whole.closed else whole.state_dict() for n, whole in kept.items()},
            "is_mean": {name: plain.is_mean for name, plain in self.functions.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict()` returned.

        Raises:
            ValueError: the metrics differ; nothing is loaded.
        """
        state = self._of_earlier(state)
        check_names("Scores.load_state_dict", state, self.state_dict())
        check_names("Scores.load_state_dict (metrics)", state["metrics"], self.metrics)
        check_names("Scores.load_state_dict (functions)", state["is_mean"], self.functions)
        means = {name: Mean() for name in state["means"]}
        metrics = {name: metric.empty() for name, metric in self.metrics.items()}
        kept = {name: Whole(plain.function) for name, plain in self.functions.items()}
        for name, mean in means.items():
            mean.load_state_dict(state["means"][name])
        for name, metric in metrics.items():
            metric.load_state_dict(state["metrics"][name])
        for name, whole in state["kept"].items():
            if whole is None:
                kept[name].close()
            else:
                kept[name].load_state_dict(whole)
        self.means, self.metrics, self.kept = means, metrics, kept
        for name, plain in self.functions.items():
            plain.is_mean = state["is_mean"][name]

    def _of_earlier(self, state: Any) -> Any:
        """The state of an earlier version, which took all functions as means, in today's form."""
        if not isinstance(state, Mapping) or state.keys() != {"means", "metrics"}:
            return state
        means = {name: mean for name, mean in state["means"].items() if name not in self.metrics}
        empty = {
            name: metric.empty().state_dict()
            for name, metric in self.metrics.items()
            if type(metric) in (F1, R2, Confusion)
        }
        is_mean = {
            name: True if name in means else plain.is_mean for name, plain in self.functions.items()
        }
        metrics = empty | dict(state["metrics"])
        return {"means": means, "metrics": metrics, "kept": {}, "is_mean": is_mean}

    def __repr__(self) -> str:
        results = {name: mean.compute() for name, mean in self.means.items()}
        shown = [f"{name}={value:.4g}" for name, value in results.items()]
        return f"Scores({', '.join(shown + [str(metric) for metric in self.metrics.values()])})"


def _of_the_set(function: Any) -> Metric | None:
    """The metric of a data set for one of our functions of a batch, with the same options."""
    make = OF_THE_SET.get(unwrapped(function))
    if make is None:
        return None
    if isinstance(function, functools.partial):
        return make(*function.args, **function.keywords)
    return make()


def _named(metrics: Metrics) -> "Iterable[tuple[str, Function | Metric]]":
    if isinstance(metrics, Mapping):
        return metrics.items()
    if callable(metrics) or isinstance(metrics, Metric):
        raise TypeError(f"metrics: got {metrics!r}, needed a list [metric], or a dict")
    return [(_name(metric), metric) for metric in metrics]


def _name(metric: Any) -> str:
    """accuracy for F.accuracy; macro_f1 for Confusion(10, macro_f1), else confusion."""
    if isinstance(metric, Whole):
        metric = metric.function if type(metric) is Whole else type(metric)
    score = getattr(metric, "score", None)
    named = unwrapped(score if score is not None else metric)
    name = str(getattr(named, "__name__", type(named).__name__))
    return name.lower() if named is metric and isinstance(metric, type | Metric) else name


def _plain(x: Any) -> Any:
    """Arrays in place of Variables."""
    if isinstance(x, Variable):
        return x.data
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    return type(x)(map(_plain, x)) if type(x) in (tuple, list) else x


def _python(value: Any) -> Any:
    """Python's numbers and lists in place of NumPy's."""
    return value.tolist() if isinstance(value, ndarray | np.generic) else value
