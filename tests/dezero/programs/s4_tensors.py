"""Stage 4: shapes, sums, broadcasting, indexing, matrix products, and their gradients."""

import dezero.functions as F
import numpy as np
from dezero.utils import array_allclose, gradient_check

from dezero import Variable

RESULT = {}
x = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))

for name, f in {
    "reshape": lambda x: F.reshape(x, (6,)) * np.arange(6.0),
    "method": lambda x: x.reshape(3, 2) * np.arange(6.0).reshape(3, 2),
    "transpose": lambda x: F.transpose(x) ** 2,
    "T": lambda x: x.T**2,
    "axes": lambda x: x.transpose(1, 0) ** 3,
    "sum": lambda x: F.sum(x, axis=0) ** 2,
    "keepdims": lambda x: x.sum(axis=1, keepdims=True) ** 2,
    "broadcast": lambda x: F.broadcast_to(F.sum(x), (2, 2)) ** 2,
    "sum_to": lambda x: F.sum_to(x, (1, 3)) ** 2,
    "add": lambda x: (x + np.array([1.0, 2.0, 3.0])) * np.array([[2.0], [3.0]]),
    "index": lambda x: x[1] * 2,
    "slice": lambda x: x[:, 2] ** 2,
    "twice": lambda x: F.get_item(x, np.array([0, 0, 1])) ** 2,
    "matmul": lambda x: F.matmul(x, np.arange(12.0).reshape(3, 4)) ** 2,
    "dot": lambda x: x.dot(x.T),
    "max": lambda x: F.max(x, axis=1) ** 2,
    "min": lambda x: x.min() ** 2,
    "clip": lambda x: F.clip(x, 1.5, 4.5) ** 2,
    "expand": lambda x: F.expand_dims(x, 0) ** 2,
    "flatten": lambda x: F.flatten(F.expand_dims(x, 2)) ** 2,
    "exp and log": lambda x: F.log(F.exp(x) + 1),
    "functions": lambda x: F.cos(x) + F.sigmoid(x) - F.relu(x - 2.5) + F.leaky_relu(x - 3.5),
    "softmax": lambda x: F.softmax(x) * np.array([1.0, 5.0, 2.0]),
    "softmax_simple": lambda x: F.softmax_simple(x, axis=0) * np.array([1.0, 5.0, 2.0]),
    "log_softmax": lambda x: F.log_softmax(x) * np.array([1.0, 5.0, 2.0]),
    "sigmoid_simple": F.sigmoid_simple,
}.items():
    x.cleargrad()
    y = f(x)
    y.backward()
    assert isinstance(y, Variable)
    assert x.grad.shape == x.shape
    RESULT[name] = [y.data, x.grad.data]
    if name != "axes":
        assert gradient_check(f, Variable(x.data.copy())), name

# equal elements: each gets the whole gradient
x = Variable(np.array([[1.0, 3.0, 3.0]]))
F.max(x).backward()
assert array_allclose(x.grad, np.array([[0.0, 1.0, 1.0]]))

# an initial gradient of any shape is broadcast
x = Variable(np.array([[1.0, 2.0], [3.0, 4.0]]))
y = x**2
y.grad = Variable(np.array(10.0))
y.backward()
assert array_allclose(x.grad, 20 * x.data)
x.grad = np.array(1.0)
assert x.grad.shape == ()

# plain arrays in, Variables out
for y in (F.sin(np.array(1.0)), F.sum(np.ones(3)), F.matmul(np.ones((1, 2)), np.ones((2, 1)))):
    assert isinstance(y, Variable)
