"""Tables of the layers of a model."""

import tracemalloc

import numpy as np
import pytest

import wengert.layers as L
from wengert import config, random
from wengert.functions.activation import relu


@pytest.fixture
def model():
    random.seed(0)
    return L.Sequential(
        L.Conv2d(4, 3, padding="same"), L.BatchNorm(), relu, L.Dropout(), L.Flatten(), L.Linear(2)
    )


X = np.ones((3, 1, 5, 5), np.float32)


def test_the_table_has_layers_shapes_and_numbers_of_parameters(model):
    assert str(model.summary(X)) == (
        "layer     class       output        parameters\n"
        "----------------------------------------------\n"
        "(model)   Sequential  (3, 2)                 0\n"
        "layers.0  Conv2d      (3, 4, 5, 5)          40\n"
        "layers.1  BatchNorm   (3, 4, 5, 5)           8\n"
        "layers.3  Dropout     (3, 4, 5, 5)           0\n"
        "layers.4  Flatten     (3, 100)               0\n"
        "layers.5  Linear      (3, 2)               202\n"
        "----------------------------------------------\n"
        "250 parameters, 0.00 MiB"
    )


def test_a_table_can_be_read_by_a_program(model):
    table = L.summary(model, X)
    assert table.params == table.trained == 250
    assert table.bytes == 1000
    assert table.rows[1].name == "layers.0"
    assert table.rows[1].shapes == ((3, 4, 5, 5),)
    assert repr(table) == str(table)


def test_a_model_with_lazy_parameters_keeps_them(model):
    drawn = random.get_state()
    model.summary(X)
    assert model.layers[5].in_size is None
    assert list(model.named_params()) == ["layers.0.b", "layers.5.b"]
    assert random.get_state() == drawn


def test_nothing_in_a_model_changes(model):
    model(X)
    model.cleargrads()
    before, drawn = model.state_dict(), random.get_state()
    params = model.params()
    model.summary(X)
    after = model.state_dict()
    assert list(before) == list(after)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert random.get_state() == drawn
    assert all(p is q for p, q in zip(params, model.params(), strict=True))
    assert all(p.grad is None for p in params)
    assert not any("_hooks" in vars(layer) for layer in model.named_layers().values())
    assert config.train
    assert config.enable_backprop


def test_frozen_parameters_are_counted_separately(model):
    model.layers[5].freeze()
    table = model.summary(X)
    assert table.trained == 48
    assert str(table).endswith("250 parameters, 202 of them frozen, 0.00 MiB")


def test_a_shared_parameter_is_counted_once():
    model = L.Sequential(L.Linear(3, in_size=3), L.Linear(3, in_size=3))
    model[1].W = model[0].W
    table = model.summary(np.ones((1, 3), np.float32))
    assert [row.params for row in table.rows] == [0, 12, 3]
    assert table.params == 15


def test_layers_with_several_outputs_show_them_all_and_unused_ones_say_so():
    class Model(L.Layer):
        def __init__(self):
            self.lstm = L.LSTM(4)
            self.spare = L.Linear(2, in_size=2)

        def forward(self, x):
            return self.lstm(x)[0]

    table = Model().summary(np.ones((2, 3, 5), np.float32))
    assert table.rows[1].shapes == ((2, 3, 4), (1, 2, 4), (1, 2, 4))
    assert table.rows[2].shapes == ()
    assert "not called" in str(table)


def test_an_error_in_the_model_changes_nothing(model):
    drawn = random.get_state()
    with pytest.raises(ValueError, match="Conv2d: got x"):
        model.summary(np.ones((3, 5, 5), np.float32))
    assert random.get_state() == drawn
    assert config.train


def test_one_sample_is_enough_for_batch_normalisation():
    model = L.Sequential(L.Linear(2), L.BatchNorm())
    assert model.summary(np.ones((1, 3), np.float32)).params == 12


def test_parameters_are_not_copied():
    model = L.Linear(1000, in_size=1000)
    x = np.ones((1, 1000), np.float32)
    model.summary(x)
    tracemalloc.start()
    try:
        model.summary(x)
        assert tracemalloc.get_traced_memory()[1] < model.W.data.nbytes / 4
    finally:
        tracemalloc.stop()
