"""Files of parameters, which are there whole or not at all."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from wengert.layers import Layer


def check_writable(path: str | Path) -> None:
    """Finds out now whether `save_parameters` can write to `path` later.

    Raises:
        OSError: it cannot; the message says why.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a file")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent}")
    temporary = _beside(target)
    try:
        temporary.open("xb").close()
        temporary.unlink()
    except OSError as error:
        raise OSError(f"cannot write in {target.parent}: {error.strerror}") from error


def save_parameters(path: str | Path, model: Layer) -> None:
    """Writes the Parameters and Buffers of `model`, by name, as a .npz file for `np.load`.

    The file is written beside its place and then renamed, so a file that was there stays whole if
    writing fails.
    """
    target = Path(path).resolve()
    temporary = _beside(target)
    arrays: dict[str, Any] = model.state_dict()
    try:
        with temporary.open("xb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.tmp")
