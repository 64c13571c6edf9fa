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
        ignore_index: samples with this label do not count.
    """

    gathers = ("counts",)

    def __init__(
        self,
        classes: int | None = None,
        score: Callable[[ndarray], Any] | None = None,
        *,
        ignore_index: int | None = None,
    ) -> None:
        self.classes = (
            None if classes is None else integer("Confusion", "classes", classes, least=1)
        )
        self.score = score
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        C = self.classes or 0
        self.counts = np.zeros((C, C), np.int64)

    def update(self, y: Any, t: Any) -> None:
        counts = as_array(confusion_matrix(y, t, self.classes, ignore_index=self.ignore_index))
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


AVERAGES = ("binary", "macro", "micro", "none")


class _OfClasses(Metric):
    """A number for each class, and an average of them, from counts of samples."""

    gathers = ("hits", "predicted", "labels")

    def __init__(
        self,
        average: str = "macro",
        classes: int | None = None,
        *,
        ignore_index: int | None = None,
    ) -> None:
        if average not in AVERAGES:
            raise ValueError(
                f"{type(self).__name__}: got average {average!r}, needed "
                f"{', '.join(map(repr, AVERAGES))}"
            )
        self.average = average
        self.classes = classes
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        # for each class: samples that are predicted right, that are predicted, and all
        self.hits = self.predicted = self.labels = np.zeros(0, np.int64)

    def update(self, y: Any, t: Any) -> None:
        counts = as_array(confusion_matrix(y, t, self.classes, ignore_index=self.ignore_index))
        C = max(len(counts), len(self.hits))
        if self.average == "binary" and C > 2:
            raise ValueError(
                f"{type(self).__name__}: got {C} classes, needed 2 for 'binary'; use 'macro' or "
                f"'micro'"
            )
        t = as_array(t)
        labels = t if self.ignore_index is None else t[t != self.ignore_index]
        self.hits = _sum(C, self.hits, np.diagonal(counts))
        self.predicted = _sum(C, self.predicted, counts.sum(axis=0))
        # (a sample whose scores are NaN has a label, but is not predicted)
        self.labels = _sum(C, self.labels, np.bincount(labels.astype(np.int64).reshape(-1)))

    def _numbers(self) -> tuple[ndarray, ndarray]:
        """The numerator and the denominator of each class."""
        raise NotImplementedError

    def compute(self) -> Any:
        above, below = self._numbers()
        occurs = self.predicted + self.labels > 0
        if not occurs.any():
            return math.nan
        if self.average == "micro":
            return float(above.sum() / below.sum()) if below.any() else 0.0
        each = above / np.maximum(below, 1)  # 0 for a class without samples
        if self.average == "none":
            return each
        if self.average == "macro":
            return float(np.mean(each[occurs]))
        return float(each[1]) if len(each) > 1 else 0.0

    def _shapes(self) -> Mapping[str, Any]:
        return dict.fromkeys(self.gathers, (None,))

    def __repr__(self) -> str:
        options = "".join(
            f", {name}={value}"
            for name, value in [("classes", self.classes), ("ignore_index", self.ignore_index)]
            if value is not None
        )
        return f"{type(self).__name__}({self.average!r}{options})"


def _sum(size: int, *counts: ndarray) -> ndarray:
    return sum((np.pad(n, (0, size - len(n))) for n in counts), np.zeros(size, np.int64))


class Precision(_OfClasses):
    """Of the samples predicted as a class, the fraction that is of this class.

    From logits (N, C) or predicted classes, and labels, as `F.f1_score` takes them.

    Args:
        average: "binary", of class 1 of two classes; "macro", the mean over the classes that occur;
            "micro", over all samples; "none", for each class. A class without predictions has 0.
        classes: C, for predicted classes; None counts as many as there are.
        ignore_index: samples with this label do not count.
    """

    def _numbers(self) -> tuple[ndarray, ndarray]:
        return self.hits, self.predicted


class Recall(_OfClasses):
    """Of the samples of a class, the fraction that is predicted as this class.

    The arguments are those of `Precision`. A class without samples has 0.
    """

    def _numbers(self) -> tuple[ndarray, ndarray]:
        return self.hits, self.labels


class F1(_OfClasses):
    """The harmonic mean of precision and recall: `F.f1_score` of all samples.

    The arguments are those of `Precision`. A class without samples and predictions has 0.
    """

    def _numbers(self) -> tuple[ndarray, ndarray]:
        return 2 * self.hits, self.predicted + self.labels


def macro_f1(counts: ndarray) -> float:
    """The mean of the F1 scores of all classes that occur: a `score` for `Confusion`.

    (The F1 score of a data set is not the mean of the F1 scores of its batches.)
    """
    hits, named = np.diagonal(counts), counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * hits[named > 0] / named[named > 0])) if named.any() else math.nan
