"""Optimizers that remember no size of the gradient: SGD, Momentum, Nesterov, Lion."""

import numpy as np
from numpy import ndarray

from wengert.optimizers.optimizer import Optimizer, Option, State


class SGD(Optimizer):
    """Gradient descent: p ← p - lr g.

    With `weight_decay`, here and in all classes that do not say otherwise, g + weight_decay p
    stands for g: the gradient of weight_decay |p|² / 2 is added.
    """

    elementwise = True

    def __init__(self, lr: Option = 0.01, *, weight_decay: Option = 0.0) -> None:
        super().__init__(lr, weight_decay=weight_decay)

    def update_one(self, p: ndarray, g: ndarray, lr: float) -> None:
        p -= lr * g


class Momentum(Optimizer):
    """Gradient descent with inertia: v ← momentum v - lr g,  p ← p + v.

    (PyTorch keeps -v / lr; so the two part where lr changes on the way: here the steps made before
    go on at the rate they were made with.)
    """

    elementwise = True

    def __init__(
        self, lr: Option = 0.01, momentum: Option = 0.9, *, weight_decay: Option = 0.0
    ) -> None:
        super().__init__(lr, momentum=momentum, weight_decay=weight_decay)

    def init_one(self, p: ndarray) -> State:
        return {"v": np.zeros(p.shape, p.dtype)}

    def update_one(self, p: ndarray, g: ndarray, v: ndarray, lr: float, momentum: float) -> None:
        v *= momentum
        v -= lr * g
        p += v


class Nesterov(Momentum):
    """Momentum that looks ahead: v ← momentum v - lr g,  p ← p + momentum v - lr g.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning,
    2013, with p standing for their point ahead.
    """

    def update_one(self, p: ndarray, g: ndarray, v: ndarray, lr: float, momentum: float) -> None:
        step = lr * g
        v *= momentum
        v -= step
        p += momentum * v
        p -= step


class Lion(Optimizer):
    """Steps of exactly `lr`: only the signs count.

    p ← p - lr sign(β₁ m + (1 - β₁) g),  m ← β₂ m + (1 - β₂) g. The weight decay is decoupled:
    before, p ← (1 - lr weight_decay) p.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023, algorithm 2.
    """

    elementwise = True
    decoupled_weight_decay = True

    def __init__(
        self,
        lr: Option = 1e-4,
        beta1: Option = 0.9,
        beta2: Option = 0.99,
        *,
        weight_decay: Option = 0.0,
    ) -> None:
        super().__init__(lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay)

    def init_one(self, p: ndarray) -> State:
        return {"m": np.zeros(p.shape, p.dtype)}

    def update_one(
        self, p: ndarray, g: ndarray, m: ndarray, lr: float, beta1: float, beta2: float
    ) -> None:
        p -= lr * np.sign(beta1 * m + (1 - beta1) * g)
        m *= beta2
        m += (1 - beta2) * g
