"""A nested state in one .npz file, without pickle.

The arrays are the entries "0", "1", … of the file. "structure" in its metadata is a JSON text that
says where they belong and holds everything else. An object in it has one key, its kind:
{"dict": {…}}, {"array": 3}, {"scalar": ["<f4", "0000803f"]}, {"float": "7ff0000000000000"} (a float
that JSON lacks). Lists, strings, integers, finite floats, true, false and null are written as they
are.
"""

import json
import math
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.files import AnyPath, replacing
from wengert.io import npz

FORMAT = "wengert state"
VERSION = "1"


def save_state(path: AnyPath, state: Any) -> None:
    """Writes `state` into the file `path`, which is then either complete or as it was before.

    Args:
        path: of the file, which usually ends in .npz. An existing file is replaced.
        state: arrays and scalars of NumPy (float, int, bool, of any size), int, float, str, bool,
            None, and lists, tuples and dicts (with str keys) of these. All are restored bit for
            bit; tuples become lists, and arrays get the byte order of the machine that loads them.

    Raises:
        TypeError: a value is of another kind; the message says where.
        ValueError: the state is nested too deeply, or contains itself.
        OSError: the file cannot be written; an existing file is unchanged.
    """
    write_state(path, state, {})


def load_state(path: AnyPath) -> Any:
    """The state that `save_state` has written into the file `path`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is damaged or truncated, is not such a file, or is of a later version.
    """
    version = VERSION
    try:
        with open(path, "rb") as file:
            arrays, metadata = npz.read(file)
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, needed {FORMAT!r}")
        version = metadata["version"]
        if version == VERSION:
            return _decoded(json.loads(metadata["structure"]), arrays)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a damaged file may cause any error
        raise ValueError(
            f"load_state: {os.fspath(path)} is damaged, or was not written by save_state "
            f"({type(error).__name__}: {error})"
        ) from error
    raise ValueError(
        f"load_state: {os.fspath(path)} is of version {version!r}, needed {VERSION!r}; "
        f"it was written by another release of wengert"
    )


def write_state(path: AnyPath, state: Any, notes: Mapping[str, str]) -> None:
    """`save_state`, with further entries for the metadata of the file."""
    arrays: list[ndarray] = []
    try:
        structure = json.dumps(_encoded(state, "", arrays), allow_nan=False)
    except RecursionError:
        raise ValueError("save_state: the state is nested too deeply, or contains itself") from None
    metadata = {"format": FORMAT, "version": VERSION, "structure": structure, **notes}
    try:
        with replacing(path) as file:
            npz.write(file, {str(i): array for i, array in enumerate(arrays)}, metadata)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno or 0,
            f"save_state: {os.fspath(path)} cannot be written ({reason}); "
            f"an existing file is unchanged",
        ) from error


def _encoded(x: Any, path: str, arrays: list[ndarray]) -> Any:
    """`x` for JSON; its arrays are appended to `arrays`. `path` leads to x, for errors."""
    if x is None or isinstance(x, bool | str):
        return x
    if isinstance(x, np.generic) and x.dtype.kind in "fiub":
        return {"scalar": [x.dtype.str, x.tobytes().hex()]}
    if type(x) is ndarray and x.dtype.kind in "fiub":
        arrays.append(x)
        return {"array": len(arrays) - 1}
    if isinstance(x, int):
        return int(x)
    if isinstance(x, float):
        return float(x) if math.isfinite(x) else {"float": struct.pack(">d", x).hex()}
    if isinstance(x, list | tuple):
        return [_encoded(value, f"{path}.{i}", arrays) for i, value in enumerate(x)]
    if isinstance(x, dict):
        for key in x:
            if not isinstance(key, str):
                raise TypeError(f"save_state: {_shown(path)} has the key {key!r}, needed str keys")
        return {"dict": {key: _encoded(value, f"{path}.{key}", arrays) for key, value in x.items()}}
    kind = f"{type(x).__name__} of {x.dtype}" if hasattr(x, "dtype") else type(x).__name__
    raise TypeError(
        f"save_state: {_shown(path)}: got {kind}, needed arrays of numbers, int, float, str, bool, "
        f"None, or lists and dicts of these"
    )


def _shown(path: str) -> str:
    return path.removeprefix(".") or "the state"


def _decoded(x: Any, arrays: dict[str, ndarray]) -> Any:
    if isinstance(x, list):
        return [_decoded(value, arrays) for value in x]
    if not isinstance(x, dict):
        return x
    ((kind, value),) = x.items()
    if kind == "dict":
        return {key: _decoded(one, arrays) for key, one in value.items()}
    if kind == "array":
        return arrays[str(value)]
    if kind == "scalar":
        dtype, digits = value
        return np.frombuffer(bytes.fromhex(digits), dtype)[0]
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(value))[0]
    raise ValueError(f"it contains a {kind!r}")
