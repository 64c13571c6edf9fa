"""The cost of one operation: 50 × `y = y*x + x` on tiny arrays, forward and backward."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.runner import Program, Workload


def repeat(x: Any) -> Any:
    y = x
    for _ in range(50):
        y = y * x + x
    return y


def values(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.2, 0.8, size=shape)


def wengert(shape: tuple[int, ...]) -> Program:
    from wengert import Variable

    x, ones = Variable(values(shape)), np.ones(shape)

    def step() -> None:
        x.cleargrad()
        repeat(x).backward(grad=ones)

    return Program(step, lambda: [x.grad.data])


def torch(shape: tuple[int, ...]) -> Program:
    import torch

    x = torch.tensor(values(shape), requires_grad=True)
    ones = torch.ones(shape, dtype=torch.float64)

    def step() -> None:
        x.grad = None
        repeat(x).backward(ones)

    return Program(step, lambda: [x.grad])


def autograd(shape: tuple[int, ...]) -> Program:
    from autograd import make_vjp

    x, ones = values(shape), np.ones(shape)
    gx = None

    def step() -> None:
        nonlocal gx
        vjp, _ = make_vjp(repeat)(x)
        gx = vjp(ones)

    return Program(step, lambda: [gx])


def mygrad(shape: tuple[int, ...]) -> Program:
    import mygrad

    mygrad.turn_memory_guarding_off()  # recommended in its documentation
    x, ones = mygrad.tensor(values(shape)), np.ones(shape)

    def step() -> None:
        repeat(x).backward(ones)  # (a new computation clears x.grad)

    return Program(step, lambda: [x.grad])


SIDES = (wengert, torch, autograd, mygrad)
WORKLOADS = [
    Workload(name, {side.__name__: partial(side, shape) for side in SIDES})
    for name, shape in [("overhead-scalar", ()), ("overhead-32x32", (32, 32))]
]
