"""10,000 damaged files of each kind: each loads or is a ValueError, in little time and memory."""

import numpy as np
import pytest

from fuzzing import bounded, mutants
from wengert.io import load_arrays, save_arrays

ARRAYS = {"W": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True, False])}
COUNT = 10_000


def outcomes(path, data):
    """How many damaged files could be loaded, and the error messages of the others."""
    loaded, messages = 0, set()
    for mutant in mutants(data, COUNT, seed=0):
        path.unlink()  # writing a new file takes half the time of overwriting one
        path.write_bytes(mutant)
        try:
            with bounded(seconds=5, size=2_000_000):
                arrays = load_arrays(path)
        except ValueError as error:
            messages.add(str(error).split(":")[2].strip())
        else:
            loaded += 1
            assert all(array.dtype.kind in "fiub" for array in arrays.values())
    return loaded, messages


@pytest.mark.parametrize("save", [save_arrays, lambda path, xs: np.savez_compressed(path, **xs)])
def test_a_damaged_npz_loads_or_is_a_value_error(tmp_path, save):
    path = tmp_path / "x.npz"
    save(path, ARRAYS)
    loaded, messages = outcomes(path, path.read_bytes())
    assert 0 < loaded < COUNT / 2
    assert {"it is damaged", "it cannot be read"} < messages


def test_a_damaged_safetensors_file_loads_or_is_a_value_error(tmp_path):
    pytest.importorskip("safetensors", reason="it is missing: pip install '.[safetensors]'")
    path = tmp_path / "x.safetensors"
    save_arrays(path, ARRAYS, metadata={"epoch": "3"})
    loaded, messages = outcomes(path, path.read_bytes())
    assert 0 < loaded < COUNT / 2
    assert "it is damaged" in messages
