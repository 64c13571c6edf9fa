"""Images in folders, one folder for each class, read on demand."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import DTypeLike

from wengert.data.arguments import pair
from wengert.data.dataset import BaseDataset
from wengert.data.images import image_dtype, scale
from wengert.files import path_of

# fmt: off
SUFFIXES = {
    ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
}
# fmt: on
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
BYTES = {"1", "CMYK", "HSV", "L", "LA", "LAB", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr"}


class ImageFolder(BaseDataset):
    """Samples (x, t): an image, (C, H, W), and the number of its class, an int.

    Each subfolder of `folder` is a class; they are numbered in the order of their names. Its images
    are the files in it, at any depth, with the extension of an image (.png, .jpg, …), except hidden
    ones, whose name or folder starts with a dot. Images are read and decoded each time; none is
    kept in memory. Needs Pillow.

    Args:
        size: (H, W) to which every image is resized, with bilinear interpolation; an integer means
            a square. None keeps the sizes; a batch needs images of one size.
        mode: "RGB", "L" for grey or "RGBA" with opacity; every image is converted to it.
        background: the colour behind transparent pixels, such as "white"; None ignores opacity.
        dtype: a floating-point dtype gives pixels from 0 to 1, np.uint8 from 0 to 255.

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
    ) -> None:
        pillow("ImageFolder")  # raises now if it is missing, not at the first sample
        root = path_of("ImageFolder", "folder", folder)
        if not root.is_dir():
            raise NotADirectoryError(f"ImageFolder: there is no folder {os.fspath(folder)!r}")
        if mode not in tuple(CHANNELS):
            raise ValueError(f"ImageFolder: got mode {mode!r}, needed {', '.join(CHANNELS)}")
        self.mode = mode
        self.size = None if size is None else pair("ImageFolder", "size", size, 1)
        self.dtype = image_dtype("ImageFolder", dtype)
        self.background = background
        folders = sorted(f for f in root.iterdir() if f.is_dir() and not _is_hidden(f, root))
        if not folders:
            raise ValueError(f"ImageFolder: {root} has no folders, needed one for each class")
        images = [_class_images(f) for f in folders]
        self.classes = tuple(f.name for f in folders)
        self.paths = [path for paths in images for path in paths]
        self.labels = np.repeat(np.arange(len(folders), dtype=np.int64), [*map(len, images)])

    def __len__(self) -> int:
        return len(self.paths)

    def sample(self, index: int) -> tuple[ndarray, int]:
        try:
            pixels = read_image(self.paths[index], self.mode, self.size, self.background)
        except ImageError as error:
            raise ValueError(f"ImageFolder: {error}") from error
        channels_first = np.moveaxis(pixels, -1, 0)  # (C, H, W)
        return scale(np.ascontiguousarray(channels_first), self.dtype), int(self.labels[index])

    def __repr__(self) -> str:
        return f"ImageFolder({len(self)} images in {len(self.classes)} classes)"


def images_in(folder: Path) -> list[Path]:
    """The image files in a folder, at any depth, in order of their paths; no hidden ones."""
    files = (f for f in folder.rglob("*") if not _is_hidden(f, folder))
    return sorted(f for f in files if f.suffix.lower() in SUFFIXES and f.is_file())


def _class_images(folder: Path) -> list[Path]:
    images = images_in(folder)
    if not images:
        raise ValueError(
            f"ImageFolder: {folder} has no images, needed files that end in one of "
            f"{' '.join(sorted(SUFFIXES))}"
        )
    return images


def _is_hidden(path: Path, root: Path) -> bool:
    return any(name.startswith(".") for name in path.relative_to(root).parts)


class ImageError(ValueError):
    """A file that is not an image, or cannot be used as one.

    Attributes:
        path: of the file.
        why: the reason, for a message.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be read as an image: {why}; repair it or delete it")
        self.path = path
        self.why = why


def read_image(
    path: Path, mode: str, size: tuple[int, int] | None = None, background: str | None = None
) -> ndarray:
    """The image in a file, uint8, (H, W, C). The arguments are those of `ImageFolder`.

    Raises:
        ImageError: it cannot be read as an image.
        ImportError: Pillow is missing.
        OSError: the file cannot be opened.
    """
    image_module, orient = pillow("image files")
    with path.open("rb") as file:
        try:
            with image_module.open(file) as stored:
                check_mode(stored.mode)
                image = orient(stored)
            if background is not None and mode != "RGBA" and is_transparent(image):
                page = image_module.new("RGBA", image.size, background)
                image = image_module.alpha_composite(page, image.convert("RGBA"))
            if isinstance(image.info.get("transparency"), bytes):
                # an opacity for each colour of the palette
                image = image.convert("RGBA")
            image = image.convert(mode)
            if size is not None and size != (image.height, image.width):
                image = image.resize((size[1], size[0]), image_module.Resampling.BILINEAR)
        except Exception as error:  # Pillow's decoders raise errors of every kind
            raise ImageError(path, str(error) or type(error).__name__) from error
    return np.asarray(image).reshape(image.height, image.width, CHANNELS[mode])


def check_mode(mode: str) -> None:
    """Raises ValueError for an image of more than 8 bits for a channel."""
    if mode not in BYTES:
        raise ValueError(f"its mode is {mode}, needed 8 bits per channel")


def is_transparent(image: Any) -> bool:
    """Whether an image of Pillow may have pixels that are not opaque."""
    return image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info


def pillow(caller: str) -> tuple[Any, Any]:
    """The module PIL.Image, and the function that turns a photograph as its camera says.

    Raises:
        ImportError: Pillow is missing.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ImportError(f"{caller}: need Pillow: pip install 'wengert[images]'") from None
    return Image, ImageOps.exif_transpose  # it applies the orientation stored by a camera
