"""Attention and positions: values, masks, derivatives, errors."""

import pickle

import numpy as np
import pytest

import wengert
from wengert import Variable
from wengert.functions.attention import (
    Attention,
    multi_head_attention,
    scaled_dot_product_attention,
)
from wengert.functions.position import rotary, sinusoidal_positions
from wengert.testing import check_gradients

attention = scaled_dot_product_attention


def drawn(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


# ---- Values and masks ----


def test_attention_is_the_mean_of_the_values_weighted_by_softmax():
    q, k, v = drawn((2, 3, 4), (2, 5, 4), (2, 5, 6))
    p = np.exp(q @ k.swapaxes(1, 2) / 2)
    p /= p.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(attention(q, k, v), p @ v, rtol=1e-13)


def test_causal_hides_later_keys():
    q, k, v = drawn((4, 3), (4, 3), (4, 2))
    y = attention(q, k, v, causal=True)
    for t in range(4):
        alone = attention(q[t : t + 1], k[: t + 1], v[: t + 1])
        np.testing.assert_allclose(y[t], alone[0], rtol=1e-13)


def test_causal_queries_of_new_steps_are_those_of_the_whole_sequence():
    q, k, v = drawn((6, 3), (6, 3), (6, 2))
    whole = attention(q, k, v, causal=True)
    np.testing.assert_allclose(attention(q[4:], k, v, causal=True), whole[4:], rtol=1e-13)


def test_a_boolean_mask_hides_keys_and_a_mask_of_numbers_is_added():
    q, k, v = drawn((2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4))
    seen = np.random.default_rng(1).random((2, 1, 1, 5)) < 0.6
    seen[..., 0] = True
    y = attention(q, k, v, seen)
    added = attention(q, k, v, np.where(seen, 0.0, -np.inf))
    np.testing.assert_array_equal(y, added)
    for b in range(2):
        alone = attention(q[b], k[b][:, seen[b, 0, 0]], v[b][:, seen[b, 0, 0]])
        np.testing.assert_allclose(y[b], alone, rtol=1e-12)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_query_whose_keys_are_all_masked_gets_zeros_and_has_no_gradient(create_graph):
    q, k, v = map(Variable, drawn((3, 4), (5, 4), (5, 2)))
    seen = np.ones((3, 5), bool)
    seen[1] = False
    y = attention(q, k, v, seen)
    y.backward(create_graph=create_graph)
    assert y.data[1].tolist() == [0, 0]
    assert q.grad.data[1].tolist() == [0] * 4
    assert all(np.isfinite(u.grad.data).all() for u in (q, k, v))


def test_large_products_do_not_overflow():
    q, k, v = drawn((3, 4), (5, 4), (5, 2))
    y = attention(1e4 * q, 1e4 * k, v, scale=1.0)
    np.testing.assert_array_equal(y, v[np.argmax(q @ k.T, axis=-1)])


def test_heads_may_share_keys_values_and_mask():
    q, k, v, mask = drawn((2, 3, 4, 5), (2, 1, 6, 5), (6, 2), (4, 6))
    full = [np.broadcast_to(x, (2, 3, *x.shape[-2:])) for x in (k, v)]
    np.testing.assert_allclose(
        attention(q, k, v, mask), attention(q, *full, mask), rtol=1e-13, atol=1e-15
    )
    check_gradients(lambda *xs: attention(*xs), q, k, v, mask, order=1)


def test_derivatives_of_a_nonlinear_program_are_right_to_third_order():
    q, k, v = drawn((2, 2, 2), (2, 2, 2), (2, 2, 1))
    check_gradients(lambda *xs: np.sin(attention(*xs, causal=True)), q, k, v, order=3)


def test_one_variable_as_query_key_and_value_gets_the_sum_of_three_gradients():
    (x,) = drawn((3, 4))
    parts = [Variable(x) for _ in range(3)]
    attention(*parts).backward()
    together = Variable(x)
    attention(together, together, together).backward()
    expected = sum(p.grad.data for p in parts)
    np.testing.assert_allclose(together.grad.data, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_gradient_of_dropout_uses_the_factors_of_the_forward(create_graph):
    q, k, v = map(Variable, drawn((6, 4), (6, 4), (6, 6)))
    wengert.random.seed(0)
    y = attention(q, k, v, scale=0.5, dropout=0.4)
    factors = y.creator.inputs[-1].data
    p = np.exp(0.5 * q.data @ k.data.T)
    p /= p.sum(axis=-1, keepdims=True)
    assert set(factors.ravel()) == {0, 1 / 0.6}
    np.testing.assert_allclose(y.data, (p * factors) @ v.data, rtol=1e-12)
    y.backward(create_graph=create_graph)
    gp = np.ones((6, 6)) @ v.data.T * factors
    gx = p * (gp - (p * gp).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(q.grad.data, 0.5 * gx @ k.data, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(v.grad.data, (p * factors).T @ np.ones((6, 6)), rtol=1e-12)


def test_dropout_is_applied_in_training_only():
    q, k, v = drawn((6, 4), (6, 4), (6, 6))
    plain = attention(q, k, v)
    assert not np.allclose(attention(q, k, v, dropout=0.5), plain)
    with wengert.test_mode():
        np.testing.assert_array_equal(attention(q, k, v, dropout=0.5), plain)


def test_zero_keys_give_zeros_and_zero_queries_an_empty_result():
    q, k, v = drawn((3, 4), (0, 4), (0, 2))
    assert not attention(q, k, v).any()
    assert attention(q[:0], q, q).shape == (0, 4)


def test_float32_stays_float32_whatever_the_mask_and_the_scale():
    q, k, v, mask = drawn((3, 4), (5, 4), (2, 5, 2), (2, 3, 5))
    q, k, v = (Variable(x.astype(np.float32)) for x in (q, k, v))
    y = attention(q, k, v, mask, scale=np.float64(0.3))
    y.backward()
    assert y.dtype == q.grad.dtype == np.float32


def test_a_pickled_attention_contains_its_options_only():
    f = Attention(0.5, causal=True)
    f(*map(Variable, drawn((3, 4), (5, 4), (5, 2))))
    again = pickle.loads(pickle.dumps(f))
    assert vars(again) == f.options() == {"scale": 0.5, "causal": True, "dropout": False}


Q, K, V = drawn((3, 4), (5, 4), (5, 2))


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        ((Q, K[:, :3], V), {}, ValueError, r"q \(3, 4\), k \(5, 3\).*needed \(\.\.\., T, E\)"),
        ((Q, K, V[:4]), {}, ValueError, r"v \(4, 2\); needed"),
        ((Q[0], K, V), {}, ValueError, r"q \(4,\)"),
        ((drawn((2, 3, 4))[0], drawn((3, 5, 4))[0], V), {}, ValueError, "that broadcast"),
        (
            (Q, K, V, np.ones((5, 3), bool)),
            {},
            ValueError,
            r"mask \(5, 3\).*broadcasts to \(3, 5\)",
        ),
        (
            (Q, K, V, np.ones((2, 3, 5))),
            {},
            ValueError,
            r"mask \(2, 3, 5\).*broadcasts to \(3, 5\)",
        ),
        ((Q, K, V, np.ones((3, 5), int)), {}, TypeError, r"mask of int64.*astype\(bool\)"),
        ((Q.astype(int), K, V), {}, TypeError, "q of int64, needed floats"),
        ((K, Q, V[:3]), {"causal": True}, ValueError, "5 queries for 3 keys"),
        ((Q, K, V), {"dropout": 1.0}, ValueError, "dropout 1.0, needed 0 ≤ dropout < 1"),
    ],
)
def test_shapes_and_options_that_do_not_fit_are_refused(args, options, error, message):
    with pytest.raises(error, match=f"scaled_dot_product_attention: got .*{message}"):
        attention(*map(Variable, args), **options)


# ---- Several heads ----


def test_several_heads_are_attention_on_the_columns_of_each():
    x, Wq, Wk, Wv, Wo = drawn((2, 5, 6), (6, 6), (6, 6), (6, 4), (4, 3))
    heads = []
    for h in range(2):
        E, F = slice(3 * h, 3 * h + 3), slice(2 * h, 2 * h + 2)
        heads.append(attention(x @ Wq[:, E], x @ Wk[:, E], x @ Wv[:, F], causal=True))
    y = multi_head_attention(x, x, x, Wq, Wk, Wv, Wo, heads=2, causal=True)
    np.testing.assert_allclose(y, np.concatenate(heads, axis=-1) @ Wo, rtol=1e-12)


def test_padding_is_a_mask_of_each_sample_for_all_heads_and_queries():
    x, Wq, Wk, Wv, Wo = drawn((2, 5, 4), (4, 4), (4, 4), (4, 4), (4, 4))
    seen = np.arange(5) < np.array([3, 5])[:, None]
    y = multi_head_attention(x, x, x, Wq, Wk, Wv, Wo, heads=2, mask=seen[:, None])
    alone = multi_head_attention(*[x[:1, :3]] * 3, Wq, Wk, Wv, Wo, heads=2)
    np.testing.assert_allclose(y[0, :3], alone[0], rtol=1e-12)


def test_derivatives_of_several_heads_are_right_to_third_order():
    xs = drawn((1, 2, 2), *[(2, 2)] * 4, *[(2,)] * 4)

    def f(x, *weights):
        return multi_head_attention(x, x, x, *weights, heads=2, causal=True)

    check_gradients(f, *xs, order=3)


def test_a_mask_that_does_not_fit_the_heads_is_an_error_of_multi_head_attention():
    x, W = drawn((2, 5, 4), (4, 4))
    with pytest.raises(
        ValueError, match=r"multi_head_attention: got .*mask \(2, 1, 5, 4\).*broadcasts"
    ):
        multi_head_attention(x, x, x, W, W, W, W, heads=2, mask=np.ones((2, 5, 4), bool))


@pytest.mark.parametrize(
    ("shape", "heads", "message"),
    [
        ((5, 4), 2, r"query \(5, 4\), needed \(B, T, D\)"),
        ((2, 5, 4), 3, r"3 heads and Wq \(4, 4\)"),
        ((2, 5, 4), 0, "heads 0, needed an integer ≥ 1"),
    ],
)
def test_heads_that_do_not_fit_are_refused(shape, heads, message):
    x, W = drawn(shape, (4, 4))
    with pytest.raises(ValueError, match=f"multi_head_attention: got {message}"):
        multi_head_attention(x, x, x, W, W, W, W, heads=heads)


# ---- Positions ----


@pytest.mark.parametrize("interleaved", [False, True])
def test_products_of_rotated_vectors_depend_only_on_their_distance(interleaved):
    q, k = drawn((1, 8), (1, 8))
    products = [
        rotary(q, t, interleaved=interleaved) @ rotary(k, t + 3, interleaved=interleaved).T
        for t in (0, 7, 1000)
    ]
    np.testing.assert_allclose(products, [products[0]] * 3, rtol=1e-10)
    assert not np.allclose(products[0], q @ k.T)


def test_rotation_is_multiplication_of_complex_numbers():
    (x,) = drawn((2, 3, 6))
    angles = np.arange(3)[:, None] * 10000.0 ** (-np.arange(3) / 3)
    turned = (x[..., :3] + 1j * x[..., 3:]) * np.exp(1j * angles)
    expected = np.concatenate([turned.real, turned.imag], axis=-1)
    np.testing.assert_allclose(rotary(x), expected, rtol=1e-12)
    turned = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    np.testing.assert_allclose(rotary(x, interleaved=True)[..., ::2], turned.real, rtol=1e-12)
    np.testing.assert_allclose(rotary(x, interleaved=True)[..., 1::2], turned.imag, rtol=1e-12)


def test_an_offset_continues_the_positions():
    (x,) = drawn((5, 4))
    np.testing.assert_array_equal(rotary(x[3:], 3), rotary(x)[3:])
    np.testing.assert_array_equal(
        sinusoidal_positions(2, 4, offset=3), sinusoidal_positions(5, 4)[3:]
    )


def test_sinusoidal_positions_are_those_of_the_paper():
    table = sinusoidal_positions(10, 6, dtype=np.float64)
    for i in range(3):
        np.testing.assert_allclose(table[7, 2 * i], np.sin(7 / 10000 ** (2 * i / 6)), rtol=1e-13)
        np.testing.assert_allclose(
            table[7, 2 * i + 1], np.cos(7 / 10000 ** (2 * i / 6)), rtol=1e-13
        )


def test_positions_are_exact_in_float32_far_from_the_start():
    (x,) = drawn((1, 4))
    near = rotary(x, 100_003)
    np.testing.assert_allclose(rotary(x.astype(np.float32), 100_003), near, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rotary(np.ones((2, 3))), ValueError, r"rotary: got x \(2, 3\).*even E"),
        (lambda: rotary(np.ones(4)), ValueError, r"rotary: got x \(4,\)"),
        (lambda: rotary(np.ones((2, 4), int)), TypeError, "rotary: got x of int64, needed floats"),
        (lambda: rotary(np.ones((2, 4)), -1), ValueError, "rotary: got offset -1"),
        (lambda: rotary(np.ones((2, 4)), base=0), ValueError, "rotary: got base 0"),
        (lambda: sinusoidal_positions(2, 3), ValueError, "got D 3.*even D"),
        (lambda: sinusoidal_positions(-1, 4), ValueError, "got T -1"),
        (lambda: sinusoidal_positions(2, 4, offset=-1), ValueError, "got offset -1"),
    ],
)
def test_options_of_positions_out_of_range_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
