"""The one generator of each thread."""

import contextlib
import json
import threading

import numpy as np
import pytest

from wengert import random


def draw(n=3):
    return random.generator().random(n).tolist()


def test_the_same_seed_draws_the_same():
    random.seed(7)
    first = draw()
    random.seed(7)
    assert draw() == first
    assert draw() != first


def test_without_a_seed_no_two_threads_draw_the_same():
    drawn = []
    threads = [threading.Thread(target=lambda: drawn.append(tuple(draw()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(drawn)) == 2


def test_a_thread_that_draws_does_not_advance_the_generator_of_another():
    random.seed(7)
    expected = draw(2)
    random.seed(7)
    before = draw(1)
    thread = threading.Thread(target=lambda: (random.seed(1), draw()))
    thread.start()
    thread.join()
    assert before + draw(1) == expected


def test_a_state_can_be_stored_as_json_and_restored():
    random.seed(7)
    draw()
    state = json.dumps(random.get_state())
    expected = draw()
    random.set_state(json.loads(state))
    assert draw() == expected


def test_a_state_does_not_change_with_the_generator():
    random.seed(7)
    state = random.get_state()
    expected = draw()
    random.set_state(state)
    assert draw() == expected


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed: got n -1, needed an integer ≥ 0"):
        random.seed(-1)


@pytest.mark.parametrize("n", [1.5, "1", [1, 2]])
def test_a_seed_that_is_not_an_integer_is_refused(n):
    with pytest.raises(TypeError, match=r"^seed: got .*, needed an integer"):
        random.seed(n)


# ---- Temporary generators ----


def test_a_temporary_generator_does_not_advance_the_generator_of_the_thread():
    random.seed(7)
    expected = draw(4)
    random.seed(7)
    first = draw(2)
    with random.drawing_from(3):
        draw(5)
    assert first + draw(2) == expected


def test_the_draws_in_a_block_follow_from_its_source_only():
    def drawn(source):
        with random.drawing_from(source):
            return draw()

    assert drawn((1, 2, 3)) == drawn((1, 2, 3)) != drawn((1, 2, 4))
    assert drawn(5) == np.random.default_rng(5).random(3).tolist()
    assert drawn(np.random.default_rng(5)) == drawn(5)


def test_a_thread_that_had_no_generator_does_not_keep_the_temporary_one():
    drawn = []

    def lend_and_draw():
        with random.drawing_from(1):
            drawn.append(draw())
        drawn.append(draw())

    thread = threading.Thread(target=lend_and_draw)
    thread.start()
    thread.join()
    with random.drawing_from(1):
        lent = [draw(), draw()]
    assert drawn[0] == lent[0]
    assert drawn[1] != lent[1]


def test_blocks_nest():
    with random.drawing_from(1):
        expected = draw(4)
    with random.drawing_from(1):
        first = draw(2)
        with random.drawing_from(2):
            draw(5)
        assert first + draw(2) == expected


def test_a_block_that_ends_with_an_error_restores_the_generator():
    random.seed(7)
    expected = draw()
    random.seed(7)
    with contextlib.suppress(KeyError), random.drawing_from(1):
        raise KeyError(draw())
    assert draw() == expected


def test_a_seed_set_inside_a_block_ends_with_it():
    random.seed(7)
    expected = draw()
    random.seed(7)
    with random.drawing_from(1):
        random.seed(9)
    assert draw() == expected


def test_a_block_in_one_thread_does_not_change_other_threads():
    random.seed(7)
    expected = draw()
    random.seed(7)
    entered, leave = threading.Event(), threading.Event()

    def lend():
        with random.drawing_from(1):
            entered.set()
            leave.wait(5)

    thread = threading.Thread(target=lend)
    thread.start()
    entered.wait(5)
    assert draw() == expected
    leave.set()
    thread.join()


@pytest.mark.parametrize("source", [1.5, "1", None, (1, 2.5)])
def test_a_source_that_is_neither_generator_nor_numbers_is_refused(source):
    wanted = r"^drawing_from: got source .*, needed an integer ≥ 0 or a tuple of them"
    with pytest.raises(TypeError, match=wanted), random.drawing_from(source):
        pass


def test_a_negative_number_in_a_source_is_refused():
    with (
        pytest.raises(ValueError, match=r"drawing_from: got source \(1, -2\)"),
        random.drawing_from((1, -2)),
    ):
        pass
