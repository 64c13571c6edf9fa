"""`GPT`: a language model, which says what comes next."""

from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array
from wengert.config import enable_backprop, no_grad, test_mode
from wengert.core import Operand, Variable
from wengert.functions.attention import join_heads, scaled_dot_product_attention, split_heads
from wengert.functions.linalg import linear
from wengert.functions.position import rotary
from wengert.initializers import Initializer, normal
from wengert.layers import GELU, Dropout, Embedding, Layer, LayerNorm, Linear, Sequential
from wengert.models.seeded import generator_for


class KeysAndValues:
    """What a block's attention has computed of the steps so far, so that it need not again.

    Args:
        context: for how many steps there is room.
    """

    def __init__(self, context: int) -> None:
        self.context = context
        self.length = 0
        self.arrays: tuple[ndarray, ndarray] | None = None  # each (B, heads, context, E)

    def extended(self, *new: Operand) -> list[ndarray]:
        """The keys and values of all steps, (B, heads, S, E), after those of `new` ones."""
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
    """Self-attention in several heads, in which no step sees a later one.

    Args:
        width: length of the last axis of x and y.
        heads: a divisor of width.
        rotary: turn queries and keys by their positions.
        dropout: of attention weights and of y, in training.
        dtype: of the parameters.
        initializer: makes the weights of queries, keys and values, side by side.
        out_initializer: makes the weights of the output.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        rotary: bool,
        dropout: float,
        dtype: Any,
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
        parts = np.split(self.qkv(x), 3, axis=-1)
        q, k, v = [split_heads(part, self.heads) for part in parts]  # (B, heads, T, E)
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
        dtype: Any,
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
    """Scores for the next token after each token of a text: the geometry of GPT-2.

    Tokens are integers, such as the places of characters in an alphabet.

    Args:
        vocabulary: how many tokens there are, 0 ≤ token < vocabulary.
        context: longest text it sees, in tokens.
        layers: number of blocks.
        width: length of the vector of a token.
        heads: of attention; a divisor of width.
        positions: "learned", a vector for each place, which is added; or "rotary", angles by which
            attention turns queries and keys.
        tied: whether the weights that make scores are those that make vectors of tokens.
        dropout: 0 ≤ p < 1, of vectors, attention weights, and what is added to them.
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
        dtype: Any = np.float32,
    ) -> None:
        if min(vocabulary, context, layers, width, heads) < 1 or width % heads:
            raise ValueError(
                f"GPT: got vocabulary {vocabulary}, context {context}, layers {layers}, "
                f"width {width} and heads {heads}; needed 1 or more, and width a multiple of heads"
            )
        if positions not in ("learned", "rotary"):
            raise ValueError(f"GPT: got positions {positions!r}, needed 'learned' or 'rotary'")
        if positions == "rotary" and width // heads % 2:
            raise ValueError(
                f"GPT: got width {width} and {heads} heads, which leaves {width // heads} features "
                f"a head; rotary positions turn pairs, and need an even number"
            )
        self.vocabulary = vocabulary
        self.context = context
        small = partial(normal, std=0.02)
        # 2 · layers outputs are added up: so the spread of their sum does not grow with layers
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
        """Scores (B, T, vocabulary): those at t are for the token after token t.

        Args:
            tokens: integers, (B, T), 1 ≤ T ≤ context.
            cache: what `new_cache` gave, and calls before have filled: the tokens follow those of
                these calls.

        Raises:
            RuntimeError: there is a cache, but the call is recorded.
            ValueError: tokens are out of range, or more than the context.
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
                "GPT: got a cache in a call that is recorded, but no gradient goes back through a "
                "cache; call it within wg.no_grad()"
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
        """An empty cache for `forward`: a place for each block."""
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
        """Texts that go on: (B, T + count), `tokens` first.

        The model sees the last tokens only: whenever they have become more than the context, it
        forgets all but half a context.

        Args:
            tokens: how the texts begin, (B, T), T ≥ 1.
            count: how many tokens to add to each.
            temperature: what scores are divided by, ≥ 0: below 1 the likely ones become likelier,
                and 0 always takes the likeliest.
            top_k: draw from this many of the likeliest (and their equals) only; None from all.
            seed: of the draws, ≥ 0; None draws from `wengert.random`.
            cached: keep the keys and values of earlier tokens, instead of computing all anew for
                each token. The tokens are the same.

        Raises:
            TypeError: tokens are not integers.
            ValueError: an option is out of range, or scores are NaN.
        """
        before = as_array(tokens)
        if before.dtype.kind not in "iu":
            raise TypeError(f"GPT.generate: got tokens of {before.dtype}, needed integers, (B, T)")
        if before.ndim != 2 or before.shape[1] < 1 or count < 0:
            raise ValueError(
                f"GPT.generate: got tokens {before.shape} and count {count}, "
                f"needed (B, T) with T ≥ 1, and count ≥ 0"
            )
        if not temperature >= 0 or not (top_k is None or 1 <= top_k <= self.vocabulary):
            raise ValueError(
                f"GPT.generate: got temperature {temperature} and top_k {top_k}, "
                f"needed temperature ≥ 0 and 1 ≤ top_k ≤ {self.vocabulary}"
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
                scores = as_array(self(seen, cache))[:, -1]  # (B, vocabulary)
                texts[:, end] = _drawn(scores, temperature, top_k, rng)
        return texts


def _drawn(
    scores: ndarray, temperature: float, top_k: int | None, rng: "np.random.Generator"
) -> ndarray:
    """A token for each row of scores (B, vocabulary)."""
    if np.isnan(scores).any():
        raise ValueError("GPT.generate: the model gives NaN as a score; are its parameters finite?")
    if temperature == 0:
        return np.argmax(scores, axis=-1)
    z = scores.astype(np.float64) / temperature
    if top_k is not None:
        z[z < np.partition(z, -top_k, axis=-1)[:, -top_k, None]] = -np.inf
    # Gumbel noise makes of the largest score a draw from the softmax of all (Gumbel, 1954)
    return np.argmax(z + rng.gumbel(size=z.shape), axis=-1)
