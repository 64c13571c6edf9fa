"""Small made-up data sets: the spiral and the sine curve."""

from numbers import Real

import numpy as np

from wengert.data.arguments import check_count, check_train, check_type
from wengert.data.dataset import ArrayDataset
from wengert.data.sequence import with_next


def spiral(
    train: bool = True, *, classes: int = 3, points: int = 100, noise: float = 0.2, seed: int = 0
) -> ArrayDataset:
    """Points in the plane on the arms of a spiral, one arm a class, in random order.

    Point i of `points` on arm j is x = (r sin angle, r cos angle), with the radius r = i / points,
    the angle 4 (j + r) + noise · ε and ε from the normal distribution.

    Args:
        noise: standard deviation of the angle, in radians.
        seed: of the noise and the order; points to train on and to test with differ for each.

    Returns:
        Points, float32, (classes · points, 2); labels, int64, (classes · points,).
    """
    check_count("spiral", "classes", classes, 1)
    check_count("spiral", "points", points, 1)
    rng = _generator("spiral", noise, seed, train)
    labels = np.repeat(np.arange(classes), points)
    radius = np.tile(np.arange(points) / points, classes)
    angle = 4 * (labels + radius) + noise * rng.standard_normal(labels.shape)
    x = radius * np.stack([np.sin(angle), np.cos(angle)])  # (2, classes · points)
    order = rng.permutation(len(labels))
    return ArrayDataset(x.T[order].astype(np.float32), labels[order].astype(np.int64))


def sine_curve(
    train: bool = True, *, points: int = 1000, noise: float = 0.05, seed: int = 0
) -> ArrayDataset:
    """The values of one period of a curve, in order, each with the value that follows it.

    To train on, sin plus noise, evenly distributed from -noise to noise; to test with, cos without.

    Returns:
        Values, float32, (points - 1, 1); their successors, float32, (points - 1, 1).
    """
    check_count("sine_curve", "points", points, 2)
    rng = _generator("sine_curve", noise, seed, train)
    angle = np.linspace(0, 2 * np.pi, points)
    y = np.sin(angle) + rng.uniform(-noise, noise, points) if train else np.cos(angle)
    return with_next(y.astype(np.float32)[:, np.newaxis])


def _generator(function: str, noise: float, seed: int, train: bool) -> "np.random.Generator":
    check_train(function, train)
    check_count(function, "seed", seed, 0)
    check_type(function, "noise", noise, Real, "a finite number ≥ 0")
    if not 0 <= noise < np.inf:
        raise ValueError(f"{function}: got noise {noise}, needed a finite number ≥ 0")
    return np.random.default_rng((seed, train))
