"""Frames of where a study stands, against statuses that were made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from alscope.charts.progress import CELL, SYMBOLS, count_chart, run_grid_chart, timeline_chart
from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.engine.status import RunStatus, StudyStatus
from alscope.results.progress import (
    CELL_STATES,
    count_frame,
    labels_per_second,
    run_frame,
    timeline_frame,
)
from alscope.types import RunState


def status(run: Any, place: int, **changes: Any) -> RunStatus:
    base = RunStatus(
        run_id=run.run_id,
        state=RunState.QUEUED,
        dataset="digits",
        scenario=run.scenario.title,
        strategy=run.strategy.title,
        seed=run.seed,
        round=0,
        n_rounds=run.scenario.n_rounds,
        stage="",
        fraction=0.0,
        message="",
        traceback="",
        heartbeat_age_s=None,
        elapsed_s=0.0,
    )
    return replace(base, **changes)


def study(states: list[dict[str, Any]], n_seeds: int = 2) -> StudyStatus:
    config = StudyConfig(
        scenarios=(ScenarioConfig(n_initial=20, query_size=10), ScenarioConfig(n_rounds=3)),
        strategies=(StrategySpec(name="random"), StrategySpec(name="margin")),
        seeds=tuple(range(n_seeds)),
    )
    changes = [*states, *({} for _ in range(len(config.runs()) - len(states)))]
    runs = tuple(
        status(run, place, **change)
        for place, (run, change) in enumerate(zip(config.runs(), changes, strict=True))
    )
    return StudyStatus("x", "x", "2026-01-01T00:00:00+00:00", config, runs, "active")


def span(start: int, end: int, **changes: Any) -> dict[str, Any]:
    at = "2026-01-01T00:00:{:02d}+00:00"
    return {
        "state": RunState.DONE,
        "started": at.format(start),
        "ended": at.format(end),
        **changes,
    }


def test_every_run_has_a_cell_with_its_state() -> None:
    runs = run_frame(
        study(
            [
                {"state": RunState.DONE},
                {"state": RunState.DONE, "reused": True},
                {"state": RunState.FAILED},
            ]
        )
    )

    assert runs["state"].tolist()[:4] == ["done", "reused", "failed", "queued"]
    assert runs["number"].tolist() == [1] * 4 + [2] * 4
    assert len(runs) == runs["run_id"].nunique() == 8


def test_counts_name_what_is_done_failed_and_active() -> None:
    runs = run_frame(study([{"state": RunState.DONE}, {"state": RunState.FAILED}]))
    counts = count_frame(runs).set_index(["number", "strategy"])

    assert counts.loc[(1, "random"), ["n", "done", "failed", "active"]].tolist() == [2, 1, 0, 1]
    assert counts.loc[(1, "margin"), ["n", "done", "failed", "active"]].tolist() == [2, 0, 1, 1]
    assert counts.loc[(1, "random"), "share"] == 0.5


def test_lanes_are_as_many_as_runs_at_the_same_time() -> None:
    # Brute force: at every second, how many spans cover it.
    spans = [(0, 5), (1, 3), (3, 9), (4, 6), (6, 8)]
    bars = timeline_frame(study([span(*one) for one in spans]))
    most = max(sum(a <= t < b for a, b in spans) for t in range(10))

    assert len(bars) == len(spans)
    assert bars["lane"].max() == most == 3
    for _, lane in bars.groupby("lane"):
        ordered = lane.sort_values("start")
        assert (ordered["start"].iloc[1:].to_numpy() >= ordered["end"].iloc[:-1].to_numpy()).all()


def test_runs_of_another_study_are_not_on_the_time_axis() -> None:
    assert timeline_frame(study([span(0, 1, reused=True)])).empty


def test_labels_per_second_counts_what_was_bought() -> None:
    # 20 labels to begin with; 40 after two queries, in 4 s of work.
    done = {"state": RunState.DONE, "round": 3, "points": ((40, 0.5),), "elapsed_s": 4.0}

    assert labels_per_second(study([done])) == 5.0
    assert labels_per_second(study([])) is None


def test_every_state_has_a_sign_of_its_own() -> None:
    assert set(SYMBOLS) == set(CELL_STATES)
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)


def test_the_grid_selects_runs_and_outlines_the_chosen_one() -> None:
    runs = run_frame(study([]))
    spec = run_grid_chart(runs, chosen=runs["run_id"][3]).to_dict()

    (selection,) = [param for param in spec["params"] if param["name"] == CELL]
    assert selection["select"]["fields"] == ["run_id"]
    assert any(runs["run_id"][3] in str(layer.get("transform", "")) for layer in spec["layer"])


def test_counts_and_bars_are_drawn() -> None:
    runs = run_frame(study([{"state": RunState.FAILED}]))
    words = pd.DataFrame(next(iter(count_chart(count_frame(runs)).to_dict()["datasets"].values())))
    bars = timeline_chart(timeline_frame(study([span(0, 5), span(2, 4)]))).to_dict()

    assert "0/2 ✕1" in set(words["words"])
    assert len(next(iter(bars["datasets"].values()))) == 2
