"""What can be done to the gradients before an update: clip them, or average several batches.

Each is a function of a list of Parameters, for `Optimizer.add_hook` or to be called by hand.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy import ndarray

from wengert.core import Parameter


class ClipValue:
    """Clips each element of the gradients to [-limit, limit]."""

    def __init__(self, limit: float) -> None:
        self.limit = _positive("ClipValue: got limit", limit)

    def __call__(self, params: Iterable[Parameter]) -> None:
        for p, g in _gradients(params):
            p.grad = np.clip(g, -self.limit, self.limit, out=_room(p, g))


class ClipNorm:
    """Scales the gradients down together, where their common norm √(Σ g²) is over the limit.

    Called by hand it returns the norm that it found.

    Raises:
        ValueError: the norm is not finite. No scale mends that, and a step would spoil all weights.
    """

    def __init__(self, limit: float) -> None:
        self.limit = _positive("ClipNorm: got limit", limit)

    def __call__(self, params: Iterable[Parameter]) -> float:
        gradients = _gradients(params)
        norm = math.hypot(*[_norm(g) for _, g in gradients])
        if not math.isfinite(norm):
            raise ValueError(
                f"ClipNorm: the gradients' norm is {norm}; lower lr, or look for what made it"
            )
        if norm > self.limit:
            for p, g in gradients:
                p.grad = np.multiply(g, self.limit / norm, out=_room(p, g))
        return norm


class AverageGradients:
    """Divides by `count` the gradients that as many `backward` calls have added up.

        optimizer.add_hook(AverageGradients(4))
        ...
        model.cleargrads()
        for x, t in four_batches:
            mean_squared_error(model(x), t).backward()
        optimizer.update()  # steps as for one batch of all

    It comes before hooks that clip.
    """

    def __init__(self, count: int) -> None:
        self.count = _positive("AverageGradients: got count", count)

    def __call__(self, params: Iterable[Parameter]) -> None:
        for p, g in _gradients(params):
            p.grad = np.multiply(g, 1 / self.count, out=_room(p, g))


def _gradients(params: Iterable[Parameter]) -> list[tuple[Parameter, ndarray]]:
    return [(p, p.grad.data) for p in params if p.grad is not None]


def _room(p: Parameter, g: ndarray) -> ndarray:
    """Where to write a new gradient: over the old one, unless it has a graph or is read-only."""
    assert p.grad is not None
    free = p.grad.creator is None and g.flags.writeable and g.dtype.kind == "f"
    return g if free else np.empty(g.shape, p.dtype)


def _norm(g: ndarray) -> float:
    flat = g.reshape(-1)
    if flat.dtype.kind != "f" or flat.itemsize < 4:
        flat = flat.astype(np.float64)  # squares of float16 overflow at 256
    return math.sqrt(np.dot(flat, flat))


def _positive(what: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{what} {value}, needed a number > 0")
    return value
