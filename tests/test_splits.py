"""Splits of a data set: by classes, by groups, and in folds."""

import warnings
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wengert.data import (
    ArrayDataset,
    ConcatDataset,
    Subset,
    TransformDataset,
    k_fold,
    labels_of,
    split,
)


def data(labels):
    return ArrayDataset(np.arange(len(labels)), np.asarray(labels))


def indices(subset):
    return subset.indices.tolist()


def counts(subset, n_classes):
    return np.bincount(labels_of(subset), minlength=n_classes)


@pytest.fixture(autouse=True)
def _small_classes_may_be_missing():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(split|k_fold): some of the")
        yield


some_labels = st.lists(st.integers(0, 3), min_size=8, max_size=60)


# ---- Classes ----


@given(some_labels, st.sampled_from([(0.5, 0.5), (0.8, 0.2), (0.7, 0.3)]), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_stratified_split_has_each_class_in_its_fraction(labels, fractions, seed):
    parts = split(data(labels), *fractions, stratify=labels, seed=seed)
    assert sorted(chain(*map(indices, parts))) == list(range(len(labels)))
    whole = np.bincount(labels, minlength=4)
    for part, fraction in zip(parts, fractions, strict=True):
        assert np.all(np.abs(counts(part, 4) - fraction * whole) < 1.5)


def test_a_stratified_split_has_the_sizes_of_a_plain_one():
    labels = np.arange(103) % 4
    for sizes in [(0.8, 0.2), (0.6, 0.3, 0.1), (50, 53)]:
        plain, stratified = (split(data(labels), *sizes, stratify=s) for s in (None, True))
        assert list(map(len, plain)) == list(map(len, stratified))


def test_a_rare_class_is_on_both_sides_of_a_stratified_split():
    labels = np.repeat([0, 1], [95, 5])
    for seed in range(20):
        _, test = split(data(labels), 0.8, 0.2, stratify=True, seed=seed)
        assert counts(test, 2).tolist() == [19, 1]


def test_a_stratified_split_is_in_random_order_and_that_of_its_seed():
    labels = np.repeat([0, 1], 50)
    one, again, other = (split(data(labels), 0.5, 0.5, stratify=True, seed=s) for s in (1, 1, 2))
    assert indices(one[0]) == indices(again[0]) != indices(other[0])
    assert len(set(labels_of(one[0])[:25].tolist())) == 2


@pytest.mark.parametrize(
    "labels", [["a", "b"] * 4, [True, False] * 4, [1.0, 2.0] * 4, np.array(["a", "b"] * 4, object)]
)
def test_classes_may_be_strings_bools_and_floats_without_fractions(labels):
    train, test = split(data(np.arange(8)), 0.5, 0.5, stratify=labels)
    assert sum(i % 2 for i in indices(train)) == sum(i % 2 for i in indices(test)) == 2


def test_a_class_that_cannot_be_everywhere_is_named():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"^k_fold: some of the 3 parts .* classes 7 \(2\),"):
            k_fold(data([5, 5, 5, 7, 7]), 3, stratify=True)


@pytest.mark.parametrize(
    ("stratify", "error", "said"),
    [
        (np.zeros(3), ValueError, r"stratify \(3,\), needed one for each of the 4 samples$"),
        (np.zeros((4, 1)), ValueError, "use np.ravel"),
        (np.eye(4), ValueError, r"use np\.argmax\(…, axis=1\)"),
        ([0.5, 1.5, 2.5, 3.5], ValueError, r"fractions or NaN.*np\.digitize\(stratify, edges\)"),
        ([0.0, np.nan, 1.0, 1.0], ValueError, "fractions or NaN"),
        (np.array(["a", None, "b", "b"], object), TypeError, "is one of them None"),
        ([[1], [1, 2], [1], [1]], ValueError, "lists of different lengths"),
    ],
)
def test_labels_that_are_no_classes_are_refused(stratify, error, said):
    with pytest.raises(error, match=f"^split: got .*{said}"):
        split(data([0, 0, 1, 1]), 0.5, 0.5, stratify=stratify)


# ---- Groups ----


@given(st.lists(st.integers(0, 6), min_size=12, max_size=60), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_group_is_never_on_both_sides(groups, seed):
    if len(set(groups)) < 2:
        return
    parts = split(data(groups), 0.7, 0.3, groups=groups, seed=seed)
    assert all(map(len, parts))
    assert not set(labels_of(parts[0])) & set(labels_of(parts[1]))
    assert sorted(chain(*map(indices, parts))) == list(range(len(groups)))


def test_a_small_part_gets_a_group_too():
    groups = np.repeat([0, 1, 2], 10)
    assert list(map(len, split(data(groups), 0.97, 0.03, groups=groups))) == [20, 10]


def test_many_small_groups_give_the_sizes_that_are_wanted():
    groups = np.arange(300) // 3
    parts = split(data(groups), 0.8, 0.2, groups=groups)
    assert list(map(len, parts)) == [240, 60]


def test_groups_and_classes_together_keep_both():
    rng = np.random.default_rng(0)
    groups = np.arange(400) // 4
    labels = np.repeat(rng.random(100) < 0.2, 4).astype(int)  # one class in each group
    for train, validation in k_fold(data(labels), 5, stratify=True, groups=groups):
        assert not set(groups[train.indices]) & set(groups[validation.indices])
        assert abs(labels_of(validation).mean() - labels.mean()) < 0.04
        assert 72 <= len(validation) <= 88


def test_fewer_groups_than_parts_are_refused():
    with pytest.raises(ValueError, match=r"^k_fold: got 2 groups for 3 parts, needed"):
        k_fold(data([0, 0, 1, 1]), 3, groups=[0, 0, 1, 1])


# ---- Folds ----


@given(some_labels, st.integers(2, 8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_each_sample_is_validated_once_and_folds_have_equal_sizes(labels, k, stratify):
    folds = k_fold(data(labels), k, stratify=stratify)
    assert sorted(chain(*(indices(v) for _, v in folds))) == list(range(len(labels)))
    for train, validation in folds:
        assert sorted(indices(train) + indices(validation)) == list(range(len(labels)))
    sizes = [len(v) for _, v in folds]
    assert max(sizes) - min(sizes) <= 1
    if stratify:
        assert np.all(np.ptp([counts(v, 4) for _, v in folds], axis=0) <= 1)


def test_folds_are_those_of_their_seed():
    one, again, other = (k_fold(data(range(20)), 4, seed=s)[0][1] for s in (0, 0, 1))
    assert indices(one) == indices(again) != indices(other)


def test_as_many_folds_as_samples_leave_one_out():
    assert [len(v) for _, v in k_fold(data([3, 4, 5]), 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("k", "error", "said"),
    [
        (1, ValueError, "k 1, needed an integer ≥ 2"),
        (2.5, TypeError, "k 2.5"),
        (5, ValueError, "k 5 and 4 samples"),
    ],
)
def test_numbers_of_folds_that_do_not_fit_are_refused(k, error, said):
    with pytest.raises(error, match=f"^k_fold: got {said}"):
        k_fold(data(range(4)), k)


# ---- Labels ----


class Unread(ArrayDataset):
    def sample(self, index):
        raise AssertionError("a sample was read")

    def batch(self, indices):
        raise AssertionError("a batch was read")


class Labelled:
    """As an ImageFolder is: reading a sample takes long."""

    labels = np.array([1, 0, 1])

    def __len__(self):
        return 3

    def __getitem__(self, i):
        raise AssertionError("a sample was read")


@pytest.mark.parametrize(
    ("dataset", "labels"),
    [
        (Labelled(), [1, 0, 1]),
        (Subset(Labelled(), [2, 1]), [1, 0]),
        (ConcatDataset(Labelled(), Subset(Labelled(), [1])), [1, 0, 1, 0]),
        (TransformDataset(Labelled(), np.negative), [1, 0, 1]),
        (TransformDataset(data([4, 5]), None, np.negative), [-4, -5]),
        (TransformDataset(data([4, 5]), sample=lambda sample: (0, 9)), [9, 9]),
        ([(0, 1), (0, 2)], [1, 2]),
        ([(0, "cat"), (0, "dog")], ["cat", "dog"]),
    ],
)
def test_labels_are_the_last_components_of_the_samples(dataset, labels):
    assert labels_of(dataset).tolist() == labels


@pytest.mark.parametrize("samples", [[{"t": 1}], [3.0], [(1,)]])
def test_samples_without_labels_are_refused(samples):
    with pytest.raises(TypeError, match=r"^labels_of: got the sample .*pass the labels themselves"):
        labels_of(samples)
