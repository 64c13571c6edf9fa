"""What layers hold: Parameters, Buffers, and what stands for them until their size is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.core import Parameter, Variable
from wengert.initializers import Initializer

Shape = tuple[int | None, ...]
FansOf = Callable[[tuple[int, ...]], tuple[int, int]] | None


class Buffer(Variable):
    """A constant that belongs to the state of a layer, such as a running mean."""

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None) -> None:
        super().__init__(data, name, requires_grad=False)


class Unsized:
    """Stands for a Parameter or Buffer until its size is known.

    Args:
        kind: Parameter or Buffer.
        shape: with a None where the size is missing.
        initializer: makes the first values.
        dtype: of the values.
        fans: from the shape to (in, out), for the initializer; None for a matrix (in, out).
    """

    def __init__(
        self,
        kind: type[Variable],
        shape: Shape,
        initializer: Initializer,
        dtype: Any,
        fans: FansOf = None,
    ) -> None:
        self.kind = kind
        self.shape = shape
        self.initializer = initializer
        self.dtype = np.dtype(dtype)
        self.fans = fans
        self.requires_grad = kind is not Buffer
        self.made: Any = None  # what it has become: the same for each layer that shares it

    def make(self, size: int) -> Any:
        """The Parameter or Buffer, with `size` where it was missing."""
        shape = tuple([size if n is None else n for n in self.shape])
        if self.made is None:
            fans = None if self.fans is None else self.fans(shape)
            self.become(self.initializer(shape, self.dtype, fans))
        return self.made

    def become(self, array: ndarray) -> Any:
        """The Parameter or Buffer, with a copy of these values."""
        self.made = self.kind(np.array(array, self.dtype))
        self.made.requires_grad = self.requires_grad
        return self.made

    def __repr__(self) -> str:
        return f"Unsized({self.kind.__name__}, shape={self.shape}, dtype={self.dtype})"


def parameter(shape: Shape, initializer: Initializer, dtype: Any, fans: FansOf = None) -> Any:
    """A Parameter; or, where `shape` has a None, what stands for it until its size is known.

    What stands for it is replaced, so it belongs into an attribute, list or dict, not a tuple.
    """
    return _made(Unsized(Parameter, shape, initializer, dtype, fans))


def buffer(shape: Shape, initializer: Initializer, dtype: Any) -> Any:
    """A Buffer; or, where `shape` has a None, what stands for it until its size is known."""
    return _made(Unsized(Buffer, shape, initializer, dtype))


def _made(unsized: Unsized) -> Any:
    return unsized if None in unsized.shape else unsized.make(0)


def check_sizes(layer: str, **sizes: int | None) -> None:
    """Refuses a size below 1; None is a size not yet known."""
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(f"{layer}: got {name} {size}, needed 1 or more")


def check_share(layer: str, name: str, value: float) -> None:
    """Refuses a probability to drop that is not 0 ≤ p < 1."""
    if not 0 <= value < 1:
        raise ValueError(f"{layer}: got {name} {value}, needed 0 ≤ {name} < 1")
