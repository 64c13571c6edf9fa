"""Handwritten digits with a multi-layer perceptron, in a hand-written training loop.

A training loop is four calls: the loss, `cleargrads`, `backward`, `update`. The rest of this
program reports the progress. The 1797 digits are part of the package.

    python examples/digits_mlp.py           2 s
    python examples/digits_mlp.py --fast    1 s

Last line: test accuracy in percent: 98.3 (expected: at least 98)
Last line with --fast: test accuracy in percent: 95.6 (expected: at least 93)
"""

import sys

import wengert as wg
import wengert.functions as F
from wengert.data import ArrayDataset, DataLoader, load_digits
from wengert.models import MLP
from wengert.optimizers import Adam

FAST = "--fast" in sys.argv  # a shorter run, for the tests
EPOCHS = 5 if FAST else 30
BATCH_SIZE = 16
LR = 1e-3
LIMIT = 93 if FAST else 98


def as_rows(digits):
    """The images as rows of 64 pixels, with their labels."""
    images, labels = digits[:]
    return ArrayDataset(images.reshape(len(images), -1), labels)


def main():
    wg.seed(0)
    train, test = as_rows(load_digits(train=True)), as_rows(load_digits(train=False))
    model = MLP((128, 128, 10), in_size=64)
    optimizer = Adam(LR).setup(model)
    batches = DataLoader(train, BATCH_SIZE, seed=0)

    for epoch in range(1, EPOCHS + 1):
        loss_sum, right = 0.0, 0.0
        for x, t in batches:
            y = model(x)
            loss = F.softmax_cross_entropy(y, t)
            model.cleargrads()
            loss.backward(retain_graph=False)
            optimizer.update()
            loss_sum += float(loss) * len(t)
            right += float(F.accuracy(y, t)) * len(t)
        print(
            f"epoch {epoch:2d}/{EPOCHS}   loss {loss_sum / len(train):.4f}   "
            f"accuracy {100 * right / len(train):5.1f} %"
        )

    x, t = test[:]
    with wg.no_grad(), wg.test_mode():
        accuracy = 100 * float(F.accuracy(model(x), t))
    print(f"test accuracy in percent: {accuracy:.1f} (expected: at least {LIMIT})")


if __name__ == "__main__":
    main()
