"""Paired comparison with Random: differences, intervals, exact tests, and what they can show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from alscope.errors import ShapeError
from alscope.results.checks import data_conflict
from alscope.results.columns import METRICS, Column
from alscope.results.frames import typed_frame
from alscope.results.intervals import mean_interval
from alscope.results.tables import RANDOM, aubc_frame
from alscope.rng import generator

__all__ = [
    "COMPARISON_COLUMNS",
    "compare_with_random",
    "data_conflict",
    "holm",
    "sign_flip_p",
    "smallest_p",
]

LEVEL = 0.05
_EXACT = 40
_DRAWS = 2**17

COMPARISON_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "strategy": Column("str", "", "Title of the strategy."),
    "baseline": Column("str", "", "What it is compared with."),
    "n": Column("int64", "seeds", "Seeds that both completed."),
    "n_dropped": Column("int64", "seeds", "Seeds that only one of them completed."),
    "difference": Column("float64", "", "Mean of strategy - baseline in area under the curve."),
    "low": Column("float64", "", "Lower end of its 95% t-interval; NaN for one seed."),
    "high": Column("float64", "", "Upper end of its 95% t-interval; NaN for one seed."),
    "p": Column("float64", "", "Two-sided sign-flip permutation test."),
    "p_holm": Column("float64", "", "p after Holm's correction over the strategies compared."),
    "smallest_p": Column("float64", "", "Smallest p that the test can give with n seeds."),
    "smallest_p_holm": Column("float64", "", "The same after the correction."),
    "verdict": Column("str", "", "What can be said, in words."),
}


def compare_with_random(
    rounds: pd.DataFrame, metric: str = "accuracy", *, baseline: str = RANDOM
) -> pd.DataFrame:
    """Every strategy against Random, paired by seed, on the area under the curve.

    Only complete runs count. The correction runs over the strategies of one scenario. Where the
    test could not have reached 0.05 whatever the results, the verdict says so.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        baseline: Title of the strategy to compare with.

    Returns:
        Columns as in `COMPARISON_COLUMNS`; scenarios without the baseline have no rows.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    areas = aubc_frame(rounds, metric)
    rows: list[dict[str, Any]] = []
    for scenario, group in areas.groupby("scenario", sort=True):
        wide = group.pivot(index="seed", columns="strategy", values="aubc")
        if baseline in wide:
            part = [
                _paired(wide[name], wide[baseline]) | {"scenario": scenario, "strategy": name}
                for name in wide.columns
                if name != baseline
            ]
            rows += _corrected(part, baseline, higher=METRICS[metric].higher_is_better)
    return typed_frame(rows, COMPARISON_COLUMNS)


def sign_flip_p(differences: ArrayLike) -> float:
    """Two-sided p of the sign-flip permutation test of a zero mean.

    Under the null hypothesis every paired difference is as likely as its negative. The p-value is
    the share of the 2^n sign patterns whose absolute sum is at least that observed: exact up to 40
    differences, above that estimated from 131,072 fixed random patterns.

    Args:
        differences: (n,), finite.

    Returns:
        p in (0, 1]; 1 without differences.

    Raises:
        ShapeError: If a difference is not finite or they are not one-dimensional.

    References:
        Fisher 1935, The Design of Experiments, section 21.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or not np.isfinite(d).all():
        raise ShapeError(f"differences must be finite and one-dimensional; got {d!r:.80}")
    # Sums that are equal on paper differ in the last digits.
    observed = abs(float(d.sum())) - 1e-12 * float(np.abs(d).sum())
    if observed <= 0:
        return 1.0
    if d.size > _EXACT:
        return _sampled_p(d, observed)
    # Every sum is one from the left half plus one from the right half: 2 * 2^(n/2) numbers
    # instead of 2^n, and by symmetry only the upper tail is counted.
    left, right = _signed_sums(d[: d.size // 2]), np.sort(_signed_sums(d[d.size // 2 :]))
    reached = right.size - np.searchsorted(right, observed - left, side="left")
    return min(1.0, 2.0 * float(reached.sum()) / 2.0**d.size)


def smallest_p(n: int) -> float:
    """Smallest two-sided p of the sign-flip test with n differences: 2^(1 - n)."""
    return min(1.0, 2.0 ** (1 - n))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down correction.

    Args:
        p_values: (m,).

    Returns:
        Corrected p-values in the same order, (m,), at most 1.

    References:
        Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = p[order] * (p.size - np.arange(p.size))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def _sampled_p(d: NDArray[np.float64], observed: float) -> float:
    rng = generator(0, "sign_flip")
    reached = 0
    for _ in range(_DRAWS // 1024):
        signs = rng.integers(0, 2, size=(1024, d.size)) * 2 - 1
        reached += int((np.abs(signs @ d) >= observed).sum())
    # The observed pattern is one of the patterns, so p is never 0.
    return (reached + 1) / (_DRAWS + 1)


def _paired(own: pd.Series[float], other: pd.Series[float]) -> dict[str, Any]:
    both = (own - other).dropna()
    interval = mean_interval(both)
    return {
        "n": len(both),
        "n_dropped": int((own.notna() ^ other.notna()).sum()),
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "p": sign_flip_p(both),
        "smallest_p": smallest_p(len(both)),
    }


def _corrected(rows: list[dict[str, Any]], baseline: str, *, higher: bool) -> list[dict[str, Any]]:
    # Who shares no seed with the baseline was not compared: the others do not pay for it.
    family = [row for row in rows if row["n"]]
    # What the correction would make of it if every comparison gave its smallest p: no result of
    # these seeds can be below.
    for name in ("p", "smallest_p"):
        values = holm([row[name] for row in family])
        for row, value in zip(family, values, strict=True):
            row[f"{name}_holm"] = float(value)
    for row in rows:
        row["baseline"] = baseline
        row.setdefault("p_holm", row["p"])
        row.setdefault("smallest_p_holm", row["smallest_p"])
        row["verdict"] = _verdict(row, len(family), higher=higher)
    return rows


def _verdict(row: dict[str, Any], n_compared: int, *, higher: bool) -> str:
    n = row["n"]
    seeds = f"{n} seed" if n == 1 else f"{n} seeds"
    if n == 0:
        return "no common seeds"
    if row["smallest_p"] > LEVEL:
        return f"cannot reach {LEVEL} with {seeds}"
    if row["smallest_p_holm"] > LEVEL:
        return f"cannot reach {LEVEL} with {seeds} and {n_compared} comparisons"
    if row["p_holm"] <= LEVEL:
        better = (row["difference"] > 0) == higher
        return f"{'better' if better else 'worse'} than {row['baseline']}"
    return f"no difference shown at {LEVEL}"
