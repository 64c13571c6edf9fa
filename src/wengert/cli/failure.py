"""Errors that end a command with a message for the user, not with a traceback."""

import re
import sys

from wengert.cli.recipes import ALL_OPTIONS


class Failure(Exception):  # noqa: N818
    """The command cannot continue; the exit code is 1."""


class UsageError(Exception):
    """The command line is wrong; the exit code is 2."""


def reason(error: Exception) -> str:
    """The message of an error for a user of the command.

    The error number of an OSError and the name of the function that raised the error are left out;
    what to do is stated in options of the command, not in arguments of Python.
    """
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        text = text.removeprefix(f"[Errno {error.errno}] ")
    caller, found, rest = text.partition(": ")
    if found and _is_ours(caller.partition(".")[0]):
        text = rest
    text = text.replace("folder=…", "--data FOLDER")
    fact, semicolon, hint = text.rpartition("; ")
    if not semicolon:  # (what is wrong may have a path with such a text)
        return text
    return fact + semicolon + re.sub(r"(?<![\w/])([a-z_]+)=(?=\S)", _option, hint)


def _is_ours(name: str) -> bool:
    modules = ("data", "functions", "io", "layers", "models", "optimizers", "schedules", "training")
    return name.isidentifier() and any(
        name in vars(sys.modules[f"wengert.{module}"])
        for module in modules
        if f"wengert.{module}" in sys.modules
    )


def _option(match: re.Match[str]) -> str:
    name = match[1]
    return f"--{name.replace('_', '-')} " if name in ALL_OPTIONS else match[0]
