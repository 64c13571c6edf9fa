"""The shared checks of arguments: what they return, and one error type for each kind of mistake."""

import math

import numpy as np
import pytest

from wengert import Variable
from wengert.arguments import boolean, fraction, integer, integers, number


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (integer("f", "n", np.int8(3)), 3),
        (integers("f", "n", 3), (3,)),
        (integers("f", "n", [1, np.int64(2)]), (1, 2)),
        (number("f", "x", np.float32(0.5)), 0.5),
        (number("f", "x", 10**30), 1e30),
        (number("f", "x", np.array(2)), 2.0),
        (fraction("f", "p", 0), 0.0),
        (fraction("f", "p", 1, closed=True), 1.0),
        (boolean("f", "b", np.True_), True),
    ],
)
def test_a_value_is_returned_as_a_plain_python_value(result, expected):
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: integer("f", "n", 0, least=1), "f: got n 0, needed an integer ≥ 1"),
        (lambda: integers("f", "n", (2, 0), 1), r"f: got n \(2, 0\), needed an integer ≥ 1"),
        (lambda: number("f", "x", math.nan), "f: got x nan, needed a finite number"),
        (lambda: number("f", "x", 10**400), "f: got x 1000000"),
        (lambda: number("f", "x", -1, least=0), "f: got x -1, needed a number ≥ 0"),
        (lambda: number("f", "x", 0, above=0), "f: got x 0, needed a number > 0"),
        (lambda: fraction("f", "p", 1), "f: got p 1, needed 0 ≤ p < 1"),
        (lambda: fraction("f", "p", 1.5, closed=True), "f: got p 1.5, needed 0 ≤ p ≤ 1"),
    ],
)
def test_a_value_out_of_range_is_a_value_error(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: integer("f", "n", 2.0), "f: got n 2.0, needed an integer"),
        (lambda: integer("f", "n", True), "f: got n True, needed an integer"),
        (lambda: integers("f", "n", "ab"), "f: got n 'ab', needed an integer or a tuple of them"),
        (lambda: number("f", "x", "1"), "f: got x '1', needed a finite number"),
        (lambda: number("f", "x", Variable(1.0)), r"f: got x Variable\(1.\), needed a finite"),
        (lambda: number("f", "x", [Variable(1.0)]), r"f: got x \[Variable\(1.\)\], needed a f"),
        (lambda: number("f", "x", [[1.0], [1.0, 2.0]]), r"f: got x \[\[1.0\]"),
        (lambda: number("f", "x", [1.0]), r"f: got x \[1.0\], needed a finite number"),
        (lambda: fraction("f", "p", None), "f: got p None, needed 0 ≤ p < 1"),
        (lambda: boolean("f", "b", "no"), "f: got b 'no', needed True or False"),
        (lambda: boolean("f", "b", 1), "f: got b 1, needed True or False"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_type_error(wrong, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        wrong()
