"""Data sets: of arrays, and of other data sets that are joined, selected or transformed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy import ndarray

from wengert.arguments import text_of
from wengert.core import Variable
from wengert.data.arguments import array_of
from wengert.data.collate import collate, combine

Transform = Callable[[Any], Any]
Collate = Callable[[list[Any]], Any]


class Dataset(Protocol):
    """Any object with a length whose items are samples: tuples of arrays or numbers, as (x, t).

    A list of samples is a data set. `dataset[i]` raises IndexError for i ≥ `len(dataset)`.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> Any: ...


class BaseDataset:
    """Base of the data sets: `dataset[i]` is a sample, counted from the end if i < 0, and
    `dataset[indices]` is the batch that `collate` makes of several samples.

    `indices` is a slice, a list or array of integers, or an array with a bool for each sample. A
    subclass defines `__len__` and `sample(i)`, and `batch(indices)` if it has a faster method.
    """

    def __repr__(self) -> str:
        return f"<data set {type(self).__name__}>"

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no length: define __len__(self)")

    def sample(self, index: int) -> Any:
        """The sample at an index, 0 ≤ index < len(self)."""
        raise NotImplementedError(f"{type(self).__name__} has no sample: define sample(self, i)")

    def batch(self, indices: ndarray) -> Any:
        """The samples at these indices, (N,), 0 ≤ i < len(self), as one batch."""
        return collate([self.sample(i) for i in indices.tolist()])

    def __getitem__(self, index: Any, /) -> Any:
        indices = positions(type(self).__name__, index, len(self))
        return self.sample(indices) if isinstance(indices, int) else self.batch(indices)


class ArrayDataset(BaseDataset):
    """Arrays of equal length, side by side: sample i is (x[i], t[i], …)."""

    def __init__(self, *arrays: ndarray) -> None:
        _check_arrays(arrays)
        self.arrays = tuple(map(_plain, arrays))
        lengths = {a.shape[:1] for a in self.arrays}
        if len(lengths) != 1 or lengths == {()}:
            shapes = ", ".join(str(a.shape) for a in self.arrays)
            raise ValueError(
                f"ArrayDataset: got shapes {shapes}, needed arrays of equal length, with the "
                f"samples on the first axis"
            )
        self._has_objects = any(a.dtype == object for a in self.arrays)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def sample(self, index: int) -> tuple[Any, ...]:
        return tuple(a[index] for a in self.arrays)

    def batch(self, indices: ndarray) -> tuple[ndarray, ...]:
        if self._has_objects:
            batch: tuple[ndarray, ...] = super().batch(indices)
            return batch
        return tuple(a[indices] for a in self.arrays)

    def __repr__(self) -> str:
        arrays = ", ".join(f"{a.dtype} {a.shape}" for a in self.arrays)
        return f"{type(self).__name__}({arrays})"


def _check_arrays(arrays: tuple[Any, ...]) -> None:
    """Refuses what is not one array of the samples: a tuple of arrays, a dict, None."""
    for array in arrays:
        hint = ""
        if isinstance(array, tuple | list) and side_by_side(array):
            hint = "give them side by side: ArrayDataset(x, t)"
        elif isinstance(array, Mapping):
            hint = "give its arrays: ArrayDataset(*d.values())"
        elif isinstance(array, BaseDataset):
            hint = "it is a data set already"
        elif array is None or isinstance(array, str):
            hint = "give an array for each component of the samples"
        if hint:
            raise TypeError(f"ArrayDataset: got a {type(array).__name__}, needed arrays; {hint}")


def _plain(array: Any) -> ndarray:
    """As an array; with a dtype of numbers or text where its objects are all of one kind."""
    if isinstance(array, Variable):
        return array.data
    try:
        result = array_of("ArrayDataset", "an array", array)
    except ValueError as error:
        raise ValueError(
            f"{error}; sequences of unequal lengths are a list of samples, [(x0, t0), …], for "
            f"DataLoader(samples, batch_size, collate=ragged)"
        ) from None
    if result.dtype == object and result.size:
        kinds = {type(value) for value in result.ravel().tolist()}
        if all(issubclass(kind, str) for kind in kinds):
            return result.astype(np.str_)
        if all(issubclass(kind, float | int | bool | np.number) for kind in kinds):
            return np.array(result.tolist())
    return result


class ConcatDataset(BaseDataset):
    """The samples of several data sets, one data set after the other."""

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
        except ValueError:  # shapes or structures differ
            return super().batch(indices)  # its error names the samples

    def _start(self, k: int) -> int:
        return int(self._ends[k]) - len(self.datasets[k])

    def __repr__(self) -> str:
        return f"ConcatDataset({', '.join(map(described, self.datasets))})"


class Subset(BaseDataset):
    """Some samples of a data set, in the order of `indices`; an index may occur more than once.

    Args:
        dataset: contains the samples.
        indices: a slice, integers (counted from the end if negative), or an array with a bool for
            each sample, as `labels < 5`.

    Raises:
        IndexError: an index is out of range.
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
        return f"Subset({len(self)} of {described(self.dataset)})"


class TransformDataset(BaseDataset):
    """A data set whose samples are transformed when they are read.

    Random transforms draw from `wengert.random.generator()`.

    Args:
        dataset: its samples are tuples if `transforms` are given.
        transforms: the first for the first component of a sample (x), the second for the second
            (t), …; None leaves a component unchanged, and so do missing transforms at the end.
        sample: a function of the whole sample, applied last, such as one that rotates image and
            mask together.
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
                f"TransformDataset: got {len(self.transforms)} transforms for the components of "
                f"the sample {sample!r:.60}; use sample=, a function of the whole sample"
            )
        components = list(sample)
        for k, transform in enumerate(self.transforms):
            if transform is not None:
                components[k] = transform(components[k])
        return tuple(components)

    def __repr__(self) -> str:
        options = [text_of(transform) for transform in self.transforms]
        options += [] if self.of_sample is None else [f"sample={text_of(self.of_sample)}"]
        return f"TransformDataset({', '.join([described(self.dataset), *options])})"


def described(dataset: Any) -> str:
    """A data set for a `repr`: without the numbers of an array or the samples of a list."""
    if isinstance(dataset, ndarray):
        return f"{dataset.dtype} {dataset.shape}"
    if isinstance(dataset, list | tuple):
        return f"{type(dataset).__name__} of {len(dataset)}"
    return repr(dataset)


# ---- Indices and batches ----


def batch_of(dataset: Dataset, indices: ndarray, make_batch: Collate = collate) -> Any:
    """The samples at these indices, 0 ≤ i < len(dataset), as one batch.

    Calls the data set's own `batch`, unless another function than `collate` makes the batch, or a
    subclass overrides `__getitem__`, which `batch` would ignore.
    """
    own_items = getattr(type(dataset), "__getitem__", None) is not BaseDataset.__getitem__
    if own_items or make_batch is not collate:
        return make_batch([dataset[i] for i in indices.tolist()])
    return dataset.batch(indices)  # type: ignore[attr-defined]


def positions(caller: str, index: Any, n: int) -> "int | ndarray":
    """An index as an integer 0 ≤ i < n, or several indices as an array of int64."""
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
    """Raises TypeError for an object without length or items, and for what is no data set yet."""
    kind = type(dataset).__name__
    is_scalar = isinstance(dataset, ndarray) and dataset.ndim == 0
    if is_scalar or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise TypeError(
            f"{caller}: got {kind}, needed a data set, with len(dataset) and dataset[i]; list(…) "
            f"makes one of an iterator"
        )
    hint = _hint(dataset)
    if hint:
        raise TypeError(f"{caller}: got a {kind}, needed a data set of samples; {hint}")


def _hint(dataset: Any) -> str:
    """What to write instead of an object that has a length and items, but is no data set."""
    if isinstance(dataset, str | bytes):
        return "files are read by load_csv, load_text and ImageFolder"
    if isinstance(dataset, Mapping) and 0 not in dataset:
        return "ArrayDataset(x, t) makes one of arrays, [{…}, {…}] is one of dicts"
    if hasattr(dataset, "iloc"):
        if hasattr(dataset, "columns"):
            return "use ArrayDataset(df[columns].to_numpy(np.float32), df[target].to_numpy())"
        return "use ArrayDataset(series.to_numpy())"
    if isinstance(dataset, tuple | list) and side_by_side(dataset):
        return f"use ArrayDataset({', '.join('xtuvw'[: len(dataset)])})"
    return ""


def side_by_side(values: Sequence[Any]) -> bool:
    """Whether these are a few arrays of equal length, not samples: one of x, one of t."""
    if not 2 <= len(values) <= 5:
        return False
    shapes: list[tuple[int, ...]] = [getattr(value, "shape", ()) for value in values]
    if not all(shapes) or len({shape[0] for shape in shapes}) > 1:
        return False
    several = shapes[0][0] > 1
    return several and (isinstance(values, tuple) or len({*map(len, shapes)}) > 1)


def hint_of_arrays(args: Sequence[Any]) -> str:
    """For a call with arrays, x and t, in place of a data set."""
    arrays = any(getattr(value, "shape", ()) for value in args)
    pairs = any(isinstance(value, tuple | list) and side_by_side(value) for value in args)
    return "For arrays x and t the data set is ArrayDataset(x, t)" if arrays or pairs else ""
