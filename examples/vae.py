"""A variational autoencoder learns to generate digits.

The encoder maps an image x to a normal distribution of codes z; the decoder maps a code to an
image. The loss is an upper bound of -log p(x) in nats:

    cross-entropy of x and the decoded image, for one sample z
    + divergence of the distribution of z from N(0, 1)

A random sample has no gradient. But z = mean + σ · noise has gradients with respect to mean and σ,
as the noise does not depend on them: see `VAE.reparameterize`. D. Kingma, M. Welling, Auto-Encoding
Variational Bayes, arXiv:1312.6114.

After training, a code drawn from N(0, 1) is decoded to a digit. The result is measured by the bound
on held-out images. For comparison, the loss of two predictions is printed: the mean image for all
images, and each image itself (which is not 0, as grey pixels are neither 0 nor 1).

    python examples/vae.py           5 s
    python examples/vae.py --fast    1 s

Last line: nats per held-out digit: 24.22 (expected: below 24.5)
Last line with --fast: nats per held-out digit: 26.03 (expected: below 26.5)
"""

import sys

import numpy as np

import wengert as wg
from wengert.data import ArrayDataset, DataLoader, load_digits
from wengert.models import VAE
from wengert.optimizers import Adam
from wengert.schedules import cosine

FAST = "--fast" in sys.argv  # a shorter run, for the tests
EPOCHS = 10 if FAST else 200
BATCH_SIZE = 64
LR = 2e-3
HIDDEN, LATENT = 200, 10
LIMIT = 26.5 if FAST else 24.5
GREYS = " .:-=+*#%@"


def pixels(dataset):
    """All images, as rows."""
    images, _ = dataset[:]
    return images.reshape(len(images), -1)


def nats(x, grey):
    """Mean cross-entropy of the images x and predicted pixels."""
    grey = np.clip(grey, 1e-3, 1 - 1e-3)
    return -np.mean(np.sum(x * np.log(grey) + (1 - x) * np.log(1 - grey), axis=1))


def show(rows, side):
    """Prints images side by side."""
    images = rows.reshape(-1, side, side)
    for y in range(side):
        lines = [[GREYS[int(9.99 * grey)] * 2 for grey in image[y]] for image in images]
        print("   ".join("".join(line) for line in lines).rstrip())


def main():
    wg.seed(0)
    train, test = pixels(load_digits(train=True)), pixels(load_digits(train=False))
    model = VAE(train.shape[1], hidden_size=HIDDEN, latent_size=LATENT)
    batches = DataLoader(ArrayDataset(train), BATCH_SIZE, seed=0)
    optimizer = Adam(cosine(LR, steps=EPOCHS * len(batches))).setup(model)
    print(
        f"nats per held-out digit: {nats(test, train.mean(axis=0)):.2f} for the mean image, "
        f"{nats(test, test):.2f} for the digit itself"
    )

    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for (x,) in batches:
            loss = model.loss(x)
            model.cleargrads()
            loss.backward(retain_graph=False)
            optimizer.update()
            total += float(loss) * len(x)
        if epoch % (EPOCHS // 10) == 0:
            print(f"epoch {epoch:3d}/{EPOCHS}   nats per training digit: {total / len(train):.2f}")

    print("Generated from noise:")
    show(model.sample(6, seed=1), side=8)
    with wg.no_grad(), wg.test_mode():
        bound = np.mean([float(model.loss(test)) for _ in range(10)])
    print(f"nats per held-out digit: {bound:.2f} (expected: below {LIMIT})")


if __name__ == "__main__":
    main()
