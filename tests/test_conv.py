"""Convolution: its definition, its options, its derivatives, its errors."""

import numpy as np
import pytest

from wengert import Variable, kernels
from wengert.functions.conv import (
    col2im,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    im2col,
)
from wengert.kernels import Geometry, convolution
from wengert.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 6, 7))
W = RNG.normal(size=(6, 2, 3, 2))
B = RNG.normal(size=6)


def by_definition(x, W, b, stride, padding, dilation, groups):
    """The sum in the docstring, one position at a time."""
    _, C, KH, KW = W.shape
    OH, OW = Geometry((KH, KW), stride, tuple(padding), dilation).output_sizes(x.shape[2:])
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    y = np.zeros((len(x), len(W), OH, OW))
    for o, i, j in np.ndindex(len(W), OH, OW):
        c = o // (len(W) // groups) * C
        top, left = i * stride[0], j * stride[1]
        seen = x[:, c : c + C, top:, left:][:, :, :: dilation[0], :: dilation[1]][..., :KH, :KW]
        y[:, o, i, j] = np.sum(seen * W[o], axis=(1, 2, 3)) + b[o]
    return y


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [[(0, 0), (0, 0)], [(1, 2), (0, 3)]])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_convolution_is_the_sum_it_is_defined_as(stride, padding, dilation):
    y = conv2d(X, W, B, stride, padding, dilation, groups=2)
    expected = by_definition(X, W, B, stride, padding, dilation, 2)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("elements", [1, 300, 2**18])
def test_the_number_of_images_at_a_time_changes_nothing(elements, monkeypatch):
    monkeypatch.setattr(convolution, "COLUMN_ELEMENTS", elements)
    expected = by_definition(X, W, B, (1, 1), [(0, 0), (0, 0)], (1, 1), 2)
    np.testing.assert_allclose(conv2d(X, W, B, groups=2), expected, rtol=1e-12, atol=1e-12)


def test_the_three_kernels_compute_the_same_sum():
    geometry = Geometry((3, 2), (2, 1), ((1, 0), (2, 1)), (1, 2), groups=2)
    y = kernels.conv(X, W, geometry)
    gy = RNG.normal(size=y.shape)
    total = np.sum(y * gy)
    gx = kernels.conv_input_gradient(gy, W, geometry, X.shape[2:])
    gW = kernels.conv_weight_gradient(X, gy, geometry)
    assert np.sum(gx * X) == pytest.approx(total)
    assert np.sum(gW * W) == pytest.approx(total)


@pytest.mark.parametrize("size", [5, 6, 7])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_same_divides_the_size_by_the_stride_and_rounds_up(size, kernel, stride):
    y = conv1d(np.ones((1, 1, size)), np.ones((1, 1, kernel)), stride=stride, padding="same")
    assert y.shape == (1, 1, -(-size // stride))


def test_padding_same_adds_the_odd_zero_after():
    y = conv1d(np.array([[[1.0, 2.0, 3.0]]]), np.array([[[1.0, 10.0]]]), padding="same")
    np.testing.assert_array_equal(y, [[[21, 32, 3]]])


def test_the_forms_of_padding_agree():
    expected = conv2d(X, W, padding=[(1, 1), (2, 2)], groups=2)
    np.testing.assert_array_equal(conv2d(X, W, padding=(1, 2), groups=2), expected)
    valid = conv2d(X, W, padding="valid", groups=2)
    np.testing.assert_array_equal(conv2d(X, W, groups=2), valid)


def test_a_depthwise_convolution_keeps_channels_apart():
    W = RNG.normal(size=(4, 1, 3, 3))
    y = conv2d(X, W, groups=4)
    for c in range(4):
        alone = conv2d(X[:, c : c + 1], W[c : c + 1])
        np.testing.assert_allclose(y[:, c : c + 1], alone, rtol=1e-12, atol=1e-12)


def test_transposed_convolution_restores_the_shape_of_x():
    for size in range(5, 11):
        x = np.ones((1, 2, size))
        W = np.ones((3, 2, 3))
        y = conv1d(x, W, stride=3, padding=1)
        more = (size + 2 - 3) % 3
        back = conv_transpose1d(y, W, stride=3, padding=1, output_padding=more)
        assert back.shape == x.shape


def test_the_derivatives_of_a_network_of_convolutions_are_right_to_third_order():
    def network(x, W, b, V):
        h = np.tanh(conv2d(x, W, b, stride=2, padding=[(1, 0), (1, 1)]))
        return conv_transpose2d(h * h, V, stride=2, output_padding=1)

    shapes = [(1, 2, 3, 3), (2, 2, 2, 3), (2,), (2, 1, 2, 2)]
    check_gradients(network, *[0.5 * RNG.normal(size=s) for s in shapes], order=3)


def test_a_convolution_prints_its_geometry_and_serves_as_a_key():
    f, g = (conv2d(Variable(X), W, padding=[1, 1], groups=2).creator for _ in range(2))
    assert repr(f) == (
        "Conv(geometry=Geometry(kernel=(3, 2), stride=(1, 1), padding=((1, 1), (1, 1)), "
        "dilation=(1, 1), groups=2))"
    )
    assert f.geometry is not g.geometry
    assert len({f.geometry, g.geometry}) == 1


def test_no_gradient_is_computed_for_a_constant_image(monkeypatch):
    def refuse(*args):
        raise AssertionError("computed without need")

    monkeypatch.setattr(kernels, "conv_input_gradient", refuse)
    weights = Variable(W)
    conv2d(X, weights, Variable(B), groups=2).backward()
    assert weights.grad.shape == W.shape


def test_an_empty_batch_gives_an_empty_result_and_gradients_of_zero():
    x, weights, b = Variable(np.ones((0, 4, 6, 7))), Variable(W), Variable(B)
    y = conv2d(x, weights, b, groups=2)
    assert y.shape == (0, 6, 4, 6)
    y.backward()
    assert x.grad.shape == x.shape
    np.testing.assert_array_equal(weights.grad.data, np.zeros(W.shape))
    np.testing.assert_array_equal(b.grad.data, np.zeros(6))


def test_columns_times_weights_give_the_convolution():
    W = RNG.normal(size=(5, 4, 3, 3))
    columns = im2col(X, 3, stride=2, padding=1)
    y = np.einsum("nckluv,ockl->nouv", columns, W)
    np.testing.assert_allclose(y, conv2d(X, W, stride=2, padding=1), rtol=1e-12, atol=1e-12)


def test_col2im_of_ones_counts_the_windows_of_each_pixel():
    columns = im2col(np.ones((1, 1, 3, 4)), (2, 2))
    y = col2im(columns, (1, 1, 3, 4))
    np.testing.assert_array_equal(y[0, 0], [[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]])


ONE, IMAGE = np.ones((1, 2, 5)), np.ones((1, 2, 5, 5))
WEIGHTS = np.ones((4, 2, 3, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv2d(IMAGE[0], WEIGHTS), ValueError, r"conv2d: .*expand_dims\(x, 0\)"),
        (lambda: conv2d(ONE, WEIGHTS), ValueError, r"\(1, 2, 5\).*needed 4 axes"),
        (lambda: conv2d(IMAGE, WEIGHTS[0]), ValueError, r"conv2d: .*needed 4 axes"),
        (lambda: conv3d(IMAGE, WEIGHTS), ValueError, r"conv3d: .*\(N, C, D, H, W\)"),
        (lambda: conv2d(IMAGE[:, :, :0], WEIGHTS), ValueError, "none of them empty"),
        (lambda: conv2d(IMAGE, np.ones((4, 3, 3, 3))), ValueError, "2 channels but .* takes 3"),
        (lambda: conv2d(IMAGE, np.ones((2, 4, 3, 3))), ValueError, "is W transposed"),
        (lambda: conv2d(IMAGE, WEIGHTS, groups=2), ValueError, "takes 4 in 2 groups"),
        (lambda: conv2d(IMAGE, np.ones((3, 1, 3, 3)), groups=2), ValueError, "3 outputs.*2 groups"),
        (lambda: conv2d(IMAGE, WEIGHTS, groups=0), ValueError, "groups 0"),
        (lambda: conv2d(IMAGE, WEIGHTS, groups=1.0), TypeError, "groups 1.0"),
        (lambda: conv2d(IMAGE, WEIGHTS, np.ones(3)), ValueError, r"b \(3,\), needed \(4,\)"),
        (lambda: conv2d(IMAGE, np.ones((1, 2, 6, 1))), ValueError, "larger than x"),
        (lambda: conv2d(IMAGE, WEIGHTS, dilation=3), ValueError, r"with dilation \(3, 3\)"),
        (lambda: conv2d(IMAGE, WEIGHTS, stride=0), ValueError, "stride 0"),
        (lambda: conv2d(IMAGE, WEIGHTS, stride=(1, 2, 3)), ValueError, "or 2 of them"),
        (lambda: conv2d(IMAGE, WEIGHTS, stride=1.5), TypeError, "stride 1.5"),
        (lambda: conv2d(IMAGE, WEIGHTS, padding=-1), ValueError, "padding -1"),
        (lambda: conv2d(IMAGE, WEIGHTS, padding="SAME"), ValueError, "'same', 'valid'"),
        (lambda: conv2d(IMAGE, WEIGHTS, padding=[(1, 1)]), ValueError, "2 pairs"),
        (lambda: conv2d(IMAGE, WEIGHTS, padding=[(1, 1), (1, 1, 1)]), ValueError, "2 pairs"),
        (lambda: conv2d(IMAGE, WEIGHTS, dilation=0), ValueError, "dilation 0"),
        (lambda: conv_transpose2d(IMAGE, WEIGHTS), ValueError, r"W \(C, O/groups"),
        (lambda: conv_transpose1d(ONE, WEIGHTS), ValueError, "needed 3 axes"),
        (lambda: conv_transpose3d(ONE, WEIGHTS), ValueError, "needed 5 axes"),
        (
            lambda: conv_transpose2d(IMAGE, WEIGHTS[:2], stride=2, output_padding=2),
            ValueError, "output_padding 2 for stride 2",
        ),
        (lambda: conv_transpose2d(IMAGE, WEIGHTS[:2], padding="same"), ValueError, "'same'"),
        (lambda: conv_transpose2d(IMAGE, WEIGHTS[:2], padding=4), ValueError, "leaves nothing"),
        (lambda: conv_transpose2d(IMAGE, WEIGHTS[:2], np.ones(3)), ValueError, r"b \(3,\)"),
        (lambda: im2col(np.ones((3, 3)), 2), ValueError, "im2col: got x"),
        (lambda: im2col(IMAGE, 6), ValueError, "im2col: the kernel"),
        (lambda: im2col(IMAGE, (2, 2, 2)), ValueError, "kernel"),
        (lambda: col2im(np.ones((1, 2, 3, 3)), (1, 2, 5, 5)), ValueError, "col2im: got columns"),
        (lambda: col2im(np.ones((1, 2, 3, 3, 4, 3)), (1, 2, 5, 5)), ValueError, "3, 3, 3, 3"),
    ],
)  # fmt: skip
def test_errors_name_the_function_and_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
