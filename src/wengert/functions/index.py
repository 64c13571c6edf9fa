"""Indexing: choosing elements by where they are."""

import operator
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.core import Function, Operand, Variable
from wengert.dispatch import implements
from wengert.functions.axes import checked_axis

__all__ = ["get_item", "take", "take_along_axis"]


class GetItem(Function):
    """y = x[key], for every kind of key that NumPy has."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def forward(self, x):
        try:
            return x[self.key]
        except (IndexError, TypeError, ValueError) as error:
            raise IndexError(
                f"getitem: got index {_described(self.key)} for shape {np.shape(x)}; {error}"
            ) from None

    def backward(self, gy):
        (x,) = self.xs
        return GetItemGrad(self.key, x.shape)(gy)

    @staticmethod
    def samples(rng):
        for key in _sample_keys(rng):
            yield (rng.normal(size=(3, 4, 5)),), {"key": key}
        yield (rng.normal(size=()),), {"key": ()}


class GetItemGrad(Function):
    """gx = zeros of `shape`, with gy added at key: an element picked twice gets both gradients."""

    def __init__(self, key: Any, shape: tuple[int, ...]) -> None:
        self.key = key
        self.shape = shape

    def forward(self, gy):
        gx = np.zeros(self.shape, gy.dtype, like=gy)
        if _picks_once(self.key):
            gx[self.key] = gy
        else:
            # np.add.at is several times faster with one flat index than with a key of arrays
            places = np.arange(gx.size, like=gy).reshape(self.shape)[self.key]
            np.add.at(gx.reshape(-1), places.reshape(-1), gy.reshape(-1))
        return gx

    def backward(self, ggx):
        return ggx[self.key]

    @staticmethod
    def samples(rng):
        for key in _sample_keys(rng):
            gy = rng.normal(size=np.empty((3, 4, 5))[key].shape)
            yield (gy,), {"key": key, "shape": (3, 4, 5)}


def _sample_keys(rng):
    yield 1
    yield -1, slice(None, None, -2)
    yield ..., None, 0
    yield 2, 3, 4
    yield [0, 2, 0]
    yield slice(1, 3), np.array([[0, 3], [3, -4]])
    yield np.array([0, 1]), slice(None), np.array([4, 4])  # the arrays' axis comes first
    yield rng.normal(size=(3, 4)) > 0
    yield rng.normal(size=3) > -9, ..., 1
    yield rng.normal(size=(3, 4, 5)) > 9


def _picks_once(key: Any) -> bool:
    """Whether no element can be picked twice: there is no array of indices in the key."""
    return all(
        k is None or k is ... or isinstance(k, slice | int | np.integer | np.bool_)
        or (isinstance(k, np.ndarray) and k.dtype == bool)
        for k in (key if isinstance(key, tuple) else (key,))
    )  # fmt: skip


def _own(key: Any) -> Any:
    """The key for keeps: arrays for Variables, and copies of what its giver may change."""
    kind = type(key)
    if kind is tuple:
        return tuple([_own(k) for k in key])
    if kind is list:
        return [_own(k) for k in key]
    if isinstance(key, Variable):
        key = key.data
    return key.copy() if isinstance(key, np.ndarray) else key


def _described(key: Any) -> str:
    """The key, in the words of a program, with dtype and shape only for large arrays."""
    if isinstance(key, tuple):
        return "(" + ", ".join(map(_described, key)) + ")"
    if isinstance(key, np.ndarray) and key.size > 10:
        return f"array of {key.dtype} {key.shape}"
    if isinstance(key, slice):
        parts = ["" if part is None else str(part) for part in (key.start, key.stop, key.step)]
        return ":".join(parts if parts[2] else parts[:2])
    return "..." if key is ... else repr(key)


@implements(operator.getitem)
def get_item(x: Operand, key: Any) -> Variable:
    """x[key], for every kind of key that NumPy has, Variables of integers or bools among them.

    As in NumPy, a key of integers and slices gives a view: the data of the result is memory of x,
    so write to `x.data[...]` after `backward`, or take `x[key].copy()`. A key with arrays gives a
    copy. Gradients share no memory; elements picked more than once get the sum of theirs.

    Raises:
        IndexError: the key is of the wrong kind, or outside of x.

    Example:
        >>> get_item(np.arange(5), [0, 0, 3])
        array([0, 0, 3])
    """
    return GetItem(_own(key))(x)


@implements(np.take)
def take(x: Operand, indices: Any, axis: int | None = None) -> Variable:
    """The elements of x (the slices, along `axis`) at `indices`; x is flat by default.

    Args:
        x: input, (..., N, ...).
        indices: integers, of any shape, -N ≤ index < N.
        axis: along which axis; None counts the elements of x one by one.

    Example:
        >>> take(np.array([[1, 2, 3], [4, 5, 6]]), [2, 0], axis=1)
        array([[3, 1],
               [6, 4]])
    """
    if axis is None:
        x, axis = np.ravel(x), 0
    axis = checked_axis("take", axis, np.shape(x))
    return GetItem((*[slice(None)] * axis, _indices("take", indices)))(x)


@implements(np.take_along_axis)
def take_along_axis(x: Operand, indices: Any, axis: int = -1) -> Variable:
    """y[i, ..., k] = x[i, ..., indices[i, ..., k]] (along the last axis, or another).

    Args:
        x: input.
        indices: integers, with as many axes as x: what `np.argsort` or `np.argmax` with
            keepdims give. The other axes broadcast against those of x.
        axis: along which axis.

    Example:
        >>> take_along_axis(np.array([[1, 3, 2], [6, 4, 5]]), np.array([[1], [0]]))
        array([[3],
               [6]])
    """
    shape = np.shape(x)
    axis = checked_axis("take_along_axis", axis, shape)
    places = _indices("take_along_axis", indices)
    if places.ndim != len(shape):
        raise ValueError(
            f"take_along_axis: got indices of shape {places.shape} for x of shape {shape}; "
            f"needed the same number of axes"
        )
    key: list[Any] = list(np.ogrid[tuple([slice(n) for n in shape])])
    key[axis] = places
    return GetItem(tuple(key))(x)


def _indices(name: str, indices: Any) -> np.ndarray:
    indices = as_array(indices).copy()  # for keeps: the backward reads them too
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: got indices of {indices.dtype}, needed integers")
    return indices
