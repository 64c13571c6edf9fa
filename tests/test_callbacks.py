"""Callbacks, triggers, metrics, logs, and the guard against NaN and infinities."""

import json
import math
import time

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Parameter, Variable, training
from wengert.data import ArrayDataset, DataLoader
from wengert.layers import Layer, Linear, Sequential
from wengert.optimizers import SGD, ExponentialMovingAverage
from wengert.schedules import ReduceOnPlateau
from wengert.training import (
    Best,
    BestWeights,
    Callback,
    Checkpoints,
    Confusion,
    CSVLog,
    EarlyStopping,
    JSONLinesLog,
    Mean,
    Metric,
    On,
    Plateau,
    Scores,
    StopOnNaN,
    TensorBoard,
    Trainer,
    at,
    check_finite,
    check_gradients,
    every,
    macro_f1,
)

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
T = X[:, :1]


def trainer(*callbacks, **options):
    wg.seed(0)
    options = {"progress": False, **options}
    model = Linear(1, in_size=3)
    return Trainer(model, SGD(0.1), F.mean_squared_error, callbacks=callbacks, **options)


def loader():
    return DataLoader(ArrayDataset(X, T), 4, seed=0)


class Scripted(Trainer):
    """Has the given validation losses, and a weight that counts the updates."""

    def __init__(self, losses, *callbacks):
        class One(Layer):
            def __init__(self):
                self.w = Parameter(np.zeros(1))

        self.losses = losses
        super().__init__(One(), SGD(0.1), callbacks=callbacks, progress=False)

    def learn(self, batches):
        self.model.w.data += 1

    def evaluate(self, batches):
        return {"loss": self.losses[self.epoch]}

    def run(self, **options):
        self.fit([X], [X], epochs=len(self.losses), **options)
        return self


# ---- Triggers ----


def times(trigger):
    """The moments at which a trigger is due, in 3 epochs of 3 updates."""
    due = []

    class Ask(Callback):
        def on_step(self, trainer):
            if trigger(trainer, "step"):
                due.append(("step", trainer.step))

        def on_epoch(self, trainer):
            if trigger(trainer, "epoch"):
                due.append(("epoch", trainer.epoch))

    trainer(Ask()).fit(loader(), epochs=3)
    return due


def test_triggers_by_steps_and_epochs():
    assert times(every(4, "steps")) == [("step", 4), ("step", 8)]
    assert times(every(2, "epochs")) == [("epoch", 2)]
    assert times(at(1, 9, unit="steps")) == [("step", 1), ("step", 9)]
    assert times(at(3, unit="epochs")) == [("epoch", 3)]


def test_a_trigger_by_time_is_due_at_the_first_step_after(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    # asked after each step and each epoch, a second apart: 4 times an epoch
    assert times(every(4, "seconds")) == [("step", 4), ("step", 7)]


@pytest.mark.parametrize("wrong", [
    lambda: every(0, "steps"), lambda: every(1, "batches"), lambda: every(0, "seconds"),
    lambda: at(unit="steps"), lambda: at(0, unit="steps"), lambda: at(1, unit="seconds"),
])  # fmt: skip
def test_triggers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="needed"):
        wrong()


@pytest.mark.parametrize("wrong", [
    lambda: every(1.5, "epochs"), lambda: every(True, "steps"), lambda: every("1", "seconds"),
    lambda: at(1.5, unit="steps"),
])  # fmt: skip
def test_triggers_of_the_wrong_kind_are_refused(wrong):
    with pytest.raises(TypeError, match="needed"):
        wrong()


def test_a_function_is_called_when_its_trigger_is_due():
    seen = []
    trainer(On(every(2, "steps"), lambda t: seen.append(t.step))).fit(loader(), epochs=2)
    assert seen == [2, 4, 6]
    with pytest.raises(TypeError, match="trigger"):
        On(3, print)
    with pytest.raises(TypeError, match="function"):
        On(every(1, "epochs"), None)


# ---- Early stopping, plateaus ----


def test_early_stopping_waits_for_its_patience_and_restores_the_best():
    stopping = EarlyStopping(patience=2, restore_best=True)
    run = Scripted([3.0, 1.0, 2.0, 1.0, 0.0], stopping).run()
    assert run.epoch == 4
    assert run.stopped == "validation_loss was no better than in epoch 2 for 2 epochs"
    assert run.model.w.data == [2]  # as it was after epoch 2


@pytest.mark.parametrize("restore", [True, False])
def test_the_weights_of_the_best_epoch_are_kept(restore):
    kept = BestWeights(restore=restore)
    run = Scripted([3.0, 1.0, 2.0], kept).run()
    assert (kept.best.value, kept.best.epoch, kept.best.weights["w"]) == (1.0, 2, [2])
    assert run.model.w.data == [2 if restore else 3]
    again = BestWeights()
    again.load_state_dict(kept.state_dict())
    assert again.state_dict() == kept.state_dict()


def test_with_an_average_the_restored_best_is_what_is_evaluated():
    model = Linear(1, in_size=3)
    rising = On(every(1, "epochs"), lambda t: t.history[-1].update(score=t.epoch))
    stopping = EarlyStopping("score", patience=2, restore_best=True)
    average = ExponentialMovingAverage(model, 0.5)
    fitted = Trainer(model, SGD(0.1), F.mean_squared_error, callbacks=[rising, stopping],
                     average=average, progress=False)  # fmt: skip
    first, _, last = fitted.fit(loader(), loader(), epochs=3)
    assert first["validation_loss"] != last["validation_loss"]
    assert fitted.evaluate(loader())["loss"] == pytest.approx(first["validation_loss"], rel=1e-6)


@pytest.mark.parametrize(("losses", "options", "epochs"), [
    ([1.0, 0.95, 0.89, 0.9, 0.9], {"min_delta": 0.1}, 5),
    ([1.0, 0.95, 0.93, 0.0], {"min_delta": 0.1}, 3),
    ([1.0, 2.0, 3.0, 2.0, 2.0], {"mode": "max"}, 5),
    ([math.nan, math.nan, 0.0], {}, 2),
    ([math.inf, 3.0, math.nan, 2.0], {}, 4),
])  # fmt: skip
def test_improvements_depend_on_mode_and_min_delta_and_never_on_nan(losses, options, epochs):
    assert Scripted(losses, EarlyStopping(patience=2, **options)).run().epoch == epochs


VALUES = [-math.inf, -1e300, -1.0, -0.5, 0.0, 0.5, 1.0, 1e300, math.inf, math.nan]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("delta", [0.0, 0.25])
@pytest.mark.parametrize("best", VALUES, ids=str)
def test_only_a_better_value_is_an_improvement(best, delta, mode, tmp_path):
    for value in VALUES:
        run = Scripted([best, value])
        kept = Best("validation_loss", mode, delta)
        folder = Checkpoints(tmp_path / f"{value}", mode=mode)
        found = []
        Trainer.fit(run, [X], [X])
        for step in (1, 2):
            run.history[-1]["validation_loss"] = (best, value)[step - 1]
            found.append((kept.improved(run), folder.save_best(step, (best, value)[step - 1])))
        first, second = found
        assert first == (not math.isnan(best),) * 2
        # as exact numbers: an infinity is as far from every other number as from itself
        lower, higher = (value, best) if mode == "min" else (best, value)
        expected = math.isnan(best) or lower < higher
        if math.isnan(value):
            expected = False
        assert second[1] == expected
        near = math.isfinite(value) and math.isfinite(best) and higher - lower <= delta
        assert second[0] == (expected and not (delta and near))


def test_early_stopping_says_that_values_were_nan():
    run = Scripted([1.0, math.nan, 2.0, math.nan], EarlyStopping(patience=3)).run()
    assert run.stopped == (
        "validation_loss was no better than in epoch 1 for 3 epochs, and NaN in 2 of them"
    )
    run = Scripted([math.nan] * 3, EarlyStopping(patience=2)).run()
    assert run.stopped == "validation_loss was NaN in all 2 epochs"


def test_equal_infinities_stop_the_training():
    for mode, value in [("min", math.inf), ("max", -math.inf), ("min", -math.inf)]:
        run = Scripted([value] * 9, EarlyStopping(patience=2, mode=mode)).run()
        assert run.epoch == 3


def test_early_stopping_continues_to_count_when_it_is_resumed():
    losses = [3.0, 1.0, 2.0, 1.5, 0.0]
    states = []
    Scripted(losses, EarlyStopping(patience=2, restore_best=True),
             On(every(1, "epochs"), lambda t: states.append(t.state_dict()))).run()  # fmt: skip
    for state in states:
        run = Scripted(losses, EarlyStopping(patience=2, restore_best=True)).run(resume=state)
        assert (run.epoch, run.model.w.data.tolist()) == (4, [2.0])


def test_the_rate_decreases_on_a_plateau_also_when_resumed():
    def run(**options):
        rate = ReduceOnPlateau(0.1, 0.5, patience=0)
        scripted = Scripted([1.0, 2.0, 0.5, 3.0], Plateau(rate), *options.pop("more", ()))
        scripted.optimizer.lr = rate
        scripted.run(**options)
        return [result["lr"] for result in scripted.history], rate.state_dict()

    states = []
    rates, end = run(more=[On(every(1, "epochs"), lambda t: states.append(t.state_dict()))])
    assert rates == [0.1, 0.1, 0.05, 0.05]
    assert end["value"] == 0.025
    assert [run(resume=state) for state in states] == [(rates, end)] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: EarlyStopping(patience=0),
        lambda: Best("loss", "least"),
        lambda: Best("loss", "min", -1),
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match="needed"):
        wrong()


def test_a_plateau_needs_its_schedule():
    with pytest.raises(TypeError, match="no callback"):
        Plateau(0.1)


def test_a_monitored_number_must_be_in_the_history():
    with pytest.raises(ValueError, match=r"'validation_loss'.*epoch, step, lr, loss.*validation"):
        trainer(EarlyStopping()).fit(loader())


@pytest.mark.parametrize(
    "text",
    [
        *("every(100, 'steps')", "every(0.5, 'seconds')", "at(1, 10, unit='epochs')"),
        *("EarlyStopping()", "EarlyStopping(patience=2, restore_best=True)", "StopOnNaN()"),
        *("BestWeights(mode='max', restore=False)", "On(every(2, 'epochs'), print)"),
        *(
            "CSVLog('log.csv', trigger=every(1, 'epochs'))",
            "TensorBoard('a', trigger=at(1, unit='steps'))",
        ),
        "SaveCheckpoints('run', trigger=every(9, 'steps'), best='loss', keep=None)",
        *("Confusion(3, macro_f1)", "Progress(epochs=3, done=0)"),
        "Checkpoints('run', keep=3, mode='min')",
    ],
)
def test_callbacks_print_as_the_call_that_makes_them(text):
    assert repr(eval(text, vars(training))) == text


def test_scores_print_their_results():
    scores = Scores({"right": F.accuracy, "counts": Confusion(2)})
    scores.add(2, {"loss": 0.5})
    assert repr(Mean()) == "Mean(total=0.0, weight=0.0)"
    assert repr(scores) == "Scores(loss=0.5, Confusion(2))"


# ---- Metrics ----


def test_a_mean_is_weighted_and_without_numbers_it_is_nan():
    mean = Mean()
    assert math.isnan(mean.compute())
    mean.add(1.0, 3)
    mean.add(np.float32(5.0))
    assert mean.compute() == 2.0


def test_means_are_computed_in_float64():
    scores = Scores()
    for _ in range(3000):
        scores.add(1, {"loss": np.float16(0.1)})
    assert scores.compute()["loss"] == pytest.approx(float(np.float16(0.1)), rel=1e-12)


def test_scores_in_a_hand_written_loop():
    scores = Scores({"right": F.accuracy, "counts": Confusion(2)})
    y = Variable(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]))
    scores.update(y, np.array([1, 1, 1]), loss=Variable(0.5))
    scores.update(y[:1], np.array([0]), loss=0.1)
    assert scores.compute() == {
        "loss": pytest.approx(0.4), "right": pytest.approx(0.5), "counts": [[0, 1], [1, 2]],
    }  # fmt: skip


def test_macro_f1_is_computed_from_all_samples():
    rng = np.random.default_rng(0)
    p, t = rng.integers(0, 4, size=(2, 50))
    confusion = Confusion(5, macro_f1)
    for i in range(0, 50, 7):
        confusion.update(p[i : i + 7], t[i : i + 7])
    assert confusion.compute() == pytest.approx(float(F.f1_score(p, t, classes=5)))
    assert math.isnan(Confusion(5, macro_f1).compute())


def test_a_metric_keeps_its_state_and_refuses_another():
    confusion, other = Confusion(2), Confusion(2)
    confusion.update(np.array([1]), np.array([0]))
    other.load_state_dict(confusion.state_dict())
    other.update(np.array([1]), np.array([0]))
    assert (confusion.counts[0, 1], other.counts[0, 1]) == (1, 2)
    with pytest.raises(ValueError, match="counts"):
        Confusion(3).load_state_dict(confusion.state_dict())
    with pytest.raises(ValueError, match="missing: counts; unexpected: total, weight"):
        Confusion(3).load_state_dict(Mean().state_dict())


def test_wrong_metrics_are_refused():
    with pytest.raises(ValueError, match="'accuracy' is taken"):
        Scores([F.accuracy, F.accuracy])
    with pytest.raises(ValueError, match="'loss' is taken"):
        Scores({"loss": F.accuracy})
    with pytest.raises(TypeError, match="needed a list"):
        Scores(F.accuracy)
    with pytest.raises(TypeError, match="needed a function"):
        Scores(["accuracy"])
    with pytest.raises(ValueError, match=r"metric equal: got shape \(2,\)"):
        Scores([np.equal]).update(np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="classes 0"):
        Confusion(0)
    for method, arguments in [("reset", ()), ("update", (X, T)), ("compute", ())]:
        with pytest.raises(NotImplementedError, match=f"define {method}"):
            getattr(Metric(), method)(*arguments)


# ---- Logs ----


@pytest.mark.parametrize("log", [CSVLog, JSONLinesLog])
@pytest.mark.parametrize("trigger", [None, every(2, "steps")])
def test_a_resumed_training_writes_each_line_of_a_log_once(tmp_path, log, trigger):
    path = tmp_path / "run" / "log"
    states = []

    class Save(Callback):
        last = True

        def on_step(self, trainer):
            states.append(trainer.state_dict())

    trainer(Save(), log(path, trigger)).fit(loader(), loader(), epochs=3)
    whole = path.read_bytes()
    assert whole.count(b"\n") == (3 if trigger is None else 4) + (log is CSVLog)
    for state in states:
        trainer(log(path, trigger)).fit(loader(), loader(), epochs=3, resume=state)
        assert path.read_bytes() == whole


def test_rows_of_the_csv_are_the_history(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    (result,) = trainer(log).fit(loader())
    names, values = log.path.read_text().splitlines()
    assert dict(zip(names.split(","), map(float, values.split(",")), strict=True)) == result


def test_rows_after_steps_have_the_loss_of_the_update(tmp_path):
    log = JSONLinesLog(tmp_path / "log", every(1, "steps"))
    fitted = trainer(log)
    fitted.fit(loader())
    rows = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert rows[-1] == {"epoch": 1, "step": 3, "lr": 0.1, **fitted.latest}
    mean = np.mean([row["loss"] for row in rows])
    assert mean == pytest.approx(fitted.history[0]["loss"])


def test_a_new_training_overwrites_its_log_and_a_second_fit_appends_to_it(tmp_path):
    log = JSONLinesLog(tmp_path / "log")
    log.path.write_text("old\n")
    fitted = trainer(log)
    fitted.fit(loader(), epochs=1)
    fitted.fit(loader(), epochs=2)
    assert [json.loads(line)["epoch"] for line in log.path.read_text().splitlines()] == [1, 2]


def test_logs_in_a_hand_written_loop(tmp_path):
    csv, lines = CSVLog(tmp_path / "a.csv"), JSONLinesLog(tmp_path / "b.jsonl")
    for log in (csv, lines):
        log.write({"epoch": 1, "loss": math.nan, "counts": [1, 2]})
    assert csv.path.read_text() == 'epoch,loss,counts\n1,nan,"[1, 2]"\n'
    assert lines.path.read_text() == '{"epoch": 1, "loss": null, "counts": [1, 2]}\n'


def test_logs_accept_numpy_scalars_and_variables(tmp_path):
    row = {"step": 1, "a": np.float32(0.5), "b": Variable(np.array(2.0)), "c": np.float32("nan")}
    JSONLinesLog(tmp_path / "log.jsonl").write(row | {"d": np.arange(2)})
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line == {"step": 1, "a": 0.5, "b": 2.0, "c": None, "d": [0, 1]}
    CSVLog(tmp_path / "log.csv").write(row)
    assert (tmp_path / "log.csv").read_text() == "step,a,b,c\n1,0.5,2.0,nan\n"


def test_a_log_that_cannot_be_resumed_is_an_error(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    fitted = trainer(log)
    fitted.fit(loader())
    state = fitted.state_dict()
    log.path.write_text("epoch\n")
    with pytest.raises(ValueError, match="has 6 bytes, but had"):
        trainer(CSVLog(log.path)).fit(loader(), epochs=2, resume=state)
    with pytest.raises(ValueError, match="no column for more"):
        log.write({"more": 1})
    with pytest.raises(TypeError, match="trigger"):
        CSVLog(log.path, 3)
    with pytest.raises(ValueError, match="missing: length"):
        log.load_state_dict({})


def test_tensorboard_receives_the_numbers_by_step(tmp_path):
    pytest.importorskip("tensorboardX", reason="pip install 'wengert[tensorboard]'")
    from tensorboardX.proto.event_pb2 import Event

    board = TensorBoard(tmp_path)
    fitted = trainer(board)
    fitted.fit(loader(), epochs=2)
    board.write({"step": 7, "hand": np.float32(0.5)})
    state = fitted.state_dict()
    trainer(TensorBoard(tmp_path / "resumed")).fit(loader(), epochs=3, resume=state)

    def events(folder):
        data = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
        found = []
        while data:
            size = int.from_bytes(data[:8], "little")
            found.append(Event.FromString(data[12 : 12 + size]))
            data = data[16 + size :]
        return found

    points = {(e.step, v.tag): v.simple_value for e in events(tmp_path) for v in e.summary.value}
    for result in fitted.history:
        assert points[result["step"], "loss"] == pytest.approx(result["loss"])
    assert points[7, "hand"] == 0.5  # although the file is still open
    board.close()
    starts = [e.step for e in events(tmp_path / "resumed") if e.HasField("session_log")]
    assert starts == [fitted.step + 1]  # TensorBoard hides the points of other files from there on


# ---- NaN and infinities ----


def network():
    wg.seed(0)
    return Sequential(Linear(4, in_size=3), F.relu, Linear(1, in_size=4))


def test_the_operation_that_computed_the_first_nan_is_named():
    model = network()
    with np.errstate(all="ignore"):
        loss = np.mean(np.exp(np.log(model(X))) * 2)
    with pytest.raises(FloatingPointError, match=r"Log computed the first: .*nan.* from -"):
        check_finite(loss, model)
    check_finite(np.mean(model(X)), model)


def test_an_infinity_that_a_softmax_removes_is_not_named():
    scores = Variable(np.array([[1.0, 2.0]])) + np.array([[0.0, -np.inf]])
    with np.errstate(all="ignore"):
        y = F.softmax(scores) * np.log(Variable(np.array([-1.0, 1.0])))
    with pytest.raises(FloatingPointError, match="Log computed the first: 1 nan in 2 numbers"):
        check_finite(np.sum(y))


def test_a_parameter_that_is_not_finite_is_named():
    model = network()
    model.layers[2].W.data[0, 0] = np.nan
    message = r"Parameter layers\.2\.W.*1 nan.*caused by an earlier update"
    with pytest.raises(FloatingPointError, match=message):
        check_finite(np.mean(model(X)), model)


def test_data_that_are_not_finite_are_named():
    x = X.copy()
    x[0] = np.inf
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="check the data"):
        check_finite(np.mean(network()(x)))


def zero_under_a_root(model, x):
    y = model(x)
    return np.sum(np.sqrt(y - y.detach()))


def test_the_backward_that_computed_the_first_infinity_is_named():
    model = network()
    loss = zero_under_a_root(model, X)
    check_finite(loss)
    with np.errstate(all="ignore"):
        loss.backward()
    with pytest.raises(
        FloatingPointError, match=r"gradients of layers\.0\.W, .* and 1 more are not"
    ):
        check_gradients(model)
    with pytest.raises(FloatingPointError, match=r"Sqrt\.backward computed the first"):
        check_gradients(model, lambda: zero_under_a_root(model, X))


def test_gradients_whose_sum_overflows_are_finite():
    model = Linear(2, in_size=1)
    model.W.grad = np.full((1, 2), 3e38, np.float32)
    check_gradients(model)


def test_the_guard_computes_the_failed_batch_again_with_the_same_random_numbers():
    class Sometimes(Trainer):
        def compute(self, batch):
            mask = wg.random.generator().integers(2, size=4)  # another draw would be another error
            drawn.append(mask.tolist())
            y = np.sum(self.model(batch)) * 0 + 1
            return np.sum(np.sqrt(y * mask)), {}

    drawn = []
    wg.seed(0)
    guarded = Sometimes(Linear(1, in_size=3), SGD(0.1), callbacks=[StopOnNaN()], progress=False)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"Sqrt\.backward"):
        guarded.fit([X] * 20)
    assert 0 in drawn[-1]
    assert drawn[-1] == drawn[-2]


def test_the_guard_names_a_parameter_when_the_learning_rate_is_too_high():
    wg.seed(0)
    fitted = Trainer(network(), SGD(1e30), F.mean_squared_error, callbacks=[StopOnNaN()],
                     progress=False)  # fmt: skip
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"layers\.\d\.W"):
        fitted.fit(loader(), epochs=9)
    assert fitted.step < 5


def test_check_finite_needs_a_variable():
    with pytest.raises(TypeError, match="needed the loss"):
        check_finite(0.5)
