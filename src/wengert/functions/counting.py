"""What the mean of a loss or a metric divides by, to combine the results of batches.

The mean over a data set is not the mean of its batches' means, but each of these times its count,
divided by the sum of the counts. The count is not always the number of samples: labels may be
ignored, or classes may have weights. So each loss and metric records its count:

    with counting() as counts:
        loss = F.softmax_cross_entropy(y, t, ignore_index=-1)
    counts.losses  # [7], if 7 labels are not -1
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, TypeVar

T = TypeVar("T")


class Counts:
    """What the losses and the metrics of a block have divided by, in the order of their calls.

    Attributes:
        losses: numbers of elements, or sums of weights; None for a sum over the samples.
        metrics: numbers of samples.
        sums: the results of the losses that are sums.
    """

    __slots__ = ("_before", "losses", "metrics", "sums")

    _before: Token[Counts | None]

    def __init__(self) -> None:
        self.losses: list[float | None] = []
        self.metrics: list[float | None] = []
        self.sums: list[Any] = []

    def __repr__(self) -> str:
        return f"Counts(losses={self.losses}, metrics={self.metrics})"

    def __enter__(self) -> Counts:
        self._before = _counts.set(self)
        return self

    def __exit__(self, *error: object) -> None:
        _counts.reset(self._before)


def counting() -> Counts:
    """Within `with counting() as counts:`, losses and metrics record what they divide by.

    A loss without elements, such as that of a batch whose labels are all ignored, is 0 within the
    block and not an error: its count is 0.
    """
    return Counts()


def record_divisor(n: float | None) -> bool:
    """Records what a loss divides by; returns whether a `counting` block is open."""
    counts = _counts.get()
    if counts is None:
        return False
    counts.losses.append(n)
    return True


def record_sum(y: T) -> T:
    """`y`, which is recorded as a loss that is a sum."""
    counts = _counts.get()
    if counts is not None:
        counts.sums.append(y)
    return y


def record_samples(n: float) -> None:
    """Records what a metric divides by."""
    counts = _counts.get()
    if counts is not None:
        counts.metrics.append(n)


def record_in_outer(counts: Counts) -> None:
    """Records in the outer block what the losses in an inner one, now closed, have divided by."""
    outer = _counts.get()
    if outer is not None:
        outer.losses += counts.losses
        outer.sums += counts.sums


_counts: ContextVar[Counts | None] = ContextVar("counts", default=None)
