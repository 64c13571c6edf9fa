"""A nested state, saved to a file and loaded again."""

import os

import numpy as np
import pytest

from wengert.io import npz
from wengert.training.state_file import load_state, save_state


def same(a, b):
    """Whether type, value and bits are equal; a tuple has become a list."""
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(b) is list and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return (type(a), a.dtype, a.shape) == (type(b), b.dtype, b.shape) and (
            a.tobytes() == b.tobytes()
        )
    if isinstance(a, float):
        return type(b) is float and np.float64(a).tobytes() == np.float64(b).tobytes()
    return type(a) is type(b) and a == b


def through_a_file(tmp_path, state):
    save_state(tmp_path / "state.npz", state)
    return load_state(tmp_path / "state.npz")


@pytest.mark.parametrize(
    "x",
    [
        *(0, -1, 2**127 + 1, True, False, None, "", "ß \ud800 \0", [], (), {}, [[], {"": None}]),
        *(0.1, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), -float("inf"), float("nan")),
        np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0],  # a NaN with a payload
        *(np.float32(0.1), np.float16("nan"), np.int8(-3), np.uint64(2**64 - 1), np.True_),
        {"float": 1, "array": {"dict": [0]}, "scalar": "dict"},
        {"a": {"b": np.arange(3)}, "a.b": np.arange(2), "structure": 1, "metadata.json": 2},
        [np.longdouble(1) / 3, np.zeros((), "f2"), np.zeros((0, 3), "u2"), np.eye(3) > 0],
        [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(9)[::-3], [1.5, (2, [3])]],
    ],
    ids=repr,
)
def test_a_saved_state_is_restored_bit_for_bit(tmp_path, x):
    assert same(x, through_a_file(tmp_path, x))
    assert same({"in": [x, x]}, through_a_file(tmp_path, {"in": [x, x]}))


def test_every_dtype_of_numbers_is_restored_with_all_its_bits(tmp_path):
    patterns = np.random.default_rng(0).integers(0, 256, 160, dtype=np.uint8)
    dtypes = [np.dtype(code) for code in "bhilqBHILQefd"]
    arrays = {dtype.char: np.frombuffer(patterns, dtype) for dtype in dtypes}
    assert same(arrays, through_a_file(tmp_path, arrays))


def test_an_array_of_the_other_byte_order_keeps_its_values(tmp_path):
    loaded = through_a_file(tmp_path, np.arange(3, dtype=">i2"))
    assert loaded.dtype == np.int16
    assert loaded.tolist() == [0, 1, 2]


def test_the_same_state_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_state(tmp_path / name, {"x": np.arange(3), "y": 1.5})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("state", "where"),
    [
        ({"optimizer": {"states": {"m": {1}}}}, "optimizer.states.m: got set"),
        ({"parts": [1, (2, object())]}, "parts.1.1: got object"),
        ({"z": np.array([1j])}, "z: got ndarray of complex128"),
        ({"z": np.array(["a"])}, "z: got ndarray of <U1"),
        ({"z": np.array([None])}, "z: got ndarray of object"),
        ({"z": np.ma.array([1, 2])}, "z: got MaskedArray of int64"),
        ({"a": {3: 1}}, "a has the key 3, needed str keys"),
        (b"bytes", "the state: got bytes"),
    ],
)
def test_a_value_that_cannot_be_saved_is_named_by_its_path(tmp_path, state, where):
    with pytest.raises(TypeError) as caught:
        save_state(tmp_path / "state.npz", state)
    assert str(caught.value).startswith(f"save_state: {where}")
    assert os.listdir(tmp_path) == []


def test_a_state_that_contains_itself_is_refused(tmp_path):
    state = []
    state.append(state)
    with pytest.raises(ValueError, match="contains itself"):
        save_state(tmp_path / "state.npz", state)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        load_state(tmp_path / "none.npz")


def foreign(path, **metadata):
    with path.open("wb") as file:
        npz.write(file, {"0": np.zeros(2)}, metadata)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "its format is None"),
        ({"format": "wengert state", "version": "2"}, "is of version '2', needed '1'"),
        ({"format": "wengert state"}, "damaged"),
        ({"version": "1", "structure": "[]", "format": "wengert state "}, "its format is"),
        *(
            ({"format": "wengert state", "version": "1", "structure": structure}, "damaged")
            for structure in [
                "",
                "{}",
                '{"array": 7}',
                '{"pickle": 1}',
                "[" * 10**5,
                '{"float": 1}',
            ]
        ),
    ],
)
def test_a_foreign_file_is_refused_by_name(tmp_path, metadata, reason):
    foreign(tmp_path / "state.npz", **metadata)
    with pytest.raises(ValueError, match=reason) as caught:
        load_state(tmp_path / "state.npz")
    assert str(tmp_path / "state.npz") in str(caught.value)


def test_a_file_truncated_anywhere_or_with_a_wrong_bit_in_its_numbers_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    save_state(path, {"x": np.arange(50), "y": 1.5})
    content = path.read_bytes()
    at = content.index(np.arange(50).tobytes())
    broken = [content[:n] for n in range(0, len(content), 7)]
    broken += [
        content[:i] + bytes([content[i] ^ 4]) + content[i + 1 :] for i in range(at, at + 400, 19)
    ]
    broken += [content[:at] + bytes(400) + content[at + 400 :], b"", b"\0" * 1000]
    for damaged in broken:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"load_state: .*state\.npz is damaged"):
            load_state(path)
