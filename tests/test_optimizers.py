"""Optimizers: their formulas, and what a step changes."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

from wengert import Parameter, Variable, no_grad, random
from wengert.functions.loss import mean_squared_error
from wengert.layers import Layer
from wengert.models import MLP
from wengert.optimizers import (
    LBFGS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AverageGradients,
    ClipNorm,
    ClipValue,
    ExponentialMovingAverage,
    Lion,
    Momentum,
    NAdam,
    Nesterov,
    Optimizer,
    RAdam,
    RMSprop,
)
from wengert.optimizers import (
    optimizer as optimizer_module,
)
from wengert.optimizers.optimizer import Option
from wengert.schedules import (
    ReduceOnPlateau,
    constant,
    cosine,
    exponential,
    joined,
    linear,
    one_cycle,
    polynomial,
    step_decay,
    warm_up,
)

KINDS = [SGD, Momentum, Nesterov, AdaGrad, AdaDelta, RMSprop, Adam, AdamW, NAdam, RAdam, Lion]
REMEMBERING = KINDS[1:]


class Two(Layer):
    """Two parameters; a test sets their gradients."""

    def __init__(self):
        self.p = Parameter(np.array([1.0, -2.0]))
        self.q = Parameter(np.array(3.0))


def steps(optimizer, gradients):
    """The parameter p after steps with these gradients."""
    model = Two()
    optimizer.setup(model)
    for g in gradients:
        model.p.grad = np.array(g)
        optimizer.update()
    return model.p.data


GRADIENTS = [[0.5, -1.0], [2.0, 0.0], [-1.0, 1e-3]]


def test_sgd_steps_against_the_gradient():
    expected = np.array([1.0, -2.0]) - 0.1 * np.sum(GRADIENTS, axis=0)
    np.testing.assert_allclose(steps(SGD(0.1), GRADIENTS), expected, rtol=1e-14)


def test_momentum_keeps_a_fraction_of_each_step():
    p, v = np.array([1.0, -2.0]), np.zeros(2)
    for g in GRADIENTS:
        v = 0.8 * v - 0.1 * np.array(g)
        p = p + v
    np.testing.assert_allclose(steps(Momentum(0.1, momentum=0.8), GRADIENTS), p, rtol=1e-14)


def test_adam_is_algorithm_1_of_its_paper():
    p, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for t, g in enumerate(np.array(GRADIENTS), start=1):
        m = 0.8 * m + 0.2 * g
        v = 0.9 * v + 0.1 * g**2
        p = p - 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-6)
    optimizer = Adam(0.1, beta1=0.8, beta2=0.9, eps=1e-6)
    np.testing.assert_allclose(steps(optimizer, GRADIENTS), p, rtol=1e-13)


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate():
    np.testing.assert_allclose(steps(Adam(0.1), [[1e-3, -1e3]]), [0.9, -1.9], rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_whose_gradient_comes_later_steps_as_if_it_were_alone(kind):
    late, alone = Two(), Two()
    optimizer = kind(0.1).setup(late)
    late.p.grad = np.ones(2)
    optimizer.update()
    late.q.grad = np.array(1.0)
    optimizer.update()
    optimizer = kind(0.1).setup(alone)
    alone.q.grad = np.array(1.0)
    optimizer.update()
    assert late.q.data == alone.q.data


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_writes_into_the_parameters_and_nothing_else(kind):
    random.seed(0)
    model = MLP((3, 1), in_size=2)
    optimizer = kind(0.1).setup(model)
    x, t = Variable(np.ones((4, 2), np.float32)), np.ones((4, 1), np.float32)
    y = model(x)
    loss = mean_squared_error(y, t)
    loss.backward(retain_grad=True)
    others = [
        x,
        y,
        loss,
        *(v for v in (x.grad, y.grad, loss.grad, *(p.grad for p in model.params()))),
    ]
    before = [v.data.copy() for v in others]
    arrays = [p.data for p in model.params()]
    values = [p.data.copy() for p in model.params()]
    optimizer.update()
    optimizer.update()
    for v, data in zip(others, before, strict=True):
        np.testing.assert_array_equal(v.data, data)
    for p, array, value in zip(model.params(), arrays, values, strict=True):
        np.testing.assert_array_equal(array, value)  # which the graph holds
        assert not np.array_equal(p.data, value)
        assert p.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_states_have_the_names_of_the_parameters(kind):
    model = MLP((3, 1), in_size=2)
    optimizer = kind().setup(model)
    np.sum(model(np.ones((4, 2), np.float32))).backward()
    optimizer.update()
    assert list(optimizer.states) == list(model.named_params())


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_that_are_made_after_setup_are_trained(kind):
    model = MLP((3, 1))
    optimizer = kind(0.1).setup(model)
    with no_grad():
        model(np.ones((4, 2), np.float32))
    before = model.layers[0].W.data.copy()
    np.sum(model(np.ones((4, 2), np.float32))).backward()
    optimizer.update()
    assert not np.array_equal(model.layers[0].W.data, before)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.1), Momentum(0.1), Nesterov(0.1), AdaGrad(1), AdaDelta(eps=0.01), RMSprop(0.02),
        Adam(0.1), AdamW(0.1, weight_decay=0), NAdam(0.1), RAdam(0.1),
        Lion(lambda step: 0.1 * 0.98**step),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)  # fmt: skip
def test_it_finds_the_minimum_of_a_quadratic_function(optimizer):
    model = Two()
    optimizer.setup(model)
    for _ in range(300):
        loss = np.sum(model.p**2) + (model.q - 1) ** 2
        model.cleargrads()
        loss.backward()
        optimizer.update()
    np.testing.assert_allclose([*model.p.data, model.q.data], [0, 0, 1], atol=0.02)


def test_the_learning_rate_can_be_changed_between_updates():
    model = Two()
    optimizer = SGD(1).setup(model)
    optimizer.lr = 0.5
    model.p.grad = np.ones(2)
    optimizer.update()
    assert model.p.data.tolist() == [0.5, -2.5]


def test_setup_resets_the_states_of_another_model():
    optimizer = Momentum(0.1)
    assert steps(optimizer, GRADIENTS).tolist() == steps(optimizer, GRADIENTS).tolist()


def test_update_at_a_wrong_moment_raises_with_the_missing_call():
    with pytest.raises(RuntimeError, match=r"SGD.update.*call setup\(model\)"):
        SGD(0.1).update()
    with pytest.raises(RuntimeError, match=r"no Parameter .* call loss.backward\(\)"):
        SGD(0.1).setup(Two()).update()


def test_an_integer_parameter_is_refused():
    model = Two()
    model.p = Parameter(np.array([1, 2]))
    model.p.grad = np.array([1, 1])
    with pytest.raises(TypeError, match="p is int64"):
        Adam().setup(model).update()


def test_an_optimizer_is_given_a_layer():
    with pytest.raises(TypeError, match="got int at 0, needed a Layer"):
        SGD(0.1).setup([1])


def test_an_optimizer_without_a_formula_says_what_to_define():
    model = Two()
    model.p.grad = np.ones(2)
    with pytest.raises(NotImplementedError, match="define update_one"):
        Optimizer(0.1).setup(model).update()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SGD(-1),
        lambda: SGD(float("nan")),
        lambda: SGD(float("inf")),
        lambda: SGD(weight_decay=-1),
        lambda: Momentum(0.1, momentum=1),
        lambda: NAdam(momentum_decay=-1),
        lambda: AdaGrad(eps=0),
        lambda: AdaDelta(rho=1),
        lambda: RMSprop(rho=-0.5),
        lambda: Lion(beta2=2),
        lambda: ClipNorm(0),
        lambda: ClipValue(-1),
        lambda: ClipNorm(float("nan")),
        lambda: AverageGradients(0),
        lambda: ExponentialMovingAverage(Two(), 1),
        lambda: LBFGS(max_iter=0),
        lambda: LBFGS(history_size=-1),
        lambda: LBFGS(tolerance_grad=float("nan")),
        lambda: Adam(beta1=1),
        lambda: Adam(beta2=-0.1),
    ],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="needed"):
        wrong()


@pytest.mark.parametrize("lr", ["0.1", None, [0.1]])
def test_a_learning_rate_is_a_number_or_a_function(lr):
    with pytest.raises(TypeError, match=r"SGD: got lr .*, needed .* or a function of the step$"):
        SGD(lr)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda m: SGD(m.params(), lr=0.1),
        lambda m: SGD(m),
        lambda m: SGD(params=m.params(), lr=0.1),
        lambda m: SGD(iter(m.params())),
        lambda m: Adam([{"params": m.params()}]),
    ],
)
def test_a_model_as_the_first_argument_is_refused_with_what_to_write_instead(wrong):
    with pytest.raises(TypeError, match=r"(SGD|Adam): got .*(SGD|Adam)\(lr\).setup\(model\)$"):
        wrong(Two())


# ---- Formulas ----


def test_lion_is_algorithm_2_of_its_paper():
    p, m = np.array([1.0, -2.0]), np.zeros(2)
    for g in np.array(GRADIENTS):
        c = 0.8 * m + 0.2 * g
        p = p - 0.1 * (np.sign(c) + 0.5 * p)
        m = 0.6 * m + 0.4 * g
    optimizer = Lion(0.1, beta1=0.8, beta2=0.6, weight_decay=0.5)
    np.testing.assert_allclose(steps(optimizer, GRADIENTS), p, rtol=1e-13)


@pytest.mark.parametrize("kind", [SGD, Adam, RMSprop])
def test_classic_weight_decay_is_added_to_the_gradient(kind):
    decayed = steps(kind(0.1, weight_decay=0.5), [[0.5, -1.0]])
    expected = steps(kind(0.1), [[0.5 + 0.5 * 1.0, -1.0 + 0.5 * -2.0]])
    np.testing.assert_allclose(decayed, expected, rtol=1e-14)


@pytest.mark.parametrize("kind", [AdamW, Lion])
def test_decoupled_weight_decay_shrinks_whatever_the_gradient(kind):
    decayed = steps(kind(0.1, weight_decay=0.5), [[0.0, 0.0]])
    np.testing.assert_allclose(decayed, [0.95, -1.9], rtol=1e-14)


def test_momentum_keeps_the_rate_that_a_step_was_made_with():
    rates = [1.0, 0.0, 0.0]
    p = steps(Momentum(lambda step: rates[step], momentum=0.5), [[1.0, 0.0]] * 3)
    assert p[0] == 1.0 - (1 + 0.5 + 0.25)


def test_nadam_after_very_many_steps_has_forgotten_its_start():
    model = Two()
    optimizer = NAdam(0.1).setup(model)
    model.p.grad = np.ones(2)
    optimizer.update()
    optimizer.states["p"]["t"] = 10**9
    optimizer.update()
    assert np.all(np.isfinite(model.p.data))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_give_the_same_bits_as_the_whole(kind, order, monkeypatch):
    rng = np.random.default_rng(0)
    value, gradients = rng.normal(size=(9, 13)), rng.normal(size=(3, 13, 9))
    results = []
    for block in (10, 10**6):
        monkeypatch.setattr(optimizer_module, "BLOCK", block)
        model = Two()
        model.p = Parameter(value.copy(order=order))
        optimizer = kind(0.1, weight_decay=0.1).setup(model)
        for g in gradients:
            model.p.grad = g.T  # in another order than p
            optimizer.update()
        results.append(model.p.data)
    np.testing.assert_array_equal(*results)


def test_a_formula_that_is_not_elementwise_gets_the_whole_arrays(monkeypatch):
    monkeypatch.setattr(optimizer_module, "BLOCK", 1)

    class Normed(Optimizer):
        def update_one(self, p, g, lr):
            p -= lr * g / np.sqrt(np.sum(g * g))

    np.testing.assert_allclose(steps(Normed(0.5), [[3.0, 4.0]]), [0.7, -2.4])


def test_formulas_see_python_numbers_which_keep_float32_in_float32():
    seen = []

    class Watching(Optimizer):
        more: Option

        def update_one(self, p, g, lr, more):
            seen.extend([type(lr), type(more)])

    steps(Watching(np.float64(0.1), more=lambda step: np.float64(1)), [[1.0, 0.0]])
    assert seen == [float, float]


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_in_float64_leaves_float32_parameters_float32(kind):
    model = Two()
    model.p = Parameter(np.ones(2, np.float32))
    model.p.grad = np.ones(2, np.float32)
    optimizer = kind(lambda step: np.float64(0.1), weight_decay=np.float64(0.1)).setup(model)
    optimizer.update()
    assert model.p.dtype == np.float32
    for value in optimizer.states["p"].values():
        assert isinstance(value, int) or value.dtype == np.float32


# ---- Options, schedules, groups ----


def test_a_schedule_is_called_with_the_number_of_earlier_updates():
    asked = []

    def schedule(step):
        asked.append(step)
        return 1.0 / (1 + step)

    p = steps(SGD(schedule), [[1.0, 0.0]] * 3)
    assert asked == [0, 1, 2]
    np.testing.assert_allclose(p[0], 1 - (1 + 1 / 2 + 1 / 3))


def test_any_option_can_be_a_schedule():
    p = steps(Momentum(1, momentum=lambda step: 0.5 * (step == 1)), [[1.0, 0.0]] * 3)
    assert p[0] == 1 - (1 + 1.5 + 1)


@pytest.mark.parametrize("value", [-0.1, float("nan"), "much"])
def test_a_schedule_that_leaves_the_range_raises_and_nothing_is_updated(value):
    model = Two()
    model.p.grad = np.ones(2)
    with pytest.raises((ValueError, TypeError), match=r"SGD.update: got lr"):
        SGD(lambda step: value).setup(model).update()
    assert model.p.data.tolist() == [1.0, -2.0]


def test_a_rate_out_of_range_cannot_be_assigned():
    optimizer = SGD(0.1)
    with pytest.raises(ValueError, match="SGD: got lr -1"):
        optimizer.lr = -1
    assert optimizer.lr == 0.1


def two_with_gradients():
    model = Two()
    model.p.grad, model.q.grad = np.ones(2), np.array(1.0)
    return model


@pytest.mark.parametrize(
    "which",
    [
        lambda model: "p",
        lambda model: ["p"],
        lambda model: model.p,
        lambda model: [model.p],
        lambda model: lambda name, p: p.ndim == 1,
        lambda model: lambda name, p: name == "p",
    ],
)
def test_a_group_is_given_by_a_name_a_list_or_a_function(which):
    model = two_with_gradients()
    SGD(0.5).setup(model).add_group(which(model), lr=0.25).update()
    assert model.p.data.tolist() == [0.75, -2.25]
    assert model.q.data == 2.5


def test_the_name_of_a_layer_includes_its_parameters_and_no_longer_name():
    class Outer(Layer):
        def __init__(self):
            self.in_ = Two()
            self.in_2 = Two()

    model = Outer()
    for p in model.params():
        p.grad = np.ones(p.shape)
    SGD(1).setup(model).add_group("in_", lr=0).update()
    assert model.in_.p.data.tolist() == [1.0, -2.0]
    assert model.in_.q.data == 3.0
    assert model.in_2.p.data.tolist() == [0.0, -3.0]


def test_later_groups_count_option_by_option():
    model = two_with_gradients()
    optimizer = SGD(1).setup(model)
    optimizer.add_group(["p", "q"], lr=0.5, weight_decay=1)
    optimizer.add_group("q", weight_decay=0)
    optimizer.update()
    assert model.p.data.tolist() == [1 - 0.5 * 2, -2 - 0.5 * -1]
    assert model.q.data == 3 - 0.5


def test_a_group_can_be_added_after_the_first_update():
    model = two_with_gradients()
    optimizer = SGD(1).setup(model)
    optimizer.update()
    optimizer.add_group("q", lr=0).update()
    assert model.p.data.tolist() == [-1.0, -4.0]
    assert model.q.data == 2.0


def test_a_change_of_the_rate_reaches_groups_without_their_own():
    model = two_with_gradients()
    optimizer = SGD(1).setup(model).add_group("q", weight_decay=1)
    optimizer.lr = 0
    optimizer.update()
    assert model.q.data == 3.0


def test_a_group_includes_parameters_that_are_made_later():
    model = MLP((3, 1))
    optimizer = SGD(0.1).setup(model).add_group(lambda name, p: name.endswith("W"), lr=0)
    np.sum(model(np.ones((4, 2), np.float32))).backward()
    before = model.layers[0].W.data.copy()
    optimizer.update()
    np.testing.assert_array_equal(model.layers[0].W.data, before)


def test_a_group_of_unknown_parameters_is_refused():
    model = two_with_gradients()
    with pytest.raises(ValueError, match="a group has 'r', but the model has only p, q"):
        SGD(1).setup(model).add_group(["p", "r"], lr=0).update()
    with pytest.raises(ValueError, match=r"a group has a Parameter \(4,\)"):
        SGD(1).setup(model).add_group(Parameter(np.ones(4)), lr=0).update()
    assert model.p.data.tolist() == [1.0, -2.0]


def test_an_invalid_group_is_refused():
    with pytest.raises(TypeError, match="got option momentum, needed lr, weight_decay"):
        SGD(1).add_group("p", momentum=0.5)
    with pytest.raises(ValueError, match=r"SGD.add_group: got lr -1"):
        SGD(1).add_group("p", lr=-1)
    with pytest.raises(TypeError, match="got a int, needed names"):
        SGD(1).add_group([1], lr=1)


def test_an_optimizer_prints_as_the_calls_that_make_it():
    model = Two()
    assert repr(AdamW(0.01)) == (
        "AdamW(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.01)"
    )
    optimizer = SGD(constant(0.5)).setup(model).add_group("p", lr=0.1, weight_decay=0.2)
    optimizer.add_group(["p", model.q], lr=0).add_hook(ClipNorm(1)).add_hook(AverageGradients(2))
    assert repr(optimizer).splitlines() == [
        "SGD(lr=constant(value=0.5), weight_decay=0.0)",
        "    .add_group('p', lr=0.1, weight_decay=0.2)",
        "    .add_group(['p', 'Parameter ()'], lr=0.0)",
        "    .add_hook(ClipNorm(1.0))",
        "    .add_hook(AverageGradients(2))",
    ]
    assert repr(eval(repr(LBFGS(0.5)))) == repr(LBFGS(0.5))
    assert repr(ClipValue(2)) == "ClipValue(2.0)"
    assert repr(ExponentialMovingAverage(model)) == "ExponentialMovingAverage(Two, decay=0.999)"


# ---- Which parameters, and hooks ----


def test_a_frozen_parameter_with_a_gradient_is_not_updated():
    model = two_with_gradients()
    model.p.requires_grad = False
    optimizer = AdamW(0.1).setup(model)
    optimizer.update()
    assert model.p.data.tolist() == [1.0, -2.0]
    assert model.q.data != 3.0
    assert list(optimizer.states) == ["q"]


def test_when_all_is_frozen_there_is_nothing_to_update():
    model = two_with_gradients()
    model.p.requires_grad = model.q.requires_grad = False
    with pytest.raises(RuntimeError, match="no Parameter of the model has a gradient"):
        SGD(0.1).setup(model).update()


def test_hooks_are_called_in_order_with_the_parameters_to_update():
    model = two_with_gradients()
    model.q.requires_grad = False
    calls = []
    optimizer = SGD(1).setup(model)
    optimizer.add_hook(lambda params: calls.append(("first", params)))
    optimizer.add_hook(lambda params: calls.append(("second", params)))
    optimizer.update()
    assert calls == [("first", [model.p]), ("second", [model.p])]


def test_a_hook_can_change_a_gradient_or_leave_a_parameter_out():
    model = two_with_gradients()

    def hook(params):
        model.p.grad = np.array([0.0, 2.0])
        model.q.grad = None

    SGD(1).setup(model).add_hook(hook).update()
    assert model.p.data.tolist() == [1.0, -4.0]
    assert model.q.data == 3.0


def test_a_hook_is_a_function():
    with pytest.raises(TypeError, match=r"SGD.add_hook: got 1, needed a function"):
        SGD(0.1).add_hook(1)


def test_clipping_by_norm_keeps_the_direction_of_all_gradients_together():
    model = Two()
    model.p.grad, model.q.grad = np.array([2.0, -3.0]), np.array(6.0)
    assert ClipNorm(3.5)(model.params()) == pytest.approx(7.0)
    np.testing.assert_allclose(model.p.grad.data, [1.0, -1.5])
    np.testing.assert_allclose(model.q.grad.data, 3.0)
    assert ClipNorm(3.6)(model.params()) == pytest.approx(3.5)
    np.testing.assert_allclose(model.q.grad.data, 3.0)


def test_clipping_by_value_goes_element_by_element():
    model = Two()
    model.p.grad, model.q.grad = np.array([0.5, -3.0]), np.array(6.0)
    SGD(1).setup(model).add_hook(ClipValue(2)).update()
    assert model.p.data.tolist() == [0.5, 0.0]
    assert model.q.data == 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_not_clipped(value):
    model = two_with_gradients()
    model.p.grad = np.array([value, 1.0])
    with pytest.raises(ValueError, match=r"ClipNorm: the norm of the gradients is (nan|inf)"):
        SGD(1).setup(model).add_hook(ClipNorm(1)).update()
    assert model.q.data == 3.0


def test_the_norm_of_half_precision_does_not_overflow():
    p = Parameter(np.ones(2, np.float16))
    p.grad = np.array([300.0, 400.0], np.float16)
    assert ClipNorm(5)([p]) == pytest.approx(500)
    assert p.grad.data.tolist() == [3.0, 4.0]
    assert p.grad.dtype == np.float16


@pytest.mark.parametrize("hook", [ClipNorm(0.1), ClipValue(0.1), AverageGradients(4)])
def test_hooks_do_not_change_recorded_and_read_only_gradients_in_place(hook):
    x = Variable(np.array([1.0, 2.0]))
    p = Parameter(np.ones(2))
    p.grad = recorded = x * 3
    hook([p])
    assert recorded.data.tolist() == [3.0, 6.0]
    p.grad = constant = np.broadcast_to(np.array(5.0), 2)
    hook([p])
    assert constant.tolist() == [5.0, 5.0]
    assert np.all(p.grad.data < 5)


def test_several_batches_make_one_step_as_if_they_were_one():
    x, t = np.random.default_rng(0).normal(size=(2, 12, 2))
    together, apart = [MLP((3, 2), in_size=2, dtype=np.float64) for _ in range(2)]
    for p, q in zip(together.params(), apart.params(), strict=True):
        q.data = p.data.copy()
    mean_squared_error(together(x), t).backward()
    SGD(0.1).setup(together).update()
    for part in range(0, 12, 3):
        mean_squared_error(apart(x[part : part + 3]), t[part : part + 3]).backward()
    SGD(0.1).setup(apart).add_hook(AverageGradients(4)).update()
    for p, q in zip(together.params(), apart.params(), strict=True):
        np.testing.assert_allclose(q.data, p.data, rtol=1e-12)


def test_gradients_add_up_over_backward_calls_until_they_are_cleared():
    model = Two()
    optimizer = SGD(1).setup(model)
    for _ in range(3):
        model.q.backward()
    optimizer.update()
    assert model.q.data == 0.0
    model.cleargrads()
    model.q.backward()
    optimizer.update()
    assert model.q.data == -1.0


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_closure_is_called_once_and_its_loss_returned(kind):
    model, calls = Two(), []

    def closure():
        calls.append(1)
        model.cleargrads()
        loss = np.sum(model.p**2)
        loss.backward()
        return loss

    assert kind(0.1).setup(model).update(closure) == 5.0
    assert calls == [1]
    assert model.p.data[0] < 1


# ---- Parameters that change ----


@pytest.mark.parametrize("kind", REMEMBERING)
@pytest.mark.parametrize("other", [np.ones(3), np.ones((1, 2)), np.ones(2, np.float32)])
def test_a_parameter_replaced_by_one_of_another_shape_or_dtype_is_detected(kind, other):
    model = two_with_gradients()
    optimizer = kind().setup(model)
    optimizer.update()
    model.p = Parameter(other)
    model.p.grad = np.ones_like(other)
    q = model.q.data.copy()
    with pytest.raises(ValueError, match=r"p is .* but its state is float64 \(2,\).*call setup"):
        optimizer.update()
    assert model.q.data == q
    optimizer.setup(model).update()


def test_a_gradient_of_the_shape_before_is_detected():
    model = two_with_gradients()
    model.p.data = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"p has shape \(3, 2\) and a gradient of shape \(2,\)"):
        SGD(0.1).setup(model).update()
    assert model.q.data == 3.0


def test_a_read_only_parameter_is_refused_before_any_is_updated():
    model = two_with_gradients()
    model.q.data = np.broadcast_to(np.array(1.0), ())
    with pytest.raises(ValueError, match=r"q is read-only; set p.data = p.data.copy\(\)"):
        SGD(0.1).setup(model).update()
    assert model.p.data.tolist() == [1.0, -2.0]


# ---- Saving and resuming ----


def state_after(optimizer, model, gradients):
    for g in gradients:
        model.p.grad = np.array(g)
        optimizer.update()
    return optimizer.state_dict()


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_state_continues_to_the_same_bits(kind, tmp_path):
    def new():
        model = Two()
        return model, kind(lambda step: 0.1 / (1 + step)).setup(model)

    whole, optimizer = new()
    state_after(optimizer, whole, GRADIENTS)

    first, optimizer = new()
    np.savez(tmp_path / "state", **state_after(optimizer, first, GRADIENTS[:2]))
    second, optimizer = new()
    second.p.data = first.p.data.copy()
    optimizer.load_state_dict(np.load(tmp_path / "state.npz"))
    state_after(optimizer, second, GRADIENTS[2:])
    np.testing.assert_array_equal(second.p.data, whole.p.data)


def test_a_state_is_named_and_made_of_copies():
    model = two_with_gradients()
    optimizer = Adam().setup(model)
    optimizer.update()
    state = optimizer.state_dict()
    assert list(state) == ["steps", "p.m", "p.v", "p.t", "q.m", "q.v", "q.t"]
    assert (state["steps"], state["p.t"]) == (1, 1)
    state["p.m"][:] = 7
    assert not np.any(optimizer.states["p"]["m"] == 7)
    optimizer.load_state_dict(state)
    state["p.m"][:] = 8
    assert np.all(optimizer.states["p"]["m"] == 7)


def test_a_state_of_other_names_is_refused_with_all_of_them():
    optimizer = Adam().setup(Two())
    state = optimizer.state_dict()
    del state["p.m"], state["q.t"]
    state["r.m"] = np.zeros(2)
    with pytest.raises(ValueError, match=r"missing: p.m, q.t; unexpected: r.m"):
        optimizer.load_state_dict(state)


def test_a_state_of_other_shapes_is_refused_with_all_of_them_and_nothing_is_loaded():
    optimizer = Momentum().setup(two_with_gradients())
    optimizer.update()
    wrong = {"steps": 9, "p.v": np.zeros(3), "q.v": np.zeros((1, 1))}
    with pytest.raises(ValueError, match=r"p.v is \(3,\), needed \(2,\), q.v is \(1, 1\), needed"):
        optimizer.load_state_dict(wrong)
    with pytest.raises(ValueError, match=r"p.v is <U5, needed numbers"):
        optimizer.load_state_dict({**wrong, "p.v": np.array(["a", "wrong"]), "q.v": 0})
    assert optimizer.steps == 1
    assert np.all(optimizer.states["p"]["v"] != 0)


@pytest.mark.parametrize("kind", [Adam, LBFGS])
def test_a_state_needs_a_model(kind):
    with pytest.raises(RuntimeError, match=r"state_dict: there is no model; call setup"):
        kind().state_dict()
    with pytest.raises(RuntimeError, match=r"load_state_dict: there is no model; call setup"):
        kind().load_state_dict({"steps": 0, "s": 0, "y": 0, "last": 0})


# ---- Pickles and copies ----

SCHEDULES = [
    0.01,
    constant(0.01),
    linear(0.02, 0.01, 4),
    step_decay(0.02, [1, 3]),
    exponential(0.02, 0.5),
    cosine(0.02, 5),
    polynomial(0.02, 5, 2),
    warm_up(cosine(0.02, 3), 2),
    one_cycle(0.02, 6),
    joined([constant(0.01), exponential(0.02, 0.5)], [2]),
    ReduceOnPlateau(0.02, patience=0),
]


def trained(model, optimizer, steps):
    """The bits of the weights after each of some more updates."""
    bits = []
    for k in steps:
        model.p.grad, model.q.grad = np.array([1.0, -0.5]) / (k + 1), np.array(0.3 * k)
        optimizer.update()
        if isinstance(optimizer.lr, ReduceOnPlateau):
            optimizer.lr.report(1.0)
        bits.append((model.p.data.tobytes(), model.q.data.tobytes()))
    return bits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
@pytest.mark.parametrize("copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_a_copy_in_the_middle_of_a_training_continues_to_the_same_bits(kind, schedule, copied):
    model = Two()
    optimizer = kind(copy.deepcopy(schedule)).setup(model)
    optimizer.add_group("q", lr=exponential(0.1, 0.5)).add_hook(ClipNorm(0.9))
    trained(model, optimizer, range(3))
    again, its_optimizer = copied((model, optimizer))
    assert its_optimizer.target is again
    assert repr(its_optimizer) == repr(optimizer)
    assert trained(again, its_optimizer, range(3, 6)) == trained(model, optimizer, range(3, 6))


def test_a_pickled_lbfgs_continues_to_the_same_bits():
    model = Valley()
    optimizer = LBFGS(max_iter=3).setup(model)
    optimizer.update(model.closure)
    again, its_optimizer = pickle.loads(pickle.dumps((model, optimizer)))
    assert its_optimizer.update(again.closure) == optimizer.update(model.closure)
    assert (again.x.data, again.y.data) == (model.x.data, model.y.data)


def test_an_optimizer_can_be_sent_to_a_spawned_process():
    optimizer = Adam(warm_up(cosine(0.02, 3), 2)).add_hook(ClipNorm(1))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(repr, (optimizer,)) == repr(optimizer)


# ---- The average of the weights ----


def test_an_average_starts_with_the_weights_and_follows_them():
    model = Two()
    average = ExponentialMovingAverage(model, 0.75)
    average.update()
    model.q.data[...] = 7.0
    average.update()
    assert average.averages["q"] == 0.75 * 3 + 0.25 * 7
    np.testing.assert_array_equal(average.averages["p"], model.p.data)


def test_averages_are_swapped_in_for_a_block_and_the_weights_are_restored_after_an_error_too():
    model = Two()
    average = ExponentialMovingAverage(model, 0.5)
    average.update()
    weights = model.q.data = np.array(5.0)
    average.update()
    with pytest.raises(ZeroDivisionError), average.swapped_in():
        1 / (model.q.data.item() - 4)
    assert model.q.data is weights
    with average.swapped_in():
        assert model.q.data == 4.0


def test_an_average_at_a_wrong_moment_raises():
    average = ExponentialMovingAverage(Two())
    with (
        pytest.raises(RuntimeError, match=r"no averages yet; call update\(\)"),
        average.swapped_in(),
    ):
        pass
    average.update()
    with average.swapped_in():
        with pytest.raises(RuntimeError, match="update: the averages are swapped in"):
            average.update()
        with pytest.raises(RuntimeError, match="swapped_in: the averages are swapped in"):
            average.swapped_in().__enter__()


def test_an_average_continues_from_its_state():
    model = Two()
    first, second = ExponentialMovingAverage(model, 0.5), ExponentialMovingAverage(model, 0.5)
    first.update()
    second.load_state_dict(first.state_dict())
    model.p.data = np.array([3.0, 4.0])
    first.update()
    second.update()
    np.testing.assert_array_equal(first.averages["p"], second.averages["p"])
    assert first.averages["p"] is not second.averages["p"]
    with pytest.raises(ValueError, match="missing: p; unexpected: r"):
        second.load_state_dict({"q": np.ones(()), "r": np.ones(1)})
    with pytest.raises(ValueError, match=r"p is \(3,\), needed \(2,\)"):
        second.load_state_dict({"p": np.ones(3), "q": np.ones(())})


def test_an_average_detects_a_parameter_of_another_shape_and_a_target_that_is_none():
    model = Two()
    average = ExponentialMovingAverage(model)
    average.update()
    model.p = Parameter(np.ones(3))
    with pytest.raises(ValueError, match=r"p is float64 \(3,\), but its average is float64 \(2,\)"):
        average.update()
    with pytest.raises(ValueError, match="got an empty list, needed Parameters"):
        ExponentialMovingAverage([])


# ---- LBFGS ----


class Valley(Layer):
    """Rosenbrock's: (1 - x)² + 100 (y - x²)², lowest at (1, 1)."""

    def __init__(self):
        self.x = Parameter(np.array(-1.2))
        self.y = Parameter(np.array(1.0))

    def closure(self):
        self.cleargrads()
        loss = (1 - self.x) ** 2 + 100 * (self.y - self.x**2) ** 2
        loss.backward()
        return loss


def test_lbfgs_finds_the_minimum_of_a_curved_valley():
    model = Valley()
    optimizer = LBFGS(max_iter=50, max_eval=100, tolerance_change=1e-15).setup(model)
    assert optimizer.update(model.closure) == pytest.approx(24.2)
    assert float(model.closure()) < 1e-15
    np.testing.assert_allclose([model.x.data, model.y.data], [1, 1], rtol=1e-7)


def test_lbfgs_continues_from_its_state_to_the_same_bits():
    whole, first, second = Valley(), Valley(), Valley()
    optimizer = LBFGS(max_iter=5).setup(whole)
    for _ in range(4):
        optimizer.update(whole.closure)
    before = LBFGS(max_iter=5).setup(first)
    for _ in range(2):
        before.update(first.closure)
    second.x.data, second.y.data = first.x.data.copy(), first.y.data.copy()
    after = LBFGS(max_iter=5).setup(second)
    after.load_state_dict(before.state_dict())
    for _ in range(2):
        after.update(second.closure)
    assert (second.x.data, second.y.data) == (whole.x.data, whole.y.data)
    assert after.steps == 4


def test_lbfgs_state_before_the_first_step_is_empty_and_loads():
    optimizer = LBFGS().setup(Two())
    state = optimizer.state_dict()
    assert {name: np.shape(value) for name, value in state.items()} == {
        "steps": (), "s": (0, 3), "y": (0, 3), "last": (0, 3)
    }  # fmt: skip
    optimizer.load_state_dict(state)
    with pytest.raises(ValueError, match=r"s is \(0, 4\), needed \(any, 3\)"):
        optimizer.load_state_dict({**state, "s": np.zeros((0, 4))})
    with pytest.raises(ValueError, match=r"got s \(1, 3\), y \(0, 3\).* needed \(K, 3\) twice"):
        optimizer.load_state_dict({**state, "s": np.zeros((1, 3))})
    with pytest.raises(ValueError, match="missing: last"):
        optimizer.load_state_dict({k: v for k, v in state.items() if k != "last"})


def test_lbfgs_keeps_frozen_parameters_and_those_without_a_gradient():
    model = Valley()
    model.z = Parameter(np.array(2.0))
    model.y.requires_grad = False
    LBFGS().setup(model).update(model.closure)
    assert model.y.data == 1.0
    assert model.z.data == 2.0
    np.testing.assert_allclose(model.x.data, -1, rtol=0.02)  # a lowest point for y = 1


def test_lbfgs_goes_down_where_the_curvature_is_negative():
    class Hill(Valley):
        def closure(self):
            self.cleargrads()
            loss = np.cos(self.x)
            loss.backward()
            return loss

    model = Hill()
    model.x.data = np.array(0.3)
    optimizer = LBFGS(0.1, line_search=False, max_iter=1).setup(model)
    losses = [optimizer.update(model.closure) for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    assert optimizer.history == []


def test_lbfgs_refuses_groups_calls_without_closure_and_nan():
    model = Valley()
    optimizer = LBFGS().setup(model)
    with pytest.raises(TypeError, match=r"LBFGS.update: got no closure"):
        optimizer.update()
    with pytest.raises(TypeError, match="there are no groups"):
        optimizer.add_group("x", lr=1)
    model.x.data = np.array(np.nan)
    with pytest.raises(ValueError, match="the loss is nan"):
        optimizer.update(model.closure)


def test_lbfgs_detects_parameters_of_other_shapes():
    model = Two()
    optimizer = LBFGS().setup(model)

    def closure():
        model.cleargrads()
        loss = np.sum(model.p**2) + np.sum(model.q**2)
        loss.backward()
        return loss

    optimizer.update(closure)
    model.p, model.q = Parameter(np.ones((1, 2))), Parameter(np.ones(1))
    with pytest.raises(ValueError, match="the Parameters or their shapes have changed"):
        optimizer.update(closure)


def test_a_line_search_steps_back_from_where_the_loss_is_not_finite():
    class Wall(Valley):
        def closure(self):
            self.cleargrads()
            with np.errstate(invalid="ignore"):
                loss = self.x - np.log(self.x)
            loss.backward()
            return loss

    model = Wall()
    model.x.data = np.array(0.3)
    LBFGS(lr=100).setup(model).update(model.closure)
    np.testing.assert_allclose(model.x.data, 1, rtol=1e-4)


def test_lbfgs_changes_nothing_if_the_learning_rate_is_0():
    model = Valley()
    LBFGS(lr=0).setup(model).update(model.closure)  # as at the end of a schedule
    assert (model.x.data, model.y.data) == (-1.2, 1.0)
