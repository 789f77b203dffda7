"""What is being downloaded at the moment, readable from every process."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from alscope.data.protocols import DataRoot
from alscope.files import write_atomic
from alscope.registry import datasets

__all__ = ["STAGING", "Download", "active_downloads", "finished", "report"]

STAGING = ".fetch"
"""Folder inside the folder of a set in which a download works."""

_FILE = "progress.json"
_FRESH_S = 10.0


@dataclass(frozen=True)
class Download:
    """A download that is under way.

    Attributes:
        name: Registry name of the data set.
        received: Bytes so far. They include what an earlier, interrupted try had received.
    """

    name: str
    received: int

    @property
    def progress(self) -> str:
        """For people: "downloading cifar10: 63 MB of 162 MB"."""
        size = datasets.get(self.name)().download_size if self.name in datasets else ""
        return f"downloading {self.name}: {self.received / 1e6:,.0f} MB of {size or 'unknown size'}"


def report(folder: Path, name: str, received: int) -> None:
    """Say how far a download is; called by the process that runs it."""
    data = json.dumps({"name": name, "received": received})
    write_atomic(folder / _FILE, data.encode())


def finished(folder: Path) -> None:
    """Say that a download is over, whether it succeeded or not."""
    (folder / _FILE).unlink(missing_ok=True)


def active_downloads(root: DataRoot) -> tuple[Download, ...]:
    """The downloads into a data folder that reported within the last ten seconds."""
    found = (_read(path) for path in sorted(root.path.glob(f"*/{STAGING}/{_FILE}")))
    return tuple(download for download in found if download is not None)


def _read(path: Path) -> Download | None:
    try:
        if time.time() - path.stat().st_mtime > _FRESH_S:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        return Download(name=str(content["name"]), received=int(content["received"]))
    except (OSError, ValueError, KeyError, TypeError):  # finished meanwhile, or not ours
        return None
