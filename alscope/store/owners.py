"""Who started or brought what, on servers where people log in.

One sealed file per thing, beside the stores and not in them: what a study is never depends on who
started it, and a bundle of it names nobody.

<owners>/<kind>/<name>.json          {"by": ..., "kind": ..., "name": ...}
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from alscope.errors import StoreError
from alscope.store.files import check_id, is_id, make_folder, read_sealed, seal, write_file

__all__ = ["Kind", "Owners"]

Kind = Literal["study", "data"]
_log = logging.getLogger(__name__)


class Owners:
    """The owners of studies and data sets.

    Args:
        folder: Where they are kept; made when the first one is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, kind: Kind, name: str) -> str:
        """Who owns it; "" if nobody does or the note is damaged, so that only admins may."""
        path = self._path(kind, name)
        if not path.is_file():
            return ""
        try:
            note = read_sealed(path, f"the owner of {name}")
        except StoreError as error:
            _log.warning("%s; nobody owns it", error)
            return ""
        # A note that was moved from another thing has a sound checksum and means nothing here.
        fits = (note.get("kind"), note.get("name")) == (kind, name)
        return str(note.get("by", "")) if fits else ""

    def claim(self, kind: Kind, name: str, by: str) -> None:
        """Note the owner of a new thing, whoever owned an earlier one of its name.

        Raises:
            StoreError: If it cannot be written.
        """
        path = self._path(kind, name)
        if not by:
            return
        try:
            make_folder(path.parent)
            write_file(path, seal({"by": by, "kind": kind, "name": name}), label="owner")
        except OSError as error:
            raise StoreError(
                f"it cannot be noted whose {name} is: {error.strerror or error}"
            ) from error

    def forget(self, kind: Kind, name: str) -> None:
        """The thing is gone for ever, and the name is free."""
        self._path(kind, name).unlink(missing_ok=True)

    def owned(self, kind: Kind, by: str) -> Iterator[str]:
        """Names of the things that somebody owns."""
        folder = self._folder / kind
        for path in sorted(folder.glob("*.json")) if by and folder.is_dir() else ():
            if is_id(path.stem) and self.of(kind, path.stem) == by:
                yield path.stem

    def _path(self, kind: Kind, name: str) -> Path:
        return self._folder / kind / f"{check_id(name, kind)}.json"
