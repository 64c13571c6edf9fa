"""The training of a run: its batches, its trainer, and the line that reports its test."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import wengert.functions as F
from wengert import optimizers, schedules
from wengert.cli.recipes import DATASETS, Settings
from wengert.cli.samples import Data
from wengert.data import DataLoader, Dataset
from wengert.layers import Layer
from wengert.training import Callback, Trainer


def train_batches(settings: Settings, samples: Data) -> DataLoader:
    """Batches to train on, in an order that is determined by the seed."""
    # threads read and decode files while the model computes
    workers = 2 if settings["dataset"] == "images" else 0
    return DataLoader(samples.train, settings["batch_size"], seed=settings["seed"], workers=workers)


def test_batches(settings: Settings, samples: Dataset) -> DataLoader:
    """Batches to validate or test with, in order."""
    return DataLoader(samples, settings["batch_size"], shuffle=False, seed=0)


def make_trainer(
    model: Layer,
    settings: Settings,
    facts: Mapping[str, Any],
    batches: int = 1,
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """A trainer for data with these facts.

    Args:
        batches: number in each epoch, from which the schedule takes its length.
    """
    classifies = "classes" in facts and facts["classes"] is not None
    is_text = DATASETS[settings["dataset"]].kind == "text"
    return Trainer(
        model,
        _optimizer(settings, batches),
        F.softmax_cross_entropy if classifies or is_text else F.mean_squared_error,
        metrics=[F.accuracy] if classifies else [],
        callbacks=callbacks,
        clip_norm=settings["clip_norm"] or None,
    )


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


def headline(settings: Settings, scores: Mapping[str, float]) -> str:
    """The result of a test, as one line."""
    if "accuracy" in scores:
        return f"test accuracy: {100 * scores['accuracy']:.1f} %"
    if DATASETS[settings["dataset"]].kind == "text":
        unit = settings["unit"].removesuffix("s")
        return f"test loss: {scores['loss']:.4f} nats per {unit}"
    return f"test mean squared error: {scores['loss']:.4g}"
