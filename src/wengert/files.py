"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file, to be written in a `with` block, that takes the place of `path` at its end.

    It is written beside its place, and renamed when the disk has it. So a file that was there stays
    as it was if the block fails, the disk is full, or the machine stops at any instant.

    Raises:
        OSError: it cannot be written; what was there before is whole.
    """
    target = Path(path).resolve()  # what a link leads to is replaced, not the link
    beside = _beside(target)
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync_folder(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Finds out now whether `replacing(path)` can write there later.

    Raises:
        OSError: it cannot; the message says why.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a file")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent}")
    beside = _beside(target)
    try:
        beside.open("xb").close()
        beside.unlink()
    except OSError as error:
        raise OSError(f"cannot write in {target.parent}: {error.strerror}") from error


def _beside(target: Path) -> Path:
    """A name that no other process, and no thread of this one, writes to."""
    return target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")


def _sync_folder(folder: Path) -> None:
    """Makes the renaming last; where folders cannot be opened, as on Windows, the system does."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
