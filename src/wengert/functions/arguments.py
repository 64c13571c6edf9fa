"""Operands, and checks of the arguments of losses and metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays import as_array, snapshot
from wengert.core import Constant, Variable
from wengert.functions.counting import count_metric
from wengert.functions.types import Input, X


class Snapshot(Constant):
    """y = x, a copy. For labels, masks and indices: a program may refill them before `backward`."""

    def forward(self, x):
        return x.copy()

    @staticmethod
    def samples(rng):
        yield (rng.integers(0, 8, size=(2, 3)),)
        yield (np.array([True, False]),)


def as_operand(x: Input[X]) -> X:
    """`x` if it is a Variable, else `x` as an array."""
    operand: Any = x if isinstance(x, Variable) else as_array(x)
    return operand


def as_constant(x: Input[X]) -> X:
    """`x` as data without a gradient: a constant for a Variable, else an array.

    Not a copy, except of integers and booleans: see `Snapshot`.
    """
    operand: Any = as_operand(x)
    if not isinstance(operand, Variable):
        operand = snapshot(operand)
    elif operand.dtype.kind in "iub":
        operand = Snapshot()(operand)
    else:
        operand = operand.detach()
    return operand


def checked_labels(
    name: str, shape: tuple[int, ...], t: Input[X], *, ignore: int | None = None
) -> X:
    """Labels `t` for logits of that shape, (..., C), checked, as int64: an array or a constant.

    Args:
        name: the function to name in messages.
        shape: shape of the logits; classes are on the last axis.
        t: labels, integers 0 ≤ t < C, (...).
        ignore: a label to ignore; it may be outside of 0 ≤ t < C.

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes of logits and labels do not match, or a label is out of range.
    """
    t = as_constant(t)
    if t.dtype.kind not in "iu":
        hint = "use np.argmax(t, axis=-1)" if t.shape == shape else "use t.astype(int)"
        raise TypeError(f"{name}: got labels t {t.dtype} {t.shape}, needed integers; {hint}")
    if not shape or t.shape != shape[:-1]:
        hint = "; use np.squeeze(t, -1)" if t.shape == (*shape[:-1], 1) else ""
        raise ValueError(
            f"{name}: got x {shape} and labels t {t.shape}; "
            f"needed (N, C) and (N,), one label for each row{hint}"
        )
    values = as_array(t)
    classes = values if ignore is None else values[values != ignore]
    if classes.size:
        C, low, high = shape[-1], classes.min(), classes.max()
        if low < 0 or high >= C:
            raise ValueError(
                f"{name}: got the label {low if low < 0 else high}, but x {shape} has classes "
                f"0 to {C - 1}; count labels from 0, or give x more columns"
            )
    # (a sum or product of labels must not wrap, as it does in uint8 from 256 on)
    labels: Any = t if t.dtype == np.int64 else t.astype(np.int64)
    return labels


def check_any(name: str, shape: tuple[int, ...], n: int) -> None:
    """Raises ValueError for a metric of `n` = 0 samples, from an x of that shape.

    Tells those who are counting that the metric divides by n.
    """
    count_metric(n)
    refuse_none(name, shape, n)


def refuse_none(name: str, shape: tuple[int, ...], n: float) -> None:
    """Raises ValueError for a mean over `n` = 0 samples, from an x of that shape."""
    if n == 0:
        raise ValueError(f"{name}: got no samples: x {shape}; a mean needs at least one")
