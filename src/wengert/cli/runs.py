"""The folder of a run: settings, log, checkpoints, weights and final metrics."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wengert import __version__
from wengert.cli import recipes
from wengert.files import AnyPath, replacing

SETTINGS = "settings.json"


class RunError(ValueError):
    """The folder is not that of a run, or is damaged."""


class Run:
    """A run in its folder.

        settings.json   all settings, and the facts of the data
        files.json      the image files of each part, if the data are the user's images
        log.jsonl       one line for each epoch
        checkpoints/    the newest checkpoints
        weights.npz     the weights of the model at the end
        best.npz        its weights after the epoch with the lowest validation loss
        metrics.json    the metrics of the last epoch and of the test

    The last three are written at the end. No file is ever half written.

    Attributes:
        settings: see `wengert.cli.recipes`.
        facts: properties of the data that the model needs: shapes, names of classes, characters.
    """

    def __init__(self, folder: AnyPath, settings: dict[str, Any], facts: dict[str, Any]) -> None:
        self.folder = Path(folder)
        self.settings = settings
        self.facts = facts

    @classmethod
    def create(cls, folder: AnyPath, settings: dict[str, Any], facts: dict[str, Any]) -> "Run":
        """A new run in a folder that is empty or does not exist.

        Raises:
            OSError: the folder is not empty, or cannot be written.
        """
        run = cls(folder, settings, facts)
        run.folder.mkdir(parents=True, exist_ok=True)
        if is_run(run.folder):
            raise FileExistsError("it has a run; resume it with --resume, or choose another folder")
        if any(run.folder.iterdir()):
            raise FileExistsError("it is not empty; choose another folder")
        run.write_settings()
        return run

    @classmethod
    def open(cls, folder: AnyPath) -> "Run":
        """The run in a folder.

        Raises:
            RunError: there is none, or its settings are damaged or of another version.
        """
        folder = Path(folder)
        if not is_run(folder):
            raise RunError(_no_run(folder))
        found = _read(folder / SETTINGS)
        if found.keys() != {"wengert", "settings", "facts"} or not isinstance(found["facts"], dict):
            raise RunError(f"{folder / SETTINGS} is damaged: it lacks entries of a run")
        try:
            settings = recipes.checked(found["settings"])
        except recipes.RecipeError as error:
            raise RunError(
                f"{folder / SETTINGS} is damaged, or written by another version of wengert than "
                f"{__version__} (by {found['wengert']}): {error.name}: {error}"
            ) from None
        return cls(folder, settings, found["facts"])

    @property
    def files(self) -> dict[str, list[str]] | None:
        """The files of the data, by part, if they were kept.

        Raises:
            RunError: the file is damaged.
        """
        path = self.folder / "files.json"
        if not path.is_file():
            return None
        found = _read(path)
        if not {"train", "test"} <= found.keys():
            raise RunError(f"{path} is damaged: it lacks entries of a run")
        return found

    def write_files(self, files: Mapping[str, list[str]]) -> None:
        """Keeps the files of the data.

        Raises:
            OSError: they cannot be written.
        """
        _write(self.folder / "files.json", files)

    def write_settings(self) -> None:
        """Writes the settings, with the version of wengert.

        Raises:
            OSError: they cannot be written.
        """
        content = {"wengert": __version__, "settings": self.settings, "facts": self.facts}
        _write(self.folder / SETTINGS, content)

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.npz"

    @property
    def best_weights(self) -> Path:
        return self.folder / "best.npz"

    @property
    def metrics(self) -> dict[str, Any] | None:
        """The final metrics; None if the run is not finished.

        Raises:
            RunError: the file is damaged.
        """
        path = self.folder / "metrics.json"
        found = _read(path) if path.is_file() else None
        if found is None:
            return None
        has = isinstance(found.get("epoch"), int) and "loss" in found.get("test", ())
        if not (has and isinstance(found.get("best_epoch"), int | None)):
            raise RunError(f"{path} is damaged: it lacks entries of a run; remove it")
        return found if found["epoch"] >= self.settings["epochs"] else None

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Writes the final metrics: the run is finished.

        Raises:
            OSError: they cannot be written.
        """
        _write(self.folder / "metrics.json", metrics)


def is_run(folder: Path) -> bool:
    """Whether this is the folder of a run."""
    return (folder / SETTINGS).is_file()


def _no_run(path: Path) -> str:
    """Why this is not the folder of a run, and which folder was probably meant."""
    near = next((p for p in path.absolute().parents if is_run(p)), None)
    meant = "" if near is None else f"; it is a part of the run {os.path.relpath(near)}"
    if not path.is_dir():
        what = "a file, not the folder of a run" if path.exists() else ""
        return f"{path} is {what}{meant}" if what else f"there is no folder {path}{meant}"
    if near is None:
        runs = [p for p in path.iterdir() if is_run(p)]
        runs.sort(key=lambda run: (run / SETTINGS).stat().st_mtime, reverse=True)
        if runs:
            more = f", and {len(runs) - 3} more" if len(runs) > 3 else ""
            meant = f"; it contains the runs {', '.join(map(str, runs[:3]))}{more}"
    return f"{path} is not a run: it has no {SETTINGS}{meant}"


def new_folder(runs: AnyPath, dataset: str, model: str) -> Path:
    """Creates runs/DATASET-MODEL-DATE-TIME; a number is appended if that exists already.

    Raises:
        OSError: it cannot be created.
    """
    name = f"{dataset}-{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    Path(runs).mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = Path(runs) / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}") from None
    if not isinstance(found, dict):
        raise RunError(f"{path} is damaged: got {type(found).__name__}, needed an object")
    return found


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as file:
        # a path that is not valid Unicode contains lone surrogates; JSON writes them as "\udce4"
        file.write(text.encode(errors="backslashreplace") + b"\n")
