"""The data sets: their samples, from small files, and errors for wrong files and arguments."""

import gzip
import io
import os
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
    load_cifar10,
    load_cifar100,
    load_fashion_mnist,
    load_mnist,
    read_idx,
    sine_curve,
    spiral,
)
from wengert.data.plain_pickle import read_plain_pickle

FASHION = Path(os.environ.get("WENGERT_DATA", "/usr/share/datasets"), "fashion-mnist")
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
        (b"<html>404</html>", "starts with 3c 68 74 6d, unlike an IDX file"),
        (b"\0\0\x07\1\0\0\0\0", "starts with 00 00 07 01"),
        (b"\0\0\x08\xff", "claims 255 axes"),
        (b"\0\0\x08\2\0\0\0\1", "ends in its header, after 8 bytes"),
        (idx(LABELS)[:-1], "claims 20 bytes of numbers, shape (20,), but has only 19"),
        (idx(LABELS) + b"\0", "claims 20 bytes of numbers, shape (20,), but has more"),
        (gzip.compress(idx(LABELS), mtime=0)[:-9], "ended before"),
        (gzip.compress(idx(LABELS), mtime=0)[:-8] + bytes(8), "CRC check failed"),
    ],
)
def test_the_error_of_a_damaged_idx_file_names_file_and_fault(tmp_path, data, found):
    path = tmp_path / "some-idx1-ubyte"
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert found in str(caught.value)
    assert str(caught.value).endswith("delete the file and download it again")


def test_an_idx_file_that_is_open_as_text_is_refused():
    with pytest.raises(
        TypeError, match="read_idx: got a text file, needed a file opened with 'rb'"
    ):
        read_idx(io.StringIO("text"))


def test_a_missing_idx_file_is_the_error_of_the_system():
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
def test_images_have_the_requested_dtype(tmp_path, dtype, largest):
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


def test_the_files_of_the_other_data_set_are_refused(tmp_path):
    clothes = np.array([9, 0, 0, 3, 0, 2, 7, 2, 5, 5, *range(10)], np.uint8)
    mnist_files(tmp_path, IMAGES, clothes)
    load_fashion_mnist(folder=tmp_path)
    with pytest.raises(ValueError, match="is Fashion-MNIST's, with the same name"):
        load_mnist(folder=tmp_path)


@pytest.mark.skipif(
    not FASHION.is_dir(), reason="Fashion-MNIST is missing: apt install dataset-fashion-mnist"
)
@pytest.mark.parametrize(("train", "n", "mean"), [(True, 60_000, 0.2860), (False, 10_000, 0.2868)])
def test_fashion_mnist_of_the_system_is_found_and_complete(monkeypatch, train, n, mean):
    monkeypatch.setenv("WENGERT_DATA", str(FASHION.parent))
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
        (b"<html>moved</html>", "bad header|truncated header|invalid header|end of file"),
        (tar(cifar10_members())[:2000], "ended before"),
        (tar({"cifar-10-batches-py/readme.html": b""}), "has no cifar-10-batches-py/test_batch"),
        (tar({"cifar-10-batches-py/test_batch": b"\x80\x02]."}), "has a list, needed a dict"),
        (tar({"cifar-10-batches-py/test_batch": b""}), "is not a pickle of plain data"),
    ],
)
def test_a_cifar_archive_that_is_wrong_is_named(tmp_path, data, found):
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=found) as caught:
        load_cifar10(False, folder=tmp_path)
    assert str(caught.value).startswith(f"load_cifar10: {path}: ")
    assert str(caught.value).endswith("delete the file and download it again")


def test_without_files_the_error_of_cifar_names_the_file_and_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"load_cifar100: found no cifar-100-python.tar.gz"):
        load_cifar100(folder=tmp_path)


def test_tar_files_of_other_formats_are_read_too(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(tar(cifar10_members(), "w:"))
    assert tarfile.is_tarfile(tmp_path / "cifar-10-python.tar.gz")
    assert len(load_cifar10(folder=tmp_path)) == 20


# ---- Synthetic ----


def test_a_spiral_lies_on_its_arms():
    x, t = spiral(noise=0).arrays
    assert (x.dtype, x.shape, t.dtype) == (np.float32, (300, 2), np.int64)
    assert np.bincount(t).tolist() == [100] * 3
    radius = np.hypot(*x.T)
    np.testing.assert_allclose(x[:, 0], radius * np.sin(4 * (t + radius)), atol=1e-6)
    np.testing.assert_allclose(x[:, 1], radius * np.cos(4 * (t + radius)), atol=1e-6)
    assert not (np.diff(t) >= 0).all()  # the classes are mixed


def test_synthetic_data_follow_from_their_seed():
    for make in (spiral, sine_curve):
        first, same, other, test = make(), make(), make(seed=1), make(False)
        np.testing.assert_array_equal(first.arrays[0], same.arrays[0])
        assert not np.array_equal(first.arrays[0], other.arrays[0])
        assert not np.array_equal(first.arrays[0], test.arrays[0])


def test_the_targets_of_the_sine_curve_are_the_next_values():
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
def test_invalid_sizes_and_noise_of_synthetic_data_are_refused(make, wrong, error):
    with pytest.raises(error, match=f"{make.__name__}: got {next(iter(wrong))} "):
        make(**wrong)


# ---- Arguments of the wrong kind ----


@pytest.mark.parametrize(
    "load", [load_mnist, load_fashion_mnist, load_cifar10, load_cifar100, spiral, sine_curve]
)
def test_a_string_as_train_is_refused(load):
    with pytest.raises(TypeError, match=f"{load.__name__}: got train 'test', needed True, or"):
        load("test")


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: load_mnist(folder=5), "load_mnist: got folder 5, needed a path"),
        (lambda: read_idx(5), "read_idx: got file 5, needed a path"),
        (lambda: read_idx(b"abc"), "read_idx: got file b'abc', needed a path"),
        (lambda: load_cifar100(coarse="yes"), "load_cifar100: got coarse 'yes', needed True or"),
        (lambda: spiral(noise="x"), "spiral: got noise 'x', needed a number ≥ 0"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(call, found):
    with pytest.raises(TypeError, match=found):
        call()
