"""Checkpoints, and folders of them."""

import errno
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest

from test_state_file import same
from wengert import files, random
from wengert.data import ArrayDataset, DataLoader
from wengert.functions.loss import softmax_cross_entropy
from wengert.layers import BatchNorm, Linear, Sequential
from wengert.optimizers import Adam
from wengert.training.checkpoint import load_checkpoint, save_checkpoint
from wengert.training.checkpoint_folder import Checkpoints
from wengert.training.state_file import load_state, save_state

# ---- Checkpoints ----


def training(seed=0, *, lazy=False):
    """The parts of a small training, after one step."""
    random.seed(seed)
    rng = np.random.default_rng(1)
    data = ArrayDataset(rng.normal(size=(12, 4)).astype(np.float32), rng.integers(0, 3, 12))
    model = Sequential(
        Linear(5, in_size=None if lazy else 4), BatchNorm(None if lazy else 5), Linear(3, in_size=5)
    )
    parts = {
        "model": model,
        "optimizer": Adam(0.01).setup(model),
        "loader": DataLoader(data, 4),
    }
    if not lazy:
        step(parts, *next(iter(parts["loader"])))
    return parts


def step(parts, x, t):
    parts["model"].cleargrads()
    softmax_cross_entropy(parts["model"](x), t).backward()
    parts["optimizer"].update()


def states(parts):
    return {name: part.state_dict() for name, part in parts.items()}


def test_a_checkpoint_restores_all_parts_and_the_random_numbers(tmp_path):
    parts = training()
    before = states(parts)
    save_checkpoint(tmp_path / "it.npz", **parts, epoch=3, note={"lr": [0.1]})
    draws = random.generator().random(3).tolist()
    other = training(seed=5)
    assert load_checkpoint(tmp_path / "it.npz", **other) == {"epoch": 3, "note": {"lr": [0.1]}}
    assert same(before, states(other))
    assert random.generator().random(3).tolist() == draws


def test_a_model_with_lazy_parameters_takes_the_sizes_of_the_checkpoint(tmp_path):
    parts = training()
    save_checkpoint(tmp_path / "it.npz", **parts)
    lazy = training(lazy=True)
    load_checkpoint(tmp_path / "it.npz", **lazy)
    assert same(states(parts), states(lazy))


def test_one_part_of_a_checkpoint_can_be_loaded_alone(tmp_path):
    parts = training()
    save_checkpoint(tmp_path / "it.npz", **parts)
    model = training(seed=5)["model"]
    model.load_state_dict(load_state(tmp_path / "it.npz")["parts"]["model"])
    assert same(parts["model"].state_dict(), model.state_dict())


class Refuses:
    """A part that accepts only its own state."""

    def __init__(self, name, error):
        self.name = name
        self.error = error

    def state_dict(self):
        return {"me": self.name}

    def load_state_dict(self, state):
        if state != self.state_dict():
            raise self.error


@pytest.mark.parametrize("error", [ValueError("not mine"), KeyError("b"), TypeError("no")])
def test_a_part_that_refuses_its_state_leaves_all_unchanged(tmp_path, error):
    save_checkpoint(tmp_path / "it.npz", **training(), last=Refuses("saved", error))
    other = {**training(seed=5), "last": Refuses("here", error)}
    before = states(other), random.get_state()
    with pytest.raises(ValueError, match=r"it\.npz does not fit, and nothing was loaded"):
        load_checkpoint(tmp_path / "it.npz", **other)
    assert same(before, [states(other), random.get_state()])


def test_random_numbers_of_another_kind_are_refused_and_nothing_is_loaded(tmp_path):
    save_checkpoint(tmp_path / "it.npz", **training())
    content = load_state(tmp_path / "it.npz")
    content["parts"]["random"]["bit_generator"] = "MT19937"
    save_state(tmp_path / "it.npz", content)
    other = training(seed=5)
    before = states(other), random.get_state()
    with pytest.raises(ValueError, match="does not fit"):
        load_checkpoint(tmp_path / "it.npz", **other)
    assert same(before, [states(other), random.get_state()])


@pytest.mark.parametrize("left_out", ["model", "optimizer", "loader"])
def test_a_part_that_was_saved_must_be_given(tmp_path, left_out):
    parts = training()
    save_checkpoint(tmp_path / "it.npz", **parts)
    del parts[left_out]
    with pytest.raises(
        ValueError, match="has the parts model, optimizer, loader, but got the parts"
    ):
        load_checkpoint(tmp_path / "it.npz", **parts)


def test_a_part_that_was_not_saved_is_refused(tmp_path):
    save_checkpoint(tmp_path / "it.npz", epoch=1)
    with pytest.raises(ValueError, match="has the parts none, but got the parts model"):
        load_checkpoint(tmp_path / "it.npz", model=training()["model"])


def test_an_object_without_a_state_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"values\.model: got function"):
        save_checkpoint(tmp_path / "it.npz", model=training)
    save_checkpoint(tmp_path / "it.npz")
    with pytest.raises(TypeError, match="epoch is a int"):
        load_checkpoint(tmp_path / "it.npz", epoch=3)
    for function in (save_checkpoint, load_checkpoint):
        with pytest.raises(ValueError, match='"random" is the name of the random numbers'):
            function(tmp_path / "it.npz", random=training()["model"])


@pytest.mark.parametrize("state", [[], {"parts": {}}, {"parts": 1, "values": 2}, None])
def test_a_state_that_is_not_a_checkpoint_is_refused(tmp_path, state):
    save_state(tmp_path / "it.npz", state)
    with pytest.raises(ValueError, match=r"it\.npz contains a state that save_checkpoint did not"):
        load_checkpoint(tmp_path / "it.npz")


# ---- A folder of checkpoints ----


def names(folder):
    return sorted(os.listdir(folder))


def test_the_newest_checkpoints_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "new" / "run", keep=2)
    for n, score in enumerate([3.0, float("nan"), 1.0, 2.0, 1.0]):
        checkpoints.save_best(n, score, n=n)
        checkpoints.save(n, n=n)
    assert names(checkpoints.folder) == ["best.npz", "step-000000003.npz", "step-000000004.npz"]
    assert load_state(checkpoints.best)["values"] == {"n": 2}
    assert checkpoints.latest() == checkpoints.folder / "step-000000004.npz"
    assert Checkpoints(checkpoints.folder).load() == {"n": 4}


def test_a_high_score_is_better_in_mode_max_and_nan_never_is(tmp_path):
    checkpoints = Checkpoints(tmp_path, mode="max")
    scores = [float("nan"), 1.0, 3.0, float("nan"), 2.0]
    assert [checkpoints.save_best(n, score) for n, score in enumerate(scores)] == [
        *(False, True, True, False, False)
    ]


def test_all_checkpoints_are_kept_on_request(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=None)
    for n in range(5):
        checkpoints.save(n)
    assert len(names(tmp_path)) == 5


def test_a_resumed_training_knows_its_best_score(tmp_path):
    first = Checkpoints(tmp_path)
    first.save_best(1, 0.5, by="first")
    first.save(1)
    second = Checkpoints(tmp_path)
    second.load()
    assert not second.save_best(2, 0.6, by="second")
    assert load_state(tmp_path / "best.npz")["values"] == {"by": "first"}


def test_a_training_resumed_before_its_best_step_saves_it_again(tmp_path):
    first = Checkpoints(tmp_path)
    for step, score in [(1, 0.5), (2, 0.3), (3, 0.1)]:
        first.save(step)
        first.save_best(step, score, step=step)
    (tmp_path / "step-000000003.npz").unlink()
    second = Checkpoints(tmp_path)
    second.load()
    assert second.save_best(2, 0.3)  # as the first one did after its save
    assert not second.save_best(3, 0.4)  # scores after the checkpoint do not count
    assert second.save_best(4, 0.2)
    third = Checkpoints(tmp_path)
    third.load()
    third.prepare(5)
    assert third.best_scores == [(1, 0.5), (2, 0.3), (4, 0.2)]


def test_a_new_training_replaces_the_best_of_another(tmp_path):
    Checkpoints(tmp_path).save_best(1, 0.5)
    assert Checkpoints(tmp_path).save_best(2, 0.6)


def test_a_damaged_best_checkpoint_is_replaced(tmp_path):
    first = Checkpoints(tmp_path)
    first.save_best(1, 0.5)
    first.save(1)
    first.best.write_bytes(first.best.read_bytes()[:-10])
    second = Checkpoints(tmp_path)
    second.load()
    with pytest.warns(UserWarning, match=r"best\.npz is skipped: .*is damaged"):
        assert second.save_best(2, 0.6)


def test_the_checkpoint_of_a_step_can_be_loaded(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for n in range(3):
        checkpoints.save(n, n=n)
    assert checkpoints.load(1) == {"n": 1}
    with pytest.raises(FileNotFoundError, match=r"step-000000007\.npz"):
        checkpoints.load(7)


def test_an_empty_or_missing_folder_has_no_checkpoint(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        assert Checkpoints(folder).latest() is None
        assert Checkpoints(folder).load() is None


def test_a_damaged_checkpoint_is_skipped_with_a_warning_that_names_it(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for n in range(3):
        checkpoints.save(n, n=n)
    (tmp_path / "step-000000002.npz").write_bytes(b"half")
    other = Checkpoints(tmp_path)
    with pytest.warns(UserWarning, match=r"step-000000002\.npz is skipped: .*is damaged"):
        assert other.latest() == tmp_path / "step-000000001.npz"
    with pytest.warns(UserWarning, match=r"step-000000002\.npz"):
        assert other.load() == {"n": 1}
    with pytest.warns(UserWarning, match=r"step-000000002\.npz"):
        other.save(2, n="again")
    assert Checkpoints(tmp_path).load() == {"n": "again"}


def test_a_folder_of_damaged_checkpoints_does_not_count_as_empty(tmp_path):
    (tmp_path / "step-000000002.npz").write_bytes(b"half")
    with (
        pytest.warns(UserWarning, match="skipped"),
        pytest.raises(ValueError, match=r"none of 1 checkpoints in .* is intact"),
    ):
        Checkpoints(tmp_path).load()


def test_a_new_training_does_not_mix_its_checkpoints_with_those_of_another(tmp_path):
    Checkpoints(tmp_path).save(5)
    with pytest.raises(FileExistsError, match=r"step-000000005\.npz is later than the beginning"):
        Checkpoints(tmp_path).save(6)
    assert names(tmp_path) == ["step-000000005.npz"]


def test_resuming_from_an_older_checkpoint_asks_to_remove_the_newer_ones(tmp_path):
    first = Checkpoints(tmp_path)
    for n in (5, 6):
        first.save(n)
    second = Checkpoints(tmp_path)
    second.load(5)
    with pytest.raises(FileExistsError, match=r"step-000000006\.npz is later than step 5"):
        second.save(6)
    (tmp_path / "step-000000006.npz").unlink()
    second.save(6)


def test_files_left_by_a_killed_process_are_removed_and_other_files_stay(tmp_path):
    left = [".step-000000007.npz.0123456789abcdef.tmp", ".best.npz.00112233aabbccdd.tmp"]
    foreign_files = ["notes.txt", "step-7.npy", ".x.tmp", "step-000000009.npz.bak"]
    for name in left + foreign_files:
        (tmp_path / name).write_text("something")
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1)
    checkpoints.save(2)
    assert names(tmp_path) == sorted([*foreign_files, "step-000000002.npz"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: Checkpoints(folder, keep=0), "got keep 0"),
        (lambda folder: Checkpoints(folder, mode="low"), "got mode 'low'"),
        (lambda folder: Checkpoints(folder).save(-1), "got step -1"),
        (lambda folder: Checkpoints(folder).save_best(-1, 0.5), "got step -1"),
    ],
)
def test_wrong_arguments_of_a_folder_of_checkpoints_are_refused(tmp_path, make, message):
    with pytest.raises(ValueError, match=message):
        make(tmp_path)
    with pytest.raises(TypeError, match=r"got keep 1\.5, needed an integer"):
        Checkpoints(tmp_path, keep=1.5)
    with pytest.raises(TypeError, match=r"got step 1\.5, needed an integer"):
        Checkpoints(tmp_path).save(1.5)
    assert names(tmp_path) == []


def test_a_step_that_decreases_is_refused(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(3)
    with pytest.raises(ValueError, match="got step 2 after step 3"):
        checkpoints.save(2)


# ---- Disk failures ----


def failing(number):
    def fail(*args, **options):
        raise OSError(number, os.strerror(number))

    return fail


class FullAfter:
    """A file on a disk with room for so many bytes."""

    def __init__(self, file, room):
        self.file = file
        self.room = room

    def write(self, data):
        self.room -= memoryview(data).nbytes
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.fixture
def saved(tmp_path):
    """A training with a checkpoint."""
    parts = training()
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save_best(1, 0.5, **parts)
    checkpoints.save(1, **parts)
    return checkpoints, parts


def check_the_last_good_one_survives(checkpoints, parts, reason):
    """A save that fails names the file and the reason; model and folder are unchanged."""
    before, was_there = states(parts), names(checkpoints.folder)
    draws = random.get_state()
    with pytest.raises(OSError, match=reason) as caught:
        checkpoints.save(2, **parts)
    assert str(checkpoints.folder / "step-000000002.npz") in str(caught.value)
    with pytest.raises(OSError, match=reason) as caught:
        checkpoints.save_best(2, 0.1, **parts)
    assert str(checkpoints.best) in str(caught.value)
    assert same([before, draws], [states(parts), random.get_state()])
    assert (checkpoints.step, checkpoints.best_scores) == (1, [(1, 0.5)])
    assert names(checkpoints.folder) == was_there
    assert Checkpoints(checkpoints.folder).load(**training(seed=5)) == {}


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_after_a_failed_system_call_the_last_good_checkpoint_survives(
    saved, monkeypatch, function, number
):
    checkpoints, parts = saved
    with monkeypatch.context() as patch:
        patch.setattr(os, function, failing(number))
        check_the_last_good_one_survives(checkpoints, parts, os.strerror(number))
    checkpoints.save(2, **parts)
    assert checkpoints.latest().name == "step-000000002.npz"


@pytest.mark.parametrize("room", [0, 1, 50, 200, 1000, 3000, 5000])
def test_on_a_full_disk_the_last_good_checkpoint_survives(saved, monkeypatch, room):
    checkpoints, parts = saved
    really_open = files.Path.open

    def opened(path, mode="r", *args):
        file = really_open(path, mode, *args)
        return FullFile(file, room) if "x" in mode else file

    class FullFile(FullAfter):
        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

    with monkeypatch.context() as patch:
        patch.setattr(files.Path, "open", opened)
        check_the_last_good_one_survives(checkpoints, parts, "No space left")
    checkpoints.save(2, **parts)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no RLIMIT_FSIZE")
def test_at_the_systems_limit_of_file_size_the_last_good_checkpoint_survives(tmp_path):
    program = textwrap.dedent(
        """
        import resource, signal, sys
        import numpy as np
        from wengert.training.checkpoint_folder import Checkpoints
        checkpoints = Checkpoints(sys.argv[1])
        checkpoints.save(1, x=np.ones(1000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        x = np.ones(10_000)
        try:
            checkpoints.save(2, x=x)
        except OSError as error:
            print(error)
        assert x.all()
        checkpoints.save(3, x=np.ones(1001))
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "step-000000002.npz cannot be written (File too large)" in run.stdout
    assert names(tmp_path) == ["step-000000001.npz", "step-000000003.npz"]


@pytest.fixture
def nobody():
    """Runs a test as a user without files if the tests run as root, who can write anywhere."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that every user can read, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.name == "nt", reason="folders have no modes")
def test_a_read_only_folder_is_named(open_folder, request):
    parts = training()
    checkpoints = Checkpoints(open_folder / "run")
    checkpoints.save_best(1, 0.5, **parts)
    checkpoints.save(1, **parts)
    Checkpoints(checkpoints.folder).load(**training())  # imports what the other user may not read
    checkpoints.folder.chmod(0o555)
    request.getfixturevalue("nobody")
    check_the_last_good_one_survives(checkpoints, parts, "Permission denied")


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(FileExistsError, match="run"):
        Checkpoints(tmp_path / "run").save(1)
