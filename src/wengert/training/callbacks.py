"""Callbacks: functions that a Trainer calls at certain points of the training."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from wengert.arguments import text_of
from wengert.core import Variable
from wengert.schedules import ReduceOnPlateau
from wengert.state import check_names
from wengert.training.trainer_view import TrainerView
from wengert.training.triggers import Trigger


class Callback:
    """Called by a Trainer at certain points; a subclass defines the methods that it needs.

    `state_dict` returns the state that it needs to resume: a dict of arrays, numbers, strings,
    None, and lists and dicts of these.
    """

    last: ClassVar[bool] = False  # True: called after the others, because it saves their state

    def on_start(self, trainer: TrainerView) -> None:
        """At the start of `fit`, after a state has been loaded, before the first update."""

    def on_batches(self, trainer: TrainerView, batches: list[Any]) -> None:
        """Before the forward pass of the batches of one update."""

    def on_loss(self, trainer: TrainerView, loss: Variable) -> None:
        """Between forward and backward of a batch, while the loss has its graph."""

    def on_gradients(self, trainer: TrainerView) -> None:
        """Between backward and update: the gradients are complete and not yet clipped."""

    def on_step(self, trainer: TrainerView) -> None:
        """After an update; the state of the trainer can be saved."""

    def on_epoch(self, trainer: TrainerView) -> None:
        """After an epoch and its validation; the state of the trainer can be saved."""

    def on_end(self, trainer: TrainerView) -> None:
        """At the end of `fit`: after the last epoch, or after `stop`; not after an error.

        It is called for all callbacks, also if one of them raises an error.
        """

    def on_error(self, trainer: TrainerView, error: BaseException) -> None:
        """When an error, or KeyboardInterrupt, ends `fit`, which then raises it.

        After an error between two updates, in the data, the validation or a callback, the state of
        the trainer can be saved.
        """

    def resume_folder(self) -> Path | None:
        """The folder of checkpoints that `fit(resume=True)` resumes from, or None."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """The state that it needs to resume; empty if it has none."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict()` returned.

        Raises:
            ValueError: the state does not fit; nothing is loaded.
        """
        check_names(f"{type(self).__name__}.load_state_dict", state, self.state_dict())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(_arguments(self))})"


def _arguments(callback: Callback) -> list[str]:
    """The arguments of the constructor that are kept as attributes and are not the defaults."""
    shown = []
    for name, parameter in inspect.signature(type(callback)).parameters.items():
        value = getattr(callback, name, parameter.default)
        if value is not parameter.default and value != parameter.default:
            positional = parameter.default is parameter.empty
            value = str(value) if isinstance(value, Path) else value
            text = text_of(value)
            shown.append(text if positional else f"{name}={text}")
    return shown


class On(Callback):
    """Calls `function(trainer)` when a trigger is due: `On(every(100, "steps"), show)`."""

    def __init__(self, trigger: Trigger, function: Callable[[Any], Any]) -> None:
        for value in (trigger, function):
            if not callable(value):
                raise TypeError(
                    f"On: got {value!r}, needed a trigger such as every(1, 'epochs') and a "
                    f"function of the trainer"
                )
        self.trigger = trigger
        self.function = function

    def on_step(self, trainer: TrainerView) -> None:
        if self.trigger(trainer, "step"):
            self.function(trainer)

    def on_epoch(self, trainer: TrainerView) -> None:
        if self.trigger(trainer, "epoch"):
            self.function(trainer)


class Plateau(Callback):
    """Reports a number to a `ReduceOnPlateau` schedule after each epoch, and saves its state.

    rate = ReduceOnPlateau(1e-3, patience=3)
    Trainer(model, Adam(rate), loss, callbacks=[Plateau(rate, "validation_loss")])
    """

    def __init__(self, schedule: ReduceOnPlateau, monitor: str = "validation_loss") -> None:
        if not isinstance(schedule, ReduceOnPlateau):
            raise TypeError(
                f"Plateau: got {schedule!r}, needed a ReduceOnPlateau; other schedules are "
                f"functions of the step and need no callback"
            )
        self.schedule = schedule
        self.monitor = monitor

    def on_epoch(self, trainer: TrainerView) -> None:
        self.schedule.report(monitored(trainer, self.monitor))

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.schedule.load_state_dict(state)


def monitored(trainer: TrainerView, name: str) -> float:
    """The number of this name in the last epoch of the history.

    Raises:
        ValueError: there is none.
    """
    value = trainer.history[-1].get(name)
    if not isinstance(value, int | float):
        numbers = [k for k, v in trainer.history[-1].items() if isinstance(v, int | float)]
        raise ValueError(
            f"monitor: there is no number {name!r} in the history, only {', '.join(numbers)}"
            + ("; give fit() validation data" if name.startswith("validation_") else "")
        )
    return float(value)


def named_callbacks(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """The callbacks that have a state, in their order, as "CSVLog", "CSVLog 2", …"""
    named: dict[str, Callback] = {}
    counts: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        counts[name] = counts.get(name, 0) + 1
        if type(callback).state_dict is not Callback.state_dict:
            named[name if counts[name] == 1 else f"{name} {counts[name]}"] = callback
    return named
