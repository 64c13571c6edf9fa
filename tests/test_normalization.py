"""Normalization: statistics, both modes, and errors."""

import numpy as np
import pytest

import wengert
from wengert import Variable
from wengert.functions.normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from wengert.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.normal(2, 3, size=(5, 4, 3, 2))
GAMMA, BETA = RNG.normal(size=(2, 4))

NORMS = {
    "batch": batch_norm,
    "group": lambda x, *affine: group_norm(x, 2, *affine),
    "instance": instance_norm,
    "layer": lambda x, *affine: layer_norm(x, *affine, axis=1),
    "rms": lambda x, gamma=None, beta=None: rms_norm(x, gamma, axis=1),
}


@pytest.mark.parametrize(
    ("f", "axes"),
    [
        (batch_norm, (0, 2, 3)),
        (instance_norm, (2, 3)),
        (lambda x: layer_norm(x, eps=1e-12), (3,)),
        (lambda x: layer_norm(x, axis=(1, -1)), (1, 3)),
        (lambda x: layer_norm(x, axis=None), None),
        (lambda x: group_norm(x, 1), (1, 2, 3)),
    ],
)
def test_the_result_has_mean_0_and_variance_1(f, axes):
    y = f(Variable(X)).data
    np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=axes), 1, atol=1e-3)


@pytest.mark.parametrize("f", NORMS.values(), ids=NORMS)
def test_derivatives_with_and_without_gamma_and_beta_are_right_to_third_order(f):
    check_gradients(f, X[:2, :, :2], order=3, rtol=1e-5)
    check_gradients(f, X[:2, :, :2], GAMMA, BETA, order=3, rtol=1e-5)


@pytest.mark.parametrize("f", NORMS.values(), ids=NORMS)
def test_float32_stays_float32(f):
    inputs = [Variable(a.astype(np.float32)) for a in (X, GAMMA, BETA)]
    y = f(*inputs)
    y.backward()
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, f(X, GAMMA, BETA), rtol=2e-5, atol=2e-6)


def test_a_mean_far_larger_than_the_deviation_loses_no_accuracy():
    np.testing.assert_allclose(batch_norm(X + 1e6), batch_norm(X), atol=1e-8)


def test_running_statistics_move_in_place_towards_the_mean_and_unbiased_variance():
    mean, var = np.ones(4), np.full(4, 2.0)
    batch_norm(Variable(X), None, None, mean, var, momentum=0.25)
    np.testing.assert_allclose(mean, 0.75 + 0.25 * X.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(var, 1.5 + 0.25 * X.var(axis=(0, 2, 3), ddof=1))


def test_inference_mode_uses_the_running_statistics_and_does_not_change_them():
    mean, var = np.arange(4.0), np.arange(1.0, 5.0)
    with wengert.test_mode():
        y = batch_norm(Variable(X), GAMMA, BETA, mean, var, eps=1e-3)
    c = (1, 4, 1, 1)
    expected = (X - mean.reshape(c)) / np.sqrt(var.reshape(c) + 1e-3)
    expected = GAMMA.reshape(c) * expected + BETA.reshape(c)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-13)
    assert mean.tolist() == [0, 1, 2, 3]
    assert var.tolist() == [1, 2, 3, 4]


def test_derivatives_in_inference_mode_are_right_to_third_order():
    mean, var = np.arange(4.0), np.arange(1.0, 5.0)
    with wengert.test_mode():
        check_gradients(lambda *a: batch_norm(*a, mean, var), X[:2, :, 0], GAMMA, BETA, order=3)


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_in_inference_mode_do_not_depend_on_later_running_statistics(create_graph):
    mean, var = np.arange(4.0), np.arange(1.0, 5.0)
    gradients = []
    for moved in (False, True):
        inputs = [Variable(a) for a in (X, GAMMA, BETA)]
        with wengert.test_mode():
            y = batch_norm(*inputs, mean, var)
        if moved:
            batch_norm(X, None, None, mean, var)
            assert mean[0] != 0
        y.backward(create_graph=create_graph)
        gradients.append([x.grad.data for x in inputs])
    for g, h in zip(*gradients, strict=True):
        np.testing.assert_array_equal(g, h)


def test_a_recorded_walk_to_statistics_that_have_changed_is_an_error():
    mean, var = Variable(np.arange(4.0)), Variable(np.arange(1.0, 5.0))
    with wengert.test_mode():
        y = batch_norm(X, None, None, mean, var)
    mean.data += 1
    with pytest.raises(RuntimeError, match="changed in place after the call"):
        y.backward(create_graph=True)


def test_running_statistics_are_inputs_of_both_modes():
    mean, var = np.arange(4.0), np.arange(1.0, 5.0)
    y = batch_norm(Variable(X), None, None, mean, var)
    assert y.creator.options() == {"eps": 1e-5, "momentum": 0.1}
    assert [x.data is a for x, a in zip(y.creator.inputs[1:], (mean, var), strict=True)]
    with wengert.test_mode():
        y = batch_norm(Variable(X), GAMMA, BETA, mean, var)
    assert y.creator.options() == {"eps": 1e-5}
    assert [x.data is a for x, a in zip(y.creator.inputs[1:3], (mean, var), strict=True)]


def test_without_running_statistics_both_modes_use_those_of_the_batch():
    with wengert.test_mode():
        y = batch_norm(X)
    np.testing.assert_array_equal(y, batch_norm(X))


def test_beta_alone_is_a_shift():
    np.testing.assert_allclose(
        batch_norm(X, None, BETA), batch_norm(X) + BETA.reshape(1, 4, 1, 1), rtol=1e-14
    )


def test_rms_norm_keeps_the_mean_and_divides_by_the_root_mean_square():
    expected = X / np.sqrt(np.mean(X * X, axis=-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(rms_norm(X), expected, rtol=1e-14)


def test_gamma_of_layer_norm_has_the_sizes_of_the_normalized_axes():
    gamma = RNG.normal(size=(4, 2))
    y = layer_norm(X, gamma, axis=(-1, 1))
    np.testing.assert_allclose(y, layer_norm(X, axis=(1, 3)) * gamma[:, None, :], rtol=1e-14)


def test_no_gradient_is_computed_for_a_constant():
    x, gamma = Variable(X, requires_grad=False), Variable(GAMMA)
    batch_norm(x, gamma).backward()
    assert x.grad is None
    np.testing.assert_allclose(gamma.grad.data, batch_norm(X).sum(axis=(0, 2, 3)), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batch_norm(X[0, 0, 0]), r"batch_norm: got x \(2,\), needed \(N, C\)"),
        (lambda: batch_norm(X, GAMMA[:3]), r"got gamma \(3,\), needed \(4,\)"),
        (lambda: batch_norm(X, GAMMA, BETA[:3]), r"got beta \(3,\), needed \(4,\)"),
        (lambda: batch_norm(X[:1, :, 0, 0]), r"more than one number .*, drop_last=True"),
        (lambda: batch_norm(X[:0]), "more than one number"),
        (lambda: batch_norm(X, eps=0), "batch_norm: got eps 0"),
        (lambda: batch_norm(X, momentum=2), "got momentum 2, needed 0 ≤ momentum ≤ 1"),
        (lambda: batch_norm(X, None, None, np.zeros(3), np.ones(4)), r"got running_mean \(3,\)"),
        (lambda: layer_norm(X, GAMMA), r"layer_norm: got gamma \(4,\), needed \(2,\)"),
        (lambda: layer_norm(X, axis=4), "layer_norm: got axis 4"),
        (lambda: rms_norm(X, eps=-1), "rms_norm: got eps -1"),
        (lambda: group_norm(X, 3), r"group_norm: got x \(5, 4, 3, 2\) and groups 3"),
        (lambda: group_norm(X, 0), "groups 0"),
        (lambda: instance_norm(X[:, :, :1, :1]), "instance_norm: .*more than one number"),
        (lambda: instance_norm(X[0, 0]), r"instance_norm: got x \(3, 2\)"),
    ],
)
def test_shapes_and_options_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("running", [(None, np.ones(4)), ([0.0] * 4, np.ones(4))])
def test_running_statistics_that_cannot_be_written_into_are_refused(running):
    with pytest.raises(TypeError, match=r"batch_norm: got running_mean .*an array to write into"):
        batch_norm(X, None, None, *running)


def test_a_float_number_of_groups_is_refused():
    with pytest.raises(TypeError, match=r"group_norm: got groups 2.0, needed an integer"):
        group_norm(X, 2.0)


def test_several_numbers_of_groups_are_refused():
    with pytest.raises(TypeError, match="group_norm: got groups \\(2, 2\\), needed an integer"):
        group_norm(np.ones((2, 4)), (2, 2))


# ---- Small dtypes, large numbers, masked groups ----

norms = pytest.mark.parametrize("f", NORMS.values(), ids=NORMS)


def with_gradients(f, x, *affine):
    """y, and the gradients of Σ y w, for fixed random weights w."""
    inputs = [Variable(a) for a in (x, *affine)]
    y = f(*inputs)
    y.backward(grad=np.random.default_rng(1).normal(size=y.shape).astype(y.dtype))
    return [y.data, *[v.grad.data for v in inputs if v.grad is not None]]


@norms
@pytest.mark.parametrize("scale", [1e-4, 300, 2e4])
def test_float16_is_that_of_float64_rounded(f, scale):
    x = (scale * X / 10).astype(np.float16)
    affine = [a.astype(np.float16) for a in (GAMMA, BETA)]
    found = with_gradients(f, x, *affine)
    expected = with_gradients(f, *[a.astype(np.float64) for a in (x, *affine)])
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == np.float16
        np.testing.assert_allclose(a.astype(float), b, rtol=4e-3, atol=4e-3 * np.abs(b).max())


@norms
def test_float16_is_right_for_many_numbers(f):
    x = np.tile(10 + X, (100, 1, 40, 40)).astype(np.float16)
    np.testing.assert_allclose(f(x).astype(float), f(x.astype(np.float64)), atol=4e-3)


def test_rms_norm_of_a_few_hundred_in_float16():
    assert rms_norm(np.array([300, 300], np.float16)).tolist() == [1, 1]


@norms
@pytest.mark.parametrize("scale", [1e18, 1e30, 1e37])
def test_numbers_whose_squares_overflow_are_normalized(f, scale):
    x = (scale * X / 10).astype(np.float32)
    affine = [a.astype(np.float32) for a in (GAMMA, BETA)]
    found = with_gradients(f, x, *affine)
    expected = with_gradients(f, *[a.astype(np.float64) for a in (x, *affine)])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())


@norms
def test_second_derivatives_of_numbers_whose_squares_overflow_are_right(f):
    def second(x):
        x = Variable(x)
        y = f(x)
        (g,) = wengert.grad([np.sum(y**3)], [x], create_graph=True)
        return wengert.grad([np.sum((g * scale) ** 2)], [x])[0].data * scale

    scale = 1e25
    found, expected = second((scale * X).astype(np.float32)), second(scale * X)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_one_large_group_leaves_the_others_as_they_are():
    x = X[0, 0].astype(np.float32)
    large = np.concatenate([x, np.float32([[1e30, 3e30]])])
    np.testing.assert_array_equal(layer_norm(large)[:3], layer_norm(x))
    np.testing.assert_allclose(layer_norm(large)[3], [-1, 1], rtol=1e-5)


def test_running_statistics_stay_finite():
    mean, var = np.zeros(4, np.float32), np.ones(4, np.float32)
    batch_norm((1e30 * X).astype(np.float32), running_mean=mean, running_var=var)
    assert np.isfinite(mean).all()
    assert np.isfinite(var).all()


@norms
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool])
def test_integers_are_normalized_as_floats(f, dtype):
    x = RNG.integers(0, 100, size=X.shape).astype(dtype)
    np.testing.assert_array_equal(f(x), f(x.astype(float)))


@pytest.mark.parametrize(
    "f",
    [
        batch_norm, layer_norm, rms_norm, instance_norm,
        lambda x, eps: group_norm(x, 2, eps=eps),
    ],
)  # fmt: skip
def test_an_eps_in_float64_changes_neither_dtype_nor_value(f):
    x = X.astype(np.float32)
    assert f(x, eps=np.float64(0.1)).dtype == np.float32
    np.testing.assert_array_equal(f(x, eps=np.array(0.1)), f(x, eps=0.1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("name", ["layer", "rms", "group", "instance"])
def test_a_group_that_is_masked_afterwards_may_be_anything(name, bad):
    masked = np.arange(5)[:, None, None, None] == 2

    def orders(x):
        inputs = [Variable(a) for a in (x, GAMMA, BETA)[: 2 if name == "rms" else 3]]
        y = np.sum(np.where(masked, 0, NORMS[name](*inputs)) ** 3)
        gs = wengert.grad([y], inputs, create_graph=True)
        squares = sum(np.sum(g * g) for g in gs)
        return [y, *gs, *wengert.grad([squares], inputs)]

    for a, b in zip(orders(np.where(masked, bad, X)), orders(X), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-12)


def test_elements_without_a_gradient_do_not_reach_gamma_in_inference_mode():
    x = X.copy()
    x[2] = np.nan
    gamma, beta = Variable(GAMMA), Variable(BETA)
    with wengert.test_mode():
        y = batch_norm(Variable(x), gamma, beta, np.ones(4), np.ones(4))
    np.sum(np.where(np.isnan(x), 0, y)).backward()
    assert np.isfinite(gamma.grad.data).all()
    assert np.isfinite(beta.grad.data).all()
