"""Stage 2: several inputs and outputs, the same Variable twice, generations, no_grad, operators."""

import numpy as np

import dezero
from dezero import Config, Function, Variable, as_array, as_variable, no_grad, using_config


class Add(Function):
    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


class SumAndDifference(Function):
    def forward(self, x0, x1):
        return x0 + x1, x0 - x1

    def backward(self, gs, gd):
        return gs + gd, gs - gd


def add(x0, x1):
    return Add()(x0, x1)


# a Variable that is used twice gets both gradients
x = Variable(np.array(3.0))
y = add(add(x, x), x)
y.backward()
assert x.grad.data == 3.0
x.cleargrad()
y = add(x, x)
y.backward()
assert x.grad.data == 2.0

# two outputs
p, q = Variable(np.array(3.0)), Variable(np.array(5.0))
s, d = SumAndDifference()(p, q)
z = s * s + 2.0 * d
z.backward()
assert (p.grad.data, q.grad.data) == (18.0, 14.0)

# a branching graph: the latest generation goes first
x = Variable(np.array(2.0))
a = x**2
y = a**2 + a**2
y.backward()
assert (y.data, x.grad.data, y.generation) == (32.0, 64.0, 3)

# intermediate gradients are dropped, unless retain_grad
x0, x1 = Variable(np.array(1.0)), Variable(np.array(1.0))
t = add(x0, x1)
y = add(x0, t)
y.backward()
assert y.grad is None
assert t.grad is None
x0.cleargrad()
x1.cleargrad()
y.backward(retain_grad=True)
assert (y.grad.data, t.grad.data, x0.grad.data, x1.grad.data) == (1.0, 1.0, 2.0, 1.0)

# modes
with using_config("enable_backprop", False):
    assert not Config.enable_backprop
    y = x**2
assert y.creator is None
assert Config.enable_backprop
with no_grad():
    assert (2 * x).creator is None
with dezero.test_mode():
    assert not dezero.Config.train

# the interface of an ndarray
x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), "x")
assert (x.shape, x.ndim, x.size, x.dtype, len(x), x.name) == ((2, 3), 2, 6, int, 2, "x")
assert str(x) == "variable([[1 2 3]\n          [4 5 6]])"
assert repr(Variable(np.array(1.0))) == "variable(1.0)"

# operators, with Variables, arrays and numbers on both sides
a, b, c = Variable(np.array(3.0)), Variable(np.array(2.0)), Variable(np.array(1.0))
y = (a * b + c) / 2.0 - np.array(1.0)
y = -((5.0 - y) ** 3) + np.array([2.0]) * y + 1.0 / a
y.backward()
assert isinstance(y, Variable)
assert isinstance(np.array([2.0]) * a, Variable)
assert isinstance(as_variable(np.array(1.0)), Variable)
assert as_variable(a) is a
assert isinstance(as_array(1.0), np.ndarray)

# integers
k = Variable(np.array(3))
m = k**2 + k * 4
m.backward()
assert (m.data, k.grad.data, m.dtype) == (21, 10, int)

RESULT = {"y": y.data, "ga": a.grad.data, "gb": b.grad.data, "gc": c.grad.data, "m": m.data}
