"""Plain functions as metrics: whether one is a mean over samples, and what it divides by."""

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np

from wengert.arguments import text_of
from wengert.data.collate import combine
from wengert.functions.arithmetic import Cast
from wengert.functions.counting import Counts, counting
from wengert.training.kept import Whole, leaves
from wengert.training.metrics import number
from wengert.training.order import outputs_first

Function: TypeAlias = Callable[[Any, Any], Any]  # (y, t) -> number, such as F.accuracy

UNDECIDED = 2**22  # numbers that are kept while it is not known whether a function is a mean
MOST = 2**26  # numbers that are kept for a function that is no mean: 256 MB in float32
TOLERANCE = 1e-4  # relative, of means over samples in float32
SAMPLES = math.nan  # the weight that stands for the number of samples
LEAST = 4  # samples: the median of two is a mean, too
DIFFERENT = 0.1  # relative; a smooth function of means differs from their mean by its square


class Outputs(NamedTuple):
    """Outputs and targets of a batch, with which a Metric is to be updated."""

    y: Any
    t: Any


class Weighted(float):
    """A mean over a batch, with its weight in the mean over all batches.

    Attributes:
        weight: what it divides by; None if it is a sum; SAMPLES for the number of samples.
        outputs: of the batch, if they are to be kept.
        counts: what the losses and metrics that were called for it divide by.
    """

    weight: float | None
    outputs: Outputs | None
    counts: Sequence[float | None]

    def __new__(
        cls,
        value: float,
        weight: float | None = SAMPLES,
        outputs: Outputs | None = None,
        counts: Sequence[float | None] = (),
    ) -> Self:
        self = super().__new__(cls, value)
        self.weight, self.outputs, self.counts = weight, outputs, counts
        return self


class PlainFunction:
    """A function (y, t) → number among the metrics.

    Attributes:
        is_mean: whether it is a mean over samples; None until it is known.
    """

    def __init__(self, function: Function, call: Function | None = None) -> None:
        self.function = function
        self._call = outputs_first(function) if call is None else call
        # functions of wengert that are no means have been replaced by Metrics
        module = getattr(unwrapped(function), "__module__", None) or ""
        self.is_mean: bool | None = True if module.startswith("wengert.functions") else None
        self.has_worked = False
        self._has_warned = False
        self._tried = 0  # samples at the last test without a result

    def __repr__(self) -> str:
        return f"PlainFunction({text_of(self.function)}, is_mean={self.is_mean})"

    def measure(self, name: str, y: Any, t: Any) -> Weighted:
        """The value for a batch, with the outputs if they are to be kept."""
        outputs = None if self.is_mean else Outputs(y, t)
        if self.is_mean is False and _size(y, t) == 1:
            # the function may have no value for one sample, as a correlation; its outputs are kept
            return Weighted(math.nan, 0.0, outputs)
        with counting() as counts:
            try:
                result = self._call(y, t)
                value = number(result, f"metric {name}")
            except Exception as error:
                if 0 in counts.metrics:
                    return Weighted(math.nan, 0.0, outputs)  # no sample counts in this batch
                if self.is_mean or not (self.has_worked or _size(y, t) == 1):
                    error.add_note(
                        f"metric {name}: the function was called for one batch; Whole(function) is "
                        f"a metric that calls it once, for all batches together"
                    )
                    raise
                return Weighted(math.nan, 0.0, outputs)  # such as a rate of a class without samples
        self.has_worked = True
        return Weighted(value, weight_of(counts, result), outputs)

    def keep(self, kept: Whole, value: Weighted) -> None:
        """Keeps the outputs of a batch, unless the function is a mean over samples."""
        if value.outputs is None or self.is_mean:
            return
        try:
            kept.update(*value.outputs)
        except ValueError:
            kept.close()
            self._warn(
                "has outputs of different shapes in the batches",
                "of Padded targets, as `ragged` makes them, it gets the steps within the lengths",
            )
        self.judge(kept)
        if self.is_mean is None and kept.size > UNDECIDED:
            self.is_mean = True
        if self.is_mean:
            kept.reset()
        elif kept.size > MOST:
            kept.close()
            self._warn(
                f"is no mean over the samples, but there are more than {MOST:,} numbers in the "
                f"outputs of the data set, too many to keep",
                f"Whole({text_of(self.function)}) keeps all",
            )

    def judge(self, kept: Whole) -> None:
        """Finds out whether it is a mean over samples, if those kept show it."""
        if self.is_mean is None:
            self.is_mean = self._judged(kept)

    def _warn(self, reason: str, cure: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"metrics: {text_of(self.function)} {reason}: the result is the mean over the "
                f"batches; {cure}",
                stacklevel=2,
            )

    def is_whole(self, kept: Whole) -> bool:
        """Whether the result is computed from the kept outputs, not as a mean over batches."""
        return self.is_mean is not True and kept.size > 0

    def _judged(self, kept: Whole) -> bool | None:
        """Whether the function is a mean over samples, from its values for two parts of those kept.

        None if that is not known yet.
        """
        n = kept.samples
        if n < max(LEAST, 2 * self._tried):  # (at every doubling, so that it costs little)
            return None
        self._tried = n
        y, t = kept.joined()
        if _size(y, t) is None:
            return True  # it is not known what the samples are
        samples = slice(None), slice(n // 3), slice(n // 3, None)
        try:
            whole, *parts = [self._value(*_sliced(y, t, part)) for part in samples]
        except Exception:
            return False  # (a mean over samples would have values for these parts)
        (value, _), (a, wa), (b, wb) = whole, *parts
        if not math.isfinite(value):
            return None
        if not (math.isfinite(a) and math.isfinite(b)):
            return False
        if wa is None or wb is None:
            expected = a + b
        else:
            wa, wb = (n // 3, n - n // 3) if SAMPLES in (wa, wb) else (wa, wb)
            if wa + wb == 0:
                return None
            expected = (wa * a + wb * b) / (wa + wb)
        scale = max(abs(a), abs(b), abs(value))
        if abs(value - expected) > TOLERANCE * scale:
            return False
        return True if abs(a - b) > DIFFERENT * scale else None

    def _value(self, y: Any, t: Any) -> tuple[float, float | None]:
        """The value of the function, and its weight."""
        with counting() as counts:
            result = self._call(y, t)
        return number(result, ""), weight_of(counts, result)


def weight_of(counts: Counts, result: Any) -> float | None:
    """The weight of a batch from what the losses and metrics that made its result divide by.

    Returns:
        The weight, the first of several; None if the result is a sum. SAMPLES if no loss or metric
        was called, for sums and means together, and for a number computed from sums, such as a
        sum divided by the number of samples.
    """
    found = counts.losses + counts.metrics
    kinds = {count is None for count in found}
    if len(kinds) != 1:
        return SAMPLES
    if found[0] is not None:
        return found[0]
    creator = getattr(result, "creator", None)
    before = creator.inputs[0] if isinstance(creator, Cast) else result  # of a sum in float16
    return None if any(y is result or y is before for y in counts.sums) else SAMPLES


def unwrapped(function: Any) -> Any:
    """The function in a `functools.partial`."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _size(y: Any, t: Any) -> int | None:
    """The number of samples, if all arrays in outputs and targets have one first axis."""
    sizes = {np.shape(x)[0] if np.ndim(x) else None for x in leaves(y) + leaves(t)}
    return sizes.pop() if len(sizes) == 1 else None


def first_samples(y: Any, t: Any, numbers: int) -> list[Any]:
    """The first samples of outputs and targets, with about so many numbers at most."""
    n = _size(y, t)
    size = sum(map(np.size, leaves(y) + leaves(t)))
    if n is None or size <= numbers:
        return [y, t]
    return _sliced(y, t, slice(max(1, n * numbers // size)))


def _sliced(y: Any, t: Any, samples: slice) -> list[Any]:
    return [combine([x], lambda xs, _: np.asarray(xs[0])[samples]) for x in (y, t)]
