"""Initial values of parameters."""

from functools import partial

import numpy as np
import pytest

import wengert.layers as L
from wengert import initializers as I
from wengert import random

SCALED = {
    I.lecun_normal: lambda i, o: 1 / i,
    I.lecun_uniform: lambda i, o: 1 / i,
    I.he_normal: lambda i, o: 2 / i,
    I.he_uniform: lambda i, o: 2 / i,
    I.glorot_normal: lambda i, o: 2 / (i + o),
    I.glorot_uniform: lambda i, o: 2 / (i + o),
}
OTHERS = [I.constant, I.zeros, I.ones, I.uniform, I.normal, I.truncated_normal, I.orthogonal]


def variance(array):
    assert abs(np.mean(array)) < 0.05 * np.std(array)
    return np.var(array)


@pytest.mark.parametrize("initializer", SCALED)
def test_the_variance_of_a_matrix_follows_from_its_shape(initializer):
    random.seed(0)
    W = initializer((200, 100), np.float32)
    assert variance(W) == pytest.approx(SCALED[initializer](200, 100), rel=0.03)


@pytest.mark.parametrize("initializer", SCALED)
def test_the_variance_of_other_weights_follows_from_their_fans(initializer):
    random.seed(0)
    W = initializer((20, 10, 10, 10), np.float32, (7, 3))
    assert variance(W) == pytest.approx(SCALED[initializer](7, 3), rel=0.05)


@pytest.mark.parametrize("initializer", SCALED)
def test_without_fans_other_weights_are_refused(initializer):
    with pytest.raises(ValueError, match=rf"{initializer.__name__}: got shape \(2, 3, 4\)"):
        initializer((2, 3, 4))


@pytest.mark.parametrize("initializer", [*SCALED, *OTHERS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_are_those_asked_for(initializer, dtype):
    W = initializer((3, 2), dtype)
    assert W.shape == (3, 2)
    assert W.dtype == dtype


@pytest.mark.parametrize("initializer", [*SCALED, I.uniform, I.normal, I.truncated_normal])
def test_a_seed_determines_the_values(initializer):
    random.seed(3)
    first = initializer((4, 5))
    again = initializer((4, 5))
    random.seed(3)
    np.testing.assert_array_equal(initializer((4, 5)), first)
    assert not np.array_equal(first, again)


@pytest.mark.parametrize("initializer", [I.lecun_uniform, I.he_uniform, I.glorot_uniform])
def test_uniform_values_stay_within_their_limit(initializer):
    random.seed(0)
    limit = np.sqrt(3 * SCALED[initializer](30, 40))
    W = initializer((30, 40), np.float64)
    assert 0.99 * limit < np.max(np.abs(W)) <= limit


def test_options_determine_the_distribution():
    random.seed(0)
    np.testing.assert_array_equal(I.constant((2,), value=0.5), [0.5, 0.5])
    U = I.uniform((1000,), low=2, high=3)
    assert 2 <= U.min() < 2.01
    assert 2.99 < U.max() <= 3
    N = I.normal((10000,), mean=5, std=0.1)
    assert np.mean(N) == pytest.approx(5, abs=0.01)
    assert np.std(N) == pytest.approx(0.1, rel=0.03)


def test_a_truncated_normal_has_no_tails():
    random.seed(0)
    W = I.truncated_normal((20000,), np.float64, mean=3, std=0.5)
    assert 0.99 < np.max(np.abs(W - 3)) <= 1
    assert np.std(W) == pytest.approx(0.8796 * 0.5, rel=0.02)  # of the normal, cut at 2
    with pytest.raises(ValueError, match="limit 0"):
        I.truncated_normal((2,), limit=0)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (2, 3, 2, 2), (9, 2, 2)])
def test_rows_or_columns_of_an_orthogonal_matrix_are_orthonormal(shape):
    random.seed(0)
    W = I.orthogonal(shape, np.float64, gain=2).reshape(shape[0], -1)
    if W.shape[0] > W.shape[1]:
        W = W.T
    np.testing.assert_allclose(W @ W.T, 4 * np.eye(len(W)), atol=1e-12)


def test_orthogonal_matrices_have_no_preferred_sign():
    random.seed(0)
    assert {float(I.orthogonal((1, 1))[0, 0]) for _ in range(20)} == {-1.0, 1.0}


def test_orthogonal_needs_a_matrix():
    with pytest.raises(ValueError, match="two or more axes"):
        I.orthogonal((3,))


# ---- In layers ----


def fans(shape, dtype, fans):
    """An initializer that stores its arguments in the values."""
    return np.full(shape, -1 if fans is None else 1000 * fans[0] + fans[1], dtype)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (L.Conv2d(8, 3, in_size=4, initializer=fans), (8, 4, 3, 3), (36, 72)),
        (L.Conv2d(8, (1, 3), in_size=4, groups=2, initializer=fans), (8, 2, 1, 3), (6, 12)),
        (L.Conv1d(6, 5, in_size=6, groups=6, initializer=fans), (6, 1, 5), (5, 5)),
        (L.ConvTranspose2d(8, 3, in_size=4, initializer=fans), (4, 8, 3, 3), (36, 72)),
        (L.ConvTranspose1d(8, 2, in_size=4, groups=2, initializer=fans), (4, 4, 2), (4, 8)),
    ],
    ids=repr,
)
def test_a_convolution_passes_its_fans(layer, shape, expected):
    assert layer.W.shape == shape
    assert layer.W.data.flat[0] == 1000 * expected[0] + expected[1]


def test_matrices_get_no_fans():
    assert L.Linear(3, in_size=2, initializer=fans).W.data.flat[0] == -1


def test_each_parameter_has_its_own_initializer():
    half, third = partial(I.constant, value=0.5), partial(I.constant, value=1 / 3)
    linear = L.Linear(2, in_size=3, initializer=half, bias_initializer=third, dtype=np.float64)
    assert np.all(linear.W.data == 0.5)
    assert np.all(linear.b.data == 1 / 3)
    norm = L.BatchNorm(2, gamma_initializer=half, beta_initializer=third, dtype=np.float64)
    assert np.all(norm.gamma.data == 0.5)
    assert np.all(norm.beta.data == 1 / 3)
    lstm = L.LSTM(2, in_size=3, initializer=half, state_initializer=third)
    assert np.all(lstm.weights[0]["Wx"].data == 0.5)
    assert np.all(lstm.weights[0]["Wh"].data == np.float32(1 / 3))


def test_each_gate_starts_with_an_orthogonal_matrix():
    random.seed(0)
    Wh = L.GRU(4, in_size=3, dtype=np.float64).weights[0]["Wh"].data
    for gate in np.split(Wh, 3, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(4), atol=1e-12)


def test_a_deep_network_keeps_the_spread_of_its_values():
    random.seed(0)
    x = np.random.default_rng(0).normal(size=(50, 100)).astype(np.float32)
    y = x
    for _ in range(10):
        y = np.maximum(L.Linear(100, initializer=I.he_normal)(y).data, 0)
    assert 0.3 < np.mean(y**2) / np.mean(x**2) < 3
