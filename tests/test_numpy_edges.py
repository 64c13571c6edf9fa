"""NumPy's functions on Variables at zeros, ties, NaN and infinity, and with wrong arguments."""

import numpy as np
import pytest

import wengert as wg
from wengert import Variable
from wengert.testing import check_gradients

NAN, INF = np.nan, np.inf


def gradient(f, *arrays):
    """The gradients of the sum of f, as lists."""
    xs = [Variable(np.asarray(a, float)) for a in arrays]
    np.sum(f(*xs)).backward()
    grads = [np.zeros_like(x.data) if x.grad is None else x.grad.data for x in xs]
    return grads[0].tolist() if len(grads) == 1 else [g.tolist() for g in grads]


def hessian(f, a):
    return wg.hessian(lambda x: np.sum(f(x)))(np.asarray(a, float)).tolist()


# ---- Degenerate cases ----


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: np.nanstd(x), [2.0, NAN]), (lambda x: np.nanstd(x), [3.0, 3.0]),
    (lambda x: np.nanstd(x, axis=0), [[1.0], [NAN]]),
    (lambda x: np.std(x, where=np.array([True, False])), [2.0, 5.0]),
    (lambda x: np.std(x, mean=np.mean(x, keepdims=True)), [1.0, 1.0]),
    (lambda x: np.hypot(x, 0 * x), [0.0, 0.0]), (lambda x: np.hypot.reduce(x), [0.0, 0.0]),
])  # fmt: skip
def test_a_spread_or_length_of_zero_has_gradient_zero(f, x):
    assert not np.any(gradient(f, x))


def test_the_gradient_of_a_product_that_has_zeros_is_that_of_the_other_factors():
    assert gradient(np.cumprod, [2.0, 0.0, 3.0, 5.0]) == [1.0, 2 + 6 + 30, 0.0, 0.0]
    assert gradient(np.nanprod, [2.0, 0.0, NAN, 5.0]) == [0.0, 10.0, 0.0, 0.0]


def test_cumulative_products_of_many_factors_take_little_memory():
    x = Variable(np.full(20_000, 0.9999))
    np.cumprod(x)[-1].backward()
    np.testing.assert_allclose(x.grad.data, 0.9999**19_999, rtol=1e-9)


@pytest.mark.parametrize("x", [0.0, 1e-9, -1e-5, 0.6, 0.64, 5.0])
def test_sinc_is_exact_near_zero_and_elsewhere_to_second_order(x):
    t, h = np.pi * x, 1e-3
    first = np.pi * (-t / 3 + t**3 / 30) if abs(t) < 0.01 else (np.cos(t) - np.sinc(x)) / x
    assert gradient(np.sinc, x) == pytest.approx(first, rel=1e-7, abs=1e-12)
    differences = (gradient(np.sinc, x + h) - gradient(np.sinc, x - h)) / (2 * h)
    assert hessian(np.sinc, x) == pytest.approx(differences, rel=1e-4)


def test_i0_has_the_derivative_i1():
    # Abramowitz & Stegun, table 9.8: exp(-x) I1(x)
    for x, scaled in [(0.2, 0.0822831235), (1.0, 0.2079104154), (5.0, 0.1639722669)]:
        assert gradient(np.i0, x) * np.exp(-x) == pytest.approx(scaled, abs=1e-9)
    assert gradient(np.i0, 0.0) == 0.0
    assert hessian(np.i0, 0.0) == pytest.approx(0.5)
    assert gradient(np.i0, 300.0) == pytest.approx(np.i0(300.0) * (1 - 1 / 600), rel=1e-5)


# ---- NaN and infinity ----


def test_a_median_or_quantile_of_nan_is_nan():
    x = Variable([[1.0, NAN, 3.0], [4.0, 2.0, 6.0]])
    np.testing.assert_array_equal(np.median(x, axis=1).data, [NAN, 4.0])
    np.testing.assert_array_equal(np.quantile(x, [0.0, 1.0], axis=1).data, [[NAN, 2], [NAN, 6]])


@pytest.mark.parametrize(
    "f", [np.nansum, np.nanmean, np.nanmax, np.nanmedian, np.nanvar, np.nanprod]
)
def test_nan_that_is_left_out_has_gradient_zero(f):
    assert np.all(np.isfinite(gradient(f, [2.0, NAN, 0.5])))
    assert gradient(f, [2.0, NAN, 0.5])[1] == 0.0


@pytest.mark.parametrize(
    "f", [np.nanmean, np.nanmax, np.nanmin, np.nanvar, np.nanstd, np.nanmedian]
)
def test_nothing_but_nan_gives_nan(f):
    assert np.isnan(f(Variable([NAN, NAN])).data)


def test_infinite_elements_beside_a_quantile_do_not_make_it_nan():
    x = Variable([INF, 1.0, 2.0, -INF, 3.0])
    assert np.median(x).item() == 2.0
    assert np.quantile(x, 0.25).item() == 1.0
    assert np.quantile(x, 1.0).item() == INF
    assert gradient(np.median, [INF, 1.0, 2.0, -INF, 3.0]) == [0.0, 0.0, 1.0, 0.0, 0.0]


def test_nan_to_num_has_gradient_zero_where_it_replaces():
    y = np.nan_to_num(Variable([NAN, INF, -INF, 2.0]), nan=5.0)
    np.testing.assert_array_equal(y.data, np.nan_to_num([NAN, INF, -INF, 2.0], nan=5.0))
    assert gradient(lambda x: np.nan_to_num(x) * x**0, [NAN, INF, -INF, 2.0])[3] == 1.0
    assert gradient(np.nan_to_num, [NAN, INF, -INF, 2.0]) == [0.0, 0.0, 0.0, 1.0]


def test_choices_that_are_not_taken_count_for_nothing():
    x = [0.0, -1.0, 4.0]
    with np.errstate(all="ignore"):
        assert gradient(lambda x: np.select([x > 0], [np.sqrt(x)], 0.0), x) == [0.0, 0.0, 0.25]
    f = lambda x: np.choose(np.array([0, 0, 1]), [x, np.log(x)])  # noqa: E731
    with np.errstate(all="ignore"):
        assert gradient(f, x) == [1.0, 1.0, 0.25]
    assert gradient(lambda x: np.piecewise(x, [x > 0], [np.sqrt, 0.0]), x) == [0.0, 0.0, 0.25]
    assert gradient(lambda x: np.extract(x > 0, x), x) == [0.0, 0.0, 1.0]


def test_fmax_and_fmin_take_the_number_beside_nan():
    for f in (np.fmax, np.fmin):
        np.testing.assert_array_equal(f(Variable([NAN, 2.0]), [1.0, NAN]).data, [1.0, 2.0])
        assert gradient(f, [NAN, 2.0], [1.0, NAN]) == [[0.0, 1.0], [1.0, 0.0]]


def test_interp_beyond_the_points_has_slope_zero():
    f = lambda x, fp: np.interp(x, [0.0, 1.0, 2.0], fp)  # noqa: E731
    gx, gfp = gradient(f, [-1e300, 0.5, 1e300], [1.0, 2.0, 4.0])
    assert (gx, gfp) == ([0.0, 1.0, 0.0], [1.5, 0.5, 1.0])


def test_copysign_and_heaviside_at_zero():
    assert gradient(np.copysign, [2.0, -3.0], [-0.0, 0.0]) == [[-1.0, -1.0], [0.0, 0.0]]
    assert gradient(np.heaviside, [0.0, 1.0, -1.0], [0.5, 0.5, 0.5]) == [[0.0] * 3, [1.0, 0.0, 0.0]]


def test_modf_of_infinity_and_integers():
    fraction, whole = np.modf(Variable([INF, -2.0, 2.5, -INF]))
    np.testing.assert_array_equal(fraction.data, [0.0, 0.0, 0.5, 0.0])
    np.testing.assert_array_equal(whole.data, [INF, -2.0, 2.0, -INF])


# ---- Sums of small dtypes ----


def test_products_and_convolutions_of_float16_are_rounded_once():
    x = Variable(np.full(500, 1.001, np.float16))
    np.testing.assert_allclose(np.cumprod(x).data, np.cumprod(x.data.astype(float)), rtol=1e-3)
    y = np.convolve(Variable(np.ones(4000, np.float16)), np.ones(4000, np.float16)).data
    assert y.max() == 4000


@pytest.mark.parametrize("f", [np.nanmean, np.average, lambda x: np.mean(x, where=x.data > 0)])
def test_a_mean_of_many_numbers_in_float16_does_not_overflow(f):
    assert f(Variable(np.full(3000, 100, np.float16))).item() == 100


# ---- Where NumPy is stricter or wider ----


def test_cross_products_of_vectors_of_two_elements():
    a, b, c = np.array([[0.5, 2.0]]), np.array([1.5, -1.0]), np.array([0.3, 0.2, 0.7])
    assert np.cross(Variable(a), b).data.tolist() == [0.5 * -1.0 - 2.0 * 1.5]
    expected = np.cross(np.append(b, 0.0), c)
    np.testing.assert_allclose(np.cross(Variable(b), c).data, expected)
    np.testing.assert_allclose(np.cross(c, Variable(b)).data, -expected)
    check_gradients(np.cross, b, c, order=3)


def test_a_quotient_of_polynomials_times_the_divisor_plus_the_remainder_is_the_dividend():
    u, v = Variable([2.0, -3.0, 0.5, 1.0]), Variable([0.5, 1.0, -2.0])
    q, r = np.polydiv(u, v)
    np.testing.assert_allclose(np.polyadd(np.polymul(q, v), r).data, u.data, atol=1e-12)
    np.testing.assert_allclose(r.data, np.polydiv(u.data, v.data)[1])


def test_the_derivative_of_a_quantile_by_its_fraction():
    x = np.array([1.0, 4.0, 2.0, 8.0])
    q = Variable(0.4)
    np.quantile(Variable(x), q).backward()
    assert q.grad.item() == pytest.approx(3 * (4.0 - 2.0))
    check_gradients(lambda x, q: np.quantile(x, q), x, np.array([0.2, 0.8]), order=2)
    check_gradients(lambda x, q: np.percentile(x, q), x, np.array(20.0), order=2)


def test_sliding_windows_are_recorded():
    windows = np.lib.stride_tricks.sliding_window_view
    x = np.arange(12.0).reshape(3, 4)
    for args in [((2, 2),), (3, 1), ((2, 2), (1, 1))]:
        np.testing.assert_array_equal(windows(Variable(x), *args).data, windows(x, *args))
    check_gradients(lambda x: windows(x, (2, 3)) ** 2, x, order=3)


def test_a_histogram_of_weights_that_are_variables_is_a_sum():
    a, w = np.array([0.1, 0.4, 0.4, 0.9, 7.0]), Variable([1.0, 2.0, 3.0, 4.0, 5.0])
    counts, edges = np.histogram(a, [0.0, 0.3, 0.5, 0.9], weights=w)
    assert counts.data.tolist() == [1.0, 5.0, 4.0]
    assert edges.tolist() if isinstance(edges, np.ndarray) else edges.data.tolist()
    np.sum(counts * np.array([1.0, 10.0, 100.0])).backward()
    assert w.grad.data.tolist() == [1.0, 10.0, 10.0, 100.0, 0.0]


def test_ufuncs_with_a_dtype_compute_in_it():
    x = Variable(np.array([1.0, 2.0], np.float32))
    assert np.exp(x, dtype=np.float64).dtype == np.float64
    assert np.add(x, 1, dtype=np.float64).dtype == np.float64
    assert np.add(x.data, Variable([1.0, 2.0]), dtype=np.float32).dtype == np.float32
    assert np.add(x, 1, out=None, where=True, casting="same_kind", order="K").dtype == np.float32
    with pytest.raises(TypeError, match=r"np\.add: got float32 and dtype=int64, needed a dtype of"):
        np.add(x, 1, dtype=int)


def test_options_of_products_are_recorded_or_refused_with_the_cure():
    x = Variable(np.arange(6.0).reshape(2, 3))
    assert np.vecdot(x, x, axis=0, keepdims=True).shape == (1, 3)
    assert np.vecdot(x, x, dtype=np.float32).dtype == np.float32
    with pytest.raises(TypeError, match=r"matmul with axes is not recorded.*np\.moveaxis"):
        np.matmul(x, x, axes=[(0, 1), (1, 0), (0, 1)])


def test_reducing_an_empty_array_gives_the_identity():
    assert np.add.reduce(Variable(np.ones((0, 2)))).data.tolist() == [0.0, 0.0]
    assert np.logaddexp.reduce(Variable(np.ones((0, 2)))).data.tolist() == [-INF, -INF]
    with pytest.raises(ValueError, match="zero-size"):
        np.subtract.reduce(Variable(np.ones((0, 2))))


def test_files_take_variables(tmp_path):
    x = Variable([1.0, 2.0])
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x)
    assert np.load(tmp_path / "x.npy").tolist() == [1.0, 2.0]
    assert np.load(tmp_path / "x.npz")["x"].tolist() == [1.0, 2.0]


SIZES = [(np.float32, s) for s in (1e-36, 1e-22, 1e-10, 1e19, 1e36)]
SIZES += [(np.float64, s) for s in (1e-300, 1e-160, 1e-30, 1e160, 1e300)]


@pytest.mark.parametrize(("dtype", "size"), SIZES)
@pytest.mark.parametrize("f", [
    lambda x: np.nanstd(x, axis=1),
    lambda x: np.nanstd(x, axis=(0, 1), ddof=1, keepdims=True),
    lambda x: np.std(x, axis=1, where=[True, True, False, True]),
    lambda x: np.std(x, axis=0, mean=np.mean(x, axis=0, keepdims=True)),
])  # fmt: skip
def test_deviations_of_selected_elements_neither_overflow_nor_underflow(f, dtype, size):
    x = Variable(np.array([[1.0, 2.0, 5.0, -1.0], [0.5, 3.0, -2.0, 0.0]]))
    scaled = Variable((x.data * size).astype(dtype))
    y, scaled_y = f(x), f(scaled)
    y.backward()
    scaled_y.backward()
    np.testing.assert_allclose(scaled_y.data / dtype(size), y.data, rtol=1e-5)
    np.testing.assert_allclose(scaled.grad.data, x.grad.data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_correlations_of_rows_of_every_size(size):
    x = np.array([[1.0, 2.0, 5.0, -1.0], [0.5, 3.0, -2.0, 0.0]])
    scaled = x * np.array([[size], [1.0]])
    np.testing.assert_allclose(np.corrcoef(Variable(scaled)).data, np.corrcoef(x), rtol=1e-12)
    expected, found = (Variable(values) for values in (x, scaled))
    np.corrcoef(expected)[0, 1].backward()
    np.corrcoef(found)[0, 1].backward()
    np.testing.assert_allclose(found.grad.data * [[size], [1.0]], expected.grad.data, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # (of the squares of residuals)
@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_least_squares_have_their_gradients_at_every_size(dtype, size):
    A, b = np.array([[1.0, 0.3], [0.2, 2.0], [0.5, -1.0]]), np.array([1.0, -2.0, 3.0])
    expected, found = Variable(A), Variable((A * size).astype(dtype))
    np.linalg.lstsq(expected, b)[0].backward()
    np.linalg.lstsq(found, (b * size).astype(dtype))[0].backward()
    np.testing.assert_allclose(found.grad.data * dtype(size), expected.grad.data, rtol=1e-4)


def test_ldexp_takes_a_python_integer():
    x = Variable(np.array([1.0, 3.0], np.float32))
    y = np.ldexp(x, 2)
    y.backward()
    assert y.dtype == np.float32
    assert y.data.tolist() == [4.0, 12.0]
    assert x.grad.data.tolist() == [4.0, 4.0]


def test_the_deviation_of_float16_is_rounded_once():
    x = (np.random.default_rng(0).normal(size=50) * 1e-3).astype(np.float16)
    y = np.nanstd(Variable(x))
    assert y.data == np.std(x.astype(float)).astype(np.float16)


# ---- Wrong arguments ----


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda x: np.median(x, axis=2), ValueError, r"^median: got axis 2 for shape \(2, 2\)"),
    (lambda x: np.quantile(x, 1.5), ValueError, "^quantile: got q out of range, needed 0 ≤ q ≤ 1"),
    (lambda x: np.percentile(x, 150), ValueError, "needed 0 ≤ q ≤ 100"),
    (lambda x: np.median(x[:0]), ValueError, "^median: got shape .* which is empty"),
    (lambda x: np.diff(x, n=-1), ValueError, "^diff: got n -1"),
    (lambda x: np.gradient(x, 1.0, 2.0, 3.0), TypeError, "^gradient: got 3 distances for 2 axes"),
    (lambda x: np.gradient(x, edge_order=2), ValueError, "^gradient: .* needed 3 samples"),
    (lambda x: np.interp(x, [0.0, 1.0], [1.0]), ValueError, "^interp: got xp"),
    (lambda x: np.cross(x[0, :1], x[0]), ValueError, "^cross: got vectors of 1 and 2 elements"),
    (lambda x: np.convolve(x, x), ValueError, "^convolve: got shapes .* needed two vectors"),
    (lambda x: np.convolve(x[0], x[0], "all"), ValueError, "^convolve: got mode 'all'"),
    (lambda x: np.pad(x, 1, mode="empty"), ValueError, "^pad: got mode 'empty', needed 'constant'"),
    (lambda x: np.array_split(x, 0), ValueError, "^array_split: got indices_or_sections 0"),
    (lambda x: np.hsplit(x, 3), ValueError, "^hsplit: .* needed a divisor of 2; use np.array"),
    (lambda x: np.vsplit(x[0], 1), ValueError, "^vsplit: .* needed at least 2 axes"),
    (lambda x: np.diag(x[None]), ValueError, "^diag: got shape"),
    (lambda x: np.vander(x), ValueError, "^vander: got shape"),
    (lambda x: np.geomspace(x, -x, 3), ValueError, "^geomspace: needed numbers of the same sign"),
    (lambda x: np.linspace(x, 1, num=-1), ValueError, "^linspace: got num -1"),
    (lambda x: np.meshgrid(x[0], x[1], indexing="ji"), ValueError, "^meshgrid: got indexing 'ji'"),
    (lambda x: np.nan_to_num(x, copy=False), TypeError, "^nan_to_num: got copy=False"),
    (lambda x: np.select([x], [x]), TypeError, "^select: got a condition of float64"),
    (lambda x: np.select([x > 0], [x, x]), ValueError, "^select: got 1 conditions and 2 choices"),
    (lambda x: np.choose(x, [x, x]), TypeError, "^choose: got indices of float64"),
    (lambda x: np.average(x, weights=[1.0, 2.0]), ValueError, "^average: got weights"),
    (lambda x: np.average(x, 0, [0.0, 0.0]), ZeroDivisionError, "^average: got weights whose sum"),
    (lambda x: np.cov(x[None]), ValueError, "^cov: got shape"),
    (lambda x: np.reshape(x, -1, order="A"), ValueError, "^reshape: got order 'A'"),
    (lambda x: np.take(x, [9], mode="last"), ValueError, "^take: got mode 'last'"),
    (lambda x: np.rot90(x, axes=(0, 0)), ValueError, "^rot90: got axis"),
    (lambda x: np.bincount([0, -1], weights=x[0]), ValueError, "^bincount: got -1"),
    (lambda x: np.polyfit(x[0], x[0], 5), ValueError, "^polyfit: got 2 points for degree 5"),
    (lambda x: np.polyfit(x[0], x[0], 1, full=True), TypeError, "^polyfit: got full or cov"),
    (lambda x: np.poly(x), ValueError, "^poly: .*eigvalsh"),
    (lambda x: np.block([[x], x]), ValueError, "^block: got lists of depths"),
    (lambda x: np.einsum(x, [0, "a"]), TypeError, "^einsum: got labels"),
    (lambda x: np.max(x, where=x.data > 0), ValueError, "^max: got where without initial"),
    (lambda x: np.apply_along_axis(np.sum, 2, x), ValueError, "^apply_along_axis: got axis 2"),
    (lambda x: np.cumprod(x, axis=5), ValueError, "^cumprod: got axis 5"),
    (lambda x: np.median(x, wrong=1), TypeError, "wrong"),
    (lambda x: np.log(x, where=x.data > 0, out=np.zeros((2, 2))), TypeError, r"use np\.where\(mas"),
    (lambda x: np.log(x, where=x.data > 0), TypeError, r"use np\.where\(mask, np\.log\(x\), 0\)"),
])  # fmt: skip
def test_wrong_arguments_are_named_with_what_was_needed(call, error, message):
    with pytest.raises(error, match=message):
        call(Variable([[1.0, 2.0], [3.0, 4.0]]))


def test_padding_by_a_dict_of_axes():
    x = Variable([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(np.pad(x, {1: (1, 2)}).data, np.pad(x.data, ((0, 0), (1, 2))))
    np.testing.assert_array_equal(
        np.pad(x, {-1: 1}, "edge").data, np.pad(x.data, ((0, 0), (1, 1)), "edge")
    )


def test_equal_neighbours_of_a_quantile_share_its_gradient():
    assert gradient(lambda x: np.quantile(x, 0.25), [1.0, 1.0, 3.0]) == [0.5, 0.5, 0.0]
    assert gradient(np.median, [2.0, 2.0]) == [0.5, 0.5]
