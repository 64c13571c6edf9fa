"""LBFGS: steps along the curvature that the last steps have shown."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy import ndarray

from wengert.core import Parameter
from wengert.optimizers.optimizer import Optimizer, Option
from wengert.optimizers.state import check_names


class Point(NamedTuple):
    """What is found at p + t d."""

    t: float
    loss: float
    g: ndarray  # the gradient of all Parameters, flat
    slope: float  # d·g


class LBFGS(Optimizer):
    """Newton's method without a Hessian: its inverse is guessed from the last steps.

    For problems without noise: all data in one batch, no dropout. One update evaluates the loss
    several times, so it is given a function:

        def closure():
            loss = mean_squared_error(model(x), t)
            model.cleargrads()
            loss.backward()
            return loss

        optimizer.update(closure)

    Args:
        lr: length of a step, as a share of Newton's; where the line search starts.
        max_iter: steps per update.
        max_eval: evaluations per update; 5/4 of `max_iter` by default.
        history_size: how many steps are remembered.
        tolerance_grad: an update ends where no element of the gradient is greater.
        tolerance_change: an update ends where step or loss change less.
        line_search: look for a length that meets the strong Wolfe conditions; False takes `lr`.

    Source: Nocedal, Wright, Numerical Optimization, 2006, algorithms 7.4, 3.5 and 3.6, with the
    safeguards of M. Schmidt's minFunc; as in PyTorch.
    """

    def __init__(
        self,
        lr: Option = 1.0,
        *,
        max_iter: int = 20,
        max_eval: int | None = None,
        history_size: int = 100,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        line_search: bool = True,
    ) -> None:
        super().__init__(lr)
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        for name, count in [
            ("max_iter", max_iter), ("max_eval", max_eval), ("history_size", history_size)
        ]:  # fmt: skip
            if count < 1:
                raise ValueError(f"LBFGS: got {name} {count}, needed 1 or more")
        for name, tolerance in [
            ("tolerance_grad", tolerance_grad), ("tolerance_change", tolerance_change)
        ]:  # fmt: skip
            if not tolerance >= 0:
                raise ValueError(f"LBFGS: got {name} {tolerance}, needed a number ≥ 0")
        self.max_iter = max_iter
        self.max_eval = max_eval
        self.history_size = history_size
        self.tolerance_grad = tolerance_grad
        self.tolerance_change = tolerance_change
        self.line_search = line_search

    def _forget(self) -> None:
        super()._forget()
        self.history: list[tuple[ndarray, ndarray]] = []  # steps s, and how the gradient changed, y
        self._last: tuple[ndarray, ndarray] | None = None  # the last step, the gradient before it
        self._shapes: dict[str, tuple[int, ...]] = {}

    def add_group(self, which: Any, **options: Option) -> NoReturn:
        """Refused: one step is made of all Parameters together."""
        raise TypeError("LBFGS.add_group: there are no groups, all Parameters make one step")

    def update(self, closure: Callable[[], Any] | None = None) -> float:
        """Up to `max_iter` steps.

        Args:
            closure: clears the gradients, computes the loss, calls its `backward` and returns it.

        Returns:
            The loss before the steps.

        Raises:
            TypeError: there is no closure.
            RuntimeError: there is no model yet, or none of its Parameters has a gradient.
            ValueError: loss or gradient are not finite, or a Parameter changed its shape.
        """
        if closure is None:
            raise TypeError(
                "LBFGS.update: got no closure; needed a function that clears the gradients, "
                "computes the loss, calls its backward() and returns it"
            )
        lr = self._options_now(())["lr"]
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
                limit = self.max_eval - evaluations
                (t, loss, g, _), counted = self._search(closure, params, here, d, t, limit)
                evaluations += counted
            _move(params, t * d)
            if not self.line_search and i + 1 < self.max_iter:  # (else the next update does it)
                loss, g = self._evaluate(closure)
                evaluations += 1
            self._last = t * d, here.g
            if (
                evaluations >= self.max_eval
                or abs(t * d).max() <= self.tolerance_change
                or abs(loss - here.loss) < self.tolerance_change
            ):
                break
        self.steps += 1
        return first

    def _search(
        self,
        closure: Callable[[], Any],
        params: list[Parameter],
        here: Point,
        d: ndarray,
        t: float,
        limit: int,
    ) -> tuple[Point, int]:
        """A good point along d, and how many were evaluated; leaves the Parameters in place."""
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
                    p.data[...] = data
            return Point(t, loss, g, float(d @ g))

        point = _strong_wolfe(at, here, t, limit, self.tolerance_change / float(abs(d).max()))
        return point, count

    def _evaluate(self, closure: Callable[[], Any], finite: bool = True) -> tuple[float, ndarray]:
        """The loss and its gradient for all Parameters, flat."""
        loss = float(closure())
        self._trained()  # runs the hooks
        g = np.concatenate([
            np.zeros(p.size, p.dtype) if p.grad is None else p.grad.data.reshape(-1)
            for p in self._free_params("update").values()
        ])  # fmt: skip
        if finite and not (math.isfinite(loss) and np.isfinite(g).all()):
            raise ValueError(
                f"LBFGS.update: the loss is {loss}, and it and its gradient have to be finite; "
                f"lower lr, or use line_search=True"
            )
        return loss, g

    def _free_params(self, caller: str) -> dict[str, Parameter]:
        return {name: p for name, p in self._params(caller).items() if p.requires_grad}

    def _checked_params(self, g: ndarray) -> list[Parameter]:
        params = self._free_params("update")
        shapes = {name: p.shape for name, p in params.items()}
        remembers = self._last is not None
        if remembers and (self._last[0].size != g.size or (self._shapes or shapes) != shapes):  # type: ignore[index]
            raise ValueError(
                "LBFGS.update: the Parameters are others, or have other shapes, than in the steps "
                "before; call setup(model) to start anew"
            )
        self._shapes = shapes
        return list(params.values())

    def _direction(self, g: ndarray) -> ndarray:
        """-H g, for the H that the history stands for; takes in the last step."""
        if self._last is not None:
            s, g_before = self._last
            y = g - g_before
            if y @ s > 1e-10:  # H stays positive definite
                self.history = [*self.history, (s, y)][-self.history_size :]
        d = -g
        shares = []
        for s, y in reversed(self.history):
            share = (s @ d) / (y @ s)
            shares.append(share)
            d -= share * y
        if self.history:
            s, y = self.history[-1]
            d *= (y @ s) / (y @ y)
        for (s, y), share in zip(self.history, reversed(shares), strict=True):
            d += (share - (y @ d) / (y @ s)) * s
        return d

    def state_dict(self) -> dict[str, Any]:
        """Copies of what is remembered: "s" and "y", the history's steps, (K, N); "last", (2, N).

        N counts the elements of all Parameters, K the steps in the history. "last" is (0, N) before
        the first update. The options are not in it: they are the program's.
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
        """Goes on where `state_dict()` was called.

        Raises:
            RuntimeError: there is no model yet.
            ValueError: the names or shapes are others; nothing is loaded then.
        """
        params = self._free_params("load_state_dict")
        check_names("LBFGS.load_state_dict", state, dict.fromkeys(["steps", "s", "y", "last"]), "")
        n = sum(p.size for p in params.values())
        s, y, last = (np.array(state[name]) for name in ("s", "y", "last"))
        if s.shape != (len(s), n) or y.shape != s.shape or last.shape not in [(0, n), (2, n)]:
            raise ValueError(
                f"LBFGS.load_state_dict: got s {s.shape}, y {y.shape}, last {last.shape}, needed "
                f"(K, {n}) twice and (2, {n}); is it of another model?"
            )
        self._forget()
        self.steps = int(state["steps"])
        self.history = list(zip(s, y, strict=True))
        self._last = (last[0], last[1]) if len(last) else None


def _move(params: list[Parameter], step: ndarray) -> None:
    """p ← p + step, for all Parameters."""
    start = 0
    for p in params:
        p.data += step[start : start + p.size].reshape(p.shape)
        start += p.size


def _strong_wolfe(
    at: Callable[[float], Point], here: Point, t: float, limit: int, tolerance: float
) -> Point:
    """A point that is low and flat enough, from `t` on: loss < ..., |slope| ≤ 0.9 |slope here|.

    Args:
        at: evaluates the point at t.
        here: the point at 0.
        t: where to look first.
        limit: on evaluations after the first.
        tolerance: an interval in t that is not worth cutting.
    """

    def high_up(point: Point) -> bool:
        return not point.loss <= here.loss + 1e-4 * point.t * here.slope  # also where it is NaN

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -0.9 * here.slope

    # go on until a minimum lies between two points
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
    """Where the cubic through two points with slopes has its minimum, kept in [least, most].

    Their middle, if it has none, the points are one, or a value is not finite.
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
