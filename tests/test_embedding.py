"""Embedding: rows of a table, and the gradients that add up in them."""

import numpy as np
import pytest

from wengert import Variable
from wengert.functions.embedding import embedding
from wengert.testing import check_gradients

W = np.arange(12.0).reshape(4, 3)


def test_each_id_gives_its_row():
    ids = np.array([[3, 0], [1, 1]])
    np.testing.assert_array_equal(embedding(ids, Variable(W)).data, W[ids])


def test_an_id_of_no_axes_gives_one_row():
    assert embedding(2, Variable(W)).data.tolist() == [6, 7, 8]


def test_the_gradient_of_a_row_is_the_sum_over_the_positions_of_its_id():
    table = Variable(W)
    y = embedding([0, 2, 0, 0], table)
    gy = np.array([[1.0, 2, 3], [10, 20, 30], [4, 5, 6], [7, 8, 9]])
    y.backward(grad=gy)
    assert table.grad.data.tolist() == [[12, 15, 18], [0, 0, 0], [10, 20, 30], [0, 0, 0]]


def test_the_padding_index_has_its_row_but_no_gradient():
    table = Variable(W)
    y = embedding([1, 3, 1, 0], table, padding_index=1)
    assert y.data[0].tolist() == [3, 4, 5]
    y.backward()
    assert table.grad.data[:, 0].tolist() == [1, 0, 0, 1]


def test_the_padding_index_has_no_second_derivative_either():
    table = Variable(W)
    y = embedding([1, 3], table, padding_index=1)
    (y * y).backward(create_graph=True)
    first = table.grad
    table.cleargrad()
    first.backward()
    assert table.grad.data[:, 0].tolist() == [0, 0, 0, 2]


def test_derivatives_of_a_curved_program_are_right_to_third_order():
    check_gradients(lambda table: np.sin(embedding([[0, 2], [2, 2]], table)), W / 5, order=3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_ids_of_every_integer_type_reach_rows_beyond_their_range(dtype):
    table = Variable(np.zeros((200, 300), np.float32))
    embedding(np.array([199 if dtype is np.uint8 else 150], dtype), table).backward()
    assert table.grad.data.sum() == 300
    assert table.grad.data[199 if dtype is np.uint8 else 150].tolist() == [1] * 300


def test_ids_that_the_program_changes_later_do_not_change_the_gradient():
    table, ids = Variable(W), np.array([0, 1])
    y = embedding(ids, table)
    ids[:] = 3
    y.backward()
    assert table.grad.data[:, 0].tolist() == [1, 1, 0, 0]


def test_no_ids_give_no_rows_and_a_gradient_of_zeros():
    table = Variable(W)
    y = embedding(np.zeros((2, 0), int), table)
    assert y.shape == (2, 0, 3)
    y.backward()
    assert not table.grad.data.any()


def test_embedding_of_arrays_is_an_array_and_not_a_view_of_the_table():
    y = embedding([0, 1], W)
    assert type(y) is np.ndarray
    assert not np.shares_memory(y, W)


@pytest.mark.parametrize(
    ("ids", "table", "padding_index", "error", "message"),
    [
        ([4], W, None, ValueError, r"the id 4, but W \(4, 3\) has rows 0 to 3"),
        ([0, -1], W, None, ValueError, "the id -1"),
        ([0], np.zeros((0, 3)), None, ValueError, "the id 0"),
        ([0.0], W, None, TypeError, "ids of float64.*integers"),
        ([True], W, None, TypeError, "ids of bool"),
        ([0], W[0], None, ValueError, r"W \(3,\), needed a table"),
        ([0], W, 4, ValueError, "padding_index 4.*< 4"),
        ([0], W, -1, ValueError, "padding_index -1"),
    ],
)
def test_ids_and_tables_of_the_wrong_kind_are_refused(ids, table, padding_index, error, message):
    with pytest.raises(error, match=f"embedding: .*{message}"):
        embedding(ids, Variable(table), padding_index)
