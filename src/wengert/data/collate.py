"""`collate`: from samples to a batch of the same structure."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

Leaf = Callable[[list[Any], str], Any]


def collate(samples: Sequence[Any]) -> Any:
    """One batch of samples that are built alike: arrays whose first axis counts the samples.

    Tuples, lists and dicts keep their structure, at any depth; what stands in them, arrays, numbers
    and strings, is stacked with what stands at the same place in the other samples:

    - NumPy's arrays and numbers keep their dtype (or get the one that holds them all);
    - Python's bool becomes bool, int int64, and float float32, as the parameters of a model are:
      a batch of float64 would make float64 of all that is computed from it;
    - strings become an array of strings.

    Raises:
        TypeError: something else stands in a sample.
        ValueError: there is no sample; or the samples differ in structure or shape.

    Example:
        >>> x, t = collate([(np.zeros(2), 3), (np.ones(2), 4)])
        >>> x.shape, t.tolist()
        ((2, 2), [3, 4])
    """
    return combine(samples, _stack)


def combine(items: Sequence[Any], leaf: Leaf, where: str = "") -> Any:
    """The structure that all items share, with `leaf(parts, where)` for the parts of each place.

    Raises:
        ValueError: there is no item, or one is built in another way than the first.
    """
    if not items:
        raise ValueError("collate: got no samples, needed at least one")
    first = items[0]
    outline = _outline(first)
    for k, item in enumerate(items):
        if _outline(item) != outline:
            raise ValueError(
                f"collate: sample{where} is {_told(first)} in sample 0 of the batch but "
                f"{_told(item)} in sample {k}; {_CURE}"
            )
    if isinstance(first, dict):
        keys = {key: f"{where}[{key!r}]" for key in first}
        return {key: combine([item[key] for item in items], leaf, keys[key]) for key in first}
    if isinstance(first, tuple | list):
        columns = enumerate(zip(*items, strict=True))
        parts = [combine(column, leaf, f"{where}[{i}]") for i, column in columns]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return leaf(list(items), where)


def _outline(item: Any) -> Any:
    """What two items must have in common to be combined."""
    if isinstance(item, dict):
        return item.keys()
    return (type(item), len(item)) if isinstance(item, tuple | list) else None


def _told(item: Any) -> str:
    if isinstance(item, dict):
        return f"a dict of {list(item)}"
    kind = type(item).__name__
    return f"a {kind} of {len(item)}" if isinstance(item, tuple | list) else f"of type {kind}"


def _stack(values: list[Any], where: str) -> ndarray:
    for k, value in enumerate(values):
        if not isinstance(value, _STACKED):
            raise TypeError(
                f"collate: sample{where} is of type {type(value).__name__} in sample {k} of the "
                f"batch, needed arrays, numbers and strings, in tuples, lists and dicts; {_CURE}"
            )
        if np.shape(value) != np.shape(values[0]):
            raise ValueError(
                f"collate: sample{where} has shape {np.shape(values[0])} in sample 0 of the batch "
                f"but {np.shape(value)} in sample {k}; bring them to one shape, or {_CURE}"
            )
    batch = np.empty((len(values), *np.shape(values[0])), _common_dtype(values, where))
    try:
        for k, value in enumerate(values):
            batch[k] = value
    except OverflowError:
        raise ValueError(
            f"collate: sample{where} is {value} in sample {k} of the batch, too large for "
            f"{batch.dtype}; {_CURE}"
        ) from None
    return batch


def _common_dtype(values: list[Any], where: str) -> "np.dtype[Any]":
    kinds = {getattr(value, "dtype", type(value)): value for value in values}
    texts = [isinstance(value, str) for value in kinds.values()]
    if all(texts):
        return np.asarray(values).dtype  # as wide as the longest
    try:
        if any(texts):
            raise TypeError
        dtype = np.result_type(*map(_promoted_as, kinds.values()))
    except TypeError:
        names = ", ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
        raise TypeError(
            f"collate: sample{where} is of types {names} in one batch, which no dtype holds; "
            f"{_CURE}"
        ) from None
    of_python = all(isinstance(kind, type) for kind in kinds)
    return np.dtype(np.float32) if of_python and dtype == np.float64 else dtype


def _promoted_as(value: Any) -> Any:
    """What NumPy finds the common dtype by: a dtype, or a number of Python, which gives way."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype
    return next(kind() for kind in (bool, int, float) if isinstance(value, kind))


_STACKED = (np.ndarray, np.generic, bool, int, float, str)
_CURE = "give collate= a function that makes a batch of such samples"
