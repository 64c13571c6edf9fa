"""Data sets, batches, and the digits in the package."""

import hashlib
from collections import namedtuple
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from wengert import Variable, random
from wengert.data import (
    ArrayDataset,
    BaseDataset,
    ConcatDataset,
    DataLoader,
    Subset,
    TransformDataset,
    collate,
    load_digits,
    split,
    with_next,
)


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


@pytest.mark.parametrize("make", [ArrayDataset, with_next])
def test_lists_of_different_lengths_are_refused_with_our_message(make):
    with pytest.raises(ValueError, match="lists of different lengths, needed an array"):
        make([[1], [2, 3]])


# ---- Datasets made of others ----


def pair(i):
    return (i, 10 * i)


def sets():
    """Data sets of several kinds, with the expected samples."""
    base, listed = numbers(6), [pair(i) for i in range(6)]
    doubled = TransformDataset(base, lambda x: 2 * x)
    return {
        "array": (base, listed),
        "concat": (
            ConcatDataset(base, Subset(base, [5, 0]), base),
            [*listed, listed[5], listed[0], *listed],
        ),
        "concat of lists": (ConcatDataset(listed[:2], listed[2:]), listed),
        "subset": (Subset(base, [4, 1, 1]), [listed[4], listed[1], listed[1]]),
        "subset of a subset": (Subset(Subset(base, [5, 3, 2]), [2, 0]), [listed[2], listed[5]]),
        "subset of a list": (Subset(listed, slice(1, None, 2)), listed[1::2]),
        "transform": (doubled, [(2 * i, 10 * i) for i in range(6)]),
        "transform of a subset": (
            TransformDataset(Subset(base, [3, 1]), None, str),
            [(3, "30"), (1, "10")],
        ),
        "subset of a transform": (Subset(doubled, [3, 1]), [(6, 30), (2, 10)]),
        "concat of transforms": (
            ConcatDataset(Subset(doubled, [3, 1]), base),
            [(6, 30), (2, 10), *listed],
        ),
    }


@pytest.mark.parametrize("name", sets())
def test_a_data_set_gives_its_samples_from_both_ends(name):
    dataset, samples = sets()[name]
    n = len(samples)
    assert len(dataset) == n
    assert [dataset[i] for i in range(n)] == samples
    assert [dataset[np.int64(i)] for i in range(-n, 0)] == samples
    assert list(dataset) == samples  # which iterates until an IndexError
    for i in (n, -n - 1):
        with pytest.raises(IndexError, match=f"got the index {i}, but there are {n} samples"):
            dataset[i]


@pytest.mark.parametrize("name", sets())
def test_several_samples_are_the_batch_that_collate_makes_of_them(name):
    dataset, samples = sets()[name]
    n = len(samples)
    mask = np.arange(n) % 2 == 0
    for several in (slice(None), slice(None, None, -1), [1, 0, -1, 1], np.array([0]), mask):
        chosen = [samples[i] for i in np.arange(n)[several]]
        for got, expected in zip(dataset[several], collate(chosen), strict=True):
            assert got.dtype == expected.dtype
            assert got.tolist() == expected.tolist()


@pytest.mark.parametrize("name", sets())
def test_a_data_set_refuses_other_types_as_an_index(name):
    dataset, samples = sets()[name]
    with pytest.raises(IndexError, match=f"got the index 99, but there are {len(samples)}"):
        dataset[[0, 99]]
    for index in (1.0, "x", None, [0.5], [[0]], np.ones(99, bool)):
        with pytest.raises(TypeError, match=r"Dataset|Subset: got the index .*, needed an integer"):
            dataset[index]


def test_a_batch_is_a_copy_that_may_be_written_to():
    dataset = numbers(3)
    for several in (slice(None), [0, 1]):
        dataset[several][0][:] = 9
    assert dataset.arrays[0].tolist() == [0, 1, 2]


def test_a_subset_gets_a_batch_by_one_call_of_its_data_set():
    class Counting(ArrayDataset):
        asked = 0

        def batch(self, indices):
            self.asked += 1
            return super().batch(indices)

        def sample(self, index):
            raise AssertionError("one by one")

    dataset = Counting(np.arange(9))
    both = ConcatDataset(Subset(dataset, range(8)), Subset(dataset, [8]))
    assert both[[7, 8, 1]][0].tolist() == [7, 8, 1]
    assert dataset.asked == 2
    list(DataLoader(both, 9))
    assert dataset.asked == 4


def test_a_subclass_that_overrides_getitem_is_called_for_each_item():
    class Tripled(ArrayDataset):
        def __getitem__(self, index):
            return 3 * super().__getitem__(index)[0]

    (batch,) = DataLoader(Subset(Tripled(np.arange(4)), [3, 2]), 2, shuffle=False)
    assert batch.tolist() == [9, 6]


def test_a_user_defined_data_set_needs_a_length_and_a_sample():
    class Squares(BaseDataset):
        def __len__(self):
            return 5

        def sample(self, index):
            return index**2

    assert Squares()[-1] == 16
    assert Squares()[1:4].tolist() == [1, 4, 9]
    for missing in (len, lambda dataset: dataset.sample(0)):
        with pytest.raises(NotImplementedError, match="define"):
            missing(BaseDataset())


def test_samples_that_do_not_fit_together_are_named_in_a_joined_set_too():
    joined = ConcatDataset(ArrayDataset(np.ones((2, 3))), ArrayDataset(np.ones((2, 4))))
    assert joined[[0, 1]][0].shape == (2, 3)
    with pytest.raises(ValueError, match=r"sample\[0\] has shape \(3,\) .* \(4,\) in sample 2"):
        joined[[0, 1, 2]]


def test_a_transform_of_the_whole_sample_comes_after_those_of_its_components():
    dataset = TransformDataset(numbers(3), lambda x: x + 1, sample=lambda s: (s[1], s[0]))
    assert dataset[2] == (20, 3)
    assert TransformDataset([3, 4], sample=abs)[1] == 4


@pytest.mark.parametrize("samples", [[1, 2], [(1,), (2,)], [{"x": 1}]])
def test_missing_components_of_a_sample_cannot_be_transformed(samples):
    with pytest.raises(TypeError, match="got 2 transforms for the components of the sample"):
        TransformDataset(samples, abs, abs)[0]


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: ConcatDataset(), ValueError, "ConcatDataset: got no data set"),
        (lambda: ConcatDataset(iter([1])), TypeError, "ConcatDataset: got list_iterator, needed"),
        (lambda: Subset(numbers(3), [0, 3]), IndexError, "Subset: got the index 3, but there are"),
        (lambda: Subset(numbers(3), [0.5]), TypeError, "Subset: got the index"),
        (lambda: Subset(3, [0]), TypeError, "Subset: got int, needed a data set"),
        (lambda: Subset(np.array(3), [0]), TypeError, "Subset: got ndarray, needed a data set"),
        (lambda: TransformDataset(3), TypeError, "TransformDataset: got int"),
        (lambda: TransformDataset([1], 3), TypeError, "got 3, needed a function of one argument"),
        (lambda: TransformDataset([1], sample=3), TypeError, "got 3, needed a function"),
    ],
)
def test_a_data_set_refuses_unsuitable_arguments(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_data_sets_print_their_contents():
    base = numbers(3)
    array = "ArrayDataset(int64 (3,), int64 (3,))"
    assert repr(Subset(base, [0, 2])) == f"Subset(2 of {array})"
    assert repr(ConcatDataset(base, base)) == f"ConcatDataset({array}, {array})"
    assert repr(TransformDataset(base, None, sample=abs)) == (
        f"TransformDataset({array}, None, sample=abs)"
    )


# ---- Splits ----


@given(st.integers(1, 60), st.integers(0, 99), st.lists(st.integers(1, 9), min_size=1, max_size=5))
@example(7, 0, [9, 6, 9, 9, 9])  # 1.5, 1, 1.5, 1.5 and 1.5 samples
def test_a_split_puts_each_sample_into_one_subset(n, seed, weights):
    fractions = [weight / sum(weights) for weight in weights]
    assume(min(fractions) * n >= 1)
    subsets = split(numbers(n), *fractions, seed=seed)
    assert sorted(i for subset in subsets for i in subset.indices.tolist()) == list(range(n))
    for subset, fraction in zip(subsets, fractions, strict=True):
        assert abs(len(subset) - fraction * n) <= 1
    again = split(numbers(n), *fractions, seed=seed)
    assert [s.indices.tolist() for s in again] == [s.indices.tolist() for s in subsets]


def test_a_split_by_numbers_has_these_numbers_and_follows_from_its_seed():
    def dealt(**options):
        return [part[:][0].tolist() for part in split(numbers(30), 20, 7, 3, **options)]

    assert [len(part) for part in dealt()] == [20, 7, 3]
    assert [len(part) for part in split(numbers(30), np.float32(0.2), 0.8)] == [6, 24]
    assert dealt() == dealt(seed=0) != dealt(seed=1)
    random.seed(4)
    assert dealt() == dealt(seed=0)


@pytest.mark.parametrize(
    ("sizes", "error", "said"),
    [
        ((0.8,), ValueError, r"fractions whose sum is 0.8, needed 1; .* split\(.*, 0.8, 0.2\)"),
        ((5, 4), ValueError, "sizes whose sum is 9, needed 10"),
        ((10, 0), ValueError, "would leave a subset empty"),
        ((12, -2), ValueError, "would leave a subset empty"),
        ((-2, 12), ValueError, "would leave a subset empty"),
        ((0.99, 0.01), ValueError, "would leave a subset empty"),
        ((1.5, -0.5), ValueError, "would leave a subset empty"),
        ((), TypeError, r"got \(\), needed"),
        ((5, 0.5), TypeError, "needed numbers of samples, or fractions"),
        (("5", "5"), TypeError, "needed numbers of samples, or fractions"),
    ],
)
def test_a_split_with_a_wrong_sum_is_refused(sizes, error, said):
    with pytest.raises(error, match=f"^split: .*{said}"):
        split(numbers(10), *sizes)


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (0.5, TypeError), (None, TypeError)])
def test_a_split_needs_a_seed(seed, error):
    with pytest.raises(error, match=f"^split: got seed {seed}"):
        split(numbers(10), 5, 5, seed=seed)


# ---- Collate ----


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1.5, 2.0], "float32"),
        ([1, 2], "int64"),
        ([True, False], "bool"),
        ([1, 2.5], "float32"),
        ([np.float64(1.5), 2.0], "float64"),
        ([np.float16(1.5), 2.0], "float16"),
        ([np.uint8(1), np.uint8(2)], "uint8"),
        ([np.zeros(2, "f"), np.zeros(2, "u1")], "float32"),
        (["a", "bcd"], "<U3"),
    ],
)
def test_the_dtype_of_a_batch(values, dtype):
    batch = collate(values)
    assert batch.dtype == dtype
    assert batch.tolist() == [np.asarray(value).tolist() for value in values]


def test_a_large_integer_keeps_its_last_digit():
    assert collate([2**62 + 1, 0]).tolist() == [2**62 + 1, 0]


Point = namedtuple("Point", "x y")


def test_a_batch_has_the_structure_of_the_samples():
    def sample(i):
        return {"image": np.full((2, 3), i), "boxes": [(i, 2 * i), Point(i, "ab"[i])]}

    batch = collate([sample(0), sample(1)])
    assert batch["image"].shape == (2, 2, 3)
    (a, b), point = batch["boxes"]
    assert (a.tolist(), b.tolist()) == ([0, 1], [0, 2])
    assert type(point) is Point
    assert point.y.tolist() == ["a", "b"]


arrays = st.integers(0, 255).map(lambda x: np.full((2, 1), x))
whole_numbers, texts = st.integers(-(2**63), 2**63 - 1), st.text("ab", max_size=3)
structures = st.recursive(
    st.sampled_from([arrays, whole_numbers, texts]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: st.tuples(*parts))
        | st.dictionaries(st.text(max_size=2), inner, max_size=3).map(st.fixed_dictionaries)
    ),
    max_leaves=6,
)


def sample_of(batch, i):
    if isinstance(batch, dict):
        return {key: sample_of(part, i) for key, part in batch.items()}
    return tuple(sample_of(part, i) for part in batch) if isinstance(batch, tuple) else batch[i]


@given(structures.flatmap(lambda sample: st.lists(sample, min_size=1, max_size=4)))
@settings(max_examples=30, deadline=None)
def test_each_sample_can_be_taken_from_the_batch_again(samples):
    batch = collate(samples)
    for i, sample in enumerate(samples):
        np.testing.assert_equal(sample_of(batch, i), sample)


@pytest.mark.parametrize(
    ("samples", "error", "said"),
    [
        ([], ValueError, "got no samples"),
        (
            [np.ones(2), np.ones(3)],
            ValueError,
            r"\(2,\) in sample 0 .* \(3,\) in sample 1.*collate=",
        ),
        (
            [(1, np.ones(2)), (1, 2)],
            ValueError,
            r"sample\[1\] has shape \(2,\) .* \(\) in sample 1",
        ),
        ([{"x": (1, 2)}, {"x": (1,)}], ValueError, r"sample\['x'\] is a tuple of 2 .* of 1 in"),
        ([{"x": 1}, {"y": 1}], ValueError, r"a dict of \['x'\] .* a dict of \['y'\] in sample 1"),
        ([(1, 2), 1], ValueError, "a tuple of 2 in sample 0 .* but of type int in sample 1"),
        ([1, 2**70], ValueError, f"is {2**70} in sample 1 of the batch, too large for int64"),
        ([(1, None), (1, None)], TypeError, r"sample\[1\] is of type NoneType in .*collate="),
        ([1, Variable(1.0)], TypeError, "of type Variable in sample 1"),
        ([1, "a"], TypeError, "types int, str in one batch"),
        ([np.float32(1), "a"], TypeError, "types float32, str in one batch"),
    ],
)
def test_an_error_names_the_samples_that_do_not_fit_in_a_batch(samples, error, said):
    with pytest.raises(error, match=f"^collate: .*{said}"):
        collate(samples)


# ---- Batches ----


def test_a_pass_gives_each_sample_once_with_its_label():
    batches = list(DataLoader(numbers(10), 4, seed=0))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    assert sorted(np.concatenate([x for x, _ in batches])) == list(range(10))
    assert all((t == 10 * x).all() for x, t in batches)


def test_each_pass_has_a_different_order_that_follows_from_the_seed():
    one, two, other = (DataLoader(numbers(20), 4, seed=seed) for seed in (0, 0, 1))
    first, second = passed(one), passed(one)
    assert first != second
    assert [passed(two), passed(two)] == [first, second]
    assert passed(other) != first


def test_a_break_does_not_change_the_passes_after_it():
    broken, whole = DataLoader(numbers(20), 4, seed=0), DataLoader(numbers(20), 4, seed=0)
    for _ in broken:
        break
    passed(whole)
    assert passed(broken) == passed(whole)


def test_two_simultaneous_passes_are_independent():
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


def test_a_batch_is_made_by_collate():
    loader = DataLoader(numbers(5), 2, shuffle=False, collate=lambda samples: samples)
    assert list(loader) == [[(0, 0), (1, 10)], [(2, 20), (3, 30)], [(4, 40)]]


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


@pytest.mark.parametrize("option", ["shuffle", "drop_last"])
def test_a_string_is_not_a_boolean_option_of_a_loader(option):
    with pytest.raises(TypeError, match=f"DataLoader: got {option} 'no', needed True or False"):
        DataLoader(numbers(3), 1, **{option: "no"})


# ---- The digits ----


@pytest.mark.parametrize(("train", "n"), [(True, 1437), (False, 360)])
def test_the_digits_are_images_from_0_to_1_with_labels_from_0_to_9(train, n):
    images, labels = load_digits(train=train).arrays
    assert images.shape == (n, 1, 8, 8)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    assert labels.dtype == np.int64
    assert sorted(set(labels.tolist())) == list(range(10))


def test_the_split_is_fixed_and_no_image_is_in_both_sets():
    both = [load_digits(train=train).arrays[0] for train in (True, False)]
    train, test = ({image.tobytes() for image in images} for images in both)
    assert len(train | test) == 1797
    labels = load_digits(train=False).arrays[1].astype(np.uint8)
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == "266fdac42c20abc1"


def test_a_string_is_not_accepted_as_true():
    with pytest.raises(TypeError, match="load_digits: got train 'test', needed True, or False"):
        load_digits("test")


def test_the_digits_name_their_source():
    text = files("wengert.data").joinpath("digits.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text
    assert "Alpaydin" in text


@pytest.mark.parametrize(
    ("dataset", "said"),
    [(np.zeros((1000, 3)), r"float64 (1000, 3)"), ([1.0] * 1000, "list of 1000")],
)
def test_data_sets_of_arrays_and_lists_print_no_samples(dataset, said):
    assert repr(Subset(dataset, [0, 1])) == f"Subset(2 of {said})"
    assert repr(ConcatDataset(dataset, dataset)) == f"ConcatDataset({said}, {said})"
    assert repr(TransformDataset(dataset, abs)) == f"TransformDataset({said}, abs)"
    assert repr(DataLoader(dataset, 10, seed=0)).startswith(f"DataLoader({said}, batch_size=10")
