"""Files that may be compressed by gzip, damaged or malicious."""

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, BinaryIO, cast

from wengert.files import path_of

BinaryFile = str | os.PathLike[str] | BinaryIO

GZIP = b"\x1f\x8b"
CHUNK = 2**17  # bytes


@contextmanager
def unpacked(caller: str, file: BinaryFile) -> Iterator[BinaryIO]:
    """The content of a file, for a `with` block; decompressed if it starts as gzip files do.

    Raises:
        ValueError: the file is damaged: any error of gzip or of the block becomes this error, which
            names the caller and the file.
        OSError: the file cannot be read.
    """
    with _opened(caller, file) as packed:
        start = packed.tell()
        magic = packed.read(len(GZIP))
        if not isinstance(magic, bytes):
            raise TypeError(f"{caller}: got a text file, needed a file opened with 'rb'")
        packed.seek(start)
        try:
            with gzip.open(packed) if magic == GZIP else nullcontext(packed) as raw:
                yield cast(BinaryIO, raw)
        except Exception as error:
            system = isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile)
            if system or isinstance(error, MemoryError):
                raise
            name = getattr(packed, "name", "the file")
            raise ValueError(
                f"{caller}: {name}: {error}; delete the file and download it again"
            ) from error


def read_at_most(file: IO[bytes], size: int) -> bytearray:
    """Reads in chunks, so that memory is allocated for the bytes that arrive, not for `size`."""
    data = bytearray()
    while len(data) < size and (chunk := file.read(min(CHUNK, size - len(data)))):
        data += chunk
    return data


@contextmanager
def _opened(caller: str, file: BinaryFile) -> Iterator[BinaryIO]:
    if hasattr(file, "read"):
        yield cast(BinaryIO, file)
    else:
        with path_of(caller, "file", file).open("rb") as opened:
            yield opened
