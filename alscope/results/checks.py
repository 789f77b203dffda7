"""What may be averaged and compared."""

from __future__ import annotations

import pandas as pd

from alscope.errors import IncomparableError

__all__ = ["complete_runs", "data_conflict", "require_comparable", "unique_rounds"]


def data_conflict(rounds: pd.DataFrame) -> str:
    """Scenarios whose runs read different data, in words; "" if there are none.

    Args:
        rounds: From `rounds_frame`.
    """
    sentences = []
    for scenario, group in rounds.groupby("scenario", sort=True):
        counts = group.groupby("data_fingerprint", sort=True)["run_id"].nunique()
        if len(counts) > 1:
            parts = [
                f"{str(name)[:10]} ({count} {'run' if count == 1 else 'runs'})"
                for name, count in counts.items()
            ]
            sentences.append(f"{scenario}: {', '.join(parts)}")
    if not sentences:
        return ""
    return (
        "these runs were made from different versions of the data and cannot be compared; "
        f"fingerprints are {'; '.join(sentences)}. Leave out one version or run it again"
    )


def require_comparable(rounds: pd.DataFrame) -> None:
    """Refuse results that must not be mixed.

    Raises:
        IncomparableError: If runs of one scenario read different data.
    """
    conflict = data_conflict(rounds)
    if conflict:
        raise IncomparableError(conflict)


def unique_rounds(rounds: pd.DataFrame) -> pd.DataFrame:
    """Every recorded round once, although a run may belong to several studies.

    Raises:
        IncomparableError: If two different runs have the same scenario, strategy and seed.
    """
    once = rounds.drop_duplicates(["run_id", "round"])
    twins = once[once.duplicated(["scenario", "strategy", "seed", "round"])]
    if len(twins):
        first = twins.iloc[0]
        raise IncomparableError(
            f"two different runs are both {first['strategy']} on {first['scenario']} with seed "
            f"{first['seed']}; read all runs with one call of rounds_frame, which tells them apart"
        )
    return once


def complete_runs(rounds: pd.DataFrame) -> pd.DataFrame:
    """The rounds of the runs that spent their whole budget, every round once."""
    once = unique_rounds(rounds)
    last = once.groupby("run_id")["round"].transform("max")
    return once[last == once["n_rounds"]]
