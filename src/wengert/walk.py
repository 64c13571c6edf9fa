"""The backward pass: an algorithm on the records that calls of Functions leave.

It asks the Variables and Functions it meets. A Function is called after those that computed its
inputs, so the order of the program is a topological order of the graph. The walk follows it back:
each Function has the complete gradient of its outputs when its turn comes. Nothing recurses.
"""

import operator
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array, gradient_for
from wengert.config import enable_backprop, made, walker
from wengert.dispatch import ArrayMethods
from wengert.second_pass import in_two_passes

Variable: TypeAlias = Any  # (core.py defines the classes, and imports this file)
Function: TypeAlias = Any
Gradients: TypeAlias = dict[Variable, Any]  # arrays; Variables while the walk is recorded


def wengert_list(outputs: Variable | Iterable[Variable]) -> list[Function]:
    """The Functions that `outputs` were computed by, in the order in which they ran."""
    if isinstance(outputs, ArrayMethods):
        outputs = [outputs]
    functions = list(dict.fromkeys([y.creator for y in outputs if y.creator is not None]))
    found = set(functions)
    for f in functions:
        for x in (f._record or f.no_record())[0]:
            if (creator := x.creator) is not None and creator not in found:
                found.add(creator)
                functions.append(creator)  # the loop will come to it
    return sorted(functions, key=operator.attrgetter("serial"))


def backward(
    outputs: Variable | Sequence[Variable],
    grad_outputs: Any = None,
    *,
    retain_grad: bool = False,
    create_graph: bool = False,
    retain_graph: bool = True,
) -> None:
    """Walks back from several `outputs` at once and adds to `grad` of each leaf.

    Args:
        outputs: Variables, or one.
        grad_outputs: a gradient for each; None for its `grad` if that is set, else ones.
        retain_grad, create_graph, retain_graph: as in `Variable.backward`, like the errors.
    """
    if create_graph and not retain_graph:
        raise ValueError(
            "backward: got create_graph=True with retain_graph=False, needed retain_graph=True: "
            "the graph of the gradients leads into this one"
        )
    if isinstance(outputs, ArrayMethods):
        outputs, grad_outputs = [outputs], [grad_outputs]
    mode = enable_backprop.set(create_graph)
    try:
        grads = seeds(outputs, grad_outputs)
        functions = wengert_list(outputs)
        kept = set(outputs).union(*[f.inputs for f in functions]) if retain_grad else ()
        (walker.get() or walk)(functions, grads, kept, retain_graph)
        accumulate(finished(grads))
    finally:
        enable_backprop.reset(mode)


def seeds(outputs: Sequence[Variable], grad_outputs: Any, use_grad: bool = True) -> Gradients:
    """What a walk starts with; for None an output's `grad` (with `use_grad`, if set), else ones."""
    gys = [None] * len(outputs) if grad_outputs is None else grad_outputs
    if len(gys) != (n := len(outputs)):
        raise ValueError(f"backward: got {len(gys)} gradients for {n} outputs; give one for each")
    grads: Gradients = {}
    for y, gy in zip(outputs, gys, strict=True):
        if not y.requires_grad:
            raise RuntimeError(
                "backward: this Variable has no graph to walk: it is a constant, computed from "
                "constants or under no_grad(), or a gradient computed without create_graph=True"
            )
        if gy is None and use_grad and y.creator is not None:
            gy = y.grad  # (a leaf's grad is where results add up, not where a walk starts)
        if gy is None:
            # (unsigned integers have no -1, which a gradient may be)
            gy = np.ones(y.shape, y.dtype if y.dtype.kind in "fi" else np.float64)
        gy = _converted(gy, y)
        if gy.shape != y.shape:
            raise ValueError(
                f"backward: got a gradient of shape {gy.shape}, needed that of y, {y.shape}"
            )
        if gy.dtype != y.dtype and y.dtype.kind == "f":
            gy = gy.astype(y.dtype)
        if type(gy) is ndarray and gy.ndim == 0:
            gy = gy[()]
        grads[y] = grads[y] + gy if y in grads else gy
    return grads


@in_two_passes
def walk(
    functions: list[Any], grads: Gradients, kept: Collection[Any] = (), retain_graph: bool = True
) -> None:
    """Takes Functions from the end of the list, and carries gradients from outputs to inputs.

    Args:
        functions: in the order in which they ran; empty afterwards.
        grads: gradients of the last outputs. At the end, those of the leaves and of `kept`.
        kept: Variables whose gradients are not dropped when they have been passed on.
        retain_graph: False drops each record when the walk has passed it.
    """
    sums: dict[Variable, ndarray] = {}  # gradients that are sums made here: they grow in place
    while functions:
        f = functions.pop()
        inputs, needs, xs, ys, outputs = f._record
        if len(outputs) == 1:
            y = outputs[0]()
            gy = grads.pop(y, None)
            if gy is None:  # no gradient has reached f
                continue
            if kept and y in kept:
                grads[y] = gy
            if type(gy) is ndarray or not isinstance(gy, np.generic):
                gxs = f.backward(gy)
            elif not f.elementwise:
                gxs = f.backward(np.asarray(gy))
            else:  # all is 0-d, where NumPy computes much faster with its scalars
                in_scalars = True
                try:
                    gxs = f.backward(gy)
                except (TypeError, AttributeError):  # scalars cannot do all that arrays can
                    in_scalars = False
                if not in_scalars:
                    f._record = inputs, needs, xs, (np.asarray(ys[0]),), outputs
                    gxs = f.backward(np.asarray(gy))
        else:
            gys = incoming(f, grads, kept)
            if not gys:
                continue
            gxs = f.backward(*gys)
        if type(gxs) is not tuple:
            gxs = tuple(gxs) if isinstance(gxs, list | tuple) else (gxs,)
        if len(gxs) != len(inputs):
            raise ValueError(
                f"{f.__class__.__name__}.backward: gave {len(gxs)} gradients for {len(inputs)} "
                f"inputs; return one for each, or None where there is none"
            )
        i = -1
        for x in inputs:
            i += 1
            gx = gxs[i]
            if gx is None or not x.requires_grad:
                continue
            data = xs[i]
            if type(gx) is ndarray:
                if gx.shape != data.shape or gx.dtype is not data.dtype:
                    gx = gradient_for(gx, data, f)
            elif data.ndim or type(gx) is not data.dtype.type:
                gx = gradient_for(_converted(gx, x), data, f)
            if x in sums:
                sums[x] += gx
            elif x not in grads:
                grads[x] = gx
            else:
                grads[x] = gx = grads[x] + gx
                # NumPy adds fewer than 64 elements faster out of place
                if type(gx) is ndarray:
                    if gx.dtype.char == "e":  # a sum of many float16 needs more digits
                        sums[x] = grads[x] = gx.astype(np.float32)
                    elif gx.size >= 64 and gx.dtype.kind == "f":
                        sums[x] = gx
        if not retain_graph:
            f._record = None


def incoming(f: Function, grads: Gradients, kept: Collection[Variable]) -> list[Any]:
    """Takes the gradients of all outputs of f: zeros for those without; empty if none has one."""
    inputs, _, _, ys, references = f._record
    outputs = [reference() for reference in references]
    if not any(y in grads for y in outputs):
        return []
    gys = []
    for y, array in zip(outputs, ys, strict=True):
        gys.append(_converted(grads[y] if y in grads else np.zeros_like(array), inputs[0]))
        if y not in kept:
            grads.pop(y, None)
    return gys


def _converted(gx: Any, x: Variable) -> Any:
    """A gradient as an array; as a Variable, made by `x`, while the walk is recorded."""
    if not enable_backprop.get():
        return as_array(gx)
    return gx if isinstance(gx, ArrayMethods) else x.constant(as_array(gx))


# ---- What becomes of the gradients ----


def finished(grads: Gradients) -> Gradients:
    """The gradients as Variables that share no memory with anything the program can see."""
    for x in [x for x in grads if x.is_stand_in]:  # its gradient is that of the leaf
        gx, leaf = grads.pop(x), x.resolve()
        if leaf is not x:
            grads[leaf] = grads[leaf] + gx if leaf in grads else gx
    return {x: _own(grads, x) for x in grads}


def _own(grads: Gradients, x: Variable) -> Variable:
    """The gradient of x in memory of its own; as in PyTorch, an unshared array is taken over."""
    shared = sys.getrefcount(grads[x]) > _ALONE
    gx = grads[x]
    array = gx if type(gx) is ndarray else as_array(gx)
    if array.dtype is not x._data.dtype and x._data.dtype == np.float16:
        gx = array = array.astype(np.float16)
    if shared or array.base is not None:
        gx = array = np.positive(gx)  # (a copy)
    if not enable_backprop.get():
        return x.constant(array if type(array) is ndarray else as_array(array))
    if not gx.requires_grad:  # a constant can be differentiated too: to zero
        gx = x.constant(gx.data.copy())
        gx.requires_grad = True
        if (leaves := made.get()) is not None:
            leaves.add(gx)
    return gx


_ALONE = sys.getrefcount((_one := {0: np.empty(0)})[0])


def accumulate(grads: Gradients) -> None:
    """Adds the gradients to `grad` of leaves; for Variables in between, they replace it."""
    recorded = enable_backprop.get()
    if recorded:
        hold_weakly({x for x in grads if x.creator is None}, wengert_list(grads.values()))
    for x, gx in grads.items():
        if x._grad is None or x.creator is not None:
            x._grad = gx
        elif recorded:
            x._grad = x._grad + gx
        else:
            x._grad = x.constant(as_array(x._grad.data + gx.data))


def hold_weakly(leaves: Collection[Variable], functions: Iterable[Function]) -> None:
    """Puts stand-ins for `leaves` into records: breaks the cycle leaf → grad → graph → leaf."""
    stand_ins = {x: x.stand_in() for x in leaves}
    for f in functions:
        inputs, *others = f._record
        if not stand_ins.keys().isdisjoint(inputs):
            f._record = (tuple([stand_ins.get(x, x) for x in inputs]), *others)
