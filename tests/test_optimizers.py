"""Optimizers: their formulas, and what a step may touch."""

import numpy as np
import pytest

from wengert import Parameter, Variable, no_grad, random
from wengert.functions.loss import mean_squared_error
from wengert.layers import Layer
from wengert.models import MLP
from wengert.optimizers import SGD, Adam, Momentum, Optimizer

KINDS = [SGD, Momentum, Adam]


class Two(Layer):
    """Two parameters; a gradient of each can be put in by hand."""

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


def test_momentum_keeps_a_share_of_each_step():
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
        assert p.data is array
        assert not np.array_equal(p.data, value)
        assert p.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_remembered_has_the_names_of_the_parameters(kind):
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


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_the_bottom_of_a_bowl(kind):
    model = Two()
    optimizer = kind(0.1).setup(model)
    for _ in range(300):
        loss = np.sum(model.p**2) + (model.q - 1) ** 2
        model.cleargrads()
        loss.backward()
        optimizer.update()
    np.testing.assert_allclose([*model.p.data, model.q.data], [0, 0, 1], atol=1e-3)


def test_the_learning_rate_can_be_changed_on_the_way():
    model = Two()
    optimizer = SGD(1).setup(model)
    optimizer.lr = 0.5
    model.p.grad = np.ones(2)
    optimizer.update()
    assert model.p.data.tolist() == [0.5, -2.5]


def test_setup_forgets_what_was_remembered_of_another_model():
    optimizer = Momentum(0.1)
    assert steps(optimizer, GRADIENTS).tolist() == steps(optimizer, GRADIENTS).tolist()


def test_update_at_a_wrong_moment_says_what_is_missing():
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
    with pytest.raises(TypeError, match="got list, needed a Layer"):
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
        lambda: Momentum(0.1, momentum=1),
        lambda: Adam(beta1=1),
        lambda: Adam(beta2=-0.1),
    ],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="needed"):
        wrong()
