"""Names that results are asked for by."""

from __future__ import annotations

from alscope.errors import UnknownNameError
from alscope.results.columns import METRICS

__all__ = ["RANDOM", "check_metric"]

RANDOM = "random"
"""The strategy that all others are held against."""


def check_metric(metric: str) -> None:
    """Raise `UnknownNameError` for a measure that does not exist."""
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
