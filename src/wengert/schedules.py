"""Schedules: a learning rate (or another option) as a function of the step.

A schedule is a function of the number of updates done before, 0 for the first. The classes here are
such functions, with lower-case names because they are used as functions: they print, compare, hash
and pickle by their options. Any `lambda step: ...` is a schedule as well.

    optimizer = Adam(warm_up(cosine(1e-3, steps=9_000), steps=1_000))
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from wengert import hints
from wengert.arguments import explains_call, fraction, integer, integers, number, text_of
from wengert.arrays import as_array
from wengert.names import public
from wengert.state import compare_state

Schedule: TypeAlias = Callable[[int], float]


class _Value:
    """Prints, compares and hashes by the attributes: the options, by name."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={text_of(value)}" for name, value in vars(self).items())
        return f"{type(self).__name__}({options})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


class constant(_Value):
    """The same value at every step."""

    @explains_call()
    def __init__(self, value: float) -> None:
        self.value = number("constant", "value", value, least=0)

    def __call__(self, step: int) -> float:
        return self.value


class linear(_Value):
    """From `start` to `end` in a straight line; constant after `steps`."""

    @explains_call()
    def __init__(self, start: float, end: float, steps: int) -> None:
        self.start = number("linear", "start", start, least=0)
        self.end = number("linear", "end", end, least=0)
        self.steps = integer("linear", "steps", steps, least=1)

    def __call__(self, step: int) -> float:
        return _line(self.start, self.end, min(step / self.steps, 1.0))


class step_decay(_Value):
    """Multiplied by `factor` every `at` steps, or at each step of the list `at`."""

    @explains_call()
    def __init__(self, start: float, at: int | Sequence[int], factor: float = 0.1) -> None:
        self.start = number("step_decay", "start", start, least=0)
        self.at = (
            _rising("step_decay", at)
            if isinstance(at, Iterable)
            else integer("step_decay", "at", at, least=1)
        )
        self.factor = number("step_decay", "factor", factor, least=0)

    def __call__(self, step: int) -> float:
        at = self.at
        times = bisect_right(at, step) if isinstance(at, tuple) else step // at
        return self.start * self.factor**times


class exponential(_Value):
    """start factorˢᵗᵉᵖ."""

    @explains_call()
    def __init__(self, start: float, factor: float) -> None:
        self.start = number("exponential", "start", start, least=0)
        self.factor = number("exponential", "factor", factor, least=0)

    def __call__(self, step: int) -> float:
        return self.start * self.factor**step


class cosine(_Value):
    """From `start` to `end` along half a cosine; constant after `steps`.

    Source: Loshchilov, Hutter, SGDR, 2017, equation 5, without restarts.
    """

    @explains_call()
    def __init__(self, start: float, steps: int, end: float = 0.0) -> None:
        self.start = number("cosine", "start", start, least=0)
        self.steps = integer("cosine", "steps", steps, least=1)
        self.end = number("cosine", "end", end, least=0)

    def __call__(self, step: int) -> float:
        return _half_cosine(self.start, self.end, min(step / self.steps, 1.0))


class polynomial(_Value):
    """end + (start - end) (1 - step / steps)ᵖᵒʷᵉʳ; constant after `steps`."""

    @explains_call()
    def __init__(self, start: float, steps: int, power: float = 1.0, end: float = 0.0) -> None:
        self.start = number("polynomial", "start", start, least=0)
        self.steps = integer("polynomial", "steps", steps, least=1)
        self.power = number("polynomial", "power", power, least=0)
        self.end = number("polynomial", "end", end, least=0)

    def __call__(self, step: int) -> float:
        remaining = 1 - min(step / self.steps, 1.0)
        return self.end + (self.start - self.end) * remaining**self.power


class warm_up(_Value):
    """From `start` in a straight line to the first value of `then`; after `steps`, `then` itself.

    Args:
        then: a schedule, which counts its steps from the end of the warm-up; or a number.
        steps: length of the warm-up.
        start: the first value. At 0 the first update changes only the optimizer's state.
    """

    @explains_call()
    def __init__(self, then: Schedule | float, steps: int, start: float = 0.0) -> None:
        self.then = then if callable(then) else constant(then)
        self.steps = integer("warm_up", "steps", steps, least=1)
        self.start = number("warm_up", "start", start, least=0)

    def __call__(self, step: int) -> float:
        if step < self.steps:
            return _line(self.start, self.then(0), step / self.steps)
        return self.then(step - self.steps)


class one_cycle(_Value):
    """Up from peak / start_divisor to `peak`, and down to peak / (start_divisor end_divisor).

    Args:
        peak: the greatest value.
        steps: length of the rise and the fall together; the value is constant after them.
        rise: the fraction of the steps in which the value rises; 0 < rise < 1.
        start_divisor: `peak` over the first value.
        end_divisor: the first value over the last.
        shape: of the rise and the fall.

    Source: Smith, Topin, Super-Convergence, 2018; in the form of fastai and PyTorch.
    """

    @explains_call()
    def __init__(
        self,
        peak: float,
        steps: int,
        rise: float = 0.3,
        *,
        start_divisor: float = 25.0,
        end_divisor: float = 1e4,
        shape: Literal["cosine", "linear"] = "cosine",
    ) -> None:
        self.peak = number("one_cycle", "peak", peak, least=0)
        self.steps = integer("one_cycle", "steps", steps, least=2)
        self.rise = fraction("one_cycle", "rise", rise)
        self.start_divisor = number("one_cycle", "start_divisor", start_divisor, above=0)
        self.end_divisor = number("one_cycle", "end_divisor", end_divisor, above=0)
        self.shape = shape
        if self.rise * self.steps <= 1:
            raise ValueError(
                f"one_cycle: got rise {rise} of {steps} steps, needed a rise of more than one step"
            )
        if shape not in ("cosine", "linear"):
            raise ValueError(f'one_cycle: got shape {shape!r}, needed "cosine" or "linear"')

    def __call__(self, step: int) -> float:
        curve = _half_cosine if self.shape == "cosine" else _line
        start = self.peak / self.start_divisor
        top, last = self.rise * self.steps - 1, self.steps - 1  # steps are counted from 0
        if step <= top:
            return curve(start, self.peak, step / top)
        return curve(self.peak, start / self.end_divisor, min((step - top) / (last - top), 1.0))


class joined(_Value):
    """One schedule after the other; each counts its steps from 0.

    Args:
        schedules: in their order.
        at: the steps at which the second, third, … begins.
    """

    @explains_call()
    def __init__(self, schedules: Sequence[Schedule], at: Sequence[int]) -> None:
        for schedule in schedules:
            if not callable(schedule):
                raise TypeError(f"joined: got {schedule!r}, needed functions of the step")
        self.schedules = tuple(schedules)
        self.at = _rising("joined", at)
        if len(self.at) != len(self.schedules) - 1:
            raise ValueError(
                f"joined: got {len(self.schedules)} schedules and {len(self.at)} steps to change "
                f"at, needed one step fewer than schedules"
            )

    def __call__(self, step: int) -> float:
        i = bisect_right(self.at, step)
        return self.schedules[i](step - (self.at[i - 1] if i else 0))


class ReduceOnPlateau:
    """A value that falls when a metric, such as the validation loss, stops improving.

        plateau = ReduceOnPlateau(0.1, patience=5)
        optimizer = SGD(plateau)
        for epoch in ...:
            ...
            plateau.report(validation_loss)

    It is a schedule that ignores the step: `value` is the current value.

    Args:
        start: the first value.
        factor: by which the value is multiplied, 0 < factor < 1.
        patience: how many reports in a row may show no improvement.
        threshold: an improvement is lower (greater with `maximize`) by more than this fraction of
            the magnitude of the best; NaN is no improvement.
        relative: False takes `threshold` as an absolute difference, not as a fraction.
        cooldown: reports after a fall in which nothing is counted as "no improvement".
        least: the value does not fall below it.
        maximize: whether greater metrics are better, as for an accuracy.
    """

    @explains_call()
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
        self.start = number(kind, "start", start, least=0)
        self.factor = fraction(kind, "factor", factor)
        if self.factor == 0:
            raise ValueError(f"{kind}: got factor {factor}, needed 0 < factor < 1")
        self.patience = integer(kind, "patience", patience, least=0)
        self.threshold = number(kind, "threshold", threshold, least=0)
        self.relative = relative
        self.cooldown = integer(kind, "cooldown", cooldown, least=0)
        self.least = number(kind, "least", least, least=0)
        self.maximize = maximize
        self.value = self.start
        self.best = -math.inf if maximize else math.inf
        self.bad_reports = 0
        self.resting = 0  # reports left of the cooldown

    def __call__(self, step: int) -> float:
        return self.value

    def __repr__(self) -> str:
        options = [f"{k}={v!r}" for k, v in vars(self).items() if k not in _PLATEAU_STATE]
        return f"ReduceOnPlateau({', '.join(options)})"

    def report(self, measure: float) -> bool:
        """Takes a new value of the metric, once per epoch; returns whether `value` has fallen.

        Raises:
            TypeError: it is not one number.
        """
        measure = _one_number(measure)
        if self._better(measure):
            self.best = measure
            self.bad_reports = 0
        else:
            self.bad_reports += 1
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
        scale = abs(self.best) if self.relative and math.isfinite(self.best) else 1.0
        return improves(measure, self.best, self.threshold * scale, maximize=self.maximize)

    def state_dict(self) -> dict[str, float]:
        """The state that the reports have changed; the options are not in it."""
        return {name: getattr(self, name) for name in _PLATEAU_STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state of `state_dict()`.

        Raises:
            ValueError: names or values do not fit; nothing is loaded then.
        """
        shapes = dict.fromkeys(_PLATEAU_STATE, ())
        compare_state(state, shapes).check("ReduceOnPlateau.load_state_dict")
        for name, kind in _PLATEAU_STATE.items():
            setattr(self, name, kind(state[name]))


def improves(value: float, best: float, margin: float = 0.0, *, maximize: bool = False) -> bool:
    """Whether `value` is better than `best` by more than `margin`.

    NaN never is, no value is better than an equal infinity, and every other value is better than
    the worst infinity.

    Args:
        value, best: two values of a metric.
        margin: ≥ 0 and finite, an absolute difference.
        maximize: whether greater values are better.
    """
    return value > best + margin if maximize else value < best - margin


_PLATEAU_STATE = {"value": float, "best": float, "bad_reports": int, "resting": int}


def _one_number(measure: Any) -> float:
    """A measure as a float, which may be infinite or NaN."""
    with suppress(TypeError, ValueError):  # (of what is no array)
        array = as_array(measure)
        if array.size == 1 and array.dtype.kind in "fiub":
            return float(array.reshape(()))
    raise TypeError(f"ReduceOnPlateau.report: got measure {measure!r:.80}, needed one number")


def _line(start: float, end: float, progress: float) -> float:
    return start + (end - start) * progress


def _half_cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def _rising(caller: str, at: Iterable[int]) -> tuple[int, ...]:
    steps = integers(caller, "at", at, least=1)
    if any(before >= step for before, step in pairwise(steps)):
        raise ValueError(f"{caller}: got at {at!r:.80}, needed rising integers > 0")
    return steps


__all__, __dir__ = public(globals())

if not TYPE_CHECKING:  # (a type checker would accept every name)
    __getattr__ = hints.of_module(__name__, hints.SCHEDULES)
