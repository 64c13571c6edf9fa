"""Calls of NumPy's functions on Variables in other forms than the usual one.

The usual call, np.sum(x, axis=0), is made directly. Only when the arguments do not fit does this
file sort them: by NumPy's signature, with NumPy's names, without those that have their default.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from wengert import refusals

_Signature = inspect.Signature
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

# Options of NumPy that do not change the values of a result (where they do, they are declared).
_WITHOUT_EFFECT = {"casting", "device", "kind", "order", "overwrite_input", "stable", "subok"}

# Signatures that older versions of NumPy do not provide.
_IN_C: dict[str, Callable[..., Any]] = {
    "concatenate": lambda arrays, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    "dot": lambda a, b, out=None: None,
}

NO_OUT = "nothing can be written into an array here: use y = {name}(x), without out"


def call_as_numpy(
    function: Callable[..., Any],
    recorded: Callable[..., Any],
    in_full: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    error: TypeError,
) -> Any:
    """Calls the implementation of NumPy's `function`, with arguments by NumPy's signature.

    `error` is what the call of `recorded` raised; it is raised again if the arguments fitted.
    Otherwise `in_full`, which has more options, is called.

    Raises:
        TypeError: the arguments do not fit, or one of them has no effect here.
    """
    name = f"{function.__module__}.{function.__name__}"
    try:
        inspect.signature(recorded).bind(*args, **kwargs)
    except TypeError as mismatch:
        reason = str(mismatch)
    else:
        raise error
    own = inspect.signature(in_full)
    theirs = _signature_of(function)
    if theirs is None:
        raise _mismatch(function, name, reason, own) from None
    try:
        bound = theirs.bind(*args, **kwargs)
    except TypeError as mismatch:
        raise TypeError(f"{name}: {mismatch}; it is {function.__name__}{theirs}") from None
    positional, options = _sorted(name, theirs, bound)
    renamed = dict(zip(_leading(theirs), _leading(own), strict=False))
    options = {
        option if option in own.parameters else renamed.get(option, option): value
        for option, value in options.items()
    }
    for option in _WITHOUT_EFFECT & options.keys() - own.parameters.keys():
        del options[option]
    try:
        own.bind(*positional, **options)
    except TypeError as mismatch:
        raise _mismatch(function, name, str(mismatch), own) from None
    return in_full(*positional, **options)


def refuse(function: Callable[..., Any]) -> NoReturn:
    """Raises the TypeError for a function of NumPy that is not recorded."""
    hint = refusals.hint(function)
    hint = hint or "compose it from wengert.functions, or pass x.data to leave the graph"
    raise TypeError(
        f"{function.__module__}.{function.__name__} is not recorded for Variables; {hint}"
    )


def refuse_out(name: str) -> NoReturn:
    """Raises the TypeError for the argument `out`."""
    raise TypeError(f"{name}: got out, needed none; {NO_OUT.format(name=name)}")


def _sorted(
    name: str, signature: _Signature, bound: inspect.BoundArguments
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that differ from their defaults: those of *args, and the others by name."""
    positional: list[Any] = []
    options: dict[str, Any] = {}
    variadic = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    for parameter, value in bound.arguments.items():
        kind, default = (
            signature.parameters[parameter].kind,
            signature.parameters[parameter].default,
        )
        if kind is inspect.Parameter.VAR_POSITIONAL:
            positional.extend(value)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            options.update(value)
        elif parameter == "out":
            if value is not None and value is not default:
                refuse_out(name)
        elif kind in _POSITIONAL and variadic:
            positional.append(value)
        elif not _is_default(value, default):
            options[parameter] = value
    return positional, options


def _is_default(value: Any, default: Any) -> bool:
    if value is default or value is np._NoValue:
        return True
    return isinstance(value, bool | int | str) and type(value) is type(default) and value == default


def _leading(signature: _Signature) -> list[str]:
    """The names of the positional parameters."""
    return [p.name for p in signature.parameters.values() if p.kind in _POSITIONAL]


def _signature_of(function: Callable[..., Any]) -> _Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # of a function in C, before NumPy 2.4
        known = _IN_C.get(getattr(function, "__name__", ""))
        return None if known is None else inspect.signature(known)


def _mismatch(
    function: Callable[..., Any], name: str, reason: str, signature: _Signature
) -> TypeError:
    names = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    form = f"{function.__name__}{_Signature(names)}"
    return TypeError(f"{name}: {reason}; for Variables it is {form}")
