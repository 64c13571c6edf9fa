"""Calls in another framework's manner, and data that are not yet a data set: the cure is named."""

import inspect
import pathlib

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert.data import (
    ArrayDataset,
    BalancedSampler,
    ConcatDataset,
    DataLoader,
    SeqDataLoader,
    Subset,
    TransformDataset,
    WeightedSampler,
    collate,
    k_fold,
    labels_of,
    split,
)
from wengert.data.transforms import MinMaxScaler, StandardScaler
from wengert.optimizers import SGD
from wengert.training import Trainer

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
T = np.arange(6) % 3
DATA = ArrayDataset(X, T)


class Column:
    """What a program without pandas can know of a Series."""

    iloc = None

    def __init__(self, values):
        self.values = np.asarray(values)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, label):
        raise KeyError(label)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


class Table(Column):
    """And of a DataFrame."""

    columns = ("a", "b")


# ---- Keyword arguments ----


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("num_workers", "workers"),
        ("collate_fn", "collate"),
        ("prefetch_factor", "prefetch"),
        ("batch_sampler", "sampler"),
        ("generator", "seed"),
        ("multiprocessing_context", "worker_kind"),
        ("pin_memory", "arrays are in the memory of the CPU"),
        ("worker_init_fn", "all draws of workers follow from the seed"),
        ("persistent_workers", "each pass starts its workers"),
        ("timeout", "there is none"),
        ("suffle", "shuffle"),
        ("batchsize", "batch_size"),
    ],
)
def test_a_keyword_of_another_loader_is_answered_with_ours(word, ours):
    with pytest.raises(TypeError) as error:
        DataLoader(DATA, 2, **{word: 1})
    assert str(error.value).startswith(
        f"DataLoader: got an unexpected keyword argument {word!r}; here: {ours}; it is "
        f"DataLoader(dataset, batch_size, *, shuffle, "
    )


def test_a_keyword_that_nobody_has_is_answered_with_the_list():
    with pytest.raises(TypeError, match=r"'epochs'; it is DataLoader\(dataset, batch_size, \*, sh"):
        DataLoader(DATA, 2, epochs=3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: split(DATA, test_size=0.2), r"here: fractions of all parts, as split\(dataset, 0"),
        (lambda: split(DATA, 0.5, 0.5, random_state=1), "here: seed; it is split"),
        (lambda: k_fold(DATA, n_splits=3), "here: k; it is k_fold"),
        (lambda: WeightedSampler([1], num_samples=3), "here: samples; it is WeightedSampler"),
        (lambda: WeightedSampler([1], replacement=False), "here: replace"),
        (lambda: BalancedSampler([1], num_samples=3), "here: samples; it is BalancedSampler"),
        (lambda: SeqDataLoader(DATA, 2, num_workers=1), r"'num_workers'; it is SeqDataLoader\(dat"),
        (lambda: MinMaxScaler(feature_range=(0, 1)), "here: low and high; it is MinMaxScaler"),
        (lambda: DataLoader(DATA), r"missing a required argument: 'batch_size'; it is DataLoader"),
        (lambda: DataLoader(DATA, 2, True), r"too many positional arguments; it is DataLoader\("),
    ],
)
def test_a_wrong_call_tells_the_arguments(call, said):
    with pytest.raises(TypeError, match=said):
        call()


def test_the_signature_of_the_loader_is_that_of_the_source():
    assert [*inspect.signature(DataLoader).parameters][:3] == ["dataset", "batch_size", "shuffle"]


# ---- What is no data set ----

ARRAYS = "For arrays x and t the data set is ArrayDataset"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: DataLoader((X, T)), ARRAYS),
        (lambda: DataLoader(X, T, 2), ARRAYS),
        (lambda: DataLoader(X, T), r"DataLoader: got an array as batch_size; .*ArrayDataset\(x, t"),
        (lambda: DataLoader(X, T.tolist()), "got an array as batch_size"),
        (lambda: SeqDataLoader(X, T), r"SeqDataLoader: got an array as .*SeqDataLoader\(ArrayDat"),
        (lambda: split(X, T, 0.5, 0.5), ARRAYS),
        (lambda: split((X, T)), "split: got a tuple, needed a data set"),
    ],
)
def test_arrays_side_by_side_are_answered_with_the_data_set_of_them(call, said):
    with pytest.raises(TypeError, match=said):
        call()


DOORS = {
    "DataLoader": lambda data: DataLoader(data, 2),
    "SeqDataLoader": lambda data: SeqDataLoader(data, 2),
    "Subset": lambda data: Subset(data, [0]),
    "ConcatDataset": lambda data: ConcatDataset(DATA, data),
    "TransformDataset": lambda data: TransformDataset(data, np.sin),
    "split": lambda data: split(data, 0.5, 0.5),
    "k_fold": lambda data: k_fold(data, 2),
    "labels_of": labels_of,
}
NO_DATA_SETS = {
    "tuple of arrays": ((X, T), r"got a tuple, .*; use ArrayDataset\(x, t\)$"),
    "list of arrays": ([X, T], r"got a list, .*; use ArrayDataset\(x, t\)$"),
    "three arrays": ((X, T, T), r"use ArrayDataset\(x, t, u\)$"),
    "Variables": ((wg.Variable(X), wg.Variable(T)), r"use ArrayDataset\(x, t\)$"),
    "dict": ({"x": X, "t": T}, r"got a dict, .*; ArrayDataset\(x, t\) makes one"),
    "text": ("data/iris.csv", "got a str, .*; files are read by load_csv, load_text and Im"),
    "path": (pathlib.Path("iris.csv"), "needed a data set, with len"),
    "data frame": (Table(X), r"got a Table, .*ArrayDataset\(df\[columns\]\.to_numpy\(np\.float32"),
    "series": (Column(T), r"got a Column, .*use ArrayDataset\(series\.to_numpy\(\)\)"),
    "iterator": (zip(X, T, strict=True), r"got zip, .*; list\(…\) makes one of an iterator"),
    "set": ({1, 2}, "got set, needed a data set"),
    "number": (3, "got int, needed a data set"),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", NO_DATA_SETS)
def test_what_is_no_data_set_is_answered_with_its_cure(door, kind):
    data, said = NO_DATA_SETS[kind]
    with pytest.raises(TypeError, match=rf"^{door}: .*{said}"):
        DOORS[door](data)


@pytest.mark.parametrize(
    "samples",
    [
        [X[0], X[1]],
        (X[0], X[1], X[2], X[3], X[4], X[5]),
        [np.zeros((3, 5, 6)), np.zeros((3, 7, 8))],
        [(X[0], 1), (X[1], 0)],
        {0: (X[0], 1), 1: (X[1], 0)},
        X,
    ],
)
def test_samples_remain_a_data_set(samples):
    assert len(list(DataLoader(samples, 1))) == len(samples)


@pytest.mark.parametrize("batches", [(X, T), [X, T], Table(X)])
def test_a_trainer_answers_arrays_with_batches_of_them(batches):
    trainer = Trainer(L.Linear(3), SGD(0.1), F.softmax_cross_entropy, progress=False)
    for call in (trainer.fit, trainer.evaluate):
        with pytest.raises(TypeError, match=r"needed batches: DataLoader\(ArrayDataset\(x, t\), b"):
            call(batches)


# ---- Arrays of an ArrayDataset ----


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (((X, T),), r"got a tuple, needed arrays; give them side by side: ArrayDataset\(x, t\)"),
        (([X, T],), "give them side by side"),
        (({"x": X},), r"got a dict, needed arrays; give its arrays: ArrayDataset\(\*d\.values"),
        ((X, None), "got a NoneType, needed arrays"),
        (("iris.csv",), "got a str, needed arrays"),
        ((DATA,), "got a ArrayDataset, needed arrays; it is a data set already"),
    ],
)
def test_what_is_no_array_of_samples_is_refused(arrays, said):
    with pytest.raises(TypeError, match=f"^ArrayDataset: .*{said}"):
        ArrayDataset(*arrays)


def test_arrays_of_different_lengths_are_told_where_the_samples_are():
    with pytest.raises(ValueError, match=r"\(3, 6\), \(6,\), .* on the first axis"):
        ArrayDataset(X.T, T)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (wg.Variable(X), np.float32),
        (Table(X), np.float32),
        (Column([1, 2]), np.int64),
        (objects(1, 2.5, True), np.float64),
        (objects(1, 2), np.int64),
        (objects(np.float32(1), np.int8(2)), np.float32),
        (objects("a", "bcd"), np.dtype("<U3")),
        (Column(objects("a", "bcd")), np.dtype("<U3")),
    ],
)
def test_objects_of_one_kind_become_numbers_or_text(array, dtype):
    dataset = ArrayDataset(array)
    assert dataset.arrays[0].dtype == dtype
    assert len(dataset[:2][0]) == 2


def test_objects_that_are_arrays_of_equal_shapes_are_stacked_in_a_batch():
    (x,) = ArrayDataset(objects(X[0], X[1], X[2]))[:2]
    assert (x.dtype, x.shape) == (np.float32, (2, 3))


def test_objects_for_a_transform_are_kept():
    dataset = ArrayDataset(objects(pathlib.Path("ab"), pathlib.Path("c")), T[:2])
    lengths = TransformDataset(dataset, lambda path: len(path.name))
    assert lengths[:][0].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("array", "error", "said"),
    [
        (objects(X[0], X[1, :2]), ValueError, r"use collate=wengert\.data\.ragged, which pads"),
        (objects([1, 2], [3]), ValueError, r"use collate=wengert\.data\.ragged"),
        (objects("a", None), TypeError, "of type NoneType in sample 1"),
        (objects("a", np.nan), TypeError, "of types str, float in one batch"),
        (np.array([[1.0, "a"]], object), TypeError, r"an array of objects \(float, str\) in sa"),
    ],
)
def test_objects_that_make_no_batch_are_refused(array, error, said):
    with pytest.raises(error, match=rf"^collate: sample\[0\] .*{said}"):
        ArrayDataset(array)[:]


@pytest.mark.parametrize("lists", [[[1, 2], [3]], [X[0], X[1, :2]]])
def test_sequences_of_unequal_lengths_are_no_array_and_the_ragged_collate_is_named(lists):
    with pytest.raises(ValueError, match=r"^ArrayDataset: .*\[\(x0, t0\), …\].*collate=ragged\)$"):
        ArrayDataset(lists, [0, 1])


@pytest.mark.parametrize(
    "samples", [[([1, 2], 0), ([1], 1)], [(X, 0), (X[:3], 1)], [{"x": T}, {"x": T[:2]}]]
)
def test_samples_of_unequal_lengths_name_the_ragged_collate(samples):
    with pytest.raises(ValueError, match=r"use collate=wengert\.data\.ragged, which pads"):
        collate(samples)


def test_samples_of_other_shapes_do_not_name_it():
    with pytest.raises(ValueError, match=r"make their shapes equal, or use collate=, a function"):
        collate([np.zeros((2, 3)), np.zeros((2, 4))])


def test_tensors_in_samples_become_arrays():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return X[0]

    x, t = collate([(Tensor(), 0), (Tensor(), 1)])
    assert (x.dtype, x.shape, t.tolist()) == (np.float32, (2, 3), [0, 1])


# ---- Labels ----

LABELS = {
    "text": (
        list("abcabc"),
        r"got text as labels, such as 'a', .*return_inverse=True\) makes them",
    ),
    "text in an array": (np.array(list("abcabc")), "got text as labels"),
    "objects": (objects(*"abcabc"), "got text as labels"),
    "mixed": (objects("a", 1, 2, 0, 1, 2), r"labels t of int, str, .*np\.array\(t, int\) converts"),
    "None": (None, "got labels t of NoneType"),
    "one-hot": (np.eye(3, dtype=int)[T], r"of one-hot rows use np\.argmax\(t, axis=-1\)"),
    "whole floats": (T.astype(float), r"needed integers; use t\.astype\(int\)"),
    "bools": (T > 0, r"needed integers; use t\.astype\(int\)"),
    "fractions": (T + 0.5, "t has fractions or NaN: numbers are predicted with mean_squared_error"),
    "NaN": (np.where(T == 0, np.nan, T), "t has fractions or NaN"),
    "column": (T[:, None], r"use np\.squeeze\(t, -1\)"),
    "from 1": (T + 1, "got the label 3, .*if the labels are counted from 1, use t - 1"),
    "too many": (2 * T, "got the label 4, .*count labels from 0, or give x more columns"),
    "-1": (T - 1, "got the label -1, .*if -1 marks what is to be ignored, use ignore_index=-1"),
    "-100": (np.where(T == 1, -100, T), "use ignore_index=-100"),
    "several negative": (T - 2, "got the label -2, .*count labels from 0"),
}


@pytest.mark.parametrize("function", [F.softmax_cross_entropy, F.nll, F.hinge, F.accuracy])
@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_are_none_are_answered_with_their_cure(function, kind):
    t, said = LABELS[kind]
    with pytest.raises((TypeError, ValueError), match=rf"^{function.__name__}: .*{said}"):
        function(wg.Variable(X), t)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array(["a"]), r"text becomes integers by classes, t = np\.unique\(text, return_inv"),
        (np.array(["2020-01-01"], "M8[D]"), r"dates become numbers by \(t - t\.min"),
        (np.array([3], "m8[D]"), "durations become numbers by t / np.timedelta64"),
        (np.array([1.0, None], object), r"if all are numbers, x\.astype\(np\.float32\) converts"),
    ],
)
def test_values_that_are_no_numbers_are_answered_with_their_cure(values, said):
    for call in (
        wg.Variable,
        L.Linear(2),
        lambda x: F.mean_squared_error(wg.Variable(X[0, :1]), x),
    ):
        with pytest.raises(TypeError, match=said):
            call(values)


def test_a_scaler_measures_a_data_frame():
    scaler = StandardScaler().fit(Table(X))
    np.testing.assert_array_equal(scaler(X), StandardScaler().fit(X)(X))
