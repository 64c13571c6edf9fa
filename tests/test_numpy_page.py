"""docs/numpy.md says what becomes of each function of NumPy."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("numpy_page", ROOT / "scripts" / "numpy_page.py")
numpy_page = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(numpy_page)
TEXT = (ROOT / "docs" / "numpy.md").read_text()
VERSION = re.search(r"functions of NumPy (\d+\.\d+)", TEXT)[1]


@pytest.mark.skipif(not np.__version__.startswith(VERSION + "."), reason="made with another NumPy")
def test_the_page_is_current():
    assert numpy_page.page(TEXT) == TEXT, "run: python scripts/numpy_page.py"


@pytest.mark.parametrize("kind", ["recorded", "constant", ""])
def test_the_page_agrees_with_the_installed_numpy(kind):
    section = TEXT.split(f"### {numpy_page.TITLES[kind]}")[1].split("###")[0]
    listed = {
        (f"numpy{module}", name)
        for module, names in re.findall(r"\*\*numpy([.a-z]*)\*\*(.*?)\.\n\n", section, re.DOTALL)
        for name in re.findall(r"`(\w+)`", names)
    }
    found = {(m, name) for m, names in numpy_page.kinds()[kind].items() for name in names}
    assert len(listed) > 30
    here = {(m, name) for m, name in listed if hasattr(numpy_page.MODULES[m], name)}
    assert here <= found


def test_every_function_of_linear_algebra_is_decided():
    assert "numpy.linalg" not in numpy_page.kinds()[""]
