"""Reductions along axes: sums, means, products, extrema."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.core import Constant, Function, Variable
from wengert.dispatch import Axis, implements
from wengert.functions.arithmetic import mul
from wengert.functions.axes import checked_axis, reduced_axes
from wengert.functions.math import sqrt
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X

__all__ = [
    "all", "any", "argmax", "argmin", "cumsum", "logsumexp", "max", "mean", "min", "prod",
    "std", "sum", "var",
]  # fmt: skip


class Reduction(Function):
    """A Function that reduces its input along `axis`: one, several (a tuple), or all (None)."""

    def __init__(self, axis: Axis = None, keepdims: bool = False) -> None:
        self.axis = axis
        self.keepdims = keepdims

    def spread(self, gy):
        """`gy` with the reduced axes restored, with size 1."""
        if self.keepdims or self.axis is None:
            return gy if self.keepdims else np.reshape(gy, (1,) * self.xs[0].ndim)
        axes = np.atleast_1d(self.axis) % max_(1, self.xs[0].ndim)
        shape = tuple(1 if i in axes else n for i, n in enumerate(self.xs[0].shape))
        return np.reshape(gy, shape)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3, 2)),)
        yield (rng.normal(size=(2, 3, 2)),), {"axis": -2}
        yield (rng.normal(size=(2, 3, 2)),), {"axis": (0, -1), "keepdims": True}
        yield (rng.normal(size=()),)


max_ = max  # (Python's; the function `max` below hides it)


class Sum(Reduction):
    """y = Σ x,  dy/dx = 1."""

    def forward(self, x):
        return np.sum(x, axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        return np.broadcast_to(self.spread(gy), self.xs[0].shape)


class Mean(Reduction):
    """y = Σ x / n,  dy/dx = 1/n."""

    def forward(self, x):
        return np.mean(x, axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.xs
        return np.broadcast_to(self.spread(gy) * (gy.size / max_(1, x.size)), x.shape)


class Prod(Reduction):
    """y = Π x,  dy/dxᵢ = Π xⱼ over j ≠ i."""

    def forward(self, x):
        return np.prod(x, axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        if np.all(as_array(x)):
            return self.spread(gy * y) / x
        # One cannot divide by a factor of 0: multiply the others, in n² instead of n operations.
        axes = range(x.ndim) if self.axis is None else np.atleast_1d(self.axis) % x.ndim
        order = [i for i in range(x.ndim) if i not in axes] + [int(i) for i in axes]
        rows = np.transpose(x, order)
        kept = rows.shape[: x.ndim - len(axes)]
        rows = np.reshape(rows, (*kept, 1, -1))
        own = np.eye(rows.shape[-1], dtype=bool)
        others = np.prod(np.where(own, 1, rows), axis=-1)
        others = np.reshape(others, [x.shape[i] for i in order])
        return self.spread(gy) * np.transpose(others, np.argsort(order).tolist())

    @staticmethod
    def samples(rng):
        yield from Reduction.samples(rng)
        x = rng.normal(size=(2, 3, 2))
        x[0, 1, 0] = x[1, :2, 1] = 0
        yield (x,), {"axis": 1}
        yield (x,), {"axis": (-1, 0), "keepdims": True}
        yield (x[0],)


class LogSumExp(Reduction):
    """y = log Σ exp x, without overflow;  dy/dx = exp(x - y)."""

    def forward(self, x):
        if x.dtype.kind != "f":
            x = x + 0.0  # (integers have no -inf)
        top = np.max(x, axis=self.axis, keepdims=True, initial=-np.inf)
        top = np.where(np.isfinite(top), top, 0)
        with np.errstate(divide="ignore"):  # log 0 is right where all of x are -inf
            y = np.log(np.sum(np.exp(x - top), axis=self.axis, keepdims=True)) + top
        return y if self.keepdims else np.squeeze(y, axis=self.axis)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        # where y = -inf, the gradient is 0, not exp(-inf + inf)
        y = np.maximum(y, np.finfo(y.dtype).min)
        return self.spread(gy) * np.exp(x - self.spread(y))


class Extreme(Reduction):
    """The largest or smallest element gets the gradient; equal ones share it evenly."""

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        hits = np.equal(x, self.spread(y)).astype(x.dtype)
        weights = hits / np.sum(hits, axis=self.axis, keepdims=True)
        return self.spread(gy) * weights


class Max(Extreme):
    """y = the largest of x."""

    def forward(self, x):
        return np.max(x, axis=self.axis, keepdims=self.keepdims)


class Min(Extreme):
    """y = the smallest of x."""

    def forward(self, x):
        return np.min(x, axis=self.axis, keepdims=self.keepdims)


class CumSum(Function):
    """y = running sums of x along `axis`;  gx = running sums of gy from the end."""

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, x):
        return np.cumsum(x, axis=self.axis)

    def backward(self, gy):
        return np.flip(np.cumsum(np.flip(gy, self.axis), self.axis), self.axis)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=(2, 3)),), {"axis": -1}


class Selection(Constant):
    """A constant along `axis`: the index of an extremum, or whether any or all are true."""

    def __init__(self, axis: Any = None, keepdims: bool = False) -> None:
        self.axis = axis
        self.keepdims = keepdims

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),)
        yield (rng.normal(size=(2, 3)),), {"axis": -1}
        yield (rng.normal(size=(2, 3)),), {"axis": 0, "keepdims": True}


class ArgMax(Selection):
    """y = the index of the largest of x; of the first of equal ones."""

    def forward(self, x):
        return np.argmax(x, axis=self.axis, keepdims=self.keepdims)


class ArgMin(Selection):
    """y = the index of the smallest of x; of the first of equal ones."""

    def forward(self, x):
        return np.argmin(x, axis=self.axis, keepdims=self.keepdims)


class AnyTrue(Selection):
    """y = whether any of x is true."""

    def forward(self, x):
        return np.any(x, axis=self.axis, keepdims=self.keepdims)


class AllTrue(Selection):
    """y = whether all of x are true."""

    def forward(self, x):
        return np.all(x, axis=self.axis, keepdims=self.keepdims)


# ---- Public functions ----


def _checked(name: str, x: Input[X], axis: Any, *, empty: bool = True) -> tuple[Any, Axis]:
    """`x` as an operand, and the checked axes; only with `empty` may x be empty along them."""
    if not isinstance(x, Variable):
        x = as_array(x)
    axis = reduced_axes(name, axis, x.shape)
    if not empty and 0 in x.shape:
        axes = range(x.ndim) if axis is None else (axis,) if type(axis) is int else axis
        if 0 in [x.shape[i] for i in axes]:
            raise ValueError(f"{name}: got shape {x.shape}, which is empty along axis {axis}")
    return x, axis


def _one_axis(name: str, axis: Any) -> int | None:
    return axis if axis is None else integer(name, "axis", axis)


@implements(np.sum)
def sum(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = Σ x along `axis`: one axis, a tuple of axes, or all (None).

    Args:
        x: any shape.
        axis: axes to sum over; negative ones count from the end.
        keepdims: keep the reduced axes with size 1.

    Raises:
        ValueError: x has no such axis.
    """
    x, axis = _checked("sum", x, axis)
    return Sum(axis, keepdims)(x)


@implements(np.mean)
def mean(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = Σ x / n along `axis` (see `sum`)."""
    x, axis = _checked("mean", x, axis, empty=False)
    return Mean(axis, keepdims)(x)


@implements(np.var)
@in_float("x")
def var(x: Input[X], axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> X:
    """y = Σ (x - mean)² / (n - ddof) along `axis` (see `sum`).

    Raises:
        ValueError: x has no such axis, or n ≤ ddof.
    """
    checked, axis = _checked("var", x, axis, empty=False)
    middle = mean(checked, axis, keepdims=True)
    n = checked.size // max_(1, middle.size)
    if n <= ddof:
        raise ValueError(f"var: got {n} elements along axis {axis}, needed more than ddof={ddof}")
    y = mean(np.square(checked - middle), axis, keepdims=keepdims)
    return mul(y, n / (n - ddof)) if ddof else y


@implements(np.std)
@in_float("x")
def std(x: Input[X], axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> X:
    """y = √var(x) along `axis` (see `var`). It has no derivative where all x are equal."""
    return sqrt(var(x, axis, ddof=ddof, keepdims=keepdims))


@implements(np.prod)
def prod(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = Π x along `axis` (see `sum`); its derivatives are right for factors of 0 too."""
    x, axis = _checked("prod", x, axis)
    return Prod(axis, keepdims)(x)


@implements(np.max, np.amax)
def max(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = the largest of x along `axis` (see `sum`); equal ones share the gradient."""
    x, axis = _checked("max", x, axis, empty=False)
    return Max(axis, keepdims)(x)


@implements(np.min, np.amin)
def min(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = the smallest of x along `axis` (see `sum`); equal ones share the gradient."""
    x, axis = _checked("min", x, axis, empty=False)
    return Min(axis, keepdims)(x)


@in_float("x")
def logsumexp(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = log Σ exp x along `axis` (see `sum`), without overflow."""
    x, axis = _checked("logsumexp", x, axis)
    return LogSumExp(axis, keepdims)(x)


@implements(np.cumsum)
def cumsum(x: Input[X], axis: int | None = None) -> X:
    """y = running sums of x along `axis`; of the flattened x for None."""
    if axis is None:
        return CumSum(0)(np.reshape(x, (-1,)))
    return CumSum(checked_axis("cumsum", axis, np.shape(x)))(x)


@implements(np.argmax, constant=True)
def argmax(x: Input[X], axis: int | None = None, *, keepdims: bool = False) -> X:
    """y = the index of the largest of x along `axis` (in the flattened x for None), a constant."""
    x, found = _checked("argmax", x, _one_axis("argmax", axis), empty=False)
    return ArgMax(found, keepdims)(x)


@implements(np.argmin, constant=True)
def argmin(x: Input[X], axis: int | None = None, *, keepdims: bool = False) -> X:
    """y = the index of the smallest of x along `axis` (in the flattened x for None), a constant."""
    x, found = _checked("argmin", x, _one_axis("argmin", axis), empty=False)
    return ArgMin(found, keepdims)(x)


@implements(np.any, constant=True)
def any(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = whether any of x is true along `axis` (see `sum`), a constant."""
    x, axis = _checked("any", x, axis)
    return AnyTrue(axis, keepdims)(x)


@implements(np.all, constant=True)
def all(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = whether all of x are true along `axis` (see `sum`), a constant."""
    x, axis = _checked("all", x, axis)
    return AllTrue(axis, keepdims)(x)
