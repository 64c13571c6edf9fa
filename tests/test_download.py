"""Downloads, from a server on this machine: mirrors, checks, and failures."""

import hashlib
import http.server
import io
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wengert.data import download as module
from wengert.data import load_mnist
from wengert.data.download import Checks, DownloadError, download
from wengert.data.store import Source, StoredFile, cache, fetch

DATA = bytes(range(256)) * 1024  # 256 KiB: several chunks
CHECKS = Checks(len(DATA), hashlib.md5(DATA).hexdigest(), hashlib.sha256(DATA).hexdigest())
FILE = StoredFile("data.gz", ("data",), CHECKS)


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /good/… gives DATA; other folders simulate faults of servers."""

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        answers = {
            "good": (len(DATA), DATA),
            "cut": (len(DATA), DATA[:100_000]),
            "other": (len(DATA), DATA[::-1]),
            "long": (2 * len(DATA), 2 * DATA),
            "short": (10, DATA[:10]),
        }
        folder = self.path.split("/")[1]
        if folder == "silent":
            self.server.over.wait(10)
        elif folder in answers:
            length, body = answers[folder]
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.over = threading.Event()

    def handle_error(self, *_: object) -> None:
        pass  # a client that has read enough goes away

    def address(self, folder: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{folder}/"


@pytest.fixture(autouse=True)
def own_places(monkeypatch, tmp_path) -> None:
    """No test reads or writes the folders of the user."""
    for name in ("WENGERT_DATA", "WENGERT_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


def source(server: Server, *folders: str) -> Source:
    return Source("load_things", "things", tuple(map(server.address, folders)))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_download_is_the_file(server, tmp_path):
    download([server.address("good") + "data.gz"], tmp_path / "new" / "data.gz", CHECKS)
    assert (tmp_path / "new" / "data.gz").read_bytes() == DATA
    assert len(files(tmp_path)) == 1
    assert server.requests == ["/good/data.gz"]


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("none", "HTTP Error 404: Not Found"),
        ("cut", "got cut off after 100000 of 262144 bytes"),
        ("short", "got cut off after 10 of 262144 bytes"),
        ("long", "got more than the 262144 bytes of the file"),
        ("other", f"got the MD5 {hashlib.md5(DATA[::-1]).hexdigest()}, needed {CHECKS.md5}"),
        ("silent", "timed out"),
    ],
)
def test_a_failed_download_reports_the_reason_and_leaves_no_file_and_the_next_mirror_is_used(
    server, tmp_path, monkeypatch, folder, reason
):
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    bad, good = server.address(folder) + "data.gz", server.address("good") + "data.gz"
    with pytest.raises(DownloadError) as caught:
        download([bad], tmp_path / "data.gz", CHECKS)
    assert str(caught.value) == f"  {bad}: {reason}"
    assert not files(tmp_path)
    download([bad, good], tmp_path / "data.gz", CHECKS)
    assert (tmp_path / "data.gz").read_bytes() == DATA


def test_a_file_of_the_right_md5_and_another_sha256_is_refused(server, tmp_path):
    checks = Checks(CHECKS.size, CHECKS.md5, "0" * 64)
    with pytest.raises(DownloadError, match="SHA-256"):
        download([server.address("good")], tmp_path / "data.gz", checks)
    assert not files(tmp_path)


def test_a_failed_download_does_not_change_an_existing_file(server, tmp_path):
    path = tmp_path / "data.gz"
    path.write_bytes(b"older")
    with pytest.raises(DownloadError):
        download([server.address("cut")], path, CHECKS)
    assert path.read_bytes() == b"older"
    assert files(tmp_path) == [path]


def test_a_folder_that_is_not_writable_is_a_reason(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match="file"):
        download([server.address("good")], tmp_path / "file" / "data.gz", CHECKS)


def test_eight_simultaneous_downloads_do_not_conflict(server, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        fetched = pool.map(
            lambda _: fetch(source(server, "good"), [FILE], tmp_path), range(8), timeout=20
        )
        assert {path for paths in fetched for path in paths} == {tmp_path / "things" / "data.gz"}
    assert (tmp_path / "things" / "data.gz").read_bytes() == DATA
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_only(server, tmp_path, monkeypatch, terminal):
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", screen)
    download([server.address("good")], tmp_path / "data.gz", CHECKS)
    assert ("data.gz: 100%" in screen.getvalue()) == terminal
    assert bool(screen.getvalue()) == terminal


# ---- Locations of files ----


def test_a_file_is_downloaded_only_once(server):
    (path,) = fetch(source(server, "good"), [FILE])
    assert path == cache() / "things" / "data.gz"
    assert fetch(source(server, "good"), [FILE]) == [path]
    assert server.requests == ["/good/data.gz"]


@pytest.mark.parametrize("name", ["data", "data.gz", "things/data", "things/data.gz"])
@pytest.mark.parametrize("by", ["argument", "environment", "system"])
def test_a_file_is_found_in_each_location(tmp_path, monkeypatch, name, by):
    path = tmp_path / "my data" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    system = (str(tmp_path / "my data"),) if by == "system" else ()
    if by == "environment":
        monkeypatch.setenv("WENGERT_DATA", os.pathsep.join(["/nowhere", str(tmp_path / "my data")]))
    folder = tmp_path / "my data" if by == "argument" else None
    assert fetch(Source("load_things", "things", (), system), [FILE], folder) == [path]


def test_the_folder_of_the_data_set_is_searched_before_its_parent(tmp_path):
    for place in (tmp_path, tmp_path / "things"):
        place.mkdir(exist_ok=True)
        (place / "data").write_bytes(b"")
    assert fetch(Source("load_things", "things", ()), [FILE], tmp_path) == [
        tmp_path / "things" / "data"
    ]


def test_only_a_given_folder_is_searched(server, tmp_path):
    cached = cache() / "things" / "data.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"other")
    (path,) = fetch(source(server, "good"), [FILE], tmp_path / "mine")
    assert path == tmp_path / "mine" / "things" / "data.gz"


def test_a_download_goes_into_the_first_data_folder_that_can_be_written(
    server, tmp_path, monkeypatch
):
    (tmp_path / "taken").write_bytes(b"")  # a file: no folder can be made there
    places = [tmp_path / "taken" / "a", tmp_path / "b", tmp_path / "c"]
    monkeypatch.setenv("WENGERT_DATA", os.pathsep.join(map(str, places)))
    (path,) = fetch(source(server, "good"), [FILE])
    assert path == tmp_path / "b" / "things" / "data.gz"


def test_without_a_network_one_error_names_the_file_and_the_folder(server, tmp_path):
    nobody = source(server, "none", "nothing")
    with pytest.raises(FileNotFoundError) as caught:
        fetch(nobody, [FILE], tmp_path / "mine")
    message = str(caught.value)
    assert message.startswith("load_things: found no data.gz, packed or unpacked, in\n")
    assert f"{tmp_path / 'mine' / 'things'} (no such folder)" in message
    assert f"Put data.gz into\n  {tmp_path / 'mine' / 'things'}\n" in message
    assert "WENGERT_DATA" in message
    for address in nobody.addresses:
        assert message.count(address + "data.gz") == 2  # the reason, and the addresses
    assert message.count("404") == 2
    assert caught.value.__suppress_context__
    assert not (tmp_path / "mine").exists()


def test_an_unreachable_server_is_a_reason(tmp_path):
    with Server() as gone:
        address = gone.address("good")
    with pytest.raises(FileNotFoundError, match=r"data.gz: \[Errno \d+\] "):
        fetch(Source("load_things", "things", (address,)), [FILE], tmp_path)


@pytest.mark.parametrize(("value", "asked"), [("1", False), ("0", True), ("", True)])
def test_downloads_can_be_forbidden(server, tmp_path, monkeypatch, value, asked):
    monkeypatch.setenv("WENGERT_OFFLINE", value)
    with pytest.raises(FileNotFoundError, match="404" if asked else "WENGERT_OFFLINE forbids it"):
        fetch(source(server, "none"), [FILE], tmp_path)
    assert bool(server.requests) == asked


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "data.gz"
    path.write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="which is a file; needed its folder"):
        load_mnist(folder=path)


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("linux", "home/wengert"),
        ("win32", "home/wengert"),
        ("darwin", "home/Library/Caches/wengert"),
    ],
)
def test_the_cache_is_in_the_standard_folder_of_the_system(tmp_path, monkeypatch, platform, place):
    monkeypatch.setattr(sys, "platform", platform)
    assert cache() == tmp_path / place
