"""Common code of the workloads that train: the step, and equal weights on both sides."""

from collections.abc import Callable
from typing import Any

from benchmarks.runner import Program, Workload


def training(
    name: str,
    wengert: Callable[[], Program],
    torch: Callable[[], Program],
    tolerance: float = 1e-5,
) -> Workload:
    """A workload; its numbers are the losses of ten steps, which may differ by rounding errors."""
    programs = {"wengert": wengert, "torch": torch}
    return Workload(name, programs, tolerance, seconds=10, settle=0.15)


def train_wengert(model: Any, loss: Callable[[], Any]) -> Program:
    """Forward, loss, backward and update by Adam for a Layer; its numbers are the losses."""
    from wengert.optimizers import Adam

    optimizer = Adam().setup(model)
    losses = []

    def step() -> None:
        model.cleargrads()
        y = loss()
        y.backward(retain_graph=False)  # (the default in torch)
        optimizer.update()
        losses.append(y.data)

    return Program(step, lambda: losses)


def train_torch(model: Any, start: Any, loss: Callable[[], Any]) -> Program:
    """The same for a torch Module, which starts from the weights of `start`, a Layer."""
    import torch

    copy_weights(start, model)
    optimizer = torch.optim.Adam(model.parameters())
    losses = []

    def step() -> None:
        optimizer.zero_grad()
        y = loss()
        y.backward()
        optimizer.step()
        losses.append(y.detach())

    return Program(step, lambda: losses)


def copy_weights(ours: Any, theirs: Any) -> None:
    """Copies a Layer's weights to a Module with the same order; (in, out) becomes (out, in)."""
    import torch
    from torch import nn

    parameters = [
        (module, p) for module in theirs.modules() for p in module.parameters(recurse=False)
    ]
    with torch.no_grad():
        for ours_p, (module, p) in zip(ours.params(), parameters, strict=True):
            array = torch.from_numpy(ours_p.data)
            transposed = isinstance(module, nn.Linear | nn.LSTM) and p.ndim == 2
            array = array.T if transposed else array
            if array.shape != p.shape:
                raise ValueError(f"{module} has a parameter {p.shape}, and ours is {array.shape}")
            p.copy_(array)
