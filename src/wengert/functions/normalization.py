"""Normalisation: mean 0 and variance 1, over a batch, a layer, a group of channels, or one."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.arguments import integer
from wengert.arrays import as_array
from wengert.config import train
from wengert.core import Function, Operand, Variable
from wengert.dispatch import Axis
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axes
from wengert.functions.shape import reshape, sum_to

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


class Normalize(Function):
    """y = γ x̂ + β with x̂ = (x - μ) / σ, σ = √(v + eps), μ and v the mean and variance over axes.

    gγ = Σ gy x̂,  gβ = Σ gy,  gx = (g - mean g - x̂ mean(g x̂)) / σ with g = γ gy.

    γ and β may be left out; they broadcast against x, with as many axes. With `centered` False,
    μ = 0, and mean g is left out of gx.
    """

    def __init__(self, axes: tuple[int, ...], eps: float = 1e-5, centered: bool = True) -> None:
        self.axes = axes
        self.eps = eps
        self.centered = centered

    def forward(self, x: Any, *affine: Any) -> Any:
        y, _, _ = self.standard(x)
        return _transformed(y, *affine)

    def standard(self, x: Any) -> tuple[Any, Any, Any]:
        """x̂, μ (None if not centered) and v."""
        mean = _mean(x, self.axes) if self.centered else None
        y = x - mean if self.centered else x
        var = _mean(np.square(y), self.axes)
        return y * (1 / np.sqrt(var + self.eps)), mean, var

    def backward(self, gy: Any) -> Any:
        x, *affine = self.xs
        need_x, *need_affine = self.needs
        # (from x, since a σ kept from the forward would be a constant to the next derivative)
        y, _, var = self.standard(x)
        gyy = gy * y
        sums = [_sum(gyy, self.axes), _sum(gy, self.axes)]
        gaffine = [
            None if not need else total if total.shape == p.shape else sum_to(g, p.shape)
            for g, total, p, need in zip((gyy, gy), sums, affine, need_affine, strict=False)
        ]
        if not need_x:
            return None, *gaffine
        factor = 1 / np.sqrt(var + self.eps)
        if affine:
            (gamma, *_) = affine
            if all(gamma.shape[i] == 1 for i in self.axes):  # γ moves out of the means
                factor = factor * gamma
            else:
                gy, gyy = gy * gamma, gyy * gamma
                sums = [_sum(gyy, self.axes), _sum(gy, self.axes)]
        n = math.prod([x.shape[i] for i in self.axes])
        gx = gy - y * (sums[0] * (1 / n))
        if self.centered:
            gx = gx - sums[1] * (1 / n)
        return gx * factor, *gaffine

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        for shape, axes, size in [
            ((4, 3), (0,), (1, 3)),
            ((3, 2, 2, 2), (0, 2, 3), (1, 2, 1, 1)),
            ((2, 4), (1,), (1, 4)),
            ((2, 2, 2, 3), (2, 3), (1, 2, 2, 1)),
        ]:
            x, gamma, beta = (rng.normal(size=s) for s in (shape, size, size))
            yield (x, gamma, beta), {"axes": axes}
            yield (x, gamma), {"axes": axes, "centered": False}
            yield (x,), {"axes": axes, "eps": 0.1}


class BatchNorm(Normalize):
    """Normalize over all axes but 1; forward moves the running statistics towards the batch's."""

    def __init__(
        self,
        axes: tuple[int, ...],
        eps: float = 1e-5,
        running: tuple[np.ndarray, np.ndarray] | None = None,
        momentum: float = 0.1,
    ) -> None:
        super().__init__(axes, eps)
        self.running = running
        self.momentum = momentum

    def forward(self, x: Any, *affine: Any) -> Any:
        y, mean, var = self.standard(x)
        if self.running is not None:
            n = x.size // mean.size
            for running, batch in zip(self.running, (mean, var * (n / (n - 1))), strict=True):
                running += self.momentum * (batch.reshape(-1) - running)
        return _transformed(y, *affine)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Iterator[Any]:
        x, gamma, beta = (rng.normal(size=s) for s in ((3, 2, 2), (1, 2, 1), (1, 2, 1)))
        yield (x, gamma, beta), {"axes": (0, 2)}
        yield (x, gamma, beta), {"axes": (0, 2), "running": (np.zeros(2), np.ones(2))}


def _sum(x: Any, axes: tuple[int, ...]) -> Any:
    """The sum over axes, which are kept. Adding up whole samples first is several times faster."""
    if axes[0] == 0 and len(axes) > 1:
        x, axes = np.sum(x, axis=0, keepdims=True), axes[1:]
    return np.sum(x, axis=axes, keepdims=True)


def _mean(x: Any, axes: tuple[int, ...]) -> Any:
    return _sum(x, axes) * (1 / math.prod([x.shape[i] for i in axes]))


def _transformed(y: Any, gamma: Any = None, beta: Any = None) -> Any:
    """γ y + β, as far as they are there."""
    if gamma is not None:
        y = y * gamma
    return y if beta is None else y + beta


# ---- Doorways ----


def batch_norm(
    x: Operand,
    gamma: Operand | None = None,
    beta: Operand | None = None,
    running_mean: np.ndarray | None = None,
    running_var: np.ndarray | None = None,
    *,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Variable:
    """y = γ (x - μ) / √(v + eps) + β, with the mean μ and variance v of each channel.

    In training they are those of this batch, and the running statistics, written into in place,
    move towards them. In test mode, they are the running statistics.

    Args:
        x: (N, C) or (N, C, ...).
        gamma: (C,), or None for 1.
        beta: (C,), or None for 0.
        running_mean: (C,), or None: then the statistics are those of the batch in test mode too.
        running_var: (C,), of the unbiased variance; None together with running_mean.
        momentum: share, 0 to 1, of the new in the running statistics.
        eps: added to the variance, > 0.

    Raises:
        ValueError: a shape does not fit, an option is out of its range, or there is one number in a
            channel, whose variance is 0.

    Source: S. Ioffe, C. Szegedy, arXiv:1502.03167.
    """
    name, shape = "batch_norm", np.shape(x)
    if len(shape) < 2:
        raise ValueError(f"batch_norm: got x {shape}, needed (N, C) or (N, C, ...)")
    C = shape[1]
    spread = (1, C) + (1,) * (len(shape) - 2)
    affine = _affine(name, (C,), spread, gamma, beta)
    _check_eps(name, eps)
    running = _running(running_mean, running_var, C)
    if running is not None and not train.get():
        mean, var = (r.reshape(spread) for r in running)
        scale = _transformed(1 / np.sqrt(var + eps), *affine[:1])
        return x * scale + _transformed(-mean * scale, None, *affine[1:])
    if not 0 <= momentum <= 1:
        raise ValueError(f"batch_norm: got momentum {momentum}, needed 0 to 1")
    if math.prod(shape) <= C:
        raise ValueError(
            f"batch_norm: got x {shape}, needed more than one number in each channel; "
            f"use a larger batch, or wg.test_mode()"
        )
    axes = (0, *range(2, len(shape)))
    return BatchNorm(axes, eps, running, momentum)(as_operand(x), *affine)


def layer_norm(
    x: Operand,
    gamma: Operand | None = None,
    beta: Operand | None = None,
    *,
    axis: Axis = -1,
    eps: float = 1e-5,
) -> Variable:
    """y = γ (x - μ) / √(v + eps) + β, with the mean μ and variance v along `axis`.

    Args:
        x: (N, D), (B, T, D) or any other shape.
        gamma: of x's sizes along `axis`, (D,), or None for 1.
        beta: as gamma, or None for 0.
        axis: one axis, a tuple of axes, or all (None).
        eps: added to the variance, > 0.

    Raises:
        ValueError: a shape does not fit, there is no such axis, or eps is not positive.

    Source: J. Ba, J. Kiros, G. Hinton, arXiv:1607.06450.
    """
    axes, affine = _over_axes("layer_norm", x, axis, gamma, beta, eps)
    return Normalize(axes, eps)(as_operand(x), *affine)


def rms_norm(
    x: Operand, gamma: Operand | None = None, *, axis: Axis = -1, eps: float = 1e-5
) -> Variable:
    """y = γ x / √(mean x² + eps) along `axis`: `layer_norm` without its mean and β.

    Source: B. Zhang, R. Sennrich, arXiv:1910.07467.
    """
    axes, affine = _over_axes("rms_norm", x, axis, gamma, None, eps)
    return Normalize(axes, eps, centered=False)(as_operand(x), *affine)


def group_norm(
    x: Operand,
    groups: int,
    gamma: Operand | None = None,
    beta: Operand | None = None,
    *,
    eps: float = 1e-5,
) -> Variable:
    """y = γ (x - μ) / √(v + eps) + β, with μ and v of each sample's groups of channels.

    Args:
        x: (N, C) or (N, C, ...).
        groups: into how many groups of neighbours the C channels are divided.
        gamma: (C,), or None for 1.
        beta: (C,), or None for 0.
        eps: added to the variance, > 0.

    Raises:
        TypeError: `groups` is not an integer.
        ValueError: a shape does not fit, C is no multiple of `groups`, or eps is not positive.

    Source: Y. Wu, K. He, arXiv:1803.08494.
    """
    shape = np.shape(x)
    groups = integer("group_norm", "groups", groups)
    if len(shape) < 2 or groups < 1 or shape[1] % groups:
        raise ValueError(
            f"group_norm: got x {shape} and groups {groups}, needed (N, C) or (N, C, ...), "
            f"C a multiple of groups"
        )
    return _grouped("group_norm", x, groups, gamma, beta, eps)


def instance_norm(
    x: Operand,
    gamma: Operand | None = None,
    beta: Operand | None = None,
    *,
    eps: float = 1e-5,
) -> Variable:
    """y = γ (x - μ) / √(v + eps) + β, with μ and v of each channel of each sample.

    Args:
        x: (N, C, L), (N, C, H, W) or (N, C, ...).
        gamma: (C,), or None for 1.
        beta: (C,), or None for 0.
        eps: added to the variance, > 0.

    Raises:
        ValueError: a shape does not fit, a channel has only one number, or eps is not positive.

    Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, arXiv:1607.08022.
    """
    shape = np.shape(x)
    if math.prod(shape[2:]) <= 1:
        raise ValueError(
            f"instance_norm: got x {shape}, needed (N, C, ...) with more than one number in each "
            f"channel"
        )
    return _grouped("instance_norm", x, shape[1], gamma, beta, eps)


def _grouped(name: str, x: Any, groups: int, gamma: Any, beta: Any, eps: float) -> Variable:
    """Normalize over (C / groups, the rest of the axes as one)."""
    N, C, *rest = shape = np.shape(x)
    size = C // max(groups, 1)
    affine = _affine(name, (C,), (1, groups, size, 1), gamma, beta)
    _check_eps(name, eps)
    y = Normalize((2, 3), eps)(np.reshape(x, (N, groups, size, math.prod(rest))), *affine)
    return reshape(y, shape)


def _over_axes(
    name: str, x: Any, axis: Axis, gamma: Any, beta: Any, eps: float
) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    shape = np.shape(x)
    axes = tuple(range(len(shape))) if axis is None else checked_axes(name, axis, shape)
    axes = tuple(sorted(axes))
    spread = tuple([n if i in axes else 1 for i, n in enumerate(shape)])
    _check_eps(name, eps)
    return axes, _affine(name, tuple([shape[i] for i in axes]), spread, gamma, beta)


def _affine(
    name: str, shape: tuple[int, ...], spread: tuple[int, ...], gamma: Any, beta: Any
) -> tuple[Any, ...]:
    """γ and β of that shape, spread so that they broadcast against x: both, one or none."""
    for letter, p in (("gamma", gamma), ("beta", beta)):
        if p is not None and np.shape(p) != shape:
            raise ValueError(f"{name}: got {letter} {np.shape(p)}, needed {shape}")
    if gamma is None and beta is not None:
        gamma = np.ones(shape, as_array(beta).dtype)
    return tuple([np.reshape(p, spread) for p in (gamma, beta) if p is not None])


def _check_eps(name: str, eps: float) -> None:
    if not eps > 0:
        raise ValueError(f"{name}: got eps {eps}, needed a number > 0")


def _running(mean: Any, var: Any, C: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The arrays that running statistics are in."""
    if mean is None and var is None:
        return None
    for letter, r in (("running_mean", mean), ("running_var", var)):
        if not isinstance(r, np.ndarray | Variable):
            raise TypeError(f"batch_norm: got {letter} {r!r}, needed an array to write into")
        if r.shape != (C,):
            raise ValueError(f"batch_norm: got {letter} {r.shape}, needed ({C},)")
    return as_array(mean), as_array(var)
