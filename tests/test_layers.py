"""The layers: each is a function with its own parameters."""

import numpy as np
import pytest

import wengert.functions as F
import wengert.layers as L
from wengert import Variable, random, test_mode
from wengert.functions.activation import relu, sigmoid
from wengert.layers import Linear, Sequential
from wengert.models import MLP

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def names(layer):
    return list(layer.named_params())


def sized(model, x=X):
    with test_mode():
        model(x)
    return model


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
    with pytest.raises(ValueError, match=r"Linear: got x \(5, 4\)"):
        layer(np.ones((5, 4), np.float32))


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


def test_mlp_says_which_argument_is_wrong():
    with pytest.raises(TypeError, match=r"MLP: got activation 'relu', needed a function"):
        MLP((3, 2), "relu")
    with pytest.raises(TypeError, match=r"MLP: got out_sizes \(3.5,\), needed an integer ≥ 1 or"):
        MLP((3.5,))
    assert len(MLP(3).layers) == 1


def test_hidden_layers_before_a_relu_start_with_twice_the_variance():
    random.seed(0)
    first, last = MLP((400, 400), activation=relu, in_size=400).layers
    assert np.var(first.W.data) == pytest.approx(2 / 400, rel=0.05)
    assert np.var(last.W.data) == pytest.approx(1 / 400, rel=0.05)


# ---- Layers put together ----


def test_sequential_runs_layers_and_functions_in_order_and_can_be_indexed():
    model = sized(Sequential(Linear(4), L.BatchNorm(), relu, Linear(2)))
    assert len(model) == 4
    assert list(model) == model.layers
    assert model[2] is relu
    assert model[-1] is model.layers[3]
    head = model[1:3]
    assert isinstance(head, Sequential)
    assert head.layers == model.layers[1:3]
    with test_mode():
        h = model[1](model[0](X))
        np.testing.assert_array_equal(model(X).data, model[3](relu(h)).data)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([Linear(1)],), r"write Sequential\(\*layers\)"),
        ((Linear(1), L.Flatten), r"got <class.*at 1, needed a Layer or a function; call Flatten"),
        ((3,), "got 3 at 0"),
    ],
)
def test_sequential_refuses_what_cannot_be_called(arguments, match):
    with pytest.raises(TypeError, match=match):
        Sequential(*arguments)


def test_residual_adds_its_input_or_a_shortcut():
    double = L.Residual(lambda x: x)
    np.testing.assert_array_equal(double(X), 2 * X)
    inner, shortcut = Linear(2), Linear(2, bias=False)
    y = L.Residual(inner, shortcut)(X)
    np.testing.assert_allclose(y.data, inner(X).data + shortcut(X).data)


def test_residual_refuses_to_broadcast():
    with pytest.raises(ValueError, match=r"inner gave \(5, 1\) and the shortcut \(5, 3\)"):
        L.Residual(Linear(1))(X)


def test_flatten_leaves_the_first_axis():
    assert L.Flatten()(np.ones((2, 3, 4))).shape == (2, 12)
    assert L.Flatten()(np.ones((0, 3, 4))).shape == (0, 12)
    assert L.Flatten()(np.ones(2)).shape == (2, 1)
    with pytest.raises(ValueError, match="Flatten: got x"):
        L.Flatten()(np.array(1.0))


# ---- Sizes ----

LAZY = {
    "Linear": (lambda: Linear(2), (4, 3), [(), (4, 0)]),
    "Conv1d": (lambda: L.Conv1d(2, 2), (4, 3, 5), [(3, 5), (4, 0, 5)]),
    "Conv2d": (lambda: L.Conv2d(2, 2), (4, 3, 5, 5), [(3, 5, 5), (4, 0, 5, 5)]),
    "Conv3d": (lambda: L.Conv3d(2, 2), (4, 3, 5, 5, 5), [(3, 5, 5, 5)]),
    "groups": (lambda: L.Conv2d(6, 2, groups=3), (4, 3, 5, 5), [(4, 4, 5, 5)]),
    "ConvTranspose1d": (lambda: L.ConvTranspose1d(2, 2), (4, 3, 5), [(3, 5)]),
    "ConvTranspose2d": (lambda: L.ConvTranspose2d(2, 2, groups=2), (4, 6, 5, 5), [(4, 3, 5, 5)]),
    "ConvTranspose3d": (lambda: L.ConvTranspose3d(2, 2), (4, 3, 2, 2, 2), [(3, 2, 2, 2)]),
    "BatchNorm": (lambda: L.BatchNorm(), (4, 3), [(3,), (4, 0)]),
    "BatchNorm without affine": (lambda: L.BatchNorm(affine=False), (4, 3, 2), [(3,)]),
    "LayerNorm": (lambda: L.LayerNorm(), (4, 3), [(), (4, 0)]),
    "GroupNorm": (lambda: L.GroupNorm(3), (4, 3), [(3,), (4, 4)]),
    "InstanceNorm": (lambda: L.InstanceNorm(), (4, 3, 5), [(3,), (4, 5)]),
    "RMSNorm": (lambda: L.RMSNorm(), (4, 3), [()]),
    "RNN": (lambda: L.RNN(2), (4, 5, 3), [(5, 3), (4, 5, 0)]),
    "LSTM": (lambda: L.LSTM(2, layers=2), (4, 5, 3), [(5, 3)]),
    "GRU": (lambda: L.GRU(2, bidirectional=True), (4, 5, 3), [(5, 3)]),
    "MultiHeadAttention": (lambda: L.MultiHeadAttention(3), (4, 5, 3), [(5, 3), (4, 5, 4)]),
}


@pytest.mark.parametrize("name", LAZY)
def test_a_first_input_that_does_not_fit_is_refused_and_leaves_no_size(name):
    make, shape, wrong = LAZY[name]
    layer = make()
    for bad in wrong:
        with pytest.raises(ValueError, match=f"{type(layer).__name__}: got x .*, needed "):
            layer(np.ones(bad, np.float32))
    with pytest.raises(RuntimeError, match="has no size yet"):
        layer.state_dict()
    layer(np.ones(shape, np.float32))
    assert not any(isinstance(v, L.LazyParameter) for v in vars(layer).values())


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_layer_takes_its_sizes_from_a_state(name):
    make, shape, _ = LAZY[name]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    layer, other = make(), make()
    sized(layer, x)
    other.load_state_dict(layer.state_dict())
    with test_mode():
        expected, got = layer(x), other(x)
    if isinstance(expected, tuple):
        expected, got = expected[0], got[0]
    np.testing.assert_array_equal(got.data, expected.data)
    assert other.in_size == layer.in_size


@pytest.mark.parametrize("name", LAZY)
def test_a_layer_with_a_size_refuses_another(name):
    make, shape, _ = LAZY[name]
    layer = make()
    axis = 1 if isinstance(layer, L.conv.Conv | L.BatchNorm | L.GroupNorm | L.InstanceNorm) else -1
    sized(layer, np.ones(shape, np.float32))
    other = list(shape)
    other[axis] *= 2
    with pytest.raises(ValueError, match=r"got|but"):
        layer(np.ones(other, np.float32))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Linear(0), "Linear: got out_size 0, needed an integer ≥ 1"),
        (lambda: Linear(1, in_size=0), "in_size 0"),
        (lambda: L.Conv2d(3, 0), "Conv2d: got kernel 0"),
        (lambda: L.Conv2d(3, (2, 2, 2)), "Conv2d: got kernel"),
        (lambda: L.Conv2d(3, 3, groups=0), "groups 0"),
        (lambda: L.Conv2d(3, 3, groups=2), "out_size 3, in_size None and 2 groups"),
        (lambda: L.Conv2d(4, 3, in_size=3, groups=2), "in_size 3 and 2 groups"),
        (lambda: L.ConvTranspose1d(4, 3, in_size=3, groups=2), "ConvTranspose1d: got out_size 4"),
        (lambda: L.BatchNorm(0), "BatchNorm: got in_size 0"),
        (lambda: L.LayerNorm((3, 0)), r"LayerNorm: got in_size \(3, 0\)"),
        (lambda: L.GroupNorm(0), "GroupNorm: got groups 0"),
        (lambda: L.GroupNorm(2, in_size=3), "GroupNorm: got in_size 3 and 2 groups"),
        (lambda: L.RMSNorm(0), "RMSNorm: got in_size 0"),
        (lambda: L.Embedding(0, 1), "Embedding: got in_size 0"),
        (lambda: L.Embedding(3, 1, padding_index=3), "padding_index 3, needed 0 ≤ padding_index"),
        (lambda: L.Dropout(1), "Dropout: got p 1, needed 0 ≤ p < 1"),
        (lambda: L.ChannelDropout(-0.1), "ChannelDropout: got p -0.1"),
        (lambda: L.RNN(2, activation="selu"), "RNN: got activation 'selu'"),
        (lambda: L.RNNCell(2, activation="selu"), "RNNCell: got activation 'selu'"),
        (lambda: L.LSTM(2, layers=0), "LSTM: got layers 0"),
        (lambda: L.GRU(2, dropout=1), "GRU: got dropout 1"),
        (lambda: L.GRUCell(0), "GRUCell: got out_size 0"),
        (lambda: L.MultiHeadAttention(3, in_size=4), "in_size 4 and 3 heads"),
        (lambda: L.MultiHeadAttention(2, dropout=1.5), "dropout 1.5"),
        (
            lambda: L.TransformerEncoderLayer(2, in_size=4, hidden_size=0),
            "TransformerEncoderLayer: got hidden_size 0",
        ),
        (lambda: L.TransformerDecoderLayer(2, in_size=5), "in_size 5 and 2 heads"),
        (lambda: L.PReLU(0), "PReLU: got in_size 0"),
    ],
)
def test_invalid_options_are_refused_at_once(make, match):
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize(
    "kind",
    [Linear, L.LSTM, L.GRU, L.RNN, L.LSTMCell, L.GRUCell, L.GroupNorm, L.MultiHeadAttention],
)
def test_a_required_size_may_not_be_none(kind):
    with pytest.raises(TypeError, match=f"{kind.__name__}: got .* None, needed an integer ≥ 1"):
        kind(None)


# ---- Modes ----


def test_batch_norm_moves_its_statistics_in_training_only():
    layer = L.BatchNorm(3, momentum=0.5)
    layer(X)
    np.testing.assert_allclose(layer.running_mean.data, X.mean(axis=0) / 2, rtol=1e-5)
    before = layer.running_mean.data.copy()
    with test_mode():
        layer(X + 1)
    np.testing.assert_array_equal(layer.running_mean.data, before)


def test_batch_norm_without_running_statistics_has_no_buffers():
    layer = L.BatchNorm(3, running=False)
    assert layer.named_buffers() == {}
    with test_mode():
        assert np.mean(layer(X).data) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("layer", [L.Dropout(0.5), L.ChannelDropout(0.5)])
def test_dropout_is_for_training(layer):
    random.seed(0)
    x = np.ones((20, 10, 4), np.float32)
    y = layer(x)
    assert set(np.unique(y)) == {0, 2}
    assert np.all(y == y[:, :, :1]) == isinstance(layer, L.ChannelDropout)
    with test_mode():
        np.testing.assert_array_equal(layer(x), x)


@pytest.mark.parametrize("kind", [L.RNN, L.LSTM, L.GRU])
def test_recurrent_layers_pass_on_dropout_and_lengths(kind):
    random.seed(0)
    layer = kind(4, layers=2, dropout=0.5)
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    y = layer(x)[0].data
    assert not np.allclose(layer(x)[0].data, y)
    with test_mode():
        np.testing.assert_array_equal(layer(x)[0].data, layer(x)[0].data)
        assert not layer(x, lengths=[3, 1])[0].data[1, 1:].any()


def test_dropout_of_attention_weights_is_for_training():
    random.seed(0)
    layer = L.MultiHeadAttention(2, in_size=4, dropout=0.5)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    assert not np.allclose(layer(x).data, layer(x).data)
    with test_mode():
        np.testing.assert_array_equal(layer(x).data, layer(x).data)


@pytest.mark.parametrize("kind", [L.TransformerEncoderLayer, L.TransformerDecoderLayer])
@pytest.mark.parametrize("first", [False, True])
def test_dropout_is_in_each_component_of_a_transformer_layer(kind, first):
    random.seed(0)
    layer = kind(2, in_size=4, dropout=0.5, norm_first=first)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    xs = (x, x) if kind is L.TransformerDecoderLayer else (x,)
    components = [layer.attention, layer.network[2], layer.drop]
    assert layer.attention.dropout == layer.network[2].p == layer.drop.p == 0.5
    for alone in components:  # with the others off
        for component in components:
            name = "dropout" if component is layer.attention else "p"
            setattr(component, name, 0.5 if component is alone else 0.0)
        if kind is L.TransformerDecoderLayer:
            layer.memory_attention.dropout = 0.0
        assert not np.allclose(layer(*xs).data, layer(*xs).data)


def test_the_network_of_a_transformer_layer_is_four_times_as_wide_by_default():
    layer = L.TransformerEncoderLayer(2, in_size=4)
    assert layer.hidden_size == layer.network[0].out_size == layer.network[3].in_size == 16


def test_the_row_of_a_padding_index_is_zero():
    layer = L.Embedding(4, 3, padding_index=2)
    assert not layer.W.data[2].any()
    assert layer.W.data[[0, 1, 3]].all()


def test_attention_is_self_attention_by_default_and_keeps_masks():
    random.seed(0)
    layer = L.MultiHeadAttention(2, in_size=4)
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(layer(x).data, layer(x, x, x).data)
    triangle = np.tri(3, dtype=bool)
    np.testing.assert_array_equal(layer(x, causal=True).data, layer(x, mask=triangle).data)
    assert not np.allclose(layer(x, causal=True).data, layer(x).data)


@pytest.mark.parametrize("first", [False, True])
def test_a_decoder_layer_uses_no_later_step_and_only_the_memory_its_mask_allows(first):
    random.seed(0)
    layer = L.TransformerDecoderLayer(2, in_size=4, norm_first=first, dropout=0)
    rng = np.random.default_rng(0)
    x, memory = rng.normal(size=(2, 2, 3, 4)).astype(np.float32)
    seen = np.array([True, True, False])
    y = layer(x, memory, memory_mask=seen[None, :]).data
    memory[:, 2] += 1
    x[:, 2] += 1
    again = layer(x, memory, memory_mask=seen[None, :]).data
    np.testing.assert_allclose(again[:, :2], y[:, :2], atol=1e-6)
    assert not np.allclose(again[:, 2], y[:, 2])
    assert not np.allclose(layer(x, memory).data, again)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (L.LeakyReLU(0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
        (L.ELU(2), lambda x: np.where(x > 0, x, 2 * np.expm1(x))),
        (L.Softplus(2), lambda x: np.log1p(np.exp(2 * x)) / 2),
        (L.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(axis=0)),
        (L.LogSoftmax(0), lambda x: x - np.log(np.exp(x).sum(axis=0))),
        (L.GLU(0), lambda x: x[:2] / (1 + np.exp(-x[2:]))),
        (L.GELU(True), lambda x: x / 2 * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))),
        (L.PReLU(), lambda x: np.where(x > 0, x, 0.25 * x)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_activation_layers_pass_on_their_option(layer, function):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(Variable(layer(x)).data), function(x), rtol=1e-6)


# ---- Inspection ----


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (L.Conv2d(8, 3, padding=1), "Conv2d(out_size=8, kernel=(3, 3), padding=1)"),
        (
            L.Conv1d(8, 2, in_size=4, groups=4),
            "Conv1d(out_size=8, kernel=(2,), in_size=4, groups=4)",
        ),
        (
            L.ConvTranspose2d(6, 2, in_size=4, stride=2, groups=2),
            "ConvTranspose2d(out_size=6, kernel=(2, 2), in_size=4, stride=2, groups=2)",
        ),
        (L.MaxPool2d(2), "MaxPool2d(kernel=2, stride=None)"),
        (L.AvgPool1d(3, ceil_mode=True), "AvgPool1d(kernel=3, stride=None, ceil_mode=True)"),
        (L.AdaptiveAvgPool((2, 3)), "AdaptiveAvgPool(size=(2, 3))"),
        (L.BatchNorm(4, momentum=0.5), "BatchNorm(in_size=4, momentum=0.5)"),
        (L.BatchNorm(4, affine=False), "BatchNorm(in_size=4, affine=False)"),
        (L.LayerNorm((2, 3)), "LayerNorm(in_size=(2, 3))"),
        (L.GroupNorm(2), "GroupNorm(groups=2)"),
        (L.Embedding(5, 2), "Embedding(in_size=5, out_size=2)"),
        (L.LSTM(5, layers=2, bias=False), "LSTM(out_size=5, layers=2, bias=False)"),
        (L.MultiHeadAttention(2), "MultiHeadAttention(heads=2)"),
        (
            Sequential(relu, L.Residual(relu)),
            "Sequential()\n  layers.0: relu\n  layers.1: Residual(inner=relu, shortcut=None)",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_is_the_call_that_makes_the_layer(layer, expected):
    assert repr(layer) == expected


# ---- The order of arguments ----


@pytest.mark.parametrize(
    ("make", "ours"),
    [
        (lambda: L.Linear(3, 8), "(in_size, out_size), the order of PyTorch, write Linear(8, in_"),
        (lambda: L.Conv2d(3, 8, 3), "write Conv2d(8, 3, in_size=3); without in_size the first in"),
        (lambda: L.Conv2d(3, 8, 5, 2, 1), "write Conv2d(8, 5, in_size=3, stride=2, padding=1); w"),
        (lambda: L.Conv2d(3, 8, kernel_size=5), "'kernel_size'; here: kernel; it is Conv2d(out_"),
        (lambda: L.Conv2d(3, 8, kernel=5), "write Conv2d(8, 5, in_size=3); "),
        (lambda: L.ConvTranspose1d(3, 8, 5, 2), "write ConvTranspose1d(8, 5, in_size=3, stride=2)"),
        (lambda: L.LSTM(3, 8, 2), "write LSTM(8, in_size=3, layers=2)"),
        (lambda: L.GRUCell(3, 8), "write GRUCell(8, in_size=3)"),
        (lambda: L.MultiHeadAttention(16, 4), "write MultiHeadAttention(4, in_size=16)"),
        (lambda: L.TransformerEncoderLayer(16, 4), "write TransformerEncoderLayer(4, in_size=16)"),
        (lambda: L.GroupNorm(2, 8), "(groups, in_size), the order of PyTorch, write GroupNorm(2, "),
    ],
)
def test_a_call_in_the_order_of_pytorch_is_refused_with_the_same_call_in_ours(make, ours):
    with pytest.raises(TypeError) as error:
        make()
    assert ours in str(error.value)


@pytest.mark.parametrize("plain", [L.ReLU, L.Sigmoid, L.Tanh, L.SiLU, L.Mish, L.SELU, L.Softsign])
def test_activations_without_options_are_layers_too(plain):
    function = getattr(F, plain.__name__.lower())
    np.testing.assert_array_equal(plain()(X), function(X))
    assert repr(plain()) == f"{plain.__name__}()"


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (L.LogSigmoid(), F.log_sigmoid),
        (L.HardSigmoid(), F.hard_sigmoid),
        (L.HardSwish(), F.hard_swish),
        (L.CELU(0.5), lambda x: F.celu(x, 0.5)),
        (L.Identity(), lambda x: x),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_activations_as_layers(layer, function):
    np.testing.assert_array_equal(layer(X), function(X))


def test_the_size_of_a_shared_placeholder_is_known_to_both_layers():
    first, second = Linear(3), Linear(3)
    second.W = first.W
    first(X)
    second(X)
    assert first.in_size == second.in_size == 3


def test_the_input_size_of_grouped_convolutions_comes_from_a_state_too():
    layer, other = L.Conv2d(6, 2, groups=3), L.Conv2d(6, 2, groups=3)
    layer(np.ones((1, 9, 4, 4), np.float32))
    other.load_state_dict(layer.state_dict())
    assert other.in_size == layer.in_size == 9
