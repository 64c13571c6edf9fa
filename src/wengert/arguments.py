"""Checks of arguments that the whole framework shares: one error type for each kind of mistake.

A value of the wrong kind is a TypeError, a value outside its range is a ValueError. Each function
takes the name of the caller and of the argument, which start the message, and returns the value as
a plain Python number.
"""

import inspect
import math
import operator
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial, wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from wengert import hints

C = TypeVar("C", bound=Callable[..., Any])


def integer(caller: str, name: str, value: Any, least: int | None = None) -> int:
    """`value` as an int; booleans and floats are refused.

    Raises:
        TypeError: value is not an integer.
        ValueError: value is less than `least`.
    """
    number = _index(value)
    if number is None:
        raise TypeError(f"{caller}: got {name} {value!r:.80}, needed {_integer(least)}")
    if least is not None and number < least:
        raise ValueError(f"{caller}: got {name} {number}, needed {_integer(least)}")
    return number


def integers(caller: str, name: str, value: Any, least: int | None = None) -> tuple[int, ...]:
    """An integer, or a sequence of integers, as a tuple.

    Raises:
        TypeError: value is neither.
        ValueError: one of them is less than `least`.
    """
    values = value if isinstance(value, tuple | list) else _sequence(value)
    result = tuple([n for n in map(_index, values) if n is not None])
    if len(result) < len(values):
        needed = f"{_integer(least)} or a tuple of them"
        raise TypeError(f"{caller}: got {name} {value!r:.80}, needed {needed}")
    if least is not None and result and min(result) < least:
        raise ValueError(f"{caller}: got {name} {value!r:.80}, needed {_integer(least)}")
    return result


def number(
    caller: str, name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf
) -> float:
    """`value` as a finite float; NumPy's numbers and 0-d arrays are accepted.

    Raises:
        TypeError: value is not a number.
        ValueError: value is not finite, less than `least`, or not greater than `above`.
    """
    if type(value) is float and least <= value < math.inf and above < value:
        return value
    needed = "a finite number"
    if least > -math.inf:
        needed = f"a number ≥ {least:g}"
    elif above > -math.inf:
        needed = f"a number > {above:g}"
    result = _float(caller, name, value, needed)
    if not (least <= result < math.inf and above < result):
        raise ValueError(f"{caller}: got {name} {value!r:.80}, needed {needed}")
    return result


def fraction(caller: str, name: str, value: Any, *, closed: bool = False) -> float:
    """`value` as a float in 0 ≤ value < 1; with `closed`, in 0 ≤ value ≤ 1.

    Raises:
        TypeError: value is not a number.
        ValueError: value is outside the range.
    """
    if type(value) is float and 0 <= value < 1:
        return value
    needed = f"0 ≤ {name} ≤ 1" if closed else f"0 ≤ {name} < 1"
    result = _float(caller, name, value, needed)
    if not (0 <= result < 1 or (closed and result == 1)):
        raise ValueError(f"{caller}: got {name} {value!r:.80}, needed {needed}")
    return result


def boolean(caller: str, name: str, value: Any) -> bool:
    """`value` as a bool; everything else is refused, as "no" and 0.5 would count as True.

    Raises:
        TypeError: value is not a boolean.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{caller}: got {name} {value!r:.80}, needed True or False")
    return bool(value)


def explains_call(
    hint: Callable[[tuple[Any, ...]], str] = lambda args: "",
) -> Callable[[C], C]:
    """Decorator: the error of a call with a missing or unknown argument lists the arguments.

    For an argument of another framework, it names the one used here.

    Args:
        hint: ends the message, from the positional arguments.
    """

    def decorate(call: C) -> C:
        @wraps(call)
        def explained(*args: Any, **options: Any) -> Any:
            try:
                return call(*args, **options)
            except TypeError:
                problem = wrong_call(call, args, options)
                if not problem:
                    raise
                more = hint(args)
                raise TypeError(problem + (f". {more}" if more else "")) from None

        return explained  # type: ignore[return-value]

    return decorate


def wrong_call(call: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """What is wrong with the arguments, or "" if they fit the signature."""
    signature = inspect.signature(call)
    try:
        signature.bind(*args, **options)
        return ""
    except TypeError as error:
        problem = str(error)
    own = {name: p for name, p in signature.parameters.items() if name != "self"}
    unknown = [name for name in options if name not in own]
    if unknown:
        here = hints.of_argument(unknown[0], own) or _similar(unknown[0], own)
        problem = f"got an unexpected keyword argument {unknown[0]!r}"
        problem += f"; here: {here}" if here else ""
    star = next((k for k, p in enumerate(own.values()) if p.kind is p.KEYWORD_ONLY), None)
    names = [*own]
    if star is not None and not any(p.kind is p.VAR_POSITIONAL for p in own.values()):
        names.insert(star, "*")
    name = call.__qualname__.removesuffix(".__init__")
    return f"{name}: {problem}; it is {name}({', '.join(names)})"


def _similar(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, [*known], 1, 0.75)), "")


def function(caller: str, name: str, value: Any) -> Any:
    """`value`, a function or a Layer; a class, which would be called with the input, is refused.

    Raises:
        TypeError: value is a class, or cannot be called.
    """
    if isinstance(value, type):
        kind = value.__name__
        raise TypeError(f"{caller}: got the class {kind} as {name}; write {name}={kind}()")
    if not callable(value):
        raise TypeError(f"{caller}: got {name} {value!r:.80}, needed a function")
    return value


def parameters_of(x: object) -> dict[str, Any]:
    """The arguments of `__init__` by name: the values of the attributes of those names.

    Raises:
        AttributeError: `__init__` has not kept an argument under its name.
    """
    for name in _parameter_names(type(x)):
        if not hasattr(x, name):
            cls = type(x).__name__
            raise AttributeError(
                f"{cls}: __init__ has an argument {name}, but the {cls} has no attribute {name}; "
                f"keep each argument under its own name: self.{name} = {name}"
            )
    return {name: getattr(x, name) for name in _parameter_names(type(x))}


def call_text(x: object) -> str:
    """`x` as the call that makes it: "Pow(c=2)"; with ... for an argument that was not kept."""
    options = [
        f"{name}={text_of(getattr(x, name)) if hasattr(x, name) else '...'}"
        for name in _parameter_names(type(x))
    ]
    return f"{type(x).__name__}({', '.join(options)})"


def text_of(value: Any) -> str:
    """`repr(value)`; but functions and classes by their names, without an address in memory."""
    if isinstance(value, partial):
        options = [f"{name}={text_of(option)}" for name, option in value.keywords.items()]
        return f"partial({', '.join([*map(text_of, (value.func, *value.args)), *options])})"
    if isinstance(value, tuple | list) and any(map(callable, value)):
        return f"[{', '.join(map(text_of, value))}]"
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else repr(value)


def _parameter_names(cls: type) -> tuple[str, ...]:
    """The names of the parameters of `cls.__init__`, without `self`."""
    if cls not in _parameters:
        _parameters[cls] = tuple(inspect.signature(cls).parameters)
    return _parameters[cls]


_parameters: "WeakKeyDictionary[type, tuple[str, ...]]" = WeakKeyDictionary()


def _index(value: Any) -> int | None:
    """`value` as an int, or None if it is not an integer (a boolean is not)."""
    if type(value) is int:
        return value
    if isinstance(value, bool | np.bool_) or getattr(value, "ndim", False):
        return None
    with suppress(TypeError):
        return operator.index(value)
    return None


def _integer(least: int | None) -> str:
    return "an integer" if least is None else f"an integer ≥ {least}"


def _sequence(value: Any) -> tuple[Any, ...]:
    """The elements of `value`, or `value` itself if it is one integer or has no elements."""
    if _index(value) is None:
        with suppress(TypeError):
            return tuple(value)
    return (value,)


def _float(caller: str, name: str, value: Any, needed: str) -> float:
    if isinstance(value, int | float):
        with suppress(OverflowError):
            return float(value)
        return math.inf  # too large for a float, and out of every range
    with suppress(TypeError, ValueError):  # (of a value that is not an array)
        array = np.asarray(value)
        if array.ndim == 0 and array.dtype.kind in "fiub":
            return float(array)
    raise TypeError(f"{caller}: got {name} {value!r:.80}, needed {needed}")
