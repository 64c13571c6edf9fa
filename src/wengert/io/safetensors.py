"""Safetensors: a JSON header, then the arrays; the library `safetensors` writes and checks it."""

import json
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import BinaryIO

import numpy as np
from numpy import ndarray

DTYPES = {
    "BOOL": "?",
    **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}
METADATA = "__metadata__"
NAMES = {np.dtype(dtype).name for dtype in DTYPES.values()}


def library() -> ModuleType:
    try:
        module: ModuleType = import_module("safetensors")
    except ImportError:
        raise ImportError(
            "a .safetensors file needs the package safetensors: pip install 'wengert[safetensors]'"
        ) from None
    return module


def write(file: BinaryIO, arrays: Mapping[str, ndarray], metadata: Mapping[str, str]) -> None:
    """Writes a file that `safetensors.numpy.load_file` and `safetensors.torch.load_file` read."""
    safetensors = library()
    if METADATA in arrays:
        raise ValueError(f"name {METADATA}: it is reserved in a .safetensors file")
    # (the library receives addresses: `kept` keeps the memory alive)
    kept = {name: _little_endian(name, array) for name, array in arrays.items()}
    specs = {
        name: safetensors.TensorSpec(
            dtype=array.dtype.name,
            shape=array.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
        for name, array in kept.items()
    }
    try:
        file.write(safetensors.serialize(specs, metadata=dict(metadata) or None))
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error


def read(file: BinaryIO) -> tuple[dict[str, ndarray], dict[str, str]]:
    """The arrays and the metadata of a file; bfloat16 as float32, which has the same values.

    Raises:
        ValueError: it is damaged, or has arrays of dtypes that NumPy lacks.
    """
    safetensors = library()
    data = file.read()
    try:
        parts = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        raise ValueError(f"it is damaged: {error}") from error
    arrays = {name: _array(name, **part) for name, part in parts}
    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    return arrays, json.loads(header).get(METADATA, {})


def _little_endian(name: str, array: ndarray) -> ndarray:
    """The array in the byte order of the file."""
    if array.dtype.name not in NAMES:
        raise ValueError(f"{name} is {array.dtype}, which .safetensors cannot store")
    return np.array(array, array.dtype.newbyteorder("<"), order="C", copy=None)


def _array(name: str, dtype: str, shape: list[int], data: bytearray) -> ndarray:
    if dtype == "BF16":  # the upper half of a float32
        bits = np.ndarray(tuple(shape), "<u2", data).astype(np.uint32)
        bits <<= 16
        return bits.view(np.float32)
    if dtype not in DTYPES:
        raise ValueError(f"{name} is {dtype}, which NumPy lacks")
    array: ndarray = np.ndarray(tuple(shape), DTYPES[dtype], data)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
