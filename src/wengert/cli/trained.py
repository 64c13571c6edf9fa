"""Steps that the commands share: open a run, load its data and its model; `wengert evaluate`."""

import sys
from collections.abc import Mapping
from typing import Any, Literal

from wengert.cli.failure import Failure, reason
from wengert.cli.jobs import evaluated, headline
from wengert.cli.networks import make_model
from wengert.cli.recipes import DATASETS, RecipeError, Settings
from wengert.cli.runs import Run, RunError
from wengert.cli.samples import Data, Facts, load_data
from wengert.cli.tables import HINTS
from wengert.data.table_file import TableError
from wengert.io import load_arrays
from wengert.layers import Layer
from wengert.training.checkpoint_folder import Checkpoints
from wengert.training.state_file import load_state

Which = Literal["best", "last"] | None
ENOUGH = 10  # validation samples; the lowest loss over fewer is mostly chance


def evaluate(folder: str, data: str | None, *, which: Which) -> int:
    """Tests the model of a run, whose data may have moved to the path `data`."""
    run = opened(folder)
    if data is not None:
        if not DATASETS[run.settings["dataset"]].data:
            raise RecipeError("data", f"{run.settings['dataset']} is part of the package")
        run.settings["data"] = data
    samples = loaded(run, only="test")
    for note in samples.notes:
        print(f"wengert evaluate: {note}", file=sys.stderr)
    model, weights = trained(run, which)
    test = evaluated(model, run.settings, run.facts, samples.test)
    print(weights)
    print(headline(run.settings, run.facts, test))
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


def loaded(run: Run, only: str = "") -> Data:
    """The data of a run, or those of `only` one part of them.

    Raises:
        Failure: they cannot be loaded, or have changed since the run was started.
    """
    try:
        files = run.files
    except RunError as error:
        raise Failure(str(error)) from None
    started = {"files": files, "facts": run.facts, "only": only}
    samples = load(run.settings, started)
    if files is not None:
        return samples
    names = run.facts.keys() - {"x_scaler", "t_scaler", "fill"}  # computed: compared by "digest"
    changed = [name for name in sorted(names) if samples.facts.get(name) != run.facts[name]]
    if changed:
        before, now = (sum(facts["samples"]) for facts in (run.facts, samples.facts))
        counts = f" ({before:,} samples then, {now:,} now)" if before != now else ""
        raise Failure(
            f"these are not the data that {run.folder} was trained on: other "
            f"{', '.join(changed).replace('digest', 'content')}{counts}; restore them, or start a "
            f"new run"
        )
    return samples


def load(settings: Settings, started: Mapping[str, Any] | None = None) -> Data:
    """The data that the settings name, or those with which a run was started.

    Raises:
        Failure: they cannot be loaded.
    """
    try:
        return load_data(settings, started)
    except TableError as error:
        message = f"{error.fact}; that is another table"
        raise Failure(error.message(HINTS) if started is None else message) from None
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
        raise RecipeError(names[0] if names else "model", reason(error)) from None


def trained(run: Run, which: Which = None) -> tuple[Layer, str]:
    """The model of a run with its trained weights, and a line that says which these are.

    Args:
        which: "last", the newest weights; "best", those of the epoch with the lowest validation
            loss; None, the best if the run has them and enough validation samples to choose them.

    Raises:
        Failure: there are no such weights, or they are damaged.
    """
    try:
        model = make_model(run.settings, run.facts)
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(f"{run.folder}: the facts in settings.json are damaged: {error!r}") from None
    try:
        weights, line = _weights(run, which)
        model.load_state_dict(weights)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise Failure(f"{run.folder}: the weights cannot be loaded: {reason(error)}") from None
    return model, line


def can_choose(run: Run) -> bool:
    """Whether the validation samples are enough to choose the best epoch by them."""
    if DATASETS[run.settings["dataset"]].kind not in ("images", "table"):
        return True  # long windows of a sequence
    return bool(run.facts["samples"][1] >= ENOUGH)


def weights_line(epochs: int, last: int, best: int | None, *, batches: int = 0) -> str:
    """Says which weights are used: those of the best epoch, or the newest ones.

    Args:
        epochs: of the whole training.
        last: the epoch that was finished last.
        best: the epoch with the lowest validation loss, if its weights are used.
        batches: those of the running epoch.
    """
    unfinished = "" if last >= epochs else ", the training is not finished"
    if best is not None:
        of = epochs if not unfinished else last
        return f"weights of epoch {best}, the best of {of} by validation loss{unfinished}"
    if batches:
        return f"weights after {batches} batches of epoch {last + 1} of {epochs}, the last"
    return f"weights of epoch {last} of {epochs}, the last{unfinished}"


def _weights(run: Run, which: Which) -> tuple[Any, str]:
    """The weights from the final files or, if the run is not finished, the newest checkpoint."""
    if which == "best" and not run.settings["validation"]:
        raise Failure(f"{run.folder} has no best epoch: it was trained without --validation")
    epochs, metrics = run.settings["epochs"], run.metrics
    if metrics is not None:
        best = best_epoch(run, which, metrics["best_epoch"])
        weights = load_arrays(run.weights if best is None else run.best_weights)
        return weights, weights_line(epochs, metrics["epoch"], best)
    file = Checkpoints(run.checkpoints).latest()
    if file is None:
        raise Failure(f"{run.folder} has no weights yet")
    state = load_state(file)["parts"]["trainer"]
    kept = state["callbacks"].get("BestWeights", {"weights": None, "epoch": None})
    best = best_epoch(run, which, kept["epoch"] if kept["weights"] else None)
    weights = state["parts"]["model"] if best is None else kept["weights"]
    position = state["position"]
    line = weights_line(epochs, position["epoch"], best, batches=position["batches"])
    return weights, line


def best_epoch(run: Run, which: Which, epoch: int | None) -> int | None:
    """The best epoch if its weights are to be used, or None for the last ones."""
    if which == "best" and epoch is None:
        raise Failure(f"{run.folder} has no best epoch yet; --last uses its newest weights")
    return epoch if which == "best" or (which is None and can_choose(run)) else None
