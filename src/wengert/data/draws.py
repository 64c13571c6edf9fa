"""Random draws of a data set's own code: from `np.random`, from `random`, and from generators.

`wengert.random.generator()` is a generator of the batch that is being fetched. User code may draw
elsewhere: from the global generators of NumPy and Python, which every forked process inherits in
the same state, or from a generator that the data set keeps. While a batch is fetched, all of these
are in a state that follows from the seed of the batch.
"""

import pickle
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from numpy import ndarray

AT_MOST = 2000  # objects in the search for generators
OURS = ("wengert.", "numpy.", "builtins.", "functools.", "collections.", "types.")


@dataclass(frozen=True)
class Source:
    """One source of random numbers: how its state is read, restored, and made from a seed."""

    get: Callable[[], Any]
    set: Callable[[Any], None]
    seed: Callable[["np.random.SeedSequence"], None]


class Draws:
    """The sources from which the code of a data set may draw.

    Attributes:
        outside: whether the data set or `collate` runs code that is not of this package: only then
            can it draw from elsewhere.
    """

    def __init__(self, *roots: Any) -> None:
        held, self.outside = _found(roots)
        self.sources: list[Source] = []
        if self.outside:
            self.sources = [_of_numpy(), _of_python(), _of_torch(), *map(_of_held, held)]

    @contextmanager
    def from_seed(self, seed: tuple[int, ...]) -> Iterator[None]:
        """Starts all sources from the seed; after the block, they are as they were before it."""
        before = [source.get() for source in self.sources]
        try:
            for k, source in enumerate(self.sources, 1):
                source.seed(np.random.SeedSequence((*seed, k)))
            yield
        finally:
            for source, state in zip(self.sources, before, strict=True):
                source.set(state)

    def __repr__(self) -> str:
        return f"Draws({len(self.sources)} sources)"

    def states(self) -> list[bytes]:
        """The states of the sources, for comparisons."""
        return [pickle.dumps(source.get()) for source in self.sources]


def _words(seed: "np.random.SeedSequence") -> ndarray:
    return seed.generate_state(8)


def _of_numpy() -> Source:
    legacy = np.random
    return Source(
        partial(legacy.get_state, legacy=False),
        legacy.set_state,
        lambda seed: legacy.seed(_words(seed)),
    )


def _of_python(source: Any = random) -> Source:
    return Source(
        source.getstate,
        source.setstate,
        lambda seed: source.seed(int.from_bytes(_words(seed).tobytes(), "little")),
    )


def _of_torch() -> Source:
    """Of PyTorch's generator, if the process has PyTorch; else one without a state.

    (The sources after it are numbered alike in all processes.)
    """
    generator = getattr(sys.modules.get("torch"), "default_generator", None)
    if generator is None:
        return Source(lambda: None, lambda state: None, lambda seed: None)
    return _of_held(generator)


def _is_of_torch(x: Any) -> bool:
    return str(type(x).__module__).startswith("torch") and hasattr(x, "manual_seed")


def _of_held(source: Any) -> Source:
    """Of a generator that the data set keeps."""
    if _is_of_torch(source):
        torch = sys.modules["torch"]
        return Source(
            lambda: source.get_state().numpy(),
            lambda state: source.set_state(torch.from_numpy(state)),
            lambda seed: source.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1)),
        )
    if isinstance(source, random.Random):
        return _of_python(source)
    if isinstance(source, np.random.RandomState):
        return Source(
            partial(source.get_state, legacy=False),
            source.set_state,
            lambda seed: source.set_state(_restarted(source, seed).get_state(legacy=False)),
        )
    bits = getattr(source, "bit_generator", source)
    return Source(
        lambda: bits.state,
        lambda state: setattr(bits, "state", state),
        lambda seed: setattr(bits, "state", type(bits)(seed).state),
    )


def _restarted(
    source: "np.random.RandomState", seed: "np.random.SeedSequence"
) -> "np.random.RandomState":
    bits = getattr(np.random, source.get_state(legacy=False)["bit_generator"])
    return np.random.RandomState(bits(seed))


# ---- The search ----


def _found(roots: Iterable[Any]) -> tuple[list[Any], bool]:
    """The generators that are reachable from `roots`, and whether code of other packages is."""
    shared = (random.random.__self__, np.random.rand.__self__)  # type: ignore[attr-defined]
    left, held, outside = deque(roots), [], False
    seen: dict[int, Any] = {}  # which keeps the objects, so that no two have the same id
    while left and len(seen) < AT_MOST:
        x = left.popleft()
        if isinstance(x, _LEAVES) or id(x) in seen:
            continue
        seen[id(x)] = x
        if any(x is each for each in shared):
            outside = True
        elif _is_generator(x):
            held.append(x)
            outside = True
        else:
            outside = outside or _is_outside(x)
            left.extend(_parts(x))
    return held, outside


def _is_generator(x: Any) -> bool:
    kinds = np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random
    return _is_of_torch(x) or (isinstance(x, kinds) and not isinstance(x, random.SystemRandom))


def _is_outside(x: Any) -> bool:
    if isinstance(x, type | FunctionType):
        return not f"{x.__module__}.".startswith(OURS)
    return not f"{type(x).__module__}.".startswith(OURS)


def _parts(x: Any) -> Iterable[Any]:
    """The objects inside an object, and those that its code uses."""
    if isinstance(x, list | tuple):
        return x[:AT_MOST]
    if isinstance(x, dict):
        return list(x.values())[:AT_MOST]
    if isinstance(x, FunctionType):
        return _of_function(x) if _is_outside(x) else ()
    if isinstance(x, MethodType):
        return (x.__self__, x.__func__)
    if isinstance(x, BuiltinMethodType):
        return () if isinstance(x.__self__, ModuleType) else (x.__self__,)
    if isinstance(x, partial):
        return (x.func, x.args, x.keywords)
    if isinstance(x, type):
        return vars(x).values() if _is_outside(x) else ()
    slots = [
        getattr(x, name, None) for c in type(x).__mro__ for name in getattr(c, "__slots__", ())
    ]
    return (*slots, *getattr(x, "__dict__", {}).values(), *type(x).__mro__[:-1])


def _of_function(function: FunctionType) -> Iterator[Any]:
    """The objects that a function can name: defaults, the enclosing scope, and globals."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


_LEAVES = (
    *(str, bytes, bytearray, int, float, complex, type(None), type(Ellipsis)),
    *(np.generic, np.dtype, np.ufunc, ModuleType, PurePath),
)
