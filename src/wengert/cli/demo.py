"""`wengert demo`: y = (exp(x²))², forward and backward, one step at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.core import Function, Variable


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return 2 * x * gy


class Exp(Function):
    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return np.exp(x) * gy


# The formula of each Function and of its derivative.
FORMULAS = {Square: ("{}²", "2 × {}"), Exp: ("exp({})", "exp({})")}


PROGRAM = """\
y = (exp(x²))², one step at a time

The program: Square and Exp are Functions, with a forward and a backward
    A, B, C = Square(), Exp(), Square()
    x = Variable(np.array(0.5))
    a = A(x)
    b = B(a)
    y = C(b)
"""


def story() -> Iterator[str]:
    """Runs the program and describes each step, line by line."""
    A, B, C = Square(), Exp(), Square()
    x = Variable(np.array(0.5), name="x")
    a = A(x)
    b = B(a)
    y = C(b)
    a.name, b.name, y.name = "a", "b", "y"
    names = {A: "A", B: "B", C: "C"}

    yield from PROGRAM.splitlines()
    yield ""
    yield "Forward: each Function computes a Variable, which keeps its creator"
    yield f"    x          = {x}"
    for v in (a, b, y):
        f: Any = v.creator
        step = f"    {v.name} = {FORMULAS[type(f)][0].format(f.input.name):<6} = {v}"
        yield f"{step:<38}{v.name}.creator is {names[f]}, {names[f]}.input is {f.input.name}"

    yield ""
    yield "Backward: each creator computes the gradient of its input from that of its output"
    y.grad = np.array(1.0)
    yield f"    dy/dy = {y.grad}"
    v = y
    while v.creator is not None:
        f = v.creator
        u = f.input
        u.grad = f.backward(v.grad)
        slope = FORMULAS[type(f)][1]
        yield f"    dy/d{u.name} = {slope.format(u.name)} × dy/d{v.name}"
        yield f"          = {slope.format(u)} × {v.grad} = {u.grad}"
        v = u

    yield ""
    yield "Automatically: y.backward() does the same"
    x.cleargrad()
    y = C(B(A(x)))
    y.backward()
    yield f"    x.grad = {x.grad}"
