"""The labels of a data set, and labels or groups as numbers of classes."""

from typing import Any

import numpy as np
from numpy import ndarray

from wengert.data.arguments import array_of
from wengert.data.dataset import (
    ArrayDataset,
    ConcatDataset,
    Dataset,
    Subset,
    TransformDataset,
    check_dataset,
)


def labels_of(dataset: Dataset) -> ndarray:
    """The label of each sample, (N,): the last component of the samples.

    Where a data set has an array of labels (`ArrayDataset`, `ImageFolder`, and subsets and
    transforms of x of these), no sample is read.

    Raises:
        TypeError: the samples are no tuples.
        ValueError: the labels have different shapes.

    Example:
        >>> labels_of(ArrayDataset(np.zeros((3, 2)), np.array([1, 0, 1])))
        array([1, 0, 1])
    """
    check_dataset("labels_of", dataset)
    kind: Any = type(dataset)
    if isinstance(dataset, ArrayDataset) and kind.sample is ArrayDataset.sample:
        return dataset.arrays[-1]
    if isinstance(dataset, Subset) and kind is Subset:
        return labels_of(dataset.dataset)[dataset.indices]
    if isinstance(dataset, ConcatDataset) and kind is ConcatDataset:
        return np.concatenate([labels_of(each) for each in dataset.datasets])
    if isinstance(dataset, TransformDataset) and kind is TransformDataset:
        changed = dataset.of_sample is not None or any(dataset.transforms[1:])
        return _read(dataset) if changed else labels_of(dataset.dataset)
    own = getattr(dataset, "labels", None)
    if isinstance(own, ndarray) and own.shape == (len(dataset),):
        return own
    return _read(dataset)


def _read(dataset: Dataset) -> ndarray:
    return array_of("labels_of", "labels", [_label(dataset[i]) for i in range(len(dataset))])


def _label(sample: Any) -> Any:
    if not isinstance(sample, tuple | list) or len(sample) < 2:
        raise TypeError(
            f"labels_of: got the sample {sample!r:.60}, needed tuples whose last component is the "
            f"label; pass the labels themselves, an array (N,)"
        )
    return sample[-1]


def numbered(caller: str, name: str, values: Any, n: int) -> tuple[ndarray, ndarray]:
    """Labels or groups as (classes, (C,), in order; the class of each sample, (N,)).

    Args:
        caller: starts the messages.
        name: of the argument.
        values: integers, strings, bools, or floats without fractions, one for each sample.
        n: the number of samples.

    Raises:
        TypeError: the values are of another kind.
        ValueError: there is not one for each sample, or one is NaN.
    """
    array = array_of(caller, name, values)
    if array.shape != (n,):
        one_hot = array.ndim == 2 and array.shape[1] > 1
        hint = "; use np.ravel" if array.shape == (n, 1) else ""
        hint = "; of one-hot rows use np.argmax(…, axis=1)" if one_hot else hint
        raise ValueError(
            f"{caller}: got {name} {array.shape}, needed one for each of the {n} samples{hint}"
        )
    if array.dtype.kind == "f" and not np.all(array == np.floor(array)):
        raise ValueError(
            f"{caller}: got {name} {array.dtype} with fractions or NaN, needed classes; numbers "
            f"are put into classes by np.digitize({name}, edges)"
        )
    try:
        classes, numbers = np.unique(array, return_inverse=True)
    except TypeError:
        raise TypeError(
            f"{caller}: got {name} of different kinds, needed integers or strings; "
            f"is one of them None?"
        ) from None
    return classes, numbers
