"""Downloads: in a process of their own, one at a time, put in place only when complete.

A process of its own, because the libraries that download import torch, which must stay out of the
web process. It works in `.fetch` inside the folder of the set, which no reader looks into. What is
interrupted stays there, and the next try asks for the rest of it. A finished download is read and
compared with the official facts before it is moved into place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from alscope.data._transfer import PART, RECEIVED
from alscope.data.downloads import STAGING, finished, report
from alscope.errors import DatasetError
from alscope.registry import datasets

if TYPE_CHECKING:
    from alscope.data._stored import StoredSpec

__all__ = ["download"]

_POLL_S = 0.5


def download(name: str, folder: Path) -> None:
    """Fetch a data set into a folder.

    Args:
        name: Registry name of a set with a `fetch` method.
        folder: Where its files belong; other files in it are left alone.

    Raises:
        DatasetError: If the download failed, is not the official set, or the folder holds something
            of the same name.
    """
    staging = folder / STAGING / folder.name
    staging.mkdir(parents=True, exist_ok=True)
    _run(name, staging)
    for path in staging.rglob(f"*{PART}"):  # of another version of the set
        path.unlink()
    for path in sorted(staging.iterdir()):
        _place(path, folder / path.name)
    shutil.rmtree(folder / STAGING)


def _run(name: str, staging: Path) -> None:
    work = staging.parent
    log = work / "log"
    # Into a file: a pipe that nobody reads would fill up and stop the process.
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, name, str(staging)],
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
        try:
            _wait(process, name, staging)
        finally:
            process.kill()
            process.communicate()
            finished(work)
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {process.returncode}"
        raise DatasetError(
            f"{name} could not be downloaded: {reason}; check the connection and try again (what "
            "was received is kept), or place the files by hand (docs/data.md says where)"
        )


def _wait(process: subprocess.Popen[bytes], name: str, staging: Path) -> None:
    received = staging.parent / RECEIVED
    while True:
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            # Beside archives, what they are unpacked to does not count.
            report(staging.parent, name, _size(received if received.exists() else staging))
        else:
            return


def _size(folder: Path) -> int:
    """Bytes in a folder that is being written."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += 0 if path.is_dir() else path.stat().st_size
        except FileNotFoundError:  # renamed meanwhile
            continue
    return total


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _place(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as error:
        raise DatasetError(
            f"the download is complete, but {target} is in its place ({error.strerror}); remove it "
            "and try again"
        ) from error


def _end_with_parent() -> None:
    # The parent never writes: the end of the stream means that it is gone.
    os.read(0, 1)  # unbuffered: a thread inside a buffered read would disturb a normal exit
    os._exit(1)


def _main(name: str, folder: Path) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    spec: StoredSpec = datasets.get(name)()
    try:
        spec.fetch(folder)
        spec.check_official(folder.parent)
    except DatasetError as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
