"""Downloads: in a process of their own, one at a time, put in place only when complete.

A process of its own, because the libraries that download import torch, which must stay out of the
web process. Whatever is interrupted leaves nothing in the data folder but the lock file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from alscope.errors import DatasetError
from alscope.registry import datasets

__all__ = ["download"]


def download(name: str, folder: Path) -> None:
    """Fetch a data set into a folder.

    Args:
        name: Registry name of a set with a `fetch` method.
        folder: Where its files belong; other files in it are left alone.

    Raises:
        DatasetError: If the download failed or the folder holds something of the same name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as staging:
        _run(name, Path(staging))
        for path in sorted(Path(staging).iterdir()):
            _place(path, folder / path.name)


def _run(name: str, staging: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", __name__, name, str(staging)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise DatasetError(
            f"{name} could not be downloaded: {lines[-1]}; check the connection and try again, or "
            "place the files by hand (docs/data.md says where)"
        )


def _place(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as error:
        raise DatasetError(
            f"the download is complete, but {target} is in its place ({error.strerror}); remove it "
            "and try again"
        ) from error


if __name__ == "__main__":
    datasets.get(sys.argv[1])().fetch(Path(sys.argv[2]))
