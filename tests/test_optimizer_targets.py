"""What an optimizer trains: a model, or Parameters and Variables in lists and dicts."""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import Parameter, Variable, optimizers
from wengert.optimizers import (
    LBFGS,
    SGD,
    Adam,
    AverageGradients,
    ClipNorm,
    ClipValue,
    ExponentialMovingAverage,
    Optimizer,
)

KINDS = [
    kind
    for kind in vars(optimizers).values()
    if isinstance(kind, type) and issubclass(kind, Optimizer) and kind is not Optimizer
]


def variables():
    return Variable(np.array([1.0, -2.0])), Variable(np.array(3.0))


TARGETS = {
    "one": (lambda w, b: w, ["0"]),
    "list": (lambda w, b: [w, b], ["0", "1"]),
    "tuple": (lambda w, b: (w, b), ["0", "1"]),
    "generator": (lambda w, b: (p for p in [w, b]), ["0", "1"]),
    "dict": (lambda w, b: {"w": w, "b": b}, ["w", "b"]),
    "values": (lambda w, b: {"w": w, "b": b}.values(), ["0", "1"]),
    "nested": (lambda w, b: {"net": [{"w": w}], "b": (b,)}, ["net.0.w", "b.0"]),
    "twice": (lambda w, b: [w, b, w], ["0", "1"]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("target", "names"), TARGETS.values(), ids=TARGETS)
def test_every_optimizer_trains_variables_as_it_trains_a_model(kind, target, names):
    def run(target, w, b):
        optimizer = kind(0.1).setup(target)

        def closure():
            w.cleargrad()
            b.cleargrad()
            loss = np.sum(w * w) + (b - 1) ** 2
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.update(closure)
        return optimizer

    class Model(L.Layer):
        def __init__(self, w, b):
            self.w, self.b = Parameter(w.data), Parameter(b.data)

    model = Model(*variables())
    model.b.requires_grad = len(names) == 2
    w, b = variables()
    optimizer = run(target(w, b), w, b)
    run(model, model.w, model.b)
    assert list(optimizer.target.named_params()) == names
    np.testing.assert_array_equal(w.data, model.w.data)
    np.testing.assert_array_equal(b.data, model.b.data)


def test_the_state_of_unnamed_parameters_is_named_by_position_and_loads():
    w, b = variables()
    optimizer = Adam(0.1).setup([w, b])
    (np.sum(w * w) + b * b).backward()
    optimizer.update()
    state = optimizer.state_dict()
    assert list(state) == ["steps", "0.m", "0.v", "0.t", "1.m", "1.v", "1.t"]
    other = Adam(0.1).setup([w, b])
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.states["0"]["m"], optimizer.states["0"]["m"])
    with pytest.raises(ValueError, match=r"missing: w\.m"):
        Adam(0.1).setup({"w": w}).load_state_dict(state)


def test_layers_in_a_list_are_trained_together_and_grow():
    first, second = L.Linear(3), L.Linear(1, in_size=3)
    optimizer = SGD(0.1).setup([first, {"second": second, "scale": Parameter(np.array(1.0))}])
    assert list(optimizer.target.named_params()) == ["0.b", "1.second.W", "1.second.b", "1.scale"]
    before = second.W.data.copy()
    np.sum(second(first(np.ones((2, 4), np.float32)))).backward()
    optimizer.update()
    assert list(optimizer.target.named_params())[:2] == ["0.W", "0.b"]
    assert not np.array_equal(second.W.data, before)


def test_a_layer_that_two_models_share_is_updated_once():
    shared = L.Linear(2, in_size=2)
    optimizer = SGD(1.0).setup([L.Sequential(shared), L.Sequential(shared)])
    before = shared.b.data.copy()
    shared.b.grad = np.ones(2, np.float32)
    optimizer.update()
    np.testing.assert_array_equal(shared.b.data, before - 1)


def test_an_image_is_changed_to_fool_a_frozen_model():
    wg.seed(0)
    model = L.Linear(3, in_size=4).freeze()
    image = Variable(np.ones((1, 4), np.float32))
    optimizer = Adam(0.1).setup(image)
    losses = []
    for _ in range(20):
        loss = F.softmax_cross_entropy(model(image), np.array([2]))
        image.cleargrad()
        loss.backward()
        optimizer.update()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]


def test_groups_and_hooks_take_variables():
    w, b = variables()
    seen = []
    optimizer = SGD(1.0).setup([w, b]).add_group(b, lr=0.0).add_hook(seen.extend)
    (np.sum(w) + b).backward()
    optimizer.update()
    assert (w.data.tolist(), b.data.tolist()) == ([0.0, -3.0], 3.0)
    assert seen[0] is w


def test_an_average_is_of_variables_too():
    w, b = variables()
    average = ExponentialMovingAverage({"w": w, "b": b}, 0.5)
    average.update()
    w.data = w.data + 2
    average.update()
    with average.swapped_in():
        assert w.data.tolist() == [2.0, -1.0]
    assert w.data.tolist() == [3.0, 0.0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (lambda w: [w * 2], ValueError, r"got 0 \(2,\), the output of Mul, needed a leaf.*\.copy"),
        (lambda w: {"w": Variable(np.arange(2))}, TypeError, "got w .* of int64, needed floats"),
        (lambda w: {1: w, "1": Parameter(w.data)}, ValueError, "two keys have the name '1'"),
        (lambda w: [w, w.data], TypeError, r"got ndarray at 1, .*write wg.Parameter\(array\)"),
        (lambda w: w.data, TypeError, "got ndarray, needed a Layer, or a list or dict"),
        (lambda w: None, TypeError, "got NoneType, needed a Layer"),
        (lambda w: "W", TypeError, "got str, needed a Layer"),
        (lambda w: [], ValueError, "got an empty list, needed Parameters"),
        (lambda w: L.Linear, TypeError, r"got type, needed a Layer.*; call it: Linear\(...\)"),
        (lambda w: [{"params": [w], "lr": 0.1}], TypeError, r"got a dict of .*then add_group\("),
    ],
)
def test_what_cannot_be_trained_is_refused_with_what_to_write(kind, target, error, message):
    with pytest.raises(error, match=rf"{kind.__name__}.setup: {message}"):
        kind(0.1).setup(target(Variable(np.array([1.0, 2.0]))))


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not LBFGS])
@pytest.mark.parametrize(
    ("first", "setup"),
    [
        (lambda model: model, "setup(model)"),
        (lambda model: model.params(), "setup(model)"),
        (lambda model: iter(model.params()), "setup(model)"),
        (lambda model: [{"params": model.params(), "lr": 0.1}], "setup(model)"),
        (lambda model: [model], "setup(model)"),
        (lambda model: model.b, "setup(params)"),
        (lambda model: Variable(np.array(1.0)), "setup(params)"),
        (lambda model: {"b": model.b}, "setup(params)"),
    ],
)
def test_a_model_before_the_rate_is_refused_with_our_order(kind, first, setup):
    model = L.Linear(2, in_size=2)
    ours = f"{kind.__name__}(lr).{setup}"
    for options in [{}, {"lr": 0.1}]:
        with pytest.raises(TypeError) as error:
            kind(first(model), **options)
        assert str(error.value).endswith(ours)


def linear():
    return L.Linear(1, in_size=1)


def test_a_name_of_a_model_and_a_key_that_are_the_same_are_refused():
    with pytest.raises(ValueError, match=r"SGD.setup: two keys have the name 'm\.W'"):
        SGD(0.1).setup({"m": linear(), "m.W": Parameter(np.ones(2))})


def test_the_list_of_parameters_of_unknown_size_is_refused_as_incomplete():
    model = L.Sequential(L.Linear(2), L.Linear(1))
    with pytest.raises(RuntimeError, match=r"layers\.0\.W .* has no size yet.*setup\(model\)"):
        SGD(0.1).setup(model.params())
    model.cleargrads()
    model(np.ones((1, 3), np.float32))
    assert len(model.params()) == 4


@pytest.mark.parametrize("which", [lambda m: m, lambda m: [m], lambda m: iter([m])])
def test_a_layer_in_add_group_means_all_its_parameters(which):
    frozen, model = linear(), linear()
    before = frozen.W.data.copy(), model.W.data.copy()
    optimizer = SGD(0.1).setup([frozen, model]).add_group(which(frozen), lr=0)
    np.sum(frozen(np.ones((1, 1), np.float32)) + model(np.ones((1, 1), np.float32))).backward()
    optimizer.update()
    assert np.array_equal(frozen.W.data, before[0])
    assert not np.array_equal(model.W.data, before[1])
    assert "add_group('Linear', lr=0.0)" in repr(optimizer)


@pytest.mark.parametrize("which", [None, 3, [np.ones(2)], {1: 2}])
def test_add_group_says_what_it_takes(which):
    with pytest.raises(TypeError, match=r"add_group: got a .*, needed names, Parameters, Layers"):
        SGD(0.1).add_group(which, lr=0)


@pytest.mark.parametrize("kind", [SGD, LBFGS])
def test_update_says_what_it_takes(kind):
    model = linear()
    optimizer = kind(0.1).setup(model)
    with pytest.raises(
        TypeError, match=r"update: got a Variable, needed a function.*loss.backward"
    ):
        optimizer.update(np.sum(model(np.ones((1, 1), np.float32))))
    with pytest.raises(TypeError, match="returned None, needed the loss; write return loss"):
        optimizer.update(lambda: np.sum(model(np.ones((1, 1), np.float32))).backward())


@pytest.mark.parametrize("hook", [ClipNorm(0.5), ClipValue(0.5), AverageGradients(2)])
@pytest.mark.parametrize(
    "of", [lambda m: m, lambda m: m.named_params(), lambda m: iter(m.params())]
)
def test_a_hook_takes_a_model_or_a_dict(hook, of):
    model, other = linear(), linear()
    for m in (model, other):
        np.sum(m(np.full((1, 1), 3, np.float32))).backward()
    hook(of(model))
    hook(other.params())
    assert np.array_equal(model.W.grad.data, other.W.grad.data)
    assert not np.array_equal(model.W.grad.data, np.full((1, 1), 3))


def test_an_option_under_the_name_of_another_framework_cannot_be_assigned():
    with pytest.raises(AttributeError, match="SGD has no 'learning_rate'; here: lr"):
        SGD(0.1).learning_rate = 1.0


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_is_refused_since_its_order_changes(kind):
    parameters = kind(variables())
    with pytest.raises(TypeError, match=rf"got a {kind.__name__}, whose order changes"):
        Adam(0.1).setup(parameters)
    with pytest.raises(TypeError, match=rf"got a {kind.__name__} at net, whose order changes"):
        Adam(0.1).setup({"net": parameters})


def test_pairs_of_names_and_parameters_are_refused_with_the_cure():
    with pytest.raises(TypeError, match=r"got str at 0\.0, .* write dict\(pairs\)"):
        Adam(0.1).setup(L.Linear(2, in_size=3).named_params().items())
