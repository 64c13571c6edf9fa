"""Arrays built from numbers, vectors and smaller arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import boolean, integer
from wengert.arrays import as_array
from wengert.functions.arguments import as_operand
from wengert.functions.arithmetic import mul
from wengert.functions.arithmetic import pow as power
from wengert.functions.axes import checked_axis
from wengert.functions.index import GetItemGrad
from wengert.functions.join import concatenate, stack
from wengert.functions.linalg import diagonal
from wengert.functions.of_numpy.registry import cast, of
from wengert.functions.piecewise import floor, sign
from wengert.functions.shape import broadcast_to, expand_dims, flatten, moveaxis, reshape


@of("diag")
def diag(v: Any, k: int = 0) -> Any:
    """A matrix with the vector v on diagonal k; or the diagonal of a matrix."""
    ndim = np.ndim(v)
    if ndim == 2:
        return diagonal(v, k)
    if ndim != 1:
        raise ValueError(f"diag: got shape {np.shape(v)}, needed one or two axes")
    k = integer("diag", "k", k)
    v = as_operand(v)
    n = v.size + abs(k)
    steps = np.arange(v.size)
    return GetItemGrad(("array", "array"), (n, n))(v, steps + max(-k, 0), steps + max(k, 0))


@of("diagflat")
def diagflat(v: Any, k: int = 0) -> Any:
    """A matrix with the flattened v on diagonal k."""
    return diag(flatten(as_operand(v)), k)


@of("kron")
def kron(a: Any, b: Any) -> Any:
    """The Kronecker product: each element of a times the whole of b, as blocks."""
    a, b = as_operand(a), as_operand(b)
    ndim = max(a.ndim, b.ndim)
    shape0 = (1,) * (ndim - a.ndim) + a.shape
    shape1 = (1,) * (ndim - b.ndim) + b.shape
    left = reshape(a, [m for n in shape0 for m in (n, 1)])
    right = reshape(b, [m for n in shape1 for m in (1, n)])
    return reshape(mul(left, right), [m * n for m, n in zip(shape0, shape1, strict=True)])


@of("vander")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """A matrix whose columns are the powers of the vector x, the highest first."""
    x = as_operand(x)
    if x.ndim != 1:
        raise ValueError(f"vander: got shape {x.shape}, needed one axis")
    n = x.size if N is None else integer("vander", "N", N, 0)
    x = cast(x, np.promote_types(x.dtype, int))
    if n == 0:
        return np.zeros((x.size, 0), x.dtype, like=x)
    columns = [np.ones_like(x)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    return stack(columns if increasing else columns[::-1], 1)


# ---- Sequences between two numbers ----


@of("linspace")
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` numbers from start to stop at equal distances, along a new axis."""
    n = integer("linspace", "num", num, 0)
    endpoint = boolean("linspace", "endpoint", endpoint)
    kind = _float_type(start, stop)
    start, stop = cast(start, kind), cast(stop, kind)
    divisions = n - 1 if endpoint else n
    difference = stop - start
    step = difference / divisions if divisions > 0 else difference * np.nan
    shape = np.broadcast_shapes(start.shape, stop.shape)
    positions = np.arange(n, dtype=kind).reshape((n,) + (1,) * len(shape))
    if divisions > 0:
        y = start + expand_dims(step, 0) * positions
        if endpoint and n > 1:
            y = concatenate([y[:-1], expand_dims(broadcast_to(stop, shape), 0)])
    else:
        y = start + expand_dims(difference, 0) * positions
    return _finished(y, axis, dtype, step if retstep else None)


def _finished(y: Any, axis: int, dtype: Any, step: Any = None) -> Any:
    """`y` with its first axis moved, and in the dtype: rounded down to integers."""
    if dtype is not None and np.dtype(dtype).kind in "iu":
        y = floor(y)
    y = cast(moveaxis(y, 0, axis) if axis else y, dtype)
    return y if step is None else (y, step)


def _float_type(*xs: Any) -> np.dtype[Any]:
    """The dtype of float numbers between these."""
    types = [x if type(x) in (int, float) else as_operand(x).dtype for x in xs]
    return np.result_type(*types, 1.0)


@of("logspace")
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """base^start to base^stop, at equal distances of the exponents."""
    ndim = max(np.ndim(start), np.ndim(stop), np.ndim(base))
    if np.ndim(base):
        start, stop = [reshape(x, (1,) * (ndim - np.ndim(x)) + np.shape(x)) for x in (start, stop)]
    exponents = linspace(start, stop, num, endpoint)
    return _finished(power(base, exponents), axis, dtype)


@of("geomspace")
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Numbers from start to stop at equal ratios. Both have the same sign.

    Raises:
        ValueError: a number is 0, or the signs differ.
    """
    kind = np.result_type(_float_type(start, stop), np.float64)
    start, stop = cast(start, kind), cast(stop, kind)
    signs = np.sign(as_array(start)) * np.sign(as_array(stop))
    if np.any(signs <= 0):
        raise ValueError("geomspace: needed numbers of the same sign, not 0, for real results")
    n = integer("geomspace", "num", num, 0)
    exponents = linspace(np.log10(np.abs(start)), np.log10(np.abs(stop)), n, endpoint)
    y = power(10.0, exponents) * sign(start)
    shape = np.broadcast_shapes(start.shape, stop.shape)
    ends = [expand_dims(broadcast_to(x, shape), 0) for x in (start, stop)]
    if n > 1 and endpoint:
        y = concatenate([ends[0], y[1:-1], ends[1]])
    elif n > 0:
        y = concatenate([ends[0], y[1:]])
    return _finished(y, checked_axis("geomspace", axis, y.shape), dtype)
