"""The training of a run: its batches, its trainer, and the line that reports its test."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import wengert.functions as F
from wengert import optimizers, schedules
from wengert.cli.recipes import DATASETS, Settings
from wengert.cli.samples import Data, Facts
from wengert.data import DataLoader, Dataset
from wengert.layers import Layer
from wengert.training import R2, Callback, Evaluator, Trainer

Loss = Callable[[Any, Any], Any]


def train_batches(settings: Settings, samples: Data) -> DataLoader:
    """Batches to train on, in an order that is determined by the seed."""
    # threads read and decode files while the model computes
    workers = 2 if settings["dataset"] == "images" else 0
    return DataLoader(samples.train, settings["batch_size"], seed=settings["seed"], workers=workers)


def test_batches(settings: Settings, samples: Dataset) -> DataLoader:
    """Batches to validate or test with, in order."""
    return DataLoader(samples, settings["batch_size"], shuffle=False, seed=0)


def measures(settings: Settings, facts: Facts) -> tuple[Loss, dict[str, Any]]:
    """The loss and the metrics for data with these facts."""
    if DATASETS[settings["dataset"]].kind == "text":
        return F.softmax_cross_entropy, {}
    if facts.get("classes") is not None:
        return F.softmax_cross_entropy, {"accuracy": F.accuracy}
    if DATASETS[settings["dataset"]].kind != "table":
        return F.mean_squared_error, {}
    std = _target_std(facts)

    def scaled_error(y: Any, t: Any) -> Any:
        """The squared error in standard deviations, whatever the unit of t is."""
        return F.mean_squared_error(y / std, t / std)

    return scaled_error, {"r2": R2()}


def _target_std(facts: Facts) -> float:
    """The standard deviation of the targets of a table; 1 if they are equal."""
    scaler = facts["t_scaler"]
    return math.sqrt(scaler["squares"] / scaler["count"]) or 1.0


def make_trainer(
    model: Layer,
    settings: Settings,
    facts: Facts,
    batches: int = 1,
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """A trainer for data with these facts.

    Args:
        batches: number in each epoch, from which the schedule takes its length.
    """
    loss, metrics = measures(settings, facts)
    return Trainer(
        model,
        _optimizer(settings, batches),
        loss,
        metrics=metrics,
        callbacks=callbacks,
        clip_norm=settings["clip_norm"] or None,
    )


def evaluated(model: Layer, settings: Settings, facts: Facts, samples: Dataset) -> dict[str, Any]:
    """Loss and metrics of a model over samples."""
    loss, metrics = measures(settings, facts)
    return Evaluator(model, loss, metrics=metrics).evaluate(test_batches(settings, samples))


def _optimizer(settings: Settings, batches: int) -> optimizers.Optimizer:
    rate: Any = settings["lr"]
    steps = settings["epochs"] * batches
    rising = steps // 20 if settings["schedule"] == "warm-up" else 0
    if settings["schedule"] != "constant":
        rate = schedules.cosine(rate, max(steps - rising, 1))
    if rising:
        rate = schedules.warm_up(rate, rising)
    kinds: dict[str, Callable[[Any], optimizers.Optimizer]] = {
        "sgd": optimizers.SGD,
        "momentum": optimizers.Momentum,
        "adam": optimizers.Adam,
        "adamw": optimizers.AdamW,
    }
    return kinds[settings["optimizer"]](rate)


def headline(settings: Settings, facts: Facts, scores: Mapping[str, float | None]) -> str:
    """The result of a test, as one line; None, in a file, stands for NaN and infinities."""
    found = {name: math.nan if score is None else score for name, score in scores.items()}
    if "accuracy" in found:
        return f"test accuracy: {100 * found['accuracy']:.1f} %"
    if DATASETS[settings["dataset"]].kind == "text":
        unit = settings["unit"].removesuffix("s")
        return f"test loss: {found['loss']:.4f} nats per {unit}"
    if "r2" not in found:
        return f"test mean squared error: {found['loss']:.4g}"
    error = found["loss"] * _target_std(facts) ** 2
    return f"test R²: {found['r2']:.4f}, mean squared error: {error:.4g}"
