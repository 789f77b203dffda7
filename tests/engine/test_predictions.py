"""What is recorded about the candidates, and what recording must not change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alscope.config import RunConfig, StrategySpec
from alscope.engine import predictions
from alscope.engine.predictions import watched_samples
from tests.engine.conftest import Bench, tiny_run

Recorded = list[dict[str, np.ndarray]]


def recorded(bench: Bench, config: RunConfig, kind: str = "predictions") -> Recorded:
    bench.execute(config)
    events = bench.store.history(config.run_id).rounds
    return [
        bench.store.blob(config.run_id, event.blobs[kind])
        for event in events
        if kind in event.blobs
    ]


def timings(bench: Bench, config: RunConfig) -> list[dict[str, Any]]:
    bench.execute(config)
    return [event.data["timing"] for event in bench.store.history(config.run_id).rounds]


def test_every_candidate_of_every_query_is_recorded(bench: Bench) -> None:
    config = tiny_run("margin")
    seen, queries = recorded(bench, config), recorded(bench, config, "query")

    assert [arrays["id"].size for arrays in seen] == [138, 132]
    for arrays, query in zip(seen, queries, strict=True):
        assert np.isin(query["queried"], arrays["id"]).all()
    assert not np.isin(queries[0]["queried"], seen[1]["id"]).any()


def test_a_pass_for_the_record_gives_what_a_strategy_would_have_seen(bench: Bench) -> None:
    asked, unasked = recorded(bench, tiny_run("margin")), recorded(bench, tiny_run("random"))

    for name in ("id", "predicted", "ood_score"):
        assert np.array_equal(asked[0][name], unasked[0][name])
    assert asked[0]["ood_score"].std() > 0
    assert np.unique(asked[0]["predicted"]).size > 1


def test_predictions_are_those_of_the_model(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    logits: list[np.ndarray] = []
    original = predictions._logits

    def spy(*args: Any, **options: Any) -> Any:
        found = original(*args, **options)
        logits.append(found[0])
        return found

    monkeypatch.setattr(predictions, "_logits", spy)
    seen = recorded(bench, tiny_run("entropy"))

    for arrays, raw in zip(seen, logits, strict=True):
        exact = np.exp(raw.astype(np.float64))
        exact /= exact.sum(axis=1, keepdims=True)
        assert np.array_equal(arrays["predicted"], raw.argmax(axis=1))
        assert np.allclose(arrays["ood_score"], 1 - exact.max(axis=1), atol=1e-3)


def test_the_first_ranks_are_the_query_of_a_ranking_strategy(bench: Bench) -> None:
    config = tiny_run("least_confidence")
    seen, queries = recorded(bench, config), recorded(bench, config, "query")

    for arrays, query in zip(seen, queries, strict=True):
        order = np.argsort(arrays["rank"])
        assert np.array_equal(arrays["id"][order][:6], query["queried"])
        assert sorted(arrays["rank"]) == list(range(arrays["rank"].size))


def test_a_strategy_without_scores_has_no_ranks(bench: Bench) -> None:
    assert "rank" not in recorded(bench, tiny_run("badge"))[0]


def test_recording_is_charged_to_nobody_and_says_so(bench: Bench) -> None:
    random, margin = timings(bench, tiny_run("random")), timings(bench, tiny_run("margin"))

    assert [timing["recording_s"] > 0 for timing in random] == [True, True, False]
    assert all(timing["inference_s"] == timing["load_s"] == 0 for timing in random)
    assert all(timing["recording_s"] == 0 for timing in margin)
    assert not random[0]["inputs_cached"]


def test_a_large_pool_is_watched_in_part_and_what_was_bought_is_always_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "N_WATCHED", 20)
    runs = [tiny_run("random"), tiny_run("margin"), tiny_run("bald")]
    seen = [recorded(bench, run) for run in runs]
    queries = [recorded(bench, run, "query") for run in runs]

    for arrays, query in zip(seen, queries, strict=True):
        assert np.isin(query[0]["queried"], arrays[0]["id"]).all()
        assert 20 <= arrays[0]["id"].size <= 26
    common = np.intersect1d(np.intersect1d(seen[0][0]["id"], seen[1][0]["id"]), seen[2][0]["id"])
    assert common.size >= 20


def test_the_watched_samples_belong_to_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "N_WATCHED", 50)
    pool = np.arange(1000)

    first, again, other = (watched_samples(pool, seed) for seed in (1, 1, 2))

    assert first.size == 50
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(watched_samples(pool[:40], 1), pool[:40])


def test_a_candidate_limit_limits_what_is_recorded(bench: Bench) -> None:
    config = tiny_run("margin")
    config = replace(config, strategy=StrategySpec(name="margin", candidates=10))

    assert [arrays["id"].size for arrays in recorded(bench, config)] == [10, 10]


def test_twenty_thousand_samples_take_at_most_the_stated_room() -> None:
    ids = np.arange(60_000, dtype=np.int64)
    small = predictions._small

    per_sample = (
        small(ids, 59_999).itemsize
        + small(ids % 100, 99).itemsize
        + 2
        + small(ids, 59_999).itemsize
    )
    assert per_sample * predictions.N_WATCHED <= 200_000
