"""A training step of a wide MLP: 784-1000-1000-10, ReLU, batch 100, Adam.

Most of the time is spent in a few matrix products and in the update of 1.8 M parameters.
"""

import numpy as np

import wengert as wg
import wengert.functions as F
from benchmarks.runner import Program
from benchmarks.training import train_torch, train_wengert, training
from wengert.models import MLP


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 784)).astype("f"), rng.integers(10, size=100)


def first_model() -> MLP:
    wg.seed(0)
    return MLP((1000, 1000, 10), in_size=784)


def wengert() -> Program:
    model, (x, t) = first_model(), batch()
    return train_wengert(model, lambda: F.softmax_cross_entropy(model(x), t))


def torch() -> Program:
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Linear(784, 1000),
        nn.ReLU(),
        nn.Linear(1000, 1000),
        nn.ReLU(),
        nn.Linear(1000, 10),
    )
    x, t = map(torch.from_numpy, batch())
    return train_torch(model, first_model(), lambda: nn.functional.cross_entropy(model(x), t))


WORKLOADS = [training("mlp", wengert, torch)]
