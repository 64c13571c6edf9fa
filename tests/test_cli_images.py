"""`wengert train images`: image files as users have them."""

import json
import re
import shutil

import numpy as np
import pytest

from command import failed, ran, refused
from wengert.cli import main
from wengert.cli.runs import Run
from wengert.cli.samples import load_data
from wengert.data import ImageFolder, image_check
from wengert.data.image_check import check_images

image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")

SMALL = ["--size", "8", "--model", "linear", "--batch-size", "4", "--augment", "none"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path):
    """dark and light, with 20 images of each."""
    for kind, shade in (("dark", 30), ("light", 220)):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for i in range(20):
            picture(tmp_path / "data" / kind / f"{i}.png", shade)
    return tmp_path / "data"


def picture(path, shade=30):
    rng = np.random.default_rng(shade)
    pixels = rng.integers(shade - 20, shade + 20, (12, 16, 3))
    image.fromarray(pixels.astype(np.uint8)).save(path)


def opened(path):
    with image.open(path) as stored:
        return stored.copy()


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def deep(path):
    image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(path, format="PNG")


def floats(path):
    image.fromarray(np.zeros((8, 8), np.float32)).save(path, format="TIFF")


DAMAGE = {
    "truncated": (cut, ""),
    "empty": (lambda path: path.write_bytes(b""), "it is not an image"),
    "text": (lambda path: path.write_text("hello"), "it is not an image"),
    "16 bits": (deep, "its mode is I;16, needed 8 bits per channel"),
    "floats": (floats, "its mode is F, needed 8 bits per channel"),
}


def train(capsys, *options, epochs=2, run="run"):
    """The lines of a training, without those of epochs."""
    arguments = "--data", "data", *SMALL, "--epochs", epochs, "--run", run
    lines = ran(capsys, "train", "images", *arguments, *options).splitlines()
    return [line for line in lines if not line.startswith("epoch ")]


# ---- Before the training ----


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tif", ".webp"])
def test_a_file_that_cannot_be_read_is_found_before_training(data, capsys, damage, suffix):
    path = data / "dark" / f"bad{suffix}"
    picture(path)
    spoil, why = DAMAGE[damage]
    spoil(path)
    err = failed(capsys, "train", "images", "--data", "data", *SMALL)
    assert re.search(rf"1 of 41 images in \S+ cannot be read: dark/bad\{suffix} \(.*({why})", err)
    assert err.endswith("Repair or delete them, or leave them out with --skip-damaged\n")
    assert not (data.parent / "runs").exists()
    lines = train(capsys, "--skip-damaged")
    assert re.search(rf"1 image is left out: dark/bad\{suffix} \(", "\n".join(lines))
    assert sum(Run.open("run").facts["samples"]) == 40


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("palette.png", {}),
        ("palette.gif", {}),
        ("transparent.png", {"transparency": 0}),
        ("cmyk.jpg", {}),
        ("grey.jpg", {}),
        ("black.png", {}),
        ("several.gif", {"save_all": True}),
        ("several.webp", {"save_all": True}),
        ("pages.tif", {"save_all": True}),
    ],
)
def test_a_file_that_can_be_read_is_used_and_what_is_lost_is_told(data, capsys, name, options):
    made = opened(data / "dark" / "0.png")
    other = opened(data / "light" / "0.png")
    if options.get("save_all"):
        options = options | {"append_images": [other]}
    kind = {"palette": "P", "transparent": "P", "cmyk": "CMYK", "grey": "L", "black": "1"}
    made.convert(kind.get(name.partition(".")[0], "RGB")).save(data / "dark" / name, **options)
    lines = "\n".join(train(capsys))
    assert sum(Run.open("run").facts["samples"]) == 41
    animated = "1 of 41 images are animated; their first one is used" in lines
    transparent = "1 of 41 images have transparent pixels, which become white" in lines
    assert animated == ("save_all" in options)
    assert transparent == ("transparency" in options)


def test_an_opaque_image_with_an_alpha_channel_is_no_transparent_one(data, capsys):
    opened(data / "dark" / "0.png").convert("RGBA").save(data / "dark" / "rgba.png")
    assert "transparent" not in "\n".join(train(capsys))


def test_each_file_is_checked_once_until_it_changes(data, capsys, monkeypatch):
    checked = []
    real = image_check.check_image
    monkeypatch.setattr(image_check, "check_image", lambda path: checked.append(path) or real(path))
    train(capsys)
    assert len(checked) == 40
    train(capsys, run="second")
    ran(capsys, "evaluate", "second")
    ran(capsys, "train", "--resume", "second", "--epochs", "3")
    assert len(checked) == 40
    picture(data / "dark" / "new.png")
    picture(data / "light" / "3.png", 221)
    train(capsys, run="third")
    assert sorted(path.name for path in checked[40:]) == ["3.png", "new.png"]


def test_a_problem_of_the_system_is_not_kept(data, tmp_path, monkeypatch):
    path, kept = data / "dark" / "0.png", tmp_path / "kept"
    monkeypatch.setattr(
        image, "open", lambda file: (_ for _ in ()).throw(PermissionError(13, "no"))
    )
    assert check_images([path], kept)[path].problem is not None
    monkeypatch.undo()
    assert check_images([path], kept)[path].problem is None


def test_what_was_checked_before_an_interruption_is_kept(data, tmp_path, monkeypatch):
    def stop(done, of):
        if done == 15:
            raise KeyboardInterrupt

    checked = []
    real = image_check.check_image
    monkeypatch.setattr(image_check, "check_image", lambda path: checked.append(path) or real(path))
    paths = ImageFolder(data).paths
    with pytest.raises(KeyboardInterrupt):
        check_images(paths, tmp_path / "kept", stop)
    before = len(checked)
    assert len(check_images(paths, tmp_path / "kept")) == 40
    assert len(checked) - before == 25


def test_results_that_cannot_be_kept_or_read_are_no_error(data, tmp_path, capsys):
    (tmp_path / "cache").write_text("a file, not a folder")
    train(capsys)
    kept = tmp_path / "kept"
    for content in ("", "{", "[]", '{"version": 0}'):
        kept.write_text(content)
        found = check_images([data / "dark" / "0.png"], kept)
        assert [check.problem for check in found.values()] == [None]
    assert json.loads(kept.read_text())["files"]


def test_files_that_are_no_images_are_told(data, capsys):
    for name in ("a.heic", "b.HEIC", "notes.txt", ".hidden.txt"):
        (data / "dark" / name).write_text("")
    lines = train(capsys)
    assert "3 files with other endings are not used: .heic (2), .txt (1)" in lines


def test_a_class_without_a_readable_image_is_named(data, capsys):
    for path in (data / "dark").iterdir():
        path.write_text("no image")
    err = failed(capsys, "train", "images", "--data", "data", *SMALL, "--skip-damaged")
    assert "no image of the class 'dark' can be read" in err


def test_a_long_list_of_damaged_files_is_cut(data, capsys):
    for path in (data / "dark").iterdir():
        path.write_text("no image")
    err = failed(capsys, "train", "images", "--data", "data", *SMALL)
    assert "20 of 40 images in" in err
    assert err.count("it is not an image") == 5
    assert "; and 15 more. Repair" in err


# ---- Folders ----


def test_a_folder_of_validation_images_is_used(data, capsys):
    for part in ("test", "val"):
        for kind in ("dark", "light"):
            (data / part / kind).mkdir(parents=True)
            for i in range(4):
                shutil.copy(data / kind / f"{i}.png", data / part / kind / f"{part}{i}.png")
    for kind in ("dark", "light"):
        (data / "train").mkdir(exist_ok=True)
        (data / kind).rename(data / "train" / kind)
    train(capsys)
    assert Run.open("run").facts["samples"] == [40, 8, 8]
    assert Run.open("run").facts["classes"] == ["dark", "light"]
    assert "test accuracy" in ran(capsys, "evaluate", "run")


def test_a_folder_without_a_test_part_or_without_classes_says_what_to_do(data, tmp_path, capsys):
    for part in ("train", "valid"):
        shutil.copytree(data, tmp_path / "split" / part)
    err = failed(capsys, "train", "images", "--data", "split", *SMALL)
    assert "has the folders train and valid, but no folder test; give --data" in err
    err = failed(capsys, "train", "images", "--data", "data/dark", *SMALL)
    assert "has no folders, needed one for each class; its 20 images belong in such folders" in err
    assert "ImageFolder" not in err
    (tmp_path / "file").write_text("")
    err = failed(capsys, "train", "images", "--data", "file", *SMALL)
    assert "file is a file, needed a folder of folders" in err


def test_a_class_may_have_the_name_of_a_part(data, capsys):
    (data / "dark").rename(data / "train")
    train(capsys)
    assert Run.open("run").facts["classes"] == ["light", "train"]


# ---- A run that is resumed ----


def test_a_run_is_resumed_with_its_files_when_others_are_added(data, capsys):
    train(capsys, epochs=4, run="whole")
    train(capsys, epochs=2, run="part")
    before = Run.open("part").files
    picture(data / "dark" / "new.png")
    (data / "third").mkdir()
    picture(data / "third" / "new.png")
    out = ran(capsys, "train", "--resume", "part", "--epochs", "4")
    assert re.search(
        r"2 other images in \S+ were added or left out: this run continues without", out
    )
    assert Run.open("part").files == before
    assert Run.open("part").facts == Run.open("whole").facts


def test_a_run_that_has_skipped_a_file_is_resumed_when_it_is_mended(data, capsys):
    bad = data / "dark" / "bad.png"
    bad.write_text("no image")
    train(capsys, "--skip-damaged")
    picture(bad)
    out = ran(capsys, "train", "--resume", "run", "--epochs", "3")
    assert "1 other images in" in out
    assert "epoch 3/3" in out


def lost(run, part, data):
    """Removes an image of this part of a run."""
    name = Run.open(run).files[part][0]
    (data / name).unlink()
    return name


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_run_whose_images_are_missing_is_resumed_without_them_on_request(data, capsys, part):
    train(capsys, "--validation", "0.2")
    counts = dict(zip(("train", "validation", "test"), Run.open("run").facts["samples"],
                      strict=True))  # fmt: skip
    name = lost("run", part, data)
    arguments = "train", "--resume", "run", "--epochs", "3"
    err = failed(capsys, *arguments)
    assert (
        f"1 of 40 images of the run in {data} are missing or cannot be read: {name} (there" in err
    )
    assert err.endswith("Put them back, or continue without them with --skip-damaged\n")
    out = ran(capsys, *arguments, "--skip-damaged")
    assert "1 of 40 images of the run" in out
    assert "epoch 3/3" in out
    counts[part] -= 1
    assert Run.open("run").facts["samples"] == [*counts.values()]
    assert "epoch 4/4" in ran(capsys, "train", "--resume", "run", "--epochs", "4")


def test_an_epoch_that_has_begun_starts_again_when_an_image_is_left_out(data, capsys, monkeypatch):
    from wengert.cli import train as command

    def stop(callback, trainer):
        if trainer.step == 10:  # of 7 in an epoch
            callback.trainer.stop("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(command.Interruption, "on_step", stop)
        patch.setattr(command, "evaluated", lambda *args: {"loss": 0.0, "accuracy": 0.0})
        main(["train", "images", "--data", "data", *SMALL, "--epochs", "3", "--run", "run"])
    (data.parent / "run" / "metrics.json").unlink()
    capsys.readouterr()
    lost("run", "train", data)
    out = ran(capsys, "train", "--resume", "run", "--skip-damaged")
    assert "epoch 2 starts again, with the images that are left" in out
    assert re.findall(r"^epoch (\d)/3", out, re.M) == ["2", "3"]


def test_a_damaged_image_is_left_out_of_a_test_which_is_told(data, capsys):
    train(capsys)
    name = Run.open("run").files["test"][0]
    (data / name).write_text("no image")
    assert main(["evaluate", "run"]) == 0
    out, err = capsys.readouterr()
    assert f"1 of 8 images of the run in {data} are left out: {name} (it is not an image)" in err
    assert "test accuracy: " in out


def test_an_image_that_fails_in_the_test_costs_no_weights(data, capsys, monkeypatch):
    from wengert.cli import train as command

    real = command.evaluated

    def evaluated(model, settings, facts, samples):
        samples.paths[0].write_text("no image")
        return real(model, settings, facts, samples)

    with monkeypatch.context() as patch:
        patch.setattr(command, "evaluated", evaluated)
        err = failed(capsys, "train", "images", "--data", "data", *SMALL, "--epochs", "2",
                     "--run", "run")  # fmt: skip
    assert re.search(r"the test failed: \S+ cannot be read as an image: it is not an image", err)
    assert "The trained weights are in run" in err
    assert "ImageFolder" not in err
    assert main(["evaluate", "run"]) == 0
    assert main(["train", "--resume", "run", "--skip-damaged"]) == 0
    assert "test accuracy: " in capsys.readouterr().out


def test_an_image_that_vanishes_during_the_training_can_be_put_back(data, capsys, monkeypatch):
    from wengert.cli import train as command

    class Lost(command.Interruption):
        def on_epoch(self, trainer):
            if trainer.epoch == 1:
                lost("run", "train", data)

    kept = data.parent / "kept"
    shutil.copytree(data, kept)
    with monkeypatch.context() as patch:
        patch.setattr(command, "Interruption", Lost)
        patch.setattr(command, "SAVE_EVERY", 1e-6)
        err = failed(capsys, "train", "images", "--data", "data", *SMALL, "--epochs", "3",
                     "--run", "run")  # fmt: skip
    assert "Fix this, then resume with: wengert train --resume run" in err
    shutil.copytree(kept, data, dirs_exist_ok=True)
    assert "epoch 3/3" in ran(capsys, "train", "--resume", "run")


def test_images_that_were_moved_are_found_at_the_new_path(data, tmp_path, capsys):
    train(capsys)
    data.rename(tmp_path / "moved")
    err = failed(capsys, "train", "--resume", "run", "--epochs", "3")
    assert "if the images were moved, use --data FOLDER" in err
    assert "epoch 3/3" in ran(
        capsys, "train", "--resume", "run", "--epochs", "3", "--data", "moved"
    )
    ran(capsys, "evaluate", "run")


def test_skipping_is_an_option_of_images_only(capsys):
    err = refused(capsys, "train", "digits", "--skip-damaged")
    assert "argument --skip-damaged: mlp on digits has no such setting; it is one of images" in err


# ---- Predictions ----


def test_predict_agrees_with_the_test_of_the_training(data, capsys):
    rng = np.random.default_rng(0)
    for path in data.rglob("*.png"):  # hard to tell apart, of several sizes and modes
        mode = ["RGB", "L", "P", "RGBA"][int(rng.integers(4))]
        size = tuple(rng.integers(6, 30, 2).tolist())
        opened(path).resize(size).point(lambda v: v // 8 + 100).convert(mode).save(path)
    result = train(capsys, epochs=3)[-1]
    run = Run.open("run")
    names = run.files["test"]
    lines = ran(capsys, "predict", "run", *(data / name for name in names)).splitlines()
    hits = [line.split()[1] == name.split("/")[0] for line, name in zip(lines, names, strict=True)]
    assert result == f"test accuracy: {100 * np.mean(hits):.1f} %"
    every = ran(capsys, "predict", "run", "data").splitlines()
    assert len(every) == 40
    assert len(load_data(run.settings).train) == 32 - 2


# ---- ImageFolder ----


def test_damaged_images_are_listed_and_left_out_on_request(data):
    (data / "dark" / "bad.png").write_text("no image")
    deep(data / "light" / "deep.png")
    folder = ImageFolder(data)
    assert {path.name: why for path, why in folder.damaged().items()} == {
        "bad.png": "it is not an image",
        "deep.png": "its mode is I;16, needed 8 bits per channel",
    }
    with pytest.warns(UserWarning, match=r"2 images cannot be read and are left out: .*bad.png"):
        kept = ImageFolder(data, skip_damaged=True)
    assert (len(folder), len(kept), len(kept.labels)) == (42, 40, 40)
    assert kept.damaged() == {}


def test_the_background_of_transparent_pixels_can_be_chosen(data):
    path = data / "dark" / "0.png"
    image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(path)
    for background, value in ((None, 0), ("white", 1), ("#ff0000", [1, 0, 0])):
        x, _ = ImageFolder(data, background=background)[0]
        np.testing.assert_array_equal(x[:, 0, 0], np.broadcast_to(value, 3))
    with pytest.raises(ValueError, match="ImageFolder: got background 'mauvish', needed a colour"):
        ImageFolder(data, background="mauvish")
    with pytest.raises(TypeError, match="ImageFolder: got background 3, needed the name"):
        ImageFolder(data, background=3)
