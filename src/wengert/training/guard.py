"""Checks for NaN and infinity, which name the operation that computed the first one."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from wengert import random
from wengert.config import trace
from wengert.core import Parameter, Variable
from wengert.functions.counting import counting
from wengert.graph import Graph, Node, Value, steps_back
from wengert.layers import Layer
from wengert.training.callbacks import Callback
from wengert.training.trainer_view import TrainerView


class StopOnNaN(Callback):
    """Raises FloatingPointError if the loss or a gradient has a NaN or an infinity.

    The message names the operation that computed the first one. Each gradient is checked once per
    update. If a check fails, the batches of the update are computed again, with the same random
    numbers, to find the `backward` that computed it.
    """

    def on_batches(self, trainer: TrainerView, batches: list[Any]) -> None:
        self.batches = batches
        self.random = random.get_state()

    def on_loss(self, trainer: TrainerView, loss: Variable) -> None:
        check_finite(loss, trainer.model)

    def on_gradients(self, trainer: TrainerView) -> None:
        def again() -> Iterator[Variable]:
            random.set_state(self.random)
            for batch in self.batches:
                with trace(), counting():  # in which a batch may have no label
                    loss = trainer.compute(batch)[0]
                yield loss

        check_gradients(trainer.model, again)


def check_finite(loss: Variable, model: Layer | None = None) -> None:
    """Raises FloatingPointError if the loss is not finite; the message names the cause.

    Call it between forward and `backward`:

        loss = F.mean_squared_error(model(x), t)
        check_finite(loss, model)
        loss.backward()

    Args:
        loss: of any shape, with its graph.
        model: the layer from which the message takes the names of Parameters.

    Raises:
        FloatingPointError: the loss has a NaN or an infinity. The message names the Function that
            computed the first one from finite numbers, or the Parameter or input that contains it.
        TypeError: the loss is not a Variable.
    """
    if not isinstance(loss, Variable):
        raise TypeError(f"check_finite: got a {type(loss).__name__}, needed the loss, a Variable")
    if not is_finite(loss.data):
        raise FloatingPointError(f"the loss has {_content(loss.data)}. {_origin(loss, model)}")


def check_gradients(
    model: Layer, again: Callable[[], Variable | Iterable[Variable]] | None = None
) -> None:
    """Raises FloatingPointError if a gradient of the model is not finite; the message names it.

    Call it between `backward` and `update`.

    Args:
        model: the layer whose gradients are checked.
        again: computes the loss again (or several losses, one after the other). If given, the
            message also names the Function whose `backward` computed the first such number.

    Raises:
        FloatingPointError: a gradient has a NaN or an infinity.
    """
    grads = {name: p.grad for name, p in model.named_params().items() if p.grad is not None}
    names = [name for name, grad in grads.items() if not is_finite(grad.data)]
    if not names:
        return
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    message = f"the gradients of {', '.join(names[:3])}{more} are not finite"
    losses = again() if again is not None else ()
    for loss in [losses] if isinstance(losses, Variable) else losses:
        node = _first_bad_backward(loss)
        if node is not None:
            where = f"{_inputs(node, model)}{_where(node)}"
            message += f". {node.kind}.backward computed the first, for {where}"
            break
    raise FloatingPointError(message)


def is_finite(x: ndarray) -> bool:
    """Whether x has neither NaN nor infinity."""
    if x.dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):
        # a NaN or infinity makes the sum not finite; but a sum of finite numbers may overflow, too
        return math.isfinite(np.add.reduce(x, axis=None)) or bool(np.isfinite(x).all())


def _origin(loss: Variable, model: Layer | None) -> str:
    """The origin of the first number that is not finite, found by following its path back."""
    graph = Graph(loss)
    suspects: set[Value] = set(graph.outputs)
    origin = f"It has no graph: {_name(loss, model)} contains the value"
    for node in reversed(graph.nodes):
        if suspects.isdisjoint(node.outputs):
            continue
        xs = node.xs
        bad = [i for i, x in enumerate(xs) if not is_finite(x)]
        # if an input has a NaN, infinities in other inputs (such as masks) are not the cause
        bad = [i for i in bad if np.isnan(xs[i]).any()] or bad
        suspects.update(node.inputs[i] for i in bad)
        leaves = [i for i in bad if node.inputs[i].node is None]
        if not bad:
            made = "; ".join(_content(y) for y in node.ys if not is_finite(y))
            origin = (
                f"{node.kind} computed the first: {made}, from {_inputs(node, model)}{_where(node)}"
            )
        elif leaves:
            x = node.inputs[leaves[0]].variable
            origin = (
                f"It is in an input: {_name(x, model)} has {_content(xs[leaves[0]])} when it is "
                f"passed to {node.kind}{_where(node)}; "
                + ("caused by an earlier update" if isinstance(x, Parameter) else "check the data")
            )
    return origin  # of the last one found, which was computed first


def _first_bad_backward(loss: Variable) -> Node | None:
    """The call whose `backward` computes the first gradient that is not finite."""
    with np.errstate(all="ignore"):
        for step in steps_back(loss):
            if not all(is_finite(total) for total in step.sums if total is not None):
                return step.node
    return None


def _inputs(node: Node, model: Layer | None) -> str:
    named = zip(node.inputs, node.xs, strict=True)
    return " and ".join(f"{_name(x.variable, model)} {_range(array)}" for x, array in named)


def _where(node: Node) -> str:
    """Layer and line of a traced call."""
    parts = [f"layer {node.layer}"] if node.layer else []
    parts += [f"{node.line} ({node.line.text})"] if node.line is not None else []
    return f", in {', '.join(parts)}" if parts else ""


def _name(x: Variable, model: Layer | None) -> str:
    params: Mapping[str, Parameter] = {} if model is None else model.named_params()
    names = [name for name, p in params.items() if p is x]
    kind = "Parameter" if isinstance(x, Parameter) else "input"
    name = names[0] if names else x.name
    return f"{kind} {x.dtype} {x.shape}" if name is None else f"{kind} {name} {x.dtype} {x.shape}"


def _range(x: ndarray) -> str:
    if x.size == 0 or not is_finite(x):
        return f"with {_content(x)}"
    return f"from {x.min():.3g} to {x.max():.3g}"


def _content(x: ndarray) -> str:
    """ "3 nan and 1 inf in 320 numbers"."""
    if x.size == 1:
        return f"the value {float(x.reshape(())):.3g}"
    counts = {"nan": np.isnan(x), "inf": x == math.inf, "-inf": x == -math.inf}
    found = [f"{mask.sum()} {name}" for name, mask in counts.items() if mask.any()]
    return f"{' and '.join(found) or 'nothing'} in {x.size} numbers"
