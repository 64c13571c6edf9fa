"""Files that may be packed by gzip, and that may be damaged or hostile."""

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
def unpacked(function: str, file: BinaryFile) -> Iterator[BinaryIO]:
    """The bytes of a file, for a `with` block; unpacked if they begin as gzip's do.

    Raises:
        ValueError: it is damaged, to gzip or to the block: any error there becomes this one, which
            names the function and the file.
        OSError: it cannot be read.
    """
    with _opened(function, file) as packed:
        start = packed.tell()
        magic = packed.read(len(GZIP))
        if not isinstance(magic, bytes):
            raise TypeError(f"{function}: got a file of text, needed one opened with 'rb'")
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
                f"{function}: {name}: {error}; delete the file and get it again"
            ) from error


def read_at_most(file: IO[bytes], size: int) -> bytearray:
    """Piece by piece, so that what a header claims is not set aside before it has come."""
    data = bytearray()
    while len(data) < size and (chunk := file.read(min(CHUNK, size - len(data)))):
        data += chunk
    return data


@contextmanager
def _opened(function: str, file: BinaryFile) -> Iterator[BinaryIO]:
    if hasattr(file, "read"):
        yield cast(BinaryIO, file)
    else:
        with path_of(function, "file", file).open("rb") as opened:
            yield opened
