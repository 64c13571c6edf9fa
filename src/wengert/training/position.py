"""How far a training has come."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from wengert.state import check_names


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
