"""Recurrent layers: whole sequences, and cells for one step."""

from dataclasses import KW_ONLY
from functools import partial
from typing import Any, ClassVar

import numpy as np

from wengert.arguments import fraction
from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions import cell as functions
from wengert.functions import recurrent as sequences
from wengert.functions.cell import check_activation
from wengert.functions.types import Operand
from wengert.initializers import Fans, Initializer, glorot_uniform, orthogonal, zeros
from wengert.layers import misfit
from wengert.layers.layer import Layer
from wengert.layers.parameters import LazyParameter, check_sizes, parameter


class Recurrent(Layer):
    """Base class of the recurrent layers: `LSTM(100, layers=2)`.

    `weights[k]` holds Wx, Wh, bx and bh of layer and direction k, in the order of the function.

    Args:
        out_size: length H of a state.
        in_size: length of x's last axis; None takes it from the first x.
        layers: number of layers; the input of each is the output of the layer before.
        bidirectional: process the sequence in both directions.
        dropout: probability of dropping an element of the output of each layer but the last, in
            training; 0 ≤ dropout < 1.
        bias: False for no biases.
        dtype: of the parameters.
        initializer: makes the columns of each gate in Wx, (in, H); see `wengert.initializers`.
        state_initializer: makes the columns of each gate in Wh, (H, H).
        bias_initializer: makes the elements of each gate in bx and bh, (H,).
    """

    gates: ClassVar[int]

    out_size: int
    _: KW_ONLY
    in_size: int | None = None
    layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    bias: bool = True
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = glorot_uniform
    state_initializer: InitOnly[Initializer] = orthogonal
    bias_initializer: InitOnly[Initializer] = zeros
    casts_inputs = "fiub"
    _elsewhere = "in_size", "out_size", "layers"

    def __post_init__(self) -> None:
        check_sizes(self, "out_size", "in_size", "layers")
        self.dropout = fraction(type(self).__name__, "dropout", self.dropout)
        directions = 2 if self.bidirectional else 1
        self.weights = [
            _weights(self, in_size)
            for in_size in [self.in_size] + [directions * self.out_size] * (self.layers - 1)
            for _ in range(directions)
        ]

    def _misfit(self, x: Any, *state: Any) -> str:
        return misfit.sequence(type(self).__name__, x, state, self.in_size)

    def _weights_for(self, x: Operand) -> list[tuple[Any, ...]]:
        """The weights, for an input x, as arguments of the functions."""
        if type(self.weights[0]["Wx"]) is LazyParameter:
            self._take_size(x, -1, "(B, T, in_size) with in_size ≥ 1", n_axes=(3,))
        return [tuple(w.values()) for w in self.weights]


class RNN(Recurrent):
    """`rnn` with its own weights. Source: J. Elman, Finding Structure in Time, 1990.

    Args:
        activation: "tanh" or "relu"; for the other arguments see `Recurrent`.
    """

    gates = 1

    _: KW_ONLY
    activation: str = "tanh"

    def __post_init__(self) -> None:
        check_activation("RNN", self.activation)
        super().__post_init__()

    def forward(
        self, x: Operand, h: Operand | None = None, *, lengths: Any = None
    ) -> tuple[Variable, Variable]:
        """States of the last layer, (B, T, ...), and the final state of each layer: see `rnn`."""
        return sequences.rnn(
            x,
            self._weights_for(x),
            h,
            activation=self.activation,
            bidirectional=self.bidirectional,
            lengths=lengths,
            dropout=self.dropout if self.training else 0.0,
        )


class LSTM(Recurrent):
    """`lstm` with its own weights; for the arguments see `Recurrent`."""

    gates = 4

    def forward(
        self,
        x: Operand,
        h: Operand | None = None,
        c: Operand | None = None,
        *,
        lengths: Any = None,
    ) -> tuple[Variable, Variable, Variable]:
        """States of the last layer, (B, T, ...), and the final h and c of each: see `lstm`."""
        return sequences.lstm(
            x,
            self._weights_for(x),
            h,
            c,
            bidirectional=self.bidirectional,
            lengths=lengths,
            dropout=self.dropout if self.training else 0.0,
        )


class GRU(Recurrent):
    """`gru` with its own weights; for the arguments see `Recurrent`."""

    gates = 3

    def forward(
        self, x: Operand, h: Operand | None = None, *, lengths: Any = None
    ) -> tuple[Variable, Variable]:
        """States of the last layer, (B, T, ...), and the final state of each layer: see `gru`."""
        return sequences.gru(
            x,
            self._weights_for(x),
            h,
            bidirectional=self.bidirectional,
            lengths=lengths,
            dropout=self.dropout if self.training else 0.0,
        )


class Cell(Layer):
    """Base class of the cells: one step, from x (B, in_size) and the state (B, out_size).

    Args: see `Recurrent`.
    """

    gates: ClassVar[int]

    out_size: int
    _: KW_ONLY
    in_size: int | None = None
    bias: bool = True
    dtype: InitOnly[DTypeLike] = np.float32
    initializer: InitOnly[Initializer] = glorot_uniform
    state_initializer: InitOnly[Initializer] = orthogonal
    bias_initializer: InitOnly[Initializer] = zeros
    casts_inputs = "fiub"
    _elsewhere = "in_size", "out_size", "bias"

    def __post_init__(self) -> None:
        check_sizes(self, "out_size", "in_size")
        self.weights = _weights(self, self.in_size)

    def _misfit(self, x: Any, *state: Any) -> str:
        return misfit.step(type(self).__name__, x, state, self.in_size)

    def _zeros(self, x: Operand) -> np.ndarray:
        """The state of a first step."""
        return np.zeros((*np.shape(x)[:1], self.out_size), self.weights["Wh"].dtype)

    def _weights_for(self, x: Operand) -> list[Any]:
        if type(self.weights["Wx"]) is LazyParameter:
            self._take_size(x, -1, "(B, in_size) with in_size ≥ 1", n_axes=(2,))
        return list(self.weights.values())


class RNNCell(Cell):
    """`rnn_cell` with its own weights.

    Args:
        activation: "tanh" or "relu"; for the other arguments see `Recurrent`.
    """

    gates = 1

    _: KW_ONLY
    activation: str = "tanh"

    def __post_init__(self) -> None:
        check_activation("RNNCell", self.activation)
        super().__post_init__()

    def forward(self, x: Operand, h: Operand | None = None) -> Variable:
        """The new state, (B, out_size); without h, for a state of zeros."""
        h = self._zeros(x) if h is None else h
        return functions.rnn_cell(x, h, *self._weights_for(x), activation=self.activation)


class LSTMCell(Cell):
    """`lstm_cell` with its own weights; for the arguments see `Recurrent`."""

    gates = 4

    def forward(
        self, x: Operand, h: Operand | None = None, c: Operand | None = None
    ) -> tuple[Variable, Variable]:
        """The new h and c, (B, out_size); one that is not given is zeros."""
        h = self._zeros(x) if h is None else h
        c = self._zeros(x) if c is None else c
        return functions.lstm_cell(x, h, c, *self._weights_for(x))


class GRUCell(Cell):
    """`gru_cell` with its own weights; for the arguments see `Recurrent`."""

    gates = 3

    def forward(self, x: Operand, h: Operand | None = None) -> Variable:
        """The new state, (B, out_size); without h, for a state of zeros."""
        h = self._zeros(x) if h is None else h
        return functions.gru_cell(x, h, *self._weights_for(x))


def _weights(layer: Recurrent | Cell, in_size: int | None) -> dict[str, Any]:
    """Wx, Wh, bx and bh of one layer and direction, in this order; without bias the first two."""
    of_x, of_h, of_b = [
        partial(_gate_by_gate, initializer=initializer, gates=layer.gates)
        for initializer in (layer.initializer, layer.state_initializer, layer.bias_initializer)
    ]
    H, GH = layer.out_size, layer.gates * layer.out_size
    weights = {
        "Wx": parameter((in_size, GH), of_x, layer.dtype),
        "Wh": parameter((H, GH), of_h, layer.dtype),
    }
    if layer.bias:
        weights |= {name: parameter((GH,), of_b, layer.dtype) for name in ("bx", "bh")}
    return weights


def _gate_by_gate(
    shape: tuple[int, ...], dtype: DTypeLike, fans: Fans, *, initializer: Initializer, gates: int
) -> np.ndarray:
    """Initial values for each gate separately, concatenated."""
    one = (*shape[:-1], shape[-1] // gates)
    return np.concatenate([initializer(one, dtype, fans) for _ in range(gates)], axis=-1)
