"""The data, models and trainers of the settings."""

import numpy as np
import pytest

from wengert import random
from wengert.cli import recipes
from wengert.cli.jobs import make_trainer
from wengert.cli.networks import make_model
from wengert.cli.samples import RandomWindows, load_data


def trainer(batches=100, **given):
    settings = recipes.settings("digits", "linear", given)
    facts = load_data(settings).facts
    return make_trainer(make_model(settings, facts), settings, facts, batches)


def test_validation_samples_are_not_trained_on():
    samples = load_data(recipes.settings("digits", "mlp", {"validation": 0.25}))
    train, validation = (
        {x.tobytes() for x in part[: len(part)][0]} for part in (samples.train, samples.validation)
    )
    assert samples.facts["samples"] == [1078, 359, 360]
    assert not train & validation


def test_random_windows_cover_the_sequence_from_new_positions_in_each_pass():
    windows = RandomWindows(np.arange(100, dtype=np.uint8), 10)
    random.seed(0)
    passes = [windows[:] for _ in range(2)]
    assert len(windows) == 8
    for x, t in passes:
        np.testing.assert_array_equal(t, x + 1)
        np.testing.assert_array_equal(x, x[:, :1] + np.arange(10))
        np.testing.assert_array_equal(x[:, 0] // 10, np.arange(8))
        assert x.dtype == np.int64
    assert (passes[0][0] != passes[1][0]).any()


def test_windows_stay_within_the_sequence():
    windows = RandomWindows(np.arange(23.0)[:, None], 10)
    random.seed(0)
    starts = {windows[0][0][0, 0] for _ in range(200)}
    assert starts == set(range(10))
    assert max(windows[0][1][-1, 0] for _ in range(200)) <= 22


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", {0: 1.0, 250: 1.0, 500: 1.0}),
        ("cosine", {0: 1.0, 250: 0.5, 500: 0.0}),
        ("warm-up", {0: 0.0, 10: 0.4, 25: 1.0, 262.5: 0.5, 500: 0.0}),
    ],
)
def test_schedules_run_over_all_steps(schedule, rates):
    lr = trainer(epochs=5, lr=1.0, schedule=schedule).optimizer.lr
    for step, rate in rates.items():
        assert (lr(step) if callable(lr) else lr) == pytest.approx(rate, abs=1e-9)


def test_gradients_are_clipped_on_request():
    assert trainer(clip_norm=0.0).clip is None
    assert trainer(clip_norm=2.0).clip.limit == 2.0


@pytest.mark.parametrize("model", ["cnn", "gpt"])
def test_models_have_the_dropout_of_the_settings(model):
    facts = {"shape": [1, 8, 8], "classes": ["a", "b"], "characters": "ab"}
    data = {"dataset": "digits"} if model == "cnn" else {"dataset": "text", "data": "x"}
    settings = recipes.settings(data.pop("dataset"), model, {"dropout": 0.3, **data})
    found = make_model(settings, facts).named_layers().values()
    assert {layer.p for layer in found if hasattr(layer, "p")} == {0.3}


def test_images_of_any_size_and_colour_pass_through_every_model_for_them():
    for side, channels in [(8, 1), (28, 1), (32, 3), (64, 3), (9, 3)]:
        facts = {"shape": [channels, side, side], "classes": ["a", "b", "c"]}
        for name in recipes.fitting("images", {"size": side}):
            settings = recipes.settings("images", name, {"size": side, "data": "x"})
            y = make_model(settings, facts)(np.zeros((2, channels, side, side), np.float32))
            assert y.shape == (2, 3), (name, side)
