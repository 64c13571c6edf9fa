"""Progress: a bar in a terminal, a line per epoch in a log, an updated line in a notebook."""

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sized
from types import TracebackType
from typing import Any, Self, TextIO

Results = Mapping[str, Any]


class Progress:
    """Shows how far a training has come, and prints a line for each epoch.

        with Progress(epochs=5) as progress:
            for epoch in range(5):
                for x, t in progress.watch(loader):
                    ...
                progress.finish_epoch({"loss": 0.31, "accuracy": 0.91})

    In a terminal, a bar on stderr shows the running epoch; in a notebook, its line is updated in
    place. In a log or pipe, lines are written to stdout, without control characters: one for each
    epoch, with its duration, and in a long epoch further ones, the first after ten seconds.
    KeyboardInterrupt is reported on stderr, and propagates.

    Args:
        epochs: how many epochs there will be.
        done: how many epochs are finished.
        show: False shows nothing.

    Attributes:
        seconds: duration of the last finished epoch, from its first batch; None if its batches
            were not watched.
    """

    def __init__(self, epochs: int, done: int = 0, *, show: bool = True) -> None:
        self.epochs = epochs
        self.epoch = done
        self.batches = 0
        self.seconds: float | None = None
        self.began: float | None = None
        self.display = _display() if show else NullDisplay()

    def watch(
        self,
        batches: Iterable[Any],
        done: int = 0,
        results: Callable[[], Results] | None = None,
    ) -> Generator[Any, None, None]:
        """Yields the batches of an epoch.

        Args:
            batches: of the epoch.
            done: how many came before, in an epoch that is resumed.
            results: a function that returns the results to show while the epoch runs.
        """
        total = len(batches) if isinstance(batches, Sized) else None
        self.batches = done
        self.began = time.monotonic()
        self.display.start(self._label(self.epoch + 1), total, done)
        try:
            for batch in batches:
                yield batch
                self.batches += 1
                self.display.advance(lambda: "" if results is None else shown(results()))
        finally:
            self.display.pause()

    def finish_epoch(self, results: Results) -> None:
        """Prints the line of the epoch, with these results."""
        self.epoch += 1
        self.batches = 0
        self.seconds = None if self.began is None else time.monotonic() - self.began
        self.began = None
        took = "" if self.seconds is None else f"   {duration(self.seconds)}"
        self.display.line(f"{self._label(self.epoch)}   {shown(results)}{took}")

    def say(self, text: str) -> None:
        """Prints a line."""
        self.display.line(text)

    def _label(self, epoch: int) -> str:
        return f"epoch {epoch:{len(str(self.epochs))}}/{self.epochs}"

    def __repr__(self) -> str:
        return f"Progress(epochs={self.epochs}, done={self.epoch})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            where = f"interrupted in {self._label(min(self.epoch + 1, self.epochs))}"
            self.display.complain(f"{where}, after batch {self.batches}")


def shown(results: Results) -> str:
    """The numbers among the results, such as "loss 0.3102   accuracy 0.9113"."""
    return "   ".join(
        f"{name} {_text(value)}"
        for name, value in results.items()
        if isinstance(value, int | float)
    )


def duration(seconds: float) -> str:
    """Such as "0.3 s", "75 s" or "1:02:05 h"."""
    if seconds < 600:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def _text(value: float) -> str:
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


# ---- Displays ----


class NullDisplay:
    """Shows nothing; the interface of all displays."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def start(self, label: str, total: int | None, done: int) -> None:
        """An epoch starts."""

    def advance(self, text: Callable[[], str]) -> None:
        """A batch is finished; `text()` returns the results so far, and is called when shown."""

    def pause(self) -> None:
        """The loop over the batches has ended, or was left."""

    def line(self, text: str) -> None:
        """Shows a line that stays."""

    def complain(self, text: str) -> None:
        """Shows a line about an error."""


class LogDisplay(NullDisplay):
    """Lines, in a file or a pipe; in a long epoch some with the progress within it."""

    FIRST, MOST = 10.0, 300.0  # seconds before the first of these lines, and between two at most

    def start(self, label: str, total: int | None, done: int) -> None:
        self.label, self.total, self.done = label, total, done
        self.began = time.monotonic()
        self.next_time = self.began + self.FIRST

    def advance(self, text: Callable[[], str]) -> None:
        self.done += 1
        now = time.monotonic()
        if now < self.next_time:
            return
        elapsed = now - self.began
        # a tenth later than the one before: few lines, whether an epoch takes minutes or days
        self.next_time = now + min(max(self.FIRST, elapsed / 10), self.MOST)
        done = _part(self.done, self.total)
        self.line(f"{self.label}   {done}   {text()}   {duration(elapsed)}")

    def line(self, text: str) -> None:
        self._print(text, sys.stdout)

    def complain(self, text: str) -> None:
        self._print(text, sys.stderr)

    def _print(self, text: str, file: TextIO | None) -> None:
        encoding = getattr(file, "encoding", None) or "utf-8"
        # characters that the output cannot encode must not end the training
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=file, flush=True)


def _part(done: int, total: int | None) -> str:
    return f"{done / total:4.0%}" if total else f"batch {done}"


class TerminalDisplay(LogDisplay):
    """A bar, which the line of the epoch replaces."""

    bar: Any = None

    def start(self, label: str, total: int | None, done: int) -> None:
        from tqdm import tqdm

        sized = _has_size(sys.stderr)
        self.bar = tqdm(
            desc=label, total=total, initial=done, unit="batch", leave=False, file=sys.stderr,
            dynamic_ncols=sized, ncols=None if sized else 80, nrows=None if sized else 24,
        )  # fmt: skip

    def advance(self, text: Callable[[], str]) -> None:
        if self.bar.update():  # it was redrawn
            self.bar.set_postfix_str(text(), refresh=False)

    def pause(self) -> None:
        self.bar.close()

    def complain(self, text: str) -> None:
        if self.bar is not None:
            self.bar.close()
        super().complain(text)


def _has_size(terminal: TextIO) -> bool:
    """Whether the width of a terminal is known; that of a pseudoterminal may be 0."""
    try:
        return os.get_terminal_size(terminal.fileno()).columns > 0
    except OSError:
        return False


class NotebookDisplay(LogDisplay):
    """One line, updated until the line of the epoch replaces it."""

    INTERVAL = 0.2  # seconds between updates: each sends a message to the browser

    def __init__(self) -> None:
        self.live: Any = None
        self.next_time = 0.0

    def start(self, label: str, total: int | None, done: int) -> None:
        self.label, self.total, self.done = label, total, done
        self._show(label)

    def advance(self, text: Callable[[], str]) -> None:
        self.done += 1
        if time.monotonic() >= self.next_time:
            self._show(f"{self.label}   {_part(self.done, self.total)}   {text()}")

    def line(self, text: str) -> None:
        self._show(text)
        self.live = None

    def _show(self, text: str) -> None:
        from IPython.display import display

        content = {"text/plain": text}
        if self.live is None:
            self.live = display(content, raw=True, display_id=True)
        else:
            self.live.update(content, raw=True)
        self.next_time = time.monotonic() + self.INTERVAL


def _display() -> NullDisplay:
    if in_notebook():
        return NotebookDisplay()
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return TerminalDisplay() if terminal else LogDisplay()


def in_notebook() -> bool:
    """Whether this program runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
