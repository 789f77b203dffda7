"""Files that people bring: by upload, or by path where the computer is their own."""

from __future__ import annotations

import shutil
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from alscope.data.protocols import DataRoot
from alscope.errors import AccessError, DatasetError
from alscope.ui.access import is_own_computer
from alscope.ui.actions import keep_upload
from alscope.ui.text import plain

__all__ = ["SUFFIXES", "Source", "called", "choose_source", "keep", "keep_folder", "sweep"]

SUFFIXES = ("csv", "tsv", "parquet", "jsonl", "zip", "npy")
_UPLOAD, _FOLDER, _PATH = "Files", "Folder of images", "Path on this computer"
_KEPT_S = 86_400.0


class Source(NamedTuple):
    """What somebody chose."""

    path: Path
    """Where it is; for uploads a name of our own."""
    name: str
    """What its owner calls it: to be shown, never to be opened."""


def choose_source(root: DataRoot) -> Source | None:
    """Widgets for one source; returns where it is, or None while nothing is chosen."""
    ways = [_UPLOAD, _FOLDER, *([_PATH] if is_own_computer() else [])]
    how = st.segmented_control("Where is it?", ways, default=_UPLOAD, key="own_how")
    if how == _PATH:
        text = st.text_input("Path", key="own_path", placeholder="~/pictures or ~/reviews.csv")
        if not text or not text.strip():
            return None
        path = Path(text.strip()).expanduser()
        return Source(path, path.name)
    if how == _FOLDER:
        return _kept_once(root, _folder_widget(), keep_folder)
    files = st.file_uploader(
        "Files (an array and its labels: both at once)",
        type=list(SUFFIXES),
        accept_multiple_files=True,
        key="own_upload",
    )
    return _kept_once(root, files, keep)


def called(files: list[Any]) -> str:
    """What the owner of uploads calls them: a folder's name, else that of the largest file.

    Args:
        files: Open files with `name` and `size`, as Streamlit gives them.
    """
    parts = max(files, key=lambda file: file.size).name.replace("\\", "/").strip("/").split("/")
    return str(parts[0] if len(parts) > 1 and parts[0] not in {".", ".."} else parts[-1])


def _folder_widget() -> list[Any]:
    return st.file_uploader(
        "A folder with one sub-folder of images per class",
        accept_multiple_files="directory",
        key="own_folder",
    )


def keep_folder(files: list[Any], folder: Path) -> Path:
    """Write an uploaded folder as one zip of our own.

    What the browser calls the files become names inside the archive, never paths: the import reads
    a zip of anybody with the same limits and refusals.

    Args:
        files: Open files with `name` (their place in the folder), as Streamlit gives them.
        folder: Made here.

    Returns:
        The zip.
    """
    folder.mkdir(parents=True)
    kept = folder / "images.zip"
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as archive:  # images are packed already
        for file in files:
            with archive.open(file.name.replace("\\", "/"), "w") as entry:
                shutil.copyfileobj(file, entry)
    return kept


def keep(files: list[Any], folder: Path) -> Path:
    """Write uploads to a new folder under names of our own.

    What the user called a file decides nothing but its kind, so a name can never become a path. Of
    two files the array is the `.npy`, of two of these the larger, and the other one its labels.

    Args:
        files: Open files with `name` and `size`, as Streamlit gives them.
        folder: Made here.

    Returns:
        The file to look at; labels of an array lie beside it.

    Raises:
        DatasetError: If a file is of no kind that is read, or there are too many.
    """
    kinds = [Path(file.name).suffix.lower().lstrip(".") for file in files]
    strange = [kind for kind in kinds if kind not in SUFFIXES]
    if strange:
        raise DatasetError(f"a file ends in {strange[0]!r}; upload one of {', '.join(SUFFIXES)}")
    if len(files) > (2 if "npy" in kinds else 1):
        raise DatasetError(
            f"{len(files)} files were uploaded; upload one table or zip, or one array and its "
            "labels"
        )
    folder.mkdir(parents=True)
    pairs = zip(files, kinds, strict=True)
    ordered = sorted(pairs, key=lambda pair: (pair[1] != "npy", -pair[0].size))
    for stem, (file, kind) in zip(("features", "labels"), ordered, strict=False):
        with (folder / f"{stem}.{kind}").open("wb") as kept:
            shutil.copyfileobj(file, kept)
    return folder / f"features.{ordered[0][1]}"


def sweep(folder: Path, *, now: float | None = None) -> None:
    """Remove uploads of yesterday and before; closed tabs leave them behind."""
    limit = (time.time() if now is None else now) - _KEPT_S
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.is_dir() and old.stat().st_mtime < limit:
            shutil.rmtree(old, ignore_errors=True)


def _kept_once(
    root: DataRoot, files: list[Any], keep: Callable[[list[Any], Path], Path]
) -> Source | None:
    if not files:
        return None
    ids = tuple(file.file_id for file in files)
    held: tuple[tuple[str, ...], Source] | None = st.session_state.get("own_held")
    if held is not None and held[0] == ids and held[1].path.exists():
        return held[1]
    uploads = root.cache / "uploads"
    for folder in (uploads, *(uploads.iterdir() if uploads.is_dir() else ())):
        sweep(folder)
    try:
        source = Source(keep_upload(files, keep, uuid.uuid4().hex), called(files))
    except (AccessError, DatasetError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    st.session_state["own_held"] = (ids, source)
    return source
