"""`DataLoader`: from samples to batches."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.data.arguments import check_count, check_type
from wengert.data.collate import collate, combine
from wengert.data.dataset import Collate, Dataset, batch_of, check_dataset
from wengert.random import drawing_from, generator


class Loader:
    """What goes through a data set in batches: passes, their state, and who fetches.

    A subclass gives `__len__`, `_indices(number)` for pass `number`, and `_settings()`.

    Attributes:
        seed: all that a pass draws at random follows from it.
        passes: how many passes have begun.
        position: how many batches the pass begun last has handed out; None when it is over.
    """

    workers, worker_kind, prefetch = 0, "thread", 2

    def __init__(
        self, dataset: Dataset, batch_size: int, *, seed: int | None, collate: Collate
    ) -> None:
        caller = type(self).__name__
        check_dataset(caller, dataset)
        check_count(caller, "batch_size", batch_size, 1)
        if seed is not None:
            check_count(caller, "seed", seed, 0)
        if not callable(collate):
            raise TypeError(f"{caller}: got collate {collate!r}, needed a function of samples")
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = int(generator().integers(2**63)) if seed is None else int(seed)
        self.collate = collate
        self.passes = 0
        self.position: int | None = None
        self._latest: object = None  # stands for the iterator begun last; None after a load

    def __len__(self) -> int:
        """Batches in a full pass."""
        raise NotImplementedError

    def _indices(self, number: int) -> Callable[[int], ndarray]:
        """The samples of each batch of a pass, by the batch's number: (N,), or (B, T) of them."""
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        """What must be the same for a pass to go on where another loader left it."""
        return {"samples": len(self.dataset), "batch_size": self.batch_size}

    def __iter__(self) -> Generator[Any, None, None]:
        """The batches of a pass; its `close()` ends the pass early, as a `break` does."""
        if self.position is None or self._latest is not None:
            self.passes += 1
            self.position = 0
        self._latest = me = object()
        batches = self._pass(self.passes - 1, self.position, me)
        next(batches)  # up to its first yield: from there on, closing it ends the pass
        return batches

    def _pass(self, number: int, start: int, me: object) -> Generator[Any, None, None]:
        """None, and then the batches of a pass from batch `start` on.

        It notes its position as long as no pass begins after it, which then notes its own.
        """
        try:
            yield None
            with closing(self._fetched(number, range(start, len(self)))) as batches:
                for position, batch in enumerate(batches, start + 1):
                    if self._latest is me:
                        self.position = position
                    yield batch
        finally:
            if self._latest is me:
                self.position = None

    def _fetched(self, number: int, batches: range) -> Generator[Any, None, None]:
        indices = self._indices(number)
        fetch = _Fetch(self.dataset, self.collate, indices, self.seed, number)
        if self.workers == 0:
            return (fetch(k) for k in batches)
        from wengert.data.workers import in_order  # 10 ms, for those who have workers

        return in_order(
            fetch, batches, workers=self.workers, kind=self.worker_kind, prefetch=self.prefetch
        )

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: one that loads this does what this one would do next.

        Taken in the body of the loop, the next `for` goes on with the batch after it (and has none
        left after the last one). Taken when a pass is over, be it at its end or by a `break` or
        an error, it begins the next one. To go on with a pass that an error ended, keep its
        iterator: `batches = iter(loader)`.
        """
        state = {"seed": self.seed, "passes": self.passes, "position": self.position}
        return state | self._settings()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where the loader was that gave the state; takes its seed, too.

        Raises:
            ValueError: the state is of another number of samples or other settings; nothing has
                been changed then.
        """
        caller = f"{type(self).__name__}.load_state_dict"
        names = self.state_dict().keys()
        if not isinstance(state, Mapping) or state.keys() != names:
            raise ValueError(f"{caller}: got {state!r:.80}, needed a state with {', '.join(names)}")
        for name, here in self._settings().items():
            if state[name] != here:
                raise ValueError(
                    f"{caller}: the state is of a loader with {name} {state[name]!r}, but here it "
                    f"is {here!r}; make the loader as it was made then"
                )
        seed, passes, position = state["seed"], state["passes"], state["position"]
        begun = 0 if position is None else position
        fits = all(isinstance(n, int | np.integer) and n >= 0 for n in (seed, passes, begun))
        if not fits or begun > len(self) or (position is not None and passes == 0):
            raise ValueError(
                f"{caller}: got seed {seed}, passes {passes}, position {position}, which no "
                f"loader of {len(self)} batches gives"
            )
        self.seed, self.passes = int(seed), int(passes)
        self.position = None if position is None else int(begun)
        self._latest = None


@dataclass(frozen=True)
class _Fetch:
    """Makes batch k of a pass, the same one in whatever thread or process it is called."""

    dataset: Dataset
    collate: Collate
    indices: Callable[[int], ndarray]
    seed: int
    number: int

    def __call__(self, k: int) -> Any:
        indices = self.indices(k)
        shape = indices.shape
        try:
            # k + 1, for (seed, number, 0) would draw what (seed, number) has drawn: the order
            with drawing_from((self.seed, self.number, k + 1)):
                batch = batch_of(self.dataset, indices.ravel(), self.collate)
        except Exception as error:
            error.add_note(
                f"DataLoader: in batch {k} of pass {self.number}, of the samples "
                f"{np.array2string(indices.ravel(), threshold=20, separator=', ')}"
            )
            raise
        if indices.ndim == 1:
            return batch
        return combine([batch], lambda parts, _: parts[0].reshape(*shape, *parts[0].shape[1:]))


class DataLoader(Loader):
    """Goes through a data set in batches; each `for` over it is one pass, from the start.

    Args:
        dataset: samples, each a tuple of arrays or numbers, or what else `collate` takes.
        batch_size: samples in a batch; the last one of a pass may have fewer.
        shuffle: False keeps the order of the data set.
        seed: of the order, and of random transforms: pass k of two loaders of one seed goes the
            same way, whatever else draws random numbers. None draws the seed from
            `wengert.random`.
        drop_last: leave out a last batch of fewer samples.
        collate: makes a batch of a list of samples.
        workers: threads or processes that fetch ahead of the loop; 0 fetches when a batch is asked
            for. The batches are the same, to the bit, and in the same order.
        worker_kind: "thread" or "process".
        prefetch: batches that each worker may be ahead.

    The data set's random functions draw from `wengert.random.generator()`, which, while a batch is
    fetched, is one that follows from the seed, the pass and the batch alone: neither the number of
    workers nor a resumed run changes what they draw, and the model's own draws are not touched.

    Which workers: an `ArrayDataset` needs none, since a batch is one step of NumPy. Threads serve
    where NumPy, Pillow or the disk do the work, for they let other threads run meanwhile, and share
    all memory. Processes pay where Python itself does: each batch comes back through a pipe (2 to
    4 ms per MB), and each pass starts them anew, in tens of milliseconds where they are forked, and
    else in the time that the program's imports take. Where they are not forked (macOS, Windows,
    Linux from Python 3.14) the data set and `collate` must be picklable, and the program needs its
    `if __name__ == "__main__":`. Workers have modes (`wg.config`) of their own.

    They start with the first batch of a pass and end with the pass, be it by its end, `break`,
    an error, or when its iterator is dropped; a thread first ends the batch it is at. An error in
    a worker appears in the loop, with a note that names the samples.

    Raises:
        TypeError: the data set has no length or items, or a number is not whole.
        ValueError: an option is out of its range, or there is no batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
        collate: Collate = collate,
        workers: int = 0,
        worker_kind: str = "thread",
        prefetch: int = 2,
    ) -> None:
        super().__init__(dataset, batch_size, seed=seed, collate=collate)
        check_count("DataLoader", "workers", workers, 0)
        check_count("DataLoader", "prefetch", prefetch, 1)
        if worker_kind not in ("thread", "process"):
            raise ValueError(
                f"DataLoader: got worker_kind {worker_kind!r}, needed 'thread' or 'process'"
            )
        check_type("DataLoader", "shuffle", shuffle, bool, "True or False")
        check_type("DataLoader", "drop_last", drop_last, bool, "True or False")
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.workers = workers
        self.worker_kind = worker_kind
        self.prefetch = prefetch
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {len(dataset)} samples make no batch of {batch_size}; "
                f"give more samples, a smaller batch_size or drop_last=False"
            )

    def __len__(self) -> int:
        """Batches in a full pass."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def _indices(self, number: int) -> Callable[[int], ndarray]:
        order = np.arange(len(self.dataset))
        if self.shuffle:
            order = np.random.default_rng((self.seed, number)).permutation(order)
        return _Slices(order, self.batch_size)

    def _settings(self) -> dict[str, Any]:
        own = {"shuffle": self.shuffle, "drop_last": self.drop_last}
        return super()._settings() | own


@dataclass(frozen=True)
class _Slices:
    """Slice k, of `size` samples, of an order."""

    order: ndarray
    size: int

    def __call__(self, k: int) -> ndarray:
        return self.order[k * self.size : (k + 1) * self.size]
