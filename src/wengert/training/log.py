"""Logs of a training: CSV, JSON lines, TensorBoard.

The files hold what `trainer.history` holds, or, after a number of steps, `trainer.latest`. Each
line is handed to the system at once, so a killed process loses none; when the state of the training
is saved, the file is first brought to the disk, and its length is part of the state. A training
that is resumed cuts its files to that length: each line is there once.

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
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from wengert.core import Variable
from wengert.training.callbacks import Callback, check_keys
from wengert.training.triggers import Moment, Trigger, every

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer


class Log(Callback):
    """Writes a row of numbers whenever a trigger says so; a subclass says where.

    Args:
        trigger: after epochs, the row is the epoch's in the history; after steps, it has "epoch"
            (the running one), "step", "lr", and the loss and metrics of the update.
    """

    def __init__(self, trigger: Trigger | None = None) -> None:
        if trigger is not None and not callable(trigger):
            raise TypeError(
                f"{type(self).__name__}: got {trigger!r} as trigger, needed one such as "
                f"every(100, 'steps')"
            )
        self.trigger = every(1, "epochs") if trigger is None else trigger

    def on_step(self, trainer: "Trainer") -> None:
        self._look("step", trainer)

    def on_epoch(self, trainer: "Trainer") -> None:
        self._look("epoch", trainer)

    def _look(self, moment: Moment, trainer: "Trainer") -> None:
        if not self.trigger(trainer, moment):
            return
        if moment == "epoch":
            self.write(trainer.history[-1])
        else:
            place = {"epoch": trainer.epoch + 1, "step": trainer.step, "lr": trainer.lr}
            self.write({**place, **trainer.latest})

    def write(self, row: Mapping[str, Any]) -> None:
        """Writes the values by name."""
        raise NotImplementedError(f"{type(self).__name__} has no write: define write(self, row)")


class FileLog(Log):
    """A log of lines in a file, which starts anew unless the training is resumed.

    Args:
        path: of the file; its folder is made if it is missing.
        trigger: see `Log`.

    Raises (when the training, or by hand the writing, starts):
        OSError: the file cannot be written.
        ValueError: the file is shorter than it was when the state was saved.
    """

    def __init__(self, path: str | os.PathLike[str], trigger: Trigger | None = None) -> None:
        super().__init__(trigger)
        self.path = Path(path)
        self.length = 0  # bytes of the file that are this training's
        self.opened = False

    def on_start(self, trainer: "Trainer") -> None:
        self.open()

    def open(self) -> None:
        """Cuts the file to what is this training's: to nothing, unless a state was loaded."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            there = file.tell()
            if there < self.length:
                raise ValueError(
                    f"{type(self).__name__}: {self.path} has {there} bytes, but had {self.length} "
                    f"when the state was saved; put that file back"
                )
            file.truncate(self.length)
        self.opened = True

    def append(self, text: str) -> None:
        """Adds a line, with its end, to the file."""
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
        check_keys(type(self).__name__, state, {"length": 0})
        self.length = int(state["length"])
        self.opened = False


class CSVLog(FileLog):
    """A table: a line of names, and a line for each row.

    Raises (when a row is written):
        ValueError: a row has names that the first had not.
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
                f"use JSONLinesLog for rows that differ, or a log for each trigger"
            )
        self._line([_plain(row.get(name, "")) for name in self.columns])

    def _line(self, cells: list[Any]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self.append(line.getvalue())


class JSONLinesLog(FileLog):
    """A JSON object in each line; null stands for numbers that JSON lacks: NaN and infinities."""

    def write(self, row: Mapping[str, Any]) -> None:
        if not self.opened:
            self.open()
        self.append(json.dumps(_for_json(row), ensure_ascii=False) + "\n")


def _for_json(x: Any) -> Any:
    x = _plain(x)
    if isinstance(x, Mapping):
        return {key: _for_json(value) for key, value in x.items()}
    if isinstance(x, list):
        return [_for_json(value) for value in x]
    return None if isinstance(x, float) and not math.isfinite(x) else x


def _plain(x: Any) -> Any:
    """Python's numbers and lists in the place of arrays, NumPy's numbers and Variables."""
    x = x.data if isinstance(x, Variable) else x
    return x.tolist() if isinstance(x, ndarray | np.generic) else x


class TensorBoard(Log):
    """Curves for TensorBoard, over the number of updates, in a folder.

    A resumed training marks what was written after its state was saved, and TensorBoard hides it.

    Raises (when the training starts):
        ImportError: the package tensorboardX is missing.
    """

    def __init__(self, folder: str | os.PathLike[str], trigger: Trigger | None = None) -> None:
        super().__init__(trigger)
        self.folder = Path(folder)
        self.writer: Any = None

    def on_start(self, trainer: "Trainer") -> None:
        self.open(trainer.step)

    def open(self, step: int = 0) -> None:
        """Begins a file, after so many updates."""
        event, writer = _tensorboardx()
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        # the random ending: files of the same second would else write over each other
        self.writer = writer(str(self.folder / "events"), f".{os.urandom(4).hex()}")
        if step:  # TensorBoard hides what other files have from there on
            self._add(event(step=step + 1, session_log={"status": "START"}))

    def write(self, row: Mapping[str, Any]) -> None:
        if "step" not in row:
            raise ValueError(f"TensorBoard: got {', '.join(row) or 'nothing'}, needed step too")
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
        """Ends the file; the next row begins another."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def on_end(self, trainer: "Trainer") -> None:
        self.close()


def _tensorboardx() -> tuple[Any, Any]:
    """The classes Event and EventsWriter.

    (SummaryWriter writes in a thread of its own, and its `flush` does not wait for that: what is
    written just before a process is killed would be lost.)
    """
    try:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event
    except ImportError:
        raise ImportError(
            "TensorBoard: needs the package tensorboardX: pip install 'wengert[tensorboard]'"
        ) from None
    return Event, EventsWriter
