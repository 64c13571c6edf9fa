"""Layers, models, and the first values of their parameters."""

import copy
import pickle

import numpy as np
import pytest

from wengert import Parameter, Variable, initializers, random
from wengert.functions.activation import relu, sigmoid
from wengert.layers import Layer, Linear
from wengert.models import MLP


class Nest(Layer):
    def __init__(self):
        self.scale = Parameter(np.array(1.0))
        self.blocks = [Linear(3, 2), (Linear(4, 3), {"skip": Linear(4, 2, bias=False)})]
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


def test_params_are_the_named_ones_and_each_is_there_once():
    nest = Nest()
    assert nest.params() == list(nest.named_params().values())
    assert len({id(p) for p in nest.params()}) == 7


def test_an_attribute_assigned_anew_keeps_its_place():
    nest = Nest()
    nest.scale = Parameter(np.array(2.0))
    assert names(nest)[0] == "scale"
    assert nest.params()[0] is nest.scale


def test_an_attribute_that_is_deleted_is_no_parameter_any_more():
    nest = Nest()
    del nest.offset
    assert "offset" not in names(nest)


def test_plain_variables_are_no_parameters():
    layer = Layer()
    layer.x = Variable(np.ones(2))
    assert layer.params() == []


def test_cleargrads_forgets_the_gradients_of_layers_inside_lists():
    model = MLP((3, 2), in_size=4)
    np.sum(model(Variable(np.ones((1, 4), np.float32)))).backward()
    assert all(p.grad is not None for p in model.params())
    model.cleargrads()
    assert all(p.grad is None for p in model.params())


def test_linear_is_an_affine_map():
    layer = Linear(2, dtype=np.float64)
    x = np.arange(6.0).reshape(2, 3)
    y = layer(x)
    layer.b.data[...] = [10, 20]
    np.testing.assert_allclose(layer(x).data, x @ layer.W.data + [10, 20])
    np.testing.assert_allclose(y.data, x @ layer.W.data)


def test_linear_takes_its_input_size_from_the_first_input_and_keeps_w_before_b():
    layer = Linear(2)
    assert names(layer) == ["b"]
    layer(np.ones((5, 3), np.float32))
    assert names(layer) == ["W", "b"]
    assert layer.W.shape == (3, 2)
    assert layer.W.dtype == np.float32
    with pytest.raises(ValueError, match="linear"):
        layer(np.ones((5, 4), np.float32))


@pytest.mark.parametrize("x", [np.array(1.0), np.ones((2, 0))])
def test_linear_refuses_a_first_input_without_features(x):
    with pytest.raises(ValueError, match="with in_size ≥ 1"):
        Linear(2)(x)


def test_linear_refuses_a_size_of_zero():
    with pytest.raises(ValueError, match="out_size 0"):
        Linear(0)


def test_mlp_puts_the_activation_between_its_layers_only():
    model = MLP((4, 3), activation=sigmoid, in_size=2, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(5, 2))
    first, last = model.layers
    hidden = 1 / (1 + np.exp(-(x @ first.W.data + first.b.data)))
    np.testing.assert_allclose(model(x).data, hidden @ last.W.data + last.b.data, rtol=1e-13)


def test_mlp_needs_a_layer():
    with pytest.raises(ValueError, match="needed one for each layer"):
        MLP(())


def test_repr_shows_the_options_and_the_layers_inside():
    assert repr(MLP((100, 10), in_size=64)) == (
        "MLP(activation=relu)\n"
        "  layers.0: Linear(out_size=100, in_size=64)\n"
        "  layers.1: Linear(out_size=10, in_size=100)"
    )
    assert repr(Linear(10, bias=False)) == "Linear(out_size=10, in_size=None, bias=False)"


def test_a_layer_without_forward_says_what_to_define():
    with pytest.raises(NotImplementedError, match="Nest has no forward"):
        Nest()(1)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_model_computes_the_same_with_parameters_of_its_own(copied):
    model = MLP((3, 2), in_size=4)
    x = np.ones((1, 4), np.float32)
    other = copied(model)
    np.testing.assert_array_equal(other(x).data, model(x).data)
    other.params()[0].data += 1
    assert not np.array_equal(other(x).data, model(x).data)


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (initializers.lecun_normal, 1 / 200),
        (initializers.he_normal, 2 / 200),
        (initializers.glorot_uniform, 2 / 300),
    ],
)
def test_initializers_have_the_variance_they_promise(initializer, variance):
    random.seed(0)
    W = initializer((200, 100), np.float32)
    assert W.dtype == np.float32
    assert np.var(W) == pytest.approx(variance, rel=0.05)
    assert abs(np.mean(W)) < 0.05 * np.sqrt(variance)


def test_hidden_layers_before_a_relu_start_with_twice_the_variance():
    random.seed(0)
    first, last = MLP((400, 400), activation=relu, in_size=400).layers
    assert np.var(first.W.data) == pytest.approx(2 / 400, rel=0.05)
    assert np.var(last.W.data) == pytest.approx(1 / 400, rel=0.05)
