"""Tests over scenarios: Friedman's, then all pairs, and who cannot be told apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.errors import UnknownNameError
from alscope.results.columns import Column
from alscope.results.frames import typed_frame
from alscope.results.paired import LEVEL, corrected, needed_pairs, p_values
from alscope.results.ranks import RankTable

__all__ = [
    "PAIR_COLUMNS",
    "POSTHOC",
    "Friedman",
    "friedman",
    "groups",
    "needed_blocks",
    "nemenyi_distance",
    "pair_frame",
]

POSTHOC = {"wilcoxon": "Wilcoxon signed rank with Holm", "nemenyi": "Nemenyi"}
"""Tests of all pairs after Friedman's, with their names for people."""

PAIR_COLUMNS = {
    "first": Column("str", "", "The strategy with the better (smaller) mean rank."),
    "second": Column("str", "", "The other strategy."),
    "rank_gap": Column("float64", "ranks", "Mean rank of second - mean rank of first."),
    "p": Column("float64", "", "Two-sided p of the pair."),
    "p_corrected": Column("float64", "", "p after the correction for all pairs."),
    "different": Column("bool", "", "p_corrected is at most 0.05."),
}


class Friedman(NamedTuple):
    """Result of Friedman's test."""

    statistic: float
    """Chi-square with n_strategies - 1 degrees of freedom, corrected for ties."""
    p: float
    """From the chi-square approximation."""


def friedman(table: RankTable) -> Friedman | None:
    """Whether any strategy differs from the others; None with fewer than three.

    References:
        Friedman 1937, Journal of the American Statistical Association 32, 675-701.
    """
    if len(table.strategies) < 3 or len(table.scenarios) < 2:
        return None
    if (table.ranks == table.ranks[:, :1]).all():
        return Friedman(0.0, 1.0)  # all tied everywhere: the statistic would be 0 / 0
    from scipy.stats import friedmanchisquare  # slow to import

    found = friedmanchisquare(*table.ranks.T)
    return Friedman(float(found.statistic), float(found.pvalue))


def pair_frame(table: RankTable, method: str = "wilcoxon") -> pd.DataFrame:
    """All pairs of strategies over the blocks.

    Args:
        table: From `rank_table`.
        method: One of `POSTHOC`. Wilcoxon's test looks at the differences of the mean areas and is
            corrected by Holm's method; Nemenyi's at the gap of the mean ranks.

    Returns:
        Columns as in `PAIR_COLUMNS`.

    Raises:
        UnknownNameError: If there is no such method.

    References:
        Benavoli et al. 2016, Journal of Machine Learning Research 17(5) (why not mean ranks);
        Demsar 2006, Journal of Machine Learning Research 7, 1-30 (Nemenyi, the diagram).
    """
    if method not in POSTHOC:
        raise UnknownNameError("test", method, POSTHOC)
    one, other = np.triu_indices(len(table.strategies), k=1)
    mean = table.mean_ranks
    gaps = mean[other] - mean[one]
    if method == "wilcoxon":
        p = p_values((table.values[:, one] - table.values[:, other]).T, "wilcoxon")
        p_corrected = corrected(p, "holm")
    else:
        p = p_corrected = _nemenyi_p(gaps, len(table.strategies), len(table.scenarios))
    rows = [
        {
            "first": table.strategies[one[place]],
            "second": table.strategies[other[place]],
            "rank_gap": gaps[place],
            "p": p[place],
            "p_corrected": p_corrected[place],
            "different": bool(p_corrected[place] <= LEVEL),
        }
        for place in range(len(one))
    ]
    return typed_frame(rows, PAIR_COLUMNS)


def nemenyi_distance(n_strategies: int, n_blocks: int) -> float:
    """The critical difference of mean ranks at 0.05.

    References:
        Demsar 2006, Journal of Machine Learning Research 7, 1-30, section 3.2.2.
    """
    from scipy.stats import studentized_range  # slow to import

    q = float(studentized_range.ppf(1 - LEVEL, n_strategies, np.inf))
    return float(q / np.sqrt(2) * _rank_error(n_strategies, n_blocks))


def needed_blocks(n_strategies: int) -> int:
    """The fewest scenarios with which Wilcoxon-Holm can tell any two strategies apart."""
    return needed_pairs("wilcoxon", n_strategies * (n_strategies - 1) // 2)


def groups(pairs: pd.DataFrame, strategies: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Largest sets of strategies of which no two were shown to differ, for the diagram.

    Args:
        pairs: From `pair_frame`.
        strategies: The best first.

    Returns:
        Sets of two and more, each in the order of `strategies`, the best first.
    """
    alike: dict[str, set[str]] = {name: set() for name in strategies}
    for first, second, different in zip(
        pairs["first"], pairs["second"], pairs["different"], strict=True
    ):
        if not different:
            alike[first].add(second)
            alike[second].add(first)
    place = {name: number for number, name in enumerate(strategies)}
    found = [sorted(members, key=place.__getitem__) for members in _cliques(alike)]
    found.sort(key=lambda members: [place[name] for name in members])
    return [tuple(members) for members in found if len(members) > 1]


def _rank_error(n_strategies: int, n_blocks: int) -> float:
    return float(np.sqrt(n_strategies * (n_strategies + 1) / (6.0 * n_blocks)))


def _nemenyi_p(gaps: NDArray[np.float64], n_strategies: int, n_blocks: int) -> NDArray[np.float64]:
    from scipy.stats import studentized_range  # slow to import

    q = np.abs(gaps) / _rank_error(n_strategies, n_blocks) * np.sqrt(2)
    return np.asarray(studentized_range.sf(q, n_strategies, np.inf), dtype=np.float64)


def _cliques(alike: dict[str, set[str]]) -> list[set[str]]:
    """Maximal cliques (Bron and Kerbosch 1973, with a pivot)."""
    found: list[set[str]] = []

    def extend(clique: set[str], candidates: set[str], seen: set[str]) -> None:
        if not candidates and not seen:
            found.append(clique)
            return
        pivot = max(sorted(candidates | seen), key=lambda name: len(alike[name] & candidates))
        for name in sorted(candidates - alike[pivot]):
            extend(clique | {name}, candidates & alike[name], seen & alike[name])
            candidates, seen = candidates - {name}, seen | {name}

    extend(set(), set(alike), set())
    return found
