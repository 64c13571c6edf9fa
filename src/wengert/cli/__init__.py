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
from wengert.cli.failure import Failure

FAILURE = 1
USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE


def main(argv: list[str] | None = None) -> int:
    """Runs the command with these arguments (by default those of the process): its exit code."""
    with suppress(AttributeError):  # (a stand-in for stdout may lack it)
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # "²" on any terminal
    try:
        try:
            args, unknown = _parser().parse_known_args(argv)
            if unknown:
                kind = "option" if unknown[0].startswith("-") else "place for"
                args.parser.error(f"there is no {kind} {unknown[0]}")
            with _warnings_in_a_line(args.parser.prog):
                code: int = args.command(args)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except MemoryError as error:
        args.parser.error(f"not enough memory: {error}")
    except recipes.RecipeError as error:
        args.parser.error(f"argument --{error.name.replace('_', '-')}: {error}")
    except Failure as error:
        print(f"{args.parser.prog}: {error}", file=sys.stderr)
        return FAILURE
    except BrokenPipeError:  # the reader has gone, as in `wengert info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return BROKEN_PIPE
    return code


@contextmanager
def _warnings_in_a_line(prog: str) -> Iterator[None]:
    """Shows a warning, as of a damaged checkpoint, once, and without the code it comes from."""
    told = set()

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in told:
            print(f"{prog}: {message}", file=sys.stderr)
        told.add(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = tell
        yield


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

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

    _add_train(command("train", _train, "Train a model on a data set.", _what_there_is()))
    _add_evaluate(command("evaluate", _evaluate, "Test the model of a run."))
    _add_predict(command("predict", _predict, "Ask the model of a run about files."))
    _add_generate(command("generate", _generate, "Let the model of a run write a text."))
    command("demo", _demo, "Backpropagation through y = (exp(x²))², one step at a time.")
    command("info", _info, "Versions, CPU, threads, and what is switched on.")
    return parser


def _add_train(parser: _Parser) -> None:
    add = parser.add_argument
    add("dataset", nargs="?", choices=[*recipes.DATASETS], metavar="DATASET", help="see below")
    add("--model", choices=[*recipes.MODELS], metavar="NAME", help="see below")
    add("--data", metavar="PATH", help="folder or file of the data, for data sets that need it")
    add("--run", metavar="FOLDER", help="folder of the run (default: a new one in --runs)")
    add("--runs", metavar="FOLDER", help="where folders of runs are made (default: runs)")
    add("--resume", metavar="RUN", help="go on with the run in this folder, with its settings")
    group = parser.add_argument_group("settings")
    for name, option in recipes.ALL_OPTIONS.items():
        holders = recipes.holders(name)
        whose = f"{', '.join(holders)}: " if holders else ""
        flag = f"--{name.replace('_', '-')}"
        group.add_argument(
            flag, type=_typed(option.read), metavar=option.metavar, help=whose + option.about
        )


def _add_evaluate(parser: _Parser) -> None:
    _add_run(parser)
    parser.add_argument(
        "--data", metavar="PATH", help="where the data of the run lie now, if they were moved"
    )


def _add_predict(parser: _Parser) -> None:
    _add_run(parser)
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="images, arrays (.npy) or tables (.csv)")
    # fmt: off
    add("--top", type=_typed(recipes.whole(1)), default=1, metavar="K",
        help="name the K likeliest classes (default: 1)")
    add("--invert", action="store_true",
        help="light becomes dark: for ink on paper, where the model has learnt light on dark")
    # fmt: on


def _add_generate(parser: _Parser) -> None:
    _add_run(parser)
    add = parser.add_argument
    # fmt: off
    add("--prompt", metavar="TEXT", help="how it begins (default: a new line)")
    add("--length", type=_typed(recipes.whole(0)), default=500, metavar="N",
        help="characters (or bytes) to add (default: 500)")
    add("--temperature", type=_typed(recipes.real(0)), default=0.8, metavar="X",
        help="0: always the likeliest; 1: as likely as the model says (default: 0.8)")
    add("--top-k", type=_typed(recipes.whole(1)), metavar="K",
        help="draw from the K likeliest only (default: from all)")
    add("--seed", type=_typed(recipes.whole(0)), default=0, metavar="N",
        help="what the draws start from (default: 0)")
    # fmt: on


def _add_run(parser: _Parser) -> None:
    parser.add_argument("folder", metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--best", action="store_true", help="take the weights of the best epoch, not the last"
    )


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """For argparse, which keeps the message of its own error only."""

    def parse(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def _what_there_is() -> str:
    """The data sets with the models that fit, and the models."""
    lines = ["data sets, what --data names for them, and the models that fit:"]
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
        "A setting that is not given comes from a recipe for the data set and the model; the file",
        "settings.json in the folder of the run has them all. Each run can be gone on with.",
    ]
    return "\n".join(lines)


# ---- The commands: each loads what it needs when it runs ----


def _train(args: argparse.Namespace) -> int:
    from wengert.cli.train import train

    return train(args)


def _evaluate(args: argparse.Namespace) -> int:
    from wengert.cli.trained import evaluate

    return evaluate(args)


def _predict(args: argparse.Namespace) -> int:
    from wengert.cli.predict import predict

    return predict(args)


def _generate(args: argparse.Namespace) -> int:
    from wengert.cli.generate import generate

    return generate(args)


def _demo(args: argparse.Namespace) -> int:
    from wengert.cli.demo import story

    print(*story(), sep="\n")
    return 0


def _info(args: argparse.Namespace) -> int:
    from wengert.cli.system import facts

    for name, value in facts():
        print(f"{name:<9} {value}")
    return 0
