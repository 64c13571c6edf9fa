"""Attention: y = p v with p = softmax(scale q kᵀ + mask) along the last axis, (..., T, S)."""

from collections.abc import Sequence

import numpy as np

from wengert.kernels.softmaxes import softmax_or_zero
from wengert.kernels.sums import all_finite, matmul_past_zeros


def attend(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    mask: np.ndarray | None,
    factors: np.ndarray | None,
    scale: float,
    causal: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """y (..., T, F) and the weights p (..., T, S) of q (..., T, E), k (..., S, E), v (..., S, F).

    The mask is added to the products, or, if boolean, is True for the keys that a query may use.
    For dropout, p is multiplied by `factors` before its product with v. Keys and values that a
    query does not use may be infinite or NaN.
    """
    masks = [] if mask is None else [mask]
    if causal:
        masks.append(causal_mask(q.shape[-2], k.shape[-2]))
    with np.errstate(invalid="ignore"):
        x = np.matmul(q * scale, np.swapaxes(k, -1, -2))
        for m in masks:
            m = np.where(m, 0, -np.inf) if m.dtype == bool else m
            m = m.astype(x.dtype, copy=False)
            x = np.add(x, m, out=x) if np.broadcast_shapes(x.shape, m.shape) == x.shape else x + m
        p = softmax_or_zero(x)
        y = np.matmul(p if factors is None else p * factors, v)
        if all_finite(y):
            return y, p
        p = softmax_or_zero(masked_products(q, k, masks, scale))
        return matmul_past_zeros(p if factors is None else p * factors, v, both=False), p


def masked_products(
    q: np.ndarray, k: np.ndarray, masks: Sequence[np.ndarray], scale: float
) -> np.ndarray:
    """scale q kᵀ + masks; -∞ where a mask is False or -∞, whatever k is there."""
    x = (q * scale) @ np.swapaxes(k, -1, -2)
    for m in masks:
        if m.dtype == bool:
            x = np.where(m, x, -np.inf)
        else:
            m = m if m.dtype == x.dtype else m.astype(x.dtype)
            x = np.where(np.equal(m, -np.inf), -np.inf, x + m)
    return x


def attend_gradients(
    gy: np.ndarray,
    y: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    p: np.ndarray,
    factors: np.ndarray | None,
    scale: float,
    needs: Sequence[bool],
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None, np.ndarray]:
    """The gradients of q, k and v, where needed, and of the mask; broadcast axes are not summed."""
    need_q, need_k, need_v = needs
    dropped = p if factors is None else p * factors
    gv = np.swapaxes(dropped, -1, -2) @ gy if need_v else None
    gx = gy @ np.swapaxes(v, -1, -2)
    if factors is not None:
        gx *= factors
    gx -= np.sum(y * gy, axis=-1, keepdims=True)
    gx *= p
    gq = (gx @ k) * scale if need_q else None
    gk = (np.swapaxes(gx, -1, -2) @ q) * scale if need_k else None
    return gq, gk, gv, gx


def causal_mask(T: int, S: int) -> np.ndarray:
    """(T, S): False for keys after the query; the last query is at the position of the last key."""
    return np.tri(T, S, S - T, dtype=bool)
