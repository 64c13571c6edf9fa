"""The weights of batches whose gradients add up to that of one large batch."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from wengert import random
from wengert.arguments import text_of
from wengert.config import no_grad
from wengert.core import Variable
from wengert.functions.counting import counting
from wengert.training.kept import Whole, each, leaves
from wengert.training.metrics import number
from wengert.training.order import outputs_first
from wengert.training.plain import SAMPLES, PlainFunction, Weighted, first_samples


class Accumulation:
    """The weights of the batches of one update.

    The loss of one large batch is Σ w L / Σ w, with what each loss L divides by as its weight w;
    for losses that are sums it is Σ L. The weights become known one after the other, while Σ w is
    known at the end only. So a gradient is computed with w over the first weight, and the sum of
    the gradients is multiplied by `factor` in the end.
    """

    def __init__(self) -> None:
        self.unit = 0.0  # the first weight that is not 0
        self.total = 0.0
        self.counts: tuple[float | None, ...] = ()
        self.is_sum = False

    def share(self, loss: Weighted, size: int) -> float:
        """The factor for the gradient of a batch of so many samples; 0 if none of them counts."""
        self._check(loss.counts)
        if loss.weight is None:
            self.is_sum = True
            return 1.0
        weight = float(size) if loss.weight is SAMPLES else loss.weight
        self.total += weight
        self.unit = self.unit or weight
        return weight / self.unit if self.unit else 0.0

    @property
    def factor(self) -> float:
        """The factor for the sum of the gradients; 0 if no sample counts in any batch."""
        if self.is_sum:
            return 1.0
        return self.unit / self.total if self.total else 0.0

    def __repr__(self) -> str:
        return f"Accumulation(unit={self.unit:g}, total={self.total:g}, factor={self.factor:g})"

    def _check(self, counts: Sequence[float | None]) -> None:
        """Warns if no weights make the sum of the gradients that of one large batch."""
        first = self.counts = self.counts or tuple(counts)
        if len(first) < 2:
            return
        pairs = zip(first, counts, strict=False)
        ratios = [(a, b) for a, b in pairs if a is not None and b is not None]
        if len(first) != len(counts) or not all(
            math.isclose(a * ratios[0][1], b * ratios[0][0], rel_tol=1e-6) for a, b in ratios
        ):
            warnings.warn(
                "Trainer: the loss adds means over different numbers of elements, so accumulated "
                "batches do not give exactly the step of one large batch; in your own compute, "
                'take sums (reduction="sum"), divide all by one number n, and call '
                "self.count(n)",
                stacklevel=2,
            )


class MeanCheck:
    """Warns once if a loss is no mean over the samples, as which its batches are accumulated.

    It calls the loss for parts of the first batches, until these show what it is. A loss that draws
    random numbers shows nothing.
    """

    def __init__(self, loss: Callable[[Any, Any], Any]) -> None:
        self.loss = loss
        self._call = outputs_first(loss)
        self._plain = PlainFunction(loss, self._value)
        self._kept = Whole(self._value)
        self.done = self._plain.is_mean is not None  # ours tell what they divide by

    def see(self, y: Any, t: Any) -> None:
        """Takes the outputs and the targets of a batch."""
        if self.done:
            return
        y = each(y, lambda v: v.data if isinstance(v, Variable) else v)
        if any(x.dtype.kind == "f" and x.dtype.itemsize < 4 for x in leaves(y)):
            self.done = True  # too few digits to tell
            return
        before = random.get_state()
        with no_grad(), counting():
            self._see(*first_samples(y, t, MOST_NUMBERS))
        random.set_state(before)

    def _see(self, y: Any, t: Any) -> None:
        try:
            self._kept.update(y, t)
        except (TypeError, ValueError):  # of unequal shapes, or of no arrays
            self.done = True
            return
        self._plain.judge(self._kept)
        self.done = self._plain.is_mean is not None or self._kept.size > MOST_NUMBERS
        if self._plain.is_mean is False and self._is_determined():
            warnings.warn(
                f"Trainer: the loss {text_of(self.loss)} is no mean over the samples, so "
                f"accumulated batches make not exactly the step of one large batch; if it divides "
                f"by another number, such as that of the elements in a mask, tell that by "
                f"self.count(n) in a compute of your own, or let our losses divide "
                f"(ignore_index=, weight=)",
                stacklevel=2,
            )
        if self.done:
            self._kept.reset()

    def _is_determined(self) -> bool:
        """Whether the loss has one value in two calls, and divides by one number."""
        try:
            with counting() as counts:
                first = number(self._kept.compute(), "the loss")
            again = number(self._kept.compute(), "the loss")
        except Exception:  # the loss fails for several batches together
            return False
        return first == again and len(counts.losses) < 2  # (of several, `Accumulation` warns)

    def _value(self, y: Any, t: Any) -> Any:
        return self._call(each(y, Variable), t)

    def __repr__(self) -> str:
        return f"MeanCheck({text_of(self.loss)}, done={self.done})"


MOST_NUMBERS = 2**20  # in outputs and targets that are looked at
