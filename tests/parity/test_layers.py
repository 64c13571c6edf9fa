"""Layers compared with PyTorch's: outputs, every gradient, running statistics."""

import numpy as np
import pytest

import wengert.layers as L
from wengert import Variable, test_mode
from wengert.functions import gelu, relu

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch import nn  # noqa: E402

SEEDS = range(5)


def sizes(rng, n, low=1, high=5):
    return [int(i) for i in rng.integers(low, high, size=n)]


# ---- Pairs of layers, and inputs for both ----


def linear(rng, dtype):
    I, O = sizes(rng, 2)  # noqa: E741
    bias = bool(rng.integers(2))
    shape = (*sizes(rng, rng.integers(1, 3)), I)
    return L.Linear(O, bias=bias, dtype=dtype), nn.Linear(I, O, bias=bias), [shape]


def conv(rng, dtype):
    d = rng.integers(1, 4)
    groups, a, b = sizes(rng, 3, 1, 4)
    options = {
        "stride": tuple(sizes(rng, d, 1, 4)),
        "padding": tuple(sizes(rng, d, 0, 3)),
        "dilation": tuple(sizes(rng, d, 1, 3)),
        "groups": groups,
        "bias": bool(rng.integers(2)),
    }
    kernel = tuple(sizes(rng, d, 1, 4))
    ours = [L.Conv1d, L.Conv2d, L.Conv3d][d - 1](b * groups, kernel, dtype=dtype, **options)
    theirs = [nn.Conv1d, nn.Conv2d, nn.Conv3d][d - 1](a * groups, b * groups, kernel, **options)
    return ours, theirs, [(2, a * groups, *sizes(rng, d, 5, 8))]


def conv_transpose(rng, dtype):
    d = rng.integers(1, 4)
    groups, a, b = sizes(rng, 3, 1, 4)
    stride = sizes(rng, d, 1, 4)
    options = {
        "stride": tuple(stride),
        "padding": tuple(sizes(rng, d, 0, 2)),
        "output_padding": tuple([int(rng.integers(0, s)) for s in stride]),
        "groups": groups,
        "dilation": tuple(sizes(rng, d, 1, 3)),
        "bias": bool(rng.integers(2)),
    }
    # (PyTorch wants an output_padding below the stride or the dilation, we below the stride)
    kernel = tuple(sizes(rng, d, 2, 4))
    ours = [L.ConvTranspose1d, L.ConvTranspose2d, L.ConvTranspose3d][d - 1]
    theirs = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d][d - 1]
    return (
        ours(b * groups, kernel, dtype=dtype, **options),
        theirs(a * groups, b * groups, kernel, **options),
        [(2, a * groups, *sizes(rng, d, 2, 5))],
    )


def max_pool(rng, dtype):
    d = rng.integers(1, 4)
    kernel = tuple(sizes(rng, d, 2, 4))
    stride = tuple(sizes(rng, d, 1, 4))
    options = {"padding": tuple(sizes(rng, d, 0, 2)), "ceil_mode": bool(rng.integers(2))}
    ours = [L.MaxPool1d, L.MaxPool2d, L.MaxPool3d][d - 1](kernel, stride, **options)
    theirs = [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d][d - 1](kernel, stride, **options)
    return ours, theirs, [(2, 3, *sizes(rng, d, 4, 8))]


def avg_pool(rng, dtype):
    d = rng.integers(1, 4)
    kernel = tuple(sizes(rng, d, 2, 4))
    options = {
        "stride": tuple(sizes(rng, d, 1, 4)),
        "padding": tuple(sizes(rng, d, 0, 2)),
        "ceil_mode": bool(rng.integers(2)),
        "count_include_pad": bool(rng.integers(2)),
    }
    ours = [L.AvgPool1d, L.AvgPool2d, L.AvgPool3d][d - 1](kernel, **options)
    theirs = [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d][d - 1](kernel, **options)
    return ours, theirs, [(2, 3, *sizes(rng, d, 4, 8))]


def adaptive_max_pool(rng, dtype):
    d = rng.integers(1, 4)
    size = tuple(sizes(rng, d, 1, 5))
    theirs = [nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d][d - 1]
    return L.AdaptiveMaxPool(size), theirs(size), [(2, 3, *sizes(rng, d, 4, 8))]


def adaptive_avg_pool(rng, dtype):
    d = rng.integers(1, 4)
    size = tuple(sizes(rng, d, 1, 5))
    theirs = [nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d][d - 1]
    return L.AdaptiveAvgPool(size), theirs(size), [(2, 3, *sizes(rng, d, 4, 8))]


def global_avg_pool(rng, dtype):
    theirs = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return L.GlobalAvgPool(), theirs, [(2, 3, *sizes(rng, 2))]


def global_max_pool(rng, dtype):
    theirs = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
    return L.GlobalMaxPool(), theirs, [(2, 3, *sizes(rng, 2))]


def batch_norm(rng, dtype):
    d = rng.integers(0, 4)
    (C,) = sizes(rng, 1)
    affine = bool(rng.integers(2))
    momentum = float(rng.uniform())
    theirs = [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d][d]
    return (
        L.BatchNorm(momentum=momentum, affine=affine, eps=1e-3, dtype=dtype),
        theirs(C, momentum=momentum, affine=affine, eps=1e-3),
        [(4, C, *sizes(rng, d, 2, 4))],
    )


def layer_norm(rng, dtype):
    shape = tuple(sizes(rng, 3, 2))
    last = shape[-int(rng.integers(1, 3)) :]
    in_size = None if len(last) == 1 else last
    return L.LayerNorm(in_size, eps=1e-3, dtype=dtype), nn.LayerNorm(last, eps=1e-3), [shape]


def rms_norm(rng, dtype):
    shape = sizes(rng, 3, 2)
    return L.RMSNorm(eps=1e-3, dtype=dtype), nn.RMSNorm(shape[-1], eps=1e-3), [shape]


def group_norm(rng, dtype):
    groups, n = sizes(rng, 2, 1, 4)
    shape = (2, groups * n, *sizes(rng, rng.integers(1, 3), 2))
    return L.GroupNorm(groups, dtype=dtype), nn.GroupNorm(groups, groups * n), [shape]


def instance_norm(rng, dtype):
    (C,) = sizes(rng, 1)
    affine = bool(rng.integers(2))
    ours = L.InstanceNorm(affine=affine, dtype=dtype)
    return ours, nn.InstanceNorm2d(C, affine=affine), [(2, C, *sizes(rng, 2, 2))]


def prelu(rng, dtype):
    C = int(rng.choice([1, 3]))
    return L.PReLU(C, dtype=dtype), nn.PReLU(C), [(2, 3, *sizes(rng, 1))]


def recurrent(ours, theirs):
    def build(rng, dtype):
        I, H = sizes(rng, 2)  # noqa: E741
        layers, directions = sizes(rng, 2, 1, 3)
        bias = bool(rng.integers(2))
        B, T = sizes(rng, 2)
        options = {"bidirectional": directions == 2, "bias": bias}
        name = str(rng.choice(["tanh", "relu"])) if ours is L.RNN else None
        return (
            ours(
                H, layers=layers, dtype=dtype, **options, **({"activation": name} if name else {})
            ),
            theirs(
                I,
                H,
                layers,
                batch_first=True,
                **options,
                **({"nonlinearity": name} if name else {}),
            ),
            [(B, T, I), *[(layers * directions, B, H)] * (2 if ours is L.LSTM else 1)],
        )

    return build


def cell(ours, theirs):
    def build(rng, dtype):
        B, I, H = sizes(rng, 3)  # noqa: E741
        bias = bool(rng.integers(2))
        states = [(B, H)] * (2 if ours is L.LSTMCell else 1)
        return ours(H, bias=bias, dtype=dtype), theirs(I, H, bias), [(B, I), *states]

    return build


def attention(rng, dtype):
    heads, size, B, T, S = sizes(rng, 5)
    D = heads * size
    bias = bool(rng.integers(2))
    ours = L.MultiHeadAttention(heads, bias=bias, dtype=dtype)
    theirs = nn.MultiheadAttention(D, heads, bias=bias, batch_first=True)
    return ours, theirs, [(B, T, D), (B, S, D), (B, S, D)]


def transformer(ours, theirs):
    def build(rng, dtype):
        heads, size, B, T, S = sizes(rng, 5)
        D, hidden = heads * size, int(rng.integers(1, 9))
        first = bool(rng.integers(2))
        ours_act, their_act = [(relu, "relu"), (gelu, "gelu")][rng.integers(2)]
        shapes = [(B, T, D), (B, S, D)] if ours is L.TransformerDecoderLayer else [(B, T, D)]
        return (
            ours(
                heads,
                in_size=D,
                hidden_size=hidden,
                activation=ours_act,
                norm_first=first,
                dropout=0,
                dtype=dtype,
            ),
            theirs(D, heads, hidden, 0.0, their_act, batch_first=True, norm_first=first),
            shapes,
        )

    return build


CASES = {
    "Linear": linear,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "AvgPool": avg_pool,
    "AdaptiveMaxPool": adaptive_max_pool,
    "AdaptiveAvgPool": adaptive_avg_pool,
    "GlobalAvgPool": global_avg_pool,
    "GlobalMaxPool": global_max_pool,
    "BatchNorm": batch_norm,
    "LayerNorm": layer_norm,
    "RMSNorm": rms_norm,
    "GroupNorm": group_norm,
    "InstanceNorm": instance_norm,
    "PReLU": prelu,
    "RNN": recurrent(L.RNN, nn.RNN),
    "LSTM": recurrent(L.LSTM, nn.LSTM),
    "GRU": recurrent(L.GRU, nn.GRU),
    "RNNCell": cell(L.RNNCell, nn.RNNCell),
    "LSTMCell": cell(L.LSTMCell, nn.LSTMCell),
    "GRUCell": cell(L.GRUCell, nn.GRUCell),
    "MultiHeadAttention": attention,
    "TransformerEncoderLayer": transformer(L.TransformerEncoderLayer, nn.TransformerEncoderLayer),
    "TransformerDecoderLayer": transformer(L.TransformerDecoderLayer, nn.TransformerDecoderLayer),
}


# ---- Corresponding Parameters ----


def translated(layer, prefix=""):
    """For each Parameter its name, PyTorch's name, which part of that, and if it is transposed."""
    p = prefix
    if isinstance(layer, L.Linear):
        return [("W", f"{p}weight", ..., True), ("b", f"{p}bias", ..., False)]
    if isinstance(layer, L.LSTM | L.GRU | L.RNN):
        ends = ["", "_reverse"] if layer.bidirectional else [""]
        ks = [f"_l{k}{end}" for k in range(layer.layers) for end in ends]
        return [row for i, k in enumerate(ks) for row in of_cell(f"weights.{i}.", k)]
    if isinstance(layer, L.LSTMCell | L.GRUCell | L.RNNCell):
        return of_cell("weights.", "")
    if isinstance(layer, L.MultiHeadAttention):
        D = layer.in_size
        parts = {"q": slice(D), "k": slice(D, 2 * D), "v": slice(2 * D, 3 * D)}
        rows = [(f"W{n}", f"{p}in_proj_weight", part, True) for n, part in parts.items()]
        rows += [(f"b{n}", f"{p}in_proj_bias", part, False) for n, part in parts.items()]
        return [
            *rows,
            ("Wo", f"{p}out_proj.weight", ..., True),
            ("bo", f"{p}out_proj.bias", ..., False),
        ]
    if isinstance(layer, L.TransformerEncoderLayer | L.TransformerDecoderLayer):
        decoder = isinstance(layer, L.TransformerDecoderLayer)
        parts = {
            "attention": "self_attn.",
            "attention_norm": "norm1.",
            "network.layers.0": "linear1.",
            "network.layers.3": "linear2.",
            "network_norm": "norm3." if decoder else "norm2.",
            **({"memory_attention": "multihead_attn.", "memory_norm": "norm2."} if decoder else {}),
        }
        layers = layer.named_layers()
        return [
            (f"{name}.{ours}", *rest)
            for name, prefix in parts.items()
            for ours, *rest in translated(layers[name], prefix)
        ]
    first = "W" if isinstance(layer, L.conv.Conv) else "gamma"
    first = "slope" if isinstance(layer, L.PReLU) else first
    second = "b" if first == "W" else "beta"
    return [(first, f"{p}weight", ..., False), (second, f"{p}bias", ..., False)]


def of_cell(ours, theirs):
    return [
        (f"{ours}Wx", f"weight_ih{theirs}", ..., True),
        (f"{ours}Wh", f"weight_hh{theirs}", ..., True),
        (f"{ours}bx", f"bias_ih{theirs}", ..., False),
        (f"{ours}bh", f"bias_hh{theirs}", ..., False),
    ]


def flat(ys):
    """A tuple of outputs, some of which may be in tuples themselves, as a list."""
    return [y for part in ys for y in flat(part)] if isinstance(ys, tuple) else [ys]


def compare(name, seed, dtype, rtol, atol):
    rng = np.random.default_rng(seed)
    layer, module, shapes = CASES[name](rng, dtype)
    module = module.to(torch.float64 if dtype == np.float64 else torch.float32)
    inputs = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    with test_mode():
        layer(*inputs)  # makes the parameters
    params, theirs = layer.named_params(), dict(module.named_parameters())
    rows = [row for row in translated(layer) if row[0] in params]
    assert {row[0] for row in rows} == set(params)
    assert {row[1] for row in rows} == set(theirs)
    for ours, their, part, transposed in rows:
        params[ours].data[...] += rng.normal(size=params[ours].shape, scale=0.3)
        value = params[ours].data
        with torch.no_grad():
            theirs[their][part] = torch.tensor(value.T if transposed else value)

    xs = [Variable(x) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, t = flat(layer(*xs)), run(module, ts)
    assert len(y) == len(t)
    gys = [rng.normal(size=a.shape).astype(dtype) for a in y]
    sum(np.sum(a * g) for a, g in zip(y, gys, strict=True)).backward()
    sum((a * torch.tensor(g)).sum() for a, g in zip(t, gys, strict=True)).backward()
    close = dict(rtol=rtol, atol=atol)  # noqa: C408
    for a, b in zip(y, t, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a.data, b.detach().numpy(), **close)
    for x, b in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.data, b.grad.numpy(), **close)
    for ours, their, part, transposed in rows:
        g = theirs[their].grad[part].numpy()
        np.testing.assert_allclose(
            params[ours].grad.data, g.T if transposed else g, err_msg=ours, **close
        )
    for ours, buffer in layer.named_buffers().items():
        np.testing.assert_allclose(buffer.data, module.get_buffer(ours).numpy(), **close)
    module.eval()
    with test_mode():
        for a, b in zip(flat(layer(*xs)), run(module, ts), strict=True):
            np.testing.assert_allclose(a.data, b.detach().numpy(), **close)


def run(module, ts):
    if isinstance(module, nn.LSTM | nn.LSTMCell):
        return flat(module(ts[0], (ts[1], ts[2])))
    if isinstance(module, nn.MultiheadAttention):
        return [module(*ts, need_weights=False)[0]]
    if isinstance(module, nn.TransformerDecoderLayer):
        causal = nn.Transformer.generate_square_subsequent_mask(ts[0].shape[1], dtype=ts[0].dtype)
        return [module(*ts, tgt_mask=causal)]
    return flat(module(*ts))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_in_float64_outputs_and_gradients_are_those_of_pytorch(name, seed):
    compare(name, seed, np.float64, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_in_float32_they_are_the_same_up_to_rounding(name):
    compare(name, 100, np.float32, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_embedding_is_that_of_pytorch(seed):
    rng = np.random.default_rng(seed)
    N, D = sizes(rng, 2, 2)
    padding = [None, 0, N - 1][rng.integers(3)]
    layer = L.Embedding(N, D, padding_index=padding, dtype=np.float64)
    module = nn.Embedding(N, D, padding_idx=padding, dtype=torch.float64)
    with torch.no_grad():
        module.weight[...] = torch.tensor(layer.W.data)
    ids = rng.integers(0, N, size=(3, 4))
    y, t = layer(ids), module(torch.tensor(ids))
    gy = rng.normal(size=y.shape)
    y.backward(grad=gy)
    t.backward(torch.tensor(gy))
    np.testing.assert_array_equal(y.data, t.detach().numpy())
    np.testing.assert_allclose(layer.W.grad.data, module.weight.grad.numpy(), rtol=1e-10)
