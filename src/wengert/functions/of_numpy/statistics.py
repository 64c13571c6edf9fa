"""Order statistics, averages, covariances, and sums over bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.core import Constant, Variable
from wengert.functions import reduce
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.index import take
from wengert.functions.join import concatenate
from wengert.functions.linalg import matmul
from wengert.functions.of_numpy.constants import constant_of
from wengert.functions.of_numpy.forms import scale_of_squares
from wengert.functions.of_numpy.registry import as_floats, cast, of
from wengert.functions.piecewise import where
from wengert.functions.precision import in_float
from wengert.functions.select import ArgSort, scatter_add
from wengert.functions.shape import broadcast_to, expand_dims, flatten, moveaxis, reshape


@of("ptp")
def ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The largest minus the smallest element."""
    return reduce.max(a, axis, keepdims=keepdims) - reduce.min(a, axis, keepdims=keepdims)


# ---- Partition, quantiles ----


@of("partition")
def partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    """x with its k-th smallest element at index k, smaller ones before it, larger ones after."""
    x = as_operand(a)
    if axis is None:
        x, axis = flatten(x), 0
    axis = checked_axis("partition", axis, x.shape)
    return np.take_along_axis(x, np.argpartition(x, kth, axis), axis)


class QuantilePositions(Constant):
    """ys = where the quantiles are among n sorted elements: index, next index, and fraction.

    n may differ from row to row. The positions are those of NumPy: of the numbers 0, 1, …, n - 1,
    the quantile is its own position.
    """

    def __init__(self, q: tuple[float, ...], method: str = "linear") -> None:
        self.q = q
        self.method = method

    def forward(self, n):
        quantile: Any = np.quantile
        positions = np.zeros((*n.shape, len(self.q)))
        for size in np.unique(n).tolist():
            if size:
                numbers = np.arange(size, dtype=float)
                positions[n == size] = quantile(numbers, self.q, method=self.method)
        low = np.floor(positions)
        high = np.minimum(low + 1, np.maximum(n[..., None] - 1, 0))
        return low.astype(np.intp), high.astype(np.intp), positions - low

    @staticmethod
    def samples(rng):
        yield (np.array([5, 3, 5]),), {"q": (0.0, 0.3, 1.0)}
        yield (np.array(4),), {"q": (0.5,), "method": "nearest"}


# Methods whose quantile is always one of the elements.
_WITHOUT_BETWEEN = {"closest_observation", "higher", "inverted_cdf", "lower", "nearest"}


@of("quantile")
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """The value below which a fraction q of the elements lies, for each q."""
    return _quantile("quantile", a, q, axis, method, keepdims, weights)


@of("percentile")
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """The quantile of q / 100."""
    return _quantile("percentile", a, np.true_divide(q, 100), axis, method, keepdims, weights)


@of("median")
def median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The middle of the sorted elements, or the mean of the two in the middle."""
    return _quantile("median", a, 0.5, axis, "linear", keepdims)


@of("nanquantile")
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """np.quantile of the elements that are not NaN."""
    return _quantile("nanquantile", a, q, axis, method, keepdims, weights, skip_nan=True)


@of("nanpercentile")
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: Any = None,
) -> Any:
    """np.percentile of the elements that are not NaN."""
    fractions = np.true_divide(q, 100)
    return _quantile("nanpercentile", a, fractions, axis, method, keepdims, weights, skip_nan=True)


@of("nanmedian")
def nanmedian(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """np.median of the elements that are not NaN."""
    return _quantile("nanmedian", a, 0.5, axis, "linear", keepdims, skip_nan=True)


def _quantile(
    name: str,
    x: Any,
    q: Any,
    axis: Any,
    method: str,
    keepdims: bool,
    weights: Any = None,
    *,
    skip_nan: bool = False,
) -> Any:
    x = as_operand(x) if method in _WITHOUT_BETWEEN else as_floats(x)
    shape = x.shape
    axes = tuple(range(x.ndim)) if axis is None else checked_axes(name, axis, shape)
    rows, kept = rows_of(x, axes)
    if isinstance(q, Variable) and (method != "linear" or skip_nan):
        raise TypeError(f"{name}: got a Variable as q, needed numbers; pass q.data")
    if rows.shape[-1] == 0:
        raise ValueError(f"{name}: got shape {shape}, which is empty along axis {axis}")
    fractions = as_array(q)
    if fractions.size and not (fractions.min() >= 0 and fractions.max() <= 1):
        limit = "100" if "percentile" in name else "1"
        raise ValueError(f"{name}: got q out of range, needed 0 ≤ q ≤ {limit}")
    if weights is not None:
        y = _weighted(name, x, fractions, axes, method, weights, rows, skip_nan)
    else:
        y = _between(rows, q, method, skip_nan)
    if not skip_nan and rows.dtype.kind == "f":
        nan = reduce.any(np.isnan(rows), -1, keepdims=True)
        y = where(nan, np.nan, y)
    y = reshape(moveaxis(y, -1, 0), (*fractions.shape, *kept))
    if keepdims:
        single = [1 if i in axes else n for i, n in enumerate(shape)]
        y = reshape(y, (*fractions.shape, *single))
    return y


def rows_of(x: Any, axes: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """x with these axes joined as the last one; and the shape of the others."""
    others = [i for i in range(x.ndim) if i not in axes]
    kept = tuple([x.shape[i] for i in others])
    size = int(np.prod([x.shape[i] for i in axes]))
    return reshape(np.transpose(x, (*others, *axes)), (*kept, size)), kept


def _between(rows: Any, q: Any, method: str, skip_nan: bool) -> Any:
    """The quantiles of each row, on the last axis."""
    n = rows.shape[-1]
    order = ArgSort(-1)(rows)
    if skip_nan:
        counts: Any = reduce.sum(np.logical_not(np.isnan(rows)), -1)
    else:
        counts = np.asarray(n)
    fractions = tuple(as_array(q).ravel().tolist())
    low, high, part = QuantilePositions(fractions, method)(counts)
    if isinstance(q, Variable):  # the position is (n - 1) q
        position: Any = flatten(q) * (n - 1)
        part = position - np.floor(position)
    elif np.ndim(q) == 0 or method in _WITHOUT_BETWEEN:
        part = cast(part, rows.dtype)
    kept = rows.shape[:-1]
    low, high = [broadcast_to(i, (*kept, len(fractions))) for i in (low, high)]
    below = np.take_along_axis(rows, np.take_along_axis(order, low, -1), -1)
    above = np.take_along_axis(rows, np.take_along_axis(order, high, -1), -1)
    # (where the fraction is 0, the next element, which may be infinite, does not count)
    flat = np.logical_and(np.equal(below, above), np.isinf(below))
    if not isinstance(q, Variable):
        flat = np.logical_or(flat, np.equal(part, 0))
    step = where(flat, 0, above) - where(flat, 0, below)
    return where(flat, below, below + step * part)


def _weighted(
    name: str,
    x: Any,
    q: np.ndarray,
    axes: tuple[int, ...],
    method: str,
    weights: Any,
    rows: Any,
    skip_nan: bool,
) -> Any:
    """Weighted quantiles: each is one of the elements, the one that NumPy takes."""
    if isinstance(weights, Variable) and weights.requires_grad:
        raise TypeError(f"{name}: got a Variable as weights, needed an array; pass weights.data")
    function = "nanquantile" if skip_nan else "quantile"
    found = constant_of(
        function, x, q.ravel(), axis=axes, method=method, weights=as_operand(weights)
    )
    found = moveaxis(reshape(found, (q.size, *rows.shape[:-1])), 0, -1)
    hits = np.equal(expand_dims(rows, -2), expand_dims(found, -1))
    indices = np.argmax(hits, -1)
    return np.take_along_axis(rows, indices, -1)


# ---- Averages and covariances ----


@of("average")
@in_float("a", "weights")
def average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """Σ w x / Σ w along `axis`; with `returned`, also Σ w."""
    x: Any = as_operand(a)
    if weights is None:
        y = reduce.mean(x, axis, keepdims=keepdims)
        total: Any = np.full(y.shape, x.size / max(1, np.size(y)), as_array(y).dtype)
        if isinstance(y, Variable):
            total = Variable(total, requires_grad=False)
        return (y, total) if returned else y
    w: Any = as_operand(weights)
    if w.shape != x.shape:
        axes = () if axis is None else checked_axes("average", axis, x.shape)
        if not axes or w.shape != tuple([x.shape[i] for i in axes]):
            raise ValueError(
                f"average: got weights {w.shape} for x {x.shape}, needed the shape of x, or its "
                f"sizes along axis"
            )
        order = np.argsort(axes).tolist()
        w = np.transpose(w, order)
        w = reshape(w, [n if i in axes else 1 for i, n in enumerate(x.shape)])
        w = broadcast_to(w, x.shape)
    if x.dtype.kind != "f":
        x = cast(x, np.result_type(x.dtype, w.dtype, np.float64))
    total = reduce.sum(w, axis, keepdims=keepdims)
    if np.any(as_array(total) == 0):
        raise ZeroDivisionError("average: got weights whose sum is 0")
    y = reduce.sum(w * x, axis, keepdims=keepdims) / total
    return (y, broadcast_to(cast(total, y.dtype), y.shape)) if returned else y


@of("cov")
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """The covariances of the rows of m, and of y; of the columns if not `rowvar`."""
    x = _variables(m, rowvar)
    if y is not None:
        x = concatenate([x, _variables(y, rowvar)], 0)
    x = cast(x, np.result_type(x.dtype, np.float64) if dtype is None else dtype)
    if ddof is None:
        ddof = 0 if bias else 1
    N = x.shape[1]
    w: Any = None
    if fweights is not None:
        w = np.asarray(as_array(fweights))
        if w.dtype.kind not in "iu" or np.any(w < 0) or w.shape != (N,):
            raise ValueError(f"cov: got fweights {w.dtype} {w.shape}, needed {N} integers ≥ 0")
        w = w.astype(x.dtype)
    if aweights is not None:
        a = cast(aweights, x.dtype)
        if a.shape != (N,) or np.any(as_array(a) < 0):
            raise ValueError(f"cov: got aweights {a.shape}, needed {N} numbers ≥ 0")
        w = a if w is None else w * a
    if w is None:
        center, total = reduce.mean(x, 1, keepdims=True), N
        factor: Any = total - ddof
    else:
        total = reduce.sum(w)
        center = expand_dims(matmul(x, w) / total, 1)
        factor = total - ddof if aweights is None else total - ddof * reduce.sum(w * a) / total
        if ddof == 0:
            factor = total
    if not np.all(as_array(factor) > 0):
        raise ValueError(f"cov: got {N} observations, needed more than ddof={ddof}")
    x = x - center
    c: Any = matmul(x if w is None else x * w, np.transpose(x)) / factor
    return np.squeeze(c)


def _variables(x: Any, rowvar: bool) -> Any:
    """x as a matrix with a row for each variable."""
    x = as_operand(x)
    if x.ndim > 2:
        raise ValueError(f"cov: got shape {x.shape}, needed at most 2 axes")
    if x.ndim < 2:
        return reshape(x, (1, -1))
    return x if rowvar or x.shape[0] == 1 else np.transpose(x)


@of("corrcoef")
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """The correlations of the rows of x, and of y: their covariances over their deviations."""
    x = _variables(x, rowvar)
    if y is not None:
        x = concatenate([x, _variables(y, rowvar)], 0)
    x = as_floats(x)
    scale = scale_of_squares(x, 1)
    c = cov(x if scale is None else x / scale, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviations = np.sqrt(np.diagonal(c))
    return np.clip(c / expand_dims(deviations, 1) / deviations, -1, 1)


# ---- Bins ----


@of("bincount")
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """How often each integer appears in x, a constant; or the sums of its weights."""
    if weights is None:
        return constant_of("bincount", x, minlength=minlength)
    indices = as_operand(x)
    w = as_operand(weights)
    if indices.ndim != 1 or w.shape != indices.shape:
        raise ValueError(
            f"bincount: got x {indices.shape} and weights {w.shape}, needed two vectors of one size"
        )
    low = as_array(indices).min(initial=0)
    if low < 0:
        raise ValueError(f"bincount: got {low}, needed integers ≥ 0")
    n = max(int(as_array(indices).max(initial=-1)) + 1, integer("bincount", "minlength", minlength))
    return scatter_add(np.zeros(n), indices, cast(w, np.float64))


@of("histogram")
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Any, Any]:
    """Counts of the elements in bins, a constant, or the sums of their weights; and the edges."""
    if not isinstance(weights, Variable):
        options = {} if weights is None else {"weights": weights}
        hist, edges = constant_of("histogram", a, bins, range, bool(density), **options)
        return hist, edges
    edges = constant_of("histogram_bin_edges", a, bins, range, weights.data)
    if np.shape(weights) != np.shape(a):
        raise ValueError(
            f"histogram: got a {np.shape(a)} and weights {weights.shape}, needed one shape"
        )
    x, n = flatten(as_operand(a)), edges.size
    (inside,) = np.nonzero(np.logical_and(x >= edges[0], x <= edges[-1]))
    bin_of = np.searchsorted(edges, take(x, inside), side="right") - 1
    bin_of = np.minimum(bin_of, n - 2)
    hist = cast(bincount(bin_of, take(flatten(weights), inside), n - 1), weights.dtype)
    if density:
        hist = hist / np.diff(edges) / reduce.sum(hist)
    return hist, edges


@of("histogramdd", constant=True)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Any, tuple[Any, ...]]:
    """Counts of points in bins, and the edges along each axis: constants."""
    options = {} if weights is None else {"weights": weights}
    hist, *edges = constant_of("histogramdd", sample, bins, range, bool(density), **options)
    return hist, tuple(edges)
