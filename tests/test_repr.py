"""Every public class prints as something that can be read: no address in memory."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert.data import transforms
from wengert.declared import Declared

HIDDEN = ("wengert.__main__", "wengert.cli", "wengert.data.workers")


def public_classes():
    """The classes of the package that a program can meet, by name."""
    for module in pkgutil.walk_packages(wg.__path__, "wengert."):
        if not module.name.startswith(HIDDEN):
            for name, cls in vars(importlib.import_module(module.name)).items():
                if inspect.isclass(cls) and cls.__module__ == module.name and name[0] != "_":
                    yield pytest.param(cls, id=f"{module.name}.{name}")


@pytest.mark.parametrize("cls", list(public_classes()))
def test_a_class_says_how_its_objects_print(cls):
    abstract = inspect.isabstract(cls) or getattr(cls, "_is_protocol", False)
    assert abstract or cls.__repr__ is not object.__repr__


class Options(Declared):
    size: int
    rate: float = 0.5


class Squares(wg.data.BaseDataset):
    def __len__(self):
        return 3

    def sample(self, index):
        return index**2


def double(x):
    return 2 * x


MODEL = L.Sequential(L.Linear(2, in_size=2), double, lambda x: x, L.Dropout(0.5))
DATASET = wg.data.ArrayDataset(np.ones((4, 2)), np.zeros(4))


@pytest.mark.parametrize(
    "x",
    [
        Options(3),
        Squares(),
        MODEL,
        L.Residual(lambda x: x),
        wg.models.MLP((3, 2), double),
        wg.models.GPT(5, 4, layers=1, width=4, heads=2),
        wg.models.LeNet5(),
        wg.optimizers.SGD(lambda step: 0.1).add_hook(lambda params: None),
        wg.optimizers.SGD(0.1).add_group(lambda name, p: True, lr=0.2),
        wg.optimizers.Adam(wg.schedules.warm_up(lambda step: 0.1, steps=3)),
        wg.data.DataLoader(DATASET, 2, collate=lambda samples: samples),
        wg.data.TransformDataset(DATASET, lambda x: x, sample=lambda x: x),
        transforms.Compose(double, lambda x: x),
        wg.training.Trainer(MODEL, wg.optimizers.SGD(0.1), F.mean_squared_error),
        wg.training.Trainer(MODEL, wg.optimizers.SGD(0.1), lambda x, t: x),
        wg.training.Evaluator(MODEL, lambda x, t: x, metrics={"m": lambda y, t: 0.0}),
        wg.training.On(lambda trainer, event: True, lambda trainer: None),
        wg.training.CSVLog("log.csv", lambda trainer, event: True),
        wg.training.SaveCheckpoints("runs", lambda trainer, event: True),
        wg.training.Confusion(3, lambda matrix: 0.0),
        wg.checkpoint(lambda x: x * 2.0, wg.Variable(1.0)).creator,
        wg.Graph(wg.Variable(1.0) * 2.0),
        wg.config,
    ],
    ids=lambda x: type(x).__name__,
)
def test_no_address_is_printed(x):
    assert " at 0x" not in repr(x)
    assert " at 0x" not in str(x)
