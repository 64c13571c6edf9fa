"""Stage 4: losses, as Functions and as written out, and their gradients."""

import dezero.functions as F
import numpy as np

from dezero import Variable

rng = np.random.RandomState(0)
x0, x1 = Variable(rng.rand(10, 3)), Variable(rng.rand(10, 3))
p = Variable(0.1 + 0.8 * rng.rand(10, 3))
p.data[0] = [1.0, 0.9995, 0.0]  # where it is limited
scores, labels = Variable(rng.randn(6, 4)), np.array([0, 3, 1, 2, 2, 0])
bits = (rng.rand(10, 3) > 0.5).astype(int)

RESULT = {}
for name, f, inputs in [
    ("mse", F.mean_squared_error, (x0, x1)),
    ("mse_simple", F.mean_squared_error_simple, (x0, x1)),
    ("softmax_cross_entropy", F.softmax_cross_entropy, (scores, labels)),
    ("softmax_cross_entropy_simple", F.softmax_cross_entropy_simple, (scores, labels)),
    ("sigmoid_cross_entropy", F.sigmoid_cross_entropy, (x0, bits)),
    ("binary_cross_entropy", F.binary_cross_entropy, (p, bits)),
]:
    y = f(*inputs)
    y.backward()
    gradients = [x.grad.data for x in inputs if isinstance(x, Variable)]
    for x in inputs:
        if isinstance(x, Variable):
            x.cleargrad()
    RESULT[name] = [y.data, *gradients]

# the sum of squares over the samples, not over the elements
assert np.allclose(RESULT["mse"][0], np.sum((x0.data - x1.data) ** 2) / 10)
assert np.allclose(RESULT["mse"][0], RESULT["mse_simple"][0])
assert np.allclose(RESULT["mse"][1], RESULT["mse_simple"][1])
assert np.allclose(RESULT["softmax_cross_entropy"][1], RESULT["softmax_cross_entropy_simple"][1])

accuracy = F.accuracy(
    np.array([[0.2, 0.8, 0], [0.1, 0.9, 0], [0.8, 0.1, 0.1]]), np.array([1, 2, 0])
)
assert isinstance(accuracy, Variable)
assert np.allclose(accuracy.data, 2 / 3)
RESULT["accuracy"] = accuracy.data
