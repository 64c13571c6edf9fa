"""Gamma functions, normal distribution, logarithms: exact values, edges, derivatives."""

import mpmath
import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable
from wengert.testing import check_gradients

RNG = np.random.default_rng(0)
AROUND_1_AND_2 = np.array([1, 2])[:, None] + np.outer([1, -1], 10.0 ** -np.arange(1, 15)).ravel()
POSITIVE = np.concatenate(
    [RNG.uniform(0, 4, 20), RNG.uniform(3, 15, 20), 10.0 ** np.arange(-300, 300, 50)]
)
NEGATIVE = -RNG.uniform(0, 20, 40)
LINE = np.concatenate([RNG.uniform(-6, 6, 20), RNG.uniform(5, 26, 20), [1e-20, 1e-5]])
TAIL = 10.0 ** -np.arange(1, 300, 20)
NEAR_1 = 1 - 10.0 ** -np.arange(1, 16)


def inverse_of_erfc(q):
    """By Newton's method in many digits, from our value."""
    y = mpmath.mpf(float(F.erfcinv(float(q))))
    for _ in range(4):
        y += (mpmath.erfc(y) - q) * mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(y * y)
    return y


def normal(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


# The exact function, the points, the allowed errors: in ulp, and absolute (0: none).
EXACT = {
    "gammaln": (mpmath.loggamma, np.append(POSITIVE, AROUND_1_AND_2), 8, 0),
    "gammaln below 0": (lambda x: mpmath.log(abs(mpmath.gamma(x))), NEGATIVE, 8, 2e-14),
    "digamma": (mpmath.digamma, POSITIVE, 8, 1e-15),
    "digamma below 0": (mpmath.digamma, NEGATIVE, 8, 1e-13),
    "erfc": (mpmath.erfc, LINE, 8, 0),
    "erfcx": (lambda x: mpmath.exp(x * x) * mpmath.erfc(x), np.abs(LINE), 8, 0),
    "erfinv": (mpmath.erfinv, np.concatenate([RNG.uniform(-1, 1, 40), NEAR_1, TAIL]), 8, 0),
    "erfcinv": (inverse_of_erfc, np.concatenate([RNG.uniform(0, 2, 40), TAIL]), 8, 0),
    "ndtr": (normal, RNG.uniform(-37, 8, 40), 8, 0),
    "log_ndtr": (lambda x: mpmath.log(normal(x)), RNG.uniform(-200, 8, 40), 8, 0),
    "ndtri": (
        lambda p: -mpmath.sqrt(2) * inverse_of_erfc(2 * p),
        np.concatenate([RNG.uniform(0, 1, 40), TAIL]), 8, 0,
    ),
    "logit": (
        lambda p: mpmath.log(p / (1 - p)),
        np.concatenate([RNG.uniform(0, 1, 40), TAIL, 0.5 + TAIL]), 8, 0,
    ),
    "entr": (lambda x: -x * mpmath.log(x), POSITIVE, 8, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_values_are_exact_to_the_last_places(name):
    exact, points, ulps, absolute = EXACT[name]
    with mpmath.workdps(50):
        wanted = np.array([float(exact(mpmath.mpf(float(x)))) for x in points.ravel()])
    found = getattr(F, name.split()[0])(points.ravel())
    assert np.all(np.abs(found - wanted) <= ulps * np.spacing(np.abs(wanted)) + absolute)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 12])
def test_polygamma_is_exact_to_the_last_places(n):
    points = np.concatenate([RNG.uniform(0.01, 4, 20), RNG.uniform(3, 30, 20), [1e8]])
    with mpmath.workdps(50):
        wanted = np.array([float(mpmath.polygamma(n, mpmath.mpf(float(x)))) for x in points])
        below = np.array([float(mpmath.polygamma(n, mpmath.mpf(float(x)))) for x in NEGATIVE])
    found = F.polygamma(n, points)
    assert np.all(np.abs(found - wanted) <= 30 * np.spacing(np.abs(wanted)))
    np.testing.assert_allclose(F.polygamma(n, NEGATIVE), below, rtol=1e-12)


@pytest.mark.parametrize(("a", "b"), [(1e10, 0.01), (3.0, 1e6), (1e10, 1e10), (4.0, 5.0), (12, 11)])
def test_betaln_keeps_its_digits_for_large_arguments(a, b):
    with mpmath.workdps(60):
        a_, b_ = mpmath.mpf(a), mpmath.mpf(b)
        terms = [mpmath.loggamma(x) for x in (a_, b_, a_ + b_)]
        wanted = float(terms[0] + terms[1] - terms[2])
        slope = float(mpmath.digamma(b_) - mpmath.digamma(a_ + b_))
    x = Variable(float(b))
    y = F.betaln(float(a), x)
    y.backward()
    assert float(y) == pytest.approx(wanted, rel=1e-14)
    assert float(x.grad) == pytest.approx(slope, rel=1e-13)
    assert float(F.betaln(float(b), float(a))) == pytest.approx(wanted, rel=1e-14)


INF, NAN = np.inf, np.nan
EDGES = {
    "gammaln": {0.0: INF, 1.0: 0, 2.0: 0, -1.0: INF, INF: INF, -INF: INF, NAN: NAN},
    "digamma": {0.0: -INF, -1.0: NAN, INF: INF, -INF: NAN, NAN: NAN},
    "erfc": {0.0: 1, 1e30: 0, INF: 0, -INF: 2, NAN: NAN},
    "erfcx": {0.0: 1, -1e30: INF, INF: 0, -INF: INF, NAN: NAN},
    "erfinv": {0.0: 0, 1.0: INF, -1.0: -INF, 1.1: NAN, INF: NAN, NAN: NAN},
    "erfcinv": {0.0: INF, 1.0: 0, 2.0: -INF, -0.1: NAN, 2.1: NAN, NAN: NAN},
    "ndtr": {0.0: 0.5, INF: 1, -INF: 0, NAN: NAN},
    "log_ndtr": {INF: 0, -INF: -INF, NAN: NAN},
    "ndtri": {0.0: -INF, 0.5: 0, 1.0: INF, -0.1: NAN, 1.1: NAN, NAN: NAN},
    "logit": {0.0: -INF, 0.5: 0, 1.0: INF, -0.1: NAN, 1.1: NAN, NAN: NAN},
    "entr": {0.0: 0, 1.0: 0, -1.0: -INF, INF: -INF, NAN: NAN},
}


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_edges_have_their_limits_without_a_warning(name, dtype):
    x = np.array(list(EDGES[name]), dtype)
    y = getattr(F, name)(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, list(EDGES[name].values()))


def test_polygamma_has_poles_of_its_sign():
    x = np.array([0.0, -1.0, -2.0, INF])
    np.testing.assert_array_equal(F.polygamma(1, x), [INF, INF, INF, 0])
    np.testing.assert_array_equal(F.polygamma(2, x), [-INF, NAN, NAN, 0])


@pytest.mark.parametrize("f", [F.xlogy, F.xlog1py])
def test_0_times_a_logarithm_is_0_and_so_is_its_gradient_for_the_other_factor(f):
    at = 0.0 if f is F.xlogy else -1.0
    x, y = Variable(np.array([0.0, 0.0, 0.0])), Variable(np.array([at, INF, 2.0]))
    z = f(x, y)
    with np.errstate(divide="ignore"):
        z.backward()
    assert z.data.tolist() == [0, 0, 0]
    assert y.grad.data.tolist() == [0, 0, 0]
    assert x.grad.data[0] == -INF
    assert np.isnan(f(0.0, NAN))


def test_entropies_of_probabilities_with_zeros_have_gradients():
    p = Variable(np.array([0.5, 0.5, 0.0]))
    np.testing.assert_allclose(np.sum(F.entr(p)).data, np.log(2))
    check_gradients(F.entr, np.array([0.2, 0.8]), order=3)


def test_logit_limits_probabilities_to_eps():
    x = Variable(np.array([0.0, 0.3, 1.0]))
    y = F.logit(x, eps=1e-3)
    np.testing.assert_allclose(y.data, F.logit(np.array([1e-3, 0.3, 0.999])))
    y.backward()
    np.testing.assert_allclose(x.grad.data, [0, 1 / 0.21, 0])
    np.testing.assert_allclose(F.sigmoid(F.logit(x.data)), x.data)


@pytest.mark.parametrize(("f", "x"), [
    (F.gammaln, -2.4), (F.digamma, -2.4), (lambda x: F.polygamma(1, x), 0.7),
    (F.erfcx, 60.0), (F.erfcx, -1.0), (F.log_ndtr, -30.0), (F.log_ndtr, 3.0), (F.ndtri, 0.03),
    (F.erfinv, 0.93), (F.erfcinv, 1.9), (F.logit, 0.1),
    (lambda x: F.betaln(x, 3.0), 20.0), (lambda x: F.betaln(x, 2 * x), 1.5),
    (F.ndtr, -3.0), (F.erfc, 2.0),
])  # fmt: skip
def test_derivatives_are_right_to_third_order_in_the_tails(f, x):
    check_gradients(f, np.array(x), order=3, rtol=2e-5, atol=1e-12)


def test_the_slope_of_erfcx_keeps_its_digits_far_out():
    x = Variable(np.array([1e3, 1e6, 1e100]))
    F.erfcx(x).backward()
    np.testing.assert_allclose(x.grad.data, -(x.data**-2) / np.sqrt(np.pi), rtol=2e-6)


@pytest.mark.parametrize("name", ["gammaln", "digamma", "erfc", "erfcx", "log_ndtr", "ndtr"])
def test_small_dtypes_are_computed_with_enough_digits(name):
    f = getattr(F, name)
    whole = np.array([1, 3, 200], np.uint8)
    np.testing.assert_allclose(f(whole), f(whole.astype(float)))
    half = np.array([0.5, 3, 4], np.float16)
    assert f(half).dtype == np.float16
    np.testing.assert_array_equal(f(half), f(half.astype(np.float32)).astype(np.float16))
    single = np.array([0.1, 1.5, 2.5, 7, 30], np.float32)
    np.testing.assert_allclose(f(single), f(single.astype(float)), rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize(("n", "error"), [(-1, ValueError), (101, ValueError), (1.0, TypeError)])
def test_the_order_of_polygamma_is_checked(n, error):
    with pytest.raises(error, match=r"polygamma: got n .*, needed"):
        F.polygamma(n, 1.0)


# ---- Running extrema ----


@pytest.mark.parametrize(("f", "ufunc"), [(F.cummax, np.maximum), (F.cummin, np.minimum)])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_running_extrema_are_numpys(f, ufunc, axis):
    x = RNG.integers(0, 5, size=(3, 6, 2)).astype(float)
    x[1, 2, 0] = NAN
    y = f(Variable(x), axis)
    np.testing.assert_array_equal(y.data, ufunc.accumulate(x, axis=axis))
    check_gradients(lambda x: f(x, axis), RNG.permutation(36).reshape(3, 6, 2) / 9, order=3)


def test_the_first_of_equal_elements_gets_the_gradient_of_a_running_maximum():
    x = Variable(np.array([1.0, 3.0, 3.0, 2.0, NAN, 9.0, NAN]))
    F.cummax(x).backward()
    assert x.grad.data.tolist() == [1, 3, 0, 0, 3, 0, 0]
    x = Variable(np.array([2.0, 1.0, 1.0]))
    F.cummin(x).backward()
    assert x.grad.data.tolist() == [1, 2, 0]


def test_running_extrema_take_integers_and_refuse_other_axes():
    assert F.cummax(np.array([1, 3, 2], np.int8)).dtype == np.int8
    assert F.cummin(np.empty((0, 3)), 0).shape == (0, 3)
    with pytest.raises(ValueError, match="cummax: got axis 2"):
        F.cummax(np.ones((2, 2)), axis=2)
