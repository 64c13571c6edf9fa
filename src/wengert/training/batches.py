"""Batches in groups, and outputs of batches joined."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.data.collate import combine


def groups(batches: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The batches in lists of `size`; the last list may be shorter."""
    iterator = iter(batches)
    while group := list(islice(iterator, size)):
        yield group


def joined(outputs: list[Any]) -> Any:
    """The outputs of several batches as one array; tuples, lists and dicts element by element."""
    return combine(outputs, lambda ys, _: np.concatenate([as_array(y) for y in ys]))
