"""Multi-head attention, and the two layers of the Transformer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import Operand, Variable
from wengert.functions.activation import relu
from wengert.functions.attention import multi_head_attention
from wengert.initializers import Initializer, glorot_uniform, zeros
from wengert.layers.dropout import Dropout
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.layers.normalization import LayerNorm
from wengert.layers.parameters import Unsized, check_share, check_sizes, parameter
from wengert.layers.sequential import Sequential


class MultiHeadAttention(Layer):
    """`multi_head_attention` with weights of its own, all (in_size, in_size).

    Args:
        heads: a divisor of in_size.
        in_size: length of the last axis of query, key, value and y; None takes it from the first
            query.
        dropout: of the attention weights, in training.
        bias: False for none.
        dtype: of the parameters.
        initializer: makes Wq, Wk, Wv and Wo; see `wengert.initializers`.
        bias_initializer: makes bq, bk, bv and bo.
    """

    def __init__(
        self,
        heads: int,
        in_size: int | None = None,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        dtype: Any = np.float32,
        initializer: Initializer = glorot_uniform,
        bias_initializer: Initializer = zeros,
    ) -> None:
        check_sizes("MultiHeadAttention", heads=heads, in_size=in_size)
        check_share("MultiHeadAttention", "dropout", dropout)
        if in_size is not None and in_size % heads:
            raise ValueError(
                f"MultiHeadAttention: got in_size {in_size} and {heads} heads, "
                f"needed in_size a multiple of heads"
            )
        self.heads = heads
        self.dropout = dropout
        self.bias = bias
        self.Wq, self.Wk, self.Wv, self.Wo = [
            parameter((in_size, in_size), initializer, dtype) for _ in range(4)
        ]
        self.bq, self.bk, self.bv, self.bo = [
            parameter((in_size,), bias_initializer, dtype) if bias else None for _ in range(4)
        ]

    @property
    def in_size(self) -> int | None:
        return self.Wq.shape[0]

    def forward(
        self,
        query: Operand,
        key: Operand | None = None,
        value: Operand | None = None,
        *,
        mask: Operand | None = None,
        causal: bool = False,
    ) -> Variable:
        """y of shape (B, T, in_size).

        Args:
            query: (B, T, in_size).
            key: (B, S, in_size); None for the query: self-attention.
            value: (B, S, in_size); None for the key.
            mask, causal: see `multi_head_attention`.
        """
        if type(self.Wq) is Unsized:
            needed = f"(B, T, in_size) with in_size a multiple of {self.heads} heads"
            self._take_size(query, -1, needed, n_axes=(3,), multiple_of=self.heads)
        key = query if key is None else key
        return multi_head_attention(
            query,
            key,
            key if value is None else value,
            self.Wq,
            self.Wk,
            self.Wv,
            self.Wo,
            self.bq,
            self.bk,
            self.bv,
            self.bo,
            heads=self.heads,
            mask=mask,
            causal=causal,
            dropout=self.dropout,
        )


class TransformerLayer(Layer):
    """What encoder and decoder layers have in common: self-attention, then a small network.

    What each part gives is added to its input.

    Args:
        heads: of the attention; a divisor of in_size.
        in_size: length of the last axis of x and y.
        hidden_size: of the network; 4 in_size by default.
        activation: of the network; a function of one Variable.
        dropout: of attention weights, of hidden values, and of what is added, in training.
        norm_first: normalise what each part sees, instead of the sums. Then y is not normalised,
            and deep stacks train more easily.
        dtype: of the parameters.
        initializer: makes the weights; see `wengert.initializers`.
    """

    def __init__(
        self,
        heads: int,
        in_size: int,
        hidden_size: int | None = None,
        *,
        activation: Callable[[Any], Any] = relu,
        dropout: float = 0.1,
        norm_first: bool = False,
        dtype: Any = np.float32,
        initializer: Initializer = glorot_uniform,
    ) -> None:
        check_sizes(type(self).__name__, heads=heads, in_size=in_size, hidden_size=hidden_size)
        self.hidden_size = 4 * in_size if hidden_size is None else hidden_size
        self.norm_first = norm_first
        self.attention = MultiHeadAttention(
            heads, in_size, dropout=dropout, dtype=dtype, initializer=initializer
        )
        self.attention_norm = LayerNorm(in_size, dtype=dtype)
        self.network = Sequential(
            Linear(self.hidden_size, in_size, dtype=dtype, initializer=initializer),
            activation,
            Dropout(dropout),
            Linear(in_size, self.hidden_size, dtype=dtype, initializer=initializer),
        )
        self.network_norm = LayerNorm(in_size, dtype=dtype)
        self.drop = Dropout(dropout)

    def _with(self, x: Any, norm: LayerNorm, part: Layer, *memory: Any, **options: Any) -> Any:
        """x + part(x), normalised before the part or after the sum."""
        if self.norm_first:
            return x + self.drop(part(norm(x), *memory, **options))
        return norm(x + self.drop(part(x, *memory, **options)))


class TransformerEncoderLayer(TransformerLayer):
    """A layer of an encoder, or of a decoder alone (a language model); see `TransformerLayer`.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1; norm_first: arXiv:2002.04745.
    """

    def forward(self, x: Operand, *, mask: Operand | None = None, causal: bool = False) -> Any:
        """y of x's shape (B, T, in_size); mask and causal as of `multi_head_attention`."""
        x = self._with(x, self.attention_norm, self.attention, mask=mask, causal=causal)
        return self._with(x, self.network_norm, self.network)


class TransformerDecoderLayer(TransformerLayer):
    """A layer of a decoder: between the two parts, it attends to the encoder's output.

    For its arguments see `TransformerLayer`; source: as `TransformerEncoderLayer`.
    """

    def __init__(
        self,
        heads: int,
        in_size: int,
        hidden_size: int | None = None,
        *,
        activation: Callable[[Any], Any] = relu,
        dropout: float = 0.1,
        norm_first: bool = False,
        dtype: Any = np.float32,
        initializer: Initializer = glorot_uniform,
    ) -> None:
        super().__init__(
            heads,
            in_size,
            hidden_size,
            activation=activation,
            dropout=dropout,
            norm_first=norm_first,
            dtype=dtype,
            initializer=initializer,
        )
        self.memory_attention = MultiHeadAttention(
            heads, in_size, dropout=dropout, dtype=dtype, initializer=initializer
        )
        self.memory_norm = LayerNorm(in_size, dtype=dtype)

    def forward(
        self,
        x: Operand,
        memory: Operand,
        *,
        mask: Operand | None = None,
        memory_mask: Operand | None = None,
        causal: bool = True,
    ) -> Any:
        """y of x's shape (B, T, in_size).

        Args:
            x: (B, T, in_size).
            memory: what the encoder gave, (B, S, in_size).
            mask: of the attention to x; see `multi_head_attention`.
            memory_mask: of the attention to the memory, (T, S), (B, T, S) or (B, heads, T, S).
            causal: let no step see a later one.
        """
        x = self._with(x, self.attention_norm, self.attention, mask=mask, causal=causal)
        x = self._with(x, self.memory_norm, self.memory_attention, memory, mask=memory_mask)
        return self._with(x, self.network_norm, self.network)
