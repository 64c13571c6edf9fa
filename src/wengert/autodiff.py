"""Derivatives as functions: gradients of chosen Variables, and transforms of plain functions.

The transforms (`value_and_grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `hvp`) take functions of
arrays, numbers, or tuples, lists and dicts of them, in which None stays None. Given arrays they
give arrays. Where a Variable comes in, as an argument or because the function uses one from
outside, they give Variables that can be differentiated again (unless under `no_grad`): so they nest
in any order.
"""

import functools
from collections.abc import Callable, Collection
from typing import Any, overload

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array
from wengert.config import enable_backprop, made, using_config
from wengert.core import Function, Variable, as_variable
from wengert.names import public
from wengert.trees import flatten
from wengert.walk import finished, seeds, walk, wengert_list

# ---- Gradients of chosen Variables ----


@overload
def grad(
    outputs: Any, inputs: Variable, grad_outputs: Any = None, create_graph: bool = False
) -> Variable: ...
@overload
def grad(
    outputs: Callable[..., Any],
    inputs: int | tuple[int, ...] = 0,
    *,
    argnums: int | tuple[int, ...] | None = None,
) -> Callable[..., Any]: ...
@overload
def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, create_graph: bool = False
) -> Any: ...
def grad(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    create_graph: bool = False,
    *,
    argnums: int | tuple[int, ...] | None = None,
) -> Any:
    """Gradients of `outputs` with respect to `inputs`; no Variable's `grad` is changed.

    `grad(f)`, for a function f of one number or more that returns one number, is its gradient as a
    function: `grad(f)(x)` is `value_and_grad(f)(x)[1]`. `grad(f, argnums)` chooses the arguments.

    Only the paths from the outputs to these inputs are walked. An input may be anywhere in the
    graph. Where the outputs do not depend on it, its gradient is zero.

    Args:
        outputs: a Variable, or a tuple, list or dict of them; their gradients are added up.
        inputs: likewise. (For a function, `argnums`.)
        grad_outputs: gradients to start with, in the structure of `outputs`; by default ones.
        create_graph: record the walk, so that the gradients can be differentiated again.
        argnums: of a function: index of the argument to differentiate, or a tuple of indices.

    Returns:
        Variables in the structure of `inputs`.

    Raises:
        RuntimeError: an output has no graph, or an input is a constant.
        TypeError: an input is not a Variable.

    Example:
        >>> grad(lambda x: x**3)(2.0)
        array(12.)
    """
    if callable(outputs) and not isinstance(outputs, Variable):
        return _gradient_function(outputs, inputs, argnums)
    if inputs is None or argnums is not None:
        raise TypeError(
            f"grad: got a {type(outputs).__name__} without inputs, needed grad(outputs, inputs) "
            f"for Variables, or grad(f, argnums) for a function"
        )
    ys, _ = flatten(outputs)
    xs, rebuild = flatten(inputs)
    for name, variables in (("output", ys), ("input", xs)):
        for x in variables:
            if not isinstance(x, Variable):
                hint = "; use model.named_params()" if hasattr(x, "named_params") else ""
                raise TypeError(
                    f"grad: got a {type(x).__name__} as {name}, needed a Variable{hint}"
                )
    if not all(x.requires_grad for x in xs):
        raise RuntimeError(
            "grad: an input is a constant (requires_grad is False): it has no gradient"
        )
    gys = None if grad_outputs is None else _flat_gradients(grad_outputs, outputs)
    with using_config("enable_backprop", create_graph):
        grads = seeds(ys, gys, use_grad=False)
        walk(_paths_to(set(xs), ys), grads, set(xs))
        grads = finished(grads)
    return rebuild([
        grads[x] if x in grads else Variable(np.zeros_like(x.data), requires_grad=create_graph)
        for x in xs
    ])  # fmt: skip


def _flat_gradients(gradients: Any, outputs: Any) -> list[Any]:
    """The gradients of `outputs`: for a list, None stands for ones."""
    if isinstance(outputs, list | tuple) and all(isinstance(y, Variable) for y in outputs):
        return list(gradients)
    return flatten(gradients)[0]


def _gradient_function(f: Callable[..., Any], *argnums: Any) -> Callable[..., Any]:
    chosen = [n for n in argnums if n is not None] or [0]
    if len(chosen) > 1:
        raise TypeError(
            f"grad: got a function with argnums {', '.join(f'{n!r:.40}' for n in chosen)}, needed "
            f"the index of an argument, or a tuple: grad(f)(x)"
        )
    both = value_and_grad(f, chosen[0], caller="grad")

    @functools.wraps(f)
    def gradient(*args: Any, **options: Any) -> Any:
        return both(*args, **options)[1]

    return gradient


def _paths_to(inputs: Collection[Variable], outputs: list[Variable]) -> list[Function]:
    """The Functions on a path from `inputs` to `outputs`, in the order in which they ran.

    One that also has other inputs is copied, with `needs` cut down to those on the path.
    """
    paths: dict[Function, Function] = {}
    for f in wengert_list(outputs):
        leads = [x.requires_grad and (x in inputs or x.creator in paths) for x in f.inputs]
        if True in leads:
            paths[f] = f if leads == f.needs else f.variant(leads)
    return list(paths.values())


# ---- Transforms of functions ----


def value_and_grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, caller: str = "value_and_grad"
) -> Callable[..., tuple[Any, Any]]:
    """A function that returns the value of f, one number, and its gradient.

    Args:
        f: a function whose value is one number.
        argnums: index of the argument to differentiate; or a tuple of indices, for a tuple of
            gradients.
        caller: the name in messages.

    Example:
        >>> value_and_grad(lambda x: x * x)(3.0)
        (array(9.), array(6.))
    """
    argnums = _checked_argnums(caller, f, argnums)

    @functools.wraps(f)
    def value_and_grad_of_f(*args: Any, **options: Any) -> tuple[Any, Any]:
        xs, y, nested = _called(caller, f, args, argnums, options)
        if not _is_one_number(y):
            raise ValueError(
                f"{caller}: the function returned {_form(y)}, needed one number; "
                f"take a sum or mean, or use vjp or jacobian"
            )
        return _plain((y, gradient_of(y, xs, None, nested)), nested)

    return value_and_grad_of_f


def vjp(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """f's value at `args`, and the function gy ↦ gyᵀ J that pulls gradients back to the arguments.

    J is the Jacobian of f. The pullback returns a tuple: a gradient for each argument.

    Example:
        >>> y, pullback = vjp(lambda a, b: a * b, 2.0, 3.0)
        >>> pullback(1.0)
        (array(3.), array(2.))
    """
    xs, y, nested = _called("vjp", f, args)

    def pullback(gy: Any) -> tuple[Any, ...]:
        _matching("vjp", gy, y)
        create_graph = nested or _has_variable(gy)
        return _plain(gradient_of(y, xs, gy, create_graph), create_graph)

    return _plain(y, nested), pullback


def jvp(f: Callable[..., Any], args: Any, tangents: Any) -> tuple[Any, Any]:
    """f's value at `args`, and the directional derivative J v along `tangents`.

    gy ↦ gyᵀ J is linear in gy, so its own pullback of v is J v: two backward passes
    compute one forward derivative.

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
    _matching("jvp", tangents, args)
    xs, y, nested = _called("jvp", f, args)
    nested = nested or _has_variable(tangents)
    ys, rebuild = flatten(y)
    gys = [Variable(np.zeros_like(as_variable(y).data)) for y in ys]
    gxs = gradient_of(y, xs, rebuild(gys), create_graph=True)
    tangent = gradient_of(gxs, rebuild(gys), tangents, nested)
    return _plain((y, tangent), nested)


def jacobian(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns the Jacobian of f, of shape y.shape + x.shape: J[i, j] = ∂yᵢ/∂xⱼ.

    It needs one backward pass for each element of y. If x or y is a tuple, list or dict, the result
    has the same structure, with Jacobians as leaves (y's structure outside, x's inside).

    Example:
        >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
    """
    argnums = _checked_argnums("jacobian", f, argnums)

    @functools.wraps(f)
    def jacobian_of_f(*args: Any, **options: Any) -> Any:
        xs, value, nested = _called("jacobian", f, args, argnums, options)
        ys, rebuild_y = flatten(value)
        leaves, rebuild_x = flatten(xs)
        rows = []
        for y in map(as_variable, ys):
            basis = np.eye(max(1, y.size), dtype=y.dtype)[: y.size].reshape(y.size, *y.shape)
            grads = [gradient_of(y, leaves, e, nested) for e in basis]
            rows.append(rebuild_x([
                np.reshape(np.stack([g[i] for g in grads]), y.shape + x.shape)
                if grads else Variable(np.zeros(y.shape + x.shape, x.dtype))
                for i, x in enumerate(leaves)
            ]))  # fmt: skip
        return _plain(rebuild_y(rows), nested)

    return jacobian_of_f


def hessian(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of f, one number: H[i, j] = ∂²f/∂xᵢ∂xⱼ.

    Example:
        >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
        array([[4., 2.],
               [2., 0.]])
    """
    with_gradient = value_and_grad(f, argnums, caller="hessian")
    return jacobian(functools.wraps(f)(lambda *xs, **o: with_gradient(*xs, **o)[1]), argnums)


def hvp(f: Callable[..., Any], args: Any, vectors: Any) -> Any:
    """H v: the Hessian of f, one number, times a vector; the Hessian itself is not computed.

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
    _matching("hvp", vectors, args)
    gradient_of_f = value_and_grad(f, tuple(range(len(args))))
    xs, gxs, nested = _called("hvp", lambda *xs: gradient_of_f(*xs)[1], args)
    nested = nested or _has_variable(vectors)
    return _plain(gradient_of(gxs, xs, vectors, nested), nested)


# ---- Shared by the transforms ----


def _has_variable(tree: Any) -> bool:
    return any(isinstance(leaf, Variable) for leaf in flatten(tree)[0])


def _called(
    name: str,
    f: Callable[..., Any],
    args: tuple[Any, ...],
    argnums: Any = None,
    options: dict[str, Any] | None = None,
) -> tuple[Any, Any, bool]:
    """New Variables for the chosen arguments, the value of f for them, and whether it is nested.

    An argument that is a Variable is replaced by a recorded copy. So the derivative is with respect
    to this argument only, even if f also uses the same Variable from outside (as an inner function
    does). The value is nested if it also depends on Variables from outside, by which it can be
    differentiated.
    """
    chosen = _chosen(name, args, argnums)
    outer = enable_backprop.get()
    with using_config("enable_backprop", True):
        leaves, rebuild = flatten(chosen)
        copies: list[Any] = [
            np.positive(x) if isinstance(x, Variable) and x.requires_grad
            else Variable(_numbers(name, x))
            for x in leaves
        ]  # fmt: skip
        xs = rebuild(copies)
        full = list(args)
        if isinstance(argnums, int):
            full[argnums] = xs
        else:
            for i, x in zip(range(len(args)) if argnums is None else argnums, xs, strict=True):
                full[i] = x
        y, own = _run(f, full, options or {})
        _check_value(name, y)
    own.update(copies)
    ys = [y for y in flatten(y)[0] if isinstance(y, Variable)]
    used = [*ys, *(x for f in wengert_list(ys) for x in f.inputs)]
    foreign = any(x.requires_grad and x.creator is None and x not in own for x in used)
    return xs, y, outer and (foreign or _has_variable(args))


def _run(f: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> tuple[Any, set[Any]]:
    """The value of f, and the leaves that were made on the way."""
    own: set[Any] = set()
    token = made.set(own)
    try:
        return f(*args, **options), own
    finally:
        made.reset(token)
        if (outer := made.get()) is not None:
            outer |= own


def _check_value(name: str, y: Any) -> None:
    for leaf in flatten(y)[0]:
        if not isinstance(leaf, Variable):
            try:
                as_array(leaf)
            except (TypeError, ValueError):
                raise TypeError(
                    f"{name}: the function returned {leaf!r:.80}, needed numbers and arrays"
                ) from None


def _numbers(name: str, x: Any) -> ndarray:
    """An argument as an array; integers have 64 bits, because small ones overflow."""
    try:
        array = as_array(x)
        if array.dtype.kind in "iub" and array.dtype != np.int64:
            array = array.astype(np.float64 if array.dtype == np.uint64 else np.int64)
        return array
    except TypeError:
        raise TypeError(
            f"{name}: got {x!r:.80} in an argument to differentiate, needed numbers and arrays "
            f"there; give others in an argument of their own, and choose with argnums"
        ) from None


def _checked_argnums(name: str, f: Any, argnums: Any) -> Any:
    """`argnums` as an int or a tuple of ints.

    Raises:
        TypeError: f is not a function, or argnums is an argument itself, as in jacobian(f, x).
        ValueError: argnums is a list or a text.
    """
    if not callable(f):
        raise TypeError(f"{name}: got {f!r:.80}, needed a function")
    several = isinstance(argnums, tuple)
    indices = argnums if several else (argnums,)
    if all(isinstance(n, int | np.integer) for n in indices):
        return tuple(map(int, indices)) if several else int(argnums)
    error = ValueError if isinstance(argnums, list | tuple | str) else TypeError
    other = "; or grad(f(x), x) for Variables" if name == "grad" else ""
    raise error(
        f"{name}: got a function with argnums {argnums!r:.80}, needed the index of an argument, "
        f"or a tuple of indices: {name}(f)(x){other}"
    )


def _chosen(name: str, args: tuple[Any, ...], argnums: Any) -> Any:
    """The arguments to differentiate: all (None), one, or a tuple of them."""
    if argnums is None:
        return args
    indices = argnums if isinstance(argnums, tuple) else (argnums,)
    if not all(isinstance(i, int) and -len(args) <= i < len(args) for i in indices):
        raise ValueError(
            f"{name}: got argnums {argnums!r} for {len(args)} positional arguments; "
            f"needed the index of one, or a tuple of indices"
        )
    if len({i % len(args) for i in indices}) < len(indices):
        raise ValueError(f"{name}: got argnums {argnums}, which names an argument twice")
    return tuple(args[i] for i in argnums) if isinstance(argnums, tuple) else args[argnums]


def _is_one_number(y: Any) -> bool:
    leaves, _ = flatten(y)
    return len(leaves) == 1 and as_variable(leaves[0]).size == 1


def _form(y: Any) -> str:
    return f"shape {np.shape(as_array(y))}" if isinstance(y, Variable) else type(y).__name__


def gradient_of(y: Any, xs: Any, gy: Any, create_graph: bool) -> Any:
    """`grad`, for outputs that may be constants: their gradient is zero."""
    ys, _ = flatten(y)
    gys = [None] * len(ys) if gy is None else flatten(gy)[0]
    pairs = [(y, g) for y, g in zip(ys, gys, strict=True) if getattr(y, "requires_grad", False)]
    return grad([y for y, _ in pairs], xs, [g for _, g in pairs], create_graph)


def _matching(name: str, vectors: Any, values: Any) -> None:
    """Raises ValueError unless each vector has the shape of its value."""
    shapes = [[as_variable(x).shape for x in flatten(tree)[0]] for tree in (vectors, values)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{name}: got vectors of shapes {shapes[0]} for values of shapes {shapes[1]}; "
            f"give a vector of the same shape for each value"
        )


def _plain(tree: Any, nested: bool) -> Any:
    """The tree unchanged if it will be differentiated again, else with arrays as leaves."""
    if nested:
        return tree
    leaves, rebuild = flatten(tree)
    return rebuild([as_variable(leaf).data for leaf in leaves])


__all__, __dir__ = public(globals())
