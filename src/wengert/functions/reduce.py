"""Reductions along axes: sums, means, products, extrema."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.arguments import integer, number
from wengert.arrays import as_array
from wengert.core import Constant, Function, Variable
from wengert.dispatch import Axis, implements
from wengert.functions.axes import checked_axis, reduced_axes
from wengert.functions.math import shifted
from wengert.functions.precision import HALF, SINGLE, in_float
from wengert.functions.types import Input, X
from wengert.functions.weighted import weighted
from wengert.second_pass import with_zeros

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

    def backward_past_zeros(self, gy):
        gx = self.backward(gy)
        return with_zeros(gx, as_array(self.spread(gy)) == 0)

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
        if x.dtype == HALF:
            return self.forward(x.astype(SINGLE)).astype(HALF)
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
        if x.dtype == HALF:
            return self.forward(x.astype(SINGLE)).astype(HALF)
        return np.prod(x, axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        if np.all(as_array(x)) and in_range(as_array(y)):
            return self.spread(gy * y) / x
        # One cannot divide by a factor of 0, or where the product overflows or underflows.
        axes = range(x.ndim) if self.axis is None else np.atleast_1d(self.axis) % x.ndim
        order = [i for i in range(x.ndim) if i not in axes] + [int(i) for i in axes]
        rows = np.transpose(x, order)
        rows = np.reshape(rows, (*rows.shape[: x.ndim - len(axes)], -1))
        others = np.reshape(products_of_others(rows), [x.shape[i] for i in order])
        return self.spread(gy) * np.transpose(others, np.argsort(order).tolist())

    @staticmethod
    def samples(rng):
        yield from Reduction.samples(rng)
        x = rng.normal(size=(2, 3, 2))
        x[0, 1, 0] = x[1, :2, 1] = 0
        yield (x,), {"axis": 1}
        yield (x,), {"axis": (-1, 0), "keepdims": True}
        yield (x[0],)


def in_range(y: np.ndarray) -> bool:
    """Whether no product has overflowed or lost digits by underflow."""
    size = np.absolute(y)
    return bool(np.all((size >= np.finfo(y.dtype).tiny) & (size < np.inf)))


def products_of_others(rows: Any) -> Any:
    """For each element of the last axis, the product of the others, without divisions.

    The rows are multiplied in pairs, the products again in pairs, and so on. Then back: what is
    outside of an element is what is outside of its pair times the other one of the pair.
    """
    n = rows.shape[-1]
    if n < 2:
        return np.ones_like(rows)
    if n % 2:
        one = np.ones_like(rows[..., :1])
        return products_of_others(np.concatenate((rows, one), axis=-1))[..., :n]
    first, second = rows[..., 0::2], rows[..., 1::2]
    outside = products_of_others(first * second)
    return np.reshape(np.stack((outside * second, outside * first), axis=-1), rows.shape)


class Var(Reduction):
    """y = Σ d² / (n - ddof) with d = x - mean x,  dy/dx = 2 d / (n - ddof)."""

    def __init__(self, axis: Axis = None, keepdims: bool = False, ddof: float = 0) -> None:
        super().__init__(axis, keepdims)
        self.ddof = ddof

    def forward(self, x):
        total = np.sum(np.square(self.centered(x)), axis=self.axis, keepdims=True)
        return self.shaped(total / self.divisor(x, total))

    def backward(self, gy):
        (x,) = self.xs
        return self.spread(gy * (2 / self.divisor(x, gy))) * self.centered(x)

    def divisor(self, x: Any, y: Any) -> float:
        """n - ddof."""
        if x.size == 0:  # (an empty batch)
            return 1.0
        return x.size / max_(1, y.size) - self.ddof

    def centered(self, x: Any) -> Any:
        """x - mean x; without rounding errors where all of x are equal."""
        axes = range(x.ndim) if self.axis is None else np.atleast_1d(self.axis) % max_(1, x.ndim)
        first = tuple([slice(0, 1) if i in axes else slice(None) for i in range(x.ndim)])
        d = x - as_array(x)[first]
        return d - np.mean(d, axis=self.axis, keepdims=True)

    def shaped(self, y: Any) -> Any:
        """y, whose reduced axes have size 1, as the options say."""
        return y if self.keepdims else np.squeeze(y, axis=self.axis)

    @staticmethod
    def samples(rng):
        for ddof in (0, 1):
            yield (rng.normal(size=(2, 3, 2)),), {"ddof": ddof}
            yield (rng.normal(size=(2, 3, 2)),), {"axis": -2, "ddof": ddof}
            yield (rng.normal(size=(2, 3, 2)),), {"axis": (0, -1), "keepdims": True, "ddof": ddof}


class Std(Var):
    """y = √(Σ d² / (n - ddof)) with d = x - mean x,  dy/dx = d / ((n - ddof) y), 0 where y = 0."""

    def forward(self, x):
        d = self.centered(x)
        top = np.max(np.absolute(d), axis=self.axis, keepdims=True)
        top = np.where((top > 0) & (top < np.inf), top, 1)  # so that no square overflows
        total = np.sum(np.square(d / top), axis=self.axis, keepdims=True)
        return self.shaped(np.sqrt(total / self.divisor(x, total)) * top)

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        ratio = self.centered(x) / self.spread(np.where(np.equal(y, 0), 1, y))
        gy = weighted(gy, np.not_equal(y, 0))
        return self.spread(gy * (1 / self.divisor(x, gy))) * ratio


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
        weights = np.exp(shifted(x, self.spread(y)))
        # Their sum is 1 but for the digits that y has lost, and 0 where y = -inf.
        total = np.sum(weights, axis=self.axis, keepdims=True)
        return self.spread(gy) * (weights / np.maximum(total, 0.25))


class Extreme(Reduction):
    """The largest or smallest element gets the gradient; equal ones share it evenly."""

    def backward(self, gy):
        (x,) = self.xs
        (y,) = self.ys
        hits = np.equal(x, self.spread(y)).astype(x.dtype)
        return weighted(self.spread(gy), hits / np.sum(hits, axis=self.axis, keepdims=True))


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
        if x.dtype == HALF:
            return np.cumsum(x, axis=self.axis, dtype=SINGLE).astype(HALF)
        return np.cumsum(x, axis=self.axis)

    def backward(self, gy):
        return np.flip(CumSum(self.axis)(np.flip(gy, self.axis)), self.axis)

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
    x, *options = _of_variance("var", x, axis, keepdims, ddof)
    return Var(*options)(x)


@implements(np.std)
@in_float("x")
def std(x: Input[X], axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> X:
    """y = √var(x) along `axis` (see `var`); where all x are equal, its derivatives are 0."""
    x, *options = _of_variance("std", x, axis, keepdims, ddof)
    return Std(*options)(x)


def _of_variance(name: str, x: Any, axis: Axis, keepdims: bool, ddof: float) -> tuple[Any, ...]:
    """x as an operand, and the options of a variance, checked."""
    x, axis = _checked(name, x, axis, empty=False)
    ddof = number(name, "ddof", ddof)
    axes = range(x.ndim) if axis is None else (axis,) if type(axis) is int else axis
    n = math.prod([x.shape[i] for i in axes])  # type: ignore[union-attr]
    if n <= ddof:
        raise ValueError(
            f"{name}: got {n} elements along axis {axis}, needed more than ddof={ddof:g}"
        )
    return x, axis, keepdims, ddof


@implements(np.prod)
@in_float("x", integers=False)
def prod(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = Π x along `axis` (see `sum`); its derivatives are right for factors of 0 too."""
    x, axis = _checked("prod", x, axis)
    return Prod(axis, keepdims)(x)


@implements(np.max, np.amax)
@in_float("x", integers=False)
def max(x: Input[X], axis: Axis = None, *, keepdims: bool = False) -> X:
    """y = the largest of x along `axis` (see `sum`); equal ones share the gradient."""
    x, axis = _checked("max", x, axis, empty=False)
    return Max(axis, keepdims)(x)


@implements(np.min, np.amin)
@in_float("x", integers=False)
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
