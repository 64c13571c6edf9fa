"""Arrays of the CPU and of the GPU, under the book's names: `dezero.cuda`.

Variables hold NumPy's arrays, so `gpu_enable` is False and the book's programs stay on the CPU.
"""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from wengert.core import Variable

gpu_enable = False


def get_array_module(x: Any) -> ModuleType:
    """The module that computes with what x holds: NumPy."""
    return np


def as_numpy(x: Any) -> np.ndarray:
    """The value of a Variable, array or number as a NumPy array; one of CuPy is copied.

    Raises:
        TypeError: x is none of these.
    """
    if isinstance(x, Variable):
        x = x.data
    if hasattr(x, "get") and type(x).__module__.split(".")[0] == "cupy":
        x = x.get()
    if not isinstance(x, np.ndarray) and not np.isscalar(x):
        raise TypeError(f"as_numpy: got {type(x).__name__}, needed a Variable, array or number")
    return np.asarray(x)


def as_cupy(x: Any) -> Any:
    """The value of a Variable, array or number as an array of CuPy.

    Raises:
        ImportError: CuPy is not installed.
    """
    try:
        cupy: Any = importlib.import_module("cupy")
    except ImportError:
        raise ImportError(
            "as_cupy: this needs CuPy, which is not installed; pip install cupy-cuda12x "
            "(or ask dezero.cuda.gpu_enable first, and stay on the CPU)"
        ) from None
    return cupy.asarray(x.data if isinstance(x, Variable) else x)
