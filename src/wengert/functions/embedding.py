"""Embedding: rows of a table, looked up by index."""

from __future__ import annotations

import numpy as np

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.core import Function, Variable, as_variable
from wengert.functions.arguments import as_constant
from wengert.functions.types import Input, X

__all__ = ["embedding"]


class Embedding(Function):
    """y = W[ids],  gW[n] = the sum of gy where ids is n (0 for n = `padding_index`)."""

    def __init__(self, padding_index: int | None = None) -> None:
        self.padding_index = padding_index

    def forward(self, ids, W):
        return np.take(W, ids, axis=0)

    def backward(self, gy):
        ids, W = self.xs
        if self.padding_index is not None:
            gy = np.where(np.equal(ids, self.padding_index)[..., None], 0, gy)
        return None, EmbeddingGrad(W.shape[0])(ids, gy)

    @staticmethod
    def samples(rng):
        for ids in _sample_ids():
            yield ids, rng.normal(size=(5, 3))
            # (no id is the padding index, whose gradient is not the derivative)
            yield (ids, rng.normal(size=(5, 3))), {"padding_index": 3}


class EmbeddingGrad(Function):
    """gW = zeros of N rows, with each row of gy added at its id."""

    def __init__(self, N: int) -> None:
        self.N = N

    def forward(self, ids, gy):
        D = gy.shape[-1]
        dtype = np.float32 if gy.dtype == np.float16 else gy.dtype
        gW = np.zeros((self.N, D), dtype, like=gy)
        # np.add.at is five times faster with one flat index than with rows: 2 ns an element,
        # about the time of sorting the ids for np.add.reduceat
        flat = ids.reshape(-1, 1) * D + np.arange(D, like=gy)
        np.add.at(gW.reshape(-1), flat.reshape(-1), gy.reshape(-1))
        return gW if dtype is gy.dtype else gW.astype(gy.dtype)

    def backward(self, ggW):
        ids, _ = self.xs
        return None, Embedding()(ids, ggW)

    @staticmethod
    def samples(rng):
        for ids in _sample_ids():
            yield (ids, rng.normal(size=(*ids.shape, 3))), {"N": 5}


def _sample_ids():
    yield np.array([[0, 2, 2], [4, 2, 0]])
    yield np.array(1)
    yield np.zeros((0, 2), int)


def embedding(ids: Input[X], W: Input[X], padding_index: int | None = None) -> X:
    """The row of W for each id: y = W[ids].

    The gradient of a row is the sum over all positions with its id.

    Args:
        ids: integers 0 ≤ id < N, of any shape, such as (B, T).
        W: table, (N, D).
        padding_index: an id whose row gets no gradient, so that training does not change it.

    Returns:
        Variable, (..., D): the axes of `ids`, then the axis of a row.

    Raises:
        TypeError: the ids, or the padding index, are not integers.
        ValueError: W is not a table, or an id or the padding index is out of range.

    Example:
        >>> embedding([2, 0], np.array([[0, 1], [2, 3], [4, 5]]))
        array([[4, 5],
               [0, 1]])
    """
    ids = as_constant(ids)
    if ids.dtype.kind not in "iu":
        raise TypeError(
            f"embedding: got ids of {ids.dtype} {ids.shape}, needed integers; "
            f"the ids come first, then the table W"
        )
    if np.ndim(W) != 2:
        raise ValueError(f"embedding: got W {np.shape(W)}, needed a table (N, D)")
    N = np.shape(W)[0]
    if padding_index is not None:
        padding_index = integer("embedding", "padding_index", padding_index)
        if not 0 <= padding_index < N:
            raise ValueError(
                f"embedding: got padding_index {padding_index} for W {np.shape(W)}, "
                f"needed 0 ≤ padding_index < {N}"
            )
    if ids.size:
        values = as_array(ids)
        low, high = values.min(), values.max()
        if low < 0 or high >= N:
            raise ValueError(
                f"embedding: got the id {low if low < 0 else high}, but W {np.shape(W)} has rows "
                f"0 to {N - 1}; count ids from 0, or give W more rows"
            )
    # (intp, because `backward` multiplies them; a copy, because the user may reuse the array)
    own = ids.astype(np.intp)
    return Embedding(padding_index)(as_variable(own) if isinstance(W, Variable) else own, W)
