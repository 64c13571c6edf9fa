"""What commands do with a run: open it, load its data and its model; `wengert evaluate`."""

import argparse
import os
from typing import Any

from wengert.cli.failure import Failure, reason
from wengert.cli.jobs import headline, make_trainer, test_batches
from wengert.cli.networks import make_model
from wengert.cli.recipes import DATASETS, RecipeError, Settings
from wengert.cli.runs import Run, RunError
from wengert.cli.samples import Data, load_data
from wengert.io import load_arrays
from wengert.layers import Layer
from wengert.training.checkpoint_folder import Checkpoints
from wengert.training.state_file import load_state


def evaluate(args: argparse.Namespace) -> int:
    """Tests the model of a run."""
    run = opened(args.folder)
    if args.data is not None:
        if not DATASETS[run.settings["dataset"]].data:
            raise RecipeError("data", f"{run.settings['dataset']} is part of the package")
        run.settings["data"] = os.path.abspath(os.path.expanduser(args.data))
    samples = loaded(run.settings)
    if samples.facts != run.facts:
        raise Failure(f"the data are not those that {run.folder} was trained on")
    trainer = make_trainer(trained(run, args.best), run.settings, run.facts)
    print(headline(run.settings, trainer.evaluate(test_batches(run.settings, samples.test))))
    return 0


def opened(folder: str) -> Run:
    """The run in a folder.

    Raises:
        Failure: there is none, or it is damaged.
    """
    try:
        run = Run.open(folder)
        run.metrics  # noqa: B018  (they are read to find out now if they are damaged)
    except (OSError, RunError) as error:
        raise Failure(str(error)) from None
    return run


def loaded(settings: Settings) -> Data:
    """The data of a run.

    Raises:
        Failure: they cannot be had, or not be used.
    """
    try:
        return load_data(settings)
    except (ImportError, OSError, ValueError) as error:
        raise Failure(reason(error)) from None


def built(settings: Settings, facts: dict[str, Any]) -> Layer:
    """The model of a run, not yet trained.

    Raises:
        RecipeError: it has sizes that no model can have.
    """
    try:
        return make_model(settings, facts)
    except ValueError as error:
        names = [name for name in ("hidden", "width", "context") if name in settings]
        raise RecipeError(names[0] if names else "model", str(error)) from None


def trained(run: Run, best: bool = False) -> Layer:
    """The model of a run with the weights of its end, as far as it has come, or of the best epoch.

    Raises:
        Failure: there are none, or they are damaged.
    """
    try:
        model = make_model(run.settings, run.facts)
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(f"{run.folder}: the facts in settings.json are damaged: {error!r}") from None
    try:
        model.load_state_dict(_weights(run, best))
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise Failure(f"{run.folder}: the weights cannot be loaded: {reason(error)}") from None
    return model


def _weights(run: Run, best: bool) -> Any:
    """From the files of the end; from the newest checkpoint, if the run is not finished."""
    if best and not run.settings["validation"]:
        raise Failure(f"{run.folder} has no best epoch: it was trained without --validation")
    if run.metrics is not None:
        return load_arrays(run.best_weights if best else run.weights)
    file = Checkpoints(run.checkpoints).latest()
    if file is None:
        raise Failure(f"{run.folder} has no weights yet")
    state = load_state(file)["parts"]["trainer"]
    weights = state["callbacks"]["BestWeights"]["weights"] if best else state["parts"]["model"]
    if not weights:
        raise Failure(f"{run.folder} has no best epoch yet")
    return weights
