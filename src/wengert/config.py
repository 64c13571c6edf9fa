"""Modes of the framework, and hooks for observers. Each thread has its own."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from wengert.trace import LayerScope, layer_scope, remember

# fn(function, inputs, outputs): a Function, and the tuples of Variables of its call
Hook: TypeAlias = Callable[[Any, tuple[Any, ...], tuple[Any, ...]], Any]
Walker: TypeAlias = Callable[[list[Any], dict[Any, Any], Collection[Any], bool], None]

# Context variables start at their default in every thread, and reading one costs 30 ns.
enable_backprop: ContextVar[bool] = ContextVar("enable_backprop", default=True)
train: ContextVar[bool] = ContextVar("train", default=True)
layer_train: ContextVar[bool] = ContextVar("layer_train", default=True)  # of the running layer
hooks: ContextVar[tuple[Hook, ...]] = ContextVar("hooks", default=())
walker: ContextVar[Walker | None] = ContextVar("walker", default=None)  # replaces walk.walk

_MODES = {"enable_backprop": enable_backprop, "train": train}


class Config:
    """The modes of the running thread: `wg.config.train`, `wg.config.enable_backprop`."""

    __slots__ = ()  # a misspelled mode is an error

    @property
    def enable_backprop(self) -> bool:
        """Whether calls are recorded for `backward`."""
        return enable_backprop.get()

    @enable_backprop.setter
    def enable_backprop(self, value: bool) -> None:
        enable_backprop.set(bool(value))

    @property
    def train(self) -> bool:
        """Whether the model is being trained; dropout and batch normalisation depend on it.

        Assigning sets the mode of the thread. Within a call of a layer in inference mode (see
        `Layer.eval`) it is False, whatever was assigned.
        """
        return training()

    @train.setter
    def train(self, value: bool) -> None:
        train.set(bool(value))

    @property
    def trace_lines(self) -> bool:
        """Whether the layer and the line of the program are noted for each call; see `trace`."""
        return remember in hooks.get()

    @trace_lines.setter
    def trace_lines(self, value: bool) -> None:
        others = tuple([fn for fn in hooks.get() if fn is not remember])
        hooks.set((*others, remember) if value else others)
        scope = layer_scope.get()
        if value:
            layer_scope.set(scope or LayerScope())
        elif scope is not None and not scope.observers:
            layer_scope.set(None)

    def __repr__(self) -> str:
        return (
            f"Config(enable_backprop={self.enable_backprop}, train={self.train}, "
            f"trace_lines={self.trace_lines})"
        )


config = Config()


def training() -> bool:
    """Whether the code that runs trains: not in `test_mode`, nor in a layer in inference mode."""
    return train.get() and layer_train.get()


@contextmanager
def using_config(name: str, value: bool) -> Iterator[None]:
    """Sets one mode, `enable_backprop` or `train`, within a `with` block.

    Raises:
        ValueError: there is no mode of that name.
    """
    if name not in _MODES:
        raise ValueError(f"using_config: there is no mode {name!r}; the modes are {list(_MODES)}")
    token = _MODES[name].set(bool(value))
    try:
        yield
    finally:
        _MODES[name].reset(token)


def no_grad() -> Any:
    """`with no_grad():` computes without recording: less memory, but no `backward` afterwards."""
    return using_config("enable_backprop", False)


def test_mode() -> Any:
    """`with test_mode():` runs dropout and batch normalisation in inference mode.

    It holds for all models, in the thread that runs the block. `model.eval()` holds for one model,
    in all threads. Each of the two is enough for inference mode.
    """
    return using_config("train", False)


test_mode.__test__ = False  # type: ignore[attr-defined]  # for pytest: this is not a test


@contextmanager
def hook(fn: Hook) -> Iterator[None]:
    """Calls `fn(function, inputs, outputs)` after each call of a Function in a `with` block.

    It observes the forward calls, in the order of the program; `wengert.graph` reads everything
    else from the recorded graph.
    """
    token = hooks.set((*hooks.get(), fn))
    try:
        yield
    finally:
        hooks.reset(token)


@contextmanager
def trace() -> Iterator[None]:
    """Notes the layer and the line of the program of each call within a `with` block.

    `wg.Graph(y)` shows them, and so do messages about numbers that are not finite. A traced call
    takes a few microseconds longer. `wg.config.trace_lines = True` does the same for the thread.
    """
    tokens = hooks.set((*hooks.get(), remember)), layer_scope.set(layer_scope.get() or LayerScope())
    try:
        yield
    finally:
        hooks.reset(tokens[0])
        layer_scope.reset(tokens[1])
