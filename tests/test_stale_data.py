"""Data that change between the forward and the backward pass."""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable
from wengert.arrays import writable

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
