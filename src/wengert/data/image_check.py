"""A check of image files before they are needed, whose result is kept.

Each file is decoded once, by several threads; a JPEG file is decoded to an eighth of its size,
which takes a fraction of the time and still reads the whole file.
"""

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wengert.data.image_file import check_mode, is_transparent, pillow, why
from wengert.files import replacing

VERSION = 1  # of what is checked


@dataclass(frozen=True)
class ImageCheck:
    """The result of the check of an image file.

    Attributes:
        problem: why it cannot be read; None if it can.
        animated: whether it has several images, of which only the first is used.
        transparent: whether it has pixels that are not opaque.
        passing: whether the problem is one of the system, such as a permission, so that it may be
            solved without a change of the file.
    """

    problem: str | None = None
    animated: bool = False
    transparent: bool = False
    passing: bool = False


def check_images(
    paths: Iterable[Path],
    kept: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Path, ImageCheck]:
    """Checks files; those whose result is kept, and that have not changed since, are not read.

    Args:
        kept: a file in which the results are kept, by path, size and time of the last change; it
            is no error if it cannot be written.
        progress: called with the number of files that were read, and of those that are to be read.
    """
    known = {} if kept is None else _load(kept)
    paths = [*paths]
    marks = {path: _mark(path) for path in paths}
    found: dict[Path, ImageCheck] = {}
    for path, mark in marks.items():
        entry = known.get(os.path.abspath(path))
        if entry is not None and entry[0] == mark:
            found[path] = ImageCheck(*entry[1])
    unknown = [path for path in marks if path not in found]
    if not unknown:
        return found
    threads = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        for done, (path, check) in enumerate(
            zip(unknown, threads.map(check_image, unknown), strict=True), 1
        ):
            found[path] = check
            if progress is not None:
                progress(done, len(unknown))
    finally:  # also after Ctrl-C
        threads.shutdown(cancel_futures=True)
        if kept is not None:
            others = {path: entry for path, entry in known.items() if os.path.exists(path)}
            mine = {
                os.path.abspath(p): [marks[p], [c.problem, c.animated, c.transparent]]
                for p, c in found.items()
                if not c.passing
            }
            _save(kept, others | mine)
    return {path: found[path] for path in paths}


def check_image(path: Path) -> ImageCheck:
    """Decodes one file."""
    image_module, _ = pillow("image files")
    try:
        with path.open("rb") as file, image_module.open(file) as image:
            check_mode(image.mode)
            frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
            if image.format == "JPEG":
                image.draft(None, (image.width // 8 or 1, image.height // 8 or 1))
            image.load()
            transparent = is_transparent(image) and _has_transparency(image)
    except Exception as error:  # Pillow's decoders raise errors of every kind
        is_passing = isinstance(error, MemoryError) or getattr(error, "errno", None) is not None
        return ImageCheck(why(error), passing=is_passing)
    return ImageCheck(None, frames > 1, transparent)


def _has_transparency(image: Any) -> bool:
    return bool(image.convert("RGBA").getchannel("A").getextrema()[0] < 255)


def _mark(path: Path) -> list[int] | None:
    """Size and time of the last change of a file; None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _load(kept: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        content = json.loads(kept.read_text("utf-8"))
        if isinstance(content, dict) and content.get("version") == VERSION:
            files: dict[str, Any] = content["files"]
            return files
    return {}


def _save(kept: Path, files: dict[str, Any]) -> None:
    text = json.dumps({"version": VERSION, "files": files})
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as file:
            file.write(text.encode())
