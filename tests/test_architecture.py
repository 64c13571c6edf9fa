"""The direction of imports, and what `import wengert` costs."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wengert

PACKAGE = Path(wengert.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# From the lowest layer up. A module or package imports only from lower layers, and from itself.
LAYERS = [
    ["attribute_hints", "refusals"],
    ["calls", "hints", "names", "scopes", "tape", "trace", "trees"],
    ["arguments", "files", "state"],
    ["config"],
    ["dispatch"],
    ["arrays", "declared", "kernels", "random"],
    ["second_pass"],
    ["walk"],
    ["core"],
    ["functions", "graph"],
    ["autodiff", "data", "debug", "initializers", "optimizers", "schedules", "viz"],
    ["layers", "recompute", "testing"],
    ["compile", "io", "models", "parallel"],
    ["training"],
    ["sklearn"],
    ["wengert"],  # the names in its __init__.py
    ["dezero"],
    ["cli"],
    ["__main__"],
]
LAYER = {module: level for level, modules in enumerate(LAYERS) for module in modules}
FORBIDDEN = {("core", "kernels")}  # although kernels are in a lower layer


def module_of(file: Path) -> str:
    """src/wengert/functions/math.py -> functions; src/wengert/__init__.py -> wengert."""
    first = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "wengert" if first == "__init__" else first


def nodes(tree: ast.AST, *, inside_functions: bool) -> Iterator[ast.AST]:
    """The nodes that run when the file is imported, or at any time; not those for types only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not inside_functions:
            continue
        yield node
        yield from nodes(node, inside_functions=inside_functions)


def imports(file: Path, *, inside_functions: bool) -> Iterator[str]:
    """The dotted names of what a file imports: `from a import b` counts as a.b."""
    for node in nodes(ast.parse(file.read_text()), inside_functions=inside_functions):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(file: Path) -> set[str]:
    """The modules that a file imports; `from wengert import Variable` counts as `wengert`."""
    names = [name.split(".") for name in imports(file, inside_functions=True)]
    ours = [name for name in names if name[0] == "wengert"]
    parts = {name[1] if len(name) > 1 and name[1] in LAYER else "wengert" for name in ours}
    return parts - {module_of(file)}


def test_every_module_has_its_layer():
    assert {module_of(file) for file in FILES} <= set(LAYER)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_down(file):
    part = module_of(file)
    for other in imported_modules(file):
        assert LAYER[other] < LAYER[part], f"{part} may not import {other}"
        assert (part, other) not in FORBIDDEN


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_numpy_and_the_standard_library_are_imported_at_module_level(file):
    packages = {name.split(".")[0] for name in imports(file, inside_functions=False)}
    if module_of(file) == "sklearn":  # its classes derive from those of scikit-learn
        packages -= {"sklearn"}
    assert packages <= sys.stdlib_module_names | {"numpy", "wengert"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_randomness_comes_from_the_one_seeded_generator(file):
    if file.name in ("random.py", "draws.py"):  # the generator; those of a data set's own code
        return
    if module_of(file) == "dezero":  # the book's programs seed NumPy's own: np.random.seed(0)
        return
    names = set(imports(file, inside_functions=True))
    assert not {name for name in names if name.startswith(("numpy.random", "random"))}
    for node in nodes(ast.parse(file.read_text()), inside_functions=True):
        function = ast.unparse(node.func).split(".") if isinstance(node, ast.Call) else []
        if function[:2] == ["np", "random"] and len(function) == 3:
            seeded = function[2] == "default_rng" and node.args
            assert seeded, f"{ast.unparse(node)} in line {node.lineno}"


LIGHT = {
    "future__",
    "bisect",
    "collections",
    "contextlib",
    "contextvars",
    "copy",
    "dataclasses",
    "functools",
    "inspect",
}
LIGHT |= {"itertools", "math", "operator", "string", "threading", "types", "typing", "weakref"}


def test_import_loads_numpy_and_nothing_heavier():
    code = (
        "import numpy, sys; before = set(sys.modules); import wengert;"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    packages = {name.split(".")[0].lstrip("_") for name in run.stdout.split()}
    assert "wengert" in packages
    # (numpy.random takes 20 ms; any np.random that is run loads it: quote it in annotations)
    assert packages - {"wengert"} <= LIGHT


def test_modules_that_import_does_not_load_are_there_when_they_are_named():
    code = (
        "import sys, wengert as wg\n"
        "names = wg._LAZY_MODULES\n"
        "print(any(f'wengert.{name}' in sys.modules for name in names))\n"
        "print(all(name in dir(wg) for name in names))\n"
        "print([getattr(wg, name).__name__ for name in names])\n"
        "print(wg.viz.dot_graph.__module__)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded, listed, modules, last = run.stdout.splitlines()
    assert (loaded, listed, last) == ("False", "True", "wengert.viz.dot")
    for name in ["data", "io", "layers", "models", "optimizers", "schedules", "training", "viz"]:
        assert f"'wengert.{name}'" in modules


def file_of(name: str) -> Path | None:
    """wengert.core -> src/wengert/core.py; wengert.layers -> src/wengert/layers/__init__.py."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    found = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file in FILES]
    return found[0] if found else None


def files_imported(file: Path) -> set[Path | None]:
    """The files of wengert that a file imports, also for type checkers only."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                found.add(file_of(f"{node.module}.{alias.name}") or file_of(node.module))
    return found - {file}


def test_no_file_imports_itself_through_others():
    left = {file: files_imported(file) for file in FILES if module_of(file) != "dezero"}
    while True:
        free = {file for file, imported in left.items() if not imported & left.keys()}
        if not free:
            break
        left = {file: imported for file, imported in left.items() if file not in free}
    assert not left  # files in import cycles, and those that import them


def test_the_core_is_a_text_of_ten_minutes():
    core, walk = (PACKAGE / name for name in ("core.py", "walk.py"))
    assert len(core.read_text().split()) <= 2000  # 200 words a minute
    assert len(core.read_text().splitlines()) <= 440
    assert len(walk.read_text().splitlines()) <= 260
    page = Path(__file__).parents[1] / "docs" / "core_in_ten_minutes.md"
    assert len(page.read_text().split()) <= 1000


def test_the_layout_in_contributing_lists_the_layers_in_their_order():
    text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| (`\w+(?:\.py|/)`.*?) \|", text, re.MULTILINE)
    listed = [re.findall(r"`(\w+)(?:\.py|/)`", row) for row in rows]
    existing = {module_of(file) for file in FILES} - {"wengert", "__main__"}
    layers = [[module for module in layer if module in existing] for layer in LAYERS]
    assert listed == [layer for layer in layers if layer]


def test_records_are_read_by_the_walk_and_the_graph_alone():
    readers = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        if re.search(r"\._record\b", file.read_text())
    }
    assert readers == {"core.py", "walk.py", "second_pass.py", "graph.py"}
