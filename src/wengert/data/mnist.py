"""MNIST and Fashion-MNIST: 28 × 28 grey images in ten classes, 60,000 to train, 10,000 to test."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from wengert.data.arguments import check_train
from wengert.data.dataset import ArrayDataset
from wengert.data.download import Checks
from wengert.data.idx import read_idx
from wengert.data.images import image_dtype, scale
from wengert.data.store import Folder, Source, StoredFile, fetch

# fmt: off
FASHION_MNIST_CLASSES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)
# fmt: on
CLASSES = 10

MNIST = Source(
    "load_mnist",
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)
FASHION_MNIST = Source(
    "load_fashion_mnist",
    "fashion-mnist",
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    system=("/usr/share/datasets/fashion-mnist",),  # Debian's package dataset-fashion-mnist
)


def _pair(part: str, images: Checks, labels: Checks) -> tuple[StoredFile, StoredFile]:
    names = (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    first, second = (
        StoredFile(f"{name}.gz", (name, name.replace("-idx", ".idx")), checks)
        for name, checks in zip(names, (images, labels), strict=True)
    )
    return first, second


MNIST_FILES = {
    True: _pair(
        "train",
        Checks(9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Checks(28881, "d53e105ee54ea40749a09fcbcd1e9432"),
    ),
    False: _pair(
        "t10k",
        Checks(1648877, "9fb629c4189551a2d022fa330f9573f3"),
        Checks(4542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
}
FASHION_MNIST_FILES = {
    True: _pair(
        "train",
        Checks(
            26421880,
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        Checks(
            29515,
            "25c81989df183df01b3e8a0aad5dffbe",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
    ),
    False: _pair(
        "t10k",
        Checks(
            4422102,
            "bef4ecab320f06d8554ea6380940ec79",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        Checks(
            5148,
            "bb300cfdad3c16e7a12a480ee83cd310",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
}
# The files of both data sets have the same names; the first labels identify the data set.
FIRST_LABELS = {
    "MNIST": ((5, 0, 4, 1, 9, 2, 1, 3, 1, 4), (7, 2, 1, 0, 4, 1, 4, 9, 5, 9)),
    "Fashion-MNIST": ((9, 0, 0, 3, 0, 2, 7, 2, 5, 5), (9, 2, 1, 1, 6, 1, 4, 6, 5, 7)),
}


def load_mnist(
    train: bool = True, *, folder: Folder | None = None, dtype: DTypeLike = np.float32
) -> ArrayDataset:
    """MNIST: handwritten digits.

    Args:
        train: True for the 60,000 training images, False for the 10,000 test images.
        folder: of the four files, also for the download; None looks in the folders of the
            environment variable `WENGERT_DATA` and in the user's cache folder. See
            `wengert.data.store.fetch`.
        dtype: of the images. A floating-point dtype gives pixels from 0 to 1; np.uint8 keeps the
            bytes, 0 to 255, in a quarter of the memory that np.float32 needs (188 MB).

    Returns:
        Images, (N, 1, 28, 28); labels, int64, (N,), 0 to 9.

    Raises:
        FileNotFoundError: there are no files and they cannot be downloaded; the message says which
            files to put where.
        ValueError: a file is damaged, or belongs to another data set.
    """
    check_train("load_mnist", train)
    return _load(MNIST, MNIST_FILES[train], "Fashion-MNIST", folder, dtype)


def load_fashion_mnist(
    train: bool = True, *, folder: Folder | None = None, dtype: DTypeLike = np.float32
) -> ArrayDataset:
    """Fashion-MNIST: pictures of clothes; `FASHION_MNIST_CLASSES` has the names of the labels.

    Files that Debian's package dataset-fashion-mnist has installed are found. Arguments, results
    and errors are those of `load_mnist`.
    """
    check_train("load_fashion_mnist", train)
    return _load(FASHION_MNIST, FASHION_MNIST_FILES[train], "MNIST", folder, dtype)


def _load(
    source: Source,
    files: Sequence[StoredFile],
    other: str,
    folder: Folder | None,
    dtype: DTypeLike,
) -> ArrayDataset:
    wanted = image_dtype(source.loader, dtype)
    paths = fetch(source, files, folder)
    images, labels = map(read_idx, paths)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or labels.dtype != np.uint8:
        raise ValueError(
            f"{source.loader}: {paths[0]} has {images.dtype} {images.shape} and {paths[1]} has "
            f"{labels.dtype} {labels.shape}, needed uint8 (N, 28, 28) and uint8 (N,); "
            f"delete them and download them again"
        )
    if labels.shape != images.shape[:1] or labels.max(initial=0) >= CLASSES:
        raise ValueError(
            f"{source.loader}: {paths[1]} has labels {labels.shape} up to {labels.max(initial=0)}, "
            f"needed one from 0 to 9 for each of the {len(images)} images in {paths[0]}; "
            f"delete both and download them again"
        )
    if tuple(labels[:10].tolist()) in FIRST_LABELS[other]:
        raise ValueError(
            f"{source.loader}: {paths[1]} is {other}'s, with the same name; keep the two data "
            f"sets in two folders, {MNIST.folder} and {FASHION_MNIST.folder}"
        )
    return ArrayDataset(scale(images[:, np.newaxis], wanted), labels.astype(np.int64))
