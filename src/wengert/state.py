"""Comparison of a state that is to be loaded with the state that is needed.

Everything that has `load_state_dict` or reads arrays by name uses it, before anything is changed,
so that every mismatch is reported in the same words and all at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = Sequence[int | None]  # None where any size will do


@dataclass(frozen=True)
class Mismatch:
    """How a state differs from what is needed; the lists are empty where it does not.

    Attributes:
        missing: names that are needed and not in the state.
        unexpected: names in the state that are not needed.
        unfit: for each value of another kind or shape, what arrived and what was needed.
    """

    missing: list[str]
    unexpected: list[str]
    unfit: list[str]

    def check(self, caller: str, hint: str = "", *, strict: bool = True) -> None:
        """Raises an error that lists all differences.

        Args:
            caller: starts the message.
            hint: ends the message: what to do.
            strict: False allows missing and unexpected names.

        Raises:
            ValueError: the state does not fit.
        """
        problems = [
            f"{word}: {', '.join(found)}"
            for word, found in [
                ("missing", self.missing if strict else []),
                ("unexpected", self.unexpected if strict else []),
                ("unfit", self.unfit),
            ]
            if found
        ]
        if problems:
            end = f"; {hint}" if hint else ""
            raise ValueError(f"{caller}: {'; '.join(problems)}. Nothing was loaded{end}")


def compare_names(state: Iterable[str], needed: Iterable[str]) -> Mismatch:
    """The names that are missing in `state`, and those that are unexpected."""
    have, want = dict.fromkeys(map(str, state)), dict.fromkeys(needed)
    return Mismatch(
        missing=[name for name in want if name not in have],
        unexpected=[name for name in have if name not in want],
        unfit=[],
    )


def check_names(caller: str, state: Any, needed: Iterable[str]) -> None:
    """Checks that a state is a dict with the names that are needed, and no others.

    Raises:
        ValueError: it is not; the message lists all differences.
    """
    if not isinstance(state, Mapping):
        raise ValueError(f"{caller}: got {type(state).__name__}, needed a dict")
    compare_names(state, needed).check(caller, "is it the state of something else?")


def compare_state(state: Mapping[str, Any], shapes: Mapping[str, Shape]) -> Mismatch:
    """Names as `compare_names` does, and values that are not numeric or have another shape.

    Args:
        state: arrays or numbers by name.
        shapes: the needed shape of each; None stands for a size that is not yet known.
    """
    names = compare_names(state, shapes)
    unfit = []
    for name, shape in shapes.items():
        if name in state:
            arrived = np.asarray(getattr(state[name], "data", state[name]))
            if arrived.dtype.kind not in "fiub":
                unfit.append(f"{name} is {arrived.dtype}, needed numbers")
            elif not _fits(arrived.shape, shape):
                unfit.append(f"{name} is {arrived.shape}, needed {_described(shape)}")
    return Mismatch(names.missing, names.unexpected, unfit)


def _fits(shape: tuple[int, ...], needed: Shape) -> bool:
    return len(shape) == len(needed) and all(
        n is None or n == m for m, n in zip(shape, needed, strict=True)
    )


def _described(shape: Shape) -> str:
    sizes = ["any" if n is None else str(n) for n in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
