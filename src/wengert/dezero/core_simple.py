"""`Variable` and `Function` of the first half of the book: `dezero.core_simple`.

Gradients are arrays here: the value of `grad`, and the argument of `backward`. There are no higher
derivatives. The operators are those of `core`, whose results have the class of their inputs.
"""

from typing import Any

import numpy as np

from wengert import core as wengert_core
from wengert.arrays import as_array as array_of
from wengert.config import no_grad as no_grad
from wengert.config import using_config as using_config
from wengert.dezero import core
from wengert.dezero.core import Add as Add
from wengert.dezero.core import Config as Config
from wengert.dezero.core import Div as Div
from wengert.dezero.core import Mul as Mul
from wengert.dezero.core import Neg as Neg
from wengert.dezero.core import Pow as Pow
from wengert.dezero.core import Sub as Sub
from wengert.dezero.core import add as add
from wengert.dezero.core import as_array as as_array
from wengert.dezero.core import div as div
from wengert.dezero.core import mul as mul
from wengert.dezero.core import neg as neg
from wengert.dezero.core import pow as pow
from wengert.dezero.core import rdiv as rdiv
from wengert.dezero.core import rsub as rsub
from wengert.dezero.core import setup_variable as setup_variable
from wengert.dezero.core import sub as sub
from wengert.names import public


class Variable(core.Variable):
    """An array with the record of its computation; its `grad` is an array, or None."""

    __slots__ = ()

    @property
    def grad(self):
        """The gradient, an array, or None. An assigned value may have any shape."""
        return None if self._grad is None else self._grad.data

    @grad.setter
    def grad(self, value: Any) -> None:
        core.Variable.grad.fset(self, value)  # type: ignore[attr-defined]


Variable.kind = Variable


def as_variable(obj):
    """`obj` if it is a Variable, else a Variable with this value."""
    return obj if isinstance(obj, wengert_core.Variable) else Variable(obj)


class Function(core.Function):
    """An operation: a subclass defines `forward` and `backward`, both on arrays."""

    kind = Variable

    @classmethod
    def gradient(cls, gy: Any) -> np.ndarray:
        """The gradient as `backward` receives it: an array."""
        return array_of(gy)


__all__, __dir__ = public(globals(), exports=True)
