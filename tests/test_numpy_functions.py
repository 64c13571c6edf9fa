"""Every public function of NumPy on Variables: recorded, a constant, or refused with the cure."""

import numpy as np
import pytest

import wengert as wg
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
