"""Tests of every Function, generated from its `samples`."""

import numpy as np
import pytest

import wengert
from operations import OPERATIONS, cases, is_float, samples_of, unchanged
from wengert import Variable
from wengert.core import Constant
from wengert.functions.arithmetic import Cast
from wengert.testing import check_gradients

WITHOUT_SAMPLES = {"Recompute"}  # it is a whole program, see test_autodiff.py


def call(cls, options, inputs):
    """The outputs as a tuple."""
    ys = cls(**options)(*inputs)
    return ys if isinstance(ys, tuple) else (ys,)


def arrays_of(ys):
    return [y.data for y in ys]


def is_float_array(x):
    return isinstance(x, np.ndarray | np.generic) and is_float(x)


def single_precision(options):
    return dict(zip(options, cast(options.values(), np.float32), strict=True))


def cast(values, dtype):
    return [np.asarray(x, dtype) if is_float_array(x) else x for x in values]


def gradients(cls, options, inputs, dtype=np.float64, *, create_graph=False):
    """The gradients of the sum of all outputs, each weighted by its position."""
    xs = [Variable(x) for x in cast(inputs, dtype)]
    ys = [y for y in call(cls, options, xs) if is_float(y.data)]
    seeds = [np.linspace(1, 2, y.size).reshape(y.shape).astype(y.dtype) for y in ys]
    wengert.backward(ys, seeds, create_graph=create_graph)
    return [x.grad for x in xs]


@pytest.mark.parametrize("cls", OPERATIONS)
def test_every_operation_has_samples_and_a_formula(cls):
    assert cls.__doc__
    assert cls.__name__ in WITHOUT_SAMPLES or samples_of(cls)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(differentiable=True))
def test_derivatives_are_right_to_third_order(cls, inputs, options):
    check_gradients(cls(**options), *inputs, order=3)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_float32_stays_float32_and_gives_the_values_of_float64(cls, inputs, options):
    exact = call(cls, options, map(Variable, inputs))
    options = {"dtype": np.float32} if cls is Cast else single_precision(options)
    single = call(cls, options, map(Variable, cast(inputs, np.float32)))
    for y, y32 in zip(arrays_of(exact), arrays_of(single), strict=True):
        assert y32.dtype == (np.float32 if is_float(y) and any(map(is_float, inputs)) else y.dtype)
        np.testing.assert_allclose(y32, y, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(differentiable=True))
def test_gradients_have_the_dtype_of_their_inputs(cls, inputs, options):
    exact = gradients(cls, options, inputs)
    single = gradients(cls, single_precision(options), inputs, np.float32)
    for i in unchanged(cls, inputs):
        if is_float(inputs[i]):
            assert single[i].dtype == np.float32
            np.testing.assert_allclose(single[i].data, exact[i].data, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(differentiable=True))
def test_a_recorded_walk_gives_the_gradients_of_a_plain_one(cls, inputs, options):
    plain = gradients(cls, options, inputs)
    recorded = gradients(cls, options, inputs, create_graph=True)
    for g, h in zip(plain, recorded, strict=True):
        assert (g is None) == (h is None)
        if g is not None:
            np.testing.assert_allclose(h.data, g.data, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_only_declared_inputs_are_modified(cls, inputs, options):
    before = [np.array(x) for x in inputs]
    if issubclass(cls, Constant):
        call(cls, options, map(Variable, inputs))
    else:
        gradients(cls, options, inputs)
    for i, (x, x_before) in enumerate(zip(inputs, before, strict=True)):
        assert np.array_equal(x, x_before, equal_nan=is_float(x)) == (i in unchanged(cls, inputs))


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_strides_do_not_matter(cls, inputs, options):
    strided = [np.asarray(x).repeat(2).reshape(*np.shape(x), 2)[..., 0] for x in inputs]
    expected = call(cls, options, map(Variable, inputs))
    found = call(cls, options, map(Variable, strided))
    for y, z in zip(arrays_of(expected), arrays_of(found), strict=True):
        np.testing.assert_allclose(z, y, rtol=1e-14)
    if not issubclass(cls, Constant):
        expected = gradients(cls, options, inputs)
        for g, h in zip(expected, gradients(cls, options, strided), strict=True):
            assert g is None or np.allclose(h.data, g.data, rtol=1e-12)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases())
def test_arrays_in_arrays_out_with_the_values_of_variables(cls, inputs, options):
    plain = call(cls, options, inputs)
    recorded = call(cls, options, map(Variable, inputs))
    for y, z in zip(plain, recorded, strict=True):
        assert isinstance(y, np.ndarray)
        np.testing.assert_array_equal(y, z.data)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(differentiable=True))
def test_each_input_gets_the_same_gradient_when_it_is_the_only_one(cls, inputs, options):
    together = gradients(cls, options, inputs)
    for i, x in enumerate(inputs):
        if not is_float(x):
            continue
        xs = [Variable(x, requires_grad=i == j) for j, x in enumerate(inputs)]
        ys = call(cls, options, xs)
        seeds = [np.linspace(1, 2, y.size).reshape(y.shape).astype(y.dtype) for y in ys]
        wengert.backward(ys, seeds)
        assert (together[i] is None) == (xs[i].grad is None)
        if together[i] is not None:
            np.testing.assert_allclose(xs[i].grad.data, together[i].data, rtol=1e-12)
        assert all(x.grad is None for j, x in enumerate(xs) if j != i)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(elementwise=True))
def test_elementwise_operations_take_empty_arrays(cls, inputs, options):
    empty = [Variable(np.empty((0, 3), np.asarray(x).dtype)) for x in inputs]
    for y in call(cls, options, empty):
        assert y.shape == (0, 3)
        if y.requires_grad:
            y.backward()
    assert all(x.grad is None or x.grad.shape == (0, 3) for x in empty)


@pytest.mark.parametrize(("cls", "inputs", "options"), cases(elementwise=True, differentiable=True))
def test_elementwise_operations_add_up_gradients_over_what_was_broadcast(cls, inputs, options):
    full = np.broadcast_arrays(*inputs)
    expected = gradients(cls, options, full)
    for x, g, h in zip(inputs, gradients(cls, options, inputs), expected, strict=True):
        if g is not None:
            extra = h.ndim - np.ndim(x)
            axes = tuple(
                i for i in range(h.ndim) if i < extra or np.shape(x)[i - extra] < h.shape[i]
            )
            total = h.data.sum(axis=axes).reshape(np.shape(x))
            np.testing.assert_allclose(g.data, total, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cls", [c for c in OPERATIONS if issubclass(c, Constant)])
def test_constants_need_no_gradient(cls):
    for inputs, options in samples_of(cls):
        for y in call(cls, options, map(Variable, inputs)):
            assert not y.requires_grad
            assert y.creator is None
