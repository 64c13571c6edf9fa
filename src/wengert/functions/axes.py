"""Checks of arguments that name axes."""

from typing import Any

import numpy as np

from wengert.arguments import integer, integers
from wengert.dispatch import Axis


def checked_axes(name: str, axis: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One or several axes of an array of that shape, as indices ≥ 0.

    Raises:
        TypeError: an axis is not an integer; the message starts with `name`.
        ValueError: an axis is out of range, or appears twice.
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
    """One axis of an array of that shape, as an index ≥ 0 (see `checked_axes`)."""
    return checked_axes(name, integer(name, "axis", axis), shape)[0]


def reduced_axes(name: str, axis: Any, shape: tuple[int, ...]) -> Axis:
    """The axes of a reduction: None for all, one, or a tuple of them (see `checked_axes`)."""
    if axis is None:
        return None
    axes = checked_axes(name, axis, shape)
    return axes if np.ndim(axis) else axes[0]
