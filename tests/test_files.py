"""Files that are written completely or not at all: full disks, kills, links, permissions."""

import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from wengert import files
from wengert.files import check_writable, exclusive_lock, remove_leftovers, replacing

OLD = b"what was there before"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "weights.npz"
    path.write_bytes(OLD)
    return path


def write(path, data):
    with replacing(path) as file:
        file.write(data)


def names(folder):
    return sorted(os.listdir(folder))


def test_a_new_file_replaces_the_old_one_and_no_other_file_is_left(path):
    write(path, b"new")
    assert path.read_bytes() == b"new"
    write(path.with_name("second"), b"2")
    assert names(path.parent) == ["second", "weights.npz"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_old_file_stays_if_the_block_fails(path, error):
    def write_half():
        with replacing(path) as file:
            file.write(b"half")
            file.flush()
            assert path.read_bytes() == OLD
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["weights.npz"]


@contextmanager
def files_of_at_most(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_file_and_is_an_error_that_names_it(path):
    with files_of_at_most(100_000), pytest.raises(OSError, match=r"weights.npz'$"):
        write(path, bytes(200_000))
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["weights.npz"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_of_the_last_steps_leaves_the_old_file(path, monkeypatch, step):
    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="Input/output error"):
        write(path, b"new")
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["weights.npz"]


def test_where_folders_cannot_be_synced_the_file_is_still_written(path, monkeypatch):
    monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(PermissionError))
    write(path, b"new")
    assert path.read_bytes() == b"new"


def test_an_error_of_the_user_keeps_its_file_name(path):
    with pytest.raises(FileNotFoundError, match="'other'"), replacing(path):
        os.stat("other")
    with pytest.raises(OSError) as error, replacing(path):
        raise ConnectionResetError(104, "Connection reset")
    assert error.value.filename is None


def killed_at(path, step):
    """Ends a process with SIGKILL in the middle of `replacing`, when it calls os.`step`."""
    code = """
import os, signal, sys
from wengert.files import replacing

path, step = sys.argv[1:]
with replacing(path) as file:
    file.write(b"new")
    file.flush()
    setattr(os, step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    os.getppid()
    file.write(b" and whole")
"""
    return subprocess.run([sys.executable, "-c", code, path, step]).returncode


@pytest.mark.parametrize("step", ["getppid", "fsync", "replace"])
def test_a_killed_process_leaves_the_old_file_and_a_temporary_file_that_can_be_deleted(path, step):
    assert killed_at(path, step) == -signal.SIGKILL
    assert path.read_bytes() == OLD
    (left,) = [file for file in path.parent.iterdir() if file != path]
    assert left.read_bytes() == (b"new" if step == "getppid" else b"new and whole")
    assert remove_leftovers(path.with_name("other.npz")) == []
    link = path.with_name("link")
    link.symlink_to(path)
    assert remove_leftovers(link) == [left]
    assert names(path.parent) == ["link", "weights.npz"]


def test_a_file_that_is_being_written_is_not_a_leftover(path, monkeypatch):
    swept = []
    replace = os.replace

    def late(*paths):
        swept.extend(remove_leftovers(path))
        replace(*paths)

    monkeypatch.setattr(os, "replace", late)
    with replacing(path) as file:
        assert remove_leftovers(path) == []
        file.write(b"new")
        file.flush()
        assert remove_leftovers(path) == []
    assert swept == []
    assert path.read_bytes() == b"new"


def test_only_leftovers_are_deleted(path):
    for name in [".weights.npz.tmp", ".weights.npz.backup.tmp", ".weights.npz", "weights.npz.tmp"]:
        path.with_name(name).write_bytes(b"mine")
    path.with_name(f".weights.npz.{'0' * 16}.tmp").touch()  # may be a moment old
    before = names(path.parent)
    assert remove_leftovers(path) == []
    assert names(path.parent) == before


def test_threads_that_write_the_same_file_do_not_conflict(path):
    contents = [bytes([i]) * 100_000 for i in range(20)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda content: write(path, content), contents))
    assert path.read_bytes() in contents
    assert names(path.parent) == ["weights.npz"]


def test_a_link_remains_and_its_target_is_replaced(path):
    folder = path.parent / "folder"
    folder.mkdir()
    link = folder / "link"
    link.symlink_to(path)
    write(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert names(folder) == ["link"]


def test_a_new_file_has_the_permissions_of_the_old_one(path):
    path.chmod(0o600)
    write(path, b"secret")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("ask", [check_writable, lambda path: replacing(path).__enter__()])
def test_a_path_that_cannot_become_a_file_is_refused_before_anything_is_written(
    path, monkeypatch, ask
):
    with pytest.raises(OSError, match="is not a file"):
        ask(path.parent)
    with pytest.raises(OSError, match="/dev/null is not a file"):
        ask("/dev/null")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*missing"):
        ask(path.parent / "missing" / "file")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        ask(path / "file")
    monkeypatch.setattr(os, "access", lambda file, mode: mode != os.W_OK)
    with pytest.raises(PermissionError, match=r"weights.npz is read-only"):
        ask(str(path))
    assert path.read_bytes() == OLD


def test_a_read_only_folder_is_an_error_that_names_the_file_or_the_folder(path, monkeypatch):
    def refuse(self, mode):  # (root would get around a real one)
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(files.Path, "open", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*/weights.npz'$"):
        write(path, b"new")
    with pytest.raises(OSError, match=f"cannot write in {path.parent}: Permission denied"):
        check_writable(path)
    assert names(path.parent) == ["weights.npz"]


def test_checking_a_path_changes_nothing(path):
    check_writable(path)
    check_writable(path.with_name("new"))
    assert names(path.parent) == ["weights.npz"]
    assert path.read_bytes() == OLD


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks")
def test_a_folder_locked_by_another_process_is_refused_until_that_ends(tmp_path):
    code = (
        "import sys; from wengert.files import exclusive_lock\n"
        "with exclusive_lock(sys.argv[1]): print(flush=True); sys.stdin.read()"
    )
    run = [sys.executable, "-c", code, tmp_path]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with pytest.raises(BlockingIOError, match="another process is using it"):
            exclusive_lock(tmp_path).__enter__()
        process.kill()
    with exclusive_lock(tmp_path):
        pass
