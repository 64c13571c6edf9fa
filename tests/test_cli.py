"""The command `wengert`; tests of train, evaluate, predict and generate are in test_cli_*.py."""

import os
import subprocess
import sys

import numpy as np
import pytest

import wengert
from command import ran, refused, start
from wengert.cli import main, threads
from wengert.cli.demo import story

# ---- demo, info, --version, --help ----


def test_the_demo_ends_with_the_gradient_by_hand_and_by_backward():
    lines = list(story())
    assert "          = 2 × 0.5 × 3.297442541400256 = 3.297442541400256" in lines
    assert lines[-1] == "    x.grad = 3.297442541400256"


def test_the_demo_shows_each_value_with_its_creator_and_each_gradient_with_its_formula(capsys):
    out = ran(capsys, "demo")
    for line in [
        "    b = exp(a) = 1.2840254166877414   b.creator is B, B.input is a",
        "    dy/db = 2 × b × dy/dy\n          = 2 × 1.2840254166877414 × 1.0 = 2.568050833375483",
        "    dy/da = exp(a) × dy/db\n          = exp(0.25) × 2.568050833375483 = 3.297442541400256",
    ]:
        assert line in out


def test_info_names_the_versions_and_the_thread_settings(capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    facts = dict(line.split(maxsplit=1) for line in ran(capsys, "info").splitlines())
    assert facts["wengert"].startswith(wengert.__version__)
    assert facts["NumPy"] == np.__version__
    assert "OMP_NUM_THREADS=3" in facts["threads"]
    assert {"Python", "BLAS", "CPU", "cores", "platform", "modes", "kernels"} <= set(facts)


@pytest.mark.parametrize(
    ("kind", "env", "said"),
    [
        ("openblas", {}, "(no *_NUM_THREADS is set; OPENBLAS_NUM_THREADS=N before Python starts "),
        ("openblas", {"OMP_NUM_THREADS": "5"}, "(OMP_NUM_THREADS=5)"),
        ("openblas", {"OMP_NUM_THREADS": "5", "OPENBLAS_NUM_THREADS": "3"}, "(OPENBLAS_NUM_THREAD"),
        ("openblas", {"MKL_NUM_THREADS": "5"}, "(no *_NUM_THREADS"),
        ("mkl", {"MKL_NUM_THREADS": "5", "OMP_NUM_THREADS": "3"}, "(MKL_NUM_THREADS=5)"),
        ("accelerate", {}, "VECLIB_MAXIMUM_THREADS=N before Python starts changes it)"),
        (None, {}, "chosen by BLAS (no *_NUM_THREADS is set; OMP_NUM_THREADS=N before"),
    ],
)
def test_info_names_the_variable_that_counts(monkeypatch, kind, env, said):
    monkeypatch.setattr(threads, "blas", lambda: kind)
    for name in {name for names in threads.VARIABLES.values() for name in names}:
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert said in threads.threads()


@pytest.mark.skipif(threads.blas() != "openblas", reason="needs NumPy with OpenBLAS")
@pytest.mark.parametrize("count", ["1", "2"])
def test_info_asks_blas_for_its_threads(count):
    if int(count) > (os.cpu_count() or 1):
        pytest.skip("has fewer cores")
    process = start("info", env={**os.environ, "OPENBLAS_NUM_THREADS": count})
    out, _ = process.communicate(timeout=60)
    assert f"\nthreads   {count} in OpenBLAS, for matrix products; 1 elsewhere (OPENBLAS_" in out


def test_version_as_a_module_of_python():
    process = start("--version")
    assert process.communicate(timeout=60) == (f"wengert {wengert.__version__}\n", "")


def test_help_loads_nothing_that_only_training_needs():
    code = (
        "import sys\nfrom wengert.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(*[m for m in sys.modules if m.startswith('wengert.')], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.removeprefix("wengert.") for name in run.stderr.split()}
    assert "cli.recipes" in loaded
    assert not loaded & {
        "data",
        "io",
        "cli.jobs",
        "cli.networks",
        "cli.runs",
        "cli.samples",
        "training",
    }


def test_the_help_of_every_command_is_printed(capsys):
    for command in ["train", "evaluate", "predict", "generate", "demo", "info"]:
        with pytest.raises(SystemExit) as exit:
            main([command, "--help"])
        assert exit.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: wengert {command}")


# ---- Mistakes ----


@pytest.mark.parametrize("arguments", [[], ["trian"], ["train", "faces"], ["--bogus"], ["train"]])
def test_a_wrong_command_is_one_clear_line(capsys, arguments):
    assert refused(capsys, *arguments).startswith("wengert")


def test_an_argument_too_many_is_named(capsys):
    assert (
        "unrecognized argument b; it tests with the data of the run, and wengert predict RUN"
        in (refused(capsys, "evaluate", "a", "b"))
    )
    assert "unrecognized argument b (see wengert info --help)" in refused(capsys, "info", "b")


@pytest.mark.parametrize("arguments", [["demo"], ["--help"]])
def test_a_closed_pipe_causes_no_traceback(arguments):
    ours, theirs = os.pipe()
    os.close(ours)
    buffered = {
        **os.environ,
        "PYTHONUNBUFFERED": "",
    }  # the flush at exit fails then
    process = start(*arguments, stdout=theirs, env=buffered)
    os.close(theirs)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 141
