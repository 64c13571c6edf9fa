"""What is masked out contributes 0, also if it is NaN or infinite: attention, products, layers.

Values and gradients of two orders are compared with those of the same program on finite numbers.
"""

import numpy as np
import pytest

import wengert as wg
from wengert import Variable
from wengert import functions as F

BAD = [np.nan, np.inf, -np.inf]
bad_numbers = pytest.mark.parametrize("bad", BAD)
# of the values themselves, such as inf - inf
invalid_values = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
RNG = np.random.default_rng(0)


def orders(program, inputs):
    """The value of a program, its gradients, and the gradients of the sum of their squares."""
    xs = [Variable(x) for x in inputs]
    y = program(*xs)
    gs = wg.grad([y], xs, create_graph=True)
    squares = sum(np.sum(g * g) for g in gs)
    seconds = wg.grad([squares], xs)
    return [y.data], [g.data for g in gs], [g.data for g in seconds]


def check_masked(program, inputs, masked, bad):
    """Where an input is masked, bad numbers change nothing, and get a gradient of 0."""
    spoilt = [np.where(m, bad, x) for x, m in zip(inputs, masked, strict=True)]
    for found, right in zip(orders(program, spoilt), orders(program, inputs), strict=True):
        for a, b in zip(found, right, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    for g, m in zip(orders(program, spoilt)[1], masked, strict=True):
        assert (g[np.broadcast_to(m, g.shape)] == 0).all()


# ---- Attention ----

T, S = 3, 5
Q, K, V = RNG.normal(size=(2, T, 4)), RNG.normal(size=(2, S, 4)), RNG.normal(size=(2, S, 3))
SEEN = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 1, 1]], bool)[:, None]  # (2, 1, S)
WEIGHTS = RNG.normal(size=(2, T, 3))
MASKS = {
    "boolean": SEEN,
    "boolean for each query": SEEN & np.ones((2, T, 1), bool),
    "added": np.where(SEEN, 0.3, -np.inf),
    "added, of one batch": np.where(SEEN[0], 0.3, -np.inf),
}


@bad_numbers
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", MASKS)
def test_masked_keys_and_values_may_be_anything(name, causal, bad):
    mask = MASKS[name]
    hidden = np.broadcast_to(~mask if mask.dtype == bool else mask == -np.inf, (2, T, S))
    if causal:
        hidden = hidden | (np.arange(S) > np.arange(T)[:, None] + S - T)
    rows = hidden.all(axis=1)[..., None]

    def program(q, k, v):
        y = F.scaled_dot_product_attention(q, k, v, mask, causal=causal)
        return np.sum(y * y * WEIGHTS)

    check_masked(program, [Q, K, V], [np.zeros_like(Q, bool), rows, np.zeros_like(V, bool)], bad)
    check_masked(program, [Q, K, V], [np.zeros_like(Q, bool), rows, rows], bad)


@bad_numbers
def test_a_causal_query_does_not_see_what_comes_later(bad):
    later = np.arange(S)[:, None] >= 3

    def program(q, k, v):
        y = F.scaled_dot_product_attention(q, k, v, causal=True)
        return np.sum((y * y * 0.3)[:, :3])  # those of the first three positions

    q = RNG.normal(size=(2, S, 4))
    check_masked(program, [q, K, V], [later] * 3, bad)


@bad_numbers
def test_keys_of_a_query_without_keys_may_be_anything(bad):
    mask = np.zeros((T, S), bool)
    mask[0, :2] = True

    def program(q, k, v):
        y = F.scaled_dot_product_attention(q, k, v, mask)
        return np.sum(y * y * WEIGHTS)

    unused = [np.arange(T)[:, None] > 0, np.arange(S)[:, None] > 1, np.arange(S)[:, None] > 1]
    check_masked(program, [Q, K, V], unused, bad)


@bad_numbers
def test_a_mask_of_numbers_has_a_gradient_beside_masked_keys(bad):
    mask = np.where(SEEN, 0.3, -np.inf)

    def program(q, k, v, m):
        y = F.scaled_dot_product_attention(q, k, v, np.where(SEEN, m, -np.inf))
        return np.sum(y * y * WEIGHTS)

    rows = ~SEEN.swapaxes(1, 2)
    check_masked(
        program,
        [Q, K, V, np.where(SEEN, mask, 0)],
        [np.zeros_like(Q, bool), rows, rows, ~SEEN],
        bad,
    )


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_a_mask_in_float64_leaves_float32_as_it_is(bad):
    rows = ~SEEN.swapaxes(1, 2)
    k = Variable(np.where(rows, bad, K).astype(np.float32))
    q, v = Q.astype(np.float32), V.astype(np.float32)
    y = F.scaled_dot_product_attention(q, k, v, np.where(SEEN, 0.3, -np.inf))
    (g,) = wg.grad([np.sum(y)], [k], create_graph=True)
    assert y.dtype == g.dtype == np.float32


def test_an_unmasked_nan_is_not_hidden():
    k = np.where(np.arange(S)[:, None] == 0, np.nan, K)
    y = F.scaled_dot_product_attention(Q, k, V, SEEN)
    assert np.isnan(y).all()
    v = np.where(np.arange(S)[:, None] == 0, np.nan, V)
    assert np.isnan(F.scaled_dot_product_attention(Q, K, v, SEEN)).all()
    v = np.where(np.arange(S)[:, None] == 0, np.inf, V)
    assert (F.scaled_dot_product_attention(Q, K, v, SEEN) == np.inf).all()


@invalid_values
@bad_numbers
def test_padding_of_multi_head_attention_reaches_neither_outputs_nor_weights(bad):
    x = RNG.normal(size=(2, S, 4))
    weights = [RNG.normal(size=(4, 4)) for _ in range(4)]
    biases = [RNG.normal(size=4) for _ in range(4)]
    padded = ~SEEN.swapaxes(1, 2)  # (2, S, 1)

    def program(x, *parameters):
        y = F.multi_head_attention(x, x, x, *parameters, heads=2, mask=SEEN)
        return np.sum(np.where(padded, 0, y * y))

    inputs = [x, *weights, *biases]
    check_masked(program, inputs, [padded, *[np.zeros(p.shape, bool) for p in inputs[1:]]], bad)


# ---- Products ----


@invalid_values
@bad_numbers
@pytest.mark.parametrize("product", [lambda x, W, b: F.linear(x, W, b), lambda x, W, b: x @ W + b])
@pytest.mark.parametrize("shape", [(4, 3), (2, 2, 3)])
def test_rows_that_are_masked_afterwards_do_not_reach_the_weights(product, shape, bad):
    x, W, b = RNG.normal(size=shape), RNG.normal(size=(3, 2)), RNG.normal(size=2)
    masked = RNG.uniform(size=(*shape[:-1], 1)) < 0.5
    masked.reshape(-1)[0] = True

    def program(x, W, b):
        y = product(x, W, b)
        return np.sum(np.where(masked, 0, y * y))

    check_masked(program, [x, W, b], [masked, np.zeros((3, 2), bool), np.zeros(2, bool)], bad)


@invalid_values
@bad_numbers
def test_logits_of_ignored_rows_do_not_reach_the_weights(bad):
    x, W, b = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
    t = np.array([0, -1, 1, -1])
    masked = (t == -1)[:, None]

    def program(x, W, b):
        return F.softmax_cross_entropy(F.linear(x, W, b), t, ignore_index=-1)

    check_masked(program, [x, W, b], [masked, np.zeros((3, 2), bool), np.zeros(2, bool)], bad)


@invalid_values
def test_a_product_past_zeros_is_that_of_the_sums_written_out():
    rng = np.random.default_rng(0)
    numbers = np.array([0, 0, 1, -2, np.inf, -np.inf, np.nan])
    a, b = rng.choice(numbers, size=(60, 3)), rng.choice(numbers, size=(3, 60))
    terms = a[:, :, None] * b
    first = np.where(a[:, :, None] == 0, 0, terms).sum(axis=1)
    both = np.where((a[:, :, None] == 0) | (b == 0), 0, terms).sum(axis=1)
    np.testing.assert_equal(wg.kernels.matmul_past_zeros(a, b, both=False), first)
    np.testing.assert_equal(wg.kernels.matmul_past_zeros(a, b), both)


# ---- Sequences ----

B, STEPS, D, H = 3, 5, 2, 2
CELLS = {"rnn": (F.rnn, 1, {}), "relu": (F.rnn, 1, {"activation": "relu"}), "gru": (F.gru, 3, {}),
         "lstm": (F.lstm, 4, {})}  # fmt: skip
LENGTHS = np.array([5, 2, 3])
PADDED = np.arange(STEPS)[:, None] >= LENGTHS[:, None, None]  # (B, T, 1)


def sequences(name, *, directions=1):
    """A recurrent network as a function of x and its weights, and inputs for it."""
    function, gates, options = CELLS[name]
    rng = np.random.default_rng(0)
    G = gates * H
    shapes = [(D, G), (H, G), (G,), (G,)] * directions
    weights = [rng.normal(size=shape) for shape in shapes]

    def program(x, weights, **more):
        layers = [weights[i : i + 4] for i in range(0, len(weights), 4)]
        return function(x, layers, bidirectional=directions == 2, **options, **more)

    return program, [rng.normal(size=(B, STEPS, D)), *weights]


def masks(inputs, masked):
    return [masked, *[np.zeros(w.shape, bool) for w in inputs[1:]]]


@bad_numbers
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_padding_of_sequences_with_lengths_may_be_anything(name, directions, bad):
    network, inputs = sequences(name, directions=directions)

    def program(x, *weights):
        y, *states = network(x, weights, lengths=LENGTHS)
        return np.sum(y * y) + sum(np.sum(s * s) for s in states)

    check_masked(program, inputs, masks(inputs, PADDED), bad)


@invalid_values
@bad_numbers
@pytest.mark.parametrize("name", CELLS)
def test_steps_whose_outputs_are_masked_afterwards_may_be_anything(name, bad):
    network, inputs = sequences(name)

    def program(x, *weights):
        y = network(x, weights)[0]
        return np.sum(np.where(PADDED, 0, y * y))

    check_masked(program, inputs, masks(inputs, PADDED), bad)


@invalid_values
@bad_numbers
@pytest.mark.parametrize("name", CELLS)
def test_sequences_that_are_masked_afterwards_may_be_anything(name, bad):
    network, inputs = sequences(name)
    masked = np.arange(B)[:, None, None] == 1

    def program(x, *weights):
        y, *states = network(x, weights)
        parts = [np.sum(np.where(masked[:, 0], 0, s[0] ** 2)) for s in states]
        return np.sum(np.where(masked, 0, y * y)) + sum(parts)

    check_masked(program, inputs, masks(inputs, masked), bad)


@invalid_values
@bad_numbers
@pytest.mark.parametrize("name", ["rnn", "relu", "gru", "lstm"])
def test_a_first_state_of_a_sequence_that_is_masked_afterwards_may_be_anything(name, bad):
    network, inputs = sequences(name)
    masked = (np.arange(B) == 1)[None, :, None]

    def program(h, *inputs):
        y = network(inputs[0], inputs[1:], h=h)[0]
        return np.sum(np.where(masked[0, :, None], 0, y * y))

    h = np.random.default_rng(1).normal(size=(1, B, H))
    check_masked(program, [h, *inputs], [masked, *masks(inputs, np.zeros((B, 1, 1), bool))], bad)


@pytest.mark.parametrize("form", ["network", "cell"])
def test_inactive_units_of_a_relu_network_pass_no_gradient(form):
    h, W, zero = np.array([[1.0, -1.0]]), np.eye(2), np.zeros(2)
    x, gy = Variable(np.zeros((1, 2))), np.array([[2.0, np.inf]])
    if form == "cell":
        y = F.rnn_cell(x, h, W, W, zero, zero, activation="relu")
    else:
        y = F.rnn(x[:, None], [(W, W, zero, zero)], h[None], activation="relu")[0][:, 0]
    y.backward(grad=gy)
    assert x.grad.data.tolist() == [[2, 0]]


# ---- Images, dropout ----


@invalid_values
@bad_numbers
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("transposed", [False, True])
def test_images_and_channels_that_are_masked_afterwards_do_not_reach_the_weights(
    transposed, groups, bad
):
    x, W = RNG.normal(size=(3, 4, 3, 3)), RNG.normal(size=(4, 4 // groups, 2, 2))
    b = RNG.normal(size=4)
    masked = (np.arange(3) == 1)[:, None, None, None]
    convolution = F.conv_transpose2d if transposed else F.conv2d

    def program(x, W, b):
        y = convolution(x, W, b, groups=groups)
        return np.sum(np.where(masked, 0, y * y))

    check_masked(program, [x, W, b], [masked, np.zeros(W.shape, bool), np.zeros(4, bool)], bad)


@invalid_values
@bad_numbers
def test_pixels_whose_outputs_are_masked_do_not_reach_the_weights(bad):
    x, W = RNG.normal(size=(1, 1, 4, 4)), RNG.normal(size=(2, 1, 2, 2))
    masked = np.zeros((4, 4), bool)
    masked[3, 3] = True

    def program(x, W):
        y = F.conv2d(x, W)
        return np.sum((y * y)[:, :, :2]) + np.sum((y * y)[:, :, 2, :2])

    check_masked(program, [x, W], [masked, np.zeros(W.shape, bool)], bad)


@bad_numbers
@pytest.mark.parametrize(
    ("resized", "reached"),
    [
        (lambda x: F.interpolate(x, size=8, mode="linear"), slice(0, 3)),
        (lambda x: F.interpolate(x, size=4, mode="nearest"), slice(0, 1)),
        (lambda x: F.adaptive_avg_pool(x, 2), slice(0, 1)),
        (lambda x: F.adaptive_max_pool(x, 2), slice(0, 1)),
        (lambda x: F.avg_pool1d(x, 2), slice(0, 1)),
        (lambda x: F.max_pool1d(x, 2), slice(0, 1)),
    ],
)
def test_a_pixel_reaches_only_the_outputs_that_depend_on_it(resized, reached, bad):
    x = np.array([[[1.0, 5.0, 2.0, 4.0]]])
    spoilt = x.copy()
    spoilt[..., 0] = bad
    beyond = slice(reached.stop, None)

    def program(x):
        y = resized(x)[..., beyond]
        return np.sum(y * y)

    masked = np.arange(4) == 0
    check_masked(program, [x], [masked], bad)


@bad_numbers
@pytest.mark.parametrize("drop", [F.dropout, F.channel_dropout])
def test_what_is_dropped_is_0_whatever_it_was(drop, bad):
    x = Variable(np.full((20, 20), bad))
    with wg.using_config("train", True):
        y = drop(x, 0.5)
    y.backward(grad=np.full((20, 20), bad))
    for v in (y.data, x.grad.data):
        assert (np.isfinite(v) == (v == 0)).all()
        assert 100 < (v == 0).sum() < 300
