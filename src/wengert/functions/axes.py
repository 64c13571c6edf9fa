"""Arguments that name axes and sizes, checked."""

from typing import Any

import numpy as np

from wengert.arguments import integer, integers
from wengert.dispatch import Axis


def checked_axes(name: str, axis: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One axis, or several, of an array of that shape, each counted from the front.

    Raises:
        TypeError: an axis is not an integer; the message starts with `name`.
        ValueError: there is no such axis, or one is named twice.
    """
    ndim = len(shape)
    axes = integers(name, "axis", axis)
    if not all(-ndim <= a < ndim for a in axes):
        needed = f"needed -{ndim} ≤ axis < {ndim}" if ndim else "which has no axes"
        raise ValueError(f"{name}: got axis {axis} for shape {shape}; {needed}")
    axes = tuple([a % ndim for a in axes])
    if len(set(axes)) < len(axes):
        raise ValueError(f"{name}: got axis {axis} for shape {shape}; needed each axis once")
    return axes


def checked_axis(name: str, axis: Any, shape: tuple[int, ...]) -> int:
    """One axis of an array of that shape, counted from the front (see `checked_axes`)."""
    return checked_axes(name, integer(name, "axis", axis), shape)[0]


def reduced_axes(name: str, axis: Any, shape: tuple[int, ...]) -> Axis:
    """The axes that a reduction goes along: None for all, one, or a tuple (see `checked_axes`)."""
    if axis is None:
        return None
    axes = checked_axes(name, axis, shape)
    return axes if np.ndim(axis) else axes[0]
