"""Records of calls: creators, inputs and outputs, and when they are freed."""

import copy
import gc
import math
import operator as op
import weakref

import numpy as np
import pytest

import wengert as wg
from wengert import Function, Parameter, Variable


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return 2 * self.input.data * gy


class Exp(Function):
    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        return np.exp(self.input.data) * gy


class SplitSum(Function):
    """Two outputs: x0 + x1 and x0 - x1."""

    def forward(self, x0, x1):
        return x0 + x1, x0 - x1

    def backward(self, gy0, gy1):
        return gy0 + gy1, gy0 - gy1


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# ---- Connections ----


def test_connections_are_made_as_the_program_runs():
    A, B, C = Square(), Exp(), Square()
    x = Variable(np.array(0.5))
    a = A(x)
    b = B(a)
    y = C(b)
    assert y.creator is C
    assert y.creator == C
    assert C.input is b
    assert b.creator is B
    assert B.input is a
    assert a.creator is A
    assert A.input is x
    assert A.input == x
    assert x.creator is None
    assert C.output is y
    assert [x.generation, a.generation, b.generation, y.generation] == [0, 1, 2, 3]


def test_inputs_and_outputs_of_a_function_of_several():
    f = SplitSum()
    x0, x1 = Variable(3.0), Variable(1.0)
    y0, y1 = f(x0, x1)
    assert f.inputs == (x0, x1)
    assert f.outputs == (y0, y1)
    assert y0.creator is y1.creator is f


def test_generation_is_that_of_the_longest_path():
    x = Variable(2.0)
    a = Square()(x)
    y = a + x
    assert a.generation == 1
    assert y.generation == 2
    assert y.creator.generation == 1


@pytest.mark.parametrize("other", [np.array([1.0, 5.0]), Variable([1.0, 5.0]), [1.0, 5.0], 1])
def test_equality_of_variables_is_elementwise(other):
    x = Variable([1.0, 2.0])
    for y, expected in [(x == other, [True, False]), (other == x, [True, False])]:
        assert isinstance(y, Variable)
        assert y.data.tolist() == expected
        assert not y.requires_grad
    for y in [x != other, other != x]:
        assert y.data.tolist() == [False, True]


def test_one_element_is_equal_to_a_number_and_to_itself():
    y = Square()(x := Variable(3.0))
    assert y.creator.input == x
    assert y == 9
    assert bool(y != 9) is False
    with pytest.raises(ValueError, match="needed one element"):
        bool(Variable([1.0, 2.0]) == 1)


@pytest.mark.parametrize("other", [None, "text", object(), {}])
def test_a_variable_is_not_equal_to_what_has_no_values(other):
    x = Variable([1.0, 2.0])
    assert (x == other) is False
    assert (x != other) is True


def test_shapes_that_do_not_broadcast_cannot_be_compared():
    with pytest.raises(ValueError, match="do not broadcast"):
        Variable([1.0, 2.0]) == np.ones(3)  # noqa: B015


def test_variables_of_equal_values_are_different_keys_and_elements_of_sets():
    x, same = Variable([1.0, 2.0]), Variable([1.0, 2.0])
    assert len({x, same, x}) == 2
    assert {x: "x", same: "same"}[same] == "same"
    assert hash(x) != hash(same)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64, np.uint64, np.bool_])
@pytest.mark.parametrize(
    "number",
    [300, -1, -(2**40), 2**63, 2**64 + 1, pytest.param(10**400, id="huge"),
     pytest.param(-(10**400), id="-huge")],
)  # fmt: skip
@pytest.mark.parametrize("compare", [op.eq, op.ne, op.lt, op.le, op.gt, op.ge])
def test_comparisons_with_numbers_out_of_range_are_those_of_numpy(dtype, number, compare):
    x = np.array([0, 1], dtype)
    big = np.array([np.iinfo(dtype).max] if dtype is not np.bool_ else [1], dtype)
    for array in (x, big):
        expected = [compare(value, number) for value in array.tolist()]  # Python's integers
        assert compare(Variable(array), number).data.tolist() == expected
        assert compare(number, Variable(array)).data.tolist() == [
            compare(number, value) for value in array.tolist()
        ]


def test_arithmetic_with_a_number_out_of_range_is_refused_as_by_numpy():
    with pytest.raises(OverflowError):
        Variable(np.array([1], np.uint8)) + 300


def test_data_is_kept_and_not_copied():
    array = np.arange(3.0)
    assert Variable(array).data is array


def test_data_may_become_the_scalar_that_numpy_makes_of_a_0_d_array():
    x = Variable(np.array(3.0))
    x.data = x.data - 1.0  # a np.float64, no ndarray
    y = (x - 0.5) * x * np.ones(2) + np.exp(x) ** 2 - 1 / x
    np.sum(y).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert gx.item() == pytest.approx(2 * (2 * 2 - 0.5 + 2 * math.exp(4) + 1 / 4))
    assert x.grad.item() == pytest.approx(2 * (2 + 4 * math.exp(4) - 2 / 8))
    assert repr(x) == "Variable(2.)"
    assert str(x) == "2.0"
    assert copy.deepcopy(x).data == 2.0
    assert x[None].shape == (1,)


def test_an_instance_called_again_does_not_change_the_first_graph():
    f = Square()
    x, z = Variable(3.0), Variable(5.0)
    y0 = f(x)
    y1 = f(z)
    assert y0.creator is f
    assert y0.creator.input is x
    assert y1.creator is not f
    assert y1.creator.input is z
    y0.backward()
    assert x.grad.data == 6.0
    assert z.grad is None


def test_an_instance_keeps_its_options_when_it_is_called_again():
    class Scale(Function):
        def __init__(self, c):
            self.c = c

        def forward(self, x):
            return self.c * x

        def backward(self, gy):
            return self.c * gy

    f = Scale(3.0)
    x = Variable(2.0)
    f(f(f(x))).backward()
    assert x.grad.data == 27.0


def test_attributes_that_forward_stores_belong_to_its_call():
    class Abs(Function):
        def forward(self, x):
            self.sign = np.sign(x)
            return abs(x)

        def backward(self, gy):
            return gy * self.sign

    f = Abs()
    x0, x1 = Variable(-3.0), Variable(4.0)
    y = f(x0) + f(x1)
    y.backward()
    assert (x0.grad.item(), x1.grad.item()) == (-1.0, 1.0)


def test_an_instance_called_under_no_grad_does_not_change_its_first_graph():
    f = Square()
    x = Variable(3.0)
    y = f(x)
    with wg.no_grad():
        f(Variable(7.0))
    assert f.input is x
    y.backward()
    assert x.grad.data == 6.0


def test_a_failed_second_call_does_not_change_the_first_graph():
    class Positive(Function):
        def forward(self, x):
            if x < 0:
                raise ValueError("negative")
            return x * 2

        def backward(self, gy):
            return gy * 2

    f = Positive()
    x = Variable(1.0)
    y = f(x)
    with pytest.raises(ValueError, match="negative"):
        f(Variable(-1.0))
    y.backward()
    assert x.grad.data == 2.0


def test_a_dropped_output_is_made_again_with_its_value():
    f = SplitSum()
    y0, _ = f(Variable(3.0), Variable(1.0))
    del _
    again = f.outputs
    assert again[0] is y0
    assert again[1].data == 2.0
    assert again[1].creator is f
    assert again[1].generation == y0.generation


def test_arrays_in_arrays_out():
    y = Square()(np.array([1.0, 2.0]))
    assert type(y) is np.ndarray
    y0, y1 = SplitSum()(3.0, np.ones(2))
    assert type(y0) is type(y1) is np.ndarray


def test_arrays_and_numbers_among_the_inputs_are_constants():
    f = SplitSum()
    y0, _ = f(np.array(3.0), Variable(1.0))
    assert not f.inputs[0].requires_grad
    assert f.needs == [False, True]
    y0.backward()
    assert f.inputs[0].grad is None


def test_nothing_is_recorded_from_constants_alone():
    y = Square()(Variable(2.0, requires_grad=False))
    assert y.creator is None
    assert not y.requires_grad


def test_set_creator_makes_a_connection_by_hand():
    f = Square()
    y = f(Variable(3.0))
    copied = Variable(y.data)
    copied.set_creator(f)
    assert copied.creator is f
    assert copied.generation == 1


def test_parameters_are_variables():
    W = Parameter(np.ones(2), name="W")
    np.sum(W * 3).backward()
    assert isinstance(W, Variable)
    assert W.grad.data.tolist() == [3.0, 3.0]


def test_a_forward_that_returns_no_array_is_an_error():
    class Nothing(Function):
        def forward(self, x):
            return None

    with pytest.raises(TypeError, match="None"):
        Nothing()(Variable(1.0))


def test_functions_without_forward_or_backward_say_what_to_define():
    class Empty(Function):
        pass

    class OneWay(Function):
        def forward(self, x):
            return x * 1

    with pytest.raises(NotImplementedError, match=r"Empty.*define forward"):
        Empty()(Variable(1.0))
    with pytest.raises(NotImplementedError, match=r"OneWay.*define backward"):
        OneWay()(Variable(1.0)).backward()


def test_an_error_in_forward_names_the_function_and_its_inputs():
    class Fails(Function):
        def forward(self, x):
            raise KeyError("inside")

    with pytest.raises(KeyError) as info:
        Fails()(Variable(np.ones((2, 3), np.float32)))
    assert info.value.__notes__ == ["in Fails.forward, called with float32 (2, 3)"]


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"Add: shapes \(2,\) and \(3,\) do not broadcast"):
        Variable(np.ones(2)) + Variable(np.ones(3))


@pytest.mark.parametrize("use", ["xs", "ys", "needs"])
def test_a_function_that_was_not_recorded_says_so(use):
    f = Square()
    with wg.no_grad():
        f(Variable(1.0))
    with pytest.raises(RuntimeError, match="no record"):
        getattr(f, use)


# ---- Cutting ----


def test_unchain_makes_a_leaf():
    x = Variable(2.0)
    a = Square()(x)
    y = Square()(a)
    a.unchain()
    y.backward()
    assert a.creator is None
    assert a.generation == 0
    assert a.grad.data == 8.0
    assert x.grad is None


def test_unchain_backward_makes_leaves_of_all_that_came_before():
    x = Variable(2.0)
    a = Square()(x)
    b = Square()(a)
    y = b + a
    y.unchain_backward()
    assert a.creator is None
    assert b.creator is None
    assert y.creator is not None


def test_truncated_backpropagation_through_time():
    # h_t = w h_{t-1}, summed over t, cut after every third step: what was before is a constant
    w, h = Variable(2.0), Variable(1.0)
    for _ in range(2):
        loss = 0
        for _ in range(3):
            h = h * w
            loss += h
        loss.backward()
        loss.unchain_backward()
    # d(w + w² + w³) = 17 at h = 1, then from h = 8 eight times that
    assert w.grad.data == 17 + 8 * 17
    assert h.creator is None
    assert h.data == 64.0


def test_detach_shares_the_data_and_stops_the_gradient():
    x = Variable(np.array([1.0, 2.0]), name="x")
    a = x * 3
    d = a.detach()
    assert d.data is a.data
    assert d.creator is None
    np.sum(d * x).backward()
    assert x.grad.data.tolist() == [3.0, 6.0]
    assert d.grad is None


# ---- Freeing ----


def run_and_drop(program, **options):
    """Whether x and the Variable in between are freed when the program has dropped them."""
    x = Variable(np.array([1.0, 2.0]))
    a = program(x)
    y = a * x
    y.backward(**options)
    x.cleargrad()
    alive = [weakref.ref(v) for v in (x, a, y)]
    del x, a, y
    return [reference() for reference in alive] == [None, None, None]


@pytest.mark.parametrize(
    "program", [np.sin, np.exp, lambda x: Square()(x), lambda x: SplitSum()(x, x)[1]]
)
@pytest.mark.parametrize("options", [{}, {"retain_grad": True}, {"create_graph": True}])
@pytest.mark.usefixtures("no_collector")
def test_a_graph_frees_itself_by_reference_counting(program, options):
    assert run_and_drop(program, **options)


@pytest.mark.usefixtures("no_collector")
def test_a_graph_of_second_order_frees_itself():
    x = Variable(np.array([1.0, 2.0]))
    y = np.exp(x) * np.sin(x)
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    alive = [weakref.ref(v) for v in (x, y, gx, gx.creator)]
    del x, y, gx
    assert [reference() for reference in alive] == [None] * 4


@pytest.mark.usefixtures("no_collector")
def test_a_leaf_whose_gradient_has_a_graph_frees_itself():
    x = Variable(np.array([1.0, 2.0]))
    y = np.exp(x)
    y.backward(create_graph=True)
    alive = weakref.ref(x)
    del x, y
    assert alive() is None


@pytest.mark.usefixtures("no_collector")
def test_reading_outputs_makes_no_cycle():
    f = SplitSum()
    ys = f(Variable(3.0), Variable(1.0))
    alive = [weakref.ref(v) for v in (f, *ys, *f.inputs, *f.outputs)]
    del f, ys
    assert [reference() for reference in alive] == [None] * 7


@pytest.mark.usefixtures("no_collector")
def test_a_failed_backward_keeps_nothing_alive():
    x = Variable(np.ones(2))
    y = x * 2
    with pytest.raises(ValueError, match="shape"):
        y.backward(grad=np.ones(3))
    alive = weakref.ref(x)
    del x, y
    assert alive() is None


def test_a_dropped_graph_frees_its_arrays():
    x = Variable(np.ones(2))
    y = x * 2
    array = weakref.ref(y.data)
    z = y * 3
    del y
    assert array() is not None  # Mul needs it
    del z
    assert array() is None


# ---- Copies ----


def test_deepcopy_of_a_leaf_copies_data_and_gradient():
    x = Variable(np.array([1.0, 2.0]), name="x")
    np.sum(x * x).backward()
    z = copy.deepcopy(x)
    assert z.data.tolist() == [1.0, 2.0]
    assert z.grad.data.tolist() == [2.0, 4.0]
    assert z.name == "x"
    z.data[0] = 9
    z.grad.data[0] = 9
    assert x.data[0] == 1
    assert x.grad.data[0] == 2


def test_only_leaves_are_copied():
    y = Square()(Variable(2.0))
    with pytest.raises(RuntimeError, match=r"only leaves.*Square.*detach"):
        copy.deepcopy(y)
    assert copy.deepcopy(y.detach()).data == 4.0


def test_a_copy_is_recorded_and_has_its_own_memory():
    x = Variable(np.array([1.0, 2.0]))
    y = x.copy()
    y.data[0] = 9
    assert x.data[0] == 1
    np.sum(y).backward()
    assert x.grad.data.tolist() == [1.0, 1.0]


def test_data_is_an_array_whatever_is_assigned():
    x = Variable(np.array(2.0))
    x.data = x.data - 0.5  # a scalar, as NumPy makes of 0-d arrays
    assert type(x.data) is np.ndarray
    with pytest.raises(TypeError, match=r"assign value\.data"):
        x.data = x * 2
    with pytest.raises(TypeError, match="needed an array"):
        x.data = "two"


def test_an_assigned_gradient_takes_the_dtype_of_its_variable():
    x = Variable(np.ones(2, np.float32))
    x.grad = np.ones(2)
    assert x.grad.dtype == np.float32


def test_a_leaf_that_is_assigned_its_own_gradient_graph_frees_itself():
    gc.disable()
    try:
        x = Variable(np.array(2.0))
        x.grad = wg.grad(x**3, x, create_graph=True)
        alive = weakref.ref(x)
        del x
        assert alive() is None
    finally:
        gc.enable()


def test_a_second_function_for_a_ufunc_does_not_replace_the_first():
    class OtherSin(Function):
        ufunc = np.sin

        def forward(self, x):
            return 0 * x

    assert float(np.sin(Variable(1.0))) == np.sin(1.0)
