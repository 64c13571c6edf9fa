"""Draws of a model: from a seed of their own, or from `wengert.random`."""

from typing import TYPE_CHECKING

import numpy as np

from wengert.random import generator

if TYPE_CHECKING:
    from numpy.random import Generator


def generator_for(name: str, seed: int | None) -> "Generator":
    """One that starts at this seed, beside the running thread's; for None that one itself."""
    if seed is None:
        return generator()
    if seed < 0:
        raise ValueError(f"{name}: got seed {seed}, needed an integer ≥ 0, or None")
    return np.random.default_rng(seed)
