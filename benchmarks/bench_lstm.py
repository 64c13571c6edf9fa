"""A training step of an LSTM on noisy sines: input 1, hidden 100, 30 steps, batch 30, Adam.

At each step a linear layer predicts the next value; the loss is the mean squared error.
"""

from typing import Any

import numpy as np

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from benchmarks.runner import Program
from benchmarks.training import train_torch, train_wengert, training


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Sequences (30, 30, 1), and the same one step later."""
    rng = np.random.default_rng(0)
    time = np.arange(31) / 4 + rng.uniform(0, 2 * np.pi, size=(30, 1))
    y = (np.sin(time) + rng.uniform(-0.05, 0.05, size=time.shape)).astype("f")
    return y[:, :-1, None], y[:, 1:, None]


class Predictor(L.Layer):
    def __init__(self) -> None:
        self.lstm = L.LSTM(100, in_size=1)
        self.linear = L.Linear(1, in_size=100)

    def forward(self, x: Any) -> wg.Variable:
        h, _, _ = self.lstm(x)
        return self.linear(h)


def first_model() -> Predictor:
    wg.seed(0)
    return Predictor()


def wengert() -> Program:
    model, (x, t) = first_model(), batch()
    return train_wengert(model, lambda: F.mean_squared_error(model(x), t))


def torch() -> Program:
    import torch
    from torch import nn

    class TorchPredictor(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, 100, batch_first=True)
            self.linear = nn.Linear(100, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h, _ = self.lstm(x)
            return self.linear(h)

    model = TorchPredictor()
    x, t = map(torch.from_numpy, batch())
    return train_torch(model, first_model(), lambda: nn.functional.mse_loss(model(x), t))


WORKLOADS = [training("lstm", wengert, torch)]
