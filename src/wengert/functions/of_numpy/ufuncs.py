"""Calls of ufuncs with options, and of their methods: np.add.reduce, np.subtract.outer, …

`reduce` and `accumulate` are the functions that NumPy has for them, such as np.sum; for other
ufuncs, they are computed step by step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from wengert import dispatch, refusals
from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.core import Variable
from wengert.dispatch import implementations, ufuncs
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.cumulative import cummax, cummin
from wengert.functions.of_numpy.registry import cast
from wengert.functions.reduce import logsumexp

# np.add.reduce(x, axis) = np.sum(x, axis)
REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
ACCUMULATIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.cumsum,
    np.multiply: np.cumprod,
    np.maximum: cummax,
    np.minimum: cummin,
}


def ufunc_call(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """A call of a ufunc, or of one of its methods.

    Raises:
        TypeError: the ufunc, the method, or an option is not recorded.
    """
    if "out" in options and options.get("where", True) is not True:
        _refuse(ufunc, method, options, _instead_of(ufunc, options))
    if "out" in options:
        _refuse(
            ufunc,
            method,
            options,
            "nothing can be written into an array here: use y = x + ..., not y += ...",
        )
    if method == "at":
        hint = "it writes in place; use wg.functions.scatter_add, or x.data"
        _refuse(ufunc, method, options, hint)
    if ufunc not in implementations and ufunc not in ufuncs:
        hint = refusals.hint(ufunc)
        hint = hint or "compose it from wengert.functions, or pass x.data to leave the graph"
        _refuse(ufunc, method, options, hint)
    if ufunc.nout != 1 and method != "__call__":
        raise ValueError(f"np.{ufunc.__name__}.{method}: needed a function of one result")
    run: Callable[..., Any] = _METHODS[method]
    return run(ufunc, *inputs, **options)


def _call(ufunc: np.ufunc, *inputs: Any, **options: Any) -> Any:
    dtype = options.pop("dtype", None)
    if options.get("where") is True:
        del options["where"]
    for option, without_effect in (("casting", "same_kind"), ("order", "K"), ("subok", True)):
        if options.get(option, without_effect) == without_effect:
            options.pop(option, None)
    function = implementations.get(ufunc)
    if options and (ufunc.signature is None or not _takes(function, options)):
        _refuse(ufunc, "__call__", options, _instead_of(ufunc, options))
    if dtype is not None:
        inputs = tuple([_as_type(ufunc, x, np.dtype(dtype)) for x in inputs])
    if function is not None:
        return function(*inputs, **options)
    return ufuncs[ufunc]()(*inputs)


def _takes(function: Callable[..., Any] | None, options: dict[str, Any]) -> bool:
    return function is not None and options.keys() <= inspect.signature(function).parameters.keys()


def _instead_of(ufunc: np.ufunc, options: dict[str, Any]) -> str:
    if "where" in options:
        return f"use np.where(mask, np.{ufunc.__name__}(x), 0); its gradient is 0 outside the mask"
    if "axes" in options or "axis" in options:
        return f"use np.moveaxis before np.{ufunc.__name__}"
    return f"use plain np.{ufunc.__name__}(x)"


def _as_type(ufunc: np.ufunc, x: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "b" or isinstance(x, bool | int | float):
        return x
    x = as_operand(x)
    if not np.can_cast(x.dtype, dtype, "same_kind"):
        raise TypeError(
            f"np.{ufunc.__name__}: got {x.dtype} and dtype={dtype}, needed a dtype of the same "
            f"kind; use x.astype({dtype})"
        )
    return cast(x, dtype)


def _reduce(
    ufunc: np.ufunc,
    x: Any,
    axis: Any = 0,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    if ufunc in REDUCTIONS:
        options: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
        if dtype is not None and ufunc in (np.add, np.multiply):
            options["dtype"] = dtype
        if initial is not None:
            options["initial"] = initial
        if where is not True:
            options["where"] = where
        return REDUCTIONS[ufunc](x, **options)
    x = cast(x, dtype)
    if ufunc is np.logaddexp and initial is None and where is True:
        return logsumexp(x, axis, keepdims=keepdims)
    if where is not True:
        if ufunc.identity is None:
            _refuse(ufunc, "reduce", {"where": where}, "use np.where and x.data")
        x = np.where(where, x, ufunc.identity)
    with np.errstate(all="ignore"):  # its errors and the shape of the result are NumPy's
        expected = ufunc.reduce(as_array(x), axis=axis, keepdims=keepdims)
    axes = tuple(range(x.ndim)) if axis is None else checked_axes("reduce", axis, x.shape)
    rows = np.moveaxis(x, axes, tuple(range(len(axes))))
    rows = np.reshape(rows, (-1, *rows.shape[len(axes) :]))
    steps = list(rows) if initial is None else [initial, *rows]
    if not steps:
        return Variable(np.asarray(expected), requires_grad=False)
    y = steps[0]
    for step in steps[1:]:
        y = ufunc(y, step)
    return np.reshape(y, np.shape(expected))


def _accumulate(ufunc: np.ufunc, x: Any, axis: int = 0, dtype: Any = None) -> Any:
    x = cast(x, dtype)
    if ufunc in ACCUMULATIONS:
        return ACCUMULATIONS[ufunc](x, axis)
    axis = checked_axis("accumulate", axis, x.shape)
    rows = list(np.moveaxis(x, axis, 0))
    if not rows:
        return x
    for i in range(1, len(rows)):
        rows[i] = ufunc(rows[i - 1], rows[i])
    return np.stack(rows, axis)


def _outer(ufunc: np.ufunc, x0: Any, x1: Any, **options: Any) -> Any:
    left = as_operand(x0)
    return ufunc(np.reshape(left, left.shape + (1,) * np.ndim(x1)), x1, **options)


def _reduceat(ufunc: np.ufunc, x: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    x = as_operand(x)
    axis = checked_axis("reduceat", axis, x.shape)
    rows = np.moveaxis(x, axis, 0)
    starts = [integer("reduceat", "indices", i) for i in as_array(indices).tolist()]
    pieces = []
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        if not 0 <= start < len(rows):
            raise IndexError(f"reduceat: got index {start}, needed 0 ≤ index < {len(rows)}")
        piece = rows[start:end] if start < end else rows[start : start + 1]
        pieces.append(_reduce(ufunc, piece, 0, dtype))
    return np.moveaxis(np.stack(pieces), 0, axis)


def _refuse(ufunc: np.ufunc, method: str, options: dict[str, Any], hint: str) -> NoReturn:
    call = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    given = f" with {', '.join(options)}" if options else ""
    raise TypeError(f"{call}{given} is not recorded for Variables; {hint}")


_METHODS: dict[str, Callable[..., Any]] = {
    "__call__": _call,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "reduceat": _reduceat,
}
dispatch.ufunc_call = ufunc_call
