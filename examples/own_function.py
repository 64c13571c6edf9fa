"""A Function of one's own: Snake, an activation that can learn what repeats.

    y = x + sin²(a x) / a,   dy/dx = 1 + sin(2 a x),   dy/da = x sin(2 a x) / a - sin²(a x) / a²

To write an operation is to write these formulas once, in plain NumPy. `backward` reads the inputs
from `self.xs`. In a plain walk they are arrays; in a recorded one they are Variables, and the very
same lines can be differentiated again. So nothing more is needed for second derivatives, and
`check_gradients` compares them, too, with finite differences.

Then the operation goes to work. Two networks see a curve that rises and swings, for |x| ≤ 4 only,
and are asked how it goes on. One activates with relu, the other with Snake, whose a is learned
along with the weights: L. Ziyin et al., Neural Networks Fail to Learn Periodic Functions and How to
Fix It, arXiv:2006.08195.

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

    elementwise = True  # x and a broadcast; the walk sums their gradients back to their shapes

    def forward(self, x, a):
        return x + np.sin(a * x) ** 2 / a

    def backward(self, gy):
        x, a = self.xs
        gx = gy * (1 + np.sin(2 * a * x))
        ga = gy * (x * np.sin(2 * a * x) / a - np.sin(a * x) ** 2 / a**2)
        return gx, ga


def snake(x, a):
    return Snake()(x, a)


class Careless(Snake):
    """The same with a mistake: the 1 of dy/dx is forgotten."""

    def backward(self, gy):
        x, a = self.xs
        _, ga = super().backward(gy)
        return gy * np.sin(2 * a * x), ga


class SnakeLayer(L.Layer):
    """snake(x, a) with an a for each feature, to be learned."""

    def __init__(self, size):
        self.a = wg.Parameter(np.ones(size, np.float32))

    def forward(self, x):
        return snake(x, self.a)


def curve(x):
    return x / 3 + np.sin(3 * x)


def train(model, x, t):
    """Gives the mean squared error after the last step."""
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
        check_gradients(Careless(), rng.normal(size=(4, 3)), np.ones(3))
    except AssertionError as error:
        print(f"A careless one is caught: {error}\n")

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
