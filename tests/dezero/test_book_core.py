"""Behaviour of Variables and Functions that the programs do not cover, and errors."""

import copy
import gc
import weakref

import numpy as np
import pytest

import wengert as wg
import wengert.dezero.functions as F
from wengert.dezero import Function, Parameter, Variable, as_variable, core_simple, no_grad


class Double(Function):
    def forward(self, x):
        return 2 * x

    def backward(self, gy):
        return 2 * gy


def test_all_operations_return_variables_of_the_book():
    x = Variable(np.array([1.0, 2.0]))
    for y in (
        x + 1, 1 - x, x / x, x**2, 2 ** x, -x, +x, abs(x), x[0], x.T, x.sum(), x.mean(), x.copy(),
        x.astype(np.float32), x.reshape(2, 1), x @ x, np.exp(x), np.array([1.0, 2.0]) * x,
        F.sin(x), F.dropout(x), Double()(x), Double()(np.ones(2)), x.max(), x.dot(x),
        F.embed_id(np.array([0, 1]), x), F.softmax(x, axis=0), wg.Variable(np.ones(2)) - x,
    ):  # fmt: skip
        assert type(y) is Variable


def test_an_operation_on_a_parameter_gives_a_variable():
    p = Parameter(np.array(2.0), name="W")
    assert isinstance(p, wg.Parameter)
    assert type(p * p) is Variable


def test_functions_and_variables_of_a_recorded_backward_pass_are_those_of_the_book():
    x = Variable(np.array([[0.5, 1.0]]))
    y = F.softmax_cross_entropy(F.matmul(F.tanh(x), np.ones((2, 3))) + x.sum(), np.array([1]))
    y.backward(create_graph=True)
    seen, functions = set(), [x.grad.creator]
    while functions:
        f = functions.pop()
        seen.add(f)
        assert all(type(output()) is Variable for output in f.outputs)
        functions += [
            v.creator for v in f.inputs if v.creator is not None and v.creator not in seen
        ]
    assert len(seen) > 10


def test_gradients_are_variables_that_can_be_leaves():
    x = Variable(np.array(3.0))
    (x * x).backward()
    gx = x.grad
    assert type(gx) is Variable
    (gx * gx).backward()
    assert gx.grad.data == 12.0


def test_several_outputs_are_a_list():
    class Twice(Function):
        def forward(self, x):
            return x, 2 * x

        def backward(self, gy0, gy1):
            return gy0 + 2 * gy1

    x = Variable(np.array(1.0))
    ys = Twice()(x)
    assert str(ys) == "[variable(1.0), variable(2.0)]"
    (ys[0] * ys[1]).backward()
    assert x.grad.data == 4.0


def test_inputs_and_outputs_of_a_call_are_lists_of_variables_of_the_book():
    f = (Variable(np.array(1.0)) * 2).creator  # whose result is dropped at once
    assert (str(f.inputs), str(f.outputs)) == ("[variable(1.0), variable(2.0)]", "[variable(2.0)]")
    assert f.outputs[0]().creator is f
    f = (core_simple.Variable(np.array(1.0)) * 2).creator
    assert [type(x) for x in (*f.inputs, *f.outputs)] == [core_simple.Variable] * 3


def test_an_instance_can_be_called_again():
    f = Double()
    x = Variable(np.array(1.0))
    y = f(f(x))
    y.backward()
    assert x.grad.data == 4.0


def test_an_output_computed_without_recording_is_a_leaf():
    with no_grad():
        x = Variable(np.array(2.0)) * 3
    (x * x).backward()
    assert x.creator is None
    assert x.grad.data == 12.0


def test_data_may_be_replaced_and_released():
    x, W, b = Variable(np.ones((2, 3))), Variable(np.ones((3, 4))), Variable(np.zeros(4))
    t = F.matmul(x, W)
    y = t + b
    t.data = None
    y.backward()
    assert b.grad.data.tolist() == [2.0] * 4
    x.data = np.zeros(5, int)
    assert x.shape == (5,)


def test_none_is_an_input_of_a_user_defined_function():
    class Affine(Function):
        def forward(self, x, b):
            return x if b is None else x + b

        def backward(self, gy):
            _, b = self.inputs
            return gy, None if b.data is None else gy

    x = Variable(np.array(2.0))
    y = Affine()(x, None)
    y.backward()
    assert x.grad.data == 1.0


def test_a_backward_called_by_hand_with_an_array_may_return_one_gradient():
    f = Double()
    f(Variable(np.array(1.0)))
    assert type(f.backward(np.array(3.0))) is Variable


def test_the_initial_gradient_is_cleared_unless_retained():
    x = Variable(np.array(1.0))
    y = 2 * x
    y.grad = np.array(5.0)
    y.backward()
    assert (x.grad.data, y.grad) == (10.0, None)


def test_an_initial_gradient_may_have_any_shape_with_as_many_elements():
    x = Variable(np.array(2.0))
    y = x * x
    y.grad = np.array([[3.0]])
    y.backward()
    assert (x.grad.shape, x.grad.data) == ((), 12.0)
    x = Variable(np.ones((2, 3)))
    y = x * 2
    y.grad = Variable(np.arange(6.0))
    y.backward()
    assert x.grad.data.tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]


def test_a_gradient_of_a_wrong_shape_is_refused_when_it_is_used():
    x = Variable(np.ones((2, 3)))
    y = x * 2
    y.grad = np.ones(4)
    with pytest.raises(ValueError, match=r"broadcast_to: got x of shape \(4,\)"):
        y.backward()


@pytest.mark.parametrize("wrong", [[1.0], 1.0, "x", {1: 2}])
def test_data_that_is_not_an_array_is_refused(wrong):
    for make in (Variable, Parameter, as_variable, F.sin, core_simple.Variable, Double()):
        with pytest.raises(TypeError, match="is not supported"):
            make(wrong)


def test_complex_numbers_are_refused():
    with pytest.raises(TypeError, match="complex128"):
        Variable(np.array(1j))


def test_a_graph_is_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = Variable(np.ones(3))
        y = F.sum(Double()(F.tanh(x)) ** 2)
        y.backward(create_graph=True)
        middle = weakref.ref(y.creator.inputs[0])
        x.cleargrad()
        del y
        assert middle() is None
    finally:
        gc.enable()


def test_copies_of_parameters_without_a_size():
    p = copy.deepcopy(Parameter(None, name="W"))
    assert (type(p), p.data, p.name) == (Parameter, None, "W")
    p = Parameter(np.ones(2))
    p.grad = np.array(1.0)
    p = copy.deepcopy(p)
    assert (p.data.tolist(), p.grad.data) == ([1.0, 1.0], 1.0)


def test_float32_stays_float32_with_numbers():
    x = Variable(np.ones(3, np.float32))
    for y in (
        x * 2.0,
        2.0 - x,
        x / 3,
        x ** np.float64(2),
        F.dropout(x),
        F.mean_squared_error(x, x),
    ):
        assert y.dtype == np.float32


def test_an_array_as_operand_of_a_variable_needs_no_gradient():
    x, W = np.ones((2, 3)), Variable(np.ones((3, 1)))
    y = F.matmul(x, W)
    y.backward()
    assert y.creator.inputs[0].grad is None
    assert W.grad.data.tolist() == [[2.0]] * 3


def test_exponents_may_be_variables():
    x, c = Variable(np.array(3.0)), Variable(np.array(2.0))
    y = x**c
    y.backward()
    assert x.grad.data == 6.0
    assert c.grad.data == pytest.approx(9 * np.log(3))


def test_the_simple_core_has_arrays_for_gradients_and_its_own_variables():
    class Cube(core_simple.Function):
        def forward(self, x):
            return x**3

        def backward(self, gy):
            assert isinstance(gy, np.ndarray)
            return 3 * self.inputs[0].data ** 2 * gy

    x = core_simple.Variable(np.array([1.0, 2.0]))
    y = Cube()(x) * 2.0 - x
    assert type(y) is core_simple.Variable
    y.backward(retain_grad=True)
    assert type(x.grad) is np.ndarray
    assert x.grad.tolist() == [5.0, 23.0]
    assert y.grad.tolist() == [1.0, 1.0]
    assert type(np.exp(x)) is core_simple.Variable
    assert type(x[0]) is core_simple.Variable


def test_a_backward_of_the_simple_core_receives_arrays_also_by_hand():
    class Same(core_simple.Function):
        def forward(self, x):
            return x

        def backward(self, gy):
            return type(gy)

    f = Same()
    f(core_simple.Variable(np.array(1.0)))
    assert f.backward(core_simple.Variable(np.array(1.0))) is np.ndarray


def test_an_index_that_is_changed_later_does_not_change_the_gradient():
    x, index = Variable(np.zeros(3)), np.array([0, 0])
    y = x[index]
    index[:] = 2
    y.backward()
    assert x.grad.data.tolist() == [2.0, 0.0, 0.0]
    assert x[Variable(np.array([1]))].shape == (1,)


def test_modes_are_shared_with_wengert():
    from wengert.dezero import Config

    with wg.test_mode():
        assert not Config.train
    Config.train = False
    try:
        assert not wg.config.train
    finally:
        Config.train = True
    with pytest.raises(ValueError, match="there is no mode 'trian'"):
        wg.dezero.using_config("trian", True).__enter__()


def test_functions_of_the_book_print_with_their_arguments():
    x = Variable(np.ones((1, 1, 2, 2)))
    mean, var = np.zeros(1), np.ones(1)
    assert repr(F.clip(x, 0, 1).creator) == "Clip(x_min=0, x_max=1)"
    assert repr(F.BatchNorm(mean, var, 0.9, 0.1)).startswith("BatchNorm(mean=array([0.]), var=")
    assert repr(F.pooling(x, 2).creator) == "Pooling(kernel_size=(2, 2), stride=(1, 1), pad=(0, 0))"
    assert repr(x[0].creator) == "GetItem(slices=0)"
