"""Arrays in IDX files, the format of MNIST: a short header, then big-endian numbers."""

import math
from typing import Any, BinaryIO

import numpy as np
from numpy import ndarray

from wengert.data.packed import BinaryFile, read_at_most, unpacked

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_AXES = 32


def read_idx(file: BinaryFile) -> "ndarray[Any, Any]":
    """The array in an IDX file, compressed by gzip or not, in the machine's byte order.

    The format: two zero bytes, a byte for the dtype, a byte for the number of axes, the lengths of
    the axes as unsigned 32-bit integers, and the numbers in C order. The memory used is
    proportional to the size of the file, whatever its header says.

    Args:
        file: a path, or a seekable binary file.

    Raises:
        ValueError: the file is not an IDX file, is damaged, or has another size than its header
            says.
        OSError: the file cannot be read.
    """
    with unpacked("read_idx", file) as raw:
        return _read(raw)


def _read(file: BinaryIO) -> "ndarray[Any, Any]":
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in DTYPES:
        raise ValueError(f"starts with {head.hex(' ') or 'nothing'}, unlike an IDX file")
    if head[3] > MAX_AXES:
        raise ValueError(f"claims {head[3]} axes, needed at most {MAX_AXES}")
    lengths = file.read(4 * head[3])
    if len(lengths) < 4 * head[3]:
        raise ValueError(f"ends in its header, after {4 + len(lengths)} bytes")
    shape = tuple(np.frombuffer(lengths, ">u4").tolist())
    dtype = np.dtype(DTYPES[head[2]])
    promised = math.prod(shape) * dtype.itemsize
    data = read_at_most(file, promised + 1)
    if len(data) != promised:
        found = "more" if len(data) > promised else f"only {len(data)}"
        raise ValueError(f"claims {promised} bytes of numbers, shape {shape}, but has {found}")
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
