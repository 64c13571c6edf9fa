"""The data sets of the book: `dezero.datasets`.

Files are searched for in the folder of the book, `utils.cache_dir`, and in those of `wengert.data`.
"""

import ast
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import call_text
from wengert.data.cifar import (
    CIFAR10_CLASSES,
    CIFAR100_CLASSES,
    CIFAR100_COARSE_CLASSES,
    load_cifar10,
    load_cifar100,
)
from wengert.data.mnist import load_mnist
from wengert.dezero import utils
from wengert.dezero.transforms import Compose, Flatten, Normalize, ToFloat
from wengert.dezero.utils import cache_dir as cache_dir
from wengert.io import load_arrays, save_arrays
from wengert.names import public

Transform = Callable[[Any], Any]


class Dataset:
    """Samples (x, t): a subclass defines `prepare`, which sets `data` and `label`.

    Args:
        train: the training samples; False for the test samples.
        transform: function of each x.
        target_transform: function of each t.
    """

    data: Any = None
    label: Any = None

    __repr__ = call_text

    def __init__(
        self,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.train = train
        self.transform = transform or _identity
        self.target_transform = target_transform or _identity
        self.prepare()

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        if not np.isscalar(index):
            raise TypeError(f"{type(self).__name__}: got index {index!r}, needed an integer")
        x = self.transform(self.data[index])
        return x, None if self.label is None else self.target_transform(self.label[index])

    def __len__(self) -> int:
        return len(self.data)

    def prepare(self) -> None:
        """Sets `data`, and `label` if there is one."""


def _identity(x):
    return x


# ---- Generated ----


def get_spiral(train: bool = True) -> tuple[ndarray, ndarray]:
    """Points on three arms of a spiral, float32 (300, 2), and their arms, int (300,).

    Like the book, it seeds NumPy's global generator, so later random numbers are always the same.
    """
    random = np.random
    random.seed(1984 if train else 2020)
    n, classes = 100, 3
    t = np.repeat(np.arange(classes), n)
    radius = np.tile(np.arange(n) / n, classes)
    angle = 4.0 * t + 4.0 * radius + 0.2 * random.randn(n * classes)
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1).astype(np.float32)
    order = random.permutation(n * classes)
    return x[order], t[order]


class Spiral(Dataset):
    """See `get_spiral`."""

    def prepare(self) -> None:
        self.data, self.label = get_spiral(self.train)


class SinCurve(Dataset):
    """1000 values of one period of a noisy sin (test: of cos), each with the next value."""

    def prepare(self) -> None:
        x = np.linspace(0, 2 * np.pi, 1000)
        noise = np.random.uniform(-0.05, 0.05, size=x.shape)
        y = np.sin(x) + noise if self.train else np.cos(x)
        self.data = y[:-1, np.newaxis]
        self.label = y[1:, np.newaxis]


# ---- Images ----


def _folder_of(name: str) -> str | None:
    """The folder of the book, if it contains the file."""
    return utils.cache_dir if os.path.exists(os.path.join(utils.cache_dir, name)) else None


def _show(images: ndarray, row: int, col: int) -> None:
    """Shows random images of (N, H, W, C) in a table."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(
            "show: this needs Matplotlib, which is not installed; pip install matplotlib"
        ) from None
    _, H, W, C = images.shape
    chosen = images[np.random.randint(0, len(images), row * col)]
    table = chosen.reshape(row, col, H, W, C).swapaxes(1, 2).reshape(row * H, col * W, C)
    plt.imshow(table.squeeze(), cmap="gray", interpolation="nearest")
    plt.axis("off")
    plt.show()


class MNIST(Dataset):
    """Handwritten digits: bytes (1, 28, 28), which become float32 (784,) from 0 to 1."""

    def __init__(
        self,
        train: bool = True,
        transform: Transform | None = Compose([Flatten(), ToFloat(), Normalize(0.0, 255.0)]),  # noqa: B008
        target_transform: Transform | None = None,
    ) -> None:
        super().__init__(train, transform, target_transform)

    def prepare(self) -> None:
        name = f"{'train' if self.train else 't10k'}-images-idx3-ubyte.gz"
        self.data, self.label = load_mnist(
            self.train, folder=_folder_of(name), dtype=np.uint8
        ).arrays

    def show(self, row: int = 10, col: int = 10) -> None:
        """Shows random images."""
        _show(self.data.transpose(0, 2, 3, 1), row, col)

    @staticmethod
    def labels() -> dict[int, str]:
        """The names of the labels."""
        return {i: str(i) for i in range(10)}


class CIFAR10(Dataset):
    """Photographs in ten classes: bytes (3, 32, 32), which become float32."""

    def __init__(
        self,
        train: bool = True,
        transform: Transform | None = Compose([ToFloat(), Normalize(mean=0.5, std=0.5)]),  # noqa: B008
        target_transform: Transform | None = None,
    ) -> None:
        super().__init__(train, transform, target_transform)

    def prepare(self) -> None:
        folder = _folder_of("cifar-10-python.tar.gz")
        self.data, self.label = load_cifar10(self.train, folder=folder, dtype=np.uint8).arrays

    def show(self, row: int = 10, col: int = 10) -> None:
        """Shows random images."""
        _show(self.data.transpose(0, 2, 3, 1), row, col)

    @staticmethod
    def labels() -> dict[int, str]:
        """The names of the labels."""
        return dict(enumerate(CIFAR10_CLASSES))


class CIFAR100(CIFAR10):
    """Photographs in a hundred classes, or with `label_type="coarse"` in twenty."""

    def __init__(
        self,
        train: bool = True,
        transform: Transform | None = Compose([ToFloat(), Normalize(mean=0.5, std=0.5)]),  # noqa: B008
        target_transform: Transform | None = None,
        label_type: str = "fine",
    ) -> None:
        if label_type not in ("fine", "coarse"):
            raise ValueError(f"CIFAR100: got label_type {label_type!r}, needed 'fine' or 'coarse'")
        self.label_type = label_type
        super().__init__(train, transform, target_transform)

    def prepare(self) -> None:
        folder, coarse = _folder_of("cifar-100-python.tar.gz"), self.label_type == "coarse"
        data = load_cifar100(self.train, coarse=coarse, folder=folder, dtype=np.uint8)
        self.data, self.label = data.arrays

    @staticmethod
    def labels(label_type: str = "fine") -> dict[int, str]:
        """The names of the labels."""
        names = CIFAR100_CLASSES if label_type == "fine" else CIFAR100_COARSE_CLASSES
        return dict(enumerate(names))


class ImageNet(Dataset):
    """The names of the thousand classes; there are no images."""

    def __init__(self) -> None:
        self.data = ()

    @staticmethod
    def labels() -> dict[int, str]:
        """The names of the labels, from a file that is downloaded if it does not exist."""
        path = utils.get_file(
            "https://gist.githubusercontent.com/yrevar/942d3a0ac09ec9e5eb3a/raw/"
            "238f720ff059c1f82f368259d1ca4ffa5dd8f9f5/imagenet1000_clsidx_to_labels.txt"
        )
        with open(path, encoding="utf-8") as file:
            return dict(ast.literal_eval(file.read()))


# ---- Text ----


class Shakespear(Dataset):
    """The characters of Shakespeare's plays as integers, each with the next.

    `char_to_id` and `id_to_char` map characters to integers and back.
    """

    def prepare(self) -> None:
        path = utils.get_file(
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
            "input.txt",
            "shakespear.txt",
        )
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.char_to_id = {c: i for i, c in enumerate(dict.fromkeys(text))}
        self.id_to_char = {i: c for c, i in self.char_to_id.items()}
        ids = np.array([self.char_to_id[c] for c in text])
        self.data, self.label = ids[:-1], ids[1:]


# ---- Cached arrays ----


def _cache_path(filename: str, train: bool) -> str:
    name = filename[filename.rfind("/") + 1 :] + (".train.npz" if train else ".test.npz")
    return os.path.join(utils.cache_dir, name)


def load_cache_npz(filename: str, train: bool = False) -> tuple[Any, Any]:
    """The data and labels that `save_cache_npz` has saved under this name, or (None, None)."""
    path = _cache_path(filename, train)
    if not os.path.exists(path):
        return None, None
    arrays = load_arrays(path)
    return arrays["data"], arrays["label"]


def save_cache_npz(data: ndarray, label: ndarray, filename: str, train: bool = False) -> str | None:
    """Saves data and labels in `utils.cache_dir`; returns None if the name is taken already."""
    path = _cache_path(filename, train)
    if os.path.exists(path):
        return None
    os.makedirs(utils.cache_dir, exist_ok=True)
    save_arrays(path, {"data": data, "label": label})
    return path


__all__, __dir__ = public(globals(), "cache_dir", exports=True)
