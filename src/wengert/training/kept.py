"""Metrics that keep the outputs and targets of all samples, where no sums would do."""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy import ndarray

from wengert.arguments import text_of
from wengert.data.collate import combine
from wengert.state import check_names
from wengert.training.metrics import Metric
from wengert.training.order import outputs_first


class Whole(Metric):
    """A function (y, t) of all outputs and targets, which are kept until the end of the pass.

    For functions that are no means over samples, such as those of scikit-learn:

        Trainer(model, optimizer, loss, metrics=[Whole(roc_auc_score)])

    Args:
        function: (y, t) → number or array; or (y_true, y_pred, …), which gets the targets first.
    """

    running: ClassVar[bool] = False

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        if not callable(function):
            raise TypeError(f"Whole: got {function!r}, needed a function (y, t) → number")
        self.function = function
        self.reset()

    def reset(self) -> None:
        self.ys: list[Any] = []
        self.ts: list[Any] = []
        self.size = 0  # how many numbers are kept
        self.samples = 0
        self.closed = False

    def close(self) -> None:
        """Drops what is kept, and keeps nothing until the next pass."""
        self.reset()
        self.closed = True

    def empty(self) -> Self:
        metric = copy.copy(self)  # without copies of what is kept
        metric.reset()
        return metric

    def update(self, y: Any, t: Any) -> None:
        if self.closed:
            return
        self._check_shapes(y, t)
        # copies, as a program may fill the same arrays again for its next batch
        self.ys.append(each(y, np.array))
        self.ts.append(each(t, np.array))
        sizes = [np.size(x) for x in leaves(self.ys[-1]) + leaves(self.ts[-1])]
        self.size += sum(sizes)
        self.samples += len(np.atleast_1d(leaves(self.ys[-1])[0]))

    def _check_shapes(self, y: Any, t: Any) -> None:
        shapes = [np.shape(x)[1:] for x in leaves(y) + leaves(t)]
        first = [x.shape[1:] for x in leaves(self.ys[:1]) + leaves(self.ts[:1])]
        if first and shapes != first:
            raise ValueError(
                f"{self!r}: got outputs and targets {_listed(y, t)} after others "
                f"{_listed(self.ys[0], self.ts[0])}, needed equal shapes but for the first axis; "
                f"for sequences of unequal lengths, let the targets be Padded, as by `ragged`"
            )

    def compute(self) -> Any:
        return outputs_first(self.function)(*self.joined()) if self.ys else math.nan

    def joined(self) -> tuple[Any, Any]:
        """All outputs and all targets."""
        return _joined(self.ys), _joined(self.ts)

    def state_dict(self) -> dict[str, Any]:
        return {"ys": [_coded(y) for y in self.ys], "ts": [_coded(t) for t in self.ts]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_names("Whole.load_state_dict", state, ("ys", "ts"))
        ys, ts = ([_decoded(x) for x in state[name]] for name in ("ys", "ts"))
        self.reset()
        for y, t in zip(ys, ts, strict=True):
            self.update(y, t)

    def __repr__(self) -> str:
        return f"Whole({text_of(self.function)})"


class AUC(Whole):
    """Area under the ROC curve, 0 to 1: how often a positive sample has a higher score than a
    negative one; ties count half.

    Scores are the outputs (N,) or (N, 1), or the difference of the two columns of (N, 2); targets
    are 0 and 1, or booleans. A score that is NaN is taken as wrong. The area is NaN without samples
    of one of the two classes.
    """

    def __init__(self) -> None:
        super().__init__(_roc_area)

    def update(self, y: Any, t: Any) -> None:
        y, t = np.asarray(y), np.asarray(t)
        scores = y[..., 1] - y[..., 0] if y.shape == (*t.shape, 2) else y
        if scores.size != t.size or len(scores) != len(t) or not np.isin(t, (0, 1)).all():
            raise ValueError(
                f"AUC: got outputs {y.shape} and targets {t.dtype} {t.shape}, needed a score "
                f"for each target, or two, and targets 0 and 1"
            )
        super().update(scores.reshape(-1), t.reshape(-1) == 1)

    def __repr__(self) -> str:
        return "AUC()"


def _roc_area(scores: ndarray, positive: ndarray) -> float:
    P = int(np.sum(positive))
    N = positive.size - P
    if P == 0 or N == 0:
        return math.nan
    scores = np.where(np.isnan(scores), np.where(positive, -math.inf, math.inf), scores)
    _, indices, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # from 1; equal scores have their mean rank
    return float((ranks[indices.reshape(-1)][positive].sum() - P * (P + 1) / 2) / (P * N))


# ---- Outputs and targets: arrays, and tuples, lists and dicts of them ----


def each(x: Any, function: Callable[[Any], Any]) -> Any:
    return combine([x], lambda xs, _: function(xs[0]))


def leaves(x: Any) -> list[Any]:
    """The arrays in x."""
    arrays: list[Any] = []
    each(x, arrays.append)
    return arrays


def _listed(y: Any, t: Any) -> str:
    return ", ".join(str(np.shape(x)) for x in leaves(y) + leaves(t))


def _joined(parts: list[Any]) -> Any:
    return combine(parts, lambda xs, _: np.concatenate(xs) if np.ndim(xs[0]) else np.stack(xs))


def _coded(x: Any) -> Any:
    """x for a file, in which a tuple would become a list."""
    if isinstance(x, tuple | list):
        kind = "tuple" if isinstance(x, tuple) else "list"
        return {kind: [_coded(value) for value in x]}
    return {"dict": {k: _coded(v) for k, v in x.items()}} if isinstance(x, dict) else x


def _decoded(x: Any) -> Any:
    if not isinstance(x, Mapping):
        return np.asarray(x)
    ((kind, values),) = x.items()
    if kind == "dict":
        return {key: _decoded(value) for key, value in values.items()}
    return (tuple if kind == "tuple" else list)(map(_decoded, values))
