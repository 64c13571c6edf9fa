"""Options of a class, declared once: annotated class attributes become arguments of `__init__`.

    class Linear(Layer):
        out_size: int
        _: KW_ONLY
        bias: bool = True
        dtype: InitOnly[DTypeLike] = np.float32

        def __post_init__(self) -> None:
            self.W = parameter((None, self.out_size), lecun_normal, self.dtype)

`Linear(100, bias=False)` sets the options as attributes and calls `__post_init__`. The rules are
those of dataclasses, and type checkers know them: a subclass inherits the options, those of the
base come first, and those that follow `_: KW_ONLY` are keyword-only. In addition, an option that is
annotated `InitOnly[...]` is deleted after `__post_init__`, and a subclass changes the default of an
option by a plain assignment (`bias = False`). (`@dataclass` would build the text of each `__init__`
and compile it, which takes 0.4 ms for each class at import.)

A class with its own `__init__` is not changed: it calls `super().__init__(...)`.
"""

import inspect
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, ClassVar, TypeVar, dataclass_transform, get_args, get_origin

from wengert import hints
from wengert.arguments import text_of

T = TypeVar("T")
InitOnly = Annotated[T, "deleted after __post_init__"]

EMPTY = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Field:
    """A declared option.

    Attributes:
        name: of the argument and of the attribute.
        annotation: its type.
        default: EMPTY for a required option.
        keyword: whether it is keyword-only.
        kept: whether it remains an attribute after `__post_init__`.
    """

    name: str
    annotation: Any
    default: Any
    keyword: bool
    kept: bool


class _Signature:
    """`inspect.signature(cls)`, computed when it is read; None for a handwritten `__init__`."""

    def __get__(self, instance: object, cls: "type[Declared]") -> inspect.Signature | None:
        if instance is not None or cls.__init__ is not Declared.__init__:
            return None
        return _signature(cls._fields)


@dataclass_transform(eq_default=False)
class Declared:
    """Base of classes whose options are declared as annotated attributes; see above."""

    _fields: ClassVar[Mapping[str, Field]] = {}
    __signature__: ClassVar = _Signature()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__init__ is Declared.__init__:
            cls._fields = _declared(cls)

    def __init__(self, *args: Any, **options: Any) -> None:
        values = _bound(type(self), args, options)
        for name, value in values.items():
            setattr(self, name, value)
        self.__post_init__()
        for field in self._fields.values():
            if not field.kept:
                delattr(self, field.name)

    def __repr__(self) -> str:
        options = [f"{name}={text_of(value)}" for name, value in options_of(self).items()]
        return f"{type(self).__name__}({', '.join(options)})"

    @classmethod
    def _hint(cls, args: tuple[Any, ...], options: dict[str, Any]) -> str:
        """A hint for the error message of a wrong call `cls(*args, **options)`; may be empty."""
        return ""

    def __post_init__(self) -> None:
        """Called after the options are set; a subclass checks them and creates its parameters."""


def options_of(x: Declared) -> dict[str, Any]:
    """The current values of the declared options, in the order of the arguments."""
    return {f.name: getattr(x, f.name) for f in x._fields.values() if f.kept}


def _declared(cls: type[Declared]) -> dict[str, Field]:
    """The options of cls: those of its bases, then its own; keyword-only ones come last."""
    fields: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        fields |= vars(base).get("_fields", {})
    own = vars(cls)
    for name in fields.keys() & own.keys():
        fields[name] = replace(fields[name], default=own[name])
    keyword = False
    for name, annotation in inspect.get_annotations(cls).items():
        if _is(annotation, KW_ONLY, "KW_ONLY"):
            keyword = True
        elif not _is(annotation, ClassVar, "ClassVar"):
            kept = not _is(annotation, Annotated, "InitOnly")
            fields[name] = Field(name, annotation, own.get(name, EMPTY), keyword, kept)
    for name, field in fields.items():
        if name in own and not field.kept:
            delattr(cls, name)  # or the default would remain after __post_init__
    fields = {f.name: f for f in sorted(fields.values(), key=lambda f: f.keyword)}
    for name, field in fields.items():
        if isinstance(field.default, list | dict | set):
            raise TypeError(
                f"{cls.__name__}: {name} has a {type(field.default).__name__} as default, which "
                f"all objects would share; use a tuple, or None and make it in __post_init__"
            )
    positional = [f for f in fields.values() if not f.keyword]
    for before, field in pairwise(positional):
        if before.default is not EMPTY and field.default is EMPTY:
            raise TypeError(
                f"{cls.__name__}: {field.name} needs a default, or must follow `_: KW_ONLY`, as "
                f"it follows {before.name}, which has a default"
            )
    return fields


def _is(annotation: Any, kind: Any, name: str) -> bool:
    """Whether an annotation, or its text, is `kind` or `kind[...]`."""
    if isinstance(annotation, str):
        return annotation.split("[")[0].split(".")[-1] == name
    return annotation is kind or get_origin(annotation) is kind


def _bound(cls: type[Declared], args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The value of each option for a call `cls(*args, **options)`."""
    fields = cls._fields
    positional = [f.name for f in fields.values() if not f.keyword]
    values = dict(zip(positional, args, strict=False))
    missing = [
        f.name for f in fields.values() if f.default is EMPTY and f.name not in {*values, *options}
    ]
    unknown = [name for name in options if name not in fields]
    twice = [name for name in options if name in values]
    problem = ""
    if len(args) > len(positional):
        most = f"at most {len(positional)}" if positional else "none"
        problem = f"got {len(args)} positional argument{'s' * (len(args) > 1)}, needed {most}"
    elif unknown:
        here = hints.of_argument(unknown[0], fields)
        problem = f"got an unexpected keyword argument {unknown[0]!r}"
        problem += f"; here: {here}" if here else ""
    elif twice:
        problem = f"got multiple values for {', '.join(twice)}"
    elif missing:
        problem = f"missing {', '.join(missing)}"
    if problem:
        keywords = [f.name for f in fields.values() if f.keyword]
        names = ", ".join([*positional, *["*"] * bool(keywords), *keywords])
        hint = cls._hint(args, options)
        raise TypeError(
            f"{cls.__name__}: {problem}; it is {cls.__name__}({names})"
            + (f". {hint}" if hint else "")
        )
    values |= options
    return {name: values.get(name, field.default) for name, field in fields.items()}


def _signature(fields: Mapping[str, Field]) -> inspect.Signature:
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            inspect.Parameter(
                f.name,
                kinds[f.keyword],
                default=f.default,
                annotation=f.annotation if f.kept else get_args(f.annotation)[0],
            )
            for f in fields.values()
        ]
    )
