"""Choices by conditions and indices; functions applied to parts of an array."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.core import Variable
from wengert.functions.arguments import as_constant, as_operand
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.index import GetItemGrad, get_item
from wengert.functions.of_numpy.registry import cast, of
from wengert.functions.piecewise import where
from wengert.functions.shape import broadcast_to, expand_dims, moveaxis, reshape


@of("select")
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """From the first of the choices whose condition is true; `default` where none is."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            f"select: got {len(condlist)} conditions and {len(choicelist)} choices, needed "
            f"equal numbers"
        )
    for condition in condlist:
        dtype = getattr(condition, "dtype", np.asarray(as_array(condition)).dtype)
        if dtype != np.bool_:
            raise TypeError(f"select: got a condition of {dtype}, needed booleans")
    dtype = np.result_type(*[_weak(x) for x in [*choicelist, default]])
    y: Any = cast(default, dtype)
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        y = where(condition, cast(choice, dtype), y)
    return y


def _weak(x: Any) -> Any:
    return x if type(x) in (int, float, bool) else as_operand(x).dtype


@of("choose")
def choose(a: Any, choices: Any, *, mode: str = "raise") -> Any:
    """y[i] = choices[a[i]][i], for integers a; all are broadcast."""
    indices = as_constant(a)
    if indices.dtype.kind not in "iub":
        raise TypeError(f"choose: got indices of {indices.dtype}, needed integers")
    options = [as_operand(choice) for choice in choices]
    n = len(options)
    if mode == "wrap":
        indices = indices % n
    elif mode == "clip":
        indices = np.clip(indices, 0, n - 1)
    elif mode != "raise":
        raise ValueError(f"choose: got mode {mode!r}, needed 'raise', 'wrap' or 'clip'")
    values = as_array(indices)
    if values.size and not 0 <= values.min() <= values.max() < n:
        raise ValueError(f"choose: got indices out of range, needed 0 ≤ a < {n}")
    shape = np.broadcast_shapes(indices.shape, *[x.shape for x in options])
    dtype = np.result_type(*[x.dtype for x in options])
    y: Any = broadcast_to(cast(options[0], dtype), shape)
    for i in range(1, n):
        y = where(np.equal(indices, i), cast(options[i], dtype), y)
    return y


@of("piecewise")
def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Functions, each of the elements where its condition is true; the last one holds elsewhere.

    A later condition overrides an earlier one. A number stands for the constant function.
    """
    x = as_operand(x)
    if not isinstance(condlist, list | tuple) and np.ndim(condlist) == 0:
        condlist = [condlist]
    first = condlist[0]
    if not isinstance(first, list | np.ndarray | Variable) and x.ndim:
        condlist = [condlist]
    conditions = [np.not_equal(as_operand(condition), 0) for condition in condlist]
    n = len(funclist)
    if n == len(conditions) + 1:
        conditions.append(np.logical_not(functools.reduce(np.logical_or, conditions)))
    elif n != len(conditions):
        raise ValueError(
            f"piecewise: got {len(conditions)} conditions and {n} functions, needed as many, or "
            f"one function more"
        )
    y: Any = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        mask = np.broadcast_to(condition, x.shape)
        if not callable(function):
            y = where(mask, cast(function, x.dtype), y)
            continue
        indices = np.nonzero(np.atleast_1d(mask))
        chosen = get_item(np.atleast_1d(x), indices)
        if chosen.size:
            values = broadcast_to(cast(function(chosen, *args, **kw), x.dtype), chosen.shape)
            spread = GetItemGrad(("array",) * len(indices), np.atleast_1d(x).shape)
            y = where(mask, reshape(spread(values, *indices), x.shape), y)
    return y


@of("apply_along_axis")
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """`func1d` of each vector along an axis; its results take the place of that axis."""
    x = as_operand(arr)
    axis = checked_axis("apply_along_axis", axis, x.shape)
    rows = moveaxis(x, axis, -1)
    shape = rows.shape[:-1]
    vectors = reshape(rows, (-1, rows.shape[-1]))
    if not len(vectors):
        raise ValueError(f"apply_along_axis: got shape {x.shape}, which is empty")
    results = [as_operand(func1d(vector, *args, **kwargs)) for vector in vectors]
    y: Any = np.stack(results)
    y = reshape(y, (*shape, *y.shape[1:]))
    inner = y.ndim - len(shape)
    return (
        moveaxis(y, tuple(range(len(shape), y.ndim)), tuple(range(axis, axis + inner)))
        if inner
        else y
    )


@of("apply_over_axes")
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """func(x, axis) for one axis after the other; a reduced axis keeps the size 1."""
    x: Any = as_operand(a)
    for axis in checked_axes("apply_over_axes", axes, x.shape):
        y = func(x, axis)
        if np.ndim(y) == x.ndim - 1:
            y = expand_dims(y, axis)
        if np.ndim(y) != x.ndim:
            raise ValueError(
                f"apply_over_axes: func gave {np.ndim(y)} axes for {x.ndim}, needed as many, or "
                f"one less"
            )
        x = y
    return x
