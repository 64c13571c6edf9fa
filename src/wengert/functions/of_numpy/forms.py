"""NumPy's reductions and others with all of its options: dtype, initial, where, mean, order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arguments import integers
from wengert.arrays import as_array
from wengert.dispatch import implementations, in_full
from wengert.functions import join, reduce
from wengert.functions import shape as shapes
from wengert.functions.arguments import as_operand
from wengert.functions.index import take as take_at
from wengert.functions.of_numpy.registry import cast
from wengert.functions.piecewise import where as choose_where
from wengert.functions.precision import in_float


def _selected(x: Any, where: Any, value: Any) -> Any:
    """`x`, with `value`, which does not count, where the mask is false."""
    if where is True:
        return x
    x = as_operand(x)
    return choose_where(
        where,
        np.broadcast_to(x, np.broadcast_shapes(x.shape, np.shape(where))),
        np.asarray(value, x.dtype),
    )


@in_full(np.sum)
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """np.sum."""
    y = reduce.sum(_selected(cast(a, dtype), where, 0), axis, keepdims=keepdims)
    return y if initial is None else y + cast(initial, as_array(y).dtype)


@in_full(np.prod)
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """np.prod."""
    y = reduce.prod(_selected(cast(a, dtype), where, 1), axis, keepdims=keepdims)
    return y if initial is None else y * cast(initial, as_array(y).dtype)


def _extremum(
    name: str, function: Callable[..., Any], limit: Callable[..., Any], least: Any
) -> Any:
    def extremum(
        a: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Any:
        if initial is None and where is not True:
            raise ValueError(f"{name}: got where without initial, needed both; pass initial too")
        x = as_operand(a)
        x = _selected(x, where, least(x.dtype))
        if initial is None:
            return function(x, axis, keepdims=keepdims)
        axes = range(x.ndim) if axis is None else np.atleast_1d(axis)
        if any(x.shape[i] == 0 for i in axes):
            return np.full_like(reduce.sum(x, axis, keepdims=keepdims), initial, x.dtype)
        return limit(function(x, axis, keepdims=keepdims), cast(initial, x.dtype))

    extremum.__name__ = name
    return extremum


def _lowest(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "b":
        return False
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _highest(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "b":
        return True
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


max = in_full(np.max, np.amax)(_extremum("max", reduce.max, np.maximum, _lowest))
min = in_full(np.min, np.amin)(_extremum("min", reduce.min, np.minimum, _highest))


def _count(x: Any, where: Any, axis: Any, keepdims: bool) -> Any:
    """How many elements the mask selects along the axis; NaN for none."""
    shape = np.broadcast_shapes(x.shape, np.shape(where))
    mask = shapes.broadcast_to(cast(where, x.dtype), shape)
    count = reduce.sum(mask, axis, keepdims=keepdims)
    return choose_where(np.greater(count, 0), count, np.nan)


@in_full(np.mean)
@in_float("a")
def mean(
    a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, where: Any = True
) -> Any:
    """np.mean."""
    x = cast(a, dtype)
    if where is True:
        return reduce.mean(x, axis, keepdims=keepdims)
    x = x if x.dtype.kind == "f" else cast(x, np.float64)
    total = reduce.sum(_selected(x, where, 0), axis, keepdims=keepdims)
    return total / _count(x, where, axis, keepdims)


@in_full(np.var)
@in_float("a")
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """np.var; `correction` is another name of ddof, `mean` a known mean, with keepdims."""
    if correction is not None:
        if ddof:
            raise ValueError("var: got ddof and correction, needed one of them")
        ddof = correction
    x = cast(a, dtype)
    if where is True and mean is None:
        return reduce.var(x, axis, ddof=ddof, keepdims=keepdims)
    x = x if x.dtype.kind == "f" else cast(x, np.float64)
    if mean is None:
        mean = in_full_mean(x, axis, keepdims=True, where=where)
    count = _count(x, where, axis, keepdims) - ddof
    squares = np.square(_selected(x - mean, where, 0))
    divisor = choose_where(np.greater(count, 0), count, np.nan)
    return reduce.sum(squares, axis, keepdims=keepdims) / divisor


in_full_mean = mean


@in_full(np.std)
@in_float("a")
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """np.std, the square root of `var`; its squares neither overflow nor underflow."""
    x: Any = cast(a, dtype)
    if where is True and mean is None and correction is None:
        return reduce.std(x, axis, ddof=ddof, keepdims=keepdims)
    x = x if x.dtype.kind == "f" else cast(x, np.float64)
    scale = scale_of_squares(_selected(x, where, 0), axis)
    if scale is None:
        return root(var(x, axis, None, ddof, keepdims, where, mean, correction))
    mean = mean if mean is None else mean / scale
    y = root(var(x / scale, axis, None, ddof, True, where, mean, correction)) * scale
    return y if keepdims else np.squeeze(y, axis)


def scale_of_squares(x: Any, axis: Any) -> np.ndarray | None:
    """Powers of 2 near the largest |x| along `axis`, which is kept; None if no square needs one."""
    values = as_array(x)
    limit = np.finfo(values.dtype).maxexp
    size = np.max(np.absolute(values), axis=axis, keepdims=True, initial=0)
    exponent = np.frexp(size)[1]
    used = np.isfinite(size) & (np.absolute(exponent) > limit // 4)
    if not used.any():
        return None
    limit = 3 * limit // 4
    return np.ldexp(values.dtype.type(1), np.where(used, np.clip(exponent, -limit, limit), 0))


def root(x: Any) -> Any:
    """√x, whose derivative at 0 is defined as 0."""
    zero = np.equal(x, 0)
    return choose_where(zero, 0, np.sqrt(choose_where(zero, 1, x)))


@in_full(np.any)
def any_true(a: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    """np.any."""
    return reduce.any(_selected(a, where, False), axis, keepdims=keepdims)


@in_full(np.all)
def all_true(a: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    """np.all."""
    return reduce.all(_selected(a, where, True), axis, keepdims=keepdims)


@in_full(np.cumsum)
def cumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """np.cumsum."""
    return reduce.cumsum(cast(a, dtype), axis)


@in_full(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """np.trace."""
    return implementations[np.trace](cast(a, dtype), offset, axis1, axis2)


# ---- Joining with a dtype, other orders ----


@in_full(np.concatenate)
def concatenate(arrays: Any, axis: int | None = 0, dtype: Any = None) -> Any:
    """np.concatenate."""
    return cast(join.concatenate(arrays, axis), dtype)


@in_full(np.stack)
def stack(arrays: Any, axis: int = 0, dtype: Any = None) -> Any:
    """np.stack."""
    return cast(join.stack(arrays, axis), dtype)


@in_full(np.hstack)
def hstack(tup: Any, dtype: Any = None) -> Any:
    """np.hstack."""
    return cast(join.hstack(tup), dtype)


@in_full(np.vstack)
def vstack(tup: Any, dtype: Any = None) -> Any:
    """np.vstack."""
    return cast(join.vstack(tup), dtype)


def _by_columns(name: str, order: str) -> bool:
    """Whether `order`, of NumPy, reads the elements column by column.

    Raises:
        ValueError: the order depends on the layout in memory.
    """
    if order not in ("C", "F"):
        raise ValueError(
            f"{name}: got order {order!r}, which depends on the layout in memory; "
            f"needed 'C', by rows, or 'F', by columns"
        )
    return order == "F"


@in_full(np.reshape)
def reshape(a: Any, shape: Any, order: str = "C", *, copy: bool | None = None) -> Any:
    """np.reshape; in order "F" the elements are read and written column by column."""
    if copy is False:
        raise ValueError("reshape: got copy=False, which is not recorded; needed None or True")
    if not _by_columns("reshape", order):
        return shapes.reshape(a, shape)
    sizes = integers("reshape", "shape", shape)
    return np.transpose(shapes.reshape(np.transpose(a), sizes[::-1]))


@in_full(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """np.ravel."""
    x = as_operand(a)
    return shapes.flatten(x.T if _by_columns("ravel", order) else x)


@in_full(np.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """np.take, with indices out of bounds for the modes "wrap" and "clip"."""
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"take: got mode {mode!r}, needed 'raise', 'wrap' or 'clip'")
    if mode != "raise":
        n = np.size(a) if axis is None else np.shape(a)[axis]
        indices = as_operand(indices)
        indices = indices % n if mode == "wrap" else np.clip(indices, 0, n - 1)
    return take_at(a, indices, axis)
