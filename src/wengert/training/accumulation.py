"""The weights of batches whose gradients add up to that of one large batch."""

import math
import warnings
from collections.abc import Sequence

from wengert.training.plain import SAMPLES, Weighted


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
