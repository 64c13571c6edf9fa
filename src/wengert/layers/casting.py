"""Inputs of a layer in another dtype than its Parameters: they are cast before `forward`."""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from wengert.arrays import is_foreign
from wengert.core import Variable

PACKAGE = str(Path(__file__).parents[1])
warned: set[str] = set()  # what has been warned of in this process


def needs_cast(x: Any, dtype: Any, kinds: str) -> bool:
    """Whether x is an array or Variable of these kinds ("f", "fiub") in another dtype.

    A list of numbers or arrays, or another object that NumPy can make an array of (a data frame),
    needs a cast where integers do.
    """
    if isinstance(x, Variable | np.ndarray | np.floating):
        return x.dtype.kind in kinds and x.dtype != dtype
    if "i" not in kinds:
        return False
    return _is_of_numbers(x) if isinstance(x, list) else _is_table(x)


def cast_input(x: Any, dtype: np.dtype[Any], kinds: str, layer: str) -> Any:
    """x in `dtype` if it needs that; one warning per process if the cast loses digits.

    Args:
        layer: the name that begins the warning.
    """
    if not needs_cast(x, dtype, kinds):
        return x
    if isinstance(x, list) or _is_table(x):
        array = np.asarray(x)
        return array.astype(dtype) if array.dtype.kind in kinds else x
    if x.dtype.kind == "f" and x.dtype.itemsize > dtype.itemsize:
        _warn(layer, x.dtype, dtype)
    return x.astype(dtype)


def _is_of_numbers(x: list[Any]) -> bool:
    """Whether it is a list of numbers or arrays, or of such lists."""
    inner: Any = x
    while isinstance(inner, list) and inner:
        inner = inner[0]
    return isinstance(inner, int | float | np.number | np.ndarray)


def _is_table(x: Any) -> bool:
    own = isinstance(x, Variable | np.ndarray | np.generic)
    return not own and hasattr(x, "__array__") and not is_foreign(x)


def _warn(layer: str, dtype: np.dtype[Any], of_params: np.dtype[Any]) -> None:
    if "wide input" in warned:
        return
    warned.add("wide input")
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(
        f"{layer}: got an input in {dtype} for Parameters in {of_params}, and computes in "
        f"{of_params}; write x.astype(np.{of_params}) once for all data, or "
        f"model.astype(np.{dtype}). (This warning comes once.)",
        stacklevel=level,
    )
