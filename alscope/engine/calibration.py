"""What a machine can do, measured on request: the estimates of what was never run here.

`alscope.engine.measure` makes the figures in a process of its own; this module keeps and reads them
and loads nothing heavy. They are a few numbers per machine, kept beside the settings of the cache
folder, where nothing is evicted.
"""

from __future__ import annotations

import dataclasses
import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from alscope.errors import StoreError
from alscope.learn.device import n_cores
from alscope.store.files import make_folder, read_sealed, seal, write_file

__all__ = ["Calibration", "NetworkSpeed", "keep", "machine_key", "read_calibration"]

_CPU_INFO = Path("/proc/cpuinfo")
_MOST_MACHINES = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetworkSpeed:
    """How fast a kind of network is with its default parameters.

    Attributes:
        step_s: Seconds of an optimizer step on no samples: what every step costs.
        sample_s: Seconds that every sample of the batch adds.
        infer_s: Seconds of inference per sample.
        n_pixels: Height times width of the images it was measured on; 0: other samples.
    """

    step_s: float
    sample_s: float
    infer_s: float
    n_pixels: int = 0

    def per_step(self, batch_size: int, n_pixels: int | None) -> float:
        """Seconds of an optimizer step; convolutions take as long as there are pixels."""
        return self.step_s + batch_size * self.sample_s * self._larger(n_pixels)

    def per_sample(self, n_pixels: int | None) -> float:
        """Seconds of inference per sample."""
        return self.infer_s * self._larger(n_pixels)

    def _larger(self, n_pixels: int | None) -> float:
        return n_pixels / self.n_pixels if n_pixels and self.n_pixels else 1.0


@dataclass(frozen=True)
class Calibration:
    """The figures of one machine.

    Attributes:
        at: When, ISO 8601 UTC.
        took_s: How long it took, without starting the process.
        device: Device in words.
        n_threads: CPU threads.
        networks: By registry name of the backbone.
        ranking: Pool samples, and seconds to rank them by a score; two sizes, the smaller first.
        covering: Pool samples, and seconds of a greedy cover; the dearest kind of selection that is
            not quadratic.
        skipped: Networks for which there was no time, the smallest first.
    """

    at: str
    took_s: float
    device: str
    n_threads: int
    networks: Mapping[str, NetworkSpeed]
    ranking: tuple[tuple[int, float], ...]
    covering: tuple[tuple[int, float], ...]
    skipped: tuple[str, ...] = ()

    def selecting(self, n_pool: int) -> tuple[float, float]:
        """Seconds of the selection itself per pool sample: of a simple score, and of a cover."""
        low, high = (_rate(sizes, n_pool) for sizes in (self.ranking, self.covering))
        return low, max(low, high)


def _rate(sizes: tuple[tuple[int, float], ...], n_pool: int) -> float:
    """Seconds per sample at the size nearest in proportion."""
    n, seconds = min(sizes, key=lambda size: max(size[0], n_pool) / max(1, min(size[0], n_pool)))
    return seconds / n


def machine_key(*, device: str, n_threads: int) -> str:
    """What figures hold for: processor, cores, device as asked for, threads, and torch.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:N".
        n_threads: CPU threads of a run.
    """
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    return f"{_processor()}|cores={n_cores()}|{device}|threads={n_threads}|torch={torch}"


def read_calibration(path: Path, key: str) -> Calibration | None:
    """The figures for a machine; None if there are none, or none that can be read."""
    try:
        return _made(_read(path)[key])
    except KeyError:
        return None
    except (StoreError, TypeError, ValueError) as error:
        _log.warning("the calibration is not used: %s", error)
        return None


def keep(path: Path, key: str, calibration: Calibration) -> None:
    """Write figures, beside those of other machines.

    Raises:
        StoreError: If they cannot be written.
    """
    try:
        known = _read(path)
    except StoreError as error:
        _log.warning("the calibrations until now are replaced: %s", error)
        known = {}
    known.pop(key, None)
    newest = sorted(known.items(), key=lambda one: str(one[1].get("at")))[-(_MOST_MACHINES - 1) :]
    record = {"machines": {**dict(newest), key: dataclasses.asdict(calibration)}}
    try:
        make_folder(path.parent)
        write_file(path, seal(record), label="calibration")
    except OSError as error:
        raise StoreError(f"the calibration cannot be kept: {error.strerror or error}") from error


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    machines = read_sealed(path, "the calibration").get("machines")
    if not isinstance(machines, dict):
        raise StoreError("the calibration holds no machines")
    return dict(machines)


def _made(record: Mapping[str, Any]) -> Calibration:
    sizes = {
        name: tuple((int(n), float(s)) for n, s in record[name]) for name in ("ranking", "covering")
    }
    if not all(sizes.values()):
        raise ValueError("it has no selection times")
    networks = {name: NetworkSpeed(**speed) for name, speed in record["networks"].items()}
    skipped = tuple(str(name) for name in record.get("skipped", ()))
    return Calibration(**{**record, **sizes, "networks": networks, "skipped": skipped})


def _processor() -> str:
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
