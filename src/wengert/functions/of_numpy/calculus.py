"""Differences, derivatives and integrals of sampled functions; interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.functions import reduce
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axes, checked_axis
from wengert.functions.index import take
from wengert.functions.join import concatenate
from wengert.functions.of_numpy.registry import as_floats, cast, of
from wengert.functions.piecewise import floor, where
from wengert.functions.shape import broadcast_to, flatten, reshape


def part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """x[start:stop] along an axis."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


# ---- Differences ----


@of("diff")
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The n-th differences of neighbours along an axis; of booleans, whether they differ."""
    if integer("diff", "n", n, 0) == 0:
        return a
    x: Any = as_operand(a)
    axis = checked_axis("diff", axis, x.shape)
    ends = [_slices(end, x, axis) for end in (prepend, append)]
    pieces = [piece for piece in (ends[0], x, ends[1]) if piece is not None]
    if len(pieces) > 1:
        x = concatenate(pieces, axis)
    for _ in range(n):
        later, earlier = part(x, axis, 1, None), part(x, axis, None, -1)
        x = np.not_equal(later, earlier) if x.dtype == np.bool_ else later - earlier
    return x


def _slices(end: Any, x: Any, axis: int) -> Any:
    """What `diff` puts before or after x; a number as a slice of x."""
    if end is None or end is np._NoValue:
        return None
    end = as_operand(end)
    if end.ndim == 0:
        end = broadcast_to(end, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    return end


@of("ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of neighbours in the flattened x, between `to_begin` and `to_end`."""
    x: Any = flatten(as_operand(ary))
    pieces = [x[1:] - x[:-1]]
    if to_begin is not None:
        pieces.insert(0, cast(flatten(as_operand(to_begin)), x.dtype))
    if to_end is not None:
        pieces.append(cast(flatten(as_operand(to_end)), x.dtype))
    return concatenate(pieces) if len(pieces) > 1 else pieces[0]


@of("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slope of f along each axis, by central differences, and one-sided ones at the ends.

    `varargs` are the distances of the samples: one for all axes, or for each axis a number or its
    coordinates. Of several axes, the slopes are a tuple.
    """
    y = as_floats(f)
    axes = tuple(range(y.ndim)) if axis is None else checked_axes("gradient", axis, y.shape)
    steps = list(varargs) or [1.0]
    if len(steps) == 1 and np.ndim(steps[0]) == 0:
        steps *= len(axes)
    if len(steps) != len(axes):
        raise TypeError(
            f"gradient: got {len(steps)} distances for {len(axes)} axes, needed one each"
        )
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: got edge_order {edge_order}, needed 1 or 2")
    slopes = [_slope(y, h, a, edge_order) for h, a in zip(steps, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(y: Any, h: Any, axis: int, edge_order: int) -> Any:
    n = y.shape[axis]
    if n < edge_order + 1:
        raise ValueError(
            f"gradient: got shape {y.shape}, needed {edge_order + 1} samples along axis {axis}"
        )
    if np.ndim(h) > 1 or (np.ndim(h) == 1 and np.shape(h) != (n,)):
        raise ValueError(
            f"gradient: got coordinates {np.shape(h)} for axis {axis} of shape {y.shape}, "
            f"needed ({n},)"
        )
    if np.ndim(h) == 0:
        widths = broadcast_to(as_operand(h), (n - 1,))
    else:
        widths = as_operand(h)[1:] - as_operand(h)[:-1]
    widths = reshape(cast(widths, y.dtype), (n - 1,) + (1,) * (y.ndim - 1 - axis))
    slopes = (part(y, axis, 1, None) - part(y, axis, None, -1)) / widths
    left, right = slopes[_at(axis, slice(None, -1))], slopes[_at(axis, slice(1, None))]
    before, after = widths[:-1], widths[1:]
    # the mean of the two neighbouring slopes, each weighted by the distance of the other
    inner = (left * after + right * before) / (before + after)
    if edge_order == 1:
        first, last = part(slopes, axis, None, 1), part(slopes, axis, -1, None)
    else:
        first = _edge(part(slopes, axis, 0, 1), part(slopes, axis, 1, 2), widths[:1], widths[1:2])
        last = _edge(
            part(slopes, axis, -1, None),
            part(slopes, axis, n - 3, n - 2),
            widths[-1:],
            widths[-2:-1],
        )
    return concatenate([first, inner, last], axis)


def _at(axis: int, key: slice) -> tuple[slice, ...]:
    return (slice(None),) * axis + (key,)


def _edge(near: Any, far: Any, near_width: Any, far_width: Any) -> Any:
    """The slope at an end, of the parabola through three samples."""
    return near + (near - far) * (near_width / (near_width + far_width))


# ---- Integrals ----


@of("trapezoid", "trapz")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of y by the trapezoidal rule, over the coordinates x or the distance dx."""
    y = as_operand(y)
    positive = checked_axis("trapezoid", axis, y.shape)
    if x is not None:
        x = as_operand(x)
        dx = diff(x, axis=axis if x.ndim != 1 else 0)
        if x.ndim == 1:
            dx = reshape(dx, (-1,) + (1,) * (y.ndim - 1 - positive))
    sums = part(y, positive, 1, None) + part(y, positive, None, -1)
    return reduce.sum(dx * sums / 2.0, axis)


# ---- Interpolation ----


@of("interp")
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None
) -> Any:
    """Linear interpolation at x between the points (xp, fp), xp ascending.

    Beyond the points, it is `left` and `right`; by default, the first and the last of fp. It has
    derivatives in x, xp and fp; at a point, the slope to its right is that of x.
    """
    x, xp, fp = cast(x, np.float64), cast(xp, np.float64), cast(fp, np.float64)  # (as NumPy does)
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ValueError(
            f"interp: got xp {xp.shape} and fp {fp.shape}, needed two vectors of one size"
        )
    if period is not None:
        if period == 0:
            raise ValueError("interp: got period 0, needed another number")
        left = right = None
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
    n = xp.size
    i = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, max(n - 2, 0))
    first, last = xp[0], xp[-1]
    if n == 1:
        y = broadcast_to(fp[0], x.shape)
    else:
        x0, x1, y0, y1 = [take(p, k) for p in (xp, fp) for k in (i, i + 1)]
        inside = np.logical_and(np.greater_equal(x, first), np.less_equal(x, last))
        # (outside, the slope is not computed: it may overflow)
        t = where(inside, (where(inside, x, x0) - x0) / where(np.equal(x0, x1), 1, x1 - x0), 0)
        y = where(np.equal(x, last), fp[-1], y0 + t * (y1 - y0))
    y = where(np.less(x, first), fp[0] if left is None else left, y)
    y = where(np.greater(x, last), fp[-1] if right is None else right, y)
    return where(np.isnan(x), x, y)


@of("unwrap")
def unwrap(
    p: Any, discont: float | None = None, axis: int = -1, *, period: float = 6.283185307179586
) -> Any:
    """x with multiples of the period added, so that neighbours differ by at most half of it."""
    x = as_operand(p)
    axis = checked_axis("unwrap", axis, x.shape)
    if x.dtype.kind != "f" and float(period) != int(period):
        x = as_floats(x)
    steps: Any = diff(x, axis=axis)
    half = period / 2
    turns = floor((steps + half) / period)
    # at exactly half a period upwards, the difference stays positive, as in NumPy
    upwards = np.logical_and(np.equal(steps + half, turns * period), np.greater(steps, 0))
    turns = where(upwards, turns - 1, turns)
    turns = where(np.less(np.abs(steps), half if discont is None else discont), 0, turns)
    later = part(x, axis, 1, None) + cast(-period * np.cumsum(turns, axis), x.dtype)
    return concatenate([part(x, axis, None, 1), later], axis)
