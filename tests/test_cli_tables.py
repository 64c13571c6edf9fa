"""`wengert train csv`: tables as users have them."""

import json
import re

import numpy as np
import pytest

from command import failed, ran, refused
from wengert.cli import main
from wengert.cli.runs import Run
from wengert.cli.samples import load_data
from wengert.cli.tables import rows_to_predict
from wengert.io import load_arrays


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(path, header, rows, end="\n", encoding="utf-8"):
    """Writes a table; None as header writes none."""
    lines = [*([] if header is None else [header]), *rows]
    path.write_bytes((end.join(lines) + end).encode(encoding))


def flowers(n=60, join=",", point="."):
    """Rows of two numbers and a class that depends on the first."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n, 2)).round(3)
    return [
        join.join([*(str(v).replace(".", point) for v in x), "rose" if x[0] > 0 else "lily"])
        for x in numbers
    ]


def train(capsys, *options, run="run"):
    """The lines that the training of t.csv prints, without those of epochs."""
    quick = ["--epochs", "1", "--run", run]
    quick += [] if "linear" in options else ["--hidden", "8"]
    lines = ran(capsys, "train", "csv", "--data", "t.csv", *quick, *options).splitlines()
    return [line for line in lines if not line.startswith("epoch")]


def facts(run="run"):
    with open(f"{run}/settings.json") as file:
        return json.load(file)["facts"]


# ---- Formats ----


@pytest.mark.parametrize(
    ("join", "point", "options"),
    [
        (",", ".", []),
        (";", ".", ["--delimiter", ";"]),
        (";", ",", ["--delimiter", ";", "--decimal", ","]),
        ("\t", ".", ["--delimiter", "tab"]),
        ("   ", ".", ["--delimiter", "space"]),
        ("|", ",", ["--delimiter", "|", "--decimal", ","]),
    ],
)
def test_the_delimiter_and_the_decimal_point_are_options(tmp_path, capsys, join, point, options):
    header = join.join(["length", "width", "kind"])
    table(tmp_path / "t.csv", header, flowers(join=join, point=point))
    train(capsys, *options)
    assert facts()["columns"] == ["length", "width"]
    assert facts()["samples"] == [43, 5, 12]
    table(tmp_path / "new.csv", join.join(["width", "length"]), flowers(join=join, point=point)[:0])
    with open("new.csv", "a") as file:
        file.write(join.join(["0,5" if point == "," else "0.5", "3"]))
    assert ran(capsys, "predict", "run", "new.csv").startswith("new.csv  ")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_in_another_encoding_is_read(tmp_path, capsys, encoding, end):
    rows = [row.replace("rose", '"ro""sé, red"') for row in flowers()]
    table(tmp_path / "t.csv", '"length","the width",kind', rows, end, encoding)
    if encoding != "utf-8-sig":
        err = failed(capsys, "train", "csv", "--data", "t.csv")
        assert f"as in --encoding {encoding}" in err
    train(capsys, *([] if encoding == "utf-8-sig" else ["--encoding", encoding]))
    assert facts()["columns"] == ["length", "the width"]
    assert facts()["classes"] == ["lily", 'ro"sé, red']


def test_empty_lines_and_lines_of_empty_fields_are_no_samples(tmp_path, capsys):
    rows = flowers()
    table(tmp_path / "t.csv", "a,b,kind", [*rows[:30], "", "   ", *rows[30:], ",,", ",,"])
    train(capsys)
    assert sum(facts()["samples"]) == 60


# ---- Headers ----


@pytest.mark.parametrize(
    "header", ["name,2019,2020", "2018,2019,kind", "a,1,kind", "q1,q2,kind", "0,1,2"]
)
def test_a_header_with_numbers_in_it_is_no_sample(tmp_path, capsys, header):
    rows = flowers()
    if header.startswith("name"):
        rows = [",".join(reversed(row.split(","))) for row in rows]
    table(tmp_path / "t.csv", header, rows)
    lines = train(capsys)
    assert sum(facts()["samples"]) == 60
    assert [*facts()["columns"], facts()["target"]] == header.split(",")
    said = "the first line is taken as names; --header no takes it as a sample" in lines
    assert said == bool(re.search(r"\b\d", header))


def test_a_table_of_texts_without_a_header_loses_no_row(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = [",".join(rng.choice(["a", "b"], size=3)) for _ in range(60)]
    table(tmp_path / "t.csv", None, rows)
    lines = train(capsys)
    assert "the first line is taken as a sample; --header yes takes it as names" in lines
    assert sum(facts()["samples"]) == 60
    assert facts()["columns"] == ["0", "1"]
    lines = ran(capsys, "predict", "run", "t.csv").splitlines()  # with the target, as it was
    assert len(lines) == 60


@pytest.mark.parametrize(("header", "count"), [("yes", 59), ("no", 60)])
def test_whether_there_is_a_header_can_be_said(tmp_path, capsys, header, count):
    table(tmp_path / "t.csv", None, [f"{i},{i % 7}.5,{2 * i + 7}" for i in range(60)])
    train(capsys, "--header", header)
    assert sum(facts()["samples"]) == count


def test_a_column_named_by_a_number_is_found_by_its_name_first(tmp_path, capsys):
    rows = [f"{'xy'[i % 2]},{i / 7},{i % 5}.5" for i in range(60)]
    table(tmp_path / "t.csv", "name,1,0", rows)
    train(capsys, "--target", "0", "--header", "yes")
    assert facts()["columns"] == ["name", "1"]
    train(capsys, "--target", "-2", "--header", "yes", run="other")
    assert facts("other")["columns"] == ["name", "0"]


# ---- Columns ----


def test_columns_are_left_out_by_name_or_index(tmp_path, capsys):
    table(tmp_path / "t.csv", "id,a,b,note,kind", [f"7,{r[:-5]},x,{r[-4:]}" for r in flowers()])
    train(capsys, "--leave-out", "id", "3")
    assert facts()["columns"] == ["a", "b"]
    train(capsys, "--leave-out", "id", "--leave-out", "note", run="twice")
    assert facts("twice")["columns"] == ["a", "b"]
    err = failed(capsys, "train", "csv", "--data", "t.csv", "--leave-out", "idd")
    assert "got --leave-out 'idd', needed one of the columns of" in err
    err = failed(capsys, "train", "csv", "--data", "t.csv", "--leave-out", "kind")
    assert "'kind' is left out, but it is the target" in err


def test_texts_become_categories_which_are_saved_for_predictions(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = [f"{c},{v:.2f},{'warm' if c == 'red' else 'cold'}"
            for c, v in zip(rng.choice(["red", "blue", "green"], 90), rng.normal(size=90),
                            strict=True)]  # fmt: skip
    table(tmp_path / "t.csv", "colour,size,kind", rows)
    lines = train(capsys, "--epochs", "30", "--lr", "0.01")
    assert "columns of categories: colour (3)" in lines
    assert facts()["categories"] == {"colour": ["blue", "green", "red"]}
    assert lines[-1] == "test accuracy: 100.0 %"
    table(tmp_path / "new.csv", "size,colour", ["0,red", "0,green"])
    lines = ran(capsys, "predict", "run", "new.csv").splitlines()
    assert [line.split()[1] for line in lines] == ["warm", "cold"]


def test_an_unknown_category_is_told_and_counts_as_none(tmp_path, capsys):
    rows = [f"{'ab'[i % 2]},{i % 10},{'pq'[i % 2]}" for i in range(60)]
    table(tmp_path / "t.csv", "letter,n,kind", rows)
    train(capsys)
    table(tmp_path / "new.csv", "letter,n", ["c,1", "a,1", "c,2"])
    assert main(["predict", "run", "new.csv"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err == (
        "wengert predict: new.csv: 'c' in column 'letter' is a category that the model was not "
        "trained on; it counts as none of 'a', 'b'\n"
    )


def test_numbers_are_categories_on_request(tmp_path, capsys):
    table(tmp_path / "t.csv", "zip,b,kind", [f"{80000 + i % 3},{i % 9},{'pq'[i % 2]}"
                                             for i in range(60)])  # fmt: skip
    train(capsys, "--categories", "zip")
    assert facts()["categories"] == {"zip": ["80000", "80001", "80002"]}


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("name,a,kind", "person {i},{i},{c}", "column 'name' has 60 different texts in 60 rows, "
         "too many for categories; --leave-out name leaves it out, --categories name reads it"),
        ("a,,kind", "{i},,{c}", "column '1' has no values; --leave-out 1 leaves it out"),
        ("a,b,kind", "{i},TYPO,{c}", "line 5, column 'b' has '1x', needed a number; correct it, "
         "or --leave-out b leaves the column out, or --categories b reads its values"),
        ("a,b,kind", "{i},{hole},{c}", "has '', needed a number; --missing mean or --missing 0 "),
        ("a;b;kind", "1,5;2,5;{c}", "--delimiter sets the character between the columns, is it "
         "';' there?"),
        ("b", "{i}", "has one column, 'b', needed two or more; --delimiter"),
        ("a,a,kind", "{i},{i},{c}", "has two columns 'a'; give each column a different name, or "
         "leave one out by its index, as in --leave-out 1"),
        ("a,name", "{i},person {i}", "column 'name' has 60 different texts in 60 rows, too many "
         "for classes; --target names the column to predict"),
        ("a,kind", "{i},{c},{c}", "line 2 has 3 fields, needed 2"),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_used_is_refused_with_an_option(
    tmp_path, capsys, header, row, said
):
    rows = [row.format(i=i, hole="" if i == 3 else i, c="pq"[i % 2]) for i in range(60)]
    rows[3] = rows[3].replace("TYPO", "1x")
    rows = [r.replace("TYPO", "2") for r in rows]
    table(tmp_path / "t.csv", header, rows)
    err = failed(capsys, "train", "csv", "--data", "t.csv")
    assert said in err
    assert err.count("\n") == 1


def test_decimal_commas_are_recognized(tmp_path, capsys):
    table(tmp_path / "t.csv", "a;b;kind", flowers(join=";", point=","))
    err = failed(capsys, "train", "csv", "--data", "t.csv", "--delimiter", ";")
    assert "line 2, column 'a' has '0,126', needed a number; --decimal , reads decimal" in err
    err = refused(capsys, "train", "csv", "--data", "t.csv", "--decimal", ",")
    assert "argument --decimal: a comma is between the columns, too; set another" in err


def test_a_column_that_counts_the_rows_is_told(tmp_path, capsys):
    table(tmp_path / "t.csv", ",a,b,kind", [f"{i},{row}" for i, row in enumerate(flowers())])
    assert "column '0' counts the rows; --leave-out 0 leaves it out" in train(capsys)
    train(capsys, "--leave-out", "0", run="without")
    assert facts("without")["columns"] == ["a", "b"]


def test_a_constant_column_is_harmless_and_told(tmp_path, capsys):
    table(tmp_path / "t.csv", "c,a,b,kind", [f"0.1,{row}" for row in flowers()])
    assert "columns with one value in all rows: c" in train(capsys)
    table(tmp_path / "new.csv", "c,a,b", ["0.1,0.5,1", "0.3,0.5,1"])
    first, second = ran(capsys, "predict", "run", "new.csv").splitlines()
    assert first.split()[1] == second.split()[1]
    assert float(first.split()[2]) == pytest.approx(float(second.split()[2]), abs=20)


def test_a_long_list_of_columns_is_cut(tmp_path, capsys):
    names = [f"p{i}" for i in range(30)]
    rows = [",".join([*(["0"] * 15), *(["x"] * 15), row]) for row in flowers()]
    table(tmp_path / "t.csv", ",".join([*names, "a", "b", "kind"]), rows)
    lines = train(capsys)
    shown = ", ".join(names[:10])
    assert f"columns with one value in all rows: {shown} and 20 more" in lines
    assert any(line.endswith("(1) and 5 more") for line in lines)


@pytest.mark.parametrize("number", ["{i}%", "${i}.50", "{i} km"])
def test_a_number_with_a_unit_is_told(tmp_path, capsys, number):
    rows = [f"{number.format(i=i)},{'pq'[i % 2]}" for i in range(60)]
    table(tmp_path / "t.csv", "x,kind", rows)
    err = failed(capsys, "train", "csv", "--data", "t.csv")
    assert f"line 2, column 'x' has '{number.format(i=0)}', needed a number without a unit" in err


def test_a_delimiter_at_the_end_of_each_line_is_no_column(tmp_path, capsys):
    table(tmp_path / "t.csv", "a,b,kind,", [f"{row}," for row in flowers()])
    train(capsys)
    assert (facts()["columns"], facts()["target"]) == (["a", "b"], "kind")
    assert len(ran(capsys, "predict", "run", "t.csv").splitlines()) == 60


def test_a_line_that_names_the_delimiter_is_no_sample(tmp_path, capsys):
    table(tmp_path / "t.csv", "sep=;", ["a;b;kind", *flowers(join=";")])
    train(capsys, "--delimiter", ";")
    assert facts()["columns"] == ["a", "b"]
    assert sum(facts()["samples"]) == 60


def test_a_target_without_values_and_comments_are_told(tmp_path, capsys):
    table(tmp_path / "t.csv", "a,b,kind", [f"{row[:-4]}" for row in flowers()])
    err = failed(capsys, "train", "csv", "--data", "t.csv")
    assert "column 'kind' has no values; --target names another column" in err
    table(tmp_path / "t.csv", "# mine", ["a,b,kind", *flowers()])
    err = failed(capsys, "train", "csv", "--data", "t.csv")
    assert "has one column, '# mine', needed two or more; delete the lines of comments" in err


def test_large_numbers_that_differ_little_keep_their_digits(tmp_path, capsys):
    rows = [f"{1_700_000_000 + i},{'early' if i < 30 else 'late'}" for i in range(60)]
    table(tmp_path / "t.csv", "time,kind", rows)
    lines = train(capsys, "--epochs", "60", "--lr", "0.02")
    assert float(lines[-1].split()[-2]) > 80


# ---- Missing numbers ----


@pytest.fixture
def holes(tmp_path):
    """A table with 6 missing numbers and 2 missing targets."""
    rows = [f"{'' if i % 10 == 4 else i},{i % 7},{i + 100.5}" for i in range(60)]
    rows[10], rows[20] = "10,3,", "20,6,NA"
    table(tmp_path / "t.csv", "a,b,t", rows)


def test_missing_numbers_become_the_mean_of_the_training_rows(tmp_path, capsys):
    rows = [f"{'NA' if i % 10 == 4 else i},{i % 7},{'pq'[i % 2]}" for i in range(60)]
    table(tmp_path / "t.csv", "a,b,kind", rows)
    train(capsys, "--missing", "mean")
    fill = facts()["fill"]
    assert fill["a"] == pytest.approx(np.mean([i for i in range(60) if i % 10 != 4]), abs=5)
    table(tmp_path / "new.csv", "a,b", ["?,1", f"{fill['a']},1"])
    first, second = ran(capsys, "predict", "run", "new.csv", "--top", "2").splitlines()
    assert first.split()[1:] == second.split()[1:]
    train(capsys, "--missing", "-1", run="number")
    assert facts("number")["fill"] == {"a": -1.0, "b": -1.0}


def test_rows_that_lack_a_number_are_skipped(holes, tmp_path, capsys):
    assert "8 of 60 rows lack a number and are left out" in train(capsys, "--missing", "skip")
    assert sum(facts()["samples"]) == 52
    table(tmp_path / "new.csv", "a,b", ["?,1"])
    err = failed(capsys, "predict", "run", "new.csv")
    assert "line 2 has '?', needed a finite number in column 'a'; a run trained with" in err


def test_a_missing_target_is_refused_with_an_option(holes, capsys):
    err = failed(capsys, "train", "csv", "--data", "t.csv", "--missing", "0")
    assert "line 12 has no target in column 't'; leave the line out, as --missing skip does" in err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--missing", "median", "got 'median', needed refuse, mean, skip or a number"),
        ("--missing", "nan", "got 'nan'"),
        ("--delimiter", ";;", "got ';;', needed one character, such as ';', or tab or space"),
        ("--delimiter", "a", "got 'a'"),
        ("--kind", "numbers", "got 'numbers', needed one of auto, classes, regression"),
        ("--header", "1", "got '1', needed one of auto, yes, no"),
    ],
)
def test_a_wrong_option_of_tables_is_one_line(capsys, option, value, said):
    err = refused(capsys, "train", "csv", "--data", "t.csv", option, value)
    assert f"argument {option}: {said}" in err


# ---- Targets ----


def test_few_integers_are_taken_for_classes_which_is_said(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = [f"{x:.2f},{3 + int(abs(x) * 2) % 4}" for x in rng.normal(size=100)]
    table(tmp_path / "t.csv", "x,quality", rows)
    lines = train(capsys)
    assert (
        "target 'quality' has 4 different integers, from 3 to 6, which are taken as classes; "
        "--kind regression predicts a number"
    ) in lines
    assert facts()["classes"] == ["3", "4", "5", "6"]
    lines = train(capsys, "--kind", "regression", run="numbers")
    assert facts("numbers")["classes"] is None
    assert "taken as" not in "".join(lines)
    train(capsys, "--kind", "classes", run="classes")
    assert facts("classes")["classes"] == ["3", "4", "5", "6"]


def test_many_integers_are_taken_for_numbers_which_is_said(tmp_path, capsys):
    table(tmp_path / "t.csv", "x,age", [f"{i % 9}.5,{i % 30}" for i in range(300)])
    assert (
        "target 'age' has 30 different integers, from 0 to 29, which are taken as numbers; "
        "--kind classes makes each of them a class"
    ) in train(capsys)
    assert facts()["classes"] is None


def test_rows_to_predict_with_another_delimiter_are_told(tmp_path, capsys):
    table(tmp_path / "t.csv", "a;b;kind", flowers(join=";"))
    train(capsys, "--delimiter", ";")
    table(tmp_path / "new.csv", "a,b", ["1,2"])
    err = failed(capsys, "predict", "run", "new.csv")
    assert "new.csv: has one column, 'a,b'; its delimiter must be ';', as in the table" in err


@pytest.mark.parametrize("target", ["{i}", "{i}.5", "0.{i}"])
def test_many_numbers_or_fractions_are_no_classes(tmp_path, capsys, target):
    table(tmp_path / "t.csv", "x,t", [f"{i % 9},{target.format(i=i % 30)}" for i in range(120)])
    train(capsys)
    assert facts()["classes"] is None


@pytest.mark.parametrize("name", ["none", "NA", "-", "?", "null", "nan"])
def test_words_for_nothing_are_names_if_the_kind_says_classes(tmp_path, capsys, name):
    rows = [row.replace("rose", name) for row in flowers()]
    table(tmp_path / "t.csv", "a,b,kind", rows)
    err = failed(capsys, "train", "csv", "--data", "t.csv")
    assert "has no target in column 'kind'" in err
    assert "--kind classes takes it as the name of a class" in err
    train(capsys, "--kind", "classes")
    assert set(facts()["classes"]) == {"lily", name}


def test_a_text_among_many_numbers_is_no_class(tmp_path, capsys):
    rows = [f"{i % 9},{'n.a.' if i == 7 else i / 7}" for i in range(60)]
    table(tmp_path / "t.csv", "x,t", rows)
    err = failed(capsys, "train", "csv", "--data", "t.csv")
    assert "line 9, column 't' has 'n.a.', needed a number, as most lines have" in err


def test_each_class_is_in_each_part_in_proportion(tmp_path, capsys):
    rows = [f"{i / 7},{'rare' if i % 10 == 0 else 'common'}" for i in range(200)]
    table(tmp_path / "t.csv", "x,t", rows)
    train(capsys)
    samples = load_data(Run.open("run").settings)
    parts = (samples.train, samples.validation, samples.test)
    assert [int((part[:][1] == 1).sum()) for part in parts] == [14, 2, 4]


def test_the_share_of_the_variance_that_is_explained_is_told(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = [f"{x:.4f},{3 * x + 1:.4f}" for x in rng.normal(size=99)]
    table(tmp_path / "t.csv", "x,t", rows)
    lines = train(capsys, "--epochs", "30", "--model", "linear")
    found = re.fullmatch(r"test R²: (\S+), mean squared error: (\S+)", lines[-1])
    run = Run.open("run")
    t = load_data(run.settings).test[:][1]
    assert float(found[1]) == pytest.approx(1 - float(found[2]) / t.var(), abs=1e-3)
    with open("run/log.jsonl") as log:
        last = json.loads(log.readlines()[-1])
    assert {"r2", "validation_r2"} <= last.keys()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 50_000.0])
def test_targets_of_every_unit_can_be_trained_by_every_optimizer(tmp_path, capsys, optimizer, unit):
    rng = np.random.default_rng(0)
    rows = [f"{x:.4f},{unit * (x + 10):.9g}" for x in rng.normal(size=99)]
    table(tmp_path / "t.csv", "x,t", rows)
    lines = train(capsys, "--optimizer", optimizer, "--epochs", "20", "--model", "linear")
    assert float(re.match(r"test R²: (\S+),", lines[-1])[1]) > 0.7


def test_one_test_sample_has_no_variance_to_explain(tmp_path, capsys):
    table(tmp_path / "t.csv", "x,t", [f"{x}.5,{x}.25" for x in range(5)])
    lines = train(capsys, "--validation", "0.25")
    assert lines[-1].startswith("test R²: nan, mean squared error: ")
    assert ran(capsys, "train", "--resume", "run").splitlines()[-1] == lines[-1]


# ---- The scaler, and the content ----


def test_the_scaler_is_saved_with_the_weights(tmp_path, capsys):
    rows = [f"{1000 + i},{i % 7},{50 * i}" for i in range(100)]
    table(tmp_path / "t.csv", "a,b,t", rows)
    train(capsys)
    weights = load_arrays("run/weights.npz")
    rows_of = facts()["x_scaler"]
    for name in ("count", "mean", "squares"):
        np.testing.assert_array_equal(weights[f"layers.0.{name}"], rows_of[name])
    assert weights["layers.0.mean"][0] == pytest.approx(1050, abs=10)
    assert weights["layers.3.mean"] == pytest.approx(2475, abs=500)


@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_predict_agrees_with_the_test_of_the_training(tmp_path, capsys, kind):
    rng = np.random.default_rng(0)
    pairs = zip(rng.choice(["a", "b"], 200), rng.uniform(0, 2, 200), strict=True)
    rows = [f"{c},{x:.3f},{int(2 * x + (c == 'b'))}" for c, x in pairs]
    table(tmp_path / "t.csv", "c,x,t", rows)
    lines = train(capsys, "--kind", kind, "--epochs", "5")
    run = Run.open("run")
    test = load_data(run.settings).test
    indices = test.indices
    read = rows_to_predict(tmp_path / "t.csv", run.settings, run.facts)
    np.testing.assert_array_equal(read[indices], test[:][0])
    out = ran(capsys, "predict", "run", "t.csv").splitlines()
    found = np.array([float(line.split()[1]) for line in out])[indices]
    true = np.array([float(row.split(",")[2]) for row in rows])[indices]
    if kind == "classes":
        assert lines[-1] == f"test accuracy: {100 * np.mean(found == true):.1f} %"
    else:
        assert float(lines[-1].split()[-1]) == pytest.approx(np.mean((found - true) ** 2), rel=1e-3)


def test_a_table_that_has_changed_is_not_the_data_of_the_run(tmp_path, capsys):
    table(tmp_path / "t.csv", "a,b,kind", flowers())
    train(capsys)
    text = (tmp_path / "t.csv").read_text()
    (tmp_path / "t.csv").write_text(text.replace("\n", "\r\n"))
    ran(capsys, "evaluate", "run")  # the same content
    (tmp_path / "t.csv").write_text(text + "1,2,rose\n")
    err = failed(capsys, "evaluate", "run")
    assert (
        "these are not the data that run was trained on: other content, samples (60 samples " in err
    )
    assert "then, 61 now); restore them, or start a new run" in err


def test_settings_of_tables_are_kept_when_a_run_is_resumed(tmp_path, capsys):
    table(tmp_path / "t.csv", "a;b;kind", flowers(join=";", point=","))
    train(capsys, "--delimiter", ";", "--decimal", ",", "--leave-out", "b")
    out = ran(capsys, "train", "--resume", "run", "--epochs", "2")
    assert "test accuracy" in out
    err = refused(capsys, "train", "--resume", "run", "--leave-out", "a")
    assert "argument --leave-out: run has ['b']; omit it" in err
