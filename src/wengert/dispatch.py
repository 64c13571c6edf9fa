"""Dispatch: which Function computes a NumPy function or a Python operator on Variables.

NumPy lets the class of an argument handle a call (`__array_ufunc__`, NEP 13, and
`__array_function__`, NEP 18). Variable does so: `np.exp(x)` runs the Function registered for
`np.exp`. So formulas are plain NumPy, and the types of the arguments decide.
"""

import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeAlias, TypeVar

import numpy
from numpy import ndarray, ufunc

from wengert import calls, hints, refusals
from wengert.config import conversions

Axis: TypeAlias = int | tuple[int, ...] | None
DType: TypeAlias = numpy.dtype[Any]
T = TypeVar("T", bound=Callable[..., Any])
Variable = TypeVar("Variable")  # the class whose methods these are: core.Variable, above this file

# NumPy's stubs do not say that its functions, called on Variables, give Variables.
np: Any = numpy
# mypy: disable-error-code="no-any-return"

# np.sin -> Sin: the Function class of each ufunc, entered when a class declares its `ufunc`.
ufuncs: dict[ufunc, Any] = {}

# The same classes by name, for Python's operators, because a look-up in `ufuncs` takes longer;
# functions/arithmetic.py sets them.
Add: Any = None
Sub: Any = None
Mul: Any = None
Div: Any = None
Neg: Any = None
Pos: Any = None

# np.sum -> functions.sum: NumPy's other functions, and Python's operator.getitem.
implementations: dict[Callable[..., Any], Callable[..., Any]] = {}

# Those of them whose results are constants, because they are piecewise constant or no numbers.
constants: set[Callable[..., Any]] = set()


def implements(*numpy_functions: Callable[..., Any], constant: bool = False) -> Callable[[T], T]:
    """Decorator: NumPy's `numpy_functions` call the decorated function for Variables.

    `constant` says that its results are constants or plain values.
    """

    def register(function: T) -> T:
        for numpy_function in numpy_functions:
            implementations[numpy_function] = function
            if constant:
                constants.add(numpy_function)
        return function

    return register


# np.sum -> the same with all options of NumPy's, for calls that do not fit the usual one.
full_forms: dict[Callable[..., Any], Callable[..., Any]] = {}


def in_full(*numpy_functions: Callable[..., Any]) -> Callable[[T], T]:
    """Decorator: calls of `numpy_functions` with rarer options call the decorated function."""

    def register(function: T) -> T:
        for numpy_function in numpy_functions:
            full_forms[numpy_function] = function
        return function

    return register


def import_rest() -> Any:
    """Imports the implementations that few programs use; functions/__init__.py sets it."""


def ufunc_call(ufunc: ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Calls of ufuncs with options, and of their methods; functions/of_numpy sets it."""
    raise NotImplementedError


def kind_of(numpy_function: Callable[..., Any]) -> str:
    """What this function of NumPy gives for Variables.

    "recorded": the result is recorded and has derivatives; "constant": it is a constant or a plain
    value; "refused": there is a TypeError, which ends with `refusals.hint(numpy_function)`; "": it
    is not registered here.
    """
    if numpy_function in constants:
        return "constant"
    if numpy_function in implementations:
        return "recorded"
    if isinstance(numpy_function, ufunc) and numpy_function in ufuncs:
        return "recorded" if ufuncs[numpy_function].differentiable else "constant"
    return "refused" if refusals.hint(numpy_function) else ""


@hints.answers(hints.VARIABLE)
class ArrayMethods(Generic[Variable]):
    """The interface of an ndarray, for Variable: attributes, methods, operators, NumPy's functions.

    A method or operator calls the NumPy function of its name, which is dispatched to a Function.
    """

    __slots__ = ()

    data: ndarray
    name: str | None
    creator: Any
    _data: ndarray
    _grad: Any

    # fmt: off
    @property
    def shape(self) -> tuple[int, ...]: return self._data.shape
    @property
    def ndim(self) -> int: return self._data.ndim
    @property
    def size(self) -> int: return self._data.size
    @property
    def dtype(self) -> DType: return self._data.dtype
    @property
    def nbytes(self) -> int: return self._data.nbytes
    @property
    def itemsize(self) -> int: return self._data.itemsize
    @property
    def T(self) -> Variable: return np.transpose(self)  # noqa: N802
    @property
    def mT(self) -> Variable: return np.swapaxes(self, -1, -2)  # noqa: N802
    @property
    def real(self) -> Variable: return np.real(self)
    @property
    def imag(self) -> Variable: return np.imag(self)

    def numpy(self) -> ndarray: return self.data
    def tolist(self) -> Any: return self.data.tolist()
    def __float__(self) -> float:
        for observe in conversions.get():
            observe(self)
        return float(self.item())
    def __int__(self) -> int: return int(self.item())
    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ValueError(
                f"Variable: got shape {self.shape}, needed one element to be true or false; use "
                f"np.all(x), np.any(x) or x.size, and `is` to find a Variable in a list"
            )
        return bool(self._data)
    def __index__(self) -> int: return operator.index(self.item())
    def __round__(self, decimals: int | None = None) -> Variable:
        return np.round(self, decimals or 0)
    def __str__(self) -> str: return str(self.data)
    def __format__(self, spec: str) -> str: return format(self.item(), spec) if spec else str(self)

    def conj(self) -> Variable: return np.conjugate(self)
    def conjugate(self) -> Variable: return np.conjugate(self)
    def copy(self, order: str = "C") -> Variable: return Pos()(self)
    def astype(self, dtype: Any, *, copy: bool = True) -> Variable:
        return implementations[ndarray.astype](self, dtype)
    def reshape(self, *shape: Any, order: str = "C") -> Variable:
        sizes = shape[0] if len(shape) == 1 else shape
        return np.reshape(self, sizes) if order == "C" else np.reshape(self, sizes, order=order)
    def transpose(self, *axes: Any) -> Variable:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)
    def swapaxes(self, axis1: int, axis2: int) -> Variable:
        return np.swapaxes(self, axis1, axis2)
    def squeeze(self, axis: Axis = None) -> Variable: return np.squeeze(self, axis)
    def flatten(self, order: str = "C") -> Variable: return self.reshape(-1, order=order)
    def ravel(self, order: str = "C") -> Variable: return self.reshape(-1, order=order)
    def repeat(self, repeats: Any, axis: int | None = None) -> Variable:
        return np.repeat(self, repeats, axis)
    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Variable:
        return np.diagonal(self, offset, axis1, axis2)
    def trace(
        self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None
    ) -> Variable:
        return np.trace(self, offset, axis1, axis2, **_given(dtype=dtype))
    def dot(self, other: Any) -> Variable: return np.dot(self, other)
    def clip(
        self, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None
    ) -> Variable:
        return np.clip(self, low, high, min=min, max=max)
    def round(self, decimals: int = 0) -> Variable: return np.round(self, decimals)
    def cumsum(self, axis: int | None = None, dtype: Any = None) -> Variable:
        return np.cumsum(self, axis) if dtype is None else np.cumsum(self, axis, dtype)
    def cumprod(self, axis: int | None = None, dtype: Any = None) -> Variable:
        return np.cumprod(self, axis, dtype)
    def take(self, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Variable:
        return np.take(self, indices, axis, **({} if mode == "raise" else {"mode": mode}))
    def compress(self, condition: Any, axis: int | None = None) -> Variable:
        return np.compress(condition, self, axis)
    def choose(self, choices: Any, *, mode: str = "raise") -> Variable:
        return np.choose(self, choices, mode=mode)
    def nonzero(self) -> tuple[Variable, ...]: return np.nonzero(self)
    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Variable:
        return np.searchsorted(self, v, side, sorter)
    def sort(self, axis: int | None = -1) -> Variable: return np.sort(self, axis)
    def argsort(self, axis: int | None = -1) -> Variable: return np.argsort(self, axis)
    def partition(self, kth: Any, axis: int | None = -1) -> Variable:
        return np.partition(self, kth, axis)
    def argpartition(self, kth: Any, axis: int | None = -1) -> Variable:
        return np.argpartition(self, kth, axis)
    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Variable:
        return np.argmax(self, axis, keepdims=keepdims)
    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Variable:
        return np.argmin(self, axis, keepdims=keepdims)
    def any(
        self, axis: Axis = None, *, keepdims: bool = False, where: Any = None
    ) -> Variable:
        if where is None:
            return np.any(self, axis=axis, keepdims=keepdims)
        options = _given(where=where)
        return np.any(self, axis=axis, keepdims=keepdims, **options)
    def all(
        self, axis: Axis = None, *, keepdims: bool = False, where: Any = None
    ) -> Variable:
        if where is None:
            return np.all(self, axis=axis, keepdims=keepdims)
        options = _given(where=where)
        return np.all(self, axis=axis, keepdims=keepdims, **options)
    def sum(
        self, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False,
        initial: Any = None, where: Any = None
    ) -> Variable:
        if dtype is initial is where is None:
            return np.sum(self, axis=axis, keepdims=keepdims)
        options = _given(dtype=dtype, initial=initial, where=where)
        return np.sum(self, axis=axis, keepdims=keepdims, **options)
    def prod(
        self, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False,
        initial: Any = None, where: Any = None
    ) -> Variable:
        if dtype is initial is where is None:
            return np.prod(self, axis=axis, keepdims=keepdims)
        options = _given(dtype=dtype, initial=initial, where=where)
        return np.prod(self, axis=axis, keepdims=keepdims, **options)
    def mean(
        self, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = None
    ) -> Variable:
        if dtype is where is None:
            return np.mean(self, axis=axis, keepdims=keepdims)
        options = _given(dtype=dtype, where=where)
        return np.mean(self, axis=axis, keepdims=keepdims, **options)
    def var(
        self, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False,
        where: Any = None, mean: Any = None, correction: float | None = None
    ) -> Variable:
        if dtype is where is mean is correction is None:
            return np.var(self, axis=axis, ddof=ddof, keepdims=keepdims)
        options = _given(dtype=dtype, where=where, mean=mean, correction=correction)
        return np.var(self, axis=axis, ddof=ddof, keepdims=keepdims, **options)
    def std(
        self, axis: Axis = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False,
        where: Any = None, mean: Any = None, correction: float | None = None
    ) -> Variable:
        if dtype is where is mean is correction is None:
            return np.std(self, axis=axis, ddof=ddof, keepdims=keepdims)
        options = _given(dtype=dtype, where=where, mean=mean, correction=correction)
        return np.std(self, axis=axis, ddof=ddof, keepdims=keepdims, **options)
    def max(
        self, axis: Axis = None, *, keepdims: bool = False, initial: Any = None,
        where: Any = None
    ) -> Variable:
        if initial is where is None:
            return np.max(self, axis=axis, keepdims=keepdims)
        options = _given(initial=initial, where=where)
        return np.max(self, axis=axis, keepdims=keepdims, **options)
    def min(
        self, axis: Axis = None, *, keepdims: bool = False, initial: Any = None,
        where: Any = None
    ) -> Variable:
        if initial is where is None:
            return np.min(self, axis=axis, keepdims=keepdims)
        options = _given(initial=initial, where=where)
        return np.min(self, axis=axis, keepdims=keepdims, **options)
    # fmt: on

    def item(self) -> Any:
        """The one element, as a Python number."""
        if self.size != 1:
            raise ValueError(
                f"Variable: got shape {self.shape}, needed one element to make a Python number or "
                f"boolean; use an index, np.sum(x), or x.data"
            )
        return self.data.item()

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("Variable: a 0-d Variable has no length and cannot be iterated over")
        return len(self.data)

    def __iter__(self) -> Iterator[Variable]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Variable:
        return implementations[operator.getitem](self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError(
            "Variable: x[...] = value would change what the graph has recorded; "
            "use np.where or wg.functions.concatenate, or write to the array: x.data[...] = value"
        )

    def __contains__(self, value: object) -> bool:
        raise TypeError("Variable: `value in x` is not defined; use np.any(x.data == value)")

    def __array__(self, *args: Any, **kwargs: Any) -> ndarray:
        raise TypeError(
            "Variable: NumPy asked for a plain array, which would not be recorded; for an array of "
            "Variables use wg.array([x, y]) or np.stack([x, y]); for a method of an array, such as "
            "a.dot(x), use np.dot(a, x); to leave the graph, pass x.data"
        )

    def __repr__(self) -> str:
        prefix = type(self).__name__ + "("
        parts = [np.array2string(self.data, separator=", ", prefix=prefix)]
        if self.ndim > 1 or self.size > 10:
            parts.append(f"shape={self.shape}")
        if self.data.dtype != np.float64:
            parts.append(f"dtype={self.dtype}")
        if self.name is not None:
            parts.append(f"name={self.name!r}")
        if self.creator is not None:
            parts.append(f"creator={type(self.creator).__name__}")
        return prefix + ", ".join(parts) + ")"

    def __getstate__(self) -> Any:
        """The state for copies and pickles; of the gradient, only the value."""
        if self.creator is not None:
            raise RuntimeError(
                f"Variable: only leaves can be copied or pickled, and this was computed by "
                f"{type(self.creator).__name__}; use x.detach(), or x.copy() to stay in the graph"
            )
        state: Any = super().__getstate__()
        attributes, slots = state
        grad = None if self._grad is None else self._grad.detach()
        return attributes, {**slots, "_grad": grad}

    # -- NumPy's functions and Python's operators --

    __hash__ = object.__hash__  # of the node: Variables are keys and elements of sets

    def __array_ufunc__(self, ufunc: ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            if ufunc in implementations:
                return implementations[ufunc](*inputs)
            if ufunc in ufuncs:
                return ufuncs[ufunc]()(*inputs)
        import_rest()
        return ufunc_call(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        recorded = implementations.get(function) or _late(function)
        try:
            return recorded(*args, **kwargs)
        except TypeError as error:
            import_rest()
            full = full_forms.get(function, recorded)
            return calls.call_as_numpy(function, recorded, full, args, kwargs, error)

    # fmt: off
    def __pos__(self) -> Variable: return Pos()(self)
    def __neg__(self) -> Variable: return Neg()(self)
    def __abs__(self) -> Variable: return np.absolute(self)
    def __invert__(self) -> Variable: return np.invert(self)
    def __add__(self, other: Any) -> Variable: return Add().__call__(self, other)
    def __radd__(self, other: Any) -> Variable: return Add()(other, self)
    def __sub__(self, other: Any) -> Variable: return Sub().__call__(self, other)
    def __rsub__(self, other: Any) -> Variable: return Sub()(other, self)
    def __mul__(self, other: Any) -> Variable: return Mul().__call__(self, other)
    def __rmul__(self, other: Any) -> Variable: return Mul()(other, self)
    def __truediv__(self, other: Any) -> Variable: return Div().__call__(self, other)
    def __rtruediv__(self, other: Any) -> Variable: return Div()(other, self)
    def __pow__(self, other: Any) -> Variable: return np.power(self, other)
    def __rpow__(self, other: Any) -> Variable: return np.power(other, self)
    def __floordiv__(self, other: Any) -> Variable: return np.floor_divide(self, other)
    def __rfloordiv__(self, other: Any) -> Variable: return np.floor_divide(other, self)
    def __mod__(self, other: Any) -> Variable: return np.remainder(self, other)
    def __rmod__(self, other: Any) -> Variable: return np.remainder(other, self)
    def __divmod__(self, other: Any) -> tuple[Variable, Variable]:
        return self // other, self % other
    def __rdivmod__(self, other: Any) -> tuple[Variable, Variable]:
        return other // self, other % self
    def __matmul__(self, other: Any) -> Variable: return np.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Variable: return np.matmul(other, self)
    def __eq__(self, other: Any) -> Variable:  # type: ignore[override]
        return ufuncs[np.equal]()(self, other) if _has_values(other) else NotImplemented
    def __ne__(self, other: Any) -> Variable:  # type: ignore[override]
        return ufuncs[np.not_equal]()(self, other) if _has_values(other) else NotImplemented
    def __lt__(self, other: Any) -> Variable: return ufuncs[np.less]()(self, other)
    def __le__(self, other: Any) -> Variable: return ufuncs[np.less_equal]()(self, other)
    def __gt__(self, other: Any) -> Variable: return ufuncs[np.greater]()(self, other)
    def __ge__(self, other: Any) -> Variable: return ufuncs[np.greater_equal]()(self, other)
    def __and__(self, other: Any) -> Variable: return np.bitwise_and(self, other)
    def __rand__(self, other: Any) -> Variable: return np.bitwise_and(other, self)
    def __or__(self, other: Any) -> Variable: return np.bitwise_or(self, other)
    def __ror__(self, other: Any) -> Variable: return np.bitwise_or(other, self)
    def __lshift__(self, other: Any) -> Variable: return np.left_shift(self, other)
    def __rlshift__(self, other: Any) -> Variable: return np.left_shift(other, self)
    def __rshift__(self, other: Any) -> Variable: return np.right_shift(self, other)
    def __rrshift__(self, other: Any) -> Variable: return np.right_shift(other, self)
    def __xor__(self, other: Any) -> Variable: return np.bitwise_xor(self, other)
    def __rxor__(self, other: Any) -> Variable: return np.bitwise_xor(other, self)
    # fmt: on


def _has_values(x: Any) -> bool:
    """Whether `x` can be compared with an array element by element: numbers, not None or text."""
    return isinstance(x, _NUMERIC) or hasattr(x, "__array_function__")


_NUMERIC = (ArrayMethods, ndarray, numpy.number, numpy.bool_, float, int, list, tuple)


def _given(**options: Any) -> dict[str, Any]:
    """The options that are not None: the usual call has none."""
    return {name: value for name, value in options.items() if value is not None}


def _late(function: Callable[..., Any]) -> Callable[..., Any]:
    """The implementation of a function that few programs use, imported when one is called.

    Raises:
        TypeError: the function is not recorded.
    """
    import_rest()
    if function not in implementations:
        calls.refuse(function)
    return implementations[function]


for _name, _method in vars(ArrayMethods).items():
    if inspect.isfunction(_method):  # so that Python's errors name Variable.sum()
        _method.__qualname__ = f"Variable.{_name}"
