"""Transforms of one sample."""

import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wengert import random
from wengert.data.transforms import (
    AsType,
    CenterCrop,
    Compose,
    Flatten,
    Normalize,
    Pad,
    RandomCrop,
    RandomFlip,
    Resize,
    ToFloat,
)

IMAGE_TRANSFORMS = [Pad(1), CenterCrop(2), RandomCrop(2, padding=1), RandomFlip(), Resize(2)]


def image(*shape, dtype=np.float32):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def name(transform):
    return type(transform).__name__


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL", reason="needs Pillow: pip install 'wengert[images]'")


# ---- Values ----


def test_composed_transforms_run_one_after_the_other():
    assert Compose(lambda x: x + 1, lambda x: 2 * x)(3) == 8
    assert Compose()(3) == 3


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.array([0, 51, 255], np.uint8), [0, np.float32(0.2), 1]),
        (np.array([0, 65535], np.uint16), [0, 1]),
        (np.array([0.25, -3]), [0.25, -3]),
        (np.array([True, False]), [1, 0]),
    ],
)
def test_to_float_scales_unsigned_integers_to_0_to_1(x, y):
    out = ToFloat()(x)
    assert out.dtype == np.float32
    assert out.tolist() == y


def test_to_float_refuses_integers_of_unknown_range():
    with pytest.raises(TypeError, match=r"^ToFloat: got int64, .*use AsType"):
        ToFloat()(np.array([3]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_normalize_subtracts_the_mean_and_divides_by_the_deviation_of_each_channel(dtype):
    x = image(2, 3, 4, dtype=dtype)
    y = Normalize((1, 2), (2.0, 4.0))(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y[0], (x[0] - 1) / 2)
    np.testing.assert_array_equal(y[1], (x[1] - 2) / 4)


def test_normalize_takes_one_number_for_all_too():
    x = image(3, 4)
    np.testing.assert_array_equal(Normalize(2, 4)(x), (x - 2) / 4)
    np.testing.assert_array_equal(Normalize([2.0], np.array([4.0]))(x), (x - 2) / 4)


@given(st.integers(1, 3), st.floats(-5, 5), st.floats(0.1, 9))
def test_normalize_gives_mean_0_and_deviation_1_for_data_with_these_statistics(channels, mean, std):
    x = np.random.default_rng(0).normal(size=(channels, 40))
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True) * std + mean
    y = Normalize([mean] * channels, [std] * channels)(x)
    assert np.allclose(y.mean(axis=1), 0, atol=1e-9)
    assert np.allclose(y.std(axis=1), 1)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ((0, 0), ValueError, "got std 0, needed numbers > 0"),
        ((0, (1, -1)), ValueError, r"got std \(1, -1\)"),
        ((0, float("nan")), ValueError, "got std nan"),
        (("a", 1), TypeError, "got mean 'a', needed a number, or one for each channel"),
        ((np.ones((2, 2)), 1), TypeError, "got mean array"),
        (([1, [2]], 1), ValueError, "got mean of lists of different lengths"),
        ((0, None), TypeError, "got std None"),
    ],
)
def test_normalize_refuses_options_that_do_not_fit(options, error, said):
    with pytest.raises(error, match=f"^Normalize: {said}"):
        Normalize(*options)


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (
            image(3, 2, 2),
            ValueError,
            r"got x \(3, 2, 2\) and numbers for 2 channels; needed \(2, …",
        ),
        (np.float32(1), ValueError, r"got x \(\)"),
        (image(2, 2, 2, dtype=np.uint8), TypeError, r"got x uint8, needed floats; use ToFloat\(\)"),
    ],
)
def test_normalize_refuses_another_number_of_channels_and_integers(x, error, said):
    with pytest.raises(error, match=f"^Normalize: {said}"):
        Normalize((1, 2), 1)(x)


def test_flatten_and_astype():
    assert Flatten()(image(2, 3, 4)).tolist() == list(range(24))
    assert AsType(np.int16)(image(3)).dtype == np.int16
    assert AsType()(image(3, dtype=int)).dtype == np.float32


# ---- Images ----


def test_pad_puts_pixels_on_all_sides():
    y = Pad((1, 2), value=7)(image(2, 3, 4))
    assert y.shape == (2, 5, 8)
    np.testing.assert_array_equal(y[:, 1:-1, 2:-2], image(2, 3, 4))
    assert y.sum() == image(2, 3, 4).sum() + 7 * (80 - 24)


@pytest.mark.parametrize(
    ("value", "dtype"), [(256, np.uint8), (-1, np.uint8), (0.5, np.int8), (np.nan, int), (2, bool)]
)
def test_pad_refuses_a_value_that_the_dtype_cannot_represent(value, dtype):
    with pytest.raises(ValueError, match=f"Pad: got value {value}, which pixels of"):
        Pad(1, value)(np.zeros((2, 2), dtype))
    assert Pad(1, value)(np.zeros((2, 2)))[0, 0] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    ("size", "rows", "columns"), [(2, (1, 3), (2, 4)), ((3, 4), (0, 3), (1, 5))]
)
def test_a_center_crop_is_the_middle(size, rows, columns):
    x = image(2, 4, 6)
    y = CenterCrop(size)(x)
    np.testing.assert_array_equal(y, x[:, slice(*rows), slice(*columns)])


def test_a_random_crop_comes_from_any_position():
    x = image(5, 6)
    random.seed(0)
    corners = {float(RandomCrop(4)(x)[0, 0]) for _ in range(100)}
    assert corners == {x[i, j] for i in range(2) for j in range(3)}
    y = RandomCrop((4, 4))(x)
    np.testing.assert_array_equal(y, y[0, 0] + image(4, 6)[:, :4])


def test_a_random_crop_with_padding_reaches_over_the_edge():
    x = np.ones((2, 4, 4), np.uint8)
    random.seed(0)
    ones = {int(RandomCrop(4, padding=(1, 2))(x).sum()) for _ in range(200)}
    assert ones == {2 * h * w for h in (3, 4) for w in (2, 3, 4)}


def test_a_random_flip_has_the_given_probability():
    x = image(2, 3, 4)
    random.seed(0)
    flipped = [RandomFlip(0.3)(x)[0, 0, 0] == 3 for _ in range(500)]
    assert 0.25 < np.mean(flipped) < 0.35
    np.testing.assert_array_equal(RandomFlip(1)(x), x[:, :, ::-1])
    np.testing.assert_array_equal(RandomFlip(1, vertical=True)(x), x[:, ::-1])
    assert RandomFlip(0)(x) is x


def test_random_transforms_follow_from_the_seed():
    augment = Compose(RandomCrop(3, padding=2), RandomFlip())
    with random.drawing_from(5):
        first = [augment(image(1, 4, 4)).tolist() for _ in range(5)]
    with random.drawing_from(5):
        assert [augment(image(1, 4, 4)).tolist() for _ in range(5)] == first
    assert len({str(y) for y in first}) > 1


@pytest.mark.parametrize("transform", IMAGE_TRANSFORMS, ids=name)
@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 4, 4), (4, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_images_with_and_without_channels_keep_dtype_and_axes(pillow, transform, shape, dtype):
    x = image(*shape, dtype=dtype)
    before = x.copy()
    y = transform(x)
    assert y.dtype == dtype
    assert y.shape[:-2] == shape[:-2]
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("transform", IMAGE_TRANSFORMS, ids=name)
@pytest.mark.parametrize("shape", [(), (4,), (1, 1, 4, 4), (0, 4), (3, 4, 0)])
def test_an_array_that_is_not_an_image_is_refused(pillow, transform, shape):
    with pytest.raises(ValueError, match=f"^{name(transform)}: got x .*, needed an image, "):
        transform(np.ones(shape, np.float32))


@pytest.mark.parametrize("transform", [CenterCrop(5), RandomCrop((5, 4))], ids=name)
def test_a_crop_larger_than_the_image_is_refused(transform):
    with pytest.raises(ValueError, match=r"got x \(3, 4, 4\), which is smaller than \(5, "):
        transform(image(3, 4, 4))
    with pytest.raises(ValueError, match=r"is it \(H, W, C\)\? use x.transpose\(2, 0, 1\)"):
        transform(image(8, 8, 3))
    with pytest.raises(ValueError, match="pad it first"):
        transform(image(3, 4, 7)[:, :, :2])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Pad(-1), "Pad: got padding -1, needed an integer ≥ 0"),
        (lambda: Pad((1, 2, 3)), r"Pad: got padding \(1, 2, 3\), needed .*, or \(height, width\)"),
        (lambda: CenterCrop(0), "CenterCrop: got size 0, needed an integer ≥ 1"),
        (lambda: RandomCrop(2, -1), "RandomCrop: got padding -1"),
        (lambda: Resize((3, 0)), r"Resize: got size \(3, 0\)"),
        (lambda: RandomFlip(1.5), "RandomFlip: got p 1.5, needed 0 ≤ p ≤ 1"),
    ],
)
def test_an_option_out_of_range_is_refused(make, said):
    with pytest.raises(ValueError, match=f"^{said}"):
        make()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Compose(abs, 3), "Compose: got 3, needed functions"),
        (lambda: RandomCrop(2.5), "RandomCrop: got size 2.5, needed an integer ≥ 1"),
        (lambda: RandomFlip(0.5, "yes"), "RandomFlip: got vertical 'yes', needed True or False"),
        (lambda: AsType("floaty"), "AsType: got 'floaty', needed a dtype"),
        (lambda: Pad(1, "black"), "Pad: got value 'black', needed a number"),
        (lambda: RandomFlip(None), "RandomFlip: got p None, needed 0 ≤ p ≤ 1"),
    ],
)
def test_an_option_of_another_kind_is_refused(make, said):
    with pytest.raises(TypeError, match=f"^{said}"):
        make()


# ---- Resize ----


@pytest.mark.parametrize(("size", "shape"), [((3, 5), (3, 5)), (4, (4, 6)), (16, (16, 24))])
def test_resize_to_a_shape_or_to_the_length_of_the_shorter_side(pillow, size, shape):
    assert Resize(size)(image(2, 8, 12)).shape == (2, *shape)
    assert Resize(size)(image(8, 12)).shape == shape
    flat = Resize(size)(np.full((8, 12), 3.5))
    assert (flat == 3.5).all()


def test_resize_averages_where_it_shrinks(pillow):
    stripes = np.tile(np.array([0, 200], np.uint8), (16, 8))
    assert np.ptp(Resize(4)(stripes)[:, 1:-1]) <= 1
    assert Resize(4)(stripes).mean() == pytest.approx(100, abs=1)


def test_resize_treats_each_channel_separately_and_takes_any_strides(pillow):
    x = image(3, 6, 8)
    y = Resize(3)(x)
    for channel in range(3):
        np.testing.assert_array_equal(Resize(3)(x[channel]), y[channel])
    np.testing.assert_allclose(Resize(3)(x[:, :, ::-1]), y[:, :, ::-1], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, bool])
def test_resize_refuses_dtypes_that_pillow_cannot_resize(pillow, dtype):
    with pytest.raises(TypeError, match=r"^Resize: got .*, needed uint8 or floats; use ToFloat"):
        Resize(2)(image(4, 4, dtype=dtype))


def test_resize_without_pillow_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"needs Pillow; pip install 'wengert\[images\]'"):
        Resize(2)(image(4, 4))


# ---- As values ----

ALL = [*IMAGE_TRANSFORMS, ToFloat(), Normalize((0, 1), 2), Flatten(), AsType(np.int64)]


@pytest.mark.parametrize("transform", [*ALL, Compose(*ALL)], ids=name)
def test_a_transform_prints_as_the_call_that_makes_it_and_pickles(transform):
    names = {name(each): type(each) for each in [*ALL, transform]}
    for same in (
        eval(repr(transform), names | {"dtype": np.dtype}),
        pickle.loads(pickle.dumps(transform)),
    ):
        assert repr(same) == repr(transform)
        assert vars(same) == vars(transform)


def test_transforms_with_equal_options_are_equal():
    assert Normalize(np.float32([0.5, 0.25]), [1, 2]) == Normalize((0.5, 0.25), (1, 2))
    assert len({AsType(np.float32), AsType("float32"), AsType(float)}) == 2
