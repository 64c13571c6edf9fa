"""Recurrent networks along a whole sequence: plain, LSTM and GRU, each in one Function.

Formulas of a step, weights, and their relation to PyTorch's: see cell.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from wengert import kernels
from wengert.arguments import fraction
from wengert.arrays import as_array
from wengert.config import enable_backprop
from wengert.core import Function
from wengert.functions.arithmetic import astype
from wengert.functions.cell import (
    Cell,
    GRUCell,
    LSTMCell,
    RNNCell,
    check_activation,
    checked_weights,
    gradients_of_weights,
    sample,
)
from wengert.functions.dropout import dropout as dropped
from wengert.functions.precision import HALF, SINGLE, result_dtype
from wengert.functions.types import Input, X

__all__ = ["gru", "lstm", "rnn"]

# ---- Functions ----


class Recurrence(Function):
    """A cell, step after step along a sequence: y = the h of all steps, and the last states.

    Inputs are x (B, T, D), the first states (B, H), Wx, Wh, bx, bh and, if the sequences differ in
    length, their lengths (B,): past the end of a sequence y is zero and the states do not
    change. With `reverse`, the steps are taken from the last to the first.

    The backward on arrays uses the history that forward has saved, and each weight's gradient is
    one product over all steps. A recorded backward pass does not use the history: it computes
    the steps again, each with a recorded Cell, whose `backward` it calls.
    """

    saved = ("history",)
    history: Any
    cell: ClassVar[type[Cell]]

    def __init__(self, reverse: bool = False) -> None:
        self.reverse = reverse

    def one_step(self) -> Cell:
        """A new cell, with the options of this sequence."""
        return self.cell()

    def steps(self, A: Any, states: Any, Wh: Any, bh: Any, padding: Any) -> tuple[Any, ...]:
        """The kernel of the forward (see kernels/recurrence.py)."""
        raise NotImplementedError

    def steps_backward(self, gy, gstates, Wh, padding):
        """The kernel of the backward."""
        raise NotImplementedError

    def run(self, x: Any, states: Any, weights: Any, lengths: Any) -> tuple[Any, ...]:
        """The forward of all kinds of cells."""
        Wx, Wh, bx, bh = weights
        B, T, D = x.shape
        padding = self._padding(T, lengths)
        rows = self._by_step(x, padding).reshape(T * B, D)
        # for one column, OpenBLAS takes four times as long as NumPy's multiplication
        product = np.multiply if D == 1 else np.matmul
        A = product(rows, Wx, dtype=np.result_type(x, *states, *weights))
        A += bx
        history = self.steps(A.reshape(T, B, A.shape[1]), states, Wh, bh, padding)
        self.history = history if enable_backprop.get() else None
        y = self._by_sample(history[0][1:], padding)
        # the last states are copies: no two outputs share memory
        return y, *[s[-1].copy() for s in history[: len(states)]]

    def backward(self, gy, *gstates):
        return self._backward(gy, gstates, None)

    def backward_past_zeros(self, gy, *gstates):
        return self._backward(gy, gstates, self._unused(gy, gstates))

    def _backward(self, gy, gstates, unused):
        """The gradients; steps that are `unused`, (T, B, 1), count as padding."""
        x, *others = self.xs
        states, weights, lengths = self._split(others)
        padding = self._padding(x.shape[1], lengths)
        if unused is not None:
            padding = unused if padding is None else padding | unused
            states = [np.where(unused[0], 0, s) for s in states]
        if enable_backprop.get():
            gradients = self._recorded_gradients(gy, gstates, x, states, weights, padding)
        else:
            gradients = self._gradients(gy, gstates, x, weights, padding, unused)
        return *gradients, *[None for _ in lengths]

    def _gradients(self, gy, gstates, x, weights, padding, unused):
        Wx, Wh, _, _ = weights
        B, T, D = x.shape
        gA, gQ, gstates = self.steps_backward(self._by_step(gy, padding), gstates, Wh, padding)
        gA, gQ = gA.reshape(T * B, Wx.shape[1]), gQ.reshape(T * B, Wx.shape[1])
        gx = None
        if self.needs[0]:
            gx = self._by_sample((gA @ Wx.T).reshape(T, B, D), None)
        rows = self._by_step(x, padding).reshape(T * B, D)
        before = self.history[0][:-1]
        if unused is not None:
            before = np.where(unused, 0, before)
        needs = self.needs[1 + len(gstates) :][:4]
        before = before.reshape(T * B, Wh.shape[0])
        gweights = gradients_of_weights(needs, rows, before, gA, gQ)
        return gx, *gstates, *gweights

    def _recorded_gradients(self, gy, gstates, x, states, weights, padding):
        cells = []
        for t, x_t in enumerate(_unstacked(self._by_step(x, padding))):
            cell = self.one_step()
            new = cell(x_t, *states, *weights)
            new = new if type(new) is tuple else (new,)
            if padding is not None:
                new = [np.where(padding[t], s, s1) for s, s1 in zip(states, new, strict=True)]
            states = new
            cells.append(cell)

        gys = _unstacked(self._by_step(gy, padding))
        gxs, gweights = [], [None] * 4
        for t in reversed(range(len(cells))):
            gstates = gstates[0] + gys[t], *gstates[1:]
            passed = gstates
            if padding is not None:
                gstates = tuple([np.where(padding[t], 0, g) for g in gstates])
            gx, *gothers = cells[t].backward(*gstates)
            gstates = tuple(gothers[: len(states)])
            if padding is not None:
                pairs = zip(passed, gstates, strict=True)
                gstates = tuple([np.where(padding[t], g1, g) for g1, g in pairs])
            gxs.append(gx)
            pairs = zip(gweights, gothers[len(states) :], strict=True)
            gweights = [g if total is None else total + g for total, g in pairs]
        gx = self._by_sample(np.stack(gxs[::-1]), None) if self.needs[0] else None
        return gx, *gstates, *gweights

    def _unused(self, gy: Any, gstates: Sequence[Any]) -> np.ndarray | None:
        """Steps from which on no gradient arrives, (T, B, 1), in samples with NaN or infinity.

        None if all numbers are finite.
        """
        n = self.cell.states
        zero = np.all(self._by_step(as_array(gy), None) == 0, axis=-1)
        for g in gstates:
            zero = zero & np.all(as_array(g) == 0, axis=-1)
        unused = np.logical_and.accumulate(zero[::-1])[::-1]
        bad = np.zeros(zero.shape[1], bool)
        for v in (*self.xs[: 1 + n], *self.ys):
            finite = np.isfinite(as_array(v))
            bad |= ~np.all(finite, axis=tuple(range(1, finite.ndim)))
        return (unused & bad)[..., None] if bad.any() else None

    def _split(self, others: Sequence[Any]) -> tuple[Any, Any, Any]:
        """The inputs after x: the states, the weights, and the lengths, none or one."""
        n = self.cell.states
        return others[:n], others[n : n + 4], others[n + 4 :]

    def _padding(self, T: int, lengths: Sequence[Any]) -> Any:
        """Whether a step is past the end, (T, B, 1) in the order of the steps; None for nowhere."""
        if not lengths:
            return None
        padding = np.arange(T)[:, None, None] >= as_array(lengths[0])[:, None]
        return padding[::-1] if self.reverse else padding

    def _by_step(self, x, padding):
        """From (B, T, ...) to (T, B, ...) in the order of the steps, with zeros for padding."""
        x = np.swapaxes(x, 0, 1)
        x = x[::-1] if self.reverse else x
        return x if padding is None else np.where(padding, 0, x)

    def _by_sample(self, x, padding):
        """From (T, B, ...) in the order of the steps to (B, T, ...), with zeros for padding."""
        x = x if padding is None else np.where(padding, 0, x)
        return np.swapaxes(x[::-1] if self.reverse else x, 0, 1)

    @classmethod
    def samples(cls, rng):
        for reverse in (False, True):
            xs = sample(rng, cls.cell, (2, 2, 1))
            yield xs, {"reverse": reverse}
            yield (*xs, np.array([1, 2])), {"reverse": reverse}


class RNN(Recurrence):
    """h' = tanh(A + Q), or relu(A + Q), along a sequence."""

    cell = RNNCell

    def __init__(self, reverse: bool = False, activation: str = "tanh") -> None:
        super().__init__(reverse)
        self.activation = activation

    def one_step(self) -> Cell:
        return RNNCell(self.activation)

    def forward(self, x, h, Wx, Wh, bx, bh, *lengths):
        return self.run(x, (h,), (Wx, Wh, bx, bh), lengths)

    def steps(self, A: Any, states: Any, Wh: Any, bh: Any, padding: Any) -> tuple[Any, ...]:
        return kernels.rnn_forward(A, states[0], Wh, bh, padding, self.activation)

    def steps_backward(self, gy, gstates, Wh, padding):
        return kernels.rnn_backward(gy, gstates, Wh, padding, self.history, self.activation)

    @classmethod
    def samples(cls, rng):
        for inputs, options in super().samples(rng):
            yield inputs, {"activation": "tanh", **options}
            yield inputs, {"activation": "relu", **options}


class LSTM(Recurrence):
    """c' = σ(f) c + σ(i) tanh(g),  h' = σ(o) tanh(c'),  along a sequence."""

    cell = LSTMCell

    def forward(self, x, h, c, Wx, Wh, bx, bh, *lengths):
        return self.run(x, (h, c), (Wx, Wh, bx, bh), lengths)

    def steps(self, A: Any, states: Any, Wh: Any, bh: Any, padding: Any) -> tuple[Any, ...]:
        return kernels.lstm_forward(A, states[0], states[1], Wh, bh, padding)

    def steps_backward(self, gy, gstates, Wh, padding):
        return kernels.lstm_backward(gy, gstates, Wh, padding, self.history)


class GRU(Recurrence):
    """h' = (1 - z) n + z h,  with n = tanh(An + r Qn),  along a sequence."""

    cell = GRUCell

    def forward(self, x, h, Wx, Wh, bx, bh, *lengths):
        return self.run(x, (h,), (Wx, Wh, bx, bh), lengths)

    def steps(self, A: Any, states: Any, Wh: Any, bh: Any, padding: Any) -> tuple[Any, ...]:
        return kernels.gru_forward(A, states[0], Wh, bh, padding)

    def steps_backward(self, gy, gstates, Wh, padding):
        return kernels.gru_backward(gy, gstates, Wh, padding, self.history)


def _unstacked(x: Any) -> list[Any]:
    """x[0], x[1], ...; by one Function, so that the gradient takes O(T) time."""
    rows = np.split(x, x.shape[0])
    return [np.reshape(row, x.shape[1:]) for row in rows]


# ---- Public functions ----


def rnn(
    x: Input[X],
    weights: Sequence[Sequence[Input[X]]],
    h: Input[X] | None = None,
    *,
    activation: str = "tanh",
    bidirectional: bool = False,
    lengths: Any = None,
    dropout: float = 0.0,
) -> tuple[X, X]:
    """Plain recurrent layers along a sequence: h' = tanh(x Wx + bx + h Wh + bh).

    Args:
        x: input, (B, T, D), T ≥ 1: batch first.
        weights: for each layer (Wx, Wh) or (Wx, Wh, bx, bh), as `rnn_cell` takes them; with
            `bidirectional`, for each layer first those of the forward direction, then those of
            the backward direction. The output of a layer is the input of the next.
        h: first states, (layers · directions, B, H), or None for zeros.
        activation: "tanh" or "relu".
        bidirectional: process the sequence in both directions, and concatenate the outputs.
        lengths: number of steps of each sequence, 1 ≤ length ≤ T, (B,); None for T. Past the end
            of a sequence the output is zero, the states do not change, and x is ignored; the
            backward direction starts at the end of the sequence.
        dropout: 0 ≤ p < 1, of the output of each layer but the last, in training.

    Returns:
        The output of the last layer, (B, T, directions · H), and the last state of each layer and
        direction, (layers · directions, B, H).

    Raises:
        TypeError: weights are not a list of tuples, lengths not integers, or other inputs not
            floats.
        ValueError: shapes do not fit each other, or an option is out of range.

    Example:
        >>> y, h = rnn(np.ones((5, 7, 2)), [(np.ones((2, 3)), np.ones((3, 3)))])
        >>> y.shape, h.shape
        ((5, 7, 3), (1, 5, 3))
    """
    check_activation("rnn", activation)
    function = partial(RNN, activation=activation)
    y, last = _layers("rnn", function, 1, x, weights, {"h": h}, bidirectional, lengths, dropout)
    return y, last


def lstm(
    x: Input[X],
    weights: Sequence[Sequence[Input[X]]],
    h: Input[X] | None = None,
    c: Input[X] | None = None,
    *,
    bidirectional: bool = False,
    lengths: Any = None,
    dropout: float = 0.0,
) -> tuple[X, X, X]:
    """LSTM layers along a sequence, each step as in `lstm_cell`.

    Args:
        x: input, (B, T, D), T ≥ 1: batch first.
        weights: for each layer and direction (Wx, Wh) or (Wx, Wh, bx, bh), as `lstm_cell` takes
            them; for their order, and for the options and errors, see `rnn`.
        h: first states, (layers · directions, B, H), or None for zeros.
        c: first cell states, of the same shape, or None for zeros.

    Returns:
        The output of the last layer, (B, T, directions · H), and the last h and c of each layer
        and direction, (layers · directions, B, H).
    """
    states = {"h": h, "c": c}
    y, last_h, last_c = _layers(
        "lstm", LSTM, 4, x, weights, states, bidirectional, lengths, dropout
    )
    return y, last_h, last_c


def gru(
    x: Input[X],
    weights: Sequence[Sequence[Input[X]]],
    h: Input[X] | None = None,
    *,
    bidirectional: bool = False,
    lengths: Any = None,
    dropout: float = 0.0,
) -> tuple[X, X]:
    """GRU layers along a sequence, each step as in `gru_cell`.

    Args:
        x: input, (B, T, D), T ≥ 1: batch first.
        weights: for each layer and direction (Wx, Wh) or (Wx, Wh, bx, bh), as `gru_cell` takes
            them; for their order, and for the options and errors, see `rnn`.
        h: first states, (layers · directions, B, H), or None for zeros.

    Returns:
        The output of the last layer, (B, T, directions · H), and the last state of each layer and
        direction, (layers · directions, B, H).
    """
    y, last = _layers("gru", GRU, 3, x, weights, {"h": h}, bidirectional, lengths, dropout)
    return y, last


def _check_layers(name: str, x: Any, weights: Any, directions: int) -> None:
    if np.ndim(x) != 3 or 0 in np.shape(x)[1:]:
        raise ValueError(
            f"{name}: got x {np.shape(x)}, needed (B, T, D) with steps and features; for sequences "
            f"as (T, B, D) use np.swapaxes(x, 0, 1)"
        )
    if not isinstance(weights, list | tuple) or not all(
        isinstance(w, list | tuple) for w in weights
    ):
        raise TypeError(
            f"{name}: got weights that are not a list of tuples; needed (Wx, Wh) or "
            f"(Wx, Wh, bx, bh) for each layer and direction, for one layer [(Wx, Wh)]"
        )
    if not weights or len(weights) % directions:
        raise ValueError(
            f"{name}: got {len(weights)} tuples of weights, needed one for each layer"
            f"{' and direction: an even number' if directions == 2 else ''}"
        )


def _layers(
    name: str,
    function: Callable[..., Recurrence],
    gates: int,
    x: Any,
    weights: Any,
    states: dict[str, Any],
    bidirectional: bool,
    lengths: Any,
    dropout: float,
) -> Any:
    """All layers in turn: the last output, then the last states of all layers and directions."""
    directions = 2 if bidirectional else 1
    _check_layers(name, x, weights, directions)
    x, weights, states, dtype = _in_single(x, weights, states)
    B, T = np.shape(x)[:2]
    H = np.shape(weights[0][1])[0] if len(weights[0]) > 1 and np.ndim(weights[0][1]) else 0
    for state, value in states.items():
        if value is not None and np.shape(value) != (len(weights), B, H):
            raise ValueError(
                f"{name}: got {state} {np.shape(value)} for x {np.shape(x)} and {len(weights)} "
                f"tuples of weights, needed {(len(weights), B, H)}: a state for each layer and "
                f"direction"
            )
    dropout = fraction(name, "dropout", dropout)
    ends = () if lengths is None else (_checked_lengths(name, lengths, B, T),)
    finals = []
    for layer in range(0, len(weights), directions):
        ys = []
        for d in range(directions):
            k = layer + d
            first = [
                np.zeros((B, H), x.dtype, like=x) if value is None else value[k]
                for value in states.values()
            ]
            named = dict(zip(states, first, strict=True))
            checked = checked_weights(name, f" of weights[{k}]", gates, x, named, weights[k])
            y, *last = function(reverse=d == 1)(x, *first, *checked, *ends)
            ys.append(y)
            finals.append(last)
        x = ys[0] if directions == 1 else np.concatenate(ys, axis=-1)
        if layer + directions < len(weights):
            x = dropped(x, dropout)
    results = x, *[np.stack(last) for last in zip(*finals, strict=True)]
    return tuple([y.astype(dtype) for y in results]) if dtype == HALF else results


def _in_single(x: Any, weights: Any, states: dict[str, Any]) -> Any:
    """The arguments, in float32 if all of them are in float16; and their dtype."""
    given = [s for s in states.values() if s is not None]
    dtype = result_dtype(x, *[W for layer in weights for W in layer], *given)
    if dtype == HALF:

        def single(v: Any) -> Any:
            return v if v is None or as_array(v).dtype != HALF else astype(v, SINGLE)

        x, weights = single(x), [[single(W) for W in layer] for layer in weights]
        states = {name: single(s) for name, s in states.items()}
    return x, weights, states, dtype


def _checked_lengths(name: str, lengths: Any, B: int, T: int) -> np.ndarray:
    lengths = as_array(lengths)
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"{name}: got lengths of {lengths.dtype}, needed integers")
    if lengths.shape != (B,) or (B and not 1 <= lengths.min() <= lengths.max() <= T):
        raise ValueError(
            f"{name}: got lengths {lengths.tolist()} for {B} sequences of {T} steps, needed "
            f"{B} numbers, 1 ≤ length ≤ {T}"
        )
    return lengths
