"""Modes and hooks: what they change, for how long, and for which thread."""

import asyncio
import functools
import threading

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import Variable
from wengert.config import hooks


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


# ---- One object used again, and decorators ----

MODES = {
    "no_grad": (wg.no_grad, lambda: not wg.config.enable_backprop),
    "test_mode": (wg.test_mode, lambda: not wg.config.train),
    "using_config": (
        lambda *f: wg.using_config("train", False)(*f) if f else wg.using_config("train", False),
        lambda: not wg.config.train,
    ),
}  # fmt: skip


@pytest.fixture(params=MODES)
def mode(request):
    return MODES[request.param]


def test_one_object_can_be_entered_again_and_within_itself(mode):
    make, is_on = mode
    scope = make()
    for _ in range(2):
        with scope:
            with scope:
                assert is_on()
            assert is_on()
        assert not is_on()


def test_one_object_can_be_entered_by_several_threads_at_once(mode):
    make, is_on = mode
    scope, barrier, seen = make(), threading.Barrier(2), []

    def enter():
        with scope:
            barrier.wait(5)
            seen.append(is_on())
        seen.append(is_on())

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(seen) == [False, False, True, True]
    assert not is_on()


def test_blocks_that_end_in_another_order_are_all_restored():
    first, second = wg.no_grad(), wg.test_mode()
    first.__enter__()
    second.__enter__()
    first.__exit__()
    assert (wg.config.enable_backprop, wg.config.train) == (True, False)
    second.__exit__()
    assert (wg.config.enable_backprop, wg.config.train) == (True, True)


def test_blocks_of_one_mode_that_end_in_another_order_are_all_restored():
    def generator():
        with wg.no_grad():
            yield

    g = generator()
    next(g)
    with wg.using_config("enable_backprop", True):
        g.close()
        assert wg.config.enable_backprop
    assert wg.config.enable_backprop


def test_a_block_that_ends_in_another_thread_says_where_the_mode_still_holds(mode):
    make, is_on = mode
    scope, errors = make(), []

    def leave():
        try:
            scope.__exit__()
        except RuntimeError as error:
            errors.append(str(error))

    with scope:
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
    assert "another thread or task" in errors[0]
    assert not is_on()


@pytest.mark.parametrize("value", ["no", "False", 0.5, None, [True]])
def test_a_mode_is_true_or_false(value):
    with pytest.raises(TypeError, match="needed True or False"):
        wg.config.train = value
    with pytest.raises(TypeError, match="needed True or False"):
        wg.using_config("enable_backprop", value)


def test_a_mode_decorates_partial_functions_and_methods_of_classes(mode):
    make, is_on = mode

    class Program:
        @make()
        @classmethod
        def of_class(cls):
            return cls, is_on()

        @make()
        @staticmethod
        def of_none():
            return is_on()

    assert make()(functools.partial(is_on))()
    assert Program().of_class() == (Program, True)
    assert Program.of_none()


@pytest.mark.parametrize("parentheses", [True, False])
def test_a_mode_decorates_a_function_with_and_without_parentheses(mode, parentheses):
    make, is_on = mode

    def f(x):
        """Text."""
        return is_on(), x

    decorated = make()(f) if parentheses else make(f)
    assert decorated(3) == (True, 3)
    assert decorated.__doc__ == "Text."
    assert not is_on()


def test_a_mode_of_a_generator_holds_in_it_and_not_in_its_consumer(mode):
    make, is_on = mode
    seen = []

    @make()
    def generator():
        try:
            while True:
                try:
                    seen.append((is_on(), (yield is_on())))
                except KeyError:
                    seen.append("thrown")
                    if not is_on():
                        raise
        finally:
            seen.append(is_on())

    g = generator()
    assert next(g) is True
    assert not is_on()
    assert g.send("sent") is True
    assert not is_on()
    assert g.throw(KeyError) is True
    assert not is_on()
    g.close()
    assert seen == [(True, "sent"), "thrown", True]
    assert not is_on()


def test_the_value_that_a_decorated_generator_returns_reaches_yield_from():
    @wg.no_grad()
    def inner():
        yield 1
        return 2

    def outer():
        return (yield from inner())

    g = outer()
    assert next(g) == 1
    with pytest.raises(StopIteration) as end:
        next(g)
    assert end.value.value == 2


def test_a_mode_of_a_coroutine_holds_in_it_and_not_in_other_tasks(mode):
    make, is_on = mode

    @make()
    async def inside():
        await asyncio.sleep(0.001)
        return is_on()

    async def outside():
        seen = []
        for _ in range(5):
            seen.append(is_on())
            await asyncio.sleep(0.0005)
        return any(seen)

    async def both():
        return await asyncio.gather(inside(), outside(), inside())

    assert asyncio.run(both()) == [True, False, True]


def test_a_mode_of_an_asynchronous_generator_holds_in_it_and_not_in_its_consumer(mode):
    make, is_on = mode

    @make()
    async def generator():
        for _ in range(2):
            yield is_on()
            await asyncio.sleep(0)

    async def consume():
        return [(inside, is_on()) async for inside in generator()]

    assert asyncio.run(consume()) == [(True, False), (True, False)]


def test_a_class_cannot_be_decorated_with_a_mode():
    with pytest.raises(TypeError, match="needed a function; decorate its methods"):

        @wg.no_grad()
        class Model:
            pass


# ---- Hooks that stay ----


def add_call_hook(fn):
    return wg.hook(lambda f, xs, ys: fn())


def add_layer_hook(fn):
    return LAYER.hook(lambda layer, xs, ys: fn())


def add_leaf_hook(fn):
    return wg.graph.leaf_gradients(lambda leaf: fn())


LAYER = L.Linear(1, in_size=1)


@pytest.fixture(params=[add_call_hook, add_layer_hook, add_leaf_hook])
def add(request):
    return request.param


def run_once():
    x = Variable(np.ones((1, 1), np.float32), requires_grad=False)
    np.sum(LAYER(x)).backward()


def test_a_hook_without_with_stays_until_it_is_removed(add):
    seen = []
    registration = add(lambda: seen.append(1))
    run_once()
    assert (n := len(seen)) > 0
    run_once()
    assert len(seen) == 2 * n
    registration.remove()
    registration.remove()
    run_once()
    assert len(seen) == 2 * n


def test_a_hook_without_with_outlasts_a_block_of_another_hook(add):
    seen = []
    with add(lambda: None), wg.trace():
        registration = add(lambda: seen.append(1))
    run_once()
    assert seen
    registration.remove()
    n = len(seen)
    run_once()
    assert len(seen) == n


def test_a_registration_can_be_used_in_with_again(add):
    seen = []
    registration = add(lambda: seen.append(1))
    with registration:
        pass
    run_once()
    assert not seen
    with registration:
        run_once()
    n = len(seen)
    assert n > 0
    run_once()
    assert len(seen) == n


def test_a_registration_lasts_until_the_end_of_its_outermost_block(add):
    seen = []
    with add(lambda: seen.append(1)) as registration:
        with registration:
            pass
        run_once()
    assert (n := len(seen)) > 0
    run_once()
    assert len(seen) == n


def test_a_hook_is_removed_in_the_thread_where_it_was_added_or_says_so():
    seen, errors = [], []
    registration = wg.hook(lambda f, xs, ys: seen.append(f))

    def remove():
        try:
            registration.remove()
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=remove)
    thread.start()
    thread.join()
    assert "remove it there" in errors[0]
    registration.remove()
    Variable(2.0) * 2
    assert not seen


@pytest.mark.parametrize("make", [wg.trace, wg.debug, lambda: wg.hook(lambda f, xs, ys: None)])
def test_a_hook_that_is_used_as_a_decorator_is_refused_and_not_added(make):
    with pytest.raises(TypeError, match="no decorator; use a `with` block"):

        @make()
        def f():
            pass

    assert not hooks.get()


def test_a_hook_that_returns_a_value_is_refused_because_it_replaces_nothing(add):
    with add(lambda: 5), pytest.raises(TypeError, match="returned int, needed None: a hook obs"):
        run_once()


@pytest.mark.parametrize("hook", [wg.hook, LAYER.hook, wg.graph.leaf_gradients])
def test_a_hook_is_a_function(hook):
    with pytest.raises(TypeError, match="needed a function"):
        hook(3)


def test_a_trace_without_with_lasts_until_it_is_removed():
    trace = wg.trace()
    assert wg.config.trace_lines
    trace.remove()
    assert not wg.config.trace_lines
