"""Modes of the framework, and hooks for observers. Each thread has its own."""

from collections.abc import Callable, Collection
from contextvars import ContextVar
from typing import Any, TypeAlias

from wengert import tape
from wengert.arguments import boolean
from wengert.scopes import Registration, Scope, checked, without
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
# the leaves made while a transform (autodiff.py) runs its function
made: ContextVar[set[Any] | None] = ContextVar("made", default=None)
# fn(variable): for each Variable that float() makes a plain number; see debug.py
conversions: ContextVar[tuple[Callable[[Any], Any], ...]] = ContextVar("conversions", default=())

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
        enable_backprop.set(boolean("config", "enable_backprop", value))

    @property
    def train(self) -> bool:
        """Whether the model is being trained; dropout and batch normalisation depend on it.

        Assigning sets the mode of the thread. Within a call of a layer in inference mode (see
        `Layer.eval`) it is False, whatever was assigned.
        """
        return training()

    @train.setter
    def train(self, value: bool) -> None:
        train.set(boolean("config", "train", value))

    @property
    def trace_lines(self) -> bool:
        """Whether the layer and the line of the program are noted for each call; see `trace`."""
        return remember in hooks.get()

    @trace_lines.setter
    def trace_lines(self, value: bool) -> None:
        while self.trace_lines:
            _end_trace()
        if value:
            _begin_trace()

    def __repr__(self) -> str:
        return (
            f"Config(enable_backprop={self.enable_backprop}, train={self.train}, "
            f"trace_lines={self.trace_lines})"
        )


config = Config()


def training() -> bool:
    """Whether the running code is in training mode: not in `test_mode` or after `eval()`."""
    return tape.read(train.get() and layer_train.get())


def using_config(name: str, value: bool) -> Scope:
    """Sets one mode, `enable_backprop` or `train`, within a `with` block; also a decorator.

    Raises:
        ValueError: there is no mode of that name.
    """
    if name not in _MODES:
        raise ValueError(f"using_config: there is no mode {name!r}; the modes are {list(_MODES)}")
    mode = boolean("using_config", name, value)
    return Scope((_MODES[name], lambda: mode))


_NO_GRAD = using_config("enable_backprop", False)
_TEST_MODE = using_config("train", False)


def no_grad(function: Any = None) -> Any:
    """`with no_grad():` computes without recording: less memory, but no `backward` afterwards.

    `@no_grad()` and `@no_grad` do the same for a function, a generator or a coroutine.
    """
    return _NO_GRAD if function is None else _NO_GRAD(function)


def test_mode(function: Any = None) -> Any:  # noqa: PT028 (this is not a test)
    """`with test_mode():` runs dropout and batch normalisation in inference mode.

    It holds for all models, in the thread that runs the block. `model.eval()` holds for one model,
    in all threads. Each of the two is enough for inference mode.

    `@test_mode()` and `@test_mode` do the same for a function, a generator or a coroutine.
    """
    return _TEST_MODE if function is None else _TEST_MODE(function)


test_mode.__test__ = False  # type: ignore[attr-defined]  # for pytest


def hook(fn: Hook) -> Registration:
    """Calls `fn(function, inputs, outputs)` after each call of a Function.

    It observes the forward calls of this thread, in the order of the program, and returns None;
    `wengert.graph` reads everything else from the recorded graph. `with hook(fn):` removes it at
    the end of the block, `hook(fn).remove()` at once; otherwise it stays.

    Raises:
        TypeError: in a call: fn returned a value.
    """
    return add_hook(checked("hook", fn))


def add_hook(fn: Hook) -> Registration:
    """`hook`, for a function that is known to return None."""
    return Registration(
        lambda: hooks.set((*hooks.get(), fn)), lambda: hooks.set(without(hooks.get(), fn))
    )


def trace() -> Registration:
    """Notes the layer and the line of the program of each call within a `with` block.

    `wg.Graph(y)` shows them, and so do messages about numbers that are not finite. A traced call
    takes a few microseconds longer. Without `with`, it lasts until `trace().remove()`.
    """
    return Registration(_begin_trace, _end_trace)


def _begin_trace() -> None:
    hooks.set((*hooks.get(), remember))
    layer_scope.set(layer_scope.get() or LayerScope())


def _end_trace() -> None:
    if remember in hooks.get():  # (else the program has set trace_lines = False)
        hooks.set(without(hooks.get(), remember))
    scope = layer_scope.get()
    if remember not in hooks.get() and scope is not None and not scope.observers:
        layer_scope.set(None)
