"""Recomputation: a second forward pass instead of memory for intermediate results."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from wengert import random
from wengert.arguments import text_of
from wengert.arrays import snapshot
from wengert.autodiff import gradient_of
from wengert.config import add_hook, enable_backprop, using_config
from wengert.core import Function, Parameter, Variable
from wengert.names import public
from wengert.tape import Tape
from wengert.trace import LayerScope, layer_scope
from wengert.trees import flatten

LARGE = 2**16  # bytes: larger Buffers that f does not change are not copied


def recompute(f: Callable[..., Any], *args: Any) -> Any:
    """f(*args), of which only the inputs are kept: `backward` computes the rest a second time.

    This saves the memory of the intermediate results of f, and costs a second forward pass. The
    result is that of f(*args), to derivatives of any order. f may use Variables that are not among
    `args` (a layer's Parameters), and random numbers: the second pass draws the same ones. Layers
    that f calls have the mode and the Buffers of the first pass, and the second pass leaves the
    Buffers as they are: batch normalisation updates its running statistics once. Parameters have
    their values of the first pass, even if an optimizer has updated them in between.

    Args:
        f: a function of Variables, without other side effects.
        args: its arguments: Variables, and any other values, which are passed unchanged (arrays of
            integers and booleans as copies, so that they may be refilled).

    Source: A. Griewank, A. Walther: Revolve, ACM TOMS 26 (2000); T. Chen et al.: Training deep nets
    with sublinear memory cost, arXiv:1604.06174.
    """
    if not enable_backprop.get():
        return f(*args)
    inside: set[Function] = set()
    program = Program(f, args)
    with add_hook(lambda function, xs, ys: inside.add(function)), program.first_run():
        ys, rebuild = flatten(f(*args))
    # the inputs: Variables that f uses or returns, and has not computed
    used = [x for function in inside for x in function.inputs]
    used += [y for y in ys if isinstance(y, Variable)]
    used = list(dict.fromkeys(used))
    inputs = [x for x in used if x.requires_grad and x.creator not in inside]
    # frozen Parameters have their values of the first pass, too
    inputs += [x for x in used if isinstance(x, Parameter) and not x.requires_grad]
    inputs = program.take_inputs(inputs)
    program.results = tuple([y.data for y in ys if isinstance(y, Variable)])
    outputs = iter(Recompute(program)(*inputs) if program.results else ())
    return rebuild([next(outputs) if isinstance(y, Variable) else y for y in ys])


class Input(NamedTuple):
    """Placeholder for an argument that is an input of the Function, which refers to it already."""

    position: int
    is_array: bool


class Program:
    """A call of `f` that can be repeated: in the same modes, with the same Buffers and numbers."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.f = f
        leaves, self.rebuild = flatten(args)
        self.args = [snapshot(a) for a in leaves]
        self.tape = Tape()
        self.buffers: dict[Variable, np.ndarray] = {}  # of the layers that f calls, before the call
        self.random_state = random.get_state()
        self.results: tuple[np.ndarray, ...] | None = None  # of the first run, until it is taken

    def __repr__(self) -> str:
        return f"Program({text_of(self.f)})"

    def take_results(self) -> tuple[np.ndarray, ...]:
        """The arrays of the first run, which are not kept."""
        if self.results is None:
            raise RuntimeError(
                "Recompute: got a second call, but its program belongs to the first; "
                "call recompute(f, *args) again"
            )
        results, self.results = self.results, None
        return results

    @contextmanager
    def first_run(self) -> Iterator[None]:
        """A `with` block for the first run, which keeps the state that can change."""
        scope = layer_scope.get() or LayerScope()
        token = layer_scope.set(replace(scope, starts=(*scope.starts, self._keep_buffers)))
        method_of: Any = getattr(self.f, "__self__", None)
        if hasattr(method_of, "named_layers"):
            for layer in method_of.named_layers().values():
                self._keep_buffers(layer)
        try:
            with self.tape.recording():
                yield
        finally:
            layer_scope.reset(token)
        for buffer in self.tape.changed & self.buffers.keys():
            del self.buffers[buffer]  # (its change is left out in a repetition)
        for buffer, before in self.buffers.items():
            if before.nbytes > LARGE and _equal(buffer.data, before):
                self.buffers[buffer] = buffer.data  # (an update assigns another array)

    def _keep_buffers(self, layer: Any) -> None:
        for buffer in layer.own_buffers():
            if buffer not in self.buffers:
                self.buffers[buffer] = buffer.data.copy()

    @contextmanager
    def _with_buffers(self) -> Iterator[None]:
        """The Buffers as they were before the first run, within a `with` block."""
        now = {b: b.data for b, before in self.buffers.items() if not _equal(b.data, before)}
        try:
            for buffer in now:
                buffer.data = self.buffers[buffer].copy()
            yield
        finally:
            for buffer, data in now.items():
                buffer.data = data

    def take_inputs(self, inputs: list[Variable]) -> list[Variable]:
        """Adds the arguments that are constants or arrays of floats to `inputs`, and keeps the
        positions of all arguments that are among them."""
        inputs = inputs.copy()
        positions = {x: i for i, x in enumerate(inputs)}
        for i, a in enumerate(self.args):
            is_array = type(a) is np.ndarray and a.dtype.kind == "f"
            if not (is_array or type(a) is Variable):
                continue
            x = Variable.constant(a) if is_array else a
            if x not in positions:
                positions[x] = len(inputs)
                inputs.append(x)
            self.args[i] = Input(positions[x], is_array)
        return inputs

    def run(self, inputs: Any) -> list[Any]:
        """The Variables of the result, recorded."""
        args = [
            a if not isinstance(a, Input)
            else inputs[a.position].data if a.is_array
            else inputs[a.position]
            for a in self.args
        ]  # fmt: skip
        random_state = random.get_state()
        random.set_state(self.random_state)
        try:
            with using_config("enable_backprop", True), self.tape.playing(), self._with_buffers():
                ys, _ = flatten(self.f(*self.rebuild(args)))
        finally:
            random.set_state(random_state)
        return [y for y in ys if isinstance(y, Variable)]


def _equal(x: np.ndarray, y: np.ndarray) -> bool:
    return x is y or (x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f"))


class Recompute(Function):
    """The call of a program, which is run again in the backward pass.

    Unlike other Functions, it has a program as its option, which has already been run once.
    """

    def __init__(self, program: Program) -> None:
        self.program = program

    def forward(self, *xs):
        return self.program.take_results()

    def backward(self, *gys):
        recorded = enable_backprop.get()
        arrays = self.xs  # (while the walk is recorded, this checks that no data was replaced)
        inputs = self.inputs
        before = [(x.creator, x.data) for x in inputs]
        for x, array in zip(inputs, arrays, strict=True):
            x.creator = None  # the backward pass of the program ends here
            if not recorded:
                x.data = array  # (an optimizer may have replaced it)
        try:
            ys = self.program.run(inputs)
            self._check_shapes(ys, gys)
            wanted = [x for x in inputs if x.requires_grad]
            grads = dict(zip(wanted, gradient_of(ys, wanted, list(gys), recorded), strict=True))
            return tuple([grads.get(x) for x in inputs])
        finally:
            for x, (creator, data) in zip(inputs, before, strict=True):
                x.creator, x.data = creator, data

    def _check_shapes(self, ys, gys):
        shapes = [y.shape for y in ys], [gy.shape for gy in gys]
        if shapes[0] != shapes[1]:
            raise RuntimeError(
                f"{self.program}: f computed shapes {shapes[1]} in the first pass and {shapes[0]} "
                f"in the second; it may only depend on its arguments, layers and random numbers"
            )

    @staticmethod
    def samples(rng):
        return iter(())  # see tests/test_autodiff.py


checkpoint = recompute  # the name in PyTorch and JAX (in wengert.training, a checkpoint is a file)

__all__, __dir__ = public(globals())
