"""Checks of arguments that several functions of this package share."""

from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import integers


def check_type(caller: str, name: str, value: Any, kind: type, needed: str) -> None:
    """Raises TypeError if `value` is not of this type; `needed` describes it in words."""
    if not isinstance(value, kind):
        raise TypeError(f"{caller}: got {name} {value!r:.80}, needed {needed}")


def check_train(caller: str, train: Any) -> None:
    """Raises TypeError if `train` is not a bool: the string "test" would count as True."""
    check_type(caller, "train", train, bool, "True, or False for the test data")


def pair(caller: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """(height, width): `value` twice if it is one integer.

    Raises:
        TypeError: value is neither an integer nor a sequence of integers.
        ValueError: there are not one or two of them, or one is less than `least`.
    """
    sizes = integers(caller, name, value, least)
    if len(sizes) not in (1, 2):
        raise ValueError(
            f"{caller}: got {name} {value!r:.80}, needed an integer ≥ {least}, or (height, width)"
        )
    return sizes[0], sizes[-1]


def array_of(caller: str, name: str, value: Any) -> ndarray:
    """`value` as an array; it may be an array or nested lists of equal lengths.

    Raises:
        ValueError: the lengths differ.
    """
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{caller}: got {name} of lists of different lengths, needed an array"
        ) from None
