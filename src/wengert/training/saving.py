"""`SaveCheckpoints`: the callback that fills a folder of checkpoints."""

from pathlib import Path
from typing import ClassVar, Literal

from wengert.arguments import explains_call
from wengert.files import AnyPath
from wengert.training.callbacks import Callback, monitored
from wengert.training.checkpoint_folder import Checkpoints
from wengert.training.trainer_view import TrainerView
from wengert.training.triggers import Trigger, every


class SaveCheckpoints(Callback):
    """Saves the Trainer in a folder of checkpoints, from which `fit(resume=True)` resumes.

        saving = SaveCheckpoints("run", every(500, "steps"), best="validation_loss")
        trainer = Trainer(model, optimizer, loss, callbacks=[saving])
        trainer.fit(train, validation, epochs=10, resume=True)

    The last epoch is always saved, and so is the update after which the training was stopped, or
    the last one before an error in the data, in the validation or in a callback.

    Args:
        folder, keep, mode: see `Checkpoints`.
        trigger: when to save, such as `every(500, "steps")` or `every(600, "seconds")`; by default
            after each epoch.
        best: the name of a number in the history; `best.npz` is saved after the best epoch.
    """

    last: ClassVar[bool] = True

    @explains_call()
    def __init__(
        self,
        folder: AnyPath,
        trigger: Trigger | None = None,
        *,
        best: str | None = None,
        mode: Literal["min", "max"] = "min",
        keep: int | None = 3,
    ) -> None:
        trigger = every(1, "epochs") if trigger is None else trigger
        if not callable(trigger):
            raise TypeError(
                f"SaveCheckpoints: got {trigger!r}, needed a trigger such as every(500, 'steps')"
            )
        self.checkpoints = Checkpoints(folder, keep=keep, mode=mode)
        self.trigger = trigger
        self.best = best

    @property
    def folder(self) -> Path:
        return self.checkpoints.folder

    @property
    def keep(self) -> int | None:
        return self.checkpoints.keep

    @property
    def mode(self) -> str:
        return self.checkpoints.mode

    def resume_folder(self) -> Path:
        return self.folder

    def on_start(self, trainer: TrainerView) -> None:
        self.checkpoints.prepare(trainer.step)

    def on_step(self, trainer: TrainerView) -> None:
        due = self.trigger(trainer, "step")
        if due or trainer.stopped is not None:
            self._save(trainer)

    def on_epoch(self, trainer: TrainerView) -> None:
        if self.best is not None:
            score = monitored(trainer, self.best)
            self.checkpoints.save_best(trainer.step, score, trainer=trainer)
        due = self.trigger(trainer, "epoch")
        if due or trainer.stopped is not None or trainer.epoch == trainer.epochs:
            self._save(trainer)

    def on_error(self, trainer: TrainerView, error: BaseException) -> None:
        if trainer.step <= self.checkpoints.step:
            return
        try:
            self._save(trainer)
        except RuntimeError:
            return  # in the middle of an update, or of batches, there is no state to save
        error.add_note(
            f"SaveCheckpoints: the training up to here, step {trainer.step}, is saved in "
            f"{self.folder}; fit(…, resume=True) continues it"
        )

    def _save(self, trainer: TrainerView) -> None:
        self.checkpoints.save(trainer.step, trainer=trainer)
