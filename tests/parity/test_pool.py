"""Pooling and interpolation compared with PyTorch, over drawn shapes and options."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable
from wengert.functions import interpolate

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")

SEEDS = range(24)
PRECISIONS = pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-5)])
AXES = pytest.mark.parametrize("n_axes", [1, 2, 3])


def assert_parity(f, g, x, dtype, rtol):
    """f of a Variable and g of a tensor agree, and their gradients."""
    x = Variable(x.astype(dtype))
    tensor = torch.tensor(x.data, requires_grad=True)
    y, z = f(x), g(tensor)
    assert y.dtype == dtype
    gy = np.random.default_rng(0).normal(size=z.shape).astype(dtype)
    y.backward(grad=gy)
    z.backward(torch.tensor(gy))
    np.testing.assert_allclose(y.data, z.detach(), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(x.grad.data, tensor.grad, rtol=rtol, atol=rtol)


def draw(seed, n_axes):
    """x and the options of a pooling."""
    rng = np.random.default_rng([seed, n_axes])
    kernel = rng.integers(1, 4, n_axes).tolist()
    options = {
        "stride": None if seed % 3 == 0 else rng.integers(1, 4, n_axes).tolist(),
        "padding": [int(rng.integers(0, k // 2 + 1)) for k in kernel],
        "ceil_mode": bool(rng.integers(0, 2)),
    }
    size = [int(n) + k for n, k in zip(rng.integers(0, 5, n_axes), kernel, strict=True)]
    channels = int(rng.choice([1, 2, 6]))
    return rng, rng.normal(size=(int(rng.integers(1, 3)), channels, *size)), kernel, options


@PRECISIONS
@AXES
@pytest.mark.parametrize("seed", SEEDS)
def test_max_pooling(seed, n_axes, dtype, rtol):
    _, x, kernel, options = draw(seed, n_axes)
    name = f"max_pool{n_axes}d"
    assert_parity(
        lambda x: getattr(F, name)(x, kernel, **options),
        lambda x: getattr(torch.nn.functional, name)(x, kernel, **options),
        x, dtype, rtol,
    )  # fmt: skip


@PRECISIONS
@AXES
@pytest.mark.parametrize("seed", SEEDS)
def test_average_pooling(seed, n_axes, dtype, rtol):
    rng, x, kernel, options = draw(seed, n_axes)
    options["count_include_pad"] = bool(rng.integers(0, 2))
    name = f"avg_pool{n_axes}d"
    assert_parity(
        lambda x: getattr(F, name)(x, kernel, **options),
        lambda x: getattr(torch.nn.functional, name)(x, kernel, **options),
        x, dtype, rtol,
    )  # fmt: skip


@PRECISIONS
@AXES
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("seed", range(8))
def test_adaptive_pooling(seed, kind, n_axes, dtype, rtol):
    rng, x, _, _ = draw(seed, n_axes)
    size = rng.integers(1, 6, n_axes).tolist()
    assert_parity(
        lambda x: getattr(F, f"adaptive_{kind}_pool")(x, size),
        lambda x: getattr(torch.nn.functional, f"adaptive_{kind}_pool{n_axes}d")(x, size),
        x, dtype, rtol,
    )  # fmt: skip


@PRECISIONS
@AXES
@pytest.mark.parametrize("given", ["size", "scale"])
@pytest.mark.parametrize("mode", ["nearest", "linear", "corners"])
@pytest.mark.parametrize("seed", range(8))
def test_interpolation(seed, mode, given, n_axes, dtype, rtol):
    rng, x, _, _ = draw(seed, n_axes)
    size = rng.integers(1, 9, n_axes).tolist()
    scale = rng.choice([1.0, 1.5, 2.0, 3.0], n_axes).tolist()
    if mode == "nearest":
        options = {"mode": mode}
    else:
        lines = ("linear", "bilinear", "trilinear")[n_axes - 1]
        options = {"mode": lines, "align_corners": mode == "corners"}
    sizes, theirs = (
        ({"size": size}, {"size": size}) if given == "size"
        else ({"scale": scale}, {"scale_factor": scale})
    )  # fmt: skip
    assert_parity(
        lambda x: interpolate(x, **sizes, **options),
        lambda x: torch.nn.functional.interpolate(x, **theirs, **options),
        x, dtype, rtol,
    )  # fmt: skip
