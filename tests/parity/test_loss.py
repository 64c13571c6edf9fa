"""Losses compared with PyTorch's: values and gradients, over shapes and options drawn at random."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable
from wengert.functions import log_softmax

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch.nn import functional as T  # noqa: E402

REDUCTIONS = ["mean", "sum", "none"]
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32])
seeds = pytest.mark.parametrize("seed", range(6))


def compare(ours, theirs, rng, *inputs):
    xs = [Variable(x) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, expected = ours(*xs), theirs(*ts)
    gy = rng.normal(size=y.shape).astype(y.dtype)
    y.backward(grad=gy)
    expected.backward(torch.tensor(gy))
    rtol, atol = (1e-10, 1e-12) if inputs[0].dtype == np.float64 else (2e-5, 2e-6)
    assert y.dtype == inputs[0].dtype
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=rtol, atol=atol)
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=rtol, atol=atol)


def drawn_classes(seed, dtype):
    """Logits (N, C, ...), labels (N, ...), weights (C,)."""
    rng = np.random.default_rng(seed)
    N, C = rng.integers(1, 6), rng.integers(2, 6)
    rest = rng.integers(1, 4, size=seed % 3)
    x = rng.normal(scale=3, size=(N, C, *rest)).astype(dtype)
    return rng, x, rng.integers(0, C, size=(N, *rest)), rng.uniform(0.5, 2, size=C).astype(dtype)


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_softmax_cross_entropy_of_labels(reduction, seed, dtype):
    rng, x, t, weight = drawn_classes(seed, dtype)
    smoothing = rng.uniform(0, 0.5)
    t[rng.random(t.shape) < 0.3] = -100
    t.flat[0] = 0
    t_, weight_ = torch.tensor(t), torch.tensor(weight)
    compare(
        lambda x: F.softmax_cross_entropy(
            x, t, axis=1, weight=weight, label_smoothing=smoothing, ignore_index=-100,
            reduction=reduction,
        ),
        lambda x: T.cross_entropy(
            x, t_, weight_, label_smoothing=smoothing, ignore_index=-100, reduction=reduction
        ),
        rng, x,
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_softmax_cross_entropy_of_labels_without_options(reduction, seed, dtype):
    rng, x, t, _ = drawn_classes(seed, dtype)
    compare(
        lambda x: F.softmax_cross_entropy(x, t, axis=1, reduction=reduction),
        lambda x: T.cross_entropy(x, torch.tensor(t), reduction=reduction),
        rng, x,
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_softmax_cross_entropy_of_probabilities(reduction, seed, dtype):
    rng, x, _, weight = drawn_classes(seed, dtype)
    smoothing = rng.uniform(0, 0.5)
    compare(
        lambda x, t: F.softmax_cross_entropy(
            np.moveaxis(x, 1, -1), np.moveaxis(t, 1, -1), weight=weight,
            label_smoothing=smoothing, reduction=reduction,
        ),
        lambda x, t: T.cross_entropy(
            x, t, torch.tensor(weight), label_smoothing=smoothing, reduction=reduction
        ),
        rng, x, rng.dirichlet(np.ones(3), size=x.shape)[..., 0].astype(dtype),
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll(reduction, seed, dtype):
    rng, x, t, weight = drawn_classes(seed, dtype)
    t.flat[0] = 0
    compare(
        lambda x: F.nll(x, t, axis=1, weight=weight, ignore_index=1, reduction=reduction),
        lambda x: T.nll_loss(
            x, torch.tensor(t), torch.tensor(weight), ignore_index=1, reduction=reduction
        ),
        rng, x,
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_hinge(reduction, seed, dtype):
    rng = np.random.default_rng(seed)
    N, C = rng.integers(1, 6), rng.integers(2, 6)
    x = rng.normal(size=(N, C)).astype(dtype)
    t, weight = rng.integers(0, C, size=N), rng.uniform(0.5, 2, size=C).astype(dtype)
    margin, power = rng.uniform(0.5, 2), 1 + seed % 2
    compare(
        lambda x: F.hinge(
            x, t, margin=margin, power=power, weight=weight, reduction=reduction
        ),
        lambda x: T.multi_margin_loss(
            x, torch.tensor(t), power, margin, torch.tensor(weight), reduction=reduction
        ),
        rng, x,
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize(("reduction", "theirs"), [("mean", "batchmean"), ("sum", "sum")])
def test_kl_divergence(reduction, theirs, log_target, seed, dtype):
    rng = np.random.default_rng(seed)
    x, t = (log_softmax(a) for a in rng.normal(size=(2, *rng.integers(1, 6, size=2))))
    compare(
        lambda x, t: F.kl_divergence(x, t, log_target=log_target, reduction=reduction),
        lambda x, t: T.kl_div(x, t, log_target=log_target, reduction=theirs),
        rng, x.astype(dtype), (t if log_target else np.exp(t)).astype(dtype),
    )  # fmt: skip


def drawn_pair(seed, dtype, low, high):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 5, size=seed % 4)
    return rng, *(rng.uniform(low, high, size=shape).astype(dtype) for _ in range(2))


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("with_pos_weight", [False, True])
def test_sigmoid_cross_entropy(with_pos_weight, reduction, seed, dtype):
    rng, x, t = drawn_pair(seed, dtype, 0, 1)
    x, weight = 20 * (x - 0.5), rng.uniform(size=x.shape).astype(dtype)
    p = rng.uniform(0.2, 5, size=x.shape[-1:]).astype(dtype) if with_pos_weight else None
    compare(
        lambda x: F.sigmoid_cross_entropy(
            x, t, weight=weight, pos_weight=p, reduction=reduction
        ),
        lambda x: T.binary_cross_entropy_with_logits(
            x, torch.tensor(t), torch.tensor(weight), reduction=reduction,
            pos_weight=None if p is None else torch.tensor(p),
        ),
        rng, x,
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy(reduction, seed, dtype):
    rng, x, t = drawn_pair(seed, dtype, 0, 1)
    weight = rng.uniform(size=x.shape).astype(dtype)
    compare(
        lambda x: F.binary_cross_entropy(x, t, weight=weight, reduction=reduction),
        lambda x: T.binary_cross_entropy(
            x, torch.tensor(t), torch.tensor(weight), reduction=reduction
        ),
        rng, x,
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (F.mean_squared_error, T.mse_loss),
        (F.mean_absolute_error, T.l1_loss),
        (
            lambda *xs, reduction: F.huber(*xs, delta=0.7, reduction=reduction),
            lambda *xs, reduction: T.huber_loss(*xs, delta=0.7, reduction=reduction),
        ),
    ],
    ids=["mean_squared_error", "mean_absolute_error", "huber"],
)
def test_regression_losses(ours, theirs, reduction, seed, dtype):
    compare(
        lambda *xs: ours(*xs, reduction=reduction),
        lambda *xs: theirs(*xs, reduction=reduction),
        *drawn_pair(seed, dtype, -2, 2),
    )


@dtypes
@seeds
def test_cosine_similarity(seed, dtype):
    rng, x0, x1 = drawn_pair(4 * seed + 3, dtype, -2, 2)
    axis = seed % 3
    compare(
        lambda *xs: F.cosine_similarity(*xs, axis=axis),
        lambda *xs: T.cosine_similarity(*xs, dim=axis),
        rng, x0, x1,
    )  # fmt: skip


@dtypes
@seeds
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("swap", [False, True])
def test_triplet_margin(swap, reduction, seed, dtype):
    rng = np.random.default_rng(seed)
    margin, p = rng.uniform(0.5, 2), [1, 2, 3][seed % 3]
    compare(
        lambda *xs: F.triplet_margin(
            *xs, margin=margin, p=p, swap=swap, reduction=reduction
        ),
        lambda *xs: T.triplet_margin_loss(
            *xs, margin=margin, p=p, swap=swap, reduction=reduction
        ),
        rng, *rng.normal(size=(3, *rng.integers(1, 6, size=2))).astype(dtype),
    )  # fmt: skip
