"""Reductions: masked rows, third derivatives, and the axes they refuse."""

import warnings

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable
from wengert.testing import check_gradients


@pytest.mark.parametrize("dtype", [int, np.int8, bool])
def test_logsumexp_of_integers_is_that_of_floats(dtype):
    x = np.array([[1, 0], [0, 1]])
    for axis in (None, 0, -1):
        y = F.logsumexp(Variable(x.astype(dtype)), axis)
        expected = F.logsumexp(x.astype(float), axis)
        np.testing.assert_allclose(y.data, expected, rtol=1e-15)


def test_logsumexp_of_a_row_that_is_masked_throughout_has_gradient_0_and_no_warning():
    x = Variable(np.array([[-np.inf, -np.inf], [0.0, -np.inf], [1.0, 1.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = F.logsumexp(x, axis=1)
        np.sum(y).backward(create_graph=True)
        first = x.grad
        x.cleargrad()
        np.sum(first[:, 0]).backward()
    np.testing.assert_allclose(y.data, [-np.inf, 0, 1 + np.log(2)])
    np.testing.assert_allclose(first.data, [[0, 0], [1, 0], [0.5, 0.5]])
    np.testing.assert_allclose(x.grad.data, [[0, 0], [0, 0], [0.25, -0.25]])


def test_logaddexp_of_minus_infinity_twice_has_gradient_0_and_no_warning():
    x0, x1 = Variable(np.array([-np.inf, 1.0])), Variable(np.array([-np.inf, -np.inf]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.logaddexp(x0, x1).backward(grad=np.array([1.0, 2.0]))
    assert x0.grad.data.tolist() == [0.0, 2.0]
    assert x1.grad.data.tolist() == [0.0, 0.0]


def test_logsumexp_beside_masked_elements_has_its_third_derivative():
    mask = np.array([[True, True, True], [True, False, True]])
    x = np.array([[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]])
    check_gradients(lambda x: F.logsumexp(np.where(mask, x, -np.inf), 1), x, order=3)


@pytest.mark.parametrize("f", [F.cumsum, F.argmax, F.argmin])
def test_functions_of_one_axis_refuse_several(f):
    with pytest.raises(TypeError, match=rf"^{f.__name__}: got axis \(0, 1\), needed an integer"):
        f(Variable(np.ones((2, 3))), (0, 1))


@pytest.mark.parametrize("f", [F.sum, F.max, F.any, F.argmax, F.cumsum])
def test_a_boolean_is_not_an_axis(f):
    with pytest.raises(TypeError, match=rf"^{f.__name__}: got axis True, needed an integer"):
        f(Variable(np.ones((2, 3))), True)


@pytest.mark.parametrize("f", [
    F.sum, F.mean, F.var, F.std, F.prod, F.max, F.min, F.logsumexp, np.nanvar, np.nanstd, np.median,
    np.linalg.norm, np.ptp, np.average, np.nanmean,
    lambda x, axis: np.std(x, axis=axis, ddof=1),
    lambda x, axis: np.var(x, axis=axis, where=x.data > 0),
])  # fmt: skip
def test_an_empty_batch_has_empty_results_and_gradients(f):
    x = Variable(np.zeros((0, 4)))
    y = f(x, axis=1)
    y.backward()
    assert y.shape == (0,)
    assert x.grad.shape == (0, 4)
