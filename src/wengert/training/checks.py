"""What a Trainer is given, checked."""

from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from typing import Any

from numpy import ndarray

from wengert.core import Variable
from wengert.layers import Layer
from wengert.optimizers import ExponentialMovingAverage, Optimizer
from wengert.training.batches import is_resumable
from wengert.training.callbacks import Callback
from wengert.training.metrics import TAKEN


def check_kinds(model: Any, optimizer: Any, callbacks: Any) -> None:
    """Refuses what is no model, no optimizer, no list of callbacks."""
    if not isinstance(model, Layer):
        raise TypeError(f"Trainer: got a {type(model).__name__} as model, needed a Layer")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"Trainer: got a {type(optimizer).__name__} as optimizer, needed an Optimizer; "
            f"Trainer(model, optimizer, loss) is the order"
        )
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"Trainer: got {callbacks!r} as callbacks, needed a list of them")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"Trainer: got {callback!r} among the callbacks, needed Callbacks; "
                f"On(every(1, 'epochs'), function) makes one of a function"
            )


def checked_parts(
    model: Layer,
    optimizer: Optimizer,
    average: ExponentialMovingAverage | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """What has a state, by name; the model first, for the others may ask for its sizes."""
    parts = {"model": model, "optimizer": optimizer}
    if average is not None:
        parts["average"] = average
    for name, part in more.items():
        if name in parts or not is_resumable(part):
            raise ValueError(
                f"Trainer: got {name!r} among the parts, a {type(part).__name__}; needed another "
                f"name than {', '.join(parts)}, and what has state_dict and load_state_dict"
            )
        parts[name] = part
    return parts


def check_loss(loss: Any) -> Callable[[Any, Any], Variable]:
    """The loss, if it is a function."""
    if not callable(loss):
        raise TypeError(
            f"Trainer: got loss {loss!r}, needed a function (y, t) → loss; "
            f"or override compute(self, batch)"
        )
    return loss


def check_computed(caller: str, computed: Any) -> tuple[Variable, Mapping[str, Any]]:
    """What a `compute` gave, as (loss, numbers by name).

    Raises:
        TypeError: it is something else.
        ValueError: a name is that of another number in the history.
    """
    if not (
        isinstance(computed, tuple) and len(computed) == 2 and isinstance(computed[1], Mapping)
    ):
        kind = type(computed).__name__
        if isinstance(computed, tuple):
            kind += f" of {' and '.join(type(value).__name__ for value in computed)}"
        raise TypeError(
            f"{caller}.compute: gave a {kind}, needed (loss, numbers by name), such as (loss, {{}})"
        )
    loss, values = computed
    if not isinstance(loss, Variable):
        raise TypeError(
            f"{caller}: the loss is a {type(loss).__name__}, needed a Variable computed from the "
            f"model's outputs"
        )
    for name in values:
        if name in TAKEN:
            raise ValueError(f"{caller}.compute: the name {name!r} is taken; give another")
    return loss, values


def whole(caller: str, name: str, value: int) -> int:
    """`value`, if it is an integer ≥ 1."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{caller}: got {name} {value!r}, needed an integer ≥ 1")
    return int(value)


def check_batches(caller: str, batches: Any) -> None:
    """Refuses what is not batches, such as one array or a data set.

    Raises:
        TypeError: it says what would do.
    """
    if isinstance(batches, str | Mapping | ndarray | Variable) or not hasattr(batches, "__iter__"):
        raise TypeError(
            f"{caller}: got a {type(batches).__name__}, needed batches: a DataLoader of it, "
            f"or a list such as [(x, t)]"
        )


def pair(batch: Any) -> tuple[Any, Any]:
    """The batch as (x, t).

    Raises:
        TypeError: it is no pair.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        kind = type(batch).__name__
        size = f" of {len(batch)}" if isinstance(batch, tuple | list | dict) else ""
        raise TypeError(
            f"Trainer.compute: got a {kind}{size} as batch, needed (x, t); "
            f"for other batches override compute(self, batch) in a subclass"
        )
    x, t = batch
    return x, t
