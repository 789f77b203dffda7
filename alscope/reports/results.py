"""What a report is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from alscope.config import StudyConfig

__all__ = ["Results"]


@dataclass(frozen=True, eq=False)
class Results:
    """Everything a report may show of a study.

    Attributes:
        study: What was asked.
        rounds: From `rounds_frame`.
        classes: From `classes_frame`.
        environments: From `conditions`.
        metric: One of `METRICS`.
        band: One of `BANDS`.
    """

    study: StudyConfig
    rounds: pd.DataFrame
    classes: pd.DataFrame
    environments: list[dict[str, Any]]
    metric: str = "accuracy"
    band: str = "ci95"

    def scenarios(self) -> Iterator[tuple[int, str, pd.DataFrame]]:
        """Place, title and rounds of every scenario."""
        for place, (title, part) in enumerate(self.rounds.groupby("scenario", sort=False)):
            yield place, str(title), part
