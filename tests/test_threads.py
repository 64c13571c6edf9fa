"""Threads: each has its own modes and random numbers; training in one does not affect another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from wengert import Variable, no_grad, random
from wengert.data import ArrayDataset, DataLoader
from wengert.functions.loss import softmax_cross_entropy
from wengert.models import MLP
from wengert.optimizers import Adam


def trained(seed, meet=lambda: None):
    """The parameters of a small model after 60 steps, and the loss of each."""
    random.seed(seed)
    images = random.generator().normal(size=(80, 6))
    labels = np.argmax(images[:, :3], axis=1)
    batches = DataLoader(ArrayDataset(images, labels), 4)
    model = MLP((8, 3), in_size=6, dtype=np.float64)
    optimizer = Adam(0.01).setup(model)
    losses = []
    for _ in range(3):
        for x, t in batches:
            meet()
            noisy = x + 0.1 * random.generator().normal(size=x.shape)
            loss = softmax_cross_entropy(model(Variable(noisy)), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            with no_grad():  # a mode of this thread only
                meet()
                losses.append(float(softmax_cross_entropy(model(x), t)))
    return losses, [p.data.tolist() for p in model.params()]


def test_two_threads_training_two_models_at_once_get_the_results_they_get_alone():
    alone = [trained(seed) for seed in (1, 2)]
    barrier = threading.Barrier(2, timeout=30)  # so that they really take turns
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda seed: trained(seed, barrier.wait), (1, 2)))
    assert together == alone
    assert alone[0] != alone[1]
