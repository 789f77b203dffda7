"""What studies say about every strategy, against the same by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from alscope.results.compare import compare_with_random
from alscope.results.evidence import EVIDENCE_COLUMNS, evidence_table
from tests.results.records import make_rounds


def curves(scenario: str, gain: float) -> pd.DataFrame:
    """Margin ahead of Random by `gain`; Entropy behind it by as much."""
    wiggle = [1e-3 * seed for seed in range(10)]
    rounds = make_rounds(
        {
            "random": lambda seed: [0.5, 0.6],
            "margin": lambda seed: [0.5, 0.6 + gain + wiggle[seed]],
            "entropy": lambda seed: [0.5, 0.6 - gain - wiggle[seed]],
        },
        seeds=range(10),
    )
    return rounds.assign(scenario=scenario, run_id=scenario + rounds["run_id"])


def test_gains_are_averaged_and_verdicts_counted_over_scenarios() -> None:
    rounds = pd.concat([curves("one", 0.1), curves("two", 0.02)], ignore_index=True)
    table = evidence_table(rounds).set_index("strategy")
    tested = compare_with_random(rounds)
    margin = tested[tested["strategy"] == "margin"]["difference"]

    assert list(table.index) == ["margin", "entropy"]
    assert table.loc["margin", "gain"] == pytest.approx(margin.mean())
    assert table.loc["margin", "worst"] == pytest.approx(margin.min())
    assert table.loc["margin", "best"] == pytest.approx(margin.max())
    assert tuple(table.loc["margin", ["n_better", "n_worse", "n_scenarios"]]) == (2, 0, 2)
    assert tuple(table.loc["entropy", ["n_better", "n_worse", "n_scenarios"]]) == (0, 2, 2)


def test_without_random_nothing_is_said() -> None:
    rounds = curves("one", 0.1)
    table = evidence_table(rounds[rounds["strategy"] != "random"])

    assert len(table) == 0
    assert list(table.columns) == list(EVIDENCE_COLUMNS)
