"""`wengert train --resume` of runs that were interrupted, killed or finished."""

import json
import re
import signal
import time

import numpy as np
import pytest

from command import TINY, failed, ran, refused, start
from wengert.cli import main
from wengert.cli import train as train_command


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def finished(capsys):
    """A run of two epochs."""
    ran(capsys, "train", "digits", *TINY, "--run", "two")
    return "two"


def weights(folder, name="weights.npz"):
    with np.load(f"{folder}/{name}") as arrays:
        return dict(arrays.items())


def assert_same(xs, ys):
    assert xs.keys() == ys.keys()
    for name in xs:
        np.testing.assert_array_equal(xs[name], ys[name], strict=True)


def edited(folder, **changes):
    """Changes some settings of a run."""
    path = f"{folder}/settings.json"
    with open(path) as file:
        content = json.load(file)
    content["settings"] |= changes
    with open(path, "w") as file:
        json.dump(content, file)


# ---- Interrupted ----


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_saves_the_run_and_prints_the_command_that_resumes_it(tmp_path, number, code):
    process = start("train", "digits", "--hidden", "16", "--epochs", "100000", "--run", "a b")
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert lines[0].startswith("run a b: ")
    assert out.splitlines()[-1] == "stopped: interrupted"
    pattern = r"wengert train: interrupted in epoch \d+ of 100000; resume with: (.+)\n"
    assert re.fullmatch(pattern, err)[1] == "wengert train --resume 'a b'"
    assert list((tmp_path / "a b" / "checkpoints").glob("step-*.npz"))


def test_ctrl_c_while_testing_prints_the_command_that_resumes_the_run(capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("wengert.cli.train.save_weights", interrupted)
        assert main(["train", "digits", *TINY, "--run", "two"]) == 130
    err = capsys.readouterr().err
    assert err.endswith("interrupted after training; resume with: wengert train --resume two\n")
    assert "test accuracy" in ran(capsys, "train", "--resume", "two")


class _At:
    """A callback's method that sends this process a signal in one step."""

    def __init__(self, step):
        self.step = step

    def __call__(self, callback, trainer):
        if trainer.step == self.step:
            signal.raise_signal(signal.SIGINT)
        callback._stop()


def test_an_interrupted_run_that_is_resumed_ends_as_if_it_had_never_stopped(
    finished, capsys, monkeypatch
):
    with monkeypatch.context() as patch:
        at = _At(step=30)  # of 42: in the middle of the second epoch
        patch.setattr(train_command.Interruption, "on_step", lambda *xs: at(*xs))
        assert main(["train", "digits", *TINY, "--run", "stopped"]) == 130
    capsys.readouterr()
    for options in [(), ("--best",), ("--last",)]:
        out = ran(capsys, "evaluate", "stopped", *options)
        assert out.splitlines()[1].startswith("test accuracy: ")
    out = ran(capsys, "train", "--resume", "stopped")
    assert_same(weights("stopped"), weights(finished))
    assert_same(weights("stopped", "best.npz"), weights(finished, "best.npz"))
    with open("stopped/log.jsonl") as ours, open("two/log.jsonl") as theirs:
        assert ours.read() == theirs.read()
    assert out.splitlines()[-1].startswith("test accuracy: ")


# ---- Killed ----


def test_a_killed_run_that_is_resumed_ends_with_the_same_weights_bit_for_bit(tmp_path, monkeypatch):
    options = "--model", "cnn", "--hidden", "4", "--epochs", "3", "--batch-size", "16"
    options += "--augment", "shift"
    assert main(["train", "digits", *options, "--run", "whole"]) == 0
    often = (
        "import sys; from wengert.cli import main, train; train.SAVE_EVERY = 0.05; "
        "sys.exit(main(sys.argv[1:]))"
    )
    process = start("train", "digits", *options, "--run", "killed", program=["-c", often])
    checkpoints = tmp_path / "killed" / "checkpoints"
    while not any(_step(path) % 81 for path in checkpoints.glob("step-*.npz")):
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()  # there is a checkpoint in the middle of an epoch, and later steps are lost
    process.communicate()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    assert main(["train", "--resume", "killed"]) == 0
    assert_same(weights("killed"), weights("whole"))


def _step(path):
    return int(path.stem.removeprefix("step-"))


def test_a_run_without_a_checkpoint_has_no_weights(finished, tmp_path, capsys):
    for path in ["metrics.json", *_checkpoints(tmp_path)]:
        (tmp_path / finished / path).unlink()
    assert "two has no weights yet" in failed(capsys, "evaluate", finished)


def test_a_run_killed_before_its_first_checkpoint_starts_from_the_beginning(
    finished, tmp_path, capsys
):
    first = weights(finished)
    for path in ["weights.npz", "metrics.json", *_checkpoints(tmp_path)]:
        (tmp_path / finished / path).unlink()
    said = ran(capsys, "train", "--resume", finished).splitlines()
    assert said[1] == "no checkpoint was saved yet: the training starts from the beginning"
    assert_same(weights(finished), first)
    with open("two/log.jsonl") as log:
        assert len(log.readlines()) == 2


def _checkpoints(tmp_path):
    return [f"checkpoints/{path.name}" for path in (tmp_path / "two" / "checkpoints").iterdir()]


# ---- Finished ----


def test_a_finished_run_says_so_and_changes_nothing(finished, tmp_path, capsys):
    before = (tmp_path / finished / "metrics.json").stat().st_mtime_ns
    out = ran(capsys, "train", "--resume", finished)
    assert out.splitlines()[0] == "two is finished: epoch 2 of 2; add more with --epochs N"
    assert out.splitlines()[1] == "weights of epoch 2, the best of 2 by validation loss"
    assert out.splitlines()[2].startswith("test accuracy: ")
    assert (tmp_path / finished / "metrics.json").stat().st_mtime_ns == before


def test_more_epochs_can_be_added_to_a_finished_run(capsys):
    constant = "digits", *TINY, "--schedule", "constant"
    ran(capsys, "train", *constant, "--run", "two")
    ran(capsys, "train", *constant, "--epochs", "4", "--run", "four")
    out = ran(capsys, "train", "--resume", "two", "--epochs", "4")
    assert len(re.findall(r"epoch [34]/4", out)) == 2
    assert_same(weights("two"), weights("four"))
    with open("two/metrics.json") as file:
        assert json.load(file)["epoch"] == 4


# ---- Runs that cannot be resumed ----


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lr", "0.5"], "argument --lr: two has 0.002; omit it"),
        (["--model", "cnn"], "argument --model: two has mlp"),
        (["--epochs", "1"], "argument --epochs: two has 2; needed 2 or more"),
        (["--heads", "2"], "argument --heads: two has no such setting"),
        (["--data", "x"], "argument --data: two has no such setting"),
        (["--run", "x"], "argument --resume: it names the folder; omit --run and --runs"),
        (["spiral"], "two is a run on digits, not on spiral"),
    ],
)
def test_an_option_that_contradicts_the_run_is_refused(finished, capsys, arguments, said):
    assert said in refused(capsys, "train", "--resume", finished, *arguments)


def test_an_option_with_the_value_of_the_run_is_accepted(finished, capsys):
    same = "--model", "mlp", *TINY, "--seed", "0", "--clip-norm", "0"
    ran(capsys, "train", "digits", *same, "--resume", finished)


@pytest.mark.parametrize("command", ["train --resume", "evaluate", "predict FILE", "generate"])
def test_a_folder_that_is_not_a_run_is_named(tmp_path, capsys, command):
    name, *rest = command.split()
    (tmp_path / "empty").mkdir()
    arguments = [name, "empty", *rest] if rest == ["FILE"] else [name, *rest, "empty"]
    assert "empty is not a run: it has no settings.json" in failed(capsys, *arguments)
    arguments[arguments.index("empty")] = "nowhere"
    assert "there is no folder nowhere" in failed(capsys, *arguments)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": "fast"}, "lr: got 'fast', needed a number > 0"),
        ({"hidden": [0]}, "hidden: got '0', needed sizes > 0"),
        ({"model": "gpt"}, "is missing"),
        ({"dataset": 3}, "dataset: got 3, needed one of digits"),
        ({"dataset": []}, "dataset: got [], needed one of digits"),
        ({"data": 3}, "data: got 3, needed a path, or null"),
        ({"epochs": "2"}, "epochs: got '2', needed 2"),
        ({"more": 1}, "more: unknown setting"),
        ({"seed": True}, "seed: got 'True'"),
    ],
)
def test_damaged_settings_are_named(finished, capsys, changes, said):
    edited(finished, **changes)
    err = failed(capsys, "train", "--resume", finished)
    assert "two/settings.json is damaged, or written by another version" in err
    assert said in err


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"a": NaN}', "\ud800"])
@pytest.mark.parametrize("name", ["settings.json", "metrics.json"])
def test_a_damaged_file_of_a_run_is_named(finished, tmp_path, capsys, name, content):
    (tmp_path / finished / name).write_bytes(content.encode("utf-8", "surrogatepass"))
    assert f"two/{name} is damaged" in failed(capsys, "train", "--resume", finished)


def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_used(tmp_path, capsys):
    ran(capsys, "train", "digits", *TINY, "--run", "two")
    ran(capsys, "train", "--resume", "two", "--epochs", "3")
    older, newest = sorted((tmp_path / "two" / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:1000])
    assert main(["train", "--resume", "two", "--epochs", "4"]) == 0
    out, err = capsys.readouterr()
    assert f"{newest} is skipped" in err.replace("two/", f"{tmp_path}/two/", 1)
    assert err.startswith("wengert train: ")
    assert err.count("\n") == 1
    assert "epoch 3/4" in out
    assert older.name == "step-000000042.npz"


def test_a_run_without_an_intact_checkpoint_is_a_failure(finished, tmp_path, capsys):
    for path in (tmp_path / finished / "checkpoints").iterdir():
        path.write_bytes(b"")
    err = failed(capsys, "train", "--resume", finished, "--epochs", "3")
    assert "two cannot be resumed" in err
    assert "is intact; remove them to start from the beginning" in err


def test_other_data_than_the_run_was_started_with_are_refused(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("abcd" * 300)
    small = "--context", "4", "--layers", "1", "--width", "8", "--epochs", "1"
    ran(capsys, "train", "text", "--data", "a.txt", *small, "--run", "a")
    (tmp_path / "a.txt").write_text("abce" * 300)
    err = failed(capsys, "train", "--resume", "a", "--epochs", "2")
    assert "these are not the data that a was trained on" in err


def test_data_that_were_moved_are_found_at_the_new_path(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("abcd" * 300)
    small = "--context", "4", "--layers", "1", "--width", "8", "--epochs", "1"
    ran(capsys, "train", "text", "--data", "a.txt", *small, "--run", "a")
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert "there is no file" in failed(capsys, "evaluate", "a")
    ran(capsys, "evaluate", "a", "--data", "b.txt")
    ran(capsys, "train", "--resume", "a", "--data", "b.txt", "--epochs", "2")
    ran(capsys, "evaluate", "a")


def test_a_run_that_another_process_trains_is_refused(capsys):
    process = start("train", "digits", "--hidden", "16", "--epochs", "100000", "--run", "busy")
    process.stdout.readline()
    try:
        said = failed(capsys, "train", "--resume", "busy")
        assert said == "wengert train: busy is being trained by another process\n"
    finally:
        process.kill()
        process.communicate(timeout=60)
    edited("busy", epochs=1)
    ran(capsys, "train", "--resume", "busy")  # the lock has ended with the process
