"""Who bought what, classes and unknown classes of it, against brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from alscope.results.balance import balance_frame, shares_frame
from alscope.results.openset import auroc, ood_histogram, openset_frame, tradeoff_frame
from alscope.results.picks import first_pickers, picked_by_every, picked_by_none, picks_frame
from tests.results.records import make_rounds
from tests.results.test_overlap import STRATEGIES, bought, random_queries

RNG = np.random.default_rng


def one_trial(seed: int) -> pd.DataFrame:
    queries = random_queries(n_pool=30, size=10)
    return queries[queries["seed"] == seed]


@pytest.mark.parametrize("upto", [0, 1])
def test_picked_by_every_and_by_none_are_intersection_and_complement(upto: int) -> None:
    queries, rounds = one_trial(1), set(range(upto + 1))
    sets = [bought(queries, name, 1, rounds) for name in STRATEGIES]
    pool = np.arange(30)

    every = picked_by_every(queries, STRATEGIES, upto=upto)
    none = picked_by_none(queries, pool, upto=upto)

    assert every.tolist() == sorted(set.intersection(*sets))
    assert none.tolist() == sorted(set(pool) - set.union(*sets))


def test_the_first_picker_is_the_earliest_and_then_the_keenest() -> None:
    queries = pd.DataFrame(
        {
            "strategy": ["margin", "badge", "badge", "margin", "random"],
            "round": [0, 0, 1, 1, 0],
            "rank": [2, 1, 0, 0, 1],
            "sample": [5, 5, 7, 7, 9],
        }
    )

    found = first_pickers(queries, upto=1)

    assert found["sample"].tolist() == [5, 7, 9]
    assert found["strategy"].tolist() == ["badge", "badge", "random"]
    assert first_pickers(queries, upto=0)["sample"].tolist() == [5, 9]


def test_picks_keep_their_order_and_say_what_is_not_known() -> None:
    queries = pd.DataFrame(
        {
            "sample": [4, 2],
            "round": [0, 0],
            "rank": [0, 1],
            "label": [-1, 3],
            "known": [False, True],
            "score": [0.5, np.nan],
        }
    )
    thought = pd.DataFrame(
        {"sample": [4, 8], "predicted": [1, 2], "confidence": [0.9, 0.4], "ood_score": [0.1, 0.6]}
    )

    picks = picks_frame(np.array([8, 4, 2]), queries=queries, predictions=thought)
    blind = picks_frame(np.array([4]), queries=queries, predictions=None)

    assert picks["sample"].tolist() == [8, 4, 2]
    assert picks["round"].tolist() == [-1, 0, 0]
    assert picks["known"].tolist() == [False, False, True]
    assert picks["predicted"].tolist() == [2, 1, -1]
    assert np.isnan(picks["confidence"].iloc[2])
    assert blind["predicted"].tolist() == [-1]


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_is_that_of_scikit_learn(ties: bool) -> None:
    rng = RNG(3)
    scores = rng.random(200).round(1 if ties else 9)
    unknown = rng.random(200) < 0.3

    assert auroc(scores, unknown) == pytest.approx(roc_auc_score(unknown, scores))


def test_auroc_of_one_kind_is_not_a_number_and_nan_scores_do_not_count() -> None:
    scores = np.array([0.1, 0.9, np.nan, 0.5])

    assert np.isnan(auroc(scores, np.zeros(4, dtype=bool)))
    assert auroc(scores, np.array([False, True, True, False])) == 1.0


def test_the_histogram_holds_every_finite_score_once() -> None:
    scores, unknown = np.array([0.0, 0.2, 0.21, 1.0, np.nan]), np.array([0, 0, 1, 1, 1], dtype=bool)

    data = ood_histogram(scores, unknown, n_bins=10)
    filled = data[data["n"] > 0]

    assert data.groupby("kind")["n"].sum().tolist() == [2, 2]
    assert np.allclose(filled["low"], [0.0, 0.2, 0.2, 0.9])
    assert data.groupby("kind")["share"].sum().tolist() == [1.0, 1.0]


def open_rounds() -> pd.DataFrame:
    rounds = make_rounds({"margin": [0.5, 0.6, 0.7], "random": [0.5, 0.5, 0.5]}, seeds=(0, 1))
    known = rounds["round"].map({0: 6, 1: 4, 2: 0})
    return rounds.assign(n_known_queried=known, purity=known / rounds["query_size"].clip(lower=1))


def test_recall_and_waste_add_up_over_the_queries_of_a_run() -> None:
    table = openset_frame(open_rounds(), n_known_pool=40)
    one = table[(table["strategy"] == "margin") & (table["seed"] == 1)]

    assert one["round"].tolist() == [0, 1]
    assert one["purity"].tolist() == [0.6, 0.4]
    assert one["recall"].tolist() == [6 / 40, 10 / 40]
    assert one["wasted"].tolist() == [4, 10]
    assert openset_frame(open_rounds())["recall"].isna().all()


def test_the_tradeoff_is_the_mean_over_complete_runs() -> None:
    rounds = open_rounds()
    cut = rounds[
        ~((rounds["seed"] == 1) & (rounds["round"] == 2) & (rounds["strategy"] == "random"))
    ]

    table = tradeoff_frame(cut).set_index("strategy")

    assert table.loc["margin", "purity"] == pytest.approx(0.5)
    assert table.loc["margin", "accuracy"] == pytest.approx(0.7)
    assert table["n"].to_dict() == {"margin": 2, "random": 1}


def class_rows(counts: list[int], queried: list[int], recalls: list[float]) -> pd.DataFrame:
    n = len(counts)
    return pd.DataFrame(
        {
            "run_id": "r",
            "strategy": "margin",
            "seed": 0,
            "round": 0,
            "n_annotated": sum(counts),
            "class_index": range(n),
            "n_labeled": counts,
            "n_queried": queried,
            "recall": recalls,
        }
    )


def test_shares_of_every_series_sum_to_one_and_the_pool_may_be_absent() -> None:
    rows = class_rows([2, 6, 2], [1, 0, 3], [0.5, 0.25, 1.0])

    full = shares_frame(
        rows, round=0, class_names=["cat", "dog"], pool_counts=np.array([10, 10, 20])
    )
    bare = shares_frame(rows.assign(n_queried=0), round=0)

    assert full.groupby("series")["share"].sum().tolist() == pytest.approx([1, 1, 1])
    assert full.loc[full["series"] == "pool", "share"].tolist() == [0.25, 0.25, 0.5]
    assert full["class_name"].unique().tolist() == ["cat", "dog", "2"]
    assert bare["series"].unique().tolist() == ["labeled so far"]


def test_balance_names_the_ratio_and_the_worst_class() -> None:
    even = balance_frame(class_rows([2, 6, 2], [0, 0, 0], [0.5, 0.25, np.nan])).iloc[0]
    gap = balance_frame(class_rows([0, 6, 0], [0, 0, 0], [np.nan] * 3)).iloc[0]

    assert (even["imbalance_ratio"], even["n_missing"]) == (3.0, 0)
    assert (even["worst_recall"], even["worst_class"]) == (0.25, 1)
    assert np.isnan(gap["imbalance_ratio"])
    assert (gap["n_missing"], gap["worst_class"]) == (2, -1)
