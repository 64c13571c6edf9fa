"""Batches with lengths: a model gets all inputs in `fit`, `evaluate` and `predict` alike."""

import pickle
from functools import partial

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert.data import DataLoader, Padded, ragged
from wengert.layers import GRU, LSTM, RNN, Embedding, Layer, Linear
from wengert.models import LSTMClassifier
from wengert.optimizers import SGD, Adam
from wengert.training import (
    Evaluator,
    On,
    SaveCheckpoints,
    Scores,
    Trainer,
    at,
    every,
    load_state,
)

RNG = np.random.default_rng(0)
LENGTHS = [7, 2, 5, 1, 6, 3, 4, 2, 7, 1]
SEQUENCES = [RNG.normal(size=(n, 3)).astype(np.float32) for n in LENGTHS]
LABELS = RNG.integers(0, 2, size=10)
SAMPLES = list(zip(SEQUENCES, LABELS, strict=True))


class LastStates(Layer):
    """A recurrent layer, which takes its lengths by name, and a Linear one on its last state."""

    def __init__(self, kind):
        self.recurrent = kind(6, in_size=3)
        self.linear = Linear(2, in_size=6)

    def forward(self, x, lengths=None):
        return self.linear(self.recurrent(x, lengths=lengths)[1][-1])


class Positional(Layer):
    """Takes lengths under another name, and always."""

    def __init__(self):
        self.inner = LastStates(GRU)

    def forward(self, series, n):
        return self.inner(series, lengths=n)


class Unpacking(Layer):
    """Takes one tuple."""

    def __init__(self):
        self.inner = LastStates(GRU)

    def forward(self, pair):
        x, n = pair
        return self.inner(x, lengths=n)


MODELS = {
    "classifier": lambda: LSTMClassifier(2, 6, in_size=3),
    "two directions": lambda: LSTMClassifier(2, 6, in_size=3, bidirectional=True, layers=2),
    "rnn": lambda: LastStates(RNN),
    "lstm": lambda: LastStates(LSTM),
    "gru": lambda: LastStates(GRU),
    "positional": Positional,
}
FORMS = {
    "((x, n), t)": lambda x, n, t: ((x, n), t),
    "[[x, n], t]": lambda x, n, t: [[x, n], t],
    "(x, n, t)": lambda x, n, t: (x, n, t),
    "(Padded(x, n), t)": lambda x, n, t: (Padded(x, n), t),
    "dict": lambda x, n, t: {"x": x, "lengths": n, "t": t},
    "dict in a pair": lambda x, n, t: ({"x": x, "lengths": n}, t),
}
WITHOUT_TARGET = {
    "((x, n),)": lambda x, n: ((x, n),),
    "Padded(x, n)": Padded,
    "(Padded(x, n),)": lambda x, n: (Padded(x, n),),
    "dict": lambda x, n: {"x": x, "lengths": n},
}


def batches(form, size=4):
    """The samples in the given form."""
    found = []
    for i in range(0, len(SAMPLES), size):
        (x, n), t = ragged(SAMPLES[i : i + size])
        found.append(form(x, n, t))
    return found


def made(name):
    wg.seed(0)
    return MODELS[name]()


def own_names(name, found):
    """The batches with the names of the arguments of the model."""
    names = {"x": "series", "lengths": "n"} if name == "positional" else {}

    def renamed(batch):
        if isinstance(batch, dict):
            return {names.get(key, key): x for key, x in batch.items()}
        return (renamed(batch[0]), batch[1]) if isinstance(batch[0], dict) else batch

    return list(map(renamed, found))


def one_by_one(model):
    """The outputs for each sequence alone, without any padding."""
    with wg.no_grad(), wg.test_mode():
        return np.concatenate([model(x[np.newaxis], np.array([len(x)])).data for x in SEQUENCES])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_all_of_fit_evaluate_and_predict_give_the_model_its_lengths(name, form):
    data = own_names(name, batches(FORMS[form]))
    by_hand = made(name)
    optimizer = SGD(0.1).setup(by_hand)
    for x, n, t in batches(lambda *batch: batch):
        by_hand.cleargrads()
        F.softmax_cross_entropy(by_hand(x, n), t).backward()
        optimizer.update()

    trainer = Trainer(made(name), SGD(0.1), F.softmax_cross_entropy, metrics=[F.accuracy],
                      progress=False)  # fmt: skip
    (row,) = trainer.fit(data, data)
    for p, q in zip(trainer.model.params(), by_hand.params(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
    y = trainer.predict(data)
    np.testing.assert_allclose(y, one_by_one(by_hand), rtol=1e-5, atol=1e-6)
    assert row["validation_accuracy"] == pytest.approx(float(F.accuracy(y, LABELS)))
    assert trainer.evaluate(data)["loss"] == pytest.approx(
        float(F.softmax_cross_entropy(y, LABELS)), rel=1e-5
    )


@pytest.mark.parametrize("form", WITHOUT_TARGET)
@pytest.mark.parametrize("name", MODELS)
def test_predictions_without_targets_use_the_lengths(name, form):
    data = own_names(name, batches(lambda x, n, t: WITHOUT_TARGET[form](x, n)))
    model = made(name)
    y = Evaluator(model).predict(data)
    np.testing.assert_allclose(y, one_by_one(model), rtol=1e-5, atol=1e-6)


def test_a_pair_that_may_have_lengths_or_a_target_is_refused():
    evaluator = Evaluator(made("classifier"))
    with pytest.raises(ValueError, match=r"may be \(x, t\) or \(x, lengths\).*Padded"):
        evaluator.predict(batches(lambda x, n, t: (x, n)))
    assert evaluator.predict(batches(lambda x, n, t: (x, t))).shape == (10, 2)
    assert evaluator.predict(batches(lambda x, n, t: (x,))).shape == (10, 2)


def test_a_model_of_one_tuple_still_gets_it():
    model = Unpacking()
    trainer = Trainer(model, SGD(0.1), F.softmax_cross_entropy, progress=False)
    data = batches(FORMS["((x, n), t)"])
    trainer.fit(data, data)
    np.testing.assert_allclose(
        trainer.predict(data), Evaluator(model.inner).predict(data), rtol=1e-6
    )


def test_recurrent_layers_are_models():
    outputs = Evaluator(LSTM(4, in_size=3)).predict(batches(FORMS["((x, n), t)"], 10))
    assert [y.shape for y in outputs] == [(10, 7, 4), (1, 10, 4), (1, 10, 4)]
    assert not outputs[0][3, 1:].any()  # this sequence has one step


def test_more_inputs_than_two_are_passed_in_their_order():
    class Three(Layer):
        def forward(self, x, y, z):
            return x + 10 * y + 100 * z

    ones = np.ones((2, 1))
    assert Evaluator(Three()).predict([(ones, 2 * ones, 3 * ones, None)]).tolist() == [[321]] * 2
    assert Evaluator(Three()).predict([{"z": ones, "x": 2 * ones, "y": ones}]).tolist() == [
        [112], [112],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["classifier", "positional"])
def test_a_compute_of_a_subclass_and_predict_agree_about_the_lengths(name):
    class Own(Trainer):
        def compute(self, batch):
            x, n, t = batch
            y = self.model(x, n)
            return F.softmax_cross_entropy(y, t), {"accuracy": F.accuracy(y, t)}

    trainer = Own(made(name), SGD(0.1), progress=False)
    data = batches(FORMS["(x, n, t)"])
    (row,) = trainer.fit(data, data)
    assert row["validation_accuracy"] == pytest.approx(
        float(F.accuracy(trainer.predict(data), LABELS))
    )


def test_a_subclass_with_weights_of_samples_predicts_from_the_first_array():
    class Weighted(Trainer):
        def compute(self, batch):
            x, t, w = batch
            return np.sum(w[:, None] * (self.model(x) - t) ** 2) / np.sum(w), {}

    x = np.ones((3, 2), np.float32)
    trainer = Weighted(Linear(1, in_size=2), SGD(0.1), progress=False)
    data = [(x, x[:, :1], np.ones(3, np.float32))]
    trainer.fit(data)
    np.testing.assert_array_equal(trainer.predict(data), trainer.predict([x]))


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_training_with_lengths_resumes_in_the_middle_of_an_epoch(stop, tmp_path):
    def made_trainer(*callbacks):
        wg.seed(0)
        return Trainer(Tagger(), Adam(0.01), partial(F.softmax_cross_entropy), accumulate=2,
                       metrics=[F.f1_score, lambda y, t: np.max(y)], callbacks=callbacks,
                       progress=False)  # fmt: skip

    def loader():
        return DataLoader(TAGGED, 2, seed=0, collate=ragged)

    whole = made_trainer()
    whole.fit(loader(), loader(), epochs=2)
    saving = SaveCheckpoints(tmp_path, every(1, "steps"))
    stopping = On(at(stop, unit="steps"), lambda t: t.stop("enough"))
    made_trainer(stopping, saving).fit(loader(), loader(), epochs=2)
    resumed = made_trainer(SaveCheckpoints(tmp_path, every(1, "steps")))
    resumed.load_state_dict(load_state(saving.checkpoints.latest())["parts"]["trainer"])
    resumed.stopped = None
    resumed.fit(loader(), loader(), epochs=2)
    assert resumed.history == whole.history
    for p, q in zip(resumed.model.params(), whole.model.params(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


# ---- An output for each step ----


class Tagger(Layer):
    def __init__(self):
        self.embedding = Embedding(9, 5)
        self.lstm = LSTM(6, in_size=5)
        self.linear = Linear(3, in_size=6)

    def forward(self, ids, lengths):
        return self.linear(self.lstm(self.embedding(ids), lengths=lengths)[0])


IDS = [RNG.integers(0, 9, size=n) for n in LENGTHS]
TAGS = [ids % 3 for ids in IDS]
TAGGED = list(zip(IDS, TAGS, strict=True))


def test_losses_metrics_and_predictions_of_steps_ignore_the_padding():
    wg.seed(0)
    loader = DataLoader(TAGGED, 4, seed=0, collate=ragged)
    trainer = Trainer(Tagger(), Adam(0.05), F.softmax_cross_entropy, progress=False,
                      metrics=[F.accuracy, F.f1_score])  # fmt: skip
    trainer.fit(loader, epochs=10)
    in_order = DataLoader(TAGGED, 4, shuffle=False, collate=ragged)
    scores = trainer.evaluate(in_order)
    y = trainer.predict(in_order)
    assert y.shape == (10, 7, 3)
    steps = np.concatenate([row[:n] for row, n in zip(y, LENGTHS, strict=True)])
    tags = np.concatenate(TAGS)
    assert scores["accuracy"] == pytest.approx(np.mean(steps.argmax(axis=-1) == tags))
    assert scores["f1_score"] == pytest.approx(float(F.f1_score(steps, tags)))
    assert scores["loss"] == pytest.approx(float(F.softmax_cross_entropy(steps, tags)), rel=1e-5)
    assert scores["accuracy"] > 0.9


def test_scores_of_a_hand_written_loop_add_the_steps_within_the_lengths():
    scores = Scores([F.accuracy])
    y, t = RNG.normal(size=(3, 5, 4)), Padded(np.zeros((3, 5), int), np.array([5, 1, 2]))
    scores.update(y, t)
    assert scores.compute()["accuracy"] == pytest.approx(np.mean(y[t.mask].argmax(axis=-1) == 0))


@pytest.mark.parametrize("value", [0, 2, 8])
def test_the_content_of_the_padding_makes_no_difference(value):
    def trained(padding):
        wg.seed(0)
        loader = DataLoader(TAGGED, 5, seed=0, collate=partial(ragged, padding=padding))
        trainer = Trainer(Tagger(), SGD(0.1), F.softmax_cross_entropy, progress=False)
        trainer.fit(loader)
        return trainer.model.state_dict()

    expected = trained(1)
    for name, p in trained(value).items():
        np.testing.assert_allclose(p, expected[name], rtol=1e-6, atol=1e-7)


class States(Layer):
    """Outputs of all steps, and the last state, in which the sequences are on the second axis."""

    def __init__(self, last):
        self.lstm = LSTM(4, in_size=3)
        self.last = last

    def forward(self, x, lengths=None):
        y, h, _ = self.lstm(x, lengths=lengths)
        return (y, h) if self.last else y


@pytest.mark.parametrize("form", FORMS)
def test_steps_are_predicted_for_batches_of_unequal_lengths(form):
    model = States(last=False)
    y = Evaluator(model).predict(batches(FORMS[form], 3))
    assert y.shape == (10, 7, 4)
    for x, steps in zip(SEQUENCES, y, strict=True):
        alone = model(x[np.newaxis]).data[0]
        np.testing.assert_allclose(steps[: len(x)], alone, rtol=1e-5, atol=1e-6)
        assert not steps[len(x) :].any()


def test_outputs_without_sequences_on_the_first_axis_are_not_padded():
    with pytest.raises(ValueError, match=r"shapes \(1, 2, 4\), \(1, 4, 4\), needed equal ones"):
        Evaluator(States(last=True)).predict(batches(FORMS["(Padded(x, n), t)"]))


def test_outputs_that_do_not_fit_padded_targets_are_refused():
    evaluator = Evaluator(made("classifier"), F.softmax_cross_entropy)
    x, _ = ragged(SAMPLES)
    t, _ = ragged(TAGGED)
    with pytest.raises(ValueError, match=r"got y \(10, 2\) for 10 sequences of at most 7 steps"):
        evaluator.evaluate([(x, t)])


def test_outputs_of_unequal_shapes_are_joined_for_padded_batches_only():
    class Same(Layer):
        def forward(self, x, lengths=None):
            return x

    short, long = np.ones((2, 3, 1)), np.ones((1, 5, 1))
    found = Evaluator(Same()).predict(
        [Padded(short, np.array([3, 1])), Padded(long, np.array([5]))]
    )
    assert found[..., 0].tolist() == [[1, 1, 1, 0, 0]] * 2 + [[1] * 5]
    with pytest.raises(ValueError, match=r"shapes \(1, 5, 1\), \(2, 3, 1\), needed equal ones"):
        Evaluator(Same()).predict([short, long])


# ---- The collate function ----


def test_ragged_pads_sequences_and_stacks_the_rest():
    batch = ragged([
        {"ids": [1, 2], "class": 3, "weights": np.ones(2), "fixed": np.ones(4)},
        {"ids": [4], "class": 5, "weights": np.ones(1), "fixed": np.ones(4)},
    ])  # fmt: skip
    assert batch["ids"].x.tolist() == [[1, 2], [4, 0]]
    assert batch["ids"].x.dtype == np.int64
    assert batch["ids"].lengths.tolist() == [2, 1]
    assert batch["weights"].x.tolist() == [[1, 1], [1, 0]]
    assert batch["class"].tolist() == [3, 5]
    assert batch["fixed"].shape == (2, 4)


def test_ragged_takes_samples_that_are_sequences():
    padded = ragged([np.zeros((2, 3), np.float16), np.ones((4, 3), np.float16)])
    assert (padded.x.shape, padded.x.dtype, padded.lengths.tolist()) == (
        (2, 4, 3), np.float16, [2, 4],
    )  # fmt: skip
    assert ragged([[0.5], [0.5, 1.5]]).x.dtype == np.float32  # as `collate`
    assert [s.tolist() for s in padded.sequences()] == [[[0] * 3] * 2, [[1] * 3] * 4]


def test_the_sequences_and_their_padding_can_be_named():
    samples = [([1], [5, 5]), ([2, 3], [6])]
    x, t = ragged(samples, sequences=(0, 1), padding={0: 9, 1: -1})
    assert x.x.tolist() == [[1, 9], [2, 3]]
    assert t.x.tolist() == [[5, 5], [6, -1]]
    x, t = ragged([(np.ones(2), np.ones(2)), (np.ones(2), np.ones(2))], sequences=[0])
    assert isinstance(x, Padded)
    assert isinstance(t, np.ndarray)


@pytest.mark.parametrize(("samples", "options", "kind", "message"), [
    ([], {}, ValueError, "no samples"),
    ([([1], 0), ([1],)], {}, ValueError, "sample 1 of the batch has another structure"),
    ([{"x": [1]}, {"y": [1]}], {}, ValueError, "dicts with the same keys"),
    ([(3, 0), (4, 1)], {}, TypeError, r"sample\[0\] is 3 in sample 0.*needed a sequence"),
    ([["a"], ["b", "c"]], {}, TypeError, "needed a sequence of numbers"),
    ([[[1], [1, 2]]], {}, TypeError, "needed a sequence of numbers"),
    ([np.ones((2, 3)), np.ones((2, 4))], {}, ValueError, r"steps of the shapes \[\(3,\), \(4,\)\]"),
    ([([1], 0)], {"sequences": ["x"]}, ValueError, r"got sequences \['x'\], needed some of \[0, 1"),
    ([np.ones(2, np.uint8)], {"padding": -1}, ValueError, "padding -1 for uint8"),
])  # fmt: skip
def test_samples_that_are_no_sequences_are_refused(samples, options, kind, message):
    with pytest.raises(kind, match=message):
        ragged(samples, **options)


def test_padded_is_pickled_for_worker_processes():
    padded = pickle.loads(pickle.dumps(Padded(np.ones((2, 3)), np.array([3, 1]))))
    assert padded.mask.tolist() == [[True] * 3, [True, False, False]]
    loader = DataLoader(TAGGED, 4, seed=0, collate=ragged, workers=2)
    assert [x.x.shape[0] for x, _ in loader] == [4, 4, 2]


VECTORS = [(x, np.eye(3, dtype=np.float32)[i % 3]) for i, x in enumerate(SEQUENCES)]
STEPS = [(x, np.arange(len(x))) for x in SEQUENCES]  # a target for each step


@pytest.mark.parametrize("options", [{}, {"padding": -1.0}])
@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize(("samples", "kind"), [(VECTORS, np.ndarray), (STEPS, Padded)])
def test_all_batches_of_a_loader_have_the_same_structure(samples, kind, size, options):
    loader = DataLoader(samples, size, shuffle=False, collate=partial(ragged, **options))
    for _ in range(2):
        assert {type(t) for _, t in loader} == {kind}


def test_the_length_of_a_vector_is_no_length_of_a_sequence_in_any_batch():
    class Sums(Layer):
        def __init__(self):
            self.linear = Linear(3, in_size=3)

        def forward(self, x, lengths):
            return self.linear(np.sum(x, axis=1))

    evaluator = Evaluator(Sums(), F.mean_squared_error, metrics=[F.r2_score, lambda y, t: len(t)])
    whole, *others = [
        evaluator.evaluate(DataLoader(VECTORS, size, shuffle=False, collate=ragged))
        for size in (10, 3, 1)
    ]
    for scores in others:
        assert scores == pytest.approx(whole, rel=1e-5)


def test_a_search_for_sequences_draws_nothing_and_hides_no_error():
    class Drawing:
        def __len__(self):
            return 10

        def __getitem__(self, i):
            return SEQUENCES[i] + wg.random.generator().random() + np.random.random(), LABELS[i]

    class Damaged(Drawing):
        def __getitem__(self, i):
            raise OSError(f"sample {i} is damaged")

    np.random.seed(0)
    wg.seed(0)
    first = next(iter(DataLoader(Drawing(), 4, seed=0, collate=ragged)))[0].x
    drawn = np.random.random(), wg.random.generator().random()
    np.random.seed(0)
    wg.seed(0)
    assert drawn == (np.random.random(), wg.random.generator().random())
    again = next(iter(DataLoader(Drawing(), 4, seed=0, collate=ragged)))[0].x
    np.testing.assert_array_equal(first, again)
    with pytest.raises(OSError, match="is damaged"):
        next(iter(DataLoader(Damaged(), 4, seed=0, collate=ragged)))
