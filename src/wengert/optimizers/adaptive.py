"""Optimizers that scale each step by the size of earlier gradients: Adam and its family.

In all formulas √ and squares are elementwise, and t counts the steps of the Parameter.
"""

import math
from dataclasses import KW_ONLY
from functools import lru_cache

import numpy as np
from numpy import ndarray

from wengert.optimizers.optimizer import Optimizer, Option, State


class AdaGrad(Optimizer):
    """h ← h + g²,  p ← p - lr g / (√h + eps).

    Source: Duchi, Hazan, Singer, Adaptive Subgradient Methods, 2011.
    """

    elementwise = True

    lr: Option = 0.01
    eps: Option = 1e-10
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"h": np.zeros(p.shape, p.dtype)}

    def update_one(self, p: ndarray, g: ndarray, h: ndarray, lr: float, eps: float) -> None:
        h += g * g
        p -= lr * g / (np.sqrt(h) + eps)


class AdaDelta(Optimizer):
    """Steps in units of the earlier steps, so that no learning rate has to be tuned.

    v ← ρ v + (1 - ρ) g²,  d = g √(u + eps) / √(v + eps),  u ← ρ u + (1 - ρ) d²,  p ← p - lr d.

    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012, algorithm 1.
    """

    elementwise = True

    lr: Option = 1.0
    rho: Option = 0.9
    eps: Option = 1e-6
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"v": np.zeros(p.shape, p.dtype), "u": np.zeros(p.shape, p.dtype)}

    def update_one(
        self, p: ndarray, g: ndarray, v: ndarray, u: ndarray, lr: float, rho: float, eps: float
    ) -> None:
        v *= rho
        v += (1 - rho) * (g * g)
        d = g * np.sqrt((u + eps) / (v + eps))
        u *= rho
        u += (1 - rho) * (d * d)
        p -= lr * d


class RMSprop(Optimizer):
    """v ← ρ v + (1 - ρ) g²,  p ← p - lr g / (√v + eps).

    Source: Tieleman, Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012.
    """

    elementwise = True

    lr: Option = 0.01
    rho: Option = 0.99
    eps: Option = 1e-8
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"v": np.zeros(p.shape, p.dtype)}

    def update_one(
        self, p: ndarray, g: ndarray, v: ndarray, lr: float, rho: float, eps: float
    ) -> None:
        v *= rho
        v += (1 - rho) * (g * g)
        p -= lr * g / (np.sqrt(v) + eps)


class Adam(Optimizer):
    """Steps of about the size `lr`: the mean m of the gradients over the root of their square v.

    m ← m + (1 - β₁)(g - m),  v ← v + (1 - β₂)(g² - v),  p ← p - lr m̂ / (√v̂ + eps), where
    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) correct the bias of starting m and v at 0.

    Source: Kingma, Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1.
    """

    elementwise = True

    lr: Option = 0.001
    beta1: Option = 0.9
    beta2: Option = 0.999
    eps: Option = 1e-8
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"m": np.zeros(p.shape, p.dtype), "v": np.zeros(p.shape, p.dtype), "t": 0}

    def update_one(
        self,
        p: ndarray,
        g: ndarray,
        m: ndarray,
        v: ndarray,
        t: int,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
    ) -> None:
        _moments(g, m, v, beta1, beta2)
        # m̂ / (√v̂ + eps) with both corrections in one factor
        root = math.sqrt(1 - beta2**t)
        p -= (lr * root / (1 - beta1**t)) * m / (np.sqrt(v) + eps * root)


class AdamW(Adam):
    """Adam with decoupled weight decay: before each step p ← (1 - lr weight_decay) p.

    Source: Loshchilov, Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2.
    """

    decoupled_weight_decay = True

    weight_decay: Option = 0.01


class NAdam(Optimizer):
    """Adam with Nesterov momentum.

    With m, v and v̂ as in Adam, μₜ = β₁ (1 - 0.96^(t momentum_decay) / 2) and Mₜ = μ₁ … μₜ:
    p ← p - lr (μₜ₊₁ m / (1 - Mₜ₊₁) + (1 - μₜ) g / (1 - Mₜ)) / (√v̂ + eps).

    Source: Dozat, Incorporating Nesterov Momentum into Adam, 2016, algorithm 2.
    """

    elementwise = True

    lr: Option = 0.002
    beta1: Option = 0.9
    beta2: Option = 0.999
    eps: Option = 1e-8
    momentum_decay: Option = 0.004
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"m": np.zeros(p.shape, p.dtype), "v": np.zeros(p.shape, p.dtype), "t": 0}

    def update_one(
        self,
        p: ndarray,
        g: ndarray,
        m: ndarray,
        v: ndarray,
        t: int,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
        momentum_decay: float,
    ) -> None:
        _moments(g, m, v, beta1, beta2)
        mu, product = _nadam_momentum(t, beta1, momentum_decay)
        next_mu, next_product = _nadam_momentum(t + 1, beta1, momentum_decay)
        step = (lr * next_mu / (1 - next_product)) * m
        step += (lr * (1 - mu) / (1 - product)) * g
        p -= step / (np.sqrt(v / (1 - beta2**t)) + eps)


@lru_cache(maxsize=16)
def _nadam_momentum(t: int, beta1: float, momentum_decay: float) -> tuple[float, float]:
    """μₜ and Mₜ = μ₁ … μₜ."""

    def mu(i: int) -> float:
        return beta1 * (1 - 0.5 * 0.96 ** (i * momentum_decay))

    product = 1.0
    for i in range(1, t + 1):
        product *= mu(i)
        if product < 1e-20:  # then 1 - Mₜ is 1
            break
    return mu(t), product


class RAdam(Optimizer):
    """Adam that does not divide by √v̂ in the first steps, while the variance of v̂ is large.

    With m̂ and v̂ as in Adam, ρ∞ = 2 / (1 - β₂) - 1 and ρ = ρ∞ - 2t β₂ᵗ / (1 - β₂ᵗ):
    p ← p - lr r m̂ / √v̂ with r² = (ρ-4)(ρ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρ) where ρ > 5, else p ← p - lr m̂.
    The eps is added to √v, as in PyTorch.

    Source: Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, 2020, algorithm 2.
    """

    elementwise = True

    lr: Option = 0.001
    beta1: Option = 0.9
    beta2: Option = 0.999
    eps: Option = 1e-8
    _: KW_ONLY
    weight_decay: Option = 0.0

    def init_one(self, p: ndarray) -> State:
        return {"m": np.zeros(p.shape, p.dtype), "v": np.zeros(p.shape, p.dtype), "t": 0}

    def update_one(
        self,
        p: ndarray,
        g: ndarray,
        m: ndarray,
        v: ndarray,
        t: int,
        lr: float,
        beta1: float,
        beta2: float,
        eps: float,
    ) -> None:
        _moments(g, m, v, beta1, beta2)
        step = lr / (1 - beta1**t)
        rho_max = 2 / (1 - beta2) - 1
        rho = rho_max - 2 * t * beta2**t / (1 - beta2**t)
        if rho > 5:
            r2 = (rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho)
            p -= (step * math.sqrt(r2 * (1 - beta2**t))) * m / (np.sqrt(v) + eps)
        else:
            p -= step * m


def _moments(g: ndarray, m: ndarray, v: ndarray, beta1: float, beta2: float) -> None:
    """m ← m + (1 - β₁)(g - m),  v ← β₂ v + (1 - β₂) g²."""
    m += (1 - beta1) * (g - m)
    v *= beta2
    v += (1 - beta2) * (g * g)
