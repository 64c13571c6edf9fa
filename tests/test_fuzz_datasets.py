"""Damaged and hostile files of data sets: an array or a ValueError, with little time and memory."""

import gzip
import io
import itertools
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from dataset_files import cifar_content, idx, python2_pickle, tar
from fuzzing import bounded, mutants
from wengert.data import cifar, read_idx
from wengert.data.cifar import Batches, read_archive, read_batch
from wengert.data.plain_pickle import MAX_INSTRUCTIONS, read_plain_pickle

DTYPES = ("u1", "i1", "i2", "i4", "f4", "f8")
BATCHES = Batches("cifar-10-batches-py", ("test_batch",), "labels", 10)
PICKLE = python2_pickle(cifar_content(3, labels=10))


def check_idx(data: bytes, size: int) -> bool:
    """Whether it was read; then it is what the header of the file promised."""
    try:
        array = read_idx(io.BytesIO(data))
    except ValueError as error:
        assert str(error).startswith("read_idx: the file: ")  # noqa: PT017
        return False
    assert array.dtype.str[1:] in DTYPES
    assert array.nbytes < size
    return True


def check_batch(images: np.ndarray, labels: np.ndarray) -> None:
    assert images.dtype == np.uint8
    assert images.shape == (len(labels), 3, 32, 32)
    assert labels.dtype == np.int64
    assert set(labels.tolist()) <= set(range(10))


def idx_files(count: int) -> "itertools.chain[bytes]":
    """Mutants of one file of each dtype, as many of each."""
    arrays = [np.arange(40).reshape(2, 4, 5).astype(dtype) for dtype in DTYPES]
    files = map(idx, arrays)
    return itertools.chain(*(mutants(f, count // 6 + 1, i) for i, f in enumerate(files)))


def test_ten_thousand_damaged_idx_files_give_an_array_or_a_value_error():
    read = 0
    for data in idx_files(10_000):
        with bounded(seconds=2, size=2**17):
            read += check_idx(data, len(data))
    assert 500 < read < 5000  # bits of numbers may flip; much else is an error


def test_damaged_idx_files_packed_whole_give_an_array_or_a_value_error():
    for data in idx_files(1000):
        with bounded(seconds=2, size=2**20):
            check_idx(gzip.compress(data, 1), len(data))


def test_damaged_packed_idx_files_give_an_array_or_a_value_error():
    packed = gzip.compress(idx(np.arange(400, dtype=np.int32)), mtime=0)
    for data in mutants(packed, 1000, seed=0):
        with bounded(seconds=2, size=2**20):
            check_idx(data, 2**12)


def test_ten_thousand_damaged_cifar_files_give_a_batch_or_a_value_error():
    read = 0
    for data in mutants(PICKLE, 10_000, seed=0):
        with bounded(seconds=2, size=2**20):
            try:
                images, labels = read_batch(io.BytesIO(data), BATCHES)
            except ValueError as error:
                assert str(error).startswith("read_batch: the file: ")  # noqa: PT017
                continue
            read += 1
            check_batch(images, labels)
    assert 500 < read < 7000


@pytest.mark.parametrize("mode", ["w:", "w:gz"])
def test_damaged_cifar_archives_give_batches_or_a_value_error(mode):
    archive = tar({"cifar-10-batches-py/test_batch": PICKLE}, mode)
    for data in mutants(archive, 1000, seed=0):
        with bounded(seconds=2, size=2**20):
            try:
                (batch,) = read_archive(io.BytesIO(data), BATCHES)
            except ValueError as error:
                assert str(error).startswith("read_archive: the file: ")  # noqa: PT017
                continue
            check_batch(*batch)


# ---- Hostile files ----


class Shell:
    """Runs a command when `pickle.load` reads it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_does_not_run_it(tmp_path, protocol):
    proof = tmp_path / "proof"
    evil = pickle.dumps({"data": Shell(f"echo ran > {proof}")}, protocol)
    with pytest.raises(ValueError, match="system', which is not allowed"):
        read_batch(io.BytesIO(evil), BATCHES)
    assert not proof.exists()
    pickle.loads(evil)  # the pickle is what it claims to be
    assert proof.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"c__main__\nx\n.",
        b"(S'ls'\nios\nsystem\n.",  # INST
        b"\x80\x02cnumpy\ndtype\n(U\x01OtR.",  # an array of objects
        b"\x80\x02cnumpy\ndtype\n)\x81.",  # NEWOBJ
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n}b.",  # BUILD on a function
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"Pname\n.",  # a persistent id
        b"\x80\x02\x82\x01.",  # from the registry of extensions
        b"\x80\x05\x97.",  # a buffer out of band
    ],
)
def test_a_pickle_of_other_objects_is_refused(program):
    with pytest.raises(ValueError, match="is not a pickle of plain data"):
        read_plain_pickle(program)


@pytest.mark.parametrize(
    "program",
    [
        b"]r\xff\xff\xff\x7f.",  # a memo of two billion entries
        b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b".",  # an empty bytearray of 4 EB
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
        b"T\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\x7f.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"(" * 100_000 + b".",
    ],
)
def test_a_claimed_size_takes_no_memory(program):
    with bounded(seconds=2, size=2**20 + 80 * len(program)):
        try:
            read_plain_pickle(program)
        except ValueError:
            return
    assert program.startswith((b"]r", b"(("))


def test_nesting_to_any_depth_is_read_without_recursion():
    deep = read_plain_pickle(b"]" * 200_000 + b"a" * 199_999 + b".")
    assert len(deep) == 1


def test_nested_tuples_are_refused_as_keys():
    doubling = b"".join(b"q%ch%c\x86" % (i, i) for i in range(60))
    with pytest.raises(ValueError, match="keys other than strings"), bounded(2, 2**20):
        read_plain_pickle(b"}(K\x01" + doubling + b"Nu.")


def test_text_made_into_bytes_again_and_again_is_refused():
    again = b"c_codecs\nencode\nh\x00U\x06latin1\x86R"
    with pytest.raises(ValueError, match="more memory"), bounded(2, 2**22):
        read_plain_pickle(b"X" + struct.pack("<I", 2**20) + b"x" * 2**20 + b"q\x00" + again * 1000)


def test_more_instructions_than_the_real_files_have_are_refused():
    with pytest.raises(ValueError, match="instructions"):
        read_plain_pickle(b"N" * (MAX_INSTRUCTIONS + 1) + b".")


@pytest.mark.parametrize("lengths", [(2**31, 2**31), (2**32 - 1,) * 8, (2**20, 2**10)])
def test_an_idx_header_with_too_large_sizes_is_refused_before_memory_is_allocated(lengths):
    head = bytes([0, 0, 0x0E, len(lengths)]) + struct.pack(f">{len(lengths)}I", *lengths)
    for data in (head + bytes(1000), gzip.compress(head + bytes(1000))):
        with (
            bounded(seconds=1, size=2**20),
            pytest.raises(ValueError, match="has only 1000; delete the file and download it again"),
        ):
            read_idx(io.BytesIO(data))


def test_a_gzip_bomb_is_read_only_up_to_the_size_in_its_header():
    bomb = gzip.compress(idx(np.zeros(100, np.uint8)) + bytes(2**26))
    assert len(bomb) < 2**17
    with bounded(seconds=1, size=2**20), pytest.raises(ValueError, match="but has more"):
        read_idx(io.BytesIO(bomb))


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(cifar, "LIMIT", 2**20)
    bomb = tar({"other": bytes(2**24), "cifar-10-batches-py/test_batch": PICKLE})
    with bounded(2, 2**22), pytest.raises(ValueError, match="unpacks to more than 1048576 bytes"):
        read_archive(io.BytesIO(bomb), BATCHES)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_a_member_that_is_not_a_regular_file_is_not_followed(kind):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(ValueError, match="has no cifar-10-batches-py/test_batch"):
        read_archive(io.BytesIO(file.getvalue()), BATCHES)


def test_a_sparse_member_does_not_take_its_claimed_size():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**40)}
        archive.addfile(member)
    with bounded(1, 2**20), pytest.raises(ValueError, match="has no cifar-10-batches-py/test_b"):
        read_archive(io.BytesIO(file.getvalue()), BATCHES)
