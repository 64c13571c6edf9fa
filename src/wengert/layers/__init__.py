"""Layers, which own the parameters they compute with: `import wengert.layers as L`."""

from wengert.layers.layer import Layer as Layer
from wengert.layers.linear import Linear as Linear
