"""`Layer`: components, state, copies, hooks."""

import copy
import pickle
from collections import deque

import numpy as np
import pytest

import wengert.layers as L
from wengert import Parameter, Variable, random, test_mode
from wengert.functions.activation import relu
from wengert.layers import Layer, Linear, Sequential
from wengert.models import MLP


class Nest(Layer):
    def __init__(self):
        self.scale = Parameter(np.array(1.0))
        self.blocks = [
            Linear(3, in_size=2),
            (Linear(4, in_size=3), {"skip": Linear(4, in_size=2, bias=False)}),
        ]
        self.again = self.blocks[0]
        self.tied = self.blocks[0].W
        self.parent = self
        self.offset = Parameter(np.array(0.0))


def names(layer):
    return list(layer.named_params())


def test_parameters_are_found_in_the_order_of_assignment_by_dotted_names():
    assert names(Nest()) == [
        "scale",
        "blocks.0.W",
        "blocks.0.b",
        "blocks.1.0.W",
        "blocks.1.0.b",
        "blocks.1.1.skip.W",
        "offset",
    ]


def test_params_are_the_named_ones_without_repetition():
    nest = Nest()
    assert nest.params() == list(nest.named_params().values())
    assert len({id(p) for p in nest.params()}) == 7


def test_an_attribute_that_is_assigned_again_keeps_its_position():
    nest = Nest()
    nest.scale = Parameter(np.array(2.0))
    assert names(nest)[0] == "scale"
    assert nest.params()[0] is nest.scale


def test_a_deleted_attribute_is_no_longer_a_parameter():
    nest = Nest()
    del nest.offset
    assert "offset" not in names(nest)


def test_plain_variables_are_not_parameters():
    layer = Layer()
    layer.x = Variable(np.ones(2))
    assert layer.params() == []


def test_cleargrads_clears_the_gradients_of_layers_inside_lists():
    model = MLP((3, 2), in_size=4)
    np.sum(model(Variable(np.ones((1, 4), np.float32)))).backward()
    assert all(p.grad is not None for p in model.params())
    model.cleargrads()
    assert all(p.grad is None for p in model.params())


def test_repr_shows_the_options_and_the_layers_inside():
    assert repr(MLP((100, 10), in_size=64)) == (
        "MLP(out_sizes=(100, 10), activation=relu)\n"
        "  layers.0: Linear(out_size=100, in_size=64)\n"
        "  layers.1: Linear(out_size=10, in_size=100)"
    )
    assert repr(Linear(10, bias=False)) == "Linear(out_size=10, bias=False)"


def test_a_layer_without_forward_says_what_to_define():
    with pytest.raises(NotImplementedError, match="Nest has no forward"):
        Nest()(1)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_model_computes_the_same_with_its_own_parameters(copied):
    model = MLP((3, 2), in_size=4)
    x = np.ones((1, 4), np.float32)
    other = copied(model)
    np.testing.assert_array_equal(other(x).data, model(x).data)
    other.params()[0].data += 1
    assert not np.array_equal(other(x).data, model(x).data)


# ---- State ----


def network():
    random.seed(0)
    return Sequential(Linear(4), L.BatchNorm(), relu, Linear(2))


X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def sized(model, x=X):
    with test_mode():
        model(x)
    return model


def test_the_state_is_parameters_and_buffers_in_the_order_of_assignment():
    model = sized(network())
    assert list(model.state_dict()) == [
        "layers.0.W",
        "layers.0.b",
        "layers.1.gamma",
        "layers.1.beta",
        "layers.1.running_mean",
        "layers.1.running_var",
        "layers.3.W",
        "layers.3.b",
    ]
    assert list(model.named_buffers()) == ["layers.1.running_mean", "layers.1.running_var"]
    assert "layers.1.running_mean" not in model.named_params()


def test_a_state_is_a_copy():
    model = sized(network())
    state = model.state_dict()
    model(X)
    model.layers[0].W.data += 1
    assert not np.array_equal(state["layers.1.running_mean"], model.layers[1].running_mean.data)
    assert not np.array_equal(state["layers.0.W"], model.layers[0].W.data)


def test_a_lazy_model_has_no_state_yet():
    with pytest.raises(RuntimeError, match=r"layers.0.W \(None, 4\) has no size yet; call"):
        network().state_dict()


@pytest.mark.parametrize("make", [network, lambda: sized(network())], ids=["lazy", "sized"])
def test_a_loaded_model_computes_the_same(make):
    model = network()
    model(X)  # and its running statistics change
    other = make()
    assert other.load_state_dict(model.state_dict()) == ([], [])
    with test_mode():
        np.testing.assert_array_equal(other(X).data, model(X).data)
    assert other.layers[0].in_size == 3
    assert list(other.state_dict()) == list(model.state_dict())


def test_a_state_can_come_from_a_file(tmp_path):
    model = sized(network())
    np.savez(tmp_path / "state.npz", **model.state_dict())
    other = network()
    with np.load(tmp_path / "state.npz") as state:
        other.load_state_dict(state)
    np.testing.assert_array_equal(other.layers[3].W.data, model.layers[3].W.data)


def test_a_loaded_parameter_shares_no_memory_with_the_state_and_keeps_its_dtype():
    state = {"W": np.ones((3, 2)), "b": np.ones(2)}
    for layer in (Linear(2), Linear(2, in_size=3), Linear(2, dtype=np.float64)):
        dtype = layer.b.dtype
        layer.load_state_dict(state)
        assert layer.W.dtype == dtype
        assert isinstance(layer.W, Parameter)
        layer.W.data += 1
    assert np.all(state["W"] == 1)


def test_a_mismatched_state_is_reported_and_nothing_is_loaded():
    model = sized(network())
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    del state["layers.0.b"], state["layers.1.running_var"]
    state["head.W"] = np.ones(1)
    state["layers.3.W"] = np.ones((2, 4))
    with pytest.raises(ValueError, match="load_state_dict") as error:
        model.load_state_dict(state)
    assert str(error.value) == (
        "Sequential.load_state_dict: missing: layers.0.b, layers.1.running_var; "
        "unexpected: head.W; unfit: layers.3.W is (2, 4), needed (4, 2). "
        "Nothing was loaded"
    )
    with pytest.raises(ValueError, match=r"unfit: layers\.3\.W") as error:
        model.load_state_dict(state, strict=False)
    assert "missing" not in str(error.value)
    assert all(np.array_equal(before[name], array) for name, array in model.state_dict().items())


def test_without_strict_matching_names_are_loaded_and_the_others_are_returned():
    model = sized(network())
    state = {"layers.0.b": np.full(4, 7.0), "head.W": np.ones(1)}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert unexpected == ["head.W"]
    assert missing == [name for name in model.state_dict() if name != "layers.0.b"]
    assert np.all(model.layers[0].b.data == 7)
    with pytest.raises(ValueError, match="strict=False loads the names that match"):
        model.load_state_dict(state)


def test_a_lazy_parameter_refuses_a_value_of_another_shape():
    with pytest.raises(ValueError, match=r"W is \(3, 5\), needed \(any, 2\)"):
        Linear(2).load_state_dict({"W": np.ones((3, 5)), "b": np.zeros(2)})


def test_a_shared_lazy_parameter_becomes_one_shared_parameter():
    model = Sequential(Linear(3), Linear(3))
    model[1].W = model[0].W
    model(X)
    assert isinstance(model[0].W, Parameter)
    assert model[1].W is model[0].W
    assert names(model) == ["layers.0.W", "layers.0.b", "layers.1.b"]
    other = Sequential(Linear(3), Linear(3))
    other[1].W = other[0].W
    other.load_state_dict(model.state_dict())
    assert other.state_dict().keys() == model.state_dict().keys()
    assert other[1].W is other[0].W


def test_astype_changes_all_floats_and_clears_gradients():
    model = network()
    model.steps = L.Buffer(np.array(3))
    np.sum(model(X)).backward()
    assert model.astype(np.float64) is model
    assert {a.dtype for name, a in model.state_dict().items() if name != "steps"} == {
        np.dtype(np.float64)
    }
    assert model.steps.dtype == int
    assert all(p.grad is None for p in model.params())
    assert model(X.astype(np.float64)).dtype == np.float64
    with pytest.raises(TypeError, match="needed a floating-point dtype"):
        model.astype(int)


def test_astype_applies_to_lazy_parameters():
    model = network().astype(np.float64)
    model(X.astype(np.float64))
    assert {p.dtype for p in model.params()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("make", [network, lambda: sized(network())], ids=["lazy", "sized"])
def test_frozen_parameters_get_no_gradient_and_are_trained_again_after_unfreeze(make):
    model = make()
    assert model[:2].freeze() is not model
    np.sum(model(X)).backward()
    assert [p.grad is not None for p in model.params()] == [False] * 4 + [True] * 2
    model.unfreeze()
    np.sum(model(X)).backward()
    assert all(p.grad is not None for p in model.params())
    assert not any(buffer.requires_grad for buffer in model.named_buffers().values())


def test_freezing_clears_the_gradients_that_an_optimizer_would_still_use():
    model = network()
    np.sum(model(X)).backward()
    model.freeze()
    assert all(p.grad is None for p in model.params())


@pytest.mark.parametrize(
    "copied", [L.Layer.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_have_their_own_parameters_buffers_and_ties(copied):
    model = network()
    model(X)
    model.tied = model[0].W
    with model.hook(lambda *_: None):
        other = copied(model)
    state = model.state_dict()
    other(X + 1)
    other.tied.data += 1
    assert other[0].W is other.tied
    assert all(np.array_equal(state[name], array) for name, array in model.state_dict().items())
    assert other._hooks == ()


def test_a_lazy_model_can_be_copied_and_pickled():
    model = Sequential(network(), L.LSTMCell(2), L.PReLU(3))
    for other in (model.copy(), pickle.loads(pickle.dumps(model))):
        assert repr(other) == repr(model)


def test_a_copy_has_no_gradients_and_no_graph_of_stored_variables():
    class Remembers(Layer):
        def __init__(self):
            self.map = Linear(2)

        def forward(self, x):
            self.last = self.map(x)
            return self.last

    model = Remembers()
    np.sum(model(X)).backward()
    other = model.copy()
    assert all(p.grad is None for p in other.params())
    assert all(p.grad is not None for p in model.params())
    assert other.last.creator is None
    np.testing.assert_array_equal(other.last.data, model.last.data)


# ---- Hooks ----


def test_a_hook_sees_each_call_of_its_layer_inside_the_with_block():
    model = sized(network())
    calls = []
    with model[0].hook(lambda layer, xs, y: calls.append((layer, xs[0], y.shape))):
        model(X)
        model[3](np.ones((1, 4), np.float32))
    model(X)
    assert calls == [(model[0], X, (5, 4))]


def test_hooks_run_in_order_and_the_rest_stays_when_one_ends():
    layer, calls = Linear(2), []
    first, second = layer.hook(lambda *_: calls.append(1)), layer.hook(lambda *_: calls.append(2))
    first.__enter__()
    with second:
        layer(X)
    layer(X)
    first.__exit__(None, None, None)
    layer(X)
    assert calls == [1, 2, 1]


def test_the_hook_that_ends_first_is_removed_first():
    layer, calls = Linear(2), []
    first, second = layer.hook(lambda *_: calls.append(1)), layer.hook(lambda *_: calls.append(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    layer(X)
    second.__exit__(None, None, None)
    assert calls == [2]


def test_a_layer_passes_options_on_to_forward():
    class Scaled(Layer):
        def forward(self, x, *, by=1):
            return x * by

    assert Scaled()(2, by=3) == 6


def test_a_lazy_parameter_prints_its_shape():
    assert repr(Linear(2).W) == "LazyParameter(Parameter, shape=(None, 2), dtype=float32)"


# ---- Names ----


def p():
    return Parameter(np.ones(2))


def with_attributes(**attributes):
    layer = Layer()
    vars(layer).update(attributes)
    return layer


COLLISIONS = {
    "keys": (lambda: {"d": {1: p(), "1": p()}}, "d.1", "d[1]", "d['1']"),
    "none": (lambda: {"d": {None: p(), "None": p()}}, "d.None", "d[None]", "d['None']"),
    "dots": (lambda: {"d": {"a.b": p(), "a": {"b": p()}}}, "d.a.b", "d['a.b']", "d['a']['b']"),
    "list": (lambda: {"d": {"0": p()}, "d.0": p()}, "d.0", "d['0']", "d.0"),
    "attribute": (
        lambda: {"a.W": p(), "a": with_attributes(W=p())},
        "a.W",
        "a.W",
        "a.W",
    ),
    "layers": (
        lambda: {"d": {1: Linear(2, in_size=2), "1": Linear(2, in_size=2)}},
        "d.1",
        "d[1]",
        "d['1']",
    ),
    "buffers": (
        lambda: {"d": {2.5: L.Buffer(np.ones(1)), "2.5": L.Buffer(np.ones(1))}},
        "d.2.5",
        "d[2.5]",
        "d['2.5']",
    ),
    "lazy": (lambda: {"d": {1: Linear(2), "1": Linear(2)}}, "d.1", "d[1]", "d['1']"),
    "kinds": (lambda: {"d": {1: p(), "1": Linear(2, in_size=2)}}, "d.1", "d[1]", "d['1']"),
    "without parameters": (lambda: {"d": {1: L.Dropout(), "1": L.Dropout()}}, "d.1", "", "d['1']"),
}


@pytest.mark.parametrize(("make", "name", "first", "second"), COLLISIONS.values(), ids=COLLISIONS)
def test_two_components_of_the_same_name_are_refused_with_both(make, name, first, second):
    model = Sequential(with_attributes(**make()))
    for use in (Layer.state_dict, lambda model: model.load_state_dict({})):
        with pytest.raises(ValueError, match="rename one of them") as error:
            use(model)
        assert f"have the same name 'layers.0.{name}'" in str(error.value)
        assert f"model.layers[0].{first}" in str(error.value)
        assert f"model.layers[0].{second} have" in str(error.value)


@pytest.mark.parametrize("name", COLLISIONS)
def test_names_are_never_lost_in_silence(name):
    model = with_attributes(**COLLISIONS[name][0]())
    held = {"layers": 4, "without parameters": 0, "lazy": 2, "buffers": 0, "kinds": 3}.get(name, 2)
    try:
        assert len(model.params()) == held
    except ValueError as error:
        assert "same name" in str(error)  # noqa: PT017


@pytest.mark.parametrize("use", [Layer.named_layers, Layer.eval, Layer.train])
def test_two_layers_of_the_same_name_are_refused(use):
    model = with_attributes(d={1: L.Dropout(), "1": L.Dropout()})
    with pytest.raises(ValueError, match=r"model.d\[1\] and model.d\['1'\] have the same name"):
        use(model)


def test_keys_with_dots_numbers_and_lists_of_lists_have_names_that_load():
    model = with_attributes(
        d={1: p(), "2.x": p(), (1, 2): p(), None: p()}, rows=[[p(), p()], [p(), [p()]]]
    )
    vars(model)["odd.name"] = p()
    state = model.state_dict()
    assert list(state) == [
        *["d.1", "d.2.x", "d.(1, 2)", "d.None"],
        *["rows.0.0", "rows.0.1", "rows.1.0", "rows.1.1.0", "odd.name"],
    ]
    model.load_state_dict({name: a + i for i, (name, a) in enumerate(state.items())})
    assert [p.data[0] for p in model.params()] == list(range(1, 10))


def test_a_key_without_a_lasting_text_is_refused():
    class Key:
        pass

    model = with_attributes(d={Key(): p()})
    with pytest.raises(TypeError, match="Layer: got a Key as a key of d, needed a string or num"):
        model.params()


def test_the_same_layer_under_two_names_is_shared():
    shared = Linear(2, in_size=2)
    model = with_attributes(d={1: shared, "1": shared})
    assert list(model.state_dict()) == ["d.1.W", "d.1.b"]


@pytest.mark.parametrize("kind", [set, frozenset, deque])
def test_components_in_a_container_without_names_are_refused(kind):
    model = Layer()
    model.blocks = {"first": kind([Linear(1, in_size=1)])}
    with pytest.raises(TypeError, match=f"Layer: got a {kind.__name__} of components as blocks"):
        model.named_params()
    model.blocks = {"first": kind([1, "a"])}
    assert model.named_params() == {}
