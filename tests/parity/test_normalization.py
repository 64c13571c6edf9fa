"""Normalisation compared with PyTorch's: values, gradients, running statistics."""

import numpy as np
import pytest

import wengert
import wengert.functions as F
from wengert import Variable

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch.nn import functional as T  # noqa: E402


def drawn(seed, dtype, least=1):
    """A shape (N, C, ...), its values, and γ and β for the channels."""
    rng = np.random.default_rng(seed)
    N, C = rng.integers(2, 6), 2 * rng.integers(1, 4)
    x = rng.normal(1, 2, size=(N, C, *rng.integers(2, 5, size=least + seed % 3)))
    return rng, *(a.astype(dtype) for a in (x, *rng.normal(size=(2, C))))


def compare(ours, theirs, rng, *inputs):
    xs = [Variable(x) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, expected = ours(*xs), theirs(*ts)
    gy = rng.normal(size=y.shape).astype(y.dtype)
    y.backward(grad=gy)
    expected.backward(torch.tensor(gy))
    rtol, atol = (1e-10, 1e-12) if y.dtype == np.float64 else (2e-4, 2e-5)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=rtol, atol=atol)
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=rtol, atol=atol)


dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])
seeds = pytest.mark.parametrize("seed", range(6))


@dtypes
@seeds
@pytest.mark.parametrize("train", [True, False])
def test_batch_norm(seed, dtype, train):
    rng, x, gamma, beta = drawn(seed, dtype, least=0)
    mean, var = rng.normal(size=x.shape[1]).astype(dtype), np.ones(x.shape[1], dtype)
    mean_, var_ = torch.tensor(mean), torch.tensor(var)
    momentum, eps = rng.uniform(0.05, 0.5), 10 ** rng.uniform(-5, -1)
    with wengert.using_config("train", train):
        compare(
            lambda *a: F.batch_norm(*a, mean, var, momentum=momentum, eps=eps),
            lambda *a: T.batch_norm(a[0], mean_, var_, *a[1:], train, momentum, eps),
            rng, x, gamma, beta,
        )  # fmt: skip
    rtol = 1e-10 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(
        mean, mean_.numpy(), rtol=rtol, atol=0 if dtype == np.float64 else 1e-6
    )
    np.testing.assert_allclose(
        var, var_.numpy(), rtol=rtol, atol=0 if dtype == np.float64 else 1e-6
    )


@dtypes
@seeds
def test_layer_norm(seed, dtype):
    rng, x, _, _ = drawn(seed, dtype)
    axes = tuple(range(-1, -1 - rng.integers(1, x.ndim + 1), -1))
    size = x.shape[axes[-1] :]
    gamma, beta = rng.normal(size=(2, *size)).astype(dtype)
    compare(
        lambda *a: F.layer_norm(*a, axis=axes),
        lambda x, *a: T.layer_norm(x, size, *a),
        rng, x, gamma, beta,
    )  # fmt: skip


@dtypes
@seeds
def test_rms_norm(seed, dtype):
    rng, x, _, _ = drawn(seed, dtype)
    gamma = rng.normal(size=x.shape[-1:]).astype(dtype)
    compare(
        lambda *a: F.rms_norm(*a, eps=1e-3),
        lambda x, g: T.rms_norm(x, g.shape, g, 1e-3),
        rng, x, gamma,
    )  # fmt: skip


@dtypes
@seeds
def test_group_norm(seed, dtype):
    rng, x, gamma, beta = drawn(seed, dtype)
    groups = [1, 2, x.shape[1]][seed % 3]
    compare(
        lambda x, *a: F.group_norm(x, groups, *a),
        lambda x, *a: T.group_norm(x, groups, *a),
        rng, x, gamma, beta,
    )  # fmt: skip


@dtypes
@seeds
def test_instance_norm(seed, dtype):
    rng, x, gamma, beta = drawn(seed, dtype)
    compare(
        F.instance_norm,
        lambda x, *a: T.instance_norm(x, None, None, *a),
        rng, x, gamma, beta,
    )  # fmt: skip
