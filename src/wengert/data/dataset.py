"""Sets of samples, and sets made of other sets: joined, chosen, split, transformed."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy import ndarray

from wengert.data.arguments import array_of, check_count
from wengert.data.collate import collate, combine

Transform = Callable[[Any], Any]
Collate = Callable[[list[Any]], Any]


class Dataset(Protocol):
    """Anything with a length whose items are samples: tuples of arrays or numbers, as (x, t).

    A list of samples is one. `dataset[i]` raises IndexError from `len(dataset)` on.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> Any: ...


class BaseDataset:
    """What the data sets here have in common: `dataset[i]` is a sample, of the end if i < 0, and
    `dataset[several]` the batch that `collate` makes of several samples.

    Several are a slice, a list or array of integers, or an array of a bool for each sample. A
    subclass gives `__len__` and `sample(i)`, and `batch(indices)` if it knows a quicker way.
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no length: define __len__(self)")

    def sample(self, index: int) -> Any:
        """The sample of that number, 0 ≤ index < len(self)."""
        raise NotImplementedError(f"{type(self).__name__} has no sample: define sample(self, i)")

    def batch(self, indices: ndarray) -> Any:
        """The samples of these numbers, (N,), 0 ≤ i < len(self), as one batch."""
        return collate([self.sample(i) for i in indices.tolist()])

    def __getitem__(self, index: Any, /) -> Any:
        found = positions(type(self).__name__, index, len(self))
        return self.sample(found) if isinstance(found, int) else self.batch(found)


class ArrayDataset(BaseDataset):
    """Arrays of equal length, side by side: sample i is (x[i], t[i], …)."""

    def __init__(self, *arrays: ndarray) -> None:
        self.arrays = tuple(array_of("ArrayDataset", "an array", a) for a in arrays)
        lengths = {a.shape[:1] for a in self.arrays}
        if len(lengths) != 1 or lengths == {()}:
            shapes = ", ".join(str(a.shape) for a in self.arrays)
            raise ValueError(f"ArrayDataset: got shapes {shapes}, needed arrays of equal length")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def sample(self, index: int) -> tuple[Any, ...]:
        return tuple(a[index] for a in self.arrays)

    def batch(self, indices: ndarray) -> tuple[ndarray, ...]:
        return tuple(a[indices] for a in self.arrays)

    def __repr__(self) -> str:
        return f"ArrayDataset({', '.join(f'{a.dtype} {a.shape}' for a in self.arrays)})"


class ConcatDataset(BaseDataset):
    """The samples of several data sets, one set after the other."""

    def __init__(self, *datasets: Dataset) -> None:
        if not datasets:
            raise ValueError("ConcatDataset: got no data set, needed at least one")
        for dataset in datasets:
            check_dataset("ConcatDataset", dataset)
        self.datasets = datasets
        self._ends = np.cumsum([len(dataset) for dataset in datasets])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def sample(self, index: int) -> Any:
        k = int(np.searchsorted(self._ends, index, side="right"))
        return self.datasets[k][index - self._start(k)]

    def batch(self, indices: ndarray) -> Any:
        of_set = np.searchsorted(self._ends, indices, side="right")
        batches = [
            batch_of(self.datasets[k], indices[of_set == k] - self._start(k))
            for k in np.unique(of_set).tolist()
        ]
        back = np.argsort(np.argsort(of_set, kind="stable"))
        try:
            return combine(batches, lambda parts, _: np.concatenate(parts)[back])
        except ValueError:  # they do not fit together
            return super().batch(indices)  # whose error names the samples

    def _start(self, k: int) -> int:
        return int(self._ends[k]) - len(self.datasets[k])

    def __repr__(self) -> str:
        return f"ConcatDataset({', '.join(map(repr, self.datasets))})"


class Subset(BaseDataset):
    """Some samples of a data set, in the order of `indices`; an index may come more than once.

    Args:
        dataset: where the samples are.
        indices: a slice, integers (of the end if negative), or an array of a bool for each
            sample, as `labels < 5`.

    Raises:
        IndexError: there is no such sample.
    """

    def __init__(self, dataset: Dataset, indices: "slice | Sequence[int] | ndarray") -> None:
        check_dataset("Subset", dataset)
        self.dataset = dataset
        self.indices = np.atleast_1d(positions("Subset", indices, len(dataset)))

    def __len__(self) -> int:
        return len(self.indices)

    def sample(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: ndarray) -> Any:
        return batch_of(self.dataset, self.indices[indices])

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"


class TransformDataset(BaseDataset):
    """A data set whose samples pass through functions when they are asked for.

    Random ones draw from `wengert.random.generator()`.

    Args:
        dataset: its samples are tuples, if they are to be transformed part by part.
        transforms: the first for the first part of a sample (x), the second for the second (t),
            …; None leaves a part as it is, as it does the parts for which none is given.
        sample: a function of the whole sample as it is then, such as one that turns image and
            mask alike.
    """

    def __init__(
        self, dataset: Dataset, *transforms: Transform | None, sample: Transform | None = None
    ) -> None:
        check_dataset("TransformDataset", dataset)
        for transform in (*transforms, sample):
            if transform is not None and not callable(transform):
                raise TypeError(
                    f"TransformDataset: got {transform!r}, needed a function of one argument"
                )
        self.dataset = dataset
        self.transforms = transforms
        self.of_sample = sample

    def __len__(self) -> int:
        return len(self.dataset)

    def sample(self, index: int) -> Any:
        sample = self.dataset[index]
        if self.transforms:
            sample = self._transformed(sample)
        return sample if self.of_sample is None else self.of_sample(sample)

    def _transformed(self, sample: Any) -> tuple[Any, ...]:
        if not isinstance(sample, tuple) or len(sample) < len(self.transforms):
            raise TypeError(
                f"TransformDataset: got {len(self.transforms)} transforms for the parts of a "
                f"sample that is {sample!r:.60}; give sample= a function of the whole sample"
            )
        parts = list(sample)
        for k, transform in enumerate(self.transforms):
            if transform is not None:
                parts[k] = transform(parts[k])
        return tuple(parts)

    def __repr__(self) -> str:
        options = [repr(transform) for transform in self.transforms]
        options += [] if self.of_sample is None else [f"sample={self.of_sample!r}"]
        return f"TransformDataset({', '.join([repr(self.dataset), *options])})"


def split(dataset: Dataset, *sizes: float, seed: int = 0) -> tuple[Subset, ...]:
    """Deals the samples out at random: each comes to exactly one of the parts.

    Args:
        dataset: what is split.
        sizes: numbers of samples, which add up to all of them, or shares, which add up to 1.0.
        seed: the same one gives the same parts, in any run and on any machine.

    Raises:
        TypeError: `sizes` are neither integers nor floats, or `seed` is not an integer.
        ValueError: they do not add up, a part would have no sample, or `seed` < 0.

    Example:
        >>> train, test = split(ArrayDataset(np.arange(10)), 0.8, 0.2)
        >>> len(train), len(test)
        (8, 2)
    """
    check_dataset("split", dataset)
    check_count("split", "seed", seed, 0)
    n = len(dataset)
    if sizes and all(isinstance(size, int | np.integer) for size in sizes):
        if sum(sizes) != n:
            raise ValueError(f"split: got sizes that add up to {sum(sizes)}, needed all {n}")
        ends = np.cumsum(sizes)
    elif sizes and all(isinstance(size, float | np.floating) for size in sizes):
        if not math.isclose(math.fsum(sizes), 1.0, abs_tol=1e-6):
            raise ValueError(
                f"split: got shares that add up to {math.fsum(sizes):g}, needed 1; "
                f"give one share for each part, as split(dataset, 0.8, 0.2)"
            )
        # Halves are rounded up (not to even), so that a part of one sample or more stays one: from
        # 1.5 to 2.5 is from 2 to 3. The first rounding removes the errors of the sums.
        ends = np.floor(np.round(np.cumsum(sizes) * n, 6) + 0.5).astype(np.int64)
    else:
        raise TypeError(f"split: got {sizes}, needed numbers of samples, or shares of them")
    parts = np.split(np.random.default_rng(seed).permutation(n), ends[:-1])
    if min(sizes) < 0 or not all(map(len, parts)):
        raise ValueError(f"split: {n} samples split into {sizes} would leave a part without any")
    return tuple(Subset(dataset, part) for part in parts)


# ---- Indices and batches ----


def batch_of(dataset: Dataset, indices: ndarray, make_batch: Collate = collate) -> Any:
    """The samples of these numbers, 0 ≤ i < len(dataset), as one batch.

    A data set of this module makes it by itself, if it is what `collate` would make; unless a
    subclass has items of its own, of which `batch` knows nothing.
    """
    own_items = getattr(type(dataset), "__getitem__", None) is not BaseDataset.__getitem__
    if own_items or make_batch is not collate:
        return make_batch([dataset[i] for i in indices.tolist()])
    return dataset.batch(indices)  # type: ignore[attr-defined]


def positions(caller: str, index: Any, n: int) -> "int | ndarray":
    """The number, 0 ≤ i < n, that an index stands for; of several, as an array of int64."""
    if isinstance(index, int | np.integer):
        if not -n <= index < n:
            raise IndexError(f"{caller}: got the index {index}, but there are {n} samples")
        return int(index) % n
    if isinstance(index, slice):
        return np.arange(n)[index]
    several = np.asarray(index)
    if several.dtype == bool and several.shape == (n,):
        return np.flatnonzero(several)
    if several.ndim != 1 or (several.size and several.dtype.kind not in "iu"):
        raise TypeError(
            f"{caller}: got the index {index!r:.60}, needed an integer, a list of them, a "
            f"slice, or a bool for each of the {n} samples"
        )
    wrong = several[(several < -n) | (several >= n)]
    if wrong.size:
        raise IndexError(f"{caller}: got the index {wrong[0]}, but there are {n} samples")
    return several.astype(np.int64) % max(n, 1)


def check_dataset(caller: str, dataset: Any) -> None:
    """Refuses what has no length or no items."""
    of_nothing = isinstance(dataset, ndarray) and dataset.ndim == 0
    if of_nothing or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise TypeError(
            f"{caller}: got {type(dataset).__name__}, needed a data set, with len(dataset) and "
            f"dataset[i]; list(…) makes one of what can only be gone through"
        )
