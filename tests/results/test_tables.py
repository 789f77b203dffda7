"""The table under the curves: areas, targets, seconds, and who is best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from alscope.errors import IncomparableError
from alscope.results.tables import TABLE_COLUMNS, aubc_frame, aubc_table
from alscope.results.timing import spent, timing_table
from tests.results.records import make_rounds

NOISE = (0.0, 0.02, 0.01)


def shifted(base: float, *, noise: float = 1.0) -> object:
    return lambda seed: [base + noise * NOISE[seed], base + 0.2 + noise * NOISE[seed]]


def table_of(rounds: pd.DataFrame, metric: str = "accuracy") -> pd.DataFrame:
    return aubc_table(rounds, metric).set_index("strategy")


def test_every_complete_run_has_an_area() -> None:
    areas = aubc_frame(make_rounds({"margin": lambda seed: [0.1 * seed, 0.3, 0.5]}))

    assert areas["seed"].tolist() == [0, 1, 2]
    assert areas["aubc"].tolist() == pytest.approx([0.275, 0.3, 0.325])
    assert areas["final"].tolist() == [0.5, 0.5, 0.5]


def test_areas_are_averaged_over_seeds_with_a_t_interval() -> None:
    row = table_of(make_rounds({"random": lambda seed: [0.4 + 0.1 * seed] * 2})).loc["random"]

    assert row["aubc"] == pytest.approx(0.5)
    assert row["aubc_high"] - row["aubc"] == pytest.approx(4.30265 * 0.1 / 3**0.5, rel=1e-5)
    assert row["n"] == 3


def test_runs_that_have_not_spent_their_budget_do_not_count() -> None:
    rounds = make_rounds({"random": lambda seed: [0.5, 0.6, 0.9][: 3 - seed]}, n_rounds=2)
    row = table_of(rounds).loc["random"]

    assert row["n"] == 1
    assert row["n_incomplete"] == 2
    assert row["final"] == 0.9


def test_a_table_without_complete_runs_has_rows_without_values() -> None:
    table = table_of(make_rounds({"random": [0.5], "margin": [0.5]}, n_rounds=3))

    assert table["n"].tolist() == [0, 0]
    assert table[["aubc", "final", "target", "labels_to_target"]].isna().all(axis=None)
    assert not table[["best", "tied"]].any(axis=None)


def test_labels_to_the_final_value_of_random_are_stated_with_their_ratio() -> None:
    rounds = make_rounds(
        {"random": [0.2, 0.4, 0.6], "margin": [0.2, 0.8, 0.9], "entropy": [0.2, 0.3, 0.4]}
    )
    table = table_of(rounds)

    assert table["target"].tolist() == pytest.approx([0.6, 0.6, 0.6])
    assert table.loc["margin", "labels_to_target"] == pytest.approx(10 + 10 * 0.4 / 0.6)
    assert table.loc["margin", "label_ratio"] == pytest.approx((10 + 10 * 0.4 / 0.6) / 30)
    assert table.loc["random", "label_ratio"] == 1.0
    assert np.isnan(table.loc["entropy", "labels_to_target"])


def test_without_random_there_is_no_target() -> None:
    row = table_of(make_rounds({"margin": [0.2, 0.8]})).loc["margin"]

    assert np.isnan(row["target"])
    assert np.isnan(row["labels_to_target"])


def test_the_best_comes_first_and_a_clear_gap_is_no_tie() -> None:
    table = aubc_table(make_rounds({"random": shifted(0.3), "margin": shifted(0.5)}))

    assert table["strategy"].tolist() == ["margin", "random"]
    assert table["best"].tolist() == [True, False]
    assert table["tied"].tolist() == [True, False]


def test_a_gap_within_the_paired_interval_is_a_tie() -> None:
    rounds = make_rounds({"random": shifted(0.5, noise=-3.0), "margin": shifted(0.5, noise=3.0)})

    assert aubc_table(rounds)["tied"].tolist() == [True, True]


def test_pairing_sees_a_gap_that_is_smaller_than_the_spread_over_seeds() -> None:
    rounds = make_rounds(
        {
            "random": lambda seed: [0.5 + 0.1 * seed, 0.7 + 0.1 * seed],
            "margin": lambda seed: [0.51 + 0.101 * seed, 0.71 + 0.101 * seed],
        }
    )

    assert aubc_table(rounds)["tied"].tolist() == [True, False]


def test_one_seed_cannot_separate_strategies() -> None:
    rounds = make_rounds({"random": [0.1, 0.2], "margin": [0.8, 0.9]}, seeds=[0])

    assert aubc_table(rounds)["tied"].tolist() == [True, True]


def test_for_a_loss_the_smallest_is_best() -> None:
    rounds = make_rounds({"random": [2.0, 1.0], "margin": [1.5, 0.5]}, metric="nll")
    table = aubc_table(rounds, "nll")

    assert table["strategy"].tolist() == ["margin", "random"]
    assert table["labels_to_target"].tolist() == pytest.approx([15.0, 20.0])


def test_scenarios_have_a_best_each() -> None:
    rounds = pd.concat(
        [
            make_rounds({"random": [0.1, 0.2], "margin": [0.5, 0.6]}),
            make_rounds({"random": [0.5, 0.6], "margin": [0.1, 0.2]}, scenario="mnist"),
        ]
    )
    table = aubc_table(rounds)

    assert table[table["best"]][["scenario", "strategy"]].to_numpy().tolist() == [
        ["digits", "margin"],
        ["mnist", "random"],
    ]


def test_seconds_are_medians_over_uncontended_queries() -> None:
    rounds = make_rounds({"random": [0.1, 0.2, 0.3, 0.4]}, seeds=[0])
    rounds["inference_s"] = [1.0, 3.0, 100.0, 7.0]
    rounds["contended"] = [False, False, True, False]
    timing = timing_table(rounds)

    assert timing["inference_s"].tolist() == [2.0]
    assert timing["n"].tolist() == [2]


def test_spent_seconds_are_what_was_computed_and_sum_to_what_was_executed() -> None:
    rounds = make_rounds({"random": [0.1, 0.2], "margin": [0.1, 0.2]}, seeds=[0])
    rounds["train_s"], rounds["evaluate_s"] = 4.0, 1.0
    rounds["load_s"], rounds["inference_s"], rounds["acquisition_s"] = 0.5, 0.5, 0.25
    rounds["aux_s"] = 0.0
    rounds["executed_s"] = [7.0, 7.0, 1.0, 7.0]
    rounds["recording_s"] = [2.5, 0.0, 0.0, 0.0]
    rounds["train_cached"] = rounds["inputs_cached"] = [False, False, True, False]
    found = spent(pd.concat([rounds, rounds]))  # in two studies, but executed once

    assert found.total == pytest.approx(24.5)
    assert found.parts == pytest.approx(
        {
            "training": 12,
            "everything else": 3,
            "evaluation": 3,
            "inference": 3,
            "predictions for the record": 2.5,
            "acquisition": 1,
        }
    )
    assert found.saved == pytest.approx(4.0 + 1.0 + 1.0)


def test_no_rounds_took_no_time() -> None:
    found = spent(make_rounds({"random": [0.1]}).iloc[:0])

    assert (found.total, found.saved) == (0, 0)


def test_seconds_of_different_devices_are_kept_apart() -> None:
    rounds = make_rounds({"random": [0.1, 0.2], "margin": [0.1, 0.2]})
    rounds.loc[rounds["strategy"] == "margin", "device"] = "cuda:X"

    assert timing_table(rounds)["device"].tolist() == ["cuda:X", "cpu"]
    assert aubc_table(rounds)["selection_s"].isna().all()


def test_seconds_of_one_device_are_in_the_table() -> None:
    rounds = make_rounds({"random": [0.1, 0.2]}, selection_s=0.5)

    assert aubc_table(rounds)["selection_s"].tolist() == [0.5]


def test_purity_counts_samples_not_queries() -> None:
    rounds = make_rounds({"random": [0.1, 0.2, 0.3]}, seeds=[0])
    rounds["query_size"], rounds["n_known_queried"] = [10, 30, 0], [10, 10, 0]

    assert aubc_table(rounds)["purity"].tolist() == [0.5]


def test_what_was_fitted_beside_the_model_is_named_once() -> None:
    rounds = make_rounds({"random": [0.1, 0.2], "ccal": [0.1, 0.2]})
    rounds.loc[rounds["strategy"] == "ccal", "companions"] = "frozen features"
    table = aubc_table(rounds).set_index("strategy")

    assert table.loc["ccal", "companions"] == "frozen features"
    assert table.loc["random", "companions"] == ""


def test_results_of_different_data_are_refused() -> None:
    rounds = make_rounds({"random": [0.1, 0.2]})
    rounds.loc[rounds["seed"] == 0, "data_fingerprint"] = "other"

    with pytest.raises(IncomparableError):
        aubc_table(rounds)


def test_an_empty_table_has_the_documented_columns_and_types() -> None:
    table = aubc_table(make_rounds({}))

    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
        name: column.dtype for name, column in TABLE_COLUMNS.items()
    }
