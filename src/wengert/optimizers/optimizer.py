"""`Optimizer`: the base class, with the Parameters, the options and the state.

The formula of an optimizer is two functions of plain arrays: `init_one` makes the state of one
Parameter, `update_one` makes one step in place.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy import ndarray

from wengert import hints
from wengert.arguments import fraction, number, text_of
from wengert.arrays import writable
from wengert.core import Variable
from wengert.declared import Declared, options_of
from wengert.optimizers.groups import Group, Option, membership
from wengert.optimizers.targets import HasParameters, Target, as_target, is_model
from wengert.state import compare_state

State: TypeAlias = dict[str, Any]  # of one Parameter: arrays of its shape, and numbers
Hook: TypeAlias = Callable[[list[Any]], Any]

MASTER = "master"  # the state's name for the value in float32 of a Parameter in float16
COMPUTED = {np.dtype(np.float16): np.dtype(np.float32)}  # dtype of state and step
BLOCK = 32768  # elements: the arrays of one formula and its temporaries stay in the L2 cache


@hints.answers(hints.OPTIMIZER)
class Optimizer(Declared):
    """Base of the optimizers: updates the Parameters of a model from their gradients.

        optimizer = AdamW(cosine(1e-3, steps=10_000)).setup(model)
        optimizer.add_group(lambda name, p: p.ndim == 1, weight_decay=0)
        optimizer.add_hook(ClipNorm(1.0))
        ...
        model.cleargrads()
        loss.backward()
        optimizer.update()

    A subclass declares the options of its formula and defines `update_one` and, if it has a state,
    `init_one`:

        class SignDescent(Optimizer):
            lr: Option = 0.01
            slope: Option = 10.0

            def update_one(self, p, g, lr, slope):
                p -= lr * np.tanh(slope * g)

    An option is a number or a function of the step, as `wengert.schedules` makes them, which is
    called with the number of updates done before. `lr` is the learning rate per update. An option
    `weight_decay` is applied before `update_one`, which does not receive it.

    An update changes `p.data` of each Parameter that has a gradient and `requires_grad`, and
    nothing else of the graph. (Hooks may change gradients.) An array that a recorded graph or the
    program holds is replaced, not changed: a graph that was recorded before gives the gradient at
    the old values. A Parameter in float16 is updated in float32 and rounded once: its state is in
    float32 and holds, as "master", its value with all digits, so that small steps add up.

    The gradients of several `backward` calls add up until `cleargrads`, so that one update can
    follow several batches; `AverageGradients` divides the sum.

    Attributes:
        target: what is trained, after `setup`.
        steps: number of updates.
        states: the state of each Parameter, by its name.
        groups: options of some Parameters.
        hooks: functions that are called before each update.
    """

    lr: Option

    elementwise: ClassVar[bool] = False  # the formula may be applied to blocks of the flat arrays
    decoupled_weight_decay: ClassVar[bool] = False  # the decay changes p; else it is added to g

    def __post_init__(self) -> None:
        self.target: HasParameters | None = None
        self.groups: list[Group] = []
        self.hooks: list[Hook] = []
        self._reset()

    def _reset(self) -> None:
        self.steps = 0
        self.states: dict[str, State] = {}
        self._groups_of: dict[str, tuple[int, ...]] = {}

    # ---- Options ----

    def options(self) -> dict[str, Any]:
        """The declared options by name, outside of groups that have their own."""
        return options_of(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._fields:
            value = self._checked(type(self).__name__, name, value)
        elif (here := hints.of_argument(name, self._fields)) in self._fields:
            raise AttributeError(f"{type(self).__name__} has no {name!r}; here: {here}")
        super().__setattr__(name, value)

    def _checked(self, caller: str, name: str, value: Any) -> Any:
        """An option as a Python number, which keeps float32 arrays float32; or as a function.

        Raises:
            TypeError: value is neither a number nor a function.
            ValueError: the number is outside the range of the option.
        """
        if callable(value) and not hasattr(value, "named_params"):
            return value
        try:
            if isinstance(value, Variable):  # (one of a single number could be converted)
                raise TypeError(f"{caller}: got {name} {value!r:.80}, needed a number")
            return _CHECKS.get(name, number)(caller, name, value)
        except TypeError as error:
            hint = self._hint((value,), {})
            raise TypeError(f"{error} or a function of the step{hint and f'. {hint}'}") from None

    @classmethod
    def _hint(cls, args: tuple[Any, ...], options: dict[str, Any]) -> str:
        """For a call in PyTorch's order, with the model or its Parameters first."""
        target = args[0] if args else options.get("params")
        if not _is_model(target):
            return ""
        if isinstance(target, Variable | Mapping):
            return f"The Parameters belong to setup: {cls.__name__}(lr).setup(params)"
        return f"The model belongs to setup: {cls.__name__}(lr).setup(model)"

    def __repr__(self) -> str:
        options = [f"{name}={text_of(value)}" for name, value in self.options().items()]
        lines = [f"{type(self).__name__}({', '.join(options)})"]
        lines += [f".add_group({group})" for group in self.groups]
        lines += [f".add_hook({text_of(hook)})" for hook in self.hooks]
        return "\n    ".join(lines)

    def setup(self, target: Target) -> Self:
        """Sets what to train, and resets steps and states. Returns self.

        Args:
            target: a Layer; or Parameters, Variables and Layers, alone or in lists and dicts, such
                as the hyperparameters of a Gaussian process: they are named by position and key.

        Raises:
            TypeError: something in it is none of these, or not of floats.
            ValueError: a Variable is no leaf, two have the same name, or there are none.
        """
        self.target = as_target(f"{type(self).__name__}.setup", target)
        self._reset()
        return self

    def add_group(self, which: Any, **options: Option) -> Self:
        """Sets other options for some Parameters. Returns self.

        Args:
            which: a name, a Parameter or a Layer, or a list of them, or a function of
                (name, Parameter) to bool. The name of a layer includes all its Parameters:
                "encoder" has "encoder.W".
            options: they override the optimizer's options. If a Parameter is in several groups,
                the later ones override the earlier ones.
        """
        kind = f"{type(self).__name__}.add_group"
        if unknown := ", ".join(options.keys() - self.options().keys()):
            raise TypeError(f"{kind}: got option {unknown}, needed {', '.join(self.options())}")
        options = {name: self._checked(kind, name, value) for name, value in options.items()}
        members = which
        if (
            isinstance(which, str | Variable)
            or is_model(which)
            or not (callable(which) or isinstance(which, Iterable))
        ):
            members = [which]
        if not callable(members):
            members = list(members)
            for member in members:
                if not (isinstance(member, str | Variable) or is_model(member)):
                    raise TypeError(
                        f"{kind}: got a {type(member).__name__}, needed names, Parameters, Layers, "
                        f"or a function of (name, Parameter)"
                    )
        self.groups.append(Group(members, options))
        self._groups_of = {}
        return self

    def add_hook(self, hook: Hook) -> Self:
        """Calls `hook(params)` before each update, with the Parameters to update. Returns self.

        It may assign to `p.grad`; None leaves the Parameter out of this update.
        """
        if not callable(hook):
            raise TypeError(f"{type(self).__name__}.add_hook: got {hook!r}, needed a function")
        self.hooks.append(hook)
        return self

    # ---- The step ----

    def update(self, closure: Callable[[], Any] | None = None) -> float | None:
        """One step of each Parameter that has a gradient and `requires_grad`.

        An error leaves all Parameters unchanged.

        Args:
            closure: is called first: it clears the gradients, computes the loss, calls its
                `backward` and returns it. (LBFGS calls it several times.)

        Returns:
            The closure's loss, or None without closure.

        Raises:
            RuntimeError: `setup` was not called, or no Parameter has a gradient.
            ValueError: a Parameter changed its shape or dtype, or a schedule left the range of its
                option.
        """
        loss = None if closure is None else self._loss_of(closure)
        trained = self._trained()
        options = {
            groups: self._options_now(groups)
            for groups in {self._groups_of[name]: None for name in trained}
        }
        states = {name: self._state_of(name, p) for name, p in trained.items()}
        overflows: list[Any] = []
        guard: Any = nullcontext()
        if any(states.values()):  # an overflow would spoil them
            guard = np.errstate(over="call", call=lambda *what: overflows.append(what))
        with guard:
            for name, p in trained.items():
                state = states[name]
                if "t" in state:
                    state["t"] += 1
                self.states[name] = state
                self._step(writable(p), p.grad.data, state, options[self._groups_of[name]])  # type: ignore[union-attr]
                if overflows:
                    overflows.clear()
                    _limit(state)
        vars(self)["steps"] = self.steps + 1  # (past `__setattr__`, which takes 0.2 µs)
        return loss

    def init_one(self, p: ndarray) -> State:
        """The initial state of a Parameter with the value `p`.

        Returns:
            Arrays of p's shape, which `update_one` changes in place, and numbers. The number "t" is
            increased by 1 before each step.
        """
        return {}

    def update_one(self, p: ndarray, g: ndarray, *args: Any, **state_and_options: Any) -> None:
        """One step of `p` and of the state's arrays, in place, for the gradient `g`.

        The state and the options (without `weight_decay`) are passed by name. For a Parameter in
        float16, p and g are in float32.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no update_one: define update_one(self, p, g, lr) in the "
            f"class, with its state and options as further arguments"
        )

    def _loss_of(self, closure: Any) -> float:
        kind = f"{type(self).__name__}.update"
        if not callable(closure):
            raise TypeError(
                f"{kind}: got a {type(closure).__name__}, needed a function that computes the loss "
                f"and calls its backward; or call loss.backward(), then update()"
            )
        if (loss := closure()) is None:
            raise TypeError(
                f"{kind}: the closure returned None, needed the loss; write return loss"
            )
        return float(loss)

    def _trained(self) -> Mapping[str, Variable]:
        """The Parameters to update, by name, after the hooks."""
        kind = f"{type(self).__name__}.update"
        params = self._params("update")
        trained = {n: p for n, p in params.items() if p.grad is not None and p.requires_grad}
        if not trained:
            raise RuntimeError(
                f"{kind}: no Parameter of the model has a gradient (and requires_grad); "
                f"call loss.backward() between model.cleargrads() and update()"
            )
        if not trained.keys() <= self._groups_of.keys():
            self._groups_of = membership(kind, params, self.groups)
        for name, p in trained.items():
            if p.dtype.kind != "f":
                raise TypeError(f"{kind}: {name} is {p.dtype}; only floats can be updated")
            if not p.data.flags.writeable:
                raise ValueError(f"{kind}: {name} is read-only; set p.data = p.data.copy()")
        if self.hooks:
            for hook in self.hooks:
                hook(list(trained.values()))
            trained = {name: p for name, p in trained.items() if p.grad is not None}
        return trained

    def _options_now(self, groups: tuple[int, ...]) -> dict[str, float]:
        """The options, as numbers, of a Parameter in these groups."""
        values = vars(self)
        for i in groups:
            values = {**values, **self.groups[i].options}
        return {
            name: self._of_schedule(name, value) if callable(value := values[name]) else value
            for name in self._fields
        }

    def _of_schedule(self, name: str, schedule: Callable[[int], float]) -> Any:
        return self._checked(f"{type(self).__name__}.update", name, schedule(self.steps))

    def _state_of(self, name: str, p: Variable) -> State:
        """The state of this Parameter; an initial one if there is none yet."""
        if name not in self.states:
            state = self._initial(p.data)
        elif state := self.states[name]:
            dtype = COMPUTED.get(p.dtype, p.dtype)
            for array in state.values():
                if isinstance(array, ndarray) and not (
                    array.dtype == dtype and array.shape == p.shape
                ):
                    raise ValueError(
                        f"{type(self).__name__}.update: {name} is {p.dtype} {p.shape}, but its "
                        f"state is {array.dtype} {array.shape}; call setup(model) to start again"
                    )
            if MASTER in state and p.itemsize > 2:
                del state[MASTER]
        g = p.grad
        if g is not None and g.shape != p.shape:
            raise ValueError(
                f"{type(self).__name__}.update: {name} has shape {p.shape} and a gradient of shape "
                f"{g.shape}; call model.cleargrads() before loss.backward()"
            )
        return state

    def _initial(self, p: ndarray) -> State:
        """The initial state of a Parameter; for one in float16, with its value in float32."""
        if p.dtype not in COMPUTED:
            return self.init_one(p)
        master = p.astype(COMPUTED[p.dtype])
        return {**self.init_one(master), MASTER: master}

    def _step_in_single(
        self, p: ndarray, g: ndarray, state: State, options: dict[str, float]
    ) -> None:
        """A step of the value in float32, which is then rounded to p."""
        master = state.setdefault(MASTER, p.astype(np.float32))
        np.copyto(master, p, where=master.astype(p.dtype) != p)  # (weights have been loaded)
        rest = {name: value for name, value in state.items() if name != MASTER}
        self._step(master, g.astype(np.float32), rest, options)
        p[...] = master

    def _step(self, p: ndarray, g: ndarray, state: State, options: dict[str, float]) -> None:
        """Runs the formula; on large arrays in blocks, which stay in the cache."""
        if p.itemsize == 2:
            self._step_in_single(p, g, state, options)
            return
        arguments = {**state, **options}
        decay = arguments.pop("weight_decay", 0)
        if not (self.elementwise and p.size > BLOCK and p.flags.c_contiguous):
            self._step_block(p, g, decay, arguments)
            return
        p, g = p.reshape(-1), g.reshape(-1)
        arrays = {k: v.reshape(-1) for k, v in state.items() if isinstance(v, ndarray)}
        for start in range(0, p.size, BLOCK):
            block = slice(start, start + BLOCK)
            blocks = {name: array[block] for name, array in arrays.items()}
            self._step_block(p[block], g[block], decay, {**arguments, **blocks})

    def _step_block(
        self, p: ndarray, g: ndarray, weight_decay: float, arguments: dict[str, Any]
    ) -> None:
        if weight_decay and self.decoupled_weight_decay:
            p *= 1 - arguments["lr"] * weight_decay
        elif weight_decay:
            g = g + weight_decay * p
        self.update_one(p, g, **arguments)

    # ---- Saving and resuming ----

    def state_dict(self) -> dict[str, Any]:
        """The states of all Parameters: copies of arrays, and integers, by name.

        "steps" is the number of updates; "layers.0.W.m" is m of the Parameter "layers.0.W". The
        options are not included: the program sets them.

        Raises:
            RuntimeError: `setup` was not called.
        """
        state: dict[str, Any] = {"steps": self.steps}
        for name, p in self._params("state_dict").items():
            for key, value in (self.states.get(name) or self._initial(p.data)).items():
                state[f"{name}.{key}"] = value.copy() if isinstance(value, ndarray) else value
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state of `state_dict()`; the Parameters must have the same names.

        Raises:
            RuntimeError: `setup` was not called.
            ValueError: names or shapes do not fit; nothing is loaded then.
        """
        kind = f"{type(self).__name__}.load_state_dict"
        states = {n: self._initial(p.data) for n, p in self._params("load_state_dict").items()}
        shapes: dict[str, tuple[int, ...]] = {"steps": ()}
        for name, one in states.items():
            shapes |= {f"{name}.{key}": np.shape(value) for key, value in one.items()}
        compare_state(state, shapes).check(kind, HINT)
        for name, one in states.items():
            for key, value in one.items():
                loaded = state[f"{name}.{key}"]
                is_array = isinstance(value, ndarray)
                one[key] = np.array(loaded, value.dtype, order="C") if is_array else int(loaded)
        self.states = states
        self.steps = int(state["steps"])

    def _params(self, caller: str) -> Mapping[str, Variable]:
        if self.target is None:
            raise RuntimeError(
                f"{type(self).__name__}.{caller}: there is no model; call setup(model) first"
            )
        return self.target.named_params()


def _limit(state: State) -> None:
    """Makes a state finite after an overflow, such as that of the square of 1e20 in float32.

    The square becomes the largest number, and what is divided by its root in later steps at most
    that root; else there would be no later steps.
    """
    arrays = [a for name, a in state.items() if isinstance(a, ndarray) and name != MASTER]
    overflowed = np.logical_or.reduce([np.isinf(a) for a in arrays]) if arrays else np.False_
    if overflowed.any():
        for a in arrays:
            largest = np.finfo(a.dtype).max
            limit = np.where(np.isinf(a), largest, np.sqrt(largest))
            np.copyto(a, np.clip(a, -limit, limit), where=overflowed)


def _is_model(value: Any) -> bool:
    """Whether it is a model, or Parameters, or PyTorch's dicts of them."""
    if isinstance(value, Variable) or hasattr(value, "named_params"):
        return True
    if isinstance(value, Mapping):
        value = value.values()
    plain = isinstance(value, Iterable) and not isinstance(value, str | ndarray)
    return plain and any(isinstance(p, dict) or _is_model(p) for p in value)


HINT = "call the model once if its sizes are lazy"

_CHECKS: dict[str, Callable[[str, str, Any], float]] = {
    **dict.fromkeys(["lr", "weight_decay", "momentum_decay"], partial(number, least=0)),
    "eps": partial(number, least=float(np.finfo(np.float32).tiny)),  # it must not become 0
    **dict.fromkeys(["momentum", "rho", "beta1", "beta2"], fraction),
}
