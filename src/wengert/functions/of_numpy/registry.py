"""Registration of functions of NumPy by their names, and operands in the dtypes of NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.dispatch import implementations, implements
from wengert.functions.arguments import as_operand

T = TypeVar("T", bound=Callable[..., Any])


def of(*names: str, constant: bool = False) -> Callable[[T], T]:
    """Decorator: the decorated function computes NumPy's functions of these names for Variables.

    Names that the installed NumPy lacks are left out.
    """
    functions = [getattr(np, name) for name in names if hasattr(np, name)]
    return implements(*functions, constant=constant)


def cast(x: Any, dtype: Any) -> Any:
    """`x` as an operand of that dtype; unchanged for None."""
    x = as_operand(x)
    if dtype is None or x.dtype == np.dtype(dtype):
        return x
    return implementations[np.ndarray.astype](x, dtype)


def as_floats(x: Any) -> Any:
    """`x` as an operand; integers and booleans as float64."""
    x = as_operand(x)
    return x if x.dtype.kind == "f" else cast(x, np.float64)


def operands_of(ufunc: np.ufunc, *xs: Any) -> list[Any]:
    """The xs as operands, in the dtypes in which the ufunc computes them."""
    types = [type(x) if type(x) in (int, float, bool) else as_operand(x).dtype for x in xs]
    loop = ufunc.resolve_dtypes((*types, *[None] * ufunc.nout))
    return [cast(x, dtype) for x, dtype in zip(xs, loop, strict=False)]
