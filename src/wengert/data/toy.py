"""Small synthetic data sets: the spiral and the sine curve."""

import numpy as np

from wengert.arguments import integer, number
from wengert.data.arguments import check_train
from wengert.data.dataset import ArrayDataset
from wengert.data.sequence import with_next


def spiral(
    train: bool = True, *, classes: int = 3, points: int = 100, noise: float = 0.2, seed: int = 0
) -> ArrayDataset:
    """Points on the arms of a plane spiral, in random order; each arm is a class.

    Point i of `points` on arm j is x = (r sin angle, r cos angle), with the radius r = i / points,
    the angle 4 (j + r) + noise · ε and ε from the normal distribution.

    Args:
        noise: standard deviation of the angle, in radians.
        seed: of the noise and the order; training and test points differ.

    Returns:
        Points, float32, (classes · points, 2); labels, int64, (classes · points,).
    """
    classes = integer("spiral", "classes", classes, least=1)
    points = integer("spiral", "points", points, least=1)
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
    """The values of one period of a curve, in order, each with the next value.

    The training data are sin with noise, uniform from -noise to noise; the test data are cos
    without noise.

    Returns:
        Values, float32, (points - 1, 1); the next values, float32, (points - 1, 1).
    """
    points = integer("sine_curve", "points", points, least=2)
    rng = _generator("sine_curve", noise, seed, train)
    angle = np.linspace(0, 2 * np.pi, points)
    y = np.sin(angle) + rng.uniform(-noise, noise, points) if train else np.cos(angle)
    return with_next(y.astype(np.float32)[:, np.newaxis])


def _generator(caller: str, noise: float, seed: int, train: bool) -> "np.random.Generator":
    check_train(caller, train)
    number(caller, "noise", noise, least=0)
    return np.random.default_rng((integer(caller, "seed", seed, least=0), train))
