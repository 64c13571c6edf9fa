"""The reduction of losses over samples, and the check that predictions and targets fit."""

from __future__ import annotations

from typing import Any

from wengert.functions.arguments import as_operand, refuse_none
from wengert.functions.arithmetic import astype
from wengert.functions.counting import count_loss
from wengert.functions.reduce import mean, sum
from wengert.functions.types import Input, X


def check_reduction(name: str, reduction: str, shape: tuple[int, ...], n: float) -> None:
    """Raises ValueError for an unknown reduction, or for the mean over `n` = 0 elements.

    Tells those who are counting what the loss divides by: n, the number of elements or the sum of
    their weights.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: got reduction {reduction!r}, needed 'mean', 'sum' or 'none'")
    if reduction == "none":
        return
    counted = count_loss(n if reduction == "mean" else None)
    if reduction == "mean" and not counted:
        refuse_none(name, shape, n)


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses, or the losses themselves; the mean of none is 0."""
    if reduction == "none":
        return losses
    return mean(losses) if reduction == "mean" and losses.size else sum(losses)


def same_shape(name: str, x0: Input[X], x1: Input[X], reduction: str) -> tuple[X, X]:
    """Predictions and targets of equal shape; integer targets are cast to x0's dtype."""
    y, t = as_operand(x0), as_operand(x1)
    if y.shape != t.shape:
        same = "; if element i belongs to element i, use x1.reshape(x0.shape)"
        raise ValueError(
            f"{name}: got x0 {y.shape} and x1 {t.shape}, needed equal shapes"
            f"{same if y.size == t.size else ''}"
        )
    check_reduction(name, reduction, y.shape, y.size)
    return y, t if t.dtype.kind == "f" else astype(t, y.dtype)
