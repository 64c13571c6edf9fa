"""A folder of checkpoints, and the callback that fills it."""

import math
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from wengert.files import AnyPath, check_writable, remove_leftovers
from wengert.training.callbacks import Callback, check_keys, monitored
from wengert.training.checkpoint import Resumable, restore, save_checkpoint, split
from wengert.training.state_file import load_state
from wengert.training.triggers import Trigger, every

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

_NAME = re.compile(r"step-(\d+)\.npz")
_LEFTOVER = re.compile(r"\.(.+\.npz)\.[0-9a-f]+\.tmp")


class Checkpoints:
    """The checkpoints of one training: the newest ones, `step-000000100.npz`, and `best.npz`.

    Each file is a whole checkpoint, for `load_checkpoint` too. It is part of them itself, so that
    a resumed training knows what the best was.

    Args:
        folder: where they are; it is made by the first `save`.
        keep: how many of the newest stay, ≥ 1; None keeps all. The best stays anyway.
        mode: "min" if a low score is better, "max" if a high one is.
    """

    def __init__(
        self, folder: AnyPath, *, keep: int | None = 3, mode: Literal["min", "max"] = "min"
    ) -> None:
        if keep is not None and (not isinstance(keep, int) or keep < 1):
            raise ValueError(f"Checkpoints: got keep {keep!r}, needed 1 or more, or None for all")
        if mode not in ("min", "max"):
            raise ValueError(f"Checkpoints: got mode {mode!r}, needed 'min' or 'max'")
        self.folder = Path(folder)
        self.keep = keep
        self.mode = mode
        self.step = -1  # of the newest; the training is behind what has a higher one
        self.best_score: float | None = None
        self._prepared = False

    @property
    def best(self) -> Path:
        """The file of the best score, which `save_best` writes."""
        return self.folder / "best.npz"

    def save(self, step: int, /, **parts: Any) -> Path:
        """Writes the checkpoint of this step, then removes those that are no longer to be kept.

        Args:
            step: an integer ≥ 0 that never falls, such as `optimizer.steps`.
            parts: as `save_checkpoint` takes them.

        Returns:
            The file.

        Raises:
            FileExistsError: the folder has checkpoints of later steps: another training's, or those
                of a future that was given up by going back to an older one.
            OSError: the file cannot be written. Those that were there are whole.
            ValueError: step is below that of the checkpoint before.
            TypeError: as `save_checkpoint`.
        """
        return self._save(step, self._with_self(parts))

    def save_best(self, step: int, score: float, /, **parts: Any) -> bool:
        """Writes `best.npz` if this score is better than all before (NaN never is).

        Where both are due, call it before `save`: then each checkpoint knows of the best one, and a
        training that is killed between the two does both again.

        Returns:
            Whether it was better.

        Raises:
            As `save`.
        """
        return self._save_best(step, score, self._with_self(parts))

    def load(self, **parts: Resumable) -> dict[str, Any] | None:
        """Puts all parts where the newest whole checkpoint has them, see `load_checkpoint`.

        Returns:
            The plain values, by name; None if there is no checkpoint yet. Then nothing has changed.

        Raises:
            As `latest` and `load_checkpoint`.
        """
        newest = self._newest()
        return newest and restore(*newest, self._with_self(parts))

    def latest(self) -> Path | None:
        """The newest checkpoint that is whole, or None if there is no checkpoint at all.

        Each damaged one that is newer is named in a warning.

        Raises:
            ValueError: there are checkpoints, and none of them is whole.
        """
        newest = self._newest()
        return newest and newest[0]

    def prepare(self) -> None:
        """Makes the folder, removes what killed writers left in it, and finds out if `save` can
        write there. (The first `save` does so anyway.)

        Raises:
            FileExistsError, OSError: as `save`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        check_writable(self.best)
        for leftover in {m[1] for m in map(_LEFTOVER.fullmatch, os.listdir(self.folder)) if m}:
            remove_leftovers(self.folder / leftover)
        for step, file in self._files():
            if step > self.step and _read(file) is not None:
                where = f"step {self.step}" if self.step >= 0 else "the beginning"
                raise FileExistsError(
                    f"Checkpoints: {file} is later than {where}, where this training goes on; "
                    f"resume from it, or give another folder, or remove the file"
                )
        self._prepared = True

    def state_dict(self) -> dict[str, Any]:
        """The step of the newest, and the best score."""
        return {"step": self.step, "best_score": self.best_score}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state_dict()` was called.

        Raises:
            ValueError: it does not fit; nothing is loaded then.
        """
        check_keys("Checkpoints", state, self.state_dict())
        step, score = state["step"], state["best_score"]
        if not isinstance(step, int) or not isinstance(score, float | None):
            raise ValueError(
                f"Checkpoints.load_state_dict: got step {step!r} and best_score {score!r}, needed "
                f"an integer, and a number or None"
            )
        self.step, self.best_score = step, score
        self._prepared = False

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.folder)!r}, keep={self.keep}, mode={self.mode!r})"

    def _save(self, step: int, parts: Mapping[str, Any]) -> Path:
        path = self.folder / f"step-{self._checked(step):09d}.npz"
        self._write(path, step, self.best_score, parts)
        files = [file for n, file in self._files() if n <= step]
        for old in files[: -self.keep] if self.keep else []:
            old.unlink(missing_ok=True)
        return path

    def _save_best(self, step: int, score: float, parts: Mapping[str, Any]) -> bool:
        score = float(score)
        best = self.best_score
        if best is None:
            better = not math.isnan(score)
        else:
            better = score < best if self.mode == "min" else score > best
        if better:
            self._write(self.best, self._checked(step), score, parts)
        return better

    def _write(self, path: Path, step: int, score: float | None, parts: Mapping[str, Any]) -> None:
        before = self.step, self.best_score
        self.step, self.best_score = step, score  # which are among the parts
        try:
            save_checkpoint(path, **parts)
        except BaseException:
            self.step, self.best_score = before
            raise

    def _checked(self, step: int) -> int:
        if not hasattr(step, "__index__") or step < 0:
            raise ValueError(f"Checkpoints.save: got step {step!r}, needed an integer ≥ 0")
        if step < self.step:
            raise ValueError(
                f"Checkpoints.save: got step {step} after step {self.step}; steps never fall"
            )
        if not self._prepared:
            self.prepare()
        return int(step)

    def _with_self(self, parts: Mapping[str, Any]) -> dict[str, Any]:
        if "checkpoints" in parts:
            raise ValueError('Checkpoints: "checkpoints" is its own name there; use another')
        return {**parts, "checkpoints": self}

    def _files(self) -> list[tuple[int, Path]]:
        """The checkpoints with their steps, the oldest first."""
        names = os.listdir(self.folder) if self.folder.is_dir() else []
        found = [(int(m[1]), self.folder / m[0]) for m in map(_NAME.fullmatch, names) if m]
        return sorted(found)

    def _newest(self) -> tuple[Path, Any] | None:
        """The newest whole checkpoint, and what is in it."""
        files = [file for _, file in reversed(self._files())]
        for file in files:
            content = _read(file)
            if content is not None:
                return file, content
        if files:
            raise ValueError(
                f"Checkpoints: none of {len(files)} checkpoints in {self.folder} is whole; "
                f"remove them to start from the beginning"
            )
        return None


def _read(file: Path) -> Any:
    """What is in a checkpoint; None, with a warning, if it is damaged."""
    try:
        return load_state(file)
    except ValueError as error:
        warnings.warn(f"Checkpoints: {file} is left out: {error}", stacklevel=4)
        return None


class SaveCheckpoints(Callback):
    """Saves the Trainer in a folder of checkpoints, from which `fit(resume=True)` goes on.

        saving = SaveCheckpoints("run", every(500, "steps"), best="validation_loss")
        trainer = Trainer(model, optimizer, loss, callbacks=[saving])
        trainer.fit(train, validation, epochs=10, resume=True)

    The last epoch is saved in any case, and so is the update after which the training was stopped.

    Args:
        folder, keep, mode: see `Checkpoints`.
        trigger: when to save, such as `every(500, "steps")` or `every(600, "seconds")`; by default
            after each epoch.
        best: the name of a number in the history; `best.npz` is saved after the epoch of the best.
    """

    last: ClassVar[bool] = True

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

    def on_start(self, trainer: "Trainer") -> None:
        self.checkpoints.prepare()

    def on_step(self, trainer: "Trainer") -> None:
        due = self.trigger(trainer, "step")
        if due or trainer.stopped is not None:
            self._save(trainer)

    def on_epoch(self, trainer: "Trainer") -> None:
        if self.best is not None:
            score = monitored(trainer, self.best)
            self.checkpoints._save_best(trainer.step, score, {"trainer": trainer})
        due = self.trigger(trainer, "epoch")
        if due or trainer.stopped is not None or trainer.epoch == trainer.epochs:
            self._save(trainer)

    def state_dict(self) -> dict[str, Any]:
        return self.checkpoints.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.checkpoints.load_state_dict(state)

    def _save(self, trainer: "Trainer") -> None:
        self.checkpoints._save(trainer.step, {"trainer": trainer})


def trainer_state(where: "AnyPath | Literal[True]", callbacks: Iterable[Callback]) -> Any:
    """What a Trainer is to resume from; None if the folder has no checkpoint yet.

    Args:
        where: a checkpoint, or a folder of them, of which the newest whole one counts; True stands
            for the folder of the SaveCheckpoints among the callbacks.

    Raises:
        OSError: there is no such file or folder.
        ValueError: the file is damaged, or no checkpoint of a Trainer; or `where` is True, and
            there is no SaveCheckpoints.
    """
    if where is True:
        folders = [c.checkpoints for c in callbacks if isinstance(c, SaveCheckpoints)]
        if not folders:
            raise ValueError(
                "Trainer.fit: got resume=True without SaveCheckpoints among the callbacks; "
                "add it, or give a file or folder"
            )
        newest = folders[0]._newest()
    elif Path(where).is_dir():
        newest = Checkpoints(where)._newest()
    else:
        newest = Path(where), load_state(where)
    if newest is None:
        return None
    states, _ = split(*newest)
    if "trainer" not in states:
        raise ValueError(
            f"Trainer.fit: {newest[0]} has the parts {', '.join(states)}, needed a trainer; "
            f"load_checkpoint(file, …) loads it"
        )
    return states["trainer"]
