"""New arrays with the shape and dtype of another array; for a Variable, they are constants."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays import DTypeLike, as_array
from wengert.core import Variable
from wengert.dispatch import implements
from wengert.functions.types import Input, X

__all__ = ["empty_like", "full_like", "ones_like", "zeros_like"]


# fmt: off
@implements(np.zeros_like, constant=True)
def zeros_like(x: Input[X], dtype: DTypeLike | None = None, *, shape: Any = None) -> X:
    """Zeros, by default with the shape and dtype of x."""
    return _constant(np.zeros_like(as_array(x), dtype, shape=shape), x)

@implements(np.ones_like, constant=True)
def ones_like(x: Input[X], dtype: DTypeLike | None = None, *, shape: Any = None) -> X:
    """Ones, by default with the shape and dtype of x."""
    return _constant(np.ones_like(as_array(x), dtype, shape=shape), x)

@implements(np.empty_like, constant=True)
def empty_like(x: Input[X], dtype: DTypeLike | None = None, *, shape: Any = None) -> X:
    """An uninitialized array, by default with the shape and dtype of x."""
    return _constant(np.empty_like(as_array(x), dtype, shape=shape), x)
# fmt: on


@implements(np.full_like, constant=True)
def full_like(
    x: Input[X],
    fill_value: float | np.ndarray,
    dtype: DTypeLike | None = None,
    *,
    shape: Any = None,
) -> X:
    """An array of `fill_value`, by default with the shape and dtype of x.

    Raises:
        TypeError: `fill_value` is a Variable, which would get no gradient.
    """
    if isinstance(fill_value, Variable):
        raise TypeError(
            "full_like: got a Variable as fill_value, needed a number (the result is a constant); "
            "use np.broadcast_to(v, x.shape), which has a gradient, or pass v.data"
        )
    return _constant(np.full_like(as_array(x), fill_value, dtype, shape=shape), x)


def _constant(array: np.ndarray, x: Input[X]) -> Any:
    """The array, as a constant if x is a Variable."""
    return Variable(array, requires_grad=False) if isinstance(x, Variable) else array


def _like_a_variable(create: Callable[..., Any]) -> Callable[..., Variable]:
    """The implementation of `create(..., like=variable)`."""

    @functools.wraps(create)
    def constant(*args: Any, **kwargs: Any) -> Variable:
        return Variable(create(*args, **kwargs), requires_grad=False)

    return constant


for _create in (np.zeros, np.ones, np.full, np.empty, np.eye, np.identity, np.tri, np.arange):
    implements(_create, constant=True)(_like_a_variable(_create))
