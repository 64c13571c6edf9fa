"""Loaders: the same batches from any workers, exact resume, streams of a sequence."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders import SOME, WORKERS, assert_no_worker_is_left, data, listed, loader, whole
from wengert import random
from wengert.data import ArrayDataset, DataLoader, SeqDataLoader, with_next

# Python 3.12 and 3.13 fork by default, and warn when there are threads, as NumPy's are.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


# ---- The same batches from any workers ----


@pytest.mark.parametrize(("workers", "kind"), WORKERS[1:])
def test_batches_are_the_same_and_in_order_from_any_workers(workers, kind):
    alone, helped = loader(), loader(workers=workers, kind=kind)
    first = listed(alone)
    assert listed(helped) == first
    assert listed(helped) == listed(alone) != first
    assert_no_worker_is_left()


@pytest.mark.parametrize(("workers", "kind"), [WORKERS[0], *SOME])
def test_a_random_transform_does_not_change_the_draws_of_the_model(workers, kind):
    random.seed(5)
    expected = random.generator().random(5).tolist()
    random.seed(5)
    drawn = []
    for _ in loader(workers=workers, kind=kind):
        drawn.append(random.generator().random())
    assert drawn == expected[:4]


def test_a_random_transform_draws_new_numbers_in_each_batch_and_pass_and_for_each_seed():
    noise = [
        x % 1
        for batches in (loader(shuffle=False), loader(seed=1, shuffle=False))
        for _ in range(2)
        for x, _ in batches
    ]
    assert len({batch.tobytes() for batch in noise}) == 16
    assert len(set(np.concatenate(noise))) == 40


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 3), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_a_pass_gives_each_sample_once(n, batch_size, workers, prefetch):
    batches = loader(n, batch_size, workers=workers, prefetch=prefetch)
    seen = [i for _, t in batches for i in t.tolist()]
    assert sorted(seen) == [10 * i for i in range(n)]
    assert len(batches) == -(-n // batch_size)


@pytest.mark.parametrize(("workers", "kind"), SOME)
def test_two_simultaneous_passes_are_two_full_passes(workers, kind):
    batches = loader(workers=workers, kind=kind)
    pairs = list(zip(batches, batches, strict=True))
    alone = loader()
    assert listed(a for a, _ in pairs) == listed(alone)
    assert listed(b for _, b in pairs) == listed(alone)
    assert_no_worker_is_left()


def test_batches_of_processes_can_be_written_to():
    for x, _ in loader(workers=1, kind="process"):
        x += 1


class Counted:
    def __init__(self):
        self.asked = []

    def __len__(self):
        return 20

    def __getitem__(self, i):
        self.asked.append(i)
        return (i,)


def test_workers_start_with_the_first_batch_and_are_never_further_ahead_than_prefetch():
    dataset = Counted()
    batches = iter(loader(dataset=dataset, batch_size=1, workers=2, prefetch=3, shuffle=False))
    assert_no_worker_is_left()
    next(batches)
    end = time.monotonic() + 5
    while len(dataset.asked) < 6 and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(0.02)
    assert sorted(dataset.asked) == list(range(6))


# ---- Resume ----


def runs_on(state, n_passes, **options):
    """The batches of a new loader, of another seed, after it has loaded a state."""
    resumed = loader(seed=99, **options)
    resumed.load_state_dict(json.loads(json.dumps(state)))
    return listed(batch for _ in range(n_passes) for batch in resumed)


@given(st.integers(1, 12), st.integers(1, 5), st.booleans(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_state_from_any_batch_continues_as_without_interruption(n, batch_size, shuffle, drawn):
    options = {"n": n, "batch_size": batch_size, "shuffle": shuffle}
    expected = whole(3, **options)
    at = drawn.draw(st.integers(0, 2 * len(expected) // 3 - 1))
    batches = loader(**options)
    states = [batches.state_dict() for _ in range(2) for _ in batches]
    rest = 3 - at // len(batches)
    assert runs_on(states[at], rest, **options) == expected[at + 1 :]


@pytest.mark.parametrize(("workers", "kind"), WORKERS)
def test_a_state_from_any_batch_continues_with_any_workers(workers, kind):
    expected = whole(2)
    batches = loader(workers=workers, kind=kind)
    states = [batches.state_dict() for _ in batches]
    for at, state in enumerate(states):
        assert runs_on(state, 2, workers=workers, kind=kind) == expected[at + 1 :]
        assert runs_on(state, 2) == expected[at + 1 :]
    assert_no_worker_is_left()


def test_a_state_from_between_passes_starts_the_next_pass():
    batches = loader()
    expected = whole(2)
    assert runs_on(batches.state_dict(), 2) == expected
    listed(batches)
    assert runs_on(batches.state_dict(), 1) == expected[4:]


def test_a_break_ends_the_pass_for_a_state_too():
    batches = loader()
    for _ in batches:
        break
    assert runs_on(batches.state_dict(), 1) == listed(batches) == whole(2)[4:]


def test_an_iterator_that_is_kept_keeps_its_position():
    batches = loader()
    kept = iter(batches)
    assert runs_on(batches.state_dict(), 1) == whole(1)
    next(kept)
    assert runs_on(batches.state_dict(), 1) == whole(1)[1:]
    del kept
    assert runs_on(batches.state_dict(), 1) == whole(2)[4:]


def test_after_the_last_batch_a_resumed_pass_has_none_left():
    batches = loader()
    states = [batches.state_dict() for _ in batches]
    resumed = loader()
    resumed.load_state_dict(states[-1])
    assert list(resumed) == []
    assert listed(resumed) == whole(2)[4:]


def test_a_loader_has_its_position_in_attributes():
    batches = loader()
    assert (batches.passes, batches.position) == (0, None)
    assert [(batches.passes, batches.position) for _ in batches] == [(1, i) for i in (1, 2, 3, 4)]
    assert (batches.passes, batches.position) == (1, None)
    state = [batches.state_dict() for _ in batches][1]
    resumed = loader()
    resumed.load_state_dict(state)
    assert (resumed.passes, resumed.position) == (2, 2)


def test_of_two_simultaneous_passes_the_later_one_determines_the_position():
    batches = loader()
    first, second = iter(batches), iter(batches)
    next(second)
    list(first)
    assert (batches.passes, batches.position) == (2, 1)


def test_loading_a_state_ends_the_current_pass():
    batches = loader()
    start = batches.state_dict()
    kept = iter(batches)
    next(kept)
    batches.load_state_dict(start)
    next(kept)
    assert batches.position is None
    assert listed(batches) == whole(1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 11}, "samples 10, but this loader has 11"),
        ({"batch_size": 4}, "batch_size 3, but this loader has 4"),
        ({"shuffle": False}, "shuffle True, but this loader has False"),
        ({"drop_last": True}, "drop_last False, but this loader has True"),
    ],
)
def test_a_state_of_another_loader_is_refused(options, said):
    other = loader(seed=99, **options)
    with pytest.raises(ValueError, match=f"^DataLoader.load_state_dict: .*{said}"):
        other.load_state_dict(loader().state_dict())
    assert (other.seed, other.passes, other.position) == (99, 0, None)


@pytest.mark.parametrize(
    "change",
    [
        {"position": 5, "passes": 1},
        {"position": -1, "passes": 1},
        {"position": 1.5, "passes": 1},
        {"position": 1, "passes": 0},
        {"passes": -1},
        {"seed": None},
    ],
)
def test_a_state_that_no_loader_gives_is_refused(change):
    batches = loader()
    with pytest.raises(ValueError, match=r"^DataLoader.load_state_dict: got"):
        batches.load_state_dict(batches.state_dict() | change)
    assert (batches.seed, batches.passes, batches.position) == (0, 0, None)


def test_a_state_with_other_names_is_refused():
    state = loader().state_dict()
    del state["passes"]
    with pytest.raises(ValueError, match=r"missing: passes; unexpected: more\. Nothing"):
        loader().load_state_dict(state | {"more": 1})


@pytest.mark.parametrize("state", [None, [1]])
def test_a_state_is_a_dict(state):
    with pytest.raises(TypeError, match=r"got .*, needed a dict, as of state_dict\(\)"):
        loader().load_state_dict(state)


# ---- Options ----


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"batch_size": 2.5}, TypeError, "batch_size 2.5, needed an integer ≥ 1"),
        ({"batch_size": True}, TypeError, "batch_size True"),
        ({"seed": 1.0}, TypeError, "seed 1.0, needed an integer ≥ 0"),
        ({"workers": -1}, ValueError, "workers -1"),
        ({"prefetch": 0}, ValueError, "prefetch 0, needed an integer ≥ 1"),
        ({"kind": "fiber"}, ValueError, "worker_kind 'fiber', needed 'thread' or 'process'"),
        ({"collate": 3}, TypeError, "collate 3, needed a function"),
        ({"dataset": iter([1])}, TypeError, r"needed a data set, with len.*; list\(…\) makes one"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(options, error, said):
    with pytest.raises(error, match=f"^DataLoader: got {said}" if "set" not in said else said):
        loader(**options)


def test_a_loader_prints_its_data_and_options():
    batches = DataLoader(ArrayDataset(np.zeros((10, 2))), 3, seed=5, collate=list)
    assert repr(batches) == (
        "DataLoader(ArrayDataset(float64 (10, 2)), batch_size=3, shuffle=True, seed=5, "
        "drop_last=False, workers=0, worker_kind='thread', prefetch=2, collate=list)"
    )
    batches = SeqDataLoader(ArrayDataset(np.zeros(10)), 3, seed=5)
    assert repr(batches) == (
        "SeqDataLoader(ArrayDataset(float64 (10,)), batch_size=3, steps=None, drop_last=False, "
        "seed=5)"
    )


# ---- Sequences ----


def test_streams_read_a_sequence_in_parallel_one_time_step_per_batch():
    batches = SeqDataLoader(with_next(np.arange(13)), 3)
    assert len(batches) == 4
    assert listed(batches)[:2] == [[[0, 4, 8], [1, 5, 9]], [[1, 5, 9], [2, 6, 10]]]


def test_each_window_of_a_sequence_continues_the_one_before():
    tokens = np.arange(100, 133)
    windows = list(SeqDataLoader(with_next(tokens), 4, steps=3))
    assert [x.shape for x, _ in windows] == [(4, 3), (4, 3), (4, 2)]
    x, t = (np.concatenate(parts, axis=1) for parts in zip(*windows, strict=True))
    assert x.tolist() == tokens[:32].reshape(4, 8).tolist()
    assert t.tolist() == tokens[1:].reshape(4, 8).tolist()


@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_every_sample_but_the_remainder_comes_once_in_its_stream(n, streams, steps):
    n = max(n, streams)
    windows = [x for (x,) in SeqDataLoader(ArrayDataset(np.arange(n)), streams, steps)]
    times = n // streams
    expected = np.arange(times * streams).reshape(streams, times)
    assert np.concatenate(windows, axis=1).tolist() == expected.tolist()
    single = [x for (x,) in SeqDataLoader(ArrayDataset(np.arange(n)), streams)]
    assert np.stack(single, axis=1).tolist() == expected.tolist()


def test_the_last_window_can_be_left_out():
    batches = SeqDataLoader(with_next(np.arange(33)), 4, steps=3, drop_last=True)
    assert [x.shape for x, _ in batches] == [(4, 3), (4, 3)]
    assert len(batches) == 2


def test_windows_keep_the_axes_and_the_structure_of_the_samples():
    samples = [{"x": np.full((2, 0), i), "t": float(i)} for i in range(12)]
    batch = next(iter(SeqDataLoader(samples, 2, steps=3)))
    assert batch["x"].shape == (2, 3, 2, 0)
    assert batch["t"].tolist() == [[0, 1, 2], [6, 7, 8]]


@pytest.mark.parametrize("steps", [None, 2])
def test_a_sequence_continues_from_the_state_of_any_batch(steps):
    def batches(seed):
        return SeqDataLoader(data(13), 3, steps, seed=seed)

    one = batches(0)
    expected = listed(batch for _ in range(2) for batch in one)
    one = batches(0)
    states = [one.state_dict() for _ in one]
    for at, state in enumerate(states):
        resumed = batches(99)
        resumed.load_state_dict(state)
        assert listed(batch for _ in range(2) for batch in resumed) == expected[at + 1 :]


def test_a_state_of_windows_of_another_length_is_refused():
    state = SeqDataLoader(data(13), 3, 2).state_dict()
    with pytest.raises(ValueError, match=r"^SeqDataLoader.load_state_dict: .*steps 2, .* has 4"):
        SeqDataLoader(data(13), 3, 4).load_state_dict(state)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((data(), 11), ValueError, "10 samples make no batch of 11 streams; give"),
        ((data(), 3, 0), ValueError, "got steps 0, needed an integer ≥ 1"),
        ((data(), 3, 1.5), TypeError, "got steps 1.5"),
        ((data(), 0), ValueError, "got batch_size 0"),
        ((data(), 3, 2, 1), TypeError, "positional"),
    ],
)
def test_a_loader_of_sequences_refuses_unsuitable_arguments(arguments, error, said):
    with pytest.raises(error, match=said):
        SeqDataLoader(*arguments)


def test_no_window_fits_into_streams_that_are_shorter():
    with pytest.raises(ValueError, match="no batch of 3 streams by 4 steps"):
        SeqDataLoader(data(), 3, 4, drop_last=True)


@pytest.mark.parametrize("sequence", [np.array(1.0), np.ones(1), np.ones((0, 3))])
def test_a_sequence_with_no_next_element_is_refused(sequence):
    with pytest.raises(
        ValueError, match=r"^with_next: got shape .*, needed a sequence of at least"
    ):
        with_next(sequence)
