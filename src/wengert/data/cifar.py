"""CIFAR-10 and CIFAR-100: 32 × 32 colour images, 50,000 to train and 10,000 to test."""

import io
import math
import posixpath
import tarfile
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from wengert.arguments import boolean
from wengert.data.arguments import check_train
from wengert.data.dataset import ArrayDataset
from wengert.data.download import Checks
from wengert.data.images import image_dtype, scale
from wengert.data.packed import BinaryFile, read_at_most, unpacked
from wengert.data.plain_pickle import read_plain_pickle
from wengert.data.store import Folder, Source, StoredFile, fetch

LIMIT = 2**28  # bytes of an unpacked archive; both real ones have 178 MiB
SHAPE = (3, 32, 32)

# fmt: off
CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)
CIFAR100_CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
    "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle",
    "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab",
    "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl",
    "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree",
    "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain",
    "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose",
    "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel",
    "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger",
    "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
)
CIFAR100_COARSE_CLASSES = (
    "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables",
    "household_electrical_devices", "household_furniture", "insects", "large_carnivores",
    "large_man-made_outdoor_things", "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates", "people",
    "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2",
)
# fmt: on
ADDRESSES = ("https://www.cs.toronto.edu/~kriz/",)
CIFAR10 = Source("load_cifar10", "cifar-10", ADDRESSES)
CIFAR100 = Source("load_cifar100", "cifar-100", ADDRESSES)
CIFAR10_CHECKS = Checks(170498071, "c58f30108f718f92721af3b95e74349a")
CIFAR100_CHECKS = Checks(169001437, "eb9058c3a382ffc7106e4002c42a8d85")


@dataclass(frozen=True)
class Batches:
    """Some pickles of an archive, and which of their labels to use."""

    folder: str
    names: tuple[str, ...]
    key: str
    classes: int


def load_cifar10(
    train: bool = True, *, folder: Folder | None = None, dtype: DTypeLike = np.float32
) -> ArrayDataset:
    """CIFAR-10: photographs in ten classes; `CIFAR10_CLASSES` has the names of the labels.

    Args:
        train: True for the 50,000 training images, False for the 10,000 test images.
        folder: of the file cifar-10-python.tar.gz or its unpacked folder cifar-10-batches-py, also
            for the download; None looks in the folders of the environment variable `WENGERT_DATA`
            and in the user's cache folder. See `wengert.data.store.fetch`.
        dtype: of the images. A floating-point dtype gives pixels from 0 to 1; np.uint8 keeps the
            bytes, 0 to 255, in a quarter of the memory that np.float32 needs (614 MB).

    Returns:
        Images, (N, 3, 32, 32), red, green, blue; labels, int64, (N,).

    Raises:
        FileNotFoundError: there is no file and it cannot be downloaded; the message says which file
            to put where.
        ValueError: the file is damaged, or contains other objects than arrays and plain types: no
            code of a pickle is run.
    """
    check_train("load_cifar10", train)
    names = tuple(f"data_batch_{i}" for i in range(1, 6)) if train else ("test_batch",)
    batches = Batches("cifar-10-batches-py", names, "labels", 10)
    return _load(CIFAR10, "cifar-10-python.tar.gz", CIFAR10_CHECKS, batches, folder, dtype)


def load_cifar100(
    train: bool = True,
    *,
    coarse: bool = False,
    folder: Folder | None = None,
    dtype: DTypeLike = np.float32,
) -> ArrayDataset:
    """CIFAR-100: as CIFAR-10, in a hundred classes; `CIFAR100_CLASSES` has their names.

    Args:
        coarse: True gives the labels of the twenty `CIFAR100_COARSE_CLASSES` instead.

    The other arguments, the results and the errors are those of `load_cifar10`; the file is
    cifar-100-python.tar.gz, or its unpacked folder cifar-100-python.
    """
    check_train("load_cifar100", train)
    coarse = boolean("load_cifar100", "coarse", coarse)
    key, classes = ("coarse_labels", 20) if coarse else ("fine_labels", 100)
    batches = Batches("cifar-100-python", ("train" if train else "test",), key, classes)
    return _load(CIFAR100, "cifar-100-python.tar.gz", CIFAR100_CHECKS, batches, folder, dtype)


def _load(
    source: Source,
    archive: str,
    checks: Checks,
    batches: Batches,
    folder: Folder | None,
    dtype: DTypeLike,
) -> ArrayDataset:
    wanted = image_dtype(source.loader, dtype)
    first = batches.names[0]
    file = StoredFile(archive, (f"{batches.folder}/{first}", first), checks)
    (path,) = fetch(source, [file], folder)
    if path.name == archive:
        arrays = read_archive(path, batches, source.loader)
    else:
        arrays = [read_batch(path.with_name(n), batches, source.loader) for n in batches.names]
    images, labels = map(np.concatenate, zip(*arrays, strict=True))
    return ArrayDataset(scale(images, wanted), labels)


def read_archive(
    file: BinaryFile, batches: Batches, caller: str = "read_archive"
) -> list[tuple[ndarray, ndarray]]:
    """Images and labels of each of the batches in a tar file; nothing is written to the disk.

    Raises:
        ValueError: the file is not a tar file, lacks a batch, is damaged, or is larger than LIMIT
            when unpacked.
        OSError: the file cannot be read.
    """
    wanted = {f"{batches.folder}/{name}": name for name in batches.names}
    found: dict[str, tuple[ndarray, ndarray]] = {}
    with unpacked(caller, file) as raw, tarfile.open(fileobj=_Limited(raw), mode="r|") as tar:
        for member in tar:
            name = wanted.get(posixpath.normpath(member.name))
            stream = tar.extractfile(member) if name and member.isreg() else None
            if name and stream and not member.issparse():
                found.setdefault(name, _batch(read_at_most(stream, LIMIT), batches))
            if len(found) == len(wanted):
                break
        if missing := ", ".join(key for key, name in wanted.items() if name not in found):
            raise ValueError(f"it has no {missing}")
    return [found[name] for name in batches.names]


def read_batch(
    file: BinaryFile, batches: Batches, caller: str = "read_batch"
) -> tuple[ndarray, ndarray]:
    """Images, uint8, (N, 3, 32, 32), and labels, int64, (N,), in one of CIFAR's pickles.

    Raises:
        ValueError: the file is not such a pickle, is damaged, or contains other objects than arrays
            and plain types.
        OSError: the file cannot be read.
    """
    with unpacked(caller, file) as raw:
        return _batch(read_at_most(raw, LIMIT), batches)


class _Limited(io.BufferedIOBase):
    """A file that raises when more than LIMIT bytes are read, against compressed bombs."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.left = LIMIT

    def read(self, size: int | None = -1, /) -> bytes:
        data = self.file.read(-1 if size is None else size)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(f"it unpacks to more than {LIMIT} bytes")
        return data


def _batch(pickle: bytearray, batches: Batches) -> tuple[ndarray, ndarray]:
    content = read_plain_pickle(pickle)
    if not isinstance(content, dict):
        raise ValueError(f"it has a {type(content).__name__}, needed a dict")
    text = {
        key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()
    }
    pixels, labels = text.get("data"), text.get(batches.key)
    if not isinstance(pixels, ndarray) or pixels.shape[1:] != (math.prod(SHAPE),):
        raise ValueError(f"its 'data' is not a uint8 array (N, {math.prod(SHAPE)})")
    classes = range(batches.classes)
    if not isinstance(labels, list) or not all(type(n) is int and n in classes for n in labels):
        raise ValueError(f"its {batches.key!r} are not a list of numbers from 0 to {classes[-1]}")
    if len(labels) != len(pixels):
        raise ValueError(f"it has {len(labels)} {batches.key!r} for {len(pixels)} images")
    return pixels.reshape(-1, *SHAPE), np.array(labels, np.int64)
