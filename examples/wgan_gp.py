"""A Wasserstein GAN with gradient penalty: a network learns to sample from a distribution.

The generator G maps noise to points. The critic D maps points to numbers and is trained to give
real points larger numbers than generated points; G is trained to increase these numbers. The
difference of D's means over real and generated points approximates the Wasserstein distance of the
two distributions, if the slope of D is at most 1 everywhere. So the critic's loss has a penalty on
slopes, at points between real and generated points:

    mean D(generated) - mean D(real) + λ · mean (|∂D/∂x| - 1)²

The penalty contains the gradient of D, and training differentiates it with respect to D's weights:
a gradient of a gradient. `wg.grad(..., create_graph=True)` builds the graph for this. I. Gulrajani
et al., Improved Training of Wasserstein GANs, arXiv:1704.00028.

The distribution has eight small clusters on a circle. GANs often cover only some of the clusters;
this one covers all.

    python examples/wgan_gp.py           20 s
    python examples/wgan_gp.py --fast     3 s

Last line: smallest fraction in a cluster: 0.100 (expected: at least 0.05)
Last line with --fast: smallest fraction in a cluster: 0.026 (expected: at least 0.01)
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
BATCH_SIZE = 64  # for small matrices one thread is fastest
LR = 5e-3
PENALTY = 1
NOISE, HIDDEN = 4, 64
CLUSTERS, SPREAD = 8, 0.05
LIMIT = 0.01 if FAST else 0.05

ANGLES = 2 * np.pi * np.arange(CLUSTERS) / CLUSTERS
CENTRES = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


def real_points(rng):
    points = CENTRES[rng.integers(CLUSTERS, size=BATCH_SIZE)]
    return points + SPREAD * rng.standard_normal(points.shape, np.float32)


def noise(rng, count):
    return rng.standard_normal((count, NOISE), np.float32)


def critic_loss(critic, real, generated, rng):
    """The critic's loss, and its estimate of the distance between the distributions."""
    ratio = rng.random((len(real), 1), np.float32)
    between = wg.Variable(ratio * real + (1 - ratio) * generated)
    slopes = wg.grad(np.sum(critic(between)), between, create_graph=True)  # (N, 2)
    penalty = np.mean((np.sqrt(np.sum(slopes**2, axis=1) + 1e-12) - 1) ** 2)
    distance = np.mean(critic(real)) - np.mean(critic(generated))
    return PENALTY * penalty - distance, distance


def fractions(points):
    """For each cluster, the fraction of points within four standard deviations of its centre."""
    far = np.linalg.norm(points[:, None] - CENTRES, axis=2)  # (N, CLUSTERS)
    return np.mean(far < 4 * SPREAD, axis=0)


def main():
    wg.seed(0)
    rng = np.random.default_rng(0)
    generator = MLP((HIDDEN, HIDDEN, 2), in_size=NOISE)
    critic = MLP((HIDDEN, HIDDEN, 1), in_size=2)
    of_generator = Adam(cosine(LR, STEPS), beta1=0.5, beta2=0.9).setup(generator)
    of_critic = Adam(cosine(LR, STEPS * CRITIC_STEPS), beta1=0.5, beta2=0.9).setup(critic)

    print("  step  distance  in a cluster  clusters with at least 1 %")
    for step in range(1, STEPS + 1):
        for _ in range(CRITIC_STEPS):
            generated = wg.as_array(generator(noise(rng, BATCH_SIZE)))
            loss, distance = critic_loss(critic, real_points(rng), generated, rng)
            critic.cleargrads()
            loss.backward()
            of_critic.update()

        loss = -np.mean(critic(generator(noise(rng, BATCH_SIZE))))
        generator.cleargrads()
        loss.backward()
        of_generator.update()

        if step % (STEPS // 10) == 0:
            with wg.no_grad():
                found = fractions(wg.as_array(generator(noise(rng, 4000))))
            print(f"{step:6d}  {float(distance):8.3f}  {found.sum():14.2f}  {sum(found > 0.01):8d}")
    print("fraction in each cluster:", *found.round(3))
    print(f"smallest fraction in a cluster: {found.min():.3f} (expected: at least {LIMIT})")


if __name__ == "__main__":
    main()
