"""`wengert predict`."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

import wengert.functions as F
from wengert.arrays import as_array
from wengert.cli.failure import Failure, UsageError, reason
from wengert.cli.pictures import BACKGROUND
from wengert.cli.recipes import DATASETS
from wengert.cli.runs import Run, is_run
from wengert.cli.samples import Facts
from wengert.cli.tables import rows_to_predict
from wengert.cli.trained import Which, opened, trained
from wengert.config import no_grad, test_mode
from wengert.data.image_file import SUFFIXES, ImageError, images_in, read_image

BATCH = 64
MODES = {1: "L", 3: "RGB"}
TABLES = {".csv", ".tsv", ".txt"}


def predict(folder: str, files: list[str], *, top: int, invert: bool, which: Which) -> int:
    """Prints the prediction for each sample in the files, one line for each.

    A file that cannot be used is reported, and the others are still predicted; the exit code is
    then 1.
    """
    _check_order(folder, files)
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
    model, _ = trained(run, which)
    errors: list[Failure] = []
    samples = _samples(run, kind, files, invert, errors)
    while batch := [*itertools.islice(samples, BATCH)]:
        with no_grad(), test_mode():
            y = as_array(model(np.stack([x for _, x in batch])))
        for (name, _), line in zip(batch, _lines(y, classes, top), strict=True):
            print(f"{name}  {line}")
    for error in errors[:-1]:
        print(f"wengert predict: {error}", file=sys.stderr)
    if errors:
        raise errors[-1]
    return 0


def _check_order(folder: str, files: list[str]) -> None:
    """Refuses `predict FILE RUN`, whose arguments are in the wrong order."""
    run = next((name for name in files if is_run(Path(name))), None)
    if run is not None and not is_run(Path(folder)):
        raise Failure(f"{run} is the folder of a run; write: wengert predict {run} {folder}")


def _samples(
    run: Run, kind: str, names: list[str], invert: bool, errors: list[Failure]
) -> Iterator[tuple[str, ndarray]]:
    """The samples in files and folders, each with its name; files that fail add to `errors`."""
    for name in names:
        try:
            paths = _files(run, kind, name)
        except Failure as error:
            errors.append(error)
            continue
        for path in paths:
            try:
                x = _images(path, run.facts, invert) if kind == "images" else _rows(path, run)
            except Failure as error:
                errors.append(error)
                continue
            one = len(x) == 1
            yield from ((f"{path}{'' if one else f'[{i}]'}", row) for i, row in enumerate(x))


def _files(run: Run, kind: str, name: str) -> list[Path]:
    """The file of this name, or all images in the folder of this name."""
    path = Path(name)
    takes = "images" if kind == "images" else "tables"
    if path.is_dir():
        if kind != "images":
            raise Failure(
                f"{name} is a folder, but {run.folder} takes tables; "
                f"write: wengert predict {run.folder} FILE.csv"
            )
        found = images_in(path)
        if not found:
            endings = " ".join(sorted(SUFFIXES))
            raise Failure(f"{name} has no images, needed files that end in one of {endings}")
        return found
    if not path.is_file():
        raise Failure(f"there is no file {name}")
    wrong = TABLES if kind == "images" else SUFFIXES
    if path.suffix.lower() in wrong:
        what = "a table" if kind == "images" else "an image"
        raise Failure(f"{name} is {what}, but {run.folder} takes {takes}, or arrays (.npy)")
    return [path]


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
    C, H, W = shape
    try:
        pixels = read_image(path, MODES[C], (H, W), BACKGROUND)
    except ImportError as error:
        raise Failure(f"{error}; .npy files need none") from None
    except ImageError as error:
        raise Failure(f"{path} cannot be read as an image: {error.why}") from None
    except OSError as error:
        raise Failure(reason(error)) from None
    return np.moveaxis(pixels, -1, 0)


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


def _rows(path: Path, run: Run) -> ndarray:
    """The rows of a file, (N, features)."""
    columns = run.facts["columns"]
    if path.suffix != ".npy":
        x = rows_to_predict(path, run.settings, run.facts)
    elif run.facts["categories"]:
        raise Failure(f"{path}: an array has no texts, which {run.folder} needs; give a table")
    else:
        x = _shaped(_array(path), (len(columns),), path).astype(np.float64)
    if len(x) == 0:
        raise Failure(f"{path}: has no samples")
    if not np.isfinite(x).all():
        raise Failure(f"{path}: has numbers that are not finite")
    return x


# ---- Files ----


def _array(path: Path) -> Any:
    try:
        x = np.load(path, allow_pickle=False)
    except (EOFError, OSError, ValueError) as error:
        raise Failure(f"{path} cannot be read as an array: {error}") from None
    if not isinstance(x, ndarray):
        x.close()
        raise Failure(f"{path} cannot be read as an array: it holds several")
    if x.dtype.kind not in "fiub":
        raise Failure(f"{path}: got an array of {x.dtype}, needed numbers")
    return x
