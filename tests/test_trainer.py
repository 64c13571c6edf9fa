"""The Trainer: its loop equals a hand-written one, and it resumes where it was stopped."""

import gc
import textwrap
import weakref

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable
from wengert.config import train
from wengert.data import ArrayDataset, DataLoader
from wengert.layers import Dropout, Layer, Linear, Sequential
from wengert.optimizers import SGD, Adam, ClipNorm, ExponentialMovingAverage
from wengert.schedules import cosine
from wengert.training import (
    BestWeights,
    Callback,
    Confusion,
    EarlyStopping,
    Evaluator,
    On,
    SaveCheckpoints,
    Trainer,
    every,
    macro_f1,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 4)).astype(np.float32)
T = RNG.integers(0, 3, size=22)
DATA = ArrayDataset(X, T)


def network(dropout=0.0):
    wg.seed(0)
    return Sequential(Linear(8, in_size=4), F.tanh, Dropout(dropout), Linear(3, in_size=8))


def trainer(model=None, optimizer=None, **options):
    model = model or network()
    wg.seed(1)
    options = {"progress": False, **options}
    return Trainer(model, optimizer or SGD(0.1), F.softmax_cross_entropy, **options)


def loader(**options):
    return DataLoader(DATA, 4, **{"seed": 1, **options})


def same(a, b):
    """Whether two states are equal bit for bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype


# ---- The loop ----


def test_it_computes_the_same_as_a_hand_written_loop():
    by_hand = trainer().model
    optimizer = SGD(0.1).setup(by_hand)
    batches = loader()
    losses = []
    for _ in range(2):
        for x, t in batches:
            by_hand.cleargrads()
            loss = F.softmax_cross_entropy(by_hand(x), t)
            loss.backward()
            optimizer.update()
            losses.append((len(x), float(loss)))

    fitted = trainer()
    history = fitted.fit(loader(), epochs=2)
    assert same(fitted.model.state_dict(), by_hand.state_dict())
    assert [result["epoch"] for result in history] == [1, 2]
    assert [result["step"] for result in history] == [6, 12]
    mean = sum(n * loss for n, loss in losses[6:]) / 22
    assert history[1]["loss"] == pytest.approx(mean, rel=1e-12)


def test_metrics_are_means_over_samples_or_accumulate():
    scores = trainer(metrics=[F.accuracy, Confusion(3, macro_f1)])
    parts = scores.evaluate([(X[:20], T[:20]), (X[20:], T[20:])])
    whole = scores.evaluate([(X, T)])
    assert parts["accuracy"] == pytest.approx(whole["accuracy"])
    assert parts["loss"] == pytest.approx(whole["loss"])
    assert parts["macro_f1"] == float(F.f1_score(scores.predict([X]), T))


def test_validation_runs_in_inference_mode_after_the_epoch():
    seen = []

    class Watching(Layer):
        def __init__(self):
            self.linear = Linear(3)

        def forward(self, x):
            y = self.linear(x)
            seen.append((train.get(), y.creator is not None))
            return y

    fitted = trainer(Watching(), metrics={"right": F.accuracy})
    (result,) = fitted.fit([(X, T)], [(X[:5], T[:5])])
    assert seen == [(True, True), (False, False)]
    assert list(result) == [
        "epoch", "step", "lr", "loss", "right", "validation_loss", "validation_right",
    ]  # fmt: skip
    assert fitted.evaluate([(X[:5], T[:5])]) == {
        "loss": result["validation_loss"],
        "right": result["validation_right"],
    }


def test_accumulated_batches_make_the_step_of_one_batch_of_them_all():
    parts, whole = trainer(accumulate=3), trainer()
    parts.fit([(X[:4], T[:4]), (X[4:8], T[4:8]), (X[8:10], T[8:10]), (X[10:], T[10:])])
    whole.fit([(X[:10], T[:10]), (X[10:], T[10:])])  # the last group of an epoch may be shorter
    assert parts.step == whole.step == 2
    for p, q in zip(parts.model.params(), whole.model.params(), strict=True):
        np.testing.assert_allclose(p.data, q.data, atol=1e-6)
    assert parts.history[0]["loss"] == pytest.approx(whole.history[0]["loss"], rel=1e-6)


def test_latest_is_of_the_whole_update():
    fitted = trainer(optimizer=SGD(0.0), accumulate=2)
    fitted.fit([(X[:15], T[:15]), (X[15:], T[15:])])
    assert fitted.latest["loss"] == pytest.approx(fitted.evaluate([(X, T)])["loss"], rel=1e-6)


def test_gradients_are_clipped_after_they_were_averaged():
    norms = []
    measure = ClipNorm(1e6)
    optimizer = SGD(0.1).add_hook(lambda params: norms.append(measure(params)))
    trainer(optimizer=optimizer, clip_norm=0.01, accumulate=2).fit(loader())
    assert norms == pytest.approx([0.01] * 3)


def test_a_step_holds_the_activations_of_one_step():
    alive, peak = [], []

    class Watched(Trainer):
        def compute(self, batch):
            peak.append(sum(y() is not None for y in alive))
            loss, values = super().compute(batch)
            alive.extend(weakref.ref(y) for y in (loss, loss.creator.inputs[0]))
            return loss, values

    gc.disable()
    try:
        Watched(network(), SGD(0.1), F.softmax_cross_entropy, progress=False, accumulate=2).fit(
            loader(), epochs=2
        )
    finally:
        gc.enable()
    assert len(peak) == 12
    assert set(peak) == {0}


def test_backward_frees_the_graph_even_if_the_loss_is_kept():
    records = []

    class Hold(Callback):
        def on_loss(self, trainer, loss):
            self.loss, self.functions = loss, [loss.creator, loss.creator.inputs[0].creator]

        def on_gradients(self, trainer):
            records.extend(f._record for f in self.functions)

    trainer(callbacks=[Hold()]).fit([(X, T)])
    assert records == [None, None]


def test_the_hand_written_loop_in_the_docstring_runs(tmp_path, capsys):
    from wengert import training

    assert training.__doc__ is not None
    *_, program = training.__doc__.partition("can be used alone.\n")
    names = {**vars(wg.optimizers), **vars(wg.models), **vars(training), "F": F, "folder": tmp_path}
    x, t = wg.data.load_digits()[:256]
    names |= {"DataLoader": DataLoader, "train": ArrayDataset(x.reshape(256, 64), t)}
    wg.seed(0)
    exec(textwrap.dedent(program), names)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1/2   loss 2.")
    assert second.startswith("epoch 2/2   loss ")
    assert training.load_state(tmp_path / "last.npz")["values"] == {"epoch": 2}


def test_a_schedule_is_a_function_of_the_step_and_the_rate_is_in_the_history():
    fitted = trainer(optimizer=SGD(cosine(0.1, steps=12)))
    history = fitted.fit(loader(), epochs=2)
    assert [result["lr"] for result in history] == [cosine(0.1, steps=12)(k) for k in (5, 11)]


def test_other_batches_and_losses_override_compute():
    class Autoencoder(Trainer):
        def compute(self, batch):
            loss = F.mean_squared_error(self.model(batch["x"]), batch["x"])
            return loss, {"twice": 2 * loss}

    fitted = Autoencoder(Linear(4), SGD(0.1), progress=False)
    (result,) = fitted.fit([{"x": X[:20]}, {"x": X[20:]}])
    assert result["twice"] == pytest.approx(2 * result["loss"])


def test_computing_a_batch_again_does_not_change_the_results():
    class Twice(Trainer):
        def compute(self, batch):
            super().compute(batch)
            return super().compute(batch)

    metrics = [F.accuracy, Confusion(3)]
    once = trainer(metrics=metrics).fit(loader(), [(X, T)])
    assert np.sum(once[0]["confusion"]) == np.sum(once[0]["validation_confusion"]) == len(X)
    twice = Twice(network(), SGD(0.1), F.softmax_cross_entropy, metrics=metrics, progress=False)
    assert twice.fit(loader(), [(X, T)]) == once


def test_a_model_is_evaluated_and_predicts_without_an_optimizer():
    metrics = [F.accuracy, Confusion(3, macro_f1)]
    by_trainer = trainer(metrics=iter(metrics))
    evaluator = Evaluator(by_trainer.model, F.softmax_cross_entropy, metrics=iter(metrics))
    assert evaluator.evaluate([(X, T)]) == by_trainer.evaluate([(X, T)])
    predicted = Evaluator(by_trainer.model).predict([X])
    np.testing.assert_array_equal(predicted, by_trainer.predict([X]))
    with pytest.raises(TypeError, match="Evaluator: got loss None, needed"):
        Evaluator(by_trainer.model).evaluate([(X, T)])
    with pytest.raises(TypeError, match="Evaluator: got a function as model, needed a Layer"):
        Evaluator(F.relu)


def test_a_trainer_prints_its_arguments_and_its_position():
    fitted = trainer()
    fitted.fit(loader())
    text = repr(fitted)
    assert text.startswith("Trainer(Sequential, ")
    assert text.endswith(", softmax_cross_entropy, epoch=1, step=6)")
    assert repr(fitted.position) == "Position(epoch=1, step=6, batches=0, fetched_all=False)"


def test_two_optimizers_override_learn_and_are_saved_as_parts():
    class TwoPlayers(Layer):
        def __init__(self):
            self.left, self.right = Linear(1, in_size=4), Linear(1, in_size=4)

    class Game(Trainer):
        def learn(self, batches):
            for name, optimizer in [("left", self.optimizer), ("right", self.parts["right"])]:
                self.model.cleargrads()
                loss = np.mean(getattr(self.model, name)(batches[0]) ** 2)
                loss.backward(retain_graph=False)
                optimizer.update()
                self.record(len(batches[0]), {name: loss})

    model = TwoPlayers()
    right = Adam(0.1).setup(model.right)
    game = Game(model, SGD(0.1).setup(model.left), parts={"right": right}, progress=False)
    (result,) = game.fit([X[:11], X[11:]])
    assert {"left", "right"} <= result.keys()
    assert right.steps == game.optimizer.steps == 2
    assert game.state_dict()["parts"]["right"]["steps"] == 2


def test_validation_and_prediction_use_the_average():
    model = network()
    average = ExponentialMovingAverage(model, 0.5)
    fitted = trainer(model, average=average)
    (result,) = fitted.fit(loader(), [(X, T)])
    weights = model.state_dict()
    with average.swapped_in():
        scores = trainer(model).evaluate([(X, T)])
        y = model(X).data if isinstance(model(X), Variable) else model(X)
    assert result["validation_loss"] == scores["loss"]
    np.testing.assert_array_equal(fitted.predict([X]), y)
    assert same(model.state_dict(), weights)


def test_predict_joins_batches_in_their_order():
    fitted = trainer()
    y = fitted.predict(loader(shuffle=False))
    np.testing.assert_allclose(y, fitted.predict([X]), rtol=1e-5)
    assert type(y) is np.ndarray


def test_predict_joins_each_of_several_outputs():
    class Two(Layer):
        def forward(self, x):
            return x, 2 * x

    class Free(Trainer):
        def learn(self, batches):
            pass

    once, twice = Free(Two(), SGD(0.1), progress=False).predict([X[:3], X[3:]])
    np.testing.assert_array_equal(once, X)
    np.testing.assert_array_equal(twice, 2 * X)


def test_predict_joins_outputs_by_their_names():
    class Named(Trainer):
        def predict_batch(self, batch):
            return {"x": batch, "y": self.model(batch)}

    named = Named(network(), SGD(0.1), F.softmax_cross_entropy).predict([X[:3], X[3:]])
    assert named["y"].shape == (22, 3)
    np.testing.assert_array_equal(named["x"], X)


def test_epochs_are_counted_in_total():
    fitted = trainer()
    fitted.fit(loader(), epochs=2)
    assert len(fitted.fit(loader(), epochs=2)) == 2
    assert len(fitted.fit(loader(), epochs=3)) == 3


def test_an_evaluation_during_training_does_not_change_the_running_results():
    metrics = [F.accuracy, Confusion(3, macro_f1)]
    look = On(every(1, "steps"), lambda fitted: fitted.evaluate([(X, T)]))
    assert trainer(metrics=metrics, callbacks=[look]).fit(loader()) == trainer(metrics=metrics).fit(
        loader()
    )


# ---- Stopping and resuming ----


class Save(Callback):
    last = True

    def __init__(self):
        self.states = []

    def on_step(self, trainer):
        self.states.append(trainer.state_dict())

    def on_epoch(self, trainer):
        self.states.append(trainer.state_dict())


def full(accumulate, *callbacks):
    """A Trainer with every kind of state."""
    model = network(dropout=0.3)
    return trainer(
        model,
        Adam(cosine(0.1, steps=30)),
        metrics=[F.accuracy, Confusion(3, macro_f1)],
        callbacks=[EarlyStopping(patience=2, restore_best=True), *callbacks],
        average=ExponentialMovingAverage(model, 0.9),
        accumulate=accumulate,
    )


@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_resumed_after_any_update_or_epoch_it_ends_bit_for_bit_the_same(accumulate):
    save = Save()
    first = full(accumulate, save)
    first.fit(loader(), loader(seed=2), epochs=3)
    end = first.state_dict()
    assert len(save.states) == 3 * (-(-6 // accumulate) + 1)
    for state in save.states:
        second = full(accumulate)
        wg.seed(99)
        second.fit(loader(seed=5), loader(seed=6), epochs=3, resume=state)
        assert same(second.state_dict(), end)
        assert second.history == first.history


def test_a_state_that_was_loaded_is_saved_unchanged():
    save = Save()
    full(2, save).fit(loader(), loader(seed=2))
    for state in save.states:
        again = full(2)
        again.load_state_dict(state)
        assert same(again.state_dict(), state)


def test_stopped_in_the_middle_of_an_epoch_it_can_continue_exactly():
    whole = trainer(network(0.5))
    whole.fit(loader(), epochs=2)
    end = whole.state_dict()
    at_3 = On(every(3, "steps"), lambda t: t.stop("enough") if t.step == 3 else None)
    parts = trainer(network(0.5), callbacks=[at_3])
    batches = loader()
    parts.fit(batches, epochs=2)
    assert (parts.stopped, parts.step, parts.batches, parts.history) == ("enough", 3, 3, [])
    parts.fit(batches, epochs=2)
    assert parts.step == 3  # it stays stopped
    parts.stopped = None
    parts.fit(batches, epochs=2)
    assert same(parts.state_dict(), end)


class FailingOnce(Callback):
    """Raises an error once at a moment; it may be that of the validation."""

    def __init__(self, moment, step, error=KeyboardInterrupt):
        self.failed = False
        self.step, self.error = step, error
        setattr(self, moment, self._fail)

    def _fail(self, trainer, *_):
        if trainer.step >= self.step and not self.failed:
            self.failed = True
            raise self.error


class Validation(list):
    """Batches that raise an error in their first pass."""

    failed = False

    def __iter__(self):
        yield from super().__iter__()
        if not self.failed:
            self.failed = True
            raise OSError("a damaged file")


@pytest.mark.parametrize("moment", ["on_step", "on_epoch", "validation"])
@pytest.mark.parametrize("again", ["fit", "resume"])
def test_no_update_is_lost_by_an_error_between_two_updates(moment, again):
    def made(*callbacks):
        options = {"callbacks": callbacks, "metrics": {"right": F.accuracy}}
        return trainer(network(0.2), Adam(0.1), **options)

    whole = made()
    whole.fit(loader(), [(X, T)], epochs=2)
    failing, data = made(FailingOnce(moment, 2)), loader()
    with pytest.raises((KeyboardInterrupt, OSError)):
        failing.fit(data, Validation([(X, T)]) if moment == "validation" else [(X, T)], 2)
    state = failing.state_dict()
    assert failing.step == state["position"]["step"] == (2 if moment == "on_step" else 6)
    other = failing if again == "fit" else made(FailingOnce(moment, 99))
    other.fit(data, [(X, T)], 2, resume=state if again == "resume" else None)
    assert other.step == whole.step
    assert same(other.model.state_dict(), whole.model.state_dict())
    assert other.history == whole.history


@pytest.mark.parametrize("moment", ["on_loss", "on_gradients"])
def test_an_update_that_an_error_ended_cannot_be_saved(moment):
    fitted = trainer(callbacks=[FailingOnce(moment, 2)])
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(loader())
    with pytest.raises(RuntimeError, match="interrupted"):
        fitted.state_dict()


@pytest.mark.parametrize("moment", ["on_step", "on_epoch", "validation"])
def test_what_was_trained_before_an_error_is_saved(moment, tmp_path):
    def made(*callbacks):
        saving = SaveCheckpoints(tmp_path / "run", every(4, "steps"))
        return trainer(callbacks=[*callbacks, saving])

    whole = trainer()
    whole.fit(loader(), [(X, T)], 2)
    failing = made(FailingOnce(moment, 6, ValueError("a full disk")))
    with pytest.raises((ValueError, OSError)) as raised:
        failing.fit(loader(), Validation([(X, T)]) if moment == "validation" else [(X, T)], 2)
    assert "step 6, is saved" in raised.value.__notes__[-1]
    resumed = made()
    resumed.fit(loader(), [(X, T)], 2, resume=True)
    assert same(resumed.model.state_dict(), whole.model.state_dict())
    assert resumed.history == whole.history


class Damaged(ArrayDataset):
    """Has a sample that cannot be read until it is mended."""

    mended = False

    def batch(self, indices):
        if 13 in indices and not self.mended:
            raise OSError("sample 13 is damaged")
        return super().batch(indices)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_was_trained_before_damaged_data_is_saved(accumulate, tmp_path):
    def made(*callbacks):
        return trainer(network(0.2), Adam(0.1), callbacks=callbacks, accumulate=accumulate)

    whole = made()
    whole.fit(loader(), epochs=2)
    data = Damaged(X, T)
    with pytest.raises(OSError, match="damaged"):
        made(SaveCheckpoints(tmp_path)).fit(DataLoader(data, 4, seed=1), epochs=2)
    data.mended = True
    resumed = made(SaveCheckpoints(tmp_path))
    seen = []
    resumed.callbacks.append(On(every(1, "steps"), lambda t: seen.append(t.step)))
    resumed.fit(DataLoader(data, 4, seed=1), epochs=2, resume=True)
    assert 1 < seen[0] < 6
    assert same(resumed.model.state_dict(), whole.model.state_dict())
    assert resumed.history == whole.history


def test_the_end_is_told_to_all_callbacks_also_after_an_error_in_one():
    ended = []

    class End(Callback):
        def on_end(self, trainer):
            ended.append(trainer.step)

    failing = FailingOnce("on_end", 6, ValueError("no picture")), FailingOnce("on_end", 6, OSError)
    fitted = trainer(callbacks=[failing[0], BestWeights("loss"), failing[1], End()])
    with pytest.raises(ValueError, match="no picture") as raised:
        fitted.fit(loader())
    assert ended == [6]
    assert fitted.restored == 1
    assert "another error came after this one: OSError()" in raised.value.__notes__[0]


def test_the_trainer_tells_which_weights_its_model_has(tmp_path):
    rising = On(every(1, "epochs"), lambda t: t.history[-1].update(score=[3, 5, 4][t.epoch - 1]))
    fitted = trainer(callbacks=[rising, BestWeights("score", mode="max")])
    assert fitted.restored is None
    fitted.fit(loader(), epochs=2)
    assert fitted.restored == 2
    fitted.fit(loader(), epochs=3)
    assert fitted.restored == 2
    again = trainer(callbacks=[BestWeights("score", mode="max")])
    again.load_state_dict(fitted.state_dict())
    assert again.restored == 2
    seen = On(every(1, "steps"), lambda t: seen_values.append(t.restored))
    seen_values = []
    fitted.callbacks = [seen]
    fitted.fit(loader(), epochs=4)
    assert set(seen_values) == {None}


def test_a_state_of_an_earlier_version_has_restored_nothing():
    fitted = trainer()
    fitted.fit(loader())
    state = fitted.state_dict()
    del state["restored"]
    again = trainer()
    again.load_state_dict(state)
    assert again.restored is None
    assert again.step == 6


def test_a_list_that_was_left_in_its_middle_starts_again():
    stop = On(every(2, "steps"), lambda t: t.stop("enough"))
    fitted = trainer(callbacks=[stop])
    fitted.fit([(X, T)] * 3)
    with pytest.raises(RuntimeError, match="DataLoader"):
        fitted.state_dict()
    fitted.callbacks, fitted.stopped = [], None
    fitted.fit([(X, T)] * 3)
    assert (fitted.step, fitted.epoch) == (2 + 3, 1)


def test_an_error_in_the_loop_ends_the_pass_of_the_loader():
    def fail(fitted):
        raise ArithmeticError

    batches = loader()
    with pytest.raises(ArithmeticError) as error:
        trainer(callbacks=[On(every(2, "steps"), fail)]).fit(batches)
    assert error.tb is not None  # which holds the loop's frame
    assert batches.position is None


def test_a_stop_is_resumed_as_a_stop():
    save = Save()
    stop = On(every(1, "epochs"), lambda t: t.stop("enough"))
    trainer(callbacks=[save, stop]).fit(loader(), epochs=3)
    again = trainer()
    again.fit(loader(), epochs=3, resume=save.states[-1])
    assert (again.stopped, again.epoch) == ("enough", 1)


def test_saving_callbacks_come_after_the_others():
    calls = []

    class Note(Callback):
        def __init__(self, name):
            self.name = name

        def on_epoch(self, trainer):
            calls.append(self.name)

    class Last(Note):
        last = True

    trainer(callbacks=[Last("save"), Note("a"), Note("b")]).fit(loader())
    assert calls == ["a", "b", "save"]


def test_training_on_a_list_can_be_resumed_only_between_epochs():
    fitted = trainer(callbacks=[On(every(1, "epochs"), lambda t: t.state_dict())])
    fitted.fit([(X, T)], epochs=2)
    with pytest.raises(RuntimeError, match="DataLoader"):
        trainer(callbacks=[Save()]).fit([(X, T)])


def test_an_interrupted_update_cannot_be_saved_but_the_model_can_be_used():
    class Interrupting(Callback):
        def on_loss(self, trainer, loss):
            if trainer.step == 2:
                raise KeyboardInterrupt

    fitted = trainer(callbacks=[Interrupting()])
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(loader())
    assert fitted.predict([X]).shape == (22, 3)
    with pytest.raises(RuntimeError, match="interrupted"):
        fitted.state_dict()
    fitted.callbacks = []
    assert len(fitted.fit(loader())) == 1  # the epoch starts again
    assert fitted.step == 2 + 6


@pytest.mark.parametrize("change", [
    lambda s: s.pop("position"),
    lambda s: s["position"].pop("step"),
    lambda s: s.update(more=1),
    lambda s: s["parts"].pop("model"),
    lambda s: s["parts"]["model"].pop("0.W", s["parts"]["model"].popitem()),
    lambda s: s["parts"]["optimizer"].update(steps="many"),
    lambda s: s["callbacks"]["EarlyStopping"].pop("best"),
    lambda s: s["scores"]["metrics"]["macro_f1"].update(counts=np.zeros((2, 2))),
])  # fmt: skip
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_loaded(change):
    save = Save()
    full(1, save).fit(loader(), [(X, T)])
    state = save.states[2]
    change(state)
    other = full(1)
    before = other.state_dict()
    with pytest.raises(ValueError):
        other.load_state_dict(state)
    assert same(other.state_dict(), before)


def test_the_state_of_an_earlier_version_can_be_resumed():
    save = Save()
    first = full(2, save)
    first.fit(loader(), loader(seed=2), epochs=3)
    state = save.states[5]
    stopping = state["callbacks"]["EarlyStopping"]
    best = stopping["best"]
    old = {
        **{name: value for name, value in state.items() if name != "position"},
        **state["position"],
        "callbacks": {
            "EarlyStopping": {
                "best": {"value": best["value"]},
                "best_epoch": best["epoch"],
                "best_weights": best["weights"],
                "bad_epochs": stopping["bad_epochs"],
            },
            "SaveCheckpoints": {"step": 9, "best_score": 0.5},
        },
    }
    second = full(2)
    second.fit(loader(), loader(seed=2), epochs=3, resume=old)
    assert same(second.state_dict(), first.state_dict())
    del old["callbacks"]["EarlyStopping"]["best"]
    with pytest.raises(ValueError, match="the state is damaged: KeyError"):
        full(2).load_state_dict(old)


def test_other_data_than_the_state_was_made_with_are_refused():
    save = Save()
    first = trainer(callbacks=[save])
    first.fit(loader(), [(X, T)])
    state = save.states[2]
    fitted = trainer()
    with pytest.raises(ValueError, match="batch_size"):
        fitted.fit(DataLoader(DATA, 3), [(X, T)], resume=state)
    fitted.fit(loader(), [(X, T)])  # it still resumes from the state
    assert fitted.history == first.history
    with pytest.raises(
        ValueError, match="the state has a position in the training batches, but a list needs none"
    ):
        trainer().fit([(X, T)], [(X, T)], resume=state)
    with pytest.raises(
        ValueError,
        match="the state has no position in the validation batches, but a DataLoader needs",
    ):
        trainer().fit(loader(), loader(), resume=state)
