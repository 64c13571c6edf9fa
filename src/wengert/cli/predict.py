"""`wengert predict`."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

import wengert.functions as F
from wengert.arrays import as_array
from wengert.cli.failure import Failure, UsageError
from wengert.cli.recipes import DATASETS
from wengert.cli.samples import RENAME, Facts
from wengert.cli.trained import opened, trained
from wengert.config import no_grad, test_mode
from wengert.data.image_folder import BYTES

BATCH = 64
MODES = {1: "L", 3: "RGB"}


def predict(folder: str, files: list[str], *, top: int, invert: bool, best: bool) -> int:
    """Prints the prediction for each sample in the files, one line for each."""
    run = opened(folder)
    kind = DATASETS[run.settings["dataset"]].kind
    if kind not in ("images", "table"):
        hint = "; use wengert generate" if kind == "text" else ""
        raise Failure(
            f"{run.folder} is a run on {run.settings['dataset']}, "
            f"for which there are no files of samples{hint}"
        )
    if kind == "table" and invert:
        raise UsageError("argument --invert: it is for images only")
    classes = run.facts["classes"]
    if classes is None and top > 1:
        raise UsageError("argument --top: the model predicts a number, not classes")
    model = trained(run, best)
    for name in files:
        path = Path(name)
        x = _images(path, run.facts, invert) if kind == "images" else _rows(path, run.facts)
        for start in range(0, len(x), BATCH):
            with no_grad(), test_mode():
                y = as_array(model(x[start : start + BATCH]))
            for i, line in enumerate(_lines(y, classes, top), start):
                print(f"{name}{'' if len(x) == 1 else f'[{i}]'}  {line}")
    return 0


def _lines(y: ndarray, classes: list[str] | None, top: int) -> Iterator[str]:
    """The most probable classes with their probabilities, or the number, for each sample."""
    if classes is None:
        yield from (f"{value:.6g}" for value in y.tolist())
        return
    for row in as_array(F.softmax(y)):
        order = np.argsort(-row, kind="stable")[:top]
        yield ", ".join(f"{classes[i]} {100 * row[i]:.1f} %" for i in order)


# ---- Images ----


def _images(path: Path, facts: Facts, invert: bool) -> ndarray:
    """The images in a file, float32, (N, C, H, W), from 0 to 1."""
    shape = tuple(facts["shape"])
    x = _array(path) if path.suffix == ".npy" else _picture(path, shape)
    if x.dtype == np.uint8:
        x = x.astype(np.float32) / 255
    x = _shaped(x, shape, path).astype(np.float32)
    if not (np.isfinite(x).all() and x.min() >= 0 and x.max() <= 1):
        raise Failure(
            f"{path}: got values from {x.min():g} to {x.max():g}, needed 0 to 1, or bytes"
        )
    return 1 - x if invert else x


def _picture(path: Path, shape: tuple[int, ...]) -> ndarray:
    """An image file, converted to the size and channels of the model, uint8, (C, H, W)."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise Failure(
            "image files need Pillow: pip install 'wengert[images]'; .npy files do not"
        ) from None
    C, H, W = shape
    _check_there(path)
    try:
        with Image.open(path) as stored:
            if stored.mode not in BYTES:
                raise ValueError(f"its mode is {stored.mode}, needed 8 bits for a channel")
            image = ImageOps.exif_transpose(stored).convert("RGBA")
    except Exception as error:  # Pillow's decoders raise errors of every kind
        raise Failure(f"{path} cannot be read as an image: {error}") from None
    page = Image.new("RGBA", image.size, "white")  # behind transparent pixels
    image = Image.alpha_composite(page, image).convert(MODES[C])
    pixels = np.asarray(image.resize((W, H), Image.Resampling.BILINEAR))
    return np.moveaxis(pixels.reshape(H, W, C), -1, 0)


def _shaped(x: ndarray, shape: tuple[int, ...], path: Path) -> ndarray:
    """`x` as samples, (N, *shape); one sample may lack N, and grey images their channel."""
    shapes = [shape, shape[1:]] if shape[0] == 1 and len(shape) == 3 else [shape]
    if x.shape not in shapes and x.shape[1:] not in shapes:
        one = " or ".join(map(str, shapes))
        raise Failure(f"{path}: got an array {x.shape}, needed {one}, or (N, …) for several")
    if x.size == 0:
        raise Failure(f"{path}: has no samples")
    return x.reshape(-1, *shape)


# ---- Rows of tables ----


def _rows(path: Path, facts: Facts) -> ndarray:
    """The rows of a file, float32, (N, columns)."""
    columns = facts["columns"]
    x = _array(path) if path.suffix == ".npy" else _table(path, columns)
    x = _shaped(x, (len(columns),), path).astype(np.float32)
    if not np.isfinite(x).all():
        raise Failure(f"{path}: has numbers that are not finite")
    return x


def _table(path: Path, columns: list[str]) -> ndarray:
    """The columns of the model: found by name if the first line has names, else all columns."""
    _check_there(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            lines = [(reader.line_num, [f.strip() for f in row]) for row in reader if row]
    except (csv.Error, OSError, UnicodeError) as error:
        raise Failure(f"{path} cannot be read as a table: {error}") from None
    indices = list(range(len(columns)))
    if lines and not any(map(_is_number, lines[0][1])):
        header = lines.pop(0)[1]
        missing = [name for name in columns if name not in header]
        if missing:
            raise Failure(f"{path}: has no column {', '.join(missing)}; it has {', '.join(header)}")
        for name in columns:
            if header.count(name) > 1:
                raise Failure(f"{path}: has two columns {name!r}; {RENAME}")
        indices = [header.index(name) for name in columns]
    elif lines and len(lines[0][1]) != len(columns):
        raise Failure(
            f"{path}: line {lines[0][0]} has {len(lines[0][1])} fields, needed {len(columns)}: "
            f"{', '.join(columns)}; or a first line with the names of the columns"
        )
    rows = [_numbers(path, line, row, indices) for line, row in lines]
    return np.reshape(rows, (-1, len(columns)))


def _numbers(path: Path, line: int, row: list[str], indices: list[int]) -> list[float]:
    if len(row) <= max(indices):
        raise Failure(f"{path}: line {line} has {len(row)} fields, needed {max(indices) + 1}")
    for i in indices:
        if not (_is_number(row[i]) and math.isfinite(float(row[i]))):
            raise Failure(f"{path}: line {line} has {row[i][:60]!r}, needed a finite number")
    return [float(row[i]) for i in indices]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 12_34 as a number


# ---- Files ----


def _array(path: Path) -> Any:
    _check_there(path)
    try:
        x = np.load(path, allow_pickle=False)
    except (EOFError, OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read as an array: {error}") from None
    if not isinstance(x, ndarray):
        raise Failure(f"{path} cannot be read as an array: it holds several")
    if x.dtype.kind not in "fiub":
        raise Failure(f"{path}: got an array of {x.dtype}, needed numbers")
    return x


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise Failure(f"there is no file {path}")
