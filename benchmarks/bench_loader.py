"""One pass of a loader over arrays in memory: 60,000 images of 28×28 floats, batches of 64.

Without shuffling, so that both sides return the same batches.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.runner import Program, Workload

N, BATCH_SIZE = 60_000, 64


def arrays() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((N, 1, 28, 28), dtype=np.float32), rng.integers(10, size=N)


def program(loader: Iterable[Any]) -> Program:
    sums = [0.0, 0.0]

    def step() -> None:
        """One pass; one element of each batch is read."""
        sums[:] = 0.0, 0.0
        for x, t in loader:
            sums[0] += float(x[0, 0, 14, 14])
            sums[1] += float(t[0])

    return Program(step, numbers=lambda: sums)


def wengert() -> Program:
    from wengert.data import ArrayDataset, DataLoader

    return program(DataLoader(ArrayDataset(*arrays()), BATCH_SIZE, shuffle=False))


def torch() -> Program:
    from torch import from_numpy
    from torch.utils.data import DataLoader, TensorDataset

    dataset = TensorDataset(*map(from_numpy, arrays()))
    return program(DataLoader(dataset, BATCH_SIZE))


WORKLOADS = [
    Workload("loader", {"wengert": wengert, "torch": torch}, warm_up=1, seconds=10.0),
]
