"""Files that are written completely or not at all, and exclusive locks on folders."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import EAGAIN, EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where open files cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

AnyPath = str | os.PathLike[str]


def path_of(caller: str, name: str, value: Any) -> Path:
    """`value` as a path, with ~ replaced by the home folder.

    Raises:
        TypeError: value is neither a string nor a path.
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{caller}: got {name} {value!r:.80}, needed a path")
    return Path(
        os.path.expanduser(value)
    )  # (Path.expanduser raises for a file ~x if there is no user x)


@contextmanager
def replacing(path: AnyPath) -> Iterator[BinaryIO]:
    """A new file to write in a `with` block; it replaces `path` at the end of the block.

    It is a temporary file in the same folder, which is renamed when it is on the disk. So an
    existing file does not change if the block fails, the disk is full, or the machine crashes. The
    new file has the permissions of the old one. If `path` is a link, its target is replaced.

    Raises:
        OSError: the file cannot be written; an existing file is unchanged.
    """
    target = _target(path)
    temporary = _temporary(target)
    with ExitStack() as stack:
        stack.callback(temporary.unlink, missing_ok=True)
        stack.enter_context(_errors_name(path, temporary))
        with temporary.open("xb") as file:
            stack.enter_context(_locked(file))  # until it is renamed
            with suppress(OSError):  # there is no old file
                temporary.chmod(target.stat().st_mode & 0o777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)


def check_writable(path: AnyPath) -> None:
    """Checks that `replacing(path)` can write the file.

    Raises:
        OSError: it cannot; the message has the reason.
    """
    target = _target(path)
    temporary = _temporary(target)
    try:
        temporary.open("xb").close()
        temporary.unlink()
    except OSError as error:
        raise OSError(f"cannot write in {target.parent}: {error.strerror}") from error


def remove_leftovers(path: AnyPath) -> list[Path]:
    """Deletes temporary files of `path` that killed processes have left; returns their paths.

    A file that another process is writing is not deleted, nor is an empty one, which may be new.
    """
    target = Path(os.path.realpath(path))
    names = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{16}}\.tmp")
    removed = []
    for file in target.parent.iterdir():
        # (a file that is open on Windows, or was renamed meanwhile, is not a leftover)
        with suppress(PermissionError, FileNotFoundError):
            if names.fullmatch(file.name) and file.stat().st_size and not _is_locked(file):
                file.unlink()
                removed.append(file)
    return removed


@contextmanager
def exclusive_lock(folder: AnyPath) -> Iterator[None]:
    """Locks a folder for this process within a `with` block.

    The operating system releases the lock when the process ends, even if it is killed. Where there
    are no such locks, as on Windows and some network drives, nothing is locked.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BlockingIOError(EAGAIN, "another process is using it", os.fspath(folder)) from None
    except OSError:  # the file system has no locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def _target(path: AnyPath) -> Path:
    """`path` with links resolved: a writable file, or a new name in an existing folder."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a file")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent}")
    return target


def _temporary(target: Path) -> Path:
    """A file name that no other process or thread uses."""
    return target.with_name(f".{target.name}.{os.urandom(8).hex()}.tmp")


@contextmanager
def _errors_name(path: AnyPath, temporary: Path) -> Iterator[None]:
    """Makes errors name the user's file instead of the temporary one."""
    try:
        yield
    except OSError as error:
        full = error.filename is None and error.errno in (ENOSPC, EDQUOT, EFBIG)
        if full or error.filename == str(temporary):
            error.filename = os.fspath(path)
        raise


@contextmanager
def _locked(file: BinaryIO) -> Iterator[None]:
    """Holds a lock that shows other processes that `file` is in use, even after it is closed.

    The operating system releases the lock when the process ends, even if it is killed.
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
    """Writes the renaming to the disk (Windows, which cannot open folders, does so itself)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
