"""The backward walk: an algorithm on the records that Functions leave.

It goes through the Functions in falling order of generation, so each has the whole gradient of its
outputs when its turn comes. There is no recursion: a graph may be deeper than Python's stack. Time
is in proportion to the number of Functions.
"""

import operator
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from wengert.arrays import sum_to

if TYPE_CHECKING:
    from wengert.core import Function, Variable


def behind(outputs: "Iterable[Variable]") -> "list[Function]":
    """The Functions that `outputs` were computed by, the latest generation first."""
    functions = list(dict.fromkeys([y.creator for y in outputs if y.creator is not None]))
    found = set(functions)
    for f in functions:
        for x in (f.record or f.no_record())[0]:
            creator = x.creator
            if creator is not None and creator not in found:
                found.add(creator)
                functions.append(creator)  # and the loop goes on with it
    functions.sort(key=operator.attrgetter("generation"), reverse=True)
    return functions


def walk(
    functions: "Iterable[Function]",
    grads: "dict[Variable, Any]",
    kept: "Collection[Variable]",
    kind: type,
    convert: Callable[[Any], Any],
) -> None:
    """Walks back from the gradients of the last outputs to those of the leaves.

    Args:
        functions: what to walk through, the latest generation first.
        grads: gradients of the last outputs. At the end, gradients of the leaves and of the `kept`
            Variables.
        kept: Variables whose gradients are not dropped when they have been passed on.
        kind: of the gradients: ndarray; or Variable, if the walk is recorded.
        convert: makes a gradient of that kind.
    """
    plain = kind is ndarray
    scalar: Any = np.generic if plain else ()  # what NumPy's arithmetic makes of 0-d arrays
    asarray = np.asarray
    sums: set[Variable] = set()  # whose gradient is a sum made here, which may grow in place
    for f in functions:
        inputs, _, xs, _, references = f.record  # type: ignore[misc]
        if len(references) == 1:
            y: Any = references[0]()
            gy = grads.pop(y, None)
            if gy is None:  # nothing has come back to f
                continue
            if y in kept:
                grads[y] = gy
            gxs = f.backward(gy)
        else:
            gys = _several_gradients(f, grads, kept, convert)
            if not gys:
                continue
            gxs = f.backward(*gys)
        if type(gxs) is not tuple:
            gxs = tuple(gxs) if isinstance(gxs, list | tuple) else (gxs,)
        if len(gxs) != len(inputs):
            raise ValueError(
                f"{type(f).__name__}.backward: gave {len(gxs)} gradients for {len(inputs)} inputs; "
                f"return one for each, or None where there is none"
            )
        i = -1
        for x in inputs:
            i += 1
            gx = gxs[i]
            if gx is None or not x.requires_grad:
                continue
            if type(gx) is not kind:
                gx = asarray(gx) if isinstance(gx, scalar) else convert(gx)
            data = xs[i]
            if gx.shape != data.shape or gx.dtype is not data.dtype:
                gx = _fitted(gx, data, f)
            if x not in grads:
                grads[x] = gx
            elif x in sums:
                grads[x] += gx
            else:
                gx = grads[x] + gx
                grads[x] = gx if type(gx) is kind or not plain else asarray(gx)
                # NumPy adds fewer than 64 elements faster out of place
                if data.size >= 64 and plain and data.dtype.kind == "f":
                    sums.add(x)


def _several_gradients(
    f: "Function",
    grads: "dict[Variable, Any]",
    kept: "Collection[Variable]",
    convert: Callable[[Any], Any],
) -> list[Any]:
    """The gradients of all outputs of f: zeros where nothing came back; empty if that is all."""
    _, _, _, arrays, references = f.record  # type: ignore[misc]
    ys: list[Any] = [reference() for reference in references]
    if not any(y in grads for y in ys):
        return []
    return [
        convert(np.zeros_like(array)) if y not in grads
        else grads[y] if y in kept
        else grads.pop(y)
        for y, array in zip(ys, arrays, strict=True)
    ]  # fmt: skip


def _fitted(gx: Any, x: ndarray, f: "Function") -> Any:
    """`gx` in the shape and dtype of `x`, an input of `f`."""
    if gx.shape != x.shape:
        if not f.elementwise:
            raise ValueError(
                f"{type(f).__name__}.backward: gave a gradient of shape {gx.shape} for an input of "
                f"shape {x.shape}; a gradient has the shape of its Variable (the walk undoes "
                f"broadcasting where the class says elementwise = True)"
            )
        gx = sum_to(gx, x.shape)
    if gx.dtype != x.dtype and x.dtype.kind == "f":
        gx = gx.astype(x.dtype)
    return gx
