"""`Embedding`: a learnt vector for each id."""

from typing import Any

import numpy as np

from wengert.core import Variable
from wengert.functions.embedding import embedding
from wengert.initializers import Initializer, normal
from wengert.layers.layer import Layer
from wengert.layers.parameters import check_sizes, parameter


class Embedding(Layer):
    """The row of W for each id.

    Args:
        in_size: how many ids there are, 0 ≤ id < in_size.
        out_size: length of a row.
        padding_index: an id whose row is zeros and stays so.
        dtype: of W.
        initializer: makes W, (in_size, out_size).
    """

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        padding_index: int | None = None,
        dtype: Any = np.float32,
        initializer: Initializer = normal,
    ) -> None:
        check_sizes("Embedding", in_size=in_size, out_size=out_size)
        if padding_index is not None and not 0 <= padding_index < in_size:
            raise ValueError(
                f"Embedding: got padding_index {padding_index}, "
                f"needed 0 ≤ padding_index < in_size {in_size}"
            )
        self.padding_index = padding_index
        self.W = parameter((in_size, out_size), initializer, dtype)
        if padding_index is not None:
            self.W.data[padding_index] = 0

    @property
    def in_size(self) -> int:
        return self.W.shape[0]

    @property
    def out_size(self) -> int:
        return self.W.shape[1]

    def forward(self, ids: Any) -> Variable:
        """(..., out_size), for ids of any shape."""
        return embedding(ids, self.W, self.padding_index)
