"""`wengert train`."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import numpy as np

from wengert import random
from wengert.cli import recipes
from wengert.cli.failure import Failure, reason
from wengert.cli.jobs import headline, make_trainer, test_batches, train_batches
from wengert.cli.recipes import RecipeError, Settings
from wengert.cli.runs import Run, new_folder
from wengert.cli.samples import Data
from wengert.cli.trained import built, loaded, opened
from wengert.files import exclusive_lock
from wengert.io import save_arrays, save_weights
from wengert.layers import Layer
from wengert.training import Best, Callback, Trainer, every
from wengert.training.callbacks import check_keys
from wengert.training.checkpoint_folder import SaveCheckpoints, trainer_state
from wengert.training.guard import StopOnNaN
from wengert.training.log import JSONLinesLog

SAVE_EVERY = 30  # seconds: what a killed run loses at most


def train(args: argparse.Namespace) -> int:
    """Trains a new run, or goes on with one."""
    run = None if args.resume is None else _run_to_resume(args)
    if run is not None and run.metrics is not None:
        epochs = run.settings["epochs"]
        print(f"{run.folder} is finished: epoch {epochs} of {epochs}; --epochs N adds to it")
        print(headline(run.settings, run.metrics["test"]))
        return 0
    settings = _settings(args) if run is None else run.settings
    random.seed(settings["seed"])
    samples = loaded(settings)
    model = built(settings, samples.facts)
    if run is None:
        run = _new_run(args, settings, samples.facts)
    elif run.facts != samples.facts:
        raise Failure(f"the data are not those that {run.folder} was started with")
    with _alone(run):
        if args.resume is not None:
            _update_settings(run)
        print(f"run {run.folder}: {_sizes(samples, model)}", flush=True)
        return _fit(run, samples, model)


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Refuses to work on a run beside another process, whose log lines would mix with ours."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(run.folder))
        except BlockingIOError:
            raise Failure(f"{run.folder} is being trained by another process") from None
        yield


def _sizes(samples: Data, model: Layer) -> str:
    train, validation, test = samples.facts["samples"]
    parameters = sum(p.size for p in model.params())
    return (
        f"{train:,} samples to train on, {validation:,} to validate, {test:,} to test; "
        f"{parameters:,} parameters"
    )


# ---- Settings and folder ----


def _given(args: argparse.Namespace) -> Settings:
    """The settings that were given as options."""
    given = {name: getattr(args, name) for name in recipes.ALL_OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    if args.data is not None:
        given["data"] = os.path.abspath(os.path.expanduser(args.data))
    return given


def _settings(args: argparse.Namespace) -> Settings:
    if args.dataset is None:
        args.parser.error(
            f"needed a DATASET, one of {', '.join(recipes.DATASETS)}, or --resume RUN"
        )
    return recipes.settings(args.dataset, args.model, _given(args))


def _new_run(args: argparse.Namespace, settings: Settings, facts: dict[str, Any]) -> Run:
    if args.run is not None and args.runs is not None:
        args.parser.error("argument --runs: --run names the folder already")
    name = settings["dataset"], settings["model"]
    try:
        return Run.create(args.run or new_folder(args.runs or "runs", *name), settings, facts)
    except OSError as error:
        why = error.strerror or str(error)
        if args.run is not None or args.runs is not None:
            option = "--run" if args.run is not None else "--runs"
            args.parser.error(f"argument {option}: {args.run or args.runs}: {why}")
        import tempfile

        print(
            f"{args.parser.prog}: no folder can be made in {os.path.abspath('runs')} ({why}); "
            f"the run goes to a temporary one. --run FOLDER names another",
            file=sys.stderr,
        )
        return Run.create(tempfile.mkdtemp(prefix="wengert-"), settings, facts)


def _run_to_resume(args: argparse.Namespace) -> Run:
    """The run, with more epochs or another place of its data if these were given."""
    run = opened(args.resume)
    if args.run is not None or args.runs is not None:
        args.parser.error("argument --resume: names the folder already, without --run or --runs")
    if args.dataset not in (None, run.settings["dataset"]):
        args.parser.error(f"the run {run.folder} is of {run.settings['dataset']}")
    given = _given(args) | ({} if args.model is None else {"model": args.model})
    for name, value in given.items():
        has = run.settings.get(name)
        moved = name == "data" and has is not None
        if name == "epochs" and value < has:
            raise RecipeError(name, f"the run {run.folder} has {has}; they can only become more")
        if value != has and name != "epochs" and not moved:
            shown = "none" if has is None else has
            advice = "leave it out, or start a new run"
            raise RecipeError(name, f"the run {run.folder} has {shown}; {advice}")
    run.settings |= given
    return run


def _update_settings(run: Run) -> None:
    """Notes that there are more epochs, or that the data were moved."""
    try:
        run.write_settings()
    except OSError as error:
        raise Failure(f"{run.folder} cannot be written: {reason(error)}") from None


# ---- The training ----


class Interruption(Callback):
    """Lets a signal (Ctrl-C, or a request to end) stop the training after the running update.

    The state is then saved. A second signal stops it at once.
    """

    signal: int | None = None

    def on_start(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def on_step(self, trainer: Trainer) -> None:
        self._stop()

    def on_epoch(self, trainer: Trainer) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.signal is not None:
            self.trainer.stop("interrupted")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals for the length of a `with` block."""
        before = {number: signal.signal(number, self._take) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


class BestWeights(Callback):
    """Keeps the weights of the epoch whose validation loss was the lowest."""

    def __init__(self) -> None:
        self.best = Best("validation_loss")
        self.epoch = 0
        self.weights: dict[str, Any] = {}

    def on_epoch(self, trainer: Trainer) -> None:
        if self.best.improved(trainer):
            self.epoch = trainer.epoch
            self.weights = trainer.model.state_dict()

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best.state_dict(), "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_keys("BestWeights", state, self.state_dict())
        self.best.load_state_dict(state["best"])
        self.epoch = state["epoch"]
        self.weights = dict(state["weights"])


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _fit(run: Run, samples: Data, model: Layer) -> int:
    settings = run.settings
    batches = train_batches(settings, samples)
    validation = None if samples.validation is None else test_batches(settings, samples.validation)
    interruption = Interruption()
    best = None if validation is None else BestWeights()
    saving = SaveCheckpoints(run.checkpoints, every(SAVE_EVERY, "seconds"), keep=2)
    callbacks = [JSONLinesLog(run.log), StopOnNaN(), interruption, saving]
    callbacks += [best] if best is not None else []
    trainer = make_trainer(model, settings, run.facts, len(batches), callbacks)
    resume = f"wengert train --resume {shlex.quote(str(run.folder))}"
    _load_state(trainer, run)
    try:
        with interruption.listening(), np.errstate(all="ignore"):
            trainer.fit(batches, validation, settings["epochs"])
    except KeyboardInterrupt:
        pass  # a second one, while an update was under way
    except FloatingPointError as error:
        raise Failure(f"{error}. Try an --lr below {settings['lr']:g}") from None
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:  # files of the run, or of its data
        raise Failure(f"{reason(error)}. When that is mended, go on with: {resume}") from None
    if interruption.signal is not None:
        done = min(trainer.epoch + 1, settings["epochs"])
        where = f"in epoch {done} of {settings['epochs']}"
        print(f"wengert train: interrupted {where}; go on with: {resume}", file=sys.stderr)
        return 128 + interruption.signal
    try:
        return _finish(run, trainer, samples, best)
    except KeyboardInterrupt:
        print(f"wengert train: interrupted after training; go on with: {resume}", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"{reason(error)}. When that is mended, go on with: {resume}") from None


def _load_state(trainer: Trainer, run: Run) -> None:
    """Puts the trainer where the newest checkpoint has it, if there is one."""
    try:
        state = trainer_state(True, trainer.callbacks)
        if state is not None:
            trainer.load_state_dict(state)
    except (OSError, ValueError) as error:
        raise Failure(f"{run.folder} cannot be gone on with: {reason(error)}") from None
    trainer.stopped = None  # if it was interrupted


def _finish(run: Run, trainer: Trainer, samples: Data, best: BestWeights | None) -> int:
    """Tests, saves what was reached, and says it."""
    test = trainer.evaluate(test_batches(run.settings, samples.test))
    metrics = {
        "epoch": trainer.epoch,
        "step": trainer.step,
        "last": trainer.history[-1],
        "best_epoch": None if best is None else best.epoch,
        "test": test,
    }
    save_weights(run.weights, trainer.model)
    if best is not None:
        save_arrays(run.best_weights, best.weights)
    run.write_metrics(metrics)
    print(headline(run.settings, test))
    return 0
