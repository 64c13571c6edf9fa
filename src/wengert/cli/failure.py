"""What ends a command without being anyone's mistake in the code."""


class Failure(Exception):  # noqa: N818
    """The command cannot go on; the message is for the user, and the exit code is 1."""
