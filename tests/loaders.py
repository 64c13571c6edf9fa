"""Loaders for tests, and helpers for their batches and workers."""

import multiprocessing
import threading
import time

import numpy as np

from wengert import random
from wengert.data import ArrayDataset, DataLoader, TransformDataset

WORKERS = [(0, "thread"), (1, "thread"), (4, "thread"), (1, "process"), (3, "process")]
SOME = WORKERS[2::2]  # four threads, three processes


def noisy(x):
    return x + random.generator().random()


def data(n=10):
    return TransformDataset(ArrayDataset(np.arange(n), 10 * np.arange(n)), noisy)


def loader(n=10, batch_size=3, seed=0, workers=0, kind="thread", **options):
    dataset = options.pop("dataset", None) or data(n)
    return DataLoader(dataset, batch_size, seed=seed, workers=workers, worker_kind=kind, **options)


def listed(batches):
    """Batches as lists, which compare to the bit."""
    return [[part.tolist() for part in batch] for batch in batches]


def worker_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("wengert-data")]


def assert_no_worker_is_left():
    assert multiprocessing.active_children() == []
    end = time.monotonic() + 5
    while worker_threads():  # a thread first finishes its batch
        assert time.monotonic() < end
        time.sleep(0.001)


def whole(n_passes, **options):
    batches = loader(**options)
    return listed(batch for _ in range(n_passes) for batch in batches)
