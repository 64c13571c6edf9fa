"""Einstein's notation: sums of products, named by the labels of the axes."""

from __future__ import annotations

import itertools
import math
import string
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays import as_array
from wengert.core import Function
from wengert.dispatch import implements
from wengert.functions.arithmetic import astype
from wengert.functions.types import Input, X

__all__ = ["einsum"]


class Einsum(Function):
    """y = the product of the xs, summed over every label that y lacks.

    `terms` holds the labels of the axes of each input, without repeats within an input, and `out`
    those of y. The gradient of an input is an einsum too: of gy and the other inputs.
    """

    def __init__(self, terms: tuple[str, ...], out: str, optimize: Any = False) -> None:
        self.terms = terms
        self.out = out
        self.optimize = optimize

    def forward(self, *xs):
        half = np.result_type(*xs) == np.float16  # sums of float16 are computed in float32
        y = np.einsum(
            f"{','.join(self.terms)}->{self.out}",
            *[x.astype(np.float32) for x in xs] if half else xs,
            optimize=self.optimize,
        )
        return y.astype(np.float16) if half else y

    def backward(self, gy):
        return self._gradients(gy, lambda terms, out, xs: Einsum(terms, out, self.optimize)(*xs))

    def backward_past_zeros(self, gy):
        return self._gradients(gy, _einsum_past_zeros)

    def _gradients(self, gy: Any, einsum: Callable[..., Any]) -> tuple[Any, ...]:
        """The gradients; `einsum` computes one from gy and the other inputs."""
        xs = self.xs
        gxs: list[Any] = [None] * len(xs)
        for i, x in enumerate(xs):
            if not self.needs[i]:
                continue
            others = [k for k in range(len(xs)) if k != i]
            terms = [self.out, *[self.terms[k] for k in others]]
            # x may have been broadcast along an axis of size 1: sum over it too
            labels = zip(self.terms[i], x.shape, strict=True)
            out = "".join([c for c, n in labels if n != 1 and c in "".join(terms)])
            gx = einsum(tuple(terms), out, [gy, *[xs[k] for k in others]])
            gx = np.expand_dims(gx, tuple([a for a, c in enumerate(self.terms[i]) if c not in out]))
            # x was summed over a label that only x has: its gradient is constant along that axis
            gxs[i] = gx if gx.shape == x.shape else np.broadcast_to(gx, x.shape)
        return tuple(gxs)

    @staticmethod
    def samples(rng):
        shapes: dict[str, list[tuple[int, ...]]] = {
            "ij,jk->ik": [(2, 3), (3, 2)],
            "bij,bkj->bki": [(2, 3, 4), (2, 2, 4)],
            "i,j,ij->": [(2,), (3,), (2, 3)],
            "ij->i": [(2, 3)],
            "ij->ji": [(2, 3)],
            "ij,k->j": [(2, 3), (4,)],
            "ij,ij->ij": [(1, 3), (2, 1)],
            "ij,ij->j": [(1, 3), (2, 3)],
            ",i->i": [(), (3,)],
        }
        for subscripts in shapes:
            left, _, out = subscripts.partition("->")
            for optimize in (False, True):
                xs = tuple([rng.normal(size=shape) for shape in shapes[subscripts]])
                yield xs, {"terms": tuple(left.split(",")), "out": out, "optimize": optimize}


def _einsum_past_zeros(terms: tuple[str, ...], out: str, xs: list[Any]) -> Any:
    """The einsum of gy and others; where gy is 0, the others may be infinite or NaN."""
    y = Einsum(terms, out)(*xs)
    gy, *others = [as_array(x) for x in xs]
    finite = [np.isfinite(x) for x in others]
    used = np.zeros(y.shape, bool)  # where the gradient of a NaN or infinity is not 0
    for i, own in enumerate(finite):
        factors = [~own if k == i else np.ones_like(f) for k, f in enumerate(finite)]
        counts = [np.asarray(f, np.float64) for f in (gy != 0, *factors)]
        used |= Einsum(terms, out)(*counts) > 0
    kept = [xs[0], *[np.where(own, x, 0) for own, x in zip(finite, xs[1:], strict=True)]]
    return np.where(used, y, Einsum(terms, out)(*kept))


# ---- Public function ----


def einsum(subscripts: str, *xs: Input[X], optimize: Any = None) -> X:
    """The product of the xs, summed over the labels that are not in the result.

    Args:
        subscripts: a letter for each axis of each of the xs, and after "->" those of the result:
            "ij,jk->ik" is the matrix product. A letter twice in one input takes the diagonal.
            "..." stands for the axes without a letter; these broadcast. Without "->" the result
            has "...", then the letters that occur once, in alphabetical order.
        xs: the inputs.
        optimize: whether NumPy searches for the cheapest order and uses matrix products, or the
            order itself (see np.einsum_path). The search takes about 15 µs, so the default is
            True for large inputs only.

    Raises:
        ValueError: the subscripts have another form, or do not match the shapes.

    Example:
        >>> einsum("ii->i", np.array([[1, 2], [3, 4]]))
        array([1, 4])
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            f"einsum: got {type(subscripts).__name__} first, needed the subscripts, as 'ij,jk->ik'"
        )
    terms, out, sizes = _parsed(subscripts, [np.shape(x) for x in xs])
    arrays: list[Any] = list(xs)
    for i, term in enumerate(terms):
        arrays[i], terms[i] = _without_repeats(arrays[i], term)
    if optimize is None:
        optimize = len(xs) > 1 and math.prod(sizes.values()) >= 2**15
    return Einsum(tuple(terms), out, _plain(optimize))(*arrays)


@implements(np.einsum)
def _einsum(subscripts: Any, *xs: Any, optimize: Any = None, dtype: Any = None) -> Any:
    """`einsum`, also with lists of numbers: `einsum(x0, [0, 1], x1, [1, 2], [0, 2])`."""
    if not isinstance(subscripts, str):
        subscripts, xs = _from_lists((subscripts, *xs))
    if dtype is not None:
        xs = tuple([astype(x, dtype) for x in xs])
    y: Any = einsum(subscripts, *xs, optimize=optimize)
    return y


def _from_lists(operands: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The subscripts, and the inputs, of `x0, labels0, x1, labels1, …, labels of the result`."""
    xs, labels = operands[: len(operands) // 2 * 2 : 2], list(operands[1::2])
    if len(operands) % 2:
        labels.append(operands[-1])
    numbers = {n for items in labels for n in items if n is not ...}
    letters = sorted(string.ascii_letters)
    if not all(isinstance(n, int | np.integer) for n in numbers) or len(numbers) > len(letters):
        raise TypeError(f"einsum: got labels {labels}, needed lists of integers and ...")
    letter = dict(zip(sorted(numbers), letters, strict=False))
    terms = ["".join(["..." if n is ... else letter[n] for n in items]) for items in labels]
    subscripts = ",".join(terms[: len(xs)])
    return subscripts + ("->" + terms[-1] if len(operands) % 2 else ""), xs


def _plain(optimize):
    """The path of np.einsum_path, a list, as tuples."""
    return tuple(map(_plain, optimize)) if isinstance(optimize, list | tuple) else optimize


def _parsed(
    subscripts: str, shapes: list[tuple[int, ...]]
) -> tuple[list[str], str, dict[str, int]]:
    """Labels of the inputs and the result, with letters for the ellipsis; sizes of the labels."""

    def wrong(why: str) -> ValueError:
        return ValueError(f"einsum: got {subscripts!r} for shapes {str(shapes)[1:-1]}; {why}")

    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise wrong(f"needed {len(terms)} inputs, got {len(shapes)}")
    for term in (*terms, out):
        if not set(term.replace("...", "", 1)) <= set(string.ascii_letters):
            raise wrong(f"{term!r} is not made of letters and one '...'")

    # give letters to the axes of an ellipsis, from the right
    unlabelled = []
    for term, shape in zip(terms, shapes, strict=True):
        n = len(shape) - len(term.replace("...", ""))
        if n < 0 or (n > 0 and "..." not in term):
            raise wrong(f"{term!r} does not fit the {len(shape)} axes of {shape}")
        unlabelled.append(n)
    free = [c for c in string.ascii_letters if c not in subscripts]
    rest = "".join(free[: max(unlabelled)])
    if not arrow:
        counts = Counter(left.replace("...", "").replace(",", ""))
        out = "..." + "".join(sorted(c for c, count in counts.items() if count == 1))
    if rest and "..." not in out:
        raise wrong("needed '...' in the result too, or a letter for each axis")
    terms = [
        t.replace("...", rest[len(rest) - n :]) for t, n in zip(terms, unlabelled, strict=True)
    ]
    out = out.replace("...", rest)

    sizes: dict[str, int] = {}
    for c, n in zip("".join(terms), itertools.chain(*shapes), strict=True):
        if sizes.setdefault(c, n) == 1:
            sizes[c] = n
        elif n not in (1, sizes[c]):
            raise wrong(f"the label {c!r} has sizes {sizes[c]} and {n}")
    for term, shape in zip(terms, shapes, strict=True):
        if len(set(zip(term, shape, strict=True))) > len(set(term)):
            raise wrong(f"{term!r} takes a diagonal of axes that differ in size")
    if len(set(out)) < len(out) or not set(out) <= sizes.keys():
        raise wrong(f"the result {out!r} needs labels of the inputs, each once")
    return terms, out, sizes


def _without_repeats(x: Any, term: str) -> tuple[Any, str]:
    """x and its labels, with the diagonal taken for each label that appears twice."""
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            a = term.index(c)
            b = term.index(c, a + 1)
            x = np.diagonal(x, axis1=a, axis2=b)
            term = term[:a] + term[a + 1 : b] + term[b + 1 :] + c
    return x, term
