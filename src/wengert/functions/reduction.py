"""What losses share: dtypes, weights, masks, and the reduction over samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core import Variable
from wengert.functions.arguments import as_constant, as_operand, refuse_none
from wengert.functions.arithmetic import astype
from wengert.functions.counting import record_divisor, record_sum
from wengert.functions.piecewise import where
from wengert.functions.precision import DOUBLE, HALF, SINGLE, result_dtype
from wengert.functions.reduce import mean, sum
from wengert.functions.types import Input, X


def check_reduction(name: str, reduction: str, shape: tuple[int, ...], n: float) -> None:
    """Raises ValueError for an unknown reduction, or for the mean over `n` = 0 elements.

    Records what the loss divides by, in a `counting` block: n, the number of elements or the sum
    of their weights.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: got reduction {reduction!r}, needed 'mean', 'sum' or 'none'")
    if reduction == "none":
        return
    counted = record_divisor(n if reduction == "mean" else None)
    if reduction == "mean" and not counted:
        refuse_none(name, shape, n)


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses, or the losses themselves; the mean of none is 0."""
    if reduction == "none":
        return losses
    if reduction == "mean":
        return mean(losses) if losses.size else sum(losses)
    return record_sum(sum(losses))


def same_shape(name: str, x0: Input[X], x1: Input[X], reduction: str) -> tuple[X, X, np.dtype[Any]]:
    """Predictions and targets of equal shape and dtype, and the dtype of their loss.

    That is the dtype of the predictions x0; of x1, if only x1 is a Variable, or floats. The loss of
    integers is float64. A loss in float16 is computed in float32, and is `rounded` in the end.
    """
    y, t = as_operand(x0), as_operand(x1)
    if y.shape != t.shape:
        same = "; if element i belongs to element i, use x1.reshape(x0.shape)"
        raise ValueError(
            f"{name}: got x0 {y.shape} and x1 {t.shape}, needed equal shapes"
            f"{same if y.size == t.size else ''}"
        )
    check_reduction(name, reduction, y.shape, y.size)
    dtype = y.dtype
    if dtype is t.dtype and (dtype is SINGLE or dtype is DOUBLE):
        return y, t, dtype
    by_variable = isinstance(t, Variable) > isinstance(y, Variable)
    first, second = (t, y) if by_variable else (y, t)
    dtype = first.dtype if first.dtype.kind == "f" else result_dtype(second)
    computed = dtype if dtype is SINGLE or dtype != HALF else SINGLE
    return like(y, computed), like(t, computed), dtype


def like(x: Any, dtype: np.dtype[Any]) -> Any:
    """x in that dtype; the cast of a Variable has a gradient."""
    return x if x.dtype is dtype or x.dtype == dtype else astype(x, dtype)


def rounded(losses: Any, dtype: np.dtype[Any]) -> Any:
    """The losses in float16, if that is the dtype."""
    return losses if dtype is SINGLE or dtype != HALF else astype(losses, HALF)


def as_weight(weight: Any, dtype: np.dtype[Any]) -> Any:
    """A weight in that dtype, without a gradient."""
    return like(as_constant(weight), dtype)


def times(q: Any, x: Any) -> Any:
    """q x, and 0 where q is 0 and x is infinite or NaN."""
    masked = np.logical_and(np.equal(q, 0), np.logical_not(np.isfinite(x)))
    return q * where(masked, 0, x)
