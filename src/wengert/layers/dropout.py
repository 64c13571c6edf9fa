"""Dropout of single elements and of channels."""

from wengert.core import Operand, Variable
from wengert.functions.dropout import channel_dropout, dropout
from wengert.layers.layer import Layer
from wengert.layers.parameters import check_share


class Dropout(Layer):
    """`dropout`: in training, each element is 0 with probability p, 0 ≤ p < 1."""

    def __init__(self, p: float = 0.5) -> None:
        check_share(type(self).__name__, "p", p)
        self.p = p

    def forward(self, x: Operand) -> Variable:
        return dropout(x, self.p)


class ChannelDropout(Dropout):
    """`channel_dropout` of x (N, C, ...): a channel is dropped or kept as a whole."""

    def forward(self, x: Operand) -> Variable:
        return channel_dropout(x, self.p)
