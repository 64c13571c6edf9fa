"""The command `wengert`, as people and scripts meet it."""

import os
import pty
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import wengert
from wengert.cli import main
from wengert.demo import story

QUICK = ["train", "digits", "--hidden", "16", "--epochs", "2"]
EPOCH = re.compile(r"epoch +(\d+)/\d+   loss \d+\.\d{4}   accuracy +(\d+\.\d) %")
RESULT = re.compile(r"test accuracy: (\d+\.\d) %")


def start(*arguments, **options):
    """The command in a process of its own, with pipes, and with SIGINT as a shell leaves it."""
    return subprocess.Popen(
        [sys.executable, "-m", "wengert", *arguments],
        stdin=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def refused(capsys, *arguments):
    """What the command says when it refuses its arguments."""
    with pytest.raises(SystemExit) as exit:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert exit.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


# ---- train ----


def test_training_with_the_defaults_reaches_98_percent_in_30_epochs(capsys):
    assert main(["train", "digits"]) == 0
    *epochs, result = capsys.readouterr().out.splitlines()
    assert [int(EPOCH.fullmatch(line)[1]) for line in epochs] == list(range(1, 31))
    assert float(EPOCH.fullmatch(epochs[-1])[2]) > 99.5
    assert float(RESULT.fullmatch(result)[1]) >= 98


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_every_optimizer_trains_with_its_own_learning_rate(capsys, optimizer):
    assert main(["train", "digits", "--hidden", "64", "--optimizer", optimizer]) == 0
    assert float(RESULT.search(capsys.readouterr().out)[1]) >= 96


def test_a_linear_model_trains_too(capsys):
    assert main(["train", "digits", "--model", "linear", "--epochs", "20"]) == 0
    assert float(RESULT.search(capsys.readouterr().out)[1]) >= 94


def test_the_same_seed_gives_the_same_result_and_another_seed_another(capsys):
    def log(seed):
        main([*QUICK, "--seed", seed])
        return capsys.readouterr().out

    assert log("5") == log("5") != log("6")


def test_a_pipe_gets_one_line_an_epoch_and_nothing_else():
    process = start(*QUICK)
    out, err = process.communicate(timeout=60)
    *epochs, result = out.splitlines()
    assert process.returncode == 0
    assert err == ""
    assert len(epochs) == 2
    assert all(map(EPOCH.fullmatch, epochs))
    assert RESULT.fullmatch(result)


def test_a_terminal_gets_a_progress_bar_and_the_same_lines():
    ours, theirs = pty.openpty()
    process = start(*QUICK, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while chunk := _read(ours):
        seen += chunk
    text = seen.decode()
    assert process.wait(timeout=60) == 0
    assert re.search(r"epoch 1/2:.*\d+/180 \[", text)
    assert len(EPOCH.findall(text)) == 2
    assert RESULT.search(text.rstrip().splitlines()[-1])


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        return b""


def test_ctrl_c_stops_cleanly_with_what_was_reached(tmp_path):
    file = tmp_path / "digits.npz"
    process = start("train", "digits", "--epochs", "100000", "--output", str(file))
    lines = [process.stdout.readline() for _ in range(8)]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert all(EPOCH.fullmatch(line.strip()) for line in lines)
    assert float(RESULT.fullmatch(out.splitlines()[-1])[1]) > 90
    assert re.fullmatch(r"wengert train: stopped in epoch \d+ of 100000\n", err)
    assert np.load(file)["layers.0.W"].shape == (64, 128)


def test_a_reader_that_goes_away_ends_it_without_a_traceback():
    process = start("train", "digits", "--epochs", "100000")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize("arguments", [["demo"], ["--help"]])
def test_a_reader_that_never_reads_causes_no_traceback(arguments):
    ours, theirs = os.pipe()
    os.close(ours)
    buffered = {
        **os.environ,
        "PYTHONUNBUFFERED": "",
    }  # so that the end of it is what meets the pipe
    process = start(*arguments, stdout=theirs, env=buffered)
    os.close(theirs)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 141


def test_output_holds_the_parameters_by_name_and_nothing_is_left_beside_it(tmp_path, capsys):
    file = tmp_path / "digits.npz"
    file.write_text("what was there before")
    assert main([*QUICK, "--output", str(file)]) == 0
    shapes = {name: array.shape for name, array in np.load(file).items()}
    assert shapes == {
        "layers.0.W": (64, 16),
        "layers.0.b": (16,),
        "layers.1.W": (16, 10),
        "layers.1.b": (10,),
    }
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_there_stays_whole_if_saving_fails(tmp_path, capsys, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    file = tmp_path / "digits.npz"
    file.write_text("what was there before")
    monkeypatch.setattr(np, "savez", full)
    assert main([*QUICK, "--output", str(file)]) == 1
    out, err = capsys.readouterr()
    assert err == f"wengert train: {file} could not be written: No space left on device\n"
    assert RESULT.fullmatch(out.splitlines()[-1])
    assert file.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing/file.npz", "there is no folder"),
        (".", "is not a file"),
        ("/dev/null", "not a file"),
    ],
)
def test_an_unwritable_output_is_refused_before_training(tmp_path, capsys, path, reason):
    err = refused(capsys, "train", "digits", "--output", str(tmp_path / path))
    assert err.startswith("wengert train: argument --output: ")
    assert reason in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "0"], "argument --epochs: got '0', needed a whole number ≥ 1"),
        (["--epochs", "two"], "argument --epochs: got 'two'"),
        (["--batch-size", "-3"], "argument --batch-size"),
        (["--seed", "1.5"], "argument --seed: got '1.5', needed a whole number ≥ 0"),
        (["--lr", "0"], "argument --lr: got '0', needed a number > 0"),
        (["--lr", "nan"], "argument --lr: got 'nan'"),
        (["--hidden", "10,,5"], "argument --hidden: got '10,,5', needed sizes > 0"),
        (["--hidden", "5", "--model", "linear"], "a linear model has no hidden layers"),
        (["--optimizer", "adagrad"], "invalid choice: 'adagrad'"),
        (["--epoch", "3"], "there is no option --epoch"),
        (["--hidden", "9" * 14], "not enough memory: Unable to allocate 45.5 PiB"),
        (["--hidden", "9" * 20], "argument --hidden: Maximum allowed dimension exceeded"),
    ],
)
def test_a_wrong_option_is_one_clear_line(capsys, arguments, said):
    err = refused(capsys, "train", "digits", *arguments)
    assert err.startswith("wengert train: ")
    assert said in err


@pytest.mark.parametrize("arguments", [[], ["trian"], ["train", "faces"], ["--bogus"]])
def test_a_wrong_command_is_one_clear_line(capsys, arguments):
    assert refused(capsys, *arguments).startswith("wengert")


def test_a_loss_that_is_not_finite_ends_training_with_the_cure(capsys):
    assert main([*QUICK, "--optimizer", "sgd", "--lr", "1e30"]) == 1
    assert re.search(r"the loss is (nan|inf): try an --lr below 1e\+30", capsys.readouterr().err)


# ---- demo, info, --version ----


def test_the_demo_ends_with_the_gradient_by_hand_and_by_itself():
    lines = list(story())
    assert "          = 2 × 0.5 × 3.297442541400256 = 3.297442541400256" in lines
    assert lines[-1] == "    x.grad = 3.297442541400256"


def test_the_demo_shows_each_value_with_its_creator_and_each_gradient_with_its_formula(capsys):
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    for line in [
        "    b = exp(a) = 1.2840254166877414   b.creator is B, B.input is a",
        "    dy/db = 2 × b × dy/dy\n          = 2 × 1.2840254166877414 × 1.0 = 2.568050833375483",
        "    dy/da = exp(a) × dy/db\n          = exp(0.25) × 2.568050833375483 = 3.297442541400256",
    ]:
        assert line in out


def test_info_names_the_versions_and_the_thread_settings(capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert main(["info"]) == 0
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert facts["wengert"].startswith(wengert.__version__)
    assert facts["NumPy"] == np.__version__
    assert "OMP_NUM_THREADS=3" in facts["threads"]
    assert {"Python", "BLAS", "CPU", "cores", "platform", "modes", "kernels"} <= set(facts)


def test_version_as_a_module_of_python():
    process = start("--version")
    assert process.communicate(timeout=60) == (f"wengert {wengert.__version__}\n", "")
