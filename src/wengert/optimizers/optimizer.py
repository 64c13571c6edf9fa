"""`Optimizer`: what all optimizers share; which Parameters, which options, which state.

An optimizer is two functions of plain arrays: `init_one` makes what it remembers of one parameter,
`update_one` makes one step, in place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy import ndarray

from wengert import hints
from wengert.core import Parameter
from wengert.optimizers.state import check_names, check_shapes


class HasParameters(Protocol):
    """What can be trained: a Layer is the usual one."""

    def named_params(self) -> dict[str, Parameter]: ...


Option: TypeAlias = float | Callable[[int], float]  # a number, or a function of the step
State: TypeAlias = dict[str, Any]  # of one parameter: arrays of its shape, and numbers
Hook: TypeAlias = Callable[[list[Parameter]], Any]

BLOCK = 32768  # elements: the arrays of one formula and its temporaries stay in the L2 cache


@hints.answers(hints.OPTIMIZER)
class Optimizer:
    """Steps the Parameters of a model along their gradients.

    A subclass gives its options to `__init__`, and has `update_one` and, where it remembers
    something, `init_one`.

        optimizer = AdamW(cosine(1e-3, steps=10_000)).setup(model)
        optimizer.add_group(lambda name, p: p.ndim == 1, weight_decay=0)
        optimizer.add_hook(ClipNorm(1.0))
        ...
        model.cleargrads()
        loss.backward()
        optimizer.update()

    A step writes into `p.data` of each Parameter that has a gradient and `requires_grad`, and into
    nothing else of the graph. (Hooks may change gradients.) Gradients of several `backward` calls
    add up until `cleargrads`, so that one update can follow several batches; `AverageGradients`
    makes their mean of the sum.

    Args:
        lr: learning rate per update.
        options: the formula's other numbers; `weight_decay` is known to all.

    Each option is a number or a function of the step, such as `wengert.schedules` makes: it is
    called with the number of updates done before. `options` holds them, `steps` counts the updates,
    `states` holds by the Parameter's name what is remembered of it, `hooks` what is called first.
    """

    elementwise: ClassVar[bool] = False  # the formula may be given any part of the arrays, flat
    decoupled_weight_decay: ClassVar[bool] = False  # p shrinks by lr weight_decay; else g grows

    target: HasParameters | None = None

    def __init__(self, lr: Option, **options: Option) -> None:
        kind = type(self).__name__
        options = {"lr": lr, **options}
        self.options = {name: _check(kind, name, value) for name, value in options.items()}
        self.groups: list[Group] = []
        self.hooks: list[Hook] = []
        self._forget()

    def _forget(self) -> None:
        self.steps = 0
        self.states: dict[str, State] = {}
        self._groups_of: dict[str, tuple[int, ...]] = {}

    @property
    def lr(self) -> Option:
        """The learning rate, outside of groups that have their own."""
        return self.options["lr"]

    @lr.setter
    def lr(self, value: Option) -> None:
        self.options["lr"] = _check(type(self).__name__, "lr", value)

    def setup(self, target: HasParameters) -> Self:
        """Takes on the model to train, and forgets the steps before. Returns self."""
        if not hasattr(target, "named_params"):
            raise TypeError(
                f"{type(self).__name__}.setup: got {type(target).__name__}, needed a Layer"
            )
        self.target = target
        self._forget()
        return self

    def add_group(self, which: Any, **options: Option) -> Self:
        """Gives some Parameters options of their own. Returns self.

        Args:
            which: a name, or a list of names and Parameters, or a function of (name, Parameter) to
                bool. The name of a layer stands for all that is inside: "encoder" for "encoder.W".
            options: what differs from the optimizer's options. Where a Parameter is in several
                groups, the later ones count.
        """
        kind = f"{type(self).__name__}.add_group"
        if not options.keys() <= self.options.keys():
            unknown = ", ".join(options.keys() - self.options.keys())
            raise TypeError(f"{kind}: got option {unknown}; there are {', '.join(self.options)}")
        options = {name: _check(kind, name, value) for name, value in options.items()}
        members = [which] if isinstance(which, str | Parameter) else which
        if not callable(members):
            members = list(members)
            for member in members:
                if not isinstance(member, str | Parameter):
                    raise TypeError(
                        f"{kind}: got a {type(member).__name__}, needed names, Parameters, "
                        f"or a function of (name, Parameter)"
                    )
        self.groups.append(Group(members, options))
        self._groups_of = {}
        return self

    def add_hook(self, hook: Hook) -> Self:
        """Calls `hook(params)` before each update, with the Parameters to be stepped. Returns self.

        It may assign to `p.grad`; None there leaves the Parameter out of this update.
        """
        if not callable(hook):
            raise TypeError(f"{type(self).__name__}.add_hook: got {hook!r}, needed a function")
        self.hooks.append(hook)
        return self

    # -- the step --

    def update(self, closure: Callable[[], Any] | None = None) -> float | None:
        """One step of each Parameter that has a gradient and `requires_grad`.

        An error leaves all Parameters as they were.

        Args:
            closure: if given, is called first: it clears the gradients, computes the loss, calls
                its `backward` and returns it. (LBFGS calls it several times.)

        Returns:
            The closure's loss, or None without closure.

        Raises:
            RuntimeError: there is no model yet, or none of its Parameters has a gradient.
            ValueError: a Parameter changed its shape or dtype, or an option left its range.
        """
        loss = None if closure is None else float(closure())
        trained = self._trained()
        options = {
            groups: self._options_now(groups)
            for groups in {self._groups_of[name]: None for name in trained}
        }
        states = {name: self._state_of(name, p) for name, p in trained.items()}
        for name, p in trained.items():
            state = states[name]
            if "t" in state:
                state["t"] += 1
            self.states[name] = state
            self._step(p.data, p.grad.data, state, options[self._groups_of[name]])  # type: ignore[union-attr]
        self.steps += 1
        return loss

    def init_one(self, p: ndarray) -> State:
        """What to remember of a parameter of value `p`.

        Returns:
            Arrays of p's shape, which `update_one` changes, and numbers. The number "t" is made 1
            greater before each step.
        """
        return {}

    def update_one(self, p: ndarray, g: ndarray, *args: Any, **state_and_options: Any) -> None:
        """One step of `p` and of the state's arrays, in place, for the gradient `g`.

        The state and the options (without `weight_decay`) are given by their names.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no update_one: define update_one(self, p, g, lr) in the "
            f"class, with the names of its state and options"
        )

    def _trained(self) -> dict[str, Parameter]:
        """The Parameters to step, by name, after the hooks."""
        kind = f"{type(self).__name__}.update"
        params = self._params("update")
        trained = {n: p for n, p in params.items() if p.grad is not None and p.requires_grad}
        if not trained:
            raise RuntimeError(
                f"{kind}: no Parameter of the model has a gradient (and requires_grad); "
                f"call loss.backward() between model.cleargrads() and update()"
            )
        if not trained.keys() <= self._groups_of.keys():
            self._groups_of = _membership(kind, params, self.groups)
        for name, p in trained.items():
            if p.dtype.kind != "f":
                raise TypeError(f"{kind}: {name} is {p.dtype}; only floats can be stepped")
            if not p.data.flags.writeable:
                raise ValueError(f"{kind}: {name} is read-only; set p.data = p.data.copy()")
        if self.hooks:
            for hook in self.hooks:
                hook(list(trained.values()))
            trained = {name: p for name, p in trained.items() if p.grad is not None}
        return trained

    def _options_now(self, groups: tuple[int, ...]) -> dict[str, float]:
        """The options, as numbers, of a Parameter in these groups."""
        options = self.options
        for i in groups:
            options = {**options, **self.groups[i].options}
        kind = f"{type(self).__name__}.update"
        return {
            name: _check(kind, name, value(self.steps)) if callable(value) else value
            for name, value in options.items()
        }

    def _state_of(self, name: str, p: Parameter) -> State:
        """What is remembered of this Parameter; a first state if there is none yet."""
        if name not in self.states:
            state = self.init_one(p.data)
        else:
            state = self.states[name]
            for array in state.values():
                if isinstance(array, ndarray) and (array.shape, array.dtype) != (p.shape, p.dtype):
                    raise ValueError(
                        f"{type(self).__name__}.update: {name} is {p.dtype} {p.shape}, but was "
                        f"{array.dtype} {array.shape} in the steps before; call setup(model) to "
                        f"start anew"
                    )
        g = p.grad
        if g is not None and g.shape != p.shape:
            raise ValueError(
                f"{type(self).__name__}.update: {name} has shape {p.shape} and a gradient of shape "
                f"{g.shape}; call model.cleargrads() before loss.backward()"
            )
        return state

    def _step(self, p: ndarray, g: ndarray, state: State, options: dict[str, float]) -> None:
        """Runs the formula, by blocks if they save going to memory for each of its operations."""
        arguments = {**state, **options}
        decay = arguments.pop("weight_decay", 0)
        if not (self.elementwise and p.size > BLOCK and p.flags.c_contiguous):
            self._step_block(p, g, decay, arguments)
            return
        p, g = p.reshape(-1), g.reshape(-1)
        arrays = {k: v.reshape(-1) for k, v in state.items() if isinstance(v, ndarray)}
        for start in range(0, p.size, BLOCK):
            block = slice(start, start + BLOCK)
            parts = {name: array[block] for name, array in arrays.items()}
            self._step_block(p[block], g[block], decay, {**arguments, **parts})

    def _step_block(
        self, p: ndarray, g: ndarray, weight_decay: float, arguments: dict[str, Any]
    ) -> None:
        if weight_decay and self.decoupled_weight_decay:
            p *= 1 - arguments["lr"] * weight_decay
        elif weight_decay:
            g = g + weight_decay * p
        self.update_one(p, g, **arguments)

    # -- to stop and go on --

    def state_dict(self) -> dict[str, Any]:
        """What is remembered, by name: copies of arrays, and integers.

        "steps" is the number of updates; "layers.0.W.m" is m of the Parameter "layers.0.W". The
        options are not in it: they are the program's.

        Raises:
            RuntimeError: there is no model yet.
        """
        state: dict[str, Any] = {"steps": self.steps}
        for name, p in self._params("state_dict").items():
            for key, value in self.states.get(name, self.init_one(p.data)).items():
                state[f"{name}.{key}"] = value.copy() if isinstance(value, ndarray) else value
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state_dict()` was called, on a model with Parameters of the same names.

        Raises:
            RuntimeError: there is no model yet.
            ValueError: the names or shapes are others; nothing is loaded then.
        """
        kind = f"{type(self).__name__}.load_state_dict"
        states = {n: self.init_one(p.data) for n, p in self._params("load_state_dict").items()}
        needed = {
            f"{name}.{key}": value for name, one in states.items() for key, value in one.items()
        }
        needed["steps"] = 0
        check_names(kind, state, needed, "call the model once if its sizes are lazy")
        check_shapes(kind, state, needed)
        for name, one in states.items():
            for key, value in one.items():
                given = state[f"{name}.{key}"]
                array = isinstance(value, ndarray)
                one[key] = np.array(given, value.dtype, order="C") if array else int(given)
        self.states = states
        self.steps = int(state["steps"])

    def _params(self, caller: str) -> dict[str, Parameter]:
        if self.target is None:
            raise RuntimeError(
                f"{type(self).__name__}.{caller}: there is no model yet; call setup(model) first"
            )
        return self.target.named_params()


@dataclass
class Group:
    """Some Parameters, and what differs for them from the optimizer's options."""

    members: list[str | Parameter] | Callable[[str, Parameter], bool]
    options: dict[str, Option]


def _membership(
    caller: str, params: dict[str, Parameter], groups: Iterable[Group]
) -> dict[str, tuple[int, ...]]:
    """For each Parameter's name the numbers of its groups."""
    groups_of: dict[str, list[int]] = {name: [] for name in params}
    for i, group in enumerate(groups):
        for name in dict.fromkeys(_names(caller, params, group)):
            groups_of[name].append(i)
    return {name: tuple(numbers) for name, numbers in groups_of.items()}


def _names(caller: str, params: dict[str, Parameter], group: Group) -> Iterator[str]:
    if callable(group.members):
        yield from [name for name, p in params.items() if group.members(name, p)]
        return
    for member in group.members:
        if isinstance(member, Parameter):
            found = [name for name, p in params.items() if p is member]
        else:
            found = [name for name in params if f"{name}.".startswith(f"{member}.")]
        if not found:
            unknown = repr(member) if isinstance(member, str) else f"a Parameter {member.shape}"
            raise ValueError(
                f"{caller}: a group has {unknown}, which the model has not; it has "
                f"{', '.join(params)}"
            )
        yield from found


_RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "lr": ("a number ≥ 0", lambda x: 0 <= x < float("inf")),
    "weight_decay": ("a number ≥ 0", lambda x: 0 <= x < float("inf")),
    "momentum_decay": ("a number ≥ 0", lambda x: 0 <= x < float("inf")),
    "eps": ("a number > 0", lambda x: 0 < x < float("inf")),
    **dict.fromkeys(
        ["momentum", "rho", "beta1", "beta2"], ("a number in 0 ≤ x < 1", lambda x: 0 <= x < 1)
    ),
}


def _check(caller: str, name: str, value: Any) -> Any:
    """The value of an option as a Python number, which leaves float32 arrays float32."""
    if callable(value):
        return value
    needed, inside = _RANGES.get(name, ("a number", lambda x: True))
    if np.ndim(value) or np.asarray(value).dtype.kind not in "fiub":
        raise TypeError(
            f"{caller}: got {name} {value!r}, needed {needed} or a function of the step"
        )
    number = float(value)
    if not inside(number):
        raise ValueError(f"{caller}: got {name} {value}, needed {needed}")
    return number
