"""What ends a command without being anyone's mistake in the code."""


class Failure(Exception):  # noqa: N818
    """The command cannot go on; the message is for the user, and the exit code is 1."""


def reason(error: Exception) -> str:
    """What an error says, without the number that an OSError puts before it."""
    text = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return text.removeprefix(f"[Errno {error.errno}] ")
    return text
