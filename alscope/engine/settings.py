"""Settings of a cache folder that outlive a process."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

from alscope.errors import ConfigError, Problem, StoreError
from alscope.store.files import make_folder, read_sealed, seal, write_file

__all__ = ["GIB", "MAX_ARTIFACTS", "MIN_ARTIFACTS", "Settings", "read_settings", "write_settings"]

GIB = 2**30
MIN_ARTIFACTS = 2**28
MAX_ARTIFACTS = 2**50
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What users set once for a cache folder.

    Attributes:
        artifact_limit: Bytes of the artifact cache; above, the least recently used entries go.
    """

    artifact_limit: int = 10 * GIB


def read_settings(path: Path) -> Settings:
    """The settings in a file; the defaults if there are none, or none that can be used."""
    try:
        record = read_sealed(path, "the settings")
        return _checked(Settings(artifact_limit=int(record["artifact_limit"])))
    except (StoreError, ConfigError, KeyError, TypeError, ValueError) as error:
        if path.exists():
            _log.warning("the settings are not used, and the defaults are: %s", error)
        return Settings()


def write_settings(path: Path, settings: Settings) -> None:
    """Keep settings.

    Raises:
        ConfigError: If one of them is not possible.
        StoreError: If they cannot be written.
    """
    _checked(settings)
    try:
        make_folder(path.parent)
        write_file(path, seal(dataclasses.asdict(settings)), label="settings")
    except OSError as error:
        raise StoreError(f"the settings cannot be kept: {error.strerror or error}") from error


def _checked(settings: Settings) -> Settings:
    if not MIN_ARTIFACTS <= settings.artifact_limit <= MAX_ARTIFACTS:
        raise ConfigError(
            [
                Problem(
                    "artifact_limit",
                    f"is {settings.artifact_limit:,} bytes; choose between 0.25 GiB and 1 PiB",
                )
            ]
        )
    return settings
