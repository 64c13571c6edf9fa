"""Workers that fetch batches in advance and return them in order.

A thread calls `work` itself or, for the kind "process", sends each call to its process and waits
for the result. All workers stop when the iterator is closed or garbage-collected, or raises.
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
    """work(n) for each of the numbers, computed up to workers × prefetch numbers in advance.

    Args:
        work: the function; for processes it and its results are pickled.
        kind: "thread" or "process".
    """
    caller = closing(Processes(work, workers)) if kind == "process" else nullcontext(work)
    with caller as call:
        jobs: Jobs = SimpleQueue()
        for k in range(workers):
            # daemon threads: the end of the program does not wait for unused batches
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
    """The loop of a worker thread; None ends it."""
    while (job := jobs.get()) is not None:
        number, future = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(call(number))
            except BaseException as error:
                future.set_exception(error)
        del job, future  # or an error, whose traceback has this frame, would be in a cycle


class Processes:
    """Calls `work` in `n` processes; each call is made, and waited for, by a thread."""

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
        with theirs:  # open only in the process: the pipe then ends with the process
            process = self.context.Process(target=_serve, args=(work, theirs), daemon=True)
            try:
                with _signals_blocked():
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
            # (send() and recv() use buffers that the traceback of an error would keep)
            connection.send_bytes(pickle.dumps(number))
            received = connection.recv_bytes()
        except (EOFError, OSError) as error:
            if self.closed:  # the answer is not needed any more
                raise
            process.join(1)
            raise RuntimeError(
                f"DataLoader: worker process {process.pid} ended with exit code "
                f"{process.exitcode} while it fetched batch {number}; -9 means that the system "
                f"killed it, often for lack of memory; 1 comes from a script without "
                f"`if __name__ == '__main__':` where processes are not forked"
            ) from error
        finally:
            self.idle.put(worker)
        done, answer = pickle.loads(received)
        if not done:
            raise answer
        return answer

    def close(self) -> None:
        """Kills the processes: they have no results to keep."""
        self.closed = True
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Delays Ctrl-C and SIGTERM for this thread to the end of the block.

    A process that is started in the block inherits the mask, and unblocks the signals when it has
    replaced its parent's handlers. (Windows has no such mask: a starting process may print a
    traceback there.)
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
    """Answers requests until the parent kills this process or ends."""
    gc.freeze()  # objects copied by a fork are left to the parent
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes; the parent handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    while True:
        connection.send_bytes(_answer(work, pickle.loads(connection.recv_bytes())))


def _end_with_parent() -> None:
    """Ends this process when the parent is killed, even in the middle of a batch.

    (The pipe does not show it: a fork has copies of both ends.)
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _answer(work: Work, number: int) -> bytes:
    try:
        return pickle.dumps((True, work(number)), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        text = traceback.TracebackException.from_exception(error)
        text.__notes__ = None  # the error itself has them
        error.add_note(f"In the worker process:\n{''.join(text.format())}")
        return pickle.dumps((False, _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error if it can be pickled without loss; else a RuntimeError with its text."""
    with suppress(Exception):
        loaded = pickle.loads(pickle.dumps(error))
        if type(loaded) is type(error) and loaded.__notes__ == error.__notes__:
            return error
    substitute = RuntimeError(f"{type(error).__name__}: {error}")
    substitute.__notes__ = error.__notes__
    return substitute
