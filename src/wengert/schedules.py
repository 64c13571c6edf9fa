"""Schedules: a learning rate (or another option) as a function of the step.

A schedule is a plain function of the number of updates done before, 0 for the first. The functions
here make such functions; so does any `lambda step: ...`.

    optimizer = Adam(warm_up(cosine(1e-3, steps=9_000), steps=1_000))
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, TypeAlias

Schedule: TypeAlias = Callable[[int], float]


def constant(value: float) -> Schedule:
    """The same at every step."""
    _check("constant", value=value)
    return lambda step: value


def linear(start: float, end: float, steps: int) -> Schedule:
    """From `start` to `end` in a straight line; after `steps` it stays there."""
    _check("linear", start=start, end=end)
    _check_count("linear", "steps", steps)
    return lambda step: start + (end - start) * min(step / steps, 1.0)


def step_decay(start: float, at: int | Sequence[int], factor: float = 0.1) -> Schedule:
    """Times `factor` again and again: every `at` steps, or at each step of the list `at`."""
    _check("step_decay", start=start, factor=factor)
    if isinstance(at, Iterable):
        steps = _rising("step_decay", at)
        return lambda step: start * factor ** bisect_right(steps, step)
    every = at
    _check_count("step_decay", "at", every)
    return lambda step: start * factor ** (step // every)


def exponential(start: float, factor: float) -> Schedule:
    """start factorˢᵗᵉᵖ."""
    _check("exponential", start=start, factor=factor)
    return lambda step: start * factor**step


def cosine(start: float, steps: int, end: float = 0.0) -> Schedule:
    """From `start` to `end` along half a cosine; after `steps` it stays there.

    Source: Loshchilov, Hutter, SGDR, 2017, equation 5, without restarts.
    """
    _check("cosine", start=start, end=end)
    _check_count("cosine", "steps", steps)
    return lambda step: _along_cosine(start, end, min(step / steps, 1.0))


def polynomial(start: float, steps: int, power: float = 1.0, end: float = 0.0) -> Schedule:
    """end + (start - end) (1 - step / steps)ᵖᵒʷᵉʳ; after `steps` it stays at `end`."""
    _check("polynomial", start=start, power=power, end=end)
    _check_count("polynomial", "steps", steps)
    return lambda step: end + (start - end) * (1 - min(step / steps, 1.0)) ** power


def warm_up(then: Schedule | float, steps: int, start: float = 0.0) -> Schedule:
    """From `start` in a straight line to where `then` begins; after `steps`, `then` from its 0 on.

    Args:
        then: a schedule, or a number that is kept.
        steps: of the warm-up.
        start: where it begins. At 0 the first update does nothing but fill what an optimizer
            remembers.
    """
    after = then if callable(then) else constant(then)
    _check("warm_up", start=start)
    _check_count("warm_up", "steps", steps)
    return joined([linear(start, after(0), steps), after], at=[steps])


def one_cycle(
    peak: float,
    steps: int,
    rise: float = 0.3,
    *,
    start_divisor: float = 25.0,
    end_divisor: float = 1e4,
    shape: Literal["cosine", "linear"] = "cosine",
) -> Schedule:
    """Up from peak / start_divisor to `peak`, and down to peak / (start_divisor end_divisor).

    Args:
        peak: the greatest value.
        steps: of both ways together; after them it stays at the end.
        rise: the share of the steps that lead up; 0 < rise < 1.
        start_divisor, end_divisor: how far below it begins, and ends below its beginning.
        shape: of both ways.

    Source: Smith, Topin, Super-Convergence, 2018; in the form of fastai and PyTorch.
    """
    _check("one_cycle", peak=peak, start_divisor=start_divisor, end_divisor=end_divisor)
    _check_count("one_cycle", "steps", steps, least=2)
    if not 1 < rise * steps < steps:
        raise ValueError(
            f"one_cycle: got rise {rise} of {steps} steps, needed a share between 0 and 1 that is "
            f"more than one step"
        )
    if start_divisor == 0 or end_divisor == 0:
        raise ValueError("one_cycle: got a divisor 0, needed numbers > 0")
    if shape not in ("cosine", "linear"):
        raise ValueError(f'one_cycle: got shape {shape!r}, needed "cosine" or "linear"')
    way = _along_cosine if shape == "cosine" else _along_line
    start = peak / start_divisor
    top, last = rise * steps - 1, steps - 1  # steps are counted from 0

    def value(step: int) -> float:
        if step <= top:
            return way(start, peak, step / top)
        return way(peak, start / end_divisor, min((step - top) / (last - top), 1.0))

    return value


def joined(schedules: Sequence[Schedule], at: Sequence[int]) -> Schedule:
    """One schedule after the other; each counts from 0 when its turn comes.

    Args:
        schedules: in their order.
        at: the steps where the second, third, ... begins.
    """
    for schedule in schedules:
        if not callable(schedule):
            raise TypeError(f"joined: got {schedule!r}, needed functions of the step")
    starts = [0, *_rising("joined", at)]
    if len(starts) != len(schedules):
        raise ValueError(
            f"joined: got {len(schedules)} schedules and {len(at)} steps to change at, needed one "
            f"step fewer than schedules"
        )

    def value(step: int) -> float:
        i = bisect_right(starts, step) - 1
        return schedules[i](step - starts[i])

    return value


class ReduceOnPlateau:
    """A value that falls when a measure no longer gets better.

        plateau = ReduceOnPlateau(0.1, patience=5)
        optimizer = SGD(plateau)
        for epoch in ...:
            ...
            plateau.report(validation_loss)

    It is a schedule that does not ask for the step: `value` is what holds now.

    Args:
        start: the first value.
        factor: what it is multiplied with, 0 < factor < 1.
        patience: how many reports in a row may be no better.
        threshold: what is better: lower (greater for `maximize`) by this share of the best.
        relative: False takes `threshold` as it is, not as a share.
        cooldown: reports after a fall for which no bad ones are counted.
        least: it falls no lower.
        maximize: whether greater measures are better, such as an accuracy.
    """

    def __init__(
        self,
        start: float,
        factor: float = 0.1,
        patience: int = 10,
        *,
        threshold: float = 1e-4,
        relative: bool = True,
        cooldown: int = 0,
        least: float = 0.0,
        maximize: bool = False,
    ) -> None:
        kind = "ReduceOnPlateau"
        _check(kind, start=start, threshold=threshold, least=least)
        _check_count(kind, "patience", patience, least=0)
        _check_count(kind, "cooldown", cooldown, least=0)
        if not 0 < factor < 1:
            raise ValueError(f"{kind}: got factor {factor}, needed a number in 0 < x < 1")
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.relative = relative
        self.cooldown = cooldown
        self.least = least
        self.maximize = maximize
        self.value = start
        self.best = -math.inf if maximize else math.inf
        self.bad_reports = 0
        self.resting = 0  # reports left of the cooldown

    def __call__(self, step: int) -> float:
        return self.value

    def report(self, measure: float) -> bool:
        """Takes in a measure, such as an epoch's loss; whether the value has fallen."""
        measure = float(measure)
        if self._better(measure):
            self.best = measure
            self.bad_reports = 0
        else:
            self.bad_reports += 1  # NaN too
        if self.resting:
            self.resting -= 1
            self.bad_reports = 0
        if self.bad_reports <= self.patience:
            return False
        self.bad_reports = 0
        self.resting = self.cooldown
        before, self.value = self.value, max(self.value * self.factor, min(self.least, self.value))
        return self.value < before

    def _better(self, measure: float) -> bool:
        sign = 1 if self.maximize else -1
        if math.isinf(self.best):
            return sign * measure > sign * self.best
        margin = self.threshold * (self.best if self.relative else 1)
        return measure > self.best + margin if self.maximize else measure < self.best - margin

    def state_dict(self) -> dict[str, float]:
        """What the reports so far have left; the options are not in it."""
        return {name: getattr(self, name) for name in self._STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state_dict()` was called.

        Raises:
            ValueError: the names are others; nothing is loaded then.
        """
        if set(state) != set(self._STATE):
            raise ValueError(
                f"ReduceOnPlateau.load_state_dict: got {', '.join(state) or 'nothing'}, "
                f"needed {', '.join(self._STATE)}"
            )
        for name, kind in self._STATE.items():
            setattr(self, name, kind(state[name]))

    _STATE = {"value": float, "best": float, "bad_reports": int, "resting": int}  # noqa: RUF012


def _along_line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _check(caller: str, **values: float) -> None:
    for name, value in values.items():
        if isinstance(value, str) or not 0 <= value < math.inf:
            raise ValueError(f"{caller}: got {name} {value!r}, needed a number ≥ 0")


def _check_count(caller: str, name: str, value: int, least: int = 1) -> None:
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{caller}: got {name} {value!r}, needed an integer ≥ {least}")


def _rising(caller: str, at: Iterable[int]) -> list[int]:
    steps = list(at)
    for before, step in zip([0, *steps], steps, strict=False):
        if not isinstance(step, Integral) or step <= before:
            raise ValueError(f"{caller}: got at {steps}, needed rising integers > 0")
    return steps
