"""Logs of a training: CSV, JSON lines, TensorBoard.

The rows are those of `trainer.history`, or, after a number of steps, of `trainer.latest`. Each line
is written to the file at once, so a killed process loses none. When the state of the training is
saved, the file is first synchronized to the disk, and its length is part of the state. A resumed
training truncates the file to that length, so that no line is repeated.

In a hand-written loop a log is used by `log.write({"epoch": 1, "loss": 0.3})`.
"""

import csv
import io
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean
from wengert.core import Variable
from wengert.state import check_names
from wengert.training.callbacks import Callback
from wengert.training.trainer_view import TrainerView
from wengert.training.triggers import Moment, Trigger, every


class Log(Callback):
    """Writes a row of numbers whenever a trigger is due; a subclass defines where, by `write`.

    Args:
        trigger: after epochs, the row is the entry of the epoch in the history; after steps, it has
            "epoch" (the running one), "step", "lr", and the loss and metrics of the update.
        seconds: whether rows of epochs have the duration of the epoch as "seconds". A resumed
            training does not repeat these numbers, unlike all others.
    """

    def __init__(self, trigger: Trigger | None = None, *, seconds: bool = False) -> None:
        if trigger is not None and not callable(trigger):
            raise TypeError(
                f"{type(self).__name__}: got {trigger!r} as trigger, needed one such as "
                f"every(100, 'steps')"
            )
        self.trigger = every(1, "epochs") if trigger is None else trigger
        self.seconds = boolean(type(self).__name__, "seconds", seconds)

    def on_step(self, trainer: TrainerView) -> None:
        self._write_if_due("step", trainer)

    def on_epoch(self, trainer: TrainerView) -> None:
        self._write_if_due("epoch", trainer)

    def _write_if_due(self, moment: Moment, trainer: TrainerView) -> None:
        if not self.trigger(trainer, moment):
            return
        if moment == "epoch":
            row = trainer.history[-1]
            self.write({**row, "seconds": trainer.seconds} if self.seconds else row)
        else:
            position = {"epoch": trainer.epoch + 1, "step": trainer.step, "lr": trainer.lr}
            self.write({**position, **trainer.latest})

    def write(self, row: Mapping[str, Any]) -> None:
        """Writes a row: values by name."""
        raise NotImplementedError(f"{type(self).__name__} has no write: define write(self, row)")


class FileLog(Log):
    """A log of lines in a file. A training that is not resumed overwrites the file.

    Args:
        path: of the file; its folder is created if it is missing.
        trigger, seconds: see `Log`.

    Raises (when the training starts, or in a hand-written loop at the first `write`):
        OSError: the file cannot be written.
        ValueError: the file is shorter than it was when the state was saved.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        trigger: Trigger | None = None,
        *,
        seconds: bool = False,
    ) -> None:
        super().__init__(trigger, seconds=seconds)
        self.path = Path(path)
        self.length = 0  # of the file, in bytes, as far as this training has written it
        self.opened = False

    def on_start(self, trainer: TrainerView) -> None:
        self.open()

    def open(self) -> None:
        """Truncates the file to the length of the loaded state, or to nothing without one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            size = file.tell()
            if size < self.length:
                raise ValueError(
                    f"{type(self).__name__}: {self.path} has {size} bytes, but had {self.length} "
                    f"when the state was saved; restore that file"
                )
            file.truncate(self.length)
        self.opened = True

    def append(self, text: str) -> None:
        """Appends a line, with its newline, to the file."""
        line = text.encode()
        with self.path.open("ab") as file:
            file.write(line)
        self.length += len(line)

    def state_dict(self) -> dict[str, Any]:
        if self.length:
            with self.path.open("ab") as file:
                os.fsync(file.fileno())
        return {"length": self.length}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_names(f"{type(self).__name__}.load_state_dict", state, ("length",))
        self.length = int(state["length"])
        self.opened = False


class CSVLog(FileLog):
    """A table: a line of names, and a line for each row.

    Raises (when a row is written):
        ValueError: a row has names that the first row did not have.
    """

    columns: list[str]

    def open(self) -> None:
        super().open()
        if self.length:
            with self.path.open(newline="", encoding="utf-8") as file:
                self.columns = next(csv.reader(file))

    def write(self, row: Mapping[str, Any]) -> None:
        if not self.opened:
            self.open()
        if not self.length:
            self.columns = list(row)
            self._line(self.columns)
        unknown = [name for name in row if name not in self.columns]
        if unknown:
            raise ValueError(
                f"CSVLog: {self.path} has no column for {', '.join(unknown)}; "
                f"use JSONLinesLog for rows with different names, or a log for each trigger"
            )
        self._line([_plain(row.get(name, "")) for name in self.columns])

    def _line(self, cells: list[Any]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self.append(line.getvalue())


class JSONLinesLog(FileLog):
    """One JSON object per line, with null in place of NaN and infinities, which JSON lacks."""

    def write(self, row: Mapping[str, Any]) -> None:
        if not self.opened:
            self.open()
        self.append(json.dumps(for_json(row), ensure_ascii=False) + "\n")


def for_json(x: Any) -> Any:
    """x with Python's numbers and lists, and None in place of NaN and infinities."""
    x = _plain(x)
    if isinstance(x, Mapping):
        return {key: for_json(value) for key, value in x.items()}
    if isinstance(x, list):
        return [for_json(value) for value in x]
    return None if isinstance(x, float) and not math.isfinite(x) else x


def _plain(x: Any) -> Any:
    """Python's numbers and lists in place of arrays, NumPy's numbers and Variables."""
    x = x.data if isinstance(x, Variable) else x
    return x.tolist() if isinstance(x, ndarray | np.generic) else x


class TensorBoard(Log):
    """Curves for TensorBoard over the number of updates, in a folder.

    TensorBoard hides the points that an interrupted training wrote after the state from which it is
    resumed.

    Raises (when the training starts):
        ImportError: the package tensorboardX is missing.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        trigger: Trigger | None = None,
        *,
        seconds: bool = False,
    ) -> None:
        super().__init__(trigger, seconds=seconds)
        self.folder = Path(folder)
        self.writer: Any = None

    def on_start(self, trainer: TrainerView) -> None:
        self.open(trainer.step)

    def open(self, step: int = 0) -> None:
        """Starts a new file, after so many updates."""
        event, writer = _tensorboardx()
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        # the random ending keeps files of the same second apart
        self.writer = writer(str(self.folder / "events"), f".{os.urandom(4).hex()}")
        if step:  # TensorBoard hides the points of other files from there on
            self._add(event(step=step + 1, session_log={"status": "START"}))

    def write(self, row: Mapping[str, Any]) -> None:
        if "step" not in row:
            raise ValueError(f"TensorBoard: got {', '.join(row) or 'no values'}, needed also step")
        event, _ = _tensorboardx()
        if self.writer is None:
            self.open()
        numbers = {name: _plain(value) for name, value in row.items() if name != "step"}
        points = [
            {"tag": name, "simple_value": value}
            for name, value in numbers.items()
            if isinstance(value, int | float)
        ]
        self._add(event(step=int(row["step"]), summary={"value": points}))

    def _add(self, event: Any) -> None:
        event.wall_time = time.time()
        self.writer.write_event(event)
        self.writer.flush()

    def close(self) -> None:
        """Closes the file; the next row starts another."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def on_end(self, trainer: TrainerView) -> None:
        self.close()


def _tensorboardx() -> tuple[Any, Any]:
    """The classes Event and EventsWriter.

    (SummaryWriter writes in its own thread, and its `flush` does not wait for that thread: the
    last rows before a process is killed would be lost.)
    """
    try:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event
    except ImportError:
        raise ImportError(
            "TensorBoard: needs the package tensorboardX: pip install 'wengert[tensorboard]'"
        ) from None
    return Event, EventsWriter
