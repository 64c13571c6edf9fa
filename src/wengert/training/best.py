"""The best epoch: its weights are kept, or the training stops if it does not improve."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from wengert.arguments import explains_call, integer, number
from wengert.schedules import improves
from wengert.state import check_names
from wengert.training.callbacks import Callback, monitored
from wengert.training.trainer_view import TrainerView

Mode = Literal["min", "max"]


class Best:
    """The best epoch so far: its value of a number in the history, and its weights if kept.

    Args:
        monitor: the name of the number in `trainer.history`, such as "validation_loss".
        mode: "min" if a lower value is better, "max" if a higher one is.
        min_delta: an improvement is better by more than this difference; NaN is no improvement.
        keep_weights: whether to keep the weights of the best epoch (those that were validated: the
            averages, if the trainer keeps an average).

    Attributes:
        value: the best value, or None before the first.
        epoch: the number of the best epoch.
        weights: the `state_dict` of the model after that epoch, or None.
    """

    def __init__(
        self,
        monitor: str,
        mode: Mode = "min",
        min_delta: float = 0.0,
        *,
        keep_weights: bool = False,
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"Best: got mode {mode!r}, needed 'min' or 'max'")
        self.monitor = monitor
        self.mode = mode
        self.min_delta = number("Best", "min_delta", min_delta, least=0)
        self.keep_weights = keep_weights
        self.value: float | None = None
        self.epoch = 0
        self.weights: dict[str, Any] | None = None

    def improved(self, trainer: TrainerView) -> bool:
        """Whether the last epoch is the best so far; it then becomes the value to beat.

        NaN is never an improvement. The first other value is one, whatever it is.

        Raises:
            ValueError: the history has no number of that name.
        """
        value = monitored(trainer, self.monitor)
        if math.isnan(value):
            return False
        if self.value is not None and not improves(
            value, self.value, self.min_delta, maximize=self.mode == "max"
        ):
            return False
        self.value = value
        self.epoch = trainer.epoch
        if self.keep_weights:
            with trainer.averaged():
                self.weights = trainer.model.state_dict()
        return True

    def restore(self, trainer: TrainerView) -> None:
        """Loads the weights of the best epoch into the model, and sets `trainer.restored`.

        If all values were NaN, the model keeps its weights.
        """
        if self.weights is None:
            return
        trainer.restored = self.epoch
        trainer.model.load_state_dict(self.weights)
        if trainer.average is not None:  # or `evaluate` would still use the last averages
            best = trainer.average.target.named_params()
            trainer.average.load_state_dict({name: p.data for name, p in best.items()})

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_names("Best.load_state_dict", state, self.state_dict())
        self.value = state["value"]
        self.epoch = state["epoch"]
        self.weights = state["weights"]

    def __repr__(self) -> str:
        return f"Best({self.monitor!r}, {self.mode!r}, value={self.value}, epoch={self.epoch})"


class BestWeights(Callback):
    """Keeps the weights of the best epoch, as `best.weights`.

    Args:
        monitor, mode, min_delta: see `Best`.
        restore: whether the model has the best weights at the end of `fit`.
    """

    @explains_call()
    def __init__(
        self,
        monitor: str = "validation_loss",
        *,
        mode: Mode = "min",
        min_delta: float = 0.0,
        restore: bool = True,
    ) -> None:
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.restore = restore
        self.best = Best(monitor, mode, min_delta, keep_weights=True)

    def on_epoch(self, trainer: TrainerView) -> None:
        self.best.improved(trainer)

    def on_end(self, trainer: TrainerView) -> None:
        if self.restore:
            self.best.restore(trainer)

    def state_dict(self) -> dict[str, Any]:
        return self.best.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best.load_state_dict(state)


class EarlyStopping(Callback):
    """Stops the training after `patience` epochs in a row without an improvement.

    An epoch whose value is NaN has no improvement; the reason for stopping says how many were NaN.

    Args:
        monitor, mode, min_delta: what an improvement is, see `Best`.
        patience: how many epochs, ≥ 1.
        restore_best: whether the model has the weights of the best epoch at the end of `fit`.
    """

    @explains_call()
    def __init__(
        self,
        monitor: str = "validation_loss",
        patience: int = 5,
        *,
        mode: Mode = "min",
        min_delta: float = 0.0,
        restore_best: bool = False,
    ) -> None:
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.patience = integer("EarlyStopping", "patience", patience, least=1)
        self.restore_best = restore_best
        self.best = Best(monitor, mode, min_delta, keep_weights=restore_best)
        self.bad_epochs = 0

    def on_epoch(self, trainer: TrainerView) -> None:
        if self.best.improved(trainer):
            self.bad_epochs = 0
            return
        self.bad_epochs += 1
        if self.bad_epochs >= self.patience:
            trainer.stop(self._reason(trainer))

    def _reason(self, trainer: TrainerView) -> str:
        name, n = self.monitor, self.bad_epochs
        values = [result.get(name, 0) for result in trainer.history[-n:]]
        nans = sum(map(math.isnan, values))
        if self.best.value is None:
            return f"{name} was NaN in all {n} epochs"
        epochs = "1 epoch" if n == 1 else f"{n} epochs"
        reason = f"{name} was no better than in epoch {self.best.epoch} for {epochs}"
        return f"{reason}, and NaN in {nans} of them" if nans else reason

    def on_end(self, trainer: TrainerView) -> None:
        self.best.restore(trainer)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best.state_dict(), "bad_epochs": self.bad_epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_names("EarlyStopping.load_state_dict", state, self.state_dict())
        self.best.load_state_dict(state["best"])
        self.bad_epochs = state["bad_epochs"]
