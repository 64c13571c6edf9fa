"""Workers of a loader: errors in them, and their end."""

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from loaders import (
    SOME,
    WORKERS,
    assert_no_worker_is_left,
    data,
    listed,
    loader,
    whole,
)
from wengert.data import ArrayDataset, DataLoader, TransformDataset

# Python 3.12 and 3.13 fork by default, and warn when there are threads, as NumPy's are.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
POSIX = pytest.mark.skipif(os.name != "posix", reason="sends signals to a group of processes")


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
def test_an_iterator_in_a_reference_cycle_ends_its_workers_when_collected(workers, kind):
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


def test_a_thread_finishes_its_batch_and_starts_no_other():
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


def test_a_working_process_is_killed_at_once():
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
    def __init__(self, number, reason):  # which cannot be unpickled
        super().__init__(f"{reason} {number}")


class ForgetfulError(Exception):
    def __reduce__(self):  # without the notes
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
def test_an_error_while_fetching_names_the_samples_and_is_raised_in_order(workers, kind):
    batches = failing(fails, workers=workers, kind=kind)
    seen = []
    with pytest.raises(KeyError, match="no seven") as caught:
        seen.extend(x.tolist() for (x,) in batches)
    assert (
        caught.value.__notes__[0] == "DataLoader: in batch 2 of pass 0, with the samples [6, 7, 8]"
    )
    assert_no_worker_is_left()
    assert next(iter(batches))[0].tolist() == [0, 1, 2]


def test_an_error_in_a_process_brings_its_traceback():
    with pytest.raises(KeyError) as caught:
        list(failing(fails, workers=2, kind="process"))
    text = caught.value.__notes__[-1]
    assert text.startswith("In the worker process:\nTraceback")
    assert 'raise KeyError("no seven")' in text
    assert "batch 2" not in text  # the first note names it


@pytest.mark.parametrize(
    ("fn", "error"), [(fails_in_its_own_way, OwnError), (fails_forgetfully, ForgetfulError)]
)
def test_an_error_that_cannot_be_pickled_is_reported(fn, error):
    with pytest.raises(RuntimeError) as caught:
        list(failing(fn, workers=1, kind="process"))
    assert str(caught.value) == f"{error.__name__}: reason 3"
    assert "samples [0, 1, 2]" in caught.value.__notes__[0]
    assert fn.__name__ in caught.value.__notes__[1]


def test_a_batch_that_cannot_be_pickled_is_an_error():
    with pytest.raises((AttributeError, TypeError, RuntimeError), match=r"pickle|local"):
        list(loader(collate=unpicklable, workers=1, kind="process"))


def dies(sample):
    if sample[0] == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return sample


@POSIX
def test_a_killed_process_is_an_error():
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
    """Starts a program in a new process group, which is empty after the test."""
    processes = []

    def start(kind, then, before=""):
        program = before + PROGRAM.format(kind=kind, then=then)
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            # as a shell leaves it; the tests may run where it is ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
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
