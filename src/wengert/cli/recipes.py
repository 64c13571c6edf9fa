"""Recipes: which data sets go with which models, and the settings that train them well.

The settings of a training are a dict of plain values. `settings` makes it of what the user has
given and of the tables here; `checked` finds out whether a dict from elsewhere is one.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Settings = dict[str, Any]


class RecipeError(ValueError):
    """A setting that cannot be used; `name` says which."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


# ---- Values, as they are given in a command ----


def whole(least: int) -> Callable[[str], int]:
    """Reads integers from `least` on."""

    def read(text: str) -> int:
        if not (text.isdecimal() and int(text) >= least):
            raise ValueError(f"got {text!r}, needed an integer ≥ {least}")
        return int(text)

    return read


def real(least: float, below: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """Reads numbers from `least` (or only those above it) to less than `below`."""
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
    """Reads one of these words."""

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


@dataclass(frozen=True)
class Option:
    """A setting: how it is read from text, what it stands for, and its default."""

    read: Callable[[str], Any]
    about: str
    metavar: str | None = "N"
    default: Any = None


def _dropout(share: float) -> Option:
    return Option(real(0, below=1), "share of features left out in training", "X", share)


RATES = {"sgd": 0.1, "momentum": 0.02, "adam": 0.001, "adamw": 0.001}
AUGMENTS = ("none", "shift", "flip")  # each does what those before it do, too

# fmt: off
TRAINING = {  # settings that all trainings have
    "epochs": Option(whole(1), "passes through the data", default=10),
    "batch_size": Option(whole(1), "samples in a step", default=64),
    "optimizer": Option(one_of(*RATES), f"how to step: {', '.join(RATES)}", "NAME", "adam"),
    "lr": Option(real(0, above=True), "learning rate: how far a step goes", "X"),
    "schedule": Option(one_of("constant", "cosine", "warm-up"),
                       "the rate is constant, falls to 0 along half a cosine, or, with warm-up, "
                       "first rises for a twentieth of the steps", "NAME", "cosine"),
    "clip_norm": Option(real(0), "scale gradients down to this norm; 0: never", "X", 0.0),
    "validation": Option(real(0, below=1),
                         "share of the training samples that are kept to choose the best weights",
                         "X", 0.1),
    "seed": Option(whole(0), "what all random numbers start from", default=0),
}
OF_KIND = {  # settings of some data sets
    "images": {
        "augment": Option(one_of(*AUGMENTS),
                          "change images at random: none, shift them, or shift and flip them",
                          "NAME", "none"),
    },
    "table": {},
    "curve": {},
    "text": {
        "unit": Option(one_of("characters", "bytes"), "what a token is: characters or bytes",
                       "NAME", "characters"),
    },
}
_hidden = Option(_sizes, "sizes of the layers inside", "N,N,...", [128, 128])

_context = Option(whole(2), "steps of a sequence that the model sees at once", default=50)
OF_DATASET: dict[str, dict[str, Option]] = {
    "csv": {"target": Option(str,
                             "column to predict: its name, or its number from 0; -1: the last",
                             "COLUMN", "-1")},
    "sine": {"context": _context},
    "images": {"size": Option(whole(8), "side to which images are resized, in pixels", default=64)},
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
            "layers": Option(whole(1), "number of blocks", default=4),
            "width": Option(whole(1), "length of the vector of a token", default=128),
            "heads": Option(whole(1), "parts that attention is divided in", default=4),
            "dropout": _dropout(0.0)},
}
# fmt: on


# ---- Data sets, models, and what fits ----


@dataclass(frozen=True)
class DataSet:
    """A data set: what it is, what its samples are, and what --data names for it."""

    about: str
    kind: str
    data: str = ""  # "" takes none; "folder" may be given; "FOLDER" or "FILE" must be
    side: int | None = None  # of images, in pixels


@dataclass(frozen=True)
class Model:
    """A model: what it is, which kinds of samples it takes, and images of which sides."""

    about: str
    kinds: tuple[str, ...]
    sides: tuple[int, ...] | None = None


DATASETS = {
    "digits": DataSet("1,797 handwritten digits, 8 × 8, part of the package", "images", side=8),
    "mnist": DataSet("70,000 handwritten digits, 28 × 28", "images", "folder", 28),
    "fashion-mnist": DataSet("70,000 pictures of clothes, 28 × 28", "images", "folder", 28),
    "cifar10": DataSet("60,000 photographs, 32 × 32, in 10 classes", "images", "folder", 32),
    "cifar100": DataSet("60,000 photographs, 32 × 32, in 100 classes", "images", "folder", 32),
    "images": DataSet("your images, in a folder for each class", "images", "FOLDER"),
    "csv": DataSet("your table, one row a sample", "table", "FILE"),
    "spiral": DataSet("points on three arms of a spiral, made up", "table"),
    "sine": DataSet("a noisy sine curve, made up; tested on the cosine", "curve"),
    "text": DataSet("your text, learnt character by character", "text", "FILE"),
}

MODELS = {
    "linear": Model("one linear layer", ("images", "table")),
    "mlp": Model("linear layers with ReLU between them", ("images", "table")),
    "cnn": Model("a small convolutional network with batch normalisation", ("images",)),
    "lenet": Model("LeNet-5, the convolutional network of 1998", ("images",), (28, 32)),
    "resnet8": Model("a residual network of 8 layers", ("images",)),
    "resnet18": Model("ResNet-18", ("images",)),
    "lstm": Model("LSTM layers along a curve, or down the rows of an image", ("images", "curve")),
    "gpt": Model("a Transformer, which predicts the next character", ("text",)),
}
FIRST = {"images": "mlp", "table": "mlp", "curve": "lstm", "text": "gpt"}  # without --model


@dataclass(frozen=True)
class Recipe:
    """Defaults that differ from those of the options: for models and data sets, or all ("")."""

    models: str
    datasets: str
    defaults: Settings = field(default_factory=dict)


# Later ones win. Matrix products of up to 16 × 128 × 128, as those of the digits' MLP, are small
# enough for OpenBLAS to keep on one thread; sharing them out would cost more than it gains, and
# very much more on busy cores.
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


def fitting(dataset: str, given: Mapping[str, Any] | None = None) -> list[str]:
    """The models that take the samples of a data set, whose images may be given a size."""
    kind, side = DATASETS[dataset].kind, _side(dataset, given or {})
    return [
        name
        for name, model in MODELS.items()
        if kind in model.kinds and (model.sides is None or side in model.sides)
    ]


def _side(dataset: str, given: Mapping[str, Any]) -> int:
    """Of images, in pixels."""
    return DATASETS[dataset].side or given.get("size", OF_DATASET["images"]["size"].default)


def options(dataset: str, model: str) -> dict[str, Option]:
    """The options that a data set and a model have together."""
    of_data = OF_KIND[DATASETS[dataset].kind] | OF_DATASET.get(dataset, {})
    return TRAINING | of_data | OF_MODEL[model]


ALL_OPTIONS = {
    name: option
    for table in (TRAINING, *OF_KIND.values(), *OF_DATASET.values(), *OF_MODEL.values())
    for name, option in table.items()
}


def holders(name: str) -> list[str]:
    """The models and data sets that have an option; none if all have it."""
    models = [model for model, own in OF_MODEL.items() if name in own]
    datasets = [
        dataset
        for dataset, data in DATASETS.items()
        if name in OF_KIND[data.kind] | OF_DATASET.get(dataset, {})
    ]
    return models + datasets


def settings(dataset: str, model: str | None, given: Mapping[str, Any]) -> Settings:
    """All settings of a training: those given, and the recipe's for the rest.

    Raises:
        RecipeError: model and data set do not fit, or one of them has no such setting.
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
    return {"dataset": dataset, "model": model, **chosen, **given, "data": data}


def checked(found: Any) -> Settings:
    """These settings, if they could have come from `settings`.

    Raises:
        RecipeError: they could not.
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
        raise RecipeError(name, "is missing" if name in names else "is no setting of it")
    if not isinstance(found["data"], str | None):
        raise RecipeError("data", f"got {found['data']!r}, needed a path, or null")
    for name, option in known.items():
        value = found[name]
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        try:
            read = option.read(text)
        except ValueError as error:
            raise RecipeError(name, str(error)) from None
        if read != value:
            raise RecipeError(name, f"got {value!r}, needed {read!r}")
    _check_fit(found["dataset"], found["model"], found)
    return found


def _check_fit(dataset: str, model: str, given: Mapping[str, Any]) -> None:
    fit = fitting(dataset, given)
    if model not in fit:
        side = _side(dataset, given)
        images = f" of {side} × {side}" if DATASETS[dataset].kind == "images" else ""
        raise RecipeError(
            "model", f"{model} does not fit {dataset}{images}; what fits is {', '.join(fit)}"
        )


def _no_such(name: str, dataset: str, model: str) -> str:
    return f"{model} on {dataset} has none; it is an option of {', '.join(holders(name))}"


def _checked_data(dataset: str, data: str | None) -> str | None:
    takes = DATASETS[dataset].data
    if data is not None and not takes:
        raise RecipeError("data", f"{dataset} needs no data: it is part of the package")
    if data is None and takes.isupper():
        raise RecipeError(
            "data", f"needed for {dataset}: --data {takes}, {DATASETS[dataset].about}"
        )
    return data


def _is_in(name: str, names: str) -> bool:
    return not names or name in names.split()
