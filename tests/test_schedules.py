"""Schedules: their values, and errors."""

import copy
import math
import pickle

import numpy as np
import pytest

from wengert import Parameter, Variable
from wengert.layers import Layer
from wengert.optimizers import SGD
from wengert.schedules import (
    ReduceOnPlateau,
    constant,
    cosine,
    exponential,
    joined,
    linear,
    one_cycle,
    polynomial,
    step_decay,
    warm_up,
)


def values(schedule, steps):
    return [schedule(step) for step in steps]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (constant(2), {0: 2, 1000: 2}),
        (linear(1, 3, 4), {0: 1, 1: 1.5, 4: 3, 100: 3}),
        (step_decay(8, 3, 0.5), {0: 8, 2: 8, 3: 4, 6: 2}),
        (step_decay(8, [2, 5], 0.5), {0: 8, 1: 8, 2: 4, 4: 4, 5: 2, 100: 2}),
        (step_decay(8, np.int64(3), 0.5), {0: 8, 2: 8, 3: 4, 6: 2}),
        (step_decay(8, np.array([2, 5]), 0.5), {0: 8, 1: 8, 2: 4, 4: 4, 5: 2}),
        (exponential(8, 0.5), {0: 8, 1: 4, 3: 1}),
        (cosine(4, 10, 2), {0: 4, 5: 3, 10: 2, 15: 2}),
        (polynomial(4, 10, 2), {0: 4, 5: 1, 10: 0, 15: 0}),
        (polynomial(4, 10, 1, 2), {0: 4, 5: 3, 10: 2, 15: 2}),
        (warm_up(3, 3), {0: 0, 1: 1, 3: 3, 100: 3}),
        (warm_up(exponential(4, 0.5), 2, start=2), {0: 2, 1: 3, 2: 4, 3: 2}),
        (joined([constant(1), exponential(8, 0.5)], [3]), {0: 1, 2: 1, 3: 8, 4: 4}),
        (one_cycle(25, 11, 4 / 11, end_divisor=2), {0: 1, 3: 25, 10: 0.5, 99: 0.5}),
        (one_cycle(25, 11, 4 / 11, shape="linear"), {1: 9, 2: 17, 3: 25, 10: 1e-4}),
    ],
)
def test_values_at_chosen_steps(schedule, expected):
    assert values(schedule, expected) == pytest.approx(list(expected.values()), abs=1e-12)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_one_cycle_goes_up_and_then_down(shape):
    cycle = np.array(values(one_cycle(1, 100, 0.25, shape=shape), range(100)))
    changes = np.diff(cycle)
    assert np.all(changes[:24] > 0)
    assert np.all(changes[24:] < 0)
    assert cycle.max() == 1


def test_an_optimizer_follows_a_schedule_step_by_step():
    model = Layer()
    model.p = Parameter(np.zeros(()))
    optimizer = SGD(warm_up(cosine(1.0, 4), 2)).setup(model)
    steps = []
    for _ in range(7):
        model.p.grad = np.ones(())
        before = float(model.p.data)
        optimizer.update()
        steps.append(before - float(model.p.data))
    c = math.cos(math.pi / 4)
    assert steps == pytest.approx([0, 0.5, 1, (1 + c) / 2, 0.5, (1 - c) / 2, 0])


def test_the_rate_falls_after_one_more_bad_report_than_patience():
    plateau = ReduceOnPlateau(1.0, factor=0.5, patience=2)
    assert [plateau.report(m) for m in [3, 2, 2, 2]] == [False] * 4
    assert plateau.report(2)
    assert plateau(0) == plateau(99) == 0.5


def test_nan_is_not_an_improvement():
    plateau = ReduceOnPlateau(1.0, patience=1)
    assert [plateau.report(m) for m in [math.nan, math.nan]] == [False, True]


def test_a_plateau_takes_a_loss_of_any_sign():
    falling = ReduceOnPlateau(1.0, patience=0)
    assert not any(falling.report(m) for m in [1.0, 0.0, -1.0, -2.0])
    rising = ReduceOnPlateau(1.0, patience=0, maximize=True)
    assert not any(rising.report(m) for m in [-2.0, -1.0, 0.0, 1.0])


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("best", [-1e300, -1.0, -1e-3, 0.0, 1e-3, 1.0, 1e300])
def test_a_relative_threshold_is_a_fraction_of_the_magnitude_of_the_best(best, maximize):
    better = 1 if maximize else -1
    margin = 0.1 * abs(best)
    for difference, improves in [
        (0, False), (0.5 * margin, False), (-2 * margin, False), (-1.0, False),
        (1.5 * margin, best != 0), (1e301, True),
    ]:  # fmt: skip
        plateau = ReduceOnPlateau(1.0, patience=0, threshold=0.1, maximize=maximize)
        assert not plateau.report(best)
        assert plateau.report(best + better * difference) is not improves


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(("maximize", "worst"), [(False, math.inf), (True, -math.inf)])
def test_no_measure_is_better_than_an_equal_infinity(maximize, worst, relative):
    def reports(*measures):
        plateau = ReduceOnPlateau(1.0, patience=0, maximize=maximize, relative=relative)
        return [not plateau.report(m) for m in measures]  # whether each was an improvement

    assert reports(worst, worst, 0.0, worst) == [False, False, True, False]
    assert reports(-worst, -worst, 0.0, math.nan) == [True, False, False, False]


def test_negative_measures_that_get_worse_let_the_rate_fall():
    plateau = ReduceOnPlateau(1.0, factor=0.5, patience=1)
    assert [plateau.report(m) for m in [-1.0, -0.95, -0.9]] == [False, False, True]
    assert plateau.best == -1.0


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_plateau_takes_a_number_in_any_form(shape):
    plateau = ReduceOnPlateau(1.0, patience=0)
    for measure in (np.full(shape, 2.0), Variable(np.full(shape, 1.5)), np.full(shape, 1)):
        assert not plateau.report(measure)
    assert plateau.best == 1.0


@pytest.mark.parametrize("measure", [None, "0.5", [0.5, 0.4], np.zeros(2), np.zeros(0), 1j])
def test_a_plateau_names_what_it_needs(measure):
    with pytest.raises(TypeError, match=r"ReduceOnPlateau.report: got measure .* needed one num"):
        ReduceOnPlateau(1.0).report(measure)


def test_a_plateau_does_not_fall_below_its_least_value():
    plateau = ReduceOnPlateau(1.0, factor=0.1, patience=0, least=0.5)
    assert [plateau.report(m) for m in [1, 1, 1]] == [False, True, False]
    assert plateau.value == 0.5
    low = ReduceOnPlateau(0.25, patience=0, least=0.5)
    assert not any(low.report(1) for _ in range(3))
    assert low.value == 0.25


def test_a_plateau_continues_from_its_state():
    options = {"factor": 0.5, "patience": 1, "cooldown": 2}
    measures = [3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]
    whole, first, second = [ReduceOnPlateau(1.0, **options) for _ in range(3)]
    expected = [whole.report(m) for m in measures]
    before = [first.report(m) for m in measures[:5]]
    second.load_state_dict({name: np.array(x) for name, x in first.state_dict().items()})
    assert before + [second.report(m) for m in measures[5:]] == expected
    assert second.state_dict() == whole.state_dict()
    with pytest.raises(ValueError, match="missing: best, bad_reports, resting"):
        second.load_state_dict({"value": 1.0})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: constant(-1), "constant: got value -1"),
        (lambda: linear(0, math.inf, 3), "linear: got end inf"),
        (lambda: linear(0, 1, 0), "linear: got steps 0, needed an integer ≥ 1"),
        (lambda: step_decay(1, 0), "step_decay: got at 0"),
        (lambda: step_decay(1, [3, 3]), r"step_decay: got at \[3, 3\], needed rising"),
        (lambda: step_decay(1, [0, 3]), r"got at \[0, 3\], needed an integer ≥ 1"),
        (lambda: step_decay(1, 2, -0.5), "step_decay: got factor -0.5"),
        (lambda: exponential(math.nan, 0.5), "exponential: got start nan"),
        (lambda: polynomial(1, 10, -1), "polynomial: got power -1"),
        (lambda: warm_up(-1, 5), "constant: got value -1"),
        (lambda: warm_up(1, 0), "warm_up: got steps 0"),
        (lambda: one_cycle(1, 1), "one_cycle: got steps 1"),
        (lambda: one_cycle(1, 100, 1.5), "one_cycle: got rise 1.5, needed 0 ≤ rise < 1"),
        (lambda: one_cycle(1, 100, 0.001), "one_cycle: got rise 0.001 of 100 steps"),
        (lambda: one_cycle(1, 100, start_divisor=0), "got start_divisor 0, needed a number > 0"),
        (lambda: one_cycle(1, 100, shape="round"), "one_cycle: got shape 'round'"),
        (lambda: joined([constant(1)], [3]), "got 1 schedules and 1 steps"),
        (lambda: joined([constant(1)] * 3, [5, 4]), "joined: got at"),
        (lambda: ReduceOnPlateau(-1), "ReduceOnPlateau: got start -1"),
        (lambda: ReduceOnPlateau(1, factor=1), "ReduceOnPlateau: got factor 1"),
        (lambda: ReduceOnPlateau(1, factor=0), "got factor 0, needed 0 < factor < 1"),
        (lambda: ReduceOnPlateau(1, patience=-1), "ReduceOnPlateau: got patience -1"),
    ],
)
def test_a_value_out_of_range_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: constant("1"), "constant: got value '1', needed a number ≥ 0"),
        (lambda: cosine(1, 2.5), "cosine: got steps 2.5, needed an integer ≥ 1"),
        (lambda: step_decay(1, [2.5]), r"step_decay: got at \[2.5\], needed an integer"),
        (lambda: joined([0.1, constant(1)], [3]), "joined: got 0.1, needed functions"),
        (lambda: ReduceOnPlateau(1, cooldown=True), "got cooldown True, needed an integer ≥ 0"),
    ],
)
def test_a_value_of_another_kind_is_refused(wrong, message):
    with pytest.raises(TypeError, match=message):
        wrong()


SCHEDULES = [
    constant(0.1),
    linear(0.1, 0.01, 5),
    step_decay(0.1, 2),
    step_decay(0.1, np.array([1, 3]), 0.5),
    exponential(0.1, 0.9),
    cosine(0.1, 6),
    polynomial(0.1, 6, 2, 0.01),
    warm_up(0.1, 3),
    warm_up(cosine(0.1, 6), 3, start=0.01),
    one_cycle(0.1, 8, shape="linear"),
    joined([constant(0.1), cosine(0.01, 6)], [3]),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_schedule_is_a_value_that_prints_compares_and_pickles(schedule):
    names = {kind.__name__: kind for kind in map(type, [*SCHEDULES, schedule])}
    printed = eval(repr(schedule), names)
    for same in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule), printed):
        assert same == schedule
        assert hash(same) == hash(schedule)
        assert values(same, range(12)) == values(schedule, range(12))
    assert [other == schedule for other in SCHEDULES].count(True) == 1


def test_a_schedule_prints_its_options():
    assert repr(warm_up(cosine(1e-3, 90), 10)) == (
        "warm_up(then=cosine(start=0.001, steps=90, end=0.0), steps=10, start=0.0)"
    )


def test_a_plateau_prints_its_options_and_pickles_with_its_state():
    plateau = ReduceOnPlateau(1.0, patience=0)
    text = repr(plateau)
    assert text.startswith("ReduceOnPlateau(start=1.0, factor=0.1, patience=0, threshold=0.0001")
    plateau.report(1)
    plateau.report(1)
    assert repr(plateau) == text
    again = pickle.loads(pickle.dumps(plateau))
    assert again.state_dict() == plateau.state_dict()
    assert again(0) == 0.1
    fresh = eval(text)
    assert fresh(0) == 1.0
