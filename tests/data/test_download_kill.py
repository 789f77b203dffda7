"""Downloads whose processes are killed: the next try transfers the rest, and nothing else."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alscope.data._parquet import class_label_metadata
from alscope.data.downloads import active_downloads
from alscope.data.protocols import DataRoot
from alscope.data.sst5 import Sst5
from tests.data.servers import serving
from tests.source import ROOT

pytestmark = pytest.mark.slow

_SST5 = """
import sys
from pathlib import Path
from alscope.data.protocols import DataRoot
from alscope.data.sst5 import Sst5
folder = Path(sys.argv[1])
summary = Sst5().summary(DataRoot(folder, folder / "cache", allow_download=True))
print(summary.train_targets.size, summary.test_targets.size)
"""
# The official archive cannot be made up, so this one is declared to be it.
_CIFAR10 = """
import sys
from pathlib import Path
from alscope.data import _fetch, cifar10
cifar10._BINARY_MD5 = sys.argv[2]
counts = {"train": (2000,) + (0,) * 9, "test": (400,) + (0,) * 9}
cifar10.Cifar10.facts = cifar10.Cifar10.facts._replace(counts=counts)
staging = Path(sys.argv[1]) / ".fetch" / "cifar10"
staging.mkdir(parents=True, exist_ok=True)
_fetch._main("cifar10", staging)
"""


def start(code: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    offline = ("HF_", "TRANSFORMERS_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(offline)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(what, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while not what():
        if process.poll() is not None:
            raise AssertionError(process.stderr.read().decode())
        assert time.monotonic() < until
        time.sleep(0.02)


def parts(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.rglob("*.part")}


def largest(prefix: str, folder: Path) -> int:
    return max((size for name, size in parts(folder).items() if name.startswith(prefix)), default=0)


def settled(folder: Path) -> dict[str, int]:
    """What is left when nobody writes any more: the child outlives its parent for a moment."""
    before: dict[str, int] = {"": 0}
    while before != (now := parts(folder)):
        before = now
        time.sleep(1)
    return now


def sst5_part(part: str) -> bytes:
    """Random texts in the official numbers per class."""
    rng = np.random.default_rng(len(part))
    labels = np.repeat(np.arange(5), Sst5.facts.counts[part])
    texts = [rng.bytes(60).hex() for _ in labels]
    table = pa.table({"text": texts, "label": labels})
    stream = io.BytesIO()
    names = class_label_metadata("label", Sst5.facts.names)
    pq.write_table(table.replace_schema_metadata(names), stream)
    return stream.getvalue()


def test_a_file_of_the_hub_is_continued_after_the_program_was_killed(tmp_path: Path) -> None:
    files = {f"data/{part}-00000-of-00001.parquet": sst5_part(part) for part in ("test", "train")}
    size = len(files["data/train-00000-of-00001.parquet"])
    path = "/datasets/SetFit/sst5/resolve/main/data/train-00000-of-00001.parquet"
    root = DataRoot(tmp_path, tmp_path / "cache", allow_download=False)
    with serving() as hub:
        hub.put_hub("SetFit/sst5", files)
        hub.pause_s = 0.1
        first = start(_SST5, str(tmp_path), HF_ENDPOINT=hub.url)
        wait_for(lambda: largest("train", tmp_path) > size // 5 and active_downloads(root), first)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        left = settled(tmp_path)
        assert 0 < sum(left.values()) < size
        hub.pause_s = 0.0
        hub.served.clear()
        hub.requests.clear()
        second = start(_SST5, str(tmp_path), HF_ENDPOINT=hub.url)
        output, _ = second.communicate(timeout=120)

    assert output.split() == [b"8544", b"2210"]
    assert hub.requests == [(path, f"bytes={sum(left.values())}-")]
    assert hub.served[path] == size - sum(left.values())
    assert sorted(p.name for p in (tmp_path / "sst5").iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]


def cifar_archive() -> bytes:
    """An archive of random images of the first class."""
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
            records = rng.integers(0, 256, (400, 3073), dtype=np.uint8)
            records[:, 0] = 0
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            entry.size = records.nbytes
            archive.addfile(entry, io.BytesIO(records.tobytes()))
    return stream.getvalue()


def test_an_archive_is_continued_after_the_download_was_killed(tmp_path: Path) -> None:
    archive = cifar_archive()
    md5 = hashlib.md5(archive, usedforsecurity=False).hexdigest()
    path = "/cifar10/cifar-10-binary.tar.gz"
    with serving() as mirror:
        mirror.files[path] = archive
        mirror.pause_s = 0.01
        first = start(_CIFAR10, str(tmp_path), md5, ALSCOPE_MIRROR=mirror.url)
        wait_for(lambda: largest("cifar", tmp_path) > len(archive) // 5, first)
        first.kill()
        first.communicate()
        left = sum(parts(tmp_path).values())
        assert 0 < left < len(archive)
        mirror.pause_s = 0.0
        mirror.served.clear()
        mirror.requests.clear()
        second = start(_CIFAR10, str(tmp_path), md5, ALSCOPE_MIRROR=mirror.url)
        second.wait(timeout=120)
        _, errors = second.communicate()  # not before: it ends when its input is closed

    assert second.returncode == 0, errors.decode()
    assert mirror.requests == [(path, f"bytes={left}-")]
    assert mirror.served[path] == len(archive) - left
