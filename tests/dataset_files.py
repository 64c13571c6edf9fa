"""Small files in the formats of the published data sets, for tests."""

import io
import struct
import tarfile
from pathlib import Path

import numpy as np

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
BYTE = (
    b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)


def idx(array: np.ndarray) -> bytes:
    """An IDX file."""
    head = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    big_end_first = array.astype(array.dtype.newbyteorder(">"))
    return head + struct.pack(f">{array.ndim}I", *array.shape) + big_end_first.tobytes()


def mnist_files(folder: Path, images: np.ndarray, labels: np.ndarray, part: str = "train") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))


def python2_pickle(content: dict[str, object]) -> bytes:
    """A dict as Python 2 and its NumPy pickle it in protocol 2, which is how CIFAR is published."""
    items = b"".join(_python2(key) + _python2(value) for key, value in content.items())
    return b"\x80\x02}q\x01(" + items + b"u."


def _python2(value: object) -> bytes:
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode("latin-1") + b"q\x02"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"]q\x03(" + b"".join(map(_python2, value)) + b"e"
    assert isinstance(value, np.ndarray)
    assert value.dtype == np.uint8
    shape = b"".join(map(_python2, value.shape)) + bytes([ord("\x84") + value.ndim])
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x04cnumpy\nndarray\nq\x05K\x00\x85U\x01b\x87Rq\x06"
        + (b"(K\x01" + shape + BYTE + b"\x89T" + struct.pack("<i", value.size) + value.tobytes())
        + b"tb"
    )


def cifar_content(n: int, seed: int = 0, **labels: int) -> dict[str, object]:
    """The content of one of CIFAR's pickles, with labels of this many classes for each key."""
    rng = np.random.default_rng(seed)
    content: dict[str, object] = {"batch_label": "testing batch 1 of 1"}
    content |= {key: rng.integers(classes, size=n).tolist() for key, classes in labels.items()}
    content["data"] = rng.integers(256, size=(n, 3072), dtype=np.uint8)
    return content | {"filenames": [f"photo_{i:06}.png" for i in range(n)]}


def tar(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()
