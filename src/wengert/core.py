"""The core: `Variable` and `Function`.

A `Variable` holds an array. Calling a `Function` on Variables computes with their arrays and leaves
a record: the new Variable knows its `creator`, the creator its `inputs`. These records are the
graph: it exists as soon as the program has run, and `backward` walks it back (walk.py).

Formulas are plain NumPy, in `forward` and `backward` alike, and the type of the arguments decides:
an array is computed by NumPy, a Variable by the Function of that name. So one `backward` serves
twice: on arrays it gives numbers; on Variables it leaves records, to be differentiated again.
"""

import itertools
import operator
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, TypeAlias
from weakref import ref

import numpy as np
from numpy import ndarray

from wengert import hints
from wengert.arguments import call_text, parameters_of
from wengert.arrays import as_array, explained, fitted, one_array, replaced, snapshot
from wengert.config import enable_backprop, hooks, made
from wengert.dispatch import ArrayMethods, ufuncs
from wengert.walk import backward, hold_weakly, wengert_list

# ---- Variable ----


class Variable(ArrayMethods["Variable"]):
    """An array that remembers how it was computed.

    Args:
        data: the value; an ndarray is kept as it is (not copied), a number or list becomes one.
        name: shown in `repr` and in pictures of the graph.
        requires_grad: False makes a constant, for which no gradient is computed.

    `creator` is the Function that computed this Variable, or None for a leaf.
    """

    __slots__ = ("__weakref__", "_data", "_grad", "creator", "name", "requires_grad")

    is_stand_in: ClassVar[bool] = False

    def __init__(self, data: Any, name: str | None = None, requires_grad: bool = True) -> None:
        self._data = as_array(data)
        self.name = name
        self.requires_grad = requires_grad
        self.creator: Function | None = None
        self._grad: Variable | None = None
        if (leaves := made.get()) is not None:
            leaves.add(self)

    @staticmethod
    def constant(array: ndarray) -> "Variable":
        """A constant that holds this array, unchecked."""
        x = _new(Variable)
        x._data = array
        x.name = x.creator = x._grad = None
        x.requires_grad = False
        return x

    @property
    def data(self) -> ndarray:
        """The value; an assigned number or list becomes an ndarray."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        if isinstance(value, Variable):
            raise TypeError("Variable: got a Variable as data, needed an array; assign value.data")
        self._data = as_array(value)

    # -- the graph --

    @property
    def grad(self) -> "Variable | None":
        """The gradient, or None; an assigned array is wrapped."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = as_variable(value)
            if value.shape != self.shape:
                raise ValueError(
                    f"grad: got shape {value.shape} for a Variable of shape {self.shape}; "
                    f"a gradient has the shape of its Variable"
                )
            if value.dtype != self.dtype and self.dtype.kind == "f":
                value = value.astype(self.dtype)
            if self.creator is None:
                hold_weakly({self}, wengert_list(value))
        self._grad = value

    @property
    def generation(self) -> int:
        """The number of Functions on the longest path from a leaf to this Variable."""
        return 0 if self.creator is None else self.creator.generation + 1

    def set_creator(self, function: "Function") -> None:
        """Makes `function` the creator of this Variable."""
        self.creator = function

    def backward(
        self,
        retain_grad: bool = False,
        create_graph: bool = False,
        grad: Any = None,
        *,
        retain_graph: bool = True,
        **unknown: Any,
    ) -> None:
        """Adds the gradient of this Variable to `grad` of each leaf it was computed from.

        Args:
            retain_grad: also keep the gradients of the Variables in between, until `cleargrad`.
            create_graph: record the walk itself, so that the gradients can be differentiated.
            grad: gradient to start with; by default `self.grad` if that is set, else ones.
            retain_graph: False drops each record once the walk has passed it: a training loop then
                holds the values of one step, not two.

        Raises:
            RuntimeError: there is no graph: this is a constant, or the graph was not retained.
            ValueError: `grad` has another shape.
        """
        if unknown or not isinstance(retain_grad, bool):
            raise TypeError(hints.of_backward(retain_grad, unknown))
        backward(
            [self],
            [grad],
            retain_grad=retain_grad,
            create_graph=create_graph,
            retain_graph=retain_graph,
        )

    def cleargrad(self) -> None:
        """Drops the gradient."""
        self._grad = None

    def unchain(self) -> None:
        """Drops the creator: this Variable becomes a leaf."""
        self.creator = None

    def unchain_backward(self) -> None:
        """Makes leaves of all Variables this one was computed from (truncated backpropagation)."""
        for f in wengert_list(self):
            for x in f.inputs:
                x.unchain()

    def detach(self) -> "Variable":
        """A constant with the same data (shared, not copied) and no creator."""
        return Variable(self.data, self.name, requires_grad=False)

    def stand_in(self) -> "StandIn":
        """What replaces this leaf in a record that must not keep it alive."""
        return StandIn(self)

    def resolve(self) -> "Variable":
        """This Variable; for a stand-in, the leaf."""
        return self


class Parameter(Variable):
    """A Variable that is trained: layers collect their Parameters, optimizers update them."""

    __slots__ = ()


class StandIn(Variable):
    """Replaces a leaf in a record without keeping it alive (see `hold_weakly` in walk.py)."""

    __slots__ = ("leaf",)

    is_stand_in = True

    def __init__(self, leaf: Variable) -> None:
        super().__init__(leaf.data, leaf.name, leaf.requires_grad)
        self.leaf = ref(leaf)

    def resolve(self) -> Variable:
        """The leaf; or the stand-in, if the program has dropped the leaf."""
        leaf = self.leaf()
        return self if leaf is None else leaf


def as_variable(x: Any) -> Variable:
    """`x` if it is a Variable, else a constant of its value."""
    return x if isinstance(x, Variable) else Variable.constant(as_array(x))


# ---- Function ----

# What a recorded call leaves: its inputs, which of them need a gradient, the arrays of inputs and
# outputs, and the outputs, weakly: so the graph holds no cycle and frees itself.
Arrays: TypeAlias = Sequence[ndarray]
Record: TypeAlias = tuple[
    tuple[Variable, ...], list[bool], Arrays, Arrays, Sequence["ref[Variable]"]
]

# (looked up once here, because each call of a Function needs them)
_new = object.__new__
_recording = enable_backprop.get
_observers = hooks.get
_next_serial = itertools.count(1).__next__
_asarray = np.asarray
_scalar = np.generic  # what NumPy's arithmetic makes of 0-d arrays
_floating = np.floating
_as_scalar = operator.itemgetter(())


@hints.answers(hints.FUNCTION)
class Function:
    """An operation: `forward` computes it, `backward` its gradient.

    A subclass gives `forward(self, *xs)`, from arrays to an array (or a tuple of arrays), and
    `backward(self, *gys)`, from the gradients of the outputs to the gradients of the inputs (None
    where there is none); it must not write into them. Options are the arguments of `__init__`, kept
    as attributes of the same names. Called on Variables, an instance leaves a record of the call;
    called on arrays and numbers alone, it gives an array.
    """

    # inputs broadcast, and the walk sums their gradients back; 0-d arrays may come as NumPy scalars
    elementwise: ClassVar[bool] = False
    ufunc: ClassVar[np.ufunc | None] = None  # NumPy's function that this is for Variables
    differentiable: ClassVar[bool] = True  # False: the outputs are constants
    saved: ClassVar[tuple[str, ...]] = ()  # attributes that forward keeps for backward
    mutated: ClassVar[tuple[str, ...]] = ()  # parameters of forward that it changes in place

    serial: int = 0  # numbers the calls in the program's order
    _record: Record | None = None

    def __init_subclass__(cls) -> None:
        if "ufunc" in cls.__dict__ and cls.ufunc is not None:
            ufuncs.setdefault(cls.ufunc, cls)  # (the first class stays)

    def forward(self, *xs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, x)")

    def backward(self, *gys: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no backward: define backward(self, gy)"
        )

    def __call__(self, *inputs: Any) -> Any:
        if self._record is not None:
            self = self._without_record()
        xs: list[Any] = []
        needs: list[bool] = []
        all_variables = True
        try:
            for x in inputs:
                xs.append(x._data)
                needs.append(x.requires_grad)
        except AttributeError:
            all_variables = False
        if not all_variables:
            return self._call_with_constants(inputs)
        try:
            ys = self.forward(*xs)
        except Exception as error:
            raise explained(error, self, xs) from None

        recorded = True in needs and _recording() and self.differentiable
        if type(ys) is tuple:
            y: Any = tuple([Variable(y, requires_grad=recorded) for y in ys])
            if recorded:
                self._record = inputs, needs, xs, [v._data for v in y], [ref(v) for v in y]
                self.serial = _next_serial()
                for v in y:
                    v.creator = self
        else:  # the same for one output, written out: a helper would make it a tenth slower
            kept = ys
            if type(ys) is not ndarray:
                ys = _asarray(ys) if isinstance(ys, _scalar) else one_array(ys, self)
                if not (self.elementwise and isinstance(kept, _floating)):
                    kept = ys
            y = _new(Variable)
            y._data = ys
            y.name = y._grad = y.creator = None
            y.requires_grad = recorded
            if recorded:
                self._record = inputs, needs, xs, (kept,), (ref(y),)
                self.serial = _next_serial()
                y.creator = self
        observers = _observers()
        if observers:
            for observe in observers:
                observe(self, inputs, y if type(y) is tuple else (y,))
        return y

    def _call_with_constants(self, inputs: tuple[Any, ...]) -> Any:
        """The call where some inputs are arrays or numbers; if all are, the result is an array."""
        values = fitted(inputs, self.ufunc)
        if values is None:  # symbols, arrays on a device: they pass as they are
            return self.forward(*inputs)
        for x in inputs:
            if isinstance(x, Variable):
                return self(*[as_variable(snapshot(v)) for v in values])
        try:
            ys = self.forward(*values)
        except Exception as error:
            raise explained(error, self, values) from None
        return tuple(map(as_array, ys)) if type(ys) is tuple else as_array(ys)

    def _without_record(self) -> "Function":
        """This Function, ready for a call; a copy if the graph of its last call is still alive."""
        f = self
        if self._record and any(y() is not None for y in self._record[4]):
            f = self.variant([])
        f._record = None
        return f

    # -- what it is --

    def options(self) -> dict[str, Any]:
        """The arguments of `__init__`: `type(f)(**f.options())` is the same operation."""
        return parameters_of(self)

    def __repr__(self) -> str:
        return call_text(self)

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles keep: the options, not the record or what forward saved."""
        left_out = {"_record", "serial", *self.saved}
        return {k: v for k, v in self.__dict__.items() if k not in left_out}

    # -- the record --

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """The Variables this Function was called on."""
        return tuple([x.resolve() for x in self._record[0]]) if self._record else ()

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """The Variables this Function computed; those that were dropped are made again."""
        if self._record is None:
            return ()
        inputs, needs, xs, ys, references = self._record
        outputs = []
        for reference, array in zip(references, ys, strict=True):
            y = reference()
            if y is None:
                y = Variable(array)
                y.creator = self
            outputs.append(y)
        self._record = inputs, needs, xs, ys, [ref(y) for y in outputs]
        return tuple(outputs)

    @property
    def needs(self) -> list[bool]:
        """Which of the inputs need a gradient."""
        return (self._record or self.no_record())[1]

    @property
    def generation(self) -> int:
        """The number of Functions on the longest path from a leaf to an input."""
        length: dict[Function | None, int] = {None: 0}
        for f in wengert_list(self.inputs):
            length[f] = 1 + max([length[x.creator] for x in f.inputs])
        return max([length[x.creator] for x in self.inputs], default=0)

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
            self._record or self.no_record()
            raise ValueError(
                f"{type(self).__name__}.{name}: there are {len(variables)}; use .{name}s"
            )
        return variables[0]

    # -- for use in `backward` --

    @property
    def xs(self) -> Sequence[Any]:
        """Values of the inputs: Variables while the walk is recorded, else arrays."""
        record = self._record or self.no_record()
        if not _recording():
            if isinstance(record[3][0], _floating):  # a 0-d call: scalars are faster
                return list(map(_as_scalar, record[2]))
            return record[2]
        inputs = self.inputs
        for x, array in zip(inputs, record[2], strict=True):
            if x._data is not array:
                raise replaced(self, x)
        return inputs

    @property
    def ys(self) -> Sequence[Any]:
        """Values of the outputs, likewise."""
        record = self._record or self.no_record()
        return self.outputs if _recording() else record[3]

    def variant(self, needs: list[bool], xs: Any = None, ys: Any = None) -> "Function":
        """A copy for other gradients, or other values: arrays of any kind."""
        inputs, _, own_xs, own_ys, outputs = self._record or ((), [], (), (), ())
        f = _new(type(self))
        f.__dict__.update(self.__dict__)
        f._record = inputs, needs, xs or own_xs, ys or own_ys, outputs
        return f

    def no_record(self) -> NoReturn:
        raise RuntimeError(
            f"{type(self).__name__} has no record: call it on a Variable first, outside no_grad(); "
            f"a walk with retain_graph=False drops records"
        )


class Constant(Function):
    """A Function whose outputs are constants, such as a comparison: it needs no `backward`."""

    differentiable = False
