"""NumPy's functions that cannot be recorded for Variables: why not, and what to write instead.

The names are those below `numpy`, such as "put" and "linalg.eig". The TypeError of a call ends with
the text. In its code, x is a Variable.
"""

from collections.abc import Callable
from typing import Any

# fmt: off
_IN_PLACE = "it writes in place, which the graph does not record"
_COMPLEX = "its result is complex in general, and Variables are real"
_PLAIN = "it makes a plain array, which the graph does not record"
_DATES = "it takes dates, and Variables hold numbers; pass an array of dates"

REFUSED: dict[str, str] = {
    # in place
    "copyto": f"{_IN_PLACE}; use np.where(where, src, x), or np.copyto(x.data, src)",
    "fill_diagonal": f"{_IN_PLACE}; use np.where(np.eye(n, dtype=bool), value, x), or "
                     f"np.fill_diagonal(x.data, value)",
    "place": f"{_IN_PLACE}; use np.where(mask, values, x), or np.place(x.data, mask, values)",
    "put": f"{_IN_PLACE}; use wg.functions.scatter_add, or np.put(x.data, indices, values)",
    "put_along_axis": f"{_IN_PLACE}; use wg.functions.scatter_add, or "
                      f"np.put_along_axis(x.data, indices, values, axis)",
    "putmask": f"{_IN_PLACE}; use np.where(mask, values, x), or np.putmask(x.data, mask, values)",
    # complex numbers
    "linalg.eig": f"{_COMPLEX}; use np.linalg.eigh for a symmetric matrix",
    "linalg.eigvals": f"{_COMPLEX}; use np.linalg.eigvalsh for a symmetric matrix",
    "roots": f"{_COMPLEX}; use np.roots(x.data), or np.linalg.eigvalsh of a symmetric matrix",
    "sort_complex": f"{_COMPLEX}; use np.sort(x)",
    # dates
    "busday_count": _DATES,
    "busday_offset": _DATES,
    "datetime_as_string": _DATES,
    "is_busday": _DATES,
    "isnat": f"{_DATES}, or use np.isnan(x) for numbers",
    # plain arrays
    "array": f"{_PLAIN}; use wg.array([x, y])",
    "asanyarray": f"{_PLAIN}; use x as it is, or x.data",
    "asarray": f"{_PLAIN}; use x as it is, or x.data",
    "asarray_chkfinite": f"{_PLAIN}; use np.isfinite(x).data.all(), and x.data",
    "ascontiguousarray": f"{_PLAIN}; use x as it is, or np.ascontiguousarray(x.data)",
    "asfortranarray": f"{_PLAIN}; use x as it is, or np.asfortranarray(x.data)",
    "asmatrix": f"{_PLAIN}; use x as it is, with @ for products",
    "bmat": f"{_PLAIN}; use np.block([[x, y]])",
    "frombuffer": f"{_PLAIN}; use np.frombuffer(x.data)",
    "fromfunction": f"{_PLAIN}; use np.indices and formulas of whole arrays",
    "fromiter": f"{_PLAIN}; use np.stack(list(iterable))",
    "frompyfunc": f"{_PLAIN}; write the formula for whole arrays",
    "require": f"{_PLAIN}; use x as it is, or np.require(x.data)",
    # iterators
    "nested_iters": "it iterates over memory; use a loop over x, or x.data",
    "nditer": "it iterates over memory; use a loop over x, or x.data",
}
# fmt: on

# The modules of NumPy that are not recorded as a whole.
MODULES: dict[str, str] = {
    "lib.scimath": f"{_COMPLEX}; use np.sqrt, np.log, np.power, … where the result is real",
    "fft": f"{_COMPLEX}; pass x.data, or multiply by matrices of np.cos and np.sin",
}


def name_of(function: Callable[..., Any]) -> str:
    """The name below `numpy`: "median", "linalg.svd"."""
    module = getattr(function, "__module__", None) or "numpy"
    name = getattr(function, "__name__", type(function).__name__)
    return f"{module}.{name}".removeprefix("numpy.")


def hint(function: Callable[..., Any]) -> str:
    """Why this function of NumPy is not recorded, and what to write instead; "" for others."""
    name = name_of(function)
    if name in REFUSED:
        return REFUSED[name]
    return next((why for module, why in MODULES.items() if name.startswith(f"{module}.")), "")
