"""Numbers that are not finite: which operation made the first of them."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from wengert import random
from wengert.config import trace
from wengert.core import Parameter, Variable
from wengert.graph import Graph, Node, Value, steps_back
from wengert.layers import Layer
from wengert.training.callbacks import Callback
from wengert.training.trainer_view import TrainerView


class StopOnNaN(Callback):
    """Raises FloatingPointError when loss or gradients are not finite, and says where it began.

    Costs one look at each gradient per update. The batches of a bad update are computed once more,
    with the same random numbers, to find the `backward` to blame.
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
                with trace():
                    loss = trainer.compute(batch)[0]
                yield loss

        check_gradients(trainer.model, again)


def check_finite(loss: Variable, model: Layer | None = None) -> None:
    """Goes on if the loss is finite; else finds in its graph where that began.

    It is for the moment between forward and `backward`:

        loss = F.mean_squared_error(model(x), t)
        check_finite(loss, model)
        loss.backward()

    Args:
        loss: of any shape, with its graph.
        model: gives names to Parameters.

    Raises:
        FloatingPointError: the loss has a NaN or an infinity; the message names the Function that
            made the first one from finite numbers, or the Parameter or input that had it before.
        TypeError: the loss is no Variable.
    """
    if not isinstance(loss, Variable):
        raise TypeError(f"check_finite: got a {type(loss).__name__}, needed the loss, a Variable")
    if not is_finite(loss.data):
        raise FloatingPointError(f"the loss has {_content(loss.data)}. {_origin(loss, model)}")


def check_gradients(
    model: Layer, again: Callable[[], Variable | Iterable[Variable]] | None = None
) -> None:
    """Goes on if all gradients of the model are finite; else says which are not.

    It is for the moment between `backward` and `update`.

    Args:
        model: with gradients.
        again: computes the loss once more (or several, one after the other). Where it is given, its
            graph is walked back step by step to name the Function whose `backward` began it.

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
            message += (
                f". {node.kind}.backward made the first, for {_inputs(node, model)}{_where(node)}"
            )
            break
    raise FloatingPointError(message)


def is_finite(x: ndarray) -> bool:
    """Whether x has neither NaN nor infinity."""
    if x.dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):
        # one NaN or infinity is enough to spoil a sum; but a sum of finite numbers may overflow
        return math.isfinite(np.add.reduce(x, axis=None)) or bool(np.isfinite(x).all())


def _origin(loss: Variable, model: Layer | None) -> str:
    """Where the first number that is not finite came from: its path is followed back."""
    graph = Graph(loss)
    suspects: set[Value] = set(graph.outputs)
    origin = f"It has no graph: {_name(loss, model)} is where it begins"
    for node in reversed(graph.nodes):
        if suspects.isdisjoint(node.outputs):
            continue
        xs = node.xs
        bad = [i for i, x in enumerate(xs) if not is_finite(x)]
        # where there is NaN, infinities (of a mask, say) are not what it came from
        bad = [i for i in bad if np.isnan(xs[i]).any()] or bad
        suspects.update(node.inputs[i] for i in bad)
        leaves = [i for i in bad if node.inputs[i].node is None]
        if not bad:
            made = "; ".join(_content(y) for y in node.ys if not is_finite(y))
            origin = (
                f"{node.kind} made the first: {made}, from {_inputs(node, model)}{_where(node)}"
            )
        elif leaves:
            x = node.inputs[leaves[0]].variable
            origin = (
                f"It was there before: {_name(x, model)} has {_content(xs[leaves[0]])} where it "
                f"comes into {node.kind}{_where(node)}; "
                + ("an update spoilt it" if isinstance(x, Parameter) else "look at the data")
            )
    return origin  # of the last that was seen, which is the first that was computed


def _first_bad_backward(loss: Variable) -> Node | None:
    """The call whose backward makes of finite gradients one that is not."""
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
    places = [f"layer {node.layer}"] if node.layer else []
    places += [f"{node.line} ({node.line.text})"] if node.line is not None else []
    return f", in {', '.join(places)}" if places else ""


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
