"""Stages 2 and 3 on the simple core: gradients are arrays."""

import math

import numpy as np
from dezero.core_simple import Function, Variable, as_variable, no_grad, setup_variable

setup_variable()


class Sin(Function):
    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        assert type(gy) is np.ndarray or np.isscalar(gy)
        x = self.inputs[0].data
        return gy * np.cos(x)


x = Variable(np.array(np.pi / 4))
y = Sin()(x)
y.backward()
assert type(x.grad) is np.ndarray or isinstance(x.grad, np.floating)
assert np.allclose(x.grad, math.sqrt(0.5))
assert y.grad is None


def taylor_sin(x, threshold=0.0001):
    y = 0
    for i in range(100000):
        t = (-1) ** i / math.factorial(2 * i + 1) * x ** (2 * i + 1)
        y = y + t
        if abs(t.data) < threshold:
            break
    return y


x = Variable(np.array(np.pi / 4))
series = taylor_sin(x, 1e-150)
series.backward()
assert np.allclose([series.data, x.grad], math.sqrt(0.5))


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


x0, x1 = Variable(np.array(0.0)), Variable(np.array(2.0))
for _ in range(100):
    y = rosenbrock(x0, x1)
    x0.cleargrad()
    x1.cleargrad()
    y.backward()
    x0.data -= 0.001 * x0.grad
    x1.data -= 0.001 * x1.grad


def f(x):
    return x**4 - 2 * x**2


newton = Variable(np.array(2.0))
for _ in range(10):
    y = f(newton)
    newton.cleargrad()
    y.backward()
    newton.data -= newton.grad / (12 * newton.data**2 - 4)
assert newton.data == 1.0

y = as_variable(np.array(2.0)) / 3.0 - 1.0
y.backward(retain_grad=True)
assert y.grad == 1.0
with no_grad():
    assert (-x).creator is None
assert repr(x)[:9] == "variable("
assert isinstance(5.0 - x, Variable)
assert isinstance(1.0 / x, Variable)

RESULT = {"x0": x0.data, "x1": x1.data, "newton": newton.data, "series": series.data}
