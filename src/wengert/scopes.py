"""`with` blocks that set context variables, and hooks that are added and removed."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn, Self, TypeVar

Setting = tuple[ContextVar[Any], Callable[[], Any]]  # a variable, and what gives its value
Values = dict[ContextVar[Any], Any]
F = TypeVar("F", bound=Callable[..., Any])

# The blocks that the running thread or task is in, with the values before them.
_open: ContextVar[tuple[tuple["Scope", Values], ...]] = ContextVar("scopes", default=())


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
        before = {variable: variable.get() for variable, _ in self._settings}
        for variable, value in self._settings:
            variable.set(value())
        _open.set((*_open.get(), (self, before)))

    def __exit__(self, *error: object) -> None:
        scopes = list(_open.get())
        i = max([i for i, (scope, _) in enumerate(scopes) if scope is self], default=-1)
        if i < 0:
            raise RuntimeError(
                f"{self}: the block ends in another thread or task than it began in, where it "
                f"still holds; for a generator, use it as a decorator"
            )
        for variable, value in scopes.pop(i)[1].items():
            # blocks of generators may end in any order: the next one that is open restores it
            later = [before for _, before in scopes[i:] if variable in before]
            if later:
                later[0][variable] = value
            else:
                variable.set(value)
        _open.set(tuple(scopes))

    def __call__(self, function: F) -> F:
        if isinstance(function, classmethod | staticmethod):
            inner: Any = type(function)(self(function.__func__))
            return inner
        if not (inspect.isroutine(function) or isinstance(function, functools.partial)):
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
    """A hook that has been added. It stays until `remove()`, or until the end of a `with` block.

    Args:
        add: adds the hook.
        remove: removes it; its RuntimeError says that it is not here.
    """

    def __init__(self, add: Callable[[], Any], remove: Callable[[], Any]) -> None:
        self._add, self._remove = add, remove
        self._blocks = 0  # `with` blocks that are open
        self._added = True
        add()

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
        self._blocks += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._blocks -= 1
        if not self._blocks:
            self.remove()

    def __call__(self, *args: Any) -> NoReturn:
        """Refused: as a decorator, the hook would be added at the definition and never removed."""
        self.remove()
        raise TypeError("hook: it is no decorator; use a `with` block in the function")


def without(hooks: tuple[Any, ...], fn: Any) -> tuple[Any, ...]:
    """The hooks without the one that was added last as `fn`.

    Raises:
        RuntimeError: there is none.
    """
    last = max([i for i, hook in enumerate(hooks) if hook is fn], default=-1)
    if last < 0:
        raise RuntimeError(
            "hook: it was added in another thread or task; remove it there, where it still holds"
        )
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
