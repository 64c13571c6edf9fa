"""The command `wengert`."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from wengert import __version__
from wengert.cli import recipes
from wengert.cli.failure import Failure, UsageError, reason

FAILURE = 1
USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE


def main(argv: list[str] | None = None) -> int:
    """Runs the command with these arguments (by default sys.argv[1:]); returns its exit code."""
    with suppress(AttributeError):  # (an object that replaces stdout may lack it)
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # "²" on any terminal
    try:
        try:
            args, unknown = _parser().parse_known_args(argv)
            if unknown:
                kind = "option" if unknown[0].startswith("-") else "argument"
                hint = args.parser.get_default("hint") if kind == "argument" else ""
                args.parser.error(f"unrecognized {kind} {unknown[0]}{hint or ''}")
            with _warnings_in_a_line(args.parser.prog):
                code: int = args.command(args)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError as error:
        args.parser.error(
            f"not enough memory: {error}; a smaller model or a smaller --batch-size needs less"
        )
    except recipes.RecipeError as error:
        args.parser.error(f"argument --{error.name.replace('_', '-')}: {error}")
    except UsageError as error:
        args.parser.error(str(error))
    except Failure as error:
        print(f"{args.parser.prog}: {error}", file=sys.stderr)
        return FAILURE
    except BrokenPipeError:  # the reader has ended, as in `wengert info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return BROKEN_PIPE
    return code


@contextmanager
def _warnings_in_a_line(prog: str) -> Iterator[None]:
    """Shows each warning once, as one line without the code that issued it."""
    shown = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = reason(message) if isinstance(message, Warning) else message
        if text not in shown:
            print(f"{prog}: {text}", file=sys.stderr)
        shown.add(text)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


class _Parser(argparse.ArgumentParser):
    """A parser whose error message is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> _Parser:
    about = "A define-by-run deep learning framework one can read."
    parser = _Parser("wengert", description=about, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"wengert {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], about: str, epilog: str = ""
    ) -> _Parser:
        added = commands.add_parser(
            name,
            help=about,
            description=about,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=run, parser=added)
        return added

    _add_train(command("train", _train, "Train a model on a data set.", _catalogue()))
    _add_evaluate(command("evaluate", _evaluate, "Test the model of a run."))
    _add_predict(command("predict", _predict, "Predict classes or values for files."))
    _add_generate(command("generate", _generate, "Generate text with the model of a run."))
    command("demo", _demo, "Show backpropagation through y = (exp(x²))², one step at a time.")
    command("info", _info, "Show versions, CPU, threads and modes.")
    return parser


def _add_train(parser: _Parser) -> None:
    add = parser.add_argument
    add("dataset", nargs="?", type=_typed(recipes.dataset), metavar="DATASET", help="see below")
    add("--model", type=_typed(recipes.one_of(*recipes.MODELS)), metavar="NAME", help="see below")
    add("--data", type=_full_path, metavar="PATH", help="folder or file of the data; see below")
    add("--run", metavar="FOLDER", help="folder of the run (default: a new one in --runs)")
    add("--runs", metavar="FOLDER", help="folder in which runs are created (default: runs)")
    add("--resume", metavar="RUN", help="resume the run in this folder, with its settings")
    group = parser.add_argument_group("settings")
    for name, option in recipes.ALL_OPTIONS.items():
        holders = recipes.holders(name)
        only_for = f"{', '.join(holders)}: " if holders else ""
        kind: dict[str, Any] = {"type": _typed(option.read), "metavar": option.metavar}
        if option.many:
            kind |= {"nargs": "+", "action": "extend"}
        if option.flag:
            kind = {"action": "store_const", "const": True}
        group.add_argument(f"--{name.replace('_', '-')}", help=only_for + option.about, **kind)


def _add_evaluate(parser: _Parser) -> None:
    _add_run(parser)
    hint = "; it tests with the data of the run, and wengert predict RUN FILE takes others"
    parser.set_defaults(hint=hint)
    parser.add_argument(
        "--data", type=_full_path, metavar="PATH", help="path of the run's data, if they were moved"
    )


def _add_predict(parser: _Parser) -> None:
    _add_run(parser)
    add = parser.add_argument
    # fmt: off
    add("files", nargs="+", metavar="FILE",
        help="images, folders of images, arrays (.npy) or tables (.csv)")
    add("--top", type=_typed(recipes.integer(1)), default=1, metavar="K",
        help="show the K most probable classes (default: 1)")
    add("--invert", action="store_true",
        help="swap light and dark: for dark ink on light paper, if the model was trained on the "
             "opposite")
    # fmt: on


def _add_generate(parser: _Parser) -> None:
    _add_run(parser)
    add = parser.add_argument
    # fmt: off
    add("--prompt", metavar="TEXT", help="beginning of the text (default: a new line)")
    add("--length", type=_typed(recipes.integer(0)), default=500, metavar="N",
        help="number of characters (or bytes) to generate (default: 500)")
    add("--temperature", type=_typed(recipes.number(0)), default=0.8, metavar="X",
        help="0: always the most probable token; 1: tokens drawn with the probabilities of the "
             "model (default: 0.8)")
    add("--top-k", type=_typed(recipes.integer(1)), metavar="K",
        help="draw from the K most probable tokens only (default: from all)")
    add("--seed", type=_typed(recipes.integer(0)), default=0, metavar="N",
        help="seed of the random draws (default: 0)")
    # fmt: on


def _add_run(parser: _Parser) -> None:
    parser.add_argument("folder", metavar="RUN", help="folder of the run")
    group = parser.add_mutually_exclusive_group()
    # fmt: off
    group.add_argument("--best", dest="which", action="store_const", const="best",
                       help="use the weights of the epoch with the lowest validation loss "
                            "(default, if these were chosen by 10 validation samples or more)")
    group.add_argument("--last", dest="which", action="store_const", const="last",
                       help="use the newest weights")
    # fmt: on


def _full_path(text: str) -> str:
    return os.path.abspath(os.path.expanduser(text))


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """`read` for argparse, which shows the message of an ArgumentTypeError only."""

    def parse(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def _catalogue() -> str:
    """The data sets with the models that fit them, and the models."""
    lines = ["data sets, with the argument of --data and the models that fit:"]
    for name, dataset in recipes.DATASETS.items():
        models = recipes.fitting(name)
        first = recipes.FIRST[dataset.kind]
        others = [model for model in models if model != first]
        lines.append(f"  {name:<14} {dataset.about}")
        needs = {"": "", "folder": "[--data FOLDER]  "}.get(
            dataset.data, f"--data {dataset.data}  "
        )
        also = f", or {', '.join(others)}" if others else ""
        lines.append(f"  {'':<14} {needs}{first}{also}")
    lines += ["", "models:"]
    lines += [f"  {name:<14} {model.about}" for name, model in recipes.MODELS.items()]
    lines += [
        "",
        "Defaults of the settings depend on the data set and the model; settings.json in the",
        "folder of the run lists all settings. Every run can be resumed.",
    ]
    return "\n".join(lines)


# ---- The commands: each imports what it needs when it runs ----


def _train(args: argparse.Namespace) -> int:
    from wengert.cli.train import resume, train

    options = {name: getattr(args, name) for name in ("data", *recipes.ALL_OPTIONS)}
    given = {name: value for name, value in options.items() if value is not None}
    if args.resume is None:
        return train(args.dataset, args.model, given, folder=args.run, runs=args.runs)
    if args.run is not None or args.runs is not None:
        raise UsageError("argument --resume: it names the folder; omit --run and --runs")
    return resume(args.resume, args.dataset, args.model, given)


def _evaluate(args: argparse.Namespace) -> int:
    from wengert.cli.trained import evaluate

    return evaluate(args.folder, args.data, which=args.which)


def _predict(args: argparse.Namespace) -> int:
    from wengert.cli.predict import predict

    return predict(args.folder, args.files, top=args.top, invert=args.invert, which=args.which)


def _generate(args: argparse.Namespace) -> int:
    from wengert.cli.generate import generate

    return generate(
        args.folder,
        args.prompt,
        args.length,
        temperature=args.temperature,
        top_k=args.top_k,
        seed=args.seed,
        which=args.which,
    )


def _demo(args: argparse.Namespace) -> int:
    from wengert.cli.demo import story

    print(*story(), sep="\n")
    return 0


def _info(args: argparse.Namespace) -> int:
    from wengert.cli.system import facts

    for name, value in facts():
        print(f"{name:<9} {value}")
    return 0
