from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alscope.results.cautions import caution_texts, cautions_frame
from alscope.results.frames import rounds_frame
from tests.results import records
from tests.results.records import make_rounds, make_run, make_store


def test_words_of_a_strategy_against_its_query_are_in_the_row_of_the_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = records.round_data

    def doubtful(*given: Any) -> dict[str, Any]:
        data = made(*given)
        if data["result"]["round"] == 1:
            data["result"]["query"]["diagnostics"] = {"caution": "too strict", "share": 0.1}
        return data

    monkeypatch.setattr(records, "round_data", doubtful)
    config = make_run()
    frame = rounds_frame(make_store(tmp_path, [config]), [config.run_id])

    assert frame["caution"].tolist() == ["", "too strict", ""]


def test_queries_are_counted_per_strategy_and_reason() -> None:
    rounds = make_rounds({"random": [0.1, 0.2, 0.3], "ccal": [0.1, 0.2, 0.3]}, seeds=(0, 1))
    rounds.loc[(rounds["strategy"] == "ccal") & (rounds["round"] < 2), "caution"] = "too strict"
    rounds.loc[(rounds["seed"] == 1) & (rounds["caution"] != ""), "caution"] = "too lax"

    assert cautions_frame(rounds).to_dict("records") == [
        {"strategy": "ccal", "caution": word, "n_said": 2, "n_queries": 4}
        for word in ("too lax", "too strict")
    ]
    assert caution_texts(rounds)[1] == "ccal, in 2 of 4 queries: too strict."


def test_where_nothing_is_said_nothing_is_shown() -> None:
    assert caution_texts(make_rounds({"random": [0.1, 0.2]})) == []
    assert caution_texts(make_rounds({})) == []
