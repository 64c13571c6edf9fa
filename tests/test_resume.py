"""A training that is killed and resumed ends bit for bit like an uninterrupted one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import resume_run
from resume_run import LOOPS, STEPS, data, run
from wengert.functions.loss import softmax_cross_entropy
from wengert.io import load_metadata
from wengert.training import (
    Checkpoints,
    SaveCheckpoints,
    Trainer,
    load_state,
    save_checkpoint,
    save_state,
)
from wengert.training.state_file import write_state

PROGRAM = Path(resume_run.__file__)
KILLS = 50


class ProcessEndError(BaseException):
    """Simulates the end of a process."""


def contents(folder):
    """All files in a folder, without the temporary files of a killed process."""
    return {f.name: f.read_bytes() for f in folder.iterdir() if not f.name.startswith(".")}


@pytest.fixture(scope="module", params=LOOPS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def never_stopped(kind, tmp_path_factory):
    """The files of an uninterrupted training."""
    folder = tmp_path_factory.mktemp(kind)
    run(kind, folder)
    return contents(folder)


def stop_at(steps):
    """A function for after each update that raises ProcessEndError once at each of these steps."""
    left = set(steps)

    def after_step(step):
        if step in left:
            left.remove(step)
            raise ProcessEndError

    return after_step


def run_with_stops(kind, folder, after_step, **options):
    stops = 0
    while True:
        try:
            run(kind, folder, after_step=after_step, **options)
        except ProcessEndError:
            stops += 1
        else:
            return stops


def test_a_training_resumed_at_every_step_ends_like_an_uninterrupted_one(
    kind, never_stopped, tmp_path
):
    assert run_with_stops(kind, tmp_path, stop_at(range(1, STEPS + 1))) == STEPS
    assert contents(tmp_path) == never_stopped


def test_threads_that_load_ahead_do_not_change_that(kind, never_stopped, tmp_path):
    stops = [1, 4, 7, 8, 13, 21]
    assert run_with_stops(kind, tmp_path, stop_at(stops), workers=2) == len(stops)
    assert contents(tmp_path) == never_stopped


def test_a_training_resumed_after_its_end_does_not_change(kind, never_stopped, tmp_path):
    run(kind, tmp_path)
    run(kind, tmp_path)
    assert contents(tmp_path) == never_stopped


def test_a_damaged_checkpoint_costs_some_steps_but_changes_no_result(kind, never_stopped, tmp_path):
    with pytest.raises(ProcessEndError):
        run(kind, tmp_path, after_step=stop_at([11]))
    newest = Checkpoints(tmp_path).latest()
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=f"{newest.name} is skipped"):
        run(kind, tmp_path)
    assert contents(tmp_path) == never_stopped


def without(part):
    """A function that edits a checkpoint as if that part of the state had been omitted."""

    def edit(state):
        trainer = state["parts"].get("trainer")
        parts = trainer["parts"] if trainer else state["parts"]
        if part == "buffers":
            for name, value in parts["model"].items():
                if "running" in name or "mean" in name or "var" in name:
                    value[...] = "var" in name
        elif part in ("parameters", "averages"):
            for value in parts["model" if part == "parameters" else "average"].values():
                value *= 1.001
        elif part == "moments":
            for name, value in parts["optimizer"].items():
                if name != "steps" and isinstance(value, np.ndarray):
                    value[...] = 0
        elif part == "schedule":
            parts["optimizer"]["steps"] += 1
        elif part == "random":
            for holder in (state["parts"], trainer) if trainer else (state["parts"],):
                holder["random"]["state"]["state"] += 1
        elif part == "metrics":
            scores = trainer["scores"] if trainer else parts["scores"]
            scores["means"]["loss"]["total"] = 0.0
        elif part == "position":
            loader = trainer["train"] if trainer else parts["loader"]
            loader["position"] -= 1
        elif part == "shuffling":
            (trainer["train"] if trainer else parts["loader"])["passes"] += 1
        elif part == "log":
            (trainer["callbacks"]["JSONLinesLog"] if trainer else parts["log"])["length"] -= 3
        elif part == "history":
            (trainer if trainer else state["values"])["history"] = []

    return edit


@pytest.mark.parametrize(
    "part",
    [
        *("parameters", "buffers", "moments", "schedule", "averages", "random", "metrics"),
        *("position", "shuffling", "log", "history"),
    ],
)
def test_each_part_of_the_state_is_needed(kind, never_stopped, tmp_path, part):
    with pytest.raises(ProcessEndError):
        run(kind, tmp_path, after_step=stop_at([11]))
    newest = Checkpoints(tmp_path).latest()
    state = load_state(newest)
    save_state(newest, state)
    edited = newest.read_bytes()
    without(part)(state)
    save_state(newest, state)
    assert newest.read_bytes() != edited
    run(kind, tmp_path)
    assert contents(tmp_path) != never_stopped


def test_later_scores_are_compared_with_those_in_the_best_checkpoint(kind, tmp_path):
    with pytest.raises(ProcessEndError):
        run(kind, tmp_path, after_step=stop_at([11]))
    best = Checkpoints(tmp_path).best
    (step, _), *more = json.loads(load_metadata(best)["best_scores"])
    assert (step, more) == (7, [])
    write_state(best, load_state(best), {"best_scores": "[[7, 0.0]]"})
    edited = best.read_bytes()
    run(kind, tmp_path)
    assert best.read_bytes() == edited  # no later score is better


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork, and no SIGKILL")
def test_a_training_killed_at_50_random_instants_ends_as_if_it_never_had_been(
    kind, never_stopped, tmp_path
):
    """(10 to 30 s.)"""
    command = [sys.executable, str(PROGRAM), kind, str(tmp_path), "--kills", str(KILLS)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    report = json.loads(process.stdout)
    print(kind, report)
    assert report["kills"] >= KILLS
    assert report["phases"].get("starting", 0) == 0
    assert min(report["phases"].get(name, 0) for name in ("update", "writing a checkpoint")) >= 5
    for i in range(report["runs"]):
        assert contents(tmp_path / str(i)) == never_stopped


# ---- The argument `resume` ----


def trainer(callbacks=()):
    parts = resume_run.parts()
    model, optimizer = parts["model"], parts["optimizer"]
    return Trainer(model, optimizer, softmax_cross_entropy, callbacks=callbacks, progress=False)


def test_fit_resumes_equally_from_a_folder_a_file_and_true(tmp_path):
    saving = [SaveCheckpoints(tmp_path)]
    trainer(saving).fit(*data(), 1)
    histories = [
        trainer([SaveCheckpoints(tmp_path)]).fit(*data(), 1, resume=resume)
        for resume in (True, tmp_path, str(tmp_path), saving[0].checkpoints.latest())
    ]
    assert [history[0]["step"] for history in histories] == [7, 7, 7, 7]
    assert all(history == histories[0] for history in histories)


def test_any_callback_can_name_the_folder_to_resume_from(tmp_path):
    class Elsewhere(resume_run.Callback):
        def resume_folder(self):
            return tmp_path

    trainer([SaveCheckpoints(tmp_path)]).fit(*data(), 1)
    (result,) = trainer([Elsewhere()]).fit(*data(), 1, resume=True)
    assert result["step"] == 7


@pytest.mark.parametrize(
    ("resume", "kind", "message"),
    [
        (True, ValueError, "without SaveCheckpoints"),
        ("none.npz", FileNotFoundError, r"none\.npz"),
        (7, TypeError, "got resume=7"),
    ],
)
def test_a_wrong_resume_argument_is_refused(resume, kind, message):
    with pytest.raises(kind, match=message):
        trainer().fit(*data(), resume=resume)


def test_a_checkpoint_of_a_hand_written_loop_is_refused_by_a_trainer(tmp_path):
    save_checkpoint(tmp_path / "it.npz", epoch=1)
    with pytest.raises(ValueError, match=r"it\.npz has the parts random, needed a trainer"):
        trainer().fit(*data(), resume=tmp_path / "it.npz")


def test_an_object_that_is_not_a_trigger_is_refused(tmp_path):
    with pytest.raises(TypeError, match="got 3, needed a trigger"):
        SaveCheckpoints(tmp_path, 3)


def test_the_update_after_which_a_training_is_stopped_is_saved(tmp_path):
    class StopAt4(resume_run.Callback):
        def on_step(self, trainer):
            if trainer.step == 4:
                trainer.stop("enough")

    trainer([SaveCheckpoints(tmp_path), StopAt4()]).fit(*data(), 2)
    assert Checkpoints(tmp_path).latest().name == "step-000000004.npz"
