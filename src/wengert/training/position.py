"""How far a training has come: counts of epochs and steps, and positions in the data."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from wengert.random import get_state, set_state
from wengert.state import check_names
from wengert.training.resumable import position, restore_position


@dataclass(frozen=True)
class Position:
    """How far a training has come.

    Attributes:
        epoch: how many epochs are finished.
        step: how many updates have been made.
        batches: how many batches of the running epoch have been used.
        fetched_all: whether the running epoch has no further batches; its end is still to come.
    """

    epoch: int = 0
    step: int = 0
    batches: int = 0
    fetched_all: bool = False

    def after_update(self, batches: int, fetched_all: bool) -> "Position":
        """The position after an update from so many batches."""
        return Position(self.epoch, self.step + 1, self.batches + batches, fetched_all)

    def at_end_of_epoch(self) -> "Position":
        """The position after the last update of the running epoch, before its validation."""
        return replace(self, fetched_all=True)

    def after_epoch(self) -> "Position":
        """The position after the end of the running epoch."""
        return Position(self.epoch + 1, self.step)

    def at_start_of_epoch(self) -> "Position":
        """The position from which the running epoch starts again; its updates still count."""
        return replace(self, batches=0, fetched_all=False)

    def state_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """The position whose `state_dict()` this is.

        Raises:
            ValueError: it is the state of something else.
        """
        check_names("Position", state, asdict(cls()))
        return cls(**state)


@dataclass(frozen=True)
class DataState:
    """The positions in the batches of a training, and the state of the random numbers."""

    train: Any
    validation: Any
    random: Any

    @classmethod
    def of(cls, train: Any, validation: Any) -> Self:
        """The present state of these batches and of the random numbers of this thread."""
        return cls(position(train), position(validation), get_state())

    def restore_batches(self, train: Any, validation: Any) -> None:
        """Restores the positions in the batches.

        Raises:
            ValueError: the data differ from those of the state.
        """
        restore_position(self.train, train, "training")
        restore_position(self.validation, validation, "validation")

    def restore_random(self) -> None:
        """Restores the random numbers of this thread."""
        set_state(self.random)
