"""Arguments that name axes and sizes, checked."""

import operator
from contextlib import suppress
from typing import Any


def checked_axes(name: str, axis: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One axis, or several, of an array of that shape, each counted from the front.

    Raises:
        TypeError: an axis is no whole number; the message starts with `name`.
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
    return checked_axes(name, whole(name, "axis", axis), shape)[0]


def whole(name: str, argument: str, value: Any) -> int:
    """A whole number; a truth value is none."""
    if not isinstance(value, bool):
        with suppress(TypeError):
            return operator.index(value)
    raise TypeError(f"{name}: got {argument} {value!r}, needed a whole number")


def integers(name: str, argument: str, value: Any) -> tuple[int, ...]:
    """A whole number, or a sequence of them, as a tuple."""
    try:
        if isinstance(value, bool):
            raise TypeError
        if hasattr(value, "__index__") and not getattr(value, "ndim", 0):
            return (operator.index(value),)
        return tuple([operator.index(n) for n in value])
    except TypeError:
        raise TypeError(
            f"{name}: got {argument} {value!r}, needed a whole number or a tuple of them"
        ) from None
