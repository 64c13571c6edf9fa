"""Errors that end a command with a message for the user, not with a traceback."""


class Failure(Exception):  # noqa: N818
    """The command cannot continue; the exit code is 1."""


class UsageError(Exception):
    """The command line is wrong; the exit code is 2."""


def reason(error: Exception) -> str:
    """The message of an error, without the number that an OSError puts in front of it."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return text.removeprefix(f"[Errno {error.errno}] ")
    return text
