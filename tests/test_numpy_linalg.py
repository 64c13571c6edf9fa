"""numpy.linalg on Variables: NumPy's values, shapes and dtypes, and right derivatives."""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable, dispatch
from wengert.testing import check_gradients

L = np.linalg


def steady(*shape, seed=0):
    """Matrices with diagonals 1, 2.5, 4, … and small other elements, so that nothing is tied."""
    rng = np.random.default_rng([seed, *shape])
    x = rng.uniform(-0.3, 0.3, size=shape)
    i = np.arange(min(shape[-2:]))
    x[..., i, i] += 1 + 1.5 * i
    return x


def symmetric(*shape):
    x = steady(*shape)
    return (x + x.swapaxes(-1, -2)) / 2


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def both(x):
    """x + xᵀ, so that any change of x keeps the matrix symmetric."""
    return (x + np.swapaxes(x, -1, -2)) / 2


# A name, a call of NumPy's function, and its inputs.
ONE = steady(3, 3)
CALLS = {
    "cholesky": (lambda x: L.cholesky(both(x)), ONE),
    "cholesky batch": (lambda x: L.cholesky(both(x)), steady(2, 3, 3)),
    "cholesky upper": (lambda x: L.cholesky(both(x), upper=True), ONE),
    "eigh": (lambda x: L.eigh(both(x)), ONE),
    "eigh fields": (lambda x: L.eigh(both(x)).eigenvectors, steady(2, 3, 3)),
    "eigh lower": (lambda x: L.eigh(x), ONE + normal(3, 3)),
    "eigh upper": (lambda x: L.eigh(x, UPLO="U"), ONE + normal(3, 3)),
    "eigvalsh": (lambda x: L.eigvalsh(both(x)), steady(2, 3, 3)),
    "eigvalsh upper": (lambda x: L.eigvalsh(x, "U"), ONE + normal(3, 3)),
    "svd": (lambda x: L.svd(x), ONE),
    "svd tall": (lambda x: L.svd(x, full_matrices=False), steady(2, 4, 2)),
    "svd wide": (lambda x: L.svd(x, full_matrices=False), steady(2, 4)),
    "svd full": (lambda x: L.svd(x), steady(4, 3)),
    "svd full wide": (lambda x: L.svd(x), steady(2, 2, 3)),
    "svd values": (lambda x: L.svd(x, compute_uv=False), steady(2, 4, 3)),
    "svd fields": (lambda x: L.svd(x, False).S, steady(2, 3)),
    "svd hermitian": (lambda x: L.svd(both(x), hermitian=True), ONE * [1, 1, -1]),
    "svd hermitian values": (
        lambda x: L.svd(both(x), compute_uv=False, hermitian=True), steady(2, 3, 3) * [1, -1, 1]
    ),
    "svdvals": (lambda x: L.svdvals(x), steady(2, 2, 3)),
    "qr": (lambda x: L.qr(x), ONE),
    "qr tall": (lambda x: L.qr(x), steady(2, 4, 3)),
    "qr wide": (lambda x: L.qr(x), steady(2, 2, 4)),
    "qr complete": (lambda x: L.qr(x, mode="complete"), steady(4, 3)),
    "qr complete wide": (lambda x: L.qr(x, mode="complete"), steady(2, 4)),
    "qr r": (lambda x: L.qr(x, mode="r"), steady(2, 4, 2)),
    "qr fields": (lambda x: L.qr(x).R, steady(2, 4)),
    "inv": (lambda x: L.inv(x), steady(2, 3, 3)),
    "det": (lambda x: L.det(x), steady(2, 3, 3)),
    "det of one": (lambda x: L.det(x), steady(1, 1)),
    "slogdet": (lambda x: L.slogdet(x).logabsdet, steady(2, 3, 3) * [1, -1, 1]),
    "solve": (lambda x, b: L.solve(x, b), steady(2, 3, 3), normal(2, 3, 2)),
    "solve vector": (lambda x, b: L.solve(x, b), steady(2, 3, 3), normal(3)),
    "tensorinv": (lambda x: L.tensorinv(x, ind=1), steady(6, 6).reshape(6, 2, 3)),
    "tensorinv 2": (lambda x: L.tensorinv(x), steady(4, 4).reshape(2, 2, 4)),
    "tensorsolve": (
        lambda a, b: L.tensorsolve(a, b), steady(6, 6).reshape(2, 3, 6), normal(2, 3)
    ),
    "tensorsolve axes": (
        lambda a, b: L.tensorsolve(a, b, axes=(0, 2)),
        np.moveaxis(steady(6, 6).reshape(6, 3, 2), (1, 2), (0, 2)), normal(6),
    ),
    **{
        f"matrix_power {n}": (lambda x, n=n: L.matrix_power(x, n), steady(2, 2, 2) / 2)
        for n in (1, 2, 3, 7, -1, -2)
    },
    "multi_dot": (
        lambda a, b, c, d: L.multi_dot([a, b, c, d]),
        normal(2, 3), normal(3, 4), normal(4, 2, seed=1), normal(2, 3, seed=1),
    ),
    "multi_dot vectors": (
        lambda a, b, c: L.multi_dot([a, b, c]), normal(3), normal(3, 2), normal(2)
    ),
    "multi_dot two": (lambda a, b: L.multi_dot((a, b)), normal(2, 3), normal(3)),
    "pinv": (lambda x: L.pinv(x), steady(2, 4, 3)),
    "pinv wide": (lambda x: L.pinv(x, rcond=1e-5), steady(2, 3)),
    "pinv rtol": (lambda x: L.pinv(x, rtol=np.array([1e-5, 1e-3])), steady(2, 3, 3)),
    "pinv hermitian": (lambda x: L.pinv(both(x), hermitian=True), ONE * [1, -1, 1]),
    "pinv of low rank": (lambda a, b: L.pinv(a @ b, 1e-4), normal(4, 2), normal(2, 3)),
    "lstsq": (lambda a, b: L.lstsq(a, b)[0], steady(4, 2), normal(4)),
    "lstsq columns": (lambda a, b: L.lstsq(a, b, rcond=None)[0], steady(4, 3), normal(4, 2)),
    "lstsq residuals": (lambda a, b: L.lstsq(a, b, rcond=-1)[1], steady(5, 3), normal(5, 2)),
    "lstsq residual": (lambda a, b: L.lstsq(a, b)[1], steady(5, 3), normal(5)),
    "lstsq values": (lambda a, b: L.lstsq(a, b)[3], steady(4, 2), normal(4)),
    "lstsq square": (lambda a, b: L.lstsq(a, b)[0], steady(3, 3), normal(3)),
    "lstsq wide": (lambda a, b: L.lstsq(a, b)[0], steady(2, 4), normal(2)),
    "lstsq of low rank": (
        lambda a, b, c: L.lstsq(a @ b, c, 1e-4)[0], normal(4, 2), normal(2, 3), normal(4)
    ),
    **{
        f"norm {p} vector": (lambda x, p=p: L.norm(x, p), normal(5))
        for p in (None, 1, 2, 3, 1.5, 0.5, -1, -2, -0.5, np.inf, -np.inf)
    },
    **{
        f"norm {p} axis": (lambda x, p=p: L.norm(x, p, 1, True), normal(2, 3, 2) + 0.1)
        for p in (None, 1, 2, 2.5, -1.5, np.inf, -np.inf)
    },
    **{
        f"norm {p} matrix": (lambda x, p=p: L.norm(x, ord=p), steady(4, 3))
        for p in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    },
    **{
        f"norm {p} axes {axes}": (
            lambda x, p=p, axes=axes, kept=kept: L.norm(x, ord=p, axis=axes, keepdims=kept),
            np.moveaxis(steady(2, 4, 3), (-2, -1), axes),
        )
        for p in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
        for axes, kept in [((0, 1), True), ((2, 0), False), ((0, -1), True)]
    },
    "norm of all": (lambda x: L.norm(x, keepdims=True), normal(2, 3, 2)),
    "norm of an axis in a tuple": (lambda x: L.norm(x, 3, axis=(0,)), normal(2, 3)),
    **{
        f"vector_norm {p}": (lambda x, p=p: L.vector_norm(x, ord=p), normal(2, 3))
        for p in (1, 2, 3, -1, np.inf)
    },
    "vector_norm axes": (
        lambda x: L.vector_norm(x, axis=(0, 2), ord=3, keepdims=True), normal(2, 3, 2)
    ),
    **{
        f"matrix_norm {p}": (lambda x, p=p: L.matrix_norm(x, ord=p, keepdims=True), steady(2, 3, 4))
        for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    },
    **{
        f"cond {p}": (lambda x, p=p: L.cond(x, p), steady(2, 3, 3))
        for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc")
    },
    "cond of a rectangle": (lambda x: L.cond(x), steady(4, 3)),
    "cross": (lambda a, b: L.cross(a, b), normal(2, 3), normal(3)),
    "cross axis": (lambda a, b: L.cross(a, b, axis=0), normal(3, 2), normal(3, 2, seed=1)),
    "diagonal": (lambda x: L.diagonal(x, offset=1), normal(2, 3, 4)),
    "trace": (lambda x: L.trace(x, offset=-1), normal(2, 3, 4)),
    "trace in a dtype": (lambda x: L.trace(x, dtype=np.float64), normal(3, 3)),
    "matmul": (lambda a, b: L.matmul(a, b), normal(2, 3, 4), normal(4, 2)),
    "matrix_transpose": (lambda x: L.matrix_transpose(x), normal(2, 3, 4)),
    "outer": (lambda a, b: L.outer(a, b), normal(2), normal(3)),
    "tensordot": (lambda a, b: L.tensordot(a, b, axes=([0], [1])), normal(2, 3), normal(4, 2)),
    "vecdot": (lambda a, b: L.vecdot(a, b), normal(2, 3), normal(3)),
    "vecdot axis": (lambda a, b: L.vecdot(a, b, axis=0), normal(2, 3), normal(2, 1)),
}  # fmt: skip

# (lambdas have no names, so that the table says what NumPy's function each of them calls)
NAMES = {name.split()[0] for name in CALLS}
CONSTANT = {"matrix_rank"}
REFUSED = {"eig", "eigvals"}


def as_tuple(y):
    return tuple(y) if isinstance(y, tuple) else (y,)


def test_every_function_of_numpy_linalg_is_here():
    public = {name for name in L.__all__ if callable(getattr(L, name))} - {"LinAlgError"}
    assert public == NAMES | CONSTANT | REFUSED
    dispatch.import_rest()
    kinds = {name: dispatch.kind_of(getattr(L, name)) for name in public}
    assert {name for name in public if kinds[name] == "recorded"} == NAMES
    assert {name for name in public if kinds[name] == "constant"} == CONSTANT
    assert {name for name in public if kinds[name] == "refused"} == REFUSED


@pytest.mark.parametrize("name", CALLS)
def test_values_shapes_and_dtypes_are_numpys(name):
    f, *inputs = CALLS[name]
    for dtype, digits in [(np.float64, 1e-11), (np.float32, 2e-3)]:
        xs = [x.astype(dtype) for x in inputs]
        ys, expected = as_tuple(f(*map(Variable, xs))), as_tuple(f(*xs))
        for y, wanted in zip(ys, expected, strict=True):
            assert isinstance(y, Variable)
            assert y.creator is not None
            assert (y.shape, y.dtype) == (wanted.shape, wanted.dtype)
            np.testing.assert_allclose(y.data, wanted, rtol=digits, atol=digits)


@pytest.mark.parametrize("name", CALLS)
def test_derivatives_are_right_to_third_order(name):
    f, *inputs = CALLS[name]
    check_gradients(f, *inputs, order=3, rtol=2e-6, step=5e-4)


@pytest.mark.parametrize("name", CALLS)
def test_float16_is_computed_in_float32(name):
    f, *inputs = CALLS[name]
    if name == "trace in a dtype":
        f = L.trace
    half = [x.astype(np.float16) for x in inputs]
    singles = as_tuple(f(*[Variable(x.astype(np.float32)) for x in half]))
    xs = [Variable(x) for x in half]
    for y, wanted in zip(as_tuple(f(*xs)), singles, strict=True):
        assert y.dtype == np.float16
        np.testing.assert_allclose(y.data, wanted.data, rtol=2e-3, atol=2e-3)
    assert xs[0].grad is None
    as_tuple(f(*xs))[0].backward()
    assert xs[0].grad.dtype == np.float16


@pytest.mark.parametrize("name", [name for name in CALLS if "low rank" not in name])
def test_integers_give_what_numpy_makes_of_them(name):
    f, *inputs = CALLS[name]
    whole = [np.rint(3 * x).astype(np.int8) for x in inputs]
    with np.errstate(divide="ignore"):
        expected = as_tuple(f(*whole))
    for y, wanted in zip(as_tuple(f(*map(Variable, whole))), expected, strict=True):
        assert y.dtype == wanted.dtype
        np.testing.assert_allclose(y.data, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_complex_eigenvalues_are_refused_with_the_cure(name):
    with pytest.raises(TypeError, match=rf"linalg.{name} .*complex.*np.linalg.eig"):
        getattr(L, name)(Variable(ONE))


# ---- Constants ----


def test_the_rank_is_an_integer_or_a_constant():
    x = np.stack([np.eye(3), np.diag([1, 1, 0]), np.zeros((3, 3))])
    assert [L.matrix_rank(Variable(m)) for m in x] == [3, 2, 0]
    ranks = L.matrix_rank(Variable(x))
    assert ranks.data.tolist() == [3, 2, 0]
    assert not ranks.requires_grad
    assert L.matrix_rank(Variable(x[1] * 5), tol=7.0) == 0
    assert L.matrix_rank(Variable(x[1]), hermitian=True, rtol=1e-3) == 2
    assert F.matrix_rank(np.eye(2, dtype=np.float16)) == 2


def test_the_norm_of_order_0_counts():
    y = L.norm(Variable([0.0, 2.0, -3.0]), 0)
    assert y.data == 2
    assert not y.requires_grad
    assert L.vector_norm(Variable(np.ones((2, 3))), ord=0).data == 6


def test_the_power_0_is_the_unit_matrix():
    y = L.matrix_power(Variable(steady(2, 3, 3)), 0)
    np.testing.assert_array_equal(y.data, np.broadcast_to(np.eye(3), (2, 3, 3)))


def test_multi_dot_multiplies_in_the_order_of_least_work():
    shapes = []
    xs = [Variable(np.ones(shape)) for shape in [(2, 9), (9, 9), (9, 9), (9, 1)]]
    with wg.hook(lambda f, inputs, outputs: shapes.append(outputs[0].shape)):
        L.multi_dot(xs)
    assert shapes == [(9, 1), (9, 1), (2, 1)]


def test_least_squares_give_the_rank_and_no_residuals_where_numpy_gives_none():
    a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
    for matrix in (a, a.T, np.eye(3, 2)):
        found, wanted = (
            L.lstsq(Variable(matrix), np.ones(len(matrix))),
            L.lstsq(matrix, np.ones(len(matrix))),
        )
        assert found.rank == wanted[2]
        assert found.residuals.shape == wanted[1].shape
