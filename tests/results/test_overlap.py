"""Jaccard indices against brute force over Python sets."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pandas as pd
import pytest

from alscope.results.overlap import BETWEEN_SEEDS, chance_overlap, overlap_frame, overlap_rounds

STRATEGIES = ("badge", "margin", "random")


def random_queries(seed: int = 0, *, n_pool: int = 60, size: int = 9) -> pd.DataFrame:
    """Three strategies, three seeds, two queries, drawn without replacement within a run."""
    rng = np.random.default_rng(seed)
    rows = []
    for strategy, trial in itertools.product(STRATEGIES, range(3)):
        order = rng.permutation(n_pool)
        for place, sample in enumerate(order[: 2 * size]):
            row = {"strategy": strategy, "seed": trial, "round": place // size, "sample": sample}
            rows.append(row)
    return pd.DataFrame(rows)


def bought(queries: pd.DataFrame, strategy: str, seed: int, rounds: set[int]) -> set[int]:
    rows = queries[(queries["strategy"] == strategy) & (queries["seed"] == seed)]
    return set(rows.loc[rows["round"].isin(rounds), "sample"])


def index(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other)


@pytest.mark.parametrize(("only", "rounds"), [(False, {0, 1}), (True, {1})])
def test_overlap_is_the_mean_jaccard_index_over_common_seeds(only: bool, rounds: set[int]) -> None:
    queries = random_queries()
    frame = overlap_frame(queries, upto=1, only=only).set_index(["first", "second"])

    for first, second in itertools.permutations(STRATEGIES, 2):
        values = [
            index(bought(queries, first, seed, rounds), bought(queries, second, seed, rounds))
            for seed in range(3)
        ]
        row = frame.loc[(first, second)]
        assert row["jaccard"] == pytest.approx(statistics.fmean(values))
        assert (row["low"], row["high"]) == pytest.approx((min(values), max(values)))
        assert (row["n"], row["kind"]) == (3, "same seed")


def test_the_diagonal_compares_seeds_of_one_strategy() -> None:
    queries = random_queries(1)
    frame = overlap_frame(queries, upto=1).set_index(["first", "second"])

    for name in STRATEGIES:
        values = [
            index(bought(queries, name, one, {0, 1}), bought(queries, name, other, {0, 1}))
            for one, other in itertools.combinations(range(3), 2)
        ]
        row = frame.loc[(name, name)]
        assert row["jaccard"] == pytest.approx(statistics.fmean(values))
        assert (row["n"], row["kind"]) == (3, "other seeds")


def test_equal_choices_overlap_fully_and_seeds_without_a_partner_do_not_count() -> None:
    queries = random_queries()
    twin = queries[(queries["strategy"] == "badge") & (queries["seed"] > 0)]
    both = pd.concat([queries, twin.assign(strategy="twin")])

    row = overlap_frame(both, upto=1).set_index(["first", "second"]).loc[("badge", "twin")]

    assert (row["jaccard"], row["n"]) == (1.0, 2)


def test_overlap_over_rounds_holds_the_matrix_row_of_every_round() -> None:
    queries = random_queries(2)
    lines = overlap_rounds(queries, "margin")

    assert set(lines["strategy"]) == {"badge", "random", BETWEEN_SEEDS}
    for row in lines.itertuples():
        matrix = overlap_frame(queries, upto=row.round).set_index(["first", "second"])
        other = "margin" if row.strategy == BETWEEN_SEEDS else row.strategy
        assert row.jaccard == matrix.loc[("margin", other), "jaccard"]


def test_no_queries_give_empty_frames() -> None:
    nothing = random_queries().iloc[:0]

    assert overlap_frame(nothing, upto=3).empty
    assert overlap_rounds(nothing, "margin").empty


@pytest.mark.parametrize(("size", "n_pool"), [(1, 4), (2, 5), (3, 6), (3, 4), (4, 4)])
def test_overlap_by_chance_is_the_mean_over_all_pairs_of_sets(size: int, n_pool: int) -> None:
    sets = [set(chosen) for chosen in itertools.combinations(range(n_pool), size)]
    exact = statistics.fmean(index(sets[0], other) for other in sets)

    assert chance_overlap(size, n_pool) == pytest.approx(exact)


def test_overlap_by_chance_of_nothing_is_not_a_number() -> None:
    assert np.isnan(chance_overlap(0, 10))
    assert np.isnan(chance_overlap(11, 10))
