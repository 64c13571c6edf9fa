"""Common code of the benchmarks: the check that both sides do the same work, timing, the table.

A file `bench_NAME.py` in this folder defines `WORKLOADS`, a list of `Workload`; it is found by its
name. A new peer is a new key of a workload's `programs`.
"""

import importlib
import importlib.metadata
import json
import os
import pkgutil
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import benchmarks

OURS = "wengert"
LONG_ENOUGH = 2e-3  # seconds for one reading of the clock, whose cost is negligible then


class NotTheSameError(Exception):
    """The two sides of a comparison compute different numbers."""


def time_calls(step: Callable[[], Any], calls: int) -> float:
    """The time of `calls` calls of `step`, in seconds."""
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Program:
    """One side of a comparison.

    Args:
        step: the work to time.
        numbers: the results of the steps so far, to compare with the other side.
        clock: measures the time of a number of steps, in seconds.
    """

    step: Callable[[], Any]
    numbers: Callable[[], Sequence[Any]] = tuple
    clock: Callable[[Callable[[], Any], int], float] = time_calls


@dataclass(frozen=True)
class Workload:
    """The same work in each framework, written as its documentation recommends.

    Args:
        name: in the command line and the table.
        programs: functions that import a framework and build its program; "wengert" is ours.
        tolerance: allowed relative difference between the numbers of the two sides.
        warm_up: number of steps before the numbers are compared.
        seconds: default time for one comparison; slow steps need more.
        settle: seconds of untimed steps before each turn of a side. (Threads of OpenBLAS and OpenMP
            keep waiting for work for a while and occupy cores of the other side.)
    """

    name: str
    programs: Mapping[str, Callable[[], Program]]
    tolerance: float = 1e-6
    warm_up: int = 10
    seconds: float = 3.0
    settle: float = 0.0

    @property
    def peers(self) -> list[str]:
        return [name for name in self.programs if name != OURS]


def find_workloads() -> dict[str, Workload]:
    """The workloads of all `bench_*.py` files, by name."""
    modules = [m.name for m in pkgutil.iter_modules(benchmarks.__path__, "benchmarks.")]
    found = [
        workload
        for name in modules
        if name.startswith("benchmarks.bench_")
        for workload in importlib.import_module(name).WORKLOADS
    ]
    return {workload.name: workload for workload in found}


def is_installed(peer: str) -> bool:
    """Whether `peer` can be imported; a note on stderr says so if not."""
    try:
        importlib.import_module(peer)
    except ImportError as error:
        print(f"note: skipped {peer}, which cannot be imported: {error}", file=sys.stderr)
        return False
    return True


# ---- Measuring ----


def run(
    workloads: Iterable[Workload], peers: Sequence[str], threads: int, seconds: float | None
) -> list[dict[str, Any]]:
    """Compares wengert with each peer on each workload; prints the table line by line.

    Raises:
        NotTheSameError: the two sides of a comparison do not do the same work.
    """
    if "torch" in peers:
        importlib.import_module("torch").set_num_threads(threads)
    versions = {name: version(name) for name in (OURS, "numpy", *peers)}
    about = {
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "versions": versions,
    }
    print(f"{about['machine']}, {about['cpu']}, {about['cores']} cores, {threads} threads")
    print(", ".join(f"{n} {v}" for n, v in {"python": about["python"], **versions}.items()))
    print("milliseconds, min (median) of alternating rounds; ratio = peer / ours, of the minima\n")
    print(f"{'workload':<16} {'peer':<9} {'ours':>20} {'peer':>20} {'ratio':>7} {'rounds':>7}")
    results = []
    for workload in workloads:
        for peer in [peer for peer in workload.peers if peer in peers]:
            result = {"workload": workload.name, "peer": peer}
            result |= compare(workload, peer, workload.seconds if seconds is None else seconds)
            results.append(result | about)
            ours, theirs = (
                f"{result[f'{side}_ms']:.4g} ({result[f'{side}_median_ms']:.4g})"
                for side in ("ours", "peer")
            )
            print(
                f"{workload.name:<16} {peer:<9} {ours:>20} {theirs:>20} "
                f"{result['ratio']:>7.2f} {result['rounds']:>7}",
                flush=True,
            )
    return results


def compare(workload: Workload, peer: str, seconds: float) -> dict[str, Any]:
    """Times both sides alternately, after a check that they compute the same numbers."""
    ours, theirs = workload.programs[OURS](), workload.programs[peer]()
    for _ in range(workload.warm_up):
        ours.step()
        theirs.step()
    for a, b in zip(ours.numbers(), theirs.numbers(), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype != b.dtype or a.shape != b.shape:
            raise NotTheSameError(
                f"{workload.name}: ours gives {a.dtype} {a.shape} and {peer} {b.dtype} {b.shape}"
            )
        if not np.allclose(a, b, rtol=workload.tolerance, atol=workload.tolerance):
            raise NotTheSameError(
                f"{workload.name}: ours and {peer} differ by {np.max(np.abs(a - b)):.2g} "
                f"after {workload.warm_up} steps"
            )

    programs = ours, theirs
    calls = [batch_of(program, max(LONG_ENOUGH, workload.settle)) for program in programs]
    times: tuple[list[float], list[float]] = [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 5:
        # the first side alternates, so that neither always runs after the other
        for i in (0, 1) if len(times[0]) % 2 else (1, 0):
            settled = time.perf_counter() + workload.settle
            while time.perf_counter() < settled:
                programs[i].step()
            times[i].append(programs[i].clock(programs[i].step, calls[i]) / calls[i] * 1e3)
    ours_ms, peer_ms = min(times[0]), min(times[1])
    return {
        "ours_ms": ours_ms,
        "peer_ms": peer_ms,
        "ratio": peer_ms / ours_ms,
        "ours_median_ms": statistics.median(times[0]),
        "peer_median_ms": statistics.median(times[1]),
        "rounds": len(times[0]),
    }


def batch_of(program: Program, seconds: float) -> int:
    """The number of steps to time at once, so that they take about `seconds`."""
    once = min(program.clock(program.step, 1) for _ in range(3))
    return max(1, round(seconds / once))


def version(package: str) -> str:
    """The version of the imported module; the package need not be installed."""
    module = importlib.import_module(package)
    return getattr(module, "__version__", None) or importlib.metadata.version(package)


def cpu_name() -> str:
    """The name of the processor, or its architecture if the name is unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


# ---- The file ----


def why_not_writable(path: Path) -> str | None:
    """The reason why `path` cannot be written, or None; checked before the measurements."""
    if path.is_dir():
        return "is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not os.access(path.parent, os.W_OK):
        return f"no permission to write in {path.parent}"
    return None


def write_json(results: list[dict[str, Any]], path: Path) -> None:
    """Writes a temporary file and renames it, so that `path` is never half written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(results, indent=2) + "\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
