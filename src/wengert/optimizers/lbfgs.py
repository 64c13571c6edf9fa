"""LBFGS: a quasi-Newton method."""

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, integer, number
from wengert.arrays import writable
from wengert.core import Variable
from wengert.optimizers.optimizer import COMPUTED, HINT, Optimizer, Option
from wengert.state import compare_state


class Point(NamedTuple):
    """Loss and gradient at p + t d."""

    t: float
    loss: float
    g: ndarray  # the gradient of all Parameters, flat
    slope: float  # d·g


class LBFGS(Optimizer):
    """Newton's method, with the inverse of the Hessian estimated from the last steps.

    For problems without noise: all data in one batch, no dropout. One update evaluates the loss
    several times, so it takes a function:

        def closure():
            loss = mean_squared_error(model(x), t)
            model.cleargrads()
            loss.backward()
            return loss

        optimizer.update(closure)

    Args:
        lr: length of a step, as a fraction of Newton's step; the line search starts from it.
        max_iter: steps per update.
        max_eval: evaluations per update; None for 5/4 of `max_iter`.
        history_size: number of steps that are stored.
        tolerance_grad: an update ends when no element of the gradient is greater.
        tolerance_change: an update ends when step or loss change less.
        line_search: search for a length that meets the strong Wolfe conditions; False uses `lr`.

    Source: Nocedal, Wright, Numerical Optimization, 2006, algorithms 7.4, 3.5 and 3.6, with the
    safeguards of M. Schmidt's minFunc; as in PyTorch.
    """

    lr: Option = 1.0
    _: KW_ONLY
    max_iter: int = 20
    max_eval: int | None = None
    history_size: int = 100
    tolerance_grad: float = 1e-7
    tolerance_change: float = 1e-9
    line_search: bool = True

    def _checked(self, caller: str, name: str, value: Any) -> Any:
        if name in ("max_iter", "max_eval", "history_size"):
            optional = name == "max_eval" and value is None
            return value if optional else integer(caller, name, value, least=1)
        if name in ("tolerance_grad", "tolerance_change"):
            return number(caller, name, value, least=0)
        if name == "line_search":
            return boolean(caller, name, value)
        return super()._checked(caller, name, value)

    def _reset(self) -> None:
        super()._reset()
        self.history: list[tuple[ndarray, ndarray]] = []  # steps s, changes of the gradient y
        self._last: tuple[ndarray, ndarray] | None = None  # the last step, the gradient before it
        self._shapes: dict[str, tuple[int, ...]] = {}

    def add_group(self, which: Any, **options: Option) -> NoReturn:
        """Raises TypeError: a step moves all Parameters together."""
        raise TypeError("LBFGS.add_group: there are no groups, all Parameters make one step")

    def update(self, closure: Callable[[], Any] | None = None) -> float:
        """Up to `max_iter` steps.

        Args:
            closure: clears the gradients, computes the loss, calls its `backward` and returns it.

        Returns:
            The loss before the steps.

        Raises:
            TypeError: there is no closure.
            RuntimeError: `setup` was not called, or no Parameter has a gradient.
            ValueError: loss or gradient are not finite, or a Parameter changed its shape.
        """
        if closure is None:
            raise TypeError(
                "LBFGS.update: got no closure; needed a function that clears the gradients, "
                "computes the loss, calls its backward() and returns it"
            )
        lr = self._options_now(())["lr"]
        max_eval = self.max_eval or self.max_iter * 5 // 4
        loss, g = self._evaluate(closure)
        params = self._checked_params(g)
        first, evaluations = loss, 1
        for i in range(self.max_iter):
            if abs(g).max(initial=0) <= self.tolerance_grad:
                break
            d = self._direction(g)
            t = lr if self._last else lr * min(1.0, 1 / float(abs(g).sum()))
            self._last = t * d, g
            here = Point(0.0, loss, g, float(d @ g))
            if here.slope > -self.tolerance_change:
                break
            if self.line_search:
                limit = max_eval - evaluations
                (t, loss, g, _), counted = self._search(closure, params, here, d, t, limit)
                evaluations += counted
            _move(params, t * d)
            if not self.line_search and i + 1 < self.max_iter:  # (else the next update does it)
                loss, g = self._evaluate(closure)
                evaluations += 1
            self._last = t * d, here.g
            if (
                evaluations >= max_eval
                or abs(t * d).max() <= self.tolerance_change
                or abs(loss - here.loss) < self.tolerance_change
            ):
                break
        self.steps += 1
        return first

    def _search(
        self,
        closure: Callable[[], Any],
        params: list[Variable],
        here: Point,
        d: ndarray,
        t: float,
        limit: int,
    ) -> tuple[Point, int]:
        """A point along d, and the number of evaluations; the Parameters are restored."""
        start = [p.data.copy() for p in params]
        count = 0

        def at(t: float) -> Point:
            nonlocal count
            count += 1
            _move(params, t * d)
            try:
                loss, g = self._evaluate(closure, finite=False)
            finally:
                for p, data in zip(params, start, strict=True):
                    writable(p)[...] = data
            return Point(t, loss, g, float(d @ g))

        point = _strong_wolfe(at, here, t, limit, self.tolerance_change / float(abs(d).max()))
        return point, count

    def _evaluate(self, closure: Callable[[], Any], finite: bool = True) -> tuple[float, ndarray]:
        """The loss and its gradient for all Parameters, flat."""
        loss = self._loss_of(closure)
        self._trained()  # runs the hooks
        g = np.concatenate([
            (np.zeros(p.shape) if p.grad is None else p.grad.data).reshape(-1).astype(
                COMPUTED.get(p.dtype, p.dtype)
            )
            for p in self._free_params("update").values()
        ])  # fmt: skip
        if finite and not (math.isfinite(loss) and np.isfinite(g).all()):
            raise ValueError(
                f"LBFGS.update: the loss is {loss}, and it and its gradient have to be finite; "
                f"lower lr, or use line_search=True"
            )
        return loss, g

    def _free_params(self, caller: str) -> dict[str, Variable]:
        return {name: p for name, p in self._params(caller).items() if p.requires_grad}

    def _checked_params(self, g: ndarray) -> list[Variable]:
        params = self._free_params("update")
        shapes = {name: p.shape for name, p in params.items()}
        started = self._last is not None
        if started and (self._last[0].size != g.size or (self._shapes or shapes) != shapes):  # type: ignore[index]
            raise ValueError(
                "LBFGS.update: the Parameters or their shapes have changed since the last update; "
                "call setup(model) to start again"
            )
        self._shapes = shapes
        return list(params.values())

    def _direction(self, g: ndarray) -> ndarray:
        """-H g, with the inverse Hessian H of the history, to which the last step is added."""
        if self._last is not None:
            s, g_before = self._last
            y = g - g_before
            if y @ s > 1e-10:  # H stays positive definite
                self.history = [*self.history, (s, y)][-self.history_size :]
        d = -g
        alphas = []
        for s, y in reversed(self.history):
            alpha = (s @ d) / (y @ s)
            alphas.append(alpha)
            d -= alpha * y
        if self.history:
            s, y = self.history[-1]
            d *= (y @ s) / (y @ y)
        for (s, y), alpha in zip(self.history, reversed(alphas), strict=True):
            d += (alpha - (y @ d) / (y @ s)) * s
        return d

    def state_dict(self) -> dict[str, Any]:
        """Copies of the history: "s" and "y", (K, N), and "last", (2, N).

        N is the number of elements of all Parameters, K the number of steps in the history. "last"
        is (0, N) before the first update. The options are not included: the program sets them.
        """
        n = sum(p.size for p in self._free_params("state_dict").values())
        s, y = zip(*self.history, strict=True) if self.history else ((), ())
        return {
            "steps": self.steps,
            "s": np.array(s).reshape(-1, n),
            "y": np.array(y).reshape(-1, n),
            "last": np.array(self._last or ()).reshape(-1, n),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state of `state_dict()`.

        Raises:
            RuntimeError: `setup` was not called.
            ValueError: names or shapes do not fit; nothing is loaded then.
        """
        n = sum(p.size for p in self._free_params("load_state_dict").values())
        shapes = {"steps": (), "s": (None, n), "y": (None, n), "last": (None, n)}
        compare_state(state, shapes).check("LBFGS.load_state_dict", HINT)
        s, y, last = (np.array(state[name]) for name in ("s", "y", "last"))
        if len(s) != len(y) or len(last) not in (0, 2):
            raise ValueError(
                f"LBFGS.load_state_dict: got s {s.shape}, y {y.shape}, last {last.shape}, needed "
                f"(K, {n}) twice and (2, {n}). Nothing was loaded"
            )
        self._reset()
        self.steps = int(state["steps"])
        self.history = list(zip(s, y, strict=True))
        self._last = (last[0], last[1]) if len(last) else None


def _move(params: list[Variable], step: ndarray) -> None:
    """p ← p + step, for all Parameters."""
    start = 0
    for p in params:
        data = writable(p)
        data += step[start : start + p.size].reshape(p.shape)
        start += p.size


def _strong_wolfe(
    at: Callable[[float], Point], here: Point, t: float, limit: int, tolerance: float
) -> Point:
    """A point that meets the strong Wolfe conditions: loss < …, |slope| ≤ 0.9 |slope here|.

    Args:
        at: evaluates the point at t.
        here: the point at 0.
        t: the first point to evaluate.
        limit: of evaluations after the first.
        tolerance: length of an interval in t that is not divided further.
    """

    def high_up(point: Point) -> bool:
        return not point.loss <= here.loss + 1e-4 * point.t * here.slope  # also where it is NaN

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -0.9 * here.slope

    # move on until a minimum lies between two points
    before, point = here, at(t)
    for i in range(limit):
        if high_up(point) or (i > 1 and point.loss >= before.loss):
            break
        if flat(point):
            return point
        if point.slope >= 0:
            break
        t = _cubic_minimum(before, point, point.t + 0.01 * (point.t - before.t), 10 * point.t)
        before, point = point, at(t)
    else:
        return point if point.loss < here.loss else here

    # narrow the interval between them
    low, high = (point, before) if point.loss < before.loss else (before, point)
    near_the_edge = False
    for _ in range(i, limit):
        a, b = sorted([low.t, high.t])
        if b - a < tolerance:
            break
        t = _cubic_minimum(low, high, a, b)
        edge = 0.1 * (b - a)
        was_near, near_the_edge = near_the_edge, min(b - t, t - a) < edge
        if near_the_edge and (was_near or t >= b or t <= a):
            t = b - edge if abs(t - b) < abs(t - a) else a + edge
            near_the_edge = False
        point = at(t)
        if high_up(point) or point.loss >= low.loss:
            low, high = (point, low) if point.loss < low.loss else (low, point)
        elif flat(point):
            return point
        else:
            low, high = point, low if point.slope * (high.t - low.t) >= 0 else high
    return low


def _cubic_minimum(x0: Point, x1: Point, least: float, most: float) -> float:
    """The minimum of the cubic through two points with slopes, clipped to [least, most].

    The middle of the interval if there is no minimum, the points coincide, or a value is not
    finite.
    """
    if x0.t == x1.t:
        return (least + most) / 2
    if x0.t > x1.t:
        x0, x1 = x1, x0
    a = x0.slope + x1.slope - 3 * (x0.loss - x1.loss) / (x0.t - x1.t)
    square = a * a - x0.slope * x1.slope
    if not 0 <= square < math.inf:
        return (least + most) / 2
    root = math.sqrt(square)
    divisor = x1.slope - x0.slope + 2 * root
    if divisor == 0:
        return (least + most) / 2
    t = x1.t - (x1.t - x0.t) * (x1.slope + root - a) / divisor
    return min(max(t, least), most)
