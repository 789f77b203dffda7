"""Files that are read once, checked, and never trusted to be complete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from alscope.errors import DatasetError

__all__ = ["all_there", "check_shards", "md5"]

_SHARD = re.compile(r"-(\d+)-of-(\d+)\.parquet$")


def md5(data: bytes) -> str:
    """MD5, the only checksum that the owners of the classical sets publish."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def all_there(paths: Sequence[Path]) -> bool:
    """Whether all files are there (True) or none (False).

    Raises:
        DatasetError: If some are missing; a half-copied data set is not replaced silently.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing and len(missing) < len(paths):
        raise DatasetError(
            f"the copy in {paths[0].parent} is incomplete: {missing[0].name} is missing; "
            "complete it or remove the folder"
        )
    return not missing


def check_shards(files: Sequence[Path]) -> None:
    """Check that files named `x-00000-of-00003.parquet` are all there.

    Raises:
        DatasetError: Naming the folder and the numbers.
    """
    numbers = [match for path in files if (match := _SHARD.search(path.name))]
    totals = {int(match[2]) for match in numbers}
    present = {int(match[1]) for match in numbers}
    if totals and (len(totals) > 1 or present != set(range(totals.pop()))):
        names = ", ".join(path.name for path in files)
        raise DatasetError(
            f"shards are missing in {files[0].parent}: found only {names}; complete the folder"
        )
