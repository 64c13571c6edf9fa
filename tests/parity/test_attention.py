"""Attention compared with PyTorch's: values and every gradient, over drawn shapes and options."""

import numpy as np
import pytest

from wengert import Variable
from wengert.functions import multi_head_attention, scaled_dot_product_attention

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch.nn import functional as T  # noqa: E402

TOLERANCE = {
    np.float64: {"rtol": 1e-10, "atol": 1e-12},
    np.float32: {"rtol": 1e-4, "atol": 2e-5},
}


def assert_same(variables, tensors, dtype):
    for v, t in zip(variables, tensors, strict=True):
        np.testing.assert_allclose(v.data, t.detach().numpy(), **TOLERANCE[dtype])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["none", "causal", "bools", "numbers"])
def test_attention_and_its_gradients_are_those_of_pytorch(kind, dtype, seed):
    rng = np.random.default_rng(seed)
    B, H, L, S, E, F = (int(n) for n in rng.integers(1, 6, size=6))
    S = L if kind == "causal" else S
    shapes = [(B, H, L, E), (B, H, S, E), (B, H, S, F)]
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    mask_shape = [(L, S), (B, 1, L, S), (B, 1, 1, S), (B, H, L, S)][seed % 4]
    mask = {
        "bools": rng.random(mask_shape) < 0.7,
        "numbers": rng.normal(size=mask_shape).astype(dtype),
    }.get(kind)
    scale = None if seed % 2 else float(rng.uniform(0.1, 2))
    gy = rng.normal(size=(B, H, L, F)).astype(dtype)

    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    variables = list(map(Variable, arrays))
    tmask, vmask = (None, None) if mask is None else (torch.tensor(mask), mask)
    if kind == "numbers":
        tmask, vmask = torch.tensor(mask, requires_grad=True), Variable(mask)
        tensors.append(tmask)
        variables.append(vmask)
    causal = kind == "causal"
    ty = T.scaled_dot_product_attention(
        *tensors[:3], attn_mask=tmask, is_causal=causal, scale=scale
    )
    ty.backward(torch.tensor(gy))
    y = scaled_dot_product_attention(*variables[:3], vmask, causal=causal, scale=scale)
    y.backward(grad=gy)
    assert_same([y], [ty], dtype)
    assert_same([v.grad for v in variables], [t.grad for t in tensors], dtype)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_several_heads_and_their_gradients_are_those_of_pytorch(dtype, seed):
    rng = np.random.default_rng(seed)
    B, heads, L, S, E = (int(n) for n in rng.integers(1, 5, size=5))
    D, bias, padded = heads * E, bool(seed % 2), bool(seed // 2 % 2)
    torch.manual_seed(seed)
    tdtype = torch.float64 if dtype is np.float64 else torch.float32
    module = torch.nn.MultiheadAttention(D, heads, bias=bias, batch_first=True, dtype=tdtype)
    arrays = [rng.normal(size=(B, n, D)).astype(dtype) for n in (L, S, S)]
    seen = rng.random((B, S)) < 0.6
    seen[:, 0] = True
    gy = rng.normal(size=(B, L, D)).astype(dtype)

    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    tpadding = torch.tensor(~seen) if padded else None
    ty, _ = module(*tensors, key_padding_mask=tpadding, need_weights=False)
    ty.backward(torch.tensor(gy))

    parameters = [module.in_proj_weight, module.out_proj.weight]
    parameters += [module.in_proj_bias, module.out_proj.bias] if bias else []
    split = []
    for p in parameters:
        parts = np.split(p.detach().numpy(), 3) if len(p) == 3 * D else [p.detach().numpy()]
        split += [Variable(part.T.copy()) for part in parts]
    variables = list(map(Variable, arrays))
    y = multi_head_attention(
        *variables, *split, heads=heads, mask=seen[:, None] if padded else None
    )
    y.backward(grad=gy)
    assert_same([y], [ty], dtype)
    assert_same([v.grad for v in variables], [t.grad for t in tensors], dtype)
    found = [v.grad.data.T for v in split]
    for p in parameters:
        expected = np.split(p.grad.numpy(), 3) if len(p) == 3 * D else [p.grad.numpy()]
        for e in expected:
            np.testing.assert_allclose(found.pop(0), e, **TOLERANCE[dtype])
