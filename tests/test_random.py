"""The one generator of each thread."""

import json
import threading

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


def test_a_thread_that_draws_does_not_move_the_generator_of_another():
    random.seed(7)
    expected = draw(2)
    random.seed(7)
    before = draw(1)
    thread = threading.Thread(target=lambda: (random.seed(1), draw()))
    thread.start()
    thread.join()
    assert before + draw(1) == expected


def test_a_state_can_be_kept_as_json_and_put_back():
    random.seed(7)
    draw()
    state = json.dumps(random.get_state())
    expected = draw()
    random.set_state(json.loads(state))
    assert draw() == expected


def test_a_state_does_not_move_on_with_the_generator():
    random.seed(7)
    state = random.get_state()
    expected = draw()
    random.set_state(state)
    assert draw() == expected


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="got -1"):
        random.seed(-1)


@pytest.mark.parametrize("n", [1.5, "1", [1, 2]])
def test_a_seed_that_is_no_whole_number_is_refused(n):
    with pytest.raises(TypeError, match=r"^seed: got .*, needed a whole number"):
        random.seed(n)
