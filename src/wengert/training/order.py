"""The order of outputs and targets: (y, t) here, the reverse in scikit-learn and Keras."""

import inspect
from collections.abc import Callable
from typing import Any


def outputs_first(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """The function, to be called with (y, t), also if it is one of (y_true, y_pred)."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a function in C without a signature
        return function
    if names[:1] != ["y_true"]:
        return function
    return lambda y, t: function(t, y)
