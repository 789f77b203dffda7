"""Where things are, and the study that the first click starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from alscope.config import (
    BackboneConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)

__all__ = ["REFERENCES", "Paths", "cache_root", "data_root", "demo_study"]

REFERENCES: Mapping[str, str] = MappingProxyType(
    {
        "random": "without it no gain can be stated",
        "margin": "large comparisons found it the simple strategy that is hardest to beat, so a "
        "gain over Random alone says little",
    }
)
"""Strategies that every comparison should have, and what is missing without them."""


@dataclass(frozen=True)
class Paths:
    """The rooms of the cache folder.

    Attributes:
        root: The folder itself.
    """

    root: Path

    @property
    def runs(self) -> Path:
        """The run store: never evicted."""
        return self.root / "runs"

    @property
    def studies(self) -> Path:
        """Which runs belong together."""
        return self.root / "studies"

    @property
    def artifacts(self) -> Path:
        """The artifact cache: may vanish at any time."""
        return self.root / "artifacts"

    @property
    def derived(self) -> Path:
        """Tokens and harvested tables: may vanish at any time."""
        return self.root / "derived"

    @property
    def summaries(self) -> Path:
        """What lists need of finished runs: may vanish at any time."""
        return self.derived / "run_summaries.bin"

    @property
    def datasets(self) -> Path:
        """Where data sets are looked for unless a data root is given."""
        return self.root / "datasets"

    @property
    def settings(self) -> Path:
        """What users set for this folder."""
        return self.root / "settings.json"

    @property
    def owners(self) -> Path:
        """Who started or brought what, on servers with a login."""
        return self.root / "owners"

    @property
    def calibration(self) -> Path:
        """What machines that used this folder can do, measured on request."""
        return self.root / "calibration.json"

    @property
    def logs(self) -> Path:
        """Output of the worker processes."""
        return self.root / "logs"


def cache_root(given: Path | str | None = None) -> Path:
    """The cache folder: given, else `ALSCOPE_CACHE`, else `cache` in the working folder."""
    chosen = given or os.environ.get("ALSCOPE_CACHE") or "cache"
    return Path(chosen).expanduser().resolve()


def data_root(cache: Path, given: Path | str | None = None) -> Path:
    """The data folder: given, else `ALSCOPE_DATA`, else `datasets` in the cache folder."""
    chosen = given or os.environ.get("ALSCOPE_DATA")
    return Path(chosen).expanduser().resolve() if chosen else Paths(cache).datasets


def demo_study() -> StudyConfig:
    """The demo: digits, seven strategies, three seeds; minutes on two CPU cores, no network."""
    names = ("random", "least_confidence", "margin", "entropy", "bald", "coreset", "badge")
    return StudyConfig(
        name="demo",
        description="Seven strategies on 8x8 digits: from 20 to 120 labels in five queries.",
        scenarios=(ScenarioConfig(dataset="digits", n_initial=20, query_size=20, n_rounds=5),),
        strategies=tuple(StrategySpec(name=name) for name in names),
        seeds=(0, 1, 2),
        backbone=BackboneConfig(name="small_cnn"),
        train=TrainConfig(epochs=30, min_steps=100, batch_size=32, lr=2e-3, augment=False),
    )
