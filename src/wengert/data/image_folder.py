"""Images in folders, one folder for each class, read on demand."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from wengert.arguments import boolean
from wengert.data.arguments import check_type, pair
from wengert.data.dataset import BaseDataset
from wengert.data.image_check import check_images
from wengert.data.image_file import (
    CHANNELS,
    SUFFIXES,
    ImageError,
    images_in,
    is_hidden,
    pillow,
    read_image,
)
from wengert.data.images import image_dtype, scale
from wengert.files import path_of


class ImageFiles(BaseDataset):
    """Samples (x, t): the images in these files, (C, H, W), with these labels.

    For the options see `ImageFolder`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        labels: ndarray,
        *,
        size: int | tuple[int, int] | None = None,
        mode: str = "RGB",
        dtype: DTypeLike = np.float32,
        background: str | None = None,
    ) -> None:
        pillow("ImageFolder")  # raises now if it is missing, not at the first sample
        if mode not in tuple(CHANNELS):
            raise ValueError(f"ImageFolder: got mode {mode!r}, needed {', '.join(CHANNELS)}")
        self.paths = [*paths]
        self.labels = labels
        self.mode = mode
        self.size = None if size is None else pair("ImageFolder", "size", size, 1)
        self.dtype = image_dtype("ImageFolder", dtype)
        self.background = background
        if background is not None:
            _check_colour(background)

    def __len__(self) -> int:
        return len(self.paths)

    def sample(self, index: int) -> tuple[ndarray, int]:
        try:
            pixels = read_image(self.paths[index], self.mode, self.size, self.background)
        except ImageError as error:
            raise ValueError(f"ImageFolder: {error}") from error
        channels_first = np.moveaxis(pixels, -1, 0)  # (C, H, W)
        return scale(np.ascontiguousarray(channels_first), self.dtype), int(self.labels[index])

    def damaged(self) -> dict[Path, str]:
        """The files that cannot be read, with the reasons. Each file is decoded once for this."""
        found = check_images(self.paths)
        return {path: check.problem for path, check in found.items() if check.problem is not None}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images)"


class ImageFolder(ImageFiles):
    """Samples (x, t): an image, (C, H, W), and the number of its class, an int.

    Each subfolder of `folder` is a class; they are numbered in the order of their names. Its images
    are the files in it, at any depth, with the extension of an image (.png, .jpg, …), except hidden
    ones, whose name or folder starts with a dot. Images are read and decoded each time; none is
    kept in memory. Of an animated file the first image is read. Needs Pillow.

    Args:
        size: (H, W) to which every image is resized, with bilinear interpolation; an integer means
            a square. None keeps the sizes; a batch needs images of one size.
        mode: "RGB", "L" for grey or "RGBA" with opacity; every image is converted to it.
        dtype: a floating-point dtype gives pixels from 0 to 1, np.uint8 from 0 to 255.
        background: the colour behind transparent pixels, such as "white"; None ignores opacity.
        skip_damaged: reads every file once, now, and leaves out those that cannot be read; a
            warning says which. `damaged()` lists them, too.

    Attributes:
        classes: names of the subfolders.
        paths: of the images.
        labels: of the images, int64, (N,).

    Raises:
        NotADirectoryError: the folder does not exist.
        ValueError: the folder has no subfolders, or one of them has no images; for a sample: the
            file is not an image, is damaged, or has more than 8 bits per channel.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        size: int | tuple[int, int] | None = None,
        mode: str = "RGB",
        dtype: DTypeLike = np.float32,
        background: str | None = None,
        skip_damaged: bool = False,
    ) -> None:
        root = path_of("ImageFolder", "folder", folder)
        if not root.is_dir():
            is_file = f"{root} is a file, needed a folder of folders" if root.exists() else ""
            raise NotADirectoryError(
                f"ImageFolder: {is_file or f'there is no folder {str(root)!r}'}"
            )
        folders = sorted(f for f in root.iterdir() if f.is_dir() and not is_hidden(f, root))
        if not folders:
            loose = len([f for f in root.iterdir() if f.suffix.lower() in SUFFIXES])
            hint = f"; its {loose} images belong in such folders" if loose else ""
            raise ValueError(f"ImageFolder: {root} has no folders, needed one for each class{hint}")
        images = [_class_images(f) for f in folders]
        paths = [path for paths in images for path in paths]
        labels = np.repeat(np.arange(len(folders), dtype=np.int64), [*map(len, images)])
        super().__init__(paths, labels, size=size, mode=mode, dtype=dtype, background=background)
        self.classes = tuple(f.name for f in folders)
        if boolean("ImageFolder", "skip_damaged", skip_damaged):
            self._leave_out(self.damaged())

    def _leave_out(self, damaged: dict[Path, str]) -> None:
        keep = np.array([path not in damaged for path in self.paths], bool)
        self.paths = [path for path in self.paths if path not in damaged]
        self.labels = self.labels[keep]
        for k, name in enumerate(self.classes):
            if not (self.labels == k).any():
                raise ValueError(f"ImageFolder: no image of the class {name!r} can be read")
        if damaged:
            warnings.warn(
                f"ImageFolder: {len(damaged)} images cannot be read and are left out: "
                f"{', '.join(map(str, [*damaged][:5]))}{', …' if len(damaged) > 5 else ''}",
                stacklevel=3,
            )

    def __repr__(self) -> str:
        return f"ImageFolder({len(self)} images in {len(self.classes)} classes)"


def _check_colour(name: str) -> None:
    from PIL import ImageColor

    check_type("ImageFolder", "background", name, str, "the name of a colour, or None")
    try:
        ImageColor.getrgb(name)
    except ValueError:
        raise ValueError(
            f"ImageFolder: got background {name!r}, needed a colour, such as 'white' or '#ffffff'"
        ) from None


def _class_images(folder: Path) -> list[Path]:
    images = images_in(folder)
    if not images:
        raise ValueError(
            f"ImageFolder: {folder} has no images, needed files that end in one of "
            f"{' '.join(sorted(SUFFIXES))}"
        )
    return images
