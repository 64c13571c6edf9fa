"""Attention: each query takes a weighted mean of the values, by how well it meets their keys."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.config import enable_backprop, train
from wengert.core import Function, Operand, Variable
from wengert.functions.linalg import linear
from wengert.functions.shape import sum_to
from wengert.random import generator

__all__ = ["multi_head_attention", "scaled_dot_product_attention"]


class SoftmaxOrZero(Function):
    """y = e^x / Σ e^x along the last axis, and 0 where all of x is -∞;  dx = y (dy - Σ y dy)."""

    def forward(self, x: Any) -> Any:
        return _softmax_in_place(x.copy())

    def backward(self, gy: Any) -> Any:
        (y,) = self.ys
        return y * (gy - np.sum(y * gy, axis=-1, keepdims=True))

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        x = rng.normal(size=(3, 4))
        yield (x,)
        yield (np.where(np.array([[0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]), -np.inf, x),)


def _softmax_in_place(x: Any) -> Any:
    top = np.max(x, axis=-1, keepdims=True, initial=-np.inf)
    x -= np.where(np.isneginf(top), 0, top)  # -∞ less -∞ would be NaN
    np.exp(x, out=x)
    total = np.sum(x, axis=-1, keepdims=True)
    x /= np.where(np.equal(total, 0), 1, total)
    return x


class Attention(Function):
    """y = p v,  where p = softmax(scale q kᵀ + mask) along the last axis, (..., T, S).

    A mask of bools says which keys a query may see. With p' the gradient of p, that of what the
    softmax is given is p (p' - Σ p p'), and the sum over the keys is one over features: Σ y gy.
    """

    def __init__(self, scale: float, causal: bool = False, dropout: float = 0.0) -> None:
        self.scale = scale
        self.causal = causal
        self.dropout = dropout
        self.noise: Any = None  # what dropout draws: 0, or 1 / (1 - dropout)
        self.p: Any = None  # kept for the plain walk alone; a recorded one computes it again

    def forward(self, q: Any, k: Any, v: Any, *mask: Any) -> Any:
        x = np.matmul(q * self.scale, np.swapaxes(k, -1, -2))
        for m in (*mask, *self._causal_mask(x)):
            m = np.where(m, 0, -np.inf) if m.dtype == bool else m
            m = m.astype(x.dtype, copy=False)
            x = np.add(x, m, out=x) if np.broadcast_shapes(x.shape, m.shape) == x.shape else x + m
        p = _softmax_in_place(x)
        self.p = p if enable_backprop.get() else None
        if self.dropout:
            kept = generator().random(p.shape, dtype=np.float32) >= self.dropout
            self.noise = np.multiply(kept, 1 / (1 - self.dropout), dtype=p.dtype)
            p = p * self.noise
        return np.matmul(p, v)

    def backward(self, gy: Any) -> Any:
        q, k, v, *mask = self.xs
        (y,) = self.ys
        need_q, need_k, need_v, *need_mask = self.needs
        p = self._weights(q, k, *mask) if enable_backprop.get() else self.p
        noisy = p if self.noise is None else p * self.noise
        gv = sum_to(np.swapaxes(noisy, -1, -2) @ gy, v.shape) if need_v else None

        # gx is ours: on arrays these lines work in its memory, on Variables each makes a new one
        gx = gy @ np.swapaxes(v, -1, -2)
        if self.noise is not None:
            gx *= self.noise
        gx -= np.sum(y * gy, axis=-1, keepdims=True)
        gx *= p
        return (
            sum_to(gx @ k, q.shape) * self.scale if need_q else None,
            sum_to(np.swapaxes(gx, -1, -2) @ q, k.shape) * self.scale if need_k else None,
            gv,
            *[
                sum_to(gx, m.shape) if need and m.dtype != bool else None
                for m, need in zip(mask, need_mask, strict=True)
            ],
        )

    def _weights(self, q: Any, k: Any, *mask: Any) -> Any:
        """p, in steps that are recorded."""
        x = (q * self.scale) @ np.swapaxes(k, -1, -2)
        for m in (*mask, *self._causal_mask(x)):
            x = np.where(m, x, -np.inf) if m.dtype == bool else x + m
        return SoftmaxOrZero()(x)

    def _causal_mask(self, x: Any) -> tuple[np.ndarray, ...]:
        """That a query sees no later key; the last query stands at the last key."""
        T, S = x.shape[-2:]
        return (np.tri(T, S, S - T, dtype=bool),) if self.causal else ()

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"noise": None, "p": None}

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        q, k, v = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 2))
        seen = np.array([[True, False, True, True], [False, False, False, False]])
        yield (q, k, v), {"scale": 0.5}
        yield (q, k, v), {"scale": 0.5, "causal": True}
        yield (q, k, v, seen), {"scale": 0.5}
        yield (q, k, v, rng.normal(size=(2, 1, 4))), {"scale": 2.0}
        yield (q, k, v, np.where(seen, rng.normal(size=(2, 4)), -np.inf)), {"scale": 1.0}
        yield (q, k[:1], v[0], rng.normal(size=4)), {"scale": 1.0, "causal": True}


def scaled_dot_product_attention(
    q: Operand,
    k: Operand,
    v: Operand,
    mask: Operand | None = None,
    *,
    causal: bool = False,
    dropout: float = 0.0,
    scale: float | None = None,
) -> Variable:
    """y = softmax(scale q kᵀ + mask) v: for each query a weighted mean of the values.

    The better the query meets a key, the more its value weighs. A query that may see no key gets
    zeros.

    Args:
        q: queries, (..., T, E); the axes before, such as batch and heads, broadcast.
        k: keys, (..., S, E).
        v: values, (..., S, F).
        mask: broadcasts against (..., T, S): bools, True where a query may see a key; or numbers
            that are added, -∞ where it may not, which have a gradient too. None: all see all.
        causal: let no query see a later key. The last query stands at the last key, so that
            queries of new steps go with keys of all steps, as in cached generation.
        dropout: 0 ≤ p < 1, probability that a weight becomes 0 in training; the others grow by
            1 / (1 - p).
        scale: by default 1 / √E.

    Returns:
        Variable, (..., T, F).

    Raises:
        TypeError: q, k, v are not of floats, or the mask is of integers.
        ValueError: the shapes do not fit each other, or dropout is out of range.

    Example:
        >>> q, kv = np.zeros((1, 2)), np.array([[1.0, 2.0], [3.0, 6.0]])
        >>> scaled_dot_product_attention(q, kv, kv)
        array([[2., 4.]])

    Source: A. Vaswani et al., Attention Is All You Need, arXiv:1706.03762, equation 1.
    """
    name = "scaled_dot_product_attention"
    return _attention(name, q, k, v, mask, causal, dropout, scale)


def multi_head_attention(
    query: Operand,
    key: Operand,
    value: Operand,
    Wq: Operand,
    Wk: Operand,
    Wv: Operand,
    Wo: Operand,
    bq: Operand | None = None,
    bk: Operand | None = None,
    bv: Operand | None = None,
    bo: Operand | None = None,
    *,
    heads: int,
    mask: Operand | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Variable:
    """Attention in several heads: each sees its own projections of query, key and value.

    PyTorch's `MultiheadAttention` holds (Wq.T, Wk.T, Wv.T) on top of each other, as
    in_proj_weight, and Wo.T as out_proj.weight.

    Args:
        query: (B, T, D); for self-attention also key and value.
        key: (B, S, ...).
        value: (B, S, ...).
        Wq: (D, E): head h has the columns from h E / heads.
        Wk: (..., E).
        Wv: (..., F).
        Wo: weights of the output, (F, O).
        bq: bias, (E,), or None.
        bk: bias, (E,), or None.
        bv: bias, (F,), or None.
        bo: bias, (O,), or None.
        heads: a divisor of E and F.
        mask: as in `scaled_dot_product_attention`; (T, S), or (B, T, S) for all heads, or
            (B, heads, T, S), each of these sizes or 1: which keys are padding is (B, 1, S).
        causal: let no query see a later key.
        dropout: 0 ≤ p < 1, of the weights.

    Returns:
        Variable, (B, T, O).

    Raises:
        TypeError: an input is not of floats, or the mask is of integers.
        ValueError: the shapes do not fit each other, or dropout is out of range.
    """
    name = "multi_head_attention"
    for of, x in (("query", query), ("key", key), ("value", value)):
        if np.ndim(x) != 3:
            raise ValueError(f"{name}: got {of} {np.shape(x)}, needed (B, T, D)")
    for of, W in (("Wq", Wq), ("Wk", Wk), ("Wv", Wv)):
        if np.ndim(W) != 2 or heads < 1 or np.shape(W)[1] % heads:
            raise ValueError(
                f"{name}: got {heads} heads and {of} {np.shape(W)}, needed columns that the heads "
                f"can share equally"
            )
    q = split_heads(linear(query, Wq, bq), heads)
    k = split_heads(linear(key, Wk, bk), heads)
    v = split_heads(linear(value, Wv, bv), heads)
    if mask is not None and np.ndim(mask) == 3:
        mask = np.expand_dims(mask, 1)  # the axis of the heads
    y: Any = _attention(name, q, k, v, mask, causal, dropout, None)
    return linear(join_heads(y), Wo, bo)


def split_heads(x: Any, heads: int) -> Any:
    """From (B, T, heads · E) to (B, heads, T, E)."""
    B, T, D = np.shape(x)
    return np.swapaxes(np.reshape(x, (B, T, heads, D // heads)), 1, 2)


def join_heads(x: Any) -> Any:
    """From (B, heads, T, E) to (B, T, heads · E)."""
    B, heads, T, E = np.shape(x)
    return np.reshape(np.swapaxes(x, 1, 2), (B, T, heads * E))


def _attention(
    name: str,
    q: Any,
    k: Any,
    v: Any,
    mask: Any,
    causal: bool,
    dropout: float,
    scale: float | None,
) -> Variable:
    """`scaled_dot_product_attention`, with errors in the name of what the user called."""
    _check_shapes(name, q, k, v, mask)
    if not 0 <= dropout < 1:
        raise ValueError(f"{name}: got dropout {dropout}, needed 0 ≤ dropout < 1")
    T, S = np.shape(q)[-2], np.shape(k)[-2]
    if causal and T > S:
        raise ValueError(
            f"{name}: got {T} queries for {S} keys; with causal, the queries are the last of the "
            f"steps that the keys are of"
        )
    if scale is None:
        scale = 1 / math.sqrt(max(np.shape(q)[-1], 1))
    function = Attention(float(scale), causal, dropout if train.get() else 0.0)
    return function(q, k, v) if mask is None else function(q, k, v, mask)


def _check_shapes(name: str, q: Any, k: Any, v: Any, mask: Any) -> None:
    q, k, v = as_array(q), as_array(k), as_array(v)
    got = f"{name}: got q {q.shape}, k {k.shape}, v {v.shape}"
    for of, x in (("q", q), ("k", k), ("v", v)):
        if x.dtype.kind != "f":
            raise TypeError(f"{name}: got {of} of {x.dtype}, needed floats")
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(f"{got}; needed (..., T, E), (..., S, E) and (..., S, F)")
    try:
        before = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ValueError:
        raise ValueError(f"{got}; needed axes before the last two that broadcast") from None
    if mask is not None:
        mask = as_array(mask)
        if mask.dtype.kind not in "fb":
            raise TypeError(
                f"{name}: got a mask of {mask.dtype}; needed bools (True where a query may see a "
                f"key) or floats to add; use mask.astype(bool)"
            )
        scores = (*before, q.shape[-2], k.shape[-2])
        try:
            fits = np.broadcast_shapes(mask.shape, scores) == scores
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"{got} and mask {mask.shape}; needed a mask that fits {scores}")
