"""Recurrent layers and cells compared with PyTorch's: values and gradients, random options."""

import numpy as np
import pytest

import wengert
from wengert import Variable
from wengert.functions import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence  # noqa: E402

KINDS = {
    "rnn": (rnn, rnn_cell, torch.nn.RNN, torch.nn.RNNCell),
    "lstm": (lstm, lstm_cell, torch.nn.LSTM, torch.nn.LSTMCell),
    "gru": (gru, gru_cell, torch.nn.GRU, torch.nn.GRUCell),
}
TOLERANCE = {
    np.float64: {"rtol": 1e-10, "atol": 1e-12},
    np.float32: {"rtol": 1e-4, "atol": 2e-5},
}


def ours_of(parameters):
    """PyTorch's (weight_ih, weight_hh, bias_ih, bias_hh) as Wx, Wh, bx, bh."""
    return tuple(Variable(p.detach().numpy().T.copy()) for p in parameters)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_and_its_gradients_are_those_of_pytorch(kind, dtype, seed):
    rng = np.random.default_rng(seed)
    B, T, D, H, layers = (int(n) for n in rng.integers(1, 6, size=5))
    bidirectional, bias, ragged = (bool(b) for b in rng.integers(0, 2, size=3))
    options = {"nonlinearity": str(rng.choice(["tanh", "relu"]))} if kind == "rnn" else {}
    torch.manual_seed(seed)
    module = KINDS[kind][2](
        D, H, layers, bias=bias, batch_first=True, bidirectional=bidirectional,
        dtype=torch.float64 if dtype is np.float64 else torch.float32, **options,
    )  # fmt: skip
    n = layers * (1 + bidirectional)
    x = rng.normal(size=(B, T, D)).astype(dtype)
    states = [rng.normal(size=(n, B, H)).astype(dtype) for _ in range(1 + (kind == "lstm"))]
    lengths = rng.integers(1, T + 1, size=B) if ragged else None
    seeds = [rng.normal(size=(B, T, H * (1 + bidirectional))).astype(dtype), *states[::-1]]

    tx = torch.tensor(x, requires_grad=True)
    tstates = [torch.tensor(s, requires_grad=True) for s in states]
    first = tuple(tstates) if kind == "lstm" else tstates[0]
    if ragged:
        packed = pack_padded_sequence(tx, lengths, batch_first=True, enforce_sorted=False)
        ty, tlast = module(packed, first)
        ty, _ = pad_packed_sequence(ty, batch_first=True, total_length=T)
    else:
        ty, tlast = module(tx, first)
    tys = [ty, *(tlast if kind == "lstm" else [tlast])]
    torch.autograd.backward(tys, [torch.tensor(g) for g in seeds])

    vx, vstates = Variable(x), list(map(Variable, states))
    count = 4 if bias else 2
    parameters = list(module.parameters())
    weights = [ours_of(parameters[i : i + count]) for i in range(0, n * count, count)]
    ours = {"activation": options["nonlinearity"]} if kind == "rnn" else {}
    ys = KINDS[kind][0](vx, weights, *vstates, bidirectional=bidirectional, lengths=lengths, **ours)
    wengert.backward(ys, seeds)

    for y, ty in zip(ys, tys, strict=True):
        np.testing.assert_allclose(y.data, ty.detach().numpy(), **TOLERANCE[dtype])
    for v, t in zip((vx, *vstates), (tx, *tstates), strict=True):
        np.testing.assert_allclose(v.grad.data, t.grad.numpy(), **TOLERANCE[dtype])
    for v, p in zip([w for ws in weights for w in ws], parameters, strict=True):
        np.testing.assert_allclose(v.grad.data, p.grad.numpy().T, **TOLERANCE[dtype])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_and_its_gradients_are_those_of_pytorch(kind, seed):
    rng = np.random.default_rng(seed)
    B, D, H = (int(n) for n in rng.integers(1, 6, size=3))
    torch.manual_seed(seed)
    module = KINDS[kind][3](D, H, dtype=torch.float64)
    x, *states = [rng.normal(size=(B, k)) for k in [D, H] + [H] * (kind == "lstm")]
    tx, *tstates = [torch.tensor(a, requires_grad=True) for a in (x, *states)]
    tys = module(tx, tuple(tstates)) if kind == "lstm" else (module(tx, tstates[0]),)
    torch.autograd.backward(tys, [torch.tensor(s) for s in states])

    inputs = [Variable(a) for a in (x, *states)]
    weights = ours_of(module.parameters())
    ys = KINDS[kind][1](*inputs, *weights)
    ys = ys if isinstance(ys, tuple) else (ys,)
    wengert.backward(ys, states)
    for y, ty in zip(ys, tys, strict=True):
        np.testing.assert_allclose(y.data, ty.detach().numpy(), **TOLERANCE[np.float64])
    for v, t in zip(inputs, (tx, *tstates), strict=True):
        np.testing.assert_allclose(v.grad.data, t.grad.numpy(), **TOLERANCE[np.float64])
    for v, p in zip(weights, module.parameters(), strict=True):
        np.testing.assert_allclose(v.grad.data, p.grad.numpy().T, **TOLERANCE[np.float64])
