"""Optimizers: how a gradient becomes a step.

An optimizer is two functions of plain arrays: `init_one` makes what it remembers of one parameter,
`update_one` makes one step, in place.
"""

from typing import Protocol, Self

import numpy as np
from numpy import ndarray

from wengert.core import Parameter


class HasParameters(Protocol):
    """What can be trained: a Layer is the usual one."""

    def named_params(self) -> dict[str, Parameter]: ...


class Optimizer:
    """Steps the Parameters of a model along their gradients.

    A subclass gives `update_one` and, where it remembers something, `init_one`.

        optimizer = SGD(0.1).setup(model)
        ...
        model.cleargrads()
        loss.backward()
        optimizer.update()

    A step writes into `p.data` of each Parameter that has a gradient, and into nothing else of the
    graph. `states` holds, by the Parameter's name, what is remembered.
    """

    target: HasParameters | None = None

    def __init__(self, lr: float) -> None:
        if not 0 <= lr < float("inf"):
            raise ValueError(f"{type(self).__name__}: got lr {lr}, needed a number ≥ 0")
        self.lr = lr
        self.states: dict[str, tuple[ndarray, ...]] = {}

    def setup(self, target: HasParameters) -> Self:
        """Takes on the model to train, and forgets the steps before. Returns self."""
        if not hasattr(target, "named_params"):
            raise TypeError(
                f"{type(self).__name__}.setup: got {type(target).__name__}, needed a Layer"
            )
        self.target = target
        self.states = {}
        return self

    def update(self) -> None:
        """One step of each Parameter that has a gradient.

        Raises:
            RuntimeError: there is no model yet, or none of its Parameters has a gradient.
        """
        kind = type(self).__name__
        if self.target is None:
            raise RuntimeError(f"{kind}.update: there is no model yet; call setup(model) first")
        stepped = False
        for name, p in self.target.named_params().items():
            g = p.grad
            if g is None:
                continue
            if name not in self.states:
                if p.dtype.kind != "f":
                    raise TypeError(
                        f"{kind}.update: {name} is {p.dtype}; only floats can be stepped"
                    )
                self.states[name] = self.init_one(p.data)
            self.update_one(p.data, g.data, *self.states[name])
            stepped = True
        if not stepped:
            raise RuntimeError(
                f"{kind}.update: no Parameter of the model has a gradient; "
                f"call loss.backward() between model.cleargrads() and update()"
            )

    def init_one(self, p: ndarray) -> tuple[ndarray, ...]:
        """What to remember of a parameter of value `p`: arrays that `update_one` changes."""
        return ()

    def update_one(self, p: ndarray, g: ndarray, *state: ndarray) -> None:
        """One step of `p` and `state`, in place, for the gradient `g`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no update_one: define update_one(self, p, g) in the class"
        )


class SGD(Optimizer):
    """Gradient descent: p ← p - lr g."""

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr)

    def update_one(self, p: ndarray, g: ndarray, *state: ndarray) -> None:
        p -= self.lr * g


class Momentum(Optimizer):
    """Gradient descent with inertia: v ← momentum v - lr g,  p ← p + v."""

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__(lr)
        self.momentum = _share("Momentum", "momentum", momentum)

    def init_one(self, p: ndarray) -> tuple[ndarray, ...]:
        return (np.zeros_like(p),)

    def update_one(self, p: ndarray, g: ndarray, *state: ndarray) -> None:
        (v,) = state
        v *= self.momentum
        v -= self.lr * g
        p += v


class Adam(Optimizer):
    """Steps of about `lr`, whatever the gradient's size: its mean m over the root of its square v.

    m ← m + (1 - β₁)(g - m),  v ← v + (1 - β₂)(g² - v),  p ← p - lr m̂ / (√v̂ + eps), where
    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) undo that m and v start at 0; t counts the steps.

    Source: Kingma, Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1.
    """

    def __init__(
        self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        super().__init__(lr)
        self.beta1 = _share("Adam", "beta1", beta1)
        self.beta2 = _share("Adam", "beta2", beta2)
        self.eps = eps

    def init_one(self, p: ndarray) -> tuple[ndarray, ...]:
        return np.zeros_like(p), np.zeros_like(p), np.zeros((), np.int64)

    def update_one(self, p: ndarray, g: ndarray, *state: ndarray) -> None:
        m, v, t = state
        t += 1
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        root = np.sqrt(v / (1 - self.beta2 ** int(t)))
        p -= self.lr / (1 - self.beta1 ** int(t)) * m / (root + self.eps)


def _share(kind: str, name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{kind}: got {name} {value}, needed 0 ≤ {name} < 1")
    return value
