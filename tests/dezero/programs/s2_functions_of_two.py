"""Stage 2: the test functions of optimisation, and their gradients."""

import numpy as np

from dezero import Variable


def sphere(x, y):
    return x**2 + y**2


def matyas(x, y):
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    return (
        1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    ) * (
        30
        + (2 * x - 3 * y) ** 2
        * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    )  # fmt: skip


RESULT = {}
for f, gx, gy in [(sphere, 2, 2), (matyas, 0.04, 0.04), (goldstein, -5376, 8064)]:
    x = Variable(np.array(1.0))
    y = Variable(np.array(1.0))
    z = f(x, y)
    z.backward()
    assert np.allclose([x.grad.data, y.grad.data], [gx, gy])
    RESULT[f.__name__] = [z.data, x.grad.data, y.grad.data]
