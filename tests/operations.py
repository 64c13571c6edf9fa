"""Every Function of the package, with its samples, for the tests that are generated from them."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import wengert
from wengert import Function
from wengert.core import Constant
from wengert.functions.logic import OfUfunc

for module in pkgutil.walk_packages(wengert.__path__, "wengert."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)


def subclasses(cls):
    for subclass in cls.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


OPERATIONS = sorted(
    {
        cls
        for cls in subclasses(Function)
        if cls.__module__.startswith("wengert.")
        and not cls.__module__.startswith(("wengert.cli", "wengert.dezero"))
        and cls.forward is not Function.forward  # a base class, whose subclasses define it
        and not (issubclass(cls, OfUfunc) and cls.ufunc is None)
    },
    key=lambda cls: (cls.__module__, cls.__name__),
)


def samples_of(cls):
    """The samples as pairs of inputs and options."""
    samples = cls.samples(np.random.default_rng(0)) if hasattr(cls, "samples") else []
    return [
        sample if len(sample) == 2 and isinstance(sample[1], dict) else (sample, {})
        for sample in samples
    ]


def cases(*, differentiable=False, elementwise=False):
    """A parameter of pytest for each sample: the class, the inputs, the options."""
    return [
        pytest.param(cls, inputs, options, id=f"{cls.__name__}-{i}")
        for cls in OPERATIONS
        if not (differentiable and issubclass(cls, Constant))
        if not (elementwise and not cls.elementwise)
        for i, (inputs, options) in enumerate(samples_of(cls))
    ]


def is_float(x):
    return np.asarray(x).dtype.kind == "f"


def unchanged(cls, inputs):
    """The indices of the inputs that forward does not change in place."""
    names = list(inspect.signature(cls.forward).parameters)[1:]
    return [i for i in range(len(inputs)) if i >= len(names) or names[i] not in cls.mutated]
