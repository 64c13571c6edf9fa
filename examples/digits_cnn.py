"""Handwritten digits with a small convolutional network.

Two 3×3 convolutions, each followed by batch normalisation, then pooling, dropout and two Linear
layers. Layers take their input sizes from the first batch. Batch normalisation and dropout work
differently in training and inference; `wg.test_mode()` switches to inference mode.

    python examples/digits_cnn.py           7 s
    python examples/digits_cnn.py --fast     1 s

Last line: test accuracy in percent: 99.2 (expected: at least 98.5)
Last line with --fast: test accuracy in percent: 98.1 (expected: at least 95)
"""

import sys

import numpy as np

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert.data import DataLoader, load_digits
from wengert.optimizers import Adam
from wengert.schedules import one_cycle

FAST = "--fast" in sys.argv  # a shorter run, for the tests
EPOCHS = 2 if FAST else 20
BATCH_SIZE = 32
LR = 5e-3  # at its peak
LIMIT = 95 if FAST else 98.5


def make_model():
    return L.Sequential(
        L.Conv2d(16, 3, padding=1),  # (N, 16, 8, 8)
        L.BatchNorm(),
        F.relu,
        L.Conv2d(32, 3, padding=1),  # (N, 32, 8, 8)
        L.BatchNorm(),
        F.relu,
        L.MaxPool2d(2),  # (N, 32, 4, 4)
        L.Flatten(),
        L.Dropout(0.3),
        L.Linear(64),
        F.relu,
        L.Linear(10),
    )


def main():
    wg.seed(0)
    train, test = load_digits(train=True), load_digits(train=False)
    batches = DataLoader(train, BATCH_SIZE, seed=0)
    model = make_model()
    optimizer = Adam(one_cycle(LR, EPOCHS * len(batches))).setup(model)

    for epoch in range(1, EPOCHS + 1):
        losses = []
        for x, t in batches:
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward(retain_graph=False)
            optimizer.update()
            losses.append(float(loss))
        print(f"epoch {epoch:2d}/{EPOCHS}   loss {np.mean(losses):.4f}")

    x, t = test[:]
    with wg.no_grad(), wg.test_mode():
        y = model(x)
    print("confusion matrix (rows: labels, columns: predictions):")
    print(wg.as_array(F.confusion_matrix(y, t)))
    accuracy = 100 * float(F.accuracy(y, t))
    print(f"test accuracy in percent: {accuracy:.1f} (expected: at least {LIMIT})")


if __name__ == "__main__":
    main()
