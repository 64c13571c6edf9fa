"""Operands, and checks of the arguments of losses and metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array, snapshot
from wengert.core import Constant, Variable
from wengert.functions.counting import record_samples
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


def as_labels(name: str, t: Input[X]) -> X:
    """As `as_operand`, with an error that names the function and how text becomes labels."""
    try:
        return as_operand(t)
    except TypeError:
        raise TypeError(f"{name}: {_not_labels(t)}") from None


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
    t = as_constant(as_labels(name, t))
    if t.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: got labels t {t.dtype} {t.shape}, needed integers; "
            f"{_hint_of_dtype(as_array(t), shape)}"
        )
    if not shape or t.shape != shape[:-1]:
        hint = "; use np.squeeze(t, -1)" if t.shape == (*shape[:-1], 1) else ""
        hint = "; of one-hot rows use np.argmax(t, axis=-1)" if t.shape == shape else hint
        if len(shape) > 2 and t.shape == shape[:1]:
            hint = "; is L.Flatten() missing before a Linear?"
        raise ValueError(
            f"{name}: got x {shape} and labels t {t.shape}; "
            f"needed (N, C) and (N,), one label for each row{hint}"
        )
    values = as_array(t)
    classes = values if ignore is None else values[values != ignore]
    if classes.size:
        C, low, high = shape[-1], classes.min(), classes.max()
        if low < 0 or high >= C:
            hint = "count labels from 0, or give x more columns"
            if low >= 1 and high == C:
                hint = "if the labels are counted from 1, use t - 1; else give x more columns"
            elif low < 0 <= high < C and np.all(classes[classes < 0] == low):
                hint = f"if {low} marks what is to be ignored, use ignore_index={low}"
            raise ValueError(
                f"{name}: got the label {low if low < 0 else high}, but x {shape} has classes "
                f"0 to {C - 1}; {hint}"
            )
    # (a sum or product of labels must not wrap, as it does in uint8 from 256 on)
    labels: Any = t if t.dtype == np.int64 else t.astype(np.int64)
    return labels


def _not_labels(t: Any) -> str:
    """What is wrong with labels that are not numbers, for an error message."""
    values = np.ravel(np.asarray(t, object)).tolist()
    if values and all(isinstance(value, str) for value in values):
        return (
            f"got text as labels, such as {values[0]!r:.40}, needed integers; "
            f"classes, t = np.unique(labels, return_inverse=True) makes them"
        )
    kinds = ", ".join(sorted({type(value).__name__ for value in values}))
    return f"got labels t of {kinds}, needed integers; if all are, np.array(t, int) converts them"


def _hint_of_dtype(t: ndarray, shape: tuple[int, ...]) -> str:
    if t.shape == shape:
        return "use np.argmax(t, axis=-1)"
    if t.dtype.kind == "f" and not np.all(t == np.floor(t)):
        return "t has fractions or NaN: numbers are predicted with mean_squared_error"
    return "use t.astype(int)"


def check_any(name: str, shape: tuple[int, ...], n: int) -> None:
    """Raises ValueError for a metric of `n` = 0 samples, from an x of that shape.

    Records that the metric divides by n, in a `counting` block.
    """
    record_samples(n)
    refuse_none(name, shape, n)


def refuse_none(name: str, shape: tuple[int, ...], n: float) -> None:
    """Raises ValueError for a mean over `n` = 0 samples, from an x of that shape."""
    if n == 0:
        raise ValueError(f"{name}: got no samples: x {shape}; a mean needs at least one")
