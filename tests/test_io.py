"""Files of arrays: they are restored exactly, and no file is executed."""

import io
import sys
import warnings
import zipfile

import numpy as np
import pytest

from wengert import Variable
from wengert.io import load_arrays, load_metadata, save_arrays
from wengert.io.npz import HEADER

try:
    import safetensors
    from safetensors.numpy import load_file
except ImportError:
    safetensors = None
NEEDED = "safetensors is missing: pip install '.[safetensors]'"
FORMATS = [
    ".npz",
    pytest.param(".safetensors", marks=pytest.mark.skipif(safetensors is None, reason=NEEDED)),
]
needs_safetensors = pytest.mark.skipif(safetensors is None, reason=NEEDED)

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(3, 4))


def saved(tmp_path, suffix, arrays, **options):
    path = tmp_path / f"arrays{suffix}"
    save_arrays(path, arrays, **options)
    return path


def assert_same(arrays, others):
    assert set(arrays) == set(others)
    for name, array in arrays.items():
        assert others[name].flags.writeable
        native = array.astype(array.dtype.newbyteorder("="))
        np.testing.assert_array_equal(others[name], native, err_msg=name, strict=True)


# ---- Arrays ----


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_dtype_is_restored_bit_for_bit(tmp_path, suffix):
    dtypes = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
    arrays = {dtype: np.frombuffer(RNG.bytes(192), dtype) for dtype in dtypes}  # and odd NaNs
    arrays["?"] = arrays["u1"] > 100
    others = load_arrays(saved(tmp_path, suffix, arrays))
    assert_same(arrays, others)
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: others[name].tobytes() for name in arrays
    }


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_shape_layout_and_byte_order_is_restored(tmp_path, suffix):
    arrays = {
        "0-d": np.array(1.5),
        "empty": np.zeros((0, 3), np.float32),
        "nothing at all": np.zeros((2, 0, 3), bool),
        "transposed": MATRIX.T,
        "every second": MATRIX[::2, ::-1],
        "broadcast": np.broadcast_to(MATRIX[0], (5, 4)),
        "in columns": np.asfortranarray(RNG.normal(size=(2, 3, 4))),
        "other byte order": MATRIX.astype(">f4"),
        "and transposed": MATRIX.astype(">i8").T,
        "large": np.arange(300_000.0),
    }
    assert_same(arrays, load_arrays(saved(tmp_path, suffix, arrays)))


@pytest.mark.parametrize("suffix", FORMATS)
def test_names_may_have_any_character(tmp_path, suffix):
    names = ["l0/W", "layers.0.W", "a.npy", "file", "allow_pickle", "", " ", "γ β", "../x", "a\\b"]
    arrays = {name: np.full(2, i) for i, name in enumerate([*names, "'\"\n"])}
    assert_same(arrays, load_arrays(saved(tmp_path, suffix, arrays)))


@pytest.mark.parametrize("suffix", FORMATS)
def test_lists_and_variables_are_saved_as_arrays(tmp_path, suffix):
    path = saved(tmp_path, suffix, {"list": [1, 2], "variable": Variable(MATRIX)})
    assert_same({"list": np.array([1, 2]), "variable": MATRIX}, load_arrays(path))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_may_hold_no_arrays(tmp_path, suffix):
    assert load_arrays(saved(tmp_path, suffix, {})) == {}


@pytest.mark.parametrize("suffix", FORMATS)
def test_metadata_are_restored(tmp_path, suffix):
    metadata = {"épochs": "3", "note": 'a "quoted" word\n'}
    path = saved(tmp_path, suffix, {"x": MATRIX}, metadata=metadata)
    assert load_metadata(path) == metadata
    assert_same({"x": MATRIX}, load_arrays(path))
    assert load_metadata(saved(tmp_path, suffix, {"x": MATRIX})) == {}


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_arrays_give_the_same_bytes(tmp_path, suffix):
    arrays = {"b": MATRIX, "a": MATRIX.astype("f4")}
    first, second = [saved(tmp_path, suffix, arrays).read_bytes() for _ in range(2)]
    assert first == second


def test_an_npz_contains_no_time_of_writing(tmp_path):
    path = saved(tmp_path, ".npz", {"x": MATRIX}, metadata={"a": "b"})
    with zipfile.ZipFile(path) as file:
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_numpy_reads_our_npz_without_pickles_and_we_read_those_of_numpy(tmp_path):
    arrays = {"l0/W": MATRIX.T, "b": np.array(2, np.int8)}
    path = saved(tmp_path, ".npz", arrays, metadata={"of": "both"})
    with np.load(path) as loaded:
        assert {name: loaded[name].tolist() for name in arrays} == {
            name: array.tolist() for name, array in arrays.items()
        }
        assert loaded["metadata.json"] == b'{"of": "both"}'
    for write in (np.savez, np.savez_compressed):
        write(path, **arrays)
        assert_same(arrays, load_arrays(path))


@needs_safetensors
def test_the_library_reads_our_safetensors(tmp_path):
    path = saved(tmp_path, ".safetensors", {"W": MATRIX.T, "b": np.array(True)})
    loaded = load_file(path)
    np.testing.assert_array_equal(loaded["W"], MATRIX.T)
    assert loaded["b"].dtype == bool


def test_without_the_library_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"pip install 'wengert\[safetensors\]'"):
        saved(tmp_path, ".safetensors", {"x": MATRIX})
    (tmp_path / "x.safetensors").touch()
    with pytest.raises(ImportError, match=r"pip install 'wengert\[safetensors\]'"):
        load_arrays(tmp_path / "x.safetensors")


# ---- Errors ----


@pytest.mark.parametrize("suffix", FORMATS)
def test_values_that_are_not_numbers_are_refused_and_the_old_file_stays(tmp_path, suffix):
    path = saved(tmp_path, suffix, {"x": MATRIX})
    for wrong in (np.array([None]), "text", MATRIX * 1j, np.array(["a"])):
        with pytest.raises(TypeError, match=r"save_arrays: y is .*, needed numbers or booleans"):
            save_arrays(path, {"x": [1], "y": wrong})
    with pytest.raises(TypeError, match="needed strings as names and in metadata"):
        save_arrays(path, {1: MATRIX})
    with pytest.raises(TypeError, match="needed strings as names and in metadata"):
        save_arrays(path, {}, metadata={"epochs": 3})
    with pytest.raises(TypeError, match="save_arrays: y has lists of different lengths"):
        save_arrays(path, {"y": [[1], [2, 3]]})
    for wrong in ([MATRIX], None):
        with pytest.raises(TypeError, match="save_arrays: needed dicts"):
            save_arrays(path, wrong)
    with pytest.raises(TypeError, match="save_arrays: needed dicts"):
        save_arrays(path, {}, metadata="words")
    assert_same({"x": MATRIX}, load_arrays(path))


def test_arrays_that_a_format_cannot_store_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"save_arrays: .*x.npz: name 'a\\x00b'"):
        save_arrays(tmp_path / "x.npz", {"a\0b": MATRIX})
    with pytest.raises(ValueError, match=r"cannot store .* more than 65531 bytes"):
        save_arrays(tmp_path / "x.npz", {"é" * 32766: MATRIX})
    assert not list(tmp_path.iterdir())


@needs_safetensors
def test_safetensors_cannot_store_long_floats(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(ValueError, match=r"x.safetensors: x is .*, which \.safetensors cannot"):
        save_arrays(path, {"x": np.zeros(2, np.longdouble)})
    with pytest.raises(ValueError, match="name __metadata__: it is reserved"):
        save_arrays(path, {"__metadata__": MATRIX})  # it could not be read again
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("act", [load_arrays, lambda path: save_arrays(path, {})])
def test_the_ending_of_the_name_determines_the_format(tmp_path, act):
    for name in ("weights", "weights.npy", ".npz", "weights.NPZ.gz"):
        with pytest.raises(ValueError, match=r"needed a name that ends in \.npz or \.safetensors$"):
            act(tmp_path / name)
    with pytest.raises(ValueError, match=r"resnet\.pth'.* may be a pickle.*safetensors\.torch"):
        act("resnet.pth")


@pytest.mark.parametrize("path", [None, 3, b"x.npz", io.BytesIO()])
@pytest.mark.parametrize("act", [load_arrays, load_metadata, lambda path: save_arrays(path, {})])
def test_an_argument_that_is_not_a_path_is_refused(act, path):
    with pytest.raises(TypeError, match=r"(load|save)_\w+: got path .*, needed a path"):
        act(path)


def test_a_tilde_stands_for_the_home_folder_or_for_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save_arrays("~/x.npz", {"x": MATRIX})
    assert_same({"x": MATRIX}, load_arrays(tmp_path / "x.npz"))
    monkeypatch.chdir(tmp_path)
    save_arrays("~x.npz", {"y": MATRIX})  # there is no user of the name x.npz
    assert_same({"y": MATRIX}, load_arrays("~x.npz"))


def test_a_missing_file_or_a_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        load_arrays(tmp_path / "missing.npz")
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.npz"):
        load_arrays(folder)
    with pytest.raises(OSError, match=r"folder\.npz is not a file"):
        save_arrays(folder, {})
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_arrays(tmp_path / "missing" / "x.npz", {})


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"{}", bytes(1000), b"\xff" * 100])
def test_garbage_is_a_value_error_that_names_the_file(tmp_path, suffix, content):
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"load_arrays: .*garbage\{suffix}: it is damaged: "):
        load_arrays(path)
    with pytest.raises(ValueError, match=rf"load_metadata: .*garbage\{suffix}: "):
        load_metadata(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_truncated_anywhere_is_refused(tmp_path, suffix):
    path = saved(tmp_path, suffix, {"x": MATRIX, "y": np.array(True)}, metadata={"a": "b"})
    data = path.read_bytes()
    for end in range(0, len(data), 7):
        path.write_bytes(data[:end])
        with pytest.raises(ValueError, match="load_arrays: "):
            load_arrays(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_booleans_that_are_neither_0_nor_1_are_refused(tmp_path, suffix):
    path = saved(tmp_path, suffix, {"x": np.array([True, True])})
    array = np.array([1, 2], np.uint8).view(bool)
    save_arrays(path, {"x": array})
    with pytest.raises(ValueError, match="x has booleans that are neither 0 nor 1"):
        load_arrays(path)


def npy(array=MATRIX, header=(b"", b"")):
    """A .npy file, whose header may contradict its array."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    assert header[0] in file.getvalue()
    return file.getvalue().replace(*header)


def archive(path, members, method=zipfile.ZIP_STORED):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about duplicate names
        with zipfile.ZipFile(path, "w", method) as file:
            for name, data in members:
                file.writestr(name, data)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ((b"(3, 4)", b"(9, 9)"), r"x\.npy: float64 \(9, 9\) has 648 bytes, but the file has 96"),
        ((b"(3, 4), }         ", b"(99999999, 99999), }"), "has 79999199200008 bytes"),
        ((b"(3, 4)", b"(1,  )"), "has 8 bytes, but the file has 96"),
        ((b"(3, 4)", b"(-3,4)"), "x.npy is not an array of numbers"),
        ((b"'<f8'", b"'|O8'"), r"not an array of numbers: .*objects are pickles"),
        ((b"'<f8'", b"'<c8'"), "not an array of numbers"),
        ((b"'<f8'", b"'<f7'"), "NumPy has no dtype <f7"),
        ((b"NUMPY\1", b"NUMPY\2"), "not an array of numbers"),
    ],
)
def test_a_header_that_does_not_fit_is_refused_before_memory_is_allocated(
    tmp_path, header, problem, method
):
    path = archive(tmp_path / "x.npz", [("x.npy", npy(header=header))], method)
    with pytest.raises(ValueError, match=rf"load_arrays: .*x\.npz: .*{problem}"):
        load_arrays(path)


def test_a_header_is_read_in_any_order_and_never_evaluated():
    text = b"{'shape': (2, 3), 'descr': '<f4', 'fortran_order': True}  \n"
    assert HEADER.fullmatch(text).groups() == (b"<f4", b"True", b"2, 3")
    assert not HEADER.fullmatch(text.replace(b"(2, 3)", b"(2*3)"))
    assert not HEADER.fullmatch(text.replace(b"}", b", 'x': {}}"))


def test_pickled_objects_are_never_loaded(tmp_path):
    class Run:
        def __reduce__(self):
            return pytest.fail, ("a pickle was loaded",)

    np.savez(tmp_path / "x.npz", x=np.array([Run()], object))
    with pytest.raises(ValueError, match="objects are pickles, which are never loaded"):
        load_arrays(tmp_path / "x.npz")


def test_an_archive_with_other_members_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    archive(path, [("x.npy", npy()), ("x.npy", npy())])
    with pytest.raises(ValueError, match="it has two arrays x"):
        load_arrays(path)
    archive(path, [("readme.txt", "hello")])
    with pytest.raises(ValueError, match=r"readme\.txt is not an array"):
        load_arrays(path)
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        archive(path, [("x.npy", npy())], method)
        with pytest.raises(ValueError, match=r"x\.npy cannot have 224 bytes"):
            load_arrays(path)
    for text in ("[]", '{"a": 1}', "{", '"a"'):
        archive(path, [("metadata.json", text)])
        with pytest.raises(ValueError, match=r"load_metadata: .*x\.npz"):
            load_metadata(path)


def test_an_encrypted_member_is_refused(tmp_path):
    path = archive(tmp_path / "x.npz", [("x.npy", npy())])
    data = bytearray(path.read_bytes())
    for start, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(start) + flags] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"cannot be read: .*encrypted"):
        load_arrays(path)


def test_a_zip_bomb_of_many_names_for_the_same_bytes_is_refused(tmp_path):
    path = archive(tmp_path / "x.npz", [("x.npy", npy(np.zeros(10_000)))], zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "a") as file:
        (first,) = file.infolist()
        for i in range(100):
            other = zipfile.ZipInfo(f"{i}.npy")
            for field in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(other, field, getattr(first, field))
            file.filelist.append(other)
        file._didModify = True
    with pytest.raises(ValueError, match="its members claim more bytes than the file has"):
        load_arrays(path)


def test_a_member_that_claims_more_than_its_bytes_can_expand_to_is_refused(tmp_path):
    path = archive(tmp_path / "x.npz", [("x.npy", npy())], zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    size = data.index(b"PK\1\2") + 24
    data[size : size + 4] = (10**9).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.npy cannot have 1000000000 bytes"):
        load_arrays(path)


def test_a_member_that_ends_before_its_size_is_refused_though_its_checksum_is_right(tmp_path):
    short = npy(np.arange(5, dtype=np.uint8))[:-4]
    path = archive(tmp_path / "x.npz", [("x.npy", short)], zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    size = data.index(b"PK\1\2") + 24
    data[size : size + 4] = (len(short) + 4).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.npy ends too early"):
        load_arrays(path)
