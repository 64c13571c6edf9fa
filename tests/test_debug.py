"""Debug mode: arrays changed between forward and backward, Variables that become numbers."""

import logging
import math
import threading
import warnings

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from operations import OPERATIONS, samples_of
from wengert import Function, Variable

CHANGED = "was changed in place after the call"


def test_a_changed_input_that_backward_needs_is_named_with_the_line_of_the_call():
    x = Variable(np.array([1.0, 2.0]), "x")
    with wg.debug():
        y = np.sum(x**2)
    x.data[0] = 5
    with pytest.raises(
        RuntimeError,
        match=r"^Pow: its input 'x', float64 \(2,\), was changed .* at test_debug.py:\d+",
    ):
        y.backward()
    assert x.grad is None


def test_an_input_without_a_name_is_named_by_its_position():
    x, W = Variable(np.ones((2, 3))), Variable(np.ones((3, 4)))
    with wg.debug():
        y = np.sum(x @ W)
    W.data[0] = 5
    with pytest.raises(RuntimeError, match=r"MatMul: its input 2 of 2, float64 \(3, 4\)"):
        y.backward()


def test_the_layer_is_named():
    model = L.Sequential(L.Linear(3, in_size=2), L.Linear(1))
    x = np.ones((4, 2), np.float32)
    model(x)
    with wg.debug():
        y = np.sum(model(x))
    model.layers[1].W.data[...] = 0
    with pytest.raises(RuntimeError, match=r"in layer layers\.1 at test_debug\.py"):
        y.backward()


def test_a_changed_output_that_backward_needs_is_noticed():
    x = Variable(np.array([1.0, 2.0]))
    with wg.debug():
        h = np.tanh(x)
        y = np.sum(h)
    h.data[0] = 5
    with pytest.raises(RuntimeError, match="Tanh: its output, float64"):
        y.backward()


def test_a_change_that_backward_does_not_need_is_no_error():
    x = Variable(np.array([1.0, 2.0]))
    with wg.debug():
        y = np.sum(x + 1 - x - x - x)
    x.data[0] = 5
    y.backward()
    assert x.grad.data.tolist() == [-2, -2]


def test_a_refilled_plain_array_is_noticed():
    x, batch = Variable(np.ones(3)), np.arange(3.0)
    with wg.debug():
        y = np.sum(x * batch)
    batch[...] = 7
    with pytest.raises(RuntimeError, match="Mul: its input 2 of 2"):
        y.backward()


@pytest.mark.parametrize("walk", ["backward", "grad", "create_graph", "steps_back", "by hand"])
def test_every_walk_notices(walk):
    x = Variable(np.array([1.0, 2.0]))
    with wg.debug():
        y = np.exp(x) * x
    x.data[0] = 5
    walks = {
        "backward": lambda: y.backward(),
        "create_graph": lambda: y.backward(create_graph=True),
        "grad": lambda: wg.grad(y, x),
        "steps_back": lambda: list(wg.steps_back(y)),
        "by hand": lambda: y.creator.backward(Variable(np.ones(2))),
    }
    with pytest.raises(RuntimeError, match=CHANGED):
        walks[walk]()


def test_a_function_of_the_user_counts_all_inputs_as_needed():
    class Cube(Function):
        def forward(self, x):
            return x**3

        def backward(self, gy):
            return 3 * self.input.data**2 * gy

    x = Variable(np.array([1.0, 2.0]))
    with wg.debug():
        y = Cube()(x)
    x.data[0] = 5
    with pytest.raises(RuntimeError, match=f"^Cube: its input, .*{CHANGED}"):
        y.backward()


def needing_cases():
    for cls in OPERATIONS:
        for inputs, options in samples_of(cls):
            yield pytest.param(cls, inputs, options, id=cls.__name__)
            break


@pytest.mark.parametrize(("cls", "inputs", "options"), list(needing_cases()))
def test_each_operation_gives_the_right_gradient_or_names_the_array(cls, inputs, options):
    floats = [i for i, x in enumerate(inputs) if np.asarray(x).dtype.kind == "f"]
    if not (floats and cls.differentiable):
        return

    def gradients(change):
        xs = [Variable(np.array(x), requires_grad=i in floats) for i, x in enumerate(inputs)]
        with wg.debug():
            ys = cls(**options)(*xs)
            ys = ys if isinstance(ys, tuple) else (ys,)
            total = F.sum(ys[0]) if len(ys) == 1 else sum(F.sum(y) for y in ys)
        if not total.requires_grad:
            return []
        if change is not None:
            xs[change].data[...] += 0.25
        total.backward()
        return [xs[i].grad for i in floats]

    right = gradients(None)
    for i in floats:
        try:
            found = gradients(i)
        except RuntimeError as error:
            assert CHANGED in str(error)  # noqa: PT017
        else:
            for gx, expected in zip(found, right, strict=True):
                assert (gx is None) == (expected is None)
                if gx is not None:
                    np.testing.assert_array_equal(gx.data, expected.data)


def test_nothing_is_watched_outside_of_the_block_and_in_other_threads():
    x = Variable(np.array([1.0, 2.0]))
    made = []
    with wg.debug():
        thread = threading.Thread(target=lambda: made.append(np.sum(x**2)))
        thread.start()
        thread.join()
    made.append(np.sum(x**2))
    x.data[0] = 5
    for y in made:
        y.backward()  # (wrong, and without debug mode nobody can tell)
    assert not wg.config.trace_lines


def test_debug_mode_without_with_lasts_until_it_is_removed():
    debug = wg.debug()
    x = Variable(np.array([1.0, 2.0]))
    y = np.sum(x**2)
    debug.remove()
    x.data[0] = 5
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()
    x = Variable(np.array([1.0, 2.0]))
    y = np.sum(x**2)
    x.data[0] = 5
    y.backward()


def test_a_training_in_debug_mode_is_the_same_to_the_bit():
    def train():
        wg.seed(0)
        model = L.Sequential(L.Linear(8, in_size=2), L.BatchNorm(), L.Linear(3))
        optimizer = wg.optimizers.Adam(0.01).setup(model)
        x = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
        for _ in range(3):
            loss = F.softmax_cross_entropy(model(x), np.arange(16) % 3)
            model.cleargrads()
            loss.backward()
            optimizer.update()
        return loss.data

    plain = train()
    with wg.debug():
        assert np.array_equal(train(), plain)


# ---- Variables that become numbers ----


def test_a_refilled_argument_of_checkpoint_is_noticed():
    x, a = Variable(np.ones(2)), np.ones(2)
    with wg.debug():
        y = np.sum(wg.checkpoint(lambda x, a: x * a, x, a))
    a[:] = 5
    with pytest.raises(RuntimeError, match="Recompute: its input 2 of 2"):
        y.backward()


@pytest.mark.parametrize(
    "lose",
    [
        lambda K, v: K.__setitem__((0, 0), v),
        lambda K, v: K.fill(v),
        lambda K, v: math.sin(v),
        lambda K, v: K.__setitem__((0, 0), float(3) * v),
        lambda K, v: [float(v.data), math.sin(v)],
        lambda K, v: math.fsum([v]),
    ],
)
def test_a_variable_that_becomes_a_number_in_silence_gives_a_warning_with_the_line(lose):
    K, v = np.zeros((2, 2)), Variable(2.0) * 2
    with wg.debug(), pytest.warns(UserWarning, match=r"test_debug.py:\d+ .*np.stack") as caught:
        lose(K, v)
    assert caught[0].filename == __file__


def test_float_of_a_variable_and_constants_give_no_warning():
    K, v = np.zeros(2), Variable(2.0) * 2
    with wg.debug(), warnings.catch_warnings():
        warnings.simplefilter("error")
        K[0] = float(v)
        K[0] = math.sin(float(v)) + np.float64(v)
        K[:] = list(map(float, [v, v]))
        logging.getLogger("none").error("loss %.2f", v)
        assert "%.1f" % v == f"{v:.1f}" == "4.0"  # noqa: UP031
        K[1] = v.detach()
        with wg.no_grad():
            K[1] = v


def test_outside_of_debug_mode_there_is_no_warning():
    K, v = np.zeros(2), Variable(2.0) * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        K[0] = v
    assert K[0] == 4
