"""Arrays of another kind: formulas accept them unchanged, so an expression can be traced once.

The symbols here only record what is computed with them. What a forward and a backward record is
then evaluated on numbers and compared with the result on arrays.
"""

import numpy as np
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin

import wengert as wg
import wengert.functions as F
from operations import cases, is_float
from wengert import Variable


class Symbol(NDArrayOperatorsMixin):
    """The result of `function` on arguments some of which are Symbols; without one, an input.

    Shape and dtype come from an example, which is computed too, and which formulas cannot read.
    """

    def __init__(self, example, function=None, args=(), kwargs=None):
        self._example = np.asarray(example)
        self.function, self.args, self.kwargs = function, args, kwargs or {}

    shape = property(lambda self: self._example.shape)
    dtype = property(lambda self: self._example.dtype)
    ndim = property(lambda self: self._example.ndim)
    size = property(lambda self: self._example.size)

    @classmethod
    def of(cls, function, args, kwargs):
        def example(x):
            if isinstance(x, tuple | list):
                return type(x)(map(example, x))
            return x._example if isinstance(x, Symbol) else x

        with np.errstate(all="ignore"):
            found = function(*example(args), **{k: example(x) for k, x in kwargs.items()})
        return cls(found, function, args, kwargs)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        assert method == "__call__"
        return Symbol.of(ufunc, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return Symbol.of(function, args, kwargs)

    def astype(self, dtype):
        return Symbol.of(np.ndarray.astype, (self, dtype), {})

    def __array__(self, *args, **kwargs):
        raise TypeError("a Symbol has no numbers")

    def __bool__(self):
        raise TypeError("a Symbol has no truth value")


def evaluate(symbol, values):
    """The number or array of a symbol, where `values` has those of the inputs, by id."""
    if isinstance(symbol, tuple | list):
        return type(symbol)(evaluate(s, values) for s in symbol)
    if not isinstance(symbol, Symbol):
        return symbol
    if id(symbol) not in values:
        assert symbol.function is not None, "an input without a value"
        args = evaluate(symbol.args, values)
        kwargs = {k: evaluate(x, values) for k, x in symbol.kwargs.items()}
        values[id(symbol)] = symbol.function(*args, **kwargs)
    return values[id(symbol)]


def symbols_like(arrays):
    """Symbols whose examples are other numbers, so that none of them can pass for a result."""
    return [Symbol(np.full_like(np.asarray(x), 1)) for x in arrays]


def numbers(symbols, arrays):
    return {id(s): np.asarray(x) for s, x in zip(symbols, arrays, strict=True)}


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(elementwise=True))
def test_every_elementwise_forward_runs_on_symbols(cls, inputs, options):
    xs = symbols_like(inputs)
    y = cls(**options)(*xs)
    assert isinstance(y, Symbol)
    expected = cls(**options)(*inputs)
    np.testing.assert_array_equal(evaluate(y, numbers(xs, inputs)), expected)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(elementwise=True, differentiable=True))
def test_every_elementwise_backward_runs_on_symbols(cls, inputs, options):
    variables = [Variable(x, requires_grad=is_float(x)) for x in inputs]
    y = cls(**options)(*variables)
    f, gy = y.creator, np.linspace(1, 2, y.size).reshape(y.shape)
    with wg.no_grad():
        expected = f.backward(gy)

    *xs, ys, gys = symbols_like([*inputs, y.data, gy])
    record = {"xs": xs, "ys": (ys,), "needs": f.needs}
    found = type(cls.__name__, (cls,), record)(**options).backward(gys)

    values = numbers([*xs, ys, gys], [*inputs, y.data, gy])
    pairs = zip(as_tuple(found), as_tuple(expected), strict=True)
    for symbol, gx in pairs:
        assert (symbol is None) == (gx is None)
        if gx is not None:
            assert isinstance(symbol, Symbol)
            # (arrays take a form with more digits where an element needs it)
            np.testing.assert_allclose(evaluate(symbol, values), gx, rtol=1e-13)


def as_tuple(gxs):
    return gxs if isinstance(gxs, tuple) else (gxs,)


@pytest.mark.parametrize(
    "program",
    [
        F.gelu, F.silu, F.sigmoid, F.mish, F.softsign, F.relu, F.erf, F.log1p, np.exp,
        lambda x: F.softplus(x, 2.0), lambda x: F.leaky_relu(x) * F.tanh(x) + 1,
        lambda x: F.where(x > 0, x, 0), lambda x: F.maximum(x, 0.5) / F.sqrt(1 + x * x),
    ],
)  # fmt: skip
def test_a_program_of_public_functions_runs_on_symbols(program):
    x = np.random.default_rng(0).normal(size=(2, 3)) / 4
    (symbol,) = symbols_like([x])
    y = program(symbol)
    assert isinstance(y, Symbol)
    np.testing.assert_allclose(evaluate(y, numbers([symbol], [x])), program(x), rtol=1e-15)


@pytest.mark.parametrize(
    "operation",
    [F.add, lambda x, s: F.add(s, x), lambda x, s: x * s, lambda x, s: F.where(s > 0, s, x)],
)
def test_a_symbol_combined_with_a_variable_is_refused_with_a_hint(operation):
    with pytest.raises(TypeError, match=r"Variable beside a Symbol.*; use x.data"):
        operation(Variable(np.ones(2)), Symbol(np.ones(2)))
