"""`DataLoader`: iterates over a data set in batches."""

import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, explains_call, integer, text_of
from wengert.data.collate import collate, combine
from wengert.data.dataset import (
    Collate,
    Dataset,
    batch_of,
    check_dataset,
    described,
    hint_of_arrays,
    positions,
)
from wengert.data.draws import Draws
from wengert.data.ragged import for_data_set
from wengert.data.sampler import Sampler
from wengert.random import drawing_from, generator
from wengert.state import compare_names


class Loader:
    """Base of the loaders: passes over a data set in batches, their state, and the workers.

    A subclass defines `__len__`, `_indices(number)` for pass `number`, and `_settings()`.

    Attributes:
        seed: determines all random draws of all passes.
        passes: number of passes that have begun.
        position: number of batches that the latest pass has yielded; None when it is over.
    """

    workers, worker_kind, prefetch = 0, "thread", 2

    def __init__(
        self, dataset: Dataset, batch_size: int, *, seed: int | None, collate: Collate
    ) -> None:
        caller = type(self).__name__
        if hasattr(batch_size, "__len__") and np.ndim(batch_size):
            raise TypeError(
                f"{caller}: got an array as batch_size; for arrays x and t: "
                f"{caller}(ArrayDataset(x, t), batch_size)"
            )
        check_dataset(caller, dataset)
        if not callable(collate):
            raise TypeError(f"{caller}: got collate {collate!r}, needed a function of samples")
        self.dataset = dataset
        self.batch_size = integer(caller, "batch_size", batch_size, least=1)
        self.seed = (
            int(generator().integers(2**63))
            if seed is None
            else integer(caller, "seed", seed, least=0)
        )
        self.collate = collate
        self._settled: tuple[Any, Any] = (None, None)  # `collate`, and what it became
        self.passes = 0
        self.position: int | None = None
        self._latest: object = None  # identifies the latest iterator; None after a load
        self._draws_outside: bool | None = None  # of a loader with threads; None: not known yet

    def __len__(self) -> int:
        """Batches in a full pass."""
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        """The arguments of `__init__` to print, without data set and `collate`."""
        return {"batch_size": self.batch_size, "seed": self.seed}

    def __repr__(self) -> str:
        own = {} if self.collate is collate else {"collate": self.collate}
        options = [f"{name}={text_of(value)}" for name, value in (self._options() | own).items()]
        return f"{type(self).__name__}({', '.join([described(self.dataset), *options])})"

    def _indices(self, number: int) -> Callable[[int], ndarray]:
        """A function from the number of a batch to the indices of its samples, (N,) or (B, T)."""
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        """The settings that a loader must share with another one to continue its pass."""
        return {"samples": len(self.dataset), "batch_size": self.batch_size}

    def __iter__(self) -> Generator[Any, None, None]:
        """The batches of a pass; `close()` of the iterator ends the pass early, as `break` does."""
        if self.position is None or self._latest is not None:
            self.passes += 1
            self.position = 0
        self._latest = me = object()
        batches = self._pass(self.passes - 1, self.position, me)
        next(batches)  # runs to the first yield: closing a generator that runs ends the pass
        return batches

    def _pass(self, number: int, start: int, me: object) -> Generator[Any, None, None]:
        """Yields None, then the batches of a pass from batch `start` on.

        Updates the loader's position until a later pass begins.
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
        fetch = _Fetch(self.dataset, self._collate_of_set(), indices, self.seed, number)
        if self.workers == 0:
            return (fetch(k) for k in batches)
        if self.worker_kind == "thread":
            return self._by_threads(fetch, batches)
        return self._in_order(fetch, batches)

    def _collate_of_set(self) -> Collate:
        """`collate`, with what it takes from the whole data set."""
        if self._settled[0] is not self.collate:
            one = _Fetch(self.dataset, list, lambda k: np.array([k]), self.seed, 0)
            try:
                settled = for_data_set(self.collate, (one(k)[0] for k in range(len(self.dataset))))
            except Exception:
                settled = self.collate  # the error comes again with its batch
            self._settled = self.collate, settled
        made: Collate = self._settled[1]
        return made

    def _in_order(self, fetch: Callable[[int], Any], batches: range) -> Generator[Any, None, None]:
        from wengert.data.workers import in_order  # 10 ms, only where there are workers

        return in_order(
            fetch, batches, workers=self.workers, kind=self.worker_kind, prefetch=self.prefetch
        )

    def _by_threads(self, fetch: "_Fetch", batches: range) -> Generator[Any, None, None]:
        """The batches, fetched by worker threads; or all by this thread, if the first batch shows
        that the data set draws from random generators that the threads would share.
        """
        done: dict[int, Any] = {}
        if self._draws_outside is None and batches:
            k = batches[0]
            done[k], self._draws_outside = fetch.observed(k)
            if self._draws_outside:
                warnings.warn(_SHARED, stacklevel=4)
        if self._draws_outside:
            return (done.pop(k) if k in done else fetch(k) for k in batches)
        undisturbed = replace(fetch, draws=Draws())  # the other threads may draw from elsewhere
        return self._in_order(lambda k: done.pop(k) if k in done else undisturbed(k), batches)

    def state_dict(self) -> dict[str, Any]:
        """The position in the data: a loader that loads it continues as this one would.

        If it is taken in the body of the loop, the next `for` continues with the following batch
        (and is empty after the last one). If it is taken when a pass is over, at its end or after
        `break` or an error, the next `for` begins the next pass. To continue a pass after an error
        in the loop, keep its iterator: `batches = iter(loader)`.
        """
        state = {"seed": self.seed, "passes": self.passes, "position": self.position}
        return state | self._settings()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state of `state_dict()`; the seed is loaded, too.

        Raises:
            TypeError: `state` is not a dict.
            ValueError: the state has another number of samples or other settings; nothing is
                loaded then.
        """
        caller = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state, Mapping):
            raise TypeError(f"{caller}: got {state!r:.80}, needed a dict, as of state_dict()")
        compare_names(state, self.state_dict()).check(caller)
        for name, here in self._settings().items():
            if state[name] != here:
                raise ValueError(
                    f"{caller}: got a state with {name} {state[name]!r}, but this loader has "
                    f"{here!r}; make the loader with the same data and options"
                )
        seed, passes, position = state["seed"], state["passes"], state["position"]
        begun = 0 if position is None else position
        fits = all(isinstance(n, int | np.integer) and n >= 0 for n in (seed, passes, begun))
        if not fits or begun > len(self) or (position is not None and passes == 0):
            raise ValueError(
                f"{caller}: got seed {seed}, passes {passes}, position {position}; no loader "
                f"of {len(self)} batches has such a state"
            )
        self.seed, self.passes = int(seed), int(passes)
        self.position = None if position is None else int(begun)
        self._latest = None


@dataclass
class _Fetch:
    """Makes batch k of a pass; the result does not depend on the thread or process.

    Attributes:
        draws: the random sources of the data set's own code; None to find them at the first call,
            in the process that calls.
    """

    dataset: Dataset
    collate: Collate
    indices: Callable[[int], ndarray]
    seed: int
    number: int
    draws: Draws | None = None

    def __call__(self, k: int) -> Any:
        if self.draws is None:
            self.draws = Draws(self.dataset, self.collate)
        if not self.draws.outside:
            return self._batch(k)
        with self.draws.from_seed(self._seed(k)):
            return self._batch(k)

    def observed(self, k: int) -> tuple[Any, bool]:
        """Batch k, and whether the data set's own code drew random numbers."""
        self.draws = Draws(self.dataset, self.collate)
        with self.draws.from_seed(self._seed(k)):
            before = self.draws.states()
            return self._batch(k), self.draws.states() != before

    def _seed(self, k: int) -> tuple[int, int, int]:
        # k + 1, as (seed, number, 0) would repeat the draws of (seed, number): the order
        return (self.seed, self.number, k + 1)

    def _batch(self, k: int) -> Any:
        indices = self.indices(k)
        shape = indices.shape
        try:
            with drawing_from(self._seed(k)):
                batch = batch_of(self.dataset, indices.ravel(), self.collate)
        except Exception as error:
            error.add_note(
                f"DataLoader: in batch {k} of pass {self.number}, with the samples "
                f"{np.array2string(indices.ravel(), threshold=20, separator=', ')}"
            )
            raise
        if indices.ndim == 1:
            return batch
        return combine([batch], lambda xs, _: xs[0].reshape(*shape, *xs[0].shape[1:]))


_SHARED = (
    "DataLoader: the data set draws random numbers from np.random, from random, or from a "
    "generator that it keeps, which threads would share; so its batches are fetched without "
    "workers. Draw from wengert.random.generator(), or use worker_kind='process'"
)


class DataLoader(Loader):
    """Iterates over a data set in batches; each `for` over it is one pass, from the start.

    Args:
        dataset: samples, each a tuple of arrays or numbers, or any other input of `collate`.
        batch_size: samples in a batch; the last batch of a pass may have fewer.
        shuffle: False keeps the order of the data set.
        seed: of the order and of random transforms: pass k of two loaders with the same seed gives
            the same batches, whatever else draws random numbers. None draws the seed from
            `wengert.random`.
        drop_last: leave out a last batch of fewer samples.
        sampler: draws the samples of each pass in place of `shuffle`: a `WeightedSampler`, a
            `BalancedSampler`, or another `Sampler`.
        collate: makes a batch of a list of samples.
        workers: threads or processes that fetch batches in advance; 0 fetches each batch when the
            loop needs it. The batches are the same, to the bit, and in the same order.
        worker_kind: "thread" or "process".
        prefetch: batches that each worker may fetch in advance.

    The data set's random functions draw from `wengert.random.generator()`, which, while a batch is
    fetched, is a generator seeded by the loader's seed, the pass and the batch alone: neither the
    number of workers nor resuming changes the draws, and the model's own draws are not affected.
    The same holds for draws from `np.random`, from Python's `random`, and from generators that the
    data set or its functions keep (`self.rng = np.random.default_rng()`): while a batch is fetched,
    their states follow from the seed, and are restored afterwards. Threads would share them: if the
    first batch draws from one, all batches are fetched without workers, with a warning. (The same
    applies to PyTorch's generator, not to those of other libraries.)

    An `ArrayDataset` needs no workers, since a batch is one NumPy operation. Threads are suitable
    for work of NumPy, Pillow or the disk, during which other threads run, and they share all
    memory. Processes are suitable for Python code: each batch is sent through a pipe (2 to
    4 ms per MB), and each pass starts new processes, which takes tens of milliseconds where they
    are forked, and otherwise the time of the program's imports. Where they are not forked (macOS,
    Windows, Linux from Python 3.14) the data set and `collate` must be picklable, and the program
    needs its `if __name__ == "__main__":`. Workers have their own modes (`wg.config`).

    They start with the first batch of a pass and stop at its end, at `break`, after an error, or
    when the iterator is garbage-collected; a thread first finishes its batch. An error in a worker
    is raised in the loop, with a note that names the samples.

    Raises:
        TypeError: the data set has no length or items, or an option has the wrong type.
        ValueError: an option is out of its range, or there is no batch.
    """

    @explains_call(hint_of_arrays)
    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
        sampler: Sampler | None = None,
        collate: Collate = collate,
        workers: int = 0,
        worker_kind: str = "thread",
        prefetch: int = 2,
    ) -> None:
        super().__init__(dataset, batch_size, seed=seed, collate=collate)
        if worker_kind not in ("thread", "process"):
            raise ValueError(
                f"DataLoader: got worker_kind {worker_kind!r}, needed 'thread' or 'process'"
            )
        self.shuffle = boolean("DataLoader", "shuffle", shuffle)
        self.drop_last = boolean("DataLoader", "drop_last", drop_last)
        self.sampler = _checked_sampler(sampler, len(dataset))
        self.workers = integer("DataLoader", "workers", workers, least=0)
        self.worker_kind = worker_kind
        self.prefetch = integer("DataLoader", "prefetch", prefetch, least=1)
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {self._samples} samples make no batch of {batch_size}; "
                f"give more samples, a smaller batch_size or drop_last=False"
            )

    def __len__(self) -> int:
        """Batches in a full pass."""
        full, rest = divmod(self._samples, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    @property
    def _samples(self) -> int:
        """Samples in a full pass."""
        return len(self.dataset) if self.sampler is None else len(self.sampler)

    def _indices(self, number: int) -> Callable[[int], ndarray]:
        n = len(self.dataset)
        if self.sampler is not None:
            drawn = self.sampler.order(np.random.default_rng((self.seed, number)))
            order = np.atleast_1d(positions(type(self.sampler).__name__, drawn, n))
        elif self.shuffle:
            order = np.random.default_rng((self.seed, number)).permutation(n)
        else:
            order = np.arange(n)
        return _Slices(order, self.batch_size)

    def _settings(self) -> dict[str, Any]:
        own: dict[str, Any] = {"shuffle": self.shuffle, "drop_last": self.drop_last}
        if self.sampler is not None:  # (states of loaders without one do not name it)
            own |= {"sampler": type(self.sampler).__name__, "drawn": len(self.sampler)}
        return super()._settings() | own

    def _options(self) -> dict[str, Any]:
        names = ["batch_size", "shuffle", "seed", "drop_last", "workers", "worker_kind", "prefetch"]
        if self.sampler is not None:
            names[1] = "sampler"  # in place of `shuffle`, which it replaces
        return {name: getattr(self, name) for name in names}


def _checked_sampler(sampler: Any, n: int) -> Sampler | None:
    """The sampler, if it has the methods of one and is made for a data set of n samples."""
    if sampler is None:
        return None
    if isinstance(sampler, type) or not (hasattr(sampler, "__len__") and hasattr(sampler, "order")):
        raise TypeError(
            f"DataLoader: got sampler {text_of(sampler):.80}, needed an object with len() and "
            f"order(rng), such as WeightedSampler(weights); for a selection of samples use "
            f"Subset(dataset, indices)"
        )
    if getattr(sampler, "population", n) != n:
        raise ValueError(
            f"DataLoader: got {n} samples and a {type(sampler).__name__} for "
            f"{sampler.population}; it needs one weight or label for each sample"
        )
    return sampler


@dataclass(frozen=True)
class _Slices:
    """Slice k of the order, of `size` samples."""

    order: ndarray
    size: int

    def __call__(self, k: int) -> ndarray:
        return self.order[k * self.size : (k + 1) * self.size]
