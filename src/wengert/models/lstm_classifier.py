"""`LSTMClassifier`: classification of sequences."""

from typing import Any

import numpy as np

from wengert.arrays import DTypeLike
from wengert.core import Variable
from wengert.functions.join import concatenate
from wengert.layers import LSTM, Dropout, Embedding, Layer, Linear


class LSTMClassifier(Layer):
    """LSTM layers, and a Linear layer on the final state of the last of them.

    Args:
        classes: number of outputs.
        hidden_size: length of a state.
        in_size: features of a step, for x (B, T, in_size); None takes it from the first x.
        vocabulary: for sequences of ids, (B, T): the number of ids. An Embedding maps each to
            in_size features, by default as many as hidden_size.
        padding_index: an id for padding; its vector is zeros.
        layers: number of LSTM layers.
        bidirectional: process the sequence in both directions.
        dropout: probability of dropping an element between the layers and before the Linear one,
            0 ≤ dropout < 1.
        dtype: of the parameters.
    """

    def __init__(
        self,
        classes: int,
        hidden_size: int = 128,
        *,
        in_size: int | None = None,
        vocabulary: int | None = None,
        padding_index: int | None = None,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if vocabulary is None and padding_index is not None:
            raise ValueError(
                f"LSTMClassifier: got padding_index {padding_index} and no vocabulary, of which "
                f"it is one id; for features, pass the lengths of the sequences"
            )
        self.classes, self.hidden_size, self.vocabulary = classes, hidden_size, vocabulary
        self.layers, self.bidirectional = layers, bidirectional
        self.embedding = None
        if vocabulary is not None:
            in_size = hidden_size if in_size is None else in_size
            self.embedding = Embedding(
                vocabulary, in_size, padding_index=padding_index, dtype=dtype
            )
        self.lstm = LSTM(
            hidden_size,
            in_size=in_size,
            layers=layers,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
            dtype=dtype,
        )
        self.dropout = Dropout(dropout)
        directions = 2 if bidirectional else 1
        self.fc = Linear(classes, in_size=directions * hidden_size, dtype=dtype)

    def forward(self, x: Any, lengths: Any = None) -> Variable:
        """Logits (B, classes).

        Args:
            x: ids (B, T), or features (B, T, in_size).
            lengths: number of steps of each sequence, 1 ≤ length ≤ T, (B,); None for T.
        """
        if self.embedding is not None:
            x = self.embedding(x)
        _, h, _ = self.lstm(x, lengths=lengths)  # (layers · directions, B, H)
        last = concatenate([h[-2], h[-1]], axis=-1) if self.lstm.bidirectional else h[-1]
        return self.fc(self.dropout(last))
