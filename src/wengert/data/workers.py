"""Workers that fetch batches ahead of the loop, and hand them over in order.

A thread calls `work` itself, or, for the kind "process", has a process of its own do so and waits
for the answer. Whoever closes the iterator, drops it or meets an error in it ends them all.
"""

import gc
import multiprocessing
import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, nullcontext, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Thread
from typing import Any

Work = Callable[[int], Any]
Jobs = SimpleQueue[tuple[int, Future[Any]] | None]


def in_order(
    work: Work, numbers: Iterable[int], *, workers: int, kind: str, prefetch: int
) -> Generator[Any, None, None]:
    """work(n) for each of the numbers; `workers` do so up to workers × prefetch numbers ahead.

    Args:
        work: what is called; for processes it is sent to them, and so are its results back.
        kind: "thread" or "process".
    """
    caller = closing(Processes(work, workers)) if kind == "process" else nullcontext(work)
    with caller as call:
        jobs: Jobs = SimpleQueue()
        for k in range(workers):
            # as a daemon, for the program's end does not wait for batches that nobody asks for
            Thread(
                target=_call_in_turn, args=(call, jobs), name=f"wengert-data-{k}", daemon=True
            ).start()
        ahead: deque[Future[Any]] = deque()
        try:
            for number in numbers:
                ahead.append(Future())
                jobs.put((number, ahead[-1]))
                if len(ahead) == workers * prefetch:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
            for _ in range(workers):
                jobs.put(None)


def _call_in_turn(call: Work, jobs: Jobs) -> None:
    """The life of a thread, up to a job that is None."""
    while (job := jobs.get()) is not None:
        number, future = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(call(number))
            except BaseException as error:
                future.set_exception(error)
        del job, future  # or the error, which remembers this frame, would be in a cycle


class Processes:
    """Calls `work` in processes, as many at once as there are; for threads to call and wait."""

    def __init__(self, work: Work, n: int) -> None:
        self.context = multiprocessing.get_context()
        self.processes: list[BaseProcess] = []
        self.idle: SimpleQueue[tuple[BaseProcess, Connection]] = SimpleQueue()
        self.closed = False
        try:
            for _ in range(n):
                self._start(work)
        except BaseException:
            self.close()
            raise

    def _start(self, work: Work) -> None:
        ours, theirs = self.context.Pipe()
        with theirs:  # which must be open there alone: then its end is the process's end
            process = self.context.Process(target=_serve, args=(work, theirs), daemon=True)
            try:
                with _signals_held_back():
                    process.start()
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise TypeError(
                    f"DataLoader: the data set or `collate` cannot be sent to a worker process, "
                    f"as the start method {self.context.get_start_method()!r} needs: {error}; "
                    f"use classes and functions from the top of a module (no lambda), or "
                    f"worker_kind='thread'"
                ) from error
        self.processes.append(process)
        self.idle.put((process, ours))

    def __call__(self, number: int) -> Any:
        process, connection = worker = self.idle.get()
        try:
            # (send() and recv() use buffers that an error's traceback would keep)
            connection.send_bytes(pickle.dumps(number))
            received = connection.recv_bytes()
        except (EOFError, OSError) as error:
            if self.closed:  # then nobody asks for this answer any more
                raise
            process.join(1)
            raise RuntimeError(
                f"DataLoader: worker process {process.pid} ended with exit code "
                f"{process.exitcode} while it fetched batch {number}; -9 is what the system does "
                f"to a process when memory runs out; 1 comes from a script without "
                f"`if __name__ == '__main__':` where processes are not forked"
            ) from error
        finally:
            self.idle.put(worker)
        done, answer = pickle.loads(received)
        if not done:
            raise answer
        return answer

    def close(self) -> None:
        """Ends the processes at once: nothing in them is to be kept."""
        self.closed = True
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Ctrl-C and SIGTERM reach this thread after the block, and a process that is started in it
    when it can answer: the handlers that it has from its parent must not.

    (On Windows, where signals cannot be held back, a process that starts may show a traceback.)
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# ---- In the process ----


def _serve(work: Work, connection: Connection) -> None:
    """Answers until the parent ends this process, or is no more."""
    gc.freeze()  # what a fork has copied is the parent's to clean up
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent answers it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    while True:
        connection.send_bytes(_answer(work, pickle.loads(connection.recv_bytes())))


def _end_with_parent() -> None:
    """Leaves no process behind when the parent is killed, whatever this one is about to do.

    (An end of the pipe tells nothing: a fork holds copies of both ends.)
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _answer(work: Work, number: int) -> bytes:
    try:
        return pickle.dumps((True, work(number)), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        told = traceback.TracebackException.from_exception(error)
        told.__notes__ = None  # the error brings them itself
        error.add_note(f"In the worker process:\n{''.join(told.format())}")
        return pickle.dumps((False, _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error, if it comes through a pickle as it is; else a RuntimeError that tells of it."""
    with suppress(Exception):
        there = pickle.loads(pickle.dumps(error))
        if type(there) is type(error) and there.__notes__ == error.__notes__:
            return error
    told = RuntimeError(f"{type(error).__name__}: {error}")
    told.__notes__ = error.__notes__
    return told
