"""Types of the inputs and results of functions.

`def relu(x: Input[X]) -> X` means: with a Variable among the inputs the result is a Variable, else
an array. (To a type checker, "a Variable or an array" counts as a Variable.)
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy import ndarray

from wengert.core import Variable

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    X = TypeVar("X", Variable, ndarray, default=ndarray)
else:
    from typing import TypeVar

    X = TypeVar("X", Variable, ndarray)  # (defaults are known to Python from 3.13 on)

Input: TypeAlias = X | ndarray | np.generic | float | list[Any]
Operand: TypeAlias = Input[Variable]
