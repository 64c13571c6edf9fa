"""Reading of image files, by Pillow."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

# fmt: off
SUFFIXES = {
    ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif",
    ".tiff", ".webp",
}
# fmt: on
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
BYTES = {"1", "CMYK", "HSV", "L", "LA", "LAB", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr"}


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
            raise ImageError(path, why(error)) from error
    return np.asarray(image).reshape(image.height, image.width, CHANNELS[mode])


def why(error: Exception) -> str:
    """The reason why an image cannot be read, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is not an image"
    return str(error) or type(error).__name__


def check_mode(mode: str) -> None:
    """Raises ValueError for an image of more than 8 bits for a channel."""
    if mode not in BYTES:
        raise ValueError(f"its mode is {mode}, needed 8 bits per channel")


def is_transparent(image: Any) -> bool:
    """Whether an image of Pillow may have pixels that are not opaque."""
    return image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info


def pillow(caller: str) -> tuple[Any, Any]:
    """The module PIL.Image, and the function that rotates a photograph as its camera recorded.

    Raises:
        ImportError: Pillow is missing.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ImportError(f"{caller}: need Pillow: pip install 'wengert[images]'") from None
    return Image, ImageOps.exif_transpose  # it applies the orientation stored by a camera


def images_in(folder: Path) -> list[Path]:
    """The image files in a folder, at any depth, in order of their paths; no hidden ones."""
    files = (f for f in folder.rglob("*") if not is_hidden(f, folder))
    return sorted(f for f in files if f.suffix.lower() in SUFFIXES and f.is_file())


def is_hidden(path: Path, root: Path) -> bool:
    """Whether a file or one of its folders below `root` starts with a dot."""
    return any(name.startswith(".") for name in path.relative_to(root).parts)
