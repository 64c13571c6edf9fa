"""Activations compared with PyTorch's: values and gradients."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch.nn import functional as T  # noqa: E402

PAIRS = {
    "relu": (F.relu, T.relu),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), lambda x: T.leaky_relu(x, 0.2)),
    "elu": (lambda x: F.elu(x, 1.3), lambda x: T.elu(x, 1.3)),
    "selu": (F.selu, T.selu),
    "celu": (lambda x: F.celu(x, 0.5), lambda x: T.celu(x, 0.5)),
    "gelu": (F.gelu, T.gelu),
    "tanh gelu": (
        lambda x: F.gelu(x, approximate=True), lambda x: T.gelu(x, approximate="tanh")
    ),
    "silu": (F.silu, T.silu),
    "mish": (F.mish, T.mish),
    "softplus": (
        lambda x: F.softplus(x, 3), lambda x: T.softplus(x, 3, threshold=1000)
    ),
    "softsign": (F.softsign, T.softsign),
    "sigmoid": (F.sigmoid, T.sigmoid),
    "log_sigmoid": (F.log_sigmoid, T.logsigmoid),
    # (T.hardsigmoid and T.hardswish multiply float64 by a 1/6 of float32)
    "hard_sigmoid": (F.hard_sigmoid, lambda x: T.relu6(x + 3) / 6),
    "hard_swish": (F.hard_swish, lambda x: x * T.relu6(x + 3) / 6),
    "softmax": (lambda x: F.softmax(x, 1), lambda x: T.softmax(x, 1)),
    "log_softmax": (lambda x: F.log_softmax(x, -2), lambda x: T.log_softmax(x, -2)),
    "glu": (lambda x: F.glu(x, 1), lambda x: T.glu(x, 1)),
    "prelu": (F.prelu, T.prelu),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", PAIRS)
def test_values_and_gradients_are_those_of_pytorch(name, dtype, seed):
    rng = np.random.default_rng(seed)
    shape = (rng.integers(1, 5), 2 * rng.integers(1, 4), *rng.integers(1, 5, size=seed % 3))
    inputs = [rng.normal(scale=4, size=shape).astype(dtype)]
    if name == "prelu":
        inputs.append(rng.normal(size=shape[1]).astype(dtype))
    ours, theirs = PAIRS[name]
    xs = [Variable(x) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, expected = ours(*xs), theirs(*ts)
    gy = rng.normal(size=y.shape).astype(dtype)
    y.backward(grad=gy)
    expected.backward(torch.tensor(gy))
    rtol, atol = (1e-10, 1e-13) if dtype == np.float64 else (1e-5, 2e-6)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=rtol, atol=atol)
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=rtol, atol=atol)
        assert x.grad.dtype == dtype
