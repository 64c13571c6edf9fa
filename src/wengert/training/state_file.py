"""A state, nested as it is, in one .npz file without pickle.

The arrays are the file's entries "0", "1", …; "structure" in its metadata is a JSON text that says
where they belong and holds all the rest. An object in it has one key, which names its kind:
{"dict": {…}}, {"array": 3}, {"scalar": ["<f4", "0000803f"]}, {"float": "7ff0000000000000"} (one
that JSON lacks). Lists, texts, integers, finite floats, true, false and null stand for
themselves.
"""

import json
import math
import os
import struct
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.files import AnyPath, replacing
from wengert.io import npz

FORMAT = "wengert state"
VERSION = "1"


def save_state(path: AnyPath, state: Any) -> None:
    """Writes `state` into the file `path`, which is there whole or not at all.

    Args:
        path: of the file; .npz is its usual ending. What was there is replaced.
        state: arrays and scalars of NumPy (float, int, bool, of any size), int, float, str, bool,
            None, and lists, tuples and dicts (with str keys) of these. All come back bit for bit;
            tuples as lists, and arrays in the byte order of the machine that loads them.

    Raises:
        TypeError: something in it is of another kind; the message says where.
        ValueError: it is nested deeper than Python's stack, or holds itself.
        OSError: the file cannot be written; what was there before is whole.
    """
    arrays: list[ndarray] = []
    try:
        structure = json.dumps(_encoded(state, "", arrays), allow_nan=False)
    except RecursionError:
        raise ValueError("save_state: the state is nested too deep, or holds itself") from None
    metadata = {"format": FORMAT, "version": VERSION, "structure": structure}
    try:
        with replacing(path) as file:
            npz.write(file, {str(i): array for i, array in enumerate(arrays)}, metadata)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno or 0,
            f"save_state: {os.fspath(path)} cannot be written ({reason}); "
            f"what was there before is whole",
        ) from error


def load_state(path: AnyPath) -> Any:
    """What `save_state` has written into the file `path`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is damaged or cut off, is no such file, or is of a later version.
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
    except Exception as error:  # whatever a damaged file may lead to
        raise ValueError(
            f"load_state: {os.fspath(path)} is damaged, or was not written by save_state "
            f"({type(error).__name__}: {error})"
        ) from error
    raise ValueError(
        f"load_state: {os.fspath(path)} is of version {version!r}, needed {VERSION!r}; "
        f"another release of wengert has written it"
    )


def _encoded(x: Any, way: str, arrays: list[ndarray]) -> Any:
    """`x` as JSON has it; its arrays are appended to `arrays`."""
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
        return [_encoded(value, f"{way}.{i}", arrays) for i, value in enumerate(x)]
    if isinstance(x, dict):
        for key in x:
            if not isinstance(key, str):
                raise TypeError(f"save_state: {_shown(way)} has the key {key!r}, needed str keys")
        return {"dict": {key: _encoded(value, f"{way}.{key}", arrays) for key, value in x.items()}}
    kind = f"{type(x).__name__} of {x.dtype}" if hasattr(x, "dtype") else type(x).__name__
    raise TypeError(
        f"save_state: {_shown(way)}: got {kind}, needed arrays of numbers, int, float, str, bool, "
        f"None, or lists and dicts of these"
    )


def _shown(way: str) -> str:
    return way.removeprefix(".") or "the state"


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
    raise ValueError(f"it holds a {kind!r}")
