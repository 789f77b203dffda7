"""Uploads become files under names of our own."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from alscope.errors import DatasetError
from alscope.ui.uploads import keep, sweep


class Upload(io.BytesIO):
    """An open file as Streamlit hands it over."""

    def __init__(self, name: str, content: bytes = b"x") -> None:
        super().__init__(content)
        self.name, self.size = name, len(content)


def test_what_the_user_called_a_file_never_becomes_a_path(tmp_path: Path) -> None:
    path = keep([Upload("../../etc/passwd.csv", b"text,label\n")], tmp_path / "one")

    assert path == tmp_path / "one" / "features.csv"
    assert path.read_bytes() == b"text,label\n"
    assert [item.name for item in tmp_path.iterdir()] == ["one"]


def test_the_larger_of_two_files_is_the_array(tmp_path: Path) -> None:
    path = keep([Upload("y.npy", b"1"), Upload("x.npy", b"12345")], tmp_path / "two")

    assert path.read_bytes() == b"12345"
    assert (path.parent / "labels.npy").read_bytes() == b"1"


def test_labels_in_a_table_are_not_the_array_however_long(tmp_path: Path) -> None:
    path = keep([Upload("y.csv", b"label\nlong name\n"), Upload("x.npy", b"123")], tmp_path / "two")

    assert path.name == "features.npy"
    assert (path.parent / "labels.csv").exists()


@pytest.mark.parametrize("name", ["model.pkl", "run.sh", "noextension", "x.csv.exe"])
def test_other_kinds_of_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="upload one of"):
        keep([Upload(name)], tmp_path / "three")


def test_several_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="one table or zip"):
        keep([Upload("a.csv"), Upload("b.csv")], tmp_path / "four")


def test_uploads_of_yesterday_are_removed(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    sweep(tmp_path, now=new.stat().st_mtime + 10)

    assert not old.exists()
    assert new.exists()
