"""The types of inputs and results.

`def linear(x: Input[X], W: Input[X], b: Input[X] | None = None) -> X` says: if an input is a
Variable, the result is a Variable; if all are arrays, numbers or lists, it is an array.

To type checkers, an input that may be a Variable or an array is a Variable. Of `np.sin(x)` they
know only what NumPy's stubs say, which is an array; `F.sin(x)` has the right type.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy import ndarray

from wengert.core import Variable

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    class Array(ndarray):
        """An ndarray that a function returns.

        (If X were Variable or ndarray, Pyright would take it from the first input alone: an array
        would make it ndarray, and a Variable beside it an error.)
        """

    X = TypeVar("X", Variable, Array, default=Array)
else:
    from typing import TypeVar

    Array = ndarray
    X = TypeVar("X", Variable, Array)  # (defaults are known to Python from 3.13 on)

Plain: TypeAlias = Array | ndarray | np.generic | float | list[Any]
Input: TypeAlias = X | Plain
Operand: TypeAlias = Variable | Plain
