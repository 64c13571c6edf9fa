"""wengert: a define-by-run deep learning framework one can read.

import numpy as np
import wengert as wg

x = wg.Variable(np.array(2.0))
y = x**4 - 2 * x**2
y.backward()
print(x.grad)  # 24.0
"""

from typing import TYPE_CHECKING, Any

from wengert import functions as functions
from wengert import graph as graph
from wengert import hints as _hints
from wengert import random as random
from wengert.arrays import as_array as as_array
from wengert.autodiff import grad as grad
from wengert.autodiff import hessian as hessian
from wengert.autodiff import hvp as hvp
from wengert.autodiff import jacobian as jacobian
from wengert.autodiff import jvp as jvp
from wengert.autodiff import value_and_grad as value_and_grad
from wengert.autodiff import vjp as vjp
from wengert.config import config as config
from wengert.config import hook as hook
from wengert.config import no_grad as no_grad
from wengert.config import test_mode as test_mode
from wengert.config import trace as trace
from wengert.config import using_config as using_config
from wengert.core import Function as Function
from wengert.core import Parameter as Parameter
from wengert.core import Variable as Variable
from wengert.core import as_variable as as_variable
from wengert.debug import debug as debug
from wengert.functions import array as array
from wengert.graph import Graph as Graph
from wengert.graph import steps_back as steps_back
from wengert.names import public
from wengert.random import seed as seed
from wengert.recompute import checkpoint as checkpoint
from wengert.recompute import recompute as recompute
from wengert.walk import backward as backward
from wengert.walk import wengert_list as wengert_list

if TYPE_CHECKING:
    from wengert import data as data
    from wengert import initializers as initializers
    from wengert import io as io
    from wengert import layers as layers
    from wengert import models as models
    from wengert import optimizers as optimizers
    from wengert import schedules as schedules
    from wengert import sklearn as sklearn
    from wengert import testing as testing
    from wengert import training as training
    from wengert import viz as viz

__version__ = "0.1.0"

# Imported when they are first used, which keeps `import wengert` fast.
_LAZY_MODULES = (
    "data", "initializers", "io", "layers", "models", "optimizers", "schedules", "testing",
    "training", "viz",
)  # fmt: skip


if not TYPE_CHECKING:  # (a type checker would accept every name)
    _hint = _hints.of_module(__name__, _hints.WENGERT)

    def __getattr__(name: str) -> Any:
        if name in _LAZY_MODULES or name == "sklearn":  # which needs another package
            from importlib import import_module

            return import_module(f"wengert.{name}")
        if name not in _hints.WENGERT and name in functions.__all__:
            raise AttributeError(f"wengert has no {name!r}; here: wg.functions.{name}")
        return _hint(name)


__all__, __dir__ = public(globals(), "functions", "graph", "random", "__version__", *_LAZY_MODULES)
