"""Messages of the command: they name its options, and say what to write."""

import re

import pytest

from command import failed, ran, refused
from wengert.cli.failure import reason
from wengert.cli.recipes import DATASETS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """A folder with a file or folder of each kind, in which the command is run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WENGERT_OFFLINE", "1")
    (tmp_path / "table.csv").write_text("a,b\n" + "".join(f"{i}.5,{i}.25\n" for i in range(40)))
    (tmp_path / "semicolons.csv").write_text("a;b\n1;2\n")
    (tmp_path / "holes.csv").write_text("a,b\n" + 20 * "1.5,\n" + 20 * ",2.5\n")
    (tmp_path / "text.txt").write_text("to be or not to be, " * 200)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 " * 100)
    (tmp_path / "latin.csv").write_bytes(b"a,b\n" + b"caf\xe9,1\n" * 40)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "a.png").write_text("")


MISTAKES = [
    ("csv --data semicolons.csv", "--delimiter sets"),
    ("csv --data holes.csv --target a", "--missing skip"),
    ("csv --data holes.csv", "--missing skip"),
    ("csv --data latin.csv", "--encoding latin-1"),
    ("csv --data table.csv --encoding klingon", "unknown encoding: klingon"),
    ("csv --data table.csv --target c", "got --target 'c', needed one of the columns"),
    ("csv --data table.csv --target 2", "got --target 2, but"),
    ("csv --data table.csv --leave-out a", "no column of"),
    ("csv --data table.csv --categories c", "got --categories 'c'"),
    ("csv --data latin.csv --encoding latin-1 --target a --kind regression", "--kind classes"),
    ("csv --data empty", "is a folder, needed a file"),
    ("csv --data empty.txt", "is empty"),
    ("csv --data none", "there is no file"),
    ("text --data latin.txt", "--encoding 'latin-1', or read it unchanged with --unit 'bytes'"),
    ("text --data text.txt --encoding klingon", "got encoding 'klingon'"),
    ("text --data empty", "is a folder, needed a file"),
    ("text --data empty.txt", "is empty, needed some text"),
    ("text --data text.txt --context 5000", "a smaller --context is needed"),
    ("images --data loose", "its 1 images belong in such folders"),
    ("images --data table.csv", "is a file, needed a folder"),
    ("images --data empty", "has no folders, needed one for each class"),
    ("digits --validation 0.00001", "or another --validation"),
    ("mnist --data table.csv", "which is a file; needed its folder"),
    ("mnist --data empty", "or name the folder that has it, with --data FOLDER or the"),
    ("cifar10 --data empty", "or name the folder that has it, with --data FOLDER or the"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_a_mistake_is_answered_with_options_of_the_command(capsys, arguments, said):
    if arguments.startswith("images"):
        pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    err = failed(capsys, "train", *arguments.split())
    assert said in err
    names = re.findall(r"\b(?:load_\w+|ImageFolder|Trainer|DataLoader|TokenWindows)\b", err)
    arguments_of_python = re.findall(r"(?<![\w/-])[a-z_]+=\S", err)
    assert names == arguments_of_python == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("text --data text.txt --width 10 --heads 3", "argument --width: got width 10 and 3 heads"),
        ("digits --hidden 99999999999999", "a smaller model or a smaller --batch-size needs less"),
        ("table.csv", "'table.csv' is no data set; write: wengert train csv --data table.csv"),
        ("empty", "write: wengert train images --data empty"),
        ("text.txt", "write: wengert train text --data text.txt"),
        ("--data text.txt", "write: wengert train text --data text.txt"),
        ("minst", "needed one of digits, mnist, fashion-mnist, cifar10, cifar100, images, csv"),
        ("minst", "; did you mean mnist?"),
        ("digits --model resnet", "argument --model: got 'resnet', needed one of linear, mlp"),
    ],
)
def test_a_wrong_argument_is_answered_with_what_to_write(capsys, arguments, said):
    assert said in refused(capsys, "train", *arguments.split())


@pytest.mark.parametrize("name", DATASETS)
def test_a_file_with_the_name_of_a_data_set_changes_nothing(tmp_path, capsys, name):
    (tmp_path / name).write_text("")
    assert "is no data set" not in refused(capsys, "train", name, "--epochs", "0")


def test_a_reason_leaves_paths_and_other_words_alone():
    import wengert.data  # noqa: F401  (whose functions are known by name then)

    for text in ("/runs/lr=0.1/t.csv: line 3", "lr=0.1 is a name", "x=3; y=4"):
        assert reason(ValueError(text)) == text
    assert reason(ValueError("load_text: wrong; use unit='bytes'")) == "wrong; use --unit 'bytes'"
    assert reason(OSError(28, "No space left on device")) == "No space left on device"
    assert reason(MemoryError()) == "MemoryError"


def test_a_run_is_not_overwritten_and_the_option_that_resumes_it_is_named(capsys):
    quick = "--hidden", "8", "--epochs", "1", "--run", "run"
    ran(capsys, "train", "digits", *quick)
    err = refused(capsys, "train", "digits", *quick)
    assert "argument --run: run: it has a run; resume it with --resume" in err
