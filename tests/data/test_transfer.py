"""Files over HTTP, from a server on this machine that breaks off in many ways."""

import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest

from alscope.data import _transfer
from alscope.data._transfer import Expected, receive, receive_any
from alscope.errors import DatasetError
from tests.data.servers import git_digest, serving

DATA = np.random.default_rng(0).bytes(200_000)
NAME = "/set/a.bin"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(_transfer.time, "sleep", lambda _: None)
    with serving() as files:
        files.files[NAME] = DATA
        yield files


def expected(data: bytes = DATA, *, size: bool = True) -> Expected:
    return Expected("sha256", hashlib.sha256(data).hexdigest(), len(data) if size else None)


def received(server, folder: Path, wanted: Expected | None = None) -> bytes:
    receive(server.url + NAME, folder / "a.bin", wanted or expected())
    assert [path.name for path in folder.iterdir()] == ["a.bin"]
    return (folder / "a.bin").read_bytes()


def left(folder: Path, n: int) -> None:
    """What an interrupted try left behind."""
    (folder / f"a.bin.{expected().digest[:16]}.part").write_bytes(DATA[:n])


@pytest.mark.parametrize("size", [True, False], ids=["known size", "unknown size"])
def test_a_file_is_received_and_checked(server, tmp_path, size):
    assert received(server, tmp_path, expected(size=size)) == DATA
    assert server.requests == [(NAME, "")]


def test_a_file_that_is_there_is_not_asked_for(server, tmp_path):
    received(server, tmp_path)
    received(server, tmp_path)

    assert len(server.requests) == 1


@pytest.mark.parametrize("size", [True, False], ids=["known size", "unknown size"])
def test_only_the_rest_is_transferred_after_an_interruption(server, tmp_path, size):
    left(tmp_path, 150_000)

    assert received(server, tmp_path, expected(size=size)) == DATA
    assert server.served[NAME] == 50_000


@pytest.mark.parametrize("size", [True, False], ids=["known size", "unknown size"])
def test_a_lost_connection_is_continued(server, tmp_path, size):
    server.cuts[NAME] = 3

    assert received(server, tmp_path, expected(size=size)) == DATA
    assert server.served[NAME] == len(DATA)
    assert [asked for _, asked in server.requests] == ["", *(f"bytes={k}000-" for k in (1, 2, 3))]


def test_connections_that_break_off_again_and_again_are_continued_while_bytes_arrive(
    server, tmp_path
):
    server.cuts[NAME], server.cut_after = 100, 5_000

    assert received(server, tmp_path) == DATA
    assert len(server.requests) == 40


@pytest.mark.parametrize("size", [True, False], ids=["known size", "unknown size"])
def test_what_is_complete_but_was_not_renamed_is_taken(server, tmp_path, size):
    left(tmp_path, len(DATA))

    assert received(server, tmp_path, expected(size=size)) == DATA
    assert server.served[NAME] == 0


def test_a_server_that_knows_no_parts_sends_all_of_it(server, tmp_path):
    server.ranges = False
    left(tmp_path, 150_000)

    assert received(server, tmp_path) == DATA
    assert server.served[NAME] == len(DATA)


def test_what_was_received_of_another_content_is_not_continued(server, tmp_path):
    other = tmp_path / f"a.bin.{'0' * 16}.part"
    other.write_bytes(b"x" * 1000)
    receive(server.url + NAME, tmp_path / "a.bin", expected())

    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert server.served[NAME] == len(DATA)


@pytest.mark.parametrize("size", [True, False], ids=["known size", "unknown size"])
def test_another_file_is_refused_and_not_kept(server, tmp_path, size):
    wanted = expected(DATA[::-1], size=size)

    with pytest.raises(DatasetError, match=r"a\.bin is not the expected file: 200,000 bytes"):
        receive(server.url + NAME, tmp_path / "a.bin", wanted)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_in_place_is_replaced(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(DATA[:-1] + b"\0")

    assert received(server, tmp_path) == DATA


def test_a_missing_file_says_so_at_once(server, tmp_path):
    with pytest.raises(DatasetError, match=r"/none: HTTP Error 404"):
        receive(f"{server.url}/none", tmp_path / "none", expected())


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.busy = 3

    assert received(server, tmp_path) == DATA


def test_a_server_that_stays_busy_is_given_up(server, tmp_path):
    server.busy = 100

    with pytest.raises(DatasetError, match="503"):
        received(server, tmp_path)
    assert len(server.requests) == 5


def test_a_server_that_is_not_there_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(_transfer.time, "sleep", lambda _: None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a"

    with pytest.raises(DatasetError, match="refused"):
        receive(url, tmp_path / "a", expected())


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("md5", hashlib.md5(DATA, usedforsecurity=False).hexdigest()),
        ("git", git_digest(DATA)),
    ],
)
def test_files_are_known_by_the_checksums_that_servers_publish(server, tmp_path, algorithm, digest):
    assert received(server, tmp_path, Expected(algorithm, digest)) == DATA


def test_the_next_server_is_asked_if_one_does_not_have_the_file(server, tmp_path):
    urls = [f"{server.url}/none/a.bin", server.url + NAME]
    receive_any(urls, tmp_path / "a.bin", expected(), dataset="set")

    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_the_mirror_is_asked_instead_of_the_authors(server, tmp_path, monkeypatch):
    monkeypatch.setenv("ALSCOPE_MIRROR", f"{server.url}/")
    receive_any(["https://authors.invalid/x/a.bin"], tmp_path / "a.bin", expected(), dataset="set")

    assert server.requests == [(NAME, "")]
