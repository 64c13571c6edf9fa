"""Files of the Parameters and Buffers of a model."""

from collections.abc import Callable, Mapping
from typing import Literal

from numpy import ndarray

from wengert.files import AnyPath
from wengert.io import pytorch
from wengert.io.arrays import read, save_arrays
from wengert.layers import Layer

Names = Literal["wengert", "pytorch"]


def save_weights(path: AnyPath, model: Layer, *, names: Names = "wengert") -> None:
    """Writes the Parameters and Buffers of a model, by name.

    Args:
        path: ends in .npz or .safetensors; see `save_arrays`.
        model: without lazy parameters.
        names: "pytorch" for a file that PyTorch's module of the same architecture loads:
            `module.load_state_dict(safetensors.torch.load_file(path))`; see `wengert.io.pytorch`.

    Raises:
        OSError: the file cannot be written; an existing file is unchanged.
        RuntimeError: a Parameter has no size yet.
        TypeError: `model` is not a Layer.
        ValueError: the path has another ending.
    """
    _check("save_weights", model, names)
    state = model.state_dict()
    if names == "pytorch":
        save_arrays(path, pytorch.to_pytorch(state, model), {"format": "pt"})
    else:
        save_arrays(path, state)


def load_weights(
    path: AnyPath,
    model: Layer,
    *,
    strict: bool = True,
    names: Names = "wengert",
    rename: Callable[[str], str | None] | None = None,
) -> tuple[list[str], list[str]]:
    """Loads Parameters and Buffers from a file, in the dtypes that they have in the model.

    Args:
        path: a .npz or .safetensors file, which need not be trusted: see `load_arrays`.
        model: takes the values; a Parameter of unknown size takes its size from the file too.
        strict: False allows missing and unexpected names.
        names: "pytorch" for a file from PyTorch's module of the same architecture; see
            `wengert.io.pytorch`.
        rename: a function from a name in the file to the name to use; None drops the array.

    Returns:
        The names that are missing in the file and those that are unexpected; both empty if
        `strict`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        TypeError: `model` is not a Layer.
        ValueError: it is damaged, or names or shapes do not fit; the message says which, and
            nothing is loaded.
    """
    _check("load_weights", model, names)
    arrays, metadata = read("load_weights", path)
    try:
        if names == "pytorch":
            arrays = pytorch.with_tied_names(arrays, metadata)
        if rename is not None:
            arrays = _renamed(arrays, rename)
        if names == "pytorch":
            return pytorch.load(arrays, model, strict)
        return model.load_state_dict(arrays, strict=strict)
    except ValueError as error:
        raise ValueError(f"load_weights: {path}: {error}") from error


def _check(caller: str, model: Layer, names: str) -> None:
    if not isinstance(model, Layer):
        raise TypeError(
            f"{caller}: got model {model!r:.80}, needed a Layer; is it {caller}(path, model)?"
        )
    if names not in ("wengert", "pytorch"):
        raise ValueError(f"{caller}: got names {names!r}, needed 'wengert' or 'pytorch'")


def _renamed(
    arrays: Mapping[str, ndarray], rename: Callable[[str], str | None]
) -> dict[str, ndarray]:
    renamed: dict[str, ndarray] = {}
    for old, array in arrays.items():
        new = rename(old)
        if new in renamed:
            raise ValueError(f"rename gives {new} for {old} and for another name")
        if new is not None:
            renamed[new] = array
    return renamed
