"""Layers, which own the parameters they compute with: `import wengert.layers as L`."""

from wengert.layers.layer import Layer as Layer
from wengert.layers.linear import Linear as Linear
from wengert.layers.parameters import Buffer as Buffer
from wengert.layers.parameters import Unsized as Unsized
from wengert.layers.parameters import buffer as buffer
from wengert.layers.parameters import parameter as parameter
from wengert.layers.sequential import Residual as Residual
from wengert.layers.sequential import Sequential as Sequential
from wengert.layers.summary import Summary as Summary
from wengert.layers.summary import summary as summary
