"""Programs in the style of «Deep Learning from Scratch 3», written for `dezero`.

They run after changing `dezero` to `wengert.dezero` in their imports, and what they assert holds.
Where the book's own framework is installed too, it finds the same numbers.
"""

import re
from pathlib import Path

import numpy as np
import pytest

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


def run(program, package):
    """The `RESULT` of a program (None if it has none) after changing its imports."""
    text = program.read_text()
    text = re.sub(r"^import dezero$", f"import {package} as dezero", text, flags=re.M)
    text = re.sub(r"^(import|from) dezero\b(?! as)", rf"\1 {package}", text, flags=re.M)
    text = text.replace(f"import {package} as dezero as dezero", f"import {package} as dezero")
    names = {}
    exec(compile(text, str(program), "exec"), names)
    return names.get("RESULT")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_program_of_the_book(program):
    run(program, "wengert.dezero")


# What the book's framework computes otherwise, with the reason.
OWN = {
    "s3_simple_steps_on_the_full_core": "it fails there: gradients are Variables",
}


@pytest.mark.parametrize(
    "program", [p for p in PROGRAMS if p.stem not in OWN], ids=lambda program: program.stem
)
def test_the_book_finds_the_same(program, book):
    expected = run(program, book)
    found = run(program, "wengert.dezero")
    assert found.keys() == expected.keys()
    for name, value in found.items():
        values = value if isinstance(value, list) else [value]
        others = expected[name] if isinstance(value, list) else [expected[name]]
        for a, b in zip(values, others, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)
