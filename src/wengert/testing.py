"""Checks of derivatives, for the tests of wengert and of users' own Functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.autodiff import grad
from wengert.core import Variable, as_variable
from wengert.names import public
from wengert.trees import flatten


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    step: float = 1e-3,
    seed: int = 0,
) -> None:
    """Checks the derivatives of `f` at `args` against finite differences, in float64.

    For random u and v, uᵀ J v is computed twice: by the backward pass, as (uᵀ J) v, and by a
    fourth-order central difference of uᵀ f along v. Then the backward pass itself is checked as a
    function of the arguments and u, and so on up to `order`: each order uses one difference only.

    Args:
        f: a function of Variables that returns a Variable or a tuple of them.
        args: arguments of f; floating-point arrays and numbers are differentiated, others are
            constants.
        order: the highest derivative to check.
        rtol: allowed error, relative to the sum of the absolute terms of uᵀ J v.
        atol: allowed absolute error.
        step: of the differences; absolute, so choose it to suit the size of the arguments.
        seed: of the random directions.

    Raises:
        ValueError: there is no floating-point argument, or the order is below 1.
        AssertionError: a derivative is wrong; the message names its order, the argument, the
            element, and the error.
    """
    rng = np.random.default_rng(seed)
    arrays = [as_array(x) for x in args]
    arrays = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in arrays]
    if order < 1 or not any(x.dtype.kind == "f" for x in arrays):
        raise ValueError(
            f"check_gradients: got order {order} and arguments of {[str(x.dtype) for x in arrays]};"
            f" needed an order ≥ 1 and a floating-point argument"
        )
    name = getattr(f, "__name__", type(f).__name__)
    for n in range(1, order + 1):
        us = _check_order(f, arrays, rng, f"{name}, order {n}", rtol, atol, step)
        f = _gradient_of(f, len(arrays))
        arrays = [*arrays, *us]


def _check_order(
    f: Callable[..., Any],
    arrays: list[np.ndarray],
    rng: "np.random.Generator",
    name: str,
    rtol: float,
    atol: float,
    step: float,
) -> list[np.ndarray]:
    """Checks the first derivative of f, with a random u; returns u."""
    ys = _outputs(f, arrays)
    us = [rng.normal(size=y.shape) for y in ys]
    gxs = [as_array(g) for g in _gradient_of(f, len(arrays))(*arrays, *us)]
    indices = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
    vs = [rng.normal(size=arrays[i].shape) for i in indices]

    def along(directions: list[np.ndarray]) -> Any:
        """The finite difference of uᵀ f along these directions."""

        def value(t: float) -> Any:
            moved = list(arrays)
            for i, v in zip(indices, directions, strict=True):
                moved[i] = arrays[i] + t * v
            return sum(np.sum(u * y) for u, y in zip(us, _outputs(f, moved), strict=True))

        near = value(step) - value(-step)
        far = value(2 * step) - value(-2 * step)
        return (8 * near - far) / (12 * step)

    terms = [gx * v for gx, v in zip(gxs, vs, strict=True)]
    found = sum(np.sum(t) for t in terms)
    size = sum(np.sum(abs(t)) for t in terms)
    expected = along(vs)
    if not abs(found - expected) <= atol + rtol * size:
        where = _worst_elements(gxs, along, [arrays[i] for i in indices])
        raise AssertionError(
            f"check_gradients: {name}: backward gives {found:.10g} along a random direction, "
            f"finite differences give {expected:.10g} (difference {abs(found - expected):.3g}, "
            f"allowed {atol + rtol * size:.3g})\n{where}"
        )
    return us


def _worst_elements(gxs: list[np.ndarray], along: Callable[..., Any], xs: list[np.ndarray]) -> str:
    """For each argument, the element with the largest error of the gradient."""
    lines = []
    for i, (gx, x) in enumerate(zip(gxs, xs, strict=True)):
        expected = np.zeros_like(x)
        for index in np.ndindex(x.shape):
            direction = [np.zeros_like(other) for other in xs]
            direction[i][index] = 1
            expected[index] = along(direction)
        if x.size:
            error = np.nan_to_num(abs(gx - expected), nan=np.inf)
            worst = tuple(int(k) for k in np.unravel_index(np.argmax(error), x.shape))
            lines.append(
                f"  argument {i} {x.shape}: worst at {worst}: backward {gx[worst]:.10g}, "
                f"differences {expected[worst]:.10g}"
            )
    return "\n".join(lines)


def _outputs(f: Callable[..., Any], arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [as_array(y) for y in flatten(f(*map(Variable, arrays)))[0]]


def _gradient_of(f: Callable[..., Any], count: int) -> Callable[..., tuple[Variable, ...]]:
    """The function that maps the arguments of f, `count` of them, and u to the gradient uᵀ J."""

    def gradient(*args: Any) -> tuple[Variable, ...]:
        xs = [as_variable(x) if isinstance(x, Variable) else Variable(x) for x in args[:count]]
        ys, _ = flatten(f(*xs))
        us = args[count:]
        live = [i for i, y in enumerate(ys) if isinstance(y, Variable) and y.requires_grad]
        wanted = [x for x in xs if x.dtype.kind == "f"]
        return tuple(grad([ys[i] for i in live], wanted, [us[i] for i in live], create_graph=True))

    return gradient


__all__, __dir__ = public(globals())
