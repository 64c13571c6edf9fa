"""NumPy's .npz: a zip archive with a .npy file for each array.

The reader accepts numbers and booleans as `np.savez` and `np.savez_compressed` write them. It
trusts no file: it evaluates no header, unpickles nothing, and allocates an array only after
checking that the archive has that many bytes.
"""

import json
import math
import re
import zlib
from collections.abc import Mapping
from errno import EINVAL
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy import ndarray

METADATA = "metadata.json"  # a member that `np.load` returns as bytes
CHUNK = 2**20  # bytes
LONGEST_NAME = 2**16 - 1 - len(".npy")  # bytes
MOST_FROM_A_BYTE = {ZIP_STORED: 1, ZIP_DEFLATED: 1032}  # deflate: 258 bytes for two bits

# Version 1.0 of the format: the length of the header, then a dict in Python's syntax, with keys in
# any order.
MAGIC = b"\x93NUMPY\x01\x00"
HEADER = re.compile(
    rb"\{(?=.*'descr': '([<>|=]?[fiub]\d+)')(?=.*'fortran_order': (True|False))"
    rb"(?=.*'shape': \(([\d, ]*)\))[^{}]*\}\s*"
)


def write(file: BinaryIO, arrays: Mapping[str, ndarray], metadata: Mapping[str, str]) -> None:
    """Writes an archive that `np.load` reads; the same arrays give the same bytes."""
    with ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            if "\0" in name or len(name.encode()) > LONGEST_NAME:
                raise ValueError(
                    f"name {name!r:.80}: an .npz file cannot store a name with a null character or "
                    f"of more than {LONGEST_NAME} bytes"
                )
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
        if metadata:
            archive.writestr(ZipInfo(METADATA), json.dumps(dict(metadata)))


def read(file: BinaryIO, *, arrays: bool = True) -> tuple[dict[str, ndarray], dict[str, str]]:
    """The arrays, or none of them, and the metadata of an archive.

    Raises:
        ValueError: it is damaged, or contains anything else.
    """
    try:
        with ZipFile(file) as archive:
            return _read(archive, file.seek(0, 2), arrays)
    except (BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"it is damaged: {error}") from error
    except OSError as error:
        if error.errno == EINVAL:  # a position before the start of the file
            raise ValueError(f"it is damaged: {error.strerror}") from error
        raise
    except (NotImplementedError, RuntimeError) as error:  # a compression method of zip, a password
        raise ValueError(f"it cannot be read: {error}") from error


def _read(
    archive: ZipFile, size: int, with_arrays: bool
) -> tuple[dict[str, ndarray], dict[str, str]]:
    members = archive.infolist()
    if sum(member.compress_size for member in members) > size:
        raise ValueError("it is damaged: its members claim more bytes than the file has")
    arrays: dict[str, ndarray] = {}
    metadata: dict[str, str] = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if member.file_size > member.compress_size * MOST_FROM_A_BYTE.get(member.compress_type, 0):
            raise ValueError(f"{member.filename} cannot have {member.file_size} bytes")
        if member.filename == METADATA:
            metadata = _metadata(archive.read(member))
        elif name == member.filename:
            raise ValueError(f"{name} is not an array")
        elif name in arrays:
            raise ValueError(f"it has two arrays {name}")
        elif with_arrays:
            arrays[name] = _array(archive, member)
    return arrays, metadata


def _array(archive: ZipFile, member: ZipInfo) -> ndarray:
    with archive.open(member) as file:
        start = file.read(len(MAGIC) + 2)
        header = file.read(int.from_bytes(start[len(MAGIC) :], "little"))
        match = HEADER.fullmatch(header)
        if not start.startswith(MAGIC) or match is None:
            raise ValueError(
                f"{member.filename} is not an array of numbers: {(start + header)[:120]!r} "
                f"(objects are pickles, which are never loaded)"
            )
        dtype, shape = _dtype(match[1]), tuple([int(n) for n in match[3].split(b",") if n.strip()])
        size = math.prod(shape) * dtype.itemsize
        stored = member.file_size - len(start) - len(header)
        if size != stored:
            raise ValueError(
                f"{member.filename}: {dtype} {shape} has {size} bytes, but the file has {stored}"
            )
        array = np.empty(shape, dtype, order="F" if match[2] == b"True" else "C")
        data = array.reshape(-1, order="A").view(np.uint8)  # the same memory
        for i in range(0, size, CHUNK):
            part = file.read(min(CHUNK, size - i))
            if len(part) < min(CHUNK, size - i):
                raise EOFError(f"{member.filename} ends too early")
            data[i : i + CHUNK] = np.frombuffer(part, np.uint8)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _dtype(descr: bytes) -> np.dtype:
    try:
        return np.dtype(descr.decode())
    except TypeError:
        raise ValueError(f"NumPy has no dtype {descr.decode()}") from None


def _metadata(text: bytes) -> dict[str, str]:
    metadata = json.loads(text)
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError(f"{METADATA} is not a dict of strings")
    return metadata
