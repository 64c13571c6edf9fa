"""What `Trainer.fit(resume=…)` resumes from."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wengert.training.callbacks import Callback
from wengert.training.checkpoint import split
from wengert.training.checkpoint_folder import Checkpoints
from wengert.training.state_file import load_state


def state_to_resume(resume: Any, callbacks: Iterable[Callback]) -> Mapping[str, Any] | None:
    """The state from which a Trainer resumes; None if it starts from the beginning.

    Args:
        resume: as `Trainer.fit` takes it.
        callbacks: of the trainer; for `resume=True` one of them has a folder of checkpoints.

    Raises:
        OSError: there is no such file or folder.
        TypeError: `resume` is of the wrong kind.
        ValueError: the file is damaged, or not a checkpoint of a Trainer; or `resume` is True and
            no callback has a folder.
    """
    if isinstance(resume, Mapping):
        return resume
    if resume is None or resume is False:
        return None
    if resume is True:
        newest = Checkpoints(_folder(callbacks)).newest()
    elif not isinstance(resume, str | os.PathLike):
        raise TypeError(f"Trainer.fit: got resume={resume!r}, needed a file, folder or state")
    elif Path(resume).is_dir():
        newest = Checkpoints(resume).newest()
    else:
        newest = Path(resume), load_state(resume)
    if newest is None:
        return None
    states, _ = split(*newest)
    if "trainer" not in states:
        raise ValueError(
            f"Trainer.fit: {newest[0]} has the parts {', '.join(states)}, needed a trainer; "
            f"load_checkpoint(file, …) loads it"
        )
    state: Mapping[str, Any] = states["trainer"]
    return state


def _folder(callbacks: Iterable[Callback]) -> Path:
    for callback in callbacks:
        folder = callback.resume_folder()
        if folder is not None:
            return folder
    raise ValueError(
        "Trainer.fit: got resume=True without SaveCheckpoints among the callbacks; "
        "add it, or give a file or folder"
    )
