"""`wengert predict`."""

import argparse
import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

import wengert.functions as F
from wengert.arrays import as_array
from wengert.cli.failure import Failure
from wengert.cli.recipes import DATASETS
from wengert.cli.runs import Run
from wengert.cli.samples import RENAME
from wengert.cli.trained import opened, trained
from wengert.config import no_grad, test_mode
from wengert.data.image_folder import BYTES

BATCH = 64
MODES = {1: "L", 3: "RGB"}


def predict(args: argparse.Namespace) -> int:
    """Prints a line for each sample in the files: what it is taken for."""
    run = opened(args.folder)
    kind = DATASETS[run.settings["dataset"]].kind
    if kind not in ("images", "table"):
        hint = "; wengert generate lets it write" if kind == "text" else ""
        raise Failure(
            f"{run.folder} is of {run.settings['dataset']}, whose samples no file has{hint}"
        )
    if kind == "table" and args.invert:
        args.parser.error("argument --invert: is for images")
    classes = run.facts["classes"]
    if classes is None and args.top > 1:
        args.parser.error("argument --top: the model predicts a number, not classes")
    model = trained(run, args.best)
    read = _images if kind == "images" else _rows
    for name in args.files:
        samples = read(Path(name), run, args)
        for start in range(0, len(samples), BATCH):
            with no_grad(), test_mode():
                y = as_array(model(samples[start : start + BATCH]))
            for i, line in enumerate(_lines(y, classes, args.top), start):
                print(f"{name}{'' if len(samples) == 1 else f'[{i}]'}  {line}")
    return 0


def _lines(y: ndarray, classes: list[str] | None, top: int) -> Iterator[str]:
    """The likeliest classes with their probabilities, or the number, for each sample."""
    if classes is None:
        yield from (f"{value:.6g}" for value in y.tolist())
        return
    for row in as_array(F.softmax(y)):
        order = np.argsort(-row, kind="stable")[:top]
        yield ", ".join(f"{classes[i]} {100 * row[i]:.1f} %" for i in order)


# ---- Images ----


def _images(path: Path, run: Run, args: argparse.Namespace) -> ndarray:
    """The images in a file as the model takes them, float32, (N, C, H, W), from 0 to 1."""
    shape = tuple(run.facts["shape"])
    x = _array(path) if path.suffix == ".npy" else _picture(path, shape)
    if x.dtype == np.uint8:
        x = x.astype(np.float32) / 255
    x = _shaped(x, shape, path).astype(np.float32)
    if not (np.isfinite(x).all() and x.min() >= 0 and x.max() <= 1):
        raise Failure(
            f"{path}: got values from {x.min():g} to {x.max():g}, needed 0 to 1, or bytes"
        )
    return 1 - x if args.invert else x


def _picture(path: Path, shape: tuple[int, ...]) -> ndarray:
    """An image file in the size and colours that the model takes, uint8, (C, H, W)."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise Failure(
            "image files need Pillow: pip install 'wengert[images]'; arrays, .npy, do not"
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
    page = Image.new("RGBA", image.size, "white")  # what is transparent is paper
    image = Image.alpha_composite(page, image).convert(MODES[C])
    pixels = np.asarray(image.resize((W, H), Image.Resampling.BILINEAR))
    return np.moveaxis(pixels.reshape(H, W, C), -1, 0)


def _shaped(x: ndarray, shape: tuple[int, ...], path: Path) -> ndarray:
    """Several samples, (N, *shape), of one or several; grey images may lack their channel."""
    shapes = [shape, shape[1:]] if shape[0] == 1 and len(shape) == 3 else [shape]
    if x.shape not in shapes and x.shape[1:] not in shapes:
        one = " or ".join(map(str, shapes))
        raise Failure(f"{path}: got an array {x.shape}, needed {one}, or several such, (N, …)")
    if x.size == 0:
        raise Failure(f"{path}: has no samples")
    return x.reshape(-1, *shape)


# ---- Rows of tables ----


def _rows(path: Path, run: Run, args: argparse.Namespace) -> ndarray:
    """The rows of a file, float32, (N, columns)."""
    columns = run.facts["columns"]
    x = _array(path) if path.suffix == ".npy" else _table(path, columns)
    x = _shaped(x, (len(columns),), path).astype(np.float32)
    if not np.isfinite(x).all():
        raise Failure(f"{path}: has numbers that are not finite")
    return x


def _table(path: Path, columns: list[str]) -> ndarray:
    """The columns that the model takes: by their names if the first line has them, else all."""
    _check_there(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            lines = [(reader.line_num, [f.strip() for f in row]) for row in reader if row]
    except (csv.Error, OSError, UnicodeError) as error:
        raise Failure(f"{path} cannot be read as a table: {error}") from None
    places = list(range(len(columns)))
    if lines and not any(map(_is_number, lines[0][1])):
        header = lines.pop(0)[1]
        missing = [name for name in columns if name not in header]
        if missing:
            raise Failure(f"{path}: has no column {', '.join(missing)}; it has {', '.join(header)}")
        for name in columns:
            if header.count(name) > 1:
                raise Failure(f"{path}: has two columns {name!r}; {RENAME}")
        places = [header.index(name) for name in columns]
    elif lines and len(lines[0][1]) != len(columns):
        raise Failure(
            f"{path}: line {lines[0][0]} has {len(lines[0][1])} fields, needed {len(columns)}: "
            f"{', '.join(columns)}; or a first line with the names of the columns"
        )
    rows = [_numbers(path, line, row, places) for line, row in lines]
    return np.reshape(rows, (-1, len(columns)))


def _numbers(path: Path, line: int, row: list[str], places: list[int]) -> list[float]:
    if len(row) <= max(places):
        raise Failure(f"{path}: line {line} has {len(row)} fields, needed {max(places) + 1}")
    for place in places:
        if not (_is_number(row[place]) and math.isfinite(float(row[place]))):
            raise Failure(f"{path}: line {line} has {row[place][:60]!r}, needed a finite number")
    return [float(row[place]) for place in places]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python takes 12_34 for a number


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
