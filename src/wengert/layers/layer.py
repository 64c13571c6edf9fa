"""`Layer`: parameters, and layers inside, held as plain attributes."""

from collections.abc import Iterable, Iterator
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

    def named_params(self) -> Iterator[tuple[str, Parameter]]:
        """Each Parameter with its name, in the order of assignment."""
        return _find(Parameter, self, "", set())

    def params(self) -> list[Parameter]:
        """The Parameters, in the order of assignment."""
        return [p for _, p in self.named_params()]

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
        for name, layer in _find(Layer, self, "", set()):
            first, *others = repr(layer).splitlines()
            lines += [f"  {name}: {first}", *("  " + line for line in others)]
        return "\n".join(lines)


def _find(kind: type, holder: Any, way: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """What is of `kind` inside `holder`, by name; once each, and nothing inside of what is."""
    seen.add(id(holder))
    for key, value in _contents(holder):
        if isinstance(value, kind):
            if id(value) not in seen:
                seen.add(id(value))
                yield f"{way}{key}", value
        elif isinstance(value, Layer | list | tuple | dict) and id(value) not in seen:
            yield from _find(kind, value, f"{way}{key}.", seen)


def _contents(holder: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(holder, Layer):
        return vars(holder).items()
    return holder.items() if isinstance(holder, dict) else enumerate(holder)
