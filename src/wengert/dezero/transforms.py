"""The transforms of the book, for PIL images and arrays: `dezero.transforms`."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.arguments import call_text
from wengert.arrays import DTypeLike
from wengert.data import transforms
from wengert.data.transforms import AsType as AsType
from wengert.dezero.utils import pair
from wengert.names import public


class Compose(transforms.Compose):
    """Applies the transforms of a list, one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]] | None = ()) -> None:
        super().__init__(*(transforms or ()))


# ---- For PIL images ----


def _pil():
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise ImportError(
            "transforms: images need Pillow, which is not installed; pip install 'wengert[images]'"
        ) from None


class Convert:
    """Converts to a mode such as "RGB" or "L"; "BGR" is RGB with red and blue exchanged."""

    __repr__ = call_text

    def __init__(self, mode: str = "RGB") -> None:
        self.mode = mode

    def __call__(self, img):
        if self.mode != "BGR":
            return img.convert(self.mode)
        red, green, blue = img.convert("RGB").split()
        return _pil().merge("RGB", (blue, green, red))


class Resize:
    """Resizes to a number, or (width, height); mode is that of Pillow, where 2 is bilinear."""

    __repr__ = call_text

    def __init__(self, size: Any, mode: int = 2) -> None:
        self.size = pair(size)
        self.mode = mode

    def __call__(self, img):
        return img.resize(self.size, self.mode)


class CenterCrop:
    """Crops the centre: a number of pixels, or (width, height)."""

    __repr__ = call_text

    def __init__(self, size: Any) -> None:
        self.size = pair(size)

    def __call__(self, img):
        (W, H), (OW, OH) = img.size, self.size
        left, up = (W - OW) // 2, (H - OH) // 2
        return img.crop((left, up, left + OW, up + OH))


class ToArray:
    """A PIL image as an array (C, H, W); an array is returned unchanged."""

    __repr__ = call_text

    def __init__(self, dtype: DTypeLike = np.float32) -> None:
        self.dtype = dtype

    def __call__(self, img: Any) -> np.ndarray:
        if isinstance(img, np.ndarray):
            return img
        if not isinstance(img, _pil().Image):
            raise TypeError(f"ToArray: got {type(img).__name__}, needed a PIL image or an array")
        pixels = np.asarray(img, self.dtype)
        return np.atleast_3d(pixels).transpose(2, 0, 1)


class ToPIL:
    """An array (C, H, W) of bytes as a PIL image."""

    __repr__ = call_text

    def __call__(self, array: np.ndarray) -> Any:
        return _pil().fromarray(np.ascontiguousarray(array.transpose(1, 2, 0)))


class RandomHorizontalFlip:
    """Mirrors an array (C, H, W) with probability ½; in the book, it does nothing."""

    __repr__ = call_text

    def __call__(self, array: np.ndarray) -> np.ndarray:
        return array[..., ::-1] if np.random.rand() < 0.5 else array


# ---- For arrays ----


class Normalize:
    """(array - mean) / std; mean and std are numbers, or one for each channel (axis 0)."""

    __repr__ = call_text

    def __init__(self, mean: Any = 0, std: Any = 1) -> None:
        self.mean = mean
        self.std = std

    def __call__(self, array: np.ndarray) -> Any:
        return (array - self._spread(self.mean, array)) / self._spread(self.std, array)

    @staticmethod
    def _spread(value: Any, array: np.ndarray) -> Any:
        if np.isscalar(value):
            return value
        return np.array(value, array.dtype).reshape(-1, *[1] * (array.ndim - 1))


class Flatten:
    """Reshapes to one axis."""

    __repr__ = call_text

    def __call__(self, array: np.ndarray) -> np.ndarray:
        return array.flatten()


ToFloat = AsType


class ToInt(AsType):
    """Converts to integers."""

    def __init__(self, dtype: DTypeLike = int) -> None:
        super().__init__(dtype)


__all__, __dir__ = public(globals(), exports=True)
