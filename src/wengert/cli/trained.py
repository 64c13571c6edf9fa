"""Steps that the commands share: open a run, load its data and its model; `wengert evaluate`."""

from typing import Any

from wengert.cli.failure import Failure, reason
from wengert.cli.jobs import headline, make_trainer, test_batches
from wengert.cli.networks import make_model
from wengert.cli.recipes import DATASETS, RecipeError, Settings
from wengert.cli.runs import Run, RunError
from wengert.cli.samples import Data, Facts, load_data
from wengert.io import load_arrays
from wengert.layers import Layer
from wengert.training.checkpoint_folder import Checkpoints
from wengert.training.state_file import load_state


def evaluate(folder: str, data: str | None, *, best: bool) -> int:
    """Tests the model of a run, whose data may have moved to the path `data`."""
    run = opened(folder)
    if data is not None:
        if not DATASETS[run.settings["dataset"]].data:
            raise RecipeError("data", f"{run.settings['dataset']} is part of the package")
        run.settings["data"] = data
    samples = loaded(run)
    trainer = make_trainer(trained(run, best), run.settings, run.facts)
    print(headline(run.settings, trainer.evaluate(test_batches(run.settings, samples.test))))
    return 0


def opened(folder: str) -> Run:
    """The run in a folder.

    Raises:
        Failure: there is none, or it is damaged.
    """
    try:
        run = Run.open(folder)
        run.metrics  # noqa: B018  (read now, so that damage is reported now)
    except (OSError, RunError) as error:
        raise Failure(str(error)) from None
    return run


def loaded(run: Run) -> Data:
    """The data of a run.

    Raises:
        Failure: they cannot be loaded, or have changed since the run was started.
    """
    samples = load(run.settings)
    if samples.facts != run.facts:
        raise Failure(f"these are not the data that {run.folder} was trained on")
    return samples


def load(settings: Settings) -> Data:
    """The data that the settings name.

    Raises:
        Failure: they cannot be loaded.
    """
    try:
        return load_data(settings)
    except (ImportError, OSError, ValueError) as error:
        raise Failure(reason(error)) from None


def built(settings: Settings, facts: Facts) -> Layer:
    """The model of a run, not yet trained.

    Raises:
        RecipeError: its sizes are impossible.
    """
    try:
        return make_model(settings, facts)
    except ValueError as error:
        names = [name for name in ("hidden", "width", "context") if name in settings]
        raise RecipeError(names[0] if names else "model", str(error)) from None


def trained(run: Run, best: bool = False) -> Layer:
    """The model of a run, with its final (or newest) weights, or those of the best epoch.

    Raises:
        Failure: there are no weights, or they are damaged.
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
    """The weights from the final files or, if the run is not finished, the newest checkpoint."""
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
