"""Inverses, solutions, determinants, Cholesky, norms: identities, batches, refused inputs."""

import math

import numpy as np
import pytest

from wengert import Variable
from wengert.functions.decompose import cholesky, det, inv, norm, slogdet, solve
from wengert.testing import check_gradients

RNG = np.random.default_rng(0)
A = RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
B = RNG.normal(size=(2, 3, 2))
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


# ---- Norms ----


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
    with pytest.raises(ValueError, match=r"singular matrix in x .* add a little"):
        f(Variable(SINGULAR))


@pytest.mark.parametrize("f", [det, lambda x: slogdet(x)[1]])
def test_the_determinant_of_a_singular_matrix_has_a_value_but_no_derivative(f):
    y = f(Variable(SINGULAR))
    assert y.data in (0, -np.inf)
    with pytest.raises(ValueError, match="singular matrix in x"):
        y.backward()


def test_cholesky_of_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(ValueError, match=r"cholesky: .* not positive definite"):
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
        (lambda: norm(A, 0.5, axis=0), "got ord 0.5, needed a number ≥ 1"),
        (lambda: norm(A, "nuc", axis=(0, 1)), "norm: got ord 'nuc'"),
        (lambda: norm(A[0], 1), "for 2 axes of x .*norms of matrices"),
        (lambda: norm(A, axis=3), "norm: got axis 3"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
