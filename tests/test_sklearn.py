"""The estimators in scikit-learn: its own checks, searches, pipelines, and what they keep."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert.optimizers import SGD, Momentum
from wengert.schedules import cosine
from wengert.sklearn import Classifier, Regressor

BOTH = [Classifier, Regressor]


@parametrize_with_checks([Classifier(epochs=50, lr=0.01), Regressor(epochs=50, lr=0.01)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def data(make, n=40):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = 3 * X[:, 0] - X[:, 1]
    return (X, np.where(y > 0, "up", "down")) if make is Classifier else (X, 1000 + 50 * y)


def fitted(make, **options):
    return make(**{"epochs": 30, "lr": 0.01, "random_state": 0} | options).fit(*data(make))


def outputs(model):
    X = data(type(model))[0]
    return model.predict_proba(X) if isinstance(model, Classifier) else model.predict(X)


# ---- In scikit-learn ----


def test_a_classifier_in_a_pipeline_is_cross_validated():
    model = make_pipeline(StandardScaler(), Classifier(epochs=40, lr=0.01, random_state=0))
    assert cross_val_score(model, *load_wine(return_X_y=True), cv=3).mean() > 0.95


def test_a_regressor_needs_no_scaled_targets():
    X, y = load_diabetes(return_X_y=True)  # from 25 to 346
    model = make_pipeline(StandardScaler(), Regressor(epochs=60, random_state=0))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.4


def test_a_search_sets_the_options():
    grid = {"hidden_sizes": [(), (8,)], "lr": [1e-5, 1e-2]}
    search = GridSearchCV(Classifier(epochs=20, random_state=0), grid, cv=2)
    search.fit(*load_iris(return_X_y=True))
    assert search.best_params_["lr"] == 1e-2
    assert search.best_score_ > 0.7


@pytest.mark.parametrize("make", BOTH)
def test_a_clone_has_the_options_and_nothing_trained(make):
    model = fitted(make, model=L.Linear(2 if make is Classifier else 1))
    copy = clone(model)
    assert copy.get_params()["lr"] == 0.01
    assert not hasattr(copy, "model_")
    np.testing.assert_array_equal(outputs(copy.fit(*data(make))), outputs(model))


@pytest.mark.parametrize("make", BOTH)
def test_a_pickle_predicts_and_continues(make):
    model = fitted(make)
    again = pickle.loads(pickle.dumps(model))
    for _ in range(2):
        np.testing.assert_array_equal(outputs(again), outputs(model))
        again.partial_fit(*data(make))
        model.partial_fit(*data(make))


def test_without_scikit_learn_an_error_names_the_package(monkeypatch):
    for name in [*sys.modules]:
        if name.split(".")[0] == "sklearn":
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "wengert.sklearn")
    monkeypatch.delattr(wg, "sklearn")
    with pytest.raises(ImportError, match=r"^wengert.sklearn: .*pip install 'wengert\[sklearn\]'$"):
        import wengert.sklearn  # noqa: F401


def test_the_module_is_there_when_it_is_named():
    code = "import sys, wengert as wg; print('sklearn' in sys.modules, wg.sklearn.Classifier())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False Classifier()\n"


# ---- Classifier ----


def test_probabilities_belong_to_the_classes_in_their_order():
    model = fitted(Classifier)
    X, y = data(Classifier)
    p = model.predict_proba(X)
    assert model.classes_.tolist() == ["down", "up"]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p)
    assert model.score(X, y) > 0.9


def test_labels_that_come_later_are_named_in_the_first_partial_fit():
    model = Classifier(lr=0.01, random_state=0)
    for label in [0, 1, 2] * 60:
        model.partial_fit(np.full((4, 1), label), np.full(4, label), classes=[2, 0, 1])
    assert model.predict([[0], [1], [2]]).tolist() == [0, 1, 2]
    assert model.n_iter_ == len(model.loss_curve_) == 180


def test_labels_that_were_not_named_are_refused():
    with pytest.raises(ValueError, match=r"^Classifier.partial_fit: got no classes"):
        Classifier().partial_fit([[0.0], [1.0]], [0, 1])
    model = Classifier().partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels \[7\], which are not among the classes \[0 1\]"):
        model.partial_fit([[0.0], [1.0]], [0, 7])
    with pytest.raises(ValueError, match=r"got classes \[0 7\], which are not those of the first"):
        model.partial_fit([[0.0], [1.0]], [0, 7], classes=[0, 7])


def test_balanced_classes_move_the_boundary_to_the_rare_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [380, 20])
    X = rng.normal(2 * y, 1.0).reshape(-1, 1)
    recalls = []
    for weight in [None, {0: 1, 1: 19}, "balanced"]:
        model = Classifier(class_weight=weight, epochs=60, lr=0.01, random_state=0).fit(X, y)
        recalls.append(model.score(X[y == 1], y[y == 1]))
    assert recalls[0] + 0.2 < recalls[1]
    assert recalls[1] == recalls[2]


# ---- Regressor ----


def test_several_targets_are_predicted_in_their_units():
    X, y = data(Regressor)
    Y = np.stack([y, -y / 1e6], axis=1)
    model = Regressor(epochs=100, lr=0.01, random_state=0).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert r2_score(Y, model.predict(X), multioutput="raw_values").min() > 0.95


def test_a_constant_target_is_predicted():
    model = Regressor(epochs=30, random_state=0).fit(np.eye(4), np.full(4, 0.1))
    assert model.target_std_.tolist() == [1]
    np.testing.assert_allclose(model.predict(np.eye(4)), 0.1, atol=0.3)


# ---- Both ----


@pytest.mark.parametrize("make", BOTH)
def test_a_whole_number_as_weight_is_that_many_samples(make):
    X, y = data(make)
    times = np.arange(len(X)) % 3
    options = {"epochs": 20, "lr": 0.01, "random_state": 0}
    weighted = make(**options).fit(X, y, times)
    repeated = make(**options).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(outputs(weighted), outputs(repeated), rtol=1e-6)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_is_computed_in_the_dtype_of_the_samples(make, dtype):
    X, y = data(make)
    model = fitted(make).fit(X.astype(dtype), y)
    assert {p.dtype for p in model.model_.params()} == {np.dtype(dtype)}
    assert outputs(model).dtype == dtype


@pytest.mark.parametrize("make", BOTH)
def test_random_state_determines_the_network_and_nothing_else_is_drawn(make):
    wg.seed(3)
    expected = wg.random.generator().random(3)
    wg.seed(3)
    one, again, other = (fitted(make, random_state=n) for n in (0, 0, 1))
    np.testing.assert_array_equal(outputs(one), outputs(again))
    assert np.any(outputs(one) != outputs(other))
    np.testing.assert_array_equal(wg.random.generator().random(3), expected)


@pytest.mark.parametrize("make", BOTH)
def test_the_model_is_a_layer_or_a_function_of_the_sizes(make):
    out = 2 if make is Classifier else 1
    layer = L.Sequential(L.Linear(8), F.relu, L.Dropout(0.5), L.Linear(out))
    sizes = []

    def model(in_size, out_size):
        sizes.append((in_size, out_size))
        return L.Sequential(L.Linear(8), L.BatchNorm(8), F.relu, L.Linear(out_size))

    by_layer = fitted(make, model=layer)
    assert by_layer.model_ is not layer
    assert layer.layers[0].in_size is None  # the layer itself was not trained
    np.testing.assert_array_equal(outputs(by_layer), outputs(by_layer))  # no dropout
    by_function = fitted(make, model=model)
    assert sizes == [(3, out)]
    assert isinstance(by_function.model_.layers[1], L.BatchNorm)


@pytest.mark.parametrize("make", BOTH)
def test_the_loss_of_held_out_samples_ends_the_training_and_the_best_weights_are_kept(make):
    X, _ = data(make, 60)
    rng = np.random.default_rng(1)
    y = rng.integers(2, size=60) if make is Classifier else rng.normal(size=60)  # noise
    options = {"validation_fraction": 0.25, "patience": 5, "epochs": 300, "random_state": 0}
    model = make(hidden_sizes=(200,), lr=0.02, **options).fit(X, y)
    curve = model.validation_loss_curve_
    assert len(curve) == model.n_iter_ < 300
    assert min(curve) < curve[-1]
    shorter = make(hidden_sizes=(200,), lr=0.02, **options | {"epochs": int(np.argmin(curve)) + 1})
    np.testing.assert_array_equal(outputs(shorter.fit(X, y)), outputs(model))


@pytest.mark.parametrize("make", BOTH)
def test_epochs_of_partial_fit_are_those_of_fit(make):
    X, y = data(make)
    whole = fitted(make, epochs=3, batch_size=8)
    parts = make(lr=0.01, batch_size=8, random_state=0)
    for _ in range(3):
        parts.partial_fit(X, y, **({"classes": ["up", "down"]} if make is Classifier else {}))
    np.testing.assert_array_equal(outputs(parts), outputs(whole))
    assert parts.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("make", BOTH)
def test_training_ends_when_the_loss_stops_falling(make):
    model = fitted(make, epochs=1000, tolerance=1e-3)
    assert model.n_iter_ < 1000
    assert len(model.loss_curve_) == model.n_iter_


@pytest.mark.parametrize("make", BOTH)
def test_optimizers_schedules_and_weight_decay_are_options(make):
    model = fitted(
        make, optimizer=Momentum, lr=cosine(0.01, steps=99), weight_decay=1e-3, epochs=99
    )
    assert isinstance(model.optimizer_, Momentum)
    assert model.optimizer_.weight_decay == 1e-3
    assert model.score(*data(make)) > 0.5


@pytest.mark.parametrize("make", BOTH)
def test_the_mode_of_the_program_does_not_matter(make):
    with wg.no_grad():
        model = fitted(make)
    np.testing.assert_array_equal(outputs(model), outputs(fitted(make)))


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"model": 3}, TypeError, r"got model 3, needed a Layer, or a function"),
        ({"model": lambda i, o: None}, TypeError, "model returned a NoneType, needed a Layer"),
        ({"model": L.Linear(7)}, ValueError, r"the model gives \(40, 7\) for \(40, 3\), needed"),
        ({"hidden_sizes": (0,)}, ValueError, r"got hidden_sizes \(0,\), needed an integer ≥ 1"),
        ({"epochs": 0}, ValueError, "got epochs 0"),
        ({"batch_size": 2.5}, TypeError, "got batch_size 2.5"),
        ({"patience": 0}, ValueError, "got patience 0"),
        ({"validation_fraction": 1.0}, ValueError, "got validation_fraction 1.0"),
        ({"lr": -1.0, "optimizer": SGD}, ValueError, "lr"),
        ({"optimizer": "adam"}, TypeError, "got optimizer 'adam', needed a class"),
        ({"optimizer": SGD(0.1)}, TypeError, "needed a class, as wengert.optimizers.SGD"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_fit(make, options, error, said):
    with pytest.raises(error, match=said), warnings.catch_warnings():
        make(**options).fit(*data(make))


@pytest.mark.parametrize("make", BOTH)
def test_weights_that_are_all_0_are_refused(make):
    with pytest.raises(ValueError, match=r"[Ss]ample weights .*zero"):
        make().fit(*data(make), np.zeros(40))


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("batch_size", [39, 20, 13, 3])
def test_no_batch_has_a_single_sample(make, batch_size):
    def normalised(in_size, out_size):
        return L.Sequential(L.BatchNorm(in_size), L.Linear(out_size, in_size=in_size))

    X, y = data(make, n=40)
    make(normalised, batch_size=batch_size, epochs=2, random_state=0).fit(X, y)


@pytest.mark.parametrize("make", BOTH)
def test_a_training_that_diverges_is_refused(make):
    X, y = data(make)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"the loss is .* in epoch \d"):
        make(optimizer=SGD, lr=1e30, random_state=0).fit(1e30 * X, y)
