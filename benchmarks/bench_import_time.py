"""The time of `import` after `import numpy`, each in a new process."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial

from benchmarks.runner import Program, Workload

IMPORT = """
import numpy, time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""


def program(package: str) -> Program:
    command = [sys.executable, "-c", IMPORT.format(package)]
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages have bytecode files

    def step() -> str:
        run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return run.stdout

    return Program(step, clock=reported_seconds)


def reported_seconds(step: Callable[[], str], calls: int) -> float:
    """The time that the new process has measured, without its start."""
    return sum(float(step()) for _ in range(calls))


PACKAGES = ("wengert", "torch", "autograd", "mygrad")
PROGRAMS = {name: partial(program, name) for name in PACKAGES}
WORKLOADS = [Workload("import-time", PROGRAMS, warm_up=1)]
