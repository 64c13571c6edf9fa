"""`model.train()` and `model.eval()`: the mode of a model, in all threads."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import Variable

X = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)

STATEFUL = {  # a layer whose output depends on the mode, and an input
    "Dropout": (lambda: L.Dropout(0.5), X),
    "ChannelDropout": (lambda: L.ChannelDropout(0.5), X),
    "BatchNorm": (lambda: L.BatchNorm(4), X),
    "MultiHeadAttention": (lambda: L.MultiHeadAttention(2, in_size=4, dropout=0.5), X[None]),
    "TransformerEncoderLayer": (lambda: L.TransformerEncoderLayer(2, in_size=4), X[None]),
    "RNN": (lambda: L.RNN(3, in_size=4, layers=2, dropout=0.5), X[None]),
    "LSTM": (lambda: L.LSTM(3, in_size=4, layers=2, dropout=0.5), X[None]),
    "GRU": (lambda: L.GRU(3, in_size=4, layers=2, dropout=0.5), X[None]),
    "function": (lambda: L.Sequential(lambda x: F.dropout(x, 0.5)), X),
}


def output(layer, x):
    y = layer(x)
    return wg.as_variable(y[0] if isinstance(y, tuple) else y).data


def outputs(layer, x):
    """The outputs of 20 calls in a pool of threads."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: output(layer, x), range(20)))


@pytest.mark.parametrize(("make", "x"), STATEFUL.values(), ids=STATEFUL)
def test_a_model_in_inference_mode_computes_the_same_in_all_threads(make, x):
    wg.seed(0)
    layer = make().eval()
    state = layer.state_dict()
    with wg.test_mode():
        expected = output(layer, x)
    for y in outputs(layer, x):
        np.testing.assert_array_equal(y, expected)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, state[name])


@pytest.mark.parametrize(("make", "x"), STATEFUL.values(), ids=STATEFUL)
@pytest.mark.parametrize("switch", [lambda m: m.train(), lambda m: m.train(True)])
def test_train_returns_to_training(make, x, switch):
    wg.seed(0)
    layer = make().eval()
    inferred = output(layer, x)
    assert not np.array_equal(output(switch(layer), x), inferred)


@pytest.mark.parametrize("name", [name for name in STATEFUL if name != "function"])
def test_a_direct_call_of_forward_has_the_mode_too(name):
    make, x = STATEFUL[name]
    wg.seed(0)
    layer = make().eval()
    expected = output(layer, x)
    np.testing.assert_array_equal(output(layer.forward, x), expected)


def test_the_mode_is_set_for_all_layers_inside_and_returned():
    model = L.Sequential(L.Linear(3), L.Residual(L.Dropout()))
    model.extra = {"a": [L.Dropout()]}
    assert model.training
    assert model.eval() is model
    assert [layer.training for layer in model.named_layers().values()] == [False] * 5
    assert model.train(False) is model
    assert not model.extra["a"][0].training
    assert model.train() is model
    assert all(layer.training for layer in model.named_layers().values())


def test_a_layer_inside_can_have_its_own_mode():
    model = L.Sequential(L.BatchNorm(4), L.Dropout(0.5))
    model[0].eval()  # as for a trained backbone
    mean = model[0].running_mean.data.copy()
    y = model(X)
    np.testing.assert_array_equal(model[0].running_mean.data, mean)
    assert (np.asarray(y.data) == 0).any()
    model.eval()
    model[1].train()  # dropout as an estimate of uncertainty
    assert (model(X).data == 0).any()


def test_test_mode_holds_for_models_in_training_too():
    model = L.Sequential(L.Dropout(0.5)).train()
    with wg.test_mode():
        assert not model.training
        assert not model[0].training
        np.testing.assert_array_equal(model(X), X)
    assert model.training


def test_a_model_in_inference_mode_stays_so_while_the_thread_trains():
    model = L.Sequential(L.Dropout(0.5)).eval()
    with wg.using_config("train", True):
        np.testing.assert_array_equal(model(X), X)


class Noisy(L.Layer):
    """Asks for the mode in the three ways that are documented."""

    def __init__(self):
        self.seen = None

    def forward(self, x):
        self.seen = (
            self.training,
            wg.config.train,
            (F.dropout(wg.as_variable(x), 0.9).data == 0).any(),
        )
        return x


def test_forward_sees_the_mode_of_its_layer():
    layer = Noisy()
    layer(X)
    assert layer.seen == (True, True, True)
    layer.eval()(X)
    assert layer.seen == (False, False, False)
    assert wg.config.train  # outside of the call nothing has changed


def test_a_layer_that_is_added_to_a_model_in_inference_mode_has_its_mode():
    model = L.Sequential(L.Linear(4)).eval()
    model.layers.append(Noisy())
    model(X)
    assert model[1].seen == (False, False, False)
    model.train()(X)
    assert model[1].seen == (True, True, True)


def test_a_layer_that_is_no_attribute_has_the_mode_of_the_layer_that_calls_it():
    class Outer(L.Layer):
        def forward(self, x):
            noisy = Noisy()
            noisy(x)
            return noisy.seen

    assert Outer().eval()(X) == (False, False, False)
    assert Outer()(X) == (True, True, True)


def test_the_mode_ends_with_the_call_also_after_an_error():
    class Fails(L.Layer):
        def forward(self, x):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Fails().eval()(X)
    assert wg.config.train


def test_a_shared_layer_has_one_mode():
    drop = L.Dropout()
    first, second = L.Sequential(drop), L.Sequential(drop)
    first.eval()
    assert not second[0].training


def test_training_can_be_assigned_for_one_layer_alone():
    model = L.Sequential(L.Dropout())
    model.training = False
    assert (model.training, model[0].training) == (False, True)
    with pytest.raises(TypeError, match="Sequential: got training 'no', needed True or False"):
        model.training = "no"


def test_an_override_of_train_is_called_for_layers_inside():
    class Frozen(L.Sequential):
        def train(self, mode=True):
            return super().train(False)

    model = L.Sequential(Frozen(L.BatchNorm(4)), L.Dropout()).train()
    assert [x.training for x in model.named_layers().values()] == [True, False, False, True]


def test_a_model_that_contains_itself_has_a_mode():
    model = L.Sequential(L.Dropout())
    model[0].parent = model
    assert not model.eval()[0].training


@pytest.mark.parametrize("mode", ["eval", 1, None])
def test_a_mode_that_is_no_boolean_is_refused(mode):
    with pytest.raises(TypeError, match=r"Dropout.train: got mode .*, needed True or False"):
        L.Dropout().train(mode)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), lambda x: x.copy()]
)
def test_a_copy_has_the_mode_and_a_state_has_not(copied):
    model = L.Sequential(L.Linear(2, in_size=4), L.Dropout()).eval()
    assert not copied(model)[1].training
    other = L.Sequential(L.Linear(2, in_size=4), L.Dropout())
    other.load_state_dict(model.state_dict())
    assert other.training


def test_a_slice_has_the_mode():
    model = L.Sequential(lambda x: F.dropout(x, 0.9), L.Dropout()).eval()
    np.testing.assert_array_equal(model[:1](X), X)


def test_the_argument_train_of_batch_norm_has_precedence():
    mean, var = np.zeros(4), np.ones(4)
    with wg.test_mode():
        y = F.batch_norm(X, None, None, mean, var, train=True)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    assert mean.any()
    mean, var = np.zeros(4), np.ones(4)
    y = F.batch_norm(X, None, None, mean, var, train=False)
    np.testing.assert_allclose(y, X, rtol=1e-4)
    assert not mean.any()
    with pytest.raises(TypeError, match="batch_norm: got train 1, needed True or False"):
        F.batch_norm(X, None, None, mean, var, train=1)


@pytest.mark.parametrize("drop", [F.dropout, F.channel_dropout])
def test_the_argument_train_of_dropout_has_precedence(drop):
    x = Variable(np.ones((30, 4)))
    wg.seed(0)
    assert not (drop(x, 0.5, train=False).data == 0).any()
    with wg.test_mode():
        assert (drop(x, 0.5, train=True).data == 0).any()
        assert not (drop(x, 0.5).data == 0).any()
    with pytest.raises(TypeError, match="got train 1, needed True or False"):
        drop(x, 0.5, train=1)


def test_fit_trains_a_model_in_inference_mode_and_keeps_the_modes_inside():
    def fit(model):
        optimizer = wg.optimizers.SGD(0.1)
        trainer = wg.training.Trainer(model, optimizer, F.mean_squared_error, progress=False)
        trainer.fit([(X, X)], epochs=1)
        return model

    assert fit(L.Sequential(L.Linear(4), L.Dropout()).eval())[1].training
    model = L.Sequential(L.BatchNorm(4), L.Linear(4))
    model[0].eval()
    assert not fit(model)[0].training
