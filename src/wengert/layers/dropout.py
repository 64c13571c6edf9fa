"""Dropout of elements and of whole channels."""

from wengert.arguments import fraction
from wengert.functions.dropout import channel_dropout, dropout
from wengert.functions.types import Input, X
from wengert.layers.layer import Layer


class Dropout(Layer):
    """`dropout`: in training, each element is 0 with probability p, 0 ≤ p < 1."""

    p: float = 0.5

    def __post_init__(self) -> None:
        self.p = fraction(type(self).__name__, "p", self.p)

    def forward(self, x: Input[X]) -> X:
        return dropout(x, self.p, train=self.training)


class ChannelDropout(Dropout):
    """`channel_dropout` of x (N, C, ...): a channel is dropped or kept as a whole."""

    def forward(self, x: Input[X]) -> X:
        return channel_dropout(x, self.p, train=self.training)
