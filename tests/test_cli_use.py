"""`wengert evaluate`, `predict` and `generate`: the commands that use a run."""

import contextlib
import io
import json
import os
import re
import shutil

import numpy as np
import pytest

from command import TINY, failed, ran, refused, start
from wengert.cli import main
from wengert.cli.jobs import evaluated
from wengert.cli.runs import Run
from wengert.cli.samples import load_data
from wengert.cli.trained import trained
from wengert.data import load_digits


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with runs of digits, a table with classes, one with numbers, and texts."""
    folder = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2))
    tables = {
        "kinds": ["a,b,kind", *(f"{a},{b},{'yes' if a > 0 else 'no'}" for a, b in x)],
        "sums": [f"{a},{b},{a + b}" for a, b in x],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines))
    (folder / "abc.txt").write_text("aabbccdd\n" * 100)
    (folder / "line.txt").write_text("abcd" * 100)
    small = "--context", "9", "--layers", "1", "--width", "32", "--lr", "0.01", "--epochs", "30"
    jobs = {
        "digits": ["digits", "--hidden", "32", "--epochs", "8"],
        "unvalidated": ["digits", *TINY, "--validation", "0"],
        "kinds": ["csv", "--data", "kinds.csv", "--epochs", "20"],
        "sums": ["csv", "--data", "sums.csv", "--epochs", "20"],
        "text": ["text", "--data", "abc.txt", *small],
        "line": ["text", "--data", "line.txt", *small, "--epochs", "1"],
        "bytes": ["text", "--data", "abc.txt", *small, "--unit", "bytes"],
    }
    with contextlib.chdir(folder):
        for name, arguments in jobs.items():
            with open(f"{name}.out", "w") as out, contextlib.redirect_stdout(out):
                assert main(["train", *arguments, "--run", name]) == 0
    return folder


# ---- evaluate ----


@pytest.mark.parametrize("name", ["digits", "kinds", "sums", "text"])
def test_evaluate_prints_the_last_lines_of_the_training(runs, capsys, name):
    lines = (runs / f"{name}.out").read_text().splitlines()
    assert ran(capsys, "evaluate", runs / name).splitlines() == lines[-2:]


def test_the_weights_of_the_best_epoch_can_be_tested(runs, capsys):
    assert re.fullmatch(
        r"weights of epoch \d, the best of 8 by validation loss\ntest accuracy: \d\d\.\d %\n",
        ran(capsys, "evaluate", "--best", runs / "digits"),
    )
    err = failed(capsys, "evaluate", "--best", runs / "unvalidated")
    assert "has no best epoch: it was trained without --validation" in err


def test_other_data_than_those_of_the_run_are_refused(runs, tmp_path, capsys):
    (tmp_path / "other.txt").write_text("hgfedcba\n" * 90)
    err = failed(capsys, "evaluate", runs / "text", "--data", "other.txt")
    assert "text was trained on" in err
    err = refused(capsys, "evaluate", runs / "digits", "--data", "other.txt")
    assert "argument --data: digits is part of the package" in err


KINDS = {
    "digits": ["digits", *TINY, "--model", "cnn", "--hidden", "4"],
    "augmented": ["digits", *TINY, "--augment", "flip"],
    "lstm": ["digits", *TINY, "--model", "lstm"],
    "sine": ["sine", "--epochs", "2", "--hidden", "8"],
    "classes": ["csv", "--data", "kinds.csv", "--epochs", "2"],
    "numbers": ["csv", "--data", "sums.csv", "--epochs", "2"],
    "text": ["text", "--data", "abc.txt", "--context", "9", "--layers", "1", "--width", "32",
             "--epochs", "2", "--dropout", "0.3"],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_saved_weights_give_the_scores_of_the_validation(runs, tmp_path, capsys, kind):
    for name in ("kinds.csv", "sums.csv", "abc.txt"):
        shutil.copy(runs / name, tmp_path)
    ran(capsys, "train", *KINDS[kind], "--run", "run")
    run = Run.open("run")
    with open("run/log.jsonl") as file:
        log = [json.loads(line) for line in file]
    samples = load_data(run.settings)
    for which, row in (("last", log[-1]), ("best", log[run.metrics["best_epoch"] - 1])):
        model, _ = trained(run, which)
        scores = evaluated(model, run.settings, run.facts, samples.validation)
        for name, score in scores.items():
            assert score == pytest.approx(row[f"validation_{name}"], rel=1e-6), (which, name)


def test_the_newest_weights_can_be_tested(runs, capsys):
    which, _ = ran(capsys, "evaluate", "--last", runs / "digits").splitlines()
    assert which == "weights of epoch 8 of 8, the last"
    which, _ = ran(capsys, "evaluate", runs / "unvalidated").splitlines()
    assert which == "weights of epoch 2 of 2, the last"
    assert "not allowed with" in refused(capsys, "evaluate", "--last", "--best", runs / "digits")


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more"])
def test_damaged_weights_are_named(runs, tmp_path, capsys, damage):
    shutil.copytree(runs / "digits", "copy")
    (tmp_path / "copy" / "weights.npz").write_bytes(damage)
    err = failed(capsys, "evaluate", "--last", "copy")
    assert "copy: the weights cannot be loaded: " in err
    ran(capsys, "evaluate", "--best", "copy")  # which are another file
    (tmp_path / "copy" / "best.npz").write_bytes(damage)
    assert "copy: the weights cannot be loaded: " in failed(capsys, "evaluate", "copy")


# ---- predict ----


def test_arrays_are_predicted_with_their_probabilities(runs, capsys):
    images, labels = load_digits(train=False)[:40]
    np.save("digits.npy", images)
    np.save("one.npy", images[0])
    lines = ran(capsys, "predict", runs / "digits", "digits.npy").splitlines()
    found = [re.fullmatch(r"digits\.npy\[(\d+)\]  (\d) (\d+\.\d) %", line) for line in lines]
    assert [int(match[1]) for match in found] == list(range(40))
    assert np.mean([int(m[2]) == t for m, t in zip(found, labels, strict=True)]) > 0.85
    (line,) = ran(capsys, "predict", "--top", "3", runs / "digits", "one.npy").splitlines()
    percents = [float(p) for p in re.findall(r"(\d+\.\d) %", line)]
    assert len(percents) == 3
    assert percents == sorted(percents, reverse=True)
    assert line.startswith(f"one.npy  {found[0][2]} {found[0][3]} %, ")


def test_bytes_are_divided_by_255(runs, capsys):
    images = np.round(255 * load_digits(train=False)[:40][0])
    np.save("x.npy", images.astype(np.uint8))
    as_bytes = ran(capsys, "predict", "--top", "10", runs / "digits", "x.npy")
    np.save("x.npy", images / 255)
    assert ran(capsys, "predict", "--top", "10", runs / "digits", "x.npy") == as_bytes


@pytest.mark.parametrize(("suffix", "mode"), [("png", "L"), ("png", "RGB"), ("bmp", "RGB")])
def test_image_files_are_converted_to_the_shape_of_the_model(runs, capsys, suffix, mode):
    image = pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    images = load_digits(train=False)[:5][0]
    names = []
    for i, x in enumerate(images[:, 0]):
        picture = image.fromarray((255 * x).astype(np.uint8)).convert(mode)
        picture.resize((40, 40), image.Resampling.NEAREST).save(f"{i}.{suffix}")
        names.append(f"{i}.{suffix}")
    np.save("all.npy", images)
    expected = ran(capsys, "predict", runs / "digits", "all.npy")
    got = ran(capsys, "predict", runs / "digits", *names)
    assert [line.split()[1] for line in got.splitlines()] == [
        line.split()[1] for line in expected.splitlines()
    ]


def test_images_are_inverted_on_request(runs, capsys):
    images = load_digits(train=False)[:5][0]
    np.save("light.npy", images)
    np.save("dark.npy", 1 - images)
    light = ran(capsys, "predict", runs / "digits", "light.npy")
    dark = ran(capsys, "predict", runs / "digits", "--invert", "dark.npy")
    assert light.replace("light", "") == dark.replace("dark", "")


def test_rows_of_a_table_are_predicted_by_the_names_of_their_columns(runs, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("note,b,a\nfirst,0,3\nsecond,0,-3\n")
    lines = ran(capsys, "predict", runs / "kinds", "rows.csv").splitlines()
    assert [line.split()[1] for line in lines] == ["yes", "no"]


def test_numbers_are_predicted_from_rows_without_names(runs, tmp_path, capsys):
    (tmp_path / "row.csv").write_text("0.5,0.25\n")
    name, value = ran(capsys, "predict", runs / "sums", "row.csv").split()
    assert name == "row.csv"
    assert float(value) == pytest.approx(0.75, abs=0.2)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (
            np.zeros((9, 9)),
            "got an array (9, 9), needed (1, 8, 8) or (8, 8), or (N, …)",
        ),
        (np.full((8, 8), 3.0), "got values from 3 to 3, needed 0 to 1, or bytes"),
        (np.full((8, 8), np.nan), "needed 0 to 1"),
        (np.zeros((0, 8, 8)), "has no samples"),
        (np.zeros((8, 8), complex), "got an array of complex128, needed numbers"),
        (np.array([None]), "cannot be read as an array"),
    ],
)
def test_an_array_that_is_not_a_digit_is_refused(runs, capsys, x, said):
    np.save("x.npy", x, allow_pickle=True)
    assert said in failed(capsys, "predict", runs / "digits", "x.npy")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\n1\n", "has no column b; it has a"),
        ("1,2,3\n", "line 1 has 3 fields, needed 2: a, b; or a first line with the names"),
        ("1,2\n1\n", "line 2 has 1 fields, needed 2"),
        ("1,2\n1,x\n", "line 2 has 'x', needed a finite number"),
        ("b,a,a\n1,2,3\n", "has two columns 'a'"),
        ("1,nan\n", "line 1 has 'nan', needed a finite number"),
        ("1,1e400\n", "line 1 has '1e400', needed a finite number"),
        ("1,1_0\n", "line 1 has '1_0', needed a finite number"),
        ("", "has no samples"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(runs, tmp_path, capsys, content, said):
    (tmp_path / "rows.csv").write_text(content)
    assert said in failed(capsys, "predict", runs / "kinds", "rows.csv")


def test_files_that_do_not_exist_or_are_not_images_are_named(runs, tmp_path, capsys):
    pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    (tmp_path / "no.png").write_text("no image")
    assert "no.png cannot be read as an image" in failed(
        capsys, "predict", runs / "digits", "no.png"
    )
    for name in ["gone.png", "gone.npy"]:
        assert f"there is no file {name}" in failed(capsys, "predict", runs / "digits", name)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_not_an_array_is_named(runs, tmp_path, capsys, content):
    (tmp_path / "x.npy").write_bytes(content)
    assert "x.npy cannot be read as an array" in failed(capsys, "predict", runs / "digits", "x.npy")


def test_a_picture_of_16_bits_is_refused(runs, capsys):
    image = pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    image.fromarray(np.full((8, 8), 40_000, np.uint16)).save("deep.png")
    assert "its mode is I;16, needed 8 bits" in failed(
        capsys, "predict", runs / "digits", "deep.png"
    )


def test_wrong_runs_and_options_of_predict_are_refused(runs, capsys):
    assert "use wengert generate" in failed(capsys, "predict", runs / "text", "x")
    err = refused(capsys, "predict", "--top", "2", runs / "sums", "x")
    assert "predicts a number, not classes" in err
    assert "it is for images only" in refused(capsys, "predict", "--invert", runs / "sums", "x")


def pictures(folder, count=3):
    """Digits as images in a folder; the lines that predict prints for them, without the names."""
    image = pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    folder.mkdir(parents=True)
    for i, x in enumerate(load_digits(train=False)[:count][0][:, 0]):
        image.fromarray((255 * x).astype(np.uint8)).save(folder / f"{i}.png")


def test_all_images_in_a_folder_and_its_subfolders_are_predicted(runs, tmp_path, capsys):
    pictures(tmp_path / "mine" / "a")
    pictures(tmp_path / "mine" / "b", 2)
    (tmp_path / "mine" / "notes.txt").write_text("not an image")
    lines = ran(capsys, "predict", runs / "digits", "mine").splitlines()
    assert [line.split()[0] for line in lines] == [
        "mine/a/0.png", "mine/a/1.png", "mine/a/2.png", "mine/b/0.png", "mine/b/1.png",
    ]  # fmt: skip
    alone = ran(capsys, "predict", runs / "digits", "mine/a/2.png")
    assert alone.splitlines() == [lines[2]]


def test_a_damaged_file_among_others_is_reported_and_the_others_are_predicted(
    runs, tmp_path, capsys
):
    pictures(tmp_path / "mine")
    (tmp_path / "mine" / "0.png").write_bytes(b"no image")
    (tmp_path / "mine" / "1.png").write_bytes((tmp_path / "mine" / "1.png").read_bytes()[:40])
    assert main(["predict", str(runs / "digits"), "mine", "gone.png"]) == 1
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["mine/2.png"]
    starts = ["mine/0.png cannot be read", "mine/1.png cannot be read", "there is no file gone.png"]
    for line, start_ in zip(err.splitlines(), starts, strict=True):
        assert line.startswith(f"wengert predict: {start_}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RUNS/digits", "rows.csv"], "rows.csv is a table, but RUNS/digits takes images"),
        (["RUNS/kinds", "a.png"], "a.png is an image, but RUNS/kinds takes tables"),
        (["RUNS/kinds", "empty"], "empty is a folder, but RUNS/kinds takes tables; write: wengert"),
        (["RUNS/digits", "empty"], "empty has no images, needed files that end in one of .bmp"),
        (["a.png", "RUNS/digits"], "write: wengert predict RUNS/digits a.png"),
        (["RUNS/digits/weights.npz", "a.png"], "weights.npz is a file, not the folder of a run"),
        (["a.png", "a.png"], "a.png is a file, not the folder of a run"),
        (["RUNS", "a.png"], "it contains the runs "),
        (["RUNS/digits/checkpoints", "a.png"], "checkpoints is not a run: it has no settings"),
    ],
)
def test_a_path_of_the_wrong_kind_gets_an_error_that_says_what_to_write(
    runs, tmp_path, capsys, arguments, said
):
    for name in ("rows.csv", "a.png"):
        (tmp_path / name).write_text("1,2")
    (tmp_path / "empty").mkdir()
    err = failed(capsys, "predict", *(a.replace("RUNS", str(runs)) for a in arguments))
    assert said in err.replace(str(runs), "RUNS")
    if "digits/" in arguments[0]:
        assert "it is a part of the run " in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [["evaluate"], ["generate"], ["train", "--resume"]])
def test_every_command_names_the_runs_in_a_folder_of_runs(runs, capsys, command):
    err = failed(capsys, *command, runs)
    assert f"{runs} is not a run: it has no settings.json; it contains the runs " in err
    assert "and 4 more" in err


def test_the_newest_runs_of_a_folder_are_named_first(runs, tmp_path, capsys):
    for i, name in enumerate(["b", "a", "d", "c"]):
        shutil.copytree(runs / "digits", tmp_path / "some" / name)
        os.utime(tmp_path / "some" / name / "settings.json", (i, i))
    err = failed(capsys, "evaluate", "some")
    assert err.endswith("it contains the runs some/c, some/d, some/a, and 1 more\n")


def test_a_transparent_image_is_predicted_as_it_is_trained_on(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    for kind, alpha in (("drawn", 255), ("blank", 0)):  # black ink, or no ink: the same colours
        (tmp_path / "data" / kind).mkdir(parents=True)
        for i in range(12):
            image.new("RGBA", (8, 8), (i, 0, 0, alpha)).save(tmp_path / "data" / kind / f"{i}.png")
    small = "--size", "8", "--model", "linear", "--lr", "0.05", "--batch-size", "4"
    small += "--augment", "none"
    out = ran(capsys, "train", "images", "--data", "data", *small, "--run", "ink")
    assert out.splitlines()[-1] == "test accuracy: 100.0 %"
    lines = ran(capsys, "predict", "ink", "data").splitlines()
    assert [line.split()[1] for line in lines] == 12 * ["blank"] + 12 * ["drawn"]


# ---- generate ----


@pytest.mark.parametrize("name", ["text", "bytes"])
def test_a_generated_text_continues_the_prompt_as_in_training(runs, capsys, name):
    out = ran(capsys, "generate", runs / name, "--prompt", "aab", "--length", "42",
              "--temperature", "0")  # fmt: skip
    assert out == "aabbccdd\n" * 5 + "\n"


def test_the_seed_decides_what_is_drawn(runs, capsys):
    hot = "--temperature", "3", "--length", "60"
    texts = [ran(capsys, "generate", runs / "text", *hot, "--seed", seed) for seed in "112"]
    assert texts[0] == texts[1] != texts[2]
    assert len(texts[0]) == 62
    cold = ran(capsys, "generate", runs / "text", *hot, "--top-k", "1")
    assert cold == ran(capsys, "generate", runs / "text", "--length", "60", "--temperature", "0")


def test_the_text_is_printed_while_it_is_generated(runs):
    process = start("generate", runs / "text", "--length", "100000000")
    assert process.stdout.read(50)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


def test_a_text_begins_with_a_new_line_or_if_there_is_none_with_the_first_character(runs, capsys):
    assert ran(capsys, "generate", runs / "text", "--length", "0") == "\n\n"
    assert ran(capsys, "generate", runs / "line", "--length", "0") == "a\n"


def test_the_number_of_tokens_printed_at_a_time_changes_nothing(runs, capsys, monkeypatch):
    def text():
        options = "--prompt", "ab", "--length", "7", "--temperature", "1.5"
        return [ran(capsys, "generate", runs / "text", *options, "--seed", n) for n in range(5)]

    at_once = text()
    monkeypatch.setattr("wengert.cli.generate.CHUNK", 1)
    assert text() == at_once


def test_each_chunk_of_text_is_printed_at_once(runs, monkeypatch):
    shown = []

    class Screen(io.StringIO):
        def flush(self):
            shown.append(len(self.getvalue()))

    monkeypatch.setattr("sys.stdout", Screen())
    assert main(["generate", str(runs / "text"), "--length", "32"]) == 0
    assert shown[:3] == [1, 17, 33]


def test_characters_that_the_model_does_not_know_are_named(runs, capsys):
    err = failed(capsys, "generate", runs / "text", "--prompt", "cab é!")
    assert "the prompt has ' ' '!' 'é', which the training text" in err
    assert "--prompt is empty" in failed(capsys, "generate", runs / "text", "--prompt", "")


def test_wrong_runs_and_options_of_generate_are_refused(runs, capsys):
    assert "which generates no text" in failed(capsys, "generate", runs / "digits")
    err = refused(capsys, "generate", runs / "text", "--top-k", "50")
    assert "argument --top-k: got 50, but there are 5 tokens" in err
    assert "--temperature: got '-1'" in refused(capsys, "generate", "x", "--temperature", "-1")
