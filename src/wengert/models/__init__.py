"""Models: layers put together for a task."""

from wengert.models.mlp import MLP as MLP
