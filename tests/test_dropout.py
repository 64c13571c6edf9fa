"""Dropout: how often elements and channels are dropped, and in which mode."""

import numpy as np
import pytest

import wengert
from wengert import Variable, checkpoint, random
from wengert.functions.dropout import channel_dropout, dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fraction_p_is_dropped_and_the_mean_is_kept(p, dtype):
    random.seed(0)
    y = dropout(Variable(np.ones((300, 300), dtype)), p)
    assert np.mean(y.data == 0) == pytest.approx(p, abs=0.01)
    assert set(np.unique(y.data)) == {0, dtype(1 / (1 - p))}
    assert y.data.mean() == pytest.approx(1, abs=0.05)
    assert y.dtype == dtype


def test_the_gradient_is_scaled_by_the_same_mask():
    x = Variable(np.ones((20, 20)))
    y = dropout(x, 0.3)
    y.backward()
    np.testing.assert_array_equal(x.grad.data, y.data)


def test_a_channel_is_dropped_or_kept_as_a_whole():
    random.seed(0)
    y = channel_dropout(Variable(np.ones((40, 30, 4, 5))), 0.25)
    channels = y.data.reshape(40, 30, 20)
    assert (channels == channels[:, :, :1]).all()
    assert np.mean(channels[:, :, 0] == 0) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("f", [dropout, channel_dropout])
def test_in_test_mode_and_for_p_0_nothing_is_dropped_or_drawn(f):
    x = Variable(np.ones((4, 4)))
    state = random.get_state()
    with wengert.test_mode():
        assert f(x, 0.9) is x
    assert f(x, 0) is x
    assert random.get_state() == state


def test_a_seed_gives_the_same_mask_again_and_in_both_precisions():
    masks = []
    for dtype in (np.float64, np.float64, np.float32):
        random.seed(7)
        masks.append(dropout(np.ones(100, dtype), 0.5))
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])


def test_a_checkpoint_drops_the_same_when_it_computes_again():
    x = Variable(np.random.default_rng(0).normal(size=(30, 30)))

    def noisy(x):
        return np.square(dropout(x, 0.4))

    random.seed(1)
    noisy(x).backward()
    expected, x.grad = x.grad, None
    random.seed(1)
    checkpoint(noisy, x).backward()
    np.testing.assert_array_equal(x.grad.data, expected.data)


def test_integers_become_floats():
    assert dropout(np.ones(4, int), 0.5).dtype == np.float64


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
def test_p_outside_of_its_range_is_refused(p):
    with pytest.raises(ValueError, match=f"dropout: got p {p}, needed 0 ≤ p < 1"):
        dropout(Variable(np.ones(3)), p)


def test_channels_are_needed_to_drop_channels():
    with pytest.raises(ValueError, match=r"channel_dropout: got x \(3,\), needed \(N, C, ...\)"):
        channel_dropout(Variable(np.ones(3)))


@pytest.mark.parametrize("drop", [dropout, channel_dropout])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_dropout_of_integers_is_in_float64(drop, dtype):
    assert drop(np.ones((2, 3), dtype), 0.5, train=True).dtype == np.float64
