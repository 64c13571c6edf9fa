"""Inverses, solutions, determinants, factors and norms compared with PyTorch's."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch import linalg as T  # noqa: E402


def both(x):
    return x + (x.T if x.ndim == 2 else x.mT)


def squared(results):
    """The sum of all results, whose signs are arbitrary, squared and weighted by position."""
    total = 0
    for y in results:
        n = y.shape[-1]
        total = total + (y * y * type_of(y)(np.arange(1.0, n + 1))).sum()
    return total


def type_of(y):
    if isinstance(y, torch.Tensor):
        return lambda a: torch.tensor(a, dtype=y.dtype)
    return lambda a: a.astype(y.dtype)


PAIRS = {
    "inv": (F.inv, T.inv),
    "det": (F.det, T.det),
    "slogdet": (lambda x: F.slogdet(x)[1], lambda x: T.slogdet(x)[1]),
    "cholesky": (
        lambda x: F.cholesky(x @ np.swapaxes(x, -1, -2)),
        lambda x: T.cholesky(x @ x.mT),
    ),
    "solve": (F.solve, T.solve),
    **{
        f"norm {p}": (
            lambda x, p=p: F.norm(x, p, axis=-2),
            lambda x, p=p: T.vector_norm(x, 2 if p is None else p, dim=-2),
        )
        for p in (None, 1, 1.5, 2, 3, np.inf, -np.inf)
    },
    "eigh": (lambda x: squared(F.eigh(both(x))), lambda x: squared(T.eigh(both(x)))),
    "eigvalsh": (lambda x: F.eigvalsh(both(x)), lambda x: T.eigvalsh(both(x))),
    "svd": (
        lambda x: squared(F.svd(x[..., 1:], full_matrices=False)),
        lambda x: squared(T.svd(x[..., 1:], full_matrices=False)),
    ),
    "svdvals": (lambda x: F.svdvals(x[..., 1:, :]), lambda x: T.svdvals(x[..., 1:, :])),
    "qr": (lambda x: squared(F.qr(x[..., 1:])), lambda x: squared(T.qr(x[..., 1:]))),
    "qr wide": (lambda x: squared(F.qr(x[..., 1:, :])), lambda x: squared(T.qr(x[..., 1:, :]))),
    "pinv": (lambda x: F.pinv(x[..., 1:, :]), lambda x: T.pinv(x[..., 1:, :])),
    "matrix_power": (lambda x: F.matrix_power(x, -3), lambda x: T.matrix_power(x, -3)),
    "upper cholesky": (
        lambda x: F.cholesky(x @ np.swapaxes(x, -1, -2), upper=True),
        lambda x: T.cholesky(x @ x.mT, upper=True),
    ),
    **{
        f"matrix norm {p}": (
            lambda x, p=p: F.matrix_norm(x, ord=p),
            lambda x, p=p: T.matrix_norm(x, p),
        )
        for p in ("nuc", 1, -1, 2, -2, np.inf, -np.inf)
    },
    **{f"cond {p}": (lambda x, p=p: F.cond(x, p), lambda x, p=p: T.cond(x, p)) for p in (None, -2)},
    "Frobenius": (lambda x: F.norm(x, "fro", (-2, -1)), lambda x: T.matrix_norm(x)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", PAIRS)
def test_values_and_gradients_are_those_of_pytorch(name, seed, dtype):
    rng = np.random.default_rng(seed)
    N, batch = rng.integers(1, 6), tuple(rng.integers(1, 4, size=seed % 3))
    inputs = [rng.uniform(-0.5, 0.5, size=(*batch, N, N)) + 2 * np.eye(N)]
    if name == "solve":
        inputs.append(rng.normal(size=(*batch, N, 3)))
    inputs = [x.astype(dtype) for x in inputs]
    ours, theirs = PAIRS[name]
    xs = [Variable(x) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, expected = ours(*xs), theirs(*ts)
    gy = rng.normal(size=y.shape).astype(dtype)
    y.backward(grad=gy)
    expected.backward(torch.tensor(gy))
    rtol, atol = (1e-10, 1e-12) if dtype == np.float64 else (1e-4, 1e-4)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=rtol, atol=atol)
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=rtol, atol=atol)
        assert x.grad.dtype == dtype
