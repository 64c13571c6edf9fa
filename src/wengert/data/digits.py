"""The handwritten digits in the package; `digits.txt` has their source and licence."""

from importlib.resources import files

import numpy as np

from wengert.data.arguments import check_train
from wengert.data.dataset import ArrayDataset


def load_digits(train: bool = True) -> ArrayDataset:
    """Images of handwritten digits with their labels: 1437 to train, or 360 to test.

    The random split is fixed: it is stored with the images.

    Returns:
        Images, float32, (N, 1, 8, 8), from 0 (paper) to 1 (ink); labels, int64, (N,), 0 to 9.
    """
    check_train("load_digits", train)
    with files("wengert.data").joinpath("digits.npz").open("rb") as file, np.load(file) as arrays:
        chosen = arrays["test"] != train
        images, labels = arrays["images"][chosen], arrays["labels"][chosen]
    return ArrayDataset(images[:, None].astype(np.float32) / 16, labels.astype(np.int64))
