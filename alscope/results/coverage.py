"""What a figure is made of: runs, seeds, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

__all__ = ["Coverage", "coverage"]


@dataclass(frozen=True)
class Coverage:
    """What a figure is made of.

    Attributes:
        n_runs: Runs with at least one evaluation.
        least_seeds: Seeds of the strategy with the fewest.
        most_seeds: Seeds of the strategy with the most.
        n_missing: Evaluations that were planned and are not there.
        n_points: Evaluations that are there.
    """

    n_runs: int
    least_seeds: int
    most_seeds: int
    n_missing: int
    n_points: int

    def __str__(self) -> str:
        """`12 runs, 3 seeds each, 0 missing points`."""
        few, many = self.least_seeds, self.most_seeds
        each = f"{many} {'seed' if many == 1 else 'seeds'} each" if few == many else ""
        return (
            f"{self.n_runs:,} {'run' if self.n_runs == 1 else 'runs'}, "
            f"{each or f'{few} to {many} seeds each'}, "
            f"{self.n_missing:,} missing {'point' if self.n_missing == 1 else 'points'}"
        )


def coverage(rounds: pd.DataFrame, planned: Mapping[str, int]) -> Coverage:
    """Count what is there and what is not.

    Args:
        rounds: From `rounds_frame`: what is shown.
        planned: Run id -> evaluations of the complete run, for every run that should be shown. Runs
            of `rounds` that are not in it are taken to be planned as they say themselves.
    """
    once = rounds.drop_duplicates(["run_id", "round"])
    found = once.groupby("run_id").agg(n=("round", "size"), n_rounds=("n_rounds", "first"))
    expected = {str(run): int(n) + 1 for run, n in found["n_rounds"].items()} | dict(planned)
    seeds = once.groupby(["scenario", "strategy"])["seed"].nunique()
    n_points = int(found["n"].sum())
    return Coverage(
        n_runs=len(found),
        least_seeds=int(seeds.min()) if len(seeds) else 0,
        most_seeds=int(seeds.max()) if len(seeds) else 0,
        n_missing=sum(expected.values()) - n_points,
        n_points=n_points,
    )
