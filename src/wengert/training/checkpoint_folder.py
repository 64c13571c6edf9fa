"""A folder of checkpoints."""

import json
import math
import os
import re
import warnings
from pathlib import Path
from typing import Any, Literal

from wengert.arguments import integer
from wengert.files import AnyPath, check_writable, remove_leftovers
from wengert.io import npz
from wengert.schedules import improves
from wengert.training.checkpoint import restore, save_checkpoint, write_checkpoint
from wengert.training.resumable import Resumable
from wengert.training.state_file import load_state
from wengert.training.upgrade import best_scores

_NAME = re.compile(r"step-(\d+)\.npz")
_LEFTOVER = re.compile(r"\.(.+\.npz)\.[0-9a-f]+\.tmp")


class Checkpoints:
    """The checkpoints of one training: the newest ones, `step-000000100.npz`, and `best.npz`.

    Each file is a complete checkpoint, for `load_checkpoint` too. There is no other state:
    the step is in the name of a file, and the best scores are in the metadata of `best.npz`.

    Args:
        folder: of the files; the first `save` creates it.
        keep: how many of the newest are kept, ≥ 1; None keeps all. The best is always kept.
        mode: "min" if a lower score is better, "max" if a higher one is.

    Attributes:
        step: of the newest checkpoint of this training; -1 at the beginning.
        best_scores: the step and the score of each best one so far, the last being the best.
    """

    def __init__(
        self, folder: AnyPath, *, keep: int | None = 3, mode: Literal["min", "max"] = "min"
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"Checkpoints: got mode {mode!r}, needed 'min' or 'max'")
        self.folder = Path(folder)
        self.keep = None if keep is None else integer("Checkpoints", "keep", keep, least=1)
        self.mode = mode
        self.step = -1
        self.best_scores: list[tuple[int, float]] = []
        self._prepared = False

    @property
    def best(self) -> Path:
        """The file with the best score, which `save_best` writes."""
        return self.folder / "best.npz"

    def save(self, step: int, /, **parts: Any) -> Path:
        """Writes the checkpoint of this step, then removes those that are no longer kept.

        Args:
            step: an integer ≥ 0 that never decreases, such as `optimizer.steps`.
            parts: as `save_checkpoint` takes them.

        Returns:
            The path of the file.

        Raises:
            FileExistsError: the folder has checkpoints of later steps: those of another training,
                or those after the checkpoint from which this one was resumed.
            OSError: the file cannot be written. The existing ones are unchanged.
            TypeError: as `save_checkpoint`; or step is not an integer.
            ValueError: step is less than that of the checkpoint before.
        """
        step = self._checked(step)
        path = self._path(step)
        save_checkpoint(path, **parts)
        self.step = step
        files = [file for n, file in self._files() if n <= step]
        for old in files[: -self.keep] if self.keep else []:
            old.unlink(missing_ok=True)
        return path

    def save_best(self, step: int, score: float, /, **parts: Any) -> bool:
        """Writes `best.npz` if this score is better than those of all steps before (NaN never is).

        A training that was killed after it, and resumed from a checkpoint before it, makes the same
        call again; so the score is not compared with an earlier one of the same step.

        Returns:
            Whether it was better.

        Raises:
            As `save`.
        """
        step, score = self._checked(step), float(score)
        before = [(n, best) for n, best in self.best_scores if n < step]
        best = before[-1][1] if before else None
        if math.isnan(score) or (
            best is not None and not improves(score, best, maximize=self.mode == "max")
        ):
            return False
        scores = [*before, (step, score)]
        write_checkpoint(self.best, parts, {"best_scores": json.dumps(scores)})
        self.best_scores = scores
        return True

    def load(self, step: int | None = None, /, **parts: Resumable) -> dict[str, Any] | None:
        """Restores all parts from the newest intact checkpoint, see `load_checkpoint`.

        Args:
            step: of the checkpoint to load in place of the newest. The later ones must be removed
                before the training is resumed from it.
            parts: as `load_checkpoint` takes them.

        Returns:
            The plain values, by name; None if there is no checkpoint yet: nothing is changed then.

        Raises:
            As `latest` and `load_checkpoint`.
        """
        if step is None:
            newest = self.newest()
        else:
            path = self._path(integer("Checkpoints.load", "step", step, least=0))
            newest = path, load_state(path)
        if newest is None:
            return None
        values = restore(*newest, parts)
        self.step = _step_of(newest[0].name)
        self._prepared = False
        return values

    def latest(self) -> Path | None:
        """The newest checkpoint that is intact, or None if there are no checkpoints.

        A warning names each damaged one that is newer.

        Raises:
            ValueError: there are checkpoints, and none of them is intact.
        """
        newest = self.newest()
        return newest and newest[0]

    def newest(self) -> tuple[Path, Any] | None:
        """The checkpoint of `latest`, and its content."""
        files = [file for _, file in reversed(self._files())]
        for file in files:
            content = _read(file)
            if content is not None:
                return file, content
        if files:
            raise ValueError(
                f"Checkpoints: none of {len(files)} checkpoints in {self.folder} is intact; "
                f"remove them to start from the beginning"
            )
        return None

    def prepare(self, step: int | None = None) -> None:
        """Creates the folder, deletes leftover temporary files, and checks that it is writable.

        The first `save` calls it anyway.

        Args:
            step: at which the training starts or resumes; not needed after `load`.

        Raises:
            FileExistsError, OSError: as `save`.
        """
        self.step = self.step if step is None else step
        self.folder.mkdir(parents=True, exist_ok=True)
        check_writable(self.best)
        for leftover in {m[1] for m in map(_LEFTOVER.fullmatch, os.listdir(self.folder)) if m}:
            remove_leftovers(self.folder / leftover)
        for later, file in self._files():
            if later > self.step and _read(file) is not None:
                where = f"step {self.step}" if self.step > 0 else "the beginning"
                raise FileExistsError(
                    f"Checkpoints: {file} is later than {where}, where this training resumes; "
                    f"resume from it, or use another folder, or remove the file"
                )
        self.best_scores = [(n, score) for n, score in self._read_scores() if n <= self.step]
        self._prepared = True

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.folder)!r}, keep={self.keep}, mode={self.mode!r})"

    def _checked(self, step: int) -> int:
        step = integer("Checkpoints.save", "step", step, least=0)
        if step < self.step:
            raise ValueError(
                f"Checkpoints.save: got step {step} after step {self.step}; steps never decrease"
            )
        if not self._prepared:
            self.prepare()
        return step

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.npz"

    def _files(self) -> list[tuple[int, Path]]:
        """The checkpoints with their steps, the oldest first."""
        names = os.listdir(self.folder) if self.folder.is_dir() else []
        return sorted(
            (_step_of(name), self.folder / name) for name in names if _NAME.fullmatch(name)
        )

    def _read_scores(self) -> list[tuple[int, float]]:
        """The best scores in the metadata of `best.npz`."""
        if not self.best.is_file():
            return []
        try:
            with self.best.open("rb") as file:
                _, metadata = npz.read(file, arrays=False)
            if "best_scores" not in metadata:
                return best_scores(load_state(self.best))
            return [(int(n), float(score)) for n, score in json.loads(metadata["best_scores"])]
        except ValueError as error:
            _warn(self.best, error)
            return []


def _step_of(name: str) -> int:
    match = _NAME.fullmatch(name)
    assert match is not None
    return int(match[1])


def _read(file: Path) -> Any:
    """The content of a checkpoint; None, with a warning, if it is damaged."""
    try:
        return load_state(file)
    except ValueError as error:
        _warn(file, error)
        return None


def _warn(file: Path, error: ValueError) -> None:
    warnings.warn(f"Checkpoints: {file} is skipped: {error}", stacklevel=5)
