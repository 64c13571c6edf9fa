"""`Layer`: parameters, and layers inside, held as plain attributes."""

from collections.abc import Iterable
from typing import Any

from wengert.core import Parameter


class Layer:
    """A part of a model: a computation, and the Parameters that belong to it.

    A subclass assigns Parameters, Layers, and lists, tuples or dicts of them, to attributes, and
    gives `forward`. They are found by looking at the attributes, in the order of assignment, and
    named by the way to them: `"layers.0.W"`. What is found on two ways has the first name only.
    """

    def __call__(self, *xs: Any) -> Any:
        return self.forward(*xs)

    def forward(self, *xs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no forward: define forward(self, x) in the class"
        )

    def named_params(self) -> dict[str, Parameter]:
        """The Parameters by name, in the order of assignment."""
        return _find(Parameter, self)

    def params(self) -> list[Parameter]:
        """The Parameters, in the order of assignment."""
        return list(self.named_params().values())

    def cleargrads(self) -> None:
        """Forgets the gradients of all Parameters."""
        for p in self.params():
            p.cleargrad()

    def __repr__(self) -> str:
        """The options (numbers, strings, functions), then the layers inside, a line each."""
        options = [
            f"{name}={getattr(value, '__name__', repr(value))}"
            for name, value in vars(self).items()
            if not name.startswith("_")
            and (
                value is None or isinstance(value, int | float | str) or hasattr(value, "__name__")
            )
        ]
        lines = [f"{type(self).__name__}({', '.join(options)})"]
        for name, layer in _find(Layer, self).items():
            first, *others = repr(layer).splitlines()
            lines += [f"  {name}: {first}", *("  " + line for line in others)]
        return "\n".join(lines)


def _find(kind: type, holder: Layer) -> dict[str, Any]:
    """What is of `kind` inside `holder`, by name; each once, and nothing inside of what is."""
    found: dict[str, Any] = {}
    _look_into(vars(holder).items(), "", kind, found, {id(holder)})
    return found


def _look_into(
    contents: Iterable[tuple[Any, Any]], way: str, kind: type, found: dict[str, Any], seen: set[int]
) -> None:
    for key, value in contents:
        if isinstance(value, _HOLDERS) and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, kind):
                found[f"{way}{key}"] = value
            elif isinstance(value, Layer):
                _look_into(vars(value).items(), f"{way}{key}.", kind, found, seen)
            elif isinstance(value, dict):
                _look_into(value.items(), f"{way}{key}.", kind, found, seen)
            elif not isinstance(value, Parameter):
                _look_into(enumerate(value), f"{way}{key}.", kind, found, seen)


_HOLDERS = (Parameter, Layer, list, tuple, dict)
