"""Containers: layers in sequence, and residual connections."""

from collections.abc import Callable, Generator, Iterator
from typing import Any, overload

from wengert.arguments import function
from wengert.core import Variable
from wengert.layers.layer import Layer


class Sequential(Layer):
    """Calls layers and functions in sequence: `Sequential(Linear(100), relu)`.

    It can be indexed; a slice is a Sequential with the same layers.
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for i, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                hint = ""
                if isinstance(layer, type):
                    hint = f"; call {layer.__name__}(...)"
                elif isinstance(layer, list | tuple | Generator):
                    hint = "; write Sequential(*layers)"
                elif isinstance(layer, dict):
                    hint = "; write Sequential(*layers.values())"
                raise TypeError(
                    f"Sequential: got {layer!r} at {i}, needed a Layer or a function{hint}"
                )
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def _components(self) -> dict[str, Any]:
        return {f"layers.{i}": layer for i, layer in enumerate(self.layers)}

    @overload
    def __getitem__(self, index: int) -> Callable[[Any], Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: Any) -> Any:
        layers = self.layers[index]
        if not isinstance(layers, list):
            return layers
        part = Sequential(*layers)
        part._mode = self._mode
        return part

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.layers)


class Residual(Layer):
    """y = inner(x) + shortcut(x), and x itself without a shortcut. Source: arXiv:1512.03385."""

    _adds_inputs = True

    def __init__(
        self, inner: Callable[[Any], Any], shortcut: Callable[[Any], Any] | None = None
    ) -> None:
        self.inner = function("Residual", "inner", inner)
        self.shortcut = shortcut and function("Residual", "shortcut", shortcut)

    def forward(self, x: Any) -> Variable:
        y = self.inner(x)
        skip = x if self.shortcut is None else self.shortcut(x)
        if y.shape != skip.shape:
            raise ValueError(
                f"Residual: inner gave {y.shape} and the shortcut {skip.shape}; "
                f"needed equal shapes: change inner, or give a shortcut that maps to its shape"
            )
        return y + skip
