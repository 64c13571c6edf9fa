"""Whole models compared with PyTorch's: the same weights give the same logits and gradients."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import no_grad, random, test_mode
from wengert.layers import Linear
from wengert.models import GPT, resnet18

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
nn = torch.nn


# ---- ResNet-18, with the names of torchvision ----


class TorchBlock(nn.Module):
    def __init__(self, in_size, size, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_size, size, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(size)
        self.conv2 = nn.Conv2d(size, size, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(size)
        self.downsample = nn.Identity()
        if stride > 1:
            conv = nn.Conv2d(in_size, size, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(size))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class TorchResNet18(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(TorchBlock(64, 64, 1), TorchBlock(64, 64, 1))
        self.layer2 = nn.Sequential(TorchBlock(64, 128, 2), TorchBlock(128, 128, 1))
        self.layer3 = nn.Sequential(TorchBlock(128, 256, 2), TorchBlock(256, 256, 1))
        self.layer4 = nn.Sequential(TorchBlock(256, 512, 2), TorchBlock(512, 512, 1))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        y = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return self.fc(y.mean((2, 3)))


# ---- GPT ----


def turned(x):
    """Rotary positions of x (B, heads, T, E), as complex numbers."""
    T, half = x.shape[2], x.shape[3] // 2
    frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.outer(torch.arange(T, dtype=torch.float64), frequencies)
    z = torch.complex(x[..., :half], x[..., half:])
    z = z * torch.polar(torch.ones_like(angles), angles).to(z.dtype)
    return torch.cat([z.real, z.imag], dim=-1)


class TorchAttention(nn.Module):
    def __init__(self, width, heads, rotary):
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        B, T, D = x.shape
        parts = self.qkv(x).chunk(3, dim=-1)
        q, k, v = [part.view(B, T, self.heads, -1).transpose(1, 2) for part in parts]
        if self.rotary:
            q, k = turned(q), turned(k)
        scores = q @ k.transpose(-1, -2) / (D // self.heads) ** 0.5
        later = torch.ones(T, T, dtype=torch.bool).triu(1)
        p = scores.masked_fill(later, -torch.inf).softmax(-1)
        return self.out((p @ v).transpose(1, 2).reshape(B, T, D))


class TorchTransformerBlock(nn.Module):
    def __init__(self, width, heads, rotary):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = TorchAttention(width, heads, rotary)
        self.norm2 = nn.LayerNorm(width)
        self.network = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.network(self.norm2(x))


class TorchGPT(nn.Module):
    def __init__(self, vocabulary, context, layers, width, heads, rotary, tied):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = None if rotary else nn.Embedding(context, width)
        self.blocks = nn.ModuleList(
            [TorchTransformerBlock(width, heads, rotary) for _ in range(layers)]
        )
        self.norm = nn.LayerNorm(width)
        self.head = None if tied else nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.tokens(tokens)
        if self.positions is not None:
            x = x + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x @ self.tokens.weight.T if self.head is None else self.head(x)


# ---- The comparison ----


def torch_names(model):
    """From the names here to those there, as `wengert.models` describes them."""
    words = {"W": "weight", "gamma": "weight", "b": "bias", "beta": "bias"}
    names = {}
    for name in model.named_params() | model.named_buffers():
        *way, last = name.replace("layers.", "").split(".")
        names[name] = ".".join([*way, words.get(last, last)])
    return names


def transposed(model):
    """Names of the weights that are (in, out) here and (out, in) there."""
    layers = model.named_layers().items()
    return {f"{name}.W" for name, layer in layers if isinstance(layer, Linear)}


def twin(model, other):
    """`other` with the weights of `model`."""
    turn, state = transposed(model), model.state_dict()
    state = {
        there: torch.tensor(state[here].T if here in turn else state[here])
        for here, there in torch_names(model).items()
    }
    missing, unexpected = other.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return other


def assert_close(ours, theirs, rtol, what=""):
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(
        ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max(), err_msg=what
    )


def assert_same_gradients(model, other, rtol):
    there, turn = dict(other.named_parameters()), transposed(model)
    names = torch_names(model)
    assert {names[name] for name in model.named_params()} == set(there)
    for name, p in model.named_params().items():
        gradient = p.grad.data.T if name in turn else p.grad.data
        assert_close(gradient, there[names[name]].grad, rtol, name)


def test_resnet18_computes_what_pytorch_does():
    random.seed(0)
    model = resnet18(10, dtype=np.float64)
    other = twin(model, TorchResNet18(10).double())
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(2, 3, 40, 40)), np.array([3, 7])

    y, z = model(x), other(torch.tensor(x))
    F.softmax_cross_entropy(y, t).backward()
    nn.functional.cross_entropy(z, torch.tensor(t)).backward()
    assert_close(y.data, z, 1e-10)
    assert_same_gradients(model, other, 1e-10)
    buffers, names = dict(other.named_buffers()), torch_names(model)
    for name, buffer in model.named_buffers().items():
        assert_close(buffer.data, buffers[names[name]], 1e-10, name)

    with test_mode(), no_grad():
        assert_close(model(x).data, other.eval()(torch.tensor(x)), 1e-10)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-4)])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_gpt_computes_what_pytorch_does(positions, tied, dtype, rtol):
    random.seed(0)
    sizes = {"layers": 3, "width": 24, "heads": 3}
    model = GPT(17, 12, **sizes, positions=positions, tied=tied, dtype=dtype)
    for p in model.params():  # or the logits would hardly depend on attention
        p.data += 0.2 * random.generator().standard_normal(p.shape).astype(dtype)
    other = TorchGPT(17, 12, **sizes, rotary=positions == "rotary", tied=tied)
    other = twin(model, other.double() if dtype == np.float64 else other)
    tokens = np.random.default_rng(0).integers(0, 17, (4, 11))

    y, z = model(tokens[:, :-1]), other(torch.tensor(tokens[:, :-1]))
    F.softmax_cross_entropy(y, tokens[:, 1:]).backward()
    targets = torch.tensor(tokens[:, 1:].ravel())
    nn.functional.cross_entropy(z.reshape(-1, 17), targets).backward()
    assert y.dtype == dtype
    assert_close(y.data, z, rtol)
    assert_same_gradients(model, other, rtol)
