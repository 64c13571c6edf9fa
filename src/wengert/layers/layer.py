"""`Layer`: parameters, buffers, and layers inside, held as plain attributes."""

import copy
import inspect
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy import ndarray

from wengert import hints, tape
from wengert.arguments import boolean, text_of
from wengert.arrays import DTypeLike, as_array, writable
from wengert.config import layer_train, train
from wengert.core import Parameter, Variable
from wengert.declared import Declared
from wengert.layers.casting import cast_input, needs_cast
from wengert.layers.misfit import no_array
from wengert.layers.parameters import Buffer, LazyParameter
from wengert.layers.search import STATE, Holder, entries, named, refuse_same_names
from wengert.layers.summary import Summary, summary
from wengert.scopes import Registration, checked, without
from wengert.state import compare_state
from wengert.trace import call_in_scope, layer_scope

Observer = Callable[["Layer", tuple[Any, ...], Any], Any]


@hints.answers(hints.LAYER)
class Layer(Holder, Declared):
    """A component of a model: a computation with its Parameters.

    A subclass assigns Parameters, Buffers, Layers, and lists, tuples or dicts of them, to
    attributes, and defines `forward`. They are found by looking at the attributes, in the order of
    assignment, and named by the path to them: `"layers.0.W"`. A parameter that can be reached by
    two paths is listed once, under the first. Two different ones may not have the same name, as at
    the keys 1 and "1" of a dict.

    Arrays and Variables that are given to a Layer with Parameters of its own are cast to their
    dtype: those in a wider float dtype with one warning in a process, narrower ones silently.
    `casts_inputs` has the kinds of dtype that are cast: "f", "fiub" with integers and booleans, or
    "" for none.

    Its options are either declared (see `wengert.declared`) or the arguments of an `__init__`:

        class Classifier(Layer):
            classes: int
            hidden_size: int = 100

            def __post_init__(self):
                self.hidden = Linear(self.hidden_size)
                self.out = Linear(self.classes)

            def forward(self, x):
                return self.out(relu(self.hidden(x)))
    """

    _hooks = tuple[Observer, ...]()  # (an annotation would declare an option)
    _mode = cast("bool | None", None)  # of this layer; None for that of the layer that calls it
    _dtype = cast("Any", None)  # of its own Parameters, once known; False casts nothing
    _elsewhere: ClassVar[tuple[str, ...]] = ()  # the order of the arguments in PyTorch and Keras
    casts_inputs: ClassVar[str] = "f"
    _adds_inputs: ClassVar[bool] = False  # to outputs of Layers inside, which then decide too

    def __call__(self, *xs: Any, **options: Any) -> Any:
        mode = self._mode
        if mode is not None and mode is not layer_train.get():
            return self._call_in(mode, xs, options)
        given = xs
        dtype = self._dtype
        if dtype is not False:
            for x in xs:
                if options or getattr(x, "dtype", xs) is not dtype:  # (lists have none)
                    xs, options = self._cast(xs, options)
                    break
        scope = layer_scope.get()
        try:
            if scope is None:
                y = self.forward(*xs, **options)
            else:
                y = call_in_scope(scope, self, xs, options)
        except (TypeError, ValueError) as error:
            if message := self._explained(given):
                raise (TypeError if isinstance(error, TypeError) else ValueError)(message) from None
            raise
        for observe in self._hooks:
            observe(self, xs, y)
        return y

    def _cast(
        self, xs: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments in the dtype of the Parameters of this Layer; see `casts_inputs`."""
        dtype, kinds = self._dtype, self.casts_inputs
        if dtype is None or any(needs_cast(x, dtype, kinds) for x in (*xs, *options.values())):
            dtype = self._find_dtype()
        if not dtype:
            return xs, options
        name = type(self).__name__
        return (
            tuple([cast_input(x, dtype, kinds, name) for x in xs]),
            {key: cast_input(x, dtype, "f", name) for key, x in options.items()},
        )

    def _explained(self, xs: tuple[Any, ...]) -> str:
        """The error message for inputs for which `forward` failed; "" if the cause is not known."""
        with suppress(Exception):  # (the original error is then raised)
            if xs and type(self)._misfit is not Layer._misfit:
                return no_array(type(self).__name__, xs[0]) or self._misfit(*xs)
        return ""

    def _misfit(self, x: Any, *others: Any) -> str:
        """For subclasses: the message for inputs that do not fit, or ""; see misfit.py."""
        return ""

    def _find_dtype(self) -> Any:
        """The dtype of the Parameters of this Layer alone, if they have one and inputs are cast."""
        if not self.casts_inputs:
            self._dtype = False
            return False
        params = named(self, (Parameter, LazyParameter), deep=self._adds_inputs).values()
        dtypes = {p.dtype for p in params if p.dtype.kind == "f"}
        if len(dtypes) == 1:
            (self._dtype,) = dtypes
        else:  # (the first `forward` may make Parameters, so the second call searches again)
            self._dtype = False if self._dtype == () else ()
        return self._dtype

    def _call_in(self, mode: bool, xs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The call, with the mode of this Layer for Layers inside without one of their own."""
        token = layer_train.set(mode)
        try:
            return self(*xs, **options)
        finally:
            layer_train.reset(token)

    def forward(self, *xs: Any, **options: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no forward: define forward(self, x) in the class"
        )

    # -- mode --

    @property
    def training(self) -> bool:
        """Whether a call of this Layer trains: False after `eval()`, and in `wg.test_mode()`.

        A Layer for which neither `train` nor `eval` was called has the mode of the Layer that
        calls it. Assigning changes the mode of this Layer alone, without those inside.
        """
        mode = layer_train.get() if self._mode is None else self._mode
        return tape.read(train.get() and mode)

    @training.setter
    def training(self, value: bool) -> None:
        self._mode = boolean(type(self).__name__, "training", value)

    def train(self, mode: bool = True) -> Self:
        """Sets the mode of this Layer and all Layers inside, for all threads. Returns this Layer.

        In training, dropout drops elements, and batch normalisation uses the statistics of the
        batch and updates the running ones; this is the mode of a new Layer. `train(False)`, or
        `eval()`, sets inference mode. A Layer inside can be set to another mode afterwards:
        `model.backbone.eval()` keeps its running statistics. In `wg.test_mode()` all Layers are in
        inference mode. The mode is not part of the state.

        A subclass may override it, to keep its mode for example; it is called for Layers inside.
        """
        mode = boolean(f"{type(self).__name__}.train", "mode", mode)
        for layer in reversed(
            self.named_layers().values()
        ):  # after the others, so that an override decides
            if layer is self or type(layer).train is Layer.train:
                layer._mode = mode
            else:
                layer.train(mode)
        return self

    def eval(self) -> Self:
        """Sets inference mode for this Layer and all Layers inside; see `train`. Returns self.

        Unlike a block of `wg.test_mode()` it holds for all threads, until `train()` is called.
        """
        return self.train(False)

    # -- components --

    def named_params(self) -> dict[str, Parameter]:
        """The Parameters by name, in the order of assignment; without those of unknown size.

        Raises:
            TypeError: a key of a dict has no text that can be a name.
            ValueError: two components have the same name, such as those at the keys 1 and "1".
        """
        return named(self, Parameter)

    def params(self) -> list[Parameter]:
        """The Parameters, in the order of assignment.

        Raises:
            RuntimeError: the size of one is not known yet, so the list would not have it.
        """
        found = named(self, (Parameter, LazyParameter))
        for name, p in found.items():
            if isinstance(p, LazyParameter) and p.kind is Parameter:
                raise RuntimeError(
                    f"{type(self).__name__}.params: {name} {p.shape} has no size yet, so the list "
                    f"would not have it; call the model on an input first, give in_size, or set up "
                    f"an optimizer with the model itself: setup(model)"
                )
        return [p for p in found.values() if isinstance(p, Parameter)]

    def named_buffers(self) -> dict[str, Buffer]:
        """The Buffers by name, in the order of assignment."""
        return named(self, Buffer)

    def named_layers(self) -> dict[str, "Layer"]:
        """This Layer, as "", and all Layers inside by name, each before the Layers inside it."""
        return {"": self} | named(self, Layer)

    def own_params(self) -> list[Parameter]:
        """The Parameters that this Layer holds itself, without those of Layers inside."""
        return list(named(self, Parameter, deep=False).values())

    def own_buffers(self) -> list[Buffer]:
        """The Buffers that this Layer holds itself, without those of Layers inside."""
        return list(named(self, Buffer, deep=False).values())

    def cleargrads(self) -> None:
        """Sets the gradients of all Parameters to None."""
        for p in self.named_params().values():
            p.cleargrad()

    # -- state --

    def state_dict(self) -> dict[str, ndarray]:
        """Copies of the values of Parameters and Buffers, by name.

        Raises:
            RuntimeError: the size of a Parameter is not known yet.
        """
        refuse_same_names(self)
        state = {}
        for name, value in named(self, STATE).items():
            if isinstance(value, LazyParameter):
                raise RuntimeError(
                    f"{type(self).__name__}.state_dict: {name} {value.shape} has no size yet; "
                    f"call the model on an input first, or give in_size"
                )
            state[name] = value.data.copy()
        return state

    def load_state_dict(
        self, state: Mapping[str, Any], *, strict: bool = True
    ) -> tuple[list[str], list[str]]:
        """Copies the values of `state` to the Parameters and Buffers, in the dtypes they have.

        A Parameter of unknown size takes its size from `state` too.

        Args:
            state: arrays by name, as `state_dict` returns them.
            strict: False allows missing and unexpected names.

        Returns:
            The missing and the unexpected names; both empty if `strict`.

        Raises:
            ValueError: names or shapes do not fit; nothing has been loaded then.
        """
        refuse_same_names(self)
        found = {entry.name: entry for entry in entries(self, STATE)}
        arrays: dict[str, Any]
        arrays = {name: as_array(state[name]) if name in found else None for name in state}
        mismatch = compare_state(arrays, {name: e.value.shape for name, e in found.items()})
        mismatch.check(
            f"{type(self).__name__}.load_state_dict",
            "" if mismatch.unfit else "strict=False loads the names that match",
            strict=strict,
        )
        for name, entry in found.items():
            if name in arrays and isinstance(entry.value, LazyParameter):
                entry.value.become(arrays[name])
                entry.replace()
            elif name in arrays:
                writable(entry.value)[...] = arrays[name]
        return mismatch.missing, mismatch.unexpected

    def astype(self, dtype: DTypeLike) -> Self:
        """Changes the dtype of all Parameters and of all floating-point Buffers, in place.

        Gradients, which would have the old dtype, are set to None. Returns this Layer.
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise TypeError(
                f"{type(self).__name__}.astype: got {dtype}, needed a floating-point dtype"
            )
        for value in named(self, STATE).values():
            if isinstance(value, LazyParameter):
                value.dtype = dtype
            elif value.dtype.kind == "f":
                value.data = value.data.astype(dtype)
                value.cleargrad()
        for layer in self.named_layers().values():
            vars(layer).pop("_dtype", None)
        return self

    def freeze(self) -> Self:
        """Makes the Parameters constants, which get no gradient and no update. Returns this Layer.

        Running statistics are Buffers, not Parameters: in training they still change.
        """
        return self._require_grad(False)

    def unfreeze(self) -> Self:
        """Lets the Parameters get gradients again. Returns this Layer."""
        return self._require_grad(True)

    def _require_grad(self, value: bool) -> Self:
        for p in named(self, (Parameter, LazyParameter)).values():
            if isinstance(p, LazyParameter):
                p.requires_grad = value and p.kind is Parameter
            else:
                p.requires_grad = value
                if not value:
                    p.cleargrad()  # or an optimizer would still update it
        return self

    def copy(self) -> Self:
        """A deep copy, with its own Parameters and Buffers, and without gradients and graph."""
        other = copy.deepcopy(self)
        other.cleargrads()
        return other

    def __getstate__(self) -> dict[str, Any]:
        """The attributes for copies and pickles: no hooks, and no graph of a stored Variable."""
        return {
            name: x.detach() if isinstance(x, Variable) and x.creator is not None else x
            for name, x in vars(self).items()
            if name not in ("_hooks", "_dtype")
        }

    def _take_size(
        self,
        x: Any,
        axis: int,
        needed: str,
        *,
        n_axes: Container[int],
        multiple_of: int = 1,
    ) -> None:
        """Creates the lazy parameters of this layer, for inputs with the size of x along `axis`.

        Raises:
            ValueError: x does not fit; the layer would keep the wrong size.
        """
        shape = np.shape(x)
        size = shape[axis] if len(shape) in n_axes else 0
        if size == 0 or size % multiple_of:
            raise ValueError(f"{type(self).__name__}: got x {shape}, needed {needed}")
        for entry in entries(self, LazyParameter, deep=False):
            entry.value.make(size)
            entry.replace()

    # -- inspection --

    def hook(self, fn: Observer) -> Registration:
        """Calls `fn(layer, inputs, outputs)` after each call of this Layer, in all threads.

        fn returns None. `with layer.hook(fn):` removes it at the end of the block,
        `layer.hook(fn).remove()` at once; otherwise it stays.

        Raises:
            TypeError: in a call: fn returned a value.
        """
        observe = checked(f"{type(self).__name__}.hook", fn)

        def add() -> None:
            self._hooks = (*self._hooks, observe)

        def remove() -> None:
            self._hooks = without(self._hooks, observe)

        return Registration(add, remove)

    def summary(self, *xs: Any) -> "Summary":
        """Layers, output shapes and numbers of parameters, for inputs like these: see `summary`."""
        return summary(self, *xs)

    def __repr__(self) -> str:
        """The options that differ from their default, then the layers inside, a line each.

        Options are the arguments of `__init__` that are attributes too, by the same name; those
        that can be given by position are always shown.
        """
        options = []
        for name, option in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name, inspect.Parameter.empty)
            shown = value is None or isinstance(value, _SHOWN) or hasattr(value, "__name__")
            usual = option.kind is option.KEYWORD_ONLY and value == option.default
            if shown and not usual and value is not inspect.Parameter.empty:
                options.append(f"{name}={text_of(value)}")
        lines = [f"{type(self).__name__}({', '.join(options)})"]
        for name, component in self._components().items():
            first, *others = text_of(component).splitlines()
            lines += [f"  {name}: {first}", *("  " + line for line in others)]
        return "\n".join(lines)

    def _components(self) -> dict[str, Any]:
        """The components that `repr` shows, by name."""
        return named(self, Layer, deep=False)

    @classmethod
    def _hint(cls, args: tuple[Any, ...], options: dict[str, Any]) -> str:
        """For a call with an input, or in the order of other frameworks: how to write it here."""
        if args and isinstance(args[0], Variable | ndarray):
            return f"Make the layer first, and call it on the input: {cls.__name__}(...)(x)"
        if len(args) < 2 or len(args) > len(cls._elsewhere):
            return ""
        values = dict(zip(cls._elsewhere, args, strict=False))
        values |= {hints.of_argument(name, cls._fields) or name: x for name, x in options.items()}
        if not values.keys() <= cls._fields.keys():
            return ""
        ours = [
            f"{name}=" * field.keyword + text_of(values[name])
            for name, field in cls._fields.items()
            if name in values
        ]
        order = ", ".join(cls._elsewhere[: len(args)])
        return f"For ({order}), the order of PyTorch, write {cls.__name__}({', '.join(ours)})" + (
            "; without in_size the first input determines it"
            if cls._fields["in_size"].default is None
            else ""
        )


_SHOWN = (int, float, str, tuple)
