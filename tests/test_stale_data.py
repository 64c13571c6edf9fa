"""Data that change between the forward and the backward pass."""

import numpy as np
import pytest

import wengert as wg
import wengert.dezero
import wengert.functions as F
from wengert import Variable
from wengert.arrays import writable
from wengert.dezero import optimizers as book
from wengert.dezero.models import MLP
from wengert.optimizers import AverageGradients, ClipNorm, ClipValue, ExponentialMovingAverage

X = np.linspace(-1, 1, 12).reshape(4, 3)
LABELS = np.array([0, 2, 1, 2])
MASK = X > 0.2

# programs with labels, masks and indices, which a training loop may keep in one array
PROGRAMS = {
    "softmax_cross_entropy": (lambda x, t: F.softmax_cross_entropy(x, t), LABELS),
    "ignore_index": (lambda x, t: F.softmax_cross_entropy(x, t, ignore_index=2), LABELS),
    "nll": (lambda x, t: F.nll(F.log_softmax(x), t), LABELS),
    "hinge": (lambda x, t: F.hinge(x, t), LABELS),
    "where": (lambda x, m: F.where(m, x, 2 * x), MASK),
    "product": (lambda x, m: x * m, MASK),
    "product with an integer": (lambda x, t: np.sum(x, axis=1) * t, LABELS),
    "power of an integer": (lambda x, t: np.sum(x, axis=1) ** t, LABELS),
    "index": (lambda x, t: x[:, t], np.array([0, 2, 1])),
    "boolean index": (lambda x, m: np.exp(x)[m], MASK),
    "take": (lambda x, t: np.take(np.exp(x), t), LABELS),
    "take_along_axis": (lambda x, t: np.take_along_axis(x, t[:, None], 1), LABELS),
    "embedding": (lambda x, t: F.embedding(t, np.exp(x)), LABELS),
    "lengths": (
        lambda x, n: F.rnn(
            np.reshape(x, (2, 2, 3)),
            [[np.ones((3, 2)), np.eye(2)]],
            lengths=n,
        )[0],
        np.array([1, 2]),
    ),
}  # fmt: skip


def gradient(program, x, data, refill):
    x = Variable(x.copy())
    y = program(x, data)
    y = np.sum(y * np.arange(1.0, y.size + 1).reshape(y.shape))
    if refill:
        array = data.data if isinstance(data, Variable) else data
        array[...] = np.flip(array)
    y.backward()
    return x.grad.data


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: Variable(a, requires_grad=False)])
@pytest.mark.parametrize("name", PROGRAMS)
def test_labels_masks_and_indices_may_be_refilled_before_backward(name, wrap):
    program, data = PROGRAMS[name]
    if name in ("product", "product with an integer", "power of an integer", "where"):
        wrap = np.asarray  # (a Variable's own array is not copied: see wg.debug)
    expected = gradient(program, X, wrap(data.copy()), refill=False)
    assert np.array_equal(gradient(program, X, wrap(data.copy()), refill=True), expected)
    others = gradient(program, X, wrap(np.flip(data).copy()), refill=False)
    assert not np.array_equal(others, expected)


# ---- writable ----


def test_an_array_that_only_its_variable_holds_is_written_in_place():
    x = Variable(np.ones(3))
    address = x.data.ctypes.data
    writable(x)[...] = 2
    assert x.data.ctypes.data == address
    assert x.data.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    "hold",
    [
        lambda x: x.data,
        lambda x: x.data[1:],
        lambda x: memoryview(x.data),
        lambda x: x.detach(),
        lambda x: x * x,
        lambda x: np.reshape(x, (3, 1)),
        lambda x: {"saved": [x.data]},
    ],
)
def test_an_array_that_somebody_else_holds_is_not_written_to(hold):
    x = Variable(np.ones(3))
    before = x.data.ctypes.data
    held = hold(x)
    writable(x)[...] = 2
    assert x.data.ctypes.data != before
    assert x.data.tolist() == [2, 2, 2]
    del held
    address = x.data.ctypes.data
    writable(x)[...] = 3
    assert x.data.ctypes.data == address


def test_a_view_and_a_read_only_array_are_replaced():
    owner = np.ones((2, 3))
    x, frozen = Variable(owner.T), Variable(np.ones(3))
    frozen.data.flags.writeable = False
    writable(x)[...] = 2
    writable(frozen)[...] = 2
    assert np.all(owner == 1)
    assert np.all(x.data == 2)
    assert np.all(frozen.data == 2)
    assert x.data.flags.f_contiguous


def test_a_write_before_backward_leaves_the_gradient_at_the_old_value():
    x = Variable(np.array([3.0]))
    y = x**3
    writable(x)[...] = 5
    y.backward()
    assert x.grad.data.tolist() == [27]
    assert wg.grad(x**3, x).data.tolist() == [75]


# ---- Gradients and averages that a graph refers to ----

HOOKS = [
    ClipNorm(1.0),
    ClipValue(1.0),
    AverageGradients(2),
    book.ClipGrad(1.0),
    book.WeightDecay(0.5),
]


@pytest.mark.parametrize("hook", HOOKS, ids=repr)
@pytest.mark.parametrize(
    "hold", [lambda p: p.grad, lambda p: p.grad.data, lambda p: p.grad.data[:]]
)
def test_a_hook_leaves_a_gradient_that_a_graph_refers_to_as_it_was(hook, hold):
    p, x = wg.Parameter(np.array([3.0, 4.0])), Variable(np.ones(2))
    np.sum(p**2).backward()
    y = np.sum(x * hold(p))
    hook([p])
    y.backward()
    assert x.grad.data.tolist() == [6, 8]
    assert p.grad.data.tolist() != [6, 8]


def test_a_gradient_that_the_program_keeps_is_not_clipped_in_place():
    p = wg.Parameter(np.array([3.0, 4.0]))
    np.sum(p**2).backward()
    before = p.grad
    assert ClipNorm(1.0)([p]) == 10
    assert before.data.tolist() == [6, 8]


def test_a_gradient_that_nobody_else_holds_is_clipped_in_place():
    p = wg.Parameter(np.array([3.0, 4.0]))
    np.sum(p**2).backward()
    address = p.grad.data.ctypes.data
    ClipNorm(1.0)([p])
    assert p.grad.data.ctypes.data == address


def test_an_average_that_a_graph_refers_to_is_not_moved():
    p, x = wg.Parameter(np.array([1.0, 2.0])), Variable(np.ones(2))
    average = ExponentialMovingAverage([p], 0.5)
    average.update()
    y = np.sum(x * average.averages["0"])
    p.data = 3 * p.data
    average.update()
    y.backward()
    assert x.grad.data.tolist() == [1, 2]
    assert average.averages["0"].tolist() == [2, 4]


BOOK = [book.SGD, book.MomentumSGD, book.AdaGrad, book.AdaDelta, book.Adam]


@pytest.mark.parametrize("kind", BOOK)
def test_the_optimizers_of_the_book_leave_recorded_graphs_as_they_are(kind):
    model, x = MLP((1,)), wengert.dezero.Variable(np.ones((1, 3)))
    y = model(x)
    W = model.l0.W.data.copy()
    optimizer = kind().setup(model)
    y.backward()
    optimizer.update()
    assert not np.array_equal(model.l0.W.data, W)
    x.cleargrad()
    y.backward()
    assert np.array_equal(x.grad.data, W.T)
