"""Groups: Parameters whose options differ from those of the optimizer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from wengert.arguments import text_of
from wengert.core import Variable
from wengert.optimizers.targets import HasParameters

Option: TypeAlias = float | Callable[[int], float]  # a number, or a function of the step


@dataclass
class Group:
    """Some Parameters, and the options in which they differ from the optimizer's."""

    members: list[str | Variable | HasParameters] | Callable[[str, Any], bool]
    options: dict[str, Option]

    def __str__(self) -> str:
        """The arguments of `add_group`."""
        members: Any = self.members
        if not callable(members):
            members = [m if isinstance(m, str) else _text(m) for m in members]
            members = members[0] if len(members) == 1 else members
        options = [f"{name}={text_of(value)}" for name, value in self.options.items()]
        return ", ".join([text_of(members), *options])


def membership(
    caller: str, params: Mapping[str, Variable], groups: Iterable[Group]
) -> dict[str, tuple[int, ...]]:
    """For the name of each Parameter, the indices of its groups."""
    groups_of: dict[str, list[int]] = {name: [] for name in params}
    for i, group in enumerate(groups):
        for name in dict.fromkeys(_names(caller, params, group)):
            groups_of[name].append(i)
    return {name: tuple(indices) for name, indices in groups_of.items()}


def _names(caller: str, params: Mapping[str, Variable], group: Group) -> Iterator[str]:
    if callable(group.members):
        yield from [name for name, p in params.items() if group.members(name, p)]
        return
    for member in group.members:
        if isinstance(member, str):
            found = [name for name in params if f"{name}.".startswith(f"{member}.")]
        else:
            own = {member} if isinstance(member, Variable) else {*member.named_params().values()}
            found = [name for name, p in params.items() if p in own]
        if not found:
            unknown = repr(member) if isinstance(member, str) else f"a {_text(member)}"
            raise ValueError(
                f"{caller}: a group has {unknown}, but the model has only {', '.join(params)}"
            )
        yield from found


def _text(member: Any) -> str:
    kind = type(member).__name__
    return f"Parameter {member.shape}" if isinstance(member, Variable) else kind
