"""Triggers: when something is due, counted in updates, epochs or seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from wengert.arguments import integer, number
from wengert.training.trainer_view import TrainerView

Moment = Literal["step", "epoch"]  # after an update; after an epoch and its validation
Unit = Literal["steps", "epochs", "seconds"]
Trigger: TypeAlias = Callable[[TrainerView, Moment], bool]  # is it due at this moment?


def every(n: float, unit: Unit) -> Trigger:
    """Due after every n updates or epochs, or at the first update after every n seconds.

    Steps and epochs are counted from the start of training, so a resumed training has the same
    ones due as an uninterrupted one. Seconds are counted from the first call of the trigger.

    Raises:
        TypeError: n is not an integer (seconds: not a number).
        ValueError: n is less than 1 (seconds: not greater than 0), or the unit is unknown.
    """
    if unit == "seconds":
        return _EverySeconds(number("every", "n", n, above=0))
    _check_unit("every", unit, "'steps', 'epochs' or 'seconds'")
    return _Every(integer("every", "n", n, least=1), unit)


def at(*counts: int, unit: Unit) -> Trigger:
    """Due once after each of these numbers of updates or epochs: `at(1, 10, 100, unit="steps")`.

    Raises:
        TypeError: a count is not an integer.
        ValueError: there are no counts, one is less than 1, or the unit is unknown.
    """
    if not counts:
        raise ValueError("at: got no counts, needed one or more")
    _check_unit("at", unit, "'steps' or 'epochs'")
    return _At(tuple([integer("at", "count", count, least=1) for count in counts]), unit)


@dataclass(frozen=True)
class _Every:
    n: int
    unit: Unit

    def __call__(self, trainer: TrainerView, moment: Moment) -> bool:
        return self.unit == f"{moment}s" and _count(trainer, moment) % self.n == 0

    def __repr__(self) -> str:
        return f"every({self.n}, {self.unit!r})"


@dataclass(frozen=True)
class _At:
    counts: tuple[int, ...]
    unit: Unit

    def __call__(self, trainer: TrainerView, moment: Moment) -> bool:
        return self.unit == f"{moment}s" and _count(trainer, moment) in self.counts

    def __repr__(self) -> str:
        return f"at({', '.join(map(str, self.counts))}, unit={self.unit!r})"


class _EverySeconds:
    def __init__(self, n: float) -> None:
        self.n = n
        self.next_time: float | None = None

    def __call__(self, trainer: TrainerView, moment: Moment) -> bool:
        now = time.monotonic()
        if self.next_time is None:
            self.next_time = now + self.n
        if moment != "step" or now < self.next_time:
            return False
        self.next_time = now + self.n
        return True

    def __repr__(self) -> str:
        return f"every({self.n:g}, 'seconds')"


def _count(trainer: TrainerView, moment: Moment) -> int:
    return trainer.step if moment == "step" else trainer.epoch


def _check_unit(caller: str, unit: str, needed: str) -> None:
    if unit not in ("steps", "epochs"):
        raise ValueError(f"{caller}: got unit {unit!r}, needed {needed}")
