"""Datasets, batches, and the digits that come with the package."""

import hashlib
from importlib.resources import files

import numpy as np
import pytest

from wengert import random
from wengert.data import ArrayDataset, DataLoader, load_digits


def numbers(n):
    return ArrayDataset(np.arange(n), 10 * np.arange(n))


def passed(loader):
    """The samples of one pass, in order."""
    return [int(i) for x, _ in loader for i in x]


# ---- Datasets ----


def test_a_dataset_of_arrays_gives_one_sample_or_several():
    dataset = numbers(5)
    assert len(dataset) == 5
    assert dataset[3] == (3, 30)
    x, t = dataset[[4, 1]]
    assert (x.tolist(), t.tolist()) == ([4, 1], [40, 10])


@pytest.mark.parametrize("arrays", [(), (np.ones(2), np.ones(3)), (np.array(1.0),)])
def test_a_dataset_needs_arrays_of_equal_length(arrays):
    with pytest.raises(ValueError, match="needed arrays of equal length"):
        ArrayDataset(*arrays)


# ---- Batches ----


def test_a_pass_gives_each_sample_once_beside_its_label():
    batches = list(DataLoader(numbers(10), 4, seed=0))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    assert sorted(np.concatenate([x for x, _ in batches])) == list(range(10))
    assert all((t == 10 * x).all() for x, t in batches)


def test_each_pass_has_an_order_of_its_own_that_follows_from_the_seed():
    one, two, other = (DataLoader(numbers(20), 4, seed=seed) for seed in (0, 0, 1))
    first, second = passed(one), passed(one)
    assert first != second
    assert [passed(two), passed(two)] == [first, second]
    assert passed(other) != first


def test_a_break_does_not_disturb_the_passes_after_it():
    broken, whole = DataLoader(numbers(20), 4, seed=0), DataLoader(numbers(20), 4, seed=0)
    for _ in broken:
        break
    passed(whole)
    assert passed(broken) == passed(whole)


def test_two_passes_at_once_do_not_disturb_each_other():
    loader = DataLoader(numbers(20), 4, seed=0)
    pairs = [(x.tolist(), y.tolist()) for (x, _), (y, _) in zip(loader, loader, strict=True)]
    alone = DataLoader(numbers(20), 4, seed=0)
    assert [i for x, _ in pairs for i in x] == passed(alone)
    assert [i for _, y in pairs for i in y] == passed(alone)


def test_without_shuffle_the_order_is_that_of_the_dataset():
    assert passed(DataLoader(numbers(10), 3, shuffle=False)) == list(range(10))


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_drop_last_leaves_out_the_batch_that_is_not_full(drop_last, sizes):
    loader = DataLoader(numbers(10), 4, drop_last=drop_last)
    assert [len(x) for x, _ in loader] == sizes
    assert len(loader) == len(sizes)


def test_the_order_does_not_depend_on_other_random_numbers():
    loader = DataLoader(numbers(20), 4, seed=0)
    random.seed(1)
    first = passed(loader)
    random.generator().random(100)
    assert first == passed(DataLoader(numbers(20), 4, seed=0))


def test_without_a_seed_the_order_follows_from_the_thread_s_generator():
    random.seed(3)
    first = passed(DataLoader(numbers(20), 4))
    second = passed(DataLoader(numbers(20), 4))
    random.seed(3)
    assert passed(DataLoader(numbers(20), 4)) == first != second


def test_any_indexable_samples_can_be_loaded():
    squares = [(np.full(2, i), i * i) for i in range(5)]
    x, t = next(iter(DataLoader(squares, 3, shuffle=False)))
    assert x.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert t.tolist() == [0, 1, 4]


@pytest.mark.parametrize(("n", "drop_last"), [(0, False), (3, True)])
def test_a_loader_without_a_batch_is_refused(n, drop_last):
    with pytest.raises(ValueError, match="make no batch of 4"):
        DataLoader(numbers(n), 4, drop_last=drop_last)


@pytest.mark.parametrize(("options", "said"), [((0, 1), "batch_size 0"), ((4, -1), "seed -1")])
def test_options_out_of_range_are_refused(options, said):
    batch_size, seed = options
    with pytest.raises(ValueError, match=said):
        DataLoader(numbers(3), batch_size, seed=seed)


# ---- The digits ----


@pytest.mark.parametrize(("train", "n"), [(True, 1437), (False, 360)])
def test_the_digits_are_images_from_0_to_1_with_labels_from_0_to_9(train, n):
    images, labels = load_digits(train=train).arrays
    assert images.shape == (n, 8, 8)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    assert labels.dtype == np.int64
    assert sorted(set(labels.tolist())) == list(range(10))


def test_the_split_is_fixed_and_no_image_is_on_both_sides():
    train, test = ({image.tobytes() for image in load_digits(train=t).arrays[0]} for t in (1, 0))
    assert len(train | test) == 1797
    labels = load_digits(train=False).arrays[1].astype(np.uint8)
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == "266fdac42c20abc1"


def test_the_digits_say_where_they_come_from():
    text = files("wengert.data").joinpath("digits.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text
    assert "Alpaydin" in text
