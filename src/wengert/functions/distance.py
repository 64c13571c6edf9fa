"""Similarity and distance of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arguments import number
from wengert.functions.activation import relu
from wengert.functions.arithmetic import div
from wengert.functions.axes import checked_axis
from wengert.functions.norms import norm
from wengert.functions.piecewise import maximum, minimum
from wengert.functions.precision import in_float
from wengert.functions.reduce import sum
from wengert.functions.reduction import reduced, same_shape
from wengert.functions.types import Input, X

__all__ = ["cosine_similarity", "triplet_margin"]


@in_float("x0", "x1")
def cosine_similarity(x0: Input[X], x1: Input[X], *, axis: int = -1, eps: float = 1e-8) -> X:
    """x0ᵀ x1 / (|x0| |x1|) along `axis`, -1 to 1: the cosine of the angle between vectors.

    Args:
        x0: vectors along `axis`.
        x1: vectors along `axis`; broadcasts against x0.
        axis: axis of the vectors.
        eps: smallest norm to divide by, so that a vector of zeros has a derivative.

    Raises:
        ValueError: the vectors have different lengths, or there is no such axis.
    """
    shape0, shape1 = np.shape(x0), np.shape(x1)
    for shape in (shape0, shape1):
        checked_axis("cosine_similarity", axis, shape)
    if shape0[axis] != shape1[axis]:
        raise ValueError(
            f"cosine_similarity: got x0 {shape0} and x1 {shape1}, needed equal lengths along axis "
            f"{axis}"
        )
    eps = number("cosine_similarity", "eps", eps, above=0)
    unit0, unit1 = (div(x, maximum(norm(x, axis=axis, keepdims=True), eps)) for x in (x0, x1))
    return sum(unit0 * unit1, axis=axis)


@in_float("x")
def triplet_margin(
    x: Input[X],
    positive: Input[X],
    negative: Input[X],
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> X:
    """max(0, margin + |x - positive| - |x - negative|): the triplet margin loss.

    Args:
        x: vectors (anchors), (N, D) or (..., D).
        positive: a vector that should be near, for each anchor, in x's shape.
        negative: a vector that should be far away, for each anchor, in x's shape.
        margin: how much larger the second distance should be.
        p: order of the norm, p ≥ 1; inf for the largest difference.
        eps: added to each difference, so that equal vectors have a derivative.
        swap: use |positive - negative| as the second distance where it is smaller.
        reduction: "mean" over the vectors, "sum", or "none": (N,) or (...).

    Raises:
        ValueError: the shapes differ, x is 0-d, or an option is out of range.
    """
    name = "triplet_margin"
    x, positive, _ = same_shape(name, x, positive, reduction)
    x, negative, _ = same_shape(name, x, negative, reduction)
    if np.ndim(x) == 0:
        raise ValueError("triplet_margin: got x (), needed vectors, (N, D)")
    p = p if p == np.inf else number(name, "p", p, least=1)
    margin, eps = number(name, "margin", margin), number(name, "eps", eps, least=0)
    near: Any = norm(x - positive + eps, p, axis=-1)
    far: Any = norm(x - negative + eps, p, axis=-1)
    if swap:
        far = minimum(far, norm(positive - negative + eps, p, axis=-1))
    return reduced(relu(near - far + margin), reduction)
