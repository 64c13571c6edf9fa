"""Callbacks: what happens beside the training, at its moments."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from wengert.schedules import ReduceOnPlateau
from wengert.training.triggers import Trigger

if TYPE_CHECKING:
    from wengert.core import Variable
    from wengert.training.trainer import Trainer


class Callback:
    """Is called by a Trainer at the moments of training; a subclass defines those it needs.

    What must be known to go on after a stop is in `state_dict`, as a dict of plain things: arrays,
    numbers, strings, None, lists and dicts of them.
    """

    last: ClassVar[bool] = False  # called after those that are not: it saves what they have done

    def on_start(self, trainer: "Trainer") -> None:
        """Before the first update of a `fit`, when a state to resume from has been loaded."""

    def on_batches(self, trainer: "Trainer", batches: list[Any]) -> None:
        """Before the forward pass of the batches that make one update."""

    def on_loss(self, trainer: "Trainer", loss: "Variable") -> None:
        """Between forward and backward: the graph behind the loss is whole."""

    def on_gradients(self, trainer: "Trainer") -> None:
        """Between backward and update: the gradients are whole, and not yet clipped."""

    def on_step(self, trainer: "Trainer") -> None:
        """After an update; the state of the trainer can be saved."""

    def on_epoch(self, trainer: "Trainer") -> None:
        """After an epoch and its validation; the state of the trainer can be saved."""

    def on_end(self, trainer: "Trainer") -> None:
        """After the last epoch, or where the training was stopped; not after an error."""

    def state_dict(self) -> dict[str, Any]:
        """What is to be known to go on; empty if there is nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state_dict()` was called.

        Raises:
            ValueError: it does not fit; nothing is loaded then.
        """
        check_keys(type(self).__name__, state, self.state_dict())


class On(Callback):
    """Calls `function(trainer)` when a trigger says so: `On(every(100, "steps"), show)`."""

    def __init__(self, trigger: Trigger, function: "Callable[[Trainer], Any]") -> None:
        for value in (trigger, function):
            if not callable(value):
                raise TypeError(f"On: got {value!r}, needed a trigger such as every(1, 'epochs') "
                                f"and a function of the trainer")  # fmt: skip
        self.trigger = trigger
        self.function = function

    def on_step(self, trainer: "Trainer") -> None:
        if self.trigger(trainer, "step"):
            self.function(trainer)

    def on_epoch(self, trainer: "Trainer") -> None:
        if self.trigger(trainer, "epoch"):
            self.function(trainer)


class Best:
    """The best value so far of a number in the history.

    Args:
        monitor: its name, as in `trainer.history`: "validation_loss".
        mode: "min" if less is better, "max" if more is.
        min_delta: what is better by no more than this is not better.
    """

    def __init__(
        self, monitor: str, mode: Literal["min", "max"] = "min", min_delta: float = 0.0
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"Best: got mode {mode!r}, needed 'min' or 'max'")
        if not 0 <= min_delta < math.inf:
            raise ValueError(f"Best: got min_delta {min_delta}, needed a number ≥ 0")
        self.monitor = monitor
        self.sign = 1 if mode == "max" else -1
        self.min_delta = min_delta
        self.value: float | None = None

    def improved(self, trainer: "Trainer") -> bool:
        """Whether the last epoch is the best; a NaN never is. It is then what others must beat.

        Raises:
            ValueError: the history has no number of that name.
        """
        value = monitored(trainer, self.monitor)
        if math.isnan(value):
            return False
        if self.value is not None and self.sign * (value - self.value) <= self.min_delta:
            return False
        self.value = value
        return True

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_keys("Best", state, self.state_dict())
        self.value = state["value"]


class EarlyStopping(Callback):
    """Stops the training when `patience` epochs in a row were no better than the best before.

    Args:
        monitor, mode, min_delta: what is better, see `Best`.
        patience: how many epochs, ≥ 1.
        restore_best: at the end of `fit` the model has the weights of the best epoch (those that
            were validated: the averages, if the trainer keeps an average).
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        patience: int = 5,
        *,
        mode: Literal["min", "max"] = "min",
        min_delta: float = 0.0,
        restore_best: bool = False,
    ) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: got patience {patience}, needed 1 or more")
        self.best = Best(monitor, mode, min_delta)
        self.patience = patience
        self.restore_best = restore_best
        self.best_epoch = 0
        self.best_weights: dict[str, Any] | None = None
        self.bad_epochs = 0

    def on_epoch(self, trainer: "Trainer") -> None:
        if self.best.improved(trainer):
            self.best_epoch = trainer.epoch
            self.bad_epochs = 0
            if self.restore_best:
                with trainer.averaged():
                    self.best_weights = trainer.model.state_dict()
            return
        self.bad_epochs += 1
        if self.bad_epochs >= self.patience:
            trainer.stop(
                f"{self.best.monitor} was no better than in epoch {self.best_epoch} "
                f"for {self.bad_epochs} epochs"
            )

    def on_end(self, trainer: "Trainer") -> None:
        if self.best_weights is None:
            return
        trainer.model.load_state_dict(self.best_weights)
        if trainer.average is not None:  # or `evaluate` would still take the last averages
            best = trainer.average.target.named_params()
            trainer.average.load_state_dict({name: p.data for name, p in best.items()})

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best.state_dict(),
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "bad_epochs": self.bad_epochs,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_keys("EarlyStopping", state, self.state_dict())
        self.best.load_state_dict(state["best"])
        self.best_epoch = state["best_epoch"]
        self.best_weights = state["best_weights"]
        self.bad_epochs = state["bad_epochs"]


class Plateau(Callback):
    """Reports a number to a `ReduceOnPlateau` after each epoch, and saves its state.

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

    def on_epoch(self, trainer: "Trainer") -> None:
        self.schedule.report(monitored(trainer, self.monitor))

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.schedule.load_state_dict(state)


def monitored(trainer: "Trainer", name: str) -> float:
    """The number of this name of the last epoch.

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


def check_keys(caller: str, state: Any, needed: Mapping[str, Any]) -> None:
    """Refuses a state that is no mapping, or has other keys.

    Raises:
        ValueError: it says which.
    """
    if not isinstance(state, Mapping):
        raise ValueError(f"{caller}.load_state_dict: got {type(state).__name__}, needed a dict")
    missing = [key for key in needed if key not in state]
    unexpected = [str(key) for key in state if key not in needed]
    parts = [
        f"{word} {', '.join(keys)}"
        for word, keys in [("missing", missing), ("unexpected", unexpected)]
        if keys
    ]
    if parts:
        raise ValueError(f"{caller}.load_state_dict: {'; '.join(parts)}; is it of another program?")
