"""Parts of a data set: `split` into training and test data, and `k_fold`."""

import math
import warnings
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import explains_call, integer
from wengert.data.dataset import Dataset, Subset, check_dataset, hint_of_arrays
from wengert.data.labels import labels_of, numbered


@explains_call(hint_of_arrays)
def split(
    dataset: Dataset,
    *sizes: float,
    stratify: Any = None,
    groups: Any = None,
    seed: int = 0,
) -> tuple[Subset, ...]:
    """Random subsets of a data set; each sample is in exactly one of them.

    Args:
        dataset: the samples.
        sizes: of the subsets: integers whose sum is the number of samples, or fractions whose sum
            is 1.0.
        stratify: labels, (N,); each subset gets the same fraction of each class, as nearly as
            possible. True takes the labels of the data set, as `labels_of` does.
        groups: the group of each sample, (N,), such as a patient. Samples of one group are in the
            same subset; the sizes are then approximate.
        seed: the same seed gives the same subsets, in any run and on any machine.

    Raises:
        TypeError: `sizes` are neither integers nor floats, or `seed` is not an integer.
        ValueError: the sum is wrong, a subset would be empty, there is not one label or group for
            each sample, or `seed` < 0.

    Example:
        >>> from wengert.data import ArrayDataset
        >>> data = ArrayDataset(np.arange(10), np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1]))
        >>> train, test = split(data, 0.5, 0.5, stratify=True)
        >>> len(train), labels_of(test).tolist().count(1)
        (5, 1)
    """
    check_dataset("split", dataset)
    seed = integer("split", "seed", seed, least=0)
    n = len(dataset)
    ends = _ends(sizes, n)
    counts = np.diff(ends, prepend=0)
    if counts.min() <= 0:
        raise ValueError(f"split: {n} samples split into {sizes} would leave a subset empty")
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    if groups is None and stratify is None:
        parts = np.split(order, ends[:-1])
        return tuple(Subset(dataset, indices) for indices in parts)
    part = _parts("split", dataset, stratify, groups, counts, order, rng)[order]
    return tuple(Subset(dataset, order[part == k]) for k in range(len(sizes)))


@explains_call(hint_of_arrays)
def k_fold(
    dataset: Dataset, k: int = 5, *, stratify: Any = None, groups: Any = None, seed: int = 0
) -> list[tuple[Subset, Subset]]:
    """k pairs (training data, validation data); each sample is in one of the validation data.

    The sizes of the validation data differ by one at most.

    Args:
        dataset: the samples.
        k: number of pairs, ≥ 2; the number of samples leaves out one sample each time.
        stratify: labels, (N,); the numbers of samples of a class in the validation data differ by
            one at most. True takes the labels of the data set, as `labels_of` does.
        groups: the group of each sample, (N,), such as a patient. Samples of one group are never
            on both sides; the sizes, and the fractions of the classes, are then approximate.
        seed: the same seed gives the same pairs, in any run and on any machine.

    Raises:
        TypeError: `k` or `seed` is not an integer.
        ValueError: `k` < 2, there are fewer samples or groups than `k`, there is not one label or
            group for each sample, or `seed` < 0.

    Example:
        >>> from wengert.data import ArrayDataset
        >>> for train, validation in k_fold(ArrayDataset(np.arange(6)), 3):
        ...     print(len(train), len(validation))
        4 2
        4 2
        4 2
    """
    check_dataset("k_fold", dataset)
    k = integer("k_fold", "k", k, least=2)
    rng = np.random.default_rng(integer("k_fold", "seed", seed, least=0))
    n = len(dataset)
    if n < k:
        raise ValueError(f"k_fold: got k {k} and {n} samples, needed at least one for each fold")
    order = rng.permutation(n)
    counts = np.bincount(np.arange(n) % k)
    fold = _parts("k_fold", dataset, stratify, groups, counts, order, rng)[order]
    return [
        (Subset(dataset, order[fold != i]), Subset(dataset, order[fold == i])) for i in range(k)
    ]


def _ends(sizes: tuple[float, ...], n: int) -> ndarray:
    """Where the subsets end in an order of all n samples."""
    if sizes and all(isinstance(size, int | np.integer) for size in sizes):
        if sum(sizes) != n:
            raise ValueError(f"split: got sizes whose sum is {sum(sizes)}, needed {n}")
        return np.cumsum(sizes)
    if sizes and all(isinstance(size, float | np.floating) for size in sizes):
        if not math.isclose(math.fsum(sizes), 1.0, abs_tol=1e-6):
            raise ValueError(
                f"split: got fractions whose sum is {math.fsum(sizes):g}, needed 1; "
                f"give one fraction for each subset, as split(dataset, 0.8, 0.2)"
            )
        # Halves are rounded up, not to even, so that a subset of one sample or more is not empty:
        # 1.5 to 2.5 becomes 2 to 3. The inner rounding removes the rounding errors of the sums.
        return np.floor(np.round(np.cumsum(sizes) * n, 6) + 0.5).astype(np.int64)
    hint = hint_of_arrays(sizes)
    raise TypeError(
        f"split: got {sizes!r:.80}, needed numbers of samples, or fractions"
        f"{'. ' if hint else ''}{hint}"
    )


# ---- The part of each sample ----


def _parts(
    caller: str,
    dataset: Dataset,
    stratify: Any,
    groups: Any,
    sizes: ndarray,
    order: ndarray,
    rng: "np.random.Generator",
) -> ndarray:
    """The part of each sample, (N,): sample order[0] first, where there is a choice."""
    n = len(dataset)
    classes = np.zeros(n, np.int64)
    if stratify is not None and stratify is not False:
        labels = labels_of(dataset) if stratify is True else stratify
        names, classes = numbered(caller, "stratify", labels, n)
        _warn_of_small_classes(caller, names, np.bincount(classes), len(sizes))
    if groups is not None:
        return _of_groups(caller, numbered(caller, "groups", groups, n)[1], classes, sizes, rng)
    # Samples of one class stand together, and the parts alternate along this order: each part gets
    # its fraction of each class.
    ranks = rng.permutation(classes.max() + 1)[classes]
    by_class = order[np.argsort(ranks[order], kind="stable")]
    part = np.empty(n, np.int64)
    part[by_class] = _alternating(sizes)
    return part


def _alternating(sizes: ndarray) -> ndarray:
    """Part numbers, sizes[k] times k, each number at equal distances as nearly as possible.

    Example:
        >>> _alternating(np.array([4, 2]))
        array([0, 1, 0, 0, 1, 0])
    """
    if sizes.max() - sizes.min() <= 1:  # folds: the larger ones come first
        return np.arange(sizes.sum()) % len(sizes)
    at = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    return np.repeat(np.arange(len(sizes)), sizes)[np.argsort(at, kind="stable")]


def _of_groups(
    caller: str, groups: ndarray, classes: ndarray, sizes: ndarray, rng: "np.random.Generator"
) -> ndarray:
    """The part of each sample if whole groups are distributed, the largest groups first.

    A group goes to the part where the sum over parts p and classes c of n[p, c]² / (sizes[p] n[c])
    becomes least: it is least where each part has its fraction of each class.
    """
    G, C, P = groups.max() + 1, classes.max() + 1, len(sizes)
    if G < P:
        raise ValueError(f"{caller}: got {G} groups for {P} parts, needed at least one for each")
    counts = np.zeros((G, C))
    np.add.at(counts, (groups, classes), 1)
    scale = 1 / (sizes[:, None] * counts.sum(axis=0))  # (P, C)
    parts, part_of = np.zeros((P, C)), np.empty(G, np.int64)
    order = rng.permutation(G)
    order = order[np.argsort(-counts.sum(axis=1)[order], kind="stable")]
    for left, group in zip(range(G, 0, -1), order.tolist(), strict=True):
        n = counts[group]
        costs = np.sum((2 * parts + n) * n * scale, axis=1)
        empty = parts.sum(axis=1) == 0
        if left == empty.sum():  # no part is left without a group
            costs[~empty] = np.inf
        part_of[group] = best = np.argmin(costs)
        parts[best] += n
    return part_of[groups]


def _warn_of_small_classes(caller: str, names: ndarray, counts: ndarray, parts: int) -> None:
    small = [
        f"{name} ({n})"
        for name, n in zip(names.tolist(), counts.tolist(), strict=True)
        if n < parts
    ]
    if small:
        warnings.warn(
            f"{caller}: some of the {parts} parts have no sample of the classes "
            f"{', '.join(small[:8])}{', …' if len(small) > 8 else ''}, which have fewer samples",
            stacklevel=4,
        )
