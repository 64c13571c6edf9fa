"""Positions, for attention, which by itself knows no order."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.core import Function, Operand, Variable

__all__ = ["rotary", "sinusoidal_positions"]


class Rotary(Function):
    """y = x with pair i of the features at position t turned by the angle t / base^(2i/E).

    Pairs are features i and i + E/2, or neighbours 2i and 2i + 1 (`interleaved`). The gradient is
    turned `back` by the same angles.
    """

    def __init__(
        self, offset: int = 0, base: float = 10000.0, interleaved: bool = False, back: bool = False
    ) -> None:
        self.offset = offset
        self.base = base
        self.interleaved = interleaved
        self.back = back

    def forward(self, x: Any) -> Any:
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

    def backward(self, gy: Any) -> Any:
        return Rotary(self.offset, self.base, self.interleaved, not self.back)(gy)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        x = rng.normal(size=(2, 3, 4))
        yield (x,)
        yield (x[0],), {"offset": 5, "base": 100.0}
        yield (x,), {"interleaved": True}
        yield (x,), {"offset": 2, "back": True}


def rotary(
    x: Operand, offset: int = 0, *, base: float = 10000.0, interleaved: bool = False
) -> Variable:
    """Rotary positions: turns pairs of features by angles that grow with the position.

    Apply it to queries and keys: their product then depends on how far apart they stand alone.

    Args:
        x: queries or keys, (..., T, E), E even.
        offset: position of the first step ≥ 0: in cached generation, how many steps came before.
        base: pair i at position t turns by t / base^(2i/E); a larger base suits longer sequences.
        interleaved: pairs are neighbours 2i and 2i + 1, as in the paper; else features i and
            i + E/2, as in LLaMA and most published weights.

    Returns:
        Variable, of the shape of x.

    Raises:
        TypeError: x is not of floats.
        ValueError: x has no even number of features, or the offset is negative.

    Source: J. Su et al., RoFormer, arXiv:2104.09864, section 3.2.
    """
    shape = np.shape(x)
    if len(shape) < 2 or shape[-1] % 2:
        raise ValueError(f"rotary: got x {shape}, needed (..., T, E) with an even E, for pairs")
    if not isinstance(x, np.ndarray | Variable) or x.dtype.kind != "f":
        raise TypeError("rotary: got x that is no array of floats; use x.astype(np.float32)")
    _check("rotary", offset, base)
    return Rotary(offset, base, interleaved)(x)


def sinusoidal_positions(
    T: int, D: int, offset: int = 0, *, base: float = 10000.0, dtype: Any = np.float32
) -> np.ndarray:
    """Sines and cosines of the position, to add to the features: a constant table.

    Args:
        T: number of steps.
        D: number of features, even.
        offset: position of the first step ≥ 0.
        base: features 2i and 2i + 1 at position t are sin and cos of t / base^(2i/D).
        dtype: of the table.

    Returns:
        ndarray, (T, D).

    Raises:
        ValueError: T or the offset is negative, or D is not even.

    Example:
        >>> sinusoidal_positions(2, 4, base=4.0)[0]
        array([0., 1., 0., 1.], dtype=float32)

    Source: A. Vaswani et al., Attention Is All You Need, arXiv:1706.03762, section 3.5.
    """
    if T < 0 or D < 0 or D % 2:
        raise ValueError(
            f"sinusoidal_positions: got T {T} and D {D}, needed T ≥ 0 and an even D, for pairs"
        )
    _check("sinusoidal_positions", offset, base)
    angles = _angles(offset, T, D, base)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(T, D).astype(dtype)


def _angles(offset: int, T: int, E: int, base: float) -> np.ndarray:
    """t / base^(2i/E) for the T positions from offset, (T, E/2); in float64, for t may be large."""
    frequencies = base ** (-np.arange(0, E, 2) / max(E, 1))
    return np.multiply.outer(np.arange(offset, offset + T), frequencies)


def _check(name: str, offset: int, base: float) -> None:
    if offset < 0:
        raise ValueError(f"{name}: got offset {offset}, needed offset ≥ 0")
    if base <= 0:
        raise ValueError(f"{name}: got base {base}, needed base > 0")
