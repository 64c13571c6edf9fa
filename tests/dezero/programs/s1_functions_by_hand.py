"""Stage 1: user-defined functions, and their gradients by hand and by backward()."""

import numpy as np

from dezero import Function, Variable, as_array


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.inputs[0].data
        return 2 * x * gy


class Exp(Function):
    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.inputs[0].data
        gx = np.exp(x) * gy.data
        return Variable(as_array(gx))


def numerical_diff(f, x, eps=1e-4):
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def f(x):
    return Square()(Exp()(Square()(x)))


x = Variable(np.array(0.5))
A, B, C = Square(), Exp(), Square()
a = A(x)
b = B(a)
y = C(b)

# by hand, in reverse order
y.grad = Variable(np.array(1.0))
b.grad = C.backward(y.grad)
a.grad = B.backward(b.grad)
x.grad = A.backward(a.grad)
by_hand = x.grad.data

assert y.creator is C
assert y.creator.inputs[0] is b
assert C.outputs[0]() is y
assert (x.generation, a.generation, b.generation, y.generation) == (0, 1, 2, 3)

# by backward()
x, a, b = (Variable(v.data) for v in (x, a, b))
y = f(x)
y.backward()
assert np.allclose(x.grad.data, by_hand)
assert np.allclose(x.grad.data, 3.297442541400256)
assert np.allclose(numerical_diff(f, x), x.grad.data)

refused = []
for wrong in (1.0, [1.0, 2.0], "x", (1,)):
    try:
        Variable(wrong)
    except TypeError:
        refused.append(wrong)
assert len(refused) == 4

empty = Variable(None)
assert empty.data is None
assert repr(empty) == "variable(None)"

RESULT = {"y": y.data, "gx": x.grad.data, "by hand": by_hand}
