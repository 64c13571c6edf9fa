"""The optimizers of the book, and their hooks: `dezero.optimizers`."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from wengert.arguments import call_text
from wengert.arrays import writable
from wengert.core import Parameter
from wengert.names import public


class Optimizer:
    """Updates the Parameters of a model that have a gradient; a subclass defines `update_one`."""

    __repr__ = call_text

    def __init__(self) -> None:
        self.target: Any = None
        self.hooks: list[Callable[[list[Any]], Any]] = []

    def setup(self, target: Any) -> Self:
        """Sets the model to train. Returns self."""
        if not hasattr(target, "params"):
            raise TypeError(
                f"{type(self).__name__}.setup: got {type(target).__name__}, needed a Layer"
            )
        self.target = target
        return self

    def update(self) -> None:
        """Calls the hooks, then updates each Parameter."""
        if self.target is None:
            raise RuntimeError(
                f"{type(self).__name__}.update: there is no model; call setup(model) first"
            )
        params = [p for p in self.target.params() if p.grad is not None]
        for hook in self.hooks:
            hook(params)
        for p in params:
            if p.grad is not None:  # (a hook may have frozen it)
                writable(p)  # graphs that have been recorded keep the old values
                self.update_one(p)

    def update_one(self, param: Any) -> None:
        """Updates one Parameter."""
        raise NotImplementedError(f"{type(self).__name__} has no update_one(self, param)")

    def add_hook(self, f: Callable[[list[Any]], Any]) -> None:
        """Calls `f(params)` before each update."""
        self.hooks.append(f)


# ---- Hooks ----


class WeightDecay:
    """Adds rate · p to the gradient of each p."""

    __repr__ = call_text

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, params: list[Any]) -> None:
        for p in params:
            p.grad.data = p.grad.data + self.rate * p.data


class ClipGrad:
    """Scales all gradients down to the norm `max_norm`, if their common norm is larger."""

    __repr__ = call_text

    def __init__(self, max_norm: float) -> None:
        self.max_norm = max_norm

    def __call__(self, params: list[Any]) -> None:
        norm = math.sqrt(sum(float(np.sum(p.grad.data**2)) for p in params))
        rate = self.max_norm / (norm + 1e-6)
        if rate < 1:
            for p in params:
                p.grad.data = p.grad.data * rate


class FreezeParam:
    """Removes the gradients of these Parameters, and of the Parameters of these layers."""

    __repr__ = call_text

    def __init__(self, *layers: Any) -> None:
        self.freeze_params: list[Any] = []
        for layer in layers:
            self.freeze_params += [layer] if isinstance(layer, Parameter) else layer.params()

    def __call__(self, params: list[Any]) -> None:
        for p in self.freeze_params:
            p.grad = None


# ---- Optimizers: g is the gradient of the Parameter p ----


class SGD(Optimizer):
    """p ← p - lr g."""

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__()
        self.lr = lr

    def update_one(self, param: Any) -> None:
        param.data -= self.lr * param.grad.data


State = dict[Any, np.ndarray]  # an array of the same shape for each Parameter


def _of(param: Any, state: State) -> np.ndarray:
    """The state of a Parameter; zeros, initially."""
    if param not in state:
        state[param] = np.zeros_like(param.data)
    return state[param]


class MomentumSGD(Optimizer):
    """v ← momentum v - lr g;  p ← p + v."""

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__()
        self.lr = lr
        self.momentum = momentum
        self.vs: State = {}

    def update_one(self, param: Any) -> None:
        v = _of(param, self.vs)
        v *= self.momentum
        v -= self.lr * param.grad.data
        param.data += v


class AdaGrad(Optimizer):
    """h ← h + g²;  p ← p - lr g / (√h + eps)."""

    def __init__(self, lr: float = 0.001, eps: float = 1e-8) -> None:
        super().__init__()
        self.lr = lr
        self.eps = eps
        self.hs: State = {}

    def update_one(self, param: Any) -> None:
        h = _of(param, self.hs)
        g = param.grad.data
        h += g * g
        param.data -= self.lr * g / (np.sqrt(h) + self.eps)


class AdaDelta(Optimizer):
    """p ← p - d with d = √((r + eps) / (s + eps)) g, after s ← rho s + (1-rho) g².

    Then r ← rho r + (1-rho) d².
    """

    def __init__(self, rho: float = 0.95, eps: float = 1e-6) -> None:
        super().__init__()
        self.rho = rho
        self.eps = eps
        self.msg: State = {}
        self.msdx: State = {}

    def update_one(self, param: Any) -> None:
        s, r = _of(param, self.msg), _of(param, self.msdx)
        g = param.grad.data
        s *= self.rho
        s += (1 - self.rho) * g * g
        d = np.sqrt((r + self.eps) / (s + self.eps)) * g
        r *= self.rho
        r += (1 - self.rho) * d * d
        param.data -= d


class Adam(Optimizer):
    """m ← m + (1-beta1) (g - m);  v ← v + (1-beta2) (g² - v);  p ← p - lr m / (√v + eps).

    `lr` is alpha √(1 - beta2ᵗ) / (1 - beta1ᵗ) at update t.
    """

    def __init__(
        self, alpha: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        super().__init__()
        self.t = 0
        self.alpha = alpha
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps
        self.ms: State = {}
        self.vs: State = {}

    def update(self) -> None:
        """Calls the hooks, then updates each Parameter."""
        self.t += 1
        super().update()

    @property
    def lr(self) -> float:
        """The step size of the current update."""
        return self.alpha * math.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)

    def update_one(self, param: Any) -> None:
        m, v = _of(param, self.ms), _of(param, self.vs)
        g = param.grad.data
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        param.data -= self.lr * m / (np.sqrt(v) + self.eps)


__all__, __dir__ = public(globals(), exports=True)
