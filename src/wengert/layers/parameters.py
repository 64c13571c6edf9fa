"""Parameters and Buffers of layers, and placeholders for those of unknown size."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import integer
from wengert.arrays import DTypeLike
from wengert.core import Parameter, Variable
from wengert.initializers import Initializer

Shape = tuple[int | None, ...]
FansOf = Callable[[tuple[int, ...]], tuple[int, int]] | None


class Buffer(Variable):
    """A constant that belongs to the state of a layer, such as a running mean."""

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None) -> None:
        super().__init__(data, name, requires_grad=False)


class LazyParameter:
    """Placeholder for a Parameter or Buffer whose size the first input determines.

    Args:
        kind: Parameter or Buffer.
        shape: with None for the unknown size.
        initializer: makes the initial values.
        dtype: of the values.
        fans: from the shape to (in, out), for the initializer; None for a matrix (in, out).
        groups: the unknown size is the input size divided by this.
    """

    def __init__(
        self,
        kind: type[Variable],
        shape: Shape,
        initializer: Initializer,
        dtype: DTypeLike,
        fans: FansOf = None,
        groups: int = 1,
    ) -> None:
        self.kind = kind
        self.shape = shape
        self.initializer = initializer
        self.dtype = np.dtype(dtype)
        self.fans = fans
        self.groups = groups
        self.requires_grad = kind is not Buffer
        self.made: Any = None  # the Parameter or Buffer, for all layers that share the placeholder

    def make(self, in_size: int) -> Any:
        """The Parameter or Buffer for inputs of this size."""
        shape = tuple([in_size // self.groups if n is None else n for n in self.shape])
        if self.made is None:
            fans = None if self.fans is None else self.fans(shape)
            self.become(self.initializer(shape, self.dtype, fans))
        return self.made

    def become(self, array: ndarray) -> Any:
        """The Parameter or Buffer with a copy of these values."""
        self.made = self.kind(np.array(array, self.dtype))
        self.made.requires_grad = self.requires_grad
        return self.made

    @property
    def in_size(self) -> int:
        """The input size, once the Parameter or Buffer is made."""
        return self.made.shape[self.shape.index(None)] * self.groups

    def __repr__(self) -> str:
        return f"LazyParameter({self.kind.__name__}, shape={self.shape}, dtype={self.dtype})"


def parameter(
    shape: Shape, initializer: Initializer, dtype: DTypeLike, fans: FansOf = None, groups: int = 1
) -> Any:
    """A Parameter; or, where `shape` has a None, a placeholder until the size is known.

    The placeholder is replaced later: keep it in an attribute, list or dict, not in a tuple. For
    the arguments see `LazyParameter`.
    """
    return _made(LazyParameter(Parameter, shape, initializer, dtype, fans, groups))


def buffer(shape: Shape, initializer: Initializer, dtype: DTypeLike) -> Any:
    """A Buffer; or, where `shape` has a None, a placeholder until the size is known."""
    return _made(LazyParameter(Buffer, shape, initializer, dtype))


def _made(lazy: LazyParameter) -> Any:
    return lazy if None in lazy.shape else lazy.make(0)


def check_sizes(layer: Any, *names: str) -> None:
    """Checks that these options are integers ≥ 1, or None where that is the default."""
    for name in names:
        size = getattr(layer, name)
        if getattr(size, "ndim", 0):
            kind = type(layer).__name__
            raise TypeError(
                f"{kind}: got an array {size.shape} as {name}, needed an integer; make the layer "
                f"first, and call it on the input: {kind}({name})(x)"
            )
        if size is not None or layer._fields[name].default is not None:
            setattr(layer, name, integer(type(layer).__name__, name, size, 1))
