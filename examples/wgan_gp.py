"""A Wasserstein GAN with gradient penalty: a network that learns to draw from a distribution.

The critic D gives numbers to points, the greater the more real they look to it; the generator G
turns noise into points that D should like. The difference of D's means over real and drawn points
measures how far the two distributions are apart (the Wasserstein distance), provided that D is
nowhere steeper than 1. So the critic's loss punishes slopes, at points between real and drawn ones:

    mean D(drawn) - mean D(real) + λ · mean (|∂D/∂x| - 1)²

The penalty is a formula of D's gradient, and training differentiates it by D's weights: a gradient
of a gradient. `wg.grad(..., create_graph=True)` leaves the graph for it. I. Gulrajani et al.,
Improved Training of Wasserstein GANs, arXiv:1704.00028.

The distribution is eight small clouds on a circle. Where GANs fail, they draw from some clouds and
forget the others; here each gets its share.

    python examples/wgan_gp.py           20 s
    python examples/wgan_gp.py --fast     3 s

Last line: least share of a cloud: 0.100 (expected: at least 0.05)
Last line with --fast: least share of a cloud: 0.026 (expected: at least 0.01)
"""

import sys

import numpy as np

import wengert as wg
from wengert.models import MLP
from wengert.optimizers import Adam
from wengert.schedules import cosine

FAST = "--fast" in sys.argv  # a shorter run, for the tests
STEPS = 300 if FAST else 3000  # of the generator
CRITIC_STEPS = 5  # of the critic, for each of the generator
BATCH_SIZE = 64  # small matrices: more threads would cost more than they gain
LR = 5e-3
PENALTY = 1
NOISE, HIDDEN = 4, 64
CLOUDS, SPREAD = 8, 0.05
LIMIT = 0.01 if FAST else 0.05

ANGLES = 2 * np.pi * np.arange(CLOUDS) / CLOUDS
CENTRES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


def real_points(rng):
    points = CENTRES[rng.integers(CLOUDS, size=BATCH_SIZE)]
    return points + SPREAD * rng.standard_normal(points.shape, np.float32)


def noise(rng, count):
    return rng.standard_normal((count, NOISE), np.float32)


def critic_loss(critic, real, drawn, rng):
    """The critic's loss, and the distance between the distributions as it sees it."""
    share = rng.random((len(real), 1), np.float32)
    between = wg.Variable(share * real + (1 - share) * drawn)
    slopes = wg.grad(np.sum(critic(between)), between, create_graph=True)  # (N, 2)
    penalty = np.mean((np.sqrt(np.sum(slopes**2, axis=1) + 1e-12) - 1) ** 2)
    distance = np.mean(critic(real)) - np.mean(critic(drawn))
    return PENALTY * penalty - distance, distance


def shares(points):
    """For each cloud, the share of the points that lie within four spreads of its centre."""
    far = np.linalg.norm(points[:, None] - CENTRES, axis=2)  # (N, CLOUDS)
    return np.mean(far < 4 * SPREAD, axis=0)


def main():
    wg.seed(0)
    rng = np.random.default_rng(0)
    generator = MLP((HIDDEN, HIDDEN, 2), in_size=NOISE)
    critic = MLP((HIDDEN, HIDDEN, 1), in_size=2)
    of_generator = Adam(cosine(LR, STEPS), beta1=0.5, beta2=0.9).setup(generator)
    of_critic = Adam(cosine(LR, STEPS * CRITIC_STEPS), beta1=0.5, beta2=0.9).setup(critic)

    print("  step  distance  inside a cloud  clouds with at least 1 %")
    for step in range(1, STEPS + 1):
        for _ in range(CRITIC_STEPS):
            drawn = wg.as_array(generator(noise(rng, BATCH_SIZE)))
            loss, distance = critic_loss(critic, real_points(rng), drawn, rng)
            critic.cleargrads()
            loss.backward()
            of_critic.update()

        loss = -np.mean(critic(generator(noise(rng, BATCH_SIZE))))
        generator.cleargrads()
        loss.backward()
        of_generator.update()

        if step % (STEPS // 10) == 0:
            with wg.no_grad():
                share = shares(wg.as_array(generator(noise(rng, 4000))))
            print(f"{step:6d}  {float(distance):8.3f}  {share.sum():14.2f}  {sum(share > 0.01):8d}")
    print("share of each cloud:", *share.round(3))
    print(f"least share of a cloud: {share.min():.3f} (expected: at least {LIMIT})")


if __name__ == "__main__":
    main()
