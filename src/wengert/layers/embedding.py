"""`Embedding`: a learned vector for each id."""

from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions.embedding import embedding
from wengert.initializers import Initializer, normal
from wengert.layers import misfit
from wengert.layers.layer import Layer
from wengert.layers.parameters import check_sizes, parameter


class Embedding(Layer):
    """A learned vector for each id: the row of W with that index.

    Args:
        in_size: number of ids, 0 ≤ id < in_size.
        out_size: length of a vector.
        padding_index: an id whose vector is zeros and is not trained.
        dtype: of W.
        initializer: makes W, (in_size, out_size).
    """

    in_size: int
    out_size: int
    _: KW_ONLY
    padding_index: int | None = None
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = normal

    casts_inputs = ""

    def __post_init__(self) -> None:
        check_sizes(self, "in_size", "out_size")
        self.W = parameter((self.in_size, self.out_size), self.initializer, self.dtype)
        if self.padding_index is not None:
            self.padding_index = integer("Embedding", "padding_index", self.padding_index)
            if not 0 <= self.padding_index < self.in_size:
                raise ValueError(
                    f"Embedding: got padding_index {self.padding_index}, "
                    f"needed 0 ≤ padding_index < in_size {self.in_size}"
                )
            self.W.data[self.padding_index] = 0

    def _misfit(self, x: Any, *others: Any) -> str:
        return misfit.ids("Embedding", x, self.in_size)

    def forward(self, ids: Any) -> Variable:
        """Vectors (..., out_size), for ids of any shape."""
        return embedding(ids, self.W, self.padding_index)
