"""The command `wengert` in tests: in a new process, or in this one."""

import signal
import subprocess
import sys

import pytest

from wengert.cli import main

TINY = ["--hidden", "16", "--epochs", "2", "--batch-size", "64"]  # a run of 0.1 s


def start(*arguments, program=("-m", "wengert"), **options):
    """The command in a new process, with pipes and with the default handling of SIGINT."""
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def ran(capsys, *arguments):
    """The output of the command, which succeeds."""
    assert main([*map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys, *arguments):
    """The error message of the command, which refuses its arguments: one line."""
    with pytest.raises(SystemExit) as exit:
        main([*map(str, arguments)])
    out, err = capsys.readouterr()
    assert exit.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


def failed(capsys, *arguments):
    """The error message of the command, which fails."""
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"wengert {arguments[0]}: ")
    return err
