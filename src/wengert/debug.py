"""Debug mode: arrays that a program changes between forward and backward, and other silent errors.

It watches the recorded calls of the running thread. Each array that a call recorded has a checksum,
which is compared when a `backward` reads the array.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
from numpy import ndarray

from wengert import graph, second_pass, walk
from wengert.arrays import input_text
from wengert.config import conversions, enable_backprop, hooks, trace
from wengert.functions import reduce
from wengert.names import public
from wengert.scopes import Registration, without
from wengert.trace import NOWHERE, Line, is_ours, origins


def debug() -> Registration:
    """Detects errors that otherwise give a wrong gradient without a message. In a `with` block, or
    until `remove()`.

    - An array that was changed in place after a call recorded it: a `backward` that needs it raises
      a RuntimeError that names the Function, the Variable, the layer and the line of the program.
      All inputs count as needed if `backward` reads one of them, and in a Function of your own.
    - A Variable that becomes a plain number without `float()`, as in `K[0, 0] = v` and
      `math.sin(v)`: it leaves the graph without an error. A warning names the line.

    It holds for calls made in this thread while it is on. They take several times longer, because
    each array is read for its checksum. The origins of calls are noted, as by `wg.trace`.

    Example:
        >>> import wengert as wg
        >>> x = wg.Variable(np.array([1.0, 2.0]), "x")
        >>> with wg.debug():
        ...     y = np.sum(x**2)
        >>> x.data[0] = 5
        >>> y.backward()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        RuntimeError: Pow: its input 'x', float64 (2,), was changed in place after the call ...
    """
    registrations: list[Registration] = []

    def add() -> None:
        registrations.append(trace())
        hooks.set((*hooks.get(), _watch_call))
        conversions.set((*conversions.get(), _warn_of_conversion))

    def remove() -> None:
        conversions.set(without(conversions.get(), _warn_of_conversion))
        hooks.set(without(hooks.get(), _watch_call))
        registrations.pop().remove()

    return Registration(add, remove)


# ---- Arrays that change ----


class Watched(list[Any]):
    """Arrays of a record, whose values are checked where a `backward` reads them."""

    # files where `xs[i]` is read for its shape and dtype only
    unchecked: tuple[str | None, ...] = tuple([
        module.__file__ for module in (walk, second_pass, graph, reduce)
    ])  # fmt: skip

    def __init__(self, arrays: Any, function: Any, describe: Callable[[int], str]) -> None:
        super().__init__(arrays)
        self.function = function
        self.describe = describe
        self.sums = [_checksum(array) for array in arrays]

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            self.check(i)
        return super().__iter__()

    def __getitem__(self, i: Any) -> Any:
        if sys._getframe(1).f_code.co_filename not in self.unchecked:
            for k in range(*i.indices(len(self))) if isinstance(i, slice) else [i]:
                self.check(k)
        return super().__getitem__(i)

    def check(self, i: int) -> None:
        """Raises RuntimeError if an array is not what it was."""
        array = list.__getitem__(self, i)
        if _checksum(array) != self.sums[i]:
            raise RuntimeError(
                f"{type(self.function).__name__}: its {self.describe(i)}, {array.dtype} "
                f"{array.shape}, was changed in place after the call{_origin(self.function)}, and "
                f"backward needs the old values; change a copy (x.data = new), or call backward "
                f"first"
            )


class AllWatched(Watched):
    """Arrays of a user's Function, which may read them anywhere: the walk checks them too."""

    unchecked = ()


def _checksum(array: ndarray) -> int:
    import zlib  # (not for `import wengert`)

    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data) if array.size else 0


def _watch_call(function: Any, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
    names = [x.name for x in inputs]
    kind = Watched if type(function).__module__.startswith("wengert.") else AllWatched
    graph.watch(
        function,
        lambda xs: kind(xs, function, lambda i: input_text(i, names)),
        lambda ys: Watched(ys, function, lambda i: "output"),
    )


def _origin(function: Any) -> str:
    origin = origins.get(function, NOWHERE)
    layer = f" in layer {origin.layer}" if origin.layer else ""
    return layer + (f" at {_quoted(origin.line)}" if origin.line else "")


def _quoted(line: Line) -> str:
    return f"{line} `{line.text}`" if line.text else str(line)


# ---- Variables that become numbers ----


def _warn_of_conversion(x: Any) -> None:
    frame = sys._getframe(2)  # the caller of `float` or NumPy, which have no frames
    if not (x.requires_grad and enable_backprop.get()) or is_ours(frame):
        return
    line = Line(frame.f_code.co_filename, frame.f_lineno)
    if _means_a_number(frame, line.text):
        return
    message = (
        f"{_quoted(line)}: a Variable becomes a plain number here, which has no gradient; build an "
        f"array of Variables with np.stack, np.where or wg.array, and compute with np.sin, not "
        f"math.sin; write float(v) if a number is meant"
    )
    warnings.warn_explicit(message, UserWarning, line.file, line.number)


def _means_a_number(frame: FrameType, text: str) -> bool:
    """Whether the running expression converts a Variable on purpose: `float(v)`, `"%.2f" % v`.

    `text` is its line without indentation. There may be other expressions in the line.
    """
    import dis  # (slow imports)
    import linecache
    import re

    at = frame.f_lasti
    name = dis.opname[frame.f_code.co_code[at]]
    if name == "BINARY_OP":  # text on the left: other operands do not call `float`
        return True
    if not name.startswith(("CALL", "PRECALL")):  # such as STORE_SUBSCR
        return False
    _, _, start, end = list(frame.f_code.co_positions())[at // 2]
    whole = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    call = whole.encode()[start:end].decode(errors="replace") if start is not None else text
    return re.match(r"([\w.]*\.)?float(16|32|64)?\(|[^(]*\(map\(float,", call) is not None


__all__, __dir__ = public(globals())
