"""NumPy's functions whose results have no derivative: indices, counts, comparisons, properties.

For a Variable, arrays are constants; what NumPy gives as a plain Python value stays one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from wengert.calls import refuse_out
from wengert.core import Constant, Variable
from wengert.dispatch import implements
from wengert.functions.logic import OfUfunc
from wengert.functions.samples import one_input

# Functions that give arrays, or tuples of arrays.
ARRAYS = [
    "argpartition", "argwhere", "count_nonzero", "diag_indices_from", "digitize", "flatnonzero",
    "histogram_bin_edges", "histogram2d", "isclose", "iscomplex", "in1d", "isin", "isneginf",
    "isposinf", "isreal", "ix_", "lexsort", "nanargmax", "nanargmin", "nonzero", "packbits",
    "ravel_multi_index", "searchsorted", "tril_indices_from", "triu_indices_from", "unpackbits",
    "unravel_index",
]  # fmt: skip

# Functions that give a Python value or text, or write a file.
PLAIN = [
    "allclose", "array2string", "array_equal", "array_equiv", "array_repr", "array_str",
    "can_cast", "common_type", "einsum_path", "iscomplexobj", "isfortran", "isrealobj",
    "iterable", "may_share_memory", "min_scalar_type", "mintypecode", "result_type", "save",
    "savetxt", "savez", "savez_compressed", "shares_memory",
]  # fmt: skip


class OfNumpy(Constant):
    """The results of a function of NumPy, by its name, as constants.

    `args` and `named` are its arguments: plain values, tuples for sequences, and `...` in the
    place of each input.
    """

    def __init__(
        self,
        name: str,
        args: tuple[Any, ...] = (...,),
        named: tuple[tuple[str, Any], ...] = (),
    ) -> None:
        self.name = name
        self.args = args
        self.named = named

    def forward(self, *xs):
        inputs = iter(xs)
        args = [_filled(value, inputs) for value in self.args]
        options = {name: _filled(value, inputs) for name, value in self.named}
        ys = getattr(np, self.name)(*args, **options)
        return tuple(_flat(ys)) if isinstance(ys, tuple) else np.asarray(ys)

    @staticmethod
    def samples(rng):
        yield (rng.normal(size=(2, 3)),), {"name": "nonzero"}
        yield (rng.normal(size=(2, 3)),), {"name": "argpartition", "args": (..., 1)}
        x, v = np.sort(rng.normal(size=5)), rng.normal(size=(2, 3))
        yield (x, v), {"name": "searchsorted", "args": (..., ...), "named": (("side", "right"),)}
        yield (v[0], v[1]), {"name": "lexsort", "args": ((..., ...),)}


def constant_of(name: str, *args: Any, **options: Any) -> Any:
    """`np.name(*args, **options)`: for Variables among the arguments, as constant Variables."""
    if options.pop("out", None) is not None:
        refuse_out(f"numpy.{name}")
    inputs: list[Any] = []
    template = tuple([_emptied(value, inputs) for value in args])
    named = tuple([(option, _emptied(value, inputs)) for option, value in options.items()])
    return OfNumpy(name, template, named)(*inputs)


def plain(value: Any) -> Any:
    """`value` with the arrays of Variables in their place, also in lists, tuples and dicts."""
    if isinstance(value, Variable):
        return value.data
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(map(plain, value))
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def _plain_call(function: Any, *args: Any, **options: Any) -> Any:
    return function(*plain(args), **plain(options))


def _emptied(value: Any, inputs: list[Any]) -> Any:
    """`value` with `...` in the place of each array, which is appended to `inputs`."""
    if isinstance(value, list) and not _has_arrays(value):
        array = np.asarray(value)
        value = array if array.dtype.kind in "fiub" else value
    if isinstance(value, Variable | np.ndarray):
        inputs.append(value)
        return ...
    if isinstance(value, list | tuple):
        return tuple([_emptied(item, inputs) for item in value])
    if isinstance(value, np.generic):
        return value.item()
    return np.dtype(value) if isinstance(value, type) else value


def _flat(ys: Any) -> Iterator[Any]:
    """The arrays of nested tuples and lists, in their order."""
    for y in ys:
        if isinstance(y, list | tuple):
            yield from _flat(y)
        else:
            yield np.asarray(y)


def _has_arrays(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_arrays, value))
    return isinstance(value, Variable | np.ndarray)


def _filled(value: Any, inputs: Iterator[Any]) -> Any:
    """`value` with the next of `inputs` in the place of each `...`."""
    if value is ...:
        return next(inputs)
    return tuple([_filled(item, inputs) for item in value]) if type(value) is tuple else value


for _name in ARRAYS:
    if hasattr(np, _name):
        implements(getattr(np, _name), constant=True)(partial(constant_of, _name))
for _name in PLAIN:
    if hasattr(np, _name):
        _function = getattr(np, _name)
        implements(_function, constant=True)(partial(_plain_call, _function))


# ---- Ufuncs ----


class OfIntegers(OfUfunc):
    """A constant of integers, from integers."""

    def forward(self, *xs):
        try:
            return super().forward(*xs)
        except TypeError:
            arrived = " and ".join([str(np.asarray(x).dtype) for x in xs])
            raise TypeError(
                f"{self.ufunc.__name__}: got {arrived}, needed integers; "  # type: ignore[union-attr]
                f"use x.astype(int)"
            ) from None

    @staticmethod
    def samples(rng):
        yield rng.integers(1, 8, size=(2, 3)), rng.integers(1, 8, size=3)


class SignBit(OfUfunc):
    """y = whether x has a minus sign."""

    ufunc = np.signbit
    samples = one_input()


class Spacing(OfUfunc):
    """y = the distance from x to the next larger number of its dtype."""

    ufunc = np.spacing
    samples = one_input()


class Gcd(OfIntegers):
    """y = the greatest common divisor."""

    ufunc = np.gcd


class Lcm(OfIntegers):
    """y = the least common multiple."""

    ufunc = np.lcm


class LeftShift(OfIntegers):
    """y = x0 2^x1."""

    ufunc = np.left_shift


class RightShift(OfIntegers):
    """y = ⌊x0 / 2^x1⌋."""

    ufunc = np.right_shift


class BitCount(OfIntegers):
    """y = the number of 1-bits in |x|."""

    ufunc = np.bitwise_count

    @staticmethod
    def samples(rng):
        yield (rng.integers(-8, 8, size=(2, 3)),)
