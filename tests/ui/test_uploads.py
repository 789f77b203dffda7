"""Uploads become files under names of our own."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from alscope.data.importing import Refused, inspect_source
from alscope.errors import DatasetError
from alscope.ui.uploads import called, keep, keep_folder, sweep


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


def test_names_within_an_uploaded_folder_become_names_within_an_archive(tmp_path: Path) -> None:
    names = ["pets/cats/1.png", "../../etc/passwd", "pets\\dogs\\2.png"]
    path = keep_folder([Upload(name, name.encode()) for name in names], tmp_path / "one")

    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["pets/cats/1.png", "../../etc/passwd", "pets/dogs/2.png"]
        assert archive.read("pets/cats/1.png") == b"pets/cats/1.png"
    assert [item.name for item in tmp_path.rglob("*")] == ["one", "images.zip"]


def test_an_uploaded_folder_that_leads_out_of_itself_is_refused(tmp_path: Path) -> None:
    uploads = [Upload("a/b/1.png"), Upload("../2.png")]

    with pytest.raises(Refused, match="leads out of the archive"):
        inspect_source(keep_folder(uploads, tmp_path / "one"))


def test_the_larger_of_two_files_is_the_array(tmp_path: Path) -> None:
    path = keep([Upload("y.npy", b"1"), Upload("x.npy", b"12345")], tmp_path / "two")

    assert path.read_bytes() == b"12345"
    assert (path.parent / "labels.npy").read_bytes() == b"1"


def test_labels_in_a_table_are_not_the_array_however_long(tmp_path: Path) -> None:
    path = keep([Upload("y.csv", b"label\nlong name\n"), Upload("x.npy", b"123")], tmp_path / "two")

    assert path.name == "features.npy"
    assert (path.parent / "labels.csv").exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["tickets.csv"], "tickets.csv"),
        (["y.npy", "the features.npy"], "the features.npy"),
        (["pets/cats/1.png", "pets/dogs/2.png"], "pets"),
        (["../../etc/passwd.csv"], "passwd.csv"),
    ],
)
def test_uploads_are_called_as_their_owner_calls_them(names: list[str], said: str) -> None:
    assert called([Upload(name, name.encode()) for name in names]) == said


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
