"""A user-defined Function: Snake, an activation function for periodic data.

    y = x + sin²(a x) / a,   dy/dx = 1 + sin(2 a x),   dy/da = x sin(2 a x) / a - sin²(a x) / a²

To define an operation, write these formulas once, in plain NumPy. `backward` reads the inputs from
`self.xs`. They are arrays or, when the backward pass itself is recorded, Variables; so the same
lines can be differentiated again. Second derivatives need no more code, and `check_gradients`
compares them with finite differences, too.

Then two networks are trained on a curve that rises and oscillates, for |x| ≤ 4 only, and are tested
beyond that range. One uses relu, the other Snake, whose parameter a is learned together with the
weights: L. Ziyin et al., Neural Networks Fail to Learn Periodic Functions and How to Fix It,
arXiv:2006.08195.

    python examples/own_function.py           3 s
    python examples/own_function.py --fast    1 s

Last line: error beyond the data: 0.0109 (expected: below 0.05)
Last line with --fast: error beyond the data: 0.0229 (expected: below 0.1)
"""

import sys

import numpy as np

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert.optimizers import Adam
from wengert.schedules import cosine
from wengert.testing import check_gradients

FAST = "--fast" in sys.argv  # a shorter run, for the tests
STEPS = 1000 if FAST else 6000
LIMIT = 0.1 if FAST else 0.05
HIDDEN = 32
LR = 0.01


class Snake(wg.Function):
    """y = x + sin²(a x) / a."""

    elementwise = True  # x and a broadcast; their gradients are summed to their shapes

    def forward(self, x, a):
        return x + np.sin(a * x) ** 2 / a

    def backward(self, gy):
        x, a = self.xs
        gx = gy * (1 + np.sin(2 * a * x))
        ga = gy * (x * np.sin(2 * a * x) / a - np.sin(a * x) ** 2 / a**2)
        return gx, ga


def snake(x, a):
    return Snake()(x, a)


class WrongSnake(Snake):
    """Snake with a mistake: the 1 in dy/dx is missing."""

    def backward(self, gy):
        x, a = self.xs
        _, ga = super().backward(gy)
        return gy * np.sin(2 * a * x), ga


class SnakeLayer(L.Layer):
    """snake(x, a) with a learned a for each feature."""

    def __init__(self, size):
        self.a = wg.Parameter(np.ones(size, np.float32))

    def forward(self, x):
        return snake(x, self.a)


def curve(x):
    return x / 3 + np.sin(3 * x)


def train(model, x, t):
    """Trains the model; returns the mean squared error after the last step."""
    optimizer = Adam(cosine(LR, steps=STEPS)).setup(model)
    for _ in range(STEPS):
        loss = F.mean_squared_error(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    return float(loss)


def main():
    rng = np.random.default_rng(0)
    check_gradients(snake, rng.normal(size=(4, 3)), rng.uniform(0.5, 2, size=3), order=3)
    print("Snake: first, second and third derivatives agree with finite differences")
    try:
        check_gradients(WrongSnake(), rng.normal(size=(4, 3)), np.ones(3))
    except AssertionError as error:
        print(f"The Function with a mistake is reported: {error}\n")

    x = np.linspace(-4, 4, 200, dtype=np.float32)[:, None]
    beyond = np.linspace(4, 6, 100, dtype=np.float32)[:, None]
    for name, activation in ("relu", lambda: F.relu), ("snake", lambda: SnakeLayer(HIDDEN)):
        wg.seed(0)
        model = L.Sequential(L.Linear(HIDDEN, in_size=1), activation(), L.Linear(1, in_size=HIDDEN))
        error = train(model, x, curve(x))
        print(f"{name:<5}  mean squared error on the data: {error:.4f}", end="")
        with wg.no_grad():
            error = float(F.mean_squared_error(model(beyond), curve(beyond)))
        print(f", beyond: {error:.4f}")
    print(f"error beyond the data: {error:.4f} (expected: below {LIMIT})")


if __name__ == "__main__":
    main()
