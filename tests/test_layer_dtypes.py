"""Inputs in another dtype than the Parameters of a layer."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import wengert as wg
import wengert.layers as L
from wengert import Parameter, Variable
from wengert.layers import casting


@pytest.fixture(autouse=True)
def _no_warning_yet(monkeypatch):
    monkeypatch.setattr(casting, "warned", set())


class Scale(L.Layer):
    """A layer as a user writes it."""

    def __init__(self, dtype):
        self.w = Parameter(np.full(4, 2, dtype))

    def forward(self, x, y=None, *, bias=None):
        z = x * self.w
        z = z if y is None else z + y
        return z if bias is None else z + bias


class LazyScale(L.Layer):
    """Makes its Parameter in the first forward."""

    def __init__(self, dtype):
        self.w = None
        self.kind = dtype

    def forward(self, x):
        if self.w is None:
            self.w = Parameter(np.ones(x.shape[-1], self.kind))
        return x * self.w


LAYERS = {  # a layer in a dtype, and the shapes of its inputs
    "Linear": (lambda d: L.Linear(3, dtype=d), (2, 4)),
    "Linear of known size": (lambda d: L.Linear(3, in_size=4, dtype=d), (2, 4)),
    "Conv1d": (lambda d: L.Conv1d(3, 2, dtype=d), (2, 4, 5)),
    "Conv2d": (lambda d: L.Conv2d(3, 2, dtype=d), (2, 4, 5, 5)),
    "Conv3d": (lambda d: L.Conv3d(3, 2, dtype=d), (2, 4, 3, 3, 3)),
    "ConvTranspose1d": (lambda d: L.ConvTranspose1d(3, 2, dtype=d), (2, 4, 5)),
    "ConvTranspose2d": (lambda d: L.ConvTranspose2d(3, 2, dtype=d), (2, 4, 5, 5)),
    "ConvTranspose3d": (lambda d: L.ConvTranspose3d(3, 2, dtype=d), (2, 4, 3, 3, 3)),
    "BatchNorm": (lambda d: L.BatchNorm(dtype=d), (3, 4)),
    "LayerNorm": (lambda d: L.LayerNorm(dtype=d), (3, 4)),
    "GroupNorm": (lambda d: L.GroupNorm(2, dtype=d), (3, 4)),
    "InstanceNorm": (lambda d: L.InstanceNorm(dtype=d), (3, 4, 5)),
    "RMSNorm": (lambda d: L.RMSNorm(dtype=d), (3, 4)),
    "PReLU": (lambda d: L.PReLU(dtype=d), (3, 4)),
    "RNN": (lambda d: L.RNN(3, dtype=d), (2, 5, 4)),
    "LSTM": (lambda d: L.LSTM(3, dtype=d), (2, 5, 4)),
    "GRU": (lambda d: L.GRU(3, dtype=d), (2, 5, 4)),
    "RNNCell": (lambda d: L.RNNCell(3, dtype=d), (2, 4), (2, 3)),
    "LSTMCell": (lambda d: L.LSTMCell(3, dtype=d), (2, 4), (2, 3), (2, 3)),
    "GRUCell": (lambda d: L.GRUCell(3, dtype=d), (2, 4), (2, 3)),
    "MultiHeadAttention": (lambda d: L.MultiHeadAttention(2, dtype=d), (2, 3, 4), (2, 5, 4)),
    "TransformerEncoderLayer": (
        lambda d: L.TransformerEncoderLayer(2, in_size=4, dropout=0, dtype=d),
        (2, 3, 4),
    ),
    "TransformerDecoderLayer": (
        lambda d: L.TransformerDecoderLayer(2, in_size=4, dropout=0, dtype=d),
        (2, 3, 4),
        (2, 3, 4),
    ),
    "Residual": (lambda d: L.Residual(L.Linear(4, dtype=d)), (2, 4)),
    "of a user": (Scale, (3, 4), (3, 4)),
}
FLOATS = [np.float16, np.float32, np.float64]


def outputs(layer, *xs):
    ys = layer(*xs)
    return ys if isinstance(ys, tuple) else (ys,)


@pytest.mark.parametrize(("make", "shapes"), [(m, s) for m, *s in LAYERS.values()], ids=LAYERS)
@pytest.mark.parametrize("of_params", FLOATS)
@pytest.mark.parametrize("of_inputs", FLOATS)
def test_a_layer_computes_in_the_dtype_of_its_parameters(make, shapes, of_params, of_inputs):
    wg.seed(0)
    rng = np.random.default_rng(0)
    layer = make(of_params)
    xs = [Variable(rng.normal(size=shape).astype(of_inputs)) for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ys = outputs(layer, *xs)
        np.sum(ys[0]).backward()
        again = outputs(layer, *[x.data for x in xs])
    assert {y.dtype for y in ys} == {np.dtype(of_params)}
    assert {y.dtype for y in again} == {np.dtype(of_params)}
    assert {x.grad.dtype for x in xs if x.grad is not None} == {np.dtype(of_inputs)}
    assert {p.grad.dtype for p in layer.params() if p.grad is not None} == {np.dtype(of_params)}
    expected = outputs(layer, *[x.data.astype(of_params) for x in xs])
    for y, z in zip(ys, expected, strict=True):
        np.testing.assert_allclose(y.data, z.data, rtol=1e-2 if of_params == np.float16 else 1e-5)


NUMERIC = [name for name in LAYERS if name not in ("of a user", "PReLU")]
NUMERIC = [name for name in NUMERIC if not name.startswith(("Transformer", "Residual"))]


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, list])
def test_integers_and_lists_are_computed_as_floats_of_the_parameters(name, dtype):
    make, *shapes = LAYERS[name]
    wg.seed(0)
    layer = make(np.float32)
    integers = [np.random.default_rng(1).integers(0, 2, size=shape) for shape in shapes]
    expected = outputs(layer, *[x.astype(np.float32) for x in integers])
    given = [x.tolist() if dtype is list else x.astype(dtype) for x in integers]
    for y, z in zip(outputs(layer, *given), expected, strict=True):
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y.data, z.data)


class Table:
    """What NumPy can make an array of, such as a data frame."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


@pytest.mark.parametrize("given", [list, Table, lambda x: [list(row) for row in x]])
def test_lists_of_arrays_and_tables_are_computed_in_the_dtype_of_the_parameters(given):
    layer = L.Linear(3)
    x = np.random.default_rng(0).normal(size=(2, 4))
    y = layer(given(x))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.data, layer(x.astype(np.float32)).data)


def test_a_ragged_list_is_refused():
    with pytest.raises(ValueError, match="inhomogeneous"):
        L.Linear(3)([[1.0], [2.0, 3.0]])


def test_a_cast_that_loses_digits_warns_once_at_the_line_of_the_program():
    model = L.Sequential(L.Linear(3), L.Residual(L.Linear(3)))
    x = np.ones((2, 4))
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model(x)
        model(x)
        L.BatchNorm()(x)
    (warning,) = record
    assert warning.filename == __file__
    assert str(warning.message) == (
        "Linear: got an input in float64 for Parameters in float32, and computes in float32; "
        "write x.astype(np.float32) once for all data, or model.astype(np.float64). "
        "(This warning comes once.)"
    )


def test_narrower_inputs_and_integers_do_not_warn():
    layer = L.Linear(3)
    for dtype in (np.float16, np.float32, np.uint8, bool):
        layer(np.ones((2, 4), dtype))
    assert not casting.warned


def test_options_of_a_call_are_cast_too():
    layer = Scale(np.float32)
    x = np.ones((2, 4), np.float32)
    with pytest.warns(UserWarning, match="got an input in float64"):
        assert layer(x, bias=np.ones(4)).dtype == np.float32
    attention = L.MultiHeadAttention(2, in_size=4)
    assert attention(x[None], mask=np.zeros((2, 2))).dtype == np.float32


def test_lengths_stay_integers():
    layer = L.LSTM(3, in_size=4)
    y, *_ = layer(np.ones((2, 5, 4), np.float32), lengths=np.array([5, 2]))
    assert not y.data[1, 2:].any()


def test_ids_stay_integers():
    assert L.Embedding(5, 3)(np.array([1, 2])).dtype == np.float32
    model = L.Sequential(L.Embedding(5, 3), L.LSTM(2))
    assert model(np.array([[1, 2]]))[0].dtype == np.float32


def test_a_parameter_that_forward_makes_counts_from_the_second_call():
    layer = LazyScale(np.float32)
    layer(np.ones((2, 4), np.float32))
    with pytest.warns(UserWarning, match="got an input in float64"):
        assert layer(np.ones((2, 4))).dtype == np.float32


def test_a_model_that_is_cast_computes_in_its_new_dtype():
    model = L.Sequential(L.Linear(3, in_size=4), L.LayerNorm(3))
    x = np.ones((2, 4), np.float32)
    assert model(x).dtype == np.float32
    assert model.astype(np.float64)(x).dtype == np.float64
    assert model(x.astype(np.float64)).dtype == np.float64
    assert model.astype(np.float16)(x.astype(np.float16)).dtype == np.float16


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), lambda x: x.copy()]
)
def test_a_copy_finds_its_dtype_itself(copied):
    layer = L.Linear(3, in_size=4)
    layer(np.ones((2, 4), np.float32))
    assert copied(layer).astype(np.float64)(np.ones((2, 4))).dtype == np.float64


def test_data_that_are_assigned_in_another_dtype_count():
    layer = Scale(np.float32)
    layer(np.ones((2, 4), np.float32))
    layer.w.data = layer.w.data.astype(np.float64)
    assert layer(np.ones((2, 4))).dtype == np.float64
    assert not casting.warned


def test_a_layer_without_parameters_of_one_dtype_passes_its_inputs_on():
    class Mixed(L.Layer):
        def __init__(self):
            self.a, self.b = Parameter(np.ones(2, np.float32)), Parameter(np.ones(2))

        def forward(self, x):
            return x

    for layer in (Mixed(), L.Dropout(0), L.Sequential(), L.BatchNorm(2, affine=False)):
        assert layer(np.ones((2, 2))).dtype == np.float64


def test_a_layer_can_leave_its_inputs_as_they_are():
    class Clock(Scale):
        casts_inputs = ""

    assert Clock(np.float32)(np.ones(4)).dtype == np.float64
    assert not casting.warned


def test_a_summary_takes_float64_for_shapes():
    assert "(1, 3)" in str(L.Sequential(L.Linear(3)).summary(np.ones((1, 4))))
    assert not casting.warned
