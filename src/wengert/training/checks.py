"""Checks of what a Trainer receives."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numpy import ndarray

from wengert.core import Variable
from wengert.data.dataset import side_by_side
from wengert.layers import Layer
from wengert.optimizers import ExponentialMovingAverage, Optimizer
from wengert.training.callbacks import Callback
from wengert.training.resumable import is_resumable
from wengert.training.scores import RESERVED


def check_model(caller: str, model: Any) -> None:
    if not isinstance(model, Layer):
        raise TypeError(f"{caller}: got a {type(model).__name__} as model, needed a Layer")


def check_parts(model: Any, optimizer: Any, callbacks: Any) -> None:
    """Refuses a model, an optimizer or callbacks of the wrong kind.

    Raises:
        TypeError: one of them is of the wrong kind.
    """
    check_model("Trainer", model)
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
                f"On(every(1, 'epochs'), function) makes one from a function"
            )


def named_parts(
    model: Layer,
    optimizer: Optimizer,
    average: ExponentialMovingAverage | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """The parts of a Trainer's state by name; the model first, since others may need its sizes.

    Raises:
        ValueError: a name is taken, or a part has no state.
    """
    parts: dict[str, Any] = {"model": model, "optimizer": optimizer}
    if average is not None:
        parts["average"] = average
    for name, part in more.items():
        if name in parts or not is_resumable(part):
            raise ValueError(
                f"Trainer: got {name!r} among the parts, a {type(part).__name__}; needed another "
                f"name than {', '.join(parts)}, and an object with state_dict and load_state_dict"
            )
        parts[name] = part
    return parts


def check_loss(caller: str, loss: Any) -> Callable[[Any, Any], Variable]:
    """The loss, if it is a function."""
    if not callable(loss):
        raise TypeError(
            f"{caller}: got loss {loss!r}, needed a function (y, t) → loss; "
            f"or override compute(self, batch)"
        )
    return loss


def check_computed(caller: str, computed: Any) -> tuple[Variable, Mapping[str, Any]]:
    """What a `compute` returned, as (loss, results by name).

    Raises:
        TypeError: it is of another form.
        ValueError: a name is that of another number in the history.
    """
    if not (
        isinstance(computed, tuple) and len(computed) == 2 and isinstance(computed[1], Mapping)
    ):
        kind = type(computed).__name__
        if isinstance(computed, tuple):
            kind += f" of {' and '.join(type(value).__name__ for value in computed)}"
        raise TypeError(
            f"{caller}.compute: returned a {kind}, needed (loss, results by name), such as "
            f"(loss, {{}})"
        )
    loss, values = computed
    if not isinstance(loss, Variable):
        raise TypeError(
            f"{caller}: the loss is a {type(loss).__name__}, needed a Variable computed from the "
            f"model's outputs"
        )
    for name in values:
        if name in RESERVED:
            raise ValueError(f"{caller}.compute: the name {name!r} is taken; choose another")
    return loss, values


def check_batches(caller: str, batches: Any) -> None:
    """Refuses what is not an iterable of batches, such as one array or a data set.

    Raises:
        TypeError: it is not; the message says what to pass.
    """
    if hasattr(batches, "iloc") or (isinstance(batches, tuple | list) and side_by_side(batches)):
        raise TypeError(
            f"{caller}: got a {type(batches).__name__} of arrays, needed batches: "
            f"DataLoader(ArrayDataset(x, t), batch_size)"
        )
    if isinstance(batches, str | Mapping | ndarray | Variable) or not hasattr(batches, "__iter__"):
        raise TypeError(
            f"{caller}: got a {type(batches).__name__}, needed batches: a DataLoader of it, "
            f"or a list such as [(x, t)]"
        )
