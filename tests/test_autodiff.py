"""Derivatives as functions: wg.grad, the transforms, and checkpoint."""

import gc
import weakref

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import Variable
from wengert.testing import check_gradients


def cubic(x):
    return np.sum(x**3) + x[0] * x[1]


X = np.array([1.0, 2.0, -1.5])

# ---- wg.grad ----


def test_grad_gives_the_gradient_and_does_not_change_grad():
    x = Variable(X)
    gx = wg.grad(cubic(x), x)
    np.testing.assert_allclose(gx.data, [3 + 2, 12 + 1, 6.75])
    assert x.grad is None


def test_grad_keeps_the_structure_of_its_inputs():
    a, b, c = Variable(2.0), Variable(3.0), Variable(5.0)
    y = a * b * c
    grads = wg.grad(y, {"a": a, "rest": [b, (c,)]})
    assert float(grads["a"]) == 15
    assert float(grads["rest"][0]) == 10
    assert isinstance(grads["rest"][1], tuple)
    assert float(grads["rest"][1][0]) == 6


def test_grad_of_an_intermediate_variable():
    x = Variable(2.0)
    h = x * x
    y = h * h + x
    gh, gx = wg.grad(y, [h, x])
    assert float(gh) == 8
    assert float(gx) == 8 * 4 + 1


def test_grad_adds_up_several_outputs_with_their_own_seeds():
    x = Variable(3.0)
    gx = wg.grad([x * x, 2 * x], x, [np.array(10.0), np.array(100.0)])
    assert float(gx) == 60 + 200


def test_grad_of_an_input_that_the_output_does_not_depend_on_is_zero():
    x, z = Variable(3.0), Variable(np.ones((2, 3)))
    gz = wg.grad(x * x, z)
    assert gz.shape == (2, 3)
    assert not gz.data.any()


def test_grad_walks_only_the_paths_to_its_inputs():
    calls = []

    class Tell(wg.Function):
        def __init__(self, name):
            self.name = name

        def forward(self, x):
            return +x

        def backward(self, gy):
            calls.append(self.name)
            return gy

    a, b = Variable(1.0), Variable(2.0)
    wg.grad(Tell("a")(a) * Tell("b")(b), a)
    assert calls == ["a"]


def test_a_function_on_the_path_computes_only_the_requested_gradient():
    asked = []

    class Product(wg.Function):
        def forward(self, x0, x1):
            return x0 * x1

        def backward(self, gy):
            asked.append(list(self.needs))
            x0, x1 = self.xs
            return gy * x1, gy * x0

    a, b = Variable(2.0), Variable(3.0)
    y = Product()(a, b)
    assert float(wg.grad(y, b)) == 2
    y.backward()
    assert asked == [[False, True], [True, True]]
    assert (float(a.grad), float(b.grad)) == (3, 2)


def test_the_third_derivative_of_a_cubic_is_a_constant_and_the_fourth_zero():
    x = Variable(2.0)
    y = x**3
    for expected in (12, 12, 6, 0, 0):
        y = wg.grad(y, x, create_graph=True)
        assert float(y) == expected


def test_gradients_of_two_inputs_do_not_share_memory():
    a, b = Variable(np.ones(3)), Variable(np.ones(3))
    for create_graph in (False, True):
        ga, gb = wg.grad(a + b, [a, b], create_graph=create_graph)
        assert not np.shares_memory(ga.data, gb.data)


@pytest.mark.parametrize(("outputs", "inputs"), [(np.ones(2), Variable(1.0)), (Variable(1.0), 2.0)])
def test_grad_refuses_values_that_are_not_variables(outputs, inputs):
    with pytest.raises(TypeError, match="needed a Variable"):
        wg.grad(outputs, inputs)


def test_grad_of_a_result_computed_under_no_grad_is_refused():
    x = Variable(2.0)
    with wg.no_grad():
        y = x * x
    with pytest.raises(RuntimeError, match="no graph"):
        wg.grad(y, x)


# ---- Transforms ----


def test_value_and_grad_takes_and_gives_arrays():
    y, g = wg.value_and_grad(cubic)(X)
    assert isinstance(y, np.ndarray)
    assert isinstance(g, np.ndarray)
    np.testing.assert_allclose(g, [5, 13, 6.75])


def test_value_and_grad_of_several_arguments_and_of_a_dict():
    def loss(parameters, x):
        return np.sum((parameters["W"] * x + parameters["b"]) ** 2)

    parameters = {"W": np.array([1.0, 2.0]), "b": np.array(0.5)}
    y, g = wg.value_and_grad(loss)(parameters, np.array([1.0, -1.0]))
    assert y == pytest.approx(1.5**2 + 1.5**2)
    np.testing.assert_allclose(g["W"], [3, 3])
    assert g["b"] == pytest.approx(0)
    _, (gp, gx) = wg.value_and_grad(loss, argnums=(0, 1))(parameters, np.array([1.0, -1.0]))
    np.testing.assert_allclose(gx, [3, -6])
    np.testing.assert_allclose(gp["W"], g["W"])


def test_value_and_grad_of_a_function_to_an_array_is_refused():
    with pytest.raises(ValueError, match="needed one number"):
        wg.value_and_grad(lambda x: x * x)(X)


def test_value_and_grad_of_a_constant_function_is_zero():
    y, g = wg.value_and_grad(lambda x: 3.0)(X)
    assert y == 3
    np.testing.assert_array_equal(g, 0 * X)


def test_vjp_pulls_a_gradient_back_through_several_outputs():
    (p, q), pullback = wg.vjp(lambda a, b: (a * b, a + b), 2.0, 3.0)
    assert (p, q) == (6, 5)
    ga, gb = pullback((np.array(1.0), np.array(10.0)))
    assert (ga, gb) == (3 + 10, 2 + 10)


def test_jvp_is_the_jacobian_times_the_tangent():
    def f(x):
        return np.sin(x) * x[0]

    v = np.array([0.3, -1.0, 2.0])
    y, t = wg.jvp(f, (X,), (v,))
    np.testing.assert_allclose(y, np.sin(X) * X[0])
    np.testing.assert_allclose(t, wg.jacobian(f)(X) @ v)
    np.testing.assert_allclose(wg.jvp(f, X, v)[1], t)


def test_jvp_of_a_function_that_ignores_its_argument_is_zero():
    _, t = wg.jvp(lambda x: np.ones(2), X, X)
    np.testing.assert_array_equal(t, [0, 0])


def test_jacobian_has_the_shape_of_output_and_input():
    A = np.arange(6.0).reshape(2, 3)
    J = wg.jacobian(lambda x: np.matmul(A, x))(np.ones((3, 4)))
    assert J.shape == (2, 4, 3, 4)
    np.testing.assert_allclose(J, np.einsum("ij,kl->ikjl", A, np.eye(4)))


def test_jacobian_of_a_tuple_by_a_dict_is_a_tuple_of_dicts():
    J = wg.jacobian(lambda p: (p["a"] * p["b"], p["a"]))({"a": np.ones(2), "b": np.array(3.0)})
    assert J[0]["a"].shape == (2, 2)
    assert J[0]["b"].shape == (2,)
    np.testing.assert_array_equal(J[1]["b"], [0, 0])


def test_hessian_is_symmetric_and_right():
    def rosenbrock(x):
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    H = wg.hessian(rosenbrock)(np.array([1.0, 1.0]))
    np.testing.assert_allclose(H, [[802, -400], [-400, 200]])


def test_hvp_is_the_hessian_times_the_vector():
    v = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(wg.hvp(cubic, X, v), wg.hessian(cubic)(X) @ v)
    np.testing.assert_allclose(wg.hvp(cubic, (X,), (v,))[0], wg.hessian(cubic)(X) @ v)


def test_vectors_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"hvp: got vectors of shapes \[\(2,\)\]"):
        wg.hvp(cubic, X, np.ones(2))


def test_transforms_nest():
    def g(x):
        return wg.value_and_grad(lambda z: np.sum(np.sin(z) * z))(x)[1]

    expected = np.diag(2 * np.cos(X) - X * np.sin(X))
    np.testing.assert_allclose(wg.jacobian(g)(X), expected, rtol=1e-12)
    _, tangent = wg.jvp(lambda x: wg.jvp(np.sin, x, np.ones(3))[1], X, np.ones(3))
    np.testing.assert_allclose(tangent, -np.sin(X))
    check_gradients(lambda x: wg.hvp(cubic, x, x * x), X, order=2)
    check_gradients(wg.hessian(cubic), X, order=1)


def test_an_inner_derivative_is_along_its_own_argument_alone():
    # d/dx [x · d/dz (x z) at z = x] = d/dx x² = 2x: the inner x is a constant for the inner d/dz
    def outer(x):
        return x * wg.value_and_grad(lambda z: x * z)(x)[1]

    assert wg.value_and_grad(outer)(3.0)[1] == 6


def test_a_gradient_inside_a_loss_reaches_the_parameters():
    w = Variable(2.0)
    _, g = wg.value_and_grad(lambda x: w * x**2)(Variable(3.0))
    (g * g).backward()
    assert float(w.grad) == pytest.approx(2 * (2 * 2 * 3) * (2 * 3))


def gradient(f):
    return lambda *args: wg.value_and_grad(f)(*args)[1]


def test_an_inner_derivative_uses_variables_from_outside():
    # d/dx [d/dy x y² at y = 3] = d/dx 6x = 6
    inner = {
        "value_and_grad": lambda x: gradient(lambda y: x * y * y)(3.0),
        "vjp": lambda x: wg.vjp(lambda y: x * y * y, 3.0)[1](1.0)[0],
        "jvp": lambda x: wg.jvp(lambda y: x * y * y, 3.0, 1.0)[1],
        "jacobian": lambda x: wg.jacobian(lambda y: x * y * y)(3.0),
        "hvp": lambda x: wg.hvp(lambda y: x * y**3 / 3, 3.0, 1.0),
    }
    for name, f in inner.items():
        assert float(gradient(f)(2.0)) == pytest.approx(6), name


def test_a_derivative_by_the_input_can_be_trained():
    w = Variable(3.0)
    slope = gradient(lambda x: w * x * x)(2.0)
    slope.backward()
    assert float(w.grad) == 4


def test_the_transforms_work_under_no_grad_and_leave_no_graph():
    with wg.no_grad():
        y, g = wg.value_and_grad(lambda x: x * x)(3.0)
        assert (float(y), float(g)) == (9, 6)
        assert wg.hessian(lambda x: x**3)(2.0) == pytest.approx(12)
        assert isinstance(wg.value_and_grad(lambda x: x * x)(Variable(3.0))[1], np.ndarray)


def test_two_threads_may_take_different_gradients_of_one_graph():
    import sys
    import threading

    a, b = Variable(1.1), Variable(0.9)
    y = a
    for _ in range(20):
        y = y * a + b
    expected = {x: float(wg.grad(y, x)) for x in (a, b)}
    wrong = []

    def take(x):
        for _ in range(150):
            if float(wg.grad(y, x)) != expected[x]:
                wrong.append(x)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=take, args=(x,)) for x in (a, b)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong


def test_the_gradient_of_a_constant_is_refused():
    x, w = Variable(2.0, requires_grad=False), Variable(3.0)
    with pytest.raises(RuntimeError, match="is a constant"):
        wg.grad(x * w, x)


@pytest.mark.parametrize("argnums", [5, -3, [0, 1], (0, 0), (0, -2), "x"])
def test_indices_of_missing_arguments_are_refused(argnums):
    with pytest.raises(ValueError, match="argnums"):
        wg.value_and_grad(lambda a, b: a * b, argnums)(1.0, 2.0)


def test_results_that_have_no_gradient_are_refused():
    with pytest.raises(ValueError, match="needed one number"):
        wg.value_and_grad(lambda x: (x, x))(1.0)
    _, pullback = wg.vjp(lambda x: (x, x), 1.0)
    with pytest.raises(ValueError, match="of the same shape for each"):
        pullback(1.0)


# ---- checkpoint ----


def block(x, W):
    return np.tanh(np.matmul(x, W)) ** 2


def test_checkpoint_changes_no_value_and_no_gradient():
    x, W = (Variable(a) for a in np.random.default_rng(0).normal(size=(2, 3, 3)))
    y = block(block(x, W), W)
    z = wg.checkpoint(block, wg.checkpoint(block, x, W), W)
    np.testing.assert_array_equal(z.data, y.data)
    for g, h in zip(wg.grad(y, [x, W]), wg.grad(z, [x, W]), strict=True):
        np.testing.assert_allclose(h.data, g.data, rtol=1e-12)


def test_checkpoint_is_right_to_third_order():
    x, W = np.random.default_rng(1).normal(size=(2, 2, 2))
    check_gradients(lambda x, W: wg.checkpoint(block, x, W), x, W, order=3)


def test_checkpoint_finds_the_variables_that_its_function_closes_over():
    w = Variable(2.0)
    h = w * 3  # not a leaf, and upstream of it w, which the function uses too
    x = Variable(5.0)
    y = wg.checkpoint(lambda x: x * h * w, x)
    y.backward()
    assert float(w.grad) == 5 * 3 * 2 * 2
    assert float(x.grad) == 12
    assert h.creator is not None


def test_checkpoint_draws_the_same_random_numbers_again():
    from wengert import random

    def noisy(x):
        return x * random.generator().normal(size=x.shape)

    random.seed(3)
    x = Variable(np.ones(4))
    y = wg.checkpoint(noisy, x)
    after = random.generator().normal()
    y.backward()
    np.testing.assert_array_equal(x.grad.data, y.data)
    random.seed(3)
    noisy(x)
    assert random.generator().normal() == after  # the backward pass has not advanced the generator


def test_checkpoint_keeps_no_intermediate_results():
    kept = []

    class Kept(wg.Function):
        def forward(self, x):
            return x + 1

        def backward(self, gy):
            return gy

    def f(x):
        for _ in range(10):
            x = Kept()(x)
        return x

    y = wg.checkpoint(f, Variable(0.0))
    function = y.creator
    while function is not None:
        kept.append(type(function).__name__)
        function = function.inputs[0].creator
    assert kept == ["Recompute"]


def test_checkpoint_of_several_outputs_keeps_their_structure():
    x = Variable(2.0)
    out = wg.checkpoint(lambda x: {"square": x * x, "cube": (x**3,)}, x)
    (out["square"] + out["cube"][0]).backward()
    assert float(x.grad) == 4 + 12


def test_checkpoint_of_a_derivative():
    x = Variable(np.array(2.0))
    y = wg.checkpoint(lambda x: gradient(lambda v: v**3)(x), x)
    assert float(y) == 12
    z = wg.checkpoint(lambda x: wg.grad(x**3, x, create_graph=True), x)
    assert float(z) == 12
    y.backward()
    z.backward()
    assert float(x.grad) == 24


def test_checkpoint_passes_gradients_to_what_its_function_just_returns():
    x, w = Variable(2.0), Variable(3.0)
    a, b = wg.checkpoint(lambda x: (x * 2, w), x)
    (a + b).backward()
    assert (float(x.grad), float(w.grad)) == (2, 1)


def test_checkpoint_computes_again_with_the_data_of_the_first_pass():
    x, w = Variable(2.0), Variable(3.0)
    y = wg.checkpoint(lambda a: a * w, x)
    w.data = np.array(100.0)
    y.backward()
    assert (x.grad.data, w.grad.data, w.data) == (3, 2, 100)
    with pytest.raises(
        RuntimeError, match=r"Recompute: the data of its input 2 of 2, float64 \(\)"
    ):
        y.backward(create_graph=True)


def test_checkpoint_computes_again_with_the_frozen_weights_of_the_first_pass():
    x, w = Variable(2.0), wg.Parameter(np.array(3.0))
    w.requires_grad = False
    y = wg.checkpoint(lambda a: a * w, x)
    w.data = np.array(100.0)
    y.backward()
    assert (x.grad.data, w.grad) == (3, None)


def test_checkpoint_copies_labels_and_passes_other_results_on():
    x, t = Variable(np.zeros((2, 2))), np.array([0, 1])
    y, (n, nothing) = wg.checkpoint(lambda x, t: (x[[0, 1], t], (len(t), None)), x, t)
    t[:] = 0
    np.sum(y).backward()
    assert (n, nothing) == (2, None)
    assert np.array_equal(x.grad.data, np.eye(2))


def test_checkpoint_says_that_the_second_pass_computed_something_else():
    x, rows = Variable(np.ones(3)), [slice(0, 3)]
    y = np.sum(wg.checkpoint(lambda x: x[rows[0]] * 2, x))
    rows[0] = slice(0, 2)
    with pytest.raises(
        RuntimeError, match=r"shapes \[\(3,\)\] in the first pass and \[\(2,\)\] in"
    ):
        y.backward()


def test_checkpoint_does_not_keep_a_leaf_alive_through_its_own_gradient():
    gc.disable()
    try:
        x = Variable(np.array(1.0))
        np.sin(wg.checkpoint(np.sin, x)).backward(create_graph=True)
        alive = weakref.ref(x)
        del x
        assert alive() is None
    finally:
        gc.enable()


def test_a_checkpoint_prints_the_name_of_its_function_and_is_called_once():
    f = wg.checkpoint(np.tanh, Variable(np.array([1.0]))).creator
    assert repr(f) == "Recompute(program=Program(tanh))"
    with pytest.raises(RuntimeError, match=r"got a second call, .*; call recompute\(f, \*args\)"):
        f(Variable(np.array([2.0])))


def test_checkpoint_under_no_grad_only_computes():
    with wg.no_grad():
        y = wg.checkpoint(lambda x: x * x, Variable(3.0))
    assert float(y) == 9
    assert y.creator is None


# ---- check_gradients ----


class WrongSecond(wg.Function):
    """x³ with a first derivative that is right and cannot be differentiated."""

    def forward(self, x):
        return x**3

    def backward(self, gy):
        return gy * (3 * self.input.data**2)


def test_check_gradients_finds_a_wrong_second_derivative():
    check_gradients(WrongSecond(), X, order=1)
    with pytest.raises(AssertionError, match="order 2"):
        check_gradients(WrongSecond(), X, order=2)


def test_check_gradients_says_where_and_by_how_much():
    class Wrong(wg.Function):
        def forward(self, x):
            return 2 * x

        def backward(self, gy):
            return gy * np.array([2.0, 2.0, 5.0])

    with pytest.raises(AssertionError, match=r"(?s)argument 0 \(3,\): worst at \(2,\)"):
        check_gradients(Wrong(), X)


def test_check_gradients_does_not_pass_over_nan():
    with pytest.raises(AssertionError), np.errstate(invalid="ignore"):
        check_gradients(np.sqrt, np.array([-1.0]))


@pytest.mark.parametrize(("args", "order"), [((3,), 2), ((X,), 0)])
def test_check_gradients_refuses_to_check_nothing(args, order):
    with pytest.raises(ValueError, match="needed an order ≥ 1 and a floating-point argument"):
        check_gradients(np.square, *args, order=order)


def test_check_gradients_differentiates_floats_only():
    check_gradients(lambda x, i: x[i], X, np.array([0, 0, 2]), order=2)
    check_gradients(F.where, np.array([True, False, True]), X, 2 * X)


# ---- Arrays in, arrays out ----

INNER = {  # functions of x whose value has, for some x, a constant gradient
    "linear": lambda x: np.sum(3 * x),
    "constant": lambda x: 2.0,
    "leaf made inside": lambda x: np.sum(x * Variable(np.array([1.0, 2.0]))),
    "quadratic": lambda x: np.sum(x * x),
}
TRANSFORMS = {
    "value_and_grad": lambda f: lambda x: wg.value_and_grad(f)(x)[1],
    "grad": lambda f: lambda x: wg.grad(f)(x),
    "jacobian": wg.jacobian,
    "hessian": wg.hessian,
    "vjp": lambda f: lambda x: wg.vjp(f, x)[1](np.ones(2) if f_is_vector(f, x) else 1.0)[0],
    "jvp": lambda f: lambda x: wg.jvp(f, x, np.ones(2))[1],
    "hvp": lambda f: lambda x: wg.hvp(f, x, np.ones(2)),
    "sum": lambda f: lambda x: np.sum(f(x)),
}


def f_is_vector(f, x):
    return np.shape(wg.as_array(f(x))) == (2,)


SCALAR = ["value_and_grad", "grad", "hessian", "hvp"]  # transforms of functions of one number


@pytest.mark.parametrize("name", INNER)
@pytest.mark.parametrize("inner", ["value_and_grad", "grad", "jacobian", "vjp", "jvp", "hvp"])
@pytest.mark.parametrize("outer", TRANSFORMS)
def test_nested_transforms_give_arrays_for_arrays(outer, inner, name):
    f = INNER[name]
    if name == "constant":
        f = lambda x: Variable(2.0)  # noqa: E731
    x = np.array([1.0, 2.0])
    first = TRANSFORMS[inner](f)
    g = (lambda x: np.sum(first(x))) if outer in SCALAR else first
    result = TRANSFORMS[outer](g)(x)
    assert type(result) in (np.ndarray, np.float64)
    assert result is not None


def test_a_transform_of_a_function_of_an_outer_leaf_still_gives_variables():
    w = Variable(np.array([1.0, 2.0]))
    value, gradient = wg.value_and_grad(lambda x: np.sum(w * x))(np.ones(2))
    assert isinstance(value, Variable)
    assert isinstance(gradient, Variable)
    assert wg.grad(value, w).data.tolist() == [1, 1]


def test_a_leaf_of_an_outer_transform_is_from_outside_of_the_inner_one():
    def outer(a):
        scale = Variable(np.array(2.0))  # made inside the outer function, outside of the inner one
        slope = wg.value_and_grad(lambda x: x * x * scale)(3.0)[1]
        assert isinstance(slope, Variable)
        return wg.grad(slope, scale).data * a

    assert wg.value_and_grad(outer)(1.0)[1] == 6


# ---- grad of a function ----


def test_grad_of_a_function_is_its_gradient():
    f = lambda x, y: x * x * y  # noqa: E731
    assert wg.grad(f)(3.0, 4.0) == 24
    assert wg.grad(f, 1)(3.0, 4.0) == 9
    assert wg.grad(f, argnums=(0, 1))(3.0, 4.0) == (24, 9)
    assert wg.grad(wg.grad(f))(3.0, 4.0) == 8
    assert wg.grad(wg.grad(wg.grad(lambda x: x**3)))(1.0) == 6


@pytest.mark.parametrize("transform", [wg.grad, wg.value_and_grad, wg.jacobian, wg.hessian])
@pytest.mark.parametrize("x", [np.ones(2), Variable(2.0), 2.0, [1.0, 2.0]])
def test_an_argument_beside_the_function_is_refused_before_the_call(transform, x):
    with pytest.raises(
        (TypeError, ValueError), match=r"needed the index of an argument.*\(f\)\(x\)"
    ):
        transform(lambda x: np.sum(x**2), x)


def test_an_index_of_numpy_chooses_an_argument():
    assert wg.grad(lambda a, b: a * b, np.argmin([1, 0]))(2.0, 3.0) == 2


SMALL = [np.uint8(200), np.int8(-100), np.int16(300), np.uint16(60000), np.uint32(100000)]


@pytest.mark.parametrize("x", [*SMALL, np.uint64(3), True], ids=lambda x: type(x).__name__)
def test_a_small_integer_as_an_argument_does_not_overflow(x):
    f = lambda x: x**3 - 5 * x  # noqa: E731
    y, gradient = int(x) ** 3 - 5 * int(x), 3 * int(x) ** 2 - 5
    assert wg.value_and_grad(f)(x) == (y, gradient)
    assert wg.jvp(f, x, np.ones((), np.asarray(x).dtype)) == (y, gradient)
    assert wg.vjp(f, x)[1](1) == (gradient,)
    assert wg.hessian(f)(x) == wg.hvp(f, x, 1) == 6 * int(x)


def test_none_in_an_argument_stays_none():
    parameters = {"W": np.ones(2), "b": None, "layers": [None, 2.0]}
    y, gradient = wg.value_and_grad(lambda p: np.sum(p["W"]) * p["layers"][1])(parameters)
    assert y == 4
    assert gradient["W"].tolist() == [2, 2]
    assert (gradient["b"], gradient["layers"]) == (None, [None, 2])


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda p: p["x"] * 2, "got 'relu' in an argument to differentiate"),
        (lambda p: None, "returned NoneType, needed one number"),
        (lambda p: "loss", "returned 'loss', needed numbers"),
    ],
)
def test_what_is_no_number_is_named_with_the_transform(f, text):
    argument = {"x": 1.0, "act": "relu"} if "relu" in text else {"x": 1.0}
    with pytest.raises((TypeError, ValueError), match="^grad: .*" + text):
        wg.grad(f)(argument)


def test_grad_with_respect_to_a_model_says_what_to_write():
    model = L.Linear(1, in_size=2)
    with pytest.raises(TypeError, match=r"model.named_params\(\)"):
        wg.grad(np.sum(model(np.ones((1, 2), np.float32))), model)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: wg.grad(Variable(1.0) * 2), "without inputs, needed grad.outputs, inputs"),
        (lambda: wg.grad(np.sin, Variable(1.0)), "grad.f..x.; or grad.f.x., x."),
        (lambda: wg.grad(np.sin, 0, argnums=0), "argnums 0, 0"),
    ],
)
def test_grad_says_which_of_its_two_forms_was_meant(call, text):
    with pytest.raises(TypeError, match=text):
        call()


def test_grad_names_itself_for_a_function_of_more_than_one_number():
    with pytest.raises(ValueError, match=r"^grad: the function returned shape \(2,\)"):
        wg.grad(lambda x: x * 2)(np.ones(2))
