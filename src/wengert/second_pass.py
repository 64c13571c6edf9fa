"""Zeros in gradients: what is masked out contributes 0, whatever its value.

In `np.where(x > 0, np.sqrt(x), 0)`, elements that are not selected get a gradient of 0, and sqrt
multiplies it by its derivative: infinity at 0, NaN below. A derivative is linear in the gradient
that comes in, so 0 gives 0: the product is NaN only because formulas multiply.

So a walk has a second pass. The first computes as the formulas say. Only if its result is not
finite, it is repeated, and what comes from gradients of 0 alone is set to 0. Recorded walks record
that, so it is true for derivatives of every order. In other walks, the only cost is a check of the
results.
"""

import functools
import math
from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array

PART = 64  # Functions

repeated: ContextVar[bool] = ContextVar("repeated", default=False)  # whether this is the second

# (looked up once here, because each walk needs them)
_errstate = np.errstate
_isfinite = math.isfinite
_vdot = np.vdot


def in_two_passes(one_pass: Callable[..., None]) -> Callable[..., None]:
    """Decorator of `walk`: the walk with its second pass.

    A walk that drops records holds those of one part of the graph, until that is known to be
    finite.
    """

    @functools.wraps(one_pass)
    def walk(
        functions: list[Any],
        grads: dict[Any, Any],
        kept: Collection[Any] = (),
        retain_graph: bool = True,
    ) -> None:
        if retain_graph:
            carry(functions, grads, kept, True)
            functions.clear()
            return
        n = max(PART, len(functions) // 4)
        while functions:
            part = functions[-n:]
            del functions[-n:]
            carry(part, grads, kept, False)

    def carry(
        functions: list[Any], grads: dict[Any, Any], kept: Collection[Any], retain_graph: bool
    ) -> None:
        if len(functions) > 1:
            before = grads.copy()
            records = () if retain_graph else [f._record for f in functions]
            with _errstate(divide="ignore", invalid="ignore"):
                one_pass(functions.copy(), grads, kept, retain_graph)
            if finite_gradients(grads.values()):
                return
            for f, record in zip(functions, records, strict=False):
                f._record = record
            grads.clear()
            grads.update(before)
        second = repeated.set(True)
        try:
            with quiet():
                one_pass([PastZeros(f) for f in functions], grads, kept, retain_graph)
        finally:
            repeated.reset(second)

    return walk


class PastZeros:
    """A Function in the second pass: its `backward` carries zeros past NaN and infinity.

    A class that is not elementwise defines `backward_past_zeros` for that, if each element of its
    outputs depends on some elements of its inputs only. For others, all gradients must be 0.
    """

    def __init__(self, function: Any) -> None:
        self.__dict__["function"] = function

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # (errors name it)
        return type(self.function)

    def __repr__(self) -> str:
        return repr(self.function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.function, name, value)

    def backward(self, *gys: Any) -> Any:
        f = self.function
        if hasattr(f, "backward_past_zeros"):
            return f.backward_past_zeros(*gys)
        gxs = f.backward(*gys)
        several = isinstance(gxs, tuple | list)
        found = gxs if several else (gxs,)
        if finite_gradients([gx for gx in found if gx is not None]):
            return gxs
        zeros = [as_array(gy) == 0 for gy in gys]
        zero = functools.reduce(np.logical_and, zeros if f.elementwise else map(np.all, zeros))
        found = [gx if gx is None else with_zeros(gx, zero) for gx in found]
        return tuple(found) if several else found[0]


def with_zeros(gx: Any, zero: Any) -> Any:
    """`gx`, with 0 where it is not finite and `zero` is true, if that broadcasts to its shape."""
    bad = ~np.isfinite(as_array(gx))
    sizes = zip(reversed(zero.shape), reversed(bad.shape), strict=False)
    if zero.ndim > bad.ndim or not all(n in (1, m) for n, m in sizes):
        return gx  # (a sum over what was broadcast)
    return np.where(bad & zero, 0, gx)


def quiet() -> Any:
    """A block without NumPy's warnings; errors and calls that the program has set remain."""
    modes = np.geterr()
    return np.errstate(
        divide="ignore" if modes["divide"] == "warn" else None,
        invalid="ignore" if modes["invalid"] == "warn" else None,
    )


def finite_gradients(gradients: Iterable[Any]) -> bool:
    """Whether all gradients are free of NaN and infinity."""
    for gx in gradients:
        # a sum of squares is the fastest check of all elements; it may overflow
        if type(gx) is ndarray and _isfinite(_vdot(gx, gx)):
            continue
        if not np.isfinite(as_array(gx)).all():
            return False
    return True
