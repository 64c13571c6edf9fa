"""What can be trained: a model, or Parameters and Variables in lists and dicts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, Protocol, TypeAlias

from numpy import ndarray

from wengert.core import Variable


class HasParameters(Protocol):
    """A model that can be trained, usually a Layer."""

    def named_params(self) -> Mapping[str, Variable]: ...


Target: TypeAlias = "HasParameters | Variable | Iterable[Any] | Mapping[Any, Any]"


class Parameters:
    """Parameters, Variables and models of lists and dicts, by position and key: "0", "decoder.W".

    One that is there twice is listed once, under its first name.
    """

    def __init__(self, caller: str, target: Any) -> None:
        self._found: dict[str, Any] = {}
        self._caller = caller
        self._add("", [target] if isinstance(target, Variable) else target)
        if not self._found:
            raise ValueError(f"{caller}: got an empty {type(target).__name__}, needed Parameters")
        self.named_params()  # checks the names

    def named_params(self) -> dict[str, Variable]:
        """The Parameters and Variables by name, those of models as they are now."""
        names: dict[Variable, str] = {}
        for name, found in self._found.items():
            if isinstance(found, Variable):
                names.setdefault(found, name)
            else:
                for inner, p in found.named_params().items():
                    names.setdefault(p, f"{name}.{inner}")
        params = {name: p for p, name in names.items()}
        if len(params) < len(names):
            (twice, _), *_ = Counter(names.values()).most_common(1)
            self._refuse_name(twice)
        return params

    def __repr__(self) -> str:
        return f"Parameters({', '.join(self.named_params())})"

    def _add(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            self._add_leaf(name, value)
        elif is_model(value):
            self._add_named(name, value)
        elif isinstance(value, Mapping):
            if "params" in value and len(value) > 1:
                raise TypeError(
                    f"{self._caller}: got a dict of params and options, needed Parameters; "
                    f"write setup(params), then add_group(some_params, lr=...)"
                )
            for key, inner in value.items():
                self._add(f"{name}.{key}".lstrip("."), inner)
        elif isinstance(value, set | frozenset):
            raise TypeError(
                f"{self._caller}: got a {type(value).__name__}{f' at {name}' * bool(name)}, whose "
                f"order changes from run to run, needed a list or dict; the Parameters are named "
                f"by their positions"
            )
        elif isinstance(value, Iterable) and not isinstance(value, str | bytes | ndarray):
            for i, inner in enumerate(value):
                self._add(f"{name}.{i}".lstrip("."), inner)
        else:
            hint = "; write wg.Parameter(array)" if isinstance(value, ndarray) else ""
            if isinstance(value, type):
                hint = f"; call it: {value.__name__}(...)"
            elif isinstance(value, str) and name:
                hint = "; of pairs (name, Parameter) write dict(pairs)"
            raise TypeError(
                f"{self._caller}: got {type(value).__name__}{f' at {name}' * bool(name)}, needed a "
                f"Layer, or a list or dict of Parameters, Variables and Layers{hint}"
            )

    def _add_leaf(self, name: str, x: Variable) -> None:
        what = f"{self._caller}: got {name} {x.shape}"
        if x.creator is not None:
            raise ValueError(
                f"{what}, the output of {type(x.creator).__name__}, needed a leaf: its gradient is "
                f"kept, and it can change; write x = wg.Parameter(y.data.copy())"
            )
        if x.dtype.kind != "f":
            raise TypeError(f"{what} of {x.dtype}, needed floats; write array.astype(float)")
        self._add_named(name, x)

    def _add_named(self, name: str, value: Any) -> None:
        if name in self._found:
            self._refuse_name(name)
        self._found[name] = value

    def _refuse_name(self, name: str) -> NoReturn:
        raise ValueError(
            f"{self._caller}: two keys have the name {name!r}, such as 1 and '1'; rename one"
        )


def as_target(caller: str, target: Any) -> Any:
    """`target` itself if it is a model, else the `Parameters` in it.

    Raises:
        TypeError: something in it is no Parameter, Variable or model, or not of floats.
        ValueError: a Variable is no leaf, two have the same name, or there are none.
    """
    return target if is_model(target) else Parameters(caller, target)


def is_model(x: Any) -> bool:
    """Whether x is a model: a Layer, or another object that has `named_params`."""
    return hasattr(x, "named_params") and not isinstance(x, type)
