"""Every public function of NumPy on Variables: recorded, a constant, or refused with the cure."""

import contextlib
import inspect
import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from numpy_calls import CONSTANT, DATA, RECORDED, calls, function_of
from tape import Tape
from wengert import Variable, dispatch
from wengert.refusals import REFUSED
from wengert.testing import check_gradients

dispatch.import_rest()


def variable_or_array(name, dtype=np.float64):
    array = DATA[name]
    return Variable(array.astype(dtype)) if array.dtype.kind == "f" else array


def run(expression, values):
    return eval(expression, {"np": np, **values})


def table(text):
    return [pytest.param(e, names, id=e) for e, names in calls(text)]


def arrays_of(y):
    """The arrays of a result, which may be a Variable, an array, a tuple, or plain."""
    if isinstance(y, tuple | list):
        return [a for item in y for a in arrays_of(item)]
    return [np.asarray(y.data if isinstance(y, Variable) else y)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("expression", "names"), table(RECORDED))
def test_a_recorded_function_has_the_values_and_the_dtype_of_numpy(expression, names, dtype):
    plain = {name: DATA[name] for name in names}
    plain = {k: a.astype(dtype) if a.dtype.kind == "f" else a for k, a in plain.items()}
    expected = run(expression, plain)
    y = run(expression, {name: variable_or_array(name, dtype) for name in names})
    assert isinstance(y, Variable)
    assert y.requires_grad
    assert y.shape == np.shape(expected)
    assert y.dtype == expected.dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(y.data, expected, rtol=200 * eps, atol=200 * eps)


@pytest.mark.parametrize(("expression", "names"), table(RECORDED))
def test_a_recorded_function_has_derivatives_to_third_order(expression, names):
    def f(*xs):
        return run(expression, dict(zip(names, xs, strict=True)) | fixed)

    fixed = {name: DATA[name] for name in names if DATA[name].dtype.kind != "f"}
    names = [name for name in names if name not in fixed]
    check_gradients(f, *[DATA[name] for name in names], order=3, atol=1e-7, step=2e-3)


@pytest.mark.parametrize(("expression", "names"), table(CONSTANT))
def test_a_constant_function_has_the_values_of_numpy_and_no_gradient(expression, names):
    expected = run(expression, {name: DATA[name] for name in names})
    y = run(expression, {name: variable_or_array(name) for name in names})
    if isinstance(y, Variable):
        assert not y.requires_grad
        assert y.creator is None
        assert y.dtype == np.asarray(expected).dtype
    else:
        assert not isinstance(expected, np.ndarray) or not any(
            DATA[name].dtype.kind == "f" for name in names
        )
    if not expression.startswith("np.empty_like"):
        for found, wanted in zip(arrays_of(y), arrays_of(expected), strict=True):
            np.testing.assert_array_equal(found, wanted)


# ---- Every public name ----

# They take no arrays that could be Variables, or they are about NumPy itself.
UNRELATED = {
    "bartlett", "base_repr", "binary_repr", "blackman", "broadcast_shapes", "datetime_data",
    "diag_indices", "format_float_positional", "format_float_scientific", "from_dlpack",
    "fromfile", "fromregex", "fromstring", "genfromtxt", "get_include",
    "get_printoptions", "getbufsize", "geterr", "geterrcall", "hamming", "hanning", "identity",
    "indices", "info", "isdtype", "isscalar", "issubdtype", "kaiser", "load", "loadtxt",
    "mask_indices", "printoptions", "promote_types", "set_printoptions", "setbufsize", "seterr",
    "seterrcall", "show_config", "show_runtime", "test", "tri", "tril_indices", "triu_indices",
    "typename",
}  # fmt: skip

# NumPy makes a plain array of their arguments: it asks the Variable, whose error names the cure.
CONVERSIONS = {
    "array": lambda x: np.array([x, x]),
    "asanyarray": np.asanyarray,
    "asarray": np.asarray,
    "asarray_chkfinite": np.asarray_chkfinite,
    "ascontiguousarray": np.ascontiguousarray,
    "asfortranarray": np.asfortranarray,
    "asmatrix": np.asmatrix,
    "bmat": lambda x: np.bmat([[x, x]]),
    "fromfunction": lambda x: np.fromfunction(lambda i: np.full(2, x), (2,)),
    "frompyfunc": lambda x: np.array(np.frompyfunc(lambda y: y, 1, 1)([x])),
    "require": np.require,
    "row_stack": lambda x: np.asarray(x),
}


# They write files, take `like`, or are not in each version of NumPy.
WITHOUT_CALL = {
    "arange", "empty", "eye", "full", "identity", "in1d", "isfortran", "mintypecode", "ones",
    "save", "savetxt", "savez", "savez_compressed", "trapz", "tri", "zeros",
}  # fmt: skip


def public_names():
    """The names of NumPy's functions; its classes, modules and aliases of builtins are none."""
    for name in sorted({*np.__all__, *dir(np)}):
        try:
            function = getattr(np, name)
        except AttributeError:  # (of names that a newer NumPy has dropped)
            continue
        if name[0] != "_" and callable(function) and not isinstance(function, type):
            yield name


@pytest.mark.parametrize("name", list(public_names()))
def test_each_public_name_of_numpy_is_recorded_constant_refused_or_unrelated(name):
    function = getattr(np, name)
    kind = dispatch.kind_of(function)
    assert kind or name in UNRELATED or name in CONVERSIONS, f"decide what becomes of np.{name}"
    if kind in ("recorded", "constant"):
        tables = {"recorded": RECORDED, "constant": CONSTANT + "\n" + RECORDED}
        called = [getattr(np, function_of(e), None) for e, _ in calls(tables[kind])]
        covered = function in called or name in WITHOUT_CALL
        assert covered, f"np.{name} needs a call in numpy_calls.py"


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_to_a_plain_array_is_refused_with_the_cure(name):
    with pytest.raises(TypeError, match=r"wg\.array.*np\.stack.*x\.data"):
        CONVERSIONS[name](Variable([1.0, 2.0]))


# (Of the others in the table, NumPy does not ask the Variable, or it converts it.)
ASKED = [n for n in REFUSED if "." not in n and n not in CONVERSIONS and not n.startswith("from")]


@pytest.mark.parametrize("name", ASKED)
def test_a_refused_function_says_why_and_what_to_write_instead(name):
    x = Variable([1.0, 2.0])
    arguments = {
        "copyto": (x, 1.0), "fill_diagonal": (x, 1.0), "place": (x, x, x), "put": (x, 0, 1.0),
        "put_along_axis": (x, np.array([0]), 1.0, 0), "putmask": (x, x, x),
        "busday_count": (x, x), "busday_offset": (x, x),
    }  # fmt: skip
    if not hasattr(np, name) or isinstance(getattr(np, name), type):
        pytest.skip("not a function of this NumPy")
    if name == "nested_iters":
        pytest.skip("NumPy does not ask the Variable")
    with pytest.raises(TypeError, match=f"{name} is not recorded for Variables; .*;"):
        getattr(np, name)(*arguments.get(name, (x,)))


def test_numpys_other_functions_are_imported_when_the_first_of_them_is_called():
    code = (
        "import sys, numpy as np, wengert as wg\n"
        "x = wg.Variable([3.0, 1.0, 2.0])\n"
        "loaded = lambda: 'wengert.functions.of_numpy' in sys.modules\n"
        "np.sum(np.exp(x)), x.max(axis=0)\n"
        "print(loaded(), np.median(x).item(), loaded())"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["False", "2.0", "True"]


# ---- Positions and names of arguments ----


def leading(signature):
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in signature.parameters.values() if p.kind in kinds]


def with_signatures():
    for function, recorded in dispatch.implementations.items():
        if not isinstance(function, np.ufunc) and hasattr(function, "__module__"):
            with contextlib.suppress(TypeError, ValueError):  # (of functions in C)
                theirs, own = inspect.signature(function), inspect.signature(recorded)
                yield pytest.param(theirs, own, id=f"{function.__module__}.{function.__name__}")


@pytest.mark.parametrize(("theirs", "own"), list(with_signatures()))
def test_positional_arguments_mean_what_they_mean_in_numpy(theirs, own):
    if any(p.kind is p.VAR_POSITIONAL for p in own.parameters.values()):
        return
    for their_name, own_name in zip(leading(theirs), leading(own), strict=False):
        if their_name != own_name and theirs.parameters[their_name].kind is not (
            inspect.Parameter.POSITIONAL_ONLY
        ):  # the same argument under another name
            assert their_name not in own.parameters
            assert own_name not in theirs.parameters


@pytest.mark.parametrize("expression", [
    "np.sum(x, 0, None, None, True)", "np.max(x, 1, None, True)", "np.std(x, 0, None, None, 1)",
    "np.mean(x, 0, None, None, True)", "np.median(x, 1, None, False, True)",
    "np.quantile(x, 0.3, 0, None, False, 'hazen', True)", "np.percentile(x, 30, 1, None, True)",
    "np.nansum(n, 1, None, None, True)", "np.nanmax(n, 1, None, True)", "np.round(x, 1, None)",
    "np.nanstd(n, 1, None, None, 1, True)", "np.clip(x, 0, 1, None)", "np.ptp(x, 0, None, True)",
    "np.take(x, [4], 1, None, 'clip')", "np.cumsum(x, 1, None, None)", "np.sort(x, 0, 'stable')",
    "np.concatenate((x, y), 1, None)", "np.stack((x, y), 1, None)", "np.compress(d, x, 1, None)",
    "np.trace(m, 1, 0, 1, None, None)", "np.linspace(x, y, 3, True, False, None, 1)",
    "np.reshape(x, (3, 2), 'F')", "np.choose(i, (x, y, p), None, 'wrap')", "np.copy(x, 'F')",
    "np.cov(x, None, True, False, 0)", "np.average(x, 1, p, False)", "np.dot(x, m, None)",
    "np.sum(x, axis=np.int64(1))", "np.sum(x, axis=(np.int64(0), 1), out=None)",
])  # fmt: skip
def test_a_call_by_position_is_numpys(expression):
    names = next(calls(expression))[1]
    expected = run(expression, {name: DATA[name] for name in names})
    y = run(expression, {name: variable_or_array(name) for name in names})
    assert y.requires_grad
    np.testing.assert_allclose(y.data, expected, rtol=1e-12)


# ---- wg.array ----


def test_array_makes_a_matrix_of_variables_and_numbers_that_is_recorded():
    a, b = Variable(0.5), Variable(2.0)
    y = wg.array([[a, 1], [0.0, a * b]])
    np.testing.assert_array_equal(y.data, [[0.5, 1], [0, 1]])
    np.sum(y * np.array([[1.0, 2.0], [3.0, 4.0]])).backward()
    assert (a.grad.item(), b.grad.item()) == (1 + 4 * 2.0, 4 * 0.5)


@pytest.mark.parametrize("make", [
    lambda a, v: wg.array([a, a * a, 1.0]), lambda a, v: wg.array([v, [1, 2, 3], v * a]),
    lambda a, v: wg.array(((v[0], a), (2, v[1]))), lambda a, v: wg.array([[v], [v * v]]),
    lambda a, v: wg.array(v), lambda a, v: wg.array([a], dtype=np.float64),
])  # fmt: skip
def test_array_has_derivatives_to_third_order(make):
    check_gradients(make, np.array(0.7), np.array([0.3, -1.2, 0.8]), order=3)


def test_numbers_in_an_array_of_variables_take_the_dtype_of_the_variables():
    a = Variable(np.float32(0.5))
    assert wg.array([a, 1.0]).dtype == np.float32
    assert wg.array([[a], [2]]).dtype == np.float32
    assert wg.array([a, 1], dtype=np.float64).dtype == np.float64
    assert wg.array([Variable(np.array(1)), 2.5]).dtype == np.float64


def test_array_without_variables_is_numpys():
    y = wg.array([[1, 2], [3, 4]])
    assert isinstance(y, np.ndarray)
    assert y.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(("values", "message"), [
    ([[1.0], [1.0, 2.0]], r"array: got shapes \(\), \(1,\), \(2,\) in one list, needed one"),
    ([np.ones(2), np.ones(3)], r"array: got shapes \(\), \(2,\), \(3,\) in one list, needed one"),
])  # fmt: skip
def test_array_of_uneven_lists_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        wg.array([Variable(1.0), *values])


# ---- Methods ----

METHODS = [
    "x.sum(1, np.float64)", "x.sum(initial=2.0, where=b)", "x.prod(axis=0, where=b)",
    "x.mean(dtype=np.float64)", "x.mean(1, where=b)", "x.var(1, ddof=1)", "x.std(where=b)",
    "x.var(1, mean=x.mean(1, keepdims=True))", "x.max(initial=3.0)",
    "x.min(axis=1, initial=0.0, where=b)",
    "x.cumsum(1, np.float64)", "x.cumprod()", "x.cumprod(axis=1)", "x.reshape(3, 2, order='F')",
    "x.ravel('F')", "x.flatten(order='F')", "x.copy('C')", "x.astype(np.float64, copy=False)",
    "x.conj()", "x.conjugate()", "x.real", "x.imag + x", "x.take([7, 8], mode='clip')",
    "x.compress(d, axis=1)", "m.trace(1, dtype=np.float64)", "m.trace(offset=-1)",
]  # fmt: skip

CONSTANT_METHODS = [
    "x.nonzero()", "u.searchsorted(x)", "u.searchsorted([0.0, 1.0], 'right')", "x.any(where=b)",
    "x.all(axis=1, keepdims=True)", "v.argpartition(2)", "i.choose([1, 2, 3])", "i << 2",
    "1 << i", "i >> 1", "9 >> i", "x.itemsize",
]  # fmt: skip


@pytest.mark.parametrize("expression", METHODS)
def test_a_method_of_a_variable_has_the_values_and_options_of_numpys(expression):
    names = next(calls(expression))[1]
    expected = run(expression, {name: DATA[name] for name in names})
    y = run(expression, {name: variable_or_array(name) for name in names})
    assert isinstance(y, Variable)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y.data, expected, rtol=1e-13)


@pytest.mark.parametrize("expression", CONSTANT_METHODS)
def test_a_constant_method_of_a_variable_has_the_values_of_numpys(expression):
    names = next(calls(expression))[1]
    expected = run(expression, {name: DATA[name] for name in names})
    y = run(expression, {name: Variable(DATA[name]) for name in names})
    for found, wanted in zip(arrays_of(y), arrays_of(expected), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_partition_is_a_copy():
    x = Variable(DATA["v"])
    np.testing.assert_array_equal(x.partition(2).data, np.partition(DATA["v"], 2))
    assert x.data is DATA["v"]


@pytest.mark.parametrize("name", [name for name in dir(np.ndarray) if name[0] != "_"])
def test_each_attribute_of_an_array_is_one_of_a_variable_or_has_a_hint(name):
    x = Variable(np.ones((2, 2)))
    if name not in dir(x):
        with pytest.raises(AttributeError, match=f"Variable has no {name!r}; here: "):
            getattr(x, name)


# ---- The same calls with other operands ----


def floats_of(names):
    return [name for name in names if DATA[name].dtype.kind == "f"]


@pytest.mark.parametrize(
    ("expression", "names"),
    [pytest.param(e, n, id=e) for e, n in calls(RECORDED) if len(floats_of(n)) > 1],
)
def test_each_operand_may_be_the_only_variable(expression, names):
    def gradients(variables):
        values = {n: Variable(DATA[n]) if n in variables else DATA[n] for n in names}
        y = run(expression, values)
        if not isinstance(y, Variable):  # a part of the result that does not depend on it
            return np.asarray(y), {}
        if y.requires_grad:
            y.backward(grad=np.linspace(1, 2, y.size).reshape(y.shape))
        return y.data, {n: values[n].grad for n in variables}

    expected, together = gradients(floats_of(names))
    for name in floats_of(names):
        y, alone = gradients([name])
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
        g, h = together[name], alone.get(name)
        if g is None or h is None:
            assert not np.any(0 if g is None else g.data)
        else:
            np.testing.assert_allclose(h.data, g.data, rtol=1e-10, atol=1e-12)


# reciprocal: of floats here; unique_values: sorted here
OTHERWISE_FOR_INTEGERS = {"np.reciprocal(p)", "np.unique_values(x)"}


@pytest.mark.parametrize(("expression", "names"), table(RECORDED))
def test_integers_give_what_they_give_in_numpy(expression, names):
    values = {name: DATA[name] for name in names}
    for name in floats_of(names):
        values[name] = np.rint(2 * np.nan_to_num(DATA[name])).astype(np.int64)
    try:
        with np.errstate(all="ignore"):
            expected = run(expression, values)
    except (TypeError, ValueError, ZeroDivisionError, AttributeError):
        return  # NumPy refuses integers here
    if expression in OTHERWISE_FOR_INTEGERS or not isinstance(expected, np.ndarray | np.generic):
        return
    with np.errstate(all="ignore"):
        y = run(expression, {n: Variable(a) for n, a in values.items()})
    found = np.asarray(y.data if isinstance(y, Variable) else y)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def other(name):
    """Other data in the domain of the array of this name, in another order."""
    array = DATA[name]
    if name == "u" or not array.ndim:  # (ascending)
        return array * 0.9
    return np.flip(array, -1) * 0.9 if name not in "nz" else np.flip(array, 0).copy()


NOT_FUNCTIONS = ("np.zeros_like", "np.ones_like", "np.full_like", "np.imag(x)")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        pytest.param(e, names, id=e)
        for e, names in [*calls(RECORDED), *calls(CONSTANT)]
        if not e.startswith(NOT_FUNCTIONS) or "+" in e
    ],
)
def test_a_call_computed_again_on_new_data_does_not_depend_on_the_old(expression, names):
    values = {name: variable_or_array(name) for name in names}
    with np.errstate(all="ignore"):
        with Tape() as tape:
            y = run(expression, values)
        if not isinstance(y, Variable):
            return  # a plain value
        new = {name: other(name) for name in floats_of(names)}
        expected = run(expression, values | {name: Variable(a) for name, a in new.items()}).data
        found = tape.replay([(values[name].data, new[name]) for name in new], y)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
