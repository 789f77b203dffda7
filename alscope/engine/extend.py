"""Studies made from studies: larger ones, and small ones to try them out."""

from __future__ import annotations

import re
from dataclasses import replace

from alscope.config import StudyConfig
from alscope.errors import ConfigError, Problem

__all__ = ["MAX_SEEDS", "dry_run", "more_seeds"]

MAX_SEEDS = 1000
_DRY_ROUNDS = 2
_COUNTED = re.compile(r" \(\d+ seeds\)$")
_DRY = " (dry run)"


def more_seeds(study: StudyConfig, n_more: int) -> StudyConfig:
    """The study with more seeds, counting on from its largest one; its name says how many.

    Raises:
        ConfigError: If the number is not positive, or there would be more than a thousand.
    """
    total = len(study.seeds) + n_more
    if n_more < 1 or total > MAX_SEEDS:
        message = (
            f"cannot grow by {n_more}: the study has {len(study.seeds)}, and may have up to "
            f"{MAX_SEEDS}; add at least 1"
        )
        raise ConfigError([Problem("seeds", message)])
    first = max(study.seeds) + 1
    return replace(
        study,
        name=f"{_COUNTED.sub('', study.name)} ({total} seeds)",
        seeds=(*study.seeds, *range(first, first + n_more)),
    )


def dry_run(study: StudyConfig) -> StudyConfig:
    """The same with one seed and at most two queries: minutes that show whether it works."""
    short = [replace(s, n_rounds=min(_DRY_ROUNDS, s.n_rounds)) for s in study.scenarios]
    return replace(
        study,
        name=f"{study.name.removesuffix(_DRY)}{_DRY}",
        seeds=study.seeds[:1],
        scenarios=tuple(dict.fromkeys(short)),
    )
