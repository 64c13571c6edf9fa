"""How progress is shown: in a log, a terminal, a notebook."""

import io
import json
import os
import re
import sys
import types
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import pairwise

import numpy as np
import pytest

import wengert.functions as F
from wengert.layers import Linear
from wengert.optimizers import SGD
from wengert.training import Callback, JSONLinesLog, On, Progress, SaveCheckpoints, Trainer, every
from wengert.training.progress import duration

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
BATCHES = [(X[:6], X[:6]), (X[6:], X[6:])]


def trainer(*callbacks, **options):
    return Trainer(
        Linear(3, in_size=3), SGD(0.1), F.mean_squared_error, callbacks=callbacks, **options
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


@contextmanager
def in_a_terminal():
    """A terminal that receives stdout and stderr in a `with` block."""
    terminal = Terminal()
    with redirect_stdout(terminal), redirect_stderr(terminal):
        yield terminal


@pytest.fixture
def notebook(monkeypatch):
    """What the displays of a notebook show: for each display the list of its states."""
    displays = []

    class Handle:
        def update(self, content, raw):
            assert raw
            self.states.append(content["text/plain"])

    def display(content, raw, display_id):
        assert raw
        assert display_id
        handle = Handle()
        handle.states = [content["text/plain"]]
        displays.append(handle.states)
        return handle

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return displays


def line(result):
    """The line of an epoch, of 3, with a loss, its validation and its duration."""
    return (
        f"epoch {result['epoch']}/3   loss {result['loss']:.4f}"
        f"   validation_loss {result['validation_loss']:.4f}   T s"
    )


def timeless(text):
    """The text with T for the duration of an epoch."""
    return re.sub(r"   \d+(\.\d)? s$", "   T s", text, flags=re.MULTILINE)


def test_a_log_has_one_line_for_each_epoch(capsys):
    history = trainer().fit(BATCHES, BATCHES, epochs=3)
    out, err = capsys.readouterr()
    assert timeless(out).splitlines() == [line(result) for result in history]
    assert err == ""
    assert out.replace("\n", "").isprintable()


def test_epochs_are_aligned():
    assert Progress(100)._label(7) == "epoch   7/100"


def test_tiny_and_huge_numbers_are_shown_with_exponents(capsys):
    Progress(1).finish_epoch({"a": 1e-5, "b": 0.0, "c": 2e6, "d": float("nan"), "e": [1], "f": 3})
    text = "a 1.000e-05   b 0.0000   c 2.000e+06   d nan   f 3.0000"
    assert capsys.readouterr().out == f"epoch 1/1   {text}\n"


def test_in_a_terminal_the_line_replaces_the_bar():
    with in_a_terminal() as terminal:
        history = trainer().fit(BATCHES, BATCHES, epochs=3)
    text = timeless(terminal.getvalue())
    for result in history:
        assert f"epoch {result['epoch']}/3:   0%|" in text
        bar, _, end = text.partition(line(result))
        assert bar.endswith("\r")  # the bar was cleared
        assert bar.split("\r")[-2].strip() == ""
        assert end.startswith("\n")


def test_nothing_is_shown_on_request():
    with in_a_terminal() as terminal:
        trainer(progress=False).fit(BATCHES, epochs=2)
    assert terminal.getvalue() == ""


def test_a_notebook_has_one_updated_line_for_each_epoch(notebook, capsys, monkeypatch):
    monkeypatch.setattr("wengert.training.progress.NotebookDisplay.INTERVAL", 0.0)
    history = trainer().fit(BATCHES, BATCHES, epochs=3)
    assert [timeless(states[-1]) for states in notebook] == [line(result) for result in history]
    for k, states in enumerate(notebook, 1):
        assert states[0] == f"epoch {k}/3"
        assert states[1].startswith(f"epoch {k}/3    50%   loss ")
        assert states[2].startswith(f"epoch {k}/3   100%   loss ")
    assert capsys.readouterr() == ("", "")


def test_a_notebook_is_not_updated_too_often(notebook):
    trainer().fit(BATCHES * 100)
    assert len(notebook[0]) < 10


class Clock:
    """A clock that is a number of seconds later at each batch."""

    def __init__(self, seconds):
        self.seconds, self.now = seconds, 0.0

    def monotonic(self):
        return self.now

    def batches(self, n):
        for k in range(n):
            self.now += self.seconds
            yield k


def times_of_lines(capsys, monkeypatch, seconds, n):
    """When lines were written in an epoch of n batches, each so many seconds long."""
    clock = Clock(seconds)
    monkeypatch.setattr("wengert.training.progress.time", clock)
    with Progress(epochs=1) as progress:
        for _ in progress.watch(clock.batches(n), results=lambda: {"loss": clock.now}):
            pass
        progress.finish_epoch({"loss": 0.5})
    assert progress.seconds == pytest.approx(n * seconds)
    *during, last = capsys.readouterr().out.splitlines()
    assert last.startswith("epoch 1/1   loss 0.5000   ")
    return [float(re.search("loss ([0-9.e+]+)", text)[1]) for text in during], last


def test_a_log_shows_the_progress_in_a_long_epoch_now_and_then(capsys, monkeypatch):
    times, last = times_of_lines(capsys, monkeypatch, 1.0, 60)
    assert times == [10, 20, 30, 40, 50, 60]
    assert last.endswith("   60 s")
    assert times_of_lines(capsys, monkeypatch, 0.1, 90) == ([], "epoch 1/1   loss 0.5000   9.0 s")


def test_a_log_of_a_day_has_few_lines(capsys, monkeypatch):
    times, last = times_of_lines(capsys, monkeypatch, 5.0, 24 * 720)
    assert 20 < len(times) < 400
    assert max(b - a for a, b in pairwise(times)) <= 310
    assert last.endswith("   24:00:00 h")


def test_a_line_within_an_epoch_says_how_far_it_has_come(capsys, monkeypatch):
    clock = Clock(25.0)
    monkeypatch.setattr("wengert.training.progress.time", clock)
    for batches in (list(range(8)), iter(range(8))):
        for _ in Progress(epochs=3, done=1).watch(batches, 2, lambda: {"loss": 0.25}):
            clock.now += 25
    sized, unsized = np.split(np.array(capsys.readouterr().out.splitlines()), 2)
    assert sized[0] == "epoch 2/3    38%   loss 0.2500   25 s"
    assert unsized[0] == "epoch 2/3   batch 3   loss 0.2500   25 s"


def test_the_trainer_knows_the_seconds_of_an_epoch(tmp_path):
    log = JSONLinesLog(tmp_path / "log.jsonl", seconds=True)
    plain = JSONLinesLog(tmp_path / "plain.jsonl")
    fitted = trainer(log, plain, progress=False)
    assert fitted.seconds is None
    fitted.fit(BATCHES, epochs=2)
    rows = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [list(row)[-1] for row in rows] == ["seconds"] * 2
    assert rows[-1]["seconds"] == fitted.seconds
    assert 0 < fitted.seconds < 10
    assert "seconds" not in (tmp_path / "plain.jsonl").read_text()


@pytest.mark.parametrize(("seconds", "text"), [
    (0.04, "0.0 s"), (9.94, "9.9 s"), (10, "10 s"), (599.4, "599 s"), (600, "10:00 min"),
    (3661, "1:01:01 h"), (100_000, "27:46:40 h"),
])  # fmt: skip
def test_durations_are_readable(seconds, text):
    assert duration(seconds) == text


def test_where_a_training_resumes_is_shown(capsys, tmp_path):
    trainer(SaveCheckpoints(tmp_path)).fit(BATCHES, epochs=1, resume=True)
    trainer(SaveCheckpoints(tmp_path)).fit(BATCHES, epochs=2, resume=True)
    first, one, second, two = timeless(capsys.readouterr().out).splitlines()
    assert first == "there is no checkpoint yet: the training starts from the beginning"
    assert second == "resumed after epoch 1, at step 2"
    assert one.startswith("epoch 1/1   loss ")
    assert two.startswith("epoch 2/2   loss ")


def test_the_reason_for_stopping_is_shown(capsys):
    trainer(On(every(1, "epochs"), lambda t: t.stop("enough"))).fit(BATCHES, epochs=3)
    assert capsys.readouterr().out.splitlines()[-1] == "stopped: enough"


class Interrupting(Callback):
    def on_loss(self, trainer, loss):
        if trainer.step == 3:
            raise KeyboardInterrupt


def test_an_interrupt_is_reported_and_propagates(capsys):
    with pytest.raises(KeyboardInterrupt):
        trainer(Interrupting()).fit(BATCHES, epochs=3)
    assert capsys.readouterr().err == "interrupted in epoch 2/3, after batch 1\n"


def test_an_interrupt_in_a_terminal_clears_the_bar_first():
    with in_a_terminal() as terminal, pytest.raises(KeyboardInterrupt):
        trainer(Interrupting()).fit(BATCHES, epochs=3)
    *_, wiped, last = terminal.getvalue().split("\r")
    assert wiped.strip() == ""
    assert last == "interrupted in epoch 2/3, after batch 1\n"


def test_progress_in_a_hand_written_loop(capsys, notebook):
    with Progress(epochs=2) as progress:
        for _ in range(2):
            assert list(progress.watch(iter("abc"))) == ["a", "b", "c"]
            progress.finish_epoch({"loss": 1.0})
    assert [timeless(states[-1]) for states in notebook] == [
        "epoch 1/2   loss 1.0000   T s",
        "epoch 2/2   loss 1.0000   T s",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudoterminals")
@pytest.mark.parametrize(("size", "columns"), [((24, 33), 32), ((0, 0), 80)])  # 80 if unknown
def test_a_bar_is_as_wide_as_its_terminal(size, columns):
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, size)
    with open(theirs, "w") as terminal, redirect_stderr(terminal):  # stdout is elsewhere
        assert list(Progress(epochs=1).watch("abc")) == ["a", "b", "c"]
        drawn = os.read(ours, 10_000).decode().split("\r")
    os.close(ours)
    assert max(map(len, drawn)) == columns


def test_characters_that_the_output_cannot_encode_do_not_end_the_training():
    shown = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(shown, encoding="ascii")) as out:
        Progress(1).finish_epoch({"δ": 1.0})
        out.flush()
        assert shown.getvalue().splitlines() == [b"epoch 1/1   \\u03b4 1.0000"]


def test_a_loop_that_ends_early_leaves_no_bar():
    with in_a_terminal() as terminal:
        for _ in Progress(epochs=1).watch("abc"):
            break
    assert terminal.getvalue().split("\r")[-2].strip() == ""
