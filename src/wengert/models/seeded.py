"""The random generator of a model: one with a seed, or that of `wengert.random`."""

from typing import TYPE_CHECKING

import numpy as np

from wengert.arguments import integer
from wengert.random import generator

if TYPE_CHECKING:
    from numpy.random import Generator


def generator_for(name: str, seed: int | None) -> "Generator":
    """A new generator with this seed; for None, the generator of the running thread."""
    if seed is None:
        return generator()
    return np.random.default_rng(integer(name, "seed", seed, 0))
