"""The command line: `python -m benchmarks [WORKLOAD ...] [--peers torch,...] [--json FILE]`."""

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Runs the requested comparisons; exit code 2 for a wrong command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Times wengert and other frameworks on the same work, alternately.",
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="all of them by default")
    parser.add_argument("--peers", metavar="A,B", help="all that are installed by default")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the results here")
    parser.add_argument(
        "--seconds", type=float, help="time for one comparison (default: the workload's own)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=cores(),
        help="of each framework (default: all usable cores)",
    )
    options = parser.parse_args()
    if options.threads < 1 or (options.seconds is not None and options.seconds <= 0):
        return wrong("--threads and --seconds must be positive")

    # The libraries used by NumPy and PyTorch read these variables when they are loaded.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    from benchmarks import runner

    workloads = runner.find_workloads()
    known_peers = list(dict.fromkeys(peer for w in workloads.values() for peer in w.peers))
    peers = options.peers.split(",") if options.peers is not None else known_peers
    for kind, asked, known in [
        ("workload", options.workloads, list(workloads)),
        ("peer", peers, known_peers),
    ]:
        unknown = [name for name in asked if name not in known]
        if unknown:
            return wrong(f"no {kind} {unknown[0]!r}; needed one of {', '.join(known)}")
    if options.json is not None and (reason := runner.why_not_writable(options.json)):
        return wrong(f"--json {options.json}: {reason}")

    chosen = [workloads[name] for name in dict.fromkeys(options.workloads or workloads)]
    present = [peer for peer in dict.fromkeys(peers) if runner.is_installed(peer)]
    try:
        results = runner.run(chosen, present, options.threads, options.seconds)
    except runner.NotTheSameError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    if options.json is not None:
        runner.write_json(results, options.json)
    return 0


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def wrong(message: str) -> int:
    print(f"benchmarks: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
