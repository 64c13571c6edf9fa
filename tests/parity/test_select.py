"""Selection compared with PyTorch's: values, indices and gradients."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(6))
def test_sort_topk_and_scatter_add(seed, dtype):
    rng = np.random.default_rng(seed)
    shape, axis = tuple(rng.integers(2, 6, size=3)), seed % 3
    k = int(rng.integers(1, shape[axis] + 1))
    places = rng.integers(0, shape[axis], size=(*shape[:axis], 7, *shape[axis + 1 :]))
    inputs = [rng.normal(size=s).astype(dtype) for s in (shape, places.shape)]

    def ours(x, v):
        values, indices = F.topk(x, k, axis)
        return F.sort(x, axis), values, indices, F.scatter_add(x, places, v, axis)

    def theirs(x, v):
        values, indices = torch.topk(x, k, axis)
        sent = torch.scatter_add(x, axis, torch.tensor(places), v)
        return torch.sort(x, axis)[0], values, indices, sent

    xs = [Variable(x) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    pairs = list(zip(ours(*xs), theirs(*ts), strict=True))
    for y, expected in pairs:
        np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-6, atol=1e-6)
        if y.requires_grad:
            gy = rng.normal(size=y.shape).astype(dtype)
            y.backward(grad=gy)
            expected.backward(torch.tensor(gy))
    for x, t in zip(xs, ts, strict=True):
        rtol = 1e-10 if dtype == np.float64 else 1e-5
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=rtol, atol=rtol)
