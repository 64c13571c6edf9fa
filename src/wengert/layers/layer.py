"""`Layer`: parameters, buffers, and layers inside, held as plain attributes."""

import copy
import inspect
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy import ndarray

from wengert.arrays import as_array
from wengert.core import Parameter, Variable
from wengert.layers.parameters import Buffer, Unsized

if TYPE_CHECKING:
    from wengert.layers.summary import Summary

Observer = Callable[["Layer", tuple[Any, ...], Any], Any]


class Layer:
    """A part of a model: a computation, and the Parameters that belong to it.

    A subclass assigns Parameters, Buffers, Layers, and lists, tuples or dicts of them, to
    attributes, and gives `forward`. They are found by looking at the attributes, in the order of
    assignment, and named by the way to them: `"layers.0.W"`. What is found on two ways has the
    first name only.
    """

    _hooks: tuple[Observer, ...] = ()

    def __call__(self, *xs: Any, **options: Any) -> Any:
        y = self.forward(*xs, **options)
        for observe in self._hooks:
            observe(self, xs, y)
        return y

    def forward(self, *xs: Any, **options: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no forward: define forward(self, x) in the class"
        )

    # -- what is inside --

    def named_params(self) -> dict[str, Parameter]:
        """The Parameters by name, in the order of assignment; without those not yet made."""
        return _named(self, Parameter)

    def params(self) -> list[Parameter]:
        """The Parameters, in the order of assignment."""
        return list(self.named_params().values())

    def named_buffers(self) -> dict[str, Buffer]:
        """The Buffers by name, in the order of assignment."""
        return _named(self, Buffer)

    def named_layers(self) -> dict[str, "Layer"]:
        """This Layer, as "", and all Layers inside by name, each before those inside of it."""
        return {"": self} | _named(self, Layer)

    def cleargrads(self) -> None:
        """Forgets the gradients of all Parameters."""
        for p in self.params():
            p.cleargrad()

    # -- state --

    def state_dict(self) -> dict[str, ndarray]:
        """Copies of the values of Parameters and Buffers, by name.

        Raises:
            RuntimeError: a Parameter waits for its size.
        """
        state = {}
        for name, value in _named(self, _STATE).items():
            if isinstance(value, Unsized):
                raise RuntimeError(
                    f"{type(self).__name__}.state_dict: {name} {value.shape} has no size yet; "
                    f"call the model on an input first, or give in_size"
                )
            state[name] = value.data.copy()
        return state

    def load_state_dict(
        self, state: Mapping[str, Any], *, strict: bool = True
    ) -> tuple[list[str], list[str]]:
        """Takes the values of Parameters and Buffers from `state`, in the dtypes they have here.

        A Parameter that waits for its size takes it from `state` too.

        Args:
            state: arrays by name, as `state_dict` gives them.
            strict: False lets names be missing in `state`, or be there for nothing.

        Returns:
            The names that are missing and those that are unexpected; both empty if `strict`.

        Raises:
            ValueError: names or shapes do not fit; nothing has been loaded then.
        """
        entries = _entries(self, _STATE)
        names = {name for name, *_ in entries}
        arrays = {name: as_array(state[name]) for name in state if name in names}
        missing = [name for name, *_ in entries if name not in arrays]
        unexpected = [name for name in state if name not in names]
        misshaped = [
            f"{name} is {arrays[name].shape}, needed {value.shape}"
            for name, _, _, value in entries
            if name in arrays and not _fits(arrays[name].shape, value.shape)
        ]
        problems = [
            f"{what}: {', '.join(found)}"
            for what, found in [
                ("missing", missing if strict else []),
                ("unexpected", unexpected if strict else []),
                ("of another shape", misshaped),
            ]
            if found
        ]
        if problems:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: {'; '.join(problems)}. Nothing was loaded"
                + ("" if misshaped else "; strict=False loads what is there")
            )
        for name, holder, key, value in entries:
            if name in arrays and isinstance(value, Unsized):
                holder[key] = value.become(arrays[name])
            elif name in arrays:
                value.data[...] = arrays[name]
        return missing, unexpected

    def astype(self, dtype: Any) -> Self:
        """Changes the dtype of all Parameters and all Buffers of floats, here, not in a copy.

        Gradients, which would be of the old dtype, are forgotten. Returns this Layer.
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise TypeError(f"{type(self).__name__}.astype: got {dtype}, needed a dtype of floats")
        for value in _named(self, _STATE).values():
            if isinstance(value, Unsized):
                value.dtype = dtype
            elif value.dtype.kind == "f":
                value.data = value.data.astype(dtype)
                value.cleargrad()
        return self

    def freeze(self) -> Self:
        """Makes constants of the Parameters: no gradient, no step. Returns this Layer.

        Running statistics are no Parameters: in training they still move.
        """
        return self._require_grad(False)

    def unfreeze(self) -> Self:
        """Trains the Parameters again. Returns this Layer."""
        return self._require_grad(True)

    def _require_grad(self, value: bool) -> Self:
        for p in _named(self, (Parameter, Unsized)).values():
            if isinstance(p, Unsized):
                p.requires_grad = value and p.kind is Parameter
            else:
                p.requires_grad = value
                if not value:
                    p.cleargrad()  # or an optimizer would still step it
        return self

    def copy(self) -> Self:
        """A deep copy, with Parameters and Buffers of its own; without gradients and graph."""
        other = copy.deepcopy(self)
        other.cleargrads()
        return other

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles keep: no hooks, and no graph behind a remembered Variable."""
        return {
            name: x.detach() if isinstance(x, Variable) and x.creator is not None else x
            for name, x in vars(self).items()
            if name != "_hooks"
        }

    def _take_size(
        self,
        x: Any,
        axis: int,
        needed: str,
        *,
        n_axes: Container[int],
        multiple_of: int = 1,
        unit: int = 1,
    ) -> None:
        """Makes what waits for its size in this Layer: that of x along `axis`, divided by `unit`.

        An x that is not as needed is refused, for the wrong size would stay.
        """
        shape = np.shape(x)
        size = shape[axis] if len(shape) in n_axes else 0
        if size == 0 or size % multiple_of:
            raise ValueError(f"{type(self).__name__}: got x {shape}, needed {needed}")
        for _, holder, key, value in _entries(self, Unsized, deep=False):
            holder[key] = value.make(size // unit)

    # -- to look at --

    @contextmanager
    def hook(self, fn: Observer) -> Iterator[None]:
        """Calls `fn(layer, inputs, outputs)` after each call of this Layer in a `with` block."""
        self._hooks = (*self._hooks, fn)
        try:
            yield
        finally:
            hooks = list(self._hooks)
            hooks.remove(fn)
            self._hooks = tuple(hooks)

    def summary(self, *xs: Any) -> "Summary":
        """Layers, output shapes and numbers of parameters, for inputs like these: see `summary`."""
        from wengert.layers.summary import summary  # which imports this file

        return summary(self, *xs)

    def __repr__(self) -> str:
        """The options that differ from their default, then the layers inside, a line each.

        Options are the arguments of `__init__` that are attributes too, by the same name; those
        that can be given by position are always there.
        """
        options = []
        for name, option in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name, inspect.Parameter.empty)
            shown = value is None or isinstance(value, _SHOWN) or hasattr(value, "__name__")
            usual = option.kind is option.KEYWORD_ONLY and value == option.default
            if shown and not usual and value is not inspect.Parameter.empty:
                options.append(f"{name}={getattr(value, '__name__', repr(value))}")
        lines = [f"{type(self).__name__}({', '.join(options)})"]
        for name, part in self._parts().items():
            first, *others = getattr(part, "__name__", repr(part)).splitlines()
            lines += [f"  {name}: {first}", *("  " + line for line in others)]
        return "\n".join(lines)

    def _parts(self) -> dict[str, Any]:
        """What `repr` shows inside."""
        return _named(self, Layer, deep=False)


def own_params(layer: Layer) -> list[Parameter]:
    """The Parameters that `layer` holds itself, not those of layers inside."""
    return list(_named(layer, Parameter, deep=False).values())


# ---- Looking inside ----


def _named(layer: Layer, kinds: Any, *, deep: bool = True) -> dict[str, Any]:
    """What is of these kinds inside `layer`, by name; not inside of layers in it, if not `deep`."""
    return {name: value for name, _, _, value in _entries(layer, kinds, deep=deep)}


def _entries(layer: Layer, kinds: Any, *, deep: bool = True) -> list[tuple[str, Any, Any, Any]]:
    """The same as (name, holder, key, value), where holder[key] is value."""
    entries: list[tuple[str, Any, Any, Any]] = []
    _look_into(vars(layer), "", kinds, deep, entries, {id(layer)})
    return entries


def _look_into(
    holder: Any, way: str, kinds: Any, deep: bool, entries: list[Any], seen: set[int]
) -> None:
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        if type(value) is Unsized and value.made is not None:  # by another layer that shares it
            holder[key] = value = value.made
        if isinstance(value, _HELD) and id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, kinds):
                entries.append((f"{way}{key}", holder, key, value))
            if isinstance(value, Layer):
                if deep:
                    _look_into(vars(value), f"{way}{key}.", kinds, deep, entries, seen)
            elif isinstance(value, list | tuple | dict):
                _look_into(value, f"{way}{key}.", kinds, deep, entries, seen)


def _fits(shape: tuple[int, ...], needed: tuple[int | None, ...]) -> bool:
    return len(shape) == len(needed) and all(
        n is None or n == m for m, n in zip(shape, needed, strict=True)
    )


_STATE = (Parameter, Buffer, Unsized)
_HELD = (*_STATE, Layer, list, tuple, dict)
_SHOWN = (int, float, str, tuple)
