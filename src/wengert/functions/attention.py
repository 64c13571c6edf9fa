"""Attention: for each query a mean of the values, weighted by how well it matches their keys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert import kernels
from wengert.arguments import fraction, integer
from wengert.arrays import as_array, sum_to
from wengert.config import enable_backprop, training
from wengert.core import Function
from wengert.functions.activation import Softmax
from wengert.functions.dropout import dropout_mask
from wengert.functions.linalg import linear
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X
from wengert.functions.zeros import all_zero, matmul_past_zeros

__all__ = ["multi_head_attention", "scaled_dot_product_attention"]


class SoftmaxOrZero(Softmax):
    """y = e^x / Σ e^x along the last axis, and 0 where all of x is -∞;  dx = y (dy - Σ y dy)."""

    axis = -1

    def __init__(self) -> None:
        """No options: the axis is the last one."""

    def forward(self, x):
        return kernels.softmax_or_zero(x.copy())

    @staticmethod
    def samples(rng):
        x = rng.normal(size=(3, 4))
        yield (x,)
        yield (np.where(np.array([[0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]), -np.inf, x),)


class Attention(Function):
    """y = p v,  where p = softmax(scale q kᵀ + mask) along the last axis, (..., T, S).

    Inputs are q, k, v, then the mask, if there is one, then, with `dropout`, the factors that p is
    multiplied by: 0 or 1 / (1 - probability). A boolean mask is True for the keys to use.

    With p' the gradient of p, the gradient of the softmax's input is p (p' - Σ p p'), where the sum
    over the keys equals a sum over the features, Σ y gy.
    """

    saved = ("p",)  # for a backward pass on arrays; a recorded one computes it again
    p: Any

    def __init__(self, scale: float, causal: bool = False, dropout: bool = False) -> None:
        self.scale = scale
        self.causal = causal
        self.dropout = dropout

    def forward(self, q, k, v, *others):
        y, p = kernels.attend(q, k, v, *self._mask_and_factors(others), self.scale, self.causal)
        self.p = p if enable_backprop.get() else None
        return y

    def backward(self, gy):
        q, k, v, *others = self.xs
        (y,) = self.ys
        mask, factors = self._mask_and_factors(others)
        if enable_backprop.get():
            p = self._weights(q, k, mask)
            gradients = self._recorded_gradients(gy, y, q, k, v, p, factors)
        else:
            gradients = kernels.attend_gradients(
                gy, y, q, k, v, self.p, factors, self.scale, self.needs[:3]
            )
        return self._for_inputs(gradients, mask)

    def backward_past_zeros(self, gy):
        q, k, v, *others = self.xs
        (y,) = self.ys
        mask, factors = self._mask_and_factors(others)
        p = self._weights(q, k, mask) if enable_backprop.get() else self.p
        gp = matmul_past_zeros(gy, np.swapaxes(v, -1, -2))
        dropped = p
        if factors is not None:
            dropped, gp = p * factors, np.where(np.equal(factors, 0), 0, gp * factors)
        unused = np.logical_or(np.equal(p, 0), all_zero(gy, [-1]))
        total = np.sum(np.where(np.equal(gy, 0), 0, y * gy), axis=-1, keepdims=True)
        gx = np.where(unused, 0, p) * np.where(unused, 0, gp - total)
        need_q, need_k, need_v = self.needs[:3]
        gradients = (
            matmul_past_zeros(gx, k) * self.scale if need_q else None,
            matmul_past_zeros(np.swapaxes(gx, -1, -2), q) * self.scale if need_k else None,
            matmul_past_zeros(np.swapaxes(dropped, -1, -2), gy) if need_v else None,
            gx,
        )
        return self._for_inputs(gradients, mask)

    def _for_inputs(self, gradients, mask):
        """The gradients of all inputs, in their shapes."""
        q, k, v, *others = self.xs
        need_others = self.needs[3:]
        *gs, gx = gradients
        return (
            *[
                None if g is None else _summed(g, x.shape)
                for g, x in zip(gs, (q, k, v), strict=True)
            ],
            *[
                _summed(gx, m.shape) if need and m is mask and m.dtype != bool else None
                for m, need in zip(others, need_others, strict=True)
            ],
        )

    def _weights(self, q, k, mask):
        """p, in steps that are recorded."""
        masks = [] if mask is None else [mask]
        if self.causal:
            masks.append(kernels.causal_mask(q.shape[-2], k.shape[-2]))
        return SoftmaxOrZero()(kernels.masked_products(q, k, masks, self.scale))

    def _recorded_gradients(self, gy, y, q, k, v, p, factors):
        """The gradients of q, k, v and the mask, in steps that are recorded."""
        gp = gy @ np.swapaxes(v, -1, -2)
        dropped = p
        if factors is not None:
            dropped, gp = p * factors, gp * factors
        gx = p * (gp - np.sum(y * gy, axis=-1, keepdims=True))
        need_q, need_k, need_v = self.needs[:3]
        return (
            (gx @ k) * self.scale if need_q else None,
            (np.swapaxes(gx, -1, -2) @ q) * self.scale if need_k else None,
            np.swapaxes(dropped, -1, -2) @ gy if need_v else None,
            gx,
        )

    def _mask_and_factors(self, others: Sequence[Any]) -> tuple[Any, Any]:
        """The inputs after q, k and v; None for one that is missing."""
        masks, factors = (others[:-1], others[-1]) if self.dropout else (others, None)
        return (masks[0] if masks else None), factors

    @staticmethod
    def samples(rng):
        q, k, v = rng.normal(size=(2, 2, 3)), rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 2))
        seen = np.array([[True, False, True, True], [False, False, False, False]])
        factors = 2.0 * rng.integers(0, 2, size=(2, 2, 4))
        yield (q, k, v), {"scale": 0.5}
        yield (q, k, v), {"scale": 0.5, "causal": True}
        yield (q, k, v, seen), {"scale": 0.5}
        yield (q, k, v, rng.normal(size=(2, 1, 4))), {"scale": 2.0}
        yield (q, k, v, np.where(seen, rng.normal(size=(2, 4)), -np.inf)), {"scale": 1.0}
        yield (q, k[:1], v[0], rng.normal(size=4)), {"scale": 1.0, "causal": True}
        yield (q, k, v, factors > 0), {"scale": 0.5, "dropout": True}
        yield (q, k, v, rng.normal(size=(2, 4)), factors > 0), {"scale": 0.5, "dropout": True}


def _summed(g: Any, shape: tuple[int, ...]) -> Any:
    return g if g.shape == shape else sum_to(g, shape)


def scaled_dot_product_attention(
    q: Input[X],
    k: Input[X],
    v: Input[X],
    mask: Input[X] | None = None,
    *,
    causal: bool = False,
    dropout: float = 0.0,
    scale: float | None = None,
) -> X:
    """y = softmax(scale q kᵀ + mask) v: for each query a weighted mean of the values.

    Weights grow with the similarity of query and key. If all keys are masked, y is 0. Keys and
    values that are masked may be infinite or NaN.

    Args:
        q: queries, (..., T, E); the axes before, such as batch and heads, broadcast.
        k: keys, (..., S, E).
        v: values, (..., S, F).
        mask: broadcasts against (..., T, S): booleans, True where a query may use a key; or numbers
            to add, -∞ where it may not, for which a gradient is computed too. None: every query
            uses every key.
        causal: whether later keys are hidden from a query. The last query is at the position of
            the last key, so that queries of new steps can be used with keys of all steps, as in
            cached generation.
        dropout: 0 ≤ p < 1, probability that a weight becomes 0 in training; the others are
            multiplied by 1 / (1 - p).
        scale: by default 1 / √E.

    Returns:
        Variable, (..., T, F).

    Raises:
        TypeError: q, k or v are not floats, or the mask is of integers.
        ValueError: the shapes do not fit each other, or dropout is out of range.

    Example:
        >>> q, kv = np.zeros((1, 2)), np.array([[1.0, 2.0], [3.0, 6.0]])
        >>> scaled_dot_product_attention(q, kv, kv)
        array([[2., 4.]])

    Source: A. Vaswani et al., Attention Is All You Need, arXiv:1706.03762, equation 1.
    """
    name = "scaled_dot_product_attention"
    return _attention(name, q, k, v, mask, causal, dropout, scale)


@in_float("query", "key", "value", "Wq", "Wk", "Wv", "Wo", "bq", "bk", "bv", "bo", integers=False)
def multi_head_attention(
    query: Input[X],
    key: Input[X],
    value: Input[X],
    Wq: Input[X],
    Wk: Input[X],
    Wv: Input[X],
    Wo: Input[X],
    bq: Input[X] | None = None,
    bk: Input[X] | None = None,
    bv: Input[X] | None = None,
    bo: Input[X] | None = None,
    *,
    heads: int,
    mask: Input[X] | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> X:
    """Attention in several heads, each with its own projections of query, key and value.

    PyTorch's `MultiheadAttention` stacks (Wq.T, Wk.T, Wv.T) in in_proj_weight, and stores Wo.T as
    out_proj.weight.

    Args:
        query: (B, T, D); for self-attention also key and value.
        key: (B, S, ...).
        value: (B, S, ...).
        Wq: (D, E): head h has E / heads columns, from column h E / heads.
        Wk: (..., E).
        Wv: (..., F).
        Wo: weights of the output, (F, O).
        bq: bias, (E,), or None.
        bk: bias, (E,), or None.
        bv: bias, (F,), or None.
        bo: bias, (O,), or None.
        heads: a divisor of E and F.
        mask: as in `scaled_dot_product_attention`; (T, S), or (B, T, S) for all heads, or
            (B, heads, T, S), where each size may be 1: a mask of padded keys is (B, 1, S).
        causal: whether later keys are hidden from a query.
        dropout: 0 ≤ p < 1, of the weights.

    Returns:
        Variable, (B, T, O).

    Raises:
        TypeError: an input is not of floats, the mask is of integers, or heads is not an integer.
        ValueError: the shapes do not fit each other, or dropout is out of range.
    """
    name = "multi_head_attention"
    for of, x in (("query", query), ("key", key), ("value", value)):
        if np.ndim(x) != 3:
            raise ValueError(f"{name}: got {of} {np.shape(x)}, needed (B, T, D)")
    heads = integer(name, "heads", heads, 1)
    for of, W in (("Wq", Wq), ("Wk", Wk), ("Wv", Wv)):
        if np.ndim(W) != 2 or np.shape(W)[1] % heads:
            raise ValueError(
                f"{name}: got {heads} heads and {of} {np.shape(W)}, needed a number of columns "
                f"that is a multiple of heads"
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


def join_heads(x):
    """From (B, heads, T, E) to (B, T, heads · E)."""
    B, heads, T, E = np.shape(x)
    return np.reshape(np.swapaxes(x, 1, 2), (B, T, heads * E))


@in_float("q", "k", "v", integers=False)
def _attention(
    name: str,
    q: Any,
    k: Any,
    v: Any,
    mask: Any,
    causal: bool,
    dropout: float,
    scale: float | None,
) -> Any:
    """`scaled_dot_product_attention`, with errors in the name of the caller."""
    _check_shapes(name, q, k, v, mask)
    probability = fraction(name, "dropout", dropout)
    T, S = np.shape(q)[-2], np.shape(k)[-2]
    if causal and T > S:
        raise ValueError(
            f"{name}: got {T} queries for {S} keys; with causal, the queries belong to the last "
            f"steps of the keys, so there cannot be more of them"
        )
    if scale is None:
        scale = 1 / math.sqrt(max(np.shape(q)[-1], 1))
    inputs = [q, k, v] if mask is None else [q, k, v, mask]
    dropping = probability > 0 and training()
    if dropping:
        inputs.append(_drawn_mask(probability, *inputs))
    return Attention(float(scale), causal, dropping)(*inputs)


def _drawn_mask(probability: float, q: Any, k: Any, v: Any, mask: Any = None) -> np.ndarray:
    """The dropout mask of the weights."""
    q_shape, k_shape = np.shape(q), np.shape(k)
    batch = np.broadcast_shapes(q_shape[:-2], k_shape[:-2])
    shape = np.broadcast_shapes((*batch, q_shape[-2], k_shape[-2]), np.shape(mask))
    return dropout_mask(probability, shape, np.result_type(as_array(q), as_array(k)))


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
                f"{name}: got a mask of {mask.dtype}; needed booleans (True where a query may use "
                f"a key) or floats to add; use mask.astype(bool)"
            )
        weights = (*before, q.shape[-2], k.shape[-2])
        try:
            fits = np.broadcast_shapes(mask.shape, weights) == weights
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{got} and mask {mask.shape}; needed a mask that broadcasts to {weights}"
            )
