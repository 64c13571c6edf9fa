"""`Variable` and `Function` of the book's first half: `dezero.core_simple`.

Gradients are arrays here: what `grad` holds, and what `backward` receives. There are no derivatives
of derivatives. All else is as in `core`.
"""

from typing import Any

import numpy as np

from wengert import core as wengert_core
from wengert.config import no_grad as no_grad
from wengert.config import using_config as using_config
from wengert.dezero import core
from wengert.dezero.core import Config as Config
from wengert.dezero.core import as_array as as_array
from wengert.functions import arithmetic


class Variable(core.Variable):
    """An array that remembers how it was computed; its `grad` is an array, or None."""

    __slots__ = ()

    @property
    def grad(self) -> Any:
        """The gradient, an array, or None. What is assigned may have any shape."""
        return None if self._grad is None else self._grad.data

    @grad.setter
    def grad(self, value: Any) -> None:
        core.Variable.grad.fset(self, value)  # type: ignore[attr-defined]


Variable.kind = Variable


def as_variable(obj: Any) -> Any:
    """`obj` if it is a Variable, else a Variable that holds it."""
    return obj if isinstance(obj, wengert_core.Variable) else Variable(obj)


class Function(core.Function):
    """An operation: a subclass gives `forward` and `backward`, both on arrays."""

    kind = Variable

    @classmethod
    def gradient(cls, gy: Any) -> np.ndarray:
        """A gradient in the form that `backward` receives: an array."""
        return wengert_core.as_array(gy)


# fmt: off
class Add(arithmetic.Add, Function): ...
class Mul(arithmetic.Mul, Function): ...
class Neg(arithmetic.Neg, Function): ...
class Sub(arithmetic.Sub, Function): ...
class Div(arithmetic.Div, Function): ...
class Pow(arithmetic.Pow, Function): ...


def add(x0: Any, x1: Any) -> Any: return Add()(x0, x1)
def mul(x0: Any, x1: Any) -> Any: return Mul()(x0, x1)
def neg(x: Any) -> Any: return Neg()(x)
def sub(x0: Any, x1: Any) -> Any: return Sub()(x0, x1)
def rsub(x0: Any, x1: Any) -> Any: return Sub()(x1, x0)
def div(x0: Any, x1: Any) -> Any: return Div()(x0, x1)
def rdiv(x0: Any, x1: Any) -> Any: return Div()(x1, x0)
def pow(x: Any, c: Any) -> Any: return Pow(c)(x)
# fmt: on


def setup_variable() -> None:
    """Gives Variables their operators."""
    operators = {
        "__add__": add, "__radd__": add, "__mul__": mul, "__rmul__": mul, "__neg__": neg,
        "__sub__": sub, "__rsub__": rsub, "__truediv__": div, "__rtruediv__": rdiv,
        "__pow__": pow,
    }  # fmt: skip
    for name, function in operators.items():
        setattr(Variable, name, function)


setup_variable()
