"""Programs in the style of «Deep Learning from Scratch 3», written for `dezero`.

They run after changing `dezero` to `wengert.dezero` in their imports. Their assertions hold, and
they compute the same numbers as the book's own framework, which are stored in numbers.json. Where
that framework is installed, `python tests/dezero/test_programs.py` writes this file again.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
NUMBERS = HERE / "numbers.json"

# What the book's framework does not run, with the reason.
NOT_THERE = {"s3_simple_steps_on_the_full_core": "gradients are Variables, not arrays"}
ALIKE = [program for program in PROGRAMS if program.stem not in NOT_THERE]


def name(program):
    return program.stem


def run(program, package):
    """The `RESULT` of a program (None if it has none) after changing its imports."""
    text = program.read_text()
    text = re.sub(r"^import dezero$", f"import {package} as dezero", text, flags=re.M)
    text = re.sub(r"^from dezero\b", f"from {package}", text, flags=re.M)
    text = re.sub(r"^import dezero\.", f"import {package}.", text, flags=re.M)
    names = {}
    exec(compile(text, str(program), "exec"), names)
    return names.get("RESULT")


def digest(result):
    """Of each value, the mean size and up to eight elements, for a file."""
    return {
        name: [_digest(value) for value in (values if isinstance(values, list) else [values])]
        for name, values in (result or {}).items()
    }


def _digest(value):
    flat = np.asarray(value, np.float64).reshape(-1)
    indices = np.linspace(0, flat.size - 1, min(flat.size, 8)).astype(int)
    return [float(f"{number:.7g}") for number in (np.abs(flat).mean(), *flat[indices])]


def assert_alike(found, expected):
    assert found.keys() == expected.keys()
    for name, values in found.items():
        values, others = (v if isinstance(v, list) else [v] for v in (values, expected[name]))
        for a, b in zip(values, others, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("program", PROGRAMS, ids=name)
def test_program_of_the_book(program):
    found = digest(run(program, "wengert.dezero"))
    assert_alike(found, json.loads(NUMBERS.read_text()).get(program.stem, {}))


@pytest.mark.parametrize("program", ALIKE, ids=name)
def test_the_framework_of_the_book_computes_the_same(program, book):
    expected = run(program, book)
    assert_alike(run(program, "wengert.dezero") or {}, expected or {})
    assert_alike(digest(expected), json.loads(NUMBERS.read_text()).get(program.stem, {}))


if __name__ == "__main__":
    np.int = int  # the book's framework is from before NumPy 1.24
    numbers = {program.stem: digest(run(program, "dezero")) for program in ALIKE}
    lines = [f"{json.dumps(stem)}: {json.dumps(digests)}" for stem, digests in numbers.items()]
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
