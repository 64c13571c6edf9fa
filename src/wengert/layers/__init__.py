"""Layers, which hold the parameters they compute with: `import wengert.layers as L`."""

from typing import TYPE_CHECKING

from wengert import hints
from wengert.layers.activation import CELU as CELU
from wengert.layers.activation import ELU as ELU
from wengert.layers.activation import GELU as GELU
from wengert.layers.activation import GLU as GLU
from wengert.layers.activation import SELU as SELU
from wengert.layers.activation import HardSigmoid as HardSigmoid
from wengert.layers.activation import HardSwish as HardSwish
from wengert.layers.activation import Identity as Identity
from wengert.layers.activation import LeakyReLU as LeakyReLU
from wengert.layers.activation import LogSigmoid as LogSigmoid
from wengert.layers.activation import LogSoftmax as LogSoftmax
from wengert.layers.activation import Mish as Mish
from wengert.layers.activation import PReLU as PReLU
from wengert.layers.activation import ReLU as ReLU
from wengert.layers.activation import Sigmoid as Sigmoid
from wengert.layers.activation import SiLU as SiLU
from wengert.layers.activation import Softmax as Softmax
from wengert.layers.activation import Softplus as Softplus
from wengert.layers.activation import Softsign as Softsign
from wengert.layers.activation import Tanh as Tanh
from wengert.layers.attention import MultiHeadAttention as MultiHeadAttention
from wengert.layers.attention import TransformerDecoderLayer as TransformerDecoderLayer
from wengert.layers.attention import TransformerEncoderLayer as TransformerEncoderLayer
from wengert.layers.conv import Conv1d as Conv1d
from wengert.layers.conv import Conv2d as Conv2d
from wengert.layers.conv import Conv3d as Conv3d
from wengert.layers.conv import ConvTranspose1d as ConvTranspose1d
from wengert.layers.conv import ConvTranspose2d as ConvTranspose2d
from wengert.layers.conv import ConvTranspose3d as ConvTranspose3d
from wengert.layers.dropout import ChannelDropout as ChannelDropout
from wengert.layers.dropout import Dropout as Dropout
from wengert.layers.embedding import Embedding as Embedding
from wengert.layers.flatten import Flatten as Flatten
from wengert.layers.layer import Layer as Layer
from wengert.layers.linear import Linear as Linear
from wengert.layers.normalization import BatchNorm as BatchNorm
from wengert.layers.normalization import GroupNorm as GroupNorm
from wengert.layers.normalization import InstanceNorm as InstanceNorm
from wengert.layers.normalization import LayerNorm as LayerNorm
from wengert.layers.normalization import RMSNorm as RMSNorm
from wengert.layers.parameters import Buffer as Buffer
from wengert.layers.parameters import LazyParameter as LazyParameter
from wengert.layers.parameters import buffer as buffer
from wengert.layers.parameters import parameter as parameter
from wengert.layers.pool import AdaptiveAvgPool as AdaptiveAvgPool
from wengert.layers.pool import AdaptiveMaxPool as AdaptiveMaxPool
from wengert.layers.pool import AvgPool1d as AvgPool1d
from wengert.layers.pool import AvgPool2d as AvgPool2d
from wengert.layers.pool import AvgPool3d as AvgPool3d
from wengert.layers.pool import GlobalAvgPool as GlobalAvgPool
from wengert.layers.pool import GlobalMaxPool as GlobalMaxPool
from wengert.layers.pool import MaxPool1d as MaxPool1d
from wengert.layers.pool import MaxPool2d as MaxPool2d
from wengert.layers.pool import MaxPool3d as MaxPool3d
from wengert.layers.recurrent import GRU as GRU
from wengert.layers.recurrent import LSTM as LSTM
from wengert.layers.recurrent import RNN as RNN
from wengert.layers.recurrent import GRUCell as GRUCell
from wengert.layers.recurrent import LSTMCell as LSTMCell
from wengert.layers.recurrent import RNNCell as RNNCell
from wengert.layers.sequential import Residual as Residual
from wengert.layers.sequential import Sequential as Sequential
from wengert.layers.summary import Summary as Summary
from wengert.layers.summary import summary as summary
from wengert.names import public

__all__, __dir__ = public(globals())

if not TYPE_CHECKING:  # (a type checker would accept every name)
    __getattr__ = hints.of_module(__name__, hints.LAYERS)
