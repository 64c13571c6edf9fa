"""What the loop does with batches: take them in groups, and go on in their middle."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.data.collate import combine


def groups(batches: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The batches in lists of `size`; the last may be shorter."""
    iterator = iter(batches)
    while group := list(islice(iterator, size)):
        yield group


def joined(outputs: list[Any]) -> Any:
    """Outputs of several batches as one array; tuples, lists and dicts of outputs as such."""
    return combine(outputs, lambda ys, _: np.concatenate([as_array(y) for y in ys]))


# ---- To stop and go on ----


def is_resumable(x: Any) -> bool:
    """Whether x can say where it stands, and go on there."""
    return hasattr(x, "state_dict") and hasattr(x, "load_state_dict")


def place_in(batches: Any) -> Any:
    """Where the batches stand; None if they cannot say."""
    return batches.state_dict() if is_resumable(batches) else None


def go_to(place: Any, batches: Any, name: str) -> None:
    """Lets the batches go on where `place_in` was asked.

    Raises:
        ValueError: they are not what they were.
    """
    if is_resumable(batches) != (place is not None):
        was = "could not say where they stand" if place is None else "had a place to go on from"
        raise ValueError(
            f"Trainer.fit: the {name} batches of the state {was}, and a {type(batches).__name__} "
            f"is not like that; give the same data"
        )
    if place is not None:
        batches.load_state_dict(place)


def load_together(parts: Iterable[tuple[str, Any, Any]]) -> None:
    """Loads the state of each part (name, part, state), or of none.

    Raises:
        ValueError: a part refuses its state; the others are as they were.
    """
    before: list[tuple[Any, Any]] = []
    for name, part, state in parts:
        try:
            with suppress(RuntimeError):  # a model without sizes has nothing to go back to
                before.append((part, part.state_dict()))
            part.load_state_dict(state)
        except BaseException as error:
            for loaded, old in before:
                loaded.load_state_dict(old)
            if isinstance(error, Exception):
                kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
                raise ValueError(f"{name} does not take its state. {kind}{error}") from error
            raise
