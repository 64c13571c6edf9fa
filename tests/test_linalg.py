"""Linear algebra: NumPy's semantics, gradients of known value, error messages."""

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
from wengert import Variable
from wengert.testing import check_gradients


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


PRODUCTS = [  # of two inputs: NumPy's function, and their shapes
    (np.matmul, (2, 3), (3, 4)),
    (np.matmul, (3,), (3,)),
    (np.matmul, (3,), (4, 3, 2)),
    (np.matmul, (4, 2, 3), (3,)),
    (np.matmul, (4, 2, 3), (3, 2)),
    (np.matmul, (2, 3), (4, 3, 2)),
    (np.matmul, (5, 1, 2, 3), (4, 3, 2)),
    (np.matmul, (2, 0), (0, 3)),
    (np.matmul, (0, 2, 3), (3, 2)),
    (np.dot, (), (2, 3)),
    (np.dot, (3,), (3,)),
    (np.dot, (2, 3), (3,)),
    (np.dot, (3,), (4, 3, 2)),
    (np.dot, (2, 3), (4, 3, 2)),
    (np.dot, (5, 2, 3), (4, 3, 2)),
    (np.inner, (), (2,)),
    (np.inner, (2, 3), (3,)),
    (np.inner, (2, 4, 3), (5, 3)),
    (np.outer, (2, 3), (4,)),
    (np.outer, (), (2,)),
    (np.tensordot, (2, 3, 4), (3, 4, 5)),
]


@pytest.mark.parametrize(("f", "shape0", "shape1"), PRODUCTS)
def test_products_have_numpys_values_and_right_derivatives(f, shape0, shape1):
    x0, x1 = normal(*shape0), normal(*shape1, seed=1)
    y = f(Variable(x0), Variable(x1))
    assert isinstance(y, Variable)
    np.testing.assert_allclose(y.data, f(x0, x1), rtol=1e-12, atol=1e-14, strict=True)
    check_gradients(f, x0, x1, order=3)


@pytest.mark.parametrize(("f", "shape0", "shape1"), PRODUCTS)
def test_a_product_with_an_array_on_either_side_is_a_variable(f, shape0, shape1):
    x0, x1 = normal(*shape0), normal(*shape1, seed=1)
    for a, b in [(Variable(x0), x1), (x0, Variable(x1))]:
        y = f(a, b)
        assert isinstance(y, Variable)
        np.testing.assert_allclose(y.data, f(x0, x1), rtol=1e-12, atol=1e-14)


def test_the_gradients_of_a_matrix_product_are_products_with_the_transposed():
    x0, x1, gy = normal(2, 3), normal(3, 4), normal(2, 4)
    a, b = Variable(x0), Variable(x1)
    (a @ b).backward(grad=gy)
    np.testing.assert_allclose(a.grad.data, gy @ x1.T)
    np.testing.assert_allclose(b.grad.data, x0.T @ gy)


def test_the_gradients_of_an_inner_product_are_the_other_vector():
    x0, x1 = normal(3), normal(3, seed=1)
    a, b = Variable(x0), Variable(x1)
    (a @ b).backward()
    np.testing.assert_array_equal(a.grad.data, x1)
    np.testing.assert_array_equal(b.grad.data, x0)


def test_a_matrix_that_was_broadcast_over_a_batch_gets_the_sum_over_the_batch():
    x0, x1, gy = normal(5, 2, 3), normal(3, 4), normal(5, 2, 4)
    a, b = Variable(x0), Variable(x1)
    (a @ b).backward(grad=gy)
    np.testing.assert_allclose(b.grad.data, sum(x.T @ g for x, g in zip(x0, gy, strict=True)))
    a, b = Variable(x0[:1]), Variable(normal(5, 3, 4))
    (a @ b).backward(grad=gy)
    np.testing.assert_allclose(
        a.grad.data, sum(g @ x.T for x, g in zip(b.data, gy, strict=True))[None]
    )


def test_no_product_is_computed_for_an_input_without_gradient():
    seen = []
    x, W = Variable(normal(2, 3), requires_grad=False), Variable(normal(3, 4))
    y = x @ W
    with wg.hook(lambda f, inputs, outputs: seen.append(type(f).__name__)):
        y.backward(create_graph=True)
    assert seen.count("MatMul") == 1


def test_matmul_keeps_float32_and_takes_transposed_views():
    x = Variable(normal(4, 3).astype(np.float32))
    y = x.T @ x
    y.backward()
    assert (y.dtype, x.grad.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize(
    ("shape0", "shape1", "message"),
    [
        ((2, 3), (2, 3), "matmul: got shapes (2, 3) and (2, 3); the axes to sum over have "
                         "sizes 3 and 2"),
        ((5, 2, 3), (4, 2), "matmul: got shapes (5, 2, 3) and (4, 2); the axes to"),
        ((3,), (2,), "matmul: got shapes (3,) and (2,); the axes to"),
        ((), (2, 2), "matmul: got shapes () and (2, 2); needed at least one axis each; use *"),
        ((5, 2, 3), (4, 3, 2), "matmul: got shapes (5, 2, 3) and (4, 3, 2); needed batch axes"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_multiply_are_named(shape0, shape1, message):
    with pytest.raises(ValueError) as error:
        F.matmul(Variable(normal(*shape0)), normal(*shape1))
    assert str(error.value).startswith(message)


# ---- linear ----


@pytest.mark.parametrize("shape", [(2, 3), (3,), (5, 2, 3), (0, 3)])
def test_linear_is_a_matrix_product_and_a_sum(shape):
    x, W, b = normal(*shape), normal(3, 4), normal(4)
    np.testing.assert_allclose(F.linear(Variable(x), W, b).data, x @ W + b, strict=True)
    np.testing.assert_allclose(F.linear(Variable(x), W).data, x @ W, strict=True)
    check_gradients(F.linear, x, W, b, order=3)


def test_linear_promotes_dtypes_as_the_operators_do():
    x, W, b = normal(2, 3).astype(np.float32), normal(3, 4).astype(np.float32), normal(4)
    assert F.linear(x, W, b).dtype == np.float64
    assert F.linear(Variable(x), Variable(W), b.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 3), (4, 3), (4,)], "linear: x (2, 3) has 3 features but W (4, 3) takes 4; is W"),
        ([(2, 3), (3,), (4,)], "linear: got x (2, 3) and W (3,), needed (..., I) and (I, O)"),
        ([(), (3, 4), (4,)], "linear: got x () and W (3, 4), needed"),
        ([(2, 3), (3, 4), (2, 4)], "linear: got b (2, 4) for W (3, 4), needed (4,)"),
    ],
)
def test_linear_names_what_does_not_fit(shapes, message):
    with pytest.raises(ValueError) as error:
        F.linear(*[Variable(normal(*shape)) for shape in shapes])
    assert str(error.value).startswith(message)


# ---- tensordot and einsum ----


@pytest.mark.parametrize(
    ("shape0", "shape1", "axes"),
    [
        ((2, 3), (4,), 0),
        ((2, 3, 4), (4, 5), 1),
        ((2, 3, 4), (4, 5, 3), ([1, 2], [2, 0])),
        ((2, 3, 4), (4, 5, 3), (-2, -1)),
        ((2, 3, 4), (4, 5, 3), ([1], -1)),
        ((2, 3), (3, 2), ((0, 1), (1, 0))),
        ((2, 0), (0, 2), 1),
    ],
)
def test_tensordot_is_numpys(shape0, shape1, axes):
    x0, x1 = normal(*shape0), normal(*shape1, seed=1)
    y = np.tensordot(Variable(x0), Variable(x1), axes)
    np.testing.assert_allclose(y.data, np.tensordot(x0, x1, axes), atol=1e-14, strict=True)
    check_gradients(lambda x0, x1: F.tensordot(x0, x1, axes), x0, x1)


def test_tensordot_needs_equal_sizes_of_corresponding_axes():
    x0, x1 = Variable(normal(2, 3)), Variable(normal(2, 3))
    with pytest.raises(ValueError, match=r"^tensordot: got shapes \(2, 3\) and \(2, 3\); axes"):
        F.tensordot(x0, x1, 1)
    with pytest.raises(ValueError, match=r"^tensordot: got axes 3 for shapes"):
        F.tensordot(x0, x1, 3)
    with pytest.raises(ValueError, match=r"^tensordot: got axes \(0, 1, 1\), needed a number, or"):
        F.tensordot(x0, x1, (0, 1, 1))


EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba", (2, 3)),  # without "->" the labels of the result are in alphabetical order
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->ij", (3, 3, 2)),
    ("ijij->ji", (2, 3, 2, 3)),
    ("iii->i", (3, 3, 3)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("i,j->ij", (2,), (3,)),
    ("i,i", (3,), (3,)),
    (",ij", (), (2, 3)),
    ("ij,kl->k", (2, 3), (4, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,ij,ij->", (2, 3), (2, 3), (2, 3)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("...ij,...jk->...ik", (4, 1, 2, 3), (5, 3, 2)),
    ("...ij,jk", (4, 2, 3), (3, 2)),
    ("...i->...", (2, 3, 4)),
    ("i...j->j...i", (2, 3, 4)),
    ("...ii->...i", (2, 3, 3)),
    ("...,...", (2, 3), (3,)),
    ("ij,ij->ij", (1, 3), (2, 1)),  # sizes of 1 broadcast
    ("ij,ij->j", (1, 3), (2, 3)),
    (" i j , j k -> i k ", (2, 3), (3, 2)),
    ("aB,Bc->ca", (2, 3), (3, 4)),
    ("ij,jk->ik", (2, 0), (0, 3)),
]


@pytest.mark.parametrize(("subscripts", "shapes"), [(s, shapes) for s, *shapes in EINSUMS])
def test_einsum_is_numpys_and_every_input_gets_its_gradient(subscripts, shapes):
    xs = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
    y = np.einsum(subscripts, *map(Variable, xs))
    np.testing.assert_allclose(y.data, np.einsum(subscripts, *xs), rtol=1e-12, strict=True)
    check_gradients(lambda *xs: F.einsum(subscripts, *xs), *xs)


def test_einsum_gives_the_same_when_numpy_looks_for_the_best_order():
    xs = [Variable(normal(*shape)) for shape in [(2, 3), (3, 4), (4, 2), (2,)]]
    plain = np.einsum("ij,jk,kl,l->i", *xs, optimize=False)
    best = np.einsum("ij,jk,kl,l->i", *xs, optimize="optimal")
    np.testing.assert_allclose(best.data, plain.data, rtol=1e-12)
    for x, gx0, gx1 in zip(xs, wg.grad(plain, xs), wg.grad(best, xs), strict=True):
        assert gx0.shape == x.shape
        np.testing.assert_allclose(gx1.data, gx0.data, rtol=1e-12)


def test_the_gradient_of_a_trace_by_einsum_is_the_unit_matrix():
    x = Variable(normal(3, 3))
    F.einsum("ii", x).backward()
    np.testing.assert_array_equal(x.grad.data, np.eye(3))


@pytest.mark.parametrize(
    ("subscripts", "shapes", "why"),
    [
        ("ij,jk->ik", [(2, 3)], "needed 2 inputs, got 1"),
        ("ij->i", [(2, 3, 4)], "'ij' does not fit the 3 axes of (2, 3, 4)"),
        ("ijk->i", [(2, 3)], "'ijk' does not fit the 2 axes of (2, 3)"),
        ("ij,jk->ik", [(2, 3), (4, 2)], "the label 'j' has sizes 3 and 4"),
        ("ii->i", [(1, 3)], "'ii' takes a diagonal of axes that differ in size"),
        ("ij->ik", [(2, 3)], "the result 'ik' needs labels of the inputs, each once"),
        ("ij->ii", [(2, 3)], "the result 'ii' needs labels of the inputs, each once"),
        ("i1->i", [(2, 3)], "'i1' is not made of letters and one '...'"),
        ("i..j->i", [(2, 3)], "'i..j' is not made of letters"),
        ("i->j->k", [(2,)], "'j->k' is not made of letters"),
        ("...i->i", [(2, 3)], "needed '...' in the result too"),
    ],
)
def test_einsum_names_subscripts_shapes_and_what_is_wrong(subscripts, shapes, why):
    with pytest.raises(ValueError) as error:
        F.einsum(subscripts, *[Variable(normal(*shape)) for shape in shapes])
    arrived = ", ".join(map(str, shapes))
    assert str(error.value).startswith(f"einsum: got {subscripts!r} for shapes {arrived}; {why}")


def test_einsum_takes_subscripts_as_a_string_or_numpys_lists_of_integers():
    x = Variable(normal(2, 3))
    with pytest.raises(TypeError, match=r"^einsum: got Variable first, needed the subscripts"):
        F.einsum(x, [0, 1])
    with pytest.raises(
        TypeError, match=r"^einsum: got labels \[\['a', 'b'\]\], needed lists of int"
    ):
        np.einsum(x, ["a", "b"])


# ---- Parts of a matrix ----


@pytest.mark.parametrize("offset", [-4, -1, 0, 2, 9])
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (-1, 0)])
def test_diagonal_and_trace_are_numpys(offset, axes):
    x = normal(2, 3, 4)
    for f in (np.diagonal, np.trace):
        y = f(Variable(x), offset, *axes)
        np.testing.assert_allclose(y.data, f(x, offset, *axes), strict=True)
        check_gradients(lambda x, f=f: f(x, offset, *axes), x)


def test_diagonal_and_trace_are_methods_too():
    x = Variable(normal(3, 3))
    np.testing.assert_array_equal(x.diagonal(1).data, x.data.diagonal(1))
    assert float(x.trace()) == pytest.approx(x.data.trace())


@pytest.mark.parametrize("f", [np.tril, np.triu])
def test_a_triangle_has_no_infinities_of_the_other_half(f):
    x = Variable(np.full((3, 3), np.inf))
    y = f(x, -1 if f is np.tril else 1)
    assert np.isinf(y.data).sum() == 3
    y.backward()
    np.testing.assert_array_equal(x.grad.data, f(np.ones((3, 3)), -1 if f is np.tril else 1))


def test_a_diagonal_or_triangle_needs_two_axes():
    x = Variable(normal(3))
    with pytest.raises(ValueError, match=r"^tril: got shape \(3,\), needed at least two axes"):
        F.tril(x)
    with pytest.raises(ValueError, match=r"^diagonal: got axis 1 for shape \(3,\)"):
        F.diagonal(x)
    with pytest.raises(ValueError, match=r"^diagonal: got axes 1 and -1 for shape"):
        F.diagonal(Variable(normal(2, 2)), 0, 1, -1)


@pytest.mark.parametrize(("call", "start"), [
    (lambda: F.dot(np.ones((2, 3)), np.ones((2, 3))), "dot: got shapes (2, 3) and (2, 3);"),
    (lambda: F.dot(np.ones((4, 2, 3)), np.ones((4, 2, 3))), "dot: got shapes (4, 2, 3)"),
    (lambda: F.inner(np.ones((2, 3)), np.ones((3, 2))), "inner: got shapes (2, 3) and (3, 2);"),
    (lambda: F.trace(np.ones(2)), "trace: got axis 1 for shape (2,)"),
    (lambda: F.trace(np.ones((2, 2)), axis1=1), "trace: got axes 1 and 1"),
])  # fmt: skip
def test_an_error_names_the_function_that_was_called(call, start):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value).startswith(start)


@pytest.mark.parametrize(("call", "start"), [
    (lambda x: F.diagonal(x, 0.5), "diagonal: got offset 0.5, needed an integer"),
    (lambda x: F.trace(x, None), "trace: got offset None, needed an integer"),
    (lambda x: F.tril(x, 0.5), "tril: got k 0.5, needed an integer"),
    (lambda x: F.triu(x, True), "triu: got k True, needed an integer"),
    (lambda x: F.diagonal(x, 0, (0, 1)), "diagonal: got axis (0, 1), needed an integer"),
])  # fmt: skip
def test_offsets_of_diagonals_are_integers(call, start):
    with pytest.raises(TypeError) as error:
        call(np.ones((2, 2)))
    assert str(error.value).startswith(start)
