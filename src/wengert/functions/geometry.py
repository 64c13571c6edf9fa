"""The geometry of kernels and windows that move over images: options, checked."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from wengert import kernels
from wengert.arguments import integers

Sizes: TypeAlias = int | Sequence[int]
Pairs: TypeAlias = Sequence[tuple[int, int]]
Padding: TypeAlias = int | str | Sequence[int] | Pairs


def checked_geometry(
    name: str,
    x_shape: tuple[int, ...],
    kernel: Sequence[int],
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
) -> tuple[tuple[tuple[int, ...], Pairs, tuple[int, ...]], tuple[int, ...]]:
    """Stride, padding and dilation for each spatial axis; and the sizes of y.

    Raises:
        TypeError: an option is not an integer.
        ValueError: an option does not fit the number of axes, or the kernel is larger than x.
    """
    strides = per_axis(name, "stride", stride, len(kernel), 1)
    dilations = per_axis(name, "dilation", dilation, len(kernel), 1)
    pairs = padding_pairs(name, padding, x_shape[2:], kernel, strides, dilations)
    frame = [n + a + b for n, (a, b) in zip(x_shape[2:], pairs, strict=True)]
    out = kernels.places(frame, kernel, strides, dilations)
    if min(out) < 1:
        spread = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        dilated = f", {tuple(spread)} with dilation {dilation}," if max(dilations) > 1 else ""
        raise ValueError(
            f"{name}: the kernel {tuple(kernel)}{dilated} is larger than x {x_shape}, which is "
            f"{tuple(frame)} with its padding; use a smaller kernel or more padding"
        )
    return (strides, pairs, dilations), out


def per_axis(name: str, argument: str, value: Any, n_axes: int, least: int) -> tuple[int, ...]:
    """A number, or one for each of `n_axes` axes, as a tuple; each is at least `least`."""
    numbers = integers(name, argument, value)
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
            return [(0, 0)] * len(kernel)
        axes = zip(sizes, kernel, stride, dilation, strict=True)
        totals = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in axes]
        return [(total // 2, total - total // 2) for total in totals]
    if isinstance(padding, Sequence) and not all(hasattr(p, "__index__") for p in padding):
        pairs = [integers(name, "padding", p) for p in padding]
        if len(pairs) != len(kernel) or any(len(p) != 2 or min(p) < 0 for p in pairs):
            raise ValueError(
                f"{name}: got padding {padding}, needed {len(kernel)} pairs (before, after) of "
                f"integers ≥ 0"
            )
        return [(before, after) for before, after in pairs]
    return [(p, p) for p in per_axis(name, "padding", padding, len(kernel), 0)]
