"""`SeqDataLoader`: one long sequence as parallel streams, for truncated backpropagation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, explains_call, integer
from wengert.data.arguments import array_of
from wengert.data.collate import collate
from wengert.data.dataset import ArrayDataset, Collate, Dataset, hint_of_arrays
from wengert.data.loader import Loader


class SeqDataLoader(Loader):
    """Cuts a sequence into `batch_size` streams of equal length, and reads them in parallel.

    Row b of each batch continues row b of the batch before, so that a recurrent model keeps its
    state from batch to batch, and resets it before the next pass:

        batches = SeqDataLoader(with_next(tokens), 32, steps=100)
        for epoch in range(epochs):
            h = c = None
            for x, t in batches:  # (32, 100) each
                y, h, c = model(x, h, c)
                ...
                h, c = h.detach(), c.detach()

    The last len(dataset) % batch_size samples, too few for a time step of all streams, are left
    out.

    Args:
        dataset: the samples in the order of time, as `with_next` makes them from a sequence.
        batch_size: B, the number of streams.
        steps: None makes batches of one time step, (B, …). T makes windows of T time steps,
            (B, T, …); the last window of a pass may have fewer.
        drop_last: leave out a last window of fewer time steps.
        seed: of random transforms in the data set; None draws it from `wengert.random`.
        collate: makes a batch of a list of samples.

    Raises:
        TypeError: the data set has no length or items, or an option has the wrong type.
        ValueError: an option is out of its range, or there is no batch.
    """

    @explains_call(hint_of_arrays)
    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        steps: int | None = None,
        *,
        drop_last: bool = False,
        seed: int | None = None,
        collate: Collate = collate,
    ) -> None:
        super().__init__(dataset, batch_size, seed=seed, collate=collate)
        if steps is not None:
            steps = integer("SeqDataLoader", "steps", steps, least=1)
        self.steps = steps
        self.drop_last = boolean("SeqDataLoader", "drop_last", drop_last)
        if len(self) == 0:
            raise ValueError(
                f"SeqDataLoader: {len(dataset)} samples make no batch of {batch_size} streams"
                f"{'' if steps is None else f' by {steps} steps'}; give more samples, fewer "
                f"streams or steps, or drop_last=False"
            )

    @property
    def times(self) -> int:
        """Time steps of each stream."""
        return len(self.dataset) // self.batch_size

    def __len__(self) -> int:
        """Batches in a full pass."""
        full, rest = divmod(self.times, self.steps or 1)
        return full + (rest > 0 and not self.drop_last)

    def _indices(self, number: int) -> Callable[[int], ndarray]:
        return _Windows(self.batch_size, self.times, self.steps)

    def _settings(self) -> dict[str, Any]:
        own = {"steps": self.steps, "drop_last": self.drop_last}
        return super()._settings() | own

    def _options(self) -> dict[str, Any]:
        names = ("batch_size", "steps", "drop_last", "seed")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class _Windows:
    """Time steps k T to (k + 1) T of all B streams, (B, T); or time step k, (B,), if T is None."""

    streams: int
    times: int
    steps: int | None

    def __call__(self, k: int) -> ndarray:
        starts = self.times * np.arange(self.streams)
        if self.steps is None:
            return starts + k
        end = min((k + 1) * self.steps, self.times)
        return starts[:, None] + np.arange(k * self.steps, end)


def with_next(sequence: ndarray) -> ArrayDataset:
    """Samples (x, t) of a sequence: each element and the next one.

    Both are views of `sequence`, not copies.

    Raises:
        ValueError: the sequence has fewer than two elements.

    Example:
        >>> with_next(np.array([3, 1, 4]))[:]
        (array([3, 1]), array([1, 4]))
    """
    sequence = array_of("with_next", "sequence", sequence)
    if sequence.ndim == 0 or len(sequence) < 2:
        raise ValueError(
            f"with_next: got shape {sequence.shape}, needed a sequence of at least two elements"
        )
    return ArrayDataset(sequence[:-1], sequence[1:])
