"""The source of all random numbers: one generator for each thread, which the user can seed.

Threads do not share it: a model that is trained in one thread draws the same numbers whatever runs
in the others.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wengert.arguments import integer, integers
from wengert.names import public

if TYPE_CHECKING:
    from numpy.random import Generator

_of_thread = threading.local()


def generator() -> "Generator":
    """The generator of the current thread; without `seed`, each run draws other numbers."""
    try:
        return _of_thread.generator
    except AttributeError:
        from numpy.random import default_rng  # takes 20 ms; `import wengert` avoids it

        _of_thread.generator = default_rng(getattr(_of_thread, "source", None))
        return _of_thread.generator


def seed(n: int | None) -> "Generator":
    """Restarts the generator of the current thread from the seed `n` ≥ 0, and returns it.

    None takes a seed from the operating system.
    """
    _start_from(None if n is None else integer("seed", "n", n, least=0))
    return generator()


@contextmanager
def drawing_from(source: "int | Sequence[int] | Generator") -> Iterator[None]:
    """Replaces the generator of the current thread within a `with` block.

    After the block, the thread's own generator continues as if nothing had been drawn.

    Args:
        source: a generator, or one or more integers ≥ 0, the seed of a generator that is made at
            the first draw (as that takes 15 µs).

    Raises:
        TypeError: the source is something else.
        ValueError: an integer is negative.
    """
    if not hasattr(source, "bit_generator"):
        integers("drawing_from", "source", source, least=0)
    before = vars(_of_thread).copy()
    _start_from(source)
    try:
        yield
    finally:
        vars(_of_thread).clear()
        vars(_of_thread).update(before)


def get_state() -> dict[str, Any]:
    """The state of the current thread's generator, for `set_state`; it can be stored as JSON."""
    return dict(generator().bit_generator.state)


def set_state(state: dict[str, Any]) -> None:
    """Restores a state of `get_state` for the current thread's generator."""
    generator().bit_generator.state = state


def _start_from(source: Any) -> None:
    """Makes the next call of `generator` create one from `source`."""
    vars(_of_thread).pop("generator", None)
    _of_thread.source = source


__all__, __dir__ = public(globals())
