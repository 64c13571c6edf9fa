"""The backward walk: right gradients on graphs of every form, each Function visited once."""

import gc
import sys
import threading

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Function, Variable


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return 2 * self.input.data * gy


class SplitSum(Function):
    """Two outputs: x0 + x1 and x0 - x1."""

    def forward(self, x0, x1):
        return x0 + x1, x0 - x1

    def backward(self, gy0, gy1):
        return gy0 + gy1, gy0 - gy1


class Counted(Function):
    """y = x, and a count of the calls of `backward`."""

    calls = 0

    def forward(self, x):
        return x

    def backward(self, gy):
        Counted.calls += 1
        return gy


class CountedSum(Function):
    """y = x0 + x1, and a count of the calls of `backward`."""

    calls = 0

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        CountedSum.calls += 1
        return gy, gy


def square(x):
    return Square()(x)


@pytest.fixture
def no_collector():
    gc.disable()
    yield
    gc.enable()


# ---- Graphs of every form ----


def test_a_variable_used_twice_adds_up():
    x = Variable(np.array(3.0))
    (x + x).backward()
    assert x.grad.data == 2.0
    x.cleargrad()
    ((x + x) + x).backward()
    assert x.grad.data == 3.0


def test_gradients_of_two_walks_add_up_until_cleared():
    x = Variable(3.0)
    square(x).backward()
    square(x).backward()
    assert x.grad.data == 12.0
    x.cleargrad()
    assert x.grad is None


def test_a_diamond_is_walked_in_order_of_generation():
    x = Variable(np.array(2.0))
    a = square(x)
    y = square(a) + square(a)
    y.backward()
    assert y.data == 32.0
    assert x.grad.data == 64.0


def test_one_instance_used_twice_in_one_expression():
    f = Square()
    x = Variable(3.0)
    (f(x) + f(f(x))).backward()
    assert x.grad.data == 2 * 3 + 4 * 3**3


def test_a_shortcut_of_a_lower_generation_waits_for_the_long_path():
    x = Variable(2.0)
    a = square(x)  # 4
    b = square(square(a)) * a  # a⁵, by two paths of different length
    b.backward()
    assert x.grad.data == 5 * 4.0**4 * 4


def test_a_ladder_of_diamonds_is_linear_in_its_size():
    Counted.calls = CountedSum.calls = 0
    x = y = Variable(1.0)
    for _ in range(50):  # 2⁵⁰ paths from y to x
        y = Counted()(y)
        y = CountedSum()(y, y)
    y.backward()
    assert x.grad.data == 2.0**50
    assert Counted.calls == CountedSum.calls == 50


@pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
def test_outputs_that_are_not_used_have_gradient_zero(used):
    x0, x1 = Variable(3.0), Variable(1.0)
    ys = SplitSum()(x0, x1)
    z = sum(ys[i] * 10.0 ** (i + 1) for i in used)
    z.backward()
    g = [10.0 if 0 in used else 0.0, 100.0 if 1 in used else 0.0]
    assert x0.grad.data == g[0] + g[1]
    assert x1.grad.data == g[0] - g[1]


@pytest.mark.parametrize("create_graph", [False, True])
def test_outputs_that_were_dropped_have_gradient_zero(create_graph):
    x0, x1 = Variable(3.0), Variable(1.0)
    y = SplitSum()(x0, x1)[1]
    (y * y).backward(create_graph=create_graph)
    assert x0.grad.data == 4.0
    assert x1.grad.data == -4.0


def test_an_output_remade_after_it_was_dropped_is_part_of_the_graph():
    f = SplitSum()
    x0, x1 = Variable(3.0), Variable(1.0)
    y0 = f(x0, x1)[0]
    y1 = f.outputs[1]
    (y0 * y1).backward()  # x0² - x1²
    assert (x0.grad.data, x1.grad.data) == (6.0, -2.0)


def test_unused_outputs_of_another_shape_and_dtype_get_zeros_of_their_own_kind():
    class Parts(Function):
        def forward(self, x):
            return x.sum(), x[:2].astype(np.float32), np.arange(3)

        def backward(self, g0, g1, g2):
            assert (g0.shape, g1.shape, g2.shape) == ((), (2,), (3,))
            assert (g0.dtype, g1.dtype, g2.dtype) == (np.float64, np.float32, np.int64)
            return g0 * np.ones(4)

    x = Variable(np.ones(4))
    Parts()(x)[0].backward()
    assert x.grad.data.tolist() == [1.0] * 4


def test_a_loss_may_start_from_the_number_0():
    x = Variable(2.0)
    loss = 0
    for i in range(1, 4):
        loss += x**i
    assert isinstance(loss, Variable)
    loss.backward()
    assert x.grad.data == 1 + 2 * 2 + 3 * 4


def test_plus_equals_makes_a_new_variable_and_does_not_change_the_old_one():
    x = y = Variable(np.ones(2))
    y += 1
    assert x.data.tolist() == [1.0, 1.0]
    assert y.creator.inputs[0] is x


@pytest.mark.parametrize(("start", "gradient"), [(-3.0, -1.0), (3.0, 2.0), (0.1, 64.0)])
def test_python_control_flow_is_followed(start, gradient):
    x = Variable(start)
    if x < 0:
        y = -x
    else:
        y = x
        while y < 4:
            y = y * 2
    y.backward()
    assert x.grad.data == gradient


def test_inputs_given_twice_get_both_gradients():
    x = Variable(3.0)
    y0, y1 = SplitSum()(x, x)
    (y0 + y1).backward()
    assert x.grad.data == 2.0
    x.cleargrad()
    (x * x).backward()
    assert x.grad.data == 6.0


# ---- Constants ----


def test_a_constant_gets_no_gradient():
    x, c = Variable(2.0), Variable(3.0, requires_grad=False)
    (x * c).backward()
    assert x.grad.data == 3.0
    assert c.grad is None


def test_a_function_knows_which_inputs_need_a_gradient():
    seen = []

    class Mul(Function):
        def forward(self, x0, x1):
            return x0 * x1

        def backward(self, gy):
            seen.append(list(self.needs))
            x0, x1 = self.xs
            return gy * x1, gy * x0

    x, c = Variable(2.0), Variable(3.0, requires_grad=False)
    Mul()(x, c).backward()
    Mul()(5.0, x).backward()
    Mul()(x, x).backward()
    assert seen == [[True, False], [False, True], [True, True]]


@pytest.mark.parametrize("operation", [
    np.multiply, np.divide, np.power, np.maximum, np.arctan2, np.matmul,
])  # fmt: skip
@pytest.mark.parametrize("needed", [0, 1])
def test_no_work_is_done_for_an_input_without_gradient(operation, needed):
    inputs = [np.full((2, 2), 1.5), np.full((2, 2), 2.5)]
    inputs[needed] = Variable(inputs[needed])
    y = operation(*inputs)
    gxs = y.creator.backward(np.ones((2, 2)))
    assert gxs[needed] is not None
    assert gxs[1 - needed] is None


def test_a_branch_of_constants_is_not_walked():
    Counted.calls = 0
    c = Counted()(Variable(1.0, requires_grad=False))
    x = Variable(2.0)
    (x * c).backward()
    assert c.creator is None
    assert Counted.calls == 0


def test_none_from_backward_means_no_gradient():
    class Stop(Function):
        def forward(self, x):
            return x * 1

        def backward(self, gy):
            return None

    x = Variable(2.0)
    (Stop()(x) + x).backward()
    assert x.grad.data == 1.0
    x.cleargrad()
    Stop()(square(x)).backward()
    assert x.grad is None


# ---- Roots and seeds ----


def test_the_seed_is_ones_of_shape_and_dtype():
    x = Variable(np.ones((2, 3), np.float32))
    (x * 2).backward()
    assert x.grad.data.tolist() == [[2.0] * 3] * 2
    assert x.grad.dtype == np.float32


def test_an_explicit_seed():
    x = Variable(np.array([1.0, 2.0]))
    y = square(x)
    y.backward(grad=np.array([10.0, 1.0]))
    assert x.grad.data.tolist() == [20.0, 4.0]
    x.cleargrad()
    y.backward(grad=Variable(np.array([1.0, 10.0])))
    assert x.grad.data.tolist() == [2.0, 40.0]


def test_a_gradient_set_by_hand_is_the_seed():
    x = Variable(np.array([1.0, 2.0]))
    y = square(x)
    y.grad = np.array([10.0, 1.0])
    y.backward()
    assert x.grad.data.tolist() == [20.0, 4.0]


@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1), ()])
def test_a_seed_of_another_shape_is_refused(shape):
    y = square(Variable(np.ones(2)))
    with pytest.raises(ValueError, match=r"shape.*\(2,\)"):
        y.backward(grad=np.ones(shape))


def test_a_gradient_of_another_shape_is_refused_where_it_is_set():
    x = Variable(np.ones(2))
    with pytest.raises(ValueError, match=r"grad: got shape \(3,\) for a Variable of shape \(2,\)"):
        x.grad = np.ones(3)
    assert x.grad is None


def test_an_assigned_array_or_number_is_wrapped():
    x = Variable(np.array(1.0))
    x.grad = np.array(2.0)
    assert isinstance(x.grad, Variable)
    x.grad = 3.0
    assert x.grad.data == 3.0
    x.grad = None
    assert x.grad is None


def test_backward_a_second_time_adds_the_same_again():
    x = Variable(3.0)
    y = square(square(x))
    y.backward()
    y.backward()
    assert x.grad.data == 2 * 4 * 3**3


@pytest.mark.parametrize("options", [{"retain_grad": True}, {"create_graph": True}])
def test_backward_a_second_time_after_another_kind_of_walk(options):
    x = Variable(3.0)
    y = square(square(x))
    y.backward(**options)
    y.backward()
    y.backward(**options)
    assert x.grad.data == 3 * 4 * 3**3


def test_backward_on_a_leaf_adds_ones():
    x = Variable(np.array([3.0, 4.0]))
    for _ in range(3):
        x.backward()
    assert x.grad.data.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("make", [
    lambda: Variable(1.0, requires_grad=False),
    lambda: Variable(1.0, requires_grad=False) * 2,
    lambda: Variable(1.0) > 0,
    lambda: (Variable(1.0) * 2).detach(),
])  # fmt: skip
def test_backward_on_a_constant_is_a_clear_error(make):
    with pytest.raises(RuntimeError, match="no graph to walk"):
        make().backward()


def test_backward_on_a_result_computed_under_no_grad_is_a_clear_error():
    with wg.no_grad():
        y = square(Variable(1.0))
    with pytest.raises(RuntimeError, match="no_grad"):
        y.backward()


def test_several_roots_add_up():
    x = Variable(2.0)
    a = square(x)
    b = a * x
    wg.backward([a, b, x])
    assert x.grad.data == 2 * 2 + 3 * 4 + 1
    x.cleargrad()
    wg.backward([b, b], [np.array(1.0), np.array(10.0)])
    assert x.grad.data == 11 * 12


def test_as_many_seeds_as_roots():
    y = square(Variable(2.0))
    with pytest.raises(ValueError, match="2 gradients for 1 outputs"):
        wg.backward([y], [np.array(1.0), np.array(1.0)])


# ---- What is kept ----


def test_intermediate_gradients_are_kept_on_request_only():
    x = Variable(2.0)
    a = square(x)
    y = square(a)
    y.backward()
    assert a.grad is None
    assert y.grad is None
    y.backward(retain_grad=True)
    assert a.grad.data == 8.0
    assert y.grad.data == 1.0


def test_retained_gradients_do_not_add_up():
    x = Variable(2.0)
    a = square(x)
    y = a * 3
    y.backward(retain_grad=True)
    y.backward(retain_grad=True)
    assert a.grad.data == 3.0
    assert x.grad.data == 24.0


def test_a_retained_gradient_is_that_of_the_whole_graph():
    x = Variable(2.0)
    a = square(x)
    b = square(a)
    y = a + b + a * b
    y.backward(retain_grad=True)
    assert a.grad.data == 1 + 8 + 3 * 16
    assert b.grad.data == 1 + 4


def assert_no_shared_memory(arrays):
    for i, a in enumerate(arrays):
        for b in arrays[i + 1 :]:
            assert not np.shares_memory(a, b)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("program", [
    lambda x, z: x + z,
    lambda x, z: x - (-z),
    lambda x, z: np.reshape(x, (2, 2)) + np.reshape(z, (2, 2)),
    lambda x, z: (x + z) + (z + x),
    lambda x, z: np.sum(x) + np.sum(z),
    lambda x, z: np.concatenate([x, z]),
    lambda x, z: np.broadcast_to(x, (2, 4)) + z,
    lambda x, z: x.copy() + z.copy(),
    lambda x, z: x * z,
])  # fmt: skip
def test_gradients_alias_neither_each_other_nor_the_data_nor_the_seed(program, create_graph):
    x, z = Variable(np.arange(4.0)), Variable(np.arange(4.0))
    y = program(x, z)
    seed = np.ones(y.shape)
    y.backward(retain_grad=True, create_graph=create_graph, grad=seed)
    assert_no_shared_memory([v.data for v in (x, z, x.grad, z.grad, y.grad)] + [seed])
    before = z.grad.data.copy()
    x.grad.data[...] = 99
    assert z.grad.data.tolist() == before.tolist()


def test_a_gradient_does_not_alias_an_array_that_a_function_holds():
    class Scale(Function):
        def __init__(self, c):
            self.c = c

        def forward(self, x):
            return np.sum(x * self.c)

        def backward(self, gy):
            return self.c

    c = np.array([5.0, 6.0])
    x = Variable(np.ones(2))
    Scale(c)(x).backward()
    x.grad.data[...] = 0
    assert c.tolist() == [5.0, 6.0]


def test_adding_up_does_not_write_into_an_older_gradient():
    x = Variable(np.ones(100))
    mine = np.ones(100)
    x.grad = mine
    (x * 3).backward()
    first = x.grad
    (x * 3).backward()
    assert mine.tolist() == [1.0] * 100
    assert first.data.tolist() == [4.0] * 100
    assert x.grad.data.tolist() == [7.0] * 100


def test_a_sum_that_grows_in_place_changes_nothing_else():
    # 100 elements: from 64 on the walk adds in place to the sums it has made
    x, z = Variable(np.ones(100)), Variable(np.ones(100))
    a = x + z
    y = ((a + a) + a) + (x + a)
    seed = np.ones(100)
    y.backward(retain_grad=True, grad=seed)
    assert seed.tolist() == [1.0] * 100
    assert a.grad.data.tolist() == [4.0] * 100
    assert x.grad.data.tolist() == [5.0] * 100
    assert z.grad.data.tolist() == [4.0] * 100


def test_the_inputs_of_a_walk_are_not_modified():
    x = Variable(np.arange(100.0))
    y = np.exp(x * 0.01) * x + x
    before = x.data.copy(), y.data.copy()
    y.backward()
    np.testing.assert_array_equal(x.data, before[0])
    np.testing.assert_array_equal(y.data, before[1])


# ---- Broadcasting and dtypes ----


@pytest.mark.parametrize(("shape0", "shape1"), [
    ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), ()), ((1, 3), (2, 1)), ((4, 1, 3), (2, 1)),
    ((), (1, 1)), ((0, 3), (1, 3)), ((2, 1), (2, 0)),
])  # fmt: skip
@pytest.mark.parametrize("create_graph", [False, True])
def test_broadcasting_is_undone(shape0, shape1, create_graph):
    x0, x1 = Variable(np.ones(shape0)), Variable(np.full(shape1, 2.0))
    y = x0 * x1
    y.backward(create_graph=create_graph)
    assert x0.grad.shape == shape0
    assert x1.grad.shape == shape1
    np.testing.assert_allclose(x0.grad.data, 2.0 * y.size / max(x0.size, 1))
    np.testing.assert_allclose(x1.grad.data, 1.0 * y.size / max(x1.size, 1))


def test_a_gradient_has_the_dtype_of_its_variable():
    x32 = Variable(np.ones(2, np.float32))
    x64 = Variable(np.ones(2))
    (x32 * x64).backward()
    assert x32.grad.dtype == np.float32
    assert x64.grad.dtype == np.float64


def test_a_seed_of_another_dtype_does_not_change_the_gradients():
    x = Variable(np.ones(2, np.float32))
    (x * 3).backward(grad=np.ones(2))
    assert x.grad.dtype == np.float32
    x.cleargrad()
    (x * 3).backward(grad=np.ones(2, int))
    assert x.grad.dtype == np.float32
    x.cleargrad()
    x.backward(grad=np.ones(2, int))
    assert x.grad.dtype == np.float32


def test_integers_may_be_differentiated():
    x = Variable(np.array([1, 2, 3]))
    np.sum(x * x).backward()
    assert x.grad.data.tolist() == [2, 4, 6]
    x.cleargrad()
    np.sum(x * x / 2).backward()
    assert x.grad.data.tolist() == [1.0, 2.0, 3.0]


def test_a_gradient_of_the_wrong_shape_names_the_function():
    class Wrong(Function):
        def forward(self, x):
            return np.sum(x)

        def backward(self, gy):
            return gy

    with pytest.raises(ValueError, match=r"Wrong.backward: gave a gradient of shape \(\)"):
        Wrong()(Variable(np.ones(2))).backward()


def test_a_wrong_number_of_gradients_names_the_function():
    class Wrong(Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return gy

    with pytest.raises(ValueError, match=r"Wrong.backward: gave 1 gradients for 2 inputs"):
        Wrong()(Variable(1.0), Variable(2.0)).backward()


def test_backward_may_give_numbers_and_variables():
    class Loose(Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return 1, Variable(2.0)

    x0, x1 = Variable(1.0), Variable(1.0)
    (Loose()(x0, x1) + x0 * 1.5).backward()
    assert x0.grad.data == 2.5
    assert x0.grad.dtype == np.float64
    assert x1.grad.data == 2.0


# ---- Size ----


@pytest.mark.usefixtures("no_collector")  # it would look at millions of records, again and again
def test_a_chain_of_a_million_functions():
    Counted.calls = 0
    x = y = Variable(2.0)
    for _ in range(1_000_000):
        y = Counted()(y)
    y.backward()
    assert Counted.calls == 1_000_000
    assert x.grad.data == 1.0
    del y  # and a million records are freed without recursion


def test_a_sum_of_a_hundred_thousand_variables():
    CountedSum.calls = 0
    xs = [Variable(float(i)) for i in range(100_000)]
    y = xs[0]
    for x in xs[1:]:
        y = CountedSum()(y, x)
    y.backward()
    assert CountedSum.calls == 99_999
    assert all(x.grad.data == 1.0 for x in xs)


@pytest.mark.parametrize("options", [{"retain_grad": True}, {"create_graph": True}])
def test_no_kind_of_walk_is_recursive(options):
    x = y = Variable(2.0)
    for _ in range(10_000):
        y = y * 1.0
    y.backward(**options)
    assert x.grad.data == 1.0
    y.unchain_backward()
    assert y.creator.inputs[0].creator is None


def test_a_gradient_of_a_deep_chain_is_differentiated_again():
    x = y = Variable(1.0)
    for _ in range(5_000):
        y = y + 0.001 * np.sin(x)
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert x.grad.data == pytest.approx(-5.0 * np.sin(1.0))


# ---- Threads ----


def test_two_threads_walk_two_graphs_at_once():
    def train(start, found):
        w = Variable(start)
        for _ in range(300):
            w.cleargrad()
            ((w - 3.0) ** 2 + F.exp(w * 0.01)).backward()
            w.data = w.data - 0.05 * w.grad.data
        found[start] = w.data

    alone, together = {}, {}
    for start in (0.0, 7.0):
        train(start, alone)
    threads = [threading.Thread(target=train, args=(s, together)) for s in (0.0, 7.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_backward_of_one_variable_needs_no_list():
    x = Variable(np.ones(3))
    wg.backward(x * 2)
    assert x.grad.data.tolist() == [2, 2, 2]


def test_gradients_of_unsigned_numbers_do_not_wrap_around():
    x = Variable(np.array([3], np.uint8))
    (5 - x).backward()
    assert x.grad.data.tolist() == [-1]


@pytest.mark.parametrize(
    "call",
    [
        lambda y: y.backward(np.ones(2)),  # PyTorch's order
        lambda y: y.backward(gradient=np.ones(2)),
        lambda y: y.backward(Variable(np.ones(2))),
        lambda y: y.backward(None),
    ],
)
def test_the_arguments_of_another_frameworks_backward_are_answered_with_ours(call):
    y = Variable(np.ones(2)) * 2.0
    with pytest.raises(
        TypeError, match=r"^Variable\.backward: got .*; here: y\.backward\(grad=gy\)"
    ):
        call(y)


def chain_of_scalars(x):
    return np.sin(x * x) * x + x


def test_a_function_that_is_not_elementwise_gets_arrays_among_scalars():
    kinds = []

    class Noted(Function):
        def forward(self, x):
            kinds.append(type(x))
            return x * 1

        def backward(self, gy):
            kinds.append(type(gy))
            kinds.append(type(self.xs[0]))
            return gy

    x = Variable(np.array(0.5))
    chain_of_scalars(Noted()(chain_of_scalars(x))).backward()
    assert kinds == [np.ndarray] * 3
    assert type(x.grad.data) is np.ndarray


def test_several_outputs_get_arrays_among_scalars():
    kinds = []

    class Twice(Function):
        def forward(self, x):
            return x * 1, x * 2

        def backward(self, *gys):
            kinds.extend(map(type, gys))
            return gys[0] + 2 * gys[1]

    x = Variable(np.array(0.5))
    a, b = Twice()(x * x)
    (chain_of_scalars(a) * b).backward()
    assert kinds == [np.ndarray] * 2


def test_gradients_of_scalars_are_those_of_arrays_of_one_element():
    x, one = Variable(np.array(0.7)), Variable(np.array([0.7]))
    chain_of_scalars(x).backward(retain_grad=True)
    chain_of_scalars(one).backward()
    assert x.grad.data == one.grad.data[0]
    assert x.grad.shape == ()
    chain_of_scalars(x).backward(create_graph=True)
    x.grad.backward()


def test_an_elementwise_backward_may_do_with_0_d_gradients_what_arrays_allow():
    class Square(Function):
        elementwise = True

        def forward(self, x):
            return x * x

        def backward(self, gy):
            (x,) = self.xs
            gx = gy.copy()
            gx[...] = 2 * x * gy
            return gx

    class Raises(Square):
        def backward(self, gy):
            return gy.no_such_attribute

    x = Variable(np.array(3.0))
    (Square()(x * x) * 1.0).backward()
    assert float(x.grad.data) == 4 * 27
    with pytest.raises(
        AttributeError, match=r"ndarray.* no attribute 'no_such_attribute'"
    ) as error:
        (Raises()(x) * 1.0).backward()
    assert error.value.__context__ is None


def test_threads_that_walk_one_graph_leave_its_records_as_they_were():
    x = Variable(np.array(1.0))
    y, functions = x, []
    for _ in range(50):
        y = y * x
        functions.append(y.creator)
    records = [f._record for f in functions]

    def walk():
        for _ in range(200):
            y.backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=walk) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert all(f._record is record for f, record in zip(functions, records, strict=True))


def test_a_backward_that_fails_leaves_the_record_as_it_was():
    class Fails(Function):
        elementwise = True
        fails = True

        def forward(self, x):
            return x * x

        def backward(self, gy):
            (x,) = self.xs
            if self.fails:
                raise ZeroDivisionError
            return gy * 2 * x

    x = Variable(np.array(3.0))
    y = Fails()(x)
    z = y * y
    with pytest.raises(ZeroDivisionError):
        z.backward()
    Fails.fails = False
    z.backward(create_graph=True)
    assert float(x.grad.data) == 4 * 27
