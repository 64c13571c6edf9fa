"""The loaders of the book: `dezero.dataloaders`. Each is its own iterator."""

import importlib.util
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import call_text
from wengert.dezero.cuda import as_cupy
from wengert.names import public

pil_available = importlib.util.find_spec("PIL") is not None


class DataLoader:
    """Batches (x, t) of arrays, from the samples (x, t) of a data set; a `for` loop is one pass.

    Args:
        dataset: a sequence of samples.
        batch_size: samples in a batch; the last batch of a pass may have fewer.
        shuffle: a new order for each pass.
        gpu: return CuPy arrays.
    """

    __repr__ = call_text

    def __init__(
        self, dataset: Any, batch_size: int, shuffle: bool = True, gpu: bool = False
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"DataLoader: got batch_size {batch_size}, needed 1 or more")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.data_size = len(dataset)
        self.max_iter = math.ceil(self.data_size / batch_size)
        self.gpu = gpu
        self.reset()

    def reset(self) -> None:
        """Starts a new pass, in a new order if `shuffle`."""
        self.iteration = 0
        n = len(self.dataset)
        self.index = np.random.permutation(n) if self.shuffle else np.arange(n)

    def __iter__(self) -> Iterator[tuple[ndarray, ndarray]]:
        return self

    def __next__(self) -> tuple[ndarray, ndarray]:
        if self.iteration >= self.max_iter:
            self.reset()
            raise StopIteration
        samples = [self.dataset[i] for i in self._indices()]
        self.iteration += 1
        x, t = (np.array([sample[k] for sample in samples]) for k in (0, 1))
        return (as_cupy(x), as_cupy(t)) if self.gpu else (x, t)

    def _indices(self):
        start = self.iteration * self.batch_size
        return self.index[start : start + self.batch_size]

    def next(self) -> tuple[ndarray, ndarray]:
        """The next batch."""
        return self.__next__()

    def to_cpu(self) -> None:
        """Returns NumPy arrays from now on."""
        self.gpu = False

    def to_gpu(self) -> None:
        """Returns CuPy arrays from now on."""
        self.gpu = True


class SeqDataLoader(DataLoader):
    """Batches for sequences: row k reads the data from index k · (length // batch_size) on."""

    def __init__(self, dataset: Any, batch_size: int, gpu: bool = False) -> None:
        super().__init__(dataset, batch_size, shuffle=False, gpu=gpu)

    def _indices(self):
        jump = self.data_size // self.batch_size
        return [(k * jump + self.iteration) % self.data_size for k in range(self.batch_size)]


__all__, __dir__ = public(globals(), "pil_available", exports=True)
