"""Checks of arguments that several loaders of data share."""

import os
from pathlib import Path
from typing import Any


def path_of(function: str, name: str, value: Any) -> Path:
    """The path that a user gave, with ~ for the home folder.

    Raises:
        TypeError: it is neither text nor a path.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{function}: got {name} {value!r:.80}, needed a path")
    return Path(value).expanduser()


def check_type(function: str, name: str, value: Any, kind: type, needed: str) -> None:
    """Raises TypeError if `value` is not of the kind; `needed` says in words what it has to be."""
    if not isinstance(value, kind):
        raise TypeError(f"{function}: got {name} {value!r:.80}, needed {needed}")


def check_train(function: str, train: Any) -> None:
    """Raises TypeError for what is no bool: the text "test" would count as True."""
    check_type(function, "train", train, bool, "True, or False for the data to test with")


def check_at_least(function: str, name: str, number: Any, least: int) -> None:
    """Raises TypeError if it is no whole number, ValueError if it is less."""
    if not hasattr(number, "__index__"):
        raise TypeError(f"{function}: got {name} {number!r:.80}, needed a whole number ≥ {least}")
    if number < least:
        raise ValueError(f"{function}: got {name} {number}, needed {least} or more")
