"""Metrics computed from the counts of a confusion matrix."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.functions.metrics import confusion_matrix
from wengert.training.metrics import Metric


class Confusion(Metric):
    """Counts over all samples: counts[i, j] = samples of class i predicted as class j.

    Args:
        classes: C; None counts as many as there are in outputs and labels.
        score: a function of the counts, (C, C), that returns the number; None returns the counts.
    """

    gathers = ("counts",)

    def __init__(
        self, classes: int | None = None, score: Callable[[ndarray], Any] | None = None
    ) -> None:
        self.classes = (
            None if classes is None else integer("Confusion", "classes", classes, least=1)
        )
        self.score = score
        self.reset()

    def reset(self) -> None:
        C = self.classes or 0
        self.counts = np.zeros((C, C), np.int64)

    def update(self, y: Any, t: Any) -> None:
        counts = as_array(confusion_matrix(y, t, self.classes))
        self.counts = _of_size(self.counts, len(counts))
        self.counts += _of_size(counts, len(self.counts))

    def compute(self) -> Any:
        return self.counts if self.score is None else self.score(self.counts)

    def _shapes(self) -> Mapping[str, Any]:
        return {"counts": (self.classes, self.classes)}

    def __repr__(self) -> str:
        arguments = [] if self.classes is None else [str(self.classes)]
        if self.score is not None:
            score = getattr(self.score, "__name__", str(self.score))
            arguments.append(score if arguments else f"score={score}")
        return f"{type(self).__name__}({', '.join(arguments)})"


def _of_size(counts: ndarray, least: int) -> ndarray:
    """The counts of at least so many classes."""
    more = max(least - len(counts), 0)
    return np.pad(counts, (0, more)) if more else counts


class _OfCounts(Metric):
    """A number computed from a confusion matrix."""

    gathers = ("counts",)

    def __init__(self, average: str = "macro", classes: int | None = None) -> None:
        if average not in AVERAGES:
            raise ValueError(
                f"{type(self).__name__}: got average {average!r}, needed "
                f"{', '.join(map(repr, AVERAGES))}"
            )
        self.average = average
        self.classes = classes
        self._confusion = Confusion(classes)

    @property
    def counts(self) -> ndarray:
        return self._confusion.counts

    def reset(self) -> None:
        self._confusion.reset()

    def update(self, y: Any, t: Any) -> None:
        self._confusion.update(y, t)
        if self.average == "binary" and len(self.counts) > 2:
            raise ValueError(
                f"{type(self).__name__}: got {len(self.counts)} classes, needed 2 for 'binary'; "
                f"use 'macro' or 'micro'"
            )

    def _numbers(self, counts: ndarray) -> tuple[ndarray, ndarray]:
        """The numerator and the denominator of each class."""
        raise NotImplementedError

    def compute(self) -> Any:
        counts = _of_size(self.counts, 2) if self.average == "binary" else self.counts
        above, below = self._numbers(counts)
        if self.average == "micro":
            return float(above.sum() / below.sum()) if below.any() else math.nan
        each = above / np.maximum(below, 1)  # 0 for a class without samples
        if self.average == "binary":
            return float(each[1]) if counts.any() else math.nan
        if self.average == "none":
            return each
        occurs = counts.sum(axis=0) + counts.sum(axis=1) > 0
        return float(np.mean(each[occurs])) if occurs.any() else math.nan

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._confusion.load_state_dict(state)

    def __repr__(self) -> str:
        classes = "" if self.classes is None else f", classes={self.classes}"
        return f"{type(self).__name__}({self.average!r}{classes})"


AVERAGES = ("binary", "macro", "micro", "none")


class Precision(_OfCounts):
    """Of the samples predicted as a class, the fraction that is of this class.

    From logits (N, C) or predicted classes, and labels, as `F.f1_score` takes them.

    Args:
        average: "binary", of class 1 of two classes; "macro", the mean over the classes that occur;
            "micro", over all samples; "none", for each class. A class without predictions has 0.
        classes: C, for predicted classes; None counts as many as there are.
    """

    def _numbers(self, counts: ndarray) -> tuple[ndarray, ndarray]:
        return np.diagonal(counts), counts.sum(axis=0)


class Recall(_OfCounts):
    """Of the samples of a class, the fraction that is predicted as this class.

    The arguments are those of `Precision`. A class without samples has 0.
    """

    def _numbers(self, counts: ndarray) -> tuple[ndarray, ndarray]:
        return np.diagonal(counts), counts.sum(axis=1)


class F1(_OfCounts):
    """The harmonic mean of precision and recall: `F.f1_score` of all samples.

    The arguments are those of `Precision`. A class without samples and predictions has 0.
    """

    def _numbers(self, counts: ndarray) -> tuple[ndarray, ndarray]:
        return 2 * np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1)


def macro_f1(counts: ndarray) -> float:
    """The mean of the F1 scores of all classes that occur: a `score` for `Confusion`.

    (The F1 score of a data set is not the mean of the F1 scores of its batches.)
    """
    hits, named = np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * hits[named > 0] / named[named > 0])) if named.any() else math.nan
