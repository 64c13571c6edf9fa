"""All operations on the numbers that practice brings: float16, small integers, options with a
dtype, and NaN or infinity behind masks. Generated from the public functions and from samples."""

import inspect

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from operations import OPERATIONS, is_float, samples_of
from wengert import Variable
from wengert.core import Constant
from wengert.functions.reduce import Reduction

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # (NumPy's, of NaN and infinity)

FUNCTIONS = {name: f for name in F.__all__ if inspect.isfunction(f := getattr(F, name))}
# random, uninitialized, or badly conditioned: a rounding of their input changes the result
ILL = {
    "channel_dropout", "dropout", "empty_like", "det", "eigvalsh", "inv", "pinv", "qr", "slogdet",
    "svd", "svdvals", "matrix_rank", "cond", "eigh", "cholesky",
}  # fmt: skip
BIG = np.linspace(150, 300, 16).reshape(4, 4)


def takes(f, *args):
    try:
        f(*args)
    except Exception:
        return False
    return True


UNARY = [name for name, f in FUNCTIONS.items() if name not in ILL and takes(f, np.ones((4, 4)))]


def results(f, *xs, **options):
    """The outputs of f as arrays."""
    ys = f(*xs, **options)
    return [np.asarray(getattr(y, "data", y)) for y in (ys if isinstance(ys, tuple) else (ys,))]


def value_and_gradient(f, x):
    """The first output of f, and the gradient of its sum (or None)."""
    v = Variable(x)
    y = f(v)
    y = y[0] if isinstance(y, tuple) else y
    if not isinstance(y, Variable):
        return np.asarray(y), None
    if y.requires_grad:
        y.backward()
    return y.data, None if v.grad is None else v.grad.data


# ---- float16 ----

HALVES = {
    "large": BIG.astype(np.float16),
    "small": (BIG / 3e5).astype(np.float16),
    "ordinary": np.random.default_rng(0).normal(size=(4, 4)).astype(np.float16),
    "many": np.ones((70_000, 1), np.float16),
}


def assert_rounded(half, exact, digits):
    """Equal up to rounding, where the exact result is a float16."""
    fits = np.abs(exact) < 65_000
    assert half.dtype == np.float16
    np.testing.assert_allclose(half[fits], exact[fits], rtol=2.0**-digits, atol=1e-5)


SEQUENCES = {"block", "column_stack", "concatenate", "dstack", "hstack", "stack", "vstack"}


@pytest.mark.parametrize("x", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("name", UNARY)
def test_float16_gives_what_float64_gives_rounded(name, x):
    f = FUNCTIONS[name]
    if name in SEQUENCES:
        x = x[:4]
    if not takes(f, x.astype(np.float64)):
        pytest.skip("not for this shape")
    half, gradient = value_and_gradient(f, x)
    exact, exact_gradient = value_and_gradient(f, x.astype(np.float64))
    if exact.dtype.kind == "f":
        assert_rounded(half, exact, 10)
    else:
        np.testing.assert_array_equal(half, exact)
    if gradient is not None:
        assert_rounded(gradient, exact_gradient, 8)


def needs_two(name):
    """Whether the function is one of two arrays that are inputs alike."""
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind in (0, 1)]
    return len(needed) == 2 and takes(FUNCTIONS[name], BIG, 1.25 * BIG[::-1])


BINARY = [n for n in FUNCTIONS if n not in ILL | {"lstsq", "solve", "full_like"} and needs_two(n)]


@pytest.mark.parametrize("size", ["large", "small", "ordinary"])
@pytest.mark.parametrize("name", BINARY)
def test_float16_of_two_inputs_gives_what_float64_gives_rounded(name, size):
    x0 = HALVES[size]
    x1 = (x0[::-1] * 1.25).astype(np.float16)
    f = FUNCTIONS[name]
    for g, v in (
        (lambda x: f(x, x1.astype(x.dtype)), x0),
        (lambda x: f(x0.astype(x.dtype), x), x1),
    ):
        half, gradient = value_and_gradient(g, v)
        exact, exact_gradient = value_and_gradient(g, v.astype(np.float64))
        if exact.dtype.kind == "f":
            assert_rounded(half, exact, 10)
        if gradient is not None:
            assert_rounded(gradient, exact_gradient, 8)


N = 5000
MANY = np.zeros(N, int)
ONES = np.ones(N, np.float16)
ADDED_UP = {
    "index": (lambda x: x[MANY], [1, 1]),
    "take": (lambda x: np.take(x, MANY), [1, 1]),
    "take_along_axis": (lambda x: np.take_along_axis(x, MANY, 0), [1, 1]),
    "broadcast_to": (lambda x: np.broadcast_to(x, (N, 1)), [1]),
    "broadcasting": (lambda x: x * ONES, [1]),
    "repeat": (lambda x: np.repeat(x, N), [1]),
    "tile": (lambda x: np.tile(x, N), [1]),
    "pad": (lambda x: np.pad(x, (0, N - 1), mode="edge"), [1]),
    "concatenate": (lambda x: np.concatenate([x] * N), [1]),
    "where": (lambda x: np.where(ONES > 0, x, 0), [1]),
    "maximum": (lambda x: np.maximum(x, 0 * ONES), [1]),
    "outer": (lambda x: np.outer(ONES, x), [1]),
    "matmul": (lambda x: ONES[:, None] @ x, [[1]]),
    "einsum": (lambda x: np.einsum("i,j->ij", ONES, x), [1]),
    "linear": (lambda x: F.linear(ONES[:, None], np.ones((1, 1), np.float16), x), [1]),
    "cumsum": (lambda x: np.cumsum(np.broadcast_to(x, N))[-1:] * 1, [1]),
}


@pytest.mark.parametrize(("f", "x"), ADDED_UP.values(), ids=ADDED_UP)
def test_many_gradients_in_float16_are_added_up_in_float32(f, x):
    x = Variable(np.array(x, np.float16))
    f(x).backward()
    assert x.grad.data.ravel()[0] == N


@pytest.mark.parametrize(
    "f",
    [
        np.sum, np.trace, lambda x: np.cumsum(x)[-1], lambda x: x @ x,
        lambda x: np.einsum("i->", x), lambda x: np.dot(x, ONES), lambda x: np.inner(x, ONES),
        lambda x: F.scatter_add(np.zeros(1, np.float16), MANY, x)[0],
    ],
)  # fmt: skip
def test_sums_of_many_float16_are_exact(f):
    x = Variable(np.eye(N, dtype=np.float16) if f is np.trace else ONES)
    assert f(x).data == N


# ---- Options ----


def options():
    """Every option of a public function whose default is a number, with arguments that fit."""
    for name, f in FUNCTIONS.items():
        parameters = inspect.signature(f).parameters.values()
        needed = [p for p in parameters if p.default is p.empty and p.kind in (0, 1)]
        args = [np.linspace(0.2, 0.9, 16, dtype=np.float32).reshape(4, 4)] * len(needed)
        for p in parameters:
            if type(p.default) is float and takes(f, *args):
                value = max(p.default, 0.125) if p.default < 0.1 else p.default
                yield pytest.param(f, args, p.name, value, id=f"{name}-{p.name}")


LIMITS = [
    pytest.param(F.clip, [np.ones(3, np.float32)], name, 0.25, id=f"clip-{name}")
    for name in ("low", "high")
]


@pytest.mark.parametrize(("f", "args", "name", "value"), [*options(), *LIMITS])
def test_options_never_change_the_dtype(f, args, name, value):
    for option in (np.float64(value), np.float32(value), np.array(value), np.float16(value)):
        for make in (np.asarray, Variable):
            expected = [y.dtype for y in results(f, *map(make, args), **{name: value})]
            found = results(f, *map(make, args), **{name: option})
            assert [y.dtype for y in found] == expected


# ---- Integers ----

WHOLE = np.array([[100, 120, 3, 7], [90, 1, 127, 0], [5, 6, 60, 77], [2, 3, 8, 99]])
OWN = [
    name
    for name in UNARY
    if not hasattr(np, name) and not hasattr(np.linalg, name) and name not in ("neg", "rotary")
]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, bool])
@pytest.mark.parametrize("name", OWN)
def test_functions_of_our_own_compute_integers_as_floats(name, dtype):
    f, x = FUNCTIONS[name], WHOLE.astype(dtype)
    expected = results(f, x.astype(np.float64))
    for make in (np.asarray, lambda x: Variable(x, requires_grad=False)):
        for y, z in zip(results(f, make(x)), expected, strict=True):
            np.testing.assert_allclose(y, z, rtol=1e-14)


@pytest.mark.parametrize("f", [np.mean, np.var, np.std, np.linalg.norm, F.logsumexp])
def test_reductions_of_small_integers_are_floats(f):
    x = np.array([100, 120, 127], np.int8)
    y = f(Variable(x, requires_grad=False))
    assert y.dtype == np.float64
    assert y.data == pytest.approx(np.asarray(f(x.astype(np.float64))))


# ---- What is masked out ----

STRANGE = [0.0, -0.0, 1.0, -1.0, -2.5, 1e-310, 1e200, -1e200, np.inf, -np.inf, np.nan]


def selected(inputs):
    """The inputs with strange numbers in half of the places, and where they are not."""
    full = [np.array(x) for x in np.broadcast_arrays(*inputs)]
    mask = (np.arange(full[0].size) % 2 == 0).reshape(full[0].shape)
    for i, x in enumerate(full):
        if is_float(x):
            x[~mask] = np.roll(STRANGE, 3 * i)[np.arange(np.sum(~mask)) % len(STRANGE)]
    return full, mask


def derivatives(f, arrays, order):
    """The gradients of the sum of f, of the sum of those, and so on."""
    xs = [Variable(x) for x in arrays]
    wanted = [x for x in xs if is_float(x.data)]
    y, found = f(*xs), []
    for _ in range(order):
        gxs = wg.grad([y], wanted, create_graph=True)
        found += [g.data for g in gxs]
        y = sum(np.sum(g) for g in gxs)
    return found


ELEMENTWISE = [
    pytest.param(cls, inputs, options, id=f"{cls.__name__}-{i}")
    for cls in OPERATIONS
    if cls.elementwise and not issubclass(cls, Constant)
    for i, (inputs, options) in enumerate(samples_of(cls))
    if np.broadcast(*inputs).size > 1 and any(map(is_float, inputs))
]


@pytest.mark.parametrize(("cls", "inputs", "options"), ELEMENTWISE)
def test_what_is_not_selected_contributes_nothing_to_gradients_of_any_order(cls, inputs, options):
    inputs, mask = selected(inputs)

    def chosen(*xs):
        y = cls(**options)(*xs)
        return np.where(mask, y, 0) if not isinstance(y, tuple) else np.where(mask, y[0], 0)

    def alone(*xs):
        y = cls(**options)(*xs)
        return y[0] if isinstance(y, tuple) else y

    found = derivatives(chosen, inputs, 3)
    expected = derivatives(alone, [x[mask] for x in inputs], 3)
    for g, h in zip(found, expected, strict=True):
        np.testing.assert_array_equal(g[~mask], 0)
        np.testing.assert_allclose(g[mask], h, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, 0.0])
@pytest.mark.parametrize(
    "cls", [c for c in OPERATIONS if issubclass(c, Reduction) and not issubclass(c, Constant)]
)
def test_rows_that_are_not_selected_contribute_nothing(cls, strange):
    x = np.random.default_rng(0).uniform(1, 2, size=(3, 4))
    x[1] = strange
    mask = np.array([True, False, True])
    f = cls(axis=1)
    found = derivatives(lambda x: np.where(mask, f(x), 0), [x], 2)
    for g, h in zip(found, derivatives(f, [x[mask]], 2), strict=True):
        np.testing.assert_array_equal(g[1], 0)
        np.testing.assert_allclose(g[mask], h, rtol=1e-12, atol=1e-12)


X, NONE = np.array([-1.0, 4.0]), np.zeros(2)
CHOOSING = {
    "relu": (F.relu, [0, 0.25]),
    "clip": (lambda x: np.clip(x, 0, 9), [0, 0.25]),
    "clip to arrays": (lambda x: np.clip(x, np.zeros(2), None), [0, 0.25]),
    "maximum": (lambda x: np.maximum(x, 0), [0, 0.25]),
    "minimum": (lambda x: -np.minimum(-x, 0), [0, 0.25]),
    "fmax": (lambda x: np.fmax(x, 0), [0, 0.25]),
    "max": (lambda x: np.max(np.stack([x, NONE]), axis=0), [0, 0.25]),
    "min": (lambda x: -np.min(np.stack([-x, NONE]), axis=0), [0, 0.25]),
    "abs": (lambda x: np.abs(x * [0, 1]), [0, 0.25]),
    "hard_sigmoid": (lambda x: F.hard_sigmoid(x - 3), [0, 1 / 12 / np.sqrt(2 / 3)]),
    "relu6": (lambda x: np.clip(x - 3, 0, 6), [0, 0.5]),
    "where": (lambda x: np.where(x > 0, x, 0), [0, 0.25]),
    "index": (lambda x: np.concatenate([NONE[:1], x[1:]]), [0, 0.25]),
    "sort": (lambda x: np.sort(np.stack([x, NONE]), axis=0)[1], [0, 0.25]),
    "topk": (lambda x: F.topk(np.stack([x, NONE]), 1, axis=0)[0][0], [0, 0.25]),
}


@pytest.mark.parametrize(("f", "expected"), CHOOSING.values(), ids=CHOOSING)
def test_an_infinite_gradient_does_not_pass_a_mask(f, expected):
    (g,) = derivatives(lambda x: np.sqrt(f(x)), [X], 1)
    np.testing.assert_allclose(g, expected)
