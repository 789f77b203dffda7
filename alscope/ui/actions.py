"""What views change beside the service: uploads, data sets, bundles. Each asks the guard first.

Views call nothing else that writes (a test looks), so what a user may do is decided in `Service`,
in `Library`, and here, whatever is drawn on a page or sent by a browser.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from alscope.data.importing import LIMITS, import_data
from alscope.data.own import delete_own
from alscope.engine.access import Action
from alscope.hashing import digest_bytes
from alscope.store.bundle_files import LIMITS as BUNDLE_LIMITS
from alscope.store.bundle_files import Limits as BundleLimits
from alscope.store.files import folder_size
from alscope.ui.service import get_service

if TYPE_CHECKING:
    from alscope.data.importing import Mapping
    from alscope.data.own import OwnInfo
    from alscope.store.bundle import ImportReport

__all__ = ["add_data", "delete_data", "keep_upload", "look_at_bundle", "take_bundle"]


def keep_upload(files: list[Any], keep: Callable[[list[Any], Path], Path], name: str) -> Path:
    """Write uploaded files to a folder of their own, below one of whoever uploads.

    Args:
        files: As Streamlit gives them.
        keep: Writes them to a new folder; returns what to look at.
        name: Of the folder; made by us.

    Raises:
        AccessError: If this user may not upload, or not as much.
        DatasetError: If the files are refused.
    """
    engine = get_service()
    engine.guard.require(Action.UPLOAD)
    who = engine.guard.who().id
    folder = engine.data_root.cache / "uploads" / (digest_bytes(who.encode())[:16] if who else "me")
    engine.guard.admit_upload(sum(file.size for file in files), folder_size(folder))
    return keep(files, folder / name)


def add_data(
    source: Path,
    mapping: Mapping,
    *,
    name: str,
    title: str,
    came_as: str = "",
    replace: bool = False,
) -> OwnInfo:
    """Import a source as the data set `own:<name>`, within what this user may fill.

    Arguments are those of `import_data`.

    Raises:
        AccessError: If this user may not, or the name is somebody else's.
        DatasetError: As `import_data`.
    """
    engine = get_service()
    engine.guard.require(Action.UPLOAD)
    if replace and _is_there(name):
        engine.guard.require(Action.UPLOAD, name, kind="data")
    room = engine.room()
    limits = LIMITS
    if room is not None:
        limits = dataclasses.replace(
            LIMITS,
            total_bytes=min(room, LIMITS.total_bytes),
            output_bytes=min(room, LIMITS.output_bytes),
        )
    info = import_data(
        source,
        mapping,
        engine.data_root,
        name=name,
        title=title,
        came_as=came_as,
        replace=replace,
        limits=limits,
    )
    engine.guard.claim(info.slug, kind="data")
    return info


def delete_data(slug: str) -> None:
    """Delete an imported data set.

    Raises:
        AccessError: If this user may not.
        DatasetError: If there is none of that name.
    """
    engine = get_service()
    engine.guard.require(Action.UPLOAD, slug, kind="data")
    delete_own(engine.data_root, slug)
    engine.guard.owners.forget("data", slug)


def look_at_bundle(file: IO[bytes], name: str) -> ImportReport:
    """Check a study bundle and change nothing, within what this user may fill.

    Raises:
        AccessError: If this user may not import.
        BundleError: If it is refused.
        StoreError: If it cannot be unpacked.
    """
    from alscope.results.bundle import check_bundle

    engine = get_service()
    engine.guard.require(Action.IMPORT)
    return check_bundle(
        file, runs=engine.runs, studies=engine.studies_store, name=name, limits=_bundle_limits()
    )


def take_bundle(file: IO[bytes], name: str) -> ImportReport:
    """Take a study bundle over, all of it or nothing, within what this user may fill.

    Raises:
        AccessError: If this user may not.
        BundleError: If it is refused.
        StoreError: If it cannot be written.
    """
    from alscope.results.bundle import import_bundle

    engine = get_service()
    engine.guard.require(Action.IMPORT)
    report = import_bundle(
        file, runs=engine.runs, studies=engine.studies_store, name=name, limits=_bundle_limits()
    )
    if not report.known:
        engine.guard.claim(report.study_id)
    return report


def _bundle_limits() -> BundleLimits:
    room = get_service().room()
    if room is None:
        return BUNDLE_LIMITS
    return dataclasses.replace(BUNDLE_LIMITS, total_bytes=min(room, BUNDLE_LIMITS.total_bytes))


def _is_there(name: str) -> bool:
    from alscope.data.own import own_folder

    return own_folder(get_service().data_root, name).is_dir()
