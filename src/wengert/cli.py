"""The command `wengert`."""

import argparse
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from wengert import __version__

T = TypeVar("T")

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE

# What trains the digits well: to more than 98 % with adam, for seeds 0 to 9. Matrix products of up
# to 16 × 128 × 128 are small enough for OpenBLAS to keep on one thread; sharing them out would cost
# more than it gains, and very much more on busy cores.
HIDDEN = (128, 128)
BATCH_SIZE = 16
LEARNING_RATES = {"sgd": 0.1, "momentum": 0.02, "adam": 0.001}


def main(argv: list[str] | None = None) -> int:
    """Runs the command with these arguments (by default those of the process): its exit code."""
    with suppress(AttributeError):  # (a stand-in for stdout may lack it)
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # "²" on any terminal
    try:
        try:
            args, unknown = _parser().parse_known_args(argv)
            if unknown:
                args.parser.error(f"there is no option {unknown[0]}")
            code: int = args.run(args)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError as error:
        args.parser.error(f"not enough memory: {error}")
    except BrokenPipeError:  # the reader has gone, as in `wengert info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return BROKEN_PIPE
    return code


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> _Parser:
    about = "A define-by-run deep learning framework one can read."
    parser = _Parser("wengert", description=about, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"wengert {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> _Parser:
        added = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        added.set_defaults(run=run, parser=added)
        return added

    add = command("train", _train, "Train a network on real data.").add_argument
    add("dataset", choices=["digits"], help="1797 handwritten digits, part of the package")

    def option(name: str, help: str, default: object = None, **kind: Any) -> None:
        if default is not None:
            help += " (default: %(default)s)"
        add(name, help=help, default=default, **kind)

    hidden = ",".join(map(str, HIDDEN))
    rates = ", ".join(f"{rate} for {name}" for name, rate in LEARNING_RATES.items())
    # fmt: off
    option("--model", "with hidden layers, or without", "mlp", choices=["mlp", "linear"])
    option("--hidden", f"their sizes (default: {hidden})", type=_sizes, metavar="N,N,...")
    option("--epochs", "passes through the data", 30, type=_whole(1), metavar="N")
    option("--batch-size", "samples in a step", BATCH_SIZE, type=_whole(1), metavar="N")
    option("--optimizer", "how to step", "adam", choices=list(LEARNING_RATES))
    option("--lr", f"learning rate of a step (default: {rates})", type=_positive, metavar="X")
    option("--seed", "what all random numbers start from", 0, type=_whole(0), metavar="N")
    option("--output", "save the parameters here, as .npz for np.load", metavar="FILE")
    # fmt: on

    command("demo", _demo, "Backpropagation through y = (exp(x²))², one step at a time.")
    command("info", _info, "Versions, CPU, threads, and what is switched on.")
    return parser


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isdecimal() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"got {text!r}, needed a whole number ≥ {least}")
        return int(text)

    return parse


def _positive(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"got {text!r}, needed a number > 0")


def _sizes(text: str) -> tuple[int, ...]:
    sizes = text.split(",")
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise argparse.ArgumentTypeError(f"got {text!r}, needed sizes > 0, as in 100,50")
    return tuple(map(int, sizes))


# ---- The commands ----


def _train(args: argparse.Namespace) -> int:
    if args.model == "linear" and args.hidden:
        args.parser.error("argument --hidden: a linear model has no hidden layers")
    from wengert import optimizers, random
    from wengert.data import ArrayDataset, DataLoader, load_digits
    from wengert.files import check_writable
    from wengert.models import MLP
    from wengert.training import evaluate, save_parameters

    if args.output is not None:
        try:
            check_writable(args.output)
        except OSError as error:
            args.parser.error(f"argument --output: {error}")

    def flat(digits: ArrayDataset) -> ArrayDataset:
        images, labels = digits.arrays
        return ArrayDataset(images.reshape(len(images), -1), labels)

    random.seed(args.seed)
    hidden = () if args.model == "linear" else args.hidden or HIDDEN
    try:
        model = MLP((*hidden, 10), in_size=64)
    except ValueError as error:  # NumPy has no array of such a size, on any machine
        args.parser.error(f"argument --hidden: {error}")
    kinds = {"sgd": optimizers.SGD, "momentum": optimizers.Momentum, "adam": optimizers.Adam}
    optimizer = kinds[args.optimizer](args.lr or LEARNING_RATES[args.optimizer]).setup(model)
    batches = DataLoader(flat(load_digits(train=True)), args.batch_size, seed=args.seed)

    code = _epochs(model, optimizer, batches, args.epochs)
    _, accuracy = evaluate(model, [flat(load_digits(train=False))[:]])
    if args.output is not None:
        try:
            save_parameters(args.output, model)
        except OSError as error:
            code = _complain(f"{args.output} could not be written: {error.strerror}")
    print(f"test accuracy: {100 * accuracy:.1f} %")
    return code


def _epochs(model: Any, optimizer: Any, batches: Any, epochs: int) -> int:
    """Trains, and prints a line for each epoch; with a progress bar if someone is there to see."""
    import numpy as np
    from tqdm import tqdm  # type: ignore[import-untyped]

    from wengert.training import train_epoch

    columns, lines = shutil.get_terminal_size()
    bar = tqdm(
        total=epochs * len(batches),
        desc=f"epoch 1/{epochs}",
        unit="batch",
        leave=False,
        ncols=columns,
        nrows=lines,
        disable=not sys.stderr.isatty(),
    )

    def watched(batches: Iterable[T]) -> Iterator[T]:
        for batch in batches:
            yield batch
            bar.update()

    epoch = 1
    try:
        with bar, np.errstate(over="ignore", invalid="ignore"):  # (such a loss is told of below)
            for epoch in range(1, epochs + 1):
                bar.set_description(f"epoch {epoch}/{epochs}")
                loss, accuracy = train_epoch(model, optimizer, watched(batches))
                with bar.external_write_mode():
                    print(
                        f"epoch {epoch:{len(str(epochs))}}/{epochs}   loss {loss:.4f}"
                        f"   accuracy {100 * accuracy:5.1f} %",
                        flush=True,
                    )
                if not math.isfinite(loss):
                    return _complain(f"the loss is {loss}: try an --lr below {optimizer.lr}")
    except KeyboardInterrupt:
        _complain(f"stopped in epoch {epoch} of {epochs}")
        return INTERRUPTED
    return 0


def _complain(message: str) -> int:
    print(f"wengert train: {message}", file=sys.stderr)
    return 1


def _demo(args: argparse.Namespace) -> int:
    from wengert.demo import story

    print(*story(), sep="\n")
    return 0


def _info(args: argparse.Namespace) -> int:
    from wengert.system import facts

    for name, value in facts():
        print(f"{name:<9} {value}")
    return 0
