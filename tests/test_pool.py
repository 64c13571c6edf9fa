"""Pooling and interpolation: values, ties, padding, derivatives, errors."""

import numpy as np
import pytest

from wengert import Variable
from wengert.functions.interpolate import interpolate
from wengert.functions.pool import (
    MaxPool,
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from wengert.kernels import Geometry
from wengert.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.permutation(2 * 3 * 5 * 6).reshape(2, 3, 5, 6) / 30


def windows(x, kernel, stride):
    """(N, C, OH, OW, KH·KW)."""
    views = np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))
    views = views[:, :, :: stride[0], :: stride[1]]
    return views.reshape(*views.shape[:4], -1)


@pytest.mark.parametrize(
    ("kernel", "stride"), [((2, 2), (2, 2)), ((3, 2), (1, 3)), ((1, 1), (2, 1))]
)
def test_pooling_computes_the_maximum_and_the_mean_of_each_window(kernel, stride):
    seen = windows(X, kernel, stride)
    np.testing.assert_array_equal(max_pool2d(X, kernel, stride), seen.max(-1))
    np.testing.assert_allclose(avg_pool2d(X, kernel, stride), seen.mean(-1), rtol=1e-14)


def test_the_gradient_of_a_tie_goes_to_the_first():
    x = Variable(np.ones((1, 1, 2, 2)))
    max_pool2d(x, 2).backward()
    np.testing.assert_array_equal(x.grad.data[0, 0], [[1, 0], [0, 0]])


def test_the_gradients_of_overlapping_windows_add_up():
    x = Variable(np.array([[[1.0, 5.0, 2.0]]]))
    max_pool1d(x, 2, stride=1).backward()
    np.testing.assert_array_equal(x.grad.data, [[[0, 2, 0]]])


def test_padding_is_never_the_maximum():
    y = max_pool2d(-np.ones((1, 1, 2, 2)), 2, padding=1)
    np.testing.assert_array_equal(y, -np.ones((1, 1, 2, 2)))


def test_nan_gives_nan():
    x = X.copy()
    x[0, 0, 0, 0] = x[0, 0, 3, 3] = np.nan
    y = max_pool2d(x, 2)
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 0, 0], [0, 0, 1, 1]]


def test_the_gradient_of_an_unchosen_pixel_is_zero_though_gy_is_infinite():
    x = Variable(X)
    y = max_pool2d(x, 2)
    y.backward(grad=np.full(y.shape, np.inf))
    assert set(np.unique(x.grad.data)) == {0, np.inf}


def test_the_third_derivative_through_max_pooling_is_right():
    check_gradients(lambda x: max_pool2d(x**3, (2, 3), (2, 1)) ** 2, X, order=3, rtol=1e-5)


def test_a_function_called_twice_keeps_both_choices():
    pool = MaxPool(Geometry((2,), (2,), ((0, 0),), (1,)))
    a, b = Variable(np.array([[[1.0, 2.0]]])), Variable(np.array([[[2.0, 1.0]]]))
    y = pool(a) + pool(b)
    y.backward()
    np.testing.assert_array_equal(a.grad.data, [[[0, 1]]])
    np.testing.assert_array_equal(b.grad.data, [[[1, 0]]])


def test_the_choice_of_one_batch_is_not_an_option_of_the_gradient():
    x = Variable(np.array([[[1.0, 5.0, 2.0, 3.0]]]))
    y = max_pool1d(x, 2)
    gradient = y.creator.backward(Variable(np.ones((1, 1, 2)))).creator
    assert gradient.options() == {"geometry": Geometry((2,), (2,), ((0, 0),), (1,)), "sizes": (4,)}
    np.testing.assert_array_equal(gradient.inputs[1].data, [[[1, 1]]])


def test_a_window_of_more_than_255_elements_can_choose_its_last():
    x = Variable(np.arange(400.0).reshape(1, 1, 20, 20))
    y = max_pool2d(x, 20)
    y.backward()
    assert y.data.item() == 399
    assert np.flatnonzero(x.grad.data).tolist() == [399]


def test_ceil_mode_keeps_the_last_window_and_counts_only_elements_of_x():
    x = np.array([[[1.0, 2.0, 3.0, 4.0, 6.0]]])
    np.testing.assert_array_equal(max_pool1d(x, 2), [[[2, 4]]])
    np.testing.assert_array_equal(max_pool1d(x, 2, ceil_mode=True), [[[2, 4, 6]]])
    np.testing.assert_array_equal(avg_pool1d(x, 2, ceil_mode=True), [[[1.5, 3.5, 6]]])


def test_ceil_mode_leaves_out_a_window_of_padding_only():
    y = max_pool1d(np.array([[[1.0, 2.0, 3.0]]]), 2, padding=1, ceil_mode=True)
    np.testing.assert_array_equal(y, [[[1, 3]]])


def test_the_padding_counts_in_a_mean_unless_count_include_pad_is_false():
    x = np.ones((1, 1, 2))
    np.testing.assert_array_equal(avg_pool1d(x, 2, padding=1), [[[0.5, 0.5]]])
    y = avg_pool1d(x, 2, padding=1, count_include_pad=False)
    np.testing.assert_array_equal(y, [[[1, 1]]])


def test_an_empty_batch_gives_an_empty_result():
    x = Variable(np.ones((0, 3, 4, 4)))
    for y in (max_pool2d(x, 2), avg_pool2d(x, 2), adaptive_avg_pool(x, 3)):
        assert y.shape[:2] == (0, 3)
        y.backward()
    assert x.grad.shape == x.shape


def test_global_pooling_leaves_batch_and_channels():
    np.testing.assert_allclose(global_avg_pool(X), X.mean((2, 3)))
    np.testing.assert_array_equal(global_max_pool(X), X.max((2, 3)))


@pytest.mark.parametrize("size", [1, (5, 6), (3, 4), (2, 7)])
def test_adaptive_pooling_differentiates_three_times(size):
    check_gradients(lambda x: adaptive_avg_pool(x**2, size) ** 2, X, order=3, rtol=1e-5)
    check_gradients(lambda x: adaptive_max_pool(x**2, size) ** 2, X, order=3, rtol=1e-5)


def test_nearest_repeats_pixels():
    x = np.array([[[[1.0, 2.0], [3.0, np.inf]]]])
    expected = x.repeat(2, 2).repeat(3, 3)
    np.testing.assert_array_equal(interpolate(x, scale=(2, 3)), expected)


def test_linear_interpolation_reproduces_a_plane():
    plane = np.add.outer(np.arange(4.0), 10 * np.arange(5.0))[None, None]
    y = interpolate(plane, (7, 9), mode="bilinear", align_corners=True)
    expected = np.add.outer(np.arange(7) / 2, 5 * np.arange(9.0))
    np.testing.assert_allclose(y[0, 0], expected, rtol=1e-14, atol=1e-14)


def test_linear_interpolation_is_constant_beyond_the_outer_centers():
    y = interpolate(np.array([[[1.0, 3.0]]]), size=4, mode="linear")
    np.testing.assert_allclose(y, [[[1, 1.5, 2.5, 3]]], rtol=1e-14)


def test_interpolation_to_the_same_size_changes_nothing():
    for options in ({}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True}):
        np.testing.assert_allclose(interpolate(X, size=(5, 6), **options), X, rtol=1e-14)


@pytest.mark.parametrize("options", [{}, {"mode": "bilinear"}])
@pytest.mark.parametrize("size", [(10, 12), (3, 8)])
def test_interpolation_differentiates_three_times(size, options):
    check_gradients(lambda x: interpolate(x**2, size, **options) ** 2, X, order=3, rtol=1e-5)


IMAGE = np.ones((1, 2, 5, 5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: max_pool2d(IMAGE[0], 2), ValueError, r"max_pool2d: .*expand_dims\(x, 0\)"),
        (lambda: max_pool1d(IMAGE, 2), ValueError, r"max_pool1d: .*\(N, C, L\)"),
        (lambda: max_pool3d(IMAGE, 2), ValueError, r"max_pool3d: .*\(N, C, D, H, W\)"),
        (lambda: avg_pool3d(IMAGE, 2), ValueError, r"avg_pool3d: .*\(N, C, D, H, W\)"),
        (lambda: max_pool2d(IMAGE.astype(int), 2), TypeError, r"x\.astype\(np\.float32\)"),
        (lambda: max_pool2d(IMAGE, 6), ValueError, "larger than x"),
        (lambda: max_pool2d(IMAGE, 0), ValueError, "kernel 0"),
        (lambda: max_pool2d(IMAGE, 2, stride=0), ValueError, "stride 0"),
        (lambda: max_pool2d(IMAGE, 2, padding=2), ValueError, "less padding"),
        (lambda: avg_pool2d(IMAGE, (3, 1), padding=(1, 1)), ValueError, "less padding"),
        (lambda: avg_pool2d(IMAGE, 2.5), TypeError, "kernel 2.5"),
        (lambda: avg_pool2d(IMAGE, 2, padding="full"), ValueError, "'same', 'valid'"),
        (lambda: adaptive_avg_pool(IMAGE, (2, 2, 2)), ValueError, "adaptive_avg_pool: got size"),
        (lambda: adaptive_max_pool(IMAGE, 0), ValueError, "adaptive_max_pool: got size 0"),
        (lambda: adaptive_max_pool(np.ones((2, 3)), 1), ValueError, "adaptive_max_pool: got x"),
        (lambda: global_avg_pool(np.ones((2, 3))), ValueError, "global_avg_pool: got x"),
        (lambda: global_max_pool(IMAGE[:, :, :0]), ValueError, "global_max_pool: got x"),
        (lambda: interpolate(IMAGE), ValueError, "needed one of the two"),
        (lambda: interpolate(IMAGE, 3, 2.0), ValueError, "needed one of the two"),
        (lambda: interpolate(IMAGE, 3, mode="cubic"), ValueError, r"\['nearest', 'bilinear'\]"),
        (lambda: interpolate(IMAGE, 3, mode="linear"), ValueError, r"\['nearest', 'bilinear'\]"),
        (lambda: interpolate(IMAGE, 3, align_corners=True), ValueError, "needed a linear mode"),
        (lambda: interpolate(IMAGE, scale=0.1), ValueError, "y is not empty"),
        (lambda: interpolate(IMAGE, scale=(1, 2, 3)), ValueError, "or 2 of them"),
        (lambda: interpolate(IMAGE, scale=-1), ValueError, "scale -1"),
        (lambda: interpolate(IMAGE.astype(int), 3), TypeError, "needed floats"),
        (lambda: interpolate(IMAGE[0, 0], 3), ValueError, "interpolate: got x"),
    ],
)  # fmt: skip
def test_errors_name_the_function_and_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
