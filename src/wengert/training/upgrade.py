"""States that earlier versions have saved, in the form of this version."""

from collections.abc import Mapping
from typing import Any


def upgraded(state: Any) -> Any:
    """The state of a Trainer; one of this version, or another object, is returned unchanged.

    Raises:
        ValueError: the state of an earlier version is damaged.
    """
    if isinstance(state, Mapping) and "stopped" in state and "restored" not in state:
        state = {**state, "restored": None}
    if not isinstance(state, Mapping) or "step" not in state:
        return state
    try:
        counts = ("epoch", "step", "batches", "fetched_all")
        callbacks = without_folder(dict(state["callbacks"]))
        return {
            **{name: value for name, value in state.items() if name not in counts},
            "position": {name: state[name] for name in counts},
            "callbacks": {name: _callback(name, value) for name, value in callbacks.items()},
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Trainer.load_state_dict: the state is damaged: {error!r}") from error


def without_folder(states: dict[str, Any]) -> dict[str, Any]:
    """States by name, without those of folders of checkpoints, which have none now."""
    return {name: state for name, state in states.items() if not _is_folder(state)}


def best_scores(content: Any) -> list[tuple[int, float]]:
    """The step and the score of an earlier version's `best.npz`, which were in its state."""
    states = content["parts"]
    states = [*states.values(), *states.get("trainer", {}).get("callbacks", {}).values()]
    return [(state["step"], state["best_score"]) for state in states if _is_folder(state)]


def _is_folder(state: Any) -> bool:
    return isinstance(state, Mapping) and state.keys() == {"step", "best_score"}


def _callback(name: str, state: Any) -> Any:
    kind = name.split()[0]
    if kind == "EarlyStopping" and "best_epoch" in state:
        best = {"epoch": state["best_epoch"], "weights": state["best_weights"], **state["best"]}
        return {"best": best, "bad_epochs": state["bad_epochs"]}
    if kind == "BestWeights" and "best" in state:
        return {"epoch": state["epoch"], "weights": state["weights"], **state["best"]}
    return state
