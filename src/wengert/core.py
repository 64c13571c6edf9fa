"""The core: `Variable`, `Function` and `backward`.

A `Variable` holds an array. Calling a `Function` on Variables computes with their arrays and leaves
a record: the new Variable knows its `creator`, the creator knows its `inputs`. That record is the
graph, and it exists as soon as the program has run; `backward` walks it from the end to the start
(walk.py).

Formulas are plain NumPy, in `forward` and `backward` alike, and the type of what they meet decides:
an array is computed by NumPy, a Variable by the Function of that name. So one `backward` serves
twice: on arrays it gives numbers, on Variables it leaves a record of its own, to be differentiated
again.
"""

import inspect
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, ClassVar, NoReturn, TypeAlias
from weakref import ref

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array, is_foreign
from wengert.config import enable_backprop, hooks
from wengert.dispatch import ArrayMethods, ufuncs
from wengert.walk import behind, walk


def as_variable(x: Any) -> "Variable":
    """`x` if it is a Variable, else a constant of its value."""
    return x if isinstance(x, Variable) else Variable(x, requires_grad=False)


# ---- Variable ----


class Variable(ArrayMethods):
    """An array that remembers how it was computed.

    Args:
        data: the value; an ndarray is kept as it is (not copied), a number or list becomes one.
        name: shown in `repr` and in pictures of the graph.
        requires_grad: False makes a constant, for which no gradient is computed.

    `creator` is the Function that made this Variable, or None for a leaf. `generation` counts the
    Functions on the longest way from a leaf. `==` compares identity; `np.equal` compares values.
    """

    __slots__ = ("__weakref__", "_data", "_grad", "creator", "generation", "name", "requires_grad")

    name: str | None
    requires_grad: bool
    creator: "Function | None"
    generation: int

    def __init__(self, data: Any, name: str | None = None, requires_grad: bool = True) -> None:
        self._data = as_array(data)
        self.name = name
        self.requires_grad = requires_grad
        self.creator = None
        self.generation = 0
        self._grad: Variable | None = None

    @property
    def data(self) -> ndarray:
        """The value. What is assigned becomes an ndarray, if it is none."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        if isinstance(value, Variable):
            raise TypeError("Variable: got a Variable as data, needed an array; assign value.data")
        self._data = as_array(value)

    # -- the graph --

    @property
    def grad(self) -> "Variable | None":
        """Gradient of what `backward` was called on, or None; an assigned array is wrapped."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, Variable):
                value = Variable(value, requires_grad=False)
            if value.shape != self.shape:
                raise ValueError(
                    f"grad: got shape {value.shape} for a Variable of shape {self.shape}; "
                    f"a gradient has the shape of its Variable"
                )
            if value.dtype != self.dtype and self.dtype.kind == "f":
                value = value.astype(self.dtype)
            if self.creator is None:
                _hold_weakly({self}, behind([value]))
        self._grad = value

    def set_creator(self, function: "Function") -> None:
        """Makes `function` the creator of this Variable."""
        self.creator = function
        self.generation = function.generation + 1

    def backward(
        self,
        retain_grad: bool = False,
        create_graph: bool = False,
        grad: Any = None,
        *,
        retain_graph: bool = True,
    ) -> None:
        """Adds the gradient of this Variable to `grad` of each leaf it was computed from.

        Args:
            retain_grad: also keep the gradients of the Variables in between. (They stay until
                `cleargrad`, and are where a later `backward` from there starts.)
            create_graph: record the walk itself, so that the gradients can be differentiated.
            grad: gradient to start with, of this Variable's shape; by default `self.grad` if that
                is set, else ones.
            retain_graph: False forgets each record when the walk has passed it, and the memory is
                free at once: a training loop then holds one step's values, not two.

        Raises:
            RuntimeError: this Variable has no graph (it is a constant, came from `no_grad`, or the
                graph was not retained).
            ValueError: `grad` has another shape.
        """
        backward(
            [self],
            [grad],
            retain_grad=retain_grad,
            create_graph=create_graph,
            retain_graph=retain_graph,
        )

    def cleargrad(self) -> None:
        """Forgets the gradient."""
        self._grad = None

    def unchain(self) -> None:
        """Forgets the creator: this Variable becomes a leaf."""
        self.creator = None
        self.generation = 0

    def unchain_backward(self) -> None:
        """Makes a leaf of every Variable this one was computed from (truncated backpropagation)."""
        for f in behind([self]):
            for x in f.inputs:
                x.unchain()

    def detach(self) -> "Variable":
        """A constant with the same data (shared, not copied) and no creator."""
        return Variable(self.data, self.name, requires_grad=False)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        prefix = type(self).__name__ + "("
        parts = [np.array2string(self.data, separator=", ", prefix=prefix)]
        if self.ndim > 1 or self.size > 10:
            parts.append(f"shape={self.shape}")
        if self.data.dtype != np.float64:
            parts.append(f"dtype={self.dtype}")
        if self.name is not None:
            parts.append(f"name={self.name!r}")
        if self.creator is not None:
            parts.append(f"creator={type(self.creator).__name__}")
        return prefix + ", ".join(parts) + ")"

    def __getstate__(self) -> tuple[Any, ...]:
        if self.creator is not None:
            raise RuntimeError(
                f"Variable: only leaves can be copied or pickled, and this one was made by "
                f"{type(self.creator).__name__}; use x.detach(), or x.copy() to stay in the graph"
            )
        grad = None if self._grad is None else self._grad.data
        more = getattr(self, "__dict__", {})  # of a user's subclass
        return self.data, self.name, self.requires_grad, grad, more

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        data, name, requires_grad, grad, more = state
        Variable.__init__(self, data, name, requires_grad)
        self.grad = grad
        for key, value in more.items():
            setattr(self, key, value)


Operand: TypeAlias = Variable | ndarray | float  # what an operation takes

# ---- Function ----

# What one recorded call leaves: its inputs, which of them need a gradient, the arrays of inputs and
# outputs, and the outputs (weakly, so that the graph holds no cycle and frees itself).
Record: TypeAlias = tuple[
    tuple[Variable, ...],
    list[bool],
    Sequence[ndarray],
    Sequence[ndarray],
    Sequence["ref[Variable]"],
]


# (looked up once here, because each call of a Function needs them)
_new = object.__new__
_recording = enable_backprop.get
_observers = hooks.get
_asarray = np.asarray
_numbers = {float, int, bool}  # (exactly: np.float64 is a float, and has a dtype)
_scalar = np.generic  # what NumPy's arithmetic makes of 0-d arrays


class Function:
    """An operation: `forward` computes it, `backward` its gradient.

    A subclass gives `forward(self, *xs)`, from arrays to an array (or a tuple of arrays), and
    `backward(self, *gys)`, from the gradients of the outputs to the gradients of the inputs (None
    where there is none; what it is given may be shared, so it writes into none of it). Options are
    arguments of `__init__`. Called on Variables, an instance leaves a record of the call; called on
    arrays and numbers alone, it gives an array.
    """

    elementwise: ClassVar[bool] = False  # inputs broadcast; the walk sums their gradients back
    ufunc: ClassVar[np.ufunc | None] = None  # NumPy's ufunc that runs this Function on a Variable
    differentiable: ClassVar[bool] = True  # False: the outputs are constants
    saved: ClassVar[tuple[str, ...]] = ()  # attributes that forward keeps for backward
    mutated: ClassVar[tuple[str, ...]] = ()  # parameters of forward that it changes in place

    generation: int = 0
    record: Record | None = None

    def __init_subclass__(cls) -> None:
        if "ufunc" in cls.__dict__ and cls.ufunc is not None:
            ufuncs.setdefault(cls.ufunc, cls)  # a user's second Sin does not replace np.sin's

    def forward(self, *xs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, x)")

    def backward(self, *gys: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no backward: define backward(self, gy)"
        )

    def __call__(self, *inputs: Any) -> Any:
        if self.record is not None:
            self = self._without_record()
        xs: list[ndarray] = []
        needs: list[bool] = []
        generation = 0
        try:
            for x in inputs:
                if x.generation > generation:
                    generation = x.generation
                needs.append(x.requires_grad)
                xs.append(x._data)
        except AttributeError:  # not a Variable
            generation = -1
        if generation < 0:
            return self._call_with_constants(inputs)
        try:
            ys = self.forward(*xs)
        except Exception as error:
            raise self._explained(error, xs) from None

        recorded = True in needs and _recording() and self.differentiable
        if recorded:
            self.generation = generation
        if type(ys) is tuple:
            y: Any = tuple([Variable(y, requires_grad=recorded) for y in ys])
            if recorded:
                self.record = inputs, needs, xs, [v._data for v in y], [ref(v) for v in y]
                for v in y:
                    v.set_creator(self)
        else:  # the same for one output, written out: one call more would cost a tenth of this one
            y = _new(Variable)
            if type(ys) is not ndarray:
                ys = _asarray(ys) if isinstance(ys, _scalar) else self._one_array(ys)
            y._data = ys
            y.name = None
            y.requires_grad = recorded
            y._grad = None
            if recorded:
                self.record = inputs, needs, xs, (ys,), (ref(y),)
                y.creator = self
                y.generation = generation + 1
            else:
                y.creator = None
                y.generation = 0
        observers = _observers()
        if observers:
            for observe in observers:
                observe(self, inputs, y if type(y) is tuple else (y,))
        return y

    def _call_with_constants(self, inputs: tuple[Any, ...]) -> Any:
        """The call where some inputs are arrays or numbers; where all are, the result is too."""
        if any(is_foreign(x) for x in inputs):
            return self.forward(*inputs)
        values = _with_constants(inputs)
        if isinstance(values, tuple):
            return self(*values)
        try:
            ys = self.forward(*values)
        except Exception as error:
            raise self._explained(error, [np.asarray(x) for x in values]) from None
        return tuple(map(as_array, ys)) if type(ys) is tuple else as_array(ys)

    def _one_array(self, ys: Any) -> ndarray:
        if isinstance(ys, list | tuple) or ys is None:
            raise TypeError(
                f"{type(self).__name__}.forward: gave a {type(ys).__name__}; "
                f"return an array, or a plain tuple of arrays for several outputs"
            )
        return as_array(ys)

    def _without_record(self) -> "Function":
        """This Function, ready for a call; a copy if the graph of its last call is still alive."""
        f = self
        if self.record is not None and any(y() is not None for y in self.record[4]):
            f = object.__new__(type(self))
            f.__dict__.update(self.__dict__)
        f.record = None
        return f

    def _explained(self, error: Exception, xs: Sequence[ndarray]) -> Exception:
        """The error to raise for one that `forward` raised."""
        name = type(self).__name__
        if self.elementwise and isinstance(error, ValueError):
            try:
                np.broadcast_shapes(*[x.shape for x in xs])
            except ValueError:
                shapes = " and ".join(str(x.shape) for x in xs)
                return ValueError(
                    f"{name}: shapes {shapes} do not broadcast; "
                    f"counted from the right, sizes must be equal or 1"
                )
        arrived = ", ".join(f"{x.dtype} {x.shape}" for x in xs)
        error.add_note(f"in {name}.forward, which was given {arrived}")
        return error

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles keep: the options, not the record."""
        return {k: v for k, v in self.__dict__.items() if k not in ("record", "generation")}

    def options(self) -> dict[str, Any]:
        """The arguments of `__init__`, by name: `type(f)(**f.options())` is the same operation."""
        kind: Any = type(self)
        return {name: getattr(self, name) for name in _option_names(kind)}

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options().items())
        return f"{type(self).__name__}({options})"

    # -- the record --

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """The Variables this Function was called on."""
        if self.record is None:
            return ()
        return tuple([x.itself() if type(x) is StandIn else x for x in self.record[0]])

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """The Variables this Function made; one that the program has dropped is made again."""
        if self.record is None:
            return ()
        inputs, needs, xs, ys, references = self.record
        outputs = []
        for reference, array in zip(references, ys, strict=True):
            y = reference()
            if y is None:
                y = Variable(array)
                y.set_creator(self)
            outputs.append(y)
        self.record = inputs, needs, xs, ys, [ref(y) for y in outputs]
        return tuple(outputs)

    @property
    def input(self) -> Variable:
        """The input of a Function of one input."""
        return self._only(self.inputs, "input")

    @property
    def output(self) -> Variable:
        """The output of a Function of one output."""
        return self._only(self.outputs, "output")

    def _only(self, variables: tuple[Variable, ...], name: str) -> Variable:
        if len(variables) != 1:
            self.record or self.no_record()
            raise ValueError(
                f"{type(self).__name__}.{name}: there are {len(variables)}; use .{name}s"
            )
        return variables[0]

    # -- for use in `backward` --

    @property
    def xs(self) -> Sequence[Any]:
        """Values of the inputs: Variables while the walk is recorded, else arrays."""
        record = self.record or self.no_record()
        if not _recording():
            return record[2]
        inputs = self.inputs
        for x, array in zip(inputs, record[2], strict=True):
            if x._data is not array:
                raise RuntimeError(
                    f"{type(self).__name__}: the data of an input was replaced after the call; "
                    f"a recorded walk needs it: assign new data after the walk, or work on a copy"
                )
        return inputs

    @property
    def ys(self) -> Sequence[Any]:
        """Values of the outputs: Variables while the walk is recorded, else arrays."""
        record = self.record or self.no_record()
        return self.outputs if _recording() else record[3]

    @property
    def needs(self) -> list[bool]:
        """Which of the inputs need a gradient."""
        return (self.record or self.no_record())[1]

    def no_record(self) -> NoReturn:
        raise RuntimeError(
            f"{type(self).__name__} has no record to go back on: call it on a Variable first, "
            f"outside no_grad(); a walk with retain_graph=False forgets it"
        )


@cache
def _option_names(cls: Any) -> tuple[str, ...]:
    """The names of the arguments of `cls.__init__`."""
    return tuple(inspect.signature(cls).parameters)


def _with_constants(inputs: tuple[Any, ...]) -> tuple[Any, ...] | list[Any]:
    """The inputs as a tuple of Variables; if none is one, as a list of arrays and numbers."""
    values = []
    dtypes = []
    for x in inputs:
        if isinstance(x, Variable):
            dtypes.append(x._data.dtype)
        elif type(x) not in _numbers:
            x = as_array(x)
            dtypes.append(x.dtype)
        values.append(x)
    if not any(isinstance(x, Variable) for x in inputs):
        return values
    for i, x in enumerate(values):
        if not isinstance(x, Variable):
            if type(x) in _numbers:
                # it takes the dtype that NumPy would give it beside the others
                alone = len(dtypes) == 1 and dtypes[0].kind == "f"
                x = np.array(x, dtypes[0] if alone else np.result_type(x, *dtypes))
            values[i] = constant = _new(Variable)
            constant._data = x
            constant.name = constant.creator = constant._grad = None
            constant.requires_grad = False
            constant.generation = 0
    return tuple(values)


class Parameter(Variable):
    """A Variable that is trained: layers collect their Parameters, optimizers update them."""

    __slots__ = ()


class StandIn(Variable):
    """Stands for a leaf in a record, and does not keep it alive.

    A leaf whose `grad` has a graph would else hold, through that graph, itself.
    """

    __slots__ = ("leaf",)

    def __init__(self, leaf: Variable) -> None:
        super().__init__(leaf.data, leaf.name, leaf.requires_grad)
        self.leaf = ref(leaf)

    def itself(self) -> Variable:
        """The leaf; or this, if the program has dropped the leaf."""
        leaf = self.leaf()
        return self if leaf is None else leaf


class Constant(Function):
    """A Function whose outputs are constants, such as a comparison: it needs no `backward`."""

    differentiable = False


# ---- Backward ----


def backward(
    outputs: Variable | Sequence[Variable],
    grad_outputs: Sequence[Any] | None = None,
    *,
    retain_grad: bool = False,
    create_graph: bool = False,
    retain_graph: bool = True,
) -> None:
    """Walks back from several `outputs` at once and adds to `grad` of each leaf.

    Args:
        outputs: where to start: Variables, or one.
        grad_outputs: a gradient for each output; for None, its `grad` if that is set, else ones.
        retain_grad: also keep the gradients of the Variables in between.
        create_graph: record the walk itself, so that the gradients can be differentiated.
        retain_graph: False forgets each record when the walk has passed it.

    Raises:
        RuntimeError: an output has no graph.
        ValueError: a gradient does not have its output's shape; or the graph of gradients is asked
            for, but not to be retained.
    """
    if create_graph and not retain_graph:
        raise ValueError(
            "backward: got create_graph=True with retain_graph=False, but the graph of the "
            "gradients goes on into this one; leave retain_graph=True"
        )
    if isinstance(outputs, Variable):
        outputs, grad_outputs = [outputs], [grad_outputs]
    seeds = start_of_walk(outputs, grad_outputs, create_graph)
    functions = behind(outputs)
    kept = set(outputs).union(*[f.inputs for f in functions]) if retain_grad else ()
    way = functions if retain_graph else _forgetting(functions)
    grads = gradients(outputs, seeds, way, kept, create_graph)
    if create_graph:
        _hold_weakly({x for x in grads if x.creator is None}, behind(grads.values()))
    for x, gx in grads.items():
        if x._grad is None or x.creator is not None:
            x._grad = gx
        elif create_graph:
            x._grad = x._grad + gx
        else:
            x._grad = Variable(x._grad.data + gx.data, requires_grad=False)


def _forgetting(functions: list[Function]) -> Iterator[Function]:
    """The Functions in turn, taken out of the list; each forgets its record after its turn."""
    functions.reverse()
    while functions:
        f = functions.pop()
        yield f
        f.record = None


def _hold_weakly(leaves: Collection[Variable], functions: Iterable[Function]) -> None:
    """Puts stand-ins for these leaves into the records of the Functions.

    (So a leaf that only the graph has held is gone, with its gradient, after a recorded walk.)
    """
    stand_ins = {x: StandIn(x) for x in leaves}
    for f in functions:
        inputs, *others = f.record  # type: ignore[misc]
        if any(x in stand_ins for x in inputs):
            f.record = (tuple([stand_ins.get(x, x) for x in inputs]), *others)


def start_of_walk(
    outputs: Sequence[Variable],
    grad_outputs: Sequence[Any] | None,
    create_graph: bool,
    use_grad: bool = True,
) -> list[Any]:
    """The gradients of `outputs` to start with: arrays, or Variables if the walk is recorded.

    For None, an output's own `grad` (with `use_grad`, where it is set), else ones.
    """
    if grad_outputs is None:
        grad_outputs = [None] * len(outputs)
    if len(grad_outputs) != len(outputs):
        raise ValueError(
            f"backward: got {len(grad_outputs)} gradients for {len(outputs)} outputs; "
            f"give one for each (None for ones)"
        )
    seeds = []
    for y, gy in zip(outputs, grad_outputs, strict=True):
        if not y.requires_grad:
            raise RuntimeError(
                "backward: this Variable has no graph to walk: it is a constant, or was computed "
                "from constants or under no_grad(), or is a gradient that was computed without "
                "create_graph=True"
            )
        if gy is None and use_grad and y.creator is not None:
            gy = y._grad  # (a leaf's grad is where results add up, not where a walk starts)
        if gy is None:
            # (unsigned numbers have no -1, which a gradient may well be)
            gy = np.ones(y.shape, y.dtype if y.dtype.kind in "fi" else np.float64)
        elif np.shape(as_array(gy)) != y.shape:
            raise ValueError(
                f"backward: got a gradient of shape {np.shape(as_array(gy))} for an output of "
                f"shape {y.shape}; a gradient has the shape of its Variable"
            )
        gy = as_variable(gy) if create_graph else as_array(gy)
        seeds.append(gy.astype(y.dtype) if gy.dtype != y.dtype and y.dtype.kind == "f" else gy)
    return seeds


def gradients(
    outputs: Sequence[Variable],
    seeds: Sequence[Any],
    functions: Iterable[Function],
    kept: Collection[Variable] = (),
    create_graph: bool = False,
) -> dict[Variable, Variable]:
    """What `walk` finds, starting from these outputs with these gradients.

    The gradients share no memory with anything else that the program can see.
    """
    convert = as_variable if create_graph else as_array
    mode = enable_backprop.set(create_graph)
    try:
        grads: dict[Variable, Any] = {}
        for y, gy in zip(outputs, seeds, strict=True):
            grads[y] = convert(grads[y] + gy) if y in grads else gy
        walk(functions, grads, kept, Variable if create_graph else ndarray, convert)
        for stand_in in [x for x in grads if type(x) is StandIn]:
            gx, leaf = grads.pop(stand_in), stand_in.leaf()
            if leaf is not None:
                grads[leaf] = convert(grads[leaf] + gx) if leaf in grads else gx
        one = Variable(0)
        alone = _holders({one: np.empty(0)}, one)
        for x in grads:
            shared = _holders(grads, x) > alone or as_array(grads[x]).base is not None
            gx = np.positive(grads[x]) if shared else grads[x]  # a copy
            if not create_graph:
                gx = Variable(gx, requires_grad=False)
            elif not gx.requires_grad:
                gx = Variable(gx.data.copy())  # a constant can be differentiated too: to zero
            grads[x] = gx
    finally:
        enable_backprop.reset(mode)
    return grads


def _holders(grads: dict[Variable, Any], x: Variable) -> int:
    """How many places hold the gradient of x, by CPython's count."""
    return sys.getrefcount(grads[x])
