"""Newton's method, with the whole Hessian and without it, on Rosenbrock's valley.

    f(x) = Σ 100 (xᵢ₊₁ - xᵢ²)² + (1 - xᵢ)²,   least at x = (1, 1, ..., 1)

The valley is long, curved and has steep sides. The gradient points across the valley, so gradient
descent needs tiny steps. Newton's method fits a quadratic function to value, gradient g and Hessian
H, and steps to its minimum: x ← x - H⁻¹ g.

In many dimensions H is too large to store. But conjugate gradients solve H d = -g with products H v
alone, and `wg.hvp` computes H v at the cost of a few gradients: it differentiates gᵀ v, which is a
scalar. This is the truncated Newton method: Nocedal, Wright, Numerical Optimization, 2006,
algorithm 7.1.

    python examples/newton.py           4 s
    python examples/newton.py --fast    1 s

Last line: distance to the minimum in 100 dimensions: 1.4e-12 (expected: below 1e-06)
Last line with --fast: distance to the minimum in 20 dimensions: 4.4e-14 (expected: below 1e-06)
"""

import sys

import numpy as np

import wengert as wg

FAST = "--fast" in sys.argv  # a shorter run, for the tests
DESCENT_STEPS = 2_000 if FAST else 20_000
LR = 0.001  # gradient descent diverges with a larger rate
DIMENSIONS = 20 if FAST else 100
TOLERANCE = 1e-9  # norm of the gradient at which the iterations stop
LIMIT = 1e-6


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


value_and_grad = wg.value_and_grad(rosenbrock)
hessian = wg.hessian(rosenbrock)


def gradient_descent(x):
    for _ in range(DESCENT_STEPS):
        _, g = value_and_grad(x)
        x = x - LR * g
    return x


def newton(x):
    """Newton steps with the whole Hessian; prints each."""
    print("    step  f(x)")
    for step in range(20):
        y, g = value_and_grad(x)
        print(f"    {step:4d}  {y:.3e}")
        if np.linalg.norm(g) < TOLERANCE:
            break
        x = x - np.linalg.solve(hessian(x), g)
    return x


def direction(x, g):
    """An approximation of -H⁻¹ g by conjugate gradients, and the number of products H v.

    The iterations stop when the residual is small compared with g, or when the curvature is not
    positive (vᵀ H v ≤ 0), so that the quadratic function has no minimum.
    """
    d = np.zeros_like(g)
    r = g  # H d + g
    v = -r
    enough = min(0.5, np.sqrt(np.linalg.norm(g))) * np.linalg.norm(g)
    for products in range(1, g.size + 1):
        Hv = wg.hvp(rosenbrock, x, v)
        bend = v @ Hv
        if bend <= 0:
            return (-g if products == 1 else d), products
        step = (r @ r) / bend
        d = d + step * v
        r, before = r + step * Hv, r
        if np.linalg.norm(r) <= enough:
            break
        v = -r + (r @ r) / (before @ before) * v
    return d, products


def newton_cg(x):
    """Truncated Newton steps, with step sizes from a line search; prints some."""
    print("    step  f(x)       products H v  step size")
    for step in range(1000):
        y, g = value_and_grad(x)
        if np.linalg.norm(g) < TOLERANCE:
            break
        d, products = direction(x, g)
        size = 1.0
        while rosenbrock(x + size * d) > y + 1e-4 * size * (g @ d) and size > 1e-10:
            size /= 2
        if step % 50 == 0:
            print(f"    {step:4d}  {y:.3e}  {products:12d}  {size}")
        x = x + size * d
    print(f"    {step:4d}  {y:.3e}  done")
    return x


def main():
    start = np.array([-1.2, 1.0])
    print(f"In two dimensions, from {start}. Newton's method:")
    distance = np.linalg.norm(newton(start) - 1)
    print(f"    distance to the minimum {distance:.1e}")
    distance = np.linalg.norm(gradient_descent(start) - 1)
    print(f"Gradient descent, {DESCENT_STEPS} steps: distance to the minimum {distance:.1e}")

    print(f"\nIn {DIMENSIONS} dimensions. Newton's method with products H v only:")
    start = np.tile(start, DIMENSIONS // 2)
    distance = np.linalg.norm(newton_cg(start) - 1)
    print(
        f"distance to the minimum in {DIMENSIONS} dimensions: {distance:.1e} "
        f"(expected: below {LIMIT})"
    )


if __name__ == "__main__":
    main()
