"""Files of arrays by name: .npz and .safetensors."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.core import Variable
from wengert.files import AnyPath, path_of, replacing
from wengert.io import npz, safetensors

FORMATS: dict[str, ModuleType] = {".npz": npz, ".safetensors": safetensors}


def save_arrays(
    path: AnyPath, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes arrays by name into a file, which is then either complete or as it was before.

    Args:
        path: ends in .npz, which `np.load` reads too, or in .safetensors.
        arrays: of numbers or booleans, in any layout and byte order.
        metadata: strings by name, for `load_metadata`.

    Raises:
        ImportError: .safetensors needs the package safetensors.
        OSError: the file cannot be written; an existing file is unchanged.
        TypeError: an array is not numeric, or a metadata value is not a string.
        ValueError: the path has another ending, or the format cannot store an array.
    """
    file_path, form = _format("save_arrays", path)
    if not all(isinstance(names, Mapping) for names in (arrays, metadata or {})):
        raise TypeError("save_arrays: needed dicts, of arrays by name and of metadata strings")
    checked = {name: _numbers(name, array) for name, array in arrays.items()}
    strings = dict(metadata or {})
    if not all(isinstance(s, str) for s in [*checked, *strings, *strings.values()]):
        raise TypeError("save_arrays: needed strings as names and in metadata")
    with replacing(file_path) as file:
        try:
            form.write(file, checked, strings)
        except ValueError as error:
            raise ValueError(f"save_arrays: {path}: {error}") from error


def load_arrays(path: AnyPath) -> dict[str, ndarray]:
    """The arrays of a .npz or .safetensors file, by name, in the byte order of this machine.

    The file need not be trusted: nothing in it is executed, and no more memory is allocated than
    the file has bytes (for compressed arrays: than it can expand to). Values of bfloat16, which
    NumPy lacks, are returned as float32.

    Raises:
        ImportError: .safetensors needs the package safetensors.
        OSError: there is no such file, or it cannot be read.
        ValueError: it has another ending, is damaged, or contains anything but numbers.
    """
    return read("load_arrays", path)[0]


def load_metadata(path: AnyPath) -> dict[str, str]:
    """The metadata that `save_arrays` has written; it raises the errors of `load_arrays`."""
    return read("load_metadata", path)[1]


def read(caller: str, path: AnyPath) -> tuple[dict[str, ndarray], dict[str, str]]:
    """The arrays and the metadata; `caller` starts the error messages."""
    file_path, form = _format(caller, path)
    with file_path.open("rb") as file:
        try:
            arrays, metadata = form.read(file)
            for name, array in arrays.items():
                if array.dtype == bool and np.any(array.view(np.uint8) > 1):
                    raise ValueError(f"{name} has booleans that are neither 0 nor 1")
        except ValueError as error:
            raise ValueError(f"{caller}: {path}: {error}") from error
    return arrays, metadata


def _format(caller: str, path: AnyPath) -> tuple[Path, ModuleType]:
    """The path, and the module that reads and writes files with its ending."""
    file_path = path_of(caller, "path", path)
    suffix = file_path.suffix
    if suffix not in FORMATS:
        hint = (
            "; it may be a pickle, which can execute any code: in PyTorch, write its state_dict "
            "with safetensors.torch.save_file"
            if suffix in (".pt", ".pth", ".bin", ".ckpt")
            else ""
        )
        raise ValueError(
            f"{caller}: got {os.fspath(path)!r}, needed a name that ends in "
            f"{' or '.join(FORMATS)}{hint}"
        )
    return file_path, FORMATS[suffix]


def _numbers(name: str, array: Any) -> ndarray:
    try:
        numbers: ndarray = array.data if isinstance(array, Variable) else np.asarray(array)
    except ValueError:
        raise TypeError(f"save_arrays: {name} has lists of different lengths") from None
    if numbers.dtype.kind not in "fiub":
        raise TypeError(f"save_arrays: {name} is {numbers.dtype}, needed numbers or booleans")
    return numbers
