"""A training step of a small convolutional network on 1×28×28 images, batch 64, Adam.

Two blocks of 3×3 convolution (32 and 64 channels, padded to keep the size), ReLU and 2×2 max
pooling, then linear 128, ReLU, linear 10.
"""

import numpy as np

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from benchmarks.runner import Program
from benchmarks.training import train_torch, train_wengert, training


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(64, 1, 28, 28)).astype("f"), rng.integers(10, size=64)


def first_model() -> L.Sequential:
    wg.seed(0)
    return L.Sequential(
        L.Conv2d(32, 3, in_size=1, padding=1),
        F.relu,
        L.MaxPool2d(2),
        L.Conv2d(64, 3, in_size=32, padding=1),
        F.relu,
        L.MaxPool2d(2),
        L.Flatten(),
        L.Linear(128, in_size=64 * 7 * 7),
        F.relu,
        L.Linear(10, in_size=128),
    )


def wengert() -> Program:
    model, (x, t) = first_model(), batch()
    return train_wengert(model, lambda: F.softmax_cross_entropy(model(x), t))


def torch() -> Program:
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    x, t = map(torch.from_numpy, batch())
    return train_torch(model, first_model(), lambda: nn.functional.cross_entropy(model(x), t))


WORKLOADS = [training("cnn", wengert, torch)]
