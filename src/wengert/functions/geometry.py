"""Checks of the options of kernels and windows that move over images."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from wengert.arguments import integers
from wengert.kernels import Geometry

Sizes: TypeAlias = int | Sequence[int]
Pairs: TypeAlias = tuple[tuple[int, int], ...]
Padding: TypeAlias = int | str | Sequence[int] | Sequence[tuple[int, int]]


def checked_geometry(
    name: str,
    x_shape: tuple[int, ...],
    kernel: Sequence[int],
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Geometry:
    """The geometry of a kernel of that size that moves over x.

    Raises:
        TypeError: an option is not an integer.
        ValueError: an option does not fit the number of axes, or the kernel is larger than x.
    """
    strides = per_axis(name, "stride", stride, len(kernel), 1)
    dilations = per_axis(name, "dilation", dilation, len(kernel), 1)
    pairs = padding_pairs(name, padding, x_shape[2:], kernel, strides, dilations)
    geometry = Geometry(tuple(kernel), strides, pairs, dilations, groups)
    check_kernel_fits(name, geometry, x_shape)
    return geometry


def check_kernel_fits(name: str, geometry: Geometry, x_shape: tuple[int, ...]) -> None:
    """Raises ValueError for a kernel that is larger than x with its padding."""
    if min(geometry.output_sizes(x_shape[2:])) < 1:
        kernel, dilation = geometry.kernel, geometry.dilation
        extent = tuple([(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)])
        dilated = f", {extent} with dilation {dilation}," if max(dilation) > 1 else ""
        raise ValueError(
            f"{name}: the kernel {kernel}{dilated} is larger than x {x_shape}, which is "
            f"{geometry.padded_sizes(x_shape[2:])} with its padding; use a smaller kernel or more "
            f"padding"
        )


def per_axis(name: str, argument: str, value: Any, n_axes: int, least: int) -> tuple[int, ...]:
    """An integer ≥ `least`, or one for each of `n_axes` axes, as a tuple with one for each axis."""
    numbers = (value,) if type(value) is int else integers(name, argument, value)
    if len(numbers) == 1:
        numbers *= n_axes
    if len(numbers) != n_axes or min(numbers) < least:
        raise ValueError(
            f"{name}: got {argument} {value}, needed an integer ≥ {least}, or {n_axes} of them"
        )
    return numbers


def padding_pairs(
    name: str,
    padding: Padding,
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Pairs:
    """(before, after) for each spatial axis."""
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"{name}: got padding {padding!r}, needed 'same', 'valid' or numbers")
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        axes = zip(sizes, kernel, stride, dilation, strict=True)
        totals = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in axes]
        return tuple([(total // 2, total - total // 2) for total in totals])
    if isinstance(padding, Sequence) and not all(hasattr(p, "__index__") for p in padding):
        pairs = [integers(name, "padding", p) for p in padding]
        if len(pairs) != len(kernel) or any(len(p) != 2 or min(p) < 0 for p in pairs):
            raise ValueError(
                f"{name}: got padding {padding}, needed {len(kernel)} pairs (before, after) of "
                f"integers ≥ 0"
            )
        return tuple([(before, after) for before, after in pairs])
    return tuple([(p, p) for p in per_axis(name, "padding", padding, len(kernel), 0)])
