"""Every public function of NumPy on Variables: recorded, a constant, or refused with the cure."""

import numpy as np
import pytest

from numpy_calls import CONSTANT, DATA, RECORDED, calls, function_of
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
    "frombuffer", "fromfile", "fromiter", "fromregex", "fromstring", "genfromtxt", "get_include",
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
        others = {"save", "savetxt", "savez", "savez_compressed", "isfortran", "mintypecode"}
        with_like = {"arange", "empty", "eye", "full", "identity", "ones", "tri", "zeros", "array"}
        covered = function in called or name in others | with_like
        assert covered, f"np.{name} needs a call in numpy_calls.py"


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_to_a_plain_array_is_refused_with_the_cure(name):
    with pytest.raises(TypeError, match=r"wg\.array.*np\.stack.*x\.data"):
        CONVERSIONS[name](Variable([1.0, 2.0]))


@pytest.mark.parametrize("name", [name for name in REFUSED if "." not in name])
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
