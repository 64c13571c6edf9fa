"""Damaged files for tests of readers: `mutants` of a valid file; limits of time and memory."""

import faulthandler
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

HEADER = 256  # bytes; half of all damage is within them
EXTREMES = (0, 1, -1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """`count` damaged copies of `data`, the same ones for the same seed.

    Each has one to four faults of `FAULTS`. So some files are almost valid, and are refused late,
    and others are refused at once.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(rng.integers(1, 5)):
            FAULTS[rng.integers(len(FAULTS))](mutant, rng)
        yield bytes(mutant)


def _position(data: bytearray, rng: "np.random.Generator") -> int:
    return int(rng.integers(min(len(data), HEADER if rng.random() < 0.5 else len(data)) + 1))


def _flip_bits(data: bytearray, rng: "np.random.Generator") -> None:
    for _ in range(rng.integers(1, 9)):
        position = _position(data, rng)
        flipped = bytes(b ^ 1 << int(rng.integers(8)) for b in data[position:][:1])
        data[position : position + 1] = flipped


def _truncate(data: bytearray, rng: "np.random.Generator") -> None:
    del data[_position(data, rng) :]


def _insert(data: bytearray, rng: "np.random.Generator") -> None:
    position = _position(data, rng)
    data[position:position] = rng.bytes(int(rng.integers(1, 17)))


def _delete(data: bytearray, rng: "np.random.Generator") -> None:
    position = _position(data, rng)
    del data[position : position + int(rng.integers(1, 17))]


def _copy_block(data: bytearray, rng: "np.random.Generator") -> None:
    """A block copied to another position, over the old bytes or inserted."""
    start, position, size = _position(data, rng), _position(data, rng), int(rng.integers(1, 65))
    block = data[start : start + size]
    data[position : position + len(block) * int(rng.integers(2))] = block


def _splice_integer(data: bytearray, rng: "np.random.Generator") -> None:
    """An extreme number in 1, 2, 4 or 8 bytes, in either byte order: sizes, counts, offsets."""
    width, order = 2 ** int(rng.integers(4)), ("big", "little")[rng.integers(2)]
    number = EXTREMES[rng.integers(len(EXTREMES))] % 2 ** (8 * width)
    position = _position(data, rng)
    data[position : position + width] = number.to_bytes(width, order)


def _splice_digits(data: bytearray, rng: "np.random.Generator") -> None:
    """An extreme number in place of a digit, for headers that are text."""
    position = _position(data, rng)
    for i in range(position, min(position + 64, len(data))):
        if chr(data[i]).isdigit():
            data[i : i + 1] = str(EXTREMES[rng.integers(len(EXTREMES))]).encode()
            return


FAULTS: tuple[Callable[[bytearray, "np.random.Generator"], None], ...] = (
    _flip_bits,
    _truncate,
    _insert,
    _delete,
    _copy_block,
    _splice_integer,
    _splice_digits,
)


@contextmanager
def bounded(seconds: float, size: int) -> Iterator[None]:
    """Fails if the block takes longer, or allocates more than `size` bytes at a time.

    A block that hangs for ten times as long ends the process, with a traceback of where it hangs.
    """
    faulthandler.dump_traceback_later(10 * seconds, exit=True, file=sys.__stderr__)
    tracemalloc.start()
    start = time.perf_counter()
    try:
        yield
        taken = time.perf_counter() - start
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        faulthandler.cancel_dump_traceback_later()
    assert taken < seconds, f"took {taken:.2f} s"
    assert peak <= size, f"allocated {peak} bytes"
