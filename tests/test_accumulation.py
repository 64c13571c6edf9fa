"""Accumulated batches make the step of one large batch, whatever the loss divides by."""

from functools import partial

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert.data import Padded, ragged
from wengert.layers import LSTM, Layer, Linear, Sequential
from wengert.optimizers import SGD, Adam
from wengert.training import Callback, StopOnNaN, Trainer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4))
CLASSES = RNG.integers(0, 3, size=12)
IGNORED = CLASSES.copy()
IGNORED[[0, 1, 4, 5, 6, 7, 11]] = -1  # none counts in the second four
TARGETS = RNG.normal(size=(12, 3))
TOKENS = RNG.integers(0, 3, size=(12, 5))
PADDED_TOKENS = np.where(np.arange(5) < RNG.integers(1, 6, size=12)[:, None], TOKENS, -100)
MASK = (RNG.uniform(size=(12, 3)) < 0.4).astype(float)
MASK[4:8] = 0
WEIGHT = np.array([0.1, 4.0, 1.0])

entropy = F.softmax_cross_entropy


def masked_mean(y, t):
    """The mean squared error of the elements whose target is a number."""
    there = ~np.isnan(t)
    return F.mean_squared_error(y[there], t[there])


class Steps(Layer):
    """An output for each of 5 steps."""

    def __init__(self):
        self.linear = Linear(15, in_size=4, dtype=np.float64)

    def forward(self, x):
        return self.linear(x).reshape(-1, 5, 3)


LOSSES = {
    "entropy": (entropy, CLASSES),
    "ignored": (partial(entropy, ignore_index=-1), IGNORED),
    "ignored in a function": (lambda y, t: 2 * entropy(y, t, ignore_index=-1), IGNORED),
    "ignored and smoothed": (partial(entropy, ignore_index=-1, label_smoothing=0.2), IGNORED),
    "ignored and weighted": (partial(entropy, ignore_index=-1, weight=WEIGHT), IGNORED),
    "weighted": (partial(entropy, weight=WEIGHT), CLASSES),
    "ignored nll": (lambda y, t: F.nll(F.log_softmax(y), t, ignore_index=-1), IGNORED),
    "sum": (partial(entropy, reduction="sum"), CLASSES),
    "ignored sum": (partial(entropy, ignore_index=-1, reduction="sum"), IGNORED),
    "weighted sum": (partial(entropy, weight=WEIGHT, reduction="sum"), CLASSES),
    "hinge": (F.hinge, CLASSES),
    "squares": (F.mean_squared_error, TARGETS),
    "sum of squares": (partial(F.mean_squared_error, reduction="sum"), TARGETS),
    "absolute": (F.mean_absolute_error, TARGETS),
    "huber": (F.huber, TARGETS),
    "mean of rows": (lambda y, t: np.mean(np.sum((y - t) ** 2, axis=1)), TARGETS),
    "masked": (masked_mean, np.where(MASK > 0, TARGETS, np.nan)),
    "sum over the samples": (
        lambda y, t: F.mean_squared_error(y, t, reduction="sum") / len(t), TARGETS,
    ),
    "sum and mean over the samples": (
        lambda y, t: F.mean_squared_error(y, t, reduction="sum") / len(t) + F.huber(y, t), TARGETS,
    ),
    "two of a kind": (
        lambda y, t: F.mean_squared_error(y, t) + 0.1 * F.mean_absolute_error(y, t), TARGETS,
    ),
    "of rows and of elements": (
        lambda y, t: F.mean_squared_error(y, t) + entropy(y, np.zeros(len(t), int)), TARGETS,
    ),
}  # fmt: skip
SIZES = [[4, 4, 4], [1, 7, 4], [5, 3, 2, 2], [4, 8], [12]]


def model():
    wg.seed(0)
    return Sequential(Linear(3, in_size=4, dtype=np.float64))


def stepped(net, loss, batches, accumulate, optimizer=None, **options):
    trainer = Trainer(net, optimizer or SGD(0.1), loss, accumulate=accumulate, progress=False,
                      **options)  # fmt: skip
    trainer.fit(batches)
    assert trainer.step == 1
    return trainer


def parts(x, t, sizes):
    ends = np.cumsum(sizes)
    return [(x[e - n : e], t[e - n : e]) for e, n in zip(ends, sizes, strict=True)]


def assert_same_weights(a, b):
    for p, q in zip(a.model.params(), b.model.params(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_accumulated_batches_make_the_step_of_one_large_batch(name, sizes):
    loss, t = LOSSES[name]
    whole = stepped(model(), loss, [(X, t)], 1)
    accumulated = stepped(model(), loss, parts(X, t, sizes), len(sizes))
    assert_same_weights(accumulated, whole)
    assert accumulated.history[0]["loss"] == pytest.approx(whole.history[0]["loss"], rel=1e-10)
    assert accumulated.latest["loss"] == pytest.approx(whole.latest["loss"], rel=1e-10)
    evaluated = [whole.evaluate(parts(X, t, s))["loss"] for s in (sizes, [12])]
    assert evaluated[0] == pytest.approx(evaluated[1], rel=1e-10)


def test_sums_of_float16_are_sums():
    def net():
        wg.seed(0)
        return Sequential(Linear(3, in_size=4, dtype=np.float16))

    loss, x = partial(entropy, reduction="sum"), X.astype(np.float16)
    whole = stepped(net(), loss, [(x, CLASSES)], 1)
    accumulated = stepped(net(), loss, parts(x, CLASSES, [5, 7]), 2)
    for p, q in zip(accumulated.model.params(), whole.model.params(), strict=True):
        np.testing.assert_allclose(p.data, q.data, atol=1e-3)


def test_losses_within_the_model_do_not_count():
    class Inner(Layer):
        def __init__(self):
            self.linear = Linear(3, in_size=4, dtype=np.float64)

        def forward(self, x):
            y = self.linear(x)
            self.penalty = F.mean_squared_error(y, np.zeros(y.shape))
            return y

    def net():
        wg.seed(0)
        return Inner()

    loss = partial(entropy, ignore_index=-1)
    whole = stepped(net(), loss, [(X, IGNORED)], 1)
    assert_same_weights(stepped(net(), loss, parts(X, IGNORED, [4, 8]), 2), whole)


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [1, 2, 0]])
def test_a_part_without_labels_may_be_the_first_or_the_last(order):
    loss = partial(entropy, ignore_index=-1)
    thirds = parts(X, IGNORED, [4, 4, 4])
    whole = stepped(model(), loss, [(X, IGNORED)], 1)
    assert_same_weights(stepped(model(), loss, [thirds[k] for k in order], 3), whole)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_labels_of_padded_tokens_count_one_by_one(sizes):
    def net():
        wg.seed(0)
        return Steps()

    loss = partial(entropy, ignore_index=-100)
    whole = stepped(net(), loss, [(X, PADDED_TOKENS)], 1)
    accumulated = stepped(net(), loss, parts(X, PADDED_TOKENS, sizes), len(sizes))
    assert_same_weights(accumulated, whole)


class Tagger(Layer):
    def __init__(self):
        self.lstm = LSTM(5, in_size=2, dtype=np.float64)
        self.linear = Linear(3, in_size=5, dtype=np.float64)

    def forward(self, x, lengths):
        return self.linear(self.lstm(x, lengths=lengths)[0])


@pytest.mark.parametrize("loss", [
    entropy, partial(entropy, reduction="sum"), partial(entropy, weight=WEIGHT),
    lambda y, t: np.mean(np.sum(y * y, axis=-1)),
])  # fmt: skip
def test_sequences_of_unequal_lengths_count_their_steps(loss):
    lengths = [1, 6, 2, 3, 5, 1, 4]
    samples = [(RNG.normal(size=(n, 2)), RNG.integers(0, 3, size=n)) for n in lengths]

    def net():
        wg.seed(0)
        return Tagger()

    whole = stepped(net(), loss, [ragged(samples)], 1)
    batches = [ragged(samples[i : i + 2]) for i in range(0, 7, 2)]
    assert all(isinstance(x, Padded) and isinstance(t, Padded) for x, t in batches)
    accumulated = stepped(net(), loss, batches, 4)
    assert_same_weights(accumulated, whole)
    assert accumulated.history[0]["loss"] == pytest.approx(whole.history[0]["loss"], rel=1e-10)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_batches_without_any_label_change_no_weight_and_end_nothing(accumulate):
    nothing = np.full(4, -1)
    net = model()
    before = net.state_dict()
    trainer = Trainer(net, Adam(0.1, weight_decay=0.1), partial(entropy, ignore_index=-1),
                      accumulate=accumulate, callbacks=[StopOnNaN()], progress=False)  # fmt: skip
    (row,) = trainer.fit([(X[:4], nothing)] * accumulate)
    assert all(np.array_equal(before[name], p) for name, p in net.state_dict().items())
    assert np.isnan(row["loss"])  # a mean of nothing
    (_, row) = trainer.fit([(X[:4], nothing), (X, CLASSES)], epochs=2)
    assert np.isfinite(row["loss"])
    assert not np.array_equal(before["layers.0.W"], net.state_dict()["layers.0.W"])


def test_an_evaluation_leaves_out_batches_without_labels():
    trainer = Trainer(model(), SGD(0.1), partial(entropy, ignore_index=-1), progress=False)
    with_none = trainer.evaluate(parts(X, IGNORED, [4, 4, 4]))
    assert with_none == trainer.evaluate([(X[:4], IGNORED[:4]), (X[8:], IGNORED[8:])])


def test_terms_that_divide_by_different_numbers_are_reported():
    def loss(y, t):
        return entropy(y, t, ignore_index=-1) + F.mean_squared_error(y, np.zeros(y.shape))

    with pytest.warns(UserWarning, match=r"means over different numbers.*self.count\(n\)"):
        stepped(model(), loss, parts(X, IGNORED, [4, 8]), 2)

    class OfSums(Trainer):
        def compute(self, batch):
            x, t = batch
            y = self.model(x)
            total = entropy(y, t, ignore_index=-1, reduction="sum")
            total = total + F.mean_squared_error(y, np.zeros(y.shape), reduction="sum")
            self.count(len(x))
            return total / len(x), {}

    def weights(batches, accumulate):
        trainer = OfSums(model(), SGD(0.1), accumulate=accumulate, progress=False)
        trainer.fit(batches)
        return trainer

    whole = weights([(X, IGNORED)], 1)
    assert_same_weights(weights(parts(X, IGNORED, [4, 8]), 2), whole)


def test_gradients_are_those_of_the_large_batch_before_callbacks_clip_and_optimizer_see_them():
    norms = []

    class Look(Callback):
        def on_gradients(self, trainer):
            norms.append([np.linalg.norm(p.grad.data) for p in trainer.model.params()])

    loss = partial(entropy, ignore_index=-1)
    stepped(model(), loss, [(X, IGNORED)], 1, callbacks=[Look()])
    stepped(model(), loss, parts(X, IGNORED, [5, 7]), 2, callbacks=[Look()])
    assert norms[1] == pytest.approx(norms[0], rel=1e-10)


def by_hand(y, t):
    """The mean over the elements that count, as many programs write it."""
    counts = t >= 0
    losses = F.softmax_cross_entropy(y, np.where(counts, t, 0), reduction="none")
    return np.sum(losses * counts) / max(counts.sum(), 1)


def keras_order(y_true, y_pred):
    return by_hand(y_pred, y_true)


def contrastive(y, t):
    return F.softmax_cross_entropy(y @ y.T, np.arange(len(y)))


def squared(y, t):
    return np.sqrt(F.mean_squared_error(y, np.zeros(y.shape)))


def plain_mean(y, t):
    return np.mean(abs(y - t[:, None])) + 0.5


def noisy(y, t):
    return np.mean((y + wg.random.generator().normal(size=y.shape)) ** 2)


def fitted(loss, t=IGNORED, size=3, accumulate=4):
    wg.seed(0)
    trainer = Trainer(
        Linear(3, in_size=4, dtype=np.float64),
        SGD(0.5),
        loss,
        accumulate=accumulate,
        progress=False,
    )
    trainer.fit([(X[k : k + size], t[k : k + size]) for k in range(0, 12, size)])
    return trainer.model.W.data, wg.random.generator().random()


@pytest.mark.parametrize("size", [1, 2, 3, 6])
@pytest.mark.parametrize("loss", [by_hand, keras_order, contrastive, squared])
def test_a_loss_that_is_no_mean_over_the_samples_is_reported_once(loss, size):
    with pytest.warns(UserWarning, match=rf"loss {loss.__name__} is no mean .*self.count") as told:
        fitted(loss, size=size, accumulate=12 // size)
    assert len(told) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loss", [plain_mean, noisy, partial(entropy, ignore_index=-1)])
def test_other_losses_are_not_reported_and_the_check_draws_nothing(loss):
    weights, drawn = fitted(loss)
    single, _ = fitted(loss, size=12, accumulate=1)
    np.testing.assert_allclose(weights, single, atol=1.0 if loss is noisy else 1e-12)
    wg.seed(0)
    Linear(3, in_size=4, dtype=np.float64)
    if loss is noisy:
        for _ in range(4):
            wg.random.generator().normal(size=(3, 3))
    assert drawn == wg.random.generator().random()


@pytest.mark.filterwarnings("error")
def test_without_accumulation_any_loss_will_do():
    fitted(contrastive, accumulate=1)
