"""Inverses, determinants, factors, norms: identities, degenerate matrices, refused inputs."""

import math
import tracemalloc

import numpy as np
import pytest

from wengert import Variable, grad
from wengert.functions import (
    cholesky,
    cond,
    det,
    eigh,
    eigvalsh,
    inv,
    lstsq,
    matrix_norm,
    norm,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
    svdvals,
    vector_norm,
)  # fmt: skip
from wengert.testing import check_gradients

RNG = np.random.default_rng(0)
A = RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
B = RNG.normal(size=(2, 3, 2))


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


@pytest.mark.parametrize("name", ["inv", "det", "cholesky"])
def test_numpys_function_of_a_variable_is_recorded(name):
    x = A @ A.swapaxes(-1, -2)
    y = getattr(np.linalg, name)(Variable(x))
    np.testing.assert_allclose(y.data, getattr(np.linalg, name)(x), rtol=1e-12)
    assert y.creator is not None


def test_numpys_solve_slogdet_and_norm_of_variables_are_recorded():
    y = np.linalg.solve(Variable(A), B)
    np.testing.assert_allclose(A @ y.data, B, rtol=1e-12)
    sign, size = np.linalg.slogdet(Variable(A))
    np.testing.assert_allclose(sign.data * np.exp(size.data), np.linalg.det(A), rtol=1e-12)
    y = np.linalg.norm(Variable(A), ord=3, axis=1, keepdims=True)
    np.testing.assert_allclose(y.data, np.linalg.norm(A, ord=3, axis=1, keepdims=True))


def test_inv_times_x_is_the_identity():
    np.testing.assert_allclose(inv(A) @ A, np.broadcast_to(np.eye(3), A.shape), atol=1e-14)


@pytest.mark.parametrize("b", [B[0, :, 0], B, B[0], RNG.normal(size=(4, 1, 3, 2))])
def test_derivatives_of_solutions_are_right_to_third_order_where_batches_broadcast(b):
    np.testing.assert_array_equal(solve(A, b), np.linalg.solve(A, b))
    check_gradients(solve, A, b, order=3)


def test_the_gradient_of_log_det_is_the_inverse_transposed():
    x = Variable(A)
    slogdet(x)[1].backward()
    np.testing.assert_allclose(x.grad.data, np.linalg.inv(A).swapaxes(-1, -2), rtol=1e-12)


def test_slogdet_does_not_overflow_where_det_does():
    x = 1e5 * np.eye(100)
    assert slogdet(x)[1] == pytest.approx(100 * math.log(1e5))


def test_cholesky_has_a_symmetric_gradient():
    x = Variable(A[0] @ A[0].T)
    L = cholesky(x)
    L.backward()
    np.testing.assert_allclose(L.data @ L.data.T, x.data, rtol=1e-12)
    np.testing.assert_allclose(x.grad.data, x.grad.data.T, rtol=1e-12)


# ---- Singular matrices, repeated values ----


def projector(Q):
    return Q @ Q.T


def low_rank(n, rank, seed=0):
    rng = np.random.default_rng([n, rank, seed])
    return rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_gradient_of_the_determinant_of_a_singular_matrix_is_its_cofactors(rank):
    x = Variable(low_rank(4, rank))
    det(x).backward()
    minors = [
        [np.linalg.det(np.delete(np.delete(x.data, i, 0), j, 1)) * (-1) ** (i + j)
         for j in range(4)] for i in range(4)
    ]  # fmt: skip
    np.testing.assert_allclose(x.grad.data, minors, rtol=1e-10, atol=1e-13)
    check_gradients(det, x.data, order=3)


def test_the_cofactors_of_a_large_singular_matrix_keep_their_digits():
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 30))).Q
    x = Variable((Q * np.append(np.linspace(1, 2, 29), 0)) @ Q.T)
    det(x).backward()
    size = np.prod(np.linspace(1, 2, 29))
    np.testing.assert_allclose(
        x.grad.data, size * np.outer(Q[:, -1], Q[:, -1]), rtol=1e-9, atol=1e-9 * size
    )


def test_the_determinant_of_almost_singular_matrices_has_right_derivatives():
    x = np.stack([low_rank(3, 2) + 1e-13 * np.eye(3), np.diag([1.0, 1e-9, 1e-17]), np.eye(3)])
    check_gradients(det, x, order=3)


REPEATED = np.diag([2.0, 2.0, 1.0])


@pytest.mark.parametrize("f", [eigvalsh, svdvals, lambda x: np.linalg.norm(x, "nuc")])
def test_the_gradient_of_repeated_values_alone_is_right(f):
    x = Variable(REPEATED)
    f(x).sum().backward()
    np.testing.assert_allclose(x.grad.data, np.eye(3), atol=1e-14)


@pytest.mark.parametrize("f", [
    lambda x: eigh(x).eigenvectors, lambda x: svd(x).U, lambda x: svd(x).Vh,
    lambda x: svd(x[:, :2], full_matrices=False).U,
])  # fmt: skip
def test_vectors_of_repeated_values_have_no_derivative(f):
    with pytest.raises(np.linalg.LinAlgError, match=r"repeated .*whose vectors have no derivative"):
        f(Variable(REPEATED)).backward()


@pytest.mark.parametrize("f", [eigvalsh, svdvals])
def test_repeated_values_have_no_second_derivative(f):
    x = Variable(REPEATED)
    f(x).backward(create_graph=True)
    gx, x.grad = x.grad, None
    with pytest.raises(ValueError, match=r"repeated .* second one.*; use the"):
        (gx**2).backward()


def test_vectors_of_a_singular_value_0_have_a_derivative_only_for_square_matrices():
    x = np.diag([2.0, 0.0])
    check_gradients(lambda x: projector(svd(x).U[:, :1]), x)
    with pytest.raises(ValueError, match="singular value of 0"):
        svd(Variable(np.vstack([x, [0, 0]])), full_matrices=False).Vh.backward()


def test_vectors_that_complete_a_basis_have_a_derivative_where_the_basis_does_not_matter():
    x = normal(4, 2)
    check_gradients(lambda x: projector(svd(x).U[:, 2:]), x, order=3)
    check_gradients(lambda x: projector(svd(x.T).Vh[2:].T), x, order=3)
    check_gradients(lambda x: projector(qr(x, "complete").Q[:, 2:]), x, order=3)
    for f in (lambda x: svd(x).U, lambda x: qr(x, "complete").Q):
        with pytest.raises(ValueError, match=r"which basis completes 2 columns of \(4, 4\)"):
            f(Variable(x)).backward(grad=normal(4, 4))


def test_factors_of_dependent_columns_have_values_but_no_derivative():
    x = Variable(np.ones((3, 2)))
    y = qr(x)
    np.testing.assert_allclose((y.Q @ y.R).data, x.data)
    with pytest.raises(ValueError, match=r"qr: .* not independent.*np.linalg.lstsq"):
        y.R.backward()


@pytest.mark.parametrize("f", [pinv, lambda x: lstsq(x, np.array([1.0, 0.0, 2.0])).x])
def test_pseudo_inverses_of_low_rank_are_differentiated_at_constant_rank(f):
    x = low_rank(3, 2)
    check_gradients(lambda a, b: f(a @ b), normal(3, 1), normal(1, 2), order=3)
    assert np.isfinite(np.linalg.cond(pinv(x.astype(np.float32))[:2, :2]))
    np.testing.assert_allclose(pinv(x.astype(np.float32)), np.linalg.pinv(x, 1e-10), rtol=1e-3)


@pytest.mark.parametrize("f", [eigh, svd, svdvals, pinv, lambda x: lstsq(x, np.ones(3))])
def test_matrices_that_are_not_finite_are_refused_by_name(f):
    with pytest.raises(np.linalg.LinAlgError, match=r"with NaN or infinity.*needed finite numbers"):
        f(Variable(np.full((3, 3), np.nan)))


def test_the_triangle_is_read_where_a_matrix_is_not_symmetric():
    x = normal(3, 3) + 3 * np.eye(3)
    for f in (cholesky, eigvalsh):
        np.testing.assert_allclose(f(np.tril(x)), f(np.tril(x) + np.tril(x, -1).T))
        check_gradients(f, x, order=3)
        np.testing.assert_allclose(f(Variable(np.tril(x))).data, getattr(np.linalg, f.__name__)(x))
    np.testing.assert_allclose(eigvalsh(x, "U"), np.linalg.eigvalsh(np.triu(x), "U"))


def test_results_are_named_as_numpys():
    x = Variable(A)
    assert slogdet(x)._fields == np.linalg.slogdet(A)._fields
    assert eigh(x)._fields == np.linalg.eigh(A)._fields
    assert svd(x)._fields == np.linalg.svd(A)._fields
    assert qr(x)._fields == np.linalg.qr(A)._fields


# ---- Norms ----


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_every_norm_of_the_matrix_0_is_flat(ord):
    x = Variable(np.zeros((3, 2)))
    norm(x, ord).backward()
    assert not np.any(x.grad.data)


@pytest.mark.parametrize("ord", [0.5, 1, 1.5, 2, 3, -1, -2.5, np.inf, -np.inf])
def test_every_norm_of_the_vector_0_is_flat_with_finite_second_derivatives(ord):
    x = Variable(np.zeros(3))
    norm(x, ord).backward(create_graph=True)
    assert not np.any(x.grad.data)
    gx, x.grad = x.grad, None
    gx.backward()
    assert x.grad is None or not np.any(x.grad.data)


def test_the_nuclear_norm_has_no_gradient_of_rounding_errors():
    x = Variable(low_rank(4, 2))
    norm(x, "nuc").backward()
    U, _, Vh = np.linalg.svd(x.data)
    np.testing.assert_allclose(x.grad.data, U[:, :2] @ Vh[:2], atol=1e-12)


@pytest.mark.parametrize("p", [0.5, 1.5, -1])
def test_an_element_0_of_a_norm_has_the_gradient_0_and_finite_second_derivatives(p):
    x = Variable(np.array([2.0, 0.0, -1.0]))
    norm(x, p).backward(create_graph=True)
    gx, x.grad = x.grad, None
    assert gx.data[1] == 0
    np.sum(gx**2).backward()
    assert np.all(np.isfinite(x.grad.data))


@pytest.mark.parametrize("p", [2, 3, 1.5])
def test_an_infinite_norm_has_the_gradient_of_its_infinite_elements(p):
    x = Variable(np.array([[np.inf, 1.0, -2.0], [-np.inf, 0.0, np.inf], [3.0, 4.0, 0.0]]))
    y = norm(x, p, axis=1)
    y.backward()
    assert y.data[:2].tolist() == [np.inf, np.inf]
    share = 2 ** (1 / p - 1)
    np.testing.assert_allclose(x.grad.data[:2], [[1, 0, 0], [-share, 0, share]])
    alone = Variable(x.data[2])
    norm(alone, p).backward()
    np.testing.assert_allclose(x.grad.data[2], alone.grad.data)


EMPTY = [(0, 0), (0, 2), (3, 0), (0, 3, 3), (2, 0, 3)]


@pytest.mark.parametrize("shape", EMPTY)
def test_empty_matrices_give_what_numpy_gives(shape):
    x = Variable(np.empty(shape))
    for name in ("svd", "svdvals", "qr", "pinv"):
        f = getattr(np.linalg, name)
        ys, expected = f(x), f(x.data)
        for y, wanted in zip(
            ys if isinstance(ys, tuple) else [ys],
            expected if isinstance(expected, tuple) else [expected],
            strict=True,
        ):
            np.testing.assert_array_equal(y.data, wanted, strict=True)
            y.backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, 2, np.inf])
@pytest.mark.parametrize("shape", EMPTY)
def test_norms_of_empty_matrices_are_0(shape, ord):
    x = Variable(np.empty(shape))
    y = matrix_norm(x, ord=ord)
    y.backward()
    np.testing.assert_array_equal(y.data, np.zeros(shape[:-2]), strict=True)
    assert x.grad.shape == shape


def test_singular_matrices_have_the_condition_infinity_without_a_gradient():
    for p in (None, 1, "fro"):
        x = Variable(np.stack([np.diag([1.0, 0.0]), np.diag([1.0, 2.0])]))
        y = cond(x, p)
        assert y.data.tolist() == [np.inf, np.linalg.cond(x.data[1], p)]
        y.backward(grad=np.array([0.0, 1.0]))
        assert np.all(np.isfinite(x.grad.data))


@pytest.mark.parametrize("axis", [0, -1, 1])
@pytest.mark.parametrize("p", [None, 1, 1.5, 2, 3, np.inf, -np.inf])
def test_norms_of_vectors_are_those_of_numpy_and_differentiable(p, axis):
    for keepdims in (False, True):
        y = norm(A, p, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(y, np.linalg.norm(A, p, axis=axis, keepdims=keepdims))
    check_gradients(lambda x: norm(x, p, axis), A, order=3, rtol=1e-5)


@pytest.mark.parametrize("p", [None, "fro"])
def test_the_frobenius_norm_of_matrices(p):
    np.testing.assert_allclose(norm(A, p, axis=(1, 2)), np.linalg.norm(A, axis=(1, 2)))
    assert norm(A[0], p) == pytest.approx(np.linalg.norm(A[0]))
    check_gradients(lambda x: norm(x, p, axis=(1, 2)), A, order=3)


@pytest.mark.parametrize("p", [1.5, 2, 3])
def test_a_norm_does_not_overflow_and_is_flat_at_0(p):
    assert norm(np.array([1e300, 1e300]), p) == pytest.approx(1e300 * 2 ** (1 / p))
    x = Variable(np.zeros((2, 3)))
    norm(x, p, axis=1).backward()
    assert x.grad.data.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert norm(np.array([np.inf, 1.0]), p) == np.inf


# ---- Errors ----


@pytest.mark.parametrize("f", [inv, lambda x: solve(x, np.ones(2))])
def test_a_singular_matrix_is_refused(f):
    with pytest.raises(np.linalg.LinAlgError, match=r"singular matrix in x .* add a little"):
        f(Variable(SINGULAR))


def test_the_logarithm_of_the_determinant_0_has_a_value_but_no_derivative():
    sign, y = slogdet(Variable(SINGULAR))
    assert (sign.data, y.data) == (0, -np.inf)
    with pytest.raises(ValueError, match="singular matrix in x"):
        y.backward()


def test_cholesky_of_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match=r"cholesky: .* not positive definite"):
        cholesky(Variable(-np.eye(2)))


@pytest.mark.parametrize("f", [inv, det, slogdet, cholesky, lambda x: solve(x, np.ones(2))])
@pytest.mark.parametrize("shape", [(2, 3), (3,), ()])
def test_matrices_that_are_not_square_are_refused(f, shape):
    with pytest.raises(ValueError, match="needed square matrices"):
        f(Variable(np.ones(shape)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solve(A, np.ones(2)), r"solve: got A \(2, 3, 3\) and b \(2,\), needed b \(3,\)"),
        (lambda: solve(A, np.ones((5, 3, 1))), r"batches \(2,\) and \(5,\) do not broadcast"),
        (lambda: solve(A, 1.0), r"and b \(\)"),
        (lambda: norm(A, "nuc", axis=0), "norm: got ord 'nuc' for vectors, needed a number"),
        (lambda: norm(A[0], 3), "norm: got ord 3 for matrices, needed 'fro'"),
        (lambda: norm(A, 1), r"for 3 axes of x .* needed one axis for vectors, or two"),
        (lambda: vector_norm(A, ord="fro"), "vector_norm: got ord 'fro'"),
        (lambda: matrix_norm(A[0, 0]), r"matrix_norm: got x \(3,\), needed matrices"),
        (lambda: norm(A, axis=3), "norm: got axis 3"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_singular_matrix_that_a_mask_leaves_out_has_no_gradient_in_slogdet():
    x = Variable(np.array([[[2.0, 1.0], [0.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]]))
    y = np.where([True, False], slogdet(x)[1], 0)
    (g,) = grad([y], [x], create_graph=True)
    (h,) = grad([g], [x])
    assert y.data.tolist() == [pytest.approx(math.log(8)), 0]
    np.testing.assert_allclose(g.data, [[[0.5, 0], [-0.125, 0.25]], np.zeros((2, 2))], atol=1e-15)
    np.testing.assert_array_equal(h.data[1], 0)
    assert np.all(np.isfinite(h.data))


def test_the_gradient_of_slogdet_of_a_singular_matrix_is_refused_by_its_name():
    y = slogdet(Variable(np.ones((2, 2))))[1]
    with pytest.raises(np.linalg.LinAlgError, match=r"^slogdet: got a singular matrix"):
        y.backward()


@pytest.mark.parametrize("shape", [(2000, 2), (2, 2000)])
def test_the_pseudo_inverse_of_a_long_matrix_takes_little_memory(shape):
    x = Variable(np.random.default_rng(0).normal(size=shape))
    tracemalloc.start()
    np.linalg.pinv(x).backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * x.nbytes


@pytest.mark.parametrize("f", [
    lambda x: qr(x)[0], lambda x: qr(x)[1], lambda x: svd(x)[0], lambda x: eigh(x @ x.mT)[1],
])  # fmt: skip
@pytest.mark.parametrize("left_out", [np.zeros((2, 2)), np.ones((2, 2)), np.eye(2)])
def test_matrices_that_a_mask_leaves_out_need_no_derivatives(f, left_out):
    x = Variable(np.stack([np.array([[2.0, 1.0], [0.5, 4.0]]), left_out]))
    alone = Variable(x.data[:1])
    f(alone).backward()
    y = f(x)
    np.where(np.reshape([True, False], (2, 1, 1)), y, 0).backward()
    np.testing.assert_allclose(x.grad.data[:1], alone.grad.data, rtol=1e-12)
    assert np.all(x.grad.data[1] == 0)
