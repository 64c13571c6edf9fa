"""Files of parameters, which are there whole or not at all."""

from pathlib import Path
from typing import Any

import numpy as np

from wengert.files import replacing
from wengert.layers import Layer


def save_parameters(path: str | Path, model: Layer) -> None:
    """Writes the Parameters and Buffers of `model`, by name, as a .npz file for `np.load`."""
    arrays: dict[str, Any] = model.state_dict()
    with replacing(path) as file:
        np.savez(file, **arrays)
