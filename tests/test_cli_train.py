"""`wengert train`."""

import json
import os
import pty
import re

import numpy as np
import pytest

from command import TINY, failed, ran, refused, start
from wengert.cli import main, recipes
from wengert.data import ArrayDataset

EPOCH = re.compile(
    r"epoch +(\d+)/\d+   loss \d\S+   accuracy (\d\.\d{4})"
    r"   validation_loss \d\S+   validation_accuracy \d\.\d{4}   \d+(?:\.\d)? s"
)
RESULT = re.compile(r"test accuracy: (\d+\.\d) %")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def accuracy(out):
    return float(RESULT.fullmatch(out.splitlines()[-1])[1])


def idx_folder(folder, side=28):
    """Fashion-MNIST of 64 random images to train on, and 16 to test with."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for part, n in (("train", 64), ("t10k", 16)):
        images = rng.integers(256, size=(n, side, side), dtype=np.uint8)
        labels = rng.integers(10, size=n, dtype=np.uint8)
        for name, x in (
            (f"{part}-images-idx3-ubyte", images),
            (f"{part}-labels-idx1-ubyte", labels),
        ):
            head = bytes([0, 0, 8, x.ndim]) + np.array(x.shape, ">i4").tobytes()
            (folder / name).write_bytes(head + x.tobytes())
    return folder


# ---- digits ----


def test_training_with_the_defaults_reaches_98_percent_in_30_epochs(capsys):
    first, *epochs, _, result = ran(capsys, "train", "digits").splitlines()
    assert re.match(r"run runs/digits-mlp-\d{8}-\d{6}: 1,293 samples to train on, ", first)
    assert [int(EPOCH.fullmatch(line)[1]) for line in epochs] == list(range(1, 31))
    assert float(EPOCH.fullmatch(epochs[-1])[2]) > 0.995
    assert float(RESULT.fullmatch(result)[1]) >= 98


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_every_optimizer_trains_with_its_own_learning_rate(capsys, optimizer):
    quick = "--hidden", "64", "--epochs", "8", "--optimizer", optimizer
    assert accuracy(ran(capsys, "train", "digits", *quick)) >= 92


def test_a_convolutional_network_trains(capsys):
    quick = "--epochs", "3", "--hidden", "16,32"
    assert accuracy(ran(capsys, "train", "digits", "--model", "cnn", *quick)) >= 94


def test_a_linear_model_trains_too(capsys):
    assert accuracy(ran(capsys, "train", "digits", "--model", "linear", "--epochs", "10")) >= 94


@pytest.mark.parametrize("model", ["resnet8", "lstm"])
def test_other_models_take_the_digits(capsys, model):
    options = "--epochs", "1", "--batch-size", "256", "--validation", "0.8"
    ran(capsys, "train", "digits", "--model", model, *options)


def test_images_are_changed_at_random_on_request(capsys):
    plain = ran(capsys, "train", "digits", *TINY).splitlines()[1]
    assert plain != ran(capsys, "train", "digits", *TINY, "--augment", "flip").splitlines()[1]


def test_the_same_seed_gives_the_same_result_and_another_seed_another(capsys):
    def log(seed):
        return ran(capsys, "train", "digits", *TINY, "--seed", seed).splitlines()[1:]

    assert log("5") == log("5") != log("6")


# ---- Other data ----


def test_a_model_learns_the_spiral(capsys):
    out = ran(capsys, "train", "spiral", "--epochs", "30")
    assert accuracy(out) >= 90


def test_a_model_learns_the_sine_curve(capsys):
    out = ran(capsys, "train", "sine", "--epochs", "30", "--hidden", "32")
    error = re.fullmatch(r"test mean squared error: (\S+)", out.splitlines()[-1])[1]
    assert float(error) < 0.01


@pytest.mark.parametrize("model", ["linear", "lenet"])
def test_files_of_fashion_mnist_are_read_from_the_folder_of_data(tmp_path, capsys, model):
    folder = idx_folder(tmp_path / "files")
    out = ran(capsys, "train", "fashion-mnist", "--model", model, "--data", folder, "--epochs", "1")
    assert "61 samples to train on, 3 to validate, 16 to test" in out


@pytest.mark.parametrize(("dataset", "classes"), [("cifar10", 10), ("cifar100", 100)])
def test_photographs_are_loaded_with_the_names_of_their_classes(
    tmp_path, capsys, monkeypatch, dataset, classes
):
    def load(train, *, folder):
        assert folder == str(tmp_path / "files")
        labels = np.arange(100) % classes
        return ArrayDataset(np.zeros((100, 3, 32, 32), np.float32), labels)

    monkeypatch.setattr(f"wengert.data.load_{dataset}", load)
    options = "--data", "files", "--model", "lenet", "--epochs", "1", "--run", "run"
    ran(capsys, "train", dataset, *options)
    facts = json.loads((tmp_path / "run" / "settings.json").read_text())["facts"]
    assert len(facts["classes"]) == classes
    assert facts["classes"][0] in ("airplane", "apple")


def test_classes_and_numbers_are_predicted_from_tables(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)) * [1, 1000] + [0, 5000]
    kinds = np.where(x[:, 0] > 0, "tall", "small")
    rows = [f"{a},{b},{kind}" for (a, b), kind in zip(x, kinds, strict=True)]
    (tmp_path / "kinds.csv").write_text("\n".join(["width,weight,kind", *rows]))
    assert accuracy(ran(capsys, "train", "csv", "--data", "kinds.csv", "--epochs", "30")) > 90
    rows = [f"{a},{3 * a + 7}" for a in x[:, 0]]
    (tmp_path / "line.csv").write_text("\n".join(rows))
    out = ran(capsys, "train", "csv", "--data", "line.csv", "--model", "linear", "--epochs", "30")
    assert float(out.split()[-1]) < 0.1


def test_a_model_learns_a_text_from_a_file(tmp_path, capsys):
    (tmp_path / "abc.txt").write_text("abcdefgh" * 200)
    small = "--context", "8", "--layers", "1", "--width", "16", "--epochs", "6", "--lr", "0.01"
    out = ran(capsys, "train", "text", "--data", "abc.txt", *small)
    loss = re.fullmatch(r"test loss: (\S+) nats per character", out.splitlines()[-1])[1]
    assert float(loss) < 1.5  # a uniform guess has ln 8 = 2.08
    out = ran(capsys, "train", "text", "--data", "abc.txt", *small, "--unit", "bytes")
    assert out.splitlines()[-1].endswith("nats per byte")


@pytest.mark.parametrize("parts", [[""], ["train", "test"]])
def test_images_in_folders_are_loaded(tmp_path, capsys, parts):
    image = pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    for part in parts:
        for kind, shade in (("dark", 30), ("light", 220)):
            folder = tmp_path / "pictures" / part / kind
            folder.mkdir(parents=True)
            for i in range(10):
                image.new("RGB", (12, 9), (shade, shade, shade + i)).save(folder / f"{i}.png")
    small = (
        "--size",
        "8",
        "--model",
        "linear",
        "--epochs",
        "20",
        "--batch-size",
        "4",
        "--lr",
        "0.05",
    )
    assert accuracy(ran(capsys, "train", "images", "--data", "pictures", *small)) == 100


# ---- The folder of the run ----


def test_a_run_leaves_its_settings_log_checkpoints_weights_and_metrics(tmp_path, capsys):
    ran(capsys, "train", "digits", *TINY, "--seed", "3", "--run", "here")
    here = tmp_path / "here"
    assert {path.name for path in here.iterdir()} == {
        "settings.json", "log.jsonl", "checkpoints", "weights.npz", "best.npz", "metrics.json",
    }  # fmt: skip
    settings = json.loads((here / "settings.json").read_text())["settings"]
    assert settings["seed"] == 3
    assert settings["hidden"] == [16]
    log = [json.loads(line) for line in (here / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]
    metrics = json.loads((here / "metrics.json").read_text())
    assert metrics["last"] == log[-1]
    assert metrics["epoch"] == 2
    assert {name: array.shape for name, array in np.load(here / "weights.npz").items()} == {
        "layers.1.layers.0.W": (64, 16),
        "layers.1.layers.0.b": (16,),
        "layers.1.layers.1.W": (16, 10),
        "layers.1.layers.1.b": (10,),
    }


def test_the_best_weights_are_those_of_the_lowest_validation_loss(tmp_path, capsys):
    options = "--hidden", "32", "--schedule", "constant", "--lr", "0.02"
    ran(capsys, "train", "digits", *options, "--epochs", "8", "--run", "long")
    log = (tmp_path / "long" / "log.jsonl").read_text().splitlines()
    losses = [json.loads(line)["validation_loss"] for line in log]
    best = 1 + int(np.argmin(losses))
    assert 1 < best < 8
    metrics = json.loads((tmp_path / "long" / "metrics.json").read_text())
    assert metrics["best_epoch"] == metrics["tested_epoch"] == best
    out = ran(capsys, "train", "--resume", "long").splitlines()
    assert out[1] == f"weights of epoch {best}, the best of 8 by validation loss"
    assert out[1:] == ran(capsys, "evaluate", "long", "--best").splitlines()
    ran(capsys, "train", "digits", *options, "--epochs", best, "--run", "short")
    with np.load("long/best.npz") as kept, np.load("short/weights.npz") as there:
        for name in there:
            np.testing.assert_array_equal(kept[name], there[name])


def test_a_folder_that_is_not_empty_is_refused_for_a_new_run(tmp_path, capsys):
    (tmp_path / "note.txt").write_text("keep")
    err = refused(capsys, "train", "digits", *TINY, "--run", tmp_path)
    assert "argument --run" in err
    assert "is not empty" in err


def test_where_no_folder_can_be_created_the_run_is_kept_in_a_temporary_one(tmp_path, capsys):
    (tmp_path / "runs").write_text("a file, not a folder")
    assert main(["train", "digits", *TINY]) == 0
    out, err = capsys.readouterr()
    folder = re.match(r"run (\S+): ", out)[1]
    assert "the run is kept in a temporary folder; choose another with --run FOLDER" in err
    assert os.path.isfile(f"{folder}/weights.npz")
    assert str(tmp_path) not in folder


def test_a_folder_that_cannot_be_used_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "argument --runs: file: " in refused(capsys, "train", "digits", "--runs", "file")
    assert "already names the folder" in refused(
        capsys, "train", "digits", "--run", "a", "--runs", "b"
    )


# ---- In a pipe, in a terminal ----


def test_a_pipe_gets_the_folder_one_line_an_epoch_and_the_result():
    process = start("train", "digits", *TINY)
    out, err = process.communicate(timeout=60)
    first, *epochs, which, result = out.splitlines()
    assert process.returncode == 0
    assert err == ""
    assert first.startswith("run runs/digits-mlp-")
    assert len(epochs) == 2
    assert all(map(EPOCH.fullmatch, epochs))
    assert which == "weights of epoch 2, the best of 2 by validation loss"
    assert RESULT.fullmatch(result)


def test_a_long_epoch_tells_its_progress_in_a_pipe(capsys, monkeypatch):
    monkeypatch.setattr("wengert.training.progress.LogDisplay.FIRST", 0.0)
    out = ran(capsys, "train", "digits", *TINY, "--epochs", "1")
    assert re.search(r"^epoch 1/1   +5%   loss \S+   accuracy \S+   \S+ s$", out, re.M)


def test_a_terminal_gets_a_progress_bar_and_the_same_lines():
    ours, theirs = pty.openpty()
    process = start("train", "digits", *TINY, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while chunk := _read(ours):
        seen += chunk
    os.close(ours)
    text = seen.decode()
    assert process.wait(timeout=60) == 0
    assert re.search(r"epoch 1/2:.*\d+/21 \[", text)
    assert len(EPOCH.findall(text)) == 2
    assert RESULT.search(text.rstrip().splitlines()[-1])


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        return b""


def test_a_closed_pipe_ends_it_without_a_traceback():
    process = start("train", "digits", "--epochs", "100000")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


# ---- Mistakes ----


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "0"], "argument --epochs: got '0', needed an integer ≥ 1"),
        (["--epochs", "two"], "argument --epochs: got 'two'"),
        (["--batch-size", "-3"], "argument --batch-size"),
        (["--seed", "1.5"], "argument --seed: got '1.5', needed an integer ≥ 0"),
        (["--lr", "0"], "argument --lr: got '0', needed a number > 0"),
        (["--lr", "nan"], "argument --lr: got 'nan'"),
        (["--validation", "1"], "argument --validation: got '1', needed a number ≥ 0 and < 1"),
        (["--hidden", "10,,5"], "argument --hidden: got '10,,5', needed sizes > 0"),
        (
            ["--hidden", "5", "--model", "linear"],
            "no such setting; it is one of mlp, cnn, lstm",
        ),
        (["--heads", "2"], "argument --heads: mlp on digits has no such setting; it is one of gpt"),
        (["--optimizer", "adagrad"], "got 'adagrad', needed one of sgd, momentum, adam, adamw"),
        (["--epoch", "3"], "unrecognized option --epoch"),
        (["--hidden", "9" * 14], "not enough memory: Unable to allocate 45.5 PiB"),
        (["--hidden", "9" * 20], "argument --hidden: Maximum allowed dimension exceeded"),
        (["--data", "."], "argument --data: digits takes no data"),
        (["--model", "gpt"], "gpt does not fit digits of 8 × 8; needed one of linear, mlp, cnn"),
        (["--model", "lenet"], "lenet does not fit digits of 8 × 8"),
    ],
)
def test_a_wrong_option_is_one_clear_line(tmp_path, capsys, arguments, said):
    err = refused(capsys, "train", "digits", *arguments)
    assert err.startswith("wengert train: ")
    assert said in err
    assert not (tmp_path / "runs").exists()


def test_a_missing_path_of_the_data_is_named(capsys):
    assert "needed for text: --data FILE" in refused(capsys, "train", "text")
    assert "needed for images: --data FOLDER" in refused(capsys, "train", "images")


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ("text", "there is no file"),
        ("csv", "there is no file"),
        ("images", "there is no folder"),
        ("mnist", "found no train-images-idx3-ubyte.gz"),
    ],
)
def test_missing_data_end_it_before_a_folder_is_created(
    tmp_path, capsys, monkeypatch, dataset, said
):
    if dataset == "images":
        pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    monkeypatch.setenv("WENGERT_OFFLINE", "1")
    assert said in failed(capsys, "train", dataset, "--data", "nowhere")
    assert not (tmp_path / "runs").exists()


def test_a_text_too_short_says_so(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("too short")
    assert "too few for windows of 64; more data or a smaller --context is needed" in failed(
        capsys, "train", "text", "--data", "a.txt"
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a,y", "1,2"], "1 sample cannot be split between training, validation and testing"),
        (["a,y"] + 4 * ["1,2"], "3 samples cannot be split"),
        (["a,y"] + 20 * ["1,yes"], "has only the class 'yes', needed at least two"),
        (["a,a,y"] + 20 * ["1,2,3"], "has two columns 'a'; give each column a different name"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, capsys, lines, said):
    (tmp_path / "a.csv").write_text("\n".join(lines))
    err = failed(capsys, "train", "csv", "--data", "a.csv")
    assert err.count("\n") == 1
    assert said in err
    assert not (tmp_path / "runs").exists()


def test_a_loss_that_is_not_finite_ends_training_with_advice(capsys):
    err = failed(capsys, "train", "digits", *TINY, "--optimizer", "sgd", "--lr", "1e30")
    assert err.count("\n") == 1
    assert "computed the first" in err or "are not finite" in err
    assert err.endswith("Try an --lr below 1e+30\n")


def test_a_full_disk_ends_it_in_a_line_with_the_command_that_resumes_it(capsys, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wengert.training.checkpoint_folder.save_checkpoint", full)
    err = failed(capsys, "train", "digits", *TINY)
    assert err.startswith(
        "wengert train: No space left on device. Fix this, then resume with: wengert train"
    )


def test_while_the_disk_is_full_the_training_goes_on(tmp_path, capsys, monkeypatch):
    from wengert.cli import train
    from wengert.training.checkpoint_folder import save_checkpoint

    calls = []

    def full(*args, **kwargs):
        calls.append(args)
        if len(calls) < 10:
            raise OSError(28, "No space left on device")
        save_checkpoint(*args, **kwargs)

    monkeypatch.setattr("wengert.training.checkpoint_folder.save_checkpoint", full)
    monkeypatch.setattr(train, "SAVE_EVERY", 1e-6)
    assert main(["train", "digits", *TINY, "--run", "run"]) == 0
    out, err = capsys.readouterr()
    assert (
        err.count("No space left on device; the training continues without a new checkpoint") == 1
    )
    assert RESULT.search(out)


def test_what_a_full_disk_could_not_take_is_saved_elsewhere(tmp_path, capsys, monkeypatch):
    from wengert.training.checkpoint_folder import save_checkpoint

    def full(path, **parts):
        if "run" in path.parts:
            raise OSError(28, "No space left on device")
        save_checkpoint(path, **parts)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("wengert.training.checkpoint_folder.save_checkpoint", full)
        err = failed(capsys, "train", "digits", *TINY, "--run", "run")
    found = re.search(r"The newest state is saved as (\S+); move it to (\S+) before\.", err)
    os.rename(found[1], f"{found[2]}/{os.path.basename(found[1])}")
    out = ran(capsys, "train", "--resume", "run")
    assert "epoch" not in out.splitlines()[1].split("weights of")[0]  # nothing is trained again
    assert RESULT.fullmatch(out.splitlines()[-1])


@pytest.mark.parametrize("error", [OSError("unreadable"), ValueError("damaged"), MemoryError()])
def test_an_error_of_the_test_costs_no_weights(tmp_path, capsys, monkeypatch, error):
    def fails(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("wengert.cli.train.evaluated", fails)
        err = failed(capsys, "train", "digits", *TINY, "--run", "run")
    assert "the test failed: " in err
    assert "The trained weights are in run; fix this, then test them with: wengert train" in err
    assert {"weights.npz", "best.npz"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert RESULT.fullmatch(ran(capsys, "train", "--resume", "run").splitlines()[-1])


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_test_without_a_finite_result_is_reported_and_kept(capsys, monkeypatch, loss):
    result = {"loss": loss, "accuracy": 0.5}
    monkeypatch.setattr("wengert.cli.train.evaluated", lambda *args: result)
    assert ran(capsys, "train", "digits", *TINY, "--run", "run").endswith("accuracy: 50.0 %\n")
    assert "run is finished" in ran(capsys, "train", "--resume", "run")


def test_few_validation_samples_do_not_choose_the_weights(tmp_path, capsys):
    rows = [f"{i},{'ab'[i % 2]}" for i in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["x,t", *rows]))
    out = ran(capsys, "train", "csv", "--data", "t.csv", "--epochs", "3", "--run", "run")
    assert out.splitlines()[-2] == "weights of epoch 3 of 3, the last"
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["tested_epoch"] == 3


# ---- Recipes ----


@pytest.mark.parametrize("dataset", recipes.DATASETS)
def test_each_model_that_fits_has_complete_settings(dataset):
    given = {"data": "x"} if recipes.DATASETS[dataset].data else {}
    assert recipes.settings(dataset, None, given)["model"] in recipes.fitting(dataset)
    for model in recipes.fitting(dataset):
        settings = recipes.settings(dataset, model, given)
        assert None not in {**settings, "data": ""}.values()
        assert recipes.checked(json.loads(json.dumps(settings))) == settings


def test_given_settings_override_the_recipe_and_each_optimizer_has_its_own_rate():
    given = recipes.settings("digits", "cnn", {"optimizer": "sgd", "epochs": 5})
    assert (given["epochs"], given["lr"]) == (5, 0.1)
    assert recipes.settings("digits", "cnn", {})["lr"] == 0.002
    assert recipes.settings("digits", "cnn", {"optimizer": "sgd", "lr": 0.5})["lr"] == 0.5
