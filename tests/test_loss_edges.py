"""Losses in corners: small dtypes, masked rows that hold NaN or infinity, edges of the formulas."""

import numpy as np
import pytest

import wengert as wg
from wengert import Variable
from wengert import functions as F

RNG = np.random.default_rng(0)
LABELS = np.array([0, 2, 1, 2])
LOGITS = RNG.normal(size=(4, 3))
FRACTIONS = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.3, 0.3, 0.4]])
INNER = RNG.uniform(0.1, 0.9, size=(4, 3))

# for each loss: the function, its predictions, its targets
OF_LABELS = {
    "softmax_cross_entropy": (F.softmax_cross_entropy, LOGITS, LABELS),
    "nll": (F.nll, F.log_softmax(LOGITS), LABELS),
    "hinge": (F.hinge, LOGITS, LABELS),
}
OF_FLOATS = {
    "softmax_cross_entropy of fractions": (F.softmax_cross_entropy, LOGITS, FRACTIONS),
    "kl_divergence": (F.kl_divergence, F.log_softmax(LOGITS), FRACTIONS),
    "sigmoid_cross_entropy": (F.sigmoid_cross_entropy, LOGITS, INNER),
    "binary_cross_entropy": (F.binary_cross_entropy, INNER, FRACTIONS),
    "mean_squared_error": (F.mean_squared_error, LOGITS, INNER),
    "mean_absolute_error": (F.mean_absolute_error, LOGITS, INNER),
    "huber": (F.huber, LOGITS, INNER),
    "triplet_margin": (lambda x, t, **o: F.triplet_margin(x, t, t[::-1], **o), LOGITS, INNER),
}
LOSSES = OF_LABELS | OF_FLOATS


def of(losses):
    return pytest.mark.parametrize(("loss", "x", "t"), losses.values(), ids=list(losses))


def value_and_gradients(loss, x):
    """The loss, its gradient, and the gradient of the sum of the squares of that."""
    x = Variable(x)
    y = loss(x)
    (g,) = wg.grad(y, [x], create_graph=True)
    squares = np.sum(g * g)
    second = wg.grad(squares, [x])[0] if squares.requires_grad else np.zeros(x.shape)
    return y.data, g.data, np.asarray(getattr(second, "data", second))


# ---- dtypes ----


@of(LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_loss_has_the_dtype_of_its_predictions(loss, x, t, reduction):
    for dtype in (np.float16, np.float32, np.float64):
        y = Variable(x.astype(dtype))
        value = loss(y, t, reduction=reduction)
        value.backward()
        assert value.dtype == y.grad.dtype == dtype


@of(OF_FLOATS)
def test_targets_in_float64_and_predictions_in_float32_make_a_loss_in_float32(loss, x, t):
    y, target = Variable(x.astype(np.float32)), Variable(t)
    value = loss(y, target)
    value.backward()
    assert value.dtype == np.float32
    assert target.grad.dtype == np.float64


def test_a_prediction_on_the_right_gives_its_dtype_too():
    y = Variable(np.float32([1, 2]))
    assert F.mean_squared_error(np.zeros(2), y).dtype == np.float32


OPTIONS = {
    "softmax_cross_entropy": {"label_smoothing": 0.1, "weight": [0.5, 1, 2]},
    "nll": {"weight": [0.5, 1, 2]},
    "hinge": {"margin": 0.5, "weight": [0.5, 1, 2]},
    "softmax_cross_entropy of fractions": {"label_smoothing": 0.1, "weight": [0.5, 1, 2]},
    "sigmoid_cross_entropy": {"weight": [0.5, 1, 2], "pos_weight": 2.0},
    "binary_cross_entropy": {"weight": [0.5, 1, 2]},
    "huber": {"delta": 0.5},
    "triplet_margin": {"margin": 0.5, "p": 3.0, "eps": 1e-5},
}


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in OPTIONS for option in OPTIONS[name]]
)
def test_an_option_in_float64_changes_neither_dtype_nor_value(name, option):
    loss, x, t = LOSSES[name]
    value = OPTIONS[name][option]
    x = x.astype(np.float32)
    plain = loss(x, t, **{option: value})
    for other in (np.asarray(value, np.float64), np.float64(value)):
        assert loss(x, t, **{option: other}).dtype == np.float32
        assert loss(x, t, **{option: other}) == plain


def test_the_eps_of_a_cosine_may_be_in_float64():
    x = np.ones((2, 3), np.float32)
    assert F.cosine_similarity(x, x, eps=np.float64(1e-3)).dtype == np.float32


# for each loss: predictions whose differences from the targets, squares or sums leave float16
LARGE = {
    "softmax_cross_entropy": (3e4 * LOGITS, LABELS),
    "nll": (-np.abs(1e4 * LOGITS), LABELS),
    "hinge": (1e4 * LOGITS, LABELS),
    "softmax_cross_entropy of fractions": (1e4 * LOGITS, FRACTIONS),
    "kl_divergence": (-np.abs(1e4 * LOGITS), FRACTIONS),
    "sigmoid_cross_entropy": (3e4 * LOGITS, INNER),
    "binary_cross_entropy": (np.full((4, 3), 0.9997), FRACTIONS),
    "mean_squared_error": (200 + LOGITS, INNER),
    "mean_absolute_error": (6e4 * np.ones((4, 3)), -np.ones((4, 3))),
    "huber": (6e4 * np.ones((4, 3)), -np.ones((4, 3))),
    "triplet_margin": (1e3 * LOGITS, INNER),
}


@pytest.mark.parametrize("name", LARGE)
def test_float16_is_right_for_large_numbers(name):
    loss = LOSSES[name][0]
    x, t = LARGE[name]
    check_half(loss, x, t)


@pytest.mark.parametrize("name", LOSSES)
def test_float16_is_right_for_many_numbers(name):
    loss, x, t = LOSSES[name]
    check_half(loss, np.tile(x, (5000, 1)), np.tile(t, (5000, 1)[: t.ndim]))


def check_half(loss, x, t):
    """The loss of float16, and its gradient, are those of the same numbers in float64, rounded."""
    half, single = Variable(x.astype(np.float16)), Variable(x.astype(np.float16).astype(np.float64))
    if t.dtype.kind == "f":
        t = t.astype(np.float16)
    y, expected = loss(half, t), loss(single, t.astype(np.float64) if t.dtype.kind == "f" else t)
    for v in (y, expected):
        v.backward()
    assert y.dtype == np.float16
    assert float(y.data) == pytest.approx(float(expected.data), rel=2e-3)
    np.testing.assert_allclose(half.grad.data, single.grad.data, rtol=2e-3, atol=1e-7)


def test_cosines_of_float16_are_right_for_long_short_and_many_numbers():
    for x in ([300.0, 300.0], [1e-3, 1e-3], [1.0] * 70_000):
        x = np.array(x, np.float16)
        assert F.cosine_similarity(x, x) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64, np.int64, bool])
@of(LOSSES)
def test_a_loss_of_integers_is_that_of_the_same_floats(loss, x, t, dtype):
    x = RNG.integers(0, 2, size=(4, 3)).astype(dtype)
    t = t if t.ndim == 1 else RNG.integers(0, 2, size=(4, 3)).astype(dtype)
    floats = loss(x.astype(float), t if t.ndim == 1 else t.astype(float))
    np.testing.assert_equal(loss(x, t if t.ndim == 1 else t.astype(float)), floats)
    assert loss(x, t if t.ndim == 1 else t.astype(float)).dtype == np.float64


@pytest.mark.parametrize("loss", [F.mean_squared_error, F.mean_absolute_error, F.huber])
def test_differences_of_small_integers_do_not_wrap(loss):
    x, t = np.array([0, 255], np.uint8), np.array([255, 0], np.uint8)
    assert loss(x, t) == loss(x.astype(float), t.astype(float)) > 250


def test_similarities_of_small_integers_do_not_wrap():
    x = np.array([200, 100], np.uint8)
    assert F.cosine_similarity(x, x[::-1]) == pytest.approx(0.8)


@pytest.mark.parametrize("ignored", [-1, 255, 300])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint64])
def test_labels_may_be_of_any_integer_dtype(dtype, ignored):
    t = LABELS.astype(dtype)
    for loss in (F.softmax_cross_entropy, F.nll):
        assert loss(LOGITS, t, ignore_index=ignored) == loss(LOGITS, LABELS, ignore_index=ignored)


# ---- what is masked out contributes 0 ----

BAD = [np.nan, np.inf, -np.inf]


def check_masked(loss, x, bad, masked):
    """With bad numbers where x is masked, value and gradients are those with other numbers."""
    expected = value_and_gradients(loss, x)
    found = value_and_gradients(loss, np.where(masked, bad, x))
    for value, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, right, rtol=1e-12, atol=1e-15)
    assert (found[1][masked] == 0).all()


ROW = np.array([[False], [True], [False], [False]]) & np.ones(3, bool)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    "options", [{"ignore_index": 2}, {"ignore_index": 2, "reduction": "sum"}, {"weight": [1, 3, 0]}]
)
@pytest.mark.parametrize("loss", [F.softmax_cross_entropy, F.nll])
def test_rows_with_an_ignored_label_may_hold_anything(loss, options, bad):
    masked = (LABELS == 2)[:, None] & np.ones(3, bool)
    check_masked(lambda x: loss(x, LABELS, **options), LOGITS, bad, masked)


@pytest.mark.parametrize("bad", BAD)
def test_rows_of_a_class_of_weight_0_may_hold_anything_in_hinge(bad):
    masked = (LABELS == 2)[:, None] & np.ones(3, bool)
    check_masked(lambda x: F.hinge(x, LABELS, weight=[1, 3, 0]), LOGITS, bad, masked)


@pytest.mark.parametrize("bad", BAD)
def test_rows_without_a_fraction_may_hold_anything(bad):
    t = np.where(ROW, 0, FRACTIONS)
    check_masked(lambda x: F.softmax_cross_entropy(x, t), LOGITS, bad, ROW)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("options", [{}, {"pos_weight": 2.0}])
@pytest.mark.parametrize("loss", [F.sigmoid_cross_entropy, F.binary_cross_entropy])
def test_elements_of_weight_0_may_be_anything_predictions_and_targets(loss, options, bad):
    if loss is F.binary_cross_entropy:
        options = {}
    weight = np.where(ROW, 0, 2.0)
    check_masked(lambda x: loss(x, INNER, weight=weight, **options), INNER, bad, ROW)
    t = np.where(ROW, bad, INNER)
    expected = loss(INNER, INNER, weight=weight, **options)
    assert loss(INNER, t, weight=weight, **options) == expected


def rows_of(f):
    return lambda x, t, reduction: f(x, t)


IN_ROWS = LOSSES | {
    "cosine_similarity": (rows_of(F.cosine_similarity), LOGITS, INNER),
    "softmax": (rows_of(lambda x, t: F.softmax(x)), LOGITS, INNER),
    "log_softmax": (rows_of(lambda x, t: F.log_softmax(x)), LOGITS, INNER),
    "softmax_cross_entropy, smoothed": (
        lambda x, t, **o: F.softmax_cross_entropy(x, t, label_smoothing=0.1, **o), LOGITS, LABELS,
    ),
    "sigmoid_cross_entropy, weighted": (
        lambda x, t, **o: F.sigmoid_cross_entropy(x, t, pos_weight=2.0, **o), LOGITS, INNER,
    ),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@of(IN_ROWS)
def test_rows_whose_losses_are_not_selected_may_hold_anything(loss, x, t, bad):
    if loss is F.binary_cross_entropy and np.isinf(bad):
        pytest.skip("an infinite probability is refused")

    def selected(x):
        losses = loss(x, t, reduction="none")
        return np.sum(np.where(ROW[:, 0] if losses.ndim == 1 else ROW, 0, losses * losses))

    check_masked(selected, x, bad, ROW)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_divergence_does_not_count_classes_of_probability_0(log_target, bad):
    masked = FRACTIONS == 0
    with np.errstate(divide="ignore"):
        t = np.log(FRACTIONS) if log_target else FRACTIONS
    x = F.log_softmax(LOGITS)
    check_masked(lambda x: F.kl_divergence(x, t, log_target=log_target), x, bad, masked)


@pytest.mark.parametrize("bad", BAD)
def test_nll_does_not_count_other_classes_than_the_label(bad):
    masked = LABELS[:, None] != np.arange(3)
    check_masked(lambda x: F.nll(x, LABELS), LOGITS, bad, masked)


@pytest.mark.parametrize("t", [np.array([1]), np.array([[0.0, 0.4, 0.6]])], ids=["label", "soft"])
@pytest.mark.parametrize("options", [{}, {"weight": [1.0, 1.0, 1.0]}])
def test_a_logit_of_minus_infinity_under_fraction_0_is_a_class_less(t, options):
    whole = value_and_gradients(
        lambda x: F.softmax_cross_entropy(x, t, **options), np.array([[-np.inf, 0.3, 1.2]])
    )
    fewer = t - 1 if t.ndim == 1 else t[:, 1:]
    part = value_and_gradients(lambda x: F.softmax_cross_entropy(x, fewer), np.array([[0.3, 1.2]]))
    assert whole[0] == pytest.approx(part[0])
    for g, right in zip(whole[1:], part[1:], strict=True):
        np.testing.assert_allclose(g, np.concatenate([[[0.0]], right], axis=1), atol=1e-15)


def test_the_mean_of_labels_of_weight_0_alone_is_refused():
    with pytest.raises(ValueError, match="nll: got no samples"):
        F.nll(LOGITS[:1], LABELS[:1], weight=[0, 1, 1])


@pytest.mark.parametrize("far", [1e300, np.inf])
def test_a_triplet_whose_negative_is_far_away_has_no_gradient(far):
    x, negative = Variable(np.zeros((1, 2))), Variable(np.array([[far, 0.0]]))
    F.triplet_margin(x, np.ones((1, 2)), negative).backward()
    assert x.grad.data.tolist() == negative.grad.data.tolist() == [[0, 0]]


# ---- edges ----


def second_derivative(loss, x):
    """The second derivative of a sum of terms, each of one element of x."""
    x = Variable(x)
    (g,) = wg.grad(loss(x), [x], create_graph=True)
    return wg.grad(np.sum(g), [x])[0].data


def test_huber_has_the_second_derivative_1_up_to_delta_also_at_0():
    x = np.array([0.0, -0.0, 0.5, -1.0, 1.5, 1e300, np.inf, -np.inf])
    second = second_derivative(lambda x: F.huber(x, np.zeros(8), reduction="sum"), x)
    assert second.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


PROBABILITIES = [0, 1e-300, 1e-44, 1e-40, 1e-20, 1e-13, 1e-7, 0.5]


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("right", [False, True])
def test_binary_cross_entropy_near_0_is_exact_up_to_its_limit(p, right):
    def loss(x):
        return F.binary_cross_entropy(x, np.array([0.0 if right else 1.0]))

    x, limited = Variable(np.array([p])), max(p, np.exp(-100))
    value = loss(x)
    value.backward()
    second = second_derivative(loss, np.array([p]))
    if right:
        expected = -np.log1p(-p), 1 / (1 - p), 1 / (1 - p) ** 2
    else:
        expected = -np.log(limited), -1 / limited, (p == limited) / limited**2
    assert float(value.data) == pytest.approx(expected[0], rel=1e-12)
    assert float(x.grad.data[0]) == pytest.approx(expected[1], rel=1e-12)
    assert float(second[0]) == pytest.approx(expected[2], rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_binary_cross_entropy_has_finite_derivatives_at_0_and_1(dtype):
    x, t = np.array([0, 1, 0, 1, 1e-7], dtype), np.array([0, 0, 1, 1, 1])
    y = Variable(x.astype(np.float32) if dtype == np.float16 else x)
    F.binary_cross_entropy(y, t).backward()
    assert np.isfinite(y.grad.data).all()
    second = second_derivative(lambda x: F.binary_cross_entropy(x, t, reduction="sum"), y.data)
    assert np.isfinite(second).all()
    half = F.binary_cross_entropy(Variable(x), t, reduction="none")
    np.testing.assert_allclose(half.data[:4].astype(float), [0, 100, 100, 0])


@pytest.mark.parametrize("pos_weight", [None, 3.0])
def test_sigmoid_cross_entropy_of_infinite_logits_is_0_or_infinite(pos_weight):
    x, t = Variable(np.array([np.inf, -np.inf, np.inf, -np.inf])), np.array([1, 0, 0, 1])
    losses = F.sigmoid_cross_entropy(x, t, pos_weight=pos_weight, reduction="none")
    losses.backward()
    assert losses.data.tolist() == [0, 0, np.inf, np.inf]
    assert x.grad.data.tolist() == [0, 0, 1, -(pos_weight or 1)]


@pytest.mark.parametrize("pos_weight", [None, 1.0])
def test_the_gradient_of_sigmoid_cross_entropy_keeps_its_digits_where_x_is_right(pos_weight):
    x = Variable(np.array([40.0, -40.0, 0.0]))
    t = np.array([1, 0, 1])
    F.sigmoid_cross_entropy(x, t, pos_weight=pos_weight, reduction="sum").backward()
    np.testing.assert_allclose(x.grad.data, [-np.exp(-40), np.exp(-40), -0.5], rtol=1e-12)


def test_the_gradient_of_softmax_cross_entropy_keeps_its_digits_where_x_is_right():
    x = np.array([[60.0, 0.0, 0.0]])
    for record in (False, True):
        v = Variable(x)
        F.softmax_cross_entropy(v, np.array([0])).backward(create_graph=record)
        np.testing.assert_allclose(v.grad.data, np.exp(-60) * np.array([[-2, 1, 1]]), rtol=1e-12)


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("options", [{}, {"weight": [1.0, 1.0, 1.0]}])
def test_softmax_cross_entropy_keeps_its_digits_where_x_is_right(options, axis):
    for gap in (2.0, 5.0, 20.0, 60.0, 700.0):
        x = np.array([[gap, 0.0, 0.0], [0.0, 1.0, 2.0]])
        x = x if axis else x.T
        losses = F.softmax_cross_entropy(
            x, np.array([0, 2]), axis=axis, reduction="none", **options
        )
        assert losses[0] == pytest.approx(np.log1p(2 * np.exp(-gap)), rel=1e-14)
    row = np.array([[60.0, 0.0, 0.0]])
    loss = F.softmax_cross_entropy(row, np.array([0]), **options)
    assert loss == pytest.approx(2 * np.exp(-60), rel=1e-14)


def test_softmax_cross_entropy_has_the_same_gradient_for_every_layout_of_memory():
    x = RNG.normal(size=(3, 4, 5))
    t = RNG.integers(0, 5, size=(3, 4))
    plain, swapped = Variable(x), Variable(x.transpose(2, 1, 0).copy().transpose(2, 1, 0))
    for v in (plain, swapped):
        F.softmax_cross_entropy(v, t).backward()
    np.testing.assert_allclose(swapped.grad.data, plain.grad.data, rtol=1e-14)


def test_hinge_of_infinite_scores():
    x = Variable(np.array([[np.inf, 0.0], [0.0, -np.inf], [-1e300, 1e300]]))
    losses = F.hinge(x, np.array([0, 0, 0]), reduction="none")
    losses.backward()
    assert losses.data.tolist() == [0, 0, 1e300]
    assert x.grad.data.tolist() == [[0, 0], [0, 0], [-0.5, 0.5]]


def test_losses_that_are_equal_in_a_tie_have_no_gradient():
    for loss in (F.mean_absolute_error, F.mean_squared_error, F.huber):
        x = Variable(np.ones(3))
        loss(x, np.ones(3)).backward()
        assert x.grad.data.tolist() == [0, 0, 0]
    x = Variable(np.array([[1.0, 0.0]]))  # the other class exactly at the margin
    F.hinge(x, np.array([0])).backward()
    assert x.grad.data.tolist() == [[0, 0]]


def test_cosines_and_distances_of_vectors_of_zeros_have_finite_derivatives():
    zero = np.zeros((1, 3))
    for function in (
        lambda x: np.sum(F.cosine_similarity(x, zero)),
        lambda x: np.sum(F.cosine_similarity(x, x + 0.0)),
        lambda x: F.triplet_margin(x, zero, zero),
        lambda x: F.triplet_margin(x, zero, zero, eps=0),
    ):
        for value in value_and_gradients(function, zero):
            assert np.isfinite(value).all()


# ---- digits ----


def test_the_mean_squared_error_of_many_numbers_keeps_the_digits_of_a_mean():
    x = np.random.default_rng(0).normal(1, 1, size=3_000_000).astype(np.float32)
    exact = np.mean(np.square(x.astype(float)))
    assert float(F.mean_squared_error(x, np.zeros_like(x))) == pytest.approx(exact, rel=3e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_of_fractions_keeps_its_digits_where_x_is_right(dtype):
    x = Variable(np.array([[50.0, 0.0, 0.0]], dtype))
    F.softmax_cross_entropy(x, np.array([[1.0, 0.0, 0.0]])).backward()
    small = np.exp(-50.0)
    np.testing.assert_allclose(x.grad.data, [[-2 * small, small, small]], rtol=1e-5)
