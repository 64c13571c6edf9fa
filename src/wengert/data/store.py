"""Where the files of data sets lie, and where they go when they are downloaded."""

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
    """A file of a data set: as it is published, and the names that it may have unpacked."""

    name: str
    unpacked: tuple[str, ...]
    checks: Checks


@dataclass(frozen=True)
class Source:
    """A published data set: its loader and its folder by name, and the addresses of its files."""

    loader: str
    folder: str
    addresses: tuple[str, ...]  # up to the names of the files
    system: tuple[str, ...] = ()  # folders in which the system's packages put it


def fetch(source: Source, files: Sequence[StoredFile], folder: Folder | None = None) -> list[Path]:
    """Paths of the files, published or unpacked: where they lie, or where they now were downloaded.

    Looks in `folder` alone if it is given; else in the folders of the environment variable
    `WENGERT_DATA` (several with `os.pathsep` between them), where the system's packages put the
    data set, and in the user's cache folder. In each of them, the sub-folder with the data set's
    name comes first. What is missing is downloaded into such a sub-folder: of `folder`, else of the
    first folder of `WENGERT_DATA` that can be written, else of the cache folder. It is made if need
    be. `WENGERT_OFFLINE=1` forbids downloads.

    Raises:
        NotADirectoryError: `folder` is a file.
        FileNotFoundError: a file is in none of these places and cannot be downloaded.
    """
    own = [_own_folder(source, folder)] if folder is not None else [*_data_folders(), cache()]
    system = [] if folder is not None else [Path(place) for place in source.system]
    bases = [*own[:-1], *system, own[-1]]
    places = [place for base in bases for place in (base / source.folder, base)]
    target = next(filter(_writable, own), own[-1]) / source.folder

    paths = [_find(file, places) for file in files]
    missing = [file for file, path in zip(files, paths, strict=True) if path is None]
    try:
        for file in missing:
            _download(source, file, target)
    except DownloadError as error:
        raise FileNotFoundError(_advice(source, missing, places, target, error)) from None
    return [path or target / file.name for file, path in zip(files, paths, strict=True)]


def cache() -> Path:
    """The folder for what can be had again: of the system's custom, in the user's home."""
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
            f"{source.loader}: got folder {str(folder)!r}, a file; name the folder it is in"
        )
    return path


def _data_folders() -> list[Path]:
    places = os.environ.get("WENGERT_DATA", "").split(os.pathsep)
    return [Path(place).expanduser() for place in places if place]


def _find(file: StoredFile, places: Sequence[Path]) -> Path | None:
    names = (*file.unpacked, file.name)
    candidates = (place / name for place in places for name in names)
    return next((path for path in candidates if os.path.isfile(path)), None)


def _writable(folder: Path) -> bool:
    """Whether it can be written, or made."""
    ancestors = (folder, *folder.absolute().parents)
    return os.access(next(a for a in ancestors if a.exists()), os.W_OK | os.X_OK)


def _download(source: Source, file: StoredFile, target: Path) -> None:
    if os.environ.get("WENGERT_OFFLINE", "0") not in ("", "0"):
        raise DownloadError("  the environment variable WENGERT_OFFLINE forbids it")
    download([a + file.name for a in source.addresses], target / file.name, file.checks)


def _advice(
    source: Source,
    missing: Sequence[StoredFile],
    places: Sequence[Path],
    target: Path,
    error: DownloadError,
) -> str:
    names = " and ".join(file.name for file in missing)
    looked = "\n".join(f"  {p}{'' if p.is_dir() else ' (no such folder)'}" for p in places)
    addresses = "\n".join(f"  {a}{file.name}" for a in source.addresses for file in missing)
    return (
        f"{source.loader}: found no {names}, packed or unpacked, in\n{looked}\n"
        f"and could not download what is missing:\n{error}\n"
        f"Put {names} into\n  {target}\nor name the folder that has it, by folder=… or by the "
        f"environment variable WENGERT_DATA. It can be had from\n{addresses}"
    )
