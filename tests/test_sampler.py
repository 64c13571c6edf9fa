"""Samplers: weighted and balanced passes, which resume."""

import json

import numpy as np
import pytest

from loaders import SOME, listed
from wengert.data import ArrayDataset, BalancedSampler, DataLoader, WeightedSampler

# Python 3.12 and 3.13 fork by default, and warn when there are threads, as NumPy's are.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

LABELS = np.repeat([0, 1, 2], [80, 15, 5])
SAMPLERS = [
    WeightedSampler(np.arange(100)),
    WeightedSampler(np.arange(100), 30, replace=False),
    BalancedSampler(LABELS, 70),
]


def loader(sampler, seed=0, **options):
    return DataLoader(
        ArrayDataset(np.arange(100), LABELS), 8, seed=seed, sampler=sampler, **options
    )


def rng():
    return np.random.default_rng(0)


def test_samples_are_drawn_in_proportion_to_their_weights():
    order = WeightedSampler([1, 0, 3], samples=40_000).order(rng())
    assert np.bincount(order) / 40_000 == pytest.approx([0.25, 0, 0.75], abs=0.01)


def test_without_replacement_each_sample_is_drawn_once():
    order = WeightedSampler([1, 0, 3, 2], samples=3, replace=False).order(rng())
    assert sorted(order.tolist()) == [0, 2, 3]


@pytest.mark.parametrize("samples", [None, 100, 99, 3, 2])
def test_a_balanced_pass_has_equally_many_of_each_class(samples):
    sampler = BalancedSampler(LABELS, samples)
    order = sampler.order(rng())
    assert len(order) == len(sampler) == (samples or 100)
    assert np.ptp(np.bincount(LABELS[order], minlength=3)) <= 1


def test_which_class_gets_one_more_differs_from_pass_to_pass():
    sampler = BalancedSampler(LABELS, 1)
    drawn = {int(LABELS[sampler.order(np.random.default_rng(k))[0]]) for k in range(20)}
    assert drawn == {0, 1, 2}


def test_a_balanced_pass_uses_the_samples_of_a_class_equally_often():
    order = BalancedSampler(LABELS, 90).order(rng())
    times = np.bincount(order, minlength=100)
    assert times[:80].max() == 1
    assert times[80:95].tolist() == [2] * 15
    assert times[95:].tolist() == [6] * 5


def test_a_balanced_pass_mixes_the_classes():
    first = LABELS[BalancedSampler(LABELS, 90).order(rng())[:30]]
    assert len(set(first.tolist())) == 3


def test_classes_to_balance_may_be_strings():
    sampler = BalancedSampler(["cat"] * 9 + ["dog"])
    assert np.sum(sampler.order(rng()) == 9) == 5
    assert sampler.classes.tolist() == ["cat", "dog"]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_each_pass_and_each_seed_draws_other_samples(sampler):
    one, other = loader(sampler), loader(sampler, seed=1)
    passes = [listed(one), listed(one), listed(other)]
    assert passes[0] != passes[1] != passes[2] != passes[0]
    assert listed(loader(sampler)) == passes[0]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
@pytest.mark.parametrize(("workers", "kind"), [(0, "thread"), *SOME])
def test_a_loader_with_a_sampler_resumes_at_its_position(sampler, workers, kind):
    options = {"workers": workers, "worker_kind": kind}
    batches = loader(sampler, **options)
    seen = []
    for _ in range(2):
        for at, batch in enumerate(batches):
            seen.append(batch)
            if batches.passes == 1 and at == 1:
                state = json.loads(json.dumps(batches.state_dict()))
    resumed = loader(sampler, seed=9, **options)
    resumed.load_state_dict(state)
    assert listed(batch for _ in range(2) for batch in resumed) == listed(seen[2:])


def test_the_number_of_batches_is_that_of_the_sampler():
    batches = loader(WeightedSampler(np.ones(100), 30))
    assert len(batches) == len(list(batches)) == 4
    assert len(loader(WeightedSampler(np.ones(100), 30), drop_last=True)) == 3


def test_a_sampler_of_the_user_needs_two_methods():
    class Backwards:
        def __len__(self):
            return 3

        def order(self, rng):
            return [-1, -2, -3]

    assert listed(loader(Backwards()))[0][0] == [99, 98, 97]


def test_a_state_of_a_loader_with_another_sampler_is_refused():
    state = loader(SAMPLERS[0]).state_dict()
    with pytest.raises(ValueError, match=r"sampler 'WeightedSampler', .* 'BalancedSampler'"):
        loader(SAMPLERS[2]).load_state_dict(state)
    with pytest.raises(ValueError, match="drawn 100, but this loader has 30"):
        loader(SAMPLERS[1]).load_state_dict(state)
    with pytest.raises(ValueError, match="unexpected: sampler, drawn"):
        loader(None).load_state_dict(state)


def test_a_loader_prints_its_sampler_in_place_of_shuffle():
    assert (
        "batch_size=8, sampler=WeightedSampler(100 weights, samples=100, replace=True), seed"
        in (repr(loader(SAMPLERS[0])))
    )
    assert repr(SAMPLERS[2]) == "BalancedSampler(100 labels of 3 classes, samples=70)"


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: WeightedSampler(["a"]), TypeError, "WeightedSampler: got weights <U1"),
        (lambda: WeightedSampler(np.ones((2, 2))), TypeError, r"\(2, 2\), needed numbers, \(N,\)"),
        (lambda: WeightedSampler([1, -1]), ValueError, "negative, not finite, or all 0"),
        (lambda: WeightedSampler([1, np.nan]), ValueError, "negative, not finite, or all 0"),
        (lambda: WeightedSampler([0, 0]), ValueError, "negative, not finite, or all 0"),
        (lambda: WeightedSampler([]), ValueError, "negative, not finite, or all 0"),
        (lambda: WeightedSampler([1, 1], 0), ValueError, "samples 0, needed an integer ≥ 1"),
        (lambda: WeightedSampler([1, 1], replace="no"), TypeError, "replace 'no'"),
        (
            lambda: WeightedSampler([1, 0], replace=False),
            ValueError,
            "only 1 samples have",
        ),
        (lambda: BalancedSampler([]), ValueError, "got no labels"),
        (lambda: BalancedSampler([0.5, 1.5]), ValueError, "labels float64 with fractions"),
        (lambda: BalancedSampler(np.eye(3)), ValueError, "one-hot"),
        (lambda: loader(3), TypeError, "DataLoader: got sampler 3, needed an object with len"),
        (lambda: loader([3, 4]), TypeError, r"got sampler \[3, 4\], .*Subset\(dataset, indices"),
        (lambda: loader(WeightedSampler), TypeError, "DataLoader: got sampler WeightedSampler"),
        (lambda: loader(WeightedSampler([1])), ValueError, "100 samples and a WeightedS.* for 1;"),
        (lambda: loader(BalancedSampler([0, 1])), ValueError, "BalancedSampler for 2; it needs"),
    ],
)
def test_a_sampler_that_does_not_fit_is_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()
