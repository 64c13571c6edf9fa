"""One training step of a tiny network: 1-10-1, sigmoid, batch 100, mean squared error, SGD.

A step is about twenty operations on small arrays. So it measures overhead, like `bench_overhead`,
but for the mix of operations of a real training step.
"""

from typing import Any

import numpy as np

from benchmarks.runner import Program, Workload

LR = 0.1


def task() -> tuple[Any, Any, list[np.ndarray]]:
    """Inputs and targets of a noisy sine, and the network's initial weights W1, b1, W2, b2."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(100, 1)).astype("f")
    t = np.sin(2 * np.pi * x) + rng.uniform(size=x.shape).astype("f")
    W1, W2 = rng.normal(size=(1, 10)).astype("f"), rng.normal(size=(10, 1)).astype("f")
    return x, t, [W1, np.zeros(10, "f"), W2, np.zeros(1, "f")]


def wengert() -> Program:
    import wengert.functions as F
    from wengert import Parameter

    x, t, first = task()
    params = W1, b1, W2, b2 = [Parameter(p) for p in first]

    def step() -> None:
        for p in params:
            p.cleargrad()
        y = F.linear(F.sigmoid(F.linear(x, W1, b1)), W2, b2)
        F.mean_squared_error(y, t).backward()
        for p in params:
            p.data -= LR * p.grad.data

    return Program(step, lambda: [p.data for p in params])


def torch() -> Program:
    import torch

    x, t, first = task()
    x, t = torch.tensor(x), torch.tensor(t)
    params = W1, b1, W2, b2 = [torch.tensor(p, requires_grad=True) for p in first]

    def step() -> None:  # 1.7 times faster than with torch.optim.SGD
        y = torch.addmm(b2, torch.sigmoid(torch.addmm(b1, x, W1)), W2)
        torch.nn.functional.mse_loss(y, t).backward()
        with torch.no_grad():
            for p in params:
                p.sub_(p.grad, alpha=LR)
                p.grad = None

    return Program(step, lambda: [p.detach() for p in params])


def autograd() -> Program:
    import autograd.numpy as np
    from autograd import grad

    x, t, params = task()

    def loss(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        h = 1 / (1 + np.exp(-(np.dot(x, W1) + b1)))
        return np.mean((np.dot(h, W2) + b2 - t) ** 2)

    gradients = grad(loss, argnum=(0, 1, 2, 3))

    def step() -> None:
        for p, gp in zip(params, gradients(*params), strict=True):
            p -= LR * gp

    return Program(step, lambda: params)


def mygrad() -> Program:
    import mygrad
    from mygrad.nnet.activations import sigmoid

    mygrad.turn_memory_guarding_off()  # recommended in its documentation
    x, t, first = task()
    params = W1, b1, W2, b2 = [mygrad.tensor(p) for p in first]

    def step() -> None:
        y = mygrad.matmul(sigmoid(mygrad.matmul(x, W1) + b1), W2) + b2
        mygrad.mean((y - t) ** 2).backward()
        for p in params:
            p.data -= LR * p.grad

    return Program(step, lambda: [p.data for p in params])


SIDES = (wengert, torch, autograd, mygrad)
WORKLOADS = [
    # float32 sums in a different order, over ten steps
    Workload("toy-mlp", {side.__name__: side for side in SIDES}, tolerance=1e-5)
]
