"""Gradients of exactly 0: they pass through derivatives that are infinite or NaN."""

import warnings

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from operations import OPERATIONS, is_float, samples_of
from wengert import Function, Variable
from wengert.core import Constant

POINTS = np.array([0.0, -1.0, np.nan, np.inf, -np.inf, 4.0])
MASK = np.array([False, False, False, False, False, True])


def derivatives(f, x, order=3):
    """Derivatives of the sum of f, up to that order."""
    found, y = [], f(x)
    for _ in range(order):
        (y,) = wg.grad([y], [x], create_graph=True)
        found.append(y.data)
    return found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # (of the values)
@pytest.mark.parametrize(
    "f",
    [
        np.sqrt, np.log, np.exp, np.square, np.arcsinh, np.tanh, F.rsqrt, F.sigmoid, F.gelu,
        F.softplus, lambda x: x**0.5, lambda x: 1 / x, lambda x: x * x, lambda x: x / np.sqrt(x),
        lambda x: np.log(np.sqrt(x)), lambda x: np.power(x, x),
    ],
)  # fmt: skip
def test_what_is_not_selected_contributes_nothing(f):
    found = derivatives(lambda x: np.where(MASK, f(x), 0), Variable(POINTS))
    alone = derivatives(f, Variable(POINTS[-1:]))
    for g, h in zip(found, alone, strict=True):
        np.testing.assert_array_equal(g[:-1], 0)
        np.testing.assert_allclose(g[-1:], h, rtol=1e-14)


def test_a_walk_gives_no_warnings():
    x = Variable(np.array([0.0, 4.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.where(x > 0, np.sqrt(x), 0).backward()
    np.testing.assert_array_equal(x.grad.data, [0, 0.25])


def test_an_error_that_the_program_asks_for_is_raised():
    x = Variable(np.array([0.0, 4.0]))
    y = np.where(x > 0, np.sqrt(x) * 2, 0)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        y.backward()


@pytest.mark.parametrize("retain_graph", [True, False])
@pytest.mark.parametrize("n", [1, 100, 500])
def test_long_graphs_too(n, retain_graph):
    x, w = Variable(np.array([0.0, 4.0])), Variable(np.array([1.0, 1.0]))
    y = np.where(x > 0, np.sqrt(x), 0)
    for _ in range(n):
        y = y * w + 0
    y.backward(retain_graph=retain_graph)
    np.testing.assert_array_equal(x.grad.data, [0, 0.25])
    np.testing.assert_array_equal(w.grad.data, [0, 2 * n])


def test_single_numbers_too():
    x = Variable(np.array(0.0))
    np.where(x > 0, np.sqrt(x), 0).backward()
    assert x.grad.data == 0


def test_the_gradient_of_a_gradient_of_zero_is_not_lost():
    x = Variable(np.array([4.0, 9.0]))
    first, second = derivatives(lambda x: (np.sqrt(x) - [2, 3]) ** 2, x, order=2)
    np.testing.assert_array_equal(first, 0)
    np.testing.assert_allclose(second, 0.5 / x.data, rtol=1e-14)


def test_functions_of_the_user_are_elementwise_if_they_say_so():
    class Root(Function):
        elementwise = True

        def forward(self, x):
            return np.sqrt(x)

        def backward(self, gy):
            (x,) = self.xs
            return gy / (2 * np.sqrt(x))

    x = Variable(np.array([0.0, 4.0]))
    np.where(x > 0, Root()(x), 0).backward()
    np.testing.assert_array_equal(x.grad.data, [0, 0.25])


def test_an_infinite_derivative_stays_infinite():
    x = Variable(np.array([0.0, 4.0]))
    np.sqrt(x).backward()
    np.testing.assert_array_equal(x.grad.data, [np.inf, 0.25])


def test_a_nan_that_was_not_masked_out_stays():
    x = Variable(np.array([np.nan, 4.0]))
    (x * x).backward()
    np.testing.assert_array_equal(x.grad.data, [np.nan, 8])


def test_steps_and_events_of_the_graph_show_the_same():
    x = Variable(np.array([0.0, 4.0]))
    y = np.where(x > 0, np.sqrt(x), 0)
    *_, step = wg.graph.steps_back(y)
    np.testing.assert_array_equal(step.gxs[0], [0, 0.25])
    with wg.graph.leaf_gradients(lambda leaf: None):
        y.backward()
    np.testing.assert_array_equal(x.grad.data, [0, 0.25])


# ---- Functions that are not elementwise: samples, rows, matrices of a batch ----


def first_output(cls, options, arrays):
    xs = [Variable(x) for x in arrays]
    y = cls(**options)(*xs)
    return (y[0] if isinstance(y, tuple) else y), xs


def batches():
    """Samples in which row 1 of the first float input reaches row 1 of the output, and no other."""
    for cls in OPERATIONS:
        if cls.elementwise or issubclass(cls, Constant):
            continue
        for n, (inputs, options) in enumerate(samples_of(cls)):
            arrays = [np.array(x) for x in inputs]
            i = next((i for i, x in enumerate(arrays) if is_float(x)), None)
            if i is None or arrays[i].ndim < 2 or len(arrays[i]) < 2:
                continue
            y, _ = first_output(cls, options, arrays)
            moved = [x.copy() for x in arrays]
            moved[i][1] += 0.01
            changed = first_output(cls, options, moved)[0].data != y.data
            if y.ndim and len(y) == len(arrays[i]) and not np.delete(changed, 1, 0).any():
                yield pytest.param(cls, arrays, options, i, id=f"{cls.__name__}-{n}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # (of the values)
@pytest.mark.parametrize("strange", [np.nan, np.inf])
@pytest.mark.parametrize(("cls", "arrays", "options", "i"), list(batches()))
def test_a_sample_that_is_masked_contributes_nothing(cls, arrays, options, i, strange):
    masked = [x.copy() for x in arrays]
    masked[i][1] = strange
    gradients = []
    for values in (arrays, masked):
        try:
            y, xs = first_output(cls, options, values)
            mask = np.arange(len(y)) != 1
            np.where(mask.reshape(-1, *[1] * (y.ndim - 1)), y, 0).backward()
        except np.linalg.LinAlgError:
            pytest.skip("NumPy refuses NaN and infinity there")
        gradients.append([x.grad for x in xs])
    for g, h in zip(*gradients, strict=True):
        if g is not None:
            np.testing.assert_allclose(h.data, g.data, rtol=1e-9, atol=1e-12)
