"""Activations: their values far from zero, at their kinks, and the inputs they refuse."""

import math

import numpy as np
import pytest

from wengert import Variable
from wengert.functions import activation
from wengert.testing import check_gradients

COMPOSED = {
    "selu": activation.selu,
    "celu": lambda x: activation.celu(x, 0.7),
    "mish": activation.mish,
    "softsign": activation.softsign,
    "log_sigmoid": activation.log_sigmoid,
    "hard_sigmoid": activation.hard_sigmoid,
    "hard_swish": activation.hard_swish,
    "glu": lambda x: activation.glu(x, 0),
}
# name: (the activation, its values at -1000 and 1000)
ALL = {
    "relu": (activation.relu, 0, 1000),
    "leaky_relu": (activation.leaky_relu, -10, 1000),
    "elu": (activation.elu, -1, 1000),
    "selu": (activation.selu, -1.0507009873554805 * 1.6732632423543772, 1050.7009873554805),
    "celu": (activation.celu, -1, 1000),
    "gelu": (activation.gelu, 0, 1000),
    "tanh gelu": (lambda x: activation.gelu(x, approximate=True), 0, 1000),
    "silu": (activation.silu, 0, 1000),
    "mish": (activation.mish, 0, 1000),
    "softplus": (activation.softplus, 0, 1000),
    "softsign": (activation.softsign, -1000 / 1001, 1000 / 1001),
    "sigmoid": (activation.sigmoid, 0, 1),
    "log_sigmoid": (activation.log_sigmoid, -1000, 0),
    "hard_sigmoid": (activation.hard_sigmoid, 0, 1),
    "hard_swish": (activation.hard_swish, 0, 1000),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("f", "low", "high"), ALL.values(), ids=ALL)
def test_values_far_from_zero_are_the_limits(f, low, high, dtype):
    y = f(Variable(np.array([-1000, 1000], dtype)))
    np.testing.assert_allclose(y.data, [low, high], rtol=2e-7 if dtype == np.float32 else 1e-14)
    assert y.dtype == dtype


@pytest.mark.parametrize(("f", "low", "high"), ALL.values(), ids=ALL)
def test_derivatives_of_numbers_of_any_size_are_finite(f, low, high):
    x = Variable(np.array([-1e30, -1e4, -100, 0, 100, 1e4, 1e30], np.float32))
    f(x).backward(create_graph=True)
    gx, x.grad = x.grad, None
    np.sum(gx * 1e-30 * x).backward()
    assert np.isfinite(gx.data).all()
    assert np.isfinite(x.grad.data).all()
    assert gx.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize("f", COMPOSED.values(), ids=COMPOSED)
def test_derivatives_of_compositions_are_right_to_third_order(f):
    check_gradients(f, np.array([[-2.5, -0.7, 0.2], [0.8, 1.4, 4.1]]), order=3)


def test_gelu_is_x_times_the_normal_distribution():
    x = np.linspace(-4, 4, 9)
    expected = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x]
    np.testing.assert_allclose(activation.gelu(x), expected, rtol=1e-11, atol=1e-15)


def test_approximate_gelu_is_near_gelu_but_is_not_gelu():
    x = np.linspace(-6, 6, 1001)
    error = abs(activation.gelu(x, approximate=True) - activation.gelu(x)).max()
    assert 1e-4 < error < 5e-4


@pytest.mark.parametrize("f", [activation.relu, activation.leaky_relu])
def test_a_kink_has_the_slope_to_its_left(f):
    x = Variable(np.array([-1.0, 0.0, 2.0]))
    f(x).backward()
    left = x.grad.data[0]
    assert x.grad.data.tolist() == [left, left, 1]


def test_elu_and_celu_are_smooth_at_zero():
    for f in (activation.elu, lambda x: activation.celu(x, 0.3)):
        x = Variable(np.array([-1e-12, 0.0, 1e-12]))
        f(x).backward()
        np.testing.assert_allclose(x.grad.data, 1, rtol=1e-11)


def test_selu_keeps_mean_0_and_variance_1_of_normal_numbers():
    y = activation.selu(np.random.default_rng(0).normal(size=200_000))
    assert y.mean() == pytest.approx(0, abs=0.01)
    assert y.var() == pytest.approx(1, abs=0.01)


def test_softplus_of_a_large_number_is_the_number_for_every_beta():
    for beta in (0.5, 2):
        assert activation.softplus(np.array([800.0]), beta) == pytest.approx([800])


def test_log_sigmoid_is_exact_where_sigmoid_rounds_to_one():
    assert activation.log_sigmoid(np.array(50.0)) == pytest.approx(-math.exp(-50), rel=1e-14)


def test_hard_swish_is_zero_up_to_minus_3_and_x_from_3():
    assert activation.hard_swish(np.array([-9.0, -3.0, 3.0, 9.0])).tolist() == [0, 0, 3, 9]


def test_glu_gates_the_first_half_by_the_second():
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    expected = x[:, :2] / (1 + np.exp(-x[:, 2:]))
    np.testing.assert_allclose(activation.glu(Variable(x), axis=1).data, expected, rtol=1e-14)


def test_glu_of_an_odd_length_is_refused():
    with pytest.raises(ValueError, match=r"glu: got x \(2, 3\), needed an even size along axis 1"):
        activation.glu(Variable(np.ones((2, 3))))


@pytest.mark.parametrize("slope", [np.array(0.5), np.array([0.5]), np.array([0.5, 0.5, 0.5])])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_prelu_has_a_slope_for_each_channel_or_one_for_all(slope, shape):
    x = np.random.default_rng(0).normal(size=shape)
    x_, slope_ = Variable(x), Variable(slope)
    y = activation.prelu(x_, slope_)
    y.backward()
    np.testing.assert_array_equal(y.data, activation.leaky_relu(x, 0.5))
    assert slope_.grad.shape == slope.shape
    assert slope_.grad.data.sum() == pytest.approx(x[x < 0].sum(), rel=1e-12)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 4, 3)])
def test_prelu_with_slopes_for_other_channels_is_refused(shape):
    with pytest.raises(ValueError, match=r"prelu: got slope \(3,\) for x \(.*4"):
        activation.prelu(Variable(np.ones(shape)), np.ones(3))


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="softplus: got beta 0"):
        activation.softplus(Variable(np.ones(2)), 0)
    with pytest.raises(ValueError, match="celu: got alpha 0"):
        activation.celu(Variable(np.ones(2)), 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_keeps_its_digits_far_from_zero(dtype):
    y = activation.sigmoid(Variable(np.array([-1000, -50, 0, 50, 1000], dtype)))
    np.testing.assert_allclose(y.data, [0, np.exp(-50.0), 0.5, 1, 1], rtol=4e-6)
    assert y.dtype == dtype


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_sums_to_one_along_its_axis_also_for_large_logits(axis):
    x = 1e4 * np.random.default_rng(0).normal(size=(4, 3))
    y = activation.softmax(Variable(x), axis)
    np.testing.assert_allclose(y.data.sum(axis=axis), 1, rtol=1e-14)


def test_log_softmax_is_exact_where_softmax_rounds_to_zero():
    assert activation.log_softmax(np.array([0.0, 2000.0])).tolist() == [-2000, 0]


@pytest.mark.parametrize("f", [activation.softmax, activation.log_softmax, activation.glu])
def test_an_axis_out_of_range_is_refused(f):
    with pytest.raises(ValueError, match="got axis 2"):
        f(Variable(np.ones((2, 2))), axis=2)
    with pytest.raises(TypeError, match="integer"):
        f(Variable(np.ones((2, 2))), axis=0.5)


@pytest.mark.parametrize("f", [activation.softmax, activation.log_softmax])
def test_softmax_of_no_elements_is_refused(f):
    with pytest.raises(ValueError, match="needed at least one element along axis"):
        f(Variable(np.ones((2, 0))))
