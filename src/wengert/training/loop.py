"""One pass of training, and one of testing, for a classifier."""

from collections.abc import Iterable, Iterator

from numpy import ndarray

from wengert.config import no_grad, test_mode, using_config
from wengert.functions.loss import softmax_cross_entropy
from wengert.functions.metrics import accuracy
from wengert.layers import Layer
from wengert.optimizers import Optimizer

Batches = Iterable[tuple[ndarray, ...]]


def train_epoch(model: Layer, optimizer: Optimizer, batches: Batches) -> tuple[float, float]:
    """Trains on each batch (x, t), and gives the means of loss and accuracy, taken on the way."""

    def steps() -> Iterator[tuple[int, float, float]]:
        for x, t in batches:
            y = model(x)
            loss = softmax_cross_entropy(y, t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            yield len(t), float(loss), float(accuracy(y, t))

    with using_config("train", True):
        return _means(steps())


def evaluate(model: Layer, batches: Batches) -> tuple[float, float]:
    """Means of loss and accuracy over the batches (x, t)."""

    def steps() -> Iterator[tuple[int, float, float]]:
        for x, t in batches:
            y = model(x)
            yield len(t), float(softmax_cross_entropy(y, t)), float(accuracy(y, t))

    with no_grad(), test_mode():
        return _means(steps())


def _means(steps: Iterable[tuple[int, float, float]]) -> tuple[float, float]:
    """Means over the samples, for batches that may differ in size."""
    sizes, losses, accuracies = zip(*steps, strict=True)
    n = sum(sizes)
    loss_sum = sum(size * loss for size, loss in zip(sizes, losses, strict=True))
    right = sum(size * share for size, share in zip(sizes, accuracies, strict=True))
    return loss_sum / n, right / n
