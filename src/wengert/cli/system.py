"""`wengert info`: versions of the installation, and the machine that it runs on."""

import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert.cli.threads import threads
from wengert.config import config


def facts() -> Iterator[tuple[str, str]]:
    """Names and values, in the order in which they are printed."""
    yield "wengert", f"{wengert.__version__} ({Path(wengert.__file__).parent})"
    yield "Python", f"{platform.python_version()} ({sys.executable})"
    build: dict[str, Any] = np.show_config(mode="dicts")  # type: ignore[assignment]
    yield "NumPy", np.__version__
    blas = build.get("Build Dependencies", {}).get("blas", {})
    yield "BLAS", f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    simd = build.get("SIMD Extensions", {})
    yield "SIMD", " ".join([*simd.get("baseline", []), *simd.get("found", [])]) or "unknown"
    yield "platform", platform.platform()
    yield "CPU", _cpu_model()
    yield "cores", f"{_usable_cores()} usable of {os.cpu_count()}"
    yield "threads", threads()
    yield "loading", "DataLoader(workers=N) reads batches in N threads or processes beside these"
    yield "modes", f"enable_backprop={config.enable_backprop}, train={config.train}"
    yield "kernels", "NumPy"
    for extra, packages in _extras().items():
        yield f"[{extra}]" if extra else "required", ", ".join(map(_version, packages))


def _cpu_model() -> str:
    try:  # on Linux; `platform` returns it on other systems
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _usable_cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _extras() -> dict[str, list[str]]:
    """The packages that wengert depends on, by extra; required ones have the key ""."""
    try:
        requirements = metadata.requires("wengert") or []
    except metadata.PackageNotFoundError:  # run from the source tree
        return {}
    extras: dict[str, list[str]] = {"": []}
    for requirement in requirements:
        package = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        if package:
            extras.setdefault(extra[1] if extra else "", []).append(package[0])
    return extras


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} (not installed)"
