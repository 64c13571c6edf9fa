"""Recurrent cells and sequences: values, sequences of different length, derivatives, errors."""

import gc
import pickle
import weakref

import numpy as np
import pytest

import wengert
from wengert import Variable
from wengert.functions.cell import gru_cell, lstm_cell, rnn_cell
from wengert.functions.recurrent import LSTM, gru, lstm, rnn
from wengert.testing import check_gradients

KINDS = {
    "rnn": (rnn, rnn_cell, 1, 1),
    "lstm": (lstm, lstm_cell, 4, 2),
    "gru": (gru, gru_cell, 3, 1),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def weights_of(rng, kind, D, H, count=1):
    GH = KINDS[kind][2] * H
    shapes = [(D, GH), (H, GH), (GH,), (GH,)]
    return [tuple(rng.normal(size=shape) for shape in shapes) for _ in range(count)]


def drawn(kind, B=2, T=3, D=2, H=3, count=1, seed=0):
    """x, the weights and the first states of `count` layers or directions."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(B, T, D))
    states = [rng.normal(size=(count, B, H)) for _ in range(KINDS[kind][3])]
    return x, weights_of(rng, kind, D, H, count), states


def step_by_step(kind, x, weights, states):
    """The results of the cell, called by hand on arrays."""
    cell = KINDS[kind][1]
    ys = []
    for t in range(x.shape[1]):
        states = cell(x[:, t], *states, *weights)
        states = states if isinstance(states, tuple) else (states,)
        ys.append(states[0])
    return np.stack(ys, axis=1), *states


# ---- Values ----


def test_the_plain_cell_is_tanh_of_a_sum():
    x, [(Wx, Wh, bx, bh)], [(h,)] = drawn("rnn")
    expected = np.tanh(x[:, 0] @ Wx + h @ Wh + bx + bh)
    np.testing.assert_allclose(rnn_cell(x[:, 0], h, Wx, Wh, bx, bh), expected, rtol=1e-14)


def test_a_forget_gate_of_one_and_an_input_gate_of_zero_keep_the_cell_state():
    b = np.repeat([-1000.0, 1000.0, 0.5, 1000.0], 3)
    c = np.array([[1.0, -2.0, 0.25]])
    zeros = np.zeros((1, 3)), np.zeros((2, 12)), np.zeros((3, 12)), np.zeros(12)
    h1, c1 = lstm_cell(np.ones((1, 2)), zeros[0], c, *zeros[1:3], b, zeros[3])
    np.testing.assert_array_equal(c1, c)
    np.testing.assert_allclose(h1, np.tanh(c), rtol=1e-14)


def test_the_reset_gate_of_the_gru_multiplies_the_product_and_its_bias():
    closed = np.repeat([-1000.0, -1000.0, 0.0], 3)  # r = 0, z = 0: h' = tanh(An)
    x, h = np.ones((1, 2)), np.full((1, 3), 7.0)
    Wx, Wh = np.full((2, 9), 0.1), np.full((3, 9), 0.1)
    h1 = gru_cell(x, h, Wx, Wh, closed, np.full(9, 5.0))
    np.testing.assert_allclose(h1, np.full((1, 3), np.tanh(0.2)), rtol=1e-14)


@kinds
def test_a_sequence_is_the_cell_step_by_step(kind):
    x, weights, states = drawn(kind)
    found = KINDS[kind][0](x, weights, *states)
    expected = step_by_step(kind, x, weights[0], [s[0] for s in states])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    for last, e in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(last[0], e, rtol=1e-12)


@kinds
def test_without_states_it_starts_at_zero_and_without_biases_they_are_zero(kind):
    x, [(Wx, Wh, bx, bh)], states = drawn(kind)
    function = KINDS[kind][0]
    zeros = [np.zeros_like(s) for s in states]
    expected = function(x, [(Wx, Wh, 0 * bx, 0 * bh)], *zeros)
    for y, e in zip(function(x, [(Wx, Wh)]), expected, strict=True):
        np.testing.assert_array_equal(y, e)


@kinds
def test_two_layers_are_a_layer_on_the_outputs_of_a_layer(kind):
    function = KINDS[kind][0]
    x, first, states = drawn(kind, count=2)
    weights = [first[0], *weights_of(np.random.default_rng(1), kind, 3, 3)]
    y0, *last0 = function(x, weights[:1], *[s[:1] for s in states])
    y1, *last1 = function(y0, weights[1:], *[s[1:] for s in states])
    y, *last = function(x, weights, *states)
    np.testing.assert_array_equal(y, y1)
    for found, e0, e1 in zip(last, last0, last1, strict=True):
        np.testing.assert_array_equal(found, np.concatenate([e0, e1]))


@kinds
def test_the_backward_direction_is_the_forward_one_on_the_reversed_sequence(kind):
    function = KINDS[kind][0]
    x, weights, states = drawn(kind, count=2)
    y, *last = function(x, weights, *states, bidirectional=True)
    ahead, *last_ahead = function(x, weights[:1], *[s[:1] for s in states])
    back, *last_back = function(x[:, ::-1], weights[1:], *[s[1:] for s in states])
    np.testing.assert_allclose(y, np.concatenate([ahead, back[:, ::-1]], axis=-1), rtol=1e-14)
    for found, e0, e1 in zip(last, last_ahead, last_back, strict=True):
        np.testing.assert_allclose(found, np.concatenate([e0, e1]), rtol=1e-14)


# ---- Sequences of different length ----


@kinds
def test_a_short_sequence_gives_what_it_gives_alone_and_then_zeros(kind):
    function = KINDS[kind][0]
    lengths = [2, 4, 1]
    x, weights, states = drawn(kind, B=3, T=4, count=2)
    y, *last = function(x, weights, *states, bidirectional=True, lengths=lengths)
    for i, n in enumerate(lengths):
        alone, *ends = function(
            x[i : i + 1, :n], weights, *[s[:, i : i + 1] for s in states], bidirectional=True
        )
        np.testing.assert_allclose(y[i, :n], alone[0], rtol=1e-12)
        assert not y[i, n:].any()
        for found, e in zip(last, ends, strict=True):
            np.testing.assert_allclose(found[:, i], e[:, 0], rtol=1e-12)


@kinds
@pytest.mark.parametrize("create_graph", [False, True])
def test_x_past_the_end_is_ignored_even_if_it_is_nan(kind, create_graph):
    function = KINDS[kind][0]
    x, weights, states = drawn(kind, T=4, count=2)
    results = []
    for past in (0.0, np.nan):
        x[0, 2:] = past
        v = Variable(x.copy())
        Ws = [tuple(map(Variable, w)) for w in weights]
        y, *_ = function(v, Ws, *states, bidirectional=True, lengths=[2, 4])
        np.sum(y * y).backward(create_graph=create_graph)
        results.append([y.data, v.grad.data, *[W.grad.data for w in Ws for W in w]])
        assert not v.grad.data[0, 2:].any()
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- Derivatives ----


@kinds
def test_the_backward_of_a_sequence_gives_the_gradients_of_the_cells(kind):
    x, weights, states = drawn(kind, B=3, T=5, D=2, H=4)
    function, cell = KINDS[kind][:2]

    def gradients(run):
        v, hs, Ws = Variable(x), list(map(Variable, states)), list(map(Variable, weights[0]))
        y, *last = run(v, hs, Ws)
        (np.sum(np.sin(y)) + sum(np.sum(s * s) for s in last)).backward()
        return [u.grad.data for u in (v, *hs, *Ws)]

    def by_cells(v, hs, Ws):
        ys, now = [], [h[0] for h in hs]
        for t in range(5):
            now = cell(v[:, t], *now, *Ws)
            now = now if isinstance(now, tuple) else (now,)
            ys.append(now[0])
        return np.stack(ys, axis=1), *now

    found = gradients(lambda v, hs, Ws: function(v, [tuple(Ws)], *hs))
    for g, e in zip(found, gradients(by_cells), strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-11, atol=1e-13)


@kinds
def test_derivatives_through_layers_directions_and_lengths_are_right_to_second_order(kind):
    x, first, states = drawn(kind, B=2, T=2, D=1, H=1, count=4)
    deep = weights_of(np.random.default_rng(1), kind, 2, 1, 2)
    flat = [w for ws in (*first[:2], *deep) for w in ws]

    def f(x, *others):
        hs, ws = others[: len(states)], others[len(states) :]
        layers = [ws[i : i + 4] for i in range(0, 16, 4)]
        return KINDS[kind][0](x, layers, *hs, bidirectional=True, lengths=[1, 2])

    check_gradients(f, x, *states, *flat, order=2)


def test_a_gradient_of_the_last_state_alone_is_enough():
    x, weights, _ = drawn("lstm")
    v = Variable(x)
    _, h, _ = lstm(v, weights)
    h.backward()
    w = Variable(x)
    lstm(w, weights)[0][:, -1].backward()
    np.testing.assert_allclose(v.grad.data, w.grad.data, rtol=1e-13)


def test_a_second_backward_on_the_same_graph_gives_the_same_gradient():
    x, weights, _ = drawn("lstm")
    v = Variable(x)
    y, *_ = lstm(v, weights)
    y.backward()
    once = v.grad.data.copy()
    y.cleargrad()
    y.backward()
    np.testing.assert_array_equal(v.grad.data, 2 * once)


def test_two_calls_of_one_instance_each_keep_their_own_history():
    x, [weights], [(h,), (c,)] = drawn("lstm")
    f, v = LSTM(), Variable(x)
    y, *_ = f(v, h, c, *weights)
    f(Variable(100 * x), h, c, *weights)
    y.backward()
    w = Variable(x)
    LSTM()(w, h, c, *weights)[0].backward()
    np.testing.assert_array_equal(v.grad.data, w.grad.data)


def test_a_graph_of_a_sequence_is_freed_by_reference_counting():
    x, weights, _ = drawn("lstm")
    gc.disable()
    try:
        v = Variable(x)
        y, *_ = lstm(v, weights)
        y.backward(create_graph=True)
        alive = weakref.ref(y)
        del y, v
        assert alive() is None
    finally:
        gc.enable()


def test_a_pickled_sequence_function_contains_its_options_only():
    x, [weights], [(h,), (c,)] = drawn("lstm")
    f = LSTM(reverse=True)
    y = f(Variable(x), h, c, *weights)
    again = pickle.loads(pickle.dumps(f))
    assert vars(again) == {"reverse": True}
    np.testing.assert_array_equal(again(Variable(x), h, c, *weights)[0].data, y[0].data)


# ---- Options and errors ----


def test_dropout_is_applied_between_layers_in_training_only():
    x, first, _ = drawn("rnn", B=4, T=4)
    weights = [*first, *weights_of(np.random.default_rng(1), "rnn", 3, 3)]
    plain, _ = rnn(x, weights)
    wengert.random.seed(0)
    assert not np.allclose(rnn(x, weights, dropout=0.5)[0], plain)
    np.testing.assert_array_equal(rnn(x, first, dropout=0.5)[0], rnn(x, first)[0])
    with wengert.test_mode():
        np.testing.assert_array_equal(rnn(x, weights, dropout=0.5)[0], plain)


def test_relu_layers_are_never_negative():
    x, weights, _ = drawn("rnn", B=5, T=5)
    y, _ = rnn(x, weights, activation="relu")
    assert y.min() == 0 < y.max()


@kinds
def test_float32_stays_float32(kind):
    x, weights, _ = drawn(kind)
    Ws = [Variable(w.astype(np.float32)) for w in weights[0]]
    ys = KINDS[kind][0](x.astype(np.float32), [tuple(Ws)])
    ys[0].backward()
    assert {v.dtype for v in (*ys, *[W.grad for W in Ws])} == {np.dtype(np.float32)}


@kinds
def test_an_empty_batch_gives_empty_outputs_and_gradients_of_zero(kind):
    x, [weights], _ = drawn(kind, B=0)
    Ws = tuple(map(Variable, weights))
    y, h, *_ = KINDS[kind][0](x, [Ws])
    y.backward()
    assert y.shape == (0, 3, 3)
    assert h.shape == (1, 0, 3)
    assert not any(W.grad.data.any() for W in Ws)


X, WEIGHTS, _ = drawn("lstm")
(WX, WH, BX, BH) = WEIGHTS[0]


@pytest.mark.parametrize(
    ("x", "weights", "options", "error", "message"),
    [
        (X[0], WEIGHTS, {}, ValueError, r"x \(3, 2\), needed \(B, T, D\)"),
        (X[:, :0], WEIGHTS, {}, ValueError, r"x \(2, 0, 2\)"),
        (X, WEIGHTS[0], {}, TypeError, r"not a list of tuples.*for one layer \[\(Wx, Wh\)\]"),
        (X, WX, {}, TypeError, "not a list of tuples"),
        (X, [], {}, ValueError, "0 tuples of weights, needed one for each layer"),
        (X, WEIGHTS, {"bidirectional": True}, ValueError, "1 tuples.*an even number"),
        (X, [(WX, WH, BX)], {}, ValueError, r"3 arrays of weights\[0\], needed \(Wx, Wh\)"),
        (X, [(WX.T, WH)], {}, ValueError, r"Wx of weights\[0\] \(12, 2\).*needed \(2, 12\)"),
        (
            X,
            [(WX, WH.T)],
            {},
            ValueError,
            r"Wx of weights\[0\] \(2, 12\) for.*Wh \(12, 3\).*Wh \(H, 4 H\)",
        ),
        (X, [(WX, WH, BX[:3], BH)], {}, ValueError, r"bx of weights\[0\] \(3,\).*needed \(12,\)"),
        (X, [WEIGHTS[0]] * 2, {}, ValueError, r"Wx of weights\[1\] \(2, 12\).*needed \(3, 12\)"),
        (X, WEIGHTS, {"h": np.zeros((2, 3))}, ValueError, r"h \(2, 3\).*needed \(1, 2, 3\)"),
        (X, WEIGHTS, {"c": np.zeros((2, 2, 3))}, ValueError, r"c \(2, 2, 3\).*\(1, 2, 3\)"),
        (X, WEIGHTS, {"lengths": [0, 3]}, ValueError, r"lengths \[0, 3\] for 2 sequences of 3"),
        (X, WEIGHTS, {"lengths": [1, 4]}, ValueError, "1 ≤ length ≤ 3"),
        (X, WEIGHTS, {"lengths": [1]}, ValueError, "2 numbers"),
        (X, WEIGHTS, {"lengths": [1.0, 2.0]}, TypeError, "lengths of float64.*integers"),
        (X, WEIGHTS, {"dropout": 1.0}, ValueError, "dropout 1.0, needed 0 ≤ dropout < 1"),
        (X.astype(int), WEIGHTS, {}, TypeError, "x of int64, needed floats"),
    ],
)
def test_shapes_and_options_of_a_sequence_that_do_not_fit_are_refused(
    x, weights, options, error, message
):
    with pytest.raises(error, match=f"lstm: got .*{message}"):
        lstm(Variable(x), weights, **options)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((X, BX, BX, WX, WH), r"x \(2, 3, 2\), needed one step, \(B, D\)"),
        ((X[:, 0], X[:, 0], X[:, 0], WX, WH), r"h \(2, 2\) for x.*needed \(2, 3\)"),
        ((X[:, 0], X[:, :, 0], X[:, :, 0], WX, WH, BX), "one of the biases.*both or none"),
        ((X[:, 0], X[:, :, 0], X[:, :, 0], WX, WX), r"h \(2, 3\).*Wh \(2, 12\), needed \(2, 2\)"),
    ],
)
def test_shapes_of_a_cell_that_do_not_fit_are_refused(args, message):
    with pytest.raises(ValueError, match=f"lstm_cell: got .*{message}"):
        lstm_cell(*args)


def test_an_unknown_activation_is_refused():
    x, weights, [(h,)] = drawn("rnn")
    with pytest.raises(ValueError, match="rnn: got activation 'gelu', needed 'tanh' or 'relu'"):
        rnn(x, weights, activation="gelu")
    with pytest.raises(ValueError, match="rnn_cell: got activation 'gelu'"):
        rnn_cell(x[:, 0], h, *weights[0], activation="gelu")
