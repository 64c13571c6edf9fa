"""Stage 3: Newton's method, derivatives of any order, a gradient in a formula."""

import dezero.functions as F
import numpy as np
from dezero.utils import get_dot_graph

from dezero import Function, Variable


def f(x):
    return x**4 - 2 * x**2


x = Variable(np.array(2.0))
for _ in range(10):
    y = f(x)
    x.cleargrad()
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    gx2 = x.grad
    x.data -= gx.data / gx2.data
assert x.data == 1.0
newton = x.data

# derivatives of sin of higher order
x = Variable(np.linspace(-7, 7, 20))
y = F.sin(x)
y.backward(create_graph=True)
logs = [y.data]
for _ in range(3):
    logs.append(x.grad.data)
    gx = x.grad
    x.cleargrad()
    gx.backward(create_graph=True)
assert np.allclose(logs[3], -np.cos(x.data))
assert np.allclose(x.grad.data, np.sin(x.data))

# the graph of the n-th derivative of tanh
x = Variable(np.array(1.0))
y = F.tanh(x)
x.name, y.name = "x", "y"
y.backward(create_graph=True)
sizes = []
for order in range(4):
    gx = x.grad
    gx.name = "gx" + str(order + 1)
    sizes.append(get_dot_graph(gx, verbose=False).count("->"))
    x.cleargrad()
    gx.backward(create_graph=True)
assert sizes == sorted(sizes)
assert sizes[3] > 4 * sizes[1]
fifth = x.grad.data
t = np.tanh(1.0)
assert np.allclose(fifth, (1 - t**2) * (16 - 120 * t**2 + 120 * t**4))

# a gradient in a formula: double backpropagation
x = Variable(np.array(2.0))
y = x**2
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()
z = gx**3 + y
z.backward()
assert x.grad.data == 100.0


# through user-defined functions, written with Variables
class Sin(Function):
    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        assert isinstance(gy, Variable)
        (x,) = self.inputs
        return gy * F.cos(x)


class Tanh(Function):
    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        y = self.outputs[0]()
        return gy * (1 - y * y)


own = {}
for make in (Sin, Tanh):
    x = Variable(np.array([0.3, -1.2]))
    y = make()(x)
    y.backward(create_graph=True)
    for _ in range(3):
        gx = x.grad
        x.cleargrad()
        gx.backward(create_graph=True)
    own[make.__name__] = x.grad.data
assert np.allclose(own["Sin"], np.sin([0.3, -1.2]))

# Jacobian times vector, by the same method
A, v = np.array([[1.0, 2.0], [3.0, 4.0]]), Variable(np.array([4.0, 5.0]))
x = Variable(np.array([1.0, 2.0]))
y = F.matmul(F.reshape(x, (1, 2)), A) ** 2
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()
z = F.sum(v * gx)
z.backward()
assert np.allclose(x.grad.data, 2 * A @ A.T @ v.data)

RESULT = {"newton": newton, "sin": np.array(logs), "tanh": fifth, "hvp": x.grad.data, **own}
