"""Progress: a bar in a terminal, a line per epoch in a log, a live line in a notebook."""

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sized
from types import TracebackType
from typing import Any, Self, TextIO

Results = Mapping[str, Any]


class Progress:
    """Shows how far a training is, and prints a line for each epoch.

        with Progress(epochs=5) as progress:
            for epoch in range(5):
                for x, t in progress.watch(loader):
                    ...
                progress.finish_epoch({"loss": 0.31, "accuracy": 0.91})

    In a terminal there is a bar on stderr while an epoch runs; in a notebook the epoch's line is
    live; in a log or pipe there are the finished lines, on stdout, and no control characters. An
    interrupt from the keyboard is told of, on stderr, and goes on.

    Args:
        epochs: how many there will be.
        done: how many there have been.
        show: False shows nothing.
    """

    def __init__(self, epochs: int, done: int = 0, *, show: bool = True) -> None:
        self.epochs = epochs
        self.epoch = done
        self.batches = 0
        self.display = _display() if show else _Nothing()

    def watch(
        self,
        batches: Iterable[Any],
        done: int = 0,
        results: Callable[[], Results] | None = None,
    ) -> Generator[Any, None, None]:
        """The batches of an epoch, one after the other.

        Args:
            batches: of the epoch.
            done: how many have been before, in an epoch that is resumed.
            results: gives what is shown while the epoch runs, when it is shown.
        """
        total = len(batches) if isinstance(batches, Sized) else None
        self.batches = done
        self.display.start(self._label(self.epoch + 1), total, done)
        try:
            for batch in batches:
                yield batch
                self.batches += 1
                self.display.advance(lambda: "" if results is None else shown(results()))
        finally:
            self.display.pause()

    def finish_epoch(self, results: Results) -> None:
        """Prints the epoch's line, with these results."""
        self.epoch += 1
        self.batches = 0
        self.display.line(f"{self._label(self.epoch)}   {shown(results)}")

    def say(self, text: str) -> None:
        """Prints a line."""
        self.display.line(text)

    def _label(self, epoch: int) -> str:
        return f"epoch {epoch:{len(str(self.epochs))}}/{self.epochs}"

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
    """The numbers among the results, as in "loss 0.3102   accuracy 0.9113"."""
    return "   ".join(
        f"{name} {_text(value)}"
        for name, value in results.items()
        if isinstance(value, int | float)
    )


def _text(value: float) -> str:
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


# ---- Where it is shown ----


class _Nothing:
    """Shows nothing; and says what a display is."""

    def start(self, label: str, total: int | None, done: int) -> None:
        """An epoch begins."""

    def advance(self, text: Callable[[], str]) -> None:
        """A batch is done; `text` gives the results so far, if they are to be shown now."""

    def pause(self) -> None:
        """The batches of the epoch are over, or left."""

    def line(self, text: str) -> None:
        """A line that stays."""

    def complain(self, text: str) -> None:
        """A line about what went wrong."""


class _Log(_Nothing):
    """Lines, for a file or a pipe."""

    def line(self, text: str) -> None:
        self._print(text, sys.stdout)

    def complain(self, text: str) -> None:
        self._print(text, sys.stderr)

    def _print(self, text: str, file: TextIO | None) -> None:
        encoding = getattr(file, "encoding", None) or "utf-8"
        # names that the output cannot show must not end the training
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=file, flush=True)


class _Terminal(_Log):
    """A bar, which gives way to the epoch's line."""

    bar: Any = None

    def start(self, label: str, total: int | None, done: int) -> None:
        from tqdm import tqdm

        sized = _has_size(sys.stderr)
        self.bar = tqdm(
            desc=label, total=total, initial=done, unit="batch", leave=False, file=sys.stderr,
            dynamic_ncols=sized, ncols=None if sized else 80, nrows=None if sized else 24,
        )  # fmt: skip

    def advance(self, text: Callable[[], str]) -> None:
        if self.bar.update():  # it was drawn
            self.bar.set_postfix_str(text(), refresh=False)

    def pause(self) -> None:
        self.bar.close()

    def complain(self, text: str) -> None:
        if self.bar is not None:
            self.bar.close()
        super().complain(text)


def _has_size(terminal: TextIO) -> bool:
    """Whether a terminal knows how wide it is: those that programs open may not."""
    try:
        return os.get_terminal_size(terminal.fileno()).columns > 0
    except OSError:
        return False


class _Notebook(_Log):
    """One line, which is live until the epoch's line takes its place."""

    INTERVAL = 0.2  # seconds: drawing takes a message to the browser

    def __init__(self) -> None:
        self.live: Any = None
        self.next_time = 0.0

    def start(self, label: str, total: int | None, done: int) -> None:
        self.label, self.total, self.done = label, total, done
        self._show(label)

    def advance(self, text: Callable[[], str]) -> None:
        self.done += 1
        if time.monotonic() >= self.next_time:
            share = f"{self.done / self.total:4.0%}" if self.total else f"batch {self.done}"
            self._show(f"{self.label}   {share}   {text()}")

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


def _display() -> _Nothing:
    if in_notebook():
        return _Notebook()
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return _Terminal() if terminal else _Log()


def in_notebook() -> bool:
    """Whether this program runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
