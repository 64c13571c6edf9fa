"""The folders of data sets: where their files are found, and where downloads are stored."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wengert.data.download import Checks, DownloadError, download
from wengert.files import path_of

Folder = str | os.PathLike[str]


@dataclass(frozen=True)
class StoredFile:
    """A file of a data set: its published name, and the names it may have when unpacked."""

    name: str
    unpacked: tuple[str, ...]
    checks: Checks


@dataclass(frozen=True)
class Source:
    """A published data set: the names of its loader and folder, and the addresses of its files."""

    loader: str
    folder: str
    addresses: tuple[str, ...]  # without the names of the files
    system: tuple[str, ...] = ()  # folders in which packages of the system install it


def fetch(source: Source, files: Sequence[StoredFile], folder: Folder | None = None) -> list[Path]:
    """Paths of the files, packed or unpacked; missing files are downloaded.

    Looks only in `folder` if it is given; else in the folders of the environment variable
    `WENGERT_DATA` (separated by `os.pathsep`), in those where packages of the system install the
    data set, and in the user's cache folder. In each of them, the subfolder with the data set's
    name comes first. Missing files are downloaded into this subfolder of `folder`, or of the first
    writable folder of `WENGERT_DATA`, or of the cache folder; it is created if it does not exist.
    `WENGERT_OFFLINE=1` forbids downloads.

    Raises:
        NotADirectoryError: `folder` is a file.
        FileNotFoundError: a file is in none of these folders and cannot be downloaded.
    """
    own = [_own_folder(source, folder)] if folder is not None else [*_data_folders(), cache()]
    system = [] if folder is not None else [*map(Path, source.system)]
    bases = [*own[:-1], *system, own[-1]]
    folders = [each for base in bases for each in (base / source.folder, base)]
    target = next(filter(_writable, own), own[-1]) / source.folder

    paths = [_find(file, folders) for file in files]
    missing = [file for file, path in zip(files, paths, strict=True) if path is None]
    try:
        for file in missing:
            _download(source, file, target)
    except DownloadError as error:
        raise FileNotFoundError(_advice(source, missing, folders, target, error)) from None
    return [path or target / file.name for file, path in zip(files, paths, strict=True)]


def cache() -> Path:
    """The cache folder, in the user's home, at the system's usual location."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "wengert"


def _own_folder(source: Source, folder: Folder) -> Path:
    path = path_of(source.loader, "folder", folder)
    if path.is_file():
        raise NotADirectoryError(
            f"{source.loader}: got folder {str(folder)!r}, which is a file; needed its folder"
        )
    return path


def _data_folders() -> list[Path]:
    paths = os.environ.get("WENGERT_DATA", "").split(os.pathsep)
    return [Path(path).expanduser() for path in paths if path]


def _find(file: StoredFile, folders: Sequence[Path]) -> Path | None:
    names = (*file.unpacked, file.name)
    candidates = (folder / name for folder in folders for name in names)
    return next((path for path in candidates if os.path.isfile(path)), None)


def _writable(folder: Path) -> bool:
    """Whether the folder is writable or can be created."""
    ancestors = (folder, *folder.absolute().parents)
    return os.access(next(a for a in ancestors if a.exists()), os.W_OK | os.X_OK)


def _download(source: Source, file: StoredFile, target: Path) -> None:
    if os.environ.get("WENGERT_OFFLINE", "0") not in ("", "0"):
        raise DownloadError("  the environment variable WENGERT_OFFLINE forbids it")
    download([a + file.name for a in source.addresses], target / file.name, file.checks)


def _advice(
    source: Source,
    missing: Sequence[StoredFile],
    folders: Sequence[Path],
    target: Path,
    error: DownloadError,
) -> str:
    names = " and ".join(file.name for file in missing)
    looked = "\n".join(f"  {p}{'' if p.is_dir() else ' (no such folder)'}" for p in folders)
    addresses = "\n".join(f"  {a}{file.name}" for a in source.addresses for file in missing)
    return (
        f"{source.loader}: found no {names}, packed or unpacked, in\n{looked}\n"
        f"and could not download it:\n{error}\n"
        f"Put {names} into\n  {target}\nor name the folder that has it, with folder=… or the "
        f"environment variable WENGERT_DATA. Download it from\n{addresses}"
    )
