"""`wengert train`."""

import os
import shlex
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from wengert import random
from wengert.cli import recipes
from wengert.cli.failure import Failure, UsageError, reason
from wengert.cli.jobs import evaluated, headline, make_trainer, test_batches, train_batches
from wengert.cli.recipes import RecipeError, Settings
from wengert.cli.runs import Run, new_folder
from wengert.cli.samples import Data
from wengert.cli.trained import best_epoch, built, can_choose, load, loaded, opened, weights_line
from wengert.data import DataLoader
from wengert.files import AnyPath, exclusive_lock
from wengert.io import save_arrays, save_weights
from wengert.layers import Layer
from wengert.training import Callback, Trainer, every
from wengert.training.best import BestWeights
from wengert.training.checkpoint_folder import Checkpoints
from wengert.training.guard import StopOnNaN
from wengert.training.log import JSONLinesLog, for_json
from wengert.training.resume import state_to_resume
from wengert.training.saving import SaveCheckpoints
from wengert.training.trainer_view import TrainerView

SAVE_EVERY = 30  # seconds: the most that a killed run loses


def train(
    dataset: str | None, model: str | None, given: Settings, *, folder: str | None, runs: str | None
) -> int:
    """Trains a new run.

    Args:
        dataset: a name in `recipes.DATASETS`.
        model: a name in `recipes.MODELS`; by default the first that fits the data set.
        given: the settings that the user has chosen.
        folder: where the run is kept; by default a new folder in `runs`.
        runs: where that folder is created; by default "runs".
    """
    if folder is not None and runs is not None:
        raise UsageError("argument --runs: --run already names the folder")
    if dataset is None:
        names = ", ".join(recipes.DATASETS)
        hint = (
            f"; write: wengert train {recipes.of_path(os.path.relpath(given['data']))}"
            if "data" in given
            else ""
        )
        raise UsageError(f"needed a DATASET, one of {names}, or --resume RUN{hint}")
    settings = recipes.settings(dataset, model, given)
    random.seed(settings["seed"])
    samples = load(settings)
    network = built(settings, samples.facts)
    run = _new_run(settings, samples, folder, runs)
    with _locked(run):
        return _fit(run, samples, network)


def resume(folder: str, dataset: str | None, model: str | None, given: Settings) -> int:
    """Continues the run in a folder; only `epochs`, the path `data` and `skip_damaged` may
    differ from before."""
    run = opened(folder)
    _change_settings(run, dataset, given | ({} if model is None else {"model": model}))
    if run.metrics is not None:
        epochs = run.settings["epochs"]
        print(f"{run.folder} is finished: epoch {epochs} of {epochs}; add more with --epochs N")
        best = best_epoch(run, None, run.metrics["best_epoch"])
        print(weights_line(epochs, run.metrics["epoch"], best))
        print(headline(run.settings, run.facts, run.metrics["test"]))
        return 0
    random.seed(run.settings["seed"])
    samples = loaded(run)
    network = built(run.settings, samples.facts)
    with _locked(run):
        try:
            run.facts = samples.facts | run.facts | {"samples": samples.facts["samples"]}
            run.write_settings()
            if samples.files is not None:
                run.write_files(samples.files)
        except OSError as error:
            raise Failure(f"{run.folder} cannot be written: {reason(error)}") from None
        return _fit(run, samples, network, resumed=True)


@contextmanager
def _locked(run: Run) -> Iterator[None]:
    """Refuses to train a run that another process trains: the two would mix their log lines."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(run.folder))
        except BlockingIOError:
            raise Failure(f"{run.folder} is being trained by another process") from None
        yield


def _new_run(settings: Settings, samples: Data, folder: str | None, runs: str | None) -> Run:
    try:
        where = folder or new_folder(runs or "runs", settings["dataset"], settings["model"])
        return _created(where, settings, samples)
    except OSError as error:
        why = error.strerror or str(error)
        if folder is not None or runs is not None:
            option = "--run" if folder is not None else "--runs"
            raise UsageError(f"argument {option}: {folder or runs}: {why}") from None
        warnings.warn(
            f"cannot create a folder in {os.path.abspath('runs')} ({why}); "
            f"the run is kept in a temporary folder; choose another with --run FOLDER",
            stacklevel=2,
        )
        return _created(tempfile.mkdtemp(prefix="wengert-"), settings, samples)


def _created(folder: AnyPath, settings: Settings, samples: Data) -> Run:
    run = Run.create(folder, settings, samples.facts)
    if samples.files is not None:
        run.write_files(samples.files)
    return run


def _change_settings(run: Run, dataset: str | None, given: Settings) -> None:
    """Applies a higher number of epochs and a new path of the data; refuses other changes."""
    if dataset not in (None, run.settings["dataset"]):
        raise UsageError(f"{run.folder} is a run on {run.settings['dataset']}, not on {dataset}")
    for name, value in given.items():
        has = run.settings.get(name)
        free = name in ("data", "skip_damaged") and has is not None
        if name == "epochs" and value < has:
            raise RecipeError(name, f"{run.folder} has {has}; needed {has} or more")
        if value != has and name != "epochs" and not free:
            shown = "no such setting" if has is None else has
            raise RecipeError(name, f"{run.folder} has {shown}; omit it, or start a new run")
    run.settings |= given


# ---- The training ----

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(Callback):
    """Stops the training after the current update when a signal (SIGINT, SIGTERM) arrives.

    The state is then saved. A second signal stops it at once.
    """

    signal: int | None = None

    def on_start(self, trainer: TrainerView) -> None:
        self.trainer = trainer

    def on_step(self, trainer: TrainerView) -> None:
        self._stop()

    def on_epoch(self, trainer: TrainerView) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.signal is not None:
            self.trainer.stop("interrupted")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handles the signals within a `with` block."""
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


def _fit(run: Run, samples: Data, model: Layer, *, resumed: bool = False) -> int:
    """Trains from the newest checkpoint, or the beginning, to the last epoch; then tests."""
    settings = run.settings
    batches = train_batches(settings, samples)
    validation = None if samples.validation is None else test_batches(settings, samples.validation)
    interruption = Interruption()
    best = None if validation is None else BestWeights(restore=False)
    saving = Saving(run.checkpoints, every(SAVE_EVERY, "seconds"), keep=2)
    callbacks = [JSONLinesLog(run.log), StopOnNaN(), interruption, saving]
    callbacks += [best] if best is not None else []
    trainer = make_trainer(model, settings, run.facts, len(batches), callbacks)
    print(f"run {run.folder}: {_sizes(samples, model)}", *samples.notes, sep="\n", flush=True)
    _load_state(trainer, run, batches, validation, resumed=resumed)
    with _failures(run, saving, trainer):
        try:
            with interruption.listening(), np.errstate(all="ignore"):
                trainer.fit(batches, validation, settings["epochs"])
        except KeyboardInterrupt:
            pass  # a second signal, in the middle of an update
        if interruption.signal is not None:
            epoch = min(trainer.epoch + 1, settings["epochs"])
            _report_interruption(run, f"in epoch {epoch} of {settings['epochs']}")
            return 128 + interruption.signal
        try:
            return _finish(run, trainer, samples, best)
        except KeyboardInterrupt:
            _report_interruption(run, "after training")
            return 128 + signal.SIGINT


def _sizes(samples: Data, model: Layer) -> str:
    train, validation, test = samples.facts["samples"]
    parameters = sum(p.size for p in model.params())
    return (
        f"{train:,} samples to train on, {validation:,} to validate, {test:,} to test; "
        f"{parameters:,} parameters"
    )


def _resume_command(run: Run) -> str:
    return f"wengert train --resume {shlex.quote(str(run.folder))}"


def _report_interruption(run: Run, when: str) -> None:
    print(
        f"wengert train: interrupted {when}; resume with: {_resume_command(run)}", file=sys.stderr
    )


@contextmanager
def _failures(run: Run, saving: "Saving", trainer: Trainer) -> Iterator[None]:
    """Turns errors of the training, and of the files of the run and its data, into Failures."""
    try:
        yield
    except FloatingPointError as error:
        raise Failure(f"{error}. Try an --lr below {run.settings['lr']:g}") from None
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        rescued = _rescued(saving, trainer) if isinstance(error, OSError) else ""
        raise Failure(
            f"{reason(error)}. Fix this, then resume with: {_resume_command(run)}{rescued}"
        ) from None


def _load_state(
    trainer: Trainer,
    run: Run,
    train: DataLoader,
    validation: DataLoader | None,
    *,
    resumed: bool,
) -> None:
    """Restores the newest checkpoint, if there is one; says so if a resumed run has none."""
    try:
        state = state_to_resume(True, trainer.callbacks)
        if state is None:
            if resumed:
                print("no checkpoint was saved yet: the training starts from the beginning")
            return
        state = _for_fewer(state, trainer, train, validation)
        trainer.load_state_dict(state)
    except (OSError, ValueError) as error:
        raise Failure(f"{run.folder} cannot be resumed: {reason(error)}") from None
    trainer.stopped = None  # if it was interrupted


def _for_fewer(
    state: Mapping[str, Any], trainer: Trainer, train: DataLoader, validation: DataLoader | None
) -> Mapping[str, Any]:
    """The state, at the start of its epoch if samples have been left out since it was saved."""
    samples = (state["train"]["samples"], (state["validation"] or {"samples": 0})["samples"])
    if samples == (len(train.dataset), 0 if validation is None else len(validation.dataset)):
        return state
    if state["position"]["batches"]:
        print(f"epoch {state['position']['epoch'] + 1} starts again, with the images that are left")
    state = {**state, "scores": trainer.state_dict()["scores"]}
    state["position"] = {**state["position"], "batches": 0, "fetched_all": False}
    for name, loader in (("train", train), ("validation", validation)):
        if loader is not None:
            before = state[name]
            passes = before["passes"] - (before["position"] is not None)
            state[name] = {**loader.state_dict(), "seed": before["seed"], "passes": passes}
    return state


def _finish(run: Run, trainer: Trainer, samples: Data, best: BestWeights | None) -> int:
    """Writes the weights, tests those of the best epoch (or the last), and reports the result.

    The weights come first, so that no error of the test costs them.
    """
    model, settings = trainer.model, run.settings
    save_weights(run.weights, model)
    found = tested = None
    if best is not None and best.best.weights is not None:
        found = best.best.epoch
        save_arrays(run.best_weights, best.best.weights)
        if can_choose(run):
            tested = found
            best.best.restore(trainer)
    try:
        with np.errstate(all="ignore"):
            test = evaluated(model, settings, run.facts, samples.test)
    except Exception as error:
        raise Failure(
            f"the test failed: {reason(error)}. The trained weights are in {run.folder}; fix this, "
            f"then test them with: {_resume_command(run)}"
        ) from error
    metrics = {
        "epoch": trainer.epoch,
        "step": trainer.step,
        "last": trainer.history[-1],
        "best_epoch": found,
        "tested_epoch": tested or trainer.epoch,
        "test": test,
    }
    run.write_metrics(for_json(metrics))
    print(weights_line(settings["epochs"], trainer.epoch, tested))
    print(headline(settings, run.facts, test))
    return 0


class Saving(SaveCheckpoints):
    """Saves checkpoints; while the folder cannot be written, the training continues.

    Only the checkpoint at the end must be written.
    """

    def _save(self, trainer: TrainerView) -> None:
        try:
            super()._save(trainer)
        except OSError as error:
            if trainer.epoch == trainer.epochs or trainer.stopped is not None:
                raise
            warnings.warn(
                f"{self.folder}: {reason(error)}; the training continues without a new checkpoint",
                stacklevel=2,
            )


def _rescued(saving: Saving, trainer: Trainer) -> str:
    """Saves what the newest checkpoint lacks in a temporary folder; returns a sentence on it."""
    if trainer.step <= max(saving.checkpoints.step, 0):
        return ""
    try:
        folder = Path(tempfile.mkdtemp(prefix="wengert-"))
        try:
            path = Checkpoints(folder).save(trainer.step, trainer=trainer)
        except RuntimeError:  # in the middle of an epoch, where the position is lost
            save_weights(folder / "weights.npz", trainer.model)
            return f" The weights after step {trainer.step} are in {folder / 'weights.npz'}."
    except OSError:
        return ""
    return f" The newest state is saved as {path}; move it to {saving.folder} before."
