"""Triggers: when something is due, by updates, epochs or time."""

import time
from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

Moment = Literal["step", "epoch"]  # after an update; after an epoch and its validation
Unit = Literal["steps", "epochs", "seconds"]
Trigger: TypeAlias = Callable[["Trainer", Moment], bool]  # is it due at this moment?


def every(n: float, unit: Unit) -> Trigger:
    """Due after every n updates or epochs, or at the first update after every n seconds.

    Steps and epochs are counted from the start of training, so a resumed run has the same ones due
    as a run that was never stopped. Seconds are counted from when the trigger is first asked.

    Raises:
        ValueError: n is not an integer ≥ 1 (seconds: a number > 0), or there is no such unit.
    """
    if unit == "seconds":
        return _after_seconds(n)
    _check("every", n, unit)
    return _counted(unit, lambda count: count % n == 0)


def at(*counts: int, unit: Unit) -> Trigger:
    """Due once after each of these numbers of updates or epochs: `at(1, 10, 100, unit="steps")`.

    Raises:
        ValueError: there is none, one is not an integer ≥ 1, or there is no such unit.
    """
    if not counts:
        raise ValueError("at: got no numbers, needed one or more")
    for count in counts:
        _check("at", count, unit)
    return _counted(unit, frozenset(counts).__contains__)


def _counted(unit: Unit, due: Callable[[int], bool]) -> Trigger:
    if unit == "steps":
        return lambda trainer, moment: moment == "step" and due(trainer.step)
    return lambda trainer, moment: moment == "epoch" and due(trainer.epoch)


def _after_seconds(n: float) -> Trigger:
    if isinstance(n, str) or not 0 < n < float("inf"):
        raise ValueError(f"every: got {n!r} seconds, needed a number > 0")
    next_time: float | None = None

    def due(trainer: "Trainer", moment: Moment) -> bool:
        nonlocal next_time
        now = time.monotonic()
        if next_time is None:
            next_time = now + n
        if moment != "step" or now < next_time:
            return False
        next_time = now + n
        return True

    return due


def _check(caller: str, n: float, unit: str) -> None:
    if unit not in ("steps", "epochs"):
        known = "'steps', 'epochs' or 'seconds'" if caller == "every" else "'steps' or 'epochs'"
        raise ValueError(f"{caller}: got unit {unit!r}, needed {known}")
    if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{caller}: got {n!r} {unit}, needed an integer ≥ 1")
