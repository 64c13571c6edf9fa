"""What has a state that can be saved and loaded: layers, optimizers, loaders, trainers, …"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol


class Resumable(Protocol):
    """What can be a part of a checkpoint: a Layer, an Optimizer, a DataLoader, a Trainer, …"""

    def state_dict(self) -> Mapping[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


def is_resumable(x: Any) -> bool:
    """Whether x has `state_dict` and `load_state_dict`."""
    return hasattr(x, "state_dict") and hasattr(x, "load_state_dict")


def position(batches: Any) -> Any:
    """The position in the batches; None if they have none that can be saved."""
    return batches.state_dict() if is_resumable(batches) else None


def restore_position(saved: Any, batches: Any, name: str) -> None:
    """Restores the position saved by `position`.

    Raises:
        ValueError: the data differ from those of the state.
    """
    if is_resumable(batches) != (saved is not None):
        has = "no position" if saved is None else "a position"
        takes = "one" if saved is None else "none"
        raise ValueError(
            f"Trainer.fit: the state has {has} in the {name} batches, but a "
            f"{type(batches).__name__} needs {takes}; give the same data as before"
        )
    if saved is not None:
        batches.load_state_dict(saved)


def load_together(parts: Iterable[tuple[str, Any, Any]]) -> None:
    """Loads the state of each part (name, part, state), or none of them.

    Raises:
        ValueError: a part refuses its state; all parts are unchanged.
    """
    before: list[tuple[Any, Any]] = []
    for name, part, state in parts:
        try:
            with suppress(RuntimeError):  # a model with lazy parameters has no state yet
                before.append((part, part.state_dict()))
            part.load_state_dict(state)
        except BaseException as error:
            for loaded, old in before:
                loaded.load_state_dict(old)
            if isinstance(error, Exception):
                kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
                raise ValueError(f"{name} does not take its state. {kind}{error}") from error
            raise
