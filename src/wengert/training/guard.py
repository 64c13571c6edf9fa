"""Numbers that are not finite: which operation made the first of them."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from wengert import random
from wengert.config import no_grad
from wengert.core import Function, Parameter, Variable
from wengert.layers import Layer
from wengert.training.callbacks import Callback
from wengert.training.trainer_view import TrainerView
from wengert.walk import walk, wengert_list


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
        def again() -> Iterable[Variable]:
            random.set_state(self.random)
            return (trainer.compute(batch)[0] for batch in self.batches)

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
        f = _first_bad_backward(loss)
        if f is not None:
            message += f". {type(f).__name__}.backward made the first, for {_inputs(f, model)}"
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
    """Where the first number that is not finite came from: the way to it is followed back."""
    suspects: set[Variable] = {loss}
    origin = f"It has no graph: {_name(loss, model)} is where it begins"
    for f in reversed(wengert_list(loss)):
        inputs, _, xs, ys, outputs = f._record
        if not any(y() in suspects for y in outputs):
            continue
        bad = [i for i, x in enumerate(xs) if not is_finite(x)]
        # where there is NaN, infinities (of a mask, say) are not what it came from
        bad = [i for i in bad if np.isnan(xs[i]).any()] or bad
        suspects.update(inputs[i] for i in bad)
        leaves = [i for i in bad if inputs[i].creator is None]
        if not bad:
            made = "; ".join(_content(y) for y in ys if not is_finite(y))
            origin = f"{type(f).__name__} made the first: {made}, from {_inputs(f, model)}"
        elif leaves:
            x = inputs[leaves[0]]
            origin = (
                f"It was there before: {_name(x, model)} has {_content(xs[leaves[0]])} where it "
                f"comes into {type(f).__name__}; "
                + ("an update spoilt it" if isinstance(x, Parameter) else "look at the data")
            )
    return origin  # of the last that was seen, which is the first that was computed


def _first_bad_backward(loss: Variable) -> Function | None:
    """The Function whose backward makes of finite gradients one that is not."""
    grads: dict[Variable, Any] = {loss: np.ones(loss.shape, loss.dtype)}
    with no_grad(), np.errstate(all="ignore"):
        for f in reversed(wengert_list(loss)):
            walk([f], grads)
            if not all(is_finite(grads[x]) for x in f.inputs if x in grads):
                return f
    return None


def _inputs(f: Function, model: Layer | None) -> str:
    xs = f._record[2] if f._record is not None else ()
    named = zip(f.inputs, xs, strict=True)
    return " and ".join(f"{_name(x, model)} {_range(array)}" for x, array in named)


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
