"""Encodings of positions for attention, which itself ignores the order of the keys."""

from __future__ import annotations

import numpy as np

from wengert.arguments import integer, number
from wengert.arrays import DTypeLike
from wengert.core import Function
from wengert.functions.arguments import as_operand
from wengert.functions.precision import in_float
from wengert.functions.types import Input, X

__all__ = ["rotary", "sinusoidal_positions"]


class Rotary(Function):
    """y = x with pair i of the features at position t rotated by the angle t / base^(2i/E).

    Pairs are features i and i + E/2, or neighbours 2i and 2i + 1 (`interleaved`). `back` rotates by
    the negative angles, which gives the gradient.
    """

    def __init__(
        self, offset: int = 0, base: float = 10000.0, interleaved: bool = False, back: bool = False
    ) -> None:
        self.offset = offset
        self.base = base
        self.interleaved = interleaved
        self.back = back

    def forward(self, x):
        T, E = x.shape[-2:]
        angles = _angles(self.offset, T, E, self.base)
        cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
        if self.back:
            sin = -sin
        half = E // 2
        if self.interleaved:
            first, second = (..., slice(0, None, 2)), (..., slice(1, None, 2))
        else:
            first, second = (..., slice(0, half)), (..., slice(half, None))
        a, b = x[first], x[second]
        y = np.empty_like(x)
        y[first] = a * cos - b * sin
        y[second] = a * sin + b * cos
        return y

    def backward(self, gy):
        return Rotary(self.offset, self.base, self.interleaved, not self.back)(gy)

    @staticmethod
    def samples(rng):
        x = rng.normal(size=(2, 3, 4))
        yield (x,)
        yield (x[0],), {"offset": 5, "base": 100.0}
        yield (x,), {"interleaved": True}
        yield (x,), {"offset": 2, "back": True}


@in_float("x", integers=False)
def rotary(x: Input[X], offset: int = 0, *, base: float = 10000.0, interleaved: bool = False) -> X:
    """Rotary positions: rotates pairs of features by angles that grow with the position.

    Apply it to queries and keys: their product then depends on the distance of their positions,
    not on the positions themselves.

    Args:
        x: queries or keys, (..., T, E), E even.
        offset: position of the first step, ≥ 0: in cached generation, the number of steps before.
        base: pair i at position t is rotated by t / base^(2i/E); a larger base suits longer
            sequences.
        interleaved: pairs are neighbours 2i and 2i + 1, as in the paper; else features i and
            i + E/2, as in LLaMA and most published weights.

    Returns:
        Variable, of the shape of x.

    Raises:
        TypeError: x is not of floats, the offset not an integer, or the base not a number.
        ValueError: x has no even number of features, or an option is out of its range.

    Source: J. Su et al., RoFormer, arXiv:2104.09864, section 3.2.
    """
    x, shape = as_operand(x), np.shape(x)
    if len(shape) < 2 or shape[-1] % 2:
        raise ValueError(f"rotary: got x {shape}, needed (..., T, E) with an even E, for pairs")
    if x.dtype.kind != "f":
        raise TypeError(f"rotary: got x of {x.dtype}, needed floats; use x.astype(np.float32)")
    offset, base = integer("rotary", "offset", offset, 0), number("rotary", "base", base, above=0)
    return Rotary(offset, base, interleaved)(x)


def sinusoidal_positions(
    T: int, D: int, offset: int = 0, *, base: float = 10000.0, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Sines and cosines of the positions, to add to the features: a constant table.

    Args:
        T: number of steps.
        D: number of features, even.
        offset: position of the first step, ≥ 0.
        base: features 2i and 2i + 1 at position t are sin and cos of t / base^(2i/D).
        dtype: of the table.

    Returns:
        ndarray, (T, D).

    Raises:
        TypeError: a size or the offset is not an integer, or the base not a number.
        ValueError: T or the offset is negative, D is not even, or the base is not positive.

    Example:
        >>> sinusoidal_positions(2, 4, base=4.0)[0]
        array([0., 1., 0., 1.], dtype=float32)

    Source: A. Vaswani et al., Attention Is All You Need, arXiv:1706.03762, section 3.5.
    """
    name = "sinusoidal_positions"
    T, D, offset = (
        integer(name, "T", T, 0),
        integer(name, "D", D, 0),
        integer(name, "offset", offset, 0),
    )
    base = number(name, "base", base, above=0)
    if D % 2:
        raise ValueError(f"{name}: got D {D}, needed an even D, for pairs")
    angles = _angles(offset, T, D, base)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(T, D).astype(dtype)


def _angles(offset: int, T: int, E: int, base: float) -> np.ndarray:
    """t / base^(2i/E) for the T positions from offset, (T, E/2); in float64, as t may be large."""
    frequencies = base ** (-np.arange(0, E, 2) / max(E, 1))
    return np.multiply.outer(np.arange(offset, offset + T), frequencies)
