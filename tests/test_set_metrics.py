"""Metrics of the data set: the same for batches of any size, and as one large batch has it."""

import math
from functools import partial

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert.data import ArrayDataset, DataLoader, Padded
from wengert.layers import Layer, Linear
from wengert.optimizers import SGD
from wengert.training import (
    AUC,
    F1,
    R2,
    Confusion,
    Correlation,
    Evaluator,
    Metric,
    Precision,
    Recall,
    Scores,
    Trainer,
    Whole,
    load_state,
    macro_f1,
    save_state,
)
from wengert.training import plain as plain_module

RNG = np.random.default_rng(0)
N = 37  # 36 in batches of 4, and a last batch of one
Y = RNG.normal(size=N).astype(np.float32)
T = (0.3 * Y + RNG.normal(size=N)).astype(np.float32)
LOGITS = RNG.normal(size=(N, 3)).astype(np.float32)
LABELS = RNG.integers(0, 3, size=N)
RARE = (RNG.uniform(size=N) < 0.2).astype(np.int64)  # few positive samples, none in some batches
RARE[[0, -1]] = 1
IGNORED = np.where(RNG.uniform(size=N) < 0.6, -1, LABELS)
IGNORED[4:12] = -1  # whole batches without a label
WITH_NAN = np.where(RNG.uniform(size=(N, 3)) < 0.1, np.nan, LOGITS)


def rmse(y, t):
    return np.sqrt(np.mean(np.square(y - t)))


def correlation(y, t):
    return np.corrcoef(y, t)[0, 1]


def errors(y, t):
    return np.sum(np.argmax(y, axis=1) != t)


def labelled_accuracy(y, t):
    return np.mean((np.argmax(y, axis=1) == t)[t >= 0])


def rare_f1(y, t):
    taken = np.argmax(y[:, :2], axis=1)
    return 2 * np.sum(taken * t) / max(np.sum(taken) + np.sum(t), 1)


def counted_accuracy(y, t):
    return F.accuracy(y[t >= 0], t[t >= 0])


def auc(y, t):
    difference = y[t == 1][:, None] - y[t == 0]
    return np.mean((difference > 0) + 0.5 * (difference == 0))


METRICS = {
    # ours that are no means over samples
    "r2": (F.r2_score, Y, T),
    "R2": (R2(), Y, T),
    "Correlation": (Correlation(), Y, T),
    "f1": (F.f1_score, LOGITS, LABELS),
    "f1 micro": (partial(F.f1_score, average="micro"), LOGITS, LABELS),
    "f1 binary": (partial(F.f1_score, average="binary"), LOGITS[:, :2], RARE),
    "f1 none": (partial(F.f1_score, average="none"), LOGITS, LABELS),
    "f1 of classes": (F.f1_score, LOGITS.argmax(axis=1), LABELS),
    "confusion": (F.confusion_matrix, LOGITS, LABELS),
    "F1": (F1("binary"), LOGITS[:, :2], RARE),
    "Precision": (Precision(), LOGITS, LABELS),
    "Precision binary": (Precision("binary"), LOGITS[:, :2], RARE),
    "Recall": (Recall("none"), LOGITS, LABELS),
    "Confusion": (Confusion(score=macro_f1), LOGITS.argmax(axis=1), LABELS),
    "AUC": (AUC(), Y, RARE),
    "AUC of a column": (AUC(), Y[:, None], RARE.astype(np.float32)),
    "AUC of two columns": (AUC(), LOGITS[:, :2], RARE.astype(bool)),
    # plain functions that are no means over samples
    "rmse": (rmse, Y, T),
    "rmse of ours": (lambda y, t: F.mean_squared_error(y, t) ** 0.5, Y, T),
    "correlation": (correlation, Y, T),
    "errors": (errors, LOGITS, LABELS),
    "labelled accuracy": (labelled_accuracy, LOGITS, IGNORED),
    "rare f1": (rare_f1, LOGITS, RARE),
    "auc": (auc, Y, RARE),
    "largest error": (lambda y, t: np.max(np.abs(y - t)), Y, T),
    "median error": (lambda y, t: np.median(np.abs(y - t)), Y, T),
    "perplexity": (lambda y, t: np.exp(F.softmax_cross_entropy(y, t)), LOGITS, LABELS),
    "r2 in a lambda": (lambda y, t: F.r2_score(y, t), Y, T),
    "Whole": (Whole(rmse), Y, T),
    # means, over samples or over what a function divides by
    "accuracy": (F.accuracy, LOGITS, LABELS),
    "top k": (partial(F.top_k_accuracy, k=2), LOGITS, LABELS),
    "mae": (F.mean_absolute_error, Y, T),
    "mae in a lambda": (lambda y, t: np.mean(np.abs(y - t)), Y, T),
    "sum of squares": (partial(F.mean_squared_error, reduction="sum"), Y, T),
    "sum in a lambda": (lambda y, t: F.mean_squared_error(y, t, reduction="sum"), Y, T),
    "ignored": (partial(F.softmax_cross_entropy, ignore_index=-1), LOGITS, IGNORED),
    "weighted": (
        partial(F.softmax_cross_entropy, weight=np.array([0.1, 5, 1])), LOGITS, LABELS,
    ),
    "counted accuracy": (counted_accuracy, LOGITS, IGNORED),
    # with labels that do not count
    "accuracy, ignored": (partial(F.accuracy, ignore_index=-1), LOGITS, IGNORED),
    "top k, ignored": (partial(F.top_k_accuracy, k=2, ignore_index=-1), LOGITS, IGNORED),
    "f1, ignored": (partial(F.f1_score, ignore_index=-1), LOGITS, IGNORED),
    "confusion, ignored": (partial(F.confusion_matrix, ignore_index=-1), LOGITS, IGNORED),
    "Recall, ignored": (Recall(ignore_index=-1), LOGITS.argmax(axis=1), IGNORED),
    "Confusion, ignored": (Confusion(3, ignore_index=-1), LOGITS, IGNORED),
    # with scores that are NaN
    "accuracy of NaN": (F.accuracy, WITH_NAN, LABELS),
    "f1 of NaN": (F.f1_score, WITH_NAN, LABELS),
    "f1 micro of NaN": (partial(F.f1_score, average="micro"), WITH_NAN, LABELS),
    "confusion of NaN": (F.confusion_matrix, WITH_NAN, LABELS),
    "auc of NaN": (AUC(), WITH_NAN[:, 0], RARE),
}  # fmt: skip


def parts(y, t, size):
    return [(y[i : i + size], t[i : i + size]) for i in range(0, len(y), size)]


def close(expected):
    return pytest.approx(np.asarray(expected, np.float64), rel=1e-5, abs=1e-7)


def result(metric, batches):
    scores = Scores({"m": metric})
    with np.errstate(all="ignore"):
        for y, t in batches:
            scores.update(y, t)
    return scores.compute()["m"]


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid", "ignore:Degrees")
@pytest.mark.parametrize("size", [1, 2, 4, 9, 36])
@pytest.mark.parametrize("name", METRICS)
def test_a_metric_of_batches_is_that_of_the_whole_set(name, size):
    metric, y, t = METRICS[name]
    if not isinstance(metric, Metric):
        assert np.asarray(result(metric, parts(y, t, size))) == close(metric(y, t))
    assert np.asarray(result(metric, parts(y, t, size))) == close(result(metric, [(y, t)]))


def test_metrics_of_the_set_have_the_values_of_the_functions():
    for metric, function, y, t in [
        (R2(), F.r2_score, Y, T),
        (Correlation(), correlation, Y, T),
        (F1(), F.f1_score, LOGITS, LABELS),
        (F1("binary"), partial(F.f1_score, average="binary"), LOGITS[:, :2], RARE),
        (AUC(), auc, Y, RARE),
        (AUC(), auc, np.round(Y), RARE),  # with ties
    ]:
        assert result(metric, [(y, t)]) == pytest.approx(float(function(y, t)), rel=1e-5)


def test_precision_and_recall_of_known_counts():
    # class 1: 2 true positives, 1 false positive, 2 false negatives
    y, t = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 1, 0, 1, 1, 0])
    assert result(Precision("binary"), [(y, t)]) == pytest.approx(2 / 3)
    assert result(Recall("binary"), [(y, t)]) == pytest.approx(1 / 2)
    assert result(Recall(), [(y, t)]) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert result(Precision("micro"), [(y, t)]) == pytest.approx(3 / 6)
    assert result(Precision("binary"), [(np.zeros(3, int), t[:3])]) == 0


@pytest.mark.parametrize(("metric", "y", "t"), [
    (R2(), [1.0, 2.0], [0.1, 0.1]), (F.r2_score, [1.0], [0.1]),
    (Correlation(), [1.0, 2.0], [0.1, 0.1]), (Correlation(), [0.1, 0.1, 0.1], [1.0, 2.0, 3.0]),
    (AUC(), [1.0, 2.0], [1, 1]),
])  # fmt: skip
def test_a_metric_without_a_value_for_these_samples_is_nan_and_ends_nothing(metric, y, t):
    assert math.isnan(result(metric, [(np.array(y), np.array(t))] * 3))


def test_a_score_that_is_nan_is_wrong():
    y, t = np.array([math.nan, 2.0, 1.0]), np.array([1, 0, 0])
    assert result(AUC(), [(y, t)]) == 0
    assert result(AUC(), [(y, 1 - t)]) == 0
    assert math.isnan(result(R2(), [(y, t)]))


@pytest.mark.parametrize(("metric", "y", "t", "message"), [
    (R2(), Y[:, None], T, r"R2: got outputs \(37, 1\) and targets \(37,\)"),
    (F.r2_score, Y[:, None], T, "needed equal shapes"),
    (AUC(), LOGITS, LABELS, r"AUC: got outputs \(37, 3\) and targets int64 \(37,\)"),
    (AUC(), Y, LABELS, "targets 0 and 1"),
    (F1("binary"), LOGITS, LABELS, "F1: got 3 classes, needed 2 for 'binary'"),
    (F1("binary"), LABELS, LABELS, "got 3 classes"),
])  # fmt: skip
def test_outputs_that_do_not_fit_a_metric_are_refused_at_the_first_batch(metric, y, t, message):
    scores = Scores({"m": metric})
    with pytest.raises(ValueError, match=message):
        scores.update(y, t)


def test_an_error_in_a_function_is_raised_at_the_first_batch_and_names_whole():
    scores = Scores({"wrong": lambda y, t: y[:, 5]})
    with pytest.raises(IndexError) as raised:
        scores.update(LOGITS, LABELS)
    assert "Whole(function)" in raised.value.__notes__[0]


def test_functions_of_scikit_learn_get_the_targets_first():
    def r2(y_true, y_pred):
        return 1 - np.sum((y_true - y_pred) ** 2) / np.sum((y_true - np.mean(y_true)) ** 2)

    def skewed(y_true, y_score, *, weight=3.0):
        return np.mean(np.where(y_true > y_score, weight, 1.0) * abs(y_true - y_score))

    scores = Scores([r2, partial(skewed, weight=2.0)])
    for y, t in parts(Y, T, 4):
        scores.update(y, t)
    assert scores.compute() == {
        "r2": pytest.approx(float(F.r2_score(Y, T)), rel=1e-5),
        "skewed": pytest.approx(skewed(T, Y, weight=2.0), rel=1e-5),
    }
    assert result(Whole(r2), [(Y, T)]) == pytest.approx(float(F.r2_score(Y, T)), rel=1e-5)
    evaluator = Evaluator(Same(), lambda y_true, y_pred: np.mean(2 * y_pred - y_true))
    assert evaluator.evaluate([(Y, T)])["loss"] == pytest.approx(np.mean(2 * Y - T), rel=1e-5)


@pytest.mark.parametrize(("metric", "message"), [
    (R2, r"write R2\(\)"), ("accuracy", "such as F.accuracy"), (3, "a Metric"), (dict, "Metric"),
])  # fmt: skip
def test_a_metric_of_another_kind_is_refused_with_the_cure(metric, message):
    with pytest.raises(TypeError, match=message):
        Scores([metric])


# ---- What is kept ----


def kept_after(function, batches):
    scores = Scores({"m": function})
    with np.errstate(all="ignore"):
        for y, t in batches:
            scores.update(y, t)
    return scores.kept["m"].size, scores.functions["m"].is_mean


def test_only_for_functions_that_are_no_means_outputs_are_kept():
    assert kept_after(F.accuracy, [(LOGITS, LABELS)]) == (0, True)
    assert kept_after(lambda y, t: np.mean(np.abs(y - t)), [(Y, T)]) == (0, True)
    assert kept_after(rmse, [(Y, T)]) == (2 * N, False)
    assert kept_after(lambda y, t: 1.0, parts(Y, T, 4)) == (2 * N, None)


def test_outputs_of_a_function_that_shows_nothing_are_kept_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(plain_module, "UNDECIDED", 30)
    assert kept_after(lambda y, t: 1.0, parts(Y, T, 4)) == (0, True)


def test_outputs_that_are_too_many_are_not_kept_and_a_warning_says_so(monkeypatch):
    monkeypatch.setattr(plain_module, "MOST", 30)

    def add():
        for y, t in batches:
            scores.update(y, t)

    scores = Scores([rmse])
    batches = parts(Y[:36], T[:36], 9)
    with pytest.warns(UserWarning, match=r"rmse is no mean.*more than 30 numbers.*Whole\(rmse\)"):
        add()
    again = Scores([rmse])
    again.load_state_dict(scores.state_dict())
    for passed in (scores, again):
        assert passed.kept["rmse"].size == 0
        mean = np.mean([rmse(y, t) for y, t in batches])
        assert passed.compute()["rmse"] == pytest.approx(mean)
    add()  # one warning is enough


def test_a_large_first_batch_is_judged_before_it_is_dropped(monkeypatch):
    monkeypatch.setattr(plain_module, "UNDECIDED", 30)
    assert kept_after(rmse, [(Y, T)]) == (2 * N, False)


def test_what_was_found_out_about_a_function_holds_for_the_next_pass():
    calls = []

    def counted_rmse(y, t):
        calls.append(len(y))
        return rmse(y, t)

    scores = Scores([counted_rmse])
    scores.update(Y[:9], T[:9])
    assert calls == [9, 9, 3, 6]
    other = scores.empty()
    for y, t in parts(Y, T, 4):
        other.update(y, t)
    assert calls[4:] == [4] * 9  # and no parts
    assert other.compute()["counted_rmse"] == pytest.approx(rmse(Y, T))
    assert scores.kept["counted_rmse"].size == 18


def test_kept_outputs_are_those_of_their_time():
    scores, y, t = Scores([rmse]), np.empty(4, np.float32), np.empty(4, np.float32)
    for y[...], t[...] in parts(Y[:36], T[:36], 4):
        scores.update(y, t)
    assert scores.compute()["rmse"] == pytest.approx(rmse(Y[:36], T[:36]))


def test_structured_outputs_are_kept_and_restored_from_a_file(tmp_path):
    def spread(y, t):
        return np.std(y["x"][0]) + np.max(t[1])

    def batch(i):
        y = Y[i : i + 4]
        return {"x": (y, y)}, [T[i : i + 4]] * 2

    first, second = Scores({"m": Whole(spread)}), Scores({"m": Whole(spread)})
    for i in (0, 4):
        first.add(4, first.measure(*batch(i)))
    save_state(tmp_path / "state.npz", first.state_dict())
    second.load_state_dict(load_state(tmp_path / "state.npz"))
    for scores in (first, second):
        scores.add(4, scores.measure(*batch(8)))
    assert second.compute() == first.compute() == {"m": pytest.approx(np.std(Y[:12]) + max(T[:12]))}


# ---- In a Trainer ----


def of_classes(name):
    """Whether the outputs are predicted classes."""
    return name in ("f1 of classes", "Confusion", "Recall, ignored")


class Same(Layer):
    def __init__(self):
        self.w = wg.Parameter(np.ones((), np.float32))

    def forward(self, x):
        return x * self.w


@pytest.mark.parametrize("name", METRICS)
def test_a_trainer_evaluates_and_trains_with_the_metric_of_the_whole_set(name):
    metric, y, t = METRICS[name]
    y, t = y.astype(np.float32), t
    if y.ndim == 1 and t.dtype.kind == "i" and not of_classes(name):
        t = t.astype(np.float32)

    class Fixed(Trainer):
        def compute(self, batch):
            x, t = batch
            out = self.model(x)
            y = out.data.astype(int) if of_classes(name) else out
            return np.mean(self.model.w), self.measure(y, t)

    with np.errstate(all="ignore"):
        fitted = Fixed(Same(), SGD(0.0), metrics={"m": metric}, progress=False)
        (row,) = fitted.fit(parts(y, t, 4), parts(y, t, 7), epochs=1)
        evaluated = fitted.evaluate([(y, t)])["m"]
    assert np.asarray(row["m"]) == close(evaluated)
    assert np.asarray(row["validation_m"]) == close(evaluated)


def test_a_last_batch_of_one_does_not_end_a_regression_with_r2():
    wg.seed(0)
    x = RNG.normal(size=(N, 2)).astype(np.float32)
    t = (x @ np.array([[1.0], [-2.0]])).astype(np.float32)
    trainer = Trainer(
        Linear(1, in_size=2), SGD(0.1), F.mean_squared_error,
        metrics=[F.r2_score, rmse, lambda y, t: F.r2_score(y, t)], progress=False,
    )  # fmt: skip
    batches = DataLoader(ArrayDataset(x, t), 4, seed=0)
    last = trainer.fit(batches, batches, epochs=3)[-1]
    y = trainer.predict([x])
    assert last["validation_r2_score"] == pytest.approx(float(F.r2_score(y, t)), rel=1e-5)
    assert last["validation_<lambda>"] == pytest.approx(float(F.r2_score(y, t)), rel=1e-5)
    assert last["validation_rmse"] == pytest.approx(rmse(y, t), rel=1e-4)


@pytest.mark.parametrize("stop", [1, 5, 10, 13])
def test_kept_outputs_resume_with_the_training(stop, tmp_path):
    def trainer(*callbacks):
        wg.seed(0)
        model = Linear(1, in_size=2)
        return Trainer(
            model, SGD(0.01), F.mean_squared_error,
            metrics=[rmse, R2(), F.r2_score, Correlation(), F.mean_absolute_error],
            progress=False, callbacks=callbacks,
        )  # fmt: skip

    def batches():
        x = RNG_X.astype(np.float32)
        return DataLoader(ArrayDataset(x, x[:, :1] + 0.1), 4, seed=0)

    RNG_X = np.random.default_rng(1).normal(size=(N, 2))
    whole = trainer().fit(batches(), batches(), epochs=2)

    from wengert.training import On, every

    def save(t):
        if t.step == stop:
            save_state(tmp_path / "state.npz", t.state_dict())
            t.stop("enough")

    trainer(On(every(1, "steps"), save)).fit(batches(), batches(), epochs=2)
    again = trainer()
    assert (
        again.fit(batches(), batches(), epochs=2, resume=load_state(tmp_path / "state.npz"))
        == whole
    )


def test_a_subclass_tells_what_its_loss_divides_by():
    mask = RNG.uniform(size=N) < 0.5

    class Masked(Trainer):
        def compute(self, batch):
            x, t, mask = batch
            self.count(mask.sum())
            return np.sum(mask * (self.model(x) - t) ** 2) / max(mask.sum(), 1), {}

    def stepped(batches, accumulate):
        trainer = Masked(Same(), SGD(0.1), accumulate=accumulate, progress=False)
        (row,) = trainer.fit(batches)
        return row["loss"], float(trainer.model.w.data)

    pieces = [(Y[i : i + 5], T[i : i + 5], mask[i : i + 5]) for i in range(0, N, 5)]
    assert stepped(pieces, len(pieces)) == pytest.approx(stepped([(Y, T, mask)], 1), rel=1e-5)


def test_a_state_of_an_earlier_version_is_loaded():
    scores = Scores([F.accuracy, F.r2_score, rmse])
    mean = {"total": 3.0, "weight": 4.0}
    scores.load_state_dict({
        "means": {"loss": mean, "accuracy": mean, "r2_score": mean, "rmse": mean}, "metrics": {},
    })  # fmt: skip
    found = scores.compute()
    assert math.isnan(found.pop("r2_score"))  # which was a mean of batches
    assert found == {"loss": 0.75, "accuracy": 0.75, "rmse": 0.75}


def test_padded_targets_weigh_their_steps():
    y = [RNG.normal(size=shape).astype(np.float32) for shape in [(3, 4, 2), (2, 6, 2)]]
    lengths = [np.array([4, 1, 2]), np.array([6, 3])]
    t = [np.zeros((3, 4, 2), np.float32), np.zeros((2, 6, 2), np.float32)]
    batches = [(a, Padded(b, n)) for a, b, n in zip(y, t, lengths, strict=True)]
    own = {"absolute": lambda y, t: np.mean(np.abs(y))}
    found = Evaluator(Same(), lambda y, t: np.mean(abs(y - t)), metrics=own).evaluate(batches)
    steps = np.concatenate([b.steps(a) for a, b in batches])
    assert found == {"loss": pytest.approx(np.abs(steps).mean(), rel=1e-6),
                     "absolute": pytest.approx(np.abs(steps).mean(), rel=1e-6)}  # fmt: skip


UNEQUAL = [(np.ones((2, n, 3), np.float32), np.zeros((2, n), np.int64)) for n in (4, 3, 5)]


def right(y, t):
    return np.mean(y.argmax(axis=-1) == t)


def test_outputs_of_unequal_shapes_are_averaged_and_a_warning_names_the_cure():
    scores = Scores([right])
    scores.update(*UNEQUAL[0])
    with pytest.warns(UserWarning, match=r"right has outputs of different shapes.*Padded"):
        scores.update(*UNEQUAL[1])
    scores.update(*UNEQUAL[2])
    assert scores.compute() == {"right": 1.0}
    again = scores.empty()
    again.load_state_dict(scores.state_dict())
    assert again.compute() == {"right": 1.0}


def test_a_whole_function_of_outputs_of_unequal_shapes_is_refused_with_the_cure():
    whole = Whole(right)
    whole.update(*UNEQUAL[0])
    with pytest.raises(ValueError, match=r"got outputs and targets \(2, 3, 3\), .*Padded"):
        whole.update(*UNEQUAL[1])
    assert whole.compute() == 1.0
