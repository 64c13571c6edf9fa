"""Samplers: which samples a pass of a `DataLoader` draws, and in which order."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, explains_call, integer
from wengert.data.arguments import array_of
from wengert.data.labels import numbered

if TYPE_CHECKING:
    from numpy.random import Generator


class Sampler(Protocol):
    """The samples of a pass: any object with these two methods.

    All its draws are from `rng`, which the loader seeds for each pass: so a loader resumes with the
    same samples.
    """

    def __len__(self) -> int:
        """Samples in a pass."""
        ...

    def order(self, rng: "Generator", /) -> ndarray:
        """The indices of the samples of a pass, (len(self),), in their order."""
        ...


class WeightedSampler:
    """Draws each sample with a probability proportional to its weight.

    Args:
        weights: ≥ 0, one for each sample of the data set.
        samples: drawn in a pass; as many as there are weights by default.
        replace: False draws each sample at most once in a pass.

    Raises:
        TypeError: the weights are no numbers, or an option has the wrong type.
        ValueError: a weight is negative or not finite, all are 0, or there are fewer samples than
            a pass without repetitions draws.

    Example:
        >>> sampler = WeightedSampler([0.0, 3.0, 1.0], samples=8)
        >>> sampler.order(np.random.default_rng(0))
        array([1, 1, 1, 1, 2, 2, 1, 1])
    """

    @explains_call()
    def __init__(self, weights: Any, samples: int | None = None, *, replace: bool = True) -> None:
        self.weights = array_of("WeightedSampler", "weights", weights)
        if self.weights.dtype.kind not in "fiub" or self.weights.ndim != 1:
            raise TypeError(
                f"WeightedSampler: got weights {self.weights.dtype} {self.weights.shape}, needed "
                f"numbers, (N,)"
            )
        self.weights = self.weights.astype(np.float64)
        if not np.all(np.isfinite(self.weights) & (self.weights >= 0)) or not self.weights.any():
            raise ValueError(
                "WeightedSampler: got weights that are negative, not finite, or all 0; needed "
                "numbers ≥ 0, some of them > 0"
            )
        self.samples = _samples("WeightedSampler", samples, len(self.weights))
        self.replace = boolean("WeightedSampler", "replace", replace)
        drawable = np.count_nonzero(self.weights)
        if not replace and self.samples > drawable:
            raise ValueError(
                f"WeightedSampler: got samples {self.samples} with replace=False, but only "
                f"{drawable} samples have a weight > 0"
            )

    @property
    def population(self) -> int:
        """How many samples the data set has."""
        return len(self.weights)

    def __len__(self) -> int:
        return self.samples

    def order(self, rng: "Generator", /) -> ndarray:
        p = self.weights / self.weights.sum()
        return rng.choice(len(p), self.samples, self.replace, p)

    def __repr__(self) -> str:
        return (
            f"WeightedSampler({len(self.weights)} weights, samples={self.samples}, "
            f"replace={self.replace})"
        )


class BalancedSampler:
    """Draws equally many samples of each class, whatever their numbers in the data set.

    A pass has the same number of samples of each class, or one more of some. Samples of a class
    are drawn without repetition until all have been drawn.

    Args:
        labels: integers or strings, one for each sample of the data set; see `labels_of`.
        samples: drawn in a pass; as many as there are labels by default.

    Raises:
        TypeError: the labels are neither integers nor strings, or `samples` is not an integer.
        ValueError: there are no labels, or `samples` < 1.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1])
        >>> order = BalancedSampler(labels).order(np.random.default_rng(0))
        >>> np.bincount(labels[order])
        array([4, 4])
    """

    @explains_call()
    def __init__(self, labels: Any, samples: int | None = None) -> None:
        labels = array_of("BalancedSampler", "labels", labels)
        n = len(labels) if labels.ndim else 1
        self.classes, numbers = numbered("BalancedSampler", "labels", labels, n)
        if not n:
            raise ValueError("BalancedSampler: got no labels, needed one for each sample")
        self.samples = _samples("BalancedSampler", samples, n)
        self._by_class = np.argsort(numbers, kind="stable")
        self._ends = np.cumsum(np.bincount(numbers))

    @property
    def population(self) -> int:
        """How many samples the data set has."""
        return len(self._by_class)

    def __len__(self) -> int:
        return self.samples

    def order(self, rng: "Generator", /) -> ndarray:
        groups = np.split(self._by_class, self._ends[:-1])
        counts = np.bincount(np.arange(self.samples) % len(groups), minlength=len(groups))
        more = rng.permutation(len(groups))  # which classes get one more
        drawn = [
            np.concatenate([rng.permutation(group) for _ in range(-(-n // len(group)))])[:n]
            for group, n in zip(groups, counts[more].tolist(), strict=True)
            if n
        ]
        return rng.permutation(np.concatenate(drawn))

    def __repr__(self) -> str:
        return (
            f"BalancedSampler({len(self._by_class)} labels of {len(self.classes)} classes, "
            f"samples={self.samples})"
        )


def _samples(caller: str, samples: int | None, n: int) -> int:
    return n if samples is None else integer(caller, "samples", samples, least=1)
