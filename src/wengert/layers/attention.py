"""Multi-head attention, and the encoder and decoder layers of the Transformer."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from wengert.arguments import fraction, function
from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions.activation import relu
from wengert.functions.attention import multi_head_attention
from wengert.functions.types import Operand
from wengert.initializers import Initializer, glorot_uniform, zeros
from wengert.layers import misfit
from wengert.layers.dropout import Dropout
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.layers.normalization import LayerNorm
from wengert.layers.parameters import LazyParameter, check_sizes, parameter
from wengert.layers.sequential import Sequential


class MultiHeadAttention(Layer):
    """`multi_head_attention` with its own weights, each (in_size, in_size).

    Args:
        heads: number of heads, a divisor of in_size.
        in_size: length of the last axis of query, key, value and y; None takes it from the first
            query.
        dropout: probability of dropping an attention weight in training, 0 ≤ dropout < 1.
        bias: False for no biases.
        dtype: of the parameters.
        initializer: makes Wq, Wk, Wv and Wo; see `wengert.initializers`.
        bias_initializer: makes bq, bk, bv and bo.
    """

    heads: int
    _: KW_ONLY
    in_size: int | None = None
    dropout: float = 0.0
    bias: bool = True
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = glorot_uniform
    bias_initializer: InitOnly[Initializer] = zeros
    casts_inputs = "fiub"
    _elsewhere = "in_size", "heads", "dropout", "bias"

    def __post_init__(self) -> None:
        check_sizes(self, "heads", "in_size")
        self.dropout = fraction("MultiHeadAttention", "dropout", self.dropout)
        size, dtype = self.in_size, self.dtype
        if size is not None and size % self.heads:
            raise ValueError(
                f"MultiHeadAttention: got in_size {size} and {self.heads} heads, "
                f"needed in_size a multiple of heads"
            )
        self.Wq, self.Wk, self.Wv, self.Wo = [
            parameter((size, size), self.initializer, dtype) for _ in range(4)
        ]
        self.bq, self.bk, self.bv, self.bo = [
            parameter((size,), self.bias_initializer, dtype) if self.bias else None
            for _ in range(4)
        ]

    def _misfit(self, x: Any, *others: Any) -> str:
        given = zip(("x", "key", "value"), (x, *others), strict=False)
        messages = [_not_a_sequence(self, name, np.shape(x)) for name, x in given if x is not None]
        return next(filter(None, messages), "")

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
        if type(self.Wq) is LazyParameter:
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
            dropout=self.dropout if self.training else 0.0,
        )


class TransformerLayer(Layer):
    """Base class of encoder and decoder layers: self-attention, then a small network.

    The output of each component is added to its input.

    Args:
        heads: number of attention heads, a divisor of in_size.
        in_size: length of the last axis of x and y.
        hidden_size: hidden units of the network; 4 in_size by default.
        activation: activation of the network; a function of one Variable.
        dropout: probability of dropping attention weights, hidden units, and elements of the
            outputs that are added, in training; 0 ≤ dropout < 1.
        norm_first: normalise the input of each component instead of each sum. Then y is not
            normalised, and deep stacks are easier to train.
        dtype: of the parameters.
        initializer: makes the weights; see `wengert.initializers`.
    """

    heads: int
    _: KW_ONLY
    in_size: int
    hidden_size: int | None = None
    activation: InitOnly[Callable[[Any], Any]] = relu
    dropout: InitOnly[float] = 0.1
    norm_first: bool = False
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = glorot_uniform
    _adds_inputs = True
    _elsewhere = "in_size", "heads", "hidden_size", "dropout"

    def __post_init__(self) -> None:
        check_sizes(self, "heads", "in_size", "hidden_size")
        function(type(self).__name__, "activation", self.activation)
        size, dtype, initializer = self.in_size, self.dtype, self.initializer
        hidden = self.hidden_size = 4 * size if self.hidden_size is None else self.hidden_size
        self.attention = self._attention()
        self.attention_norm = LayerNorm(size, dtype=dtype)
        self.network = Sequential(
            Linear(hidden, in_size=size, dtype=dtype, initializer=initializer),
            self.activation,
            Dropout(self.dropout),
            Linear(size, in_size=hidden, dtype=dtype, initializer=initializer),
        )
        self.network_norm = LayerNorm(size, dtype=dtype)
        self.drop = Dropout(self.dropout)

    def _misfit(self, x: Any, *others: Any) -> str:
        return _not_a_sequence(self, "x", np.shape(x))

    def _attention(self) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.heads,
            in_size=self.in_size,
            dropout=self.dropout,
            dtype=self.dtype,
            initializer=self.initializer,
        )

    def _with(self, x: Any, norm: LayerNorm, component: Layer, *memory: Any, **options: Any) -> Any:
        """x + component(x), normalised before the component or after the sum."""
        if self.norm_first:
            return x + self.drop(component(norm(x), *memory, **options))
        return norm(x + self.drop(component(x, *memory, **options)))


class TransformerEncoderLayer(TransformerLayer):
    """A layer of an encoder, or of a decoder-only language model; see `TransformerLayer`.

    Source: A. Vaswani et al., arXiv:1706.03762, section 3.1; norm_first: arXiv:2002.04745.
    """

    def forward(self, x: Operand, *, mask: Operand | None = None, causal: bool = False) -> Variable:
        """y (B, T, in_size) of x (B, T, in_size); for the options see `multi_head_attention`."""
        x = self._with(x, self.attention_norm, self.attention, mask=mask, causal=causal)
        return self._with(x, self.network_norm, self.network)


class TransformerDecoderLayer(TransformerLayer):
    """A layer of a decoder: between self-attention and network, it attends to the encoder output.

    For arguments see `TransformerLayer`, for the source `TransformerEncoderLayer`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.memory_attention = self._attention()
        self.memory_norm = LayerNorm(self.in_size, dtype=self.dtype)

    def forward(
        self,
        x: Operand,
        memory: Operand,
        *,
        mask: Operand | None = None,
        memory_mask: Operand | None = None,
        causal: bool = True,
    ) -> Variable:
        """y of x's shape (B, T, in_size).

        Args:
            x: (B, T, in_size).
            memory: output of the encoder, (B, S, in_size).
            mask: for the attention to x; see `multi_head_attention`.
            memory_mask: for the attention to the memory, (T, S), (B, T, S) or (B, heads, T, S).
            causal: each step attends only to itself and earlier steps.
        """
        x = self._with(x, self.attention_norm, self.attention, mask=mask, causal=causal)
        x = self._with(x, self.memory_norm, self.memory_attention, memory, mask=memory_mask)
        return self._with(x, self.network_norm, self.network)


def _not_a_sequence(layer: MultiHeadAttention | TransformerLayer, name: str, shape: Any) -> str:
    """For an input that is not (B, T, in_size)."""
    kind = type(layer).__name__
    if len(shape) == 2:
        size = "in_size" if layer.in_size is None else layer.in_size
        return f"{kind}: got {name} {shape}, needed (B, T, {size}); for one sequence write x[None]"
    message = misfit.features(kind, shape, layer.in_size, None, "B, T")
    return message.replace("got x", f"got {name}")
