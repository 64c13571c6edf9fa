"""The origins of calls: the layer and the line of the program. They are recorded on request only.

`wg.trace()` and `wg.config.trace_lines` add `remember` to the hooks of Function calls, and set
`layer_scope`, in which layers store their paths. When both are off, nothing here is called.
"""

import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import FrameType, MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

_PACKAGE = os.path.dirname(__file__) + os.sep


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a program."""

    file: str
    number: int

    @property
    def text(self) -> str:
        """The line itself, without indentation; empty if the file cannot be read."""
        import linecache  # (a slow import)

        return linecache.getline(self.file, self.number).strip()

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.number}"


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a call.

    Attributes:
        layer: path of the innermost layer that was running, such as "blocks.2.attention"; empty
            outside of layers, and for the outermost one.
        line: the innermost line outside of this package.
    """

    layer: str
    line: Line | None


NOWHERE = Origin("", None)
origins: "WeakKeyDictionary[Any, Origin]" = WeakKeyDictionary()  # of Functions


def remember(function: Any, inputs: Any, outputs: Any) -> None:
    """Notes the origin of a call; a hook, see `wengert.config.hook`."""
    scope = layer_scope.get()
    origins[function] = Origin("" if scope is None else scope.path, user_line())


def user_line() -> Line | None:
    """The current line of the innermost frame outside of this package."""
    frame = sys._getframe(1)
    while frame is not None and is_ours(frame):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else Line(frame.f_code.co_filename, frame.f_lineno)


def is_ours(frame: FrameType) -> bool:
    """Whether the running code of a frame is in this package."""
    return frame.f_code.co_filename.startswith(_PACKAGE)


# ---- Layers ----

# fn(path, layer, inputs, output), after each call of a layer
LayerObserver = Callable[[str, Any, tuple[Any, ...], Any], Any]
# fn(layer), before each call
LayerStart = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class LayerScope:
    """The running layer: its path, and the paths of all layers in the outermost one."""

    path: str = ""
    paths: MappingProxyType[int, str] | None = None  # by id; None outside of layers
    observers: tuple[LayerObserver, ...] = ()
    starts: tuple[LayerStart, ...] = ()

    def entered(self, layer: Any) -> "LayerScope":
        """The scope inside a call of `layer`."""
        if self.paths is None:
            paths = {id(inner): name for name, inner in layer.named_layers().items()}
            return replace(self, paths=MappingProxyType(paths))
        # a layer that is not an attribute of another is named by its class
        path = self.paths.get(id(layer)) or f"{self.path}.{type(layer).__name__}".lstrip(".")
        return replace(self, path=path)


# None while nothing is traced; `Layer.__call__` changes it only if it is not None.
layer_scope: ContextVar[LayerScope | None] = ContextVar("layer_scope", default=None)


def call_in_scope(scope: LayerScope, layer: Any, xs: tuple[Any, ...], options: Any) -> Any:
    """`layer.forward(*xs, **options)`, with the layer's path in `layer_scope` during the call."""
    inside = scope.entered(layer)
    for start in scope.starts:
        start(layer)
    token = layer_scope.set(inside)
    try:
        y = layer.forward(*xs, **options)
    finally:
        layer_scope.reset(token)
    for observe in scope.observers:
        observe(inside.path, layer, xs, y)
    return y
