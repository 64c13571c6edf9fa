"""Functions on Variables: `import wengert.functions as F`.

Arrays in, arrays out; with any Variable among the inputs, Variables out, recorded.
"""

import functools
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert import dispatch, hints
from wengert.functions.activation import *
from wengert.functions.arithmetic import *
from wengert.functions.attention import *
from wengert.functions.binary import *
from wengert.functions.cell import *
from wengert.functions.conv import *
from wengert.functions.create import *
from wengert.functions.cumulative import *
from wengert.functions.decompose import *
from wengert.functions.distance import *
from wengert.functions.dropout import *
from wengert.functions.einsum import *
from wengert.functions.embedding import *
from wengert.functions.gaussian import *
from wengert.functions.index import *
from wengert.functions.interpolate import *
from wengert.functions.inverse import *
from wengert.functions.join import *
from wengert.functions.leastsquares import *
from wengert.functions.linalg import *
from wengert.functions.logic import *
from wengert.functions.loss import *
from wengert.functions.math import *
from wengert.functions.metrics import *
from wengert.functions.normalization import *
from wengert.functions.norms import *
from wengert.functions.piecewise import *
from wengert.functions.pool import *
from wengert.functions.position import *
from wengert.functions.recurrent import *
from wengert.functions.reduce import *
from wengert.functions.select import *
from wengert.functions.shape import *
from wengert.functions.special import *
from wengert.functions.trigonometry import *
from wengert.names import public

# NumPy's other functions, which are recorded too, are imported when one of them is called.
dispatch.import_rest = functools.partial(importlib.import_module, f"{__name__}.of_numpy")

__all__, __dir__ = public(globals())

if not TYPE_CHECKING:  # (a type checker would accept every name)
    _hint = hints.of_module(__name__, hints.FUNCTIONS)

    def __getattr__(name: str) -> Any:
        function = None if name in hints.FUNCTIONS else getattr(np, name, None)
        if callable(function):
            dispatch.import_rest()
            if dispatch.kind_of(function) in ("recorded", "constant"):
                raise AttributeError(f"{__name__} has no {name!r}; here: np.{name}(x)")
        return _hint(name)
