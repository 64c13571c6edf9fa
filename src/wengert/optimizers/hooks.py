"""Hooks that change the gradients before an update: clipping, and averages of several batches.

Each is a function of a list of Parameters, for `Optimizer.add_hook`; a direct call takes a model or
dict, too.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import explains_call, integer, number
from wengert.arrays import buffer_for_gradient
from wengert.core import Variable
from wengert.optimizers.targets import Target, as_target


class ClipValue:
    """Clips each element of the gradients to [-limit, limit], infinite ones too.

    Raises:
        ValueError: an element is NaN, which has no sign. No gradient is clipped then.
    """

    @explains_call()
    def __init__(self, limit: float) -> None:
        self.limit = number("ClipValue", "limit", limit, above=0)

    def __repr__(self) -> str:
        return f"ClipValue({self.limit!r})"

    def __call__(self, params: Target) -> None:
        clipped = _with_gradient(params)
        if any(np.isnan(g.max(initial=0)) for g in _arrays(clipped)):
            raise ValueError("ClipValue: a gradient is NaN; lower lr, or look for its cause")
        for p in clipped:
            _change(p, lambda g, out: np.clip(g, -self.limit, self.limit, out=out))


class ClipNorm:
    """Scales all gradients by one factor if their common norm √(Σ g²) is greater than the limit.

    A direct call returns the norm before the scaling.

    Raises:
        ValueError: the norm is not finite. No factor corrects that, and an update would make all
            weights NaN.
    """

    @explains_call()
    def __init__(self, limit: float) -> None:
        self.limit = number("ClipNorm", "limit", limit, above=0)

    def __repr__(self) -> str:
        return f"ClipNorm({self.limit!r})"

    def __call__(self, params: Target) -> float:
        clipped = _with_gradient(params)
        norm = math.hypot(*[_norm(g) for g in _arrays(clipped)])
        if norm == math.inf and all(np.isfinite(g).all() for g in _arrays(clipped)):
            self._clip_by_direction(clipped)
            return norm
        if not math.isfinite(norm):
            raise ValueError(
                f"ClipNorm: the norm of the gradients is {norm}; lower lr, or look for its cause"
            )
        if norm > self.limit:
            for p in clipped:
                _change(p, lambda g, out: _scale(g, self.limit / norm, out))
        return norm

    def _clip_by_direction(self, params: list[Variable]) -> None:
        """Clips finite gradients whose norm is greater than all floats."""
        for p in params:
            _change(p, lambda g, out: np.multiply(g, SMALLEST, out=out))
        norm = math.hypot(*[_norm(g) for g in _arrays(params)])
        for p in params:
            _change(p, lambda g, out: np.multiply(g, self.limit / norm, out=out))


class AverageGradients:
    """Divides the gradients, the sum of `count` calls of `backward`, by `count`.

        optimizer.add_hook(AverageGradients(4))
        ...
        model.cleargrads()
        for x, t in four_batches:
            mean_squared_error(model(x), t).backward()
        optimizer.update()  # the same step as for one batch of all samples

    Add it before hooks that clip.
    """

    @explains_call()
    def __init__(self, count: int) -> None:
        self.count = integer("AverageGradients", "count", count, least=1)

    def __repr__(self) -> str:
        return f"AverageGradients({self.count!r})"

    def __call__(self, params: Target) -> None:
        for p in _with_gradient(params):
            _change(p, lambda g, out: np.multiply(g, 1 / self.count, out=out))


def _with_gradient(params: Target) -> list[Variable]:
    if type(params) is not list:
        params = list(as_target("clipping", params).named_params().values())
    return [p for p in params if p.grad is not None]


def _arrays(params: list[Variable]) -> Iterator[ndarray]:
    for p in params:
        assert p.grad is not None
        yield p.grad.data


def _change(p: Variable, function: Callable[[ndarray, ndarray], Any]) -> None:
    """Calls `function(g, out)` for the gradient g of p; `out` is the new gradient of p."""
    out = buffer_for_gradient(p)
    assert p.grad is not None
    function(p.grad.data, out)
    p.grad = out


def _norm(g: ndarray) -> float:
    """√(Σ g²), also where the squares are too large or too small for the dtype."""
    flat = g.reshape(-1)
    if flat.dtype.kind != "f" or flat.itemsize < 4:
        flat = flat.astype(np.float64)  # squares of float16 overflow at 256
    with np.errstate(over="ignore"):
        square = float(np.dot(flat, flat))
    if SMALLEST < square < LARGEST:
        return math.sqrt(square)
    largest = float(abs(flat).max(initial=0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    scaled = flat / largest  # at most 1
    return largest * math.sqrt(float(np.dot(scaled, scaled)))


def _scale(g: ndarray, factor: float, out: ndarray) -> None:
    """Writes g times a factor < 1 to `out`; the factor may be too small for the dtype of g."""
    if factor >= SMALLEST:
        np.multiply(g, factor, out=out)
    else:
        np.multiply(g, math.sqrt(factor), out=out)
        np.multiply(out, math.sqrt(factor), out=out)


SMALLEST, LARGEST = 1e-30, 1e37  # squares between them are exact enough in float32
