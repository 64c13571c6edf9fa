"""Loaders: the same batches from any workers, exact resume, and nothing left behind."""

import contextlib
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wengert import random
from wengert.data import ArrayDataset, DataLoader, SeqDataLoader, TransformDataset, with_next

WORKERS = [(0, "thread"), (1, "thread"), (4, "thread"), (1, "process"), (3, "process")]
SOME = WORKERS[2::2]  # four threads, three processes
POSIX = pytest.mark.skipif(os.name != "posix", reason="sends signals to a group of processes")


@pytest.fixture(autouse=True)
def forks_are_allowed_beside_threads():
    """Python 3.12 and 3.13 fork by default, and warn when there are threads, as NumPy's are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        yield


def noisy(x):
    return x + random.generator().random()


def data(n=10):
    return TransformDataset(ArrayDataset(np.arange(n), 10 * np.arange(n)), noisy)


def loader(n=10, batch_size=3, seed=0, workers=0, kind="thread", **options):
    dataset = options.pop("dataset", None) or data(n)
    return DataLoader(dataset, batch_size, seed=seed, workers=workers, worker_kind=kind, **options)


def listed(batches):
    """Batches as lists, which compare to the bit."""
    return [[part.tolist() for part in batch] for batch in batches]


def worker_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("wengert-data")]


def assert_no_worker_is_left():
    assert multiprocessing.active_children() == []
    end = time.monotonic() + 5
    while worker_threads():  # a thread first ends what it is at
        assert time.monotonic() < end
        time.sleep(0.001)


# ---- The same batches from any workers ----


@pytest.mark.parametrize(("workers", "kind"), WORKERS[1:])
def test_batches_are_the_same_and_in_order_from_any_workers(workers, kind):
    alone, helped = loader(), loader(workers=workers, kind=kind)
    first = listed(alone)
    assert listed(helped) == first
    assert listed(helped) == listed(alone) != first
    assert_no_worker_is_left()


@pytest.mark.parametrize(("workers", "kind"), [WORKERS[0], *SOME])
def test_a_random_transform_leaves_the_model_s_draws_alone(workers, kind):
    random.seed(5)
    expected = random.generator().random(5).tolist()
    random.seed(5)
    drawn = []
    for _ in loader(workers=workers, kind=kind):
        drawn.append(random.generator().random())
    assert drawn == expected[:4]


def test_a_random_transform_draws_anew_in_each_batch_and_each_pass_and_for_each_seed():
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
def test_two_passes_at_once_are_two_full_passes(workers, kind):
    batches = loader(workers=workers, kind=kind)
    pairs = list(zip(batches, batches, strict=True))
    alone = loader()
    assert listed(a for a, _ in pairs) == listed(alone)
    assert listed(b for _, b in pairs) == listed(alone)
    assert_no_worker_is_left()


def test_batches_of_processes_are_one_s_own_to_write_to():
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
    """What a fresh loader of another seed hands out after it has loaded a state."""
    resumed = loader(seed=99, **options)
    resumed.load_state_dict(json.loads(json.dumps(state)))
    return listed(batch for _ in range(n_passes) for batch in resumed)


def whole(n_passes, **options):
    batches = loader(**options)
    return listed(batch for _ in range(n_passes) for batch in batches)


@given(st.integers(1, 12), st.integers(1, 5), st.booleans(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_state_from_any_batch_goes_on_as_if_nothing_had_been(n, batch_size, shuffle, drawn):
    options = {"n": n, "batch_size": batch_size, "shuffle": shuffle}
    expected = whole(3, **options)
    at = drawn.draw(st.integers(0, 2 * len(expected) // 3 - 1))
    batches = loader(**options)
    states = [batches.state_dict() for _ in range(2) for _ in batches]
    rest = 3 - at // len(batches)
    assert runs_on(states[at], rest, **options) == expected[at + 1 :]


@pytest.mark.parametrize(("workers", "kind"), WORKERS)
def test_a_state_from_any_batch_goes_on_with_any_workers(workers, kind):
    expected = whole(2)
    batches = loader(workers=workers, kind=kind)
    states = [batches.state_dict() for _ in batches]
    for at, state in enumerate(states):
        assert runs_on(state, 2, workers=workers, kind=kind) == expected[at + 1 :]
        assert runs_on(state, 2) == expected[at + 1 :]
    assert_no_worker_is_left()


def test_a_state_from_between_passes_begins_the_next_pass():
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


def test_an_iterator_that_is_kept_keeps_its_place():
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


def test_a_loader_says_where_it_is():
    batches = loader()
    assert (batches.passes, batches.position) == (0, None)
    assert [(batches.passes, batches.position) for _ in batches] == [(1, i) for i in (1, 2, 3, 4)]
    assert (batches.passes, batches.position) == (1, None)
    state = [batches.state_dict() for _ in batches][1]
    resumed = loader()
    resumed.load_state_dict(state)
    assert (resumed.passes, resumed.position) == (2, 2)


def test_of_two_passes_at_once_the_later_one_says_where_the_loader_is():
    batches = loader()
    first, second = iter(batches), iter(batches)
    next(second)
    list(first)
    assert (batches.passes, batches.position) == (2, 1)


def test_loading_forgets_the_pass_at_hand():
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
        ({"n": 11}, "samples 10, but here it is 11"),
        ({"batch_size": 4}, "batch_size 3, but here it is 4"),
        ({"shuffle": False}, "shuffle True, but here it is False"),
        ({"drop_last": True}, "drop_last False, but here it is True"),
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
        {"more": 1},
    ],
)
def test_a_state_that_no_loader_gives_is_refused(change):
    batches = loader()
    with pytest.raises(ValueError, match=r"^DataLoader.load_state_dict: got"):
        batches.load_state_dict(batches.state_dict() | change)
    assert (batches.seed, batches.passes, batches.position) == (0, 0, None)


@pytest.mark.parametrize("state", [{}, None, [1]])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(ValueError, match="needed a state with seed, passes, position, samples"):
        loader().load_state_dict(state)


# ---- The end of a pass ----


@pytest.mark.parametrize(("workers", "kind"), SOME)
def test_a_break_ends_the_workers_and_the_next_pass_is_whole(workers, kind):
    batches = loader(workers=workers, kind=kind)
    for _ in batches:
        break
    assert_no_worker_is_left()
    assert listed(batches) == whole(2)[4:]


@pytest.mark.parametrize(("workers", "kind"), SOME)
def test_an_error_in_the_loop_ends_the_workers(workers, kind):
    with contextlib.suppress(KeyError):
        for _ in loader(workers=workers, kind=kind):
            raise KeyError("mine")
    assert_no_worker_is_left()


@pytest.mark.parametrize(("workers", "kind"), SOME)
def test_an_iterator_that_only_a_cycle_holds_ends_its_workers_when_collected(workers, kind):
    cycle = []
    cycle += [cycle, iter(loader(workers=workers, kind=kind))]
    next(cycle[1])
    del cycle
    gc.collect()
    assert_no_worker_is_left()


def collecting(x):
    gc.collect()
    return x


def test_a_process_does_not_clean_up_what_the_fork_has_copied():
    cycle = []
    cycle += [cycle, iter(loader(workers=1, kind="process"))]
    next(cycle[1])
    (process,) = multiprocessing.active_children()
    gc.disable()
    del cycle
    list(DataLoader(TransformDataset(data(), collecting), 5, workers=1, worker_kind="process"))
    assert process.is_alive()
    gc.enable()
    gc.collect()
    assert_no_worker_is_left()


def test_a_thread_ends_the_batch_it_is_at_and_begins_no_other():
    begun, go_on = [], threading.Event()

    def waiting(sample):
        begun.append(sample)
        assert sample[0] == 0 or go_on.wait(5)
        return sample

    dataset = TransformDataset(ArrayDataset(np.arange(9)), sample=waiting)
    batches = iter(loader(dataset=dataset, batch_size=1, shuffle=False, workers=1, prefetch=5))
    next(batches)
    while len(begun) < 2:
        time.sleep(0.001)
    batches.close()
    go_on.set()
    assert_no_worker_is_left()
    assert begun == [(0,), (1,)]


def slow(sample):
    time.sleep(60)


def test_a_process_at_work_is_ended_at_once():
    dataset = TransformDataset(ArrayDataset(np.arange(4)), sample=slow_from_2)
    start = time.monotonic()
    for _ in loader(dataset=dataset, batch_size=1, shuffle=False, workers=2, kind="process"):
        break
    assert_no_worker_is_left()
    assert time.monotonic() - start < 20


def slow_from_2(sample):
    return sample if sample[0] < 2 else slow(sample)


# ---- Errors ----


class OwnError(Exception):
    def __init__(self, number, reason):  # which a pickle cannot make again
        super().__init__(f"{reason} {number}")


class ForgetfulError(Exception):
    def __reduce__(self):  # which leaves out the notes
        return ForgetfulError, self.args


def fails(sample):
    if sample[0] == 7:
        raise KeyError("no seven")
    return sample


def fails_in_its_own_way(sample):
    raise OwnError(3, "reason")


def fails_forgetfully(sample):
    raise ForgetfulError("reason 3")


def unpicklable(samples):
    return lambda: samples


def failing(fn, **options):
    dataset = TransformDataset(ArrayDataset(np.arange(10)), sample=fn)
    return loader(dataset=dataset, shuffle=False, **options)


@pytest.mark.parametrize(("workers", "kind"), [WORKERS[0], *SOME])
def test_an_error_while_fetching_names_the_samples_and_comes_in_its_turn(workers, kind):
    batches = failing(fails, workers=workers, kind=kind)
    seen = []
    with pytest.raises(KeyError, match="no seven") as caught:
        seen.extend(x.tolist() for (x,) in batches)
    assert caught.value.__notes__[0] == "DataLoader: in batch 2 of pass 0, of the samples [6, 7, 8]"
    assert_no_worker_is_left()
    assert next(iter(batches))[0].tolist() == [0, 1, 2]


def test_an_error_in_a_process_brings_its_traceback():
    with pytest.raises(KeyError) as caught:
        list(failing(fails, workers=2, kind="process"))
    text = caught.value.__notes__[-1]
    assert text.startswith("In the worker process:\nTraceback")
    assert 'raise KeyError("no seven")' in text
    assert "batch 2" not in text  # which the note before has said


@pytest.mark.parametrize(
    ("fn", "error"), [(fails_in_its_own_way, OwnError), (fails_forgetfully, ForgetfulError)]
)
def test_an_error_that_no_pickle_carries_is_told_of(fn, error):
    with pytest.raises(RuntimeError) as caught:
        list(failing(fn, workers=1, kind="process"))
    assert str(caught.value) == f"{error.__name__}: reason 3"
    assert "samples [0, 1, 2]" in caught.value.__notes__[0]
    assert fn.__name__ in caught.value.__notes__[1]


def test_a_batch_that_no_pickle_carries_is_an_error_and_no_silence():
    with pytest.raises((AttributeError, TypeError, RuntimeError), match=r"pickle|local"):
        list(loader(collate=unpicklable, workers=1, kind="process"))


def dies(sample):
    if sample[0] == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return sample


@POSIX
def test_a_process_that_is_killed_is_an_error_and_no_silence():
    seen = []
    with pytest.raises(RuntimeError, match=r"exit code -9 while it fetched batch 1;"):
        seen.extend(x.tolist() for (x,) in failing(dies, workers=2, kind="process"))
    assert seen == [[0, 1, 2]]
    assert_no_worker_is_left()


def spawning(monkeypatch):
    spawn = multiprocessing.get_context("spawn")
    monkeypatch.setattr(multiprocessing, "get_context", lambda: spawn)


def test_where_processes_are_not_forked_a_data_set_must_be_picklable(monkeypatch):
    spawning(monkeypatch)
    batches = failing(lambda sample: sample, workers=2, kind="process")
    with pytest.raises(TypeError, match=r"cannot be sent to a worker process.*'spawn'.*no lambda"):
        list(batches)
    assert_no_worker_is_left()


def test_where_processes_are_not_forked_the_batches_are_the_same(monkeypatch):  # 1 s
    spawning(monkeypatch)
    assert listed(loader(workers=1, kind="process")) == whole(1)


# ---- The end of the program ----

PROGRAM = """
import signal, time
import numpy as np
from wengert.data import ArrayDataset, DataLoader, TransformDataset

def slow(x):
    time.sleep(0 if x < 2 else 60)
    return x

signal.signal(signal.SIGTERM, lambda *_: None)  # a handler that workers are not to inherit
batches = DataLoader(TransformDataset(ArrayDataset(np.arange(9)), slow), 1, shuffle=False,
                     workers=2, worker_kind={kind!r})
kept = iter(batches)
next(kept)
print("ready", flush=True)
{then}
"""


@pytest.fixture
def started():
    """Starts a program in a group of its own, of which nothing is left after the test."""
    processes = []

    def start(kind, then, before=""):
        program = before + PROGRAM.format(kind=kind, then=then)
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def assert_the_group_ends(group):
    end = time.monotonic() + 20
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < end, "a process is left"
        time.sleep(0.01)


@POSIX
def test_ctrl_c_leaves_no_process_and_one_traceback(started):
    process = started("process", "list(kept)")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert_the_group_ends(process.pid)


@POSIX
def test_a_program_that_is_killed_leaves_no_process(started):
    process = started("process", "list(kept)")
    process.kill()
    process.communicate(timeout=20)
    assert_the_group_ends(process.pid)


@POSIX
@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_program_may_end_in_the_middle_of_a_pass(started, kind):
    process = started(kind, "")
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert_the_group_ends(process.pid)


@POSIX
def test_a_program_may_end_while_a_worker_starts(started):
    slow_starts = """
import itertools, os, time
forks = itertools.count(1)  # the second process takes longer than the program
os.register_at_fork(after_in_child=lambda: time.sleep(next(forks) - 1))
os.register_at_fork(after_in_parent=lambda: next(forks))
"""
    process = started("process", "", slow_starts)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


# ---- Options ----


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"batch_size": 2.5}, TypeError, "batch_size 2.5, needed a whole number ≥ 1"),
        ({"batch_size": True}, TypeError, "batch_size True"),
        ({"seed": 1.0}, TypeError, "seed 1.0, needed a whole number ≥ 0"),
        ({"workers": -1}, ValueError, "workers -1"),
        ({"prefetch": 0}, ValueError, "prefetch 0, needed a whole number ≥ 1"),
        ({"kind": "fiber"}, ValueError, "worker_kind 'fiber', needed 'thread' or 'process'"),
        ({"collate": 3}, TypeError, "collate 3, needed a function"),
        ({"dataset": iter([1])}, TypeError, r"needed a data set, with len.*; list\(…\) makes one"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(options, error, said):
    with pytest.raises(error, match=f"^DataLoader: got {said}" if "set" not in said else said):
        loader(**options)


# ---- Sequences ----


def test_streams_read_a_sequence_side_by_side_one_time_step_a_batch():
    batches = SeqDataLoader(with_next(np.arange(13)), 3)
    assert len(batches) == 4
    assert listed(batches)[:2] == [[[0, 4, 8], [1, 5, 9]], [[1, 5, 9], [2, 6, 10]]]


def test_windows_of_a_sequence_go_on_where_the_one_before_has_ended():
    tokens = np.arange(100, 133)
    windows = list(SeqDataLoader(with_next(tokens), 4, steps=3))
    assert [x.shape for x, _ in windows] == [(4, 3), (4, 3), (4, 2)]
    x, t = (np.concatenate(parts, axis=1) for parts in zip(*windows, strict=True))
    assert x.tolist() == tokens[:32].reshape(4, 8).tolist()
    assert t.tolist() == tokens[1:].reshape(4, 8).tolist()


@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_every_sample_but_the_rest_comes_once_in_its_stream(n, streams, steps):
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
def test_a_sequence_goes_on_from_the_state_of_any_batch(steps):
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
    with pytest.raises(ValueError, match=r"^SeqDataLoader.load_state_dict: .*steps 2, .* is 4"):
        SeqDataLoader(data(13), 3, 4).load_state_dict(state)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((data(), 11), ValueError, "10 samples make no batch of 11 streams; give"),
        ((data(), 3, 0), ValueError, "got steps 0, needed a whole number ≥ 1"),
        ((data(), 3, 1.5), TypeError, "got steps 1.5"),
        ((data(), 0), ValueError, "got batch_size 0"),
        ((data(), 3, 2, 1), TypeError, "positional"),
    ],
)
def test_a_loader_of_sequences_refuses_what_does_not_fit(arguments, error, said):
    with pytest.raises(error, match=said):
        SeqDataLoader(*arguments)


def test_no_window_fits_into_streams_that_are_shorter():
    with pytest.raises(ValueError, match="no batch of 3 streams by 4 steps"):
        SeqDataLoader(data(), 3, 4, drop_last=True)


@pytest.mark.parametrize("sequence", [np.array(1.0), np.ones(1), np.ones((0, 3))])
def test_a_sequence_with_no_next_element_is_refused(sequence):
    with pytest.raises(ValueError, match=r"^with_next: got shape .*, needed a sequence of two"):
        with_next(sequence)
