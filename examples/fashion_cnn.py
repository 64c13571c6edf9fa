"""A small convolutional network classifies 28×28 images of clothes: Fashion-MNIST.

Two 3×3 convolutions, each followed by batch normalisation and pooling, then two Linear layers. The
learning rate rises and falls once, so that few passes through the data suffice: Smith, Topin,
Super-Convergence, 2018.

The files are read from the given folder or that of Debian's package dataset-fashion-mnist, or are
downloaded; see `wengert.data.load_fashion_mnist`. With --fast, the handwritten digits that are part
of wengert are used instead.

    python examples/fashion_cnn.py            2 minutes on 2 cores
    python examples/fashion_cnn.py FOLDER     with files from this folder
    python examples/fashion_cnn.py --fast     2 s

Last line: test accuracy in percent: 91.1 (expected: at least 90)
Last line with --fast: test accuracy in percent: 95.6 (expected: at least 90)
"""

import sys
import time

import numpy as np

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert.data import DataLoader, load_digits, load_fashion_mnist
from wengert.optimizers import Adam
from wengert.schedules import one_cycle

FAST = "--fast" in sys.argv  # a shorter run, for the tests
EPOCHS = 3
BATCH_SIZE = 64
LR = 4e-3  # at its peak
LIMIT = 90


def load(train):
    """Images (N, 1, H, W), from 0 to 1, with their labels, 0 to 9."""
    if FAST:
        return load_digits(train)
    return load_fashion_mnist(train, folder=sys.argv[1] if sys.argv[1:] else None)


def make_model():
    return L.Sequential(
        L.Conv2d(16, 3, padding=1),  # (N, 16, 28, 28)
        L.BatchNorm(),
        F.relu,
        L.MaxPool2d(2),  # (N, 16, 14, 14)
        L.Conv2d(32, 3, padding=1),  # (N, 32, 14, 14)
        L.BatchNorm(),
        F.relu,
        L.MaxPool2d(2),  # (N, 32, 7, 7)
        L.Flatten(),
        L.Linear(64),
        F.relu,
        L.Linear(10),
    )


def accuracy_of(model, test):
    """Accuracy in percent."""
    right = 0.0
    with wg.no_grad(), wg.test_mode():
        for x, t in DataLoader(test, 500, shuffle=False):
            right += float(F.accuracy(model(x), t)) * len(t)
    return 100 * right / len(test)


def main():
    wg.seed(0)
    train, test = load(train=True), load(train=False)
    batches = DataLoader(train, BATCH_SIZE, seed=0)
    model = make_model()
    optimizer = Adam(one_cycle(LR, EPOCHS * len(batches))).setup(model)

    start = time.perf_counter()
    for epoch in range(1, EPOCHS + 1):
        losses = []
        for x, t in batches:
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward(retain_graph=False)
            optimizer.update()
            losses.append(float(loss))
        seconds = time.perf_counter() - start
        print(f"epoch {epoch}/{EPOCHS}   loss {np.mean(losses):.4f}   {seconds:4.0f} s", flush=True)
    accuracy = accuracy_of(model, test)
    print(f"test accuracy in percent: {accuracy:.1f} (expected: at least {LIMIT})")


if __name__ == "__main__":
    main()
