"""Transforms of one sample: functions with options, for `TransformDataset` or direct use.

Transforms of images take arrays (C, H, W), or (H, W) without channels, of any dtype, and keep the
dtype unless their docstring says otherwise. Random transforms draw from
`wengert.random.generator()`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, fraction, text_of
from wengert.arrays import DTypeLike
from wengert.data.arguments import array_of, check_type, pair
from wengert.data.scalers import MinMaxScaler as MinMaxScaler
from wengert.data.scalers import StandardScaler as StandardScaler
from wengert.names import public
from wengert.random import generator


class Compose:
    """Several transforms, one after the other: Compose(f, g)(x) = g(f(x))."""

    def __init__(self, *transforms: Callable[[Any], Any]) -> None:
        for transform in transforms:
            if not callable(transform):
                raise TypeError(f"Compose: got {transform!r:.60}, needed functions of one argument")
        self.transforms = transforms

    def __call__(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(text_of, self.transforms))})"


# ---- Values ----


@dataclass(frozen=True)
class AsType:
    """The same values in another dtype."""

    dtype: DTypeLike = np.float32

    def __post_init__(self) -> None:
        try:
            _set(self, dtype=np.dtype(self.dtype))
        except TypeError:
            raise TypeError(f"AsType: got {self.dtype!r:.60}, needed a dtype") from None

    def __call__(self, x: Any) -> ndarray:
        return np.asarray(x).astype(self.dtype)


@dataclass(frozen=True)
class ToFloat:
    """float32, with unsigned integers scaled to the range 0 to 1: uint8 is divided by 255.

    Floats and bools keep their values.

    Raises:
        TypeError: x has signed integers, whose range is not known.
    """

    def __call__(self, x: Any) -> ndarray:
        x = np.asarray(x)
        if x.dtype.kind not in "fub":
            raise TypeError(
                f"ToFloat: got {x.dtype}, needed unsigned integers, floats or bool; "
                f"for other numbers use AsType(np.float32)"
            )
        y = x.astype(np.float32)
        return y / np.float32(np.iinfo(x.dtype).max) if x.dtype.kind == "u" else y


@dataclass(frozen=True)
class Normalize:
    """(x - mean) / std, in the dtype of x.

    Args:
        mean: a number, or one for each channel of x (C, …).
        std: a number > 0, or one for each channel.

    Raises:
        TypeError: x has no floating-point dtype.
        ValueError: x has another number of channels.
    """

    mean: float | Sequence[float] | ndarray
    std: float | Sequence[float] | ndarray

    def __post_init__(self) -> None:
        for name, value in (("mean", self.mean), ("std", self.std)):
            array = array_of("Normalize", name, value)
            if array.dtype.kind not in "fiu" or array.ndim > 1:
                raise TypeError(
                    f"Normalize: got {name} {value!r:.60}, needed a number, or one for each channel"
                )
            _set(self, **{name: tuple(array.tolist()) if array.ndim else array.item()})
        if not np.all(np.asarray(self.std) > 0):
            raise ValueError(f"Normalize: got std {self.std!r:.60}, needed numbers > 0")

    def __call__(self, x: Any) -> ndarray:
        x = np.asarray(x)
        if x.dtype.kind != "f":
            raise TypeError(f"Normalize: got x {x.dtype}, needed floats; use ToFloat() before")
        return (x - self._along(self.mean, x)) / self._along(self.std, x)

    def _along(self, value: Any, x: ndarray) -> ndarray:
        """The value in x's dtype, along x's first axis if there is one for each channel."""
        value = np.asarray(value, x.dtype)
        if value.ndim == 0:
            return value
        if x.ndim == 0 or len(value) not in (1, len(x)):
            raise ValueError(
                f"Normalize: got x {x.shape} and numbers for {len(value)} channels; needed "
                f"({len(value)}, …)"
            )
        return value.reshape(-1, *[1] * (x.ndim - 1))


@dataclass(frozen=True)
class Flatten:
    """All values of x along one axis: (C, H, W) becomes (C·H·W,)."""

    def __call__(self, x: Any) -> ndarray:
        return np.asarray(x).reshape(-1)


# ---- Images ----


@dataclass(frozen=True)
class Pad:
    """Adds pixels on all four sides: (H, W) becomes (H + 2 padding, W + 2 padding).

    Args:
        padding: pixels on each side, ≥ 0; or (above and below, left and right).
        value: of the new pixels.

    Raises:
        ValueError: the image's dtype cannot represent the value.
    """

    padding: int | tuple[int, int]
    value: float = 0

    def __post_init__(self) -> None:
        pair("Pad", "padding", self.padding, 0)
        check_type("Pad", "value", self.value, Real, "a number")

    def __call__(self, x: Any) -> ndarray:
        x = _image("Pad", x)
        with np.errstate(invalid="ignore"):  # NaN as an integer
            value = np.asarray(float(self.value)).astype(x.dtype)
        if x.dtype.kind in "iub" and value != self.value:
            raise ValueError(f"Pad: got value {self.value}, which pixels of {x.dtype} cannot have")
        PH, PW = pair("Pad", "padding", self.padding, 0)
        sides = [(0, 0)] * (x.ndim - 2) + [(PH, PH), (PW, PW)]
        return np.pad(x, sides, constant_values=value)


@dataclass(frozen=True)
class CenterCrop:
    """The middle of an image.

    Args:
        size: length of the sides, or (height, width).

    Raises:
        ValueError: the image is smaller.
    """

    size: int | tuple[int, int]

    def __post_init__(self) -> None:
        pair("CenterCrop", "size", self.size, 1)

    def __call__(self, x: Any) -> ndarray:
        x = _image("CenterCrop", x)
        size = pair("CenterCrop", "size", self.size, 1)
        H, W = _room("CenterCrop", x, size)
        return _crop(x, H // 2, W // 2, size)


@dataclass(frozen=True)
class RandomCrop:
    """A crop of an image, at a random position.

    Args:
        size: length of the sides, or (height, width).
        padding: pixels of value 0 that are first added on each side, ≥ 0; or (above and below,
            left and right).

    Raises:
        ValueError: the padded image is smaller.
    """

    size: int | tuple[int, int]
    padding: int | tuple[int, int] = 0

    def __post_init__(self) -> None:
        pair("RandomCrop", "size", self.size, 1)
        pair("RandomCrop", "padding", self.padding, 0)

    def __call__(self, x: Any) -> ndarray:
        x = _image("RandomCrop", x)
        if self.padding != 0:
            x = Pad(self.padding)(x)
        size = pair("RandomCrop", "size", self.size, 1)
        H, W = _room("RandomCrop", x, size)
        top, left = generator().integers((H + 1, W + 1))
        return _crop(x, top, left, size)


@dataclass(frozen=True)
class RandomFlip:
    """Flips an image with probability p.

    Args:
        p: 0 ≤ p ≤ 1.
        vertical: exchanges top and bottom instead of left and right.
    """

    p: float = 0.5
    vertical: bool = False

    def __post_init__(self) -> None:
        p = fraction("RandomFlip", "p", self.p, closed=True)
        _set(self, p=p, vertical=boolean("RandomFlip", "vertical", self.vertical))

    def __call__(self, x: Any) -> ndarray:
        x = _image("RandomFlip", x)
        if generator().random() >= self.p:
            return x
        return x[..., ::-1, :] if self.vertical else x[..., ::-1]


@dataclass(frozen=True)
class Resize:
    """Resizes an image with Pillow's bilinear filter, which averages when it shrinks.

    The values are computed in float32, and rounded for integers.

    Args:
        size: (height, width); or the length of the shorter side, which keeps the aspect ratio.

    Raises:
        ImportError: Pillow is not installed.
        TypeError: the image has neither a floating-point dtype nor uint8.
    """

    size: int | tuple[int, int]

    def __post_init__(self) -> None:
        pair("Resize", "size", self.size, 1)

    def __call__(self, x: Any) -> ndarray:
        try:
            from PIL import Image
        except ImportError as error:
            raise ImportError("Resize: needs Pillow; pip install 'wengert[images]'") from error
        x = _image("Resize", x)
        if x.dtype.kind != "f" and x.dtype != np.uint8:
            raise TypeError(f"Resize: got {x.dtype}, needed uint8 or floats; use ToFloat() before")
        H, W = self._size(*x.shape[-2:])
        # Pillow resizes one channel of bytes or float32 at a time
        planes = x.reshape(-1, *x.shape[-2:])
        planes = planes if x.dtype == np.uint8 else planes.astype(np.float32)
        resized = [
            np.asarray(Image.fromarray(plane).resize((W, H), Image.Resampling.BILINEAR))
            for plane in planes
        ]
        return np.reshape(resized, (*x.shape[:-2], H, W)).astype(x.dtype)

    def _size(self, H: int, W: int) -> tuple[int, int]:
        OH, OW = pair("Resize", "size", self.size, 1)
        if isinstance(self.size, tuple | list):
            return OH, OW
        return round(H * OH / min(H, W)), round(W * OW / min(H, W))


def _image(caller: str, x: Any) -> ndarray:
    x = np.asarray(x)
    if x.ndim not in (2, 3) or x.size == 0:
        raise ValueError(f"{caller}: got x {x.shape}, needed an image, (C, H, W) or (H, W)")
    return x


def _room(caller: str, x: ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """By how many pixels an image is higher and wider than `size`."""
    H, W = (has - needed for has, needed in zip(x.shape[-2:], size, strict=True))
    if H < 0 or W < 0:
        hint = "; is it (H, W, C)? use x.transpose(2, 0, 1)" if x.shape[-1] in (1, 3, 4) else ""
        raise ValueError(
            f"{caller}: got x {x.shape}, which is smaller than {size}{hint or '; pad it first'}"
        )
    return H, W


def _crop(x: ndarray, top: int, left: int, size: tuple[int, int]) -> ndarray:
    return x[..., top : top + size[0], left : left + size[1]]


def _set(transform: Any, **options: Any) -> None:
    """Replaces options of a frozen dataclass by plain values: they print, compare and hash."""
    for name, value in options.items():
        object.__setattr__(transform, name, value)


__all__, __dir__ = public(globals())
