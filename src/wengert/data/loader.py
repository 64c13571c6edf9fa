"""`DataLoader`: from samples to batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.data.dataset import ArrayDataset, Dataset
from wengert.random import generator


class DataLoader:
    """Goes through a dataset in batches; each `for` over it is one pass, from the start.

    Args:
        dataset: samples, each a tuple of arrays or numbers.
        batch_size: samples in a batch; the last one of a pass may have fewer.
        shuffle: False keeps the order of the dataset.
        seed: of the order: pass k of two loaders of one seed goes the same way, whatever else
            draws random numbers. None draws the seed from `wengert.random`.
        drop_last: leave out a last batch of fewer samples.

    A batch is a tuple of arrays whose first axis counts the samples.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"DataLoader: got batch_size {batch_size}, needed 1 or more")
        if seed is not None and seed < 0:
            raise ValueError(f"DataLoader: got seed {seed}, needed a whole number ≥ 0")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = int(generator().integers(2**63)) if seed is None else seed
        self.drop_last = drop_last
        self.passes = 0
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {len(dataset)} samples make no batch of {batch_size}; "
                f"give more samples, a smaller batch_size or drop_last=False"
            )

    def __len__(self) -> int:
        """Batches in a pass."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[ndarray, ...]]:
        order = np.arange(len(self.dataset))
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.passes)).permutation(order)
        self.passes += 1
        return (
            _batch(self.dataset, order[i * self.batch_size : (i + 1) * self.batch_size])
            for i in range(len(self))
        )


def _batch(dataset: Dataset, indices: ndarray) -> tuple[Any, ...]:
    if isinstance(dataset, ArrayDataset):
        return dataset[indices]
    return tuple(map(np.stack, zip(*(dataset[int(i)] for i in indices), strict=True)))
