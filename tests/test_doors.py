"""What `dir`, `help`, tab completion and `import *` show of each module that users open."""

import importlib
import inspect
import pydoc
import re
import rlcompleter
import types

import pytest

import wengert as wg
import wengert.dezero

MODULES = [
    "wengert",
    *[f"wengert.{name}" for name in dir(wg) if isinstance(getattr(wg, name), types.ModuleType)],
    *["wengert.autodiff", "wengert.data.transforms", "wengert.dezero"],
    *[f"wengert.dezero.{m}" for m in dir(wg.dezero) if inspect.ismodule(getattr(wg.dezero, m))],
]
SUBMODULES = {  # the modules that users open, by the one that shows them
    "wengert": {
        "data", "functions", "graph", "initializers", "io", "layers", "models", "optimizers",
        "random", "schedules", "testing", "training", "viz",
    },
    "wengert.data": {"transforms"},
    "wengert.dezero": {
        "core", "core_simple", "cuda", "dataloaders", "datasets", "functions", "functions_conv",
        "layers", "models", "optimizers", "transforms", "utils",
    },
}  # fmt: skip


@pytest.fixture(params=MODULES)
def module(request):
    return importlib.import_module(request.param)


def test_dir_is_all(module):
    assert dir(module) == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__) > 0


def test_a_module_shows_no_modules_but_those_that_users_open(module):
    shown = {name for name in dir(module) if inspect.ismodule(getattr(module, name))}
    assert shown == SUBMODULES.get(module.__name__, set())


def test_what_a_module_shows_exists_and_is_documented_or_a_constant(module):
    for name in dir(module):
        value = getattr(module, name)
        if inspect.isroutine(value) or inspect.isclass(value):
            assert value.__module__.startswith("wengert"), name
            assert name[0] != "_"


def test_import_star_gives_what_dir_shows(module):
    namespace = {}
    exec(f"from {module.__name__} import *", namespace)
    assert namespace.keys() - {"__builtins__"} == set(dir(module))


def test_tab_completion_shows_the_same(module):
    complete = rlcompleter.Completer({"m": module}).complete
    found, i = set(), 0
    while (name := complete("m.", i)) is not None:
        found.add(name.removeprefix("m.").rstrip("()"))
        i += 1
    assert found == {name for name in dir(module) if name[0] != "_"}


@pytest.mark.parametrize("name", ["wengert.functions", "wengert.layers", "wengert.optimizers"])
def test_help_describes_the_functions_and_classes_themselves(name):
    module = importlib.import_module(name)
    text = pydoc.plain(pydoc.render_doc(module))
    for shown in dir(module):
        assert re.search(rf"^ +(class )?{shown}\b", text, re.MULTILINE), shown


def test_the_functions_and_layers_that_everybody_looks_for_are_shown():
    assert {"relu", "softmax", "conv2d", "softmax_cross_entropy", "where"} <= set(dir(wg.functions))
    assert {"Linear", "Conv2d", "LSTM", "Sequential", "Layer"} <= set(dir(wg.layers))
    assert {"Variable", "Function", "Parameter", "no_grad", "grad", "layers"} <= set(dir(wg))
