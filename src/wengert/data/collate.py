"""`collate`: a list of samples as one batch of the same structure."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.core import Variable

Leaf = Callable[[list[Any], str], Any]


def collate(samples: Sequence[Any]) -> Any:
    """One batch of samples of the same structure: arrays whose first axis is the sample.

    Tuples, lists and dicts keep their structure, at any depth; the arrays, numbers and strings in
    them are stacked with those at the same position of the other samples:

    - NumPy's arrays and numbers keep their dtype (or get a common one);
    - Python's bool becomes bool, int becomes int64, and float becomes float32, the dtype of a
      model's parameters: a float64 batch would make all results float64;
    - strings become an array of strings;
    - arrays of other libraries, such as tensors, become NumPy's.

    Raises:
        TypeError: a sample contains another type.
        ValueError: there is no sample, or the samples differ in structure or shape.

    Example:
        >>> x, t = collate([(np.zeros(2), 3), (np.ones(2), 4)])
        >>> x.shape, t.tolist()
        ((2, 2), [3, 4])
    """
    return combine(samples, _stack)


def combine(items: Sequence[Any], leaf: Leaf, where: str = "") -> Any:
    """The structure that all items share, with `leaf(values, where)` at each position.

    Args:
        items: of the same structure.
        leaf: combines the values at one position; `where` is the position as text, such as "[0]".

    Raises:
        ValueError: there is no item, or an item differs in structure from the first.
    """
    if not items:
        raise ValueError("collate: got no samples, needed at least one")
    first = items[0]
    outline = _outline(first)
    for k, item in enumerate(items):
        if _outline(item) != outline:
            lists = isinstance(first, list) and isinstance(item, list)
            raise ValueError(
                f"collate: sample{where} is {_described(first)} in sample 0 of the batch but "
                f"{_described(item)} in sample {k}; {_RAGGED if lists else _HINT}"
            )
    if isinstance(first, dict):
        keys = {key: f"{where}[{key!r}]" for key in first}
        return {key: combine([item[key] for item in items], leaf, keys[key]) for key in first}
    if isinstance(first, tuple | list):
        columns = enumerate(zip(*items, strict=True))
        values = [combine(column, leaf, f"{where}[{i}]") for i, column in columns]
        return type(first)(*values) if hasattr(first, "_fields") else type(first)(values)
    return leaf(list(items), where)


def _outline(item: Any) -> Any:
    """The structure of an item at its top level, for comparisons."""
    if isinstance(item, dict):
        return item.keys()
    return (type(item), len(item)) if isinstance(item, tuple | list) else None


def _described(item: Any) -> str:
    if isinstance(item, dict):
        return f"a dict of {list(item)}"
    kind = type(item).__name__
    return f"a {kind} of {len(item)}" if isinstance(item, tuple | list) else f"of type {kind}"


def _stack(values: list[Any], where: str) -> ndarray:
    if not all(map(_is_plain, values)):
        values = [_stacked(value, k, where) for k, value in enumerate(values)]
    shape = np.shape(values[0])
    for k, value in enumerate(values):
        if np.shape(value) != shape:
            ragged = np.ndim(value) == len(shape) and np.shape(value)[1:] == shape[1:]
            raise ValueError(
                f"collate: sample{where} has shape {shape} in sample 0 of the batch "
                f"but {np.shape(value)} in sample {k}; make their shapes equal, or "
                f"{_RAGGED if ragged else _HINT}"
            )
    batch = np.empty((len(values), *np.shape(values[0])), _common_dtype(values, where))
    try:
        for k, value in enumerate(values):
            batch[k] = value
    except OverflowError:
        raise ValueError(
            f"collate: sample{where} is {value} in sample {k} of the batch, too large for "
            f"{batch.dtype}; {_HINT}"
        ) from None
    return batch


def _is_plain(value: Any) -> bool:
    return isinstance(value, _STACKED) and getattr(value, "dtype", _NUMBER).kind != "O"


def _stacked(value: Any, k: int, where: str) -> Any:
    """The value at one position of sample k, as an array if it is one of another library."""
    if isinstance(value, Variable):
        kind, needed = "of type Variable", "its array, x.data"
    elif not isinstance(value, _STACKED) and hasattr(value, "__array__"):
        return _stacked(np.asarray(value), k, where)
    elif not isinstance(value, _STACKED):
        kind = f"of type {type(value).__name__}"
        needed = "arrays, numbers and strings, in tuples, lists and dicts"
    elif isinstance(value, ndarray) and value.dtype == object:
        kinds = sorted({type(each).__name__ for each in value.ravel().tolist()})
        kind, needed = f"an array of objects ({', '.join(kinds)})", "numbers, or text alone"
    else:
        return value
    raise TypeError(
        f"collate: sample{where} is {kind} in sample {k} of the batch, needed {needed}; {_HINT}"
    )


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
            f"collate: sample{where} is of types {names} in one batch, which have no common dtype; "
            f"{_HINT}"
        ) from None
    of_python = all(isinstance(kind, type) for kind in kinds)
    return np.dtype(np.float32) if of_python and dtype == np.float64 else dtype


def _promoted_as(value: Any) -> Any:
    """The argument for np.result_type: a dtype, or a Python number, which adapts to dtypes."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype
    return next(kind() for kind in (bool, int, float) if isinstance(value, kind))


_STACKED = (np.ndarray, np.generic, bool, int, float, str)
_NUMBER = np.dtype(np.float64)
_RAGGED = "use collate=wengert.data.ragged, which pads sequences of unequal lengths"
_HINT = "use collate=, a function that makes a batch of such samples"
