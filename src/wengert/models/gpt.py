"""`GPT`: a language model, which predicts the next token."""

from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import integer, number
from wengert.arrays import DTypeLike, as_array
from wengert.config import enable_backprop, no_grad, test_mode
from wengert.core import Variable
from wengert.functions.attention import join_heads, scaled_dot_product_attention, split_heads
from wengert.functions.linalg import linear
from wengert.functions.position import rotary
from wengert.functions.types import Operand
from wengert.initializers import Initializer, normal
from wengert.layers import GELU, Dropout, Embedding, Layer, LayerNorm, Linear, Sequential
from wengert.models.seeded import generator_for


class KeysAndValues:
    """Cache of the keys and values that the attention of a block has computed for earlier steps.

    Args:
        context: capacity, in steps.
    """

    def __init__(self, context: int) -> None:
        self.context = context
        self.length = 0
        self.arrays: tuple[ndarray, ndarray] | None = None  # each (B, heads, context, E)

    def __repr__(self) -> str:
        return f"KeysAndValues({self.length} of {self.context} steps)"

    def extended(self, *new: Operand) -> list[ndarray]:
        """Appends new keys and values; returns those of all steps, (B, heads, S, E)."""
        kept, length = [as_array(x) for x in new], self.length
        if self.arrays is None:
            B, heads, _, E = kept[0].shape
            shape = B, heads, self.context, E
            self.arrays = np.empty(shape, kept[0].dtype), np.empty(shape, kept[1].dtype)
        self.length += kept[0].shape[2]
        for array, x in zip(self.arrays, kept, strict=True):
            array[:, :, length : self.length] = x
        return [array[:, :, : self.length] for array in self.arrays]


class CausalAttention(Layer):
    """Multi-head self-attention in which each step attends only to itself and earlier steps.

    Args:
        width: length of the last axis of x and y.
        heads: number of heads, a divisor of width.
        rotary: rotate queries and keys by their positions.
        dropout: probability of dropping attention weights and elements of y, in training.
        dtype: of the parameters.
        initializer: makes the weights of queries, keys and values, concatenated.
        out_initializer: makes the weights of the output.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        rotary: bool,
        dropout: float,
        dtype: DTypeLike,
        initializer: Initializer,
        out_initializer: Initializer,
    ) -> None:
        self.heads = heads
        self.rotary = rotary
        self.qkv = Linear(3 * width, in_size=width, dtype=dtype, initializer=initializer)
        self.out = Linear(width, in_size=width, dtype=dtype, initializer=out_initializer)
        self.dropout = Dropout(dropout)

    def forward(self, x: Operand, cache: KeysAndValues | None = None) -> Variable:
        """y (B, T, width) of x (B, T, width), whose steps follow those in the cache."""
        projections = np.split(self.qkv(x), 3, axis=-1)
        q, k, v = [split_heads(p, self.heads) for p in projections]  # (B, heads, T, E)
        if self.rotary:
            start = 0 if cache is None else cache.length
            q, k = rotary(q, start), rotary(k, start)
        if cache is not None:
            k, v = cache.extended(k, v)
        y = scaled_dot_product_attention(q, k, v, causal=True, dropout=self.dropout.p)
        return self.dropout(self.out(join_heads(y)))


class Block(Layer):
    """y = h + network(norm(h)), where h = x + attention(norm(x))."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        rotary: bool,
        dropout: float,
        dtype: DTypeLike,
        initializer: Initializer,
        out_initializer: Initializer,
    ) -> None:
        self.norm1 = LayerNorm(width, dtype=dtype)
        self.attention = CausalAttention(
            width,
            heads,
            rotary=rotary,
            dropout=dropout,
            dtype=dtype,
            initializer=initializer,
            out_initializer=out_initializer,
        )
        self.norm2 = LayerNorm(width, dtype=dtype)
        self.network = Sequential(
            Linear(4 * width, in_size=width, dtype=dtype, initializer=initializer),
            GELU(approximate=True),
            Linear(width, in_size=4 * width, dtype=dtype, initializer=out_initializer),
            Dropout(dropout),
        )

    def forward(self, x: Any, cache: KeysAndValues | None = None) -> Variable:
        x = x + self.attention(self.norm1(x), cache)
        return x + self.network(self.norm2(x))


class GPT(Layer):
    """Logits for the next token after each token of a text, with the architecture of GPT-2.

    Tokens are integers, such as the indices of characters in an alphabet.

    Args:
        vocabulary: number of tokens, 0 ≤ token < vocabulary.
        context: maximum length of a text, in tokens.
        layers: number of blocks.
        width: length of the embedding of a token.
        heads: number of attention heads, a divisor of width.
        positions: "learned", an added vector for each position; or "rotary", by which attention
            rotates queries and keys.
        tied: use the token embeddings as the weights of the output layer.
        dropout: probability of dropping elements of embeddings, attention weights and outputs of
            the blocks, in training; 0 ≤ dropout < 1.
        dtype: of the parameters.

    Sources: A. Radford et al., Language Models are Unsupervised Multitask Learners, 2019, §2.3;
    for "rotary" J. Su et al., arXiv:2104.09864; for `tied` O. Press, L. Wolf, arXiv:1608.05859.

    Example:
        >>> gpt = GPT(65, 64)
        >>> sum(p.size for p in gpt.params())
        809856
        >>> gpt(np.zeros((2, 64), int)).shape
        (2, 64, 65)
        >>> gpt.generate([[1, 2, 3]], 4).shape
        (1, 7)
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        *,
        layers: int = 4,
        width: int = 128,
        heads: int = 4,
        positions: str = "learned",
        tied: bool = True,
        dropout: float = 0.0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.vocabulary = integer("GPT", "vocabulary", vocabulary, 1)
        self.context = integer("GPT", "context", context, 1)
        layers = integer("GPT", "layers", layers, 1)
        width, heads = integer("GPT", "width", width, 1), integer("GPT", "heads", heads, 1)
        if width % heads:
            raise ValueError(
                f"GPT: got width {width} and {heads} heads, needed width a multiple of heads"
            )
        if positions not in ("learned", "rotary"):
            raise ValueError(f"GPT: got positions {positions!r}, needed 'learned' or 'rotary'")
        if positions == "rotary" and width // heads % 2:
            raise ValueError(
                f"GPT: got width {width} and {heads} heads, which leaves {width // heads} features "
                f"a head; rotary positions rotate pairs, and need an even number"
            )
        self.width, self.heads, self.tied = width, heads, tied
        small = partial(normal, std=0.02)
        # 2 · layers outputs are added: the variance of their sum does not grow with layers
        smaller = partial(normal, std=0.02 / np.sqrt(2 * layers))
        self.tokens = Embedding(vocabulary, width, dtype=dtype, initializer=small)
        self.positions = (
            Embedding(context, width, dtype=dtype, initializer=small)
            if positions == "learned"
            else None
        )
        self.dropout = Dropout(dropout)
        self.blocks = [
            Block(
                width,
                heads,
                rotary=positions == "rotary",
                dropout=dropout,
                dtype=dtype,
                initializer=small,
                out_initializer=smaller,
            )
            for _ in range(layers)
        ]
        self.norm = LayerNorm(width, dtype=dtype)
        self.head = (
            None
            if tied
            else Linear(vocabulary, in_size=width, bias=False, dtype=dtype, initializer=small)
        )

    def forward(self, tokens: Any, cache: list[KeysAndValues] | None = None) -> Variable:
        """Logits (B, T, vocabulary): those at t are for the token after token t.

        Args:
            tokens: integers, (B, T), 1 ≤ T ≤ context.
            cache: from `new_cache`, filled by earlier calls: the tokens follow those of these
                calls.

        Raises:
            RuntimeError: the call has a cache and is recorded.
            ValueError: tokens are out of range, or more than the context allows.
        """
        start = 0 if cache is None else cache[0].length
        shape = np.shape(tokens)
        if len(shape) != 2 or not 1 <= shape[1] <= self.context - start:
            raise ValueError(
                f"GPT: got tokens {shape}{f' after {start} others' if start else ''}, "
                f"needed (B, T) with 1 ≤ T ≤ {self.context - start}, for a context of "
                f"{self.context}"
            )
        if cache is not None and enable_backprop.get():
            raise RuntimeError(
                "GPT: got a cache in a call that is recorded, but a cache has no gradient; "
                "call it within wg.no_grad()"
            )
        x: Any = self.tokens(tokens)  # (B, T, width)
        if self.positions is not None:
            x = x + self.positions(np.arange(start, start + shape[1]))
        x = self.dropout(x)
        for i, block in enumerate(self.blocks):
            x = block(x, None if cache is None else cache[i])
        x = self.norm(x)
        return linear(x, np.transpose(self.tokens.W)) if self.head is None else self.head(x)

    def new_cache(self) -> list[KeysAndValues]:
        """An empty cache for `forward`: one entry for each block."""
        return [KeysAndValues(self.context) for _ in self.blocks]

    def generate(
        self,
        tokens: Any,
        count: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
        cached: bool = True,
    ) -> ndarray:
        """Continues texts: returns `tokens` and `count` more, (B, T + count).

        The model sees the last tokens only: whenever there are more than the context allows, all
        but the last half context are dropped.

        Args:
            tokens: the beginnings of the texts, (B, T), T ≥ 1.
            count: number of tokens to add to each.
            temperature: divisor of the logits, ≥ 0: below 1, probable tokens become more
                probable; 0 always takes the most probable.
            top_k: draw from this many most probable tokens (and ties) only; None for all.
            seed: seed of the draws, ≥ 0; None draws from `wengert.random`.
            cached: keep the keys and values of earlier tokens instead of recomputing them for each
                token. The result is the same.

        Raises:
            TypeError: tokens are not integers.
            ValueError: an option is out of range, or logits are NaN.
        """
        before = as_array(tokens)
        if before.dtype.kind not in "iu":
            raise TypeError(f"GPT.generate: got tokens of {before.dtype}, needed integers, (B, T)")
        if before.ndim != 2 or before.shape[1] < 1:
            raise ValueError(f"GPT.generate: got tokens {before.shape}, needed (B, T) with T ≥ 1")
        count = integer("GPT.generate", "count", count, 0)
        temperature = number("GPT.generate", "temperature", temperature, least=0)
        if top_k is not None and integer("GPT.generate", "top_k", top_k, 1) > self.vocabulary:
            raise ValueError(
                f"GPT.generate: got top_k {top_k}, needed 1 ≤ top_k ≤ {self.vocabulary}"
            )
        rng = generator_for("GPT.generate", seed)
        B, T = before.shape
        texts = np.zeros((B, T + count), np.intp)
        texts[:, :T] = before
        with no_grad(), test_mode():
            start, cache = 0, None
            for end in range(T, T + count):
                if end - start > self.context:
                    start, cache = end - (self.context + 1) // 2, None
                seen = texts[:, start:end] if cache is None else texts[:, end - 1 : end]
                if cached and cache is None:
                    cache = self.new_cache()
                logits = as_array(self(seen, cache))[:, -1]  # (B, vocabulary)
                texts[:, end] = _drawn(logits, temperature, top_k, rng)
        return texts


def _drawn(
    logits: ndarray, temperature: float, top_k: int | None, rng: "np.random.Generator"
) -> ndarray:
    """A token for each row of logits (B, vocabulary)."""
    if np.isnan(logits).any():
        raise ValueError(
            "GPT.generate: the model returns NaN as a logit; are its parameters finite?"
        )
    if temperature == 0:
        return np.argmax(logits, axis=-1)
    z = logits.astype(np.float64) / temperature
    if top_k is not None:
        z[z < np.partition(z, -top_k, axis=-1)[:, -top_k, None]] = -np.inf
    # with Gumbel noise, the argmax is a draw from the softmax (Gumbel, 1954)
    return np.argmax(z + rng.gumbel(size=z.shape), axis=-1)
