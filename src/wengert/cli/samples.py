"""The data of a run: samples to train, validate and test with, and facts for the model."""

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from wengert import data
from wengert.cli import pictures
from wengert.cli.recipes import AUGMENTS, DATASETS, Settings
from wengert.cli.tables import load_table
from wengert.data import ArrayDataset, Dataset, Subset, TokenWindows, TransformDataset
from wengert.data import transforms as T
from wengert.data.dataset import BaseDataset
from wengert.data.transforms import StandardScaler
from wengert.random import generator

Facts = dict[str, Any]  # shapes, names of classes and columns, characters: values for JSON


@dataclass(frozen=True)
class Data:
    """Samples to train on, to validate with (or None) and to test with, and the facts."""

    train: Dataset
    validation: Dataset | None
    test: Dataset
    facts: Facts
    notes: tuple[str, ...] = ()  # what was decided about the data, for the user
    files: dict[str, list[str]] | None = None  # those of images, by part


def load_data(settings: Settings, started: Mapping[str, Any] | None = None) -> Data:
    """The data that the settings name.

    Args:
        started: the files and the facts with which a run was started, if they have files.

    Raises:
        ImportError: an optional package is missing.
        OSError, ValueError: the data cannot be loaded or used.
    """
    kind = DATASETS[settings["dataset"]].kind
    if settings["dataset"] == "images":
        is_new = started is None or started["files"] is None
        found = _pictures(settings) if is_new else _pictures_again(settings, started or {})
    else:
        found = {"images": _images, "table": _table, "curve": _curve, "text": _text}[kind](settings)
    sets = (found.train, found.validation, found.test)
    counts = [0 if samples is None else len(samples) for samples in sets]
    return replace(found, facts=found.facts | {"samples": counts})


def _images(settings: Settings) -> Data:
    train, test, classes = _known_images(settings)
    shape = train[0][0].shape
    kept, validation = _held_out(train, settings)
    facts = {"shape": list(shape), "classes": list(classes)}
    return Data(_augmented(kept, settings, shape[-1]), validation, test, facts)


def _augmented(samples: Dataset, settings: Settings, side: int) -> Dataset:
    changes = _changes(settings["augment"], side)
    return TransformDataset(samples, T.Compose(*changes)) if changes else samples


def _known_images(settings: Settings) -> tuple[Dataset, Dataset, Sequence[str]]:
    name, folder = settings["dataset"], settings["data"]
    ten = [str(i) for i in range(10)]
    if name == "digits":
        return data.load_digits(True), data.load_digits(False), ten
    load, classes = {
        "mnist": (data.load_mnist, ten),
        "fashion-mnist": (data.load_fashion_mnist, data.FASHION_MNIST_CLASSES),
        "cifar10": (data.load_cifar10, data.CIFAR10_CLASSES),
        "cifar100": (data.load_cifar100, data.CIFAR100_CLASSES),
    }[name]
    return load(True, folder=folder), load(False, folder=folder), classes


def _pictures(settings: Settings) -> Data:
    """The user's images; a fifth of them is the test set if they are not divided."""
    found = pictures.find(settings)
    _check_classes(found.root, found.classes)
    files = dict(found.files)
    for part, fraction, seed in (
        ("test", 0.2, 0),
        ("validation", settings["validation"], settings["seed"]),
    ):
        if part not in files and fraction > 0:
            names = files["train"]
            labels = replace(found, files=files).labels("train")
            most, rest = _parted(names, fraction, labels, seed)
            files["train"], files[part] = ([names[i] for i in p.indices] for p in (most, rest))
    return _of_pictures(settings, replace(found, files=files))


def _pictures_again(settings: Settings, started: Mapping[str, Any]) -> Data:
    """The images with which a run was started."""
    facts = started["facts"]
    only = started.get("only", "")
    return _of_pictures(
        settings, pictures.again(settings, started["files"], facts["classes"], only)
    )


def _of_pictures(settings: Settings, found: pictures.Pictures) -> Data:
    size = settings["size"]
    train: Dataset = _augmented(found.dataset("train", size), settings, size)
    test = found.dataset("test", size)
    validation = found.dataset("validation", size) if "validation" in found.files else None
    facts = {"shape": [3, size, size], "classes": list(found.classes)}
    return Data(train, validation, test, facts, tuple(found.notes), found.files)


def _changes(augment: str, side: int) -> list[Callable[[Any], Any]]:
    shift = T.RandomCrop(side, padding=max(side // 8, 1))
    changes: list[Callable[[Any], Any]] = [shift, T.RandomFlip()]
    return changes[: AUGMENTS.index(augment)]


def _table(settings: Settings) -> Data:
    if settings["dataset"] == "spiral":
        kept, validation = _held_out(data.spiral(True), settings)
        facts: Facts = {"columns": ["x", "y"], "classes": ["0", "1", "2"], "categories": {}}
        test: Dataset = data.spiral(False)
        return Data(kept, validation, test, facts | _scales(kept, facts))
    table = load_table(settings)
    labels = table.t if table.facts["classes"] is not None else None
    _check_classes(settings["data"], table.facts["classes"])
    samples = ArrayDataset(table.x, table.t)
    train, test = _parted(samples, 0.2, labels=labels)
    kept, validation = _held_out(train, settings, labels=labels)
    facts = table.facts | {"fill": _fill(settings, table.x, kept[:][0], table.facts)}
    return Data(kept, validation, test, facts | _scales(kept, facts), tuple(table.notes))


def _numeric(facts: Facts) -> dict[str, int]:
    """The features that are numbers, not categories: name and position."""
    positions, k = {}, 0
    for name in facts["columns"]:
        categories = facts["categories"].get(name)
        if categories is None:
            positions[name] = k
        k += 1 if categories is None else len(categories)
    return positions


def _fill(settings: Settings, x: ndarray, kept: ndarray, facts: Facts) -> dict[str, float]:
    """Replaces the missing numbers of a table, in place; what replaces them in each column."""
    if settings["missing"] in ("refuse", "skip"):
        return {}
    fill = {}
    for name, k in _numeric(facts).items():
        known = kept[:, k][~np.isnan(kept[:, k])]
        mean = float(known.mean()) if len(known) else 0.0
        fill[name] = mean if settings["missing"] == "mean" else float(settings["missing"])
        x[:, k] = np.where(np.isnan(x[:, k]), fill[name], x[:, k])
    return fill


def _scales(samples: Dataset, facts: Facts) -> Facts:
    """States of the scalers of x and of t, measured on the training samples, for `Scaled`."""
    x, t = samples[: len(samples)]
    state = StandardScaler().fit(x).state_dict()
    categories = np.ones(x.shape[1], bool)
    categories[[*_numeric(facts).values()]] = False  # which remain 0 and 1
    state["mean"] = np.where(categories, 0.0, state["mean"])
    state["squares"] = np.where(categories, state["count"], state["squares"])
    found = {"x_scaler": {name: value.tolist() for name, value in state.items()}}
    if facts["classes"] is None:
        state = StandardScaler().fit(t).state_dict()
        found["t_scaler"] = {name: value.tolist() for name, value in state.items()}
    return found


def _held_out(
    train: Dataset, settings: Settings, labels: ndarray | None = None
) -> tuple[Dataset, Dataset | None]:
    """The samples to train on, and those that are held out for validation."""
    fraction = settings["validation"]
    if fraction == 0:
        return train, None
    kept, validation = _parted(train, fraction, labels, seed=settings["seed"])
    return kept, validation


def _parted(
    samples: Dataset, fraction: float, labels: ndarray | None = None, seed: int = 0
) -> tuple[Subset, Subset]:
    """The samples in two sets; the second has this fraction of them, and of each class.

    Args:
        labels: the classes; those of the underlying samples, if `samples` is a Subset.
    """
    n = len(samples)
    if not 0 < round((1 - fraction) * n) < n:
        raise ValueError(
            f"{n} sample{'s' * (n != 1)} cannot be split between training, validation and "
            f"testing: a fraction of {fraction:g} leaves one of them empty; more data are needed, "
            f"or another --validation"
        )
    if labels is not None and isinstance(samples, Subset):
        labels = labels[samples.indices]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes of one sample
        most, rest = data.split(samples, 1 - fraction, fraction, stratify=labels, seed=seed)
    return most, rest


def _check_classes(path: Path | str, classes: Sequence[str] | None) -> None:
    if classes is not None and len(classes) < 2:
        raise ValueError(f"{path} has only the class {classes[0]!r}, needed at least two")


def _curve(settings: Settings) -> Data:
    values = [data.sine_curve(train).arrays[0] for train in (True, False)]
    train, validation = _windows(values[0], settings)
    test = ArrayDataset(values[1][None, :-1], values[1][None, 1:])  # one sequence of full length
    return Data(train, validation, test, {})


def _text(settings: Settings) -> Data:
    text = data.load_text(settings["data"], settings["unit"], encoding=settings["encoding"])
    end = round(0.9 * len(text.tokens))
    train, validation = _windows(text.tokens[:end], settings)
    test = _side_by_side(text.tokens[end:], settings["context"], "test")
    characters = getattr(text.vocabulary, "characters", None)
    digest = hashlib.sha256(text.tokens.tobytes()).hexdigest()[:16]
    return Data(train, validation, test, {"characters": characters, "digest": digest})


def _windows(sequence: ndarray, settings: Settings) -> tuple[Dataset, Dataset | None]:
    """Windows to train on, and those from the end of the sequence for validation."""
    length, fraction = settings["context"], settings["validation"]
    end = round((1 - fraction) * len(sequence))
    if end <= 2 * length:
        raise ValueError(
            f"{end} {settings.get('unit', 'values')} to train on are too few for windows of "
            f"{length}; more data or a smaller --context is needed"
        )
    validation = None if fraction == 0 else _side_by_side(sequence[end:], length, "validation")
    return RandomWindows(sequence[:end], length), validation


def _side_by_side(sequence: ndarray, length: int, purpose: str) -> Dataset:
    """Windows that do not overlap."""
    count = (len(sequence) - 1) // length
    if count < 1:
        raise ValueError(
            f"the {purpose} data have a length of {len(sequence)}, too short for a window "
            f"of {length}; more data or a smaller --context is needed"
        )
    starts = length * np.arange(count)
    if sequence.ndim == 1:
        return Subset(TokenWindows(sequence, length), starts)
    windows = np.stack([sequence[start : start + length + 1] for start in starts])
    return ArrayDataset(windows[:, :-1], windows[:, 1:])


class RandomWindows(BaseDataset):
    """Windows (x, t) of `length` steps of a sequence, where t is one step later than x.

    Sample i starts at a random position between i and i + 1 times the length, drawn at each access.
    So each pass reads about the whole sequence, and no two passes read the same windows.
    """

    def __init__(self, sequence: ndarray, length: int) -> None:
        self.sequence = sequence
        self.length = length

    def __len__(self) -> int:
        return (len(self.sequence) - 1) // self.length - 1

    def sample(self, index: int) -> tuple[ndarray, ndarray]:
        x, t = self.batch(np.array([index]))
        return x[0], t[0]

    def batch(self, indices: ndarray) -> tuple[ndarray, ndarray]:
        starts = self.length * indices + generator().integers(self.length, size=len(indices))
        windows = self.sequence[starts[:, None] + np.arange(self.length + 1)]
        if windows.dtype.kind == "u":
            windows = windows.astype(np.int64)
        return windows[:, :-1], windows[:, 1:]
