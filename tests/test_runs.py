"""The folder of a run."""

import json

import pytest

from wengert import __version__
from wengert.cli import recipes
from wengert.cli.runs import Run, RunError, new_folder

FACTS = {"shape": [1, 8, 8], "classes": ["ä", "b"], "samples": [1, 1, 1]}


@pytest.fixture
def settings():
    return recipes.settings("digits", "mlp", {})


def test_a_run_is_opened_with_the_settings_it_was_created_with(tmp_path, settings):
    made = Run.create(tmp_path / "a" / "b", settings, FACTS)
    found = Run.open(tmp_path / "a" / "b")
    assert (found.settings, found.facts) == (settings, FACTS)
    assert json.loads((made.folder / "settings.json").read_text())["wengert"] == __version__


def test_a_run_is_finished_when_its_metrics_are_those_of_the_last_epoch(tmp_path, settings):
    run = Run.create(tmp_path / "run", settings, FACTS)
    assert run.metrics is None
    run.write_metrics({"epoch": 30, "test": {"loss": 0.5}})
    assert Run.open(run.folder).metrics == {"epoch": 30, "test": {"loss": 0.5}}
    run.settings["epochs"] = 40
    assert run.metrics is None


def test_two_runs_that_start_in_the_same_second_have_different_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda form: "20260102-030405")
    names = [new_folder(tmp_path / "runs", "digits", "mlp").name for _ in range(3)]
    start = "digits-mlp-20260102-030405"
    assert names == [start, f"{start}-2", f"{start}-3"]


def test_a_folder_that_is_not_empty_is_refused(tmp_path, settings):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is not empty; choose another folder"):
        Run.create(tmp_path, settings, FACTS)
    assert (tmp_path / "file").read_text() == "mine"


def test_settings_of_a_later_version_are_distinguished_from_damage(tmp_path, settings):
    run = Run.create(tmp_path / "run", settings | {"magic": 1}, FACTS)
    with pytest.raises(RunError, match=r"another version of wengert .*: magic: unknown setting"):
        Run.open(run.folder)


def test_names_that_are_not_unicode_are_kept(tmp_path, settings):
    facts = FACTS | {"classes": ["\udce4", "ä"]}  # the name of a folder that is not valid UTF-8
    Run.create(tmp_path / "a", settings, facts)
    assert Run.open(tmp_path / "a").facts == facts


def test_numbers_that_json_lacks_are_not_written(tmp_path, settings):
    run = Run.create(tmp_path / "run", settings, FACTS)
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write_metrics({"epoch": 1, "test": {"loss": float("nan")}})
    assert not (run.folder / "metrics.json").exists()
