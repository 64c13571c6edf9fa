"""Normalization to mean 0 and variance 1, over a batch, a layer, or groups of channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert import kernels, tape
from wengert.arguments import boolean, fraction, integer, number
from wengert.arrays import as_array, sum_to, writable
from wengert.config import enable_backprop, training
from wengert.core import Function, Variable
from wengert.dispatch import Axis
from wengert.functions.arguments import as_operand
from wengert.functions.axes import checked_axes
from wengert.functions.precision import in_float
from wengert.functions.shape import reshape
from wengert.functions.types import Input, X
from wengert.functions.zeros import all_zero

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


class Normalize(Function):
    """y = γ x̂ + β with x̂ = (x - μ) / √(v + eps), μ and v the mean and variance over axes.

    γ and β may be left out; they broadcast against x, with as many axes. Without `centered`,
    μ = 0 and v is the mean of the squares.
    """

    def __init__(self, axes: tuple[int, ...], eps: float = 1e-5, centered: bool = True) -> None:
        self.axes = axes
        self.eps = eps
        self.centered = centered

    def forward(self, x, *affine):
        y, *_ = _standardized(x, self.axes, self.eps, self.centered)
        return _affine_map(y, *affine)

    def backward(self, gy):
        return self._backward(gy, self.xs[0])

    def backward_past_zeros(self, gy):
        return self._backward(gy, _masked_groups(self.xs[0], gy, self.axes))

    def _backward(self, gy, x):
        affine = self.xs[1:]
        return _gradients(gy, x, affine, self.needs, self.axes, self.eps, self.centered)

    @staticmethod
    def samples(rng):
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


class BatchNorm(Function):
    """Normalize over all axes but 1; forward moves the running statistics towards the batch's.

    The running statistics are (C,), the variance being the unbiased one; y does not depend on them.
    """

    mutated = ("running_mean", "running_var")

    def __init__(self, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.eps = eps
        self.momentum = momentum

    def forward(self, x, running_mean, running_var, *affine):
        y, mean, var, _ = _standardized(x, _all_but_channels(x), self.eps)
        n = x.size // mean.size
        for running, batch in ((running_mean, mean), (running_var, var * (n / (n - 1)))):
            running += self.momentum * (batch.reshape(-1) - running)
        return _affine_map(y, *affine)

    def backward(self, gy):
        return self._backward(gy, self.xs[0])

    def backward_past_zeros(self, gy):
        return self._backward(gy, _masked_groups(self.xs[0], gy, _all_but_channels(gy)))

    def _backward(self, gy, x):
        affine = self.xs[3:]
        need_x, _, _, *need_affine = self.needs
        needs = [need_x, *need_affine]
        gx, *gaffine = _gradients(gy, x, affine, needs, _all_but_channels(x), self.eps)
        return gx, None, None, *gaffine

    @staticmethod
    def samples(rng):
        x, gamma, beta = (rng.normal(size=s) for s in ((3, 2, 2), (1, 2, 1), (1, 2, 1)))
        yield (x, np.zeros(2), np.ones(2), gamma, beta)
        yield (x[..., 0], np.zeros(2), np.ones(2)), {"eps": 0.1, "momentum": 0.5}


class BatchNormInference(Function):
    """y = γ (x - μ) r + β with r = 1 / √(v + eps), for a given mean μ and variance v, (C,).

    With s = Σ gy and t = Σ gy (x - μ), sums over all axes but 1:
    gx = γ r gy,  gμ = -γ r s,  gv = -γ r³ t / 2,  gγ = r t,  gβ = s.
    """

    saved = ("statistics",)  # copies of μ and v, because training changes running statistics

    def __init__(self, eps: float = 1e-5) -> None:
        self.eps = eps

    def forward(self, x, mean, var, *affine):
        self.statistics = mean.copy(), var.copy()
        mean, var = (_by_channel(statistic, x) for statistic in (mean, var))
        scale = _affine_map(1 / np.sqrt(var + self.eps), *affine[:1])
        return x * scale + _affine_map(-mean * scale, None, *affine[1:])

    def backward(self, gy):
        return self._backward(gy, self.xs[0])

    def backward_past_zeros(self, gy):
        return self._backward(gy, _masked_groups(self.xs[0], gy, ()))

    def _backward(self, gy, x):
        affine = self.xs[3:]
        need_x, *need_others = self.needs
        mean, var = (_by_channel(statistic, x) for statistic in self._statistics())
        r = 1 / np.sqrt(var + self.eps)
        factor = _affine_map(r, *affine[:1])
        gx = gy * factor if need_x else None
        if not any(need_others):
            return gx, *[None for _ in need_others]
        axes = _all_but_channels(x)
        s = kernels.sum_over(gy, axes)
        t = kernels.sum_over(gy * x, axes) - mean * s
        gradients = (-factor * s).reshape(-1), (-0.5 * factor * r * r * t).reshape(-1), r * t, s
        return gx, *[g if need else None for g, need in zip(gradients, need_others, strict=False)]

    def _statistics(self) -> Sequence[Any]:
        """μ and v of the forward: Variables if their gradients are recorded, else arrays."""
        if not (enable_backprop.get() and any(self.needs[1:3])):
            return self.statistics
        variables = self.xs[1:3]
        for now, then in zip(variables, self.statistics, strict=True):
            if not np.array_equal(now.data, then, equal_nan=True):
                raise RuntimeError(
                    "BatchNormInference: the mean or variance was changed in place after the call; "
                    "a recorded backward pass needs it: change it afterwards, or use a copy"
                )
        return variables

    @staticmethod
    def samples(rng):
        x, gamma, beta = (rng.normal(size=s) for s in ((3, 2, 2), (1, 2, 1), (1, 2, 1)))
        mean, var = rng.normal(size=2), rng.uniform(1, 2, size=2)
        yield (x, mean, var, gamma, beta)
        yield (x, mean, var, gamma), {"eps": 0.1}
        yield (x[..., 0], mean, var)


def _gradients(
    gy: Any,
    x: Any,
    affine: Sequence[Any],
    needs: Sequence[bool],
    axes: tuple[int, ...],
    eps: float,
    centered: bool = True,
) -> tuple[Any, ...]:
    """The gradients of x, γ and β for y = γ x̂ + β, x̂ = (x - μ) / √(v + eps).

    gγ = Σ gy x̂,  gβ = Σ gy,  gx = (g - mean g - x̂ mean(g x̂)) / √(v + eps) with g = γ gy; mean g is
    left out without `centered`.
    """
    need_x, *need_affine = needs
    # (from x, because a v kept by the forward would be a constant to the next derivative)
    y, _, _, factor = _standardized(x, axes, eps, centered)
    gyy = gy * y
    sums = [kernels.sum_over(gyy, axes), kernels.sum_over(gy, axes)]
    gaffine = [
        None if not need else total if total.shape == p.shape else sum_to(g, p.shape)
        for g, total, p, need in zip((gyy, gy), sums, affine, need_affine, strict=False)
    ]
    if not need_x:
        return None, *gaffine
    if affine:
        (gamma, *_) = affine
        if all(gamma.shape[i] == 1 for i in axes):  # γ can be taken out of the means
            factor = factor * gamma
        else:
            gy, gyy = gy * gamma, gyy * gamma
            sums = [kernels.sum_over(gyy, axes), kernels.sum_over(gy, axes)]
    n = math.prod([x.shape[i] for i in axes])
    gx = gy - y * (sums[0] * (1 / n))
    if centered:
        gx = gx - sums[1] * (1 / n)
    return gx * factor, *gaffine


def _standardized(x: Any, axes: tuple[int, ...], eps: float, centered: bool = True) -> Any:
    """`kernels.standardize`; with a scale, if a variance overflows without one."""
    found = kernels.standardize(x, axes, eps, centered)
    scale = kernels.scale_of(as_array(x), axes, as_array(found[2]))
    return found if scale is None else kernels.standardize(x, axes, eps, centered, scale)


def _masked_groups(x: Any, gy: Any, axes: tuple[int, ...]) -> Any:
    """x, with 0 for groups of elements with NaN or infinity whose gradients are all 0."""
    unused = all_zero(gy, axes)
    finite = np.all(np.isfinite(x), axis=axes, keepdims=True)
    return np.where(np.logical_and(unused, np.logical_not(finite)), 0, x)


def _all_but_channels(x: Any) -> tuple[int, ...]:
    """The axes that batch normalization averages over."""
    return (0, *range(2, x.ndim))


def _by_channel(values, x):
    """Values (C,), in a shape that broadcasts against x (N, C, ...)."""
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))


def _affine_map(y, gamma=None, beta=None):
    """γ y + β; None leaves a term out."""
    if gamma is not None:
        y = y * gamma
    return y if beta is None else y + beta


# ---- Public functions ----


@in_float("x", "gamma", "beta")
def batch_norm(
    x: Input[X],
    gamma: Input[X] | None = None,
    beta: Input[X] | None = None,
    running_mean: X | np.ndarray | None = None,
    running_var: X | np.ndarray | None = None,
    *,
    momentum: float = 0.1,
    eps: float = 1e-5,
    train: bool | None = None,
) -> X:
    """y = γ (x - μ) / √(v + eps) + β, with the mean μ and variance v of each channel.

    In training they are the statistics of this batch, and the running statistics are moved towards
    them, in place. In inference mode, they are the running statistics.

    Args:
        x: (N, C) or (N, C, ...).
        gamma: (C,), or None for 1.
        beta: (C,), or None for 0.
        running_mean: (C,), or None to use the statistics of the batch in inference mode too.
        running_var: (C,), of the unbiased variance, or None together with running_mean.
        momentum: weight of this batch in the running statistics, 0 ≤ momentum ≤ 1.
        eps: added to the variance, > 0.
        train: True for the statistics of the batch, False for the running ones; None follows the
            mode.

    Raises:
        TypeError: an option is of the wrong kind.
        ValueError: a shape does not fit, an option is out of its range, or a channel has only one
            number, whose variance is 0.

    Source: S. Ioffe, C. Szegedy, arXiv:1502.03167.
    """
    name = "batch_norm"
    shape: tuple[int, ...] = np.shape(x)
    if len(shape) < 2:
        raise ValueError(f"batch_norm: got x {shape}, needed (N, C) or (N, C, ...)")
    C = shape[1]
    by_channel = (1, C) + (1,) * (len(shape) - 2)
    affine = _affine(name, (C,), by_channel, gamma, beta)
    eps = number(name, "eps", eps, above=0)
    running = _running(running_mean, running_var, C)
    x = as_operand(x)
    if running and not (training() if train is None else boolean(name, "train", train)):
        return BatchNormInference(eps)(x, *_as_read(running), *affine)
    momentum = fraction("batch_norm", "momentum", momentum, closed=True)
    if math.prod(shape) <= C:
        raise ValueError(
            f"batch_norm: got x {shape}, needed more than one number in each channel; "
            f"use a larger batch, model.eval(), or DataLoader(..., drop_last=True), which leaves "
            f"out a last batch of one sample"
        )
    if not running or not tape.may_change(*[r for r in running if isinstance(r, Variable)]):
        return Normalize((0, *range(2, len(shape))), eps)(x, *affine)
    for r in running:
        if isinstance(r, Variable):
            writable(r)  # earlier calls keep the statistics that they were recorded with
    return BatchNorm(eps, momentum)(x, *running, *affine)


@in_float("x", "gamma", "beta")
def layer_norm(
    x: Input[X],
    gamma: Input[X] | None = None,
    beta: Input[X] | None = None,
    *,
    axis: Axis = -1,
    eps: float = 1e-5,
) -> X:
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
    axes, affine = _over_axes("layer_norm", x, axis, gamma, beta)
    eps = number("layer_norm", "eps", eps, above=0)
    return Normalize(axes, eps)(as_operand(x), *affine)


@in_float("x", "gamma")
def rms_norm(
    x: Input[X], gamma: Input[X] | None = None, *, axis: Axis = -1, eps: float = 1e-5
) -> X:
    """y = γ x / √(mean x² + eps) along `axis`: `layer_norm` without its mean and β.

    Source: B. Zhang, R. Sennrich, arXiv:1910.07467.
    """
    axes, affine = _over_axes("rms_norm", x, axis, gamma, None)
    eps = number("rms_norm", "eps", eps, above=0)
    return Normalize(axes, eps, centered=False)(as_operand(x), *affine)


@in_float("x", "gamma", "beta")
def group_norm(
    x: Input[X],
    groups: int,
    gamma: Input[X] | None = None,
    beta: Input[X] | None = None,
    *,
    eps: float = 1e-5,
) -> X:
    """y = γ (x - μ) / √(v + eps) + β, with μ and v of each sample's groups of channels.

    Args:
        x: (N, C) or (N, C, ...).
        groups: number of groups of consecutive channels.
        gamma: (C,), or None for 1.
        beta: (C,), or None for 0.
        eps: added to the variance, > 0.

    Raises:
        TypeError: `groups` is not an integer.
        ValueError: a shape does not fit, C is not a multiple of `groups`, or eps is not positive.

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


@in_float("x", "gamma", "beta")
def instance_norm(
    x: Input[X],
    gamma: Input[X] | None = None,
    beta: Input[X] | None = None,
    *,
    eps: float = 1e-5,
) -> X:
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


def _grouped(name: str, x: Any, groups: int, gamma: Any, beta: Any, eps: float) -> Any:
    """Normalize over the channels of a group and all axes after them."""
    N, C, *rest = shape = np.shape(x)
    size = C // max(groups, 1)
    affine = _affine(name, (C,), (1, groups, size, 1), gamma, beta)
    eps = number(name, "eps", eps, above=0)
    y = Normalize((2, 3), eps)(np.reshape(x, (N, groups, size, math.prod(rest))), *affine)
    return reshape(y, shape)


def _over_axes(
    name: str, x: Any, axis: Axis, gamma: Any, beta: Any
) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    shape = np.shape(x)
    axes = tuple(range(len(shape))) if axis is None else checked_axes(name, axis, shape)
    axes = tuple(sorted(axes))
    kept = tuple([n if i in axes else 1 for i, n in enumerate(shape)])
    return axes, _affine(name, tuple([shape[i] for i in axes]), kept, gamma, beta)


def _affine(
    name: str, shape: tuple[int, ...], broadcast: tuple[int, ...], gamma: Any, beta: Any
) -> tuple[Any, ...]:
    """γ and β, both, one or none, checked and reshaped so that they broadcast against x."""
    for letter, p in (("gamma", gamma), ("beta", beta)):
        if p is not None and np.shape(p) != shape:
            raise ValueError(f"{name}: got {letter} {np.shape(p)}, needed {shape}")
    if gamma is None and beta is not None:
        gamma = np.ones(shape, as_array(beta).dtype)
    return tuple([np.reshape(p, broadcast) for p in (gamma, beta) if p is not None])


def _as_read(running: Any) -> tuple[Any, ...]:
    """The running statistics; in a repetition of an earlier call, those of that call."""
    if tape.running.get() is None or any(getattr(r, "requires_grad", False) for r in running):
        return running
    return tape.read(tuple([as_array(r).copy() for r in running]))


def _running(mean: Any, var: Any, C: int) -> tuple[Any, ...]:
    """The running statistics, checked: both or none."""
    if mean is None and var is None:
        return ()
    for name, r in (("running_mean", mean), ("running_var", var)):
        if not isinstance(r, np.ndarray | Variable):
            raise TypeError(f"batch_norm: got {name} {r!r}, needed an array to write into")
        if r.shape != (C,):
            raise ValueError(f"batch_norm: got {name} {r.shape}, needed ({C},)")
    return mean, var
