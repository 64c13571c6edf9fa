"""Inverses, solutions, determinants, factors and norms compared with PyTorch's."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch import linalg as T  # noqa: E402

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
