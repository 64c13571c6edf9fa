"""Variables behave like ndarrays: operators, methods, NumPy's functions, text, copies, types."""

import copy
import operator
import pickle

import numpy as np
import pytest

import wengert.functions as F
from wengert import Function, Parameter, Variable

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow,
    operator.floordiv, operator.mod,
]  # fmt: skip
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge]
OPERANDS = [
    3, 0.5, True, np.float64(2.0), np.float32(1.5), np.int64(3), np.array(2.0), np.array([3, 2]),
    np.array([[0.5], [2.5]]), np.ones((0, 2)),
]  # fmt: skip


def name(value):
    return f"{type(value).__name__}{getattr(value, 'shape', '')}"


# ---- Operators ----


@pytest.mark.parametrize("other", OPERANDS, ids=name)
@pytest.mark.parametrize("op", BINARY + COMPARISONS, ids=lambda op: op.__name__)
def test_operators_give_what_numpy_gives_on_both_sides(op, other):
    array = np.array([1.5, 2.0])
    x = Variable(array)
    for y, expected in [(op(x, other), op(array, other)), (op(other, x), op(other, array))]:
        assert isinstance(y, Variable)
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y.data, expected)


@pytest.mark.parametrize("other", [2, 0.5, np.float64(2.0), np.float32(2.0)], ids=name)
@pytest.mark.parametrize("op", BINARY[:5], ids=lambda op: op.__name__)
def test_reflected_operators_have_their_gradient(op, other):
    x, h = Variable(1.5), 1e-6
    op(other, x).backward()
    difference = (op(float(other), 1.5 + h) - op(float(other), 1.5 - h)) / (2 * h)
    assert x.grad.data == pytest.approx(difference, rel=1e-8)


def test_an_array_on_the_left_makes_one_variable_and_not_an_array_of_them():
    for y in (np.ones(2) + Variable(1.0), np.float64(1.0) * Variable(np.ones(2))):
        assert isinstance(y, Variable)
        assert y.data.dtype == np.float64


def test_unary_operators():
    x = Variable(np.array([-1.5, 2.0]))
    assert (-x).data.tolist() == [1.5, -2.0]
    assert (+x).data.tolist() == [-1.5, 2.0]
    assert abs(x).data.tolist() == [1.5, 2.0]
    np.sum(-x + abs(x) * 2).backward()
    assert x.grad.data.tolist() == [-3.0, 1.0]


def test_divmod_is_floor_division_and_remainder():
    q, r = divmod(Variable(7.5), 2)
    assert (q.data, r.data) == (3.0, 1.5)
    q, r = divmod(7.5, Variable(2.0))
    assert (q.data, r.data) == (3.0, 1.5)
    q, r = divmod(np.float64(7.5), Variable(2.0))
    assert (q.data, r.data) == (3.0, 1.5)


def test_logic_of_booleans():
    x = Variable(np.array([1.0, 2.0, 3.0]))
    assert ((x > 1) & (x < 3)).data.tolist() == [False, True, False]
    assert ((x <= 1) | (x >= 3)).data.tolist() == [True, False, True]
    assert ((x > 1) ^ (x > 2)).data.tolist() == [False, True, False]
    assert (~(x > 1)).data.tolist() == [True, False, False]
    assert (np.array([True, True, False]) & (x > 1)).data.tolist() == [False, True, False]


def test_matrix_product_on_both_sides():
    A, x = np.arange(6.0).reshape(2, 3), Variable(np.ones(3))
    y = A @ x
    assert y.data.tolist() == [3.0, 12.0]
    np.sum(y).backward()
    assert x.grad.data.tolist() == [3.0, 5.0, 7.0]
    assert (x @ A.T).data.tolist() == [3.0, 12.0]
    assert (x @ x).shape == ()


def test_power_of_a_variable_and_by_a_variable():
    x = Variable(3.0)
    (x**2 + 2**x + x**x).backward()
    assert x.grad.data == pytest.approx(6 + 8 * np.log(2) + 27 * (1 + np.log(3)))


def test_lists_are_arrays():
    x = Variable(np.array([1.0, 2.0]))
    assert (x + [1, 2]).data.tolist() == [2.0, 4.0]  # noqa: RUF005
    assert ([1, 2] * x).data.tolist() == [1.0, 4.0]


@pytest.mark.parametrize("other", [None, "a", 1j, {}, np.complex128(1j), np.str_("a")])
def test_other_operands_are_refused(other):
    with pytest.raises(TypeError):
        Variable(1.0) + other
    with pytest.raises(TypeError):
        other * Variable(1.0)


@pytest.mark.parametrize("data", [
    None, "a", 1j, [None], np.array(1j), np.complex128(1j), np.str_("a"), np.datetime64("2020"),
    object(), {},
])  # fmt: skip
def test_a_variable_holds_real_numbers_or_booleans(data):
    with pytest.raises(TypeError, match="float, int or bool"):
        Variable(data)


@pytest.mark.parametrize("data", [1, 1.5, True, [1, 2], np.float32(1), np.ones(2), np.bool_(0)])
def test_a_variable_is_made_of_numbers_lists_and_arrays(data):
    x = Variable(data)
    assert type(x.data) is np.ndarray
    np.testing.assert_array_equal(x.data, data)


# ---- Attributes and methods ----


def test_attributes_are_those_of_the_data():
    x = Variable(np.ones((2, 3), np.float32))
    assert (x.shape, x.ndim, x.size, x.dtype) == ((2, 3), 2, 6, np.float32)
    assert len(x) == 2
    assert x.numpy() is x.data
    assert x.nbytes == 24
    assert x.tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize(("method", "arguments"), [
    ("reshape", (3, 2)), ("reshape", ((3, 2),)), ("reshape", (-1,)), ("transpose", ()),
    ("transpose", (1, 0)), ("transpose", ((1, 0),)), ("swapaxes", (0, 1)), ("flatten", ()),
    ("ravel", ()), ("squeeze", ()), ("repeat", (2, 1)), ("diagonal", ()), ("diagonal", (1,)),
    ("trace", ()), ("dot", (np.ones(3),)), ("clip", (1, 4)), ("round", ()), ("cumsum", (1,)),
    ("argmax", (1,)), ("argmin", ()), ("sum", ()), ("sum", (0,)), ("prod", (-1,)), ("mean", (1,)),
    ("var", (0,)), ("std", (1,)), ("max", (0,)), ("min", ((0, 1),)), ("copy", ()),
    ("astype", (np.float32,)), ("item", None), ("tolist", ()), ("any", ()), ("any", (0,)),
    ("all", (1,)), ("take", ([1, 4],)), ("take", ([1, 2], 1)), ("argsort", ()), ("argsort", (0,)),
])  # fmt: skip
def test_methods_give_what_numpy_gives(method, arguments):
    array = np.array([[0.3, 1.7, 2.2], [5.1, 4.4, 3.9]])
    if arguments is None:
        array, arguments = array[:1, :1], ()
    expected = getattr(array, method)(*arguments)
    y = getattr(Variable(array), method)(*arguments)
    y = y.data if isinstance(y, Variable) else y
    np.testing.assert_allclose(y, expected)
    assert np.shape(y) == np.shape(expected)


@pytest.mark.parametrize("method", ["sum", "prod", "mean", "var", "std", "max", "min"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
def test_reductions_keep_the_reduced_axes_if_asked(method, axis):
    array = np.array([[0.3, 1.7, 2.2], [5.1, 4.4, 3.9]])
    y = getattr(Variable(array), method)(axis=axis, keepdims=True)
    np.testing.assert_allclose(y.data, getattr(array, method)(axis=axis, keepdims=True))


@pytest.mark.parametrize("method", ["argmax", "argmin", "any", "all"])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_selections_keep_the_reduced_axis_if_asked(method, axis):
    array = np.array([[0.3, 0.0, 2.2], [5.1, 4.4, 0.0]])
    y = getattr(Variable(array), method)(axis=axis, keepdims=True)
    np.testing.assert_array_equal(y.data, getattr(array, method)(axis=axis, keepdims=True))


def test_sort_gives_a_sorted_variable_and_does_not_change_x():
    x = Variable(np.array([[3.0, 1.0], [2.0, 4.0]]))
    assert x.sort().tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert x.sort(0).tolist() == [[2.0, 1.0], [3.0, 4.0]]
    assert x.tolist() == [[3.0, 1.0], [2.0, 4.0]]


@pytest.mark.parametrize("clip", [
    lambda x: x.clip(min=1, max=4), lambda x: x.clip(max=4, min=1), lambda x: np.clip(x, 1, 4),
    lambda x: np.clip(x, a_min=1, a_max=4), lambda x: np.clip(x, min=1, max=4),
    lambda x: np.clip(x, 1, max=4), lambda x: x.clip(1, max=4),
])  # fmt: skip
def test_limits_are_given_by_position_or_by_each_of_their_names(clip):
    assert clip(Variable(np.array([0.5, 2.0, 5.0]))).tolist() == [1.0, 2.0, 4.0]


def test_one_limit_alone_is_enough():
    x = Variable(np.array([0.5, 2.0, 5.0]))
    assert x.clip(min=1).tolist() == np.clip(x, a_min=1, a_max=None).tolist() == [1.0, 2.0, 5.0]
    assert x.clip(max=4).tolist() == [0.5, 2.0, 4.0]


def test_a_limit_given_twice_is_refused():
    with pytest.raises(TypeError, match=r"^clip: got a limit twice"):
        Variable(1.0).clip(0, 2, min=1)


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: x.sum(out=np.ones(())), r"Variable\.sum\(\) .*'out'"),
    (lambda x: x.conj("C"), r"Variable\.conj\(\) takes 1 "),
    (lambda x: x.astype("float32", casting="safe"), r"Variable\.astype\(\) .*'casting'"),
])  # fmt: skip
def test_an_argument_that_a_method_lacks_is_reported_for_a_variable(call, message):
    with pytest.raises(TypeError, match=message):
        call(Variable(np.ones(2)))


def test_the_transpose_of_each_matrix():
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(Variable(x).mT.data, np.swapaxes(x, 1, 2))
    with pytest.raises(ValueError, match="needed"):
        _ = Variable(np.ones(2)).mT


def test_round_is_numpys():
    x = Variable(np.array([0.25, 2.125]))
    assert round(x).tolist() == [0.0, 2.0]
    assert round(x, 1).tolist() == [0.2, 2.1]


def test_a_copy_of_booleans_has_its_own_memory():
    x = Variable(np.array([1.0, -1.0])) > 0
    y = x.copy()
    x.data[:] = False
    assert y.tolist() == [True, False]


def test_the_transpose():
    x = Variable(np.arange(6.0).reshape(2, 3))
    assert x.T.shape == (3, 2)
    (x.T @ np.array([1.0, 2.0])).backward(grad=np.array([1.0, 0.0, 2.0]))
    assert x.grad.data.tolist() == [[1.0, 0.0, 2.0], [2.0, 0.0, 4.0]]


def test_one_element_is_a_python_number_and_boolean():
    x = Variable(np.array([[2.5]]))
    assert float(x) == 2.5
    assert int(x) == 2
    assert x.item() == 2.5
    assert bool(x) is True
    assert bool(Variable(0.0)) is False
    assert [10, 20, 30][Variable(2)] == 30


@pytest.mark.parametrize("convert", [float, int, bool, Variable.item])
@pytest.mark.parametrize("data", [np.ones(2), np.ones((0,))])
def test_more_or_fewer_elements_are_not_a_python_number(convert, data):
    with pytest.raises(ValueError, match="needed one element"):
        convert(Variable(data))


def test_iteration_gives_the_rows_and_their_gradients():
    x = Variable(np.arange(6.0).reshape(3, 2))
    a, b, _ = x
    (np.sum(a) * 2 + np.sum(b * b)).backward()
    assert x.grad.data.tolist() == [[2, 2], [4, 6], [0, 0]]
    assert [row.data.tolist() for row in x] == x.data.tolist()


def test_a_0_d_variable_has_no_length():
    with pytest.raises(TypeError, match="0-d"):
        len(Variable(1.0))
    with pytest.raises(TypeError, match="0-d"):
        iter(Variable(1.0))


def test_item_assignment_is_refused_with_what_to_do():
    x = Variable(np.ones(2))
    with pytest.raises(TypeError, match=r"np.where.*x.data"):
        x[0] = 1
    with pytest.raises(TypeError, match=r"np\.any"):
        1.0 in x  # noqa: B015


# ---- Indexing ----


@pytest.mark.parametrize("key", [
    0, -1, np.int64(1), slice(None), slice(1, None, 2), slice(None, None, -1), Ellipsis, None,
    (0, 1), (slice(None), 0), (Ellipsis, -1), (None, 0, None), (slice(0, 0),), (), True,
    [0, 0, 1], np.array([2, 0, 2]), np.array([[0, 1], [1, 1]]), np.array([True, False, True]),
    (np.array([0, 2, 0]), np.array([1, 1, 1])), (np.array([0, 0]), slice(1, 3)),
    (slice(None), [0, 0]), (None, [1, 1], Ellipsis), np.eye(3, 4, dtype=bool),
    (np.array([[0], [2]]), np.array([1, 1])), np.array([], int), np.zeros(3, bool),
], ids=repr)  # fmt: skip
def test_indexing_of_every_numpy_kind_with_gradients_that_add_up(key):
    array = np.arange(12.0).reshape(3, 4)
    x = Variable(array)
    y = x[key]
    np.testing.assert_array_equal(y.data, array[key])
    assert y.shape == array[key].shape
    weights = np.arange(1.0, 1 + y.size).reshape(y.shape)
    y.backward(grad=weights)
    expected = np.zeros((3, 4))
    np.add.at(expected, key, weights)
    np.testing.assert_array_equal(x.grad.data, expected)


def test_variables_are_indices_too():
    x = Variable(np.array([5.0, 6.0, 7.0]))
    assert x[Variable(1)].data == 6.0
    assert x[Variable(np.array([2, 2]))].data.tolist() == [7.0, 7.0]
    assert x[x > 5].data.tolist() == [6.0, 7.0]
    assert x[np.argmax(x)].data == 7.0


def test_indexing_is_differentiated_again():
    x = Variable(np.array([1.0, 2.0, 3.0]))
    y = x[[0, 0, 2]] ** 3
    np.sum(y).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    np.sum(gx).backward()
    assert x.grad.data.tolist() == [12.0, 0.0, 18.0]


@pytest.mark.parametrize("key", [7, (0, 0, 0), 0.5, np.array([9])])
def test_a_wrong_index_names_the_index_and_the_shape(key):
    with pytest.raises(IndexError, match=r"\(3, 4\)"):
        Variable(np.ones((3, 4)))[key]


def test_an_index_does_not_share_memory_with_its_variable():
    x = Variable(np.array([1.0, 2.0]))
    y = x[:1]
    x[:1].backward()
    assert not np.shares_memory(x.grad.data, y.data)


# ---- NumPy's functions ----


@pytest.mark.parametrize("f", [
    np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sqrt, np.square,
    np.absolute, np.sign, np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh,
    np.cosh, np.tanh, np.floor, np.ceil, np.negative, np.positive, np.reciprocal,
], ids=lambda f: f.__name__)  # fmt: skip
def test_ufuncs_on_a_variable_run_our_function(f):
    array = np.array([[0.25, 0.5], [0.75, 0.9]])
    y = f(Variable(array))
    assert isinstance(y, Variable)
    assert y.creator is not None
    np.testing.assert_allclose(y.data, f(array), rtol=1e-14)


@pytest.mark.parametrize("f", [
    np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.minimum, np.arctan2,
    np.logaddexp, np.matmul,
], ids=lambda f: f.__name__)  # fmt: skip
def test_ufuncs_of_two_run_our_function_on_either_side(f):
    a, b = np.array([[0.25, 0.5], [0.75, 0.9]]), np.array([[2.0, 3.0], [1.5, 0.5]])
    for xs in [(Variable(a), b), (a, Variable(b)), (Variable(a), Variable(b))]:
        y = f(*xs)
        assert isinstance(y, Variable)
        np.testing.assert_allclose(y.data, f(a, b), rtol=1e-14)


@pytest.mark.parametrize("call", [
    lambda x: np.sum(x, axis=0), lambda x: np.mean(x, 1, keepdims=True), lambda x: np.max(x),
    lambda x: np.var(x, axis=(0, 1)), lambda x: np.reshape(x, (4,)), lambda x: np.transpose(x),
    lambda x: np.concatenate([x, np.ones((1, 2))]), lambda x: np.stack([np.ones((2, 2)), x]),
    lambda x: np.where(np.array([True, False]), x, 0.0), lambda x: np.clip(x, 0.3, 0.8),
    lambda x: np.broadcast_to(x, (3, 2, 2)), lambda x: np.squeeze(x[None]),
    lambda x: np.expand_dims(x, 0), lambda x: np.moveaxis(x, 0, 1), lambda x: np.flip(x, 0),
    lambda x: np.roll(x, 1, 0), lambda x: np.repeat(x, 2), lambda x: np.tile(x, (2, 1)),
    lambda x: np.pad(x, 1), lambda x: np.cumsum(x, 1), lambda x: np.argmax(x, 0),
    lambda x: np.prod(x, axis=-1), lambda x: np.dot(x, x), lambda x: np.outer(x, x),
    lambda x: np.tensordot(x, x, 1), lambda x: np.einsum("ij,kj->ik", x, x),
    lambda x: np.trace(x), lambda x: np.diagonal(x), lambda x: np.triu(x), lambda x: np.tril(x),
    lambda x: np.zeros_like(x), lambda x: np.ones_like(x), lambda x: np.swapaxes(x, 0, 1),
    lambda x: np.round(x, 1), lambda x: np.copy(x), lambda x: np.zeros((2,), like=x),
    lambda x: np.std(x, ddof=1), lambda x: np.min(x, axis=0), lambda x: np.split(x, 2)[1],
])  # fmt: skip
def test_numpys_functions_give_variables_with_the_values_of_numpy(call):
    array = np.array([[0.25, 0.5], [0.75, 0.9]])
    y = call(Variable(array))
    assert isinstance(y, Variable)
    np.testing.assert_allclose(y.data, call(array))


def test_shape_ndim_and_size_are_plain():
    x = Variable(np.ones((2, 3)))
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((2, 3), 2, 6)


@pytest.mark.parametrize(("call", "message"), [
    (lambda x: np.add.at(x, [0], 1.0), r"np.add.at is not recorded.*scatter_add"),
    (lambda x: np.exp(x, out=np.ones(2)), r"np.exp with out.*y = x"),
    (lambda x: np.sum(x, out=np.ones(())), r"numpy.sum: got out.*y = numpy.sum"),
    (lambda x: np.add(x, x, where=np.array([True, False])), r"np.add with where.*np.where"),
    (lambda x: np.fft.fft(x), r"numpy.fft.fft is not recorded.*complex.*x.data"),
    (lambda x: np.put(x, [0], 1.0), r"numpy.put is not recorded.*in place.*np.put\(x.data"),
    (lambda x: np.roots(x), r"numpy.roots is not recorded.*complex.*np.roots\(x.data"),
    (lambda x: np.array([x, x]), r"wg.array\(\[x, y\]\) or np.stack\(\[x, y\]\)"),
    (lambda x: np.array(x), r"pass x.data"),
    (lambda x: np.asarray(x), r"pass x.data"),
    (lambda x: np.array([x, x]), r"pass x.data"),
    (lambda x: np.array([x[0], x[1]]), r"pass x.data"),
    (lambda x: np.sum([x, x]), r"pass x.data"),
    (lambda x: np.full(2, x), r"pass x.data"),
    (lambda x: Variable([x, x]), r"pass x.data"),
])  # fmt: skip
def test_a_numpy_function_that_is_not_implemented_says_what_to_use(call, message):
    with pytest.raises(TypeError, match=message):
        call(Variable(np.array([1.0, 2.0])))


def test_wrong_arguments_of_a_numpy_function_are_reported_with_the_right_ones():
    with pytest.raises(TypeError) as error:
        np.pad(Variable([1.0]), 1, width=2)
    assert str(error.value) == (
        "numpy.pad: got an unexpected keyword argument 'width'; "
        "for Variables it is pad(array, pad_width, mode='constant', *, constant_values=0, "
        "end_values=0, stat_length=None, reflect_type='even')"
    )


def test_a_variable_is_not_silently_written_into_an_array():
    array = np.zeros(2)
    with pytest.raises(TypeError, match=r"x\.data"):
        array[:] = Variable(np.ones(2))
    with pytest.raises(TypeError, match=r"np\.add with out"):
        array += Variable(np.ones(2))
    assert array.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("f", [F.exp, F.sum, F.square, F.tanh])
def test_our_functions_give_arrays_for_arrays(f):
    assert not isinstance(f(np.array([0.5, 0.25])), Variable)
    assert isinstance(f(Variable(np.array([0.5, 0.25]))), Variable)


# ---- Types ----


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("f", [
    lambda x: x + 1, lambda x: 2.5 * x, lambda x: 1 / x, lambda x: x**2, lambda x: x**0.5,
    lambda x: 2**x, lambda x: x - True, lambda x: abs(-x), lambda x: np.mean(x),
    lambda x: x[0] / 3, lambda x: np.where(x > 1, x, 0.0), lambda x: np.maximum(x, 1),
    lambda x: np.sum(x) / len(x), lambda x: np.clip(x, 0.5, 1),
])  # fmt: skip
def test_a_float_keeps_its_type_with_python_scalars_there_and_back(dtype, f):
    x = Variable(np.array([1.5, 2.5], dtype))
    y = f(x)
    assert y.dtype == dtype
    y.backward(create_graph=True)
    assert x.grad.dtype == dtype


@pytest.mark.parametrize(("x", "other", "dtype"), [
    (3, 2, np.int64), (3, 0.5, np.float64), (True, 2, np.int64), (np.float32(1), 2, np.float32),
    (np.float32(1), np.float64(2), np.float64), (np.int8(1), 2, np.int8),
    (np.float32(1), np.ones(2), np.float64),
])  # fmt: skip
def test_types_are_promoted_as_numpy_does(x, other, dtype):
    assert (Variable(x) * other).dtype == dtype
    assert (other * Variable(x)).dtype == dtype


def test_astype_casts_and_the_gradient_is_cast_back():
    x = Variable(np.ones(2, np.float32))
    y = x.astype(np.float64)
    assert y.dtype == np.float64
    np.sum(y * 3).backward()
    assert x.grad.dtype == np.float32
    assert x.grad.data.tolist() == [3.0, 3.0]


# ---- Text ----


@pytest.mark.parametrize(("x", "text"), [
    (Variable(0.5), "Variable(0.5)"),
    (Variable([1.0, 2.0]), "Variable([1., 2.])"),
    (Variable(3), "Variable(3, dtype=int64)"),
    (Variable(np.float32(1), name="b"), "Variable(1., dtype=float32, name='b')"),
    (Variable(np.ones((2, 1))), "Variable([[1.],\n          [1.]], shape=(2, 1))"),
    (Variable(2.0) * 3, "Variable(6., creator=Mul)"),
    (Parameter(1.0), "Parameter(1.)"),
    (Variable(np.ones((0, 3))), "Variable([], shape=(0, 3))"),
])  # fmt: skip
def test_repr_shows_the_value_and_what_it_is(x, text):
    assert repr(x) == text


def test_repr_of_a_large_variable_is_short():
    assert len(repr(Variable(np.zeros((1000, 1000))))) < 500
    assert "shape=(1000, 1000)" in repr(Variable(np.zeros((1000, 1000))))


@pytest.mark.parametrize("data", [0.5, [1.0, 2.0], np.ones((2, 2)), True])
def test_str_is_the_plain_value(data):
    assert str(Variable(data)) == str(np.asarray(data))
    assert f"{Variable(data)}" == str(np.asarray(data))


def test_one_element_is_formatted_like_a_number():
    assert f"{Variable(1.23456):.3f}" == "1.235"
    assert f"{Variable(7):>4d}" == "   7"


# ---- Copies ----


@pytest.mark.parametrize("send", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_leaf_is_copied_with_all_its_attributes(send):
    x = Parameter(np.array([1.0, 2.0], np.float32), name="W")
    x.grad = np.array([3.0, 4.0], np.float32)
    z = send(x)
    assert type(z) is Parameter
    assert (z.name, z.requires_grad, z.creator, z.generation) == ("W", True, None, 0)
    assert z.data.tolist() == [1.0, 2.0]
    assert z.grad.data.tolist() == [3.0, 4.0]
    assert z.dtype == z.grad.dtype == np.float32
    assert not np.shares_memory(z.data, x.data)
    assert not np.shares_memory(z.grad.data, x.grad.data)


@pytest.mark.parametrize("send", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_a_constant_is_a_constant(send):
    assert not send(Variable(1.0, requires_grad=False)).requires_grad
    z = send(Variable(2.0))
    (z * z).backward()
    assert z.grad.data == 4.0


def test_a_gradient_with_a_graph_is_copied_as_a_value():
    x = Variable(2.0)
    (x**3).backward(create_graph=True)
    z = copy.deepcopy(x)
    assert z.grad.creator is None
    assert z.grad.data == 12.0


def test_a_variable_made_by_a_function_cannot_be_pickled():
    with pytest.raises(RuntimeError, match=r"only leaves.*Mul"):
        pickle.dumps(Variable(1.0) * 2)


@pytest.mark.parametrize("send", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_a_function_is_copied_without_the_record_of_its_call(send):
    f = F.arithmetic.Pow(3)
    y = f(Variable(2.0) * 1)
    g = send(f)
    assert g.inputs == ()
    assert g(Variable(2.0)).data == 8.0
    assert f.output is y


def test_a_constant_array_keeps_its_dtype_beside_a_variable():
    arrived = []

    class Tell(Function):
        def forward(self, x, t):
            arrived.append(t.dtype)
            return x

    Tell()(Variable(np.ones(2, np.float32)), np.array([1, 2]))
    Tell()(Variable(np.ones(2, np.float32)), np.ones(2))
    assert arrived == [np.int64, np.float64]


@pytest.mark.parametrize(
    "operands",
    [(Variable(np.ones(2)), np.ones(3)), (np.ones(2), np.ones(3)), (np.ones(2), "three")],
)
def test_an_error_with_a_constant_has_no_internal_error_as_its_context(operands):
    with pytest.raises((ValueError, TypeError)) as info:
        F.add(*operands)
    assert info.value.__context__ is None or info.value.__suppress_context__


def test_limits_that_are_changed_later_do_not_change_the_gradient():
    x, low = Variable(np.array([1.0, 2.0])), np.array([0.0, 3.0])
    y = np.clip(x, low, None)
    low[:] = 5
    np.sum(y).backward()
    assert x.grad.data.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("call", "start"), [
    (lambda x: x & 1, "bitwise_and: got float64 and float64, needed integers or booleans"),
    (lambda x: ~x, "invert: got float64, needed integers or booleans"),
    (lambda x: np.round(x, 1.5), "round: got decimals 1.5, needed an integer"),
    (lambda x: np.clip(x, "a", 1), "clip: got a limit of dtype <U1, needed numbers"),
    (lambda x: np.pad(x, 1, constant_values="a"), "pad: got constant_values a, needed one"),
    (lambda x: x.astype("nope"), "astype: got dtype 'nope', needed one of float, int or bool"),
    (lambda x: x.astype(complex), "astype: got dtype <class 'complex'>, needed one of"),
])  # fmt: skip
def test_an_argument_of_the_wrong_kind_is_refused_with_our_message(call, start):
    with pytest.raises(TypeError) as error:
        call(Variable(np.ones(2)))
    assert str(error.value).startswith(start)


@pytest.mark.parametrize("low", [np.ones(5), Variable(np.ones(5))])
def test_limits_that_do_not_broadcast_are_reported_with_both_shapes(low):
    with pytest.raises(ValueError, match=r"\(2,\) and .*\(5,\).*broadcast"):
        Variable(np.ones(2)).clip(low)


@pytest.mark.parametrize("power", [
    lambda x: x**-1, lambda x: x ** np.array([-1, 1]), lambda x: np.power(x, Variable(-2)),
    lambda x: 2**-x,
])  # fmt: skip
def test_an_integer_has_no_negative_power(power):
    with pytest.raises(ValueError, match=r"^pow: got integers.*use x\.astype\(float\)"):
        power(Variable(np.array([2, 3])))


def test_a_gradient_goes_from_floats_back_to_integers_but_not_out_of_integers():
    x = Variable(np.array([1, 2]))
    np.sum(x.astype(float) * 3.0).backward()
    assert x.grad.tolist() == [3, 3]
    z = Variable(np.array([1.5, 2.5]))
    np.sum(z.astype(int) * 3.0 + z).backward()
    assert z.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 2)])
def test_the_truth_of_several_elements_is_refused_with_what_to_write(shape):
    x, y = Variable(np.ones(shape)), Variable(np.ones(shape))
    for use in (lambda: bool(x), lambda: y in [x, y], lambda: 1 if x == y else 0):
        with pytest.raises(ValueError, match=r"true or false; use np.all\(x\).*`is` to find"):
            use()
