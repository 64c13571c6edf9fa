"""Memory: graphs free themselves by reference counting alone."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest

from wengert import Function, Variable, random
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


# ---- retain_graph=False ----


def test_a_walk_that_does_not_retain_the_graph_gives_the_same_gradients():
    random.seed(0)
    model = MLP((5, 1), in_size=2)
    x = random.generator().random((3, 2), dtype=np.float32)
    gradients = []
    for retain_graph in (True, False):
        model.cleargrads()
        mean_squared_error(model(x), x[:, :1]).backward(retain_graph=retain_graph)
        gradients.append([p.grad.data for p in model.params()])
    for kept, forgotten in zip(*gradients, strict=True):
        np.testing.assert_array_equal(kept, forgotten)


def test_a_graph_that_is_not_retained_cannot_be_walked_again():
    x = Variable(np.array(2.0))
    y = x**2 * 3
    y.backward(retain_graph=False)
    assert x.grad.data == 12
    with pytest.raises(RuntimeError, match="retain_graph=False"):
        y.backward()


def test_the_walk_frees_a_record_before_it_comes_to_the_next_function():
    records = []

    class Double(Function):
        def __init__(self, after=None):
            self.after = after

        def forward(self, x):
            return 2 * x

        def backward(self, gy):
            if self.after is not None:
                records.append(self.after._record)
            return 2 * gy

    last = Double()
    y = last(Double(after=last)(Variable(np.array(1.0))))
    y.backward()
    y.backward(retain_graph=False)
    assert records[0] is not None
    assert records[1] is None


@pytest.mark.parametrize(("retain_graph", "steps"), [(True, 2), (False, 1)])
def test_a_step_holds_one_steps_values_if_the_graph_is_not_retained(retain_graph, steps):
    depth, size = 20, 8 * 10_000  # bytes of each value in between
    x = Variable(np.ones(10_000))

    def model(y):
        for _ in range(depth):
            y = y * 1.5
        return y

    tracemalloc.start()
    try:
        for _ in range(3):
            y = model(x)
            x.cleargrad()
            y.backward(retain_graph=retain_graph)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (steps - 0.2) * depth * size < peak < (steps + 0.2) * depth * size


def test_a_graph_that_is_not_retained_cannot_have_a_recorded_walk():
    y = Variable(np.array(2.0)) ** 2
    with pytest.raises(ValueError, match="create_graph=True with retain_graph=False"):
        y.backward(create_graph=True, retain_graph=False)
