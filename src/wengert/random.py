"""Where randomness comes from: one generator for each thread, which the user can seed.

Threads do not share it, so a model trained beside another draws the numbers it draws alone.
"""

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

_of_thread = threading.local()


def generator() -> "Generator":
    """The running thread's generator; until `seed` is called, no two runs draw the same."""
    try:
        return _of_thread.generator
    except AttributeError:
        return seed(None)


def seed(n: int | None) -> "Generator":
    """Starts the running thread's generator anew from `n` ≥ 0, and returns it.

    None takes a seed from the operating system.
    """
    from numpy.random import default_rng  # 20 ms, which `import wengert` does not pay

    if n is not None and not hasattr(n, "__index__"):
        raise TypeError(f"seed: got {n!r}, needed a whole number ≥ 0, or None")
    if n is not None and n < 0:
        raise ValueError(f"seed: got {n}, needed a whole number ≥ 0")
    _of_thread.generator = default_rng(n)
    return generator()


def get_state() -> dict[str, Any]:
    """Where the running thread's generator stands, for `set_state`; it can be kept as JSON."""
    return dict(generator().bit_generator.state)


def set_state(state: dict[str, Any]) -> None:
    """Puts the running thread's generator where it stood at `get_state`."""
    generator().bit_generator.state = state
