"""Formulas at their edges: 0, tiny and huge numbers, infinities, ties, and all elements equal.

Values and derivatives are compared with those of mpmath, in 50 digits.
"""

import tracemalloc

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import wengert as wg
import wengert.functions as F
from operations import OPERATIONS
from wengert import Variable
from wengert.core import Constant

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # (NumPy's, of the values)

# ---- One input: value and derivative at all sizes ----

one, half = mpf(1), mpf(1) / 2


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def softplus(x):
    return mpmath.log1p(mpmath.exp(-abs(x))) + max(x, 0)


def tanh_softplus(x):
    return mpmath.tanh(softplus(x))


def density(x):
    return mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def root(x):
    return mpmath.sqrt(x)


def tanh_gelu(x):
    return F.gelu(x, approximate=True)


def tanh_gelu_gate(x):
    return sigmoid(2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpf(0.044715) * x**3))


def erfcx(x):
    return mpmath.exp(x * x) * mpmath.erfc(x)


E, LOG_2, LOG_10 = mpmath.exp, mpmath.log(2), mpmath.log(10)
# function: its value and derivative
EXACT = {
    F.exp: (E, E),
    F.exp2: (lambda x: 2**x, lambda x: 2**x * LOG_2),
    F.expm1: (mpmath.expm1, E),
    F.log: (mpmath.log, lambda x: 1 / x),
    F.log2: (lambda x: mpmath.log(x) / LOG_2, lambda x: 1 / (x * LOG_2)),
    F.log10: (mpmath.log10, lambda x: 1 / (x * LOG_10)),
    F.log1p: (mpmath.log1p, lambda x: 1 / (1 + x)),
    F.sqrt: (root, lambda x: half / root(x)),
    F.rsqrt: (lambda x: 1 / root(x), lambda x: -half / root(x) / x),
    F.square: (lambda x: x * x, lambda x: 2 * x),
    F.reciprocal: (lambda x: 1 / x, lambda x: -1 / x / x),
    F.erf: (mpmath.erf, lambda x: 2 * E(-x * x) / root(mpmath.pi)),
    F.sin: (mpmath.sin, mpmath.cos),
    F.cos: (mpmath.cos, lambda x: -mpmath.sin(x)),
    F.tan: (mpmath.tan, lambda x: 1 / mpmath.cos(x) ** 2),
    F.arcsin: (mpmath.asin, lambda x: 1 / root((1 - x) * (1 + x))),
    F.arccos: (mpmath.acos, lambda x: -1 / root((1 - x) * (1 + x))),
    F.arctan: (mpmath.atan, lambda x: 1 / (1 + x * x)),
    F.sinh: (mpmath.sinh, mpmath.cosh),
    F.cosh: (mpmath.cosh, mpmath.sinh),
    F.tanh: (mpmath.tanh, lambda x: 1 / mpmath.cosh(x) ** 2),
    F.arcsinh: (mpmath.asinh, lambda x: 1 / root(x * x + 1)),
    F.arccosh: (mpmath.acosh, lambda x: 1 / root((x - 1) * (x + 1))),
    F.arctanh: (mpmath.atanh, lambda x: 1 / ((1 - x) * (1 + x))),
    F.sigmoid: (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    F.log_sigmoid: (lambda x: -softplus(-x), lambda x: sigmoid(-x)),
    F.softplus: (softplus, sigmoid),
    F.silu: (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    F.gelu: (lambda x: x * mpmath.ncdf(x), lambda x: mpmath.ncdf(x) + x * density(x)),
    tanh_gelu: (
        lambda x: x * tanh_gelu_gate(x),
        lambda x: tanh_gelu_gate(x) * (
            1 + 2 * x * tanh_gelu_gate(-x)
            * root(2 / mpmath.pi) * (1 + 3 * mpf(0.044715) * x * x)
        ),
    ),
    F.erfcx: (erfcx, lambda x: 2 * x * erfcx(x) - 2 / root(mpmath.pi)),
    F.log_ndtr: (
        lambda x: mpmath.log1p(-mpmath.erfc(x / root(2)) / 2),
        lambda x: density(x) / mpmath.ncdf(x),
    ),
    F.mish: (
        lambda x: x * tanh_softplus(x),
        lambda x: tanh_softplus(x) + x * sigmoid(x) / mpmath.cosh(softplus(x)) ** 2,
    ),
    F.softsign: (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    F.elu: (lambda x: x if x > 0 else mpmath.expm1(x), lambda x: E(min(x, 0))),
    F.celu: (lambda x: x if x > 0 else mpmath.expm1(x), lambda x: E(min(x, 0))),
    F.selu: (
        lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * mpmath.expm1(x)),
        lambda x: 1.0507009873554805 * (1 if x > 0 else 1.6732632423543772 * E(x)),
    ),
}  # fmt: skip
SIZES = [1e-300, 1e-30, 1e-8, 1e-3, 0.5, 1 - 1e-12, 1 + 1e-9, 2.5, 7.0, 25.0, 40.0, 100.0, 800.0,
         1e5, 1e9, 1e20, 1e100, 1e160, 1e300]  # fmt: skip
POINTS = np.array([s * x for x in SIZES for s in (1, -1)])
# periodic functions of huge numbers are as good as the C library's; the others have no such limit
LIMITED = {F.sin: 1e5, F.cos: 1e5, F.tan: 1e5, F.erfcx: 1e5, F.log_ndtr: 1e5}


def exact(f, x):
    """f(x) as a float; NaN where it is not a real number."""
    with mpmath.workdps(60):
        try:
            y = f(mpf(float(x)))
        except (ZeroDivisionError, OverflowError):
            return np.nan
        return float(y) if isinstance(y, mpf | int | float) else np.nan


@pytest.mark.parametrize(("dtype", "digits"), [(np.float64, 1e-12), (np.float32, 1e-4)])
@pytest.mark.parametrize("f", EXACT, ids=lambda f: f.__name__)
def test_values_and_derivatives_are_right_at_every_size(f, dtype, digits):
    limits = np.finfo(dtype)
    points = POINTS[(abs(POINTS) < limits.max) & (abs(POINTS) > limits.tiny)]
    points = points[abs(points) <= LIMITED.get(f, np.inf)].astype(dtype)
    x = Variable(points)
    y = f(x)
    y.backward()
    values, slopes = (np.array([exact(formula, p) for p in points]) for formula in EXACT[f])
    for found, expected in ((y.data, values), (x.grad.data, np.where(np.isnan(values), 0, slopes))):
        real = np.isfinite(values) & (abs(expected) < limits.max)
        tiny = float(limits.tiny) * 1e3  # where numbers have fewer digits
        np.testing.assert_allclose(found[real], expected[real], rtol=digits, atol=tiny)


@pytest.mark.parametrize("f", EXACT, ids=lambda f: f.__name__)
def test_second_derivatives_are_right_too(f):
    _, formula = EXACT[f]
    points = POINTS[(abs(POINTS) >= 1e-3) & (abs(POINTS) <= 1e5)]
    x = Variable(points)
    y = f(x)
    (g,) = wg.grad([y], [x], create_graph=True)
    (h,) = wg.grad([g], [x])
    for point, value, found in zip(points, y.data, h.data, strict=True):
        if np.isfinite(value) and abs(found) > 1e-290:
            with mpmath.workdps(80):
                step = abs(mpf(float(point))) * mpf(10) ** -25
                difference = formula(point + step) - formula(point - step)
                assert found == pytest.approx(float(difference / (2 * step)), rel=1e-7)


INFINITE = {  # value and derivative at -inf and inf
    F.exp: (0, 0, np.inf, np.inf),
    F.expm1: (-1, 0, np.inf, np.inf),
    F.sigmoid: (0, 0, 1, 0),
    F.tanh: (-1, 0, 1, 0),
    F.log_sigmoid: (-np.inf, 1, 0, 0),
    F.softplus: (0, 0, np.inf, 1),
    F.silu: (0, 0, np.inf, 1),
    F.gelu: (0, 0, np.inf, 1),
    lambda x: F.gelu(x, approximate=True): (0, 0, np.inf, 1),
    F.mish: (0, 0, np.inf, 1),
    F.softsign: (-1, 0, 1, 0),
    F.elu: (-1, 0, np.inf, 1),
    F.celu: (-1, 0, np.inf, 1),
    F.relu: (0, 0, np.inf, 1),
    F.leaky_relu: (-np.inf, 0.01, np.inf, 1),
    F.hard_sigmoid: (0, 0, 1, 0),
    F.hard_swish: (0, 0, np.inf, 1),
    F.erf: (-1, 0, 1, 0),
    F.arctan: (-np.pi / 2, 0, np.pi / 2, 0),
    F.arcsinh: (-np.inf, 0, np.inf, 0),
    F.reciprocal: (0, 0, 0, 0),
    F.abs: (np.inf, -1, np.inf, 1),
    lambda x: np.clip(x, -1, 1): (-1, 0, 1, 0),
}


@pytest.mark.parametrize(("f", "expected"), INFINITE.items())
def test_functions_reach_their_limits_at_infinity(f, expected):
    x = Variable(np.array([-np.inf, np.inf]))
    y = f(x)
    y.backward()
    found = np.stack([y.data, x.grad.data], axis=1).ravel()
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("f", [np.log, np.sqrt, np.log1p, F.rsqrt, np.log2, np.log10])
def test_derivatives_vanish_at_infinity(f):
    x = Variable(np.array([np.inf]))
    f(x).backward()
    assert x.grad.data == 0


# ---- Two inputs ----


def gradients(f, *arrays):
    xs = [Variable(np.array(x, np.float64)) for x in arrays]
    y = f(*xs)
    y.backward(grad=np.ones(y.shape))
    return [x.grad.data for x in xs]


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e-160, 1.0, 1e160, 1e300])
def test_arctan2_has_its_gradient_at_every_size(size):
    gy, gx = gradients(np.arctan2, 3 * size, 4 * size)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose([gy, gx], np.array([4, -3]) / 25 / size, rtol=1e-3)


def test_arctan2_has_gradients_of_zero_at_the_origin():
    x0, x1 = Variable(np.zeros(2)), Variable(np.array([0.0, 2.0]))
    g = wg.grad([np.arctan2(x0, x1)], [x0, x1], create_graph=True)
    np.testing.assert_array_equal(g[0].data, [0, 0.5])
    np.testing.assert_array_equal(g[1].data, [0, 0])
    second = wg.grad([np.sum(g[0]) + np.sum(g[1])], [x0, x1])
    assert all(np.isfinite(h.data).all() for h in second)


@pytest.mark.parametrize("x", [(np.inf, 1.0), (1.0, np.inf), (np.inf, np.inf), (-np.inf, 2.0)])
def test_arctan2_is_flat_at_infinity(x):
    np.testing.assert_array_equal(gradients(np.arctan2, *x), [0, 0])


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ((0.0, 0.0), (0, 0)), ((3e300, 4e300), (0.6, 0.8)), ((3e-300, 4e-300), (0.6, 0.8)),
        ((np.inf, 1.0), (1, 0)), ((np.inf, -np.inf), (np.sqrt(0.5), -np.sqrt(0.5))),
    ],
)  # fmt: skip
def test_hypot_has_the_direction_as_its_gradient(x, expected):
    np.testing.assert_allclose(gradients(np.hypot, *x), expected)


@pytest.mark.parametrize("size", [0.0, 1.0, 1e9, 1e17, 1e300, np.inf])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
def test_the_gradients_of_logaddexp_add_up_to_one(f, size, sign):
    x = sign * size
    gx0, gx1 = gradients(f, x, x)
    assert gx0 == gx1 == (0 if x == -np.inf else 0.5)
    gx0, gx1 = gradients(f, x, x - 1 if size < np.inf else 0)
    assert gx0 + gx1 == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "c", "expected"),
    [
        (0.0, 0.0, (0, 0)), (0.0, 1.0, (1, 0)), (0.0, 2.0, (0, 0)), (0.0, 0.5, (np.inf, 0)),
        (1.0, np.inf, (np.inf, 0)), (2.0, -2000.0, (0, 0)), (-2.0, 2.0, (-4, np.nan)),
        (np.inf, 0.0, (0, np.inf)), (np.inf, -1.0, (0, 0)),
        (1e200, 1.0, (1, 1e200 * 460.517018598)),
    ],
)  # fmt: skip
def test_powers_at_their_edges(x, c, expected):
    gx, gc = gradients(np.power, x, c)
    if not (x == np.inf and c != 0) and not np.isnan(expected[1]):
        np.testing.assert_allclose([gx, gc], expected)
    np.testing.assert_allclose(gx, expected[0])


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_quotients_of_tiny_and_huge_numbers(size):
    gx0, gx1 = gradients(np.divide, 2 * size, 4 * size)
    np.testing.assert_allclose([gx0, gx1], np.array([1, -0.5]) / (4 * size))


# ---- Reductions ----


@pytest.mark.parametrize("gap", [20.0, 40.0, 300.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_of_saturated_softmaxes_keep_their_digits(gap, axis):
    x = np.array([[gap, 0.0, 1.0], [0.0, gap, 0.0]])
    gy = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    x, gy = (x, gy) if axis == 1 else (x.T, gy.T)
    others = np.array([np.exp(-gap) * (1 + np.e), 2 * np.exp(-gap) * 2])
    for f in (F.softmax, F.log_softmax):
        v = Variable(x)
        f(v, axis=axis).backward(grad=gy)
        g = v.grad.data if axis == 1 else v.grad.data.T
        np.testing.assert_allclose([g[0, 0], g[1, 1]], others, rtol=2e-4)
        np.testing.assert_allclose(g.sum(axis=1), 0, atol=1e-16)


@pytest.mark.parametrize("x", [1e9, -1e9, 1e17, 1e300, 0.0, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_gradients_of_logsumexp_add_up_to_one(x, dtype, n):
    x = Variable(np.full(n, x).astype(dtype))
    F.logsumexp(x).backward()
    np.testing.assert_allclose(x.grad.data, 1 / n, rtol=1e-6)


def test_logsumexp_of_infinities():
    x = Variable(np.array([[-np.inf, -np.inf], [np.inf, 1], [-np.inf, 3]]))
    y = F.logsumexp(x, axis=1)
    y.backward()
    np.testing.assert_array_equal(y.data, [-np.inf, np.inf, 3])
    np.testing.assert_array_equal(x.grad.data, [[0, 0], [1, 0], [0, 1]])


@pytest.mark.parametrize("value", [0.0, 0.1, -7e9, 1e30, 1e-30])
@pytest.mark.parametrize("n", [1, 3, 1000])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("f", [np.var, np.std])
def test_the_variance_of_equal_numbers_is_zero_and_so_are_its_derivatives(f, value, n, dtype):
    x = Variable(np.full(n, np.clip(value, -6e4, 6e4) if dtype == np.float16 else value, dtype))
    y = f(x)
    assert y.data == 0
    (g,) = wg.grad([y], [x], create_graph=True)
    np.testing.assert_array_equal(g.data, 0)
    (h,) = wg.grad([np.sum(g * np.arange(n))], [x])
    assert np.isfinite(h.data).all()


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e200])
@pytest.mark.parametrize("f", [np.std, np.linalg.norm])
def test_deviations_and_norms_neither_overflow_nor_underflow(f, size):
    dtype = np.float32 if 1e-38 < size < 1e38 else np.float64
    small, x = Variable(np.arange(5.0) / 4), Variable((np.arange(5.0) / 4 * size).astype(dtype))
    for v in (small, x):
        f(v).backward()
    np.testing.assert_allclose(f(x).data / size, f(small).data, rtol=1e-6)
    np.testing.assert_allclose(x.grad.data, small.grad.data, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_products_with_factors_of_zero_take_little_memory(zeros):
    x = Variable(np.ones(4_000))
    x.data[:zeros] = 0
    y = np.prod(x)
    tracemalloc.start()
    try:
        y.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * x.nbytes
    np.testing.assert_array_equal(x.grad.data, np.arange(4_000) < (zeros == 1))


def test_products_that_underflow_have_their_gradients():
    (g,) = gradients(np.prod, [1e-200, 1e-200, 1e300, 3.0])
    np.testing.assert_allclose(g, [3e100, 3e100, 0, 0])


@pytest.mark.parametrize("f", [np.max, np.min])
@pytest.mark.parametrize("n", [1, 3, 70_000])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_equal_extrema_share_the_gradient(f, n, dtype):
    x = Variable(np.ones(n, dtype))
    f(x).backward()
    np.testing.assert_allclose(x.grad.data, np.full(n, 1 / n).astype(dtype))


# ---- Every elementwise operation with one input is compared ----


def test_every_smooth_function_of_one_input_is_compared_with_exact_values():
    smooth = {
        cls.ufunc
        for cls in OPERATIONS
        if cls.elementwise and not issubclass(cls, Constant) and cls.ufunc is not None
        if cls.__module__.endswith((".math", ".trigonometry")) and cls.ufunc.nin == 1
    }
    assert smooth <= {getattr(np, f.__name__, None) for f in EXACT}
