"""Memory: graphs free themselves by reference counting alone."""

import gc
import sys

import numpy as np

from wengert import random
from wengert.functions.loss import mean_squared_error
from wengert.models import MLP
from wengert.optimizers import Adam


def test_memory_is_flat_over_10_000_training_steps_without_the_garbage_collector():
    random.seed(0)
    model = MLP((4, 1), in_size=2)
    optimizer = Adam(0.01).setup(model)
    x = random.generator().random((3, 2), dtype=np.float32)
    t = x[:, :1] * x[:, 1:]

    def train(steps):
        for _ in range(steps):
            loss = mean_squared_error(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
        return float(loss)

    gc.collect()
    gc.disable()
    try:
        before = train(100)
        blocks = sys.getallocatedblocks()
        after = train(10_000)
        grown = sys.getallocatedblocks() - blocks
    finally:
        gc.enable()
    assert grown < 100  # one object left behind by each step would make it 10,000
    assert after < before / 2
