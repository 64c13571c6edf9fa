"""A physics-informed network: it learns a function from the differential equation of the function.

Burgers' equation describes the velocity u of a fluid of viscosity ν:

    ∂u/∂t + u ∂u/∂x = ν ∂²u/∂x²

The network is u(x, t) for -1 ≤ x ≤ 1, 0 ≤ t ≤ 1. It is trained on the values at t = 0 and x = ±1
only; inside this region, the loss contains the difference of the two sides of the equation. This
difference contains first and second derivatives of the network's output with respect to its input,
and training differentiates the loss again, with respect to the weights. As gradients are Variables
with graphs, this takes two calls of `wg.grad` and one `backward`.

The initial values form a steep front that moves with speed ½. For this case the exact solution is
known. M. Raissi et al., Physics-informed neural networks, J. Comput. Phys. 378 (2019).

    python examples/physics_informed.py           5 s
    python examples/physics_informed.py --fast     1 s

Last line: relative error of u: 0.0004 (expected: below 0.002)
Last line with --fast: relative error of u: 0.0016 (expected: below 0.02)
"""

import sys

import numpy as np

import wengert as wg
import wengert.functions as F
from wengert.models import MLP
from wengert.optimizers import LBFGS

FAST = "--fast" in sys.argv  # a shorter run, for the tests
VISCOSITY = 0.02
POINTS = 500 if FAST else 2000  # points inside the region
EDGE_POINTS = 100  # for each of t = 0, x = -1 and x = 1
UPDATES = 5 if FAST else 30  # updates, of up to 20 steps each
LIMIT = 0.02 if FAST else 0.002


def exact(x, t):
    return 0.5 - 0.5 * np.tanh((x - t / 2) / (4 * VISCOSITY))


def residual(model, x, t):
    """∂u/∂t + u ∂u/∂x - ν ∂²u/∂x² at points x, t, each (N, 1)."""
    x, t = wg.Variable(x), wg.Variable(t)
    u = model(np.concatenate([x, t], axis=1))
    # each u depends on its own point only, so the gradient of the sum is ∂u/∂x at each point
    u_x, u_t = wg.grad(u, (x, t), create_graph=True)
    u_xx = wg.grad(u_x, x, create_graph=True)
    return u_t + u * u_x - VISCOSITY * u_xx


def edges(rng):
    """Points at t = 0 and x = ±1."""
    x = rng.uniform(-1, 1, (EDGE_POINTS, 1))
    t = rng.uniform(0, 1, (EDGE_POINTS, 1))
    ones = np.ones_like(t)
    return np.concatenate([x, -ones, ones]), np.concatenate([0 * t, t, t])


def error(model):
    """√(Σ (u - exact)² / Σ exact²) on a grid."""
    axes = np.meshgrid(np.linspace(-1, 1, 101), np.linspace(0, 1, 51))
    x, t = [axis.reshape(-1, 1) for axis in axes]
    u = wg.as_array(model(np.concatenate([x, t], axis=1)))
    return np.linalg.norm(u - exact(x, t)) / np.linalg.norm(exact(x, t))


def main():
    wg.seed(0)
    rng = np.random.default_rng(0)
    model = MLP((20, 20, 20, 1), F.tanh, in_size=2, dtype=np.float64)
    inside = rng.uniform(-1, 1, (POINTS, 1)), rng.uniform(0, 1, (POINTS, 1))
    x, t = edges(rng)
    on_edges, u_on_edges = np.concatenate([x, t], axis=1), exact(x, t)
    optimizer = LBFGS().setup(model)

    def loss():
        equation = np.mean(residual(model, *inside) ** 2)
        values = F.mean_squared_error(model(on_edges), u_on_edges)
        total = equation + values
        model.cleargrads()
        total.backward()
        return total

    print("update  loss       relative error of u")
    for step in range(1, UPDATES + 1):
        value = optimizer.update(loss)
        if step % (UPDATES // 5) == 0:
            print(f"{step:6d}  {value:.2e}  {error(model):.4f}")
    print(f"relative error of u: {error(model):.4f} (expected: below {LIMIT})")


if __name__ == "__main__":
    main()
