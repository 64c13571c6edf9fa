"""The framework of the book, if it is installed: results are compared with it."""

import warnings

import numpy as np
import pytest


@pytest.fixture(scope="session")
def book():
    """The name of its package, which is from before NumPy 1.24."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(np, "int", int, raising=False)
        pytest.importorskip("dezero.core", reason="pip install dezero matplotlib pillow")
        yield "dezero"
