"""Arrays on CPU and GPU, with the names of the book: `dezero.cuda`.

Variables hold NumPy arrays, so `gpu_enable` is False and programs of the book run on the CPU.
"""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from wengert.core import Variable
from wengert.names import public

gpu_enable = False


def get_array_module(x: Any) -> ModuleType:
    """The array module of x: NumPy."""
    return np


def as_numpy(x: Any) -> np.ndarray:
    """The value of a Variable, array or number as a NumPy array; CuPy arrays are copied.

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


def as_cupy(x):
    """The value of a Variable, array or number as a CuPy array.

    Raises:
        ImportError: CuPy is not installed.
    """
    try:
        cupy: Any = importlib.import_module("cupy")
    except ImportError:
        raise ImportError(
            "as_cupy: this needs CuPy, which is not installed; pip install cupy-cuda12x "
            "(or use the GPU only if dezero.cuda.gpu_enable is True)"
        ) from None
    return cupy.asarray(x.data if isinstance(x, Variable) else x)


__all__, __dir__ = public(globals(), "gpu_enable", exports=True)
