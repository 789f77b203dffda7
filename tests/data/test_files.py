import pytest

from alscope.files import file_digest, stamps, write_atomic


def test_digest_of_a_replaced_file_is_new(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    before = file_digest(stamps([path])[0])
    path.write_bytes(b"three")

    assert file_digest(stamps([path])[0]) != before


def test_atomic_write_creates_folders_and_replaces(tmp_path):
    path = tmp_path / "deep" / "file"
    write_atomic(path, b"old")
    write_atomic(path, b"new")

    assert path.read_bytes() == b"new"
    assert [item.name for item in path.parent.iterdir()] == ["file"]


def test_failed_atomic_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "file").mkdir()

    with pytest.raises(OSError, match="file"):
        write_atomic(tmp_path / "file", b"data")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
