"""Where randomness comes from: one generator for each thread, which the user can seed.

Threads do not share it, so a model trained beside another draws the numbers it draws alone.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import index
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

_of_thread = threading.local()


def generator() -> "Generator":
    """The running thread's generator; until `seed` is called, no two runs draw the same."""
    try:
        return _of_thread.generator
    except AttributeError:
        from numpy.random import default_rng  # 20 ms, which `import wengert` does not pay

        _of_thread.generator = default_rng(getattr(_of_thread, "source", None))
        return _of_thread.generator


def seed(n: int | None) -> "Generator":
    """Starts the running thread's generator anew from `n` ≥ 0, and returns it.

    None takes a seed from the operating system.
    """
    if n is not None:
        _check_seed("seed", n, "an integer ≥ 0, or None")
    _start_from(n)
    return generator()


@contextmanager
def drawing_from(source: "int | Sequence[int] | Generator") -> Iterator[None]:
    """Lends the running thread another generator for the length of a `with` block.

    Its own generator stands still meanwhile, and goes on afterwards as if nothing had been drawn.

    Args:
        source: a generator, or integers ≥ 0 that one is started from at the first draw
            (which takes 15 µs, so a block without a draw does not pay them).

    Raises:
        TypeError: the source is something else.
        ValueError: a number is negative.
    """
    if not hasattr(source, "bit_generator"):
        for n in source if isinstance(source, tuple | list) else (source,):
            _check_seed("drawing_from", n, "a generator, or integers ≥ 0")
    before = vars(_of_thread).copy()
    _start_from(source)
    try:
        yield
    finally:
        vars(_of_thread).clear()
        vars(_of_thread).update(before)


def get_state() -> dict[str, Any]:
    """Where the running thread's generator stands, for `set_state`; it can be kept as JSON."""
    return dict(generator().bit_generator.state)


def set_state(state: dict[str, Any]) -> None:
    """Puts the running thread's generator where it stood at `get_state`."""
    generator().bit_generator.state = state


def _start_from(source: Any) -> None:
    """Leaves a generator to be made from `source` when it is asked for."""
    vars(_of_thread).pop("generator", None)
    _of_thread.source = source


def _check_seed(caller: str, n: Any, needed: str) -> None:
    try:
        negative = index(n) < 0
    except TypeError:
        raise TypeError(f"{caller}: got {n!r}, needed {needed}") from None
    if negative:
        raise ValueError(f"{caller}: got {n}, needed {needed}")
