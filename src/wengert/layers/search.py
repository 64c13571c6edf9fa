"""The components of a layer: its Parameters, Buffers and the layers inside, by their names."""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from wengert.core import Parameter
from wengert.layers.parameters import Buffer, LazyParameter


class Holder:
    """What holds components as attributes, directly or in lists, tuples and dicts: a Layer."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Entry(NamedTuple):
    """A Parameter, Buffer or Layer found inside a Layer: `holder[key]` is `value`.

    Attributes:
        name: the path from the Layer at which the search began.
        owner: the Layer whose attribute holds it, directly or in a list, tuple or dict.
    """

    name: str
    owner: Holder
    holder: Any
    key: Any
    value: Any

    def replace(self) -> None:
        """Replaces the placeholder by its value, and sets the owner's `in_size` if unknown."""
        self.holder[self.key] = self.value.made
        if vars(self.owner).get("in_size", 0) is None:
            self.owner.in_size = self.value.in_size  # type: ignore[attr-defined]


def named(layer: Holder, kinds: Any, *, deep: bool = True) -> dict[str, Any]:
    """Values of these kinds inside `layer`, by name; if not `deep`, without Layers inside."""
    found = _search(layer, kinds, deep)
    named = {name: value for name, _, _, _, value in found}
    if len(named) < len(found):
        refuse_same_names(layer)
    return named


def entries(layer: Holder, kinds: Any, *, deep: bool = True) -> list[Entry]:
    """As `named`, with the location of each value."""
    return [Entry(*found) for found in _search(layer, kinds, deep)]


Found: TypeAlias = tuple[str, Holder, Any, Any, Any]  # an Entry, as a plain tuple: faster


def _search(layer: Holder, kinds: Any, deep: bool) -> list[Found]:
    found: list[Found] = []
    _look_into(layer, vars(layer), "", kinds, deep, found, {id(layer)})
    return found


def _look_into(
    owner: Holder,
    holder: Any,
    path: str,
    kinds: Any,
    deep: bool,
    found: list[Found],
    seen: set[int],
) -> None:
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        if type(value) in _PLAIN:
            continue
        if type(value) is LazyParameter and value.made is not None:  # (by another layer)
            Entry("", owner, holder, key, value).replace()
            value = value.made
        if isinstance(value, _HELD) and id(value) not in seen:
            seen.add(id(value))
            if type(key) is not str and type(key) is not int:
                _check_key(owner, path, key)
            if isinstance(value, kinds):
                found.append((f"{path}{key}", owner, holder, key, value))
            if isinstance(value, Holder):
                if deep:
                    inside = f"{path}{key}."
                    _look_into(value, vars(value), inside, kinds, deep, found, seen)
            elif isinstance(value, list | tuple | dict):
                _look_into(owner, value, f"{path}{key}.", kinds, deep, found, seen)
        elif isinstance(value, _UNSEARCHED) and any(isinstance(x, _HELD) for x in value):
            raise TypeError(
                f"{type(owner).__name__}: got a {type(value).__name__} of components as "
                f"{path}{key}, needed a list, tuple or dict, whose components have names"
            )


def _check_key(owner: Holder, path: str, key: Any) -> None:
    """Checks that the text of a key of a dict is the same in the next run of the program."""
    if " at 0x" in str(key):
        raise TypeError(
            f"{type(owner).__name__}: got a {type(key).__name__} as a key of "
            f"{path.rstrip('.')}, needed a string or number, which can be the name of a Parameter"
        )


def refuse_same_names(layer: Holder) -> None:
    """Raises ValueError if two components have the same name, with how to reach both."""
    reached: dict[str, str] = {}
    for name, expression in _expressions(layer, "", "model", {id(layer)}):
        if name in reached:
            raise ValueError(
                f"{type(layer).__name__}: {reached[name]} and {expression} have the same name "
                f"{name!r}; rename one of them"
            )
        reached[name] = expression


def _expressions(x: Any, path: str, to_x: str, seen: set[int]) -> Iterator[tuple[str, str]]:
    """The name of each component in `x`, which is a Layer or holds some, and how to reach it."""
    if isinstance(x, Holder):
        inside = [(name, f"{to_x}.{name}", value) for name, value in vars(x).items()]
    else:
        pairs = x.items() if isinstance(x, dict) else enumerate(x)
        inside = [(str(key), f"{to_x}[{key!r}]", value) for key, value in pairs]
    for name, to_value, value in inside:
        if isinstance(value, _HELD) and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, (*STATE, Holder)):
                yield path + name, to_value
            if isinstance(value, Holder | list | tuple | dict):
                yield from _expressions(value, f"{path}{name}.", to_value, seen)


STATE = (Parameter, Buffer, LazyParameter)
_PLAIN = {int, float, bool, str, type(None), *[type(np.dtype(c)) for c in "efd"]}  # most options
_HELD = (*STATE, Holder, list, tuple, dict)
_UNSEARCHED = (set, frozenset, deque)  # they have no order, or are rarely meant
