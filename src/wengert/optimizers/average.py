"""The average of a model's weights over the training."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import fraction
from wengert.optimizers.optimizer import COMPUTED, HINT
from wengert.optimizers.targets import HasParameters, Target, as_target
from wengert.state import compare_state


class ExponentialMovingAverage:
    """An average of the weights, which often predicts better than the last weights.

        average = ExponentialMovingAverage(model, 0.999)
        ...
        optimizer.update()
        average.update()
        ...
        with average.swapped_in():
            evaluate(model, batches)

    `averages` has, by the name of the Parameter, a ← decay a + (1 - decay) p; its first value is p
    at the first `update`. Buffers, such as running statistics, are not averaged. Averages of
    weights in float16 are in float32, because small changes would be lost.

    Args:
        target: a Layer, or Parameters in lists and dicts: as for `Optimizer.setup`.
        decay: weight of the average before, 0 ≤ decay < 1.
    """

    def __init__(self, target: Target, decay: float = 0.999) -> None:
        self.target: HasParameters = as_target("ExponentialMovingAverage", target)
        self.decay = fraction("ExponentialMovingAverage", "decay", decay)
        self.averages: dict[str, ndarray] = {}
        self._swapped = False

    def __repr__(self) -> str:
        return f"ExponentialMovingAverage({type(self.target).__name__}, decay={self.decay})"

    def update(self) -> None:
        """Adds the current weights to the averages.

        Raises:
            RuntimeError: the averages are swapped in.
            ValueError: a Parameter has another shape or dtype than before.
        """
        self._check_not_swapped("update")
        for name, p in self.target.named_params().items():
            dtype = COMPUTED.get(p.dtype, p.dtype)
            if name not in self.averages:
                self.averages[name] = np.array(p.data, dtype)
                continue
            a = self.averages[name]
            if (a.shape, a.dtype) != (p.shape, dtype):
                raise ValueError(
                    f"ExponentialMovingAverage.update: {name} is {p.dtype} {p.shape}, but its "
                    f"average is {a.dtype} {a.shape}; make a new ExponentialMovingAverage"
                )
            # a new array: a graph or the program may hold the old one
            moved = p.data - a
            moved *= 1 - self.decay
            moved += a
            self.averages[name] = moved

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Replaces the weights by the averages within a `with` block.

        Raises:
            RuntimeError: there are no averages yet, or they are swapped in already.
        """
        self._check_not_swapped("swapped_in")
        if not self.averages:
            raise RuntimeError(
                "ExponentialMovingAverage.swapped_in: there are no averages yet; call update()"
            )
        params = self.target.named_params()
        swapped = [(params[name], a) for name, a in self.averages.items() if name in params]
        weights = [p.data for p, _ in swapped]
        self._swapped = True
        try:
            for p, a in swapped:
                p.data = np.array(a, p.dtype)  # (a copy: a graph may keep it)
            yield
        finally:
            for (p, _), data in zip(swapped, weights, strict=True):
                p.data = data
            self._swapped = False

    def state_dict(self) -> dict[str, ndarray]:
        """Copies of the averages, by the name of the Parameter."""
        return {name: a.copy() for name, a in self.averages.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state of `state_dict()`; an empty state removes all averages.

        Raises:
            ValueError: names or shapes do not fit the model; nothing is loaded then.
        """
        self._check_not_swapped("load_state_dict")
        caller = "ExponentialMovingAverage.load_state_dict"
        params = self.target.named_params()
        if state:
            compare_state(state, {n: p.shape for n, p in params.items()}).check(caller, HINT)
        dtypes = {name: COMPUTED.get(p.dtype, p.dtype) for name, p in params.items()}
        self.averages = {name: np.array(state[name], dtypes[name]) for name in state}

    def _check_not_swapped(self, caller: str) -> None:
        if self._swapped:
            raise RuntimeError(
                f"ExponentialMovingAverage.{caller}: the averages are swapped in; "
                f"leave the `with average.swapped_in()` block first"
            )
