"""The threads of NumPy's BLAS: which library computes matrix products, and with how many."""

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

# Environment variables that libraries read when they are loaded; the first that is set counts.
VARIABLES = {
    "openblas": ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"),
    "mkl": ("MKL_NUM_THREADS", "OMP_NUM_THREADS"),
    "blis": ("BLIS_NUM_THREADS", "OMP_NUM_THREADS"),
    "accelerate": ("VECLIB_MAXIMUM_THREADS",),
}
NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "accelerate": "Accelerate"}
# Functions that return the number of threads; builds differ in prefixes and suffixes.
FUNCTIONS = (
    "scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads",
    "openblas_get_num_threads64_", "openblas_get_num_threads", "MKL_Get_Max_Threads",
    "bli_thread_get_num_threads",
)  # fmt: skip


def threads() -> str:
    """The number of threads of matrix products, and the environment variable that sets it."""
    kind = blas()
    if kind is None:
        return f"chosen by BLAS{_settings(())}"
    count = blas_threads()
    variables = VARIABLES[kind]
    known = "" if count is None else f"{count} "
    return f"{known}in {NAMES[kind]}, for matrix products; 1 elsewhere{_settings(variables)}"


def _settings(variables: tuple[str, ...]) -> str:
    """Which variable has set the number, or which one sets it."""
    others = dict.fromkeys(name for names in VARIABLES.values() for name in names)
    for name in variables or others:
        if name in os.environ:
            return f" ({name}={os.environ[name]})"
    name = variables[0] if variables else "OMP_NUM_THREADS"
    return f" (no *_NUM_THREADS is set; {name}=N before Python starts changes it)"


def blas() -> str | None:
    """The kind of BLAS that NumPy was built with."""
    build = np.show_config(mode="dicts")
    name = build.get("Build Dependencies", {}).get("blas", {}).get("name", "").lower()
    return next((kind for kind in VARIABLES if kind in name), None)


def blas_threads() -> int | None:
    """The number of threads that BLAS says it uses; None if it cannot be asked."""
    for path in _libraries():
        with suppress(OSError):
            loaded = ctypes.CDLL(str(path))
            for name in FUNCTIONS:
                if hasattr(loaded, name):
                    return int(getattr(loaded, name)())
    return None


def _libraries() -> Iterator[Path]:
    """The files of BLAS: those in NumPy's wheel, and, on Linux, those that are loaded."""
    numpy = Path(np.__file__).parent
    for folder in (numpy.parent / "numpy.libs", numpy / ".dylibs"):
        yield from sorted(folder.glob("*blas*"))
    with suppress(OSError):
        maps = Path("/proc/self/maps").read_text()
        found = re.findall(r"(/\S*lib\S*(?:blas|mkl_rt|blis)\S*)$", maps, re.M)
        yield from map(Path, dict.fromkeys(found))
