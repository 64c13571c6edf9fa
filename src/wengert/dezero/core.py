"""`Variable` and `Function` with the interface of the book: `dezero.core`.

The graph, the backward pass and all formulas are those of wengert. This file adds the behaviour in
which the book differs: calls accept plain arrays and always return Variables, `backward` of a
user's Function receives Variables, `grad` may have any shape, `data` may be None, and a Variable
prints as `variable(2.0)`.

Functions of wengert create instances of `core.Variable`. A second object for the same value would
be a second node of the graph, unknown to the record of its Function. So these instances are not
wrapped: `of_kind` and `adopted` assign the book's class to their `__class__`. Python allows this
because the book's classes add no slots. `making` does it for all outputs within a `with` block.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from wengert import arrays, core
from wengert.config import config, hooks
from wengert.config import no_grad as no_grad
from wengert.config import test_mode as test_mode
from wengert.config import using_config as using_config
from wengert.dezero.cuda import as_cupy, as_numpy
from wengert.functions import arithmetic
from wengert.names import public

Config = config  # in the book, one object for all threads; here, the modes of the current thread
array_types = (np.ndarray,)

# ---- Variable ----


class Variable(core.Variable):
    """An array with the record of its computation.

    Args:
        data: an ndarray, or None if it is set later.
        name: shown in pictures of the graph.

    Raises:
        TypeError: data is not an ndarray.
    """

    __slots__ = ()
    kind: ClassVar[type["Variable"]]  # the class of results: Variable also for a Parameter

    def __init__(self, data: Any, name: str | None = None, requires_grad: bool = True) -> None:
        if data is not None and not isinstance(data, array_types):
            raise TypeError(
                f"Variable: {type(data)} is not supported; needed an ndarray or None: "
                f"use Variable(np.array(...))"
            )
        super().__init__(np.empty(0) if data is None else data, name, requires_grad)
        if data is None:
            self.data = None

    @property
    def data(self):
        """The value, an array that may be changed in place or replaced, or None."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        self._data = None if value is None else arrays.as_array(value)  # type: ignore[assignment]

    @property
    def grad(self):
        """The gradient, a Variable, or None. An assigned value may have any shape."""
        if type(self._grad) is core.Variable:
            self._grad = adopted(self._grad, self.kind)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None and not isinstance(value, core.Variable):
            value = self.kind(arrays.as_array(value))
        if value is not None and self.data is not None and value.shape == self.shape:
            core.Variable.grad.fset(self, value)  # type: ignore[attr-defined]
        else:
            self._grad = value

    def backward(
        self,
        retain_grad: bool = False,
        create_graph: bool = False,
        grad: Any = None,
        *,
        retain_graph: bool = True,
        **unknown: Any,
    ) -> None:
        """Adds the gradient of this Variable to `grad` of each leaf: see `wengert.Variable`.

        The initial gradient is `self.grad`, reshaped or broadcast to the shape of this Variable, or
        ones. It is cleared afterwards, unless `retain_grad`.
        """
        if grad is None and self.creator is not None:
            grad = self.grad
        if grad is not None and (given := arrays.as_array(grad)).shape != self.shape:
            fit = np.reshape if given.size == self.size else np.broadcast_to
            grad = fit(grad, self.shape)
        with making(self.kind):
            super().backward(retain_grad, create_graph, grad, retain_graph=retain_graph, **unknown)
        if self.creator is not None and not retain_grad:
            self.cleargrad()

    def sum(  # type: ignore[override]
        self, axis: Any = None, keepdims: bool = False
    ) -> Any:
        """The sum along an axis, several axes (a tuple), or all axes."""
        return np.sum(self, axis=axis, keepdims=keepdims)

    def to_cpu(self) -> None:
        """Moves the value to the CPU, where it already is."""
        if self.data is not None:
            self.data = as_numpy(self.data)

    def to_gpu(self) -> None:
        """Moves the value to the GPU, if CuPy is installed: see `cuda`."""
        if self.data is not None:
            self.data = as_cupy(self.data)

    def __call__(self) -> "Variable":
        """Itself: in the book, outputs are weak references, used as `f.outputs[0]()`."""
        return self

    def __repr__(self) -> str:
        return "variable(" + str(self.data).replace("\n", "\n" + " " * 9) + ")"

    __str__ = __repr__

    # The book defines no comparison: two Variables are equal if they are the same object.
    __hash__ = core.Variable.__hash__

    def __eq__(self, other: Any) -> Any:
        return self is other

    def __ne__(self, other: Any) -> Any:
        return self is not other

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.keys() == {"out"} and not isinstance(kwargs["out"][0], core.Variable):
            # x.data -= lr * x.grad: the output is an array, so compute with arrays
            return getattr(ufunc, method)(*map(_plain, inputs), **kwargs)
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)


class Parameter(Variable, core.Parameter):
    """A Variable that optimizers update and layers collect."""

    __slots__ = ()


Variable.kind = Variable


def of_kind(x: core.Variable, kind: type[Variable]) -> Any:
    """x; if it is a Variable of the core, its class is changed to `kind`."""
    if type(x) is core.Variable:
        x.__class__ = kind
    return x


def adopted(x: core.Variable, kind: type[Variable]) -> Variable:
    """x, a new Variable of the core: its class is changed to `kind`, and it requires a gradient."""
    x.__class__ = kind
    x.requires_grad = True
    return x  # type: ignore[return-value]


@contextmanager
def making(kind: type[Variable]) -> Iterator[None]:
    """In a `with` block, outputs of wengert's Functions are of class `kind`."""

    def observe(function: core.Function, inputs: Any, outputs: tuple[core.Variable, ...]) -> None:
        for y in outputs:
            of_kind(y, kind)

    token = hooks.set((*hooks.get(), observe))
    try:
        yield
    finally:
        hooks.reset(token)


def _making(name: str) -> Any:
    """The method of that name, with Variables of the book as results."""
    method = getattr(Variable, name)

    @functools.wraps(method)
    def making_method(self: Variable, *args: Any, **options: Any) -> Any:
        with making(self.kind):
            return method(self, *args, **options)

    return making_method


# All other methods and operators call one of these.
for _name in (
    "__array_ufunc__", "__array_function__", "__getitem__", "__lt__", "__le__", "__gt__", "__ge__",
    "__pos__", "astype", "copy",
):  # fmt: skip
    setattr(Variable, _name, _making(_name))


def as_variable(obj):
    """`obj` if it is a Variable, else a Variable with this value."""
    return obj if isinstance(obj, core.Variable) else Variable(obj)


def as_array(x, array_module=np):
    """A number as an array; other values are returned unchanged."""
    return array_module.array(x) if np.isscalar(x) else x


def _plain(x):
    return x.data if isinstance(x, core.Variable) else x


# ---- Function ----


class Function(core.Function):
    """An operation: a subclass defines `forward`, on arrays, and `backward`, on Variables.

    A call takes Variables and arrays, and returns a Variable, or a list of Variables.
    """

    kind: type[Variable] = Variable  # class of the outputs: that of the first Variable, if any

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "backward" in cls.__dict__:
            setattr(cls, "backward", _on_gradients(cls.backward))  # noqa: B010

    def __call__(self, *inputs):
        given = [x for x in inputs if isinstance(x, core.Variable)]
        if given:
            self.kind = getattr(given[0], "kind", self.kind)
        kind = self.kind
        y = super().__call__(
            *[
                x if isinstance(x, core.Variable) or (given and np.isscalar(x))
                # together with a Variable, an array is a constant: it needs no gradient
                else kind(x, requires_grad=not given)
                for x in inputs
            ]
        )  # fmt: skip
        ys = [adopted(v, kind) for v in (y if type(y) is tuple else (y,))]
        return ys if len(ys) > 1 else ys[0]

    @property
    def inputs(self):
        """The Variables of the call: `self.inputs[0].data`."""
        return [of_kind(x, self.kind) for x in super().inputs]

    @property
    def outputs(self):
        """The Variables that the call returned: `self.outputs[0]()`, or without `()`."""
        return [of_kind(y, self.kind) for y in super().outputs]

    @classmethod
    def gradient(cls, gy):
        """The gradient as `backward` receives it: a Variable."""
        if isinstance(gy, core.Variable) and (gy.requires_grad or type(gy) is not core.Variable):
            return gy
        return cls.kind(arrays.as_array(gy), requires_grad=False)


def _on_gradients(backward: Callable[..., Any]) -> Callable[..., Any]:
    """`backward` of a subclass, which also accepts arrays and passes Variables on."""

    @functools.wraps(backward)
    def on_gradients(self: Function, *gys: Any) -> Any:
        return backward(self, *[self.gradient(gy) for gy in gys])

    return on_gradients


# fmt: off
class Add(arithmetic.Add, Function): ...
class Mul(arithmetic.Mul, Function): ...
class Neg(arithmetic.Neg, Function): ...
class Sub(arithmetic.Sub, Function): ...
class Div(arithmetic.Div, Function): ...
class Pow(arithmetic.Pow, Function): ...


def add(x0, x1): return Add()(x0, x1)
def mul(x0, x1): return Mul()(x0, x1)
def neg(x): return Neg()(x)
def sub(x0, x1): return Sub()(x0, x1)
def rsub(x0, x1): return Sub()(x1, x0)
def div(x0, x1): return Div()(x0, x1)
def rdiv(x0, x1): return Div()(x1, x0)
# fmt: on


def pow(x, c):
    """y = xᶜ for a number c; or y = x^c with a gradient for c, if c is an array or Variable."""
    if not np.isscalar(c):
        return np.power(as_variable(x), c)
    exponent: Any = c.item() if isinstance(c, np.generic) else c
    return Pow(exponent)(x)


def setup_variable() -> None:
    """Defines the operators of Variables; called when `wengert.dezero` is imported."""
    # The book has this function in `core`, and its `functions` need `core`: hence the late import.
    from wengert.dezero import functions

    operators = {
        "__add__": add, "__radd__": add, "__mul__": mul, "__rmul__": mul, "__neg__": neg,
        "__sub__": sub, "__rsub__": rsub, "__truediv__": div, "__rtruediv__": rdiv,
        "__pow__": pow, "__getitem__": functions.get_item,
        "matmaul": functions.matmul, "dot": functions.matmul,
        "max": functions.max, "min": functions.min,
    }  # fmt: skip
    for name, function in operators.items():
        setattr(Variable, name, function)


__all__, __dir__ = public(globals(), "array_types", exports=True)
