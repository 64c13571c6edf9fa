"""`recompute` of calls that read and change a state: modes, running statistics, other Buffers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import Parameter, Variable

X = np.random.default_rng(0).normal(size=(8, 4))


class SpectralNorm(L.Layer):
    """Divides W by its largest singular value, which a vector of one step of iteration estimates.

    The vector is assigned, or written in place.
    """

    in_place: bool = False

    def __post_init__(self):
        self.W = Parameter(np.random.default_rng(1).normal(size=(4, 4)))
        self.u = L.Buffer(np.ones(4) / 2)

    def forward(self, x):
        u = self.u.data
        if self.training:
            u = self.W.data @ (self.W.data.T @ u)
            u = u / np.linalg.norm(u)
            if self.in_place:
                self.u.data[...] = u
            else:
                self.u.data = u
        return x @ (self.W / np.sum((np.matmul(u, self.W)) ** 2) ** 0.5)


class Functional(L.Layer):
    """Batch normalisation as a function, with the statistics in a dict."""

    def __init__(self):
        self.running = {"mean": L.Buffer(np.zeros(4)), "var": L.Buffer(np.ones(4))}

    def forward(self, x):
        return F.batch_norm(x, None, None, *self.running.values(), train=self.training)


def batch_norm():
    return L.BatchNorm(4, dtype=np.float64)


STATEFUL = {
    "BatchNorm": batch_norm,
    "batch_norm": Functional,
    "assigned": SpectralNorm,
    "in place": lambda: SpectralNorm(True),
    "dropout": lambda: L.Sequential(batch_norm(), L.Dropout(0.5), SpectralNorm(True)),
    "residual": lambda: L.Residual(batch_norm(), SpectralNorm()),
}
CALLS = {  # ways to recompute a call of the model
    "layer": lambda model, x: wg.recompute(model, x),
    "lambda": lambda model, x: wg.recompute(lambda x: model(x), x),
    "method": lambda model, x: wg.recompute(model.forward, x),
    "nested": lambda model, x: wg.recompute(lambda x: wg.recompute(model, x), x),
    "outer": lambda model, x: wg.recompute(lambda x: wg.recompute(np.sin, model(x)), x),
}


def result(model, x, call, at_once=True):
    """The output, the gradients and the state after a forward and a backward pass."""
    wg.seed(0)
    x = Variable(x.copy())
    y = call(model, x)
    model.cleargrads()
    np.sum(y * y * np.arange(4)).backward()
    gradients = [None if p.grad is None else p.grad.data for p in [x, *model.params()]]
    return [y.data, *gradients, *model.state_dict().values()]


@pytest.mark.parametrize("make", STATEFUL.values(), ids=STATEFUL)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("mode", [True, False])
def test_a_recomputed_call_moves_the_state_once_and_has_the_same_gradient(make, call, mode):
    plain, recomputed = make().train(mode), make().train(mode)
    then = np.sin if call == "outer" else lambda y: y
    for scale in (1, 3):
        expected = result(plain, scale * X, lambda model, x: then(model(x)))
        arrived = result(recomputed, scale * X, CALLS[call])
        for a, b in zip(arrived, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", STATEFUL.values(), ids=STATEFUL)
def test_what_happens_between_forward_and_backward_changes_neither_gradient_nor_state(make):
    def gradient(model, call, between):
        wg.seed(0)
        x = Variable(X)
        y = call(model.eval(), x)
        between(model)
        np.sum(y * y * np.arange(4)).backward()
        return x.grad.data

    def between(model):
        model.train()
        model(X * 5)  # moves the state
        state = model.state_dict()
        buffers = {name: state[name] + 1 for name in model.named_buffers()}
        model.load_state_dict(buffers, strict=False)

    model = make()
    model(X)
    expected = gradient(model.copy(), lambda model, x: model(x), lambda model: None)
    np.testing.assert_allclose(gradient(model, wg.recompute, between), expected, rtol=1e-12)
    assert model.training
    moved = model.state_dict()
    other = make()
    other(X)
    between(other)
    for name, array in other.state_dict().items():
        np.testing.assert_allclose(moved[name], array, rtol=1e-12)


@pytest.mark.parametrize("make", STATEFUL.values(), ids=STATEFUL)
def test_several_calls_before_the_backward_passes_move_the_state_in_their_order(make):
    def run(call):
        wg.seed(0)
        model = make()
        xs = [Variable(X), Variable(2 * X), Variable(X[::-1].copy())]
        ys = [call(model, x) for x in xs]
        for y in reversed(ys):
            np.sum(y * y * np.arange(4)).backward()
        return [x.grad.data for x in xs] + list(model.state_dict().values())

    expected = run(lambda model, x: model(x))
    for a, b in zip(run(CALLS["layer"]), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", STATEFUL.values(), ids=STATEFUL)
def test_a_backward_pass_in_another_thread_computes_the_same(make):
    def backward_elsewhere(call):
        wg.seed(0)
        model, x = make(), Variable(X)
        y = np.sum(call(model, x) ** 2)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(y.backward).result()
        return [x.grad.data, *model.state_dict().values()]

    expected = backward_elsewhere(lambda model, x: model(x))
    for a, b in zip(backward_elsewhere(CALLS["layer"]), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_a_repetition_leaves_the_statistics_to_calls_in_other_threads():
    model = batch_norm()

    class Waits(wg.Function):
        """In the second run, another thread trains the model."""

        runs = 0

        def forward(self, x):
            Waits.runs += 1
            if Waits.runs == 2:
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(model, 7 * X).result()
            return x * 1

        def backward(self, gy):
            return gy

    y = wg.recompute(lambda x: Waits()(model(x)), Variable(X))
    np.sum(y * y).backward()
    expected = batch_norm()
    expected(X)
    expected(7 * X)
    for name, array in expected.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], array)


def test_a_recorded_backward_pass_moves_the_statistics_no_more():
    model = batch_norm()
    x = Variable(X)
    y = np.sum(wg.recompute(model, x) ** 3)
    state = model.state_dict()
    (gx,) = wg.grad(y, [x], create_graph=True)
    np.sum(gx * gx).backward()
    for name, array in state.items():
        np.testing.assert_array_equal(model.state_dict()[name], array)
    plain = Variable(X)
    (gx,) = wg.grad(np.sum(batch_norm()(plain) ** 3), [plain], create_graph=True)
    np.sum(gx * gx).backward()
    np.testing.assert_allclose(x.grad.data, plain.grad.data, rtol=1e-9, atol=1e-12)


def test_forward_of_a_layer_has_the_mode_of_the_first_run():
    class Noisy(L.Layer):
        def forward(self, x):
            return F.dropout(x, 0.5) if self.training else x * 2

    layer = Noisy()
    x = Variable(np.ones((3, 3)))
    y = wg.recompute(layer, x)
    layer.eval()
    np.sum(y).backward()
    np.testing.assert_array_equal(x.grad.data, y.data)


def test_large_buffers_that_do_not_change_are_not_copied():
    class Table(L.Layer):
        def __init__(self):
            self.table = L.Buffer(np.arange(40000.0).reshape(-1, 4))

        def forward(self, x):
            return x * self.table[:8]

    layer = Table()
    y = wg.recompute(layer, Variable(X))
    assert y.creator.program.buffers[layer.table] is layer.table.data


# ---- Statistics that a graph holds ----


@pytest.mark.parametrize("train", [True, False])
def test_a_graph_keeps_the_statistics_that_it_was_recorded_with(train):
    model = batch_norm().train(train)
    x = Variable(X)
    model(X)
    expected = Variable(X)
    model.copy()(expected).backward(grad=X)
    y = model(x)
    model.train()(X * 9)
    model.load_state_dict({name: a + 1 for name, a in model.state_dict().items()})
    model.gamma.data = model.gamma.data - 1
    y.backward(grad=X)
    np.testing.assert_allclose(x.grad.data, expected.grad.data, rtol=1e-12)


def test_a_graph_that_used_the_statistics_by_itself_keeps_them():
    model = batch_norm()
    x = Variable(X)
    y = np.sum(x * model.running_var)
    model(X * 9)
    y.backward()
    np.testing.assert_array_equal(x.grad.data, np.ones((8, 4)))


def test_statistics_are_moved_in_place_where_nobody_holds_them():
    model = batch_norm()
    address = model.running_mean.data.ctypes.data
    for _ in range(3):
        model(X)
    assert model.running_mean.data.ctypes.data == address
