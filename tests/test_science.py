"""Programs of science, written as their users write them, in plain NumPy."""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable
from wengert.optimizers import Adam

RNG = np.random.default_rng(0)
X = np.sort(RNG.uniform(-3, 3, 30))
Y = np.sin(2 * X) + 0.1 * RNG.normal(size=30)


# ---- Gaussian processes ----


def kernel(log, a, b):
    distance = (a[:, None] - b) / np.exp(log[0])
    return np.exp(2 * log[1] - distance**2 / 2)


def negative_log_likelihood(log):
    """Of Y, from the logarithms of the length, the height and the noise."""
    K = kernel(log, X, X) + np.exp(2 * log[2]) * np.eye(len(X))
    L = np.linalg.cholesky(K)
    z = np.linalg.solve(L, Y)
    return z @ z / 2 + np.sum(np.log(np.diag(L))) + len(X) / 2 * np.log(2 * np.pi)


def test_the_hyperparameters_of_a_gaussian_process_have_the_gradients_of_the_textbook():
    log = [Variable(np.array(v)) for v in (-0.3, 0.2, -1.5)]
    negative_log_likelihood(log).backward()
    values = [x.data for x in log]
    signal = kernel(values, X, X)
    noise = np.exp(2 * values[2]) * np.eye(30)
    inverse = np.linalg.inv(signal + noise)
    distance = (X[:, None] - X) / np.exp(values[0])
    for x, dK in zip(log, [signal * distance**2, 2 * signal, 2 * noise], strict=True):
        expected = (np.trace(inverse @ dK) - Y @ inverse @ dK @ inverse @ Y) / 2
        assert float(x.grad) == pytest.approx(expected, rel=1e-9)


def test_a_gaussian_process_is_trained_and_predicts():
    log = [Variable(np.array(v)) for v in (0.0, 0.0, -1.0)]
    optimizer = Adam(0.1).setup(log)
    for _ in range(100):
        for x in log:
            x.cleargrad()
        loss = negative_log_likelihood(log)
        loss.backward()
        optimizer.update()
    with wg.no_grad():
        new = np.linspace(-2.5, 2.5, 7)
        K = kernel(log, X, X) + np.exp(2 * log[2]) * np.eye(30)
        mean = kernel(log, new, X) @ np.linalg.solve(K, Y)
    np.testing.assert_allclose(mean.data, np.sin(2 * new), atol=0.3)
    assert np.exp(log[2].data) == pytest.approx(0.1, abs=0.05)


def test_newtons_method_finds_the_same_hyperparameters_as_the_gradient():
    log = np.array([-0.1, 0.1, -2.2])
    for _ in range(8):
        H, g = wg.hessian(negative_log_likelihood)(log), wg.grad(negative_log_likelihood)(log)
        log = log - np.linalg.solve(H, g)
    assert np.linalg.norm(wg.grad(negative_log_likelihood)(log)) < 1e-8
    assert np.linalg.eigvalsh(H).min() > 0


def test_a_kernel_matrix_is_built_from_single_variables():
    length = Variable(0.7)
    points = X[:5]
    K = wg.array(
        [[np.exp(-(((a - b) / length) ** 2)) + 0.1 * (a == b) for b in points] for a in points]
    )
    np.linalg.slogdet(K).logabsdet.backward()
    found, length.grad = float(length.grad), None
    distance = (points[:, None] - points) / length
    np.linalg.slogdet(np.exp(-(distance**2)) + 0.1 * np.eye(5)).logabsdet.backward()
    assert found == pytest.approx(float(length.grad))


def test_a_program_adds_to_the_diagonal_when_cholesky_fails():
    points, length, jitter = np.linspace(0, 1, 60), Variable(5.0), 0.0
    for _ in range(15):
        try:
            K = np.exp(-(((points[:, None] - points) / length) ** 2)) + jitter * np.eye(60)
            L = np.linalg.cholesky(K)
            break
        except np.linalg.LinAlgError:
            jitter = max(10 * jitter, 1e-15)
    L.sum().backward()
    assert 0 < jitter < 1e-10
    assert np.isfinite(float(length.grad))


def test_the_expected_improvement_has_the_gradient_of_the_textbook():
    mean, deviation = Variable(np.array([0.2, 0.5])), Variable(np.array([0.3, 0.1]))
    u = (mean - 0.4) / deviation
    gain = deviation * (u * F.ndtr(u) + np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi))
    gain.backward()
    np.testing.assert_allclose(mean.grad.data, F.ndtr(u.data), rtol=1e-12)
    density = np.exp(-(u.data**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(deviation.grad.data, density, rtol=1e-12)


# ---- Hamiltonian Monte Carlo ----


def test_hamiltonian_monte_carlo_draws_from_a_normal_distribution():
    covariance = np.array([[2.0, 1.2], [1.2, 1.0]])
    precision = np.linalg.inv(covariance)
    rng = np.random.default_rng(0)

    def energy(q):
        return np.einsum("ni,ij,nj->n", q, precision, q) / 2

    gradient = wg.grad(lambda q: np.sum(energy(q)))
    q, draws = np.zeros((200, 2)), []  # 200 chains
    for _ in range(40):
        p = rng.normal(size=q.shape)
        new, moved = q, p - 0.15 * gradient(q)
        for _ in range(8):
            new = new + 0.3 * moved
            moved = moved - 0.3 * gradient(new)
        moved = moved + 0.15 * gradient(new)  # the last step is a half
        rise = energy(new) + np.sum(moved**2, 1) / 2 - energy(q) - np.sum(p**2, 1) / 2
        q = np.where((np.log(rng.uniform(size=200)) < -rise)[:, None], new, q)
        draws.append(q)
    assert type(q) is np.ndarray
    np.testing.assert_allclose(np.cov(np.concatenate(draws[10:]).T), covariance, atol=0.15)


def test_the_laplace_approximation_of_a_posterior_is_found_by_newtons_method():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    t = np.where(x @ [1.0, -2.0, 0.5] > 0, 1, -1)

    def energy(w):
        return np.sum(np.logaddexp(0, -t * (x @ w))) + np.sum(w**2) / 2

    w = np.zeros(3)
    for _ in range(10):
        w = w - np.linalg.solve(wg.hessian(energy)(w), wg.grad(energy)(w))
    p = F.sigmoid(x @ w)
    expected = x.T @ (x * (p * (1 - p))[:, None]) + np.eye(3)
    np.testing.assert_allclose(wg.hessian(energy)(w), expected, rtol=1e-10)
    assert np.linalg.norm(wg.grad(energy)(w)) < 1e-10


# ---- Meta-learning ----


def network(p, x):
    return np.tanh(x @ p["W"] + p["b"]) @ p["V"]


def weights():
    rng = np.random.default_rng(2)
    return {"W": rng.normal(size=(1, 10)), "b": np.zeros(10), "V": rng.normal(size=(10, 1)) / 4}


def adapted(p, x, y, steps=2):
    """The weights after steps of gradient descent, which are recorded."""
    for _ in range(steps):
        loss = np.mean((network(p, x) - y) ** 2)
        gradients = wg.grad(loss, list(p.values()), create_graph=True)
        p = {k: v - 0.05 * g for (k, v), g in zip(p.items(), gradients, strict=True)}
    return p


def task(rng):
    x, phase = rng.uniform(-3, 3, size=(20, 1)), rng.uniform(0, 1)
    y = np.sin(x + phase)
    return x[:10], y[:10], x[10:], y[10:]


def test_gradients_pass_through_the_steps_of_meta_learning():
    x, y, new_x, new_y = task(np.random.default_rng(3))

    def loss(W):
        p = adapted({**{k: Variable(v) for k, v in weights().items()}, "W": W}, x, y)
        return np.mean((network(p, new_x) - new_y) ** 2)

    wg.testing.check_gradients(loss, weights()["W"], order=1, step=1e-4)


def test_meta_learning_finds_weights_from_which_tasks_are_learned():
    rng = np.random.default_rng(4)
    p = {k: Variable(v) for k, v in weights().items()}
    optimizer = Adam(0.03).setup(p)
    losses = []
    for _ in range(60):
        for v in p.values():
            v.cleargrad()
        loss = 0
        for _ in range(3):
            x, y, new_x, new_y = task(rng)
            loss = loss + np.mean((network(adapted(p, x, y), new_x) - new_y) ** 2) / 3
        loss.backward()
        optimizer.update()
        losses.append(float(loss))
    assert np.mean(losses[-10:]) < 0.4 * np.mean(losses[:10])
