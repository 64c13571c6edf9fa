"""Modes and hooks: what they change, for how long, and for which thread."""

import threading

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable


def test_calls_are_recorded_and_training_is_on_by_default():
    assert wg.config.enable_backprop is True
    assert wg.config.train is True
    assert repr(wg.config) == "Config(enable_backprop=True, train=True, trace_lines=False)"


def test_nothing_is_recorded_under_no_grad():
    x = Variable(2.0)
    with wg.no_grad():
        y = x * x + np.exp(x)
    assert y.creator is None
    assert y.generation == 0
    assert not y.requires_grad
    assert (x * x).creator is not None


def test_no_grad_is_also_a_decorator():
    @wg.no_grad()
    def f(x):
        return x * 2

    assert f(Variable(1.0)).creator is None
    assert f(Variable(1.0)).creator is None
    assert wg.config.enable_backprop


def test_modes_nest_and_are_restored():
    with wg.no_grad():
        with wg.using_config("enable_backprop", True):
            assert (Variable(1.0) * 2).creator is not None
        assert (Variable(1.0) * 2).creator is None
    assert (Variable(1.0) * 2).creator is not None


def test_a_mode_is_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), wg.no_grad(), wg.test_mode():
        raise ZeroDivisionError
    assert wg.config.enable_backprop
    assert wg.config.train


def test_a_mode_is_restored_after_an_error_in_backward():
    class Fails(wg.Function):
        def forward(self, x):
            return x * 1

        def backward(self, gy):
            raise ZeroDivisionError

    for create_graph in (False, True):
        with pytest.raises(ZeroDivisionError):
            Fails()(Variable(1.0)).backward(create_graph=create_graph)
        assert wg.config.enable_backprop


def test_test_mode_turns_training_off_and_nothing_else():
    with wg.test_mode():
        assert wg.config.train is False
        assert (Variable(1.0) * 2).creator is not None
    assert wg.config.train is True


def test_a_mode_can_be_set_permanently():
    wg.config.train = False
    assert not wg.config.train
    wg.config.train = True
    wg.config.enable_backprop = False
    assert (Variable(1.0) * 2).creator is None
    wg.config.enable_backprop = True
    assert (Variable(1.0) * 2).creator is not None


def test_an_unknown_mode_is_refused_with_the_list_of_modes():
    with pytest.raises(ValueError, match=r"no mode 'grad'.*enable_backprop.*train"):
        wg.using_config("grad", False).__enter__()
    with pytest.raises(AttributeError):
        wg.config.enable_backprob = False


def test_modes_and_hooks_belong_to_their_thread():
    found, seen = {}, []
    inside, done = threading.Event(), threading.Event()

    def other():
        inside.wait()
        found["modes"] = (wg.config.enable_backprop, wg.config.train)
        found["recorded"] = (Variable(1.0) * 2).creator is not None
        wg.config.train = False
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with wg.no_grad(), wg.test_mode(), wg.hook(lambda *call: seen.append(call)):
        inside.set()
        done.wait()
    thread.join()
    assert found == {"modes": (True, True), "recorded": True}
    assert wg.config.train
    assert not seen


def test_backward_can_be_called_under_no_grad():
    x = Variable(3.0)
    y = x * x
    with wg.no_grad():
        y.backward()
    assert x.grad.data == 6.0


def test_a_plain_walk_records_nothing():
    x = Variable(3.0)
    seen = []
    y = F.exp(x * x)
    with wg.hook(lambda *call: seen.append(call)):
        y.backward()
    assert not seen
    assert x.grad.creator is None


# ---- Hooks ----


def test_a_hook_sees_each_call_with_its_inputs_and_outputs():
    seen = []
    x, z = Variable(2.0), Variable(3.0)
    with wg.hook(lambda function, inputs, outputs: seen.append((function, inputs, outputs))):
        y = x * z
        w = np.exp(y)
    _ = x + z
    assert [type(f).__name__ for f, _, _ in seen] == ["Mul", "Exp"]
    assert seen[0] == (y.creator, (x, z), (y,))
    assert seen[1] == (w.creator, (y,), (w,))


def test_a_hook_sees_calls_under_no_grad_and_of_constants():
    seen = []
    with wg.hook(lambda f, inputs, outputs: seen.append((type(f).__name__, inputs, outputs))):
        x = Variable(2.0)
        with wg.no_grad():
            y = x * x
        b = x > 1
    assert seen == [("Mul", (x, x), (y,)), ("Greater", seen[1][1], (b,))]
    assert seen[1][1][0] is x


def test_hooks_nest_and_are_called_in_order():
    seen = []
    with wg.hook(lambda *_: seen.append("outer")):
        with wg.hook(lambda *_: seen.append("inner")):
            Variable(1.0) * 2
        Variable(1.0) * 2
    Variable(1.0) * 2
    assert seen == ["outer", "inner", "outer"]


def test_an_error_in_a_hook_reaches_the_program_and_ends_the_hook():
    def guard(function, inputs, outputs):
        if not all(np.isfinite(y.data).all() for y in outputs):
            raise FloatingPointError(type(function).__name__)

    x = Variable(np.array([2.0, 1.0]))
    with pytest.raises(FloatingPointError, match="Mul"), wg.hook(guard):
        x * np.inf
    x * np.inf


def test_a_hook_sees_the_recorded_walk():
    seen = []
    x = Variable(3.0)
    y = np.sin(x)
    with wg.hook(lambda f, inputs, outputs: seen.append(type(f).__name__)):
        y.backward(create_graph=True)
    assert seen == ["Cos", "Mul"]


def test_all_outputs_of_a_call_reach_the_hook():
    seen = []
    with wg.hook(lambda f, inputs, outputs: seen.append(len(outputs))):
        F.split(Variable(np.arange(6.0)), 3)
    assert seen[0] == 3
