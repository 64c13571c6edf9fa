"""`Declared`: annotated class attributes become the arguments of `__init__`."""

import copy
import inspect
import pickle
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import pytest

from wengert.declared import Declared, InitOnly, options_of


class Map(Declared):
    kind: ClassVar[str] = "map"
    out_size: int
    kernel: int = 3
    _: KW_ONLY
    in_size: int | None = None
    bias: bool = True
    dtype: InitOnly[Any] = float

    def __post_init__(self):
        self.W = [self.dtype(0)] * self.out_size


class Strided(Map):
    bias = False
    dtype = int
    stride: int = 1
    _: KW_ONLY
    padding: int = 0


class Handwritten(Map):
    note: str  # only the type of an attribute, not an option

    def __init__(self, size):
        super().__init__(size, in_size=2)
        self.note = "mine"


def test_options_become_attributes_before_post_init():
    layer = Map(2, bias=False)
    assert vars(layer) == {
        "out_size": 2,
        "kernel": 3,
        "in_size": None,
        "bias": False,
        "W": [0.0, 0.0],
    }


def test_an_init_only_option_is_deleted_after_post_init():
    assert not hasattr(Map(1), "dtype")
    assert not hasattr(Strided(1), "dtype")


def test_a_subclass_inherits_the_options_adds_its_own_and_changes_defaults():
    layer = Strided(1, 2, 4, padding=5)
    assert options_of(layer) == {
        "out_size": 1,
        "kernel": 2,
        "stride": 4,
        "in_size": None,
        "bias": False,
        "padding": 5,
    }
    assert type(layer.W[0]) is int
    assert Map(1).bias is True


def test_the_signature_is_that_of_a_handwritten_init():
    assert str(inspect.signature(Map)) == (
        "(out_size: int, kernel: int = 3, *, in_size: int | None = None, bias: bool = True, "
        "dtype: Any = <class 'float'>)"
    )
    assert list(inspect.signature(Strided).parameters)[:3] == ["out_size", "kernel", "stride"]
    assert str(inspect.signature(Handwritten)) == "(size)"


def test_a_handwritten_init_calls_the_declared_one():
    layer = Handwritten(3)
    assert (layer.out_size, layer.in_size, layer.note) == (3, 2, "mine")
    with pytest.raises(TypeError, match="positional argument"):
        Handwritten(3, 4)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
@pytest.mark.parametrize("layer", [Map(2, in_size=3), Handwritten(2)])
def test_copies_and_pickles_have_the_same_attributes(copied, layer):
    assert vars(copied(layer)) == vars(layer)
    assert type(copied(layer)) is type(layer)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Map(), r"Map: missing out_size; it is Map\(out_size, kernel, \*, in_size, bias"),
        (lambda: Map(1, 2, out_size=3), "Map: got multiple values for out_size; it is Map"),
        (lambda: Map(1, size=2), "Map: got an unexpected keyword argument 'size'; it is Map"),
        (lambda: Map(1, in_channels=2), "unexpected keyword argument 'in_channels'; here: in_size"),
        (
            lambda: Map(3, 8, 5),
            r"got 3 positional arguments, needed at most 2; it is Map\(out_size, ker",
        ),
    ],
)
def test_a_wrong_call_says_what_the_arguments_are(call, match):
    with pytest.raises(TypeError, match=match):
        call()


def test_a_required_option_after_one_with_a_default_is_refused():
    with pytest.raises(TypeError, match="Bad: size needs a default"):

        class Bad(Map):
            size: int


@pytest.mark.parametrize("default", [[1], {"a": 1}, {1}])
def test_a_default_that_all_objects_would_share_is_refused(default):
    with pytest.raises(TypeError, match=r"Shared: sizes has a .* as default, which all objects"):
        type("Shared", (Declared,), {"__annotations__": {"sizes": Any}, "sizes": default})


def test_annotations_may_be_text():
    class Text(Declared):
        kind: "ClassVar[str]" = "text"
        size: "int"
        _: "KW_ONLY"
        dtype: "InitOnly[Any]" = float

    assert vars(Text(2)) == {"size": 2}
    with pytest.raises(TypeError, match="got 2 positional"):
        Text(2, int)
