"""The rules of the protocol, checked on recorded runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alscope.config import RunConfig, ScenarioConfig, StrategySpec
from alscope.data.oracle import TruthOracle
from alscope.data.scenario import build_scenario
from alscope.engine.control import StopToken
from alscope.types import RunState
from tests.engine.conftest import SEVEN, Bench, tiny_run


def rounds(bench: Bench, config: RunConfig) -> list[dict[str, Any]]:
    bench.execute(config)
    return [event.data for event in bench.store.history(config.run_id).rounds]


def queried(bench: Bench, config: RunConfig) -> list[np.ndarray]:
    history = bench.store.history(config.run_id)
    return [
        bench.store.blob(config.run_id, event.blobs["query"])["queried"]
        for event in history.rounds
        if "query" in event.blobs
    ]


def test_round_zero_is_equal_for_all_strategies(bench: Bench) -> None:
    metrics = [rounds(bench, tiny_run(name))[0]["result"]["metrics"] for name in SEVEN]

    assert all(found == metrics[0] for found in metrics)


def test_trials_differ_in_round_zero(bench: Bench) -> None:
    first = rounds(bench, tiny_run("random", seed=0))[0]["result"]
    second = rounds(bench, tiny_run("random", seed=1))[0]["result"]

    assert first["metrics"] != second["metrics"]


def test_r_queries_give_r_plus_one_evaluations_and_spend_the_budget(bench: Bench) -> None:
    config = tiny_run("entropy")
    records = rounds(bench, config)
    bought = np.concatenate(queried(bench, config))

    assert [r["result"]["n_annotated"] for r in records] == [12, 18, 24]
    assert np.unique(bought).size == bought.size == 12
    assert records[-1]["result"]["query"] is None


def test_unknown_samples_cost_budget_and_never_train(bench: Bench) -> None:
    config = tiny_run("random", setting="open", n_known=5, ood_ratio=0.5)
    records = rounds(bench, config)
    last = records[-1]["result"]

    assert last["n_annotated"] == 24
    assert last["n_unknowns"] > 0
    assert last["n_labeled"] + last["n_unknowns"] == 24
    assert sum(last["class_counts"]) == last["n_labeled"]
    assert len(last["class_counts"]) == 5


def test_purity_is_the_known_share_of_the_query(bench: Bench) -> None:
    config = tiny_run("random", setting="open", n_known=5, ood_ratio=0.5)
    for record in rounds(bench, config)[:-1]:
        query = record["result"]["query"]

        assert query["purity"] == query["n_known"] / query["size"]
        assert sum(query["class_counts"]) == query["n_known"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow] if name in {"least_confidence", "entropy", "random"} else [],
        )
        for name in SEVEN
    ],
)
def test_labels_of_the_pool_cannot_influence_the_first_query(
    name: str, make_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_run(name, n_rounds=1)
    honest = make_bench("honest")
    honest.execute(config)
    poisoned = make_bench("poisoned")

    def poison(scenario_config: Any, summary: Any, *, seed: int) -> Any:
        built = build_scenario(scenario_config, summary, seed=seed)
        labels = built.labels.copy()
        labels[built.split.pool] = (labels[built.split.pool] + 1) % built.known.size
        return replace(built, labels=labels)

    monkeypatch.setattr("alscope.engine.resources.build_scenario", poison)
    poisoned.execute(config)

    first, second = queried(honest, config)[0], queried(poisoned, config)[0]
    assert first.tolist() == second.tolist()


def test_costs_are_recorded_apart_and_sum_to_the_selection_time(bench: Bench) -> None:
    config = tiny_run("bald")
    for record in rounds(bench, config)[:-1]:
        timing = record["timing"]

        assert timing["selection_s"] == pytest.approx(
            timing["load_s"] + timing["inference_s"] + timing["acquisition_s"]
        )
        assert timing["inference_s"] > 0
        assert timing["train_s"] > 0


def test_random_has_no_inference_cost(bench: Bench) -> None:
    for record in rounds(bench, tiny_run("random"))[:-1]:
        assert record["timing"]["inference_s"] == 0
        assert record["timing"]["load_s"] == 0


def test_a_shared_input_is_charged_to_every_strategy(bench: Bench) -> None:
    first = rounds(bench, tiny_run("margin"))[0]["timing"]
    second = rounds(bench, tiny_run("entropy"))[0]["timing"]

    assert not first["inputs_cached"]
    assert second["inputs_cached"]
    assert second["inference_s"] == first["inference_s"] > 0
    assert second["train_s"] == first["train_s"] > 0


def test_the_candidate_limit_restricts_every_query(bench: Bench) -> None:
    config = tiny_run("margin")
    config = replace(config, strategy=StrategySpec(name="margin", candidates=10))
    other = replace(config, strategy=StrategySpec(name="entropy", candidates=10))
    rounds(bench, config)
    rounds(bench, other)
    summary = bench.resources.summary(ScenarioConfig(dataset="digits"))
    split = build_scenario(config.scenario, summary, seed=0).split
    from alscope import rng

    allowed = rng.generator(0, "candidates", 0).choice(split.pool, size=10, replace=False)
    assert set(queried(bench, config)[0]) <= set(allowed.tolist())
    assert set(queried(bench, other)[0]) <= set(allowed.tolist())


def test_the_oracle_answers_with_the_truth() -> None:
    oracle = TruthOracle(np.array([2, 0, -1]))

    assert oracle.annotate(np.array([2, 0])).labels.tolist() == [-1, 2]


def test_cancel_leaves_what_was_recorded(bench: Bench) -> None:
    class CancelAt(StopToken):
        left = 40

        def check(self) -> None:
            self.left -= 1
            if self.left < 0:
                self.request("cancel")
            super().check()

    config = tiny_run("margin")

    assert bench.execute(config, CancelAt()) is RunState.CANCELLED
    assert bench.store.history(config.run_id).rounds


def test_the_numerics_of_a_machine_do_not_change_what_is_drawn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[list[int]] = []

    def draws(numerics: str) -> None:
        bench.resources.numerics = numerics
        seen: list[int] = []
        from alscope import rng

        original = rng.torch_generator

        def spy(seed: int, *names: str | int, device: str = "cpu") -> Any:
            seen.append(rng.seed_for(seed, *names))
            return original(seed, *names, device=device)

        with monkeypatch.context() as patch:
            patch.setattr(rng, "torch_generator", spy)
            bench.store.delete(config.run_id) if bench.store.exists(config.run_id) else None
            bench.execute(config)
        seeds.append(seen)

    config = tiny_run("bald", n_rounds=1)
    draws("cpu|threads=1|torch=2.15.0|float32")
    draws("cpu|threads=2|torch=2.16.0|float32")

    assert seeds[0]
    assert seeds[0] == seeds[1]


def test_index_sets_are_kept_for_the_next_strategy_of_a_trial_and_for_nobody_else(
    bench: Bench,
) -> None:
    config, resources = tiny_run().scenario, bench.resources
    summary = resources.summary(config)
    kept = resources.scenario(config, summary, seed=0)

    assert resources.scenario(config, resources.summary(config), seed=0) is kept
    for other in (
        resources.scenario(config, summary, seed=1),
        resources.scenario(tiny_run(n_initial=13).scenario, summary, seed=0),
        resources.scenario(config, replace(summary, fingerprint="other"), seed=0),
    ):
        assert other is not kept
