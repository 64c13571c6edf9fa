"""Image files of the user: checked before the training, and found again when it is resumed."""

import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from wengert.cli.recipes import Settings
from wengert.data import ImageFolder
from wengert.data.image_check import ImageCheck, check_images
from wengert.data.image_file import SUFFIXES, images_in, is_hidden
from wengert.data.image_folder import ImageFiles
from wengert.data.store import cache

BACKGROUND = "white"  # behind the transparent pixels of images
PARTS = ("train", "validation", "test")
VALIDATION = ("validation", "valid", "val")  # names of a folder of validation images

Files = dict[str, list[str]]  # of each part: paths below the folder of the data


@dataclass(frozen=True)
class Pictures:
    """The images of a folder, in their parts.

    Attributes:
        files: the paths of each part; "validation" is missing if it is to be taken from "train".
        classes: their names.
        notes: messages for the user.
    """

    root: Path
    files: Files
    classes: tuple[str, ...]
    notes: list[str]

    def dataset(self, part: str, size: int) -> ImageFiles:
        """The images of a part, with their classes."""
        paths = [self.root / name for name in self.files[part]]
        return ImageFiles(paths, self.labels(part), size=size, background=BACKGROUND)

    def labels(self, part: str) -> ndarray:
        """The classes of the images of a part: the names of their folders."""
        number = {name: k for k, name in enumerate(self.classes)}
        divided = all(name.startswith("test/") for name in self.files.get("test", [""]))
        folders = [Path(name).parts[1 if divided else 0] for name in self.files[part]]
        return np.array([number[name] for name in folders], np.int64)


def find(settings: Settings) -> Pictures:
    """The images of the folder of the settings, all of which can be read.

    FOLDER/train and FOLDER/test (and FOLDER/validation) are parts if they exist; else all are in
    the part "train".

    Raises:
        OSError: there is no such folder.
        ValueError: images cannot be read, and are not to be skipped; or a class has none.
    """
    root = Path(settings["data"])
    parts = _parts(root)
    folders = {part: ImageFolder(root / name) for part, name in parts.items()}
    classes = folders["train"].classes
    for part, folder in folders.items():
        if folder.classes != classes:
            raise ValueError(
                f"{root}: train has the folders {', '.join(classes)}, and {part} "
                f"{', '.join(folder.classes)}; needed the same in both"
            )
    files = {part: _names(root, folder.paths) for part, folder in folders.items()}
    checks = _checked(root, [name for names in files.values() for name in names])
    notes: list[str] = []
    damaged = {name: check.problem for name, check in checks.items() if check.problem is not None}
    if damaged:
        if not settings["skip_damaged"]:
            raise ValueError(
                f"{len(damaged)} of {len(checks)} images in {root} cannot be read: "
                f"{_listed(damaged)}. Repair or delete them, or leave them out with --skip-damaged"
            )
        count = "1 image is" if len(damaged) == 1 else f"{len(damaged)} images are"
        notes.append(f"{count} left out: {_listed(damaged)}")
        files = {part: [n for n in names if n not in damaged] for part, names in files.items()}
    found = Pictures(root, files, classes, notes + _others(root) + _remarks(checks))
    for part in files:
        counts = np.bincount(found.labels(part), minlength=len(classes))
        if not counts.all():
            raise ValueError(
                f"{root}: no image of the class {classes[int(counts.argmin())]!r} can be read"
            )
    return found


def _parts(root: Path) -> dict[str, str]:
    """The folders of the parts, by part; "train": "" if the folder is not divided.

    Raises:
        ValueError: it has a folder train, but none for testing.
    """
    names = {f.name for f in root.iterdir() if f.is_dir()} if root.is_dir() else set()
    if "train" not in names:
        return {"train": ""}
    validation = next((name for name in VALIDATION if name in names), None)
    if "test" not in names:
        if validation is None:
            return {"train": ""}  # a class of this name
        raise ValueError(
            f"{root} has the folders train and {validation}, but no folder test; give "
            f"--data {root / 'train'}, of which a fifth is then for testing, or rename {validation}"
        )
    parts = {"train": "train", "test": "test"}
    return parts if validation is None else parts | {"validation": validation}


def again(settings: Settings, files: Files, classes: Sequence[str], only: str = "") -> Pictures:
    """The images of a run that was started with these files.

    Args:
        files: of the parts, when the run was started.
        only: the part that is needed; "" needs all. Of a part that alone is needed, images that
            cannot be read are left out, with a message.

    Raises:
        ValueError: images are missing or cannot be read, and are not to be skipped.
    """
    root = Path(settings["data"])
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}; if the images were moved, use --data FOLDER")
    needed = {part: names for part, names in files.items() if not only or part == only}
    checks = _checked(root, [name for names in needed.values() for name in names])
    bad = {name: check.problem for name, check in checks.items() if check.problem is not None}
    notes = []
    if bad:
        count = f"{len(bad)} of {len(checks)} images of the run in {root}"
        if not (only or settings["skip_damaged"]):
            raise ValueError(
                f"{count} are missing or cannot be read: {_listed(bad)}. Put them back, or "
                f"continue without them with --skip-damaged"
            )
        notes.append(f"{count} are left out: {_listed(bad)}")
    if not only:
        added = len(_present(root) - {name for names in files.values() for name in names})
        if added:
            notes.append(
                f"{added} other images in {root} were added or left out: this run continues "
                f"without them, a new run takes them"
            )
    kept = {part: [n for n in names if n not in bad] for part, names in files.items()}
    return Pictures(root, kept, tuple(classes), notes)


def _present(root: Path) -> set[str]:
    return set(_names(root, images_in(root)))


def _names(root: Path, paths: Sequence[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def _checked(root: Path, names: Sequence[str]) -> dict[str, ImageCheck]:
    """The check of each file; results are kept in the cache folder of the user."""
    key = hashlib.sha256(os.fsencode(os.path.abspath(root))).hexdigest()[:16]
    began = shown = time.monotonic()

    def progress(done: int, of: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown > 5:
            shown = now
            left = (now - began) * (of - done) / done
            print(
                f"checking {of:,} images: {done / of:.0%}, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    checks = check_images([root / n for n in names], cache() / "checked" / f"{key}.json", progress)
    return {name: checks[root / name] for name in names}


def _listed(problems: dict[str, str]) -> str:
    shown = [f"{name} ({problem})" for name, problem in [*problems.items()][:5]]
    return "; ".join(shown) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")


def _others(root: Path) -> list[str]:
    """A message about files whose ending is not that of an image that can be read."""
    files = (f for f in root.rglob("*") if f.is_file() and not is_hidden(f, root))
    endings = Counter(f.suffix.lower() or f.name for f in files)
    other = {ending: count for ending, count in endings.items() if ending not in SUFFIXES}
    if not other:
        return []
    shown = ", ".join(f"{ending} ({count})" for ending, count in sorted(other.items())[:5])
    more = ", …" if len(other) > 5 else ""
    return [f"{sum(other.values())} files with other endings are not used: {shown}{more}"]


def _remarks(checks: dict[str, ImageCheck]) -> list[str]:
    animated = sum(check.animated for check in checks.values())
    transparent = sum(check.transparent for check in checks.values())
    notes = []
    if animated:
        notes.append(f"{animated} of {len(checks)} images are animated; their first one is used")
    if transparent:
        notes.append(
            f"{transparent} of {len(checks)} images have transparent pixels, which become "
            f"{BACKGROUND}"
        )
    return notes
