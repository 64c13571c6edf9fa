"""float16: layers' functions compute in float32 and round once, values and gradients alike.

Each function is compared with itself in float64, on the same numbers: large ones, whose squares or
sums leave float16, and many, whose sums lose their digits in it.
"""

import numpy as np
import pytest

from wengert import Variable
from wengert import functions as F


def normal(*shape, scale=1.0, middle=0.0):
    return np.random.default_rng(len(shape)).normal(middle, scale, size=shape)


def attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, causal=True)


def heads(x, *weights):
    return F.multi_head_attention(x, x, x, *weights, heads=2)


def recurrent(function, **options):
    def program(x, *weights):
        return function(x, [weights], **options)[0]

    return program


def weights(gates, scale=0.3, D=3, H=2):
    G = gates * H
    return [scale * normal(*shape) for shape in [(D, G), (H, G), (G,), (G,)]]


# functions, and inputs with which a computation in float16 would lose digits or overflow
CASES = {
    "conv1d of many": (F.conv1d, [normal(2, 300, 8, middle=3), normal(2, 300, 3)]),
    "conv2d of large": (
        F.conv2d, [normal(2, 8, 5, 5, scale=200), normal(2, 8, 3, 3, scale=5), normal(2)],
    ),
    "conv2d, its bias": (F.conv2d, [normal(3, 1, 40, 40), normal(1, 1, 1, 1), normal(1)]),
    "depthwise": (
        lambda x, W: F.conv2d(x, W, groups=2),
        [normal(2, 2, 40, 40, middle=9), normal(2, 1, 3, 3)],
    ),
    "conv_transpose2d": (
        F.conv_transpose2d, [normal(1, 200, 6, 6, middle=3), normal(200, 2, 2, 2), normal(2)],
    ),
    "col2im": (
        lambda x: F.col2im(x, (1, 1, 12, 12)), [normal(1, 1, 7, 7, 6, 6, middle=99)],
    ),
    "avg_pool2d of large": (lambda x: F.avg_pool2d(x, 16), [normal(1, 1, 32, 32, middle=900)]),
    "avg_pool1d of many": (lambda x: F.avg_pool1d(x, 4000), [normal(1, 1, 8000, middle=3)]),
    "adaptive_avg_pool": (lambda x: F.adaptive_avg_pool(x, 3), [normal(1, 1, 50, 50, middle=900)]),
    "global_avg_pool": (F.global_avg_pool, [normal(1, 2, 90, 90, middle=300)]),
    "interpolate": (
        lambda x: F.interpolate(x, size=(7, 9), mode="bilinear"), [normal(1, 1, 33, 17, scale=99)],
    ),
    "attention of large": (
        attention, [30 * normal(2, 5, 64), 30 * normal(2, 5, 64), normal(2, 5, 3)],
    ),
    "attention of many": (attention, [normal(1, 900, 4), normal(1, 900, 4), normal(1, 900, 4)]),
    "multi_head_attention": (
        heads, [normal(2, 5, 64), *[normal(64, 64) / 8 for _ in range(4)]],
    ),
    "rotary": (F.rotary, [normal(2, 50, 8, scale=900)]),
    "rnn": (recurrent(F.rnn), [normal(2, 60, 3), *weights(1)]),
    "relu rnn": (recurrent(F.rnn, activation="relu"), [normal(2, 9, 3, scale=300), *weights(1)]),
    "lstm": (recurrent(F.lstm), [normal(2, 60, 3), *weights(4)]),
    "gru": (recurrent(F.gru), [normal(2, 60, 3), *weights(3)]),
    "rnn_cell": (F.rnn_cell, [normal(2, 3), normal(2, 2), *weights(1)]),
    "lstm_cell": (
        lambda *xs: F.lstm_cell(*xs)[0],
        [normal(2, 3), normal(2, 2), normal(2, 2), *weights(4)],
    ),
    "gru_cell": (F.gru_cell, [normal(2, 3), normal(2, 2), *weights(3)]),
    "embedding": (lambda W: F.embedding(np.zeros(4000, int), W), [normal(2, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_float16_is_float64_rounded(name):
    function, inputs = CASES[name]
    half = [x.astype(np.float16) for x in inputs]
    found = values(function, half)
    exact = values(function, [x.astype(np.float64) for x in half])
    for a, b in zip(found, exact, strict=True):
        assert a.dtype == np.float16
        np.testing.assert_allclose(a.astype(float), b, rtol=2e-3, atol=2e-3 * np.abs(b).max())


def values(function, inputs):
    """The value, and the gradient of Σ w y for fixed w that keep its sums within float16."""
    xs = [Variable(x) for x in inputs]
    y = function(*xs)
    w = np.random.default_rng(9).uniform(0.2, 1, size=y.shape) / np.sqrt(y.size)
    y.backward(grad=w.astype(np.float16).astype(y.dtype))
    return [y.data, *[x.grad.data for x in xs]]


@pytest.mark.parametrize("name", ["conv2d of large", "attention of large", "lstm"])
def test_float16_beside_float32_gives_float32(name):
    function, inputs = CASES[name]
    xs = [inputs[0].astype(np.float16), *[x.astype(np.float32) for x in inputs[1:]]]
    assert function(*xs).dtype == np.float32


UFUNCS = [np.divide, np.power, np.arctan2, np.float_power, np.log2, np.log10]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # (of values that overflow)
@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_no_part_of_a_gradient_in_float16_overflows(ufunc):
    rng = np.random.default_rng(0)
    half = (10 ** rng.uniform(-5, 4, size=(ufunc.nin, 500))).astype(np.float16)
    half[1:] *= rng.choice([-1, 1], size=(ufunc.nin - 1, 500)).astype(np.float16)
    found, exact = (gradients(ufunc, half.astype(dtype)) for dtype in (np.float16, np.float64))
    for a, b in zip(found, exact, strict=True):
        fits = (np.abs(b) < 6e4) & (np.abs(b) > 1e-4)
        np.testing.assert_allclose(a[fits].astype(float), b[fits], rtol=3e-3)


def gradients(function, inputs):
    xs = [Variable(x) for x in inputs]
    function(*xs).backward()
    return [x.grad.data for x in xs]
