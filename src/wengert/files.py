"""Files that are there whole or not at all, and folders that one process has to itself."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import EAGAIN, EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which itself keeps open files from being removed
    fcntl = None  # type: ignore[assignment]

AnyPath = str | os.PathLike[str]


def path_of(function: str, name: str, value: Any) -> Path:
    """The path that a user gave, with ~ for the home folder.

    Raises:
        TypeError: it is neither text nor a path.
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{function}: got {name} {value!r:.80}, needed a path")
    return Path(os.path.expanduser(value))  # (Path.expanduser refuses a file ~x of no user x)


@contextmanager
def replacing(path: AnyPath) -> Iterator[BinaryIO]:
    """A new file, to be written in a `with` block, that takes the place of `path` at its end.

    It is written beside its place, and renamed when the disk has it. So a file that was there stays
    as it was if the block fails, the disk is full, or the machine stops at any instant. The new one
    has the permissions of the old one. A link stays, and what it leads to is replaced.

    Raises:
        OSError: it cannot be written; what was there before is whole.
    """
    target = _target(path)
    beside = _beside(target)
    with ExitStack() as stack:
        stack.callback(beside.unlink, missing_ok=True)
        stack.enter_context(_naming(path, beside))
        with beside.open("xb") as file:
            stack.enter_context(_locked(file))  # until it has its place
            with suppress(OSError):  # there is no old one
                beside.chmod(target.stat().st_mode & 0o777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync_folder(target.parent)


def check_writable(path: AnyPath) -> None:
    """Finds out now whether `replacing(path)` can write there later.

    Raises:
        OSError: it cannot; the message says why.
    """
    target = _target(path)
    beside = _beside(target)
    try:
        beside.open("xb").close()
        beside.unlink()
    except OSError as error:
        raise OSError(f"cannot write in {target.parent}: {error.strerror}") from error


def remove_leftovers(path: AnyPath) -> list[Path]:
    """Removes what killed processes left of files that were to become `path`; says which.

    What is being written stays. So does what is empty, for it may be a moment old.
    """
    target = Path(os.path.realpath(path))
    names = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{16}}\.tmp")
    removed = []
    for file in target.parent.iterdir():
        # (one that is open on Windows, or has found its place by now, is no leftover)
        with suppress(PermissionError, FileNotFoundError):
            if names.fullmatch(file.name) and file.stat().st_size and not _is_locked(file):
                file.unlink()
                removed.append(file)
    return removed


@contextmanager
def exclusive_lock(folder: AnyPath) -> Iterator[None]:
    """Keeps other processes that ask for the same out of a folder, within a `with` block.

    The system lets go of it when the process ends, in whatever way. Where it has no such locks, as
    on Windows and some network drives, nobody is kept out.

    Raises:
        BlockingIOError: another process is in the folder.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BlockingIOError(
            EAGAIN, "another process is at work in it", os.fspath(folder)
        ) from None
    except OSError:  # there are no locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def _target(path: AnyPath) -> Path:
    """What `path` leads to: a file that can be written, or nothing yet, in a folder."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a file")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent}")
    return target


def _beside(target: Path) -> Path:
    """A name that no other process, and no thread of this one, writes to."""
    return target.with_name(f".{target.name}.{os.urandom(8).hex()}.tmp")


@contextmanager
def _naming(path: AnyPath, beside: Path) -> Iterator[None]:
    """Lets errors speak of the file that the user knows."""
    try:
        yield
    except OSError as error:
        full = error.filename is None and error.errno in (ENOSPC, EDQUOT, EFBIG)
        if full or error.filename == str(beside):
            error.filename = os.fspath(path)
        raise


@contextmanager
def _locked(file: BinaryIO) -> Iterator[None]:
    """Shows other processes, also after `file` is closed, that someone is at work on it.

    The system takes the lock away when the process ends, in whatever way.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.dup(file.fileno())
    try:
        with suppress(OSError):  # some network drives have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_locked(path: Path) -> bool:
    if fcntl is None:
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _sync_folder(folder: Path) -> None:
    """Makes the renaming last; where folders cannot be opened, as on Windows, the system does."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
