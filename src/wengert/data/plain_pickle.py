"""Pickles of plain types and arrays of bytes, read without running code from them.

A pickle is a program for a small stack machine, and `pickle.load` runs it: it imports and calls
whatever the file names. Here `pickletools` parses the program, and only the few instructions that
plain data need are executed. Nothing is imported or called by a name in the file, and the memory
used is proportional to the size of the file.
"""

import pickletools
from enum import Enum
from typing import Any

import numpy as np

MAX_INSTRUCTIONS = 2**20  # 50,000 names and labels need a quarter of them

# fmt: off
CONSTANTS = {  # they push their argument, a number or a string
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "INT", "LONG", "FLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINBYTES", "SHORT_BINBYTES",
}
# fmt: on
LITERALS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


class Stand(Enum):
    """Items on the stack that are not plain data."""

    MARK = "the start of a tuple, list or dict"
    RECONSTRUCT = "NumPy's function that makes an array without content"
    NDARRAY = "the class of this array"
    ARRAY = "an array without content"
    DTYPE = "numpy.dtype"
    BYTES = "numpy.dtype('uint8')"
    ENCODE = "the encoding of bytes in Python 3's pickles for Python 2"


ADMITTED = {
    "numpy.core.multiarray _reconstruct": Stand.RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": Stand.RECONSTRUCT,
    "numpy ndarray": Stand.NDARRAY,
    "numpy dtype": Stand.DTYPE,
    "_codecs encode": Stand.ENCODE,
}


def read_plain_pickle(data: bytes | bytearray) -> Any:
    """The object in a pickle: numbers, strings, bytes, tuples, lists, dicts, and uint8 arrays.

    Strings of Python 2 are decoded as Latin-1, which keeps every byte.

    Raises:
        ValueError: the data are not a pickle, are damaged, or contain other objects.
    """
    machine = _Machine(budget=len(data))
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(data)):
            if count == MAX_INSTRUCTIONS:
                raise ValueError(f"it has more than {MAX_INSTRUCTIONS} instructions")
            machine.step(instruction.name, argument)
        return machine.stack.pop()
    except Exception as error:
        raise ValueError(f"is not a pickle of plain data and uint8 arrays: {error}") from error


class _Machine:
    """Executes instructions. In a damaged program the stack may be empty or hold anything."""

    def __init__(self, budget: int) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.budget = budget  # bytes that may still be encoded

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        match name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case _ if name in CONSTANTS:
                stack.append(argument)
            case _ if name in LITERALS:
                stack.append(LITERALS[name])
            case "MARK":
                stack.append(Stand.MARK)
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self.popped(int(name[-1]))))
            case "TUPLE":
                stack.append(tuple(self.since_mark()))
            case "LIST":
                stack.append(self.since_mark())
            case "DICT":
                stack.append(_pairs(self.since_mark()))
            case "APPEND" | "APPENDS":
                items = self.popped(1) if name == "APPEND" else self.since_mark()
                list.extend(stack[-1], items)
            case "SETITEM" | "SETITEMS":
                items = self.popped(2) if name == "SETITEM" else self.since_mark()
                dict.update(stack[-1], _pairs(items))
            case "GLOBAL":
                stack.append(_named(argument))
            case "STACK_GLOBAL":
                module, word = self.popped(2)
                stack.append(_named(" ".join((module, word))))
            case "REDUCE":
                stack.append(self.call(*self.popped(2)))
            case "BUILD":
                stack.append(self.build(*self.popped(2)))
            case _:
                raise ValueError(f"it has the instruction {name}, which plain data does not need")

    def popped(self, count: int) -> list[Any]:
        """Removes the topmost items from the stack; returns them, the topmost last."""
        return [self.stack.pop() for _ in range(count)][::-1]

    def since_mark(self) -> list[Any]:
        items = []
        while (item := self.stack.pop()) is not Stand.MARK:
            items.append(item)
        return items[::-1]

    def call(self, function: Any, arguments: Any) -> Any:
        first, *rest = arguments
        if function is Stand.RECONSTRUCT and first is Stand.NDARRAY:
            return Stand.ARRAY
        if function is Stand.DTYPE and isinstance(first, str) and first in ("u1", "|u1"):
            return Stand.BYTES
        if function is Stand.ENCODE and rest == ["latin1"]:
            return self.encoded(first)
        raise ValueError("it calls a function, or makes an array of another dtype than uint8")

    def build(self, item: Any, state: Any) -> Any:
        if item is Stand.BYTES:  # its state, such as the byte order, does not matter for bytes
            return item
        if item is not Stand.ARRAY:
            raise ValueError("it sets the state of an object that is not an array")
        _, shape, dtype, fortran, data = state
        data = self.encoded(data) if isinstance(data, str) else data
        if dtype is not Stand.BYTES or not isinstance(data, bytes) or not isinstance(shape, tuple):
            raise ValueError("it has an array of another dtype than uint8")
        if not all(isinstance(n, int) and 0 <= n <= len(data) for n in shape):
            raise ValueError("it has an array whose shape does not fit its size")
        return np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")

    def encoded(self, text: str) -> bytes:
        self.budget -= len(text)
        if self.budget < 0:
            raise ValueError("it would need more memory than its own size")
        return str.encode(text, "latin-1")


def _named(name: str) -> Stand:
    if name not in ADMITTED:
        raise ValueError(f"it names {name[:80]!r}, which is not allowed")
    return ADMITTED[name]


def _pairs(items: list[Any]) -> dict[Any, Any]:
    keys, values = items[::2], items[1::2]
    if not all(
        isinstance(key, str | bytes | int) for key in keys
    ):  # (hashing nested tuples may take hours)
        raise ValueError("it has a dict with keys other than strings and numbers")
    return dict(zip(keys, values, strict=True))
