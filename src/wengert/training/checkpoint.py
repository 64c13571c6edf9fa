"""Checkpoints: all that a training needs to go on as if it had never stopped.

A hand-written loop that can be killed at any instant and started again:

    wg.random.seed(0)
    model = LeNet()
    optimizer = Adam(cosine(1e-3, steps=9_000)).setup(model)
    loader = DataLoader(dataset, batch_size=64)
    parts = {"model": model, "optimizer": optimizer, "loader": loader}
    checkpoints = Checkpoints("run")
    values = checkpoints.load(**parts) or {"epoch": 0}
    for epoch in range(values["epoch"], 10):
        for x, t in loader:
            ...
            optimizer.update()
            if optimizer.steps % 100 == 0:
                checkpoints.save(optimizer.steps, **parts, epoch=epoch)

It ends with the same parameters, bit for bit, as without the interruption: on the same machine,
with the same versions of NumPy and its BLAS and the same number of BLAS threads, for these decide
the order of sums. What depends on the clock comes back at another step, and what is not in the
checkpoint (another thread's random numbers, a file of one's own) starts anew.
"""

import os
from collections.abc import Mapping
from typing import Any, Protocol

from wengert import random
from wengert.files import AnyPath
from wengert.training.batches import is_resumable, load_together
from wengert.training.state_file import load_state, save_state


class Resumable(Protocol):
    """What can be part of a checkpoint: a Layer, an Optimizer, a DataLoader, a Trainer, …"""

    def state_dict(self) -> Mapping[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


# ---- One file ----


def save_checkpoint(path: AnyPath, /, **parts: Any) -> None:
    """Writes the parts of a training into one file, which is there whole or not at all.

    The state of the running thread's random numbers is always in it.

        save_checkpoint("run.npz", model=model, optimizer=optimizer, loader=loader, epoch=3)

    Args:
        path: of the file. `save_state` says what it holds; `load_state` shows it.
        parts: by names of one's choice, what has `state_dict` and `load_state_dict`, and plain
            values: what `save_state` takes.

    Raises:
        TypeError: something is neither; the message names it.
        ValueError: a part has the name "random".
        OSError: the file cannot be written; what was there before is whole.
    """
    _check_parts("save_checkpoint", parts)
    resumable = {name: part for name, part in parts.items() if is_resumable(part)}
    state: dict[str, Any] = {
        "parts": {name: dict(part.state_dict()) for name, part in _with_random(resumable).items()},
        "values": {name: value for name, value in parts.items() if name not in resumable},
    }
    save_state(path, state)


def load_checkpoint(path: AnyPath, /, **parts: Resumable) -> dict[str, Any]:
    """Puts all parts, and the running thread's random numbers, where `save_checkpoint` found them.

    The parts are loaded in the order given; so a model whose sizes are lazy comes before its
    optimizer. All of them or none: if one refuses its state, those before it are put back. (A model
    that had no sizes before cannot be put back. It has those of the file then.) For some parts
    only, such as the model to use it: `model.load_state_dict(load_state(path)["parts"]["model"])`.

    Returns:
        The plain values, by name.

    Raises:
        OSError: there is no such file, or it cannot be read.
        TypeError: a part has no `load_state_dict`.
        ValueError: the file is damaged or no checkpoint, has not the same parts, or a part refuses
            its state; all parts are as they were.
    """
    _check_parts("load_checkpoint", parts)
    for name, part in parts.items():
        if not is_resumable(part):
            raise TypeError(
                f"load_checkpoint: {name} is a {type(part).__name__}, needed what has state_dict "
                f"and load_state_dict; plain values are returned"
            )
    return restore(path, load_state(path), parts)


def restore(path: AnyPath, content: Any, parts: Mapping[str, Resumable]) -> dict[str, Any]:
    """`load_checkpoint` for what has been read from the file already."""
    states, values = split(path, content)
    wanted = _with_random(parts)
    if states.keys() != wanted.keys():
        raise ValueError(
            f"load_checkpoint: {os.fspath(path)} has the parts {_listed(states)}; "
            f"given were {_listed(wanted)}; give all that it has, and no others"
        )
    try:
        load_together((name, part, states[name]) for name, part in wanted.items())
    except ValueError as error:
        raise ValueError(
            f"load_checkpoint: {os.fspath(path)} does not fit, and nothing was loaded. {error}"
        ) from error
    return values


class _Random:
    """The running thread's random numbers, as a part of a checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        return random.get_state()

    def load_state_dict(self, state: Any, /) -> None:
        random.set_state(state)


def _with_random(parts: Mapping[str, Resumable]) -> dict[str, Resumable]:
    return {**parts, "random": _Random()}  # the last to be loaded: the others may draw


def _check_parts(caller: str, parts: Mapping[str, Any]) -> None:
    if "random" in parts:
        raise ValueError(f'{caller}: "random" is the name of the random numbers; use another')


def split(path: AnyPath, content: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of parts, and the plain values, in a checkpoint."""
    try:
        states, values = content["parts"], content["values"]
        return dict(states), dict(values)
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"load_checkpoint: {os.fspath(path)} holds a state that save_checkpoint did not write; "
            f"load_state shows it"
        ) from None


def _listed(parts: Mapping[str, Any]) -> str:
    return ", ".join(name for name in parts if name != "random") or "none"
