"""Derivatives of derivatives: a recorded backward pass is differentiated itself."""

import math

import numpy as np
import pytest

import wengert as wg
from wengert import Function, Variable


def derivatives(f, x, order):
    """[f(x), f'(x), …] by repeated backward passes; 0 when the result no longer depends on x."""
    x = Variable(np.array(x))
    y = f(x)
    found = [y.data]
    for _ in range(order):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad if x.grad is not None else Variable(0.0)
        found.append(y.data)
    return found


def test_newtons_method_with_second_derivatives_finds_the_minimum():
    x = Variable(np.array(2.0))
    steps = []
    for _ in range(10):
        y = x**4 - 2 * x**2
        x.cleargrad()
        y.backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        gx.backward()
        x.data = x.data - gx.data / x.grad.data
        steps.append(x.data.item())
    assert steps[-1] == 1.0
    assert steps[0] == pytest.approx(1.4545454545)  # 2 - 24 / 44


def test_second_derivative_of_the_books_polynomial():
    assert derivatives(lambda x: x**4 - 2 * x**2, 2.0, 2) == [8.0, 24.0, 44.0]


@pytest.mark.parametrize("x", [0.3, -2.0])
def test_the_fourth_derivative_of_sin_is_sin(x):
    s, c = math.sin(x), math.cos(x)
    assert derivatives(np.sin, x, 4) == pytest.approx([s, c, -s, -c, s])


@pytest.mark.parametrize("x", [0.3, -1.1])
def test_tanh_to_the_eighth_derivative(x):
    # d/dx of a polynomial p(t) in t = tanh x is p'(t) (1 - t²)
    p, expected = np.polynomial.Polynomial([0.0, 1.0]), []
    for _ in range(9):
        expected.append(p(math.tanh(x)))
        p = p.deriv() * np.polynomial.Polynomial([1.0, 0.0, -1.0])
    np.testing.assert_allclose(derivatives(np.tanh, x, 8), expected, rtol=1e-10)


def test_exp_is_its_own_derivative_of_every_order():
    np.testing.assert_allclose(derivatives(np.exp, 0.5, 6), math.exp(0.5))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 3.0, np.int64(3), np.float64(2)])
def test_a_power_has_all_its_derivatives_at_0(n):
    found = derivatives(lambda x: x**n, 0.0, 5)
    assert found == [float(math.factorial(int(n))) * (k == n) for k in range(6)]


def test_a_gradient_inside_a_loss():
    x = Variable(np.array(2.0))
    y = x**2
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    z = gx**3 + y
    z.backward()
    assert x.grad.data == 100.0  # d(8x³ + x²)


def test_a_gradient_penalty_reaches_the_weights():
    rng = np.random.default_rng(0)
    x, W = Variable(rng.normal(size=(5, 3))), Variable(rng.normal(size=(3, 1)))

    def penalty(W):
        (gx,) = wg.grad(np.sum(np.tanh(x @ W)), [x], create_graph=True)
        return np.sum(gx**2)

    penalty(W).backward()
    h = 1e-6
    for i in range(3):
        step = np.zeros((3, 1))
        step[i] = h
        difference = penalty(Variable(W.data + step)).data - penalty(Variable(W.data - step)).data
        assert W.grad.data[i, 0] == pytest.approx(difference / (2 * h), rel=1e-6)


def test_without_create_graph_a_gradient_is_a_constant():
    x = Variable(2.0)
    (x**3).backward()
    assert x.grad.creator is None
    with pytest.raises(RuntimeError, match="create_graph"):
        x.grad.backward()


def test_with_create_graph_a_gradient_has_a_creator():
    x = Variable(2.0)
    (x**3).backward(create_graph=True)
    assert isinstance(x.grad.creator, Function)


def test_gradients_add_up_in_a_recorded_walk_and_stay_differentiable():
    x = Variable(2.0)
    (x**3).backward(create_graph=True)
    (x**2).backward(create_graph=True)
    gx = x.grad  # 3x² + 2x
    x.cleargrad()
    gx.backward()
    assert gx.data == 16.0
    assert x.grad.data == 14.0


def test_a_constant_derivative_can_be_differentiated_too():
    x = Variable(2.0)
    y = 3 * x
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    z = gx * x  # 3x
    z.backward()
    assert x.grad.data == 3.0


def test_mixed_derivatives_are_symmetric():
    a, b = Variable(0.7), Variable(1.3)

    def mixed(first, second):
        (g,) = wg.grad(np.sin(a * b) * b, [first], create_graph=True)
        return wg.grad(g, [second])[0].data

    assert mixed(a, b) == pytest.approx(mixed(b, a))
    p = 0.7 * 1.3
    assert mixed(a, b) == pytest.approx(2 * 1.3 * math.cos(p) - 1.3**2 * 0.7 * math.sin(p))


def test_a_users_backward_in_variables_is_differentiated_again():
    class Cube(Function):
        def forward(self, x):
            return x**3

        def backward(self, gy):
            return gy * 3 * self.input**2

    assert derivatives(Cube(), 2.0, 3) == [8.0, 12.0, 12.0, 6.0]


def test_a_backward_that_reads_its_output_is_differentiated_again():
    class Exp(Function):
        def forward(self, x):
            return np.exp(x)

        def backward(self, gy):
            (y,) = self.ys
            return gy * y

    found = derivatives(lambda x: Exp()(Exp()(x)), 0.0, 2)
    np.testing.assert_allclose(found, [np.e, np.e, 2 * np.e])


def test_a_backward_that_reads_a_dropped_output_is_differentiated_again():
    class Powers(Function):
        def forward(self, x):
            return x**2, x**3

        def backward(self, g2, g3):
            (x,) = self.xs
            y2, _ = self.ys
            return g2 * 2 * x + g3 * 3 * y2

    x = Variable(2.0)
    y = Powers()(x)[1]
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert gx.data == 12.0
    assert x.grad.data == 12.0


def test_the_seed_can_be_differentiated():
    # the double-vjp identity: the derivative of vᵀJ by v is J
    x, v = Variable(np.array([1.0, 2.0])), Variable(np.ones(2))
    (np.exp(x)).backward(grad=v, create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward(grad=np.array([1.0, 0.0]))
    np.testing.assert_allclose(v.grad.data, [np.e, 0.0])
    np.testing.assert_allclose(x.grad.data, [np.e, 0.0])


@pytest.mark.parametrize("program", [
    lambda x, z: x + z, lambda x, z: x * z, lambda x, z: x / z, lambda x, z: x - z,
    lambda x, z: np.maximum(x, z) * x,
])  # fmt: skip
def test_second_derivatives_undo_broadcasting(program):
    x, z = Variable(np.full((2, 3), 2.0)), Variable(np.full((3,), 1.5))
    y = program(x, z)
    (gx, gz) = wg.grad(y, [x, z], np.full((2, 3), 0.5), create_graph=True)
    (np.sum(gx**2) + np.sum(gz**2)).backward()
    assert x.grad is None or x.grad.shape == (2, 3)
    assert z.grad is None or z.grad.shape == (3,)


def test_a_recorded_walk_is_recorded_under_no_grad_too():
    x = Variable(2.0)
    y = x**3
    with wg.no_grad():
        y.backward(create_graph=True)
    assert x.grad.creator is not None


def test_float32_is_kept_to_the_third_derivative():
    x = Variable(np.array([0.5], np.float32))
    y = np.tanh(x * 2 + 1) / 3 - x**2
    for _ in range(3):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        assert y.dtype == np.float32


def test_retained_gradients_of_a_recorded_walk_are_differentiable():
    x = Variable(2.0)
    a = x**2
    y = a**3
    y.backward(retain_grad=True, create_graph=True)
    ga = a.grad  # 3a² = 3x⁴
    x.cleargrad()
    ga.backward()
    assert x.grad.data == 12 * 8.0


def test_a_recorded_walk_over_replaced_data_is_refused_and_a_plain_one_uses_the_old():
    x = Variable(np.array(2.0))
    y = x**3
    x.data = np.array(5.0)
    with pytest.raises(RuntimeError, match="was replaced after the call"):
        y.backward(create_graph=True)
    y.backward()
    assert float(x.grad) == 12
