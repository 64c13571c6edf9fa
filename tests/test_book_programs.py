"""The programs with which «Deep Learning from Scratch 3» builds a framework."""

import math

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Function, Variable


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return 2 * x * gy


class Exp(Function):
    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return np.exp(x) * gy


class Sin(Function):
    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        x = self.input
        return gy * np.cos(x)


def composed():
    """x, a, b, y of y = (exp(x²))² at 0.5."""
    A, B, C = Square(), Exp(), Square()
    x = Variable(np.array(0.5))
    a = A(x)
    b = B(a)
    y = C(b)
    return x, a, b, y


# ---- One chain, by hand and by backward() ----


def test_forward():
    y = composed()[-1]
    assert isinstance(y, Variable)
    assert y.data == 1.648721270700128


@pytest.mark.parametrize("seed", [np.array(1.0), Variable(np.array(1.0)), 1.0])
def test_backward_by_hand(seed, capsys):
    x, a, b, y = composed()
    y.grad = seed

    C = y.creator
    b_again = C.input
    b_again.grad = C.backward(y.grad)

    B = b_again.creator
    a_again = B.input
    a_again.grad = B.backward(b_again.grad)

    A = a_again.creator
    x_again = A.input
    x_again.grad = A.backward(a_again.grad)

    assert (b_again, a_again, x_again) == (b, a, x)
    print(x.grad)
    assert capsys.readouterr().out == "3.297442541400256\n"


@pytest.mark.parametrize("seed", [np.array(1.0), Variable(np.array(1.0))])
def test_backward_by_hand_on_arrays_and_on_our_own_functions(seed):
    x = Variable(np.array(0.5))
    a = F.square(x)
    b = F.exp(a)
    y = F.square(b)
    b.grad = y.creator.backward(seed)
    a.grad = b.creator.backward(b.grad)
    x.grad = a.creator.backward(a.grad)
    assert x.grad.data == pytest.approx(3.297442541400256)


def test_backward_by_hand_returns_arrays_for_arrays_if_the_formula_has_only_arrays():
    x, a, b, y = composed()
    gb = y.creator.backward(np.array(1.0))
    ga = b.creator.backward(gb)
    assert a.creator.backward(ga) == 3.297442541400256
    assert not isinstance(gb, Variable)
    assert x.grad is None


def test_backward(capsys):
    x, _, _, y = composed()
    y.grad = np.array(1.0)
    y.backward()
    print(x.grad)
    assert capsys.readouterr().out == "3.297442541400256\n"


def test_backward_without_a_seed():
    x, _, _, y = composed()
    y.backward()
    assert x.grad.data == 3.297442541400256
    assert isinstance(x.grad, Variable)


def test_numerical_gradient_agrees():
    def f(x):
        return Square()(Exp()(Square()(Variable(np.array(x))))).data

    h = 1e-4
    difference = (f(0.5 + h) - f(0.5 - h)) / (2 * h)
    assert difference == pytest.approx(3.2974426293330694)


def test_a_chain_of_plain_functions():
    x = Variable(np.array(0.5))
    y = Square()(Exp()(Square()(x)))
    y.backward()
    assert x.grad.data == 3.297442541400256


# ---- Natural code ----


def test_add_of_two_squares():
    x, y = Variable(np.array(2.0)), Variable(np.array(3.0))
    z = F.add(Square()(x), Square()(y))
    z.backward()
    assert (z.data, x.grad.data, y.grad.data) == (13.0, 4.0, 6.0)


def test_the_same_variable_twice():
    x = Variable(np.array(3.0))
    y = x + x
    y.backward()
    assert x.grad.data == 2.0
    x.cleargrad()
    y = (x + x) + x
    y.backward()
    assert x.grad.data == 3.0


def test_operators():
    a, b, c = Variable(np.array(3.0)), Variable(np.array(2.0)), Variable(np.array(1.0))
    y = a * b + c
    y.backward()
    assert (y.data, a.grad.data, b.grad.data) == (7.0, 2.0, 3.0)
    x = Variable(np.array(2.0))
    assert str(3.0 * x + 1.0) == "7.0"
    assert (np.array([2.0]) + Variable(np.array([1.0]))).data.tolist() == [3.0]


def sphere(x, y):
    return x**2 + y**2


def matyas(x, y):
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    return (
        1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    ) * (
        30
        + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    )  # fmt: skip


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


@pytest.mark.parametrize(("f", "point", "gradient"), [
    (sphere, (1.0, 1.0), (2.0, 2.0)),
    (matyas, (1.0, 1.0), (0.04, 0.04)),
    (goldstein, (1.0, 1.0), (-5376.0, 8064.0)),
    (rosenbrock, (0.0, 2.0), (-2.0, 400.0)),
])  # fmt: skip
@pytest.mark.parametrize("create_graph", [False, True])
def test_known_gradients(f, point, gradient, create_graph):
    x, y = (Variable(np.array(value)) for value in point)
    f(x, y).backward(create_graph=create_graph)
    assert (x.grad.data, y.grad.data) == pytest.approx(gradient)


def test_gradient_descent_down_rosenbrocks_valley():
    x0, x1 = Variable(np.array(0.0)), Variable(np.array(2.0))
    start = rosenbrock(x0, x1).data
    for _ in range(1000):
        y = rosenbrock(x0, x1)
        x0.cleargrad()
        x1.cleargrad()
        y.backward()
        x0.data -= 0.001 * x0.grad.data
        x1.data -= 0.001 * x1.grad.data
    assert start == 401.0
    assert (x0.data, x1.data) == pytest.approx((0.6837118569138317, 0.4659526837427042))


def test_newton_steps_in_rosenbrocks_valley():
    x0, x1 = Variable(np.array(0.0)), Variable(np.array(2.0))
    for _ in range(6):
        g = wg.grad(rosenbrock(x0, x1), [x0, x1], create_graph=True)
        rows = [wg.grad(gi, [x0, x1]) for gi in g]
        H = np.array([[h.data for h in row] for row in rows])
        step = np.linalg.solve(H, [gi.data for gi in g])
        x0.data, x1.data = np.array(x0.data - step[0]), np.array(x1.data - step[1])
    assert (x0.data, x1.data) == pytest.approx((1.0, 1.0))


# ---- Higher order ----


def test_newtons_method_by_hand():
    x = Variable(np.array(2.0))
    for _ in range(10):
        y = x**4 - 2 * x**2
        gx, g2x = 4 * x.data**3 - 4 * x.data, 12 * x.data**2 - 4
        x.cleargrad()
        y.backward(create_graph=True)
        first = x.grad
        x.cleargrad()
        first.backward()
        assert first.data == pytest.approx(gx)
        assert x.grad.data == pytest.approx(g2x)
        x.data = x.data - first.data / x.grad.data
    assert x.data == 1.0


def test_taylor_series_of_sin_by_a_loop():
    x = Variable(np.array(np.pi / 4))
    y = 0
    for i in range(100_000):
        c = (-1) ** i / math.factorial(2 * i + 1)
        t = c * x ** (2 * i + 1)
        y = y + t
        if abs(t.data) < 1e-4:
            break
    y.backward()
    assert y.data == pytest.approx(0.7071064695751781)
    assert x.grad.data == pytest.approx(0.7071032148228457)


def test_a_users_own_function_in_variables_has_higher_derivatives():
    x = Variable(np.array(1.0))
    y = Sin()(x)
    y.backward(create_graph=True)
    found = [y.data, x.grad.data]
    for _ in range(2):
        gx = x.grad
        x.cleargrad()
        gx.backward(create_graph=True)
        found.append(x.grad.data)
    s, c = math.sin(1.0), math.cos(1.0)
    assert found == pytest.approx([s, c, -s, -c])


def test_a_gradient_inside_a_loss():
    x = Variable(np.array(2.0))
    y = x**2
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    z = gx**3 + y
    z.backward()
    assert x.grad.data == 100.0


# ---- Tensors and a network ----


def test_tensors_keep_their_shape():
    x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
    c = Variable(np.array([[10, 20, 30], [40, 50, 60]]))
    y = F.sum(x + c)
    y.backward(retain_grad=True)
    assert x.grad.shape == c.grad.shape == x.shape
    assert x.grad.data.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_linear_regression():
    rng = np.random.default_rng(0)
    x = rng.random((100, 1))
    y = 5 + 2 * x + 0.1 * rng.random((100, 1))
    W, b = Variable(np.zeros((1, 1))), Variable(np.zeros(1))
    for _ in range(300):
        diff = y - (x @ W + b)
        loss = np.sum(diff**2) / len(diff)
        W.cleargrad()
        b.cleargrad()
        loss.backward()
        W.data -= 0.3 * W.grad.data
        b.data -= 0.3 * b.grad.data
    assert W.data == pytest.approx(2.0, abs=0.05)
    assert b.data == pytest.approx(5.05, abs=0.05)


def test_a_network_learns_a_sine():
    rng = np.random.default_rng(0)
    x = rng.random((100, 1))
    y = np.sin(2 * np.pi * x)
    W1, b1 = Variable(10 * rng.normal(size=(1, 10))), Variable(5 * rng.normal(size=10))
    W2, b2 = Variable(rng.normal(size=(10, 1))), Variable(np.zeros(1))
    losses = []
    for _ in range(400):
        h = F.sigmoid(x @ W1 + b1)
        loss = F.mean_squared_error(h @ W2 + b2, y)
        for p in (W1, b1, W2, b2):
            p.cleargrad()
        loss.backward()
        for p in (W1, b1, W2, b2):
            p.data -= 0.1 * p.grad.data
        losses.append(loss.item())
    assert losses[0] > 0.3
    assert losses[-1] < 0.1


def test_no_grad():
    with wg.no_grad():
        y = Square()(Variable(np.array(2.0)))
    assert y.creator is None
    with wg.using_config("enable_backprop", False):
        assert Square()(Variable(np.array(2.0))).creator is None
