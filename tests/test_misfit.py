"""Inputs that do not fit a layer: each mistake has its own cure."""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import Variable
from wengert.models import MLP


def f(*shape):
    return np.ones(shape, np.float32)


FITS = {  # what a user wrote, the input, and what the message recommends for it
    "Linear after images": (lambda: L.Linear(3, in_size=72), f(2, 8, 3, 3), "Flatten()"),
    "Linear after maps": (lambda: L.Linear(3, in_size=9), f(2, 8, 3, 3), "x.reshape(*x.shape[:2]"),
    "Linear, sizes swapped": (lambda: L.Linear(7, in_size=3), f(2, 7), "write Linear(3, in_size=7"),
    "Linear of columns": (lambda: L.Linear(3, in_size=6), f(6, 5), "write x.T"),
    "Linear of numbers": (lambda: L.Linear(3, in_size=1), f(5), "write x.reshape(-1, 1)"),
    "Linear of channels": (lambda: L.Linear(3, in_size=6), f(2, 6, 4, 5), "np.moveaxis(x, 1, -1)"),
    "Linear": (lambda: L.Linear(3, in_size=7), f(2, 6), "for inputs with 6 features, write"),
    "Conv1d of (N, L, C)": (lambda: L.Conv1d(2, 3, in_size=3), f(2, 9, 3), "moveaxis(x, -1, 1)"),
    "Conv2d of (N, H, W, C)": (
        lambda: L.Conv2d(2, 3, in_size=3),
        f(2, 9, 8, 3),
        "np.moveaxis(x, -1, 1)",
    ),
    "Conv2d of one image": (lambda: L.Conv2d(2, 3, in_size=3), f(3, 9, 8), "write x[None]"),
    "lazy Conv2d of one image": (lambda: L.Conv2d(2, 3), f(3, 9, 8), "write x[None]"),
    "Conv2d of grey images": (
        lambda: L.Conv2d(2, 3, in_size=1),
        f(9, 9, 8),
        "np.expand_dims(x, 1)",
    ),
    "lazy Conv2d of grey images": (lambda: L.Conv2d(2, 3), f(9, 9, 8), "np.expand_dims(x, 1)"),
    "Conv2d of rows": (
        lambda: L.Conv2d(2, 3, in_size=1),
        f(9, 784),
        "write x.reshape(-1, 1, 28, 28)",
    ),
    "Conv2d of rows of colours": (
        lambda: L.Conv2d(2, 3, in_size=3),
        f(9, 3072),
        "write x.reshape(-1, 3, 32, 32)",
    ),
    "Conv2d of colours": (lambda: L.Conv2d(2, 3, in_size=1), f(2, 3, 9, 8), "with 3 channels"),
    "Conv3d of one volume": (lambda: L.Conv3d(2, 2, in_size=1), f(1, 4, 4, 4), "write x[None]"),
    "ConvTranspose2d": (lambda: L.ConvTranspose2d(2, 2, in_size=4), f(2, 3, 3, 4), "moveaxis"),
    "MaxPool2d of rows": (lambda: L.MaxPool2d(2), f(9, 784), "x.reshape(-1, 1, 28, 28)"),
    "BatchNorm of (N, H, W, C)": (lambda: L.BatchNorm(3), f(2, 9, 8, 3), "np.moveaxis(x, -1, 1)"),
    "BatchNorm of one sample": (lambda: L.BatchNorm(3), f(3), "for one sample write x[None]"),
    "BatchNorm": (lambda: L.BatchNorm(3), f(2, 4), "write BatchNorm(..., in_size=4)"),
    "GroupNorm": (lambda: L.GroupNorm(2, in_size=4), f(2, 6, 3), "for inputs with 6 channels"),
    "LayerNorm of channels": (lambda: L.LayerNorm(6), f(2, 6, 4), "np.moveaxis(x, 1, -1)"),
    "RMSNorm": (lambda: L.RMSNorm(6), f(2, 4), "for inputs with 4 features"),
    "LSTM of one sequence": (
        lambda: L.LSTM(3, in_size=4),
        f(5, 4),
        "for one sequence write x[None]",
    ),
    "lazy GRU of one sequence": (lambda: L.GRU(3), f(5, 4), "one sequence write x[None]"),
    "LSTM of ids": (
        lambda: L.LSTM(3, in_size=4),
        np.ones((2, 5), int),
        "put L.Embedding(",
    ),
    "RNN of numbers": (lambda: L.RNN(3, in_size=1), f(2, 5), "write np.expand_dims(x, 2)"),
    "GRU of (B, D, T)": (lambda: L.GRU(3, in_size=4), f(2, 4, 5), "np.moveaxis(x, 1, -1)"),
    "LSTM": (lambda: L.LSTM(3, in_size=4), f(2, 5, 6), "for inputs with 6 features"),
    "GRUCell of a sequence": (
        lambda: L.GRUCell(3, in_size=4),
        f(2, 5, 4),
        "write x[:, t], for",
    ),
    "LSTMCell of one sample": (lambda: L.LSTMCell(3, in_size=4), f(4), "write x[None]"),
    "Embedding of one-hot rows": (lambda: L.Embedding(5, 2), np.eye(5), "write x.argmax(axis=-1)"),
    "Embedding of floats": (lambda: L.Embedding(5, 2), f(2, 3), "write x.astype(np.int64)"),
    "Embedding of fractions": (lambda: L.Embedding(5, 2), f(2, 3) / 2, "or use L.Linear for num"),
    "attention of one sequence": (
        lambda: L.MultiHeadAttention(2, in_size=4),
        f(5, 4),
        "got x (5, 4), needed (B, T, 4); for one sequence write x[None]",
    ),
    "attention": (lambda: L.MultiHeadAttention(2, in_size=4), f(2, 5, 6), "with 6 features"),
    "encoder": (
        lambda: L.TransformerEncoderLayer(2, in_size=4),
        f(2, 5, 6),
        "TransformerEncoderLayer: got x (2, 5, 6), needed (B, T, 4)",
    ),
}


@pytest.mark.parametrize(("make", "x", "cure"), FITS.values(), ids=FITS)
@pytest.mark.parametrize("kind", [np.asarray, Variable])
def test_an_input_that_does_not_fit_is_refused_with_what_to_write(make, x, cure, kind):
    layer = make()
    with pytest.raises((TypeError, ValueError)) as error:
        L.Sequential(layer)(kind(x))
    message = str(error.value)
    assert cure in message
    assert message.startswith(f"{type(layer).__name__}: got ")
    assert "transposed" not in message
    assert error.value.__cause__ is None


CURES = {  # the code of a message, which then fits
    "Linear of columns": lambda x: x.T,
    "Linear of numbers": lambda x: x.reshape(-1, 1),
    "Linear of channels": lambda x: np.moveaxis(x, 1, -1),
    "Linear after images": lambda x: L.Flatten()(x),
    "Linear after maps": lambda x: x.reshape(*x.shape[:2], -1),
    "Conv1d of (N, L, C)": lambda x: np.moveaxis(x, -1, 1),
    "Conv2d of (N, H, W, C)": lambda x: np.moveaxis(x, -1, 1),
    "Conv2d of one image": lambda x: x[None],
    "Conv2d of grey images": lambda x: np.expand_dims(x, 1),
    "Conv2d of rows": lambda x: x.reshape(-1, 1, 28, 28),
    "Conv2d of rows of colours": lambda x: x.reshape(-1, 3, 32, 32),
    "Conv3d of one volume": lambda x: x[None],
    "BatchNorm of (N, H, W, C)": lambda x: np.moveaxis(x, -1, 1),
    "LayerNorm of channels": lambda x: np.moveaxis(x, 1, -1),
    "LSTM of one sequence": lambda x: x[None],
    "RNN of numbers": lambda x: np.expand_dims(x, 2),
    "GRU of (B, D, T)": lambda x: np.moveaxis(x, 1, -1),
    "GRUCell of a sequence": lambda x: x[:, 0],
    "LSTMCell of one sample": lambda x: x[None],
    "Embedding of one-hot rows": lambda x: x.argmax(axis=-1),
    "Embedding of floats": lambda x: x.astype(np.int64),
    "attention of one sequence": lambda x: x[None],
}


@pytest.mark.parametrize("name", CURES)
def test_what_a_message_recommends_works(name):
    make, x, _ = FITS[name]
    make()(CURES[name](x))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda: L.Sequential(L.LSTM(3), L.Linear(2))(f(2, 3, 4)),
            "Linear: got a tuple of 3 arrays as x, .* put lambda ys: ys\\[0\\] before",
        ),
        (lambda: L.Linear(2)(None), "Linear: got None as x, .*; does what comes before return"),
        (
            lambda: L.LSTM(3)(f(2, 5, 4), (f(1, 2, 3), f(1, 2, 3))),
            r"LSTM: got a tuple as h, .*write layer\(x, h, c\)",
        ),
        (
            lambda: L.LSTMCell(3)(f(2, 4), (f(2, 3), f(2, 3))),
            r"LSTMCell: got a tuple as h, .*write layer\(x, h, c\)",
        ),
        (
            lambda: L.Linear(f(2, 3)),
            r"got an array \(2, 3\) as out_size, .*\(out_size\)\(x\)",
        ),
        (lambda: L.ReLU(f(2, 3)), r"Make the layer first, .*: ReLU\(...\)\(x\)"),
        (lambda: L.Linear(784, 10), r"the order of PyTorch, write Linear\(10, in_size=784\)"),
        (lambda: MLP((3, 2), activation=L.ReLU), r"got the class ReLU as activation; write act"),
        (lambda: L.Residual(L.Linear), r"Residual: got the class Linear as inner; write inner="),
        (
            lambda: L.TransformerEncoderLayer(2, in_size=4, activation=L.GELU),
            "got the class GELU as activation",
        ),
        (lambda: L.Sequential([L.Linear(2)]), r"write Sequential\(\*layers\)"),
        (lambda: L.Sequential(x for x in [L.Linear(2)]), r"write Sequential\(\*layers\)"),
        (lambda: L.Sequential({"a": L.Linear(2)}), r"write Sequential\(\*layers.values\(\)\)"),
        (lambda: L.Sequential(L.Linear), r"call Linear\(...\)"),
    ],
)
def test_other_mistakes_with_layers_are_refused_with_what_to_write(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        wrong()


def test_a_forgotten_flatten_before_a_linear_of_unknown_size_is_named_by_the_loss():
    model = L.Sequential(L.Conv2d(2, 3), L.Linear(10))
    with pytest.raises(ValueError, match=r"is L.Flatten\(\) missing before a Linear\?$"):
        F.softmax_cross_entropy(model(f(2, 1, 9, 9)), np.array([1, 2]))


def test_only_a_transposed_matrix_is_called_transposed():
    with pytest.raises(ValueError, match="is W transposed"):
        F.linear(f(2, 3), f(4, 3), f(3))
    with pytest.raises(ValueError, match=r"; write x.reshape\(-1, 12\)\n"):
        F.linear(f(2, 3, 4), f(12, 5), f(5))
    with pytest.raises(ValueError, match=r"takes 4; W is \(in, out\)"):
        F.linear(f(2, 3), f(4, 5), f(5))


@pytest.mark.parametrize("kind", [L.RNNCell, L.LSTMCell, L.GRUCell])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_cell_without_a_state_begins_with_zeros(kind, dtype):
    wg.seed(0)
    cell = kind(3, dtype=dtype)
    x = Variable(np.random.default_rng(0).normal(size=(2, 4)).astype(dtype))
    zeros = [np.zeros((2, 3), dtype)] * (2 if kind is L.LSTMCell else 1)
    expected = cell(x, *zeros)
    for state in ([], [None], [*zeros[:1], *[None] * (len(zeros) - 1)]):
        ys = cell(x, *state)
        for y, z in zip(ys, expected, strict=True):
            np.testing.assert_array_equal(y.data, z.data)
            assert y.dtype == dtype


def test_an_error_in_a_users_layer_is_not_replaced():
    class Fails(L.Layer):
        def forward(self, x):
            raise ValueError("of the user")

    with pytest.raises(ValueError, match=r"^of the user$"):
        L.Sequential(Fails())(None)
