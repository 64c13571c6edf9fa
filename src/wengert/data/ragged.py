"""Sequences of unequal lengths: `ragged` pads them to a batch, `Padded` keeps their lengths."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from wengert.data.collate import collate

AT_MOST = 100  # samples in the search for two of unequal length


class Padded(NamedTuple):
    """Sequences of unequal lengths in one array; what is past the end of a sequence is padding.

    A Trainer passes it to a model as `model(x, lengths=lengths)`. If targets are Padded, loss and
    metrics see the steps within the lengths only.

    Attributes:
        x: (B, T, …), with T the greatest length.
        lengths: integers, (B,).

    Example:
        >>> padded = Padded(np.array([[1, 2, 3], [4, 0, 0]]), np.array([3, 1]))
        >>> padded.mask.tolist()
        [[True, True, True], [True, False, False]]
        >>> padded.steps(padded.x).tolist()
        [1, 2, 3, 4]
    """

    x: Any
    lengths: Any

    @property
    def mask(self) -> ndarray:
        """Booleans, (B, T): whether a step is within its sequence."""
        return np.arange(np.shape(self.x)[1]) < np.asarray(self.lengths)[:, np.newaxis]

    def steps(self, y: Any) -> Any:
        """The steps of y, (B, T, …), that are within the lengths, (Σ lengths, …), one after
        the other. For a Variable it is recorded.

        Raises:
            ValueError: y has another number of sequences or steps.
        """
        shape = np.shape(self.x)[:2]
        if np.shape(y)[:2] != shape:
            raise ValueError(
                f"Padded.steps: got y {np.shape(y)} for {shape[0]} sequences of at most "
                f"{shape[1]} steps, needed {(*shape, '…')}: one output for each step"
            )
        return y[self.mask]

    def sequences(self) -> list[Any]:
        """The sequences, without padding."""
        return [x[:n] for x, n in zip(self.x, np.asarray(self.lengths).tolist(), strict=True)]


def ragged(
    samples: Sequence[Any],
    *,
    sequences: Collection[int | str] | None = None,
    padding: "float | Mapping[Any, float]" = 0,
) -> Any:
    """`collate` for samples with sequences of unequal lengths, which become `Padded`.

        DataLoader(dataset, 64, collate=ragged)  # (Padded(x, lengths), t) from samples (x, t)

    Options are given by `functools.partial(ragged, padding=-1)`.

    Args:
        samples: each a sequence, a tuple or a dict. A sequence is an array (T, …) or a list.
        sequences: the positions in the tuple, or the keys in the dict, of the sequences; the others
            are stacked. By default: the first component, and those that are as long as the first
            in each sample, such as a target for each step. A DataLoader decides it by the first
            samples of the data set, so that all batches have the same structure.
        padding: the value past the end of a sequence; a dict gives one for each position or key.

    Raises:
        TypeError: a sequence is not one.
        ValueError: there is no sample, or the samples differ in structure, or the steps in shape.

    Example:
        >>> batch = ragged([(np.ones((2, 5)), 0), (np.ones((3, 5)), 1)])
        >>> batch[0].x.shape, batch[0].lengths.tolist(), batch[1].tolist()
        ((2, 3, 5), [2, 3], [0, 1])
    """
    if not samples:
        raise ValueError("ragged: got no samples, needed at least one")
    first = samples[0]
    if not isinstance(first, tuple | dict):
        return _padded("", list(samples), padding)
    keys = _keys(first)
    for k, sample in enumerate(samples):
        if type(sample) is not type(first) or _keys(sample) != keys:
            raise ValueError(
                f"ragged: sample {k} of the batch has another structure than sample 0; needed "
                f"tuples of {len(first)}, or dicts with the same keys"
            )
    columns = {key: [sample[key] for sample in samples] for key in keys}
    chosen = _as_long_as_the_first(columns) if sequences is None else list(sequences)
    unknown = [key for key in chosen if key not in columns]
    if unknown:
        raise ValueError(f"ragged: got sequences {chosen}, needed some of {list(keys)}")
    values = {}
    for key, column in columns.items():
        fill = padding.get(key, 0) if isinstance(padding, Mapping) else padding
        where = f"[{key!r}]"
        values[key] = _padded(where, column, fill) if key in chosen else collate(column)
    if isinstance(first, dict):
        return values
    parts = values.values()
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def for_data_set(collate: Any, samples: Iterable[Any]) -> Any:
    """`collate`; for `ragged` with the sequences that these samples show, as one batch may not.

    In a batch of equal lengths, or of one sample, a vector of that length looks like a sequence.
    """
    options = collate.keywords if isinstance(collate, partial) else {}
    function = collate.func if isinstance(collate, partial) else collate
    if function is not ragged or options.get("sequences") is not None:
        return collate
    seen: list[Any] = []
    for sample in islice(samples, AT_MOST):
        if not isinstance(sample, tuple | dict) or (seen and _keys(sample) != _keys(seen[0])):
            return collate
        seen.append(sample)
        columns = {key: [x[key] for x in seen] for key in _keys(sample)}
        if len({_length(x) for x in next(iter(columns.values()))}) > 1:
            return partial(collate, sequences=_as_long_as_the_first(columns))
    return collate


def _keys(sample: tuple[Any, ...] | dict[Any, Any]) -> Any:
    return sample.keys() if isinstance(sample, dict) else range(len(sample))


def _as_long_as_the_first(columns: Mapping[Any, list[Any]]) -> list[Any]:
    lengths = {key: [_length(x) for x in column] for key, column in columns.items()}
    first = next(iter(columns))
    return [key for key in columns if key == first or lengths[key] == lengths[first]]


def _length(x: Any) -> int | None:
    return len(x) if isinstance(x, list) or np.ndim(x) else None


def _padded(where: str, values: list[Any], padding: Any) -> Padded:
    arrays = [_sequence(where, k, value) for k, value in enumerate(values)]
    steps = {array.shape[1:] for array in arrays}
    if len(steps) > 1:
        raise ValueError(
            f"ragged: sample{where} has steps of the shapes {sorted(steps)} in one batch, needed "
            f"equal ones; only the number of steps may differ"
        )
    lengths = np.array([len(array) for array in arrays])
    shape = (len(arrays), int(lengths.max()), *steps.pop())
    dtype = np.result_type(*arrays)
    try:
        x = np.full(shape, padding, dtype)
    except (OverflowError, ValueError):
        raise ValueError(f"ragged: got padding {padding!r} for {dtype}; choose another") from None
    for row, array in zip(x, arrays, strict=True):
        row[: len(array)] = array
    return Padded(x, lengths)


def _sequence(where: str, k: int, value: Any) -> ndarray:
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal lengths in a list
        array = np.asarray(None)
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise TypeError(
            f"ragged: sample{where} is {value!r:.60} in sample {k} of the batch, needed a sequence "
            f"of numbers: an array (T, …) or a list; sequences= names the components that are"
        )
    python = not isinstance(value, np.ndarray) and array.dtype == np.float64
    return array.astype(np.float32) if python else array  # as `collate`, for Python's floats
