"""Sets: the different elements of arrays, in ascending order.

Which elements are chosen is data; the chosen ones have the gradients of the elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.functions.arguments import as_operand
from wengert.functions.index import get_item, take
from wengert.functions.join import concatenate
from wengert.functions.of_numpy.constants import constant_of
from wengert.functions.of_numpy.registry import of
from wengert.functions.shape import flatten


@of("unique")
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The different elements, ascending; with their indices, inverse and counts, constants.

    Of equal elements, the first one is taken, and gets the gradient.
    """
    x: Any = as_operand(ar)
    found = constant_of("unique", x, True, True, True, axis, equal_nan=equal_nan)
    _, index, inverse, counts = found
    values = take(flatten(x) if axis is None else x, index, axis or 0)
    wanted = [(return_index, index), (return_inverse, inverse), (return_counts, counts)]
    others = [y for asked, y in wanted if asked]
    return (values, *others) if others else values


def _named(function: Any, *results: Any) -> Any:
    """The named tuple that a function of NumPy gives."""
    return type(function(np.zeros(0)))(*results)


@of("unique_values")
def unique_values(x: Any, /) -> Any:
    """The different elements."""
    return unique(x, equal_nan=False)


@of("unique_counts")
def unique_counts(x: Any, /) -> Any:
    """The different elements, and how often each appears."""
    return _named(np.unique_counts, *unique(x, return_counts=True, equal_nan=False))


@of("unique_inverse")
def unique_inverse(x: Any, /) -> Any:
    """The different elements, and for each element its index among them."""
    return _named(np.unique_inverse, *unique(x, return_inverse=True, equal_nan=False))


@of("unique_all")
def unique_all(x: Any, /) -> Any:
    """The different elements, the indices of their first appearance, the inverse, the counts."""
    return _named(np.unique_all, *unique(x, True, True, True, equal_nan=False))


@of("union1d")
def union1d(ar1: Any, ar2: Any) -> Any:
    """The different elements of both."""
    return unique(concatenate([as_operand(ar1), as_operand(ar2)], None))


@of("intersect1d")
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """The different elements that are in both; they have the gradients of the first."""
    x: Any = flatten(as_operand(ar1))
    found = constant_of("intersect1d", as_operand(ar1), as_operand(ar2), assume_unique, True)
    _, index0, index1 = found
    y = take(x, index0)
    return (y, index0, index1) if return_indices else y


@of("setdiff1d")
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The different elements of the first that are not in the second."""
    x: Any = flatten(as_operand(ar1))
    x = x if assume_unique else unique(x)
    return get_item(x, constant_of("isin", x, as_operand(ar2), invert=True))


@of("setxor1d")
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The different elements that are in one of both only."""
    x0, x1 = flatten(as_operand(ar1)), flatten(as_operand(ar2))
    if not assume_unique:
        x0, x1 = unique(x0), unique(x1)
    both = concatenate([setdiff1d(x0, x1, True), setdiff1d(x1, x0, True)])
    return np.sort(both)
