"""One step of a recurrent network: plain, LSTM and GRU cells.

The gates of a step are computed from a sum of the input and the last state:

    A = x Wx + bx,  Q = h Wh + bh        x (B, D), h (B, H), Wx (D, G·H), Wh (H, G·H), bx bh (G·H,)

with the G gates side by side: i f g o in an LSTM, r z n in a GRU. Gates, their order and biases
are those of PyTorch's layers. PyTorch's weights are (out, in): Wx = weight_ih.T, Wh = weight_hh.T,
bx = bias_ih, bh = bias_hh.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from wengert.arrays import as_array
from wengert.core import Function
from wengert.functions.activation import sigmoid
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X
from wengert.functions.zeros import masked_rows

__all__ = ["gru_cell", "lstm_cell", "rnn_cell"]


class Cell(Function):
    """One step of a recurrence: from x, the states and the weights to the new states."""

    gates: ClassVar[int]  # number of gates, G
    states: ClassVar[int]  # number of states: h, or h and c

    def _gradients(self, gA: Any, gQ: Any) -> tuple[Any, Any, tuple[Any, ...]]:
        """The gradients of x, of h (through Q) and of the weights, from those of A and Q."""
        x, h = masked_rows([gA, gQ], *self.xs[:2])
        *_, Wx, Wh, _, _ = self.xs
        gx = gA @ Wx.T if self.needs[0] else None
        return gx, gQ @ Wh.T, gradients_of_weights(self.needs[-4:], x, h, gA, gQ)

    @classmethod
    def samples(cls, rng):
        yield sample(rng, cls, (2, 3))


class RNNCell(Cell):
    """h' = tanh(A + Q), or relu(A + Q)."""

    gates = states = 1

    def __init__(self, activation: str = "tanh") -> None:
        self.activation = activation

    def forward(self, x, h, Wx, Wh, bx, bh):
        z = x @ Wx + bx + (h @ Wh + bh)
        return np.tanh(z) if self.activation == "tanh" else np.maximum(z, 0)

    def backward(self, gy):
        (y,) = masked_rows([gy], *self.ys)
        gz = gy * (1 - y * y) if self.activation == "tanh" else np.where(y > 0, gy, 0)
        gx, gh, gweights = self._gradients(gz, gz)
        return gx, gh, *gweights

    @classmethod
    def samples(cls, rng):
        for activation in ("tanh", "relu"):
            yield sample(rng, cls, (2, 3)), {"activation": activation}


class LSTMCell(Cell):
    """c' = σ(f) c + σ(i) tanh(g),  h' = σ(o) tanh(c'),  where (i f g o) = A + Q."""

    gates = 4
    states = 2

    def forward(self, x, h, c, Wx, Wh, bx, bh):
        i, f, g, o = self._gates(x, h, Wx, Wh, bx, bh)
        c1 = f * c + i * g
        return o * np.tanh(c1), c1

    @staticmethod
    def _gates(x: Any, h: Any, Wx: Any, Wh: Any, bx: Any, bh: Any) -> tuple[Any, ...]:
        i, f, g, o = np.split(x @ Wx + bx + (h @ Wh + bh), 4, axis=-1)
        return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)

    def backward(self, gh1, gc1):
        x, h, c, *weights = self.xs
        x, h, c, c1 = masked_rows([gh1, gc1], x, h, c, self.ys[1])
        i, f, g, o = self._gates(x, h, *weights)
        t = np.tanh(c1)
        gc = gc1 + gh1 * o * (1 - t * t)
        gz = np.concatenate(
            [
                gc * g * i * (1 - i),
                gc * c * f * (1 - f),
                gc * i * (1 - g * g),
                gh1 * t * o * (1 - o),
            ],
            axis=-1,
        )
        gx, gh, gweights = self._gradients(gz, gz)
        return gx, gh, gc * f, *gweights


class GRUCell(Cell):
    """h' = (1 - z) n + z h,  where r = σ(Ar + Qr), z = σ(Az + Qz), n = tanh(An + r Qn)."""

    gates = 3
    states = 1

    def forward(self, x, h, Wx, Wh, bx, bh):
        _, z, n, _ = self._gates(x, h, Wx, Wh, bx, bh)
        return n + z * (h - n)

    @staticmethod
    def _gates(x: Any, h: Any, Wx: Any, Wh: Any, bx: Any, bh: Any) -> tuple[Any, ...]:
        Ar, Az, An = np.split(x @ Wx + bx, 3, axis=-1)
        Qr, Qz, Qn = np.split(h @ Wh + bh, 3, axis=-1)
        r = sigmoid(Ar + Qr)
        return r, sigmoid(Az + Qz), np.tanh(An + r * Qn), Qn

    def backward(self, gy):
        x, h, *weights = self.xs
        x, h = masked_rows([gy], x, h)
        r, z, n, Qn = self._gates(x, h, *weights)
        gz = gy * (h - n) * z * (1 - z)
        gn = gy * (1 - z) * (1 - n * n)
        gr = gn * Qn * r * (1 - r)
        gA = np.concatenate([gr, gz, gn], axis=-1)
        gQ = np.concatenate([gr, gz, gn * r], axis=-1)
        gx, gh, gweights = self._gradients(gA, gQ)
        return gx, gh + gy * z, *gweights


def gradients_of_weights(
    needs: Sequence[bool], x: Any, h: Any, gA: Any, gQ: Any
) -> tuple[Any, ...]:
    """The gradients of Wx, Wh, bx and bh, from rows of x, h and of the gradients of A and Q."""
    need_Wx, need_Wh, need_bx, need_bh = needs
    return (
        x.T @ gA if need_Wx else None,
        h.T @ gQ if need_Wh else None,
        np.sum(gA, axis=0) if need_bx else None,
        np.sum(gQ, axis=0) if need_bh else None,
    )


def sample(rng: np.random.Generator, cell: type[Cell], shape: tuple[int, ...]) -> Any:
    B, D = shape[0], shape[-1]
    H = 2
    GH = cell.gates * H
    shapes = [shape, *[(B, H)] * cell.states, (D, GH), (H, GH), (GH,), (GH,)]
    return tuple([rng.normal(size=shape) for shape in shapes])


# ---- Public functions ----


@in_float("x", "h", "Wx", "Wh", "bx", "bh", integers=False)
def rnn_cell(
    x: Input[X],
    h: Input[X],
    Wx: Input[X],
    Wh: Input[X],
    bx: Input[X] | None = None,
    bh: Input[X] | None = None,
    *,
    activation: str = "tanh",
) -> X:
    """One step of a plain recurrent network: h' = tanh(x Wx + bx + h Wh + bh).

    Args:
        x: input, (B, D).
        h: last state, (B, H).
        Wx: weights of the input, (D, H).
        Wh: weights of the state, (H, H).
        bx: bias, (H,), or None, together with bh.
        bh: bias, (H,).
        activation: "tanh" or "relu".

    Returns:
        Variable, (B, H): the new state.

    Raises:
        ValueError: the shapes do not fit each other, or the activation is unknown.
    """
    check_activation("rnn_cell", activation)
    weights = _checked_cell("rnn_cell", 1, x, {"h": h}, (Wx, Wh, bx, bh))
    return RNNCell(activation)(x, h, *weights)


@in_float("x", "h", "c", "Wx", "Wh", "bx", "bh", integers=False)
def lstm_cell(
    x: Input[X],
    h: Input[X],
    c: Input[X],
    Wx: Input[X],
    Wh: Input[X],
    bx: Input[X] | None = None,
    bh: Input[X] | None = None,
) -> tuple[X, X]:
    """One step of an LSTM: c' = σ(f) c + σ(i) tanh(g),  h' = σ(o) tanh(c').

    The gates are (i f g o) = x Wx + bx + h Wh + bh, side by side.

    Args:
        x: input, (B, D).
        h: last state, (B, H).
        c: last cell state, (B, H).
        Wx: weights of the input, (D, 4 H).
        Wh: weights of the state, (H, 4 H).
        bx: bias, (4 H,), or None, together with bh.
        bh: bias, (4 H,).

    Returns:
        The new h and c, (B, H).

    Raises:
        ValueError: the shapes do not fit each other.
    """
    weights = _checked_cell("lstm_cell", 4, x, {"h": h, "c": c}, (Wx, Wh, bx, bh))
    h1, c1 = LSTMCell()(x, h, c, *weights)
    return h1, c1


@in_float("x", "h", "Wx", "Wh", "bx", "bh", integers=False)
def gru_cell(
    x: Input[X],
    h: Input[X],
    Wx: Input[X],
    Wh: Input[X],
    bx: Input[X] | None = None,
    bh: Input[X] | None = None,
) -> X:
    """One step of a GRU: h' = (1 - z) n + z h.

    With (Ar Az An) = x Wx + bx and (Qr Qz Qn) = h Wh + bh, r = σ(Ar + Qr), z = σ(Az + Qz) and
    n = tanh(An + r Qn): the reset gate is applied after the product, as in PyTorch and cuDNN.

    Args:
        x: input, (B, D).
        h: last state, (B, H).
        Wx: weights of the input, (D, 3 H).
        Wh: weights of the state, (H, 3 H).
        bx: bias, (3 H,), or None, together with bh.
        bh: bias, (3 H,).

    Returns:
        Variable, (B, H): the new state.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    weights = _checked_cell("gru_cell", 3, x, {"h": h}, (Wx, Wh, bx, bh))
    return GRUCell()(x, h, *weights)


def _checked_cell(
    name: str, gates: int, x: Any, states: dict[str, Any], weights: Sequence[Any]
) -> Any:
    if np.ndim(x) != 2:
        raise ValueError(f"{name}: got x {np.shape(x)}, needed one step, (B, D)")
    present = [w for w in weights if w is not None]
    if len(present) == 3:
        raise ValueError(f"{name}: got one of the biases bx and bh, needed both or none")
    return checked_weights(name, "", gates, x, states, present)


def checked_weights(
    name: str, where: str, gates: int, x: Any, states: dict[str, Any], weights: Sequence[Any]
) -> list[Any]:
    """Wx, Wh, bx and bh (zeros by default), after a check against each other, x and the states."""
    if len(weights) not in (2, 4):
        raise ValueError(
            f"{name}: got {len(weights)} arrays{where}, needed (Wx, Wh) or (Wx, Wh, bx, bh)"
        )
    B, D = np.shape(x)[0], np.shape(x)[-1]
    H = np.shape(weights[1])[0] if np.ndim(weights[1]) else 0
    GH = gates * H
    needed = dict(zip(("Wx", "Wh", "bx", "bh"), ((D, GH), (H, GH), (GH,), (GH,)), strict=True))
    arrays = dict(zip(needed, weights, strict=False))
    for key, value in {"x": x, **states, **arrays}.items():
        got = f"{name}: got {key}{where if key in needed else ''}"
        dtype = as_array(value).dtype
        if dtype.kind != "f":
            raise TypeError(f"{got} of {dtype}, needed floats")
        shape = needed.get(key, (B, H))
        if key != "x" and np.shape(value) != shape:
            G = f"{gates} H" if gates > 1 else "H"
            raise ValueError(
                f"{got} {np.shape(value)} for x {np.shape(x)} and Wh {np.shape(weights[1])}, "
                f"needed {shape}; with D features and H units, Wx is (D, {G}), Wh (H, {G}), "
                f"bx and bh ({G},) and a state (B, H)"
            )
    none = np.zeros(GH, as_array(x).dtype)
    return [*weights, none, none][:4]


def check_activation(name: str, activation: str) -> None:
    if activation not in ("tanh", "relu"):
        raise ValueError(f"{name}: got activation {activation!r}, needed 'tanh' or 'relu'")
