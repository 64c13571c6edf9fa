"""Precision: functions of our own compute float16 in float32, and integers in float64.

float16 has 11 bits and ends at 65,504: squares overflow at 256, and an eps of 1e-8 is 0. So a
function computes in float32 and rounds its result once; in the backward pass, its gradient too.
Integers and booleans are computed as NumPy's mean computes them: uint8 would wrap at 256.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arguments import wrong_call
from wengert.arrays import DOUBLE, SINGLE, as_array, is_foreign
from wengert.core import Variable
from wengert.functions.arithmetic import Cast

T = TypeVar("T", bound=Callable[..., Any])

HALF = np.dtype(np.float16)


def in_float(*inputs: str, integers: bool = True) -> Callable[[T], T]:
    """Decorator: the function computes these inputs as floats with enough digits.

    float16 becomes float32, and results in float32 become float16 again if no input was wider.
    Integers and booleans take the float dtype of the other inputs; alone, they become float64.
    float32 and float64 stay as they are. Casts of Variables are recorded.

    Args:
        inputs: names of the arguments that hold such numbers: not labels, masks or options.
        integers: False leaves integers and booleans as they are.

    Example:
        >>> @in_float("x0", "x1")
        ... def mean_square(x0, x1):
        ...     return np.mean((x0 - x1) ** 2)
        >>> print(mean_square(np.array([0], np.uint8), np.array([255], np.uint8)))
        65025.0
    """

    def decorate(function: T) -> T:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        positions = [(names.index(name), name) for name in inputs]

        @functools.wraps(function)
        def computed(*args: Any, **kwargs: Any) -> Any:
            count = len(args)
            try:
                for i, name in positions:
                    x = args[i] if i < count else kwargs.get(name)
                    if x is not None:
                        dtype = getattr(x, "dtype", None)
                        if dtype is not SINGLE and dtype is not DOUBLE:
                            return _in_float(function, positions, integers, args, kwargs)
                return function(*args, **kwargs)
            except TypeError:
                if problem := wrong_call(function, args, kwargs):
                    raise TypeError(problem) from None
                raise

        return computed  # type: ignore[return-value]

    return decorate


def _in_float(
    function: Callable[..., Any],
    positions: list[tuple[int, str]],
    integers: bool,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """The call, with its inputs cast, and its results cast back."""
    given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    keys = [i if i < len(args) else name for i, name in positions]
    xs = {key: given[key] for key in keys if given.get(key) is not None}
    if not integers:
        xs = {key: x for key, x in xs.items() if getattr(x, "dtype", np.dtype(bool)).kind == "f"}
    if any(is_foreign(x) for x in xs.values()):
        return function(*args, **kwargs)
    given |= dict(zip(xs, floats(*xs.values()), strict=True))
    ys = function(*[given.pop(i) for i in range(len(args))], **given)
    if result_dtype(*xs.values()) != HALF:
        return ys
    if not isinstance(ys, tuple):
        return _rounded(ys)
    rounded = [_rounded(y) for y in ys]
    return type(ys)(*rounded) if hasattr(ys, "_fields") else tuple(rounded)


def result_dtype(*xs: Any) -> np.dtype[Any]:
    """The widest float dtype among arrays and Variables; float64 if there is none."""
    dtypes = [np.asarray(x).dtype if isinstance(x, list) else getattr(x, "dtype", None) for x in xs]
    floats = [dtype for dtype in dtypes if dtype is not None and dtype.kind == "f"]
    return np.result_type(*floats) if floats else DOUBLE


def floats(*xs: Any) -> list[Any]:
    """The inputs of one call, cast to what they are computed in (see `in_float`)."""
    widest = result_dtype(*xs)
    target = SINGLE if widest == HALF else widest
    return [x if type(x) is float else _cast(x, target) for x in xs]


def _cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """x, as an operand, in that dtype unless it is a float of another one than float16."""
    if not isinstance(x, Variable):
        x = as_array(x)
    return x if x.dtype.kind == "f" and x.dtype != HALF else Cast(dtype)(x)


def _rounded(y: Any) -> Any:
    return Cast(HALF)(y) if getattr(y, "dtype", None) == SINGLE else y
