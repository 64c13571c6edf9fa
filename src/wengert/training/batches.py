"""Batches: their inputs and targets, calls of a model with them, groups, and joined outputs.

A batch is (inputs, t). Inputs are one array x, or several: a tuple, a dict of arguments of the
model by name, or `Padded` sequences with their lengths. (x, lengths, t) is ((x, lengths), t), and a
dict with the key "t" has the inputs in its other keys.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array
from wengert.data import Padded
from wengert.data.collate import combine
from wengert.layers import Layer

TARGET = "t"  # the key of the target in a dict


def groups(batches: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The batches in lists of `size`; the last list may be shorter."""
    iterator = iter(batches)
    while group := list(islice(iterator, size)):
        yield group


# ---- Inputs and targets ----


def parted(caller: str, batch: Any) -> tuple[Any, Any]:
    """The inputs of a batch, and its target.

    Raises:
        TypeError: the batch has no target.
    """
    if isinstance(batch, dict) and TARGET in batch and len(batch) > 1:
        return {key: x for key, x in batch.items() if key != TARGET}, batch[TARGET]
    if isinstance(batch, tuple | list) and not isinstance(batch, Padded) and len(batch) > 1:
        *inputs, t = batch
        return inputs[0] if len(inputs) == 1 else tuple(inputs), t
    raise TypeError(
        f"{caller}: got {_described(batch)}, needed (x, t), (x, lengths, t), or a dict with "
        f'the key "{TARGET}"; for other batches override compute(self, batch) in a subclass'
    )


def inputs_of(batch: Any) -> Any:
    """The inputs of a batch that may have no target: x, Padded, or (inputs,)."""
    if isinstance(batch, Padded):
        return batch
    if isinstance(batch, dict):
        return {key: x for key, x in batch.items() if key != TARGET}
    if isinstance(batch, tuple | list) and batch:
        return batch[0] if len(batch) < 3 else tuple(batch[:-1])
    return batch


# ---- Calls of a model ----


def call(caller: str, model: Layer, batch: Any, inputs: Any) -> Any:
    """The outputs of the model, which gets all inputs of a batch.

    Raises:
        TypeError: the model does not take them.
    """
    if isinstance(inputs, Padded):
        if "lengths" in _parameters(model):
            return model(inputs.x, lengths=inputs.lengths)
        if _binds(model, *inputs):
            return model(*inputs)
    elif isinstance(inputs, dict):
        if all(isinstance(key, str) for key in inputs) and _binds(model, **inputs):
            return model(**inputs)
        if _binds(model, inputs) and not inputs.keys() & _parameters(model):
            return _call_with_one(caller, model, inputs)  # a model of dicts
    elif type(inputs) in (tuple, list):
        if len(inputs) == 2 and _is_integers(inputs[1]) and "lengths" in _parameters(model):
            return model(inputs[0], lengths=inputs[1])
        if _binds(model, *inputs):
            return model(*inputs)
        if len(batch) < 3 and _binds(model, inputs):
            return _call_with_one(caller, model, inputs)  # a model of tuples
    else:
        return model(inputs)
    names = _names(inputs) or ["x", "lengths"]
    raise TypeError(
        f"{caller}: got {_described(batch)}, with {_listed(inputs)}, but "
        f"{type(model).__name__}.forward takes ({', '.join(_parameters(model))}); give it all of "
        f"them, as forward({', '.join(['self', *names])}), or override compute(self, batch) and "
        f"predict_batch(self, batch) in a subclass"
    )


def takes(model: Layer, inputs: tuple[Any, ...]) -> bool:
    """Whether the model takes these inputs one by one."""
    if len(inputs) == 2 and _is_integers(inputs[1]) and "lengths" in _parameters(model):
        return True
    return _binds(model, *inputs)


def has_lengths(model: Layer, inputs: Any) -> bool:
    """Whether the inputs are sequences with their lengths."""
    if isinstance(inputs, dict):
        return "lengths" in inputs
    two = isinstance(inputs, tuple | list) and len(inputs) == 2 and _is_integers(inputs[1])
    return isinstance(inputs, Padded) or (two and "lengths" in _parameters(model))


def _call_with_one(caller: str, model: Layer, inputs: Any) -> Any:
    """The outputs of a model that takes its inputs apart itself."""
    try:
        return model(inputs)
    except (TypeError, ValueError) as error:
        error.add_note(
            f"{caller}: {_listed(inputs)} were passed as one {type(inputs).__name__}, since "
            f"{type(model).__name__}.forward takes ({', '.join(_parameters(model))}); to pass "
            f"them one by one, give it an argument for each (for a dict of the same name)"
        )
        raise


def _listed(inputs: Any) -> str:
    """ "the inputs x, lengths", or "2 inputs"."""
    names = _names(inputs)
    return f"the inputs {', '.join(names)}" if names else f"{len(inputs)} inputs"


def _names(inputs: Any) -> list[str]:
    """The names of the inputs, if they have some."""
    return [*map(str, inputs if isinstance(inputs, dict) else getattr(inputs, "_fields", ()))]


def _is_integers(n: Any) -> bool:
    if isinstance(n, list):
        return all(isinstance(value, int | np.integer) for value in n)
    return getattr(n, "ndim", 0) == 1 and n.dtype.kind in "iu"


def _binds(model: Layer, *args: Any, **kwargs: Any) -> bool:
    try:
        inspect.signature(model.forward).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _parameters(model: Layer) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(model.forward).parameters


def _described(batch: Any) -> str:
    size = f" of {len(batch)}" if isinstance(batch, tuple | list | dict) else ""
    return f"a {type(batch).__name__}{size} as batch"


def check_target_or_lengths(caller: str, model: Layer, batch: Any) -> None:
    """Refuses a pair that may be (x, t) or (x, lengths).

    Raises:
        ValueError: the model takes lengths, and the second array looks like lengths for the first.
    """
    if not isinstance(batch, tuple | list) or isinstance(batch, Padded) or len(batch) != 2:
        return
    x, n = batch
    if not _is_integers(n) or getattr(x, "ndim", 0) < 2 or "lengths" not in _parameters(model):
        return
    if len(n) == len(x) and as_array(n).min() > 0 and as_array(n).max() == x.shape[1]:
        raise ValueError(
            f"{caller}: the batch of x {x.shape} and integers {n.shape} up to {x.shape[1]} may be "
            f"(x, t) or (x, lengths); write ((x, lengths),) or Padded(x, lengths) for lengths, "
            f"and (x,) for none"
        )


# ---- Outputs ----


def joined(outputs: list[Any], sizes: list[int] | None = None) -> Any:
    """The outputs of several batches as one array; tuples, lists and dicts element by element.

    Args:
        sizes: for batches of sequences, their numbers of sequences B: outputs (B, T, …) of
            different numbers of steps T are padded with zeros to the greatest number.

    Raises:
        ValueError: the shapes do not fit.
    """

    def leaf(ys: list[Any], _: str) -> ndarray:
        arrays = [as_array(y) for y in ys]
        shapes = {array.shape[1:] for array in arrays}
        if len(shapes) == 1:
            return np.concatenate(arrays)
        of_steps = sizes == [len(array) if array.ndim > 1 else 0 for array in arrays]
        if of_steps and len({shape[1:] for shape in shapes}) == 1:
            return _with_equal_steps(arrays)
        raise ValueError(
            f"predict: the outputs of the batches have the shapes "
            f"{', '.join(map(str, sorted({array.shape for array in arrays})))}, needed equal ones "
            f"but for the first axis; for sequences use batches of Padded, as `ragged` makes them"
        )

    return combine(outputs, leaf)


def _with_equal_steps(arrays: list[ndarray]) -> ndarray:
    steps = max(array.shape[1] for array in arrays)
    size = sum(map(len, arrays))
    y = np.zeros((size, steps, *arrays[0].shape[2:]), np.result_type(*arrays))
    end = 0
    for array in arrays:
        y[end : end + len(array), : array.shape[1]] = array
        end += len(array)
    return y
