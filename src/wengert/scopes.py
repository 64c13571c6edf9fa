"""`with` blocks that set context variables, and hooks that are added and removed."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, Self, TypeVar

Setting = tuple[ContextVar[Any], Callable[[], Any]]  # a variable, and what gives its value
F = TypeVar("F", bound=Callable[..., Any])

# The blocks that the running thread or task is in, with what restores the values before them.
_open: ContextVar[tuple[tuple["Scope", list[Token[Any]]], ...]] = ContextVar("scopes", default=())


class Scope:
    """A `with` block in which some context variables have other values. Also a decorator.

    One object can be entered any number of times, also within itself and by several threads. As a
    decorator of a generator or coroutine it holds while their code runs, and not in the code that
    consumes them. (A `with` block in a generator, with a `yield` within the block, holds for the
    consumer too; decorate the generator instead.)
    """

    def __init__(self, *settings: Setting) -> None:
        self._settings = settings

    def __enter__(self) -> None:
        tokens = [variable.set(value()) for variable, value in self._settings]
        _open.set((*_open.get(), (self, tokens)))

    def __exit__(self, *error: object) -> None:
        scopes = list(_open.get())
        i = max([i for i, (scope, _) in enumerate(scopes) if scope is self])
        for token in reversed(scopes.pop(i)[1]):
            token.var.reset(token)
        _open.set(tuple(scopes))

    def __call__(self, function: F) -> F:
        if not inspect.isroutine(function):
            raise TypeError(
                f"decorator: got {function!r:.80}, needed a function; decorate its methods, or use "
                f"a `with` block"
            )
        decorated: Any = functools.wraps(function)(_kind(function)(self, function))
        return decorated

    def __repr__(self) -> str:
        settings = [f"{variable.name}={value()!r}" for variable, value in self._settings]
        return f"Scope({', '.join(settings)})"


def _kind(function: Callable[..., Any]) -> Callable[[Scope, Any], Any]:
    if inspect.isgeneratorfunction(function):
        return _generator
    if inspect.isasyncgenfunction(function):
        return _async_generator
    return _coroutine if inspect.iscoroutinefunction(function) else _function


def _function(scope: Scope, function: Any) -> Any:
    def run(*args: Any, **options: Any) -> Any:
        with scope:
            return function(*args, **options)

    return run


def _coroutine(scope: Scope, function: Any) -> Any:
    async def run(*args: Any, **options: Any) -> Any:
        with scope:  # (each task of an event loop has context variables of its own)
            return await function(*args, **options)

    return run


def _generator(scope: Scope, function: Any) -> Any:
    def run(*args: Any, **options: Any) -> Any:
        generator = function(*args, **options)
        resume, value = generator.send, None
        try:
            while True:
                try:
                    with scope:
                        item = resume(value)
                except StopIteration as end:
                    return end.value
                try:
                    resume, value = generator.send, (yield item)
                except Exception as error:  # thrown in by the consumer
                    resume, value = generator.throw, error
        finally:
            with scope:
                generator.close()

    return run


def _async_generator(scope: Scope, function: Any) -> Any:
    async def run(*args: Any, **options: Any) -> Any:
        generator = function(*args, **options)
        resume, value = generator.asend, None
        try:
            while True:
                try:
                    with scope:
                        item = await resume(value)
                except StopAsyncIteration:
                    return
                try:
                    resume, value = generator.asend, (yield item)
                except Exception as error:
                    resume, value = generator.athrow, error
        finally:
            with scope:
                await generator.aclose()

    return run


class Registration:
    """A hook that has been added. It stays until `remove()`, or until the end of a `with` block."""

    def __init__(self, add: Callable[[], Any], remove: Callable[[], Any]) -> None:
        self._add, self._remove = add, remove
        self._added = False
        self.__enter__()

    def __repr__(self) -> str:
        return f"Registration({'added' if self._added else 'removed'})"

    def remove(self) -> None:
        """Removes the hook; again, without effect."""
        if self._added:
            self._remove()
            self._added = False

    def __enter__(self) -> Self:
        if not self._added:
            self._add()
            self._added = True
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def without(hooks: tuple[Any, ...], fn: Any) -> tuple[Any, ...]:
    """The hooks without the one that was added last as `fn`."""
    last = max([i for i, hook in enumerate(hooks) if hook is fn], default=len(hooks))
    return hooks[:last] + hooks[last + 1 :]


def checked(name: str, fn: Callable[..., Any]) -> Callable[..., None]:
    """`fn` as an observer: it returns None, because what it observes cannot be replaced.

    Raises:
        TypeError: fn is not a function, or in its calls: it returned a value.
    """
    if not callable(fn):
        raise TypeError(f"{name}: got {fn!r:.80}, needed a function")

    @functools.wraps(fn)
    def observe(*args: Any) -> None:
        if (value := fn(*args)) is not None:
            raise TypeError(
                f"{name}: the hook returned {type(value).__name__}, needed None: a hook observes "
                f"and cannot replace an output; write the change into the program"
            )

    return observe
