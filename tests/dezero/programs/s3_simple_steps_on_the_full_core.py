"""Stage 3: descent as written for array gradients, `x.data -= lr * x.grad`, on Variables."""

import numpy as np

from dezero import Variable

x0, x1 = Variable(np.array(0.0)), Variable(np.array(2.0))
for _ in range(50):
    y = 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2
    x0.cleargrad()
    x1.cleargrad()
    y.backward()
    x0.data -= 0.001 * x0.grad
    x1.data -= 0.001 * x1.grad

assert type(x0.data) is np.ndarray
assert y.data < 1
