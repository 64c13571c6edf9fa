"""Optimizers compared with PyTorch's: ten steps of each, over drawn shapes and options."""

import numpy as np
import pytest

from wengert import Parameter, Variable
from wengert.functions import mean_squared_error
from wengert.layers import Layer
from wengert.optimizers import (
    LBFGS,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    ClipNorm,
    ClipValue,
    ExponentialMovingAverage,
    Momentum,
    NAdam,
    Nesterov,
    RAdam,
    RMSprop,
    optimizer,
)

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")


@pytest.fixture(autouse=True)
def _exact_numbers():
    """NAdam of PyTorch keeps its product of momenta in the default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def betas(o):
    """Our names of options to PyTorch's."""
    o = dict(o)
    return {"betas": (o.pop("beta1"), o.pop("beta2")), **o}


def draw_betas(rng):
    return {"beta1": rng.uniform(0.5, 0.95), "beta2": rng.uniform(0.8, 0.999)}


def draw_momentum(rng):
    return {"momentum": rng.uniform(0.3, 0.99)}


# name -> our class, PyTorch's, the drawn options, and how they are called there
PAIRS = {
    "SGD": (SGD, torch.optim.SGD, lambda rng: {}, dict),
    "Momentum": (Momentum, torch.optim.SGD, draw_momentum, dict),
    "Nesterov": (Nesterov, torch.optim.SGD, draw_momentum, lambda o: {**o, "nesterov": True}),
    "AdaGrad": (AdaGrad, torch.optim.Adagrad, lambda rng: {}, dict),
    "AdaDelta": (
        AdaDelta, torch.optim.Adadelta, lambda rng: {"rho": rng.uniform(0.5, 0.99)}, dict
    ),
    "RMSprop": (
        RMSprop, torch.optim.RMSprop, lambda rng: {"rho": rng.uniform(0.5, 0.99)},
        lambda o: {"alpha": o["rho"], **{k: v for k, v in o.items() if k != "rho"}},
    ),
    "Adam": (Adam, torch.optim.Adam, draw_betas, betas),
    "AdamW": (AdamW, torch.optim.AdamW, draw_betas, betas),
    "NAdam": (
        NAdam, torch.optim.NAdam,
        lambda rng: {**draw_betas(rng), "momentum_decay": rng.uniform(0.001, 0.1)}, betas,
    ),
    "RAdam": (RAdam, torch.optim.RAdam, draw_betas, betas),
}  # fmt: skip


class Drawn(Layer):
    """Two parameters of drawn shapes."""

    def __init__(self, rng, dtype=np.float64):
        shape = rng.integers(1, 6, size=rng.integers(0, 4))
        self.p = Parameter(rng.normal(size=shape).astype(dtype))
        self.q = Parameter(rng.normal(size=rng.integers(1, 50)).astype(dtype))


def ten_steps(ours, theirs, model, tensors, rng, steps=10):
    """Both optimizers, with the same drawn gradients."""
    for _ in range(steps):
        for p, t in zip(model.params(), tensors, strict=True):
            g = rng.normal(size=p.shape).astype(p.dtype)
            p.grad, t.grad = g, torch.tensor(g)
        ours.update()
        theirs.step()


def tensors_of(model):
    return [torch.tensor(p.data, requires_grad=True) for p in model.params()]


def assert_same(model, tensors, rtol=1e-10, atol=1e-13):
    for p, t in zip(model.params(), tensors, strict=True):
        np.testing.assert_allclose(p.data, t.detach().numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", PAIRS)
def test_ten_steps_end_where_those_of_pytorch_end(name, dtype, seed):
    rng = np.random.default_rng(seed)
    kind, torch_kind, draw, renamed = PAIRS[name]
    options = {"lr": 10 ** rng.uniform(-3, 0), **draw(rng)}
    if seed % 2:
        options["weight_decay"] = rng.uniform(0, 0.1)
    if name.startswith("Ada") and name != "Adam":
        options["eps"] = 10 ** rng.uniform(-8, -3)
    if name == "AdamW":
        options.setdefault("weight_decay", 0.01)
    model = Drawn(rng, dtype)
    tensors = tensors_of(model)
    ours = kind(**options).setup(model)
    theirs = torch_kind(tensors, **renamed(options))
    ten_steps(ours, theirs, model, tensors, rng)
    tolerances = (1e-10, 1e-13) if dtype == np.float64 else (2e-5, 2e-6)
    assert_same(model, tensors, *tolerances)
    assert all(p.dtype == dtype for p in model.params())


@pytest.mark.parametrize("name", PAIRS)
def test_the_defaults_are_those_of_pytorch(name):
    kind, torch_kind, _, renamed = PAIRS[name]
    ours = kind().options()
    theirs = torch_kind([torch.zeros(1, requires_grad=True)]).defaults
    for option, value in renamed(ours).items():
        if option in ("lr", "momentum", "nesterov"):  # lr of SGD, momentum: the book's
            continue
        assert theirs[option] == value, option
    if kind not in (SGD, Momentum, Nesterov):
        assert ours["lr"] == theirs["lr"]


@pytest.mark.parametrize("name", ["NAdam", "RAdam", "Adam"])
def test_two_hundred_steps_end_where_those_of_pytorch_end(name):
    rng = np.random.default_rng(0)
    kind, torch_kind, _, _ = PAIRS[name]
    model = Drawn(rng)
    tensors = tensors_of(model)
    ten_steps(kind().setup(model), torch_kind(tensors), model, tensors, rng, steps=200)
    assert_same(model, tensors, 1e-9, 1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_an_array_stepped_by_blocks_ends_where_that_of_pytorch_ends(name, monkeypatch):
    monkeypatch.setattr(optimizer, "BLOCK", 16)
    rng = np.random.default_rng(1)
    kind, torch_kind, draw, renamed = PAIRS[name]
    options = {"lr": 0.1, **draw(rng), "weight_decay": 0.05}
    model = Drawn(rng)
    model.p = Parameter(rng.normal(size=(7, 11)))
    tensors = tensors_of(model)
    ours, theirs = kind(**options).setup(model), torch_kind(tensors, **renamed(options))
    ten_steps(ours, theirs, model, tensors, rng)
    assert_same(model, tensors)


@pytest.mark.parametrize("seed", range(3))
def test_groups_step_as_those_of_pytorch(seed):
    rng = np.random.default_rng(seed)
    model = Drawn(rng)
    p, q = tensors = tensors_of(model)
    ours = AdamW(0.01).setup(model).add_group("q", weight_decay=0, lr=0.1, beta1=0.5)
    theirs = torch.optim.AdamW([
        {"params": [p]}, {"params": [q], "weight_decay": 0, "lr": 0.1, "betas": (0.5, 0.999)}
    ], lr=0.01)  # fmt: skip
    ten_steps(ours, theirs, model, tensors, rng)
    assert_same(model, tensors)


@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_clipping_is_that_of_pytorch(limit):
    rng = np.random.default_rng(0)
    model = Drawn(rng)
    tensors = tensors_of(model)
    for p, t in zip(model.params(), tensors, strict=True):
        p.grad = g = rng.normal(size=p.shape)
        t.grad = torch.tensor(g)
    norm = ClipNorm(limit)(model.params())
    expected = torch.nn.utils.clip_grad_norm_(tensors, limit)
    assert norm == pytest.approx(float(expected), rel=1e-12)
    for p, t in zip(model.params(), tensors, strict=True):
        # (PyTorch divides by norm + 1e-6)
        np.testing.assert_allclose(p.grad.data, t.grad.numpy(), rtol=1e-6)
    ClipValue(limit / 10)(model.params())
    torch.nn.utils.clip_grad_value_(tensors, limit / 10)
    for p, t in zip(model.params(), tensors, strict=True):
        np.testing.assert_allclose(p.grad.data, t.grad.numpy(), rtol=1e-6)


def test_the_average_of_weights_is_that_of_pytorch():
    rng = np.random.default_rng(0)
    model = Drawn(rng)
    linear = torch.nn.Linear(model.q.size, 1, bias=False, dtype=torch.float64)
    ours = ExponentialMovingAverage(model, 0.9)
    theirs = torch.optim.swa_utils.AveragedModel(
        linear, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    )
    for _ in range(10):
        model.q.data = rng.normal(size=model.q.shape)
        linear.weight.data[0] = torch.tensor(model.q.data)
        ours.update()
        theirs.update_parameters(linear)
    expected = theirs.module.weight.detach().numpy()[0]
    np.testing.assert_allclose(ours.averages["q"], expected, rtol=1e-12)


class Curve(Layer):
    """y = tanh(x A + b) c: a bowl that is not quadratic."""

    def __init__(self, rng):
        self.A = Parameter(rng.normal(size=(3, 4)))
        self.b = Parameter(rng.normal(size=4))
        self.c = Parameter(rng.normal(size=4))

    def forward(self, x):
        return np.tanh(x @ self.A + self.b) @ self.c


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_iter": 4, "history_size": 3},
        {"line_search": False, "lr": 0.1, "max_iter": 5},
        {"line_search": False, "lr": 0.1, "max_iter": 1, "history_size": 2},
        {"max_iter": 3, "max_eval": 4, "lr": 10.0},
    ],
)
def test_lbfgs_takes_the_steps_of_pytorch(options, seed):
    rng = np.random.default_rng(seed)
    model = Curve(rng)
    x, t = rng.normal(size=(20, 3)), rng.normal(size=20)
    A, b, c = tensors = tensors_of(model)
    ours = LBFGS(**options).setup(model)
    renamed = dict(options)
    line_search = "strong_wolfe" if renamed.pop("line_search", True) else None
    theirs = torch.optim.LBFGS(tensors, line_search_fn=line_search, **renamed)

    def closure():
        loss = mean_squared_error(model(Variable(x)), t)
        model.cleargrads()
        loss.backward()
        return loss

    def torch_closure():
        loss = ((torch.tanh(torch.tensor(x) @ A + b) @ c - torch.tensor(t)) ** 2).mean()
        theirs.zero_grad()
        loss.backward()
        return loss

    for _ in range(3):
        loss, expected = ours.update(closure), theirs.step(torch_closure)
        assert loss == pytest.approx(float(expected.detach()), rel=1e-7)
    # a line search amplifies rounding errors with each step
    tolerance = 1e-10 if options.get("max_iter", 20) < 5 else 1e-5
    assert_same(model, tensors, tolerance, tolerance)


@pytest.mark.parametrize("options", [{}, {"lr": 20.0}, {"tolerance_change": 0.3}, {"lr": 0.01}])
@pytest.mark.parametrize("seed", range(4))
def test_the_line_search_takes_every_branch_of_that_of_pytorch(seed, options):
    start = np.random.default_rng(seed).uniform(-3, 3, size=4)
    model = Layer()
    model.p = Parameter(start.copy())
    tensor = torch.tensor(start, requires_grad=True)
    options = {"max_iter": 8, "max_eval": 60, **options}
    ours = LBFGS(**options).setup(model)
    theirs = torch.optim.LBFGS([tensor], line_search_fn="strong_wolfe", **options)
    counts = [0, 0]

    def hills(p, sin):
        return ((1 - p[:2]) ** 2 + 10 * (p[2:] - p[:2] ** 2) ** 2 + 3 * sin(5 * p[2:])).sum()

    def closure():
        counts[0] += 1
        model.cleargrads()
        loss = hills(model.p, np.sin)
        loss.backward()
        return loss

    def torch_closure():
        counts[1] += 1
        theirs.zero_grad()
        loss = hills(tensor, torch.sin)
        loss.backward()
        return loss

    ours.update(closure)
    theirs.step(torch_closure)
    assert counts[0] == counts[1]
    np.testing.assert_allclose(model.p.data, tensor.detach().numpy(), rtol=1e-7)
