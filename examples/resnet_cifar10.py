"""A small residual network classifies colour photographs of ten kinds: CIFAR-10.

`Trainer` runs the loop, on images that are shifted and mirrored at random. Each epoch ends with a
checkpoint in runs/resnet_cifar10: after a crash, start the program again to resume. With
BLOCKS = (3, 3, 3) the network is the ResNet-20 of He, Zhang, Ren, Sun, arXiv:1512.03385, which
reaches 91.3 % after 182 epochs (table 6).

The files, cifar-10-python.tar.gz or its contents, are read from the given folder, or from the
folders that `wengert.data.load_cifar10` searches. With --fast, only a few images are used; without
a folder, these are generated stripes, with one direction for each class.

    python examples/resnet_cifar10.py                  about 20 minutes on 2 cores
    python examples/resnet_cifar10.py FOLDER           with files from this folder
    python examples/resnet_cifar10.py --fast           6 s

The accuracy of the full run is an estimate; it has not been measured.

Last line: test accuracy in percent: ? (expected: at least 65)
Last line with --fast: test accuracy in percent: 99.5 (expected: at least 80)
"""

import sys

import numpy as np

import wengert as wg
import wengert.functions as F
from wengert.data import ArrayDataset, DataLoader, Subset, TransformDataset, load_cifar10
from wengert.data.transforms import Compose, Normalize, RandomCrop, RandomFlip
from wengert.models import BasicBlock, ResNet
from wengert.optimizers import Momentum
from wengert.schedules import one_cycle
from wengert.training import SaveCheckpoints, Trainer

FAST = "--fast" in sys.argv  # a shorter run, for the tests
FOLDER = next((argument for argument in sys.argv[1:] if not argument.startswith("--")), None)
EPOCHS = 4 if FAST else 10
BATCH_SIZE = 32 if FAST else 128
LR = 0.1  # at its peak
BLOCKS = (1, 1, 1)  # for each of the widths
WIDTHS = (16, 32, 64)
COLOURS = Normalize((0.491, 0.482, 0.447), (0.247, 0.243, 0.262))  # of the training images
LIMIT = 80 if FAST else 65


def load(train):
    """Images (N, 3, 32, 32), from 0 to 1, with their labels, 0 to 9."""
    if not FAST:
        return load_cifar10(train, folder=FOLDER)
    if FOLDER is None:
        return stripes(320 if train else 200, seed=int(train))
    few = load_cifar10(train, folder=FOLDER)
    return Subset(few, slice(400))


def stripes(n, seed):
    """Noisy stripes of random colour, width and position; the class is their direction."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=n)
    angle, width, shift = np.pi * labels / 10, rng.uniform(5, 8, n), rng.uniform(0, 6, n)
    y, x = np.mgrid[:32, :32]
    across = np.multiply.outer(np.cos(angle), x) + np.multiply.outer(np.sin(angle), y)
    waves = np.sin(2 * np.pi * across / width[:, None, None] + shift[:, None, None])
    images = 0.5 + 0.3 * rng.uniform(0.3, 1, (n, 3, 1, 1)) * waves[:, None]
    noisy = np.clip(images + rng.normal(0, 0.1, images.shape), 0, 1)
    return ArrayDataset(noisy.astype(np.float32), labels)


def main():
    wg.seed(0)
    train, test = load(train=True), load(train=False)
    # a mirrored stripe would belong to another class
    changes = [RandomCrop(32, padding=4), *([] if FAST else [RandomFlip()]), COLOURS]
    batches = DataLoader(TransformDataset(train, Compose(*changes)), BATCH_SIZE, seed=0, workers=1)
    test_batches = DataLoader(TransformDataset(test, COLOURS), 200, shuffle=False)

    model = ResNet(BasicBlock, BLOCKS, 10, widths=WIDTHS, small_images=True)
    optimizer = Momentum(one_cycle(LR, EPOCHS * len(batches)), weight_decay=1e-4)
    trainer = Trainer(
        model,
        optimizer,
        F.softmax_cross_entropy,
        metrics=[F.accuracy],
        callbacks=[] if FAST else [SaveCheckpoints("runs/resnet_cifar10")],
    )
    trainer.fit(batches, test_batches, EPOCHS, resume=not FAST)
    accuracy = 100 * trainer.evaluate(test_batches)["accuracy"]
    print(f"test accuracy in percent: {accuracy:.1f} (expected: at least {LIMIT})")


if __name__ == "__main__":
    main()
