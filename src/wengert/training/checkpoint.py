"""Checkpoints: all that a training needs to resume as if it had never been interrupted.

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

It ends with the same parameters, bit for bit, as an uninterrupted run on the same machine, with the
same versions of NumPy and its BLAS and the same number of BLAS threads: these determine the order
in which numbers are added. Actions that depend on the time occur at other steps. Everything that is
not in the checkpoint (the random numbers of another thread, your own files) is not restored.
"""

import os
from collections.abc import Mapping
from typing import Any

from wengert import random
from wengert.files import AnyPath
from wengert.training.resumable import Resumable, is_resumable, load_together
from wengert.training.state_file import load_state, write_state
from wengert.training.upgrade import without_folder


def save_checkpoint(path: AnyPath, /, **parts: Any) -> None:
    """Writes the parts of a training into one file, which is then either complete or unchanged.

    The state of the random numbers of this thread is always included.

        save_checkpoint("run.npz", model=model, optimizer=optimizer, loader=loader, epoch=3)

    Args:
        path: of the file. `save_state` documents its content; `load_state` shows it.
        parts: by names of your choice, objects with `state_dict` and `load_state_dict`, and plain
            values as `save_state` takes them.

    Raises:
        TypeError: a part is neither; the message names it.
        ValueError: a part has the name "random".
        OSError: the file cannot be written; an existing file is unchanged.
    """
    write_checkpoint(path, parts, {})


def write_checkpoint(path: AnyPath, parts: Mapping[str, Any], notes: Mapping[str, str]) -> None:
    """`save_checkpoint`, with further entries for the metadata of the file."""
    _check_parts("save_checkpoint", parts)
    resumable = {name: part for name, part in parts.items() if is_resumable(part)}
    state: dict[str, Any] = {
        "parts": {name: dict(part.state_dict()) for name, part in _with_random(resumable).items()},
        "values": {name: value for name, value in parts.items() if name not in resumable},
    }
    write_state(path, state, notes)


def load_checkpoint(path: AnyPath, /, **parts: Resumable) -> dict[str, Any]:
    """Restores all parts, and the random numbers of this thread, from a checkpoint.

    The parts are loaded in the given order; so a model with lazy parameters comes before its
    optimizer. Either all of them are loaded or none: if one refuses its state, those before it are
    restored. (A model with lazy parameters keeps the sizes from the file then.) For some parts
    only, such as the model for inference:
    `model.load_state_dict(load_state(path)["parts"]["model"])`.

    Returns:
        The plain values, by name.

    Raises:
        OSError: there is no such file, or it cannot be read.
        TypeError: a part has no `load_state_dict`.
        ValueError: the file is damaged or not a checkpoint, has other parts, or a part refuses its
            state; all parts are unchanged.
    """
    _check_parts("load_checkpoint", parts)
    for name, part in parts.items():
        if not is_resumable(part):
            raise TypeError(
                f"load_checkpoint: {name} is a {type(part).__name__}, needed an object with "
                f"state_dict and load_state_dict; plain values are returned"
            )
    return restore(path, load_state(path), parts)


def restore(path: AnyPath, content: Any, parts: Mapping[str, Resumable]) -> dict[str, Any]:
    """`load_checkpoint`, for the content of a file that has been read before."""
    states, values = split(path, content)
    wanted = _with_random(parts)
    if states.keys() != wanted.keys():
        raise ValueError(
            f"load_checkpoint: {os.fspath(path)} has the parts {_listed(states)}, but got the "
            f"parts {_listed(wanted)}; pass all that it has, and no others"
        )
    try:
        load_together((name, part, states[name]) for name, part in wanted.items())
    except ValueError as error:
        raise ValueError(
            f"load_checkpoint: {os.fspath(path)} does not fit, and nothing was loaded. {error}"
        ) from error
    return values


class _Random:
    """The random numbers of this thread, as a part of a checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        return random.get_state()

    def load_state_dict(self, state: Any, /) -> None:
        random.set_state(state)


def _with_random(parts: Mapping[str, Resumable]) -> dict[str, Resumable]:
    return {**parts, "random": _Random()}  # loaded last: the others may draw


def _check_parts(caller: str, parts: Mapping[str, Any]) -> None:
    if "random" in parts:
        raise ValueError(f'{caller}: "random" is the name of the random numbers; use another')


def split(path: AnyPath, content: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of parts, and the plain values, in a checkpoint."""
    try:
        states, values = content["parts"], content["values"]
        return without_folder(dict(states)), dict(values)
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"load_checkpoint: {os.fspath(path)} contains a state that save_checkpoint did not "
            f"write; load_state shows it"
        ) from None


def _listed(parts: Mapping[str, Any]) -> str:
    return ", ".join(name for name in parts if name != "random") or "none"
