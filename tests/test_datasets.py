"""The data sets: what they give, from small files, and how they refuse what is wrong."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from dataset_files import cifar_content, idx, mnist_files, python2_pickle, tar
from wengert.data import (
    CIFAR10_CLASSES,
    CIFAR100_CLASSES,
    CIFAR100_COARSE_CLASSES,
    FASHION_MNIST_CLASSES,
    ByteVocabulary,
    CharacterVocabulary,
    DataLoader,
    ImageFolder,
    TokenWindows,
    load_cifar10,
    load_cifar100,
    load_csv,
    load_fashion_mnist,
    load_mnist,
    load_text,
    read_idx,
    sine_curve,
    spiral,
)
from wengert.data.plain_pickle import read_plain_pickle

FASHION = Path("/usr/share/datasets/fashion-mnist")
IMAGES = np.random.default_rng(0).integers(256, size=(20, 28, 28), dtype=np.uint8)
LABELS = (np.arange(20) % 10).astype(np.uint8)


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("WENGERT_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("WENGERT_DATA", raising=False)


# ---- IDX, MNIST ----


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (0, 5)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_idx_file_is_its_array(dtype, shape, pack):
    array = np.random.default_rng(0).integers(-99, 99, size=shape).astype(dtype)
    read = read_idx(io.BytesIO(pack(idx(array))))
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "starts with nothing"),
        (b"<html>404</html>", "starts with 3c 68 74 6d, which no IDX file does"),
        (b"\0\0\x07\1\0\0\0\0", "starts with 00 00 07 01"),
        (b"\0\0\x08\xff", "claims 255 axes"),
        (b"\0\0\x08\2\0\0\0\1", "ends in its header, after 8 bytes"),
        (idx(LABELS)[:-1], "claims 20 bytes of numbers, shape (20,), but has only 19"),
        (idx(LABELS) + b"\0", "claims 20 bytes of numbers, shape (20,), but has more"),
        (gzip.compress(idx(LABELS))[:-9], "ended before"),
        (gzip.compress(idx(LABELS))[:-8] + bytes(8), "CRC check failed"),
    ],
)
def test_an_idx_file_that_is_wrong_is_named_with_what_is_wrong(tmp_path, data, found):
    path = tmp_path / "some-idx1-ubyte"
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert found in str(caught.value)
    assert str(caught.value).endswith("delete the file and get it again")


def test_an_idx_file_that_is_not_there_is_the_systems_error():
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        read_idx("no-such-file")


@pytest.mark.parametrize("load", [load_mnist, load_fashion_mnist])
def test_mnist_is_images_from_0_to_1_with_labels(tmp_path, load):
    mnist_files(tmp_path, IMAGES, LABELS)
    mnist_files(tmp_path, IMAGES[:5], LABELS[:5], "t10k")
    x, t = load(folder=tmp_path).arrays
    np.testing.assert_array_equal(x, IMAGES[:, None] / np.float32(255))
    np.testing.assert_array_equal(t, LABELS)
    assert (x.dtype, t.dtype) == (np.float32, np.int64)
    assert len(load(False, folder=tmp_path)) == 5


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), ("float64", 1), (np.float16, 1)])
def test_images_come_in_the_dtype_that_is_asked_for(tmp_path, dtype, largest):
    mnist_files(tmp_path, IMAGES, LABELS)
    x, _ = load_mnist(folder=tmp_path, dtype=dtype).arrays
    assert x.dtype == dtype
    assert x.max() == largest


@pytest.mark.parametrize(
    ("dtype", "error"), [(np.int32, ValueError), ("U5", ValueError), ("pixels", TypeError)]
)
def test_images_of_no_such_dtype_are_refused(tmp_path, dtype, error):
    mnist_files(tmp_path, IMAGES, LABELS)
    with pytest.raises(error, match=r"load_mnist: got dtype .* np\.float32"):
        load_mnist(folder=tmp_path, dtype=dtype)


@pytest.mark.parametrize(
    ("images", "labels", "found"),
    [
        (IMAGES, LABELS[:-1], "needed one from 0 to 9 for each of the 20 images"),
        (IMAGES, LABELS + 1, r"labels \(20,\) up to 10"),
        (IMAGES[:, :27], LABELS, r"uint8 \(20, 27, 28\)"),
        (IMAGES.astype(np.float32), LABELS, "float32"),
        (LABELS, IMAGES, r"uint8 \(20,\)"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, images, labels, found):
    mnist_files(tmp_path, images, labels)
    with pytest.raises(ValueError, match=f"load_mnist: .*{found}"):
        load_mnist(folder=tmp_path)


def test_the_one_set_in_place_of_the_other_is_refused(tmp_path):
    clothes = np.array([9, 0, 0, 3, 0, 2, 7, 2, 5, 5, *range(10)], np.uint8)
    mnist_files(tmp_path, IMAGES, clothes)
    load_fashion_mnist(folder=tmp_path)
    with pytest.raises(ValueError, match="is Fashion-MNIST's, with the same name"):
        load_mnist(folder=tmp_path)


@pytest.mark.skipif(
    not FASHION.is_dir(), reason="Fashion-MNIST is not there: apt install dataset-fashion-mnist"
)
@pytest.mark.parametrize(("train", "n", "mean"), [(True, 60_000, 0.2860), (False, 10_000, 0.2868)])
def test_fashion_mnist_of_the_system_is_found_and_is_whole(train, n, mean):
    x, t = load_fashion_mnist(train).arrays
    assert x.shape == (n, 1, 28, 28)
    assert np.bincount(t).tolist() == [n // 10] * 10
    assert x.mean(dtype=np.float64) == pytest.approx(mean, abs=5e-5)
    assert len(FASHION_MNIST_CLASSES) == 10


# ---- CIFAR ----


def cifar10_members() -> dict[str, bytes]:
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    contents = {name: cifar_content(4, seed, labels=10) for seed, name in enumerate(names)}
    return {f"cifar-10-batches-py/{k}": python2_pickle(v) for k, v in contents.items()}


def put(folder: Path, members: dict[str, bytes], unpacked: bool, archive: str) -> None:
    if unpacked:
        for name, data in members.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    else:
        (folder / archive).write_bytes(tar(members))


@pytest.mark.parametrize("unpacked", [True, False])
def test_cifar10_is_its_five_batches_in_order(tmp_path, unpacked):
    members = dict(reversed(cifar10_members().items()))
    put(tmp_path, members, unpacked, "cifar-10-python.tar.gz")
    x, t = load_cifar10(folder=tmp_path, dtype=np.uint8).arrays
    contents = [cifar_content(4, seed, labels=10) for seed in range(5)]
    np.testing.assert_array_equal(
        x, np.concatenate([c["data"] for c in contents]).reshape(-1, 3, 32, 32)
    )
    np.testing.assert_array_equal(t, np.concatenate([c["labels"] for c in contents]))
    test = load_cifar10(False, folder=tmp_path).arrays
    assert test[0].dtype == np.float32
    np.testing.assert_array_equal(test[1], cifar_content(4, 5, labels=10)["labels"])
    assert len(CIFAR10_CLASSES) == 10


def test_cifar10_is_found_when_the_folder_is_its_own(tmp_path):
    put(tmp_path, cifar10_members(), True, "")
    assert len(load_cifar10(folder=tmp_path / "cifar-10-batches-py")) == 20


@pytest.mark.parametrize("unpacked", [True, False])
@pytest.mark.parametrize("coarse", [True, False])
def test_cifar100_has_two_kinds_of_labels(tmp_path, unpacked, coarse):
    content = cifar_content(9, fine_labels=100, coarse_labels=20)
    members = {"cifar-100-python/train": python2_pickle(content)}
    put(tmp_path, members, unpacked, "cifar-100-python.tar.gz")
    x, t = load_cifar100(coarse=coarse, folder=tmp_path).arrays
    assert x.shape == (9, 3, 32, 32)
    assert t.tolist() == content["coarse_labels" if coarse else "fine_labels"]


def test_cifars_classes_are_in_the_order_of_the_alphabet():
    for classes, n in ((CIFAR10_CLASSES, 10), (CIFAR100_CLASSES, 100)):
        assert len(set(classes)) == n
        assert list(classes) == sorted(classes)
    assert len(set(CIFAR100_COARSE_CLASSES)) == 20


def test_the_reader_of_pickles_reads_what_python_reads():
    content = cifar_content(3, labels=10)
    ours = read_plain_pickle(python2_pickle(content))
    theirs = pickle.loads(python2_pickle(content), encoding="latin1")
    for read in (ours, theirs):
        np.testing.assert_array_equal(read.pop("data"), content["data"])
    assert ours == theirs


@pytest.mark.parametrize("protocol", range(5))
def test_pickles_written_by_python_3_are_read(protocol):
    plain = {"a": [1, -2, 2.5, True, None, (), (1, 2), (1, 2, 3, "é" * 300)], "b": {"c": 2**40}}
    assert read_plain_pickle(pickle.dumps(plain, protocol)) == plain
    if protocol >= 2:
        pixels = np.asfortranarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
        read = read_plain_pickle(pickle.dumps([pixels, b"ab\xff"], protocol))
        np.testing.assert_array_equal(read[0], pixels)
        assert read[1] == b"ab\xff"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"labels": [1]}, "'data' is not a uint8 array"),
        ({"data": np.zeros((2, 3072), np.uint8)}, "'labels' are not a list"),
        ({"data": np.zeros((2, 3071), np.uint8), "labels": [0, 1]}, "'data' is not a uint8 array"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, "has 1 'labels' for 2 images"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [1, 10]}, "numbers from 0 to 9"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": ["1"]}, "numbers from 0 to 9"),
    ],
)
def test_a_cifar_file_with_something_else_in_it_is_named(tmp_path, content, found):
    path = tmp_path / "test_batch"
    path.write_bytes(python2_pickle(content))
    with pytest.raises(ValueError, match=found) as caught:
        load_cifar10(False, folder=tmp_path)
    assert str(caught.value).startswith(f"load_cifar10: {path}: ")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<html>moved</html>", ""),
        (tar(cifar10_members())[:2000], ""),
        (tar({"cifar-10-batches-py/readme.html": b""}), "has no cifar-10-batches-py/test_batch"),
        (tar({"cifar-10-batches-py/test_batch": b"\x80\x02]."}), "has a list, needed a dict"),
        (tar({"cifar-10-batches-py/test_batch": b""}), "is no pickle of plain data"),
    ],
)
def test_a_cifar_archive_that_is_wrong_is_named(tmp_path, data, found):
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=found) as caught:
        load_cifar10(False, folder=tmp_path)
    assert str(caught.value).startswith(f"load_cifar10: {path}: ")
    assert str(caught.value).endswith("delete the file and get it again")


def test_without_files_cifar_says_what_to_put_where(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"load_cifar100: found no cifar-100-python.tar.gz"):
        load_cifar100(folder=tmp_path)


def test_tar_of_another_kind_is_read_too(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(tar(cifar10_members(), "w:"))
    assert tarfile.is_tarfile(tmp_path / "cifar-10-python.tar.gz")
    assert len(load_cifar10(folder=tmp_path)) == 20


# ---- Made up ----


def test_a_spiral_lies_on_its_arms():
    x, t = spiral(noise=0).arrays
    assert (x.dtype, x.shape, t.dtype) == (np.float32, (300, 2), np.int64)
    assert np.bincount(t).tolist() == [100] * 3
    radius = np.hypot(*x.T)
    np.testing.assert_allclose(x[:, 0], radius * np.sin(4 * (t + radius)), atol=1e-6)
    np.testing.assert_allclose(x[:, 1], radius * np.cos(4 * (t + radius)), atol=1e-6)
    assert not (np.diff(t) >= 0).all()  # the classes are mixed


def test_the_made_up_sets_follow_from_their_seed():
    for make in (spiral, sine_curve):
        first, same, other, test = make(), make(), make(seed=1), make(False)
        np.testing.assert_array_equal(first.arrays[0], same.arrays[0])
        assert not np.array_equal(first.arrays[0], other.arrays[0])
        assert not np.array_equal(first.arrays[0], test.arrays[0])


def test_the_sine_curve_asks_for_the_next_value():
    x, t = sine_curve().arrays
    assert (x.dtype, x.shape, t.shape) == (np.float32, (999, 1), (999, 1))
    np.testing.assert_array_equal(x[1:], t[:-1])
    error = x[:, 0] - np.sin(np.linspace(0, 2 * np.pi, 1000))[:-1]
    assert 0.04 < np.abs(error).max() <= 0.05
    test, _ = sine_curve(False).arrays
    np.testing.assert_allclose(test[:, 0], np.cos(np.linspace(0, 2 * np.pi, 1000))[:-1], atol=1e-6)


@pytest.mark.parametrize("make", [spiral, sine_curve])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"points": 0}, ValueError),
        ({"points": 10.0}, TypeError),
        ({"seed": -1}, ValueError),
        ({"noise": -1}, ValueError),
        ({"noise": float("nan")}, ValueError),
    ],
)
def test_made_up_sets_of_no_size_or_noise_are_refused(make, wrong, error):
    with pytest.raises(error, match=f"{make.__name__}: got {next(iter(wrong))} "):
        make(**wrong)


# ---- Text ----


def test_text_as_characters_goes_there_and_back(tmp_path):
    (tmp_path / "text").write_text("żółw 龟 🐢\r\nbaba", encoding="utf-8", newline="")
    text = load_text(tmp_path / "text")
    assert text.vocabulary.decode(text.tokens) == "żółw 龟 🐢\nbaba"
    assert text.vocabulary.characters == "".join(sorted(set("żółw 龟 🐢\nbaba")))
    assert text.tokens.dtype == np.uint8
    assert text.vocabulary.encode("abba").tolist() == [2, 3, 3, 2]
    assert repr(text) == "Text(13 tokens of 11)"


def test_text_as_bytes_is_the_file(tmp_path):
    (tmp_path / "text").write_bytes(b"\xff\x00\r\n")
    text = load_text(tmp_path / "text", "bytes")
    assert text.tokens.tolist() == [255, 0, 13, 10]
    assert text.vocabulary.decode(text.tokens) == "\ufffd\0\r\n"
    assert len(text.vocabulary) == 256
    assert ByteVocabulary().decode(ByteVocabulary().encode("龟")) == "龟"


def test_a_vocabulary_keeps_the_order_it_is_given():
    vocabulary = CharacterVocabulary("zab")
    assert vocabulary.encode("abz").tolist() == [1, 2, 0]
    assert vocabulary.decode(np.array([0, 1])) == "za"
    assert vocabulary.encode("").size == 0
    assert vocabulary.decode(np.array([])) == ""


@pytest.mark.parametrize("text", ["abc!", "!", "ab\ue000"])
def test_a_character_outside_of_the_vocabulary_is_named(text):
    with pytest.raises(ValueError, match=f"encode: got {text[-1]!r}, which is none of the 3"):
        CharacterVocabulary("abc").encode(text)


@pytest.mark.parametrize("characters", ["", "aa"])
def test_a_vocabulary_needs_different_characters(characters):
    with pytest.raises(ValueError, match="needed different characters"):
        CharacterVocabulary(characters)


@pytest.mark.parametrize("vocabulary", [CharacterVocabulary("abc"), ByteVocabulary()])
@pytest.mark.parametrize("tokens", [[-1], [256], [0.5], [[1]]])
def test_what_is_no_token_is_not_decoded(vocabulary, tokens):
    with pytest.raises(ValueError, match="decode: got"):
        vocabulary.decode(np.array(tokens))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "text"
    with pytest.raises(FileNotFoundError, match="load_text: there is no file"):
        load_text(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        load_text(path)
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match="is not text in utf-8 .*encoding='latin-1'"):
        load_text(path)
    assert "é" in load_text(path, encoding="latin-1").vocabulary.characters
    with pytest.raises(ValueError, match="got encoding 'klingon'"):
        load_text(path, encoding="klingon")
    with pytest.raises(ValueError, match="got unit 'words', needed 'characters' or 'bytes'"):
        load_text(path, "words")


def test_windows_are_what_comes_and_what_comes_next():
    windows = TokenWindows(np.arange(10, dtype=np.uint8), 4)
    assert len(windows) == 6
    for i in (0, 5, -1):
        x, t = windows[i]
        assert x.tolist() == list(range(i % 6, i % 6 + 4))
        np.testing.assert_array_equal(t, x + 1)
        assert (x.dtype, t.dtype) == (np.int64, np.int64)
    x, t = windows[np.array([0, 5])]
    assert x.tolist() == [[0, 1, 2, 3], [5, 6, 7, 8]]
    np.testing.assert_array_equal(t, x + 1)
    with pytest.raises(IndexError):
        windows[6]
    assert next(iter(DataLoader(windows, 3, seed=0)))[0].shape == (3, 4)


@pytest.mark.parametrize(
    ("tokens", "length", "error"),
    [
        (np.arange(5), 5, ValueError),
        (np.arange(5), 0, ValueError),
        (np.arange(5), 2.0, TypeError),
        (np.arange(5.0), 2, ValueError),
        (np.zeros((5, 5), int), 2, ValueError),
    ],
)
def test_windows_that_do_not_fit_are_refused(tokens, length, error):
    with pytest.raises(error, match="TokenWindows: got"):
        TokenWindows(tokens, length)


# ---- Tables ----


@pytest.fixture
def csv(tmp_path):
    def load(text: str, *args, **options):
        (tmp_path / "table.csv").write_text(text, encoding="utf-8")
        return load_csv(tmp_path / "table.csv", *args, **options)

    return load


def test_a_table_with_classes_by_name(csv):
    table = csv('\ufefflength, width, "kind"\n1.5, 2, b\n\n-3, 4e1, a\n1, 1, b\n')
    assert table.columns == ("length", "width")
    assert table.classes == ("a", "b")
    x, t = table.arrays
    assert x.tolist() == [[1.5, 2], [-3, 40], [1, 1]]
    assert t.tolist() == [1, 0, 1]
    assert (x.dtype, t.dtype) == (np.float32, np.int64)


def test_a_table_of_numbers_without_a_header(csv):
    table = csv("1;2;0.5\n3;4;1.5\n", 0, delimiter=";")
    assert (table.columns, table.classes) == (("1", "2"), None)
    assert table.arrays[0].tolist() == [[2, 0.5], [4, 1.5]]
    assert table.arrays[1].tolist() == [1, 3]
    assert table.arrays[1].dtype == np.float32


def test_numbers_are_classes_if_they_are_called_so(csv):
    table = csv("x,t\n1,10\n2,9\n3,10\n", "t", kind="classes")
    assert table.classes == ("9", "10")  # by size, not by the alphabet
    assert table.arrays[1].tolist() == [1, 0, 1]


def test_a_header_of_numbers_has_to_be_told(csv):
    assert len(csv("2019,2020\n1,2\n")) == 2
    assert csv("2019,2020\n1,2\n", header=True).columns == ("2019",)
    with pytest.raises(ValueError, match="line 1, column '0' has 'a'"):
        csv("a,b\n1,2\n", header=False)


def test_columns_can_be_left_out(csv):
    table = csv("name,x,y,t\nanna,1,2,3\n", leave_out=["name", 2])
    assert table.columns == ("x",)


@pytest.mark.parametrize("hole", ["", "NA", "nan", "NaN", "?", "null", " "])
def test_what_is_missing_is_refused_or_filled(csv, hole):
    text = f"a,b,t\n1,2,x\n3,{hole},y\n"
    with pytest.raises(ValueError, match=r"line 3, column 'b' has .* needed a number; fill what"):
        csv(text)
    assert csv(text, missing=-1).arrays[0].tolist() == [[1, 2], [3, -1]]
    with pytest.raises(ValueError, match="line 3"):
        csv(text, "b", missing=-1)  # not in the target
    with pytest.raises(ValueError, match="line 3"):
        csv(text, "b", kind="classes")


@pytest.mark.parametrize(
    ("text", "options", "found"),
    [
        ("", {}, "is empty"),
        ("a,b\n", {}, "has a header but no rows"),
        ("a;b\n1;2\n", {}, r"one column, 'a;b', .* is it ';'"),
        ("a,b\n1,2\n1,2,3\n", {}, "line 3 has 3 fields, needed 2"),
        ("a,b\n1,2\n1\n", {}, "line 3 has 1 fields, needed 2"),
        ("a,b\nred,2\n", {}, "line 2, column 'a' has 'red', needed a number; leave_out"),
        ("a,b\ninf,2\n", {}, "line 2, column 'a' has 'inf'"),
        ("a,b\n1e99,2\n", {}, "line 2, column 'a' has '1e99', needed a number within"),
        ("a,b\n1,x\n", {"kind": "numbers"}, "line 2, column 'b' has 'x'"),
        ("a,b\n1,2\n", {"target": "c"}, "got target 'c', needed one of the columns .*: a, b"),
        ("a,a\n1,2\n", {"target": "a"}, "got target 'a'"),
        ("a,b\n1,2\n", {"target": 2}, "got target 2, but .* has 2 columns"),
        ("a,b\n1,2\n", {"leave_out": ["c"]}, "got leave_out 'c'"),
        ("a,b\n1,2\n", {"leave_out": [0]}, "no column of .* is left"),
        ("a,b\n1,2\n", {"kind": "words"}, "got kind 'words', needed one of auto, classes"),
        ("a,b\n1,2\n", {"missing": float("nan")}, "got missing=nan"),
        ("a,b\n1,2\n", {"delimiter": "::"}, "cannot be read as it was asked for"),
        ("a,b\n1,2\n", {"encoding": "klingon"}, "cannot be read as it was asked for"),
        ('a,b\n1,"2\n', {}, "cannot be read as it was asked for"),
        ("a,é\n1,2\n", {"encoding": "ascii"}, "cannot be read as it was asked for"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_line_and_column(csv, text, options, found):
    with pytest.raises(ValueError, match=f"load_csv: .*{found}"):
        csv(text, **options)


def test_a_table_without_file_or_with_a_target_of_no_kind_is_refused(csv, tmp_path):
    with pytest.raises(FileNotFoundError, match="load_csv: there is no file"):
        load_csv(tmp_path / "nothing.csv")
    with pytest.raises(TypeError, match="got target None, needed a column's name or number"):
        csv("a,b\n1,2\n", None)


# ---- Images in folders ----


@pytest.fixture
def pictures(tmp_path):
    """cat: red.png and deep/blue.gif; dog: grey.jpg, which is larger; and what is no image."""
    image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    for place, mode, size, colour in (
        ("cat/red.png", "RGB", (6, 4), (255, 0, 0)),
        ("cat/deep/blue.gif", "P", (6, 4), 0),
        ("dog/grey.JPG", "L", (12, 8), 100),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        image.new(mode, size, colour).save(tmp_path / place)
    (tmp_path / "dog" / "notes.txt").write_text("good dog")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "readme.txt").write_text("")
    return tmp_path


def test_folders_are_classes_and_images_are_read_when_asked_for(pictures):
    images = ImageFolder(pictures)
    assert images.classes == ("cat", "dog")
    assert [path.name for path in images.paths] == ["blue.gif", "red.png", "grey.JPG"]
    assert images.labels.tolist() == [0, 0, 1]
    x, t = images[1]
    assert (x.shape, x.dtype, t) == ((3, 4, 6), np.float32, 0)
    assert x[:, 0, 0].tolist() == [1, 0, 0]
    x, t = images[-1]
    assert (x.shape, t) == ((3, 8, 12), 1)
    np.testing.assert_allclose(x, 100 / 255, atol=0.01)
    assert repr(images) == "ImageFolder(3 images in 2 classes)"


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_images_of_one_size_and_mode_make_a_batch(pictures, mode, channels):
    images = ImageFolder(pictures, size=(5, 7), mode=mode, dtype=np.uint8)
    x, t = images[:]
    assert (x.shape, x.dtype) == ((3, channels, 5, 7), np.uint8)
    assert t.tolist() == [0, 0, 1]
    assert ImageFolder(pictures, size=9)[0][0].shape == (3, 9, 9)
    assert pickle.loads(pickle.dumps(images))[2][0].shape == (channels, 5, 7)


def test_a_photograph_stands_as_the_camera_was_held(pictures):
    image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    exif = image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image.new("RGB", (6, 4)).save(pictures / "cat" / "turned.jpg", exif=exif)
    turned = [p.name for p in ImageFolder(pictures).paths].index("turned.jpg")
    assert ImageFolder(pictures)[turned][0].shape == (3, 6, 4)


@pytest.mark.parametrize("cut", [0, 20, 60])
def test_a_broken_image_is_named(pictures, cut):
    path = pictures / "cat" / "red.png"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"ImageFolder: .*red\.png cannot be read as an image"):
        ImageFolder(pictures)[1]


def test_an_image_of_16_bits_is_refused_rather_than_clipped(pictures):
    image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    image.new("I;16", (6, 4), 40_000).save(pictures / "cat" / "red.png")
    with pytest.raises(ValueError, match="its mode is I;16, needed 8 bits for a channel"):
        ImageFolder(pictures, mode="L")[1]


def test_an_image_that_went_away_is_the_systems_error(pictures):
    images = ImageFolder(pictures)
    images.paths[0].unlink()
    with pytest.raises(FileNotFoundError, match="blue"):
        images[0]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"mode": "CMYK"}, "got mode 'CMYK', needed L, RGB, RGBA"),
        ({"size": 0}, "got size 0, needed"),
        ({"size": (1, 2, 3)}, "got size"),
        ({"size": 2.5}, "got size 2.5"),
        ({"dtype": int}, "got dtype int64"),
    ],
)
def test_options_of_an_image_folder_that_are_wrong_are_refused(pictures, options, found):
    with pytest.raises(ValueError, match=f"ImageFolder: {found}"):
        ImageFolder(pictures, **options)


def test_an_image_folder_needs_folders_with_images(pictures, tmp_path):
    with pytest.raises(NotADirectoryError, match="ImageFolder: there is no folder"):
        ImageFolder(tmp_path / "nothing")
    with pytest.raises(ValueError, match="has no folders, needed one for each class"):
        ImageFolder(pictures / "dog")
    (pictures / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no images, needed files that end in"):
        ImageFolder(pictures)
