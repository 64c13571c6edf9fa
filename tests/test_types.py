"""The types of results: what annotations promise, programs keep."""

import importlib
import inspect
import typing

import numpy as np
import pytest

import wengert.functions as F
import wengert.layers as L
from wengert import Parameter, Variable, test_mode
from wengert.functions.types import X

rng = np.random.default_rng(0)


def between(low, high, *shape):
    return rng.uniform(low, high, size=shape)


# Symmetric, positive definite, and all elements are in the domain of arcsin and of log.
MATRIX = 0.7 * np.eye(4) + 0.1 + 0.1 * np.outer(between(0, 1, 4), between(0, 1, 4))
MATRIX = (MATRIX + MATRIX.T) / 2
IMAGES = between(-1, 1, 2, 4, 6, 6)
SEQUENCES, VOLUMES = IMAGES[..., 0], IMAGES[..., np.newaxis]
LABELS, BIAS = np.array([0, 3, 1, 1]), between(0.2, 1, 4)
STEPS = between(-1, 1, 2, 3, 4)  # (B, T, D)
HALVES = MATRIX[:, :2]
STATE, GATES = between(-1, 1, 2, 5), between(-1, 1, 4, 20)
INNER, BIASES = between(-1, 1, 5, 20), between(-1, 1, 20)


def kernel(*shape):
    return between(-1, 1, 4, 4, *shape)


# The arguments of each function: its inputs are arrays, its options are not. A function of x, or of
# x0 and x1, that is not listed is called on MATRIX.
ARGUMENTS = {
    "accuracy": (MATRIX, LABELS),
    "adaptive_avg_pool": (IMAGES, 2),
    "adaptive_max_pool": (IMAGES, 2),
    "arccosh": (1 + MATRIX,),
    "array": ([MATRIX, MATRIX],),
    "astype": (MATRIX, np.float32),
    "avg_pool1d": (SEQUENCES, 2),
    "avg_pool2d": (IMAGES, 2),
    "avg_pool3d": (VOLUMES, (2, 2, 1)),
    "batch_norm": (IMAGES, BIAS, BIAS),
    "binary_cross_entropy": (MATRIX, MATRIX),
    "broadcast_to": (BIAS, (2, 4)),
    "channel_dropout": (IMAGES,),
    "clip": (MATRIX, 0 * BIAS, BIAS),
    "col2im": (between(-1, 1, 2, 4, 3, 3, 4, 4), (2, 4, 6, 6)),
    "concatenate": ((MATRIX, MATRIX),),
    "confusion_matrix": (MATRIX, LABELS),
    "conv1d": (SEQUENCES, kernel(3), BIAS),
    "conv2d": (IMAGES, kernel(3, 3), BIAS),
    "conv3d": (VOLUMES, kernel(3, 3, 1), BIAS),
    "conv_transpose1d": (SEQUENCES, kernel(3), BIAS),
    "conv_transpose2d": (IMAGES, kernel(3, 3), BIAS),
    "conv_transpose3d": (VOLUMES, kernel(3, 3, 1), BIAS),
    "einsum": ("ij,jk", MATRIX, MATRIX),
    "embedding": (LABELS, MATRIX),
    "expand_dims": (MATRIX, 0),
    "f1_score": (MATRIX, LABELS),
    "full_like": (MATRIX, 2.0),
    "get_item": (MATRIX, (0, slice(2))),
    "global_avg_pool": (IMAGES,),
    "global_max_pool": (IMAGES,),
    "group_norm": (IMAGES, 2, BIAS, BIAS),
    "gru": (STEPS, [(GATES[:, :15], INNER[:, :15], BIASES[:15], BIASES[:15])], STATE[np.newaxis]),
    "gru_cell": (STEPS[:, 0], STATE, GATES[:, :15], INNER[:, :15], BIASES[:15], BIASES[:15]),
    "hinge": (MATRIX, LABELS),
    "hstack": ((MATRIX, MATRIX),),
    "im2col": (IMAGES, 3),
    "instance_norm": (IMAGES, BIAS, BIAS),
    "interpolate": (IMAGES, 3),
    "layer_norm": (IMAGES, IMAGES[0, 0, 0], IMAGES[0, 0, 0]),
    "linear": (MATRIX, MATRIX, BIAS),
    "lstm": (STEPS, [(GATES, INNER, BIASES, BIASES)], STATE[np.newaxis], STATE[np.newaxis]),
    "lstm_cell": (STEPS[:, 0], STATE, STATE, GATES, INNER, BIASES, BIASES),
    "matrix_power": (MATRIX, 3),
    "max_pool1d": (SEQUENCES, 2),
    "max_pool2d": (IMAGES, 2),
    "max_pool3d": (VOLUMES, (2, 2, 1)),
    "moveaxis": (MATRIX, 0, 1),
    "multi_head_attention": (STEPS, STEPS, STEPS, *(MATRIX,) * 4, *(BIAS,) * 4),
    "multi_dot": ((MATRIX, MATRIX),),
    "nll": (MATRIX, LABELS),
    "norm": (MATRIX,),
    "one_hot": (LABELS, 4),
    "pad": (MATRIX, 1),
    "polygamma": (2, MATRIX),
    "prelu": (MATRIX, BIAS),
    "repeat": (MATRIX, 2),
    "reshape": (MATRIX, (2, 8)),
    "rms_norm": (MATRIX, BIAS),
    "rnn": (STEPS, [(GATES[:, :5], INNER[:, :5], BIASES[:5], BIASES[:5])], STATE[np.newaxis]),
    "rnn_cell": (STEPS[:, 0], STATE, GATES[:, :5], INNER[:, :5], BIASES[:5], BIASES[:5]),
    "roll": (MATRIX, 1),
    "rotary": (STEPS,),
    "scaled_dot_product_attention": (STEPS, STEPS, STEPS, np.zeros((3, 3))),
    "scatter_add": (MATRIX, np.array([[0], [1], [1], [3]]), BIAS[:, np.newaxis]),
    "sigmoid_cross_entropy": (MATRIX, MATRIX),
    "softmax_cross_entropy": (MATRIX, LABELS),
    "split": (MATRIX, 2),
    "stack": ((MATRIX, MATRIX),),
    "sum_to": (MATRIX, (4,)),
    "swapaxes": (MATRIX, 0, 1),
    "take": (MATRIX, LABELS),
    "take_along_axis": (MATRIX, np.array([[0], [1], [1], [3]])),
    "tensorinv": (MATRIX, 1),
    "tensorsolve": (MATRIX, BIAS),
    "tile": (MATRIX, 2),
    "top_k_accuracy": (MATRIX, LABELS, 2),
    "topk": (MATRIX, 2),
    "triplet_margin": (MATRIX, 2 * MATRIX, -MATRIX),
    "vstack": ((MATRIX, MATRIX),),
    "where": (MATRIX > 0.5, MATRIX, -MATRIX),
}
# Those that are given by name.
NAMED = {
    "binary_cross_entropy": {"weight": BIAS},
    "hinge": {"weight": BIAS},
    "multi_head_attention": {"heads": 2, "mask": np.ones((3, 3), bool)},
    "nll": {"weight": BIAS},
    "sigmoid_cross_entropy": {"weight": BIAS, "pos_weight": BIAS},
    "softmax_cross_entropy": {"weight": BIAS},
}
NAMES = [name for name in F.__all__ if name != "sinusoidal_positions"]  # (which has no inputs)


def call(name, convert):
    """The results of a function as a tuple; `convert` gets each input and its number."""
    count = iter(range(100))

    def converted(value):
        if isinstance(value, np.ndarray):
            return convert(value, next(count))
        return type(value)(map(converted, value)) if has_inputs(value) else value

    args = [converted(value) for value in arguments(name)]
    named = {key: converted(value) for key, value in NAMED.get(name, {}).items()}
    result = getattr(F, name)(*args, **named)
    return result if isinstance(result, tuple) else (result,)


def arguments(name):
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    parameters = inspect.signature(getattr(F, name)).parameters.values()
    return [MATRIX for p in parameters if p.default is p.empty]


def has_inputs(value):
    return isinstance(value, list | tuple) and any(
        isinstance(v, np.ndarray) or has_inputs(v) for v in value
    )


def number_of_inputs(name):
    numbers = []
    call(name, lambda x, i: numbers.append(i) or x)
    return len(numbers)


def number_of_declared_inputs(name):
    """The parameters that are annotated as inputs; of several in one, those of the call."""
    function = getattr(F, name)
    several = {"xs": 2, "values": 2, "weights": 4}
    return sum(
        1 if parameter not in several or name == "scatter_add" else several[parameter]
        for parameter, p in inspect.signature(function).parameters.items()
        if "Input" in str(p.annotation) or "Operand" in str(p.annotation)
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_inputs_are_declared(name):
    assert number_of_inputs(name) == number_of_declared_inputs(name)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_give_arrays(name):
    assert {type(y) for y in call(name, lambda x, i: x)} == {np.ndarray}


@pytest.mark.parametrize("name", NAMES)
def test_lists_give_arrays(name):
    assert {type(y) for y in call(name, lambda x, i: x.tolist())} == {np.ndarray}


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_among_the_inputs_gives_variables(name):
    for chosen in range(number_of_inputs(name)):
        ys = call(name, lambda x, i, chosen=chosen: Parameter(x) if i == chosen else x)
        assert {type(y) for y in ys} == {Variable}


def test_0d_arrays_and_numbers_give_arrays():
    given = [np.array(0.5), 0.5, np.float32(0.5)]
    found = set()
    for name in NAMES:
        for x in given:
            try:
                with np.errstate(invalid="ignore"):  # 0.5 is outside the domain of arccosh
                    ys = call(name, lambda _, i, x=x: x)
            except (TypeError, ValueError, IndexError):  # that the function needs axes
                continue
            found.add(name)
            assert {type(y) for y in ys} == {np.ndarray}, name
    assert len(found) > 100


def test_running_statistics_are_inputs():
    mean, var = np.zeros(4), np.ones(4)
    with test_mode():
        assert type(F.batch_norm(IMAGES, None, None, mean, var)) is np.ndarray
        assert type(F.batch_norm(IMAGES, None, None, Variable(mean), var)) is Variable


def layers_without_parameters():
    classes = [c for c in vars(L).values() if inspect.isclass(c) and issubclass(c, L.Layer)]
    for layer in classes:
        if inspect.signature(layer.forward).return_annotation is X:
            options = inspect.signature(layer).parameters.values()
            yield layer(*[2 for option in options if option.default is option.empty])


@pytest.mark.parametrize("layer", list(layers_without_parameters()))
def test_layers_without_parameters_give_arrays_for_arrays(layer):
    name = type(layer).__name__
    x = SEQUENCES if "1d" in name else VOLUMES[..., [0, 0]] if "3d" in name else IMAGES
    assert type(layer(x)) is np.ndarray
    assert type(layer(Parameter(x))) is Variable


@pytest.mark.parametrize("name", F.__all__)
def test_annotations_can_be_evaluated(name):
    assert "return" in typing.get_type_hints(getattr(F, name))


def test_programs_have_the_types_that_mypy_is_told(monkeypatch):
    asserted = []

    def assert_type(value, expected):
        asserted.append(expected)
        if expected in (Variable, np.ndarray):
            assert type(value) is expected
        elif expected is not typing.Any:
            assert isinstance(value, getattr(expected, "__origin__", expected))

    monkeypatch.setattr(typing, "assert_type", assert_type)
    programs = importlib.import_module("checked_types")
    for name, program in vars(programs).items():
        if inspect.isfunction(program) and name != "errors":
            program(*[2.0] * len(inspect.signature(program).parameters))
    assert len(asserted) > 70


@pytest.mark.parametrize("dtype", [">f2", ">f4", ">f8", ">i4"])
def test_bytes_in_the_order_of_another_machine_are_put_in_order(dtype):
    x = np.array([[3.0, 1.0], [2.0, 5.0]]).astype(dtype)
    native = x.astype(x.dtype.newbyteorder("="))
    for f in (F.sort, F.inv, F.softmax, lambda x: F.embedding([1, 0], x), F.relu):
        y, expected = f(x), f(native)
        assert y.dtype == expected.dtype
        assert y.dtype.isnative
        np.testing.assert_array_equal(y, expected)
    assert Variable(x).dtype.isnative
