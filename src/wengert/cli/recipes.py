"""Recipes: data sets, the models that fit them, and default settings that train them well.

The settings of a run are a dict of plain values. `settings` builds it from the options of the user
and the tables here; `checked` validates a dict that was read from a file.
"""

import difflib
import math
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Settings = dict[str, Any]


class RecipeError(ValueError):
    """A setting that cannot be used; `name` says which."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


# ---- Values, read from the text of an option ----


def integer(least: int) -> Callable[[str], int]:
    """Reads integers ≥ `least`."""

    def read(text: str) -> int:
        if not (text.isdecimal() and int(text) >= least):
            raise ValueError(f"got {text!r}, needed an integer ≥ {least}")
        return int(text)

    return read


def number(least: float, below: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """Reads numbers ≥ `least` (with `above`, > `least`) and < `below`."""
    sign = ">" if above else "≥"
    end = f" and < {below:g}" if below < math.inf else ""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < below or (above and value == least):
            raise ValueError(f"got {text!r}, needed a number {sign} {least:g}{end}")
        return value

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """Reads one of the choices."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"got {text!r}, needed one of {', '.join(choices)}")
        return text

    return read


def _sizes(text: str) -> list[int]:
    sizes = text.split(",")
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise ValueError(f"got {text!r}, needed sizes > 0, as in 100,50")
    return [int(size) for size in sizes]


def _character(text: str) -> str:
    text = {"tab": "\t", r"\t": "\t", "space": " "}.get(text, text)
    if len(text) != 1 or text in "\"'.\r\n" or text.isalnum():
        raise ValueError(f"got {text!r}, needed one character, such as ';', or tab or space")
    return text


def _missing(text: str) -> str:
    if text not in ("refuse", "mean", "skip"):
        try:
            if not math.isfinite(float(text)):
                raise ValueError
        except ValueError:
            raise ValueError(f"got {text!r}, needed refuse, mean, skip or a number") from None
    return text


@dataclass(frozen=True)
class Option:
    """A setting: the function that reads its text, its description and its default.

    With `many` its value is a list of texts; with `flag` it is True or False, and takes no text.
    """

    read: Callable[[str], Any]
    about: str
    metavar: str | None = "N"
    default: Any = None
    many: bool = False
    flag: bool = False

    def check(self, value: Any) -> None:
        """Raises ValueError if this is not a value that the option could have."""
        if self.many or self.flag:
            fits = isinstance(value, list) and all(isinstance(name, str) for name in value)
            if not (fits if self.many else isinstance(value, bool)):
                needed = "a list of names" if self.many else "true or false"
                raise ValueError(f"got {value!r}, needed {needed}")
            return
        read = self.read(",".join(map(str, value)) if isinstance(value, list) else str(value))
        if read != value:
            raise ValueError(f"got {value!r}, needed {read!r}")


def _dropout(p: float) -> Option:
    return Option(number(0, below=1), "probability that dropout sets a value to 0", "X", p)


RATES = {"sgd": 0.1, "momentum": 0.02, "adam": 0.001, "adamw": 0.001}
AUGMENTS = ("none", "shift", "flip")  # each includes those before it

# fmt: off
TRAINING = {  # settings of all runs
    "epochs": Option(integer(1), "passes through the data", default=10),
    "batch_size": Option(integer(1), "samples in a batch", default=64),
    "optimizer": Option(one_of(*RATES), f"one of {', '.join(RATES)}", "NAME", "adam"),
    "lr": Option(number(0, above=True), "learning rate", "X"),
    "schedule": Option(one_of("constant", "cosine", "warm-up"),
                       "of the learning rate: constant; cosine: down to 0 along half a cosine; "
                       "warm-up: the same after a rise over the first twentieth of the steps",
                       "NAME", "cosine"),
    "clip_norm": Option(number(0), "largest norm of the gradients, which are scaled down to it; "
                        "0: none", "X", 0.0),
    "validation": Option(number(0, below=1),
                         "fraction of the training samples that are held out for validation",
                         "X", 0.1),
    "seed": Option(integer(0), "seed of all random numbers", default=0),
}
OF_KIND = {  # settings of some data sets
    "images": {
        "augment": Option(one_of(*AUGMENTS),
                          "random changes of the training images: none, shift, or flip (shift too)",
                          "NAME", "none"),
    },
    "table": {},
    "curve": {},
    "text": {
        "unit": Option(one_of("characters", "bytes"), "what a token is: characters or bytes",
                       "NAME", "characters"),
    },
}
_hidden = Option(_sizes, "sizes of the hidden layers", "N,N,...", [128, 128])

_context = Option(integer(2), "length of the sequences that the model is trained on", default=50)
_encoding = Option(str, "encoding of the file, such as latin-1 or utf-16", "NAME", "utf-8-sig")
OF_DATASET: dict[str, dict[str, Option]] = {
    "csv": {
        "target": Option(str, "column to predict: its name, or its index from 0; -1: the last",
                         "COLUMN", "-1"),
        "kind": Option(one_of("auto", "classes", "regression"),
                       "what is predicted: classes; regression: a number; auto: classes if the "
                       "targets are texts or few integers", "KIND", "auto"),
        "leave_out": Option(str, "columns that are not used, by name or index", "COLUMN", [],
                            many=True),
        "categories": Option(str, "columns whose values are categories though they are numbers, or "
                                  "many texts (other columns of texts are categories anyway)",
                             "COLUMN", [], many=True),
        "missing": Option(_missing, "what is done about missing numbers: refuse; mean: the mean of "
                                    "the column replaces them; a number replaces them; skip: rows "
                                    "that lack one are left out", "HOW", "refuse"),
        "delimiter": Option(_character, "character between the columns; also tab or space", "CHAR",
                            ","),
        "decimal": Option(one_of(".", ","), "decimal point of the numbers: . or ,", "CHAR", "."),
        "header": Option(one_of("auto", "yes", "no"),
                         "whether the first line has the names of the columns", "WHETHER", "auto"),
        "encoding": _encoding,
    },
    "text": {"encoding": _encoding},
    "sine": {"context": _context},
    "images": {"size": Option(integer(8), "height and width of the resized images, in pixels",
                              default=64),
               "skip_damaged": Option(str, "leave out image files that cannot be read", None, False,
                                      flag=True)},
}
OF_MODEL: dict[str, dict[str, Option]] = {
    "linear": {},
    "mlp": {"hidden": _hidden},
    "cnn": {"hidden": _hidden, "dropout": _dropout(0.25)},
    "lenet": {},
    "resnet8": {},
    "resnet18": {},
    "lstm": {"hidden": _hidden},
    "gpt": {"context": _context,
            "layers": Option(integer(1), "number of blocks", default=4),
            "width": Option(integer(1), "length of the vector of each token", default=128),
            "heads": Option(integer(1), "number of attention heads", default=4),
            "dropout": _dropout(0.0)},
}
# fmt: on


# ---- Data sets, and the models that fit them ----


@dataclass(frozen=True)
class DataSet:
    """A data set: its description, the kind of its samples, and its --data argument."""

    about: str
    kind: str
    data: str = ""  # "": takes none; "folder": optional; "FOLDER" or "FILE": required
    side: int | None = None  # height and width of its images, in pixels


@dataclass(frozen=True)
class Model:
    """A model: its description, the kinds of samples that it takes, and the sides of images."""

    about: str
    kinds: tuple[str, ...]
    sides: tuple[int, ...] | None = None


DATASETS = {
    "digits": DataSet("1,797 handwritten digits, 8 × 8, part of the package", "images", side=8),
    "mnist": DataSet("70,000 handwritten digits, 28 × 28", "images", "folder", 28),
    "fashion-mnist": DataSet("70,000 pictures of clothes, 28 × 28", "images", "folder", 28),
    "cifar10": DataSet("60,000 photographs, 32 × 32, in 10 classes", "images", "folder", 32),
    "cifar100": DataSet("60,000 photographs, 32 × 32, in 100 classes", "images", "folder", 32),
    "images": DataSet("your images, one folder for each class", "images", "FOLDER"),
    "csv": DataSet("your table, one sample in each row", "table", "FILE"),
    "spiral": DataSet("points on three arms of a spiral, generated", "table"),
    "sine": DataSet("a noisy sine curve, generated; tested on the cosine", "curve"),
    "text": DataSet("your text, character by character", "text", "FILE"),
}

MODELS = {
    "linear": Model("one linear layer", ("images", "table")),
    "mlp": Model("linear layers with ReLU between them", ("images", "table")),
    "cnn": Model("a small convolutional network with batch normalisation", ("images",)),
    "lenet": Model("LeNet-5, the convolutional network of 1998", ("images",), (28, 32)),
    "resnet8": Model("a residual network of 8 layers", ("images",)),
    "resnet18": Model("ResNet-18", ("images",)),
    "lstm": Model("LSTM layers along a curve, or along the rows of an image", ("images", "curve")),
    "gpt": Model("a Transformer that predicts the next character", ("text",)),
}
FIRST = {"images": "mlp", "table": "mlp", "curve": "lstm", "text": "gpt"}  # without --model


@dataclass(frozen=True)
class Recipe:
    """Defaults that replace those of the options, for models and data sets; "" means all."""

    models: str
    datasets: str
    defaults: Settings = field(default_factory=dict)


# Later ones win. Matrix products of up to 16 × 128 × 128, as in the MLP for the digits, are small
# enough for OpenBLAS to compute on one thread; several threads would take longer, and much longer
# when the cores are busy.
RECIPES = [
    Recipe("", "spiral csv", {"batch_size": 16}),
    Recipe("", "digits", {"epochs": 30, "batch_size": 16}),
    Recipe("lstm", "", {"hidden": [64]}),
    Recipe("cnn", "", {"hidden": [16, 32], "lr": 0.003}),
    Recipe("cnn lenet mlp lstm linear", "mnist fashion-mnist", {"epochs": 3, "validation": 0.05}),
    Recipe("resnet8 resnet18", "", {"lr": 0.003}),
    Recipe("", "cifar10 cifar100 images", {"epochs": 20, "augment": "flip", "validation": 0.05}),
    Recipe("cnn lenet resnet8 resnet18", "digits", {"epochs": 20, "batch_size": 32}),
    Recipe("mlp", "digits", {"lr": 0.002}),
    Recipe("cnn", "digits", {"hidden": [32, 64], "lr": 0.002}),
    Recipe("", "sine", {"epochs": 50, "batch_size": 4, "lr": 0.01}),
    Recipe("", "spiral", {"epochs": 100, "lr": 0.005}),
    Recipe("linear", "csv spiral digits", {"lr": 0.01}),
    Recipe("gpt", "", {"epochs": 5, "batch_size": 16, "validation": 0.05, "context": 64}),
    Recipe("gpt", "", {"optimizer": "adamw", "lr": 0.002, "schedule": "warm-up", "clip_norm": 1.0}),
]


def dataset(text: str) -> str:
    """Reads the name of a data set; a path gets an error that says what to write."""
    if text in DATASETS:
        return text
    near = difflib.get_close_matches(text, DATASETS, 1)
    if os.path.exists(os.path.expanduser(text)) and ("." in text or not near):
        raise ValueError(f"{text!r} is no data set; write: wengert train {of_path(text)}")
    meant = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"got {text!r}, needed one of {', '.join(DATASETS)}{meant}")


def of_path(path: str) -> str:
    """The data set that a file or folder is probably for, with its option."""
    kind = "csv" if path.lower().endswith((".csv", ".tsv")) else "text"
    kind = "images" if os.path.isdir(os.path.expanduser(path)) else kind
    return f"{kind} --data {shlex.quote(path)}"


def fitting(dataset: str, given: Mapping[str, Any] | None = None) -> list[str]:
    """The models that fit a data set; `given` may set the size of its images."""
    kind, side = DATASETS[dataset].kind, _side(dataset, given or {})
    return [
        name
        for name, model in MODELS.items()
        if kind in model.kinds and (model.sides is None or side in model.sides)
    ]


def _side(dataset: str, given: Mapping[str, Any]) -> int:
    """Height and width of the images, in pixels."""
    return DATASETS[dataset].side or given.get("size", OF_DATASET["images"]["size"].default)


def options(dataset: str, model: str) -> dict[str, Option]:
    """All options of a run with this data set and model."""
    of_data = OF_KIND[DATASETS[dataset].kind] | OF_DATASET.get(dataset, {})
    return TRAINING | of_data | OF_MODEL[model]


ALL_OPTIONS = {
    name: option
    for table in (TRAINING, *OF_KIND.values(), *OF_DATASET.values(), *OF_MODEL.values())
    for name, option in table.items()
}


def holders(name: str) -> list[str]:
    """The models and data sets that have an option; empty if all have it."""
    models = [model for model, own in OF_MODEL.items() if name in own]
    datasets = [
        dataset
        for dataset, data in DATASETS.items()
        if name in OF_KIND[data.kind] | OF_DATASET.get(dataset, {})
    ]
    return models + datasets


def settings(dataset: str, model: str | None, given: Mapping[str, Any]) -> Settings:
    """All settings of a run: those given, and the defaults of the recipes for the rest.

    Raises:
        RecipeError: model and data set do not fit, or have no such setting.
    """
    model = model or FIRST[DATASETS[dataset].kind]
    _check_fit(dataset, model, given)
    known = options(dataset, model)
    for name in given:
        if name not in known and name != "data":
            raise RecipeError(name, _no_such(name, dataset, model))
    chosen = {name: option.default for name, option in known.items()}
    for recipe in RECIPES:
        if _is_in(model, recipe.models) and _is_in(dataset, recipe.datasets):
            chosen |= {name: v for name, v in recipe.defaults.items() if name in known}
    if given.get("optimizer", chosen["optimizer"]) != chosen["optimizer"] or chosen["lr"] is None:
        chosen["lr"] = RATES[given.get("optimizer", chosen["optimizer"])]
    data = _checked_data(dataset, given.get("data"))
    _check_decimal({**chosen, **given})
    return {"dataset": dataset, "model": model, **chosen, **given, "data": data}


def checked(found: Any) -> Settings:
    """`found`, if it is a dict that `settings` could have returned.

    Raises:
        RecipeError: it is not.
    """
    if not isinstance(found, dict):
        raise RecipeError("settings", f"got {type(found).__name__}, needed an object")
    for name, table in (("dataset", DATASETS), ("model", MODELS)):
        if found.get(name) not in [*table]:
            raise RecipeError(name, f"got {found.get(name)!r}, needed one of {', '.join(table)}")
    known = options(found["dataset"], found["model"])
    names = {"dataset", "model", "data", *known}
    if found.keys() != names:
        name = min(found.keys() ^ names)
        raise RecipeError(name, "is missing" if name in names else "unknown setting")
    if not isinstance(found["data"], str | None):
        raise RecipeError("data", f"got {found['data']!r}, needed a path, or null")
    for name, option in known.items():
        try:
            option.check(found[name])
        except ValueError as error:
            raise RecipeError(name, str(error)) from None
    _check_fit(found["dataset"], found["model"], found)
    return found


def _check_fit(dataset: str, model: str, given: Mapping[str, Any]) -> None:
    fit = fitting(dataset, given)
    if model not in fit:
        side = _side(dataset, given)
        images = f" of {side} × {side}" if DATASETS[dataset].kind == "images" else ""
        raise RecipeError(
            "model", f"{model} does not fit {dataset}{images}; needed one of {', '.join(fit)}"
        )


def _no_such(name: str, dataset: str, model: str) -> str:
    return f"{model} on {dataset} has no such setting; it is one of {', '.join(holders(name))}"


def _checked_data(dataset: str, data: str | None) -> str | None:
    takes = DATASETS[dataset].data
    if data is not None and not takes:
        raise RecipeError("data", f"{dataset} takes no data: it is part of the package")
    if data is None and takes.isupper():
        raise RecipeError(
            "data", f"needed for {dataset}: --data {takes}, {DATASETS[dataset].about}"
        )
    return data


def _check_decimal(chosen: Mapping[str, Any]) -> None:
    if chosen.get("decimal") == "," == chosen["delimiter"]:
        raise RecipeError(
            "decimal", "a comma is between the columns, too; set another character by --delimiter"
        )


def _is_in(name: str, names: str) -> bool:
    return not names or name in names.split()
