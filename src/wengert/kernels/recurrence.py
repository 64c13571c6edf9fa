"""Recurrent networks along a whole sequence, forward and backward: plain, LSTM and GRU.

The gates of a step are computed from two terms: A = x Wx + bx for the input, and
Q = h Wh + bh for the last state. Arrays are ordered by step: A is (T, B, G·H), with the gates side
by side. It is overwritten. `padding`, (T, B, 1), is True past the end of a sequence, where the
states do not change; None means no padding.

A forward returns its history: first the states, h or h and c, (T + 1, B, H), from before the first
step to after the last, then the rest of what the backward reads. A backward returns the gradients
of A and of Q for all steps, and those of the first states.
"""

from collections.abc import Sequence

import numpy as np


def rnn_forward(
    A: np.ndarray,
    h: np.ndarray,
    Wh: np.ndarray,
    bh: np.ndarray,
    padding: np.ndarray | None,
    activation: str,
) -> tuple[np.ndarray, ...]:
    """h' = tanh(A + Q), or relu(A + Q)."""
    T, B, H = A.shape
    hs = np.empty((T + 1, B, H), A.dtype)
    hs[0] = h
    A += bh
    for t in range(T):
        h = np.matmul(hs[t], Wh, out=hs[t + 1])
        h += A[t]
        if activation == "tanh":
            np.tanh(h, out=h)
        else:
            np.maximum(h, 0, out=h)
        if padding is not None:
            np.copyto(h, hs[t], where=padding[t])
    return (hs,)


def rnn_backward(
    gy: np.ndarray,
    gstates: Sequence[np.ndarray],
    Wh: np.ndarray,
    padding: np.ndarray | None,
    history: tuple[np.ndarray, ...],
    activation: str,
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray]]:
    h = history[0][1:]
    # For relu, the bits of the gradient are multiplied by the integers 0 or 1: it may be infinite.
    bits = f"i{h.itemsize}"
    gz = 1 - h * h if activation == "tanh" else (h > 0).astype(bits).view(h.dtype)
    if padding is not None:
        np.copyto(gz, 0, where=padding)
    (gh,) = gstates
    for t in reversed(range(len(gz))):
        gh = gh + gy[t]
        if activation == "tanh":
            gz[t] *= gh
        else:
            active = gz[t].view(bits)
            active *= gh.astype(h.dtype, copy=False).view(bits)
        gh = _before(gz[t] @ Wh.T, gh, padding, t)
    return gz, gz, (gh,)


def lstm_forward(
    A: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    Wh: np.ndarray,
    bh: np.ndarray,
    padding: np.ndarray | None,
) -> tuple[np.ndarray, ...]:
    """c' = σ(f) c + σ(i) tanh(g),  h' = σ(o) tanh(c'),  where (i f g o) = A + Q."""
    T, B, H = A.shape[0], A.shape[1], Wh.shape[0]
    hs, cs = np.empty((2, T + 1, B, H), A.dtype)
    hs[0], cs[0] = h, c
    tanh_c, Q, ig = np.empty((T, B, H), A.dtype), np.empty_like(A[0]), np.empty_like(hs[0])
    # σ(z) = (tanh(z / 2) + 1) / 2: one tanh for all four gates, in place
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], A.dtype), H)
    one_less = 1 - half
    A += bh
    A *= half
    Wh = Wh * half
    i, f, g, o = np.moveaxis(A.reshape(T, B, 4, H), 2, 0)
    for t in range(T):
        gates = A[t]
        gates += np.matmul(hs[t], Wh, out=Q)
        np.tanh(gates, out=gates)
        gates *= half
        gates += one_less
        c = np.multiply(f[t], cs[t], out=cs[t + 1])
        c += np.multiply(i[t], g[t], out=ig)
        h = np.multiply(o[t], np.tanh(c, out=tanh_c[t]), out=hs[t + 1])
        if padding is not None:
            np.copyto(c, cs[t], where=padding[t])
            np.copyto(h, hs[t], where=padding[t])
    return hs, cs, A, tanh_c


def lstm_backward(
    gy: np.ndarray,
    gstates: Sequence[np.ndarray],
    Wh: np.ndarray,
    padding: np.ndarray | None,
    history: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    _, cs, gates, tanh_c = history
    T, B, H = tanh_c.shape
    i, f, g, o = np.moveaxis(gates.reshape(T, B, 4, H), 2, 0)
    # for all steps at once, the factors that do not depend on gh and gc: z' = z (gc gc gc gh)
    gz = 1 - gates  # σ' of all gates, contiguous
    gz *= gates
    gz = gz.reshape(T, B, 4, H)
    to_i, to_f, to_g, to_o = np.moveaxis(gz, 2, 0)
    to_i *= g
    to_f *= cs[:-1]
    to_o *= tanh_c
    np.multiply(i, 1 - g * g, out=to_g)
    h_to_c = o * (1 - tanh_c * tanh_c)
    Wh = Wh.copy("F")  # Wh.T is then contiguous: products of few rows take two thirds of the time
    if padding is not None:
        np.copyto(gz, 0, where=padding[..., None])
        np.copyto(h_to_c, 0, where=padding)
        f = np.where(padding, 1, f)
    gh, gc = gstates
    for t in reversed(range(T)):
        gh = gh + gy[t]
        gc = gc + gh * h_to_c[t]
        gz[t, :, :3] *= gc[:, None]
        gz[t, :, 3] *= gh
        gc = gc * f[t]
        gh = _before(gz[t].reshape(B, 4 * H) @ Wh.T, gh, padding, t)
    return gz, gz, (gh, gc)


def gru_forward(
    A: np.ndarray, h: np.ndarray, Wh: np.ndarray, bh: np.ndarray, padding: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    """h' = (1 - z) n + z h,  where r = σ(Ar + Qr), z = σ(Az + Qz), n = tanh(An + r Qn)."""
    T, B, H = A.shape[0], A.shape[1], Wh.shape[0]
    hs = np.empty((T + 1, B, H), A.dtype)
    hs[0] = h
    Q = np.empty_like(A)  # (T, B, 3 H)
    for t in range(T):
        q = np.matmul(hs[t], Wh, out=Q[t])
        q += bh
        rz, n = A[t, :, : 2 * H], A[t, :, 2 * H :]
        rz += q[:, : 2 * H]
        rz *= 0.5  # σ(z) = (tanh(z / 2) + 1) / 2
        np.tanh(rz, out=rz)
        rz *= 0.5
        rz += 0.5
        n += rz[:, :H] * q[:, 2 * H :]
        np.tanh(n, out=n)
        h = np.subtract(hs[t], n, out=hs[t + 1])
        h *= rz[:, H:]
        h += n
        if padding is not None:
            np.copyto(h, hs[t], where=padding[t])
    return hs, A, Q


def gru_backward(
    gy: np.ndarray,
    gstates: Sequence[np.ndarray],
    Wh: np.ndarray,
    padding: np.ndarray | None,
    history: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray]]:
    hs, gates, Q = history
    T, B, H = gy.shape
    r, z, n = np.moveaxis(gates.reshape(T, B, 3, H), 2, 0)
    # for all steps at once, the factors that do not depend on gh
    to_n = (1 - z) * (1 - n * n)
    gA = np.empty((T, B, 3, H), gates.dtype)
    np.multiply(to_n * Q[..., 2 * H :], r * (1 - r), out=gA[:, :, 0])
    np.multiply(hs[:-1] - n, z * (1 - z), out=gA[:, :, 1])
    gA[:, :, 2] = to_n
    gQ = gA.copy()
    gQ[:, :, 2] *= r
    if padding is not None:
        np.copyto(gA, 0, where=padding[..., None])
        np.copyto(gQ, 0, where=padding[..., None])
        z = np.where(padding, 1, z)
    (gh,) = gstates
    for t in reversed(range(T)):
        gh = gh + gy[t]
        gA[t] *= gh[:, None]
        gQ[t] *= gh[:, None]
        gh = gh * z[t]
        gh += gQ[t].reshape(B, 3 * H) @ Wh.T
    return gA, gQ, (gh,)


def _before(gh: np.ndarray, gh1: np.ndarray, padding: np.ndarray | None, t: int) -> np.ndarray:
    """The gradient of h before step t; past the end of a sequence, that of h after step t."""
    return gh if padding is None else np.where(padding[t], gh1, gh)
