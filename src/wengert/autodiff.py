"""Derivatives as functions: gradients of chosen Variables, and transforms of plain functions.

The transforms (`value_and_grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `hvp`) take functions of
arrays, numbers, or tuples, lists and dicts of them. Given arrays they give arrays; given a Variable
they give Variables that can be differentiated again, so they nest in any order.
"""

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from wengert import random
from wengert.config import enable_backprop, hook, no_grad, train, using_config
from wengert.core import Function, Variable, as_variable, gradients, start_of_walk
from wengert.walk import behind

# ---- Gradients of chosen Variables ----


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, create_graph: bool = False) -> Any:
    """Gradients of `outputs` with respect to `inputs`; nobody's `grad` is touched.

    Only the ways from the outputs to these inputs are walked. An input may stand anywhere in the
    graph. Where the outputs do not depend on it, its gradient is zero.

    Args:
        outputs: a Variable, or a tuple, list or dict of them; their gradients are added up.
        inputs: likewise.
        grad_outputs: gradients to start with, in the structure of `outputs`; by default ones.
        create_graph: record the walk, so that the gradients can be differentiated again.

    Returns:
        Variables in the structure of `inputs`.

    Raises:
        RuntimeError: an output has no graph.
        TypeError: an input is not a Variable.
    """
    ys, _ = flatten(outputs)
    xs, rebuild = flatten(inputs)
    for name, variables in (("output", ys), ("input", xs)):
        for x in variables:
            if not isinstance(x, Variable):
                raise TypeError(f"grad: got a {type(x).__name__} as {name}, needed a Variable")
    gys = [None] * len(ys) if grad_outputs is None else flatten(grad_outputs)[0]
    seeds = start_of_walk(ys, gys, create_graph, use_grad=False)
    with _ways_to(set(xs), ys) as functions:
        grads = gradients(ys, seeds, functions, set(xs), create_graph)
    return rebuild([
        grads[x] if x in grads else Variable(np.zeros_like(x.data), requires_grad=create_graph)
        for x in xs
    ])  # fmt: skip


@contextmanager
def _ways_to(inputs: Collection[Variable], outputs: list[Variable]) -> Iterator[list[Function]]:
    """The Functions that lead back to `inputs`, each told, for now, which of its inputs do."""
    before: dict[Function, list[bool]] = {}
    for f in reversed(behind(outputs)):
        leads = [x.requires_grad and (x in inputs or x.creator in before) for x in f.inputs]
        if True in leads:
            before[f], f.needs[:] = list(f.needs), leads
    try:
        yield list(reversed(before))
    finally:
        for f, needs in before.items():
            f.needs[:] = needs


# ---- Transforms of functions ----


def value_and_grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0
) -> Callable[..., tuple[Any, Any]]:
    """The function that gives f's value, one number, and its gradient.

    Args:
        f: a function to one number.
        argnums: which argument to differentiate, or a tuple of them (then so is the gradient).

    Example:
        >>> value_and_grad(lambda x: x * x)(3.0)
        (array(9.), array(6.))
    """

    @functools.wraps(f)
    def value_and_grad_of_f(*args: Any, **options: Any) -> tuple[Any, Any]:
        xs, nested = _variables(args, argnums)
        y = as_variable(f(*_with(args, argnums, xs), **options))
        if y.size != 1:
            raise ValueError(
                f"value_and_grad: the function gave shape {y.shape}, needed one number; "
                f"take a sum or mean, or use vjp or jacobian"
            )
        return _plain((y, _gradient(y, xs, None, nested)), nested)

    return value_and_grad_of_f


def vjp(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """f's value at `args`, and the function gy ↦ gyᵀ J that pulls gradients back to the arguments.

    J is the Jacobian of f. The pullback gives a tuple, one gradient for each argument.

    Example:
        >>> y, pullback = vjp(lambda a, b: a * b, 2.0, 3.0)
        >>> pullback(1.0)
        (array(3.), array(2.))
    """
    xs, nested = _variables(args)
    y = f(*xs)

    def pullback(gy: Any) -> tuple[Any, ...]:
        create_graph = nested or _has_variable(gy)
        return _plain(_gradient(y, xs, gy, create_graph), create_graph)

    return _plain(y, nested), pullback


def jvp(f: Callable[..., Any], args: Any, tangents: Any) -> tuple[Any, Any]:
    """f's value at `args`, and the directional derivative J v along `tangents`.

    gy ↦ gyᵀ J is linear in gy, so its own pullback of v is J v: two walks back make one forward.

    Args:
        f: the function.
        args: tuple of its arguments (or its only argument).
        tangents: v, in the same structure.

    Example:
        >>> jvp(lambda x: x**3, (2.0,), (1.0,))
        (array(8.), array(12.))
    """
    if not isinstance(args, tuple):
        args, tangents = (args,), (tangents,)
    xs, nested = _variables(args)
    nested = nested or _has_variable(tangents)
    y = f(*xs)
    ys, rebuild = flatten(y)
    gys = [Variable(np.zeros_like(as_variable(y).data)) for y in ys]
    gxs = _gradient(y, xs, rebuild(gys), create_graph=True)
    tangent = _gradient(gxs, rebuild(gys), _matching("jvp", tangents, args), nested)
    return _plain((y, tangent), nested)


def jacobian(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that gives f's Jacobian, of shape y.shape + x.shape: J[i, j] = ∂yᵢ/∂xⱼ.

    It takes one walk back for each element of y. Where x or y is a tuple, list or dict, the result
    is that structure of Jacobians (y's outside, x's inside).

    Example:
        >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
    """

    @functools.wraps(f)
    def jacobian_of_f(*args: Any, **options: Any) -> Any:
        xs, nested = _variables(args, argnums)
        ys, rebuild_y = flatten(f(*_with(args, argnums, xs), **options))
        leaves, rebuild_x = flatten(xs)
        rows = []
        for y in map(as_variable, ys):
            basis = np.eye(max(1, y.size), dtype=y.dtype)[: y.size].reshape(y.size, *y.shape)
            grads = [_gradient(y, leaves, e, nested) for e in basis]
            rows.append(rebuild_x([
                np.reshape(np.stack([g[i] for g in grads]), y.shape + x.shape)
                if grads else Variable(np.zeros(y.shape + x.shape, x.dtype))
                for i, x in enumerate(leaves)
            ]))  # fmt: skip
        return _plain(rebuild_y(rows), nested)

    return jacobian_of_f


def hessian(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that gives the second derivatives of f, one number: H[i, j] = ∂²f/∂xᵢ∂xⱼ.

    Example:
        >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
        array([[4., 2.],
               [2., 0.]])
    """
    with_gradient = value_and_grad(f, argnums)
    return jacobian(functools.wraps(f)(lambda *xs, **o: with_gradient(*xs, **o)[1]), argnums)


def hvp(f: Callable[..., Any], args: Any, vectors: Any) -> Any:
    """H v: the Hessian of f, one number, times a vector, without the Hessian itself.

    Args:
        f: the function.
        args: tuple of its arguments (or its only argument).
        vectors: v, in the same structure.

    Returns:
        H v in that structure.

    Example:
        >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), np.array([1.0, 0.0]))
        array([4., 2.])
    """
    if not isinstance(args, tuple):
        return hvp(f, (args,), (vectors,))[0]
    xs, nested = _variables(args)
    nested = nested or _has_variable(vectors)
    _, gxs = value_and_grad(f, tuple(range(len(args))))(*xs)
    return _plain(_gradient(gxs, xs, _matching("hvp", vectors, args), nested), nested)


# ---- Recomputing instead of keeping ----


def checkpoint(f: Callable[..., Any], *args: Any) -> Any:
    """f(*args), keeping only what goes in: the walk back computes the rest again.

    Memory for f's intermediate results is given up for the time of a second forward pass. The
    result is that of f(*args), to derivatives of any order; f may use Variables that are not among
    `args` (a layer's Parameters), and random numbers, which are drawn the same again.

    Args:
        f: a function of Variables, without side effects.
        args: its arguments: Variables, or anything else, which is passed on as it is.

    Source: A. Griewank, A. Walther: Revolve, ACM TOMS 26 (2000); T. Chen et al.: Training deep nets
    with sublinear memory cost, arXiv:1604.06174.
    """
    if not enable_backprop.get():
        return f(*args)
    variables = dict.fromkeys(x for x in flatten(args)[0] if isinstance(x, Variable))

    def collect(function: Function, xs: tuple[Variable, ...], ys: tuple[Variable, ...]) -> None:
        # under no_grad what f computes needs no gradient: an input that does comes from outside
        variables.update(dict.fromkeys(x for x in xs if x.requires_grad))

    call = Checkpoint(f, args)
    with no_grad(), hook(collect):
        ys, rebuild = flatten(f(*args))
    call.values = tuple(as_variable(y).data for y in ys)
    return rebuild(list(call(*variables)))


class Checkpoint(Function):
    """A call of `f` that is computed again, recorded this time, when the walk comes to it."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.f = f
        self.args = args
        self.train = train.get()
        self.random_state = random.get_state()
        self.values: tuple[np.ndarray, ...] = ()

    def forward(self, *xs: Any) -> Any:
        values, self.values = self.values, ()
        return values

    def backward(self, *gys: Any) -> Any:
        recorded = enable_backprop.get()
        inputs = self.inputs
        creators = [x.creator for x in inputs]
        random_state = random.get_state()
        random.set_state(self.random_state)
        for x in inputs:
            x.creator = None  # the walk below ends here: what is behind is the outer walk's
        try:
            with using_config("enable_backprop", True), using_config("train", self.train):
                ys, _ = flatten(self.f(*self.args))
            return tuple(_gradient(ys, inputs, list(gys), recorded))
        finally:
            for x, creator in zip(inputs, creators, strict=True):
                x.creator = creator
            random.set_state(random_state)

    @staticmethod
    def samples(rng: "np.random.Generator") -> Any:
        return iter(())  # it is no formula: tests/test_autodiff.py


# ---- Tuples, lists and dicts ----


def flatten(tree: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The leaves of nested tuples, lists and dicts, and the function that puts others in place."""
    if isinstance(tree, dict):
        leaves, rebuild_values = flatten(list(tree.values()))
        return leaves, lambda new: dict(zip(tree, rebuild_values(new), strict=True))
    if not isinstance(tree, tuple | list):
        return [tree], lambda new: new[0]
    parts = [flatten(part) for part in tree]

    def rebuild(new: Sequence[Any]) -> Any:
        start = 0
        built = []
        for leaves, rebuild_part in parts:
            built.append(rebuild_part(new[start : start + len(leaves)]))
            start += len(leaves)
        return type(tree)(*built) if hasattr(tree, "_fields") else type(tree)(built)

    return [leaf for leaves, _ in parts for leaf in leaves], rebuild


def _has_variable(tree: Any) -> bool:
    return any(isinstance(leaf, Variable) for leaf in flatten(tree)[0])


def _variables(args: tuple[Any, ...], argnums: Any = None) -> tuple[Any, bool]:
    """New Variables for the chosen arguments, and whether there were Variables among `args`.

    An argument that is a Variable is copied, recorded: the derivative is that along this argument
    alone, also where f uses the same Variable in another way (as an inner function does).
    """
    if argnums is None:
        chosen: Any = args
    elif isinstance(argnums, tuple):
        chosen = tuple(args[i] for i in argnums)
    else:
        chosen = args[argnums]
    leaves, rebuild = flatten(chosen)
    copies: list[Any] = [np.positive(x) if isinstance(x, Variable) else Variable(x) for x in leaves]
    return rebuild([x if x.requires_grad else Variable(x.data) for x in copies]), _has_variable(
        args
    )


def _with(args: tuple[Any, ...], argnums: Any, xs: Any) -> list[Any]:
    """`args` with `xs` in the chosen places."""
    full = list(args)
    if isinstance(argnums, tuple):
        for i, x in zip(argnums, xs, strict=True):
            full[i] = x
    else:
        full[argnums] = xs
    return full


def _gradient(y: Any, xs: Any, gy: Any, create_graph: bool) -> Any:
    """`grad`, for outputs that may be constants: their gradient is zero."""
    ys, _ = flatten(y)
    gys = [None] * len(ys) if gy is None else flatten(gy)[0]
    pairs = [(y, g) for y, g in zip(ys, gys, strict=True) if getattr(y, "requires_grad", False)]
    return grad([y for y, _ in pairs], xs, [g for _, g in pairs], create_graph)


def _matching(name: str, vectors: Any, args: Any) -> Any:
    """`vectors` if their shapes are those of `args`."""
    shapes = [[np.shape(getattr(x, "data", x)) for x in flatten(t)[0]] for t in (vectors, args)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{name}: got vectors of shapes {shapes[0]} for arguments of shapes {shapes[1]}; "
            f"give one of equal shape for each"
        )
    return vectors


def _plain(tree: Any, nested: bool) -> Any:
    """The tree as it is if it will be differentiated again, else as arrays."""
    if nested:
        return tree
    leaves, rebuild = flatten(tree)
    return rebuild([as_variable(leaf).data for leaf in leaves])
