"""Checks of a state that is to be loaded, before anything is changed."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def check_names(
    caller: str, given: Mapping[str, Any], needed: Mapping[str, Any], cure: str
) -> None:
    """Refuses a state that lacks names or has others.

    Raises:
        ValueError: lists all of them.
    """
    missing = [name for name in needed if name not in given]
    unexpected = [name for name in given if name not in needed]
    lists = [
        f"{word} {', '.join(names)}"
        for word, names in [("missing", missing), ("unexpected", unexpected)]
        if names
    ]
    if lists:
        raise ValueError(f"{caller}: {'; '.join(lists)}; is it of another model? ({cure})")


def check_shapes(caller: str, given: Mapping[str, Any], needed: Mapping[str, Any]) -> None:
    """Refuses a state with a value that is no number or array, or has another shape.

    Raises:
        ValueError: lists all of them.
    """
    wrong = []
    for name, value in needed.items():
        arrived = np.asarray(given[name])
        if arrived.dtype.kind not in "fiub":
            wrong.append(f"{name} is {arrived.dtype}, needed numbers")
        elif arrived.shape != np.shape(value):
            wrong.append(f"{name} {arrived.shape}, needed {np.shape(value)}")
    if wrong:
        raise ValueError(f"{caller}: {'; '.join(wrong)}; is it of another model?")
