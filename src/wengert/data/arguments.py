"""Checks of arguments that several loaders of data share."""

from typing import Any

import numpy as np
from numpy import ndarray


def check_type(function: str, name: str, value: Any, kind: type, needed: str) -> None:
    """Raises TypeError if `value` is not of the kind; `needed` says in words what it has to be."""
    if not isinstance(value, kind):
        raise TypeError(f"{function}: got {name} {value!r:.80}, needed {needed}")


def check_train(function: str, train: Any) -> None:
    """Raises TypeError for what is no bool: the text "test" would count as True."""
    check_type(function, "train", train, bool, "True, or False for the data to test with")


def check_count(function: str, name: str, n: Any, least: int) -> None:
    """Raises TypeError for what is not an integer, ValueError for one below `least`."""
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise TypeError(f"{function}: got {name} {n!r:.80}, needed an integer ≥ {least}")
    if n < least:
        raise ValueError(f"{function}: got {name} {n}, needed an integer ≥ {least}")


def pair(function: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """(value, value), or the value if it is a pair.

    Raises:
        ValueError: it is neither one integer ≥ `least` nor two of them.
    """
    both = value if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2 or not all(isinstance(n, int | np.integer) and n >= least for n in both):
        raise ValueError(
            f"{function}: got {name} {value!r:.80}, needed an integer ≥ {least}, "
            f"or two of them, (height, width)"
        )
    return int(both[0]), int(both[1])


def array_of(function: str, name: str, value: Any) -> ndarray:
    """The array that a user gave, or nested lists of equal lengths.

    Raises:
        ValueError: the lengths differ.
    """
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{function}: got {name} of lists of different lengths, needed an array"
        ) from None
