from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alscope
from alscope.config import ScenarioConfig
from alscope.errors import ConfigError, SelectionError, ShapeError
from alscope.inputs import Detector, DetectorForward
from alscope.params import check_fields
from alscope.strategies import similar
from alscope.strategies._base import Strategy
from alscope.strategies.similar import Similar
from alscope.testing.fakes import FakePool, make_pool, softmax
from alscope.testing.strategies import StrategyConformance, choose
from alscope.types import Arrays, RunState
from tests import oracles_similar
from tests.engine.conftest import Bench, tiny_run

DETECTOR = Detector(temperature=1.0, spare_output=False)
POOL, LABELED, UNKNOWNS = (
    DetectorForward(companion=DETECTOR, on=on) for on in ("pool", "labeled", "unknowns")
)
BOTH = ("log_det_cmi", "flcmi")


class TestFacilityLocation(StrategyConformance):
    """The default is covered with the other strategies."""

    @pytest.fixture
    def strategy(self) -> Strategy:
        return Similar(function="flcmi")


def expected_picks(pool: FakePool, strategy: Similar, k: int) -> list[int]:
    """By the definition, on gradients that are written out."""
    values, keys, n = pool.values, pool.view().tie_keys, pool.ids.size
    labels = {
        POOL: values[POOL]["logits"].argmax(axis=1),
        LABELED: pool.labels,
        UNKNOWNS: np.full(pool.n_unknowns, pool.n_classes),
    }
    rows = [
        oracles_similar.gradients(values[on]["logits"], values[on]["embeddings"], labels[on])
        for on in ((POOL, LABELED, UNKNOWNS) if pool.n_unknowns else (POOL, LABELED))
    ]
    whole = oracles_similar.kernel(np.concatenate(rows))
    last = n + pool.labels.size
    if strategy.function == "flcmi":
        ceilings = strategy.eta * whole[:n, n:last].max(axis=1)
        floors = strategy.nu * whole[:n, last:].max(axis=1, initial=0)
        return oracles_similar.flcmi_picks(whole[:n, :n], ceilings, floors, k, keys)
    scaled = oracles_similar.log_det_kernel(
        whole, n, pool.labels.size, eta=strategy.eta, nu=strategy.nu
    )
    value = partial(
        oracles_similar.log_det_value,
        whole=scaled,
        query=range(n, last),
        private=range(last, len(whole)),
        ridge=strategy.ridge,
    )
    return oracles_similar.greedy(value, n, k, keys)


@pytest.mark.parametrize("function", BOTH)
def test_choices_are_those_of_the_definition(function: str) -> None:
    for seed in range(100):
        rng = np.random.default_rng(seed)
        eta, nu = ((1.0, 1.0), (0.6, 0.9))[seed % 2]
        strategy = Similar(function=function, eta=eta, nu=nu, ridge=(1.0, 0.3)[seed % 2])
        pool = make_pool(
            strategy,
            n_pool=int(rng.integers(8, 30)),
            n_classes=int(rng.integers(2, 5)),
            n_labeled=int(rng.integers(1, 9)),
            n_unknowns=int(rng.integers(0, 5)),
            seed=seed,
        )

        assert choose(strategy, pool, 5).positions.tolist() == expected_picks(pool, strategy, 5)


@pytest.mark.parametrize("function", BOTH)
def test_large_pools_in_single_precision_are_chosen_alike(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = Similar(function=function)
    for seed in range(20):
        pool = make_pool(strategy, n_pool=200, n_labeled=20, n_unknowns=10, seed=seed)
        monkeypatch.setattr(similar, "_EXACT_POOL", 4096)
        double = choose(strategy, pool).diagnostics["information"]
        monkeypatch.setattr(similar, "_EXACT_POOL", 0)
        single = choose(strategy, pool).diagnostics["information"]

        assert single == pytest.approx(double, rel=1e-3)


def clusters(
    seed: int, *, unknowns: bool = True
) -> tuple[dict[DetectorForward, Arrays], np.ndarray, np.ndarray]:
    """Ten clusters, four of them known, and a linear detector fitted to 100 annotated samples.

    Returns the arrays of the three sets, the labels, and which pool samples are known.
    """
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 10, 900)
    x = rng.normal(size=(10, 16))[classes] + 0.75 * rng.normal(size=(900, 16))
    targets = np.minimum(classes, 4)
    annotated = np.arange(900) < 100
    labeled, found = annotated & (targets < 4), annotated & (targets == 4) & unknowns
    weight = _probe(x[labeled | found], targets[labeled | found], 5 if unknowns else 4)
    logits = np.concatenate([x, np.ones((900, 1))], axis=1) @ weight
    arrays = {
        key: {"logits": logits[rows].astype(np.float32), "embeddings": x[rows].astype(np.float32)}
        for key, rows in ((POOL, ~annotated), (LABELED, labeled), (UNKNOWNS, found))
    }
    return arrays, targets[labeled], targets[~annotated] < 4


def _probe(x: np.ndarray, targets: np.ndarray, n_outputs: int) -> np.ndarray:
    rows, wanted = np.concatenate([x, np.ones((len(x), 1))], axis=1), np.eye(n_outputs)[targets]
    weight = np.zeros((rows.shape[1], n_outputs))
    for _ in range(300):
        weight -= 0.3 * rows.T @ (softmax(rows @ weight) - wanted) / len(rows)
    return weight


def pool_of(arrays: dict[DetectorForward, Arrays], labels: np.ndarray) -> FakePool:
    n_pool, n_unknowns = len(arrays[POOL]["logits"]), len(arrays[UNKNOWNS]["logits"])
    pool = make_pool([], n_pool=n_pool, n_classes=4, n_unknowns=n_unknowns, overrides=dict(arrays))
    return replace(pool, labels=labels.astype(np.int64))


@pytest.mark.parametrize("function", BOTH)
def test_most_of_what_it_asks_for_is_of_a_known_class(function: str) -> None:
    for seed in range(3):
        arrays, labels, known = clusters(seed)
        picks = choose(Similar(function=function), pool_of(arrays, labels), 60).positions

        assert known.mean() < 0.5
        assert known[picks].mean() > 0.85


@pytest.mark.parametrize("function", BOTH)
def test_a_batch_is_spread_over_the_classes(function: str) -> None:
    arrays, labels, _ = clusters(0)
    picks = choose(Similar(function=function), pool_of(arrays, labels), 40).positions

    assert np.bincount(arrays[POOL]["logits"][picks].argmax(axis=1), minlength=4)[:4].min() >= 4


@pytest.mark.parametrize("function", BOTH)
def test_unknowns_found_keep_it_away_from_their_like(function: str) -> None:
    arrays, labels, known = clusters(0)
    strategy = Similar(function=function)
    picks = choose(strategy, pool_of(arrays, labels), 60).positions
    # The same detector, but what was found is not compared with.
    none = {name: array[:0] for name, array in arrays[UNKNOWNS].items()}
    blind = choose(strategy, pool_of({**arrays, UNKNOWNS: none}, labels), 60).positions

    assert known[picks].mean() > known[blind].mean()


@pytest.mark.parametrize("function", BOTH)
def test_before_any_unknown_is_found_the_network_has_no_output_for_them(function: str) -> None:
    arrays, labels, _ = clusters(0, unknowns=False)
    selection = choose(Similar(function=function), pool_of(arrays, labels), 20)

    assert arrays[POOL]["logits"].shape[1] == 4
    assert selection.diagnostics["n_private_set"] == 0


def test_large_sets_are_capped_and_say_so() -> None:
    arrays, labels, _ = clusters(0)
    pool = pool_of(arrays, labels)
    full, cut = (choose(Similar(cap=cap), pool).diagnostics for cap in (500, 12))

    assert not full["capped"]
    assert (full["n_query_set"], full["n_private_set"]) == (labels.size, pool.n_unknowns)
    assert cut["capped"]
    assert (cut["n_query_set"], cut["n_private_set"]) == (12, 12)


def test_what_nothing_is_gained_by_is_counted() -> None:
    strategy = Similar(function="flcmi")
    pool = make_pool(strategy).repeated(np.arange(40) % 3)
    facts = choose(strategy, pool, 9).diagnostics

    assert facts["n_without_gain"] >= 6
    assert choose(strategy, pool, 40).diagnostics["information"] is None


def test_weights_above_one_are_for_facility_location_only() -> None:
    scenario = ScenarioConfig()

    assert Similar(eta=2.0).problems(scenario) == (
        'eta is 2, but log_det_cmi takes at most 1; lower it, or use "flcmi"',
    )
    assert not Similar(function="flcmi", eta=2.0, nu=3.0).problems(scenario)
    with pytest.raises(SelectionError, match=r"nu is 1\.5"):
        choose(Similar(nu=1.5), make_pool(Similar()))


def test_it_is_refused_without_labels() -> None:
    cold = ScenarioConfig(initial="random", n_initial=0)

    assert len(Similar(nu=2.0).problems(cold)) == 2
    with pytest.raises(SelectionError, match="similar needs a labeled sample"):
        choose(Similar(), make_pool(Similar(), n_labeled=0))


def test_it_says_what_it_does_in_a_closed_set() -> None:
    opened = ScenarioConfig(setting="open", n_known=4, ood_ratio=0.4)

    assert "more of what is labeled" in Similar().remarks(ScenarioConfig())[0]
    assert not Similar().remarks(opened)
    assert Similar().remarks(replace(opened, ood_ratio=0.0))


def test_parameters_have_ranges() -> None:
    wrong = Similar(function="logdet", eta=0.0, ridge=0.0, cap=0)

    assert {problem.path for problem in check_fields(wrong)} == {"function", "eta", "ridge", "cap"}


def test_unknowns_need_an_output_of_their_own() -> None:
    pool = make_pool(Similar(), n_classes=3)
    arrays = pool.values[UNKNOWNS]
    narrow = pool.with_values({UNKNOWNS: {**arrays, "logits": arrays["logits"][:, :3]}})
    with pytest.raises(ShapeError, match="unknown label of row 0 is 3"):
        choose(Similar(), narrow)


def test_arrays_cannot_replace_the_detector() -> None:
    with pytest.raises(ConfigError, match="needs DetectorForward"):
        alscope.select("similar", logits=np.zeros((4, 2)), query_size=2)


@pytest.mark.parametrize(
    "scenario", [{}, {"setting": "open", "n_known": 6, "ood_ratio": 0.4}], ids=["closed", "open"]
)
def test_a_run_is_repeated_bit_for_bit(scenario: dict[str, Any], tmp_path: Path) -> None:
    config = tiny_run("similar", **scenario)
    records = []
    for name, cached in (("first", True), ("second", False)):
        bench = Bench(tmp_path / name, cached=cached)

        assert bench.execute(config) == RunState.DONE
        records.append(bench.records(config))

    assert records[0] == records[1]
