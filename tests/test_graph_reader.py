"""The graph as data: order, options, origins, steps back, events."""

import inspect
import threading
import time

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import Function, Graph, Variable, steps_back
from wengert.graph import layer_calls, leaf_gradients
from wengert.models import GPT


def random_graph(rng, n=40):
    """A Variable computed by n random operations, and its leaves."""
    leaves = [Variable(rng.uniform(0.5, 1.5, size=3), f"x{i}") for i in range(4)]
    values = list(leaves)
    for _ in range(n):
        a, b = (values[i] for i in rng.integers(len(values), size=2))
        operation = rng.integers(5)
        if operation == 0:
            y = a * b
        elif operation == 1:
            y = a + b
        elif operation == 2:
            y = np.tanh(a)
        elif operation == 3:
            y = a - 2.0
        else:
            y, z = np.split(np.concatenate([a, b]), 2)
            values.append(z)
        values.append(y)
    return sum(values[-5:], start=values[0]), leaves


def tiny_gpt():
    return GPT(vocabulary=11, context=6, layers=2, width=8, heads=2)


# ---- Order and content ----


@pytest.mark.parametrize("seed", range(5))
def test_the_list_has_the_functions_in_the_order_in_which_they_ran(seed):
    calls = []
    with wg.hook(lambda f, xs, ys: calls.append(f)):
        y, _ = random_graph(np.random.default_rng(seed))
    functions = wg.wengert_list(y)
    behind = set(functions)
    assert functions == [f for f in calls if f in behind]
    assert all(x.creator in behind for f in functions for x in f.inputs if x.creator is not None)


def test_a_function_called_again_is_at_the_position_of_its_last_call():
    double = wg.functions.arithmetic.Neg()
    x = Variable(np.array(1.0))
    double(x)  # its result is dropped, so the instance is free
    y = double(x * 3.0)
    assert [type(f).__name__ for f in wg.wengert_list(y)] == ["Mul", "Neg"]


def test_several_outputs_have_one_list_without_repetition():
    x = Variable(np.array(1.0))
    a = x * 2.0
    b, c = a + 1.0, a + 2.0
    assert wg.wengert_list([c, b]) == [a.creator, b.creator, c.creator]


def test_a_printed_graph_lists_each_call_with_its_inputs():
    x, t = Variable(np.ones((2, 3), np.float32), "x"), np.zeros((2, 3), np.float32)
    loss = np.mean((np.tanh(x) - t) ** 2)
    assert str(Graph(loss)).splitlines() == [
        "%0 = variable x  (2, 3) float32",
        "%1 = Tanh()(%0)  (2, 3) float32",
        "%2 = constant  (2, 3) float32",
        "%3 = Sub()(%1, %2)  (2, 3) float32",
        "%4 = Pow(c=2)(%3)  (2, 3) float32",
        *str(Graph(loss)).splitlines()[5:],  # the rest, how a mean is computed, is not checked here
    ]
    assert repr(Graph(loss)).startswith("<Graph of ")


def test_nodes_have_options_arrays_and_needs():
    x = Variable(np.array([1.0, 2.0]))
    graph = Graph(x**3 * np.array([2.0, 2.0]))
    power, product = graph
    assert power.options == {"c": 3}
    assert product.needs == (True, False)
    assert [a.tolist() for a in product.xs] == [[1.0, 8.0], [2.0, 2.0]]
    assert product.ys[0].tolist() == [2.0, 16.0]
    assert [value.kind for value in graph.values] == ["variable", "result", "constant", "result"]
    assert graph.node(power.function) is power
    assert graph.value(x).node is None
    assert [value.variable for value in graph.leaves] == [x, product.inputs[1].variable]


class Scale(Function):
    """A Function that keeps its option under a name of its own."""

    def __init__(self, factor):
        self.k = factor

    def forward(self, x):
        return x * self.k

    def backward(self, gy):
        return gy * self.k


def test_an_option_under_another_name_is_printed_as_unknown_and_asking_for_it_names_the_cure():
    y = Scale(2.0)(Variable(np.array([1.0])))
    assert repr(y.creator) == "Scale(factor=...)"
    assert str(Graph(y)).splitlines()[1] == "%1 = Scale(factor=...)(%0)  (1,) float64"
    with pytest.raises(AttributeError, match=r"no attribute factor; .* self.factor = factor"):
        y.creator.options()


def test_values_that_are_not_in_the_graph_are_refused():
    x = Variable(np.array(1.0))
    with pytest.raises(KeyError, match="not in this graph"):
        Graph(x * 2.0).value(Variable(np.array(1.0)))
    with pytest.raises(KeyError, match="not in this graph"):
        Graph(x * 2.0).node((x * 3.0).creator)
    with pytest.raises(TypeError, match="Graph: got a float, needed Variables"):
        Graph([1.0])


def test_reading_a_graph_changes_nothing():
    x = Variable(np.array([1.0, 2.0]))
    y = np.sum(np.exp(x) * x)
    before = [(f, f.inputs, f.needs, f.serial) for f in wg.wengert_list(y)]
    str(Graph(y)), list(steps_back(y))
    assert [(f, f.inputs, f.needs, f.serial) for f in wg.wengert_list(y)] == before
    assert x.grad is None
    y.backward()
    assert x.grad.data == pytest.approx(np.exp(x.data) * (1 + x.data))


def test_a_dropped_output_is_a_value_of_the_graph():
    x = Variable(np.array([1.0, 2.0, 3.0, 4.0]))
    first, _ = np.split(x, 2)
    (node,) = Graph(first)
    assert [y.shape for y in node.outputs] == [(2,), (2,)]


# ---- Origins ----


def test_a_traced_call_knows_the_layer_that_made_it():
    model = tiny_gpt()
    with wg.trace():
        y = model(np.zeros((1, 4), int))
    layers = dict.fromkeys(node.layer for node in Graph(y))
    names = model.named_layers()
    assert all(name in names for name in layers)
    assert list(layers)[:4] == ["tokens", "positions", "", "blocks.0.norm1"]
    assert {"blocks.0.attention.qkv", "blocks.1.attention", "blocks.1", "norm"} <= set(layers)


def test_calls_outside_of_layers_have_no_layer_and_layers_in_no_attribute_their_class():
    class Model(L.Layer):
        def __init__(self):
            self.inner = L.Sequential(L.Linear(2), np.tanh)

        def forward(self, x):
            return L.LayerNorm(2)(self.inner(x) * 2.0)

    with wg.trace():
        y = Model()(np.ones((1, 3), np.float32)) + 1.0
    layers = [node.layer for node in Graph(y)]
    assert layers[0] == "inner.layers.0"
    assert layers[-1] == ""
    assert "inner" in layers
    assert "LayerNorm" in layers


def test_a_traced_call_knows_its_line_of_the_program():
    x = Variable(np.array([1.0, 2.0]))
    with wg.trace():
        a = np.sin(x); line = inspect.currentframe().f_lineno  # fmt: skip # noqa: E702
        y = F.softmax(a)
    sin, softmax = Graph(y)
    assert (sin.line.number, softmax.line.number) == (line, line + 1)
    assert sin.line.file == __file__
    assert softmax.line.text == "y = F.softmax(a)"
    assert str(softmax.line) == f"test_graph_reader.py:{line + 1}"
    assert str(softmax).endswith(f"test_graph_reader.py:{line + 1}")


def test_the_line_of_a_recorded_walk_is_that_of_the_call_of_backward():
    x = Variable(np.array(2.0))
    y = x**3
    with wg.trace():
        y.backward(create_graph=True); line = inspect.currentframe().f_lineno  # fmt: skip # noqa: E702
    lines = [node.line for node in Graph(x.grad) if node.function is not y.creator]
    assert {at.number for at in lines} == {line}


def test_nothing_is_recorded_while_tracing_is_off():
    x = Variable(np.array(1.0))
    with wg.trace():
        pass
    (node,) = Graph(np.sin(x))
    assert (node.layer, node.line) == ("", None)


def test_tracing_is_switched_on_and_off_for_the_thread():
    x = Variable(np.array(1.0))
    in_other = []
    wg.config.trace_lines = True
    try:
        assert wg.config.trace_lines
        thread = threading.Thread(target=lambda: in_other.append(wg.config.trace_lines))
        thread.start()
        thread.join()
        (node,) = Graph(np.sin(x))
        assert node.line.text == "(node,) = Graph(np.sin(x))"
    finally:
        wg.config.trace_lines = False
    assert in_other == [False]
    (node,) = Graph(np.sin(x))
    assert node.line is None


@pytest.mark.parametrize("value", [True, False])
def test_switching_traces_on_or_off_does_not_end_a_list_of_calls(value):
    model = L.Sequential(L.Linear(2, in_size=2), F.relu)
    with layer_calls() as calls:
        wg.config.trace_lines = value
        model(np.ones((1, 2), np.float32))
        wg.config.trace_lines = False
        model(np.ones((1, 2), np.float32))
    assert [call.path for call in calls] == ["layers.0", ""] * 2


def test_calls_of_layers_are_listed_as_they_return():
    model = L.Sequential(L.Linear(4), L.Sequential(L.Linear(2)))
    with layer_calls() as calls:
        y = model(np.ones((3, 5), np.float32))
    assert [call.path for call in calls] == ["layers.0", "layers.1.layers.0", "layers.1", ""]
    assert [call.output.shape for call in calls] == [(3, 4), (3, 2), (3, 2), (3, 2)]
    assert calls[-1].layer is model
    assert calls[-1].output is y
    model(np.ones((3, 5), np.float32))
    assert len(calls) == 4


# ---- Steps back ----


@pytest.mark.parametrize("seed", range(5))
def test_steps_back_end_with_the_gradients_of_backward(seed):
    y, leaves = random_graph(np.random.default_rng(seed))
    sums = {}
    steps = list(steps_back(y))
    for step in steps:
        for value, total in zip(step.node.inputs, step.sums, strict=True):
            sums[value.variable] = total
    assert all(x.grad is None for x in leaves)
    y.backward(grad=np.ones(3))
    for x in leaves:
        if x.grad is None:
            assert sums.get(x) is None
        else:
            np.testing.assert_allclose(sums[x], x.grad.data, rtol=1e-13)
    indices = [step.node.index for step in steps]
    assert indices == sorted(indices, reverse=True)


def test_the_steps_of_a_transformer_end_with_its_gradients():
    model, tokens = tiny_gpt(), np.arange(8).reshape(2, 4) % 11
    loss = F.softmax_cross_entropy(np.reshape(model(tokens), (-1, 11)), tokens.reshape(-1))
    sums = {
        value.variable: total
        for step in steps_back(loss)
        for value, total in zip(step.node.inputs, step.sums, strict=True)
    }
    loss.backward()
    for p in model.params():
        np.testing.assert_allclose(sums[p], p.grad.data, rtol=1e-4, atol=1e-7)


def test_an_input_given_twice_has_two_gradients_and_one_sum():
    x = Variable(np.array(3.0))
    (step,) = steps_back(F.mul(x, x))
    assert [float(g) for g in step.gxs] == [3.0, 3.0]
    assert [float(s) for s in step.sums] == [6.0, 6.0]
    assert step.grows == (False, True)


def test_broadcasting_is_undone_in_the_gradients_of_inputs():
    x, b = Variable(np.ones((2, 3))), Variable(np.ones(3))
    (step,) = steps_back(x + b)
    assert [g.shape for g in step.gxs] == [(2, 3), (3,)]
    assert step.gxs[1].tolist() == [2.0, 2.0, 2.0]


def test_an_output_that_no_gradient_reached_counts_as_zeros():
    x = Variable(np.array([1.0, 2.0]))
    first, second = np.split(x, 2)
    (step,) = steps_back(first)
    assert [g.tolist() for g in step.gys] == [[1.0], [0.0]]
    assert second.creator is step.node.function


def test_constants_get_no_gradient():
    x = Variable(np.array(2.0))
    (step,) = steps_back(x * np.array(5.0), [np.array(3.0)])
    assert step.gxs[1] is None
    assert step.sums[1] is None
    assert float(step.gxs[0]) == 15.0


def test_the_mode_outside_is_the_same_between_the_steps():
    x = Variable(np.array(2.0))
    for _ in steps_back(np.exp(x * x)):
        assert wg.config.enable_backprop is True
    with pytest.raises(RuntimeError, match="no graph"):
        next(steps_back(Variable(np.array(1.0), requires_grad=False)))


# ---- Complete gradients of leaves ----


@pytest.mark.parametrize("options", [{}, {"retain_graph": False}, {"create_graph": True}])
@pytest.mark.parametrize("seed", range(3))
def test_a_leaf_is_announced_once_and_with_its_final_gradient(seed, options):
    announced = {}

    def note(leaf):
        assert leaf not in announced
        announced[leaf] = None if leaf.grad is None else leaf.grad.data.copy()

    y, leaves = random_graph(np.random.default_rng(seed))
    with leaf_gradients(note):
        np.sum(y).backward(**options)
    assert set(announced) <= set(leaves)
    for x in leaves:
        assert (x.grad is None) == (announced.get(x) is None)
        if x.grad is not None:
            assert np.array_equal(announced[x], x.grad.data)
    again, plain = random_graph(np.random.default_rng(seed))
    np.sum(again).backward()
    for x, expected in zip(leaves, plain, strict=True):
        if expected.grad is not None:
            np.testing.assert_allclose(x.grad.data, expected.grad.data, rtol=1e-13)


def test_a_leaf_is_announced_before_the_backward_of_earlier_functions():
    order = []

    class Noted(Function):
        def forward(self, x):
            return 2 * x

        def backward(self, gy):
            order.append("first function")
            return 2 * gy

    a, b = Variable(np.array(1.0), "a"), Variable(np.array(1.0), "b")
    y = Noted()(a) * b
    with leaf_gradients(lambda leaf: order.append(leaf.name)):
        y.backward()
    assert order == ["b", "first function", "a"]


def test_gradients_add_up_over_walks_also_when_they_are_announced():
    x = Variable(np.array(3.0))
    with leaf_gradients(lambda leaf: None):
        (x * x).backward()
        (x * x).backward()
    assert float(x.grad.data) == 12.0


def test_gradients_of_gradients_reach_the_leaf_when_they_are_announced():
    x = Variable(np.array(2.0))
    seen = []
    (x**3).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    with leaf_gradients(lambda leaf: seen.append(leaf)):
        gx.backward()
    assert float(x.grad.data) == 12.0
    assert seen == [x]


def test_a_leaf_that_is_itself_the_output_is_announced():
    x, w = Variable(np.array(2.0)), Variable(np.array(3.0))
    seen = []
    with leaf_gradients(lambda leaf: seen.append((leaf, float(leaf.grad.data)))):
        wg.backward([x, x * w, w])
    assert seen == [(x, 4.0), (w, 3.0)]
    seen.clear()
    with leaf_gradients(lambda leaf: seen.append((leaf, float(leaf.grad.data)))):
        wg.backward([x, w * w])
    assert seen == [(x, 5.0), (w, 9.0)]


def test_announcing_leaves_takes_time_in_proportion_to_the_graph():
    def run(n, **options):
        y = Variable(np.array(1.0))
        for _ in range(n):
            y = y + Variable(np.array(1.0))
        start = time.perf_counter()
        with leaf_gradients(lambda leaf: None):
            y.backward(**options)
        return time.perf_counter() - start

    run(100)
    for options in [{}, {"retain_grad": True}]:
        assert run(8000, **options) < 40 * run(800, **options)  # (quadratic: 100)


def test_several_observers_see_each_leaf():
    x, seen = Variable(np.array(2.0)), []
    with leaf_gradients(lambda leaf: seen.append(1)), leaf_gradients(lambda leaf: seen.append(2)):
        (x * 2.0).backward()
    (x * 2.0).backward()
    assert seen == [1, 2]
