"""The contract of a Function, for every class: options, saved attributes, data as inputs."""

import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import re

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from operations import OPERATIONS, cases, is_float, samples_of, unchanged
from tape import Tape
from wengert import Function, Variable
from wengert.kernels import Geometry


class Bare(Function):
    """y = x: without options."""

    def forward(self, x):
        return 1 * x

    def backward(self, gy):
        return gy


RECORD = set(vars(Bare()(Variable(np.ones(2))).creator))  # what every call leaves


def arguments(cls):
    """The names of the arguments of `__init__`."""
    return [] if cls.__init__ is object.__init__ else list(inspect.signature(cls).parameters)


def copies(inputs):
    return [np.array(x) for x in inputs]


def other(x):
    """Other data of the same kind and shape, within the domain of x."""
    flipped = np.flip(np.asarray(x))
    return flipped * 0.95 if is_float(x) else flipped.copy()


def run(f, inputs, *, create_graph=False):
    """The arrays of the outputs and gradients, and the Function that was run."""
    xs = [Variable(x) for x in copies(inputs)]
    ys = f(*xs)
    ys = ys if isinstance(ys, tuple) else (ys,)
    live = [y for y in ys if y.requires_grad and is_float(y.data)]
    if live:
        f = live[0].creator
        seeds = [np.linspace(1, 2, y.size).reshape(y.shape).astype(y.dtype) for y in live]
        wg.backward(live, seeds, create_graph=create_graph)
    return [y.data for y in ys], [None if x.grad is None else x.grad.data for x in xs], f


def assert_same(results, expected):
    for found, wanted in zip(results[0] + results[1], expected[0] + expected[1], strict=True):
        assert (found is None) == (wanted is None)
        if found is not None:
            np.testing.assert_array_equal(found, wanted)


# ---- Options ----


def is_plain(value):
    """Whether an option is a value that prints, compares and hashes: no data, no code."""
    if isinstance(value, tuple):
        return all(map(is_plain, value))
    if dataclasses.is_dataclass(value):
        fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return type(value).__dataclass_params__.frozen and all(map(is_plain, fields))
    plain = (bool, int, float, str, type(None), type(...))
    return type(value) in plain or isinstance(value, np.dtype)


def key(f):
    return type(f), tuple(f.options().items())


@pytest.mark.parametrize("cls", OPERATIONS)
def test_each_argument_of_init_is_an_attribute_of_that_name(cls):
    for _, options in samples_of(cls):
        f = cls(**options)
        assert list(f.options()) == arguments(cls)
        for name, value in options.items():
            assert getattr(f, name) == value


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_options_are_plain_and_make_the_same_operation_again(cls, inputs, options):
    f = cls(**options)
    assert all(map(is_plain, f.options().values())), f.options()
    again = cls(**f.options())
    assert key(again) == key(f)
    assert hash(key(again)) == hash(key(f))
    assert_same(run(again, inputs), run(f, inputs))


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_a_function_prints_as_the_call_that_makes_it(cls, inputs, options):
    f = cls(**options)
    said = ", ".join(f"{name}={value!r}" for name, value in f.options().items())
    assert repr(f) == f"{cls.__name__}({said})"
    again = eval(repr(f), {cls.__name__: cls, "dtype": np.dtype, "Geometry": Geometry})
    assert key(again) == key(f)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_a_pickled_function_is_the_same_operation(cls, inputs, options):
    f = run(cls(**options), inputs)[-1]
    again = pickle.loads(pickle.dumps(f))
    assert key(again) == key(f)
    assert_same(run(again, inputs), run(cls(**options), inputs))


# ---- State ----


def stored(f):
    """The names on the instance; `_key` counts as the option `key` if the class shows it as one."""
    for name in set(vars(f)) - RECORD:
        shown = name.removeprefix("_")
        yield shown if isinstance(getattr(type(f), shown, None), property) else name


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_an_instance_holds_its_options_and_the_declared_saved_attributes(
    cls, inputs, options, create_graph
):
    f = run(cls(**options), inputs, create_graph=create_graph)[-1]
    assert set(stored(f)) <= {*f.options(), *cls.saved}


@pytest.mark.parametrize("cls", [cls for cls in OPERATIONS if cls.saved])
def test_every_attribute_declared_as_saved_is_saved(cls):
    before, after = set(), set()
    for inputs, options in samples_of(cls):
        before |= set(vars(cls(**options)))
        after |= set(vars(run(cls(**options), inputs)[-1]))
    assert set(cls.saved) == after - before - RECORD


@pytest.mark.parametrize("cls", OPERATIONS)
def test_forward_changes_the_inputs_declared_as_mutated_and_no_others(cls):
    changed = set()
    for inputs, options in samples_of(cls):
        arrays = copies(inputs)
        cls(**options)(*arrays)
        changed |= {
            i
            for i, (x, before) in enumerate(zip(arrays, inputs, strict=True))
            if not np.array_equal(x, before)
        }
        assert not changed & set(unchanged(cls, inputs))
    assert len(changed) == len(cls.mutated)


# ---- Data are inputs ----


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_a_second_call_on_other_data_does_not_depend_on_the_first(cls, inputs, options):
    used = run(cls(**options), inputs)[-1]
    data = [other(x) for x in inputs]
    assert_same(run(used, data), run(cls(**options), data))


X, X2 = np.random.default_rng(0).normal(size=(2, 4, 3))
LABELS, LABELS2 = np.array([0, 2, 1, 2]), np.array([1, 1, 0, 2])
MASK, MASK2 = X > 0.2, np.flip(X > 0.2)
P, P2 = np.random.default_rng(1).uniform(size=(2, 4, 3))
WEIGHT, WEIGHT2 = np.array([1.0, 2.0, 3.0]), np.array([0.5, 4.0, 1.0])
ROWS, ROWS2 = np.array([0, 3, 3]), np.array([2, 1, 0])
ALONG, ALONG2 = np.random.default_rng(2).integers(-3, 3, size=(2, 4, 2))
DATA = {
    "x": (X, X2), "t": (LABELS, LABELS2), "mask": (MASK, MASK2), "p": (P, P2),
    "w": (WEIGHT, WEIGHT2), "rows": (ROWS, ROWS2), "along": (ALONG, ALONG2),
}  # fmt: skip

PROGRAMS = [
    lambda x, rows: x[rows],
    lambda x, rows: x[:, 1:][rows, ..., 0],
    lambda x, mask: x[mask],
    lambda x, rows: F.take(x, rows, axis=0),
    lambda x, along: F.take_along_axis(x, along),
    lambda x, along: F.scatter_add(x, along, F.take_along_axis(x, along)),
    lambda x: F.sort(x, axis=0),
    lambda x: F.topk(x, 2)[0],
    lambda x, mask, p: F.where(mask, x, p),
    lambda x, w: F.clip(x, -w, w),
    lambda x, rows: F.embedding(rows, x, padding_index=0),
    lambda t: F.one_hot(t, 3),
    lambda x, t: F.softmax_cross_entropy(x, t),
    lambda x, t, w: F.softmax_cross_entropy(x, t, weight=w, label_smoothing=0.1),
    lambda x, t: F.softmax_cross_entropy(x, t, ignore_index=2),
    lambda x, t, w: F.softmax_cross_entropy(x, t, weight=w, ignore_index=1),
    lambda x, p, w: F.softmax_cross_entropy(x, p, weight=w),
    lambda x, t: F.nll(x, t, reduction="none"),
    lambda x, t, w: F.hinge(x, t, power=2, weight=w),
    lambda x, p: F.kl_divergence(x, p),
    lambda x, p, w: F.sigmoid_cross_entropy(x, p, weight=w, pos_weight=w),
    lambda x, p, w: F.binary_cross_entropy(p, F.sigmoid(x), weight=w),
    lambda x, p: F.huber(x, p),
    lambda x, t: F.accuracy(x, t),
    lambda x, t: F.top_k_accuracy(x, t, 1),
    lambda x, t: F.confusion_matrix(x, t),
    lambda x, t: F.f1_score(x, t),
    lambda x, p: F.r2_score(x, p),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_calls_that_are_computed_again_on_new_data_do_not_depend_on_the_old(program):
    data = [DATA[name] for name in inspect.signature(program).parameters]
    xs = [Variable(old, requires_grad=False) for old, _ in data]
    with Tape() as tape:
        y = program(*xs)
    expected = program(*[Variable(new) for _, new in data]).data
    assert not np.array_equal(y.data, expected)
    np.testing.assert_allclose(tape.replay(data, y), expected, rtol=1e-12)


def test_the_mask_of_dropout_is_an_input():
    with Tape() as tape:
        y = F.dropout(Variable(X))
    ((_, (_, mask), _),) = tape.calls
    new = np.flip(mask.data)
    np.testing.assert_array_equal(tape.replay([(mask.data, new)], y), X * new)


# ---- Names ----

FILES = [
    importlib.import_module(f"wengert.functions.{file.name}")
    for file in pkgutil.iter_modules(F.__path__)
]


def test_functions_offers_the_names_of_its_files_each_once():
    names = [name for file in FILES for name in getattr(file, "__all__", [])]
    assert sorted(F.__all__) == sorted(names)
    assert len(set(names)) == len(names) > 180
    for name in names:
        function = getattr(F, name)
        assert inspect.isfunction(function)
        assert function.__doc__


def test_every_public_function_that_gives_a_variable_is_offered():
    found = set()
    for file in FILES:
        if file.__name__.rsplit(".", 1)[1] in {"arguments", "reduction"}:  # which functions use
            continue
        for name, function in vars(file).items():
            if not inspect.isfunction(function) or function.__module__ != file.__name__:
                continue
            gives = re.findall(r"\w+", str(inspect.signature(function).return_annotation))
            if name[0] != "_" and ("X" in gives or "Variable" in gives):
                found.add(name)
    assert found <= set(F.__all__)
    assert set(F.__all__) - found == {"sinusoidal_positions"}  # which gives an array
