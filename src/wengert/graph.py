"""The graph as data. Pictures, guards, exporters and compilers read it here and nowhere else.

`Graph(y)` lists what `y` was computed by, in the order of the program; `steps_back(y)` is the
backward pass, one Function at a time; `leaf_gradients(fn)` reports when the gradient of a leaf is
complete, in the middle of a `backward`; `layer_calls()` lists the calls of layers.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy import ndarray

from wengert import walk
from wengert.arrays import as_array
from wengert.config import using_config, walker
from wengert.core import Function, Parameter, Variable
from wengert.names import public
from wengert.scopes import Registration, checked, without
from wengert.trace import NOWHERE, LayerScope, Line, layer_scope, origins


@dataclass(frozen=True, eq=False)
class Value:
    """A Variable of a graph.

    Attributes:
        index: values are numbered as they appear in the program.
        variable: the Variable.
        node: what computed it, or None for a leaf.
    """

    index: int
    variable: Variable = field(repr=False)
    node: "Node | None" = field(repr=False)

    @property
    def name(self) -> str | None:
        """The name of the Variable."""
        return self.variable.name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the Variable."""
        return self.variable.shape

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The dtype of the Variable."""
        return self.variable.dtype

    @property
    def kind(self) -> str:
        """ "parameter", "variable" or "constant" for a leaf; "result" for what a node computed."""
        if self.node is not None:
            return "result"
        if isinstance(self.variable, Parameter):
            return "parameter"
        return "variable" if self.variable.requires_grad else "constant"


@dataclass(eq=False)
class Node:
    """A recorded call of a Function.

    Attributes:
        index: nodes are numbered in the order of the program.
        function: the Function.
        inputs: what it was called on.
        outputs: what it computed.
        layer: path of the layer that made the call, such as "blocks.2.attention", if traced.
        line: line of the program that made the call, if traced.
    """

    index: int
    function: Function
    inputs: tuple[Value, ...]
    layer: str
    line: Line | None
    outputs: tuple[Value, ...] = ()

    @property
    def kind(self) -> str:
        """The name of the class of the Function."""
        return type(self.function).__name__

    @property
    def options(self) -> dict[str, Any]:
        """The options of the Function."""
        return self.function.options()

    @property
    def needs(self) -> tuple[bool, ...]:
        """Which of the inputs need a gradient."""
        return tuple(self.function.needs)

    @property
    def xs(self) -> tuple[ndarray, ...]:
        """The arrays that the Function was called on (the data of an input may be another now)."""
        record = self.function._record or self.function.no_record()
        return tuple([np.asarray(x) for x in record[2][:]])

    @property
    def ys(self) -> tuple[ndarray, ...]:
        """The arrays that the Function computed."""
        record = self.function._record or self.function.no_record()
        return tuple([np.asarray(y) for y in record[3][:]])

    def __str__(self) -> str:
        """ "%3 = Pow(c=2)(%1)  (2, 3) float64  layers.0  train.py:12"."""
        outputs = ", ".join(f"%{y.index}" for y in self.outputs)
        inputs = ", ".join(f"%{x.index}" for x in self.inputs)
        forms = [f"{y.shape} {y.dtype}" for y in self.outputs]
        origin = [str(part) for part in (self.layer, self.line) if part]
        return "  ".join([f"{outputs} = {self.function!r}({inputs})", *forms, *origin])


class Graph:
    """What one or several Variables were computed by.

    Args:
        outputs: a Variable, or several.

    Attributes:
        nodes: the calls of Functions, in the order of the program.
        outputs: the values that the graph leads to.

    Printed, a graph is a list with a line for each leaf and node.

    Example:
        >>> x = Variable(np.array([1.0, 2.0]), "x")
        >>> print(Graph(np.sum(x**2)))
        %0 = variable x  (2,) float64
        %1 = Pow(c=2)(%0)  (2,) float64
        %2 = Sum(axis=None, keepdims=False)(%1)  () float64
    """

    def __init__(self, outputs: Variable | Sequence[Variable]) -> None:
        if isinstance(outputs, Variable):
            outputs = [outputs]
        for y in outputs:
            if not isinstance(y, Variable):
                raise TypeError(f"Graph: got a {type(y).__name__}, needed Variables")
        self._values: dict[Variable, Value] = {}
        self.nodes: list[Node] = [
            self._read(i, f) for i, f in enumerate(walk.wengert_list(outputs))
        ]
        self.outputs: tuple[Value, ...] = tuple([self._value(y) for y in outputs])

    def _read(self, index: int, function: Function) -> Node:
        inputs = tuple([self._value(x) for x in function.inputs])
        origin = origins.get(function, NOWHERE)
        node = Node(index, function, inputs, origin.layer, origin.line)
        node.outputs = tuple([self._value(y, node) for y in function.outputs])
        return node

    def _value(self, variable: Variable, node: Node | None = None) -> Value:
        if variable not in self._values:
            self._values[variable] = Value(len(self._values), variable, node)
        return self._values[variable]

    @property
    def values(self) -> list[Value]:
        """The Variables of the graph, in the order in which the program met them."""
        return list(self._values.values())

    @property
    def leaves(self) -> list[Value]:
        """The values that no node computed: inputs, parameters, constants."""
        return [value for value in self.values if value.node is None]

    def value(self, variable: Variable) -> Value:
        """The value of a Variable.

        Raises:
            KeyError: the Variable is not in the graph.
        """
        if variable not in self._values:
            raise KeyError(f"Graph: {variable!r:.80} is not in this graph")
        return self._values[variable]

    @cached_property
    def _nodes(self) -> dict[Function, Node]:
        return {node.function: node for node in self.nodes}

    def node(self, function: Function) -> Node:
        """The node of a Function.

        Raises:
            KeyError: the Function is not in the graph.
        """
        if function not in self._nodes:
            raise KeyError(f"Graph: {function!r:.80} is not in this graph")
        return self._nodes[function]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes and {len(self.leaves)} leaves>"

    def __str__(self) -> str:
        lines: dict[int, str] = {}
        for value in self.values:
            name = f" {value.name}" if value.name else ""
            form = f"{value.shape} {value.dtype}"
            lines[value.index] = (
                str(value.node) if value.node is not None
                else f"%{value.index} = {value.kind}{name}  {form}"
            )  # fmt: skip
        return "\n".join(dict.fromkeys(lines.values()))


# ---- The backward pass, step by step ----


@dataclass(frozen=True, eq=False)
class Step:
    """What one Function does in the backward pass.

    Attributes:
        node: the call that is walked back.
        gys: the complete gradient of each output (zeros for one that no gradient has reached).
        gxs: the gradient that comes out for each input, in the input's shape; None where none is
            needed, or the Function gives none.
        sums: for each input, the sum of the gradients that have reached it, this one included.
        grows: for each input, whether an earlier step had reached it.
    """

    node: Node
    gys: tuple[ndarray, ...]
    gxs: tuple[ndarray | None, ...]
    sums: tuple[ndarray | None, ...]
    grows: tuple[bool, ...]


def steps_back(
    outputs: Variable | Sequence[Variable], grad_outputs: Sequence[Any] | None = None
) -> Iterator[Step]:
    """The backward pass from `outputs`, one Function at a time. No Variable's `grad` is changed.

    Args:
        outputs: where to start: Variables, or one.
        grad_outputs: a gradient for each output, by default ones.

    Yields:
        A Step for each Function that a gradient reaches, from the last of the program to the first.

    Raises:
        RuntimeError: an output has no graph.

    Example:
        >>> x = Variable(np.array(3.0))
        >>> for step in steps_back(x * x + x):
        ...     print(step.node.kind, *step.gxs, "sum:", step.sums[-1])
        Add 1.0 1.0 sum: 1.0
        Mul 3.0 3.0 sum: 7.0
    """
    outputs = [outputs] if isinstance(outputs, Variable) else list(outputs)
    graph = Graph(outputs)
    with using_config("enable_backprop", False):
        sums = walk.seeds(outputs, grad_outputs, use_grad=False)
    for node in reversed(graph.nodes):
        with using_config("enable_backprop", False):
            step = _step(node, sums)
        if step is not None:
            yield step


def _step(node: Node, sums: walk.Gradients) -> Step | None:
    f = node.function
    gys = walk.incoming(f, sums, ())
    if not gys:
        return None
    # the walk itself, on a copy of f whose inputs are distinct even where one is given twice
    _, needs, xs, ys, references = f._record or f.no_record()
    stand_ins = tuple([value.variable.stand_in() for value in node.inputs])
    copy = f.variant(needs)
    copy._record = stand_ins, needs, xs, ys, references
    found = dict(zip([y.variable for y in node.outputs], gys, strict=True))
    walk.walk([copy], found)
    gxs = [as_array(found[s]) if s in found else None for s in stand_ins]
    grows = []
    for value, gx in zip(node.inputs, gxs, strict=True):
        x = value.variable
        grows.append(gx is not None and x in sums)
        if gx is not None:
            sums[x] = as_array(sums[x] + gx) if x in sums else gx
    totals = [sums.get(value.variable) for value in node.inputs]
    return Step(node, tuple([as_array(gy) for gy in gys]), tuple(gxs), tuple(totals), tuple(grows))


# ---- Events ----


def watch(
    function: Function,
    of_inputs: Callable[[Sequence[ndarray]], Sequence[ndarray]],
    of_outputs: Callable[[Sequence[ndarray]], Sequence[ndarray]],
) -> None:
    """Replaces the sequences in which the record of a call keeps its arrays, if there is one."""
    if function._record:
        inputs, needs, xs, ys, references = function._record
        function._record = inputs, needs, of_inputs(xs), of_outputs(ys), references


LeafObserver = Callable[[Variable], Any]
_leaf_observers: ContextVar[tuple[LeafObserver, ...]] = ContextVar("leaf_observers", default=())


def leaf_gradients(fn: LeafObserver) -> Registration:
    """Calls `fn(leaf)` as soon as the gradient of a leaf is complete, like `hook` for calls.

    It is called in the middle of a `backward`, once for each leaf of the graph that needs a
    gradient, when the walk has passed the last Function that uses it: `leaf.grad` is final, while
    the gradients of other leaves are still to come. (It is None if no gradient reached the leaf.)

    Example:
        >>> a, b = Variable(np.array(2.0), "a"), Variable(np.array(3.0), "b")
        >>> with leaf_gradients(lambda leaf: print(leaf.name, leaf.grad)):
        ...     (np.exp(a) * b).backward()
        b 7.38905609893065
        a 22.16716829679195
    """
    observe = checked("leaf_gradients", fn)

    def add() -> None:
        _leaf_observers.set((*_leaf_observers.get(), observe))
        walker.set(_walk_by_leaf)

    def remove() -> None:
        _leaf_observers.set(without(_leaf_observers.get(), observe))
        if not _leaf_observers.get():
            walker.set(None)

    return Registration(add, remove)


def _walk_by_leaf(
    functions: list[Any], grads: walk.Gradients, kept: Collection[Variable], retain_graph: bool
) -> None:
    """The walk, one Function at a time; the first Function that uses a leaf completes it."""
    first_use: dict[Variable, Function] = {}
    for f in functions:
        for x in f.inputs:
            if x.creator is None and x.requires_grad:
                first_use.setdefault(x, f)
    names: dict[Variable, set[Variable]] = {}  # leaves, and what replaces them in records
    for y in grads:
        if y.creator is None:
            names.setdefault(y.resolve(), set()).add(y)
    _complete([x for x in names if x not in first_use], names, grads)
    while functions:
        f = functions.pop()
        for x in f._record[0]:
            if x.creator is None:
                names.setdefault(x.resolve(), set()).add(x)
        leaves = [x for x in dict.fromkeys(f.inputs) if first_use.get(x) is f]
        walk.walk([f], grads, kept, retain_graph)
        _complete(leaves, names, grads)


def _complete(
    leaves: list[Variable], names: dict[Variable, set[Variable]], grads: walk.Gradients
) -> None:
    """Adds the gradients of these leaves to their `grad`, and calls the observers."""
    complete = {x: grads.pop(x) for leaf in leaves for x in names[leaf] if x in grads}
    if complete:
        walk.accumulate(walk.finished(complete))
    for leaf in leaves:
        for observe in _leaf_observers.get():
            observe(leaf)


@dataclass(frozen=True, eq=False)
class LayerCall:
    """A call of a Layer: its path in the outermost layer, the layer, its inputs and its output."""

    path: str
    layer: Any
    inputs: tuple[Any, ...]
    output: Any


@contextmanager
def layer_calls() -> Iterator[list[LayerCall]]:
    """The list that the calls of layers are appended to as they return, in a `with` block."""
    calls: list[LayerCall] = []
    scope = layer_scope.get() or LayerScope()

    def note(path: str, layer: Any, inputs: tuple[Any, ...], output: Any) -> None:
        calls.append(LayerCall(path, layer, inputs, output))

    token = layer_scope.set(replace(scope, observers=(*scope.observers, note)))
    try:
        yield calls
    finally:
        layer_scope.reset(token)


__all__, __dir__ = public(globals())
