"""Every fenced block of the documents and every >>> runs and prints the text below it."""

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import wengert

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n*^```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)
MODULES = [
    m.name for m in pkgutil.walk_packages(wengert.__path__, "wengert.") if "__main__" not in m.name
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_blocks_print_the_text_below_them(document):
    names = {"__name__": "document"}
    for code, expected in BLOCK.findall(document.read_text()):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, document.name, "exec"), names)
        if expected:
            assert printed.getvalue() == expected


def test_the_readme_lists_every_document():
    text = (ROOT / "README.md").read_text()
    assert [path.name for path in ROOT.glob("docs/*.md") if f"(docs/{path.name})" not in text] == []


def test_the_readme_counts_the_functions():
    (said,) = re.findall(r"more than (\d+) functions", (ROOT / "README.md").read_text())
    assert int(said) < len(dir(wengert.functions)) <= int(said) + 20


def test_the_readme_lists_the_extras_for_users():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    (said,) = re.findall(r"Extras:([^;]*);", (ROOT / "README.md").read_text())
    users = extras.keys() - {"test", "check", "parity", "bench"}
    assert set(re.findall(r"`(\w+)`", said)) == users


def test_there_are_blocks_to_run():
    counts = {path.name: len(BLOCK.findall(path.read_text())) for path in DOCUMENTS}
    assert counts["README.md"] == 1
    assert counts["core_in_ten_minutes.md"] > 8


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_right(name):
    module = importlib.import_module(name)
    with np.printoptions():
        failed, _ = doctest.testmod(module, extraglobs={"np": np}, verbose=False)
    assert failed == 0


def names_in_the_last_column(document):
    """The dotted names of wengert in the tables of a document."""
    for line in (ROOT / "docs" / document).read_text().splitlines():
        if line.startswith("| "):
            for code in re.findall(r"`([^`]+)`", line.rsplit(" | ", 1)[-1]):
                yield from re.findall(r"\b(?:wg|wengert|F|L|np|model|optimizer|x)(?:\.\w+)+", code)


NAMES = sorted(set(names_in_the_last_column("from_pytorch.md")))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_in_the_table_for_users_of_pytorch_exists(name):
    import wengert.functions as F
    import wengert.layers as L

    model = L.Sequential(L.Linear(2, in_size=2))
    roots = {
        "wg": wengert, "wengert": wengert, "F": F, "L": L, "np": np, "model": model,
        "optimizer": wengert.optimizers.SGD().setup(model), "x": wengert.Variable(np.ones((2, 2))),
    }  # fmt: skip
    if name == "wengert.sklearn":
        importlib.import_module(name)
        return
    first, *rest = name.split(".")
    value = roots[first]
    for part in rest:
        value = getattr(value, part)


def test_the_table_for_users_of_pytorch_has_names():
    assert len(NAMES) > 80
