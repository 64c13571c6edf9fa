"""The examples: the last line of output is as their docstrings promise.

They run with --fast. WENGERT_FULL_EXAMPLES=1 runs them in full, which takes a quarter of an hour.
"""

import ast
import operator
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_files import cifar_content, python2_pickle

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))
FULL = bool(os.environ.get("WENGERT_FULL_EXAMPLES"))
TIMEOUT = {"--fast": 120, "full": 3600}  # seconds, also on busy machines

UNMEASURED = {"resnet_cifar10"}  # the full run needs data files that were not available

NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
LAST_LINE = re.compile(
    rf"(?P<what>.+): (?P<found>{NUMBER}) "
    rf"\(expected: (?P<bound>below|at least) (?P<limit>{NUMBER})\)"
)
HOLDS = {"below": operator.lt, "at least": operator.ge}


def docstring(name):
    return ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))


def last_line(text):
    """The fields of such a line, and whether the result is as expected."""
    line = LAST_LINE.fullmatch(text)
    assert line, f"{text!r} is no last line of an example"
    holds = HOLDS[line["bound"]](float(line["found"]), float(line["limit"]))
    return line["what"], line["bound"], float(line["limit"]), holds


def promised(name, mode):
    """The last line of output according to the docstring."""
    label = "Last line: " if mode == "full" else f"Last line with {mode}: "
    (line,) = [line for line in docstring(name).splitlines() if line.startswith(label)]
    return line.removeprefix(label)


def output(name, mode, cwd, *arguments):
    """The output of the example."""
    fast = [] if mode == "full" else [mode]
    run = subprocess.run(
        [sys.executable, "-W", "error", FOLDER / f"{name}.py", *fast, *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT[mode],
        cwd=cwd,
        # one thread: on a busy machine, several threads take ten times as long
        env={**os.environ, "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout


RUNS = [(name, "--fast") for name in EXAMPLES]
RUNS += [(name, "full") for name in EXAMPLES if FULL and name not in UNMEASURED]


@pytest.mark.parametrize(("name", "mode"), RUNS)
def test_the_last_line_of_an_example_is_as_in_its_docstring(name, mode, tmp_path):
    printed = output(name, mode, tmp_path)
    what, bound, limit, holds = last_line(printed.splitlines()[-1])
    assert holds, printed
    assert last_line(promised(name, mode)) == (what, bound, limit, True)
    assert list(tmp_path.iterdir()) == []  # no files are left


def test_the_residual_network_reads_cifar_10_from_a_folder(tmp_path):
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for seed, name in enumerate(names):
        content = cifar_content(400 if seed == 5 else 80, seed, labels=10)
        (tmp_path / name).write_bytes(python2_pickle(content))
    printed = output("resnet_cifar10", "--fast", tmp_path, str(tmp_path))
    assert last_line(printed.splitlines()[-1])[0] == "test accuracy in percent"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_its_docstring_has_the_command(name):
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert f"\n    python examples/{name}.py " in docstring(name)
    assert f"\n    python examples/{name}.py --fast " in docstring(name)
    full = promised(name, "full")
    assert ": ? (" in full if name in UNMEASURED else last_line(full)[-1]


def test_every_example_is_in_the_list():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.py\)", text)) == EXAMPLES
