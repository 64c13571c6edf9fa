"""Optimizers with one step size for all Parameters: SGD, Momentum, Nesterov, Lion."""

from dataclasses import KW_ONLY

import numpy as np
from numpy import ndarray

from wengert.optimizers.optimizer import Optimizer, Option, State


class SGD(Optimizer):
    """Gradient descent: p ← p - lr g.

    With `weight_decay`, here and in all classes that do not say otherwise, g is replaced by
    g + weight_decay p: the gradient of weight_decay |p|² / 2 is added.
    """

    elementwise = True

    lr: Option = 0.01
    _: KW_ONLY
    weight_decay: Option = 0.0

    def update_one(self, p: ndarray, g: ndarray, lr: float) -> None:
        p -= lr * g


class Momentum(Optimizer):
    """Gradient descent with inertia: v ← momentum v - lr g,  p ← p + v.

    (PyTorch stores -v / lr, so the two differ if lr changes: here a step that is already in v
    keeps the rate that it was made with.)
    """

    elementwise = True

    lr: Option = 0.01
    momentum: Option = 0.9
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"v": np.zeros(p.shape, p.dtype)}

    def update_one(self, p: ndarray, g: ndarray, v: ndarray, lr: float, momentum: float) -> None:
        v *= momentum
        v -= lr * g
        p += v


class Nesterov(Momentum):
    """Momentum that looks ahead: v ← momentum v - lr g,  p ← p + momentum v - lr g.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning,
    2013, where p is their point θ + momentum v.
    """

    def update_one(self, p: ndarray, g: ndarray, v: ndarray, lr: float, momentum: float) -> None:
        step = lr * g
        v *= momentum
        v -= step
        p += momentum * v
        p -= step


class Lion(Optimizer):
    """Steps of exactly the size `lr`, in the direction of signs.

    p ← p - lr sign(β₁ m + (1 - β₁) g),  m ← β₂ m + (1 - β₂) g. The weight decay is decoupled:
    p ← (1 - lr weight_decay) p before each step.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023, algorithm 2.
    """

    elementwise = True
    decoupled_weight_decay = True

    lr: Option = 1e-4
    beta1: Option = 0.9
    beta2: Option = 0.99
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"m": np.zeros(p.shape, p.dtype)}

    def update_one(
        self, p: ndarray, g: ndarray, m: ndarray, lr: float, beta1: float, beta2: float
    ) -> None:
        p -= lr * np.sign(beta1 * m + (1 - beta1) * g)
        m *= beta2
        m += (1 - beta2) * g
