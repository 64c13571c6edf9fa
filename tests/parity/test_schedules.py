"""Schedules compared with PyTorch's: each step of each, over drawn options."""

import warnings

import numpy as np
import pytest

from wengert import schedules
from wengert.schedules import ReduceOnPlateau

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
from torch.optim import lr_scheduler as T  # noqa: E402


def torch_values(make, steps, lr=1.0):
    """The learning rates that PyTorch's scheduler gives."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch about itself
        scheduler = make(optimizer)
        values = []
        for _ in range(steps):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return values


def pair(name, lr, rng):
    """Our schedule, what makes PyTorch's, and the number of steps on which they agree."""
    steps, factor = int(rng.integers(5, 20)), rng.uniform(0.1, 0.95)
    end, power, rise = rng.uniform(0, lr), rng.uniform(0.5, 3), rng.uniform(0.25, 0.8)
    at = sorted(rng.choice(np.arange(1, 25), size=3, replace=False).tolist())
    return {
        "constant": lambda: (
            schedules.constant(lr), lambda o: T.ConstantLR(o, factor=1), 30
        ),
        "linear": lambda: (
            schedules.linear(factor * lr, lr, steps),
            lambda o: T.LinearLR(o, start_factor=factor, total_iters=steps), 30,
        ),
        "step_decay": lambda: (
            schedules.step_decay(lr, steps, factor), lambda o: T.StepLR(o, steps, factor), 30
        ),
        "step_decay at": lambda: (
            schedules.step_decay(lr, at, factor), lambda o: T.MultiStepLR(o, at, factor), 30
        ),
        "exponential": lambda: (
            schedules.exponential(lr, factor), lambda o: T.ExponentialLR(o, factor), 30
        ),
        "cosine": lambda: (  # (PyTorch's goes up again after its end)
            schedules.cosine(lr, steps, end),
            lambda o: T.CosineAnnealingLR(o, steps, end), steps + 1,
        ),
        "polynomial": lambda: (
            schedules.polynomial(lr, steps, power),
            lambda o: T.PolynomialLR(o, total_iters=steps, power=power), 30,
        ),
        "warm_up": lambda: (
            schedules.warm_up(schedules.exponential(lr, factor), steps, start=factor * lr),
            lambda o: T.SequentialLR(o, [
                T.LinearLR(o, start_factor=factor, total_iters=steps), T.ExponentialLR(o, factor)
            ], [steps]), 30,
        ),
        "joined": lambda: (
            schedules.joined([
                schedules.constant(lr), schedules.exponential(lr, factor),
                schedules.step_decay(lr, 2, factor), schedules.exponential(lr, 0.5),
            ], at),
            lambda o: T.SequentialLR(o, [
                T.ConstantLR(o, factor=1), T.ExponentialLR(o, factor), T.StepLR(o, 2, factor),
                T.ExponentialLR(o, 0.5),
            ], at), 30,
        ),
        "one_cycle": lambda: (
            schedules.one_cycle(lr, steps, rise, start_divisor=1 + power, end_divisor=power),
            lambda o: T.OneCycleLR(
                o, lr, total_steps=steps, pct_start=rise, div_factor=1 + power,
                final_div_factor=power, cycle_momentum=False,
            ), steps - 1,
        ),
        "one_cycle linear": lambda: (
            schedules.one_cycle(lr, steps, rise, shape="linear"),
            lambda o: T.OneCycleLR(
                o, lr, total_steps=steps, pct_start=rise, anneal_strategy="linear",
                cycle_momentum=False,
            ), steps - 1,
        ),
    }[name]()  # fmt: skip


NAMES = [
    "constant", "linear", "step_decay", "step_decay at", "exponential", "cosine", "polynomial",
    "warm_up", "joined", "one_cycle", "one_cycle linear",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", NAMES)
def test_each_value_is_that_of_pytorch(name, seed):
    rng = np.random.default_rng(seed)
    lr = 10 ** rng.uniform(-4, 0)
    ours, theirs, steps = pair(name, lr, rng)
    values = [ours(step) for step in range(steps)]
    np.testing.assert_allclose(values, torch_values(theirs, steps, lr), rtol=1e-10, atol=1e-18)


@pytest.mark.parametrize("seed", range(8))
def test_reduce_on_plateau_falls_when_that_of_pytorch_falls(seed):
    rng = np.random.default_rng(seed)
    options = {
        "factor": rng.uniform(0.1, 0.9), "patience": int(rng.integers(0, 4)),
        "cooldown": int(rng.integers(0, 3)), "threshold": rng.uniform(0, 0.1),
    }  # fmt: skip
    maximize, relative = bool(seed % 2), bool(seed // 2 % 2)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = T.ReduceLROnPlateau(
        optimizer, mode="max" if maximize else "min", min_lr=0.01, eps=0,
        threshold_mode="rel" if relative else "abs", **options,
    )  # fmt: skip
    ours = ReduceOnPlateau(0.5, maximize=maximize, relative=relative, least=0.01, **options)
    for measure in rng.uniform(0.1, 1, size=60):
        before = ours.value
        fell = ours.report(measure)
        theirs.step(measure)
        assert ours(0) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        assert fell == (ours.value < before)
    assert ours.value < 0.5
