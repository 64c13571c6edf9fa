"""A training step of a residual network of 8 layers on 3×32×32 images, batch 32, Adam.

A 3×3 convolution of 16 channels, then one basic block each of 16, 32 and 64 channels (the last two
halve the image), the mean over the pixels, and linear 10. Each convolution is followed by batch
normalisation, the 1×1 convolutions of the two shortcuts too.
"""

import numpy as np

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from benchmarks.runner import Program
from benchmarks.training import train_torch, train_wengert, training


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(32, 3, 32, 32)).astype("f"), rng.integers(10, size=32)


def first_model() -> L.Sequential:
    wg.seed(0)
    return L.Sequential(
        L.Conv2d(16, 3, in_size=3, padding=1, bias=False),
        L.BatchNorm(16),
        F.relu,
        *block(16, 16, stride=1),
        *block(16, 32, stride=2),
        *block(32, 64, stride=2),
        L.GlobalAvgPool(),
        L.Linear(10, in_size=64),
    )


def block(in_size: int, out_size: int, stride: int) -> tuple[L.Residual, object]:
    inner = L.Sequential(
        L.Conv2d(out_size, 3, in_size=in_size, stride=stride, padding=1, bias=False),
        L.BatchNorm(out_size),
        F.relu,
        L.Conv2d(out_size, 3, in_size=out_size, padding=1, bias=False),
        L.BatchNorm(out_size),
    )
    shortcut = None
    if in_size != out_size:
        shortcut = L.Sequential(
            L.Conv2d(out_size, 1, in_size=in_size, stride=stride, bias=False), L.BatchNorm(out_size)
        )
    return L.Residual(inner, shortcut), F.relu


def wengert() -> Program:
    model, (x, t) = first_model(), batch()
    return train_wengert(model, lambda: F.softmax_cross_entropy(model(x), t))


def torch() -> Program:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, in_size: int, out_size: int, stride: int) -> None:
            super().__init__()
            self.inner = nn.Sequential(
                nn.Conv2d(in_size, out_size, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(out_size),
                nn.ReLU(),
                nn.Conv2d(out_size, out_size, 3, padding=1, bias=False),
                nn.BatchNorm2d(out_size),
            )
            self.shortcut = nn.Identity()
            if in_size != out_size:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(in_size, out_size, 1, stride=stride, bias=False),
                    nn.BatchNorm2d(out_size),
                )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.relu(self.inner(x) + self.shortcut(x))

    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Block(16, 16, stride=1),
        Block(16, 32, stride=2),
        Block(32, 64, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    x, t = map(torch.from_numpy, batch())
    return train_torch(model, first_model(), lambda: nn.functional.cross_entropy(model(x), t))


# In float64 the losses agree to 1e-14; in float32 Adam turns rounding errors into whole steps.
WORKLOADS = [training("resnet8", wengert, torch, tolerance=1e-3)]
