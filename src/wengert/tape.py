"""The state that a call reads and changes outside of its arguments, so that it can be repeated.

`wengert.recompute` calls a function twice. The second call must give the result of the first: with
the modes that the layers had and the running statistics of that time, which it must not update
again. So the first call writes the values that it reads from such a state to a `Tape`, and the
second one reads them from there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Tape:
    """The values that a call reads, in order.

    Attributes:
        repeating: whether the running call repeats an earlier one, which has already changed the
            state: it must not be changed again.
        changed: the Variables whose change in the call is left out in a repetition.
    """

    def __init__(self) -> None:
        self.repeating = False
        self.changed: set[Any] = set()
        self._values: list[Any] = []
        self._repeated: Iterator[Any] | None = None
        self._outer: Tape | None = None

    def __repr__(self) -> str:
        return f"Tape({len(self._values)} values, repeating={self.repeating})"

    def read(self, value: T) -> T:
        """`value`, which is kept; in a repetition, the value that the first call kept here."""
        if self._repeated is not None:
            return next(self._repeated, value)
        if self._outer is not None:
            value = self._outer.read(value)
        self._values.append(value)
        return value

    @contextmanager
    def recording(self) -> Iterator[Self]:
        """A `with` block of the first call."""
        self._outer = running.get()
        self.repeating = self._outer is not None and self._outer.repeating
        token = running.set(self)
        try:
            yield self
        finally:
            running.reset(token)
            self._outer = None

    @contextmanager
    def playing(self) -> Iterator[None]:
        """A `with` block of a repetition."""
        player = Tape()
        player.repeating, player._repeated = True, iter(self._values)
        token = running.set(player)
        try:
            yield
        finally:
            running.reset(token)


running: ContextVar[Tape | None] = ContextVar("tape", default=None)


def read(value: T) -> T:
    """A value of a state that changes between calls, as it was at the call that is repeated."""
    tape = running.get()
    return value if tape is None else tape.read(value)


def may_change(*variables: Any) -> bool:
    """Whether the running call may change these Variables: it is not the repetition of another."""
    tape = running.get()
    if tape is None:
        return True
    tape.changed.update(variables)
    return not tape.repeating
