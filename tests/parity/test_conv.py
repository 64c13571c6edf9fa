"""Convolution compared with PyTorch, over drawn shapes and options."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable, kernels
from wengert.kernels import Geometry, convolution
from wengert.kernels import geometry as layout

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")

SEEDS = range(24)


def draw(seed, n_axes):
    """x and W shapes and the options of a convolution that has at least one output position."""
    rng = np.random.default_rng([seed, n_axes])
    groups = int(rng.choice([1, 1, 2, 3]))
    inputs, outputs = (int(n) for n in rng.integers(1, 4, 2))
    kernel, stride = rng.integers(1, 4, (2, n_axes)).tolist()
    dilation, padding = rng.integers(1, 3, n_axes).tolist(), rng.integers(0, 3, n_axes).tolist()
    size = [
        int(n) + (k - 1) * d
        for n, k, d in zip(rng.integers(1, 5, n_axes), kernel, dilation, strict=True)
    ]
    x_shape = (int(rng.integers(1, 4)), inputs * groups, *size)
    W_shape = (outputs * groups, inputs, *kernel)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return rng, x_shape, W_shape, options


def assert_parity(f, g, arrays, dtype, rtol):
    """f of Variables and g of tensors agree, and all their gradients."""
    xs = [Variable(x.astype(dtype)) for x in arrays]
    tensors = [torch.tensor(x.data, requires_grad=True) for x in xs]
    y, z = f(*xs), g(*tensors)
    assert y.dtype == dtype
    gy = np.random.default_rng(0).normal(size=z.shape).astype(dtype)
    y.backward(grad=gy)
    z.backward(torch.tensor(gy))
    ours = [y.data, *[x.grad.data for x in xs]]
    theirs = [z.detach(), *[t.grad for t in tensors]]
    for found, expected in zip(ours, theirs, strict=True):
        size = max(1.0, float(abs(expected).max()))
        np.testing.assert_allclose(found, expected.numpy(), rtol=rtol, atol=rtol * size)


PRECISIONS = pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-5)])


@PRECISIONS
@pytest.mark.parametrize("n_axes", [1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_convolution(seed, n_axes, dtype, rtol):
    rng, x_shape, W_shape, options = draw(seed, n_axes)
    arrays = [rng.normal(size=s) for s in (x_shape, W_shape, W_shape[:1])]
    name = f"conv{n_axes}d"
    assert_parity(
        lambda *xs: getattr(F, name)(*xs, **options),
        lambda *xs: getattr(torch.nn.functional, name)(*xs, **options),
        arrays, dtype, rtol,
    )  # fmt: skip


@PRECISIONS
@pytest.mark.parametrize("n_axes", [1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_transposed_convolution(seed, n_axes, dtype, rtol):
    rng, x_shape, W_shape, options = draw(seed, n_axes)
    options["output_padding"] = [int(rng.integers(0, s)) for s in options["stride"]]
    options["padding"] = [(k - 1) // 2 for k in W_shape[2:]]
    y_shape = (x_shape[0], W_shape[0], *x_shape[2:])
    arrays = [
        rng.normal(size=y_shape), rng.normal(size=W_shape), rng.normal(size=x_shape[1]),
    ]  # fmt: skip
    name = f"conv_transpose{n_axes}d"
    assert_parity(
        lambda *xs: getattr(F, name)(*xs, **options),
        lambda *xs: getattr(torch.nn.functional, name)(*xs, **options),
        arrays, dtype, rtol,
    )  # fmt: skip


@PRECISIONS
@pytest.mark.parametrize("seed", SEEDS)
def test_im2col_and_col2im(seed, dtype, rtol):
    rng, x_shape, W_shape, options = draw(seed, 2)
    del options["groups"]
    kernel = W_shape[2:]
    columns = torch.nn.functional.unfold(torch.zeros(x_shape), kernel, **options).shape
    assert_parity(
        lambda x: np.reshape(F.im2col(x, kernel, **options), columns),
        lambda x: torch.nn.functional.unfold(x, kernel, **options),
        [rng.normal(size=x_shape)], dtype, rtol,
    )  # fmt: skip
    ours_shape = F.im2col(np.zeros(x_shape), kernel, **options).shape
    assert_parity(
        lambda x: F.col2im(np.reshape(x, ours_shape), x_shape, **options),
        lambda x: torch.nn.functional.fold(x, x_shape[2:], kernel, **options),
        [rng.normal(size=columns)], dtype, rtol,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize("kernel", [(3, 3), (2, 5), (1, 4)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_same(kernel, dilation):
    rng = np.random.default_rng(0)
    options = {"padding": "same", "dilation": dilation}
    assert_parity(
        lambda x, W: F.conv2d(x, W, **options),
        lambda x, W: torch.nn.functional.conv2d(x, W, **options),
        [rng.normal(size=(2, 3, 6, 7)), rng.normal(size=(4, 3, *kernel))], np.float64, 1e-10,
    )  # fmt: skip


@pytest.mark.parametrize("columns", [1, 500, 2**18])
@pytest.mark.parametrize("few_channels", [0, 100])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_chunks_and_memory_orders_change_nothing(
    seed, channels_last, few_channels, columns, monkeypatch
):
    monkeypatch.setattr(convolution, "COLUMN_ELEMENTS", columns)
    monkeypatch.setattr(layout, "FEW_CHANNELS", few_channels)
    rng, x_shape, W_shape, options = draw(seed, 2)
    x, W = rng.normal(size=x_shape), rng.normal(size=W_shape)
    if channels_last:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    padding = tuple([(p, p) for p in options["padding"]])
    geometry = Geometry(
        W_shape[2:], options["stride"], padding, options["dilation"], options["groups"]
    )
    tx, tW = (torch.tensor(np.ascontiguousarray(a), requires_grad=True) for a in (x, W))
    y = torch.nn.functional.conv2d(tx, tW, **options)
    gy = rng.normal(size=y.shape)
    y.backward(torch.tensor(gy))
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(kernels.conv(x, W, geometry), y.detach(), **close)
    gx = kernels.conv_input_gradient(gy, W, geometry, x.shape[2:])
    np.testing.assert_allclose(gx, tx.grad, **close)
    gW = kernels.conv_weight_gradient(x, gy, geometry)
    np.testing.assert_allclose(gW, tW.grad, **close)


def test_second_derivatives():
    rng = np.random.default_rng(1)
    x, W = rng.normal(size=(2, 3, 5, 5)), rng.normal(size=(4, 3, 3, 3))
    tx, tW = torch.tensor(x, requires_grad=True), torch.tensor(W, requires_grad=True)
    z = torch.sin(torch.nn.functional.conv2d(tx, tW, stride=2, padding=1)).sum()
    gx, gW = torch.autograd.grad(z, [tx, tW], create_graph=True)
    ((gx**2).sum() + (gW**3).sum()).backward()
    vx, vW = Variable(x), Variable(W)
    y = np.sum(np.sin(F.conv2d(vx, vW, stride=2, padding=1)))
    y.backward(create_graph=True)
    gx, gW = vx.grad, vW.grad
    vx.cleargrad(), vW.cleargrad()
    (np.sum(gx**2) + np.sum(gW**3)).backward()
    np.testing.assert_allclose(vx.grad.data, tx.grad, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(vW.grad.data, tW.grad, rtol=1e-10, atol=1e-10)
