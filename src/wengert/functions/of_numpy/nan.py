"""Reductions that leave NaN out: elements that are NaN do not count, and have gradient 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.functions import reduce
from wengert.functions.arguments import as_operand
from wengert.functions.of_numpy import forms
from wengert.functions.of_numpy.products import cumprod
from wengert.functions.of_numpy.registry import cast, of
from wengert.functions.piecewise import where as choose_where


def _replaced(x: Any, value: Any) -> Any:
    """x, as an operand, with `value` in place of NaN."""
    x = as_operand(x)
    return choose_where(np.isnan(x), value, x) if x.dtype.kind == "f" else x


def _valid(x: Any, where: Any) -> Any:
    """The mask of the elements that count."""
    valid = np.logical_not(np.isnan(x))
    return valid if where is True else np.logical_and(valid, where)


@of("nansum")
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """np.sum without NaN."""
    return forms.sum(_replaced(a, 0), axis, dtype, keepdims, initial, where)


@of("nanprod")
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """np.prod without NaN."""
    return forms.prod(_replaced(a, 1), axis, dtype, keepdims, initial, where)


@of("nancumsum")
def nancumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """np.cumsum without NaN."""
    return forms.cumsum(_replaced(a, 0), axis, dtype)


@of("nancumprod")
def nancumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """np.cumprod without NaN."""
    return cumprod(_replaced(a, 1), axis, dtype)


@of("nanmean")
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True
) -> Any:
    """np.mean without NaN; NaN where there are no numbers."""
    x = cast(a, dtype)
    return forms.mean(x, axis, keepdims=keepdims, where=_valid(x, where))


@of("nanvar")
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """np.var without NaN; NaN where there are not more than ddof numbers."""
    x = cast(a, dtype)
    return forms.var(x, axis, None, ddof, keepdims, _valid(x, where), mean, correction)


@of("nanstd")
def nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """np.std without NaN."""
    x = cast(a, dtype)
    ddof = ddof if correction is None else correction
    return forms.std(x, axis, ddof=ddof, keepdims=keepdims, where=_valid(x, where), mean=mean)


def _extremum(
    function: Callable[..., Any],
    full: Callable[..., Any],
    limit: float,
    x: Any,
    axis: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
) -> Any:
    x = as_operand(x)
    if x.dtype.kind != "f":
        return full(x, axis, keepdims, initial, where)
    if initial is not None or where is not True:
        return full(_replaced(x, limit), axis, keepdims, initial, where)
    y = function(_replaced(x, limit), axis, keepdims=keepdims)
    return choose_where(reduce.all(np.isnan(x), axis, keepdims=keepdims), np.nan, y)


@of("nanmax")
def nanmax(
    a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """np.max without NaN; NaN where there are no numbers."""
    return _extremum(reduce.max, forms.max, -np.inf, a, axis, keepdims, initial, where)


@of("nanmin")
def nanmin(
    a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    """np.min without NaN; NaN where there are no numbers."""
    return _extremum(reduce.min, forms.min, np.inf, a, axis, keepdims, initial, where)
