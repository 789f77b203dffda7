"""Files that somebody named: exports, bundles, reports."""

from __future__ import annotations

import errno
from pathlib import Path

from alscope.errors import StoreError
from alscope.store.files import write_file

__all__ = ["write_result"]


def write_result(path: Path | str, data: bytes) -> None:
    """Write a file that somebody named, whole or not at all.

    Args:
        path: The file; an existing one is replaced, its folder must exist.
        data: Everything the file shall hold.

    Raises:
        StoreError: If it cannot be written, naming the path as it was given; nothing has changed.
    """
    try:
        if Path(path).is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it")
        write_file(Path(path), data, label="export")
    except OSError as error:
        what = f"cannot write {str(path)!r:.300}: {error.strerror or type(error).__name__}"
        raise StoreError(f"{what}; choose another place") from error
