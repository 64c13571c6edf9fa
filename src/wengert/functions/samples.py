"""Sample inputs of elementwise Functions, for `samples` of their classes.

Every Function has `samples(rng)`, which yields inputs, or (inputs, options), for the generated
tests. Samples avoid kinks and ties, where there is no derivative to check.
"""

from typing import Any


def one_input(low: float = -2, high: float = 2) -> Any:
    """Samples of one input, uniform in [low, high]: a matrix and a 0-d array."""

    def samples(rng):
        yield (rng.uniform(low, high, size=(2, 3)),)
        yield (rng.uniform(low, high, size=()),)

    return staticmethod(samples)


def two_inputs(low: float = -2, high: float = 2) -> Any:
    """Samples of two inputs, uniform in [low, high]: equal shapes, and shapes that broadcast."""

    def samples(rng):
        for shape0, shape1 in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (3,)), ((), (2, 3))]:
            yield rng.uniform(low, high, size=shape0), rng.uniform(low, high, size=shape1)

    return staticmethod(samples)
