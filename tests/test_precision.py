"""Functions of our own on float16 and on integers."""

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable
from wengert.functions.precision import in_float


@in_float("x0", "x1")
def mean_square(x0, x1, *, power=2):
    return np.mean((x0 - x1) ** power)


def test_small_integers_do_not_wrap():
    y = mean_square(np.array([0], np.uint8), np.array([255], np.uint8))
    assert y == 65025
    assert y.dtype == np.float64


def test_booleans_and_python_numbers_are_floats():
    assert mean_square(True, x1=False) == 1


def test_integers_take_the_float_dtype_beside_them():
    y = mean_square(np.array([1.5], np.float32), np.array([200], np.uint8))
    assert y.dtype == np.float32


def test_float16_is_computed_in_float32_and_rounded_once():
    x = Variable(np.array([300, -300], np.float16))
    y = mean_square(x, np.array([280, -100], np.float16))
    assert y.dtype == np.float16
    assert y.data == 20200
    y.backward()
    assert x.grad.dtype == np.float16
    np.testing.assert_array_equal(x.grad.data, [20, -200])


def test_float16_beside_float32_gives_float32():
    y = mean_square(np.array([300], np.float16), np.array([0], np.float32))
    assert y == 90000
    assert y.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_and_float64_pass_unchanged(dtype):
    x = Variable(np.array([3.0], dtype))
    y = in_float("x")(lambda x: x)(x)
    assert y is x


def test_options_are_no_inputs():
    assert mean_square(np.array([3], np.int8), np.array([1], np.int8), power=3) == 8


def test_the_sum_of_many_float16_gradients_over_what_was_broadcast_is_exact():
    x, b = np.zeros((5000, 1), np.float16), Variable(np.zeros(1, np.float16))
    F.add(x, b).backward()
    assert b.grad.data == 5000
