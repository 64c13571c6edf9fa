"""Convolutions and correlations of vectors; padding with the rarer modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import Function
from wengert.dispatch import in_full
from wengert.functions import reduce
from wengert.functions.arguments import as_operand
from wengert.functions.join import concatenate, flip
from wengert.functions.join import pad as simple_pad
from wengert.functions.linalg import tensordot
from wengert.functions.of_numpy.calculus import part
from wengert.functions.of_numpy.constants import constant_of
from wengert.functions.of_numpy.registry import of
from wengert.functions.of_numpy.statistics import median
from wengert.functions.precision import HALF, SINGLE
from wengert.functions.shape import moveaxis, repeat


class Convolve(Function):
    """y[k] = Σ x0[i] x1[k - i], of all k;  the gradients are correlations, which are convolutions
    with one vector reversed, cut to the size of the other.
    """

    def forward(self, x0, x1):
        if x0.dtype == x1.dtype == HALF:
            return np.convolve(x0.astype(SINGLE), x1.astype(SINGLE)).astype(HALF)
        return np.convolve(x0, x1)

    def backward(self, gy):
        x0, x1 = self.xs
        need0, need1 = self.needs
        m, n = x0.shape[0], x1.shape[0]
        gx0 = Convolve()(gy, np.flip(x1, 0))[n - 1 : n - 1 + m] if need0 else None
        gx1 = Convolve()(gy, np.flip(x0, 0))[m - 1 : m - 1 + n] if need1 else None
        return gx0, gx1

    @staticmethod
    def samples(rng):
        for m, n in [(5, 3), (2, 4), (1, 1)]:
            yield rng.normal(size=m), rng.normal(size=n)


def _vectors(name: str, x0: Any, x1: Any) -> tuple[Any, Any]:
    x0, x1 = [x if x.ndim else x[np.newaxis] for x in (as_operand(x0), as_operand(x1))]
    if x0.ndim != 1 or x1.ndim != 1 or not x0.size or not x1.size:
        raise ValueError(
            f"{name}: got shapes {x0.shape} and {x1.shape}, needed two vectors with elements"
        )
    return x0, x1


def _cut(name: str, y: Any, long: int, short: int, mode: str) -> Any:
    """The part of a full convolution for a mode of NumPy."""
    if mode == "full":
        return y
    if mode == "valid":
        return y[short - 1 : long]
    if mode == "same":
        start = (short - 1) // 2
        return y[start : start + long]
    raise ValueError(f"{name}: got mode {mode!r}, needed 'full', 'same' or 'valid'")


@of("convolve")
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """y[k] = Σ a[i] v[k - i]; the whole of it, or the part where the vectors overlap."""
    a, v = _vectors("convolve", a, v)
    if v.size > a.size:
        a, v = v, a
    return _cut("convolve", Convolve()(a, v), a.size, v.size, mode)


@of("correlate")
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """y[k] = Σ a[k + i] v[i], for the positions k of the mode."""
    a, v = _vectors("correlate", a, v)
    if a.size >= v.size:
        return _cut("correlate", Convolve()(a, flip(v, 0)), a.size, v.size, mode)
    # NumPy exchanges them, and reverses the result
    y = _cut("correlate", Convolve()(v, flip(a, 0)), v.size, a.size, mode)
    return flip(y, 0)


# ---- Padding ----

_STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": reduce.max,
    "mean": reduce.mean,
    "median": median,
    "minimum": reduce.min,
}


@in_full(np.pad)
def pad(
    array: Any,
    pad_width: Any,
    mode: str = "constant",
    *,
    constant_values: Any = 0,
    end_values: Any = 0,
    stat_length: Any = None,
    reflect_type: str = "even",
) -> Any:
    """np.pad with all of its modes but "empty" and functions."""
    x: Any = as_operand(array)
    if x.dtype.kind != "f" and mode in (*_STATISTICS, "linear_ramp"):  # rounded to integers
        options = {"end_values": end_values} if mode == "linear_ramp" else {}
        if mode in _STATISTICS and stat_length is not None:
            options["stat_length"] = stat_length
        return constant_of("pad", x, pad_width, mode, **options)
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - x.ndim, 0)) for i in range(x.ndim)]
        pad_width = [(n, n) if np.ndim(n) == 0 else n for n in pad_width]
    widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))
    if mode == "constant":
        if np.ndim(constant_values) == 0:
            return simple_pad(x, pad_width, mode, constant_values)
        zeros = np.zeros(x.shape, x.dtype)
        return simple_pad(x, pad_width) + np.pad(zeros, pad_width, constant_values=constant_values)
    if mode in _STATISTICS:
        lengths = np.broadcast_to(
            np.asarray(max(x.shape, default=1) if stat_length is None else stat_length), (x.ndim, 2)
        )
        for axis in range(x.ndim):
            x = _with_statistics(x, axis, widths[axis], lengths[axis], _STATISTICS[mode])
        return x
    if mode == "linear_ramp" or (mode in ("reflect", "symmetric") and reflect_type == "odd"):
        ends = np.broadcast_to(np.asarray(end_values), (x.ndim, 2))
        for axis in range(x.ndim):
            options = (
                {"end_values": tuple(ends[axis].tolist())}
                if mode == "linear_ramp"
                else {"reflect_type": "odd"}
            )
            x = _affinely(x, axis, widths[axis], mode, options)
        return x
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(
            f"pad: got mode {mode!r}, needed 'constant', 'edge', 'linear_ramp', 'maximum', 'mean', "
            f"'median', 'minimum', 'reflect', 'symmetric' or 'wrap'"
        )
    if reflect_type != "even":
        raise ValueError(f"pad: got reflect_type {reflect_type!r}, needed 'even' or 'odd'")
    return simple_pad(x, pad_width, mode)


def _with_statistics(
    x: Any, axis: int, width: Any, length: Any, statistic: Callable[..., Any]
) -> Any:
    n = x.shape[axis]
    before, after = [
        statistic(piece, axis, keepdims=True)
        for piece in (
            part(x, axis, None, min(int(length[0]), n)),
            part(x, axis, n - min(int(length[1]), n), None),
        )
    ]
    return concatenate(
        [repeat(before, int(width[0]), axis), x, repeat(after, int(width[1]), axis)], axis
    )


def _affinely(x: Any, axis: int, width: Any, mode: str, options: dict[str, Any]) -> Any:
    """Padding that is a matrix times x, plus a constant: what NumPy makes of unit vectors."""
    n, (a, b) = x.shape[axis], width.tolist()
    pad_of: Any = np.pad
    constant = pad_of(np.zeros(n), (a, b), mode, **options)
    unit = np.stack([pad_of(row, (a, b), mode, **options) - constant for row in np.eye(n)], 1)
    pieces = [x]
    for rows in (slice(None, a), slice(a + n, None)):
        matrix, offset = unit[rows].astype(x.dtype), constant[rows].astype(x.dtype)
        offset = offset.reshape((-1,) + (1,) * (x.ndim - 1))
        piece = moveaxis(tensordot(matrix, x, ((1,), (axis,))) + offset, 0, axis)
        pieces.insert(0 if rows.start is None else len(pieces), piece)
    return concatenate(pieces, axis)
