from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alscope.config import ScenarioConfig
from alscope.errors import SelectionError
from alscope.inputs import ContrastiveEncoder, Projections
from alscope.strategies.ccal import CCAL
from alscope.testing.fakes import FakePool, make_pool
from alscope.testing.strategies import choose
from tests import oracles_openset

TRAINED = "ssl:5"


def projections(on: str, *, shifts: bool) -> Projections:
    encoder = ContrastiveEncoder(setting=TRAINED, shifts=shifts)
    return Projections(companion=encoder, n_views=10, on=on)


def random_pool(seed: int) -> FakePool:
    rng = np.random.default_rng(seed)
    n, m, n_shifts = int(rng.integers(1, 24)), int(rng.integers(1, 8)), int(rng.integers(1, 5))
    rows = rng.integers(0, n, n) if seed % 3 == 0 else np.arange(n)
    values = {}
    for on, size in (("pool", n), ("labeled", m)):
        for shifts in (False, True):
            shape = (size, n_shifts if shifts else 1, 3)
            drawn = rng.normal(size=shape).astype(np.float32)
            drawn = drawn[rows] if on == "pool" else drawn
            values[projections(on, shifts=shifts)] = {"projections": drawn}
    pool = make_pool([], n_pool=n, n_classes=4, n_labeled=m, overrides=values, seed=seed)
    return replace(pool, labels=rng.integers(0, 4, m))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"hard_gate": True},
        {"threshold": 0.5, "sharpness": 10.0},
        {"threshold": 0.6, "hard_gate": True},
    ],
    ids=str,
)
def test_the_query_is_the_definition(params: dict[str, Any]) -> None:
    for seed in range(60):
        pool, k = random_pool(seed), (3, 10, 5, 14)[seed % 4]
        pool_rows, labeled_rows = (
            [pool.values[projections(on, shifts=shifts)]["projections"] for shifts in (False, True)]
            for on in ("pool", "labeled")
        )
        expected = oracles_openset.ccal_picks(
            pool_rows[0][:, 0],
            labeled_rows[0][:, 0],
            pool_rows[1],
            labeled_rows[1],
            pool.labels,
            k,
            n_classes=4,
            keys=pool.view().tie_keys,
            **params,
        )
        found = choose(CCAL(encoder=TRAINED, **params), pool, k).positions.tolist()

        assert found == expected


def clusters(seed: int) -> tuple[FakePool, np.ndarray]:
    """Ten clusters of which four are known, as frozen features; and the class of each sample."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(10, 16))
    classes = np.concatenate([np.repeat(np.arange(4), 10), rng.integers(0, 10, 2000)])
    points = centres[classes] + 0.75 * rng.normal(size=(classes.size, 16))
    features = points.astype(np.float32)[:, None]
    encoder = ContrastiveEncoder(setting="frozen")
    pool = make_pool(
        [],
        n_pool=2000,
        n_classes=4,
        n_labeled=40,
        overrides={
            Projections(companion=encoder): {"projections": features[40:]},
            Projections(companion=encoder, on="labeled"): {"projections": features[:40]},
        },
    )
    return replace(pool, labels=classes[:40]), classes[40:]


def purity(strategy: CCAL, pool: FakePool, classes: np.ndarray) -> float:
    return float((classes[choose(strategy, pool, 80).positions] < 4).mean())


def test_it_asks_for_known_classes_more_often_than_chance() -> None:
    for seed in range(4):
        pool, classes = clusters(seed)

        assert purity(CCAL(), pool, classes) > (classes < 4).mean() + 0.15
        assert purity(CCAL(threshold=0.8), pool, classes) > 0.85


def test_a_hard_gate_is_at_least_as_pure() -> None:
    found = [
        [purity(CCAL(hard_gate=gate), *clusters(seed)) for seed in range(4)]
        for gate in (False, True)
    ]

    assert all(hard >= soft for soft, hard in zip(*found, strict=True))
    assert np.mean(found[1]) > 0.9


def test_among_similar_samples_it_asks_for_the_least_alike() -> None:
    # Two labeled samples at 0 degrees; the pool lies at growing angles, the last is an outlier.
    angles = np.radians([1, 2, 3, 5, 90])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)[:, None]
    anchors = np.tile(np.array([[[1.0, 0.0]]], dtype=np.float32), (2, 1, 1))
    encoder = ContrastiveEncoder(setting="frozen")
    pool = make_pool(
        [],
        n_pool=5,
        n_classes=2,
        overrides={
            Projections(companion=encoder): {"projections": points},
            Projections(companion=encoder, on="labeled"): {"projections": anchors},
        },
    )
    pool = replace(pool, labels=np.zeros(2, dtype=np.int64))

    assert choose(CCAL(), pool, 5).positions.tolist() == [3, 2, 1, 0, 4]


@pytest.mark.parametrize("query_size", [3, 10, 80, 83])
def test_every_budget_is_spent_exactly(query_size: int) -> None:
    choose(CCAL(), clusters(0)[0], query_size)


def test_classes_with_one_label_or_none_leave_their_share_to_others() -> None:
    pool, _ = clusters(0)
    encoder = ContrastiveEncoder(setting="frozen")
    key = Projections(companion=encoder, on="labeled")
    few = {"projections": pool.values[key]["projections"][:11]}
    pool = replace(pool.with_values({key: few}), labels=pool.labels[:11])
    selection = choose(CCAL(), pool, 80)

    assert np.bincount(pool.labels).tolist() == [10, 1]
    assert selection.diagnostics["n_refilled"] >= 40


def test_a_query_that_lies_below_the_threshold_for_the_most_part_says_so() -> None:
    pool, _ = clusters(0)
    strict, gated, fair = (
        choose(CCAL(**given), pool, 40).diagnostics
        for given in (
            {"threshold": 0.99},
            {"threshold": 0.99, "hard_gate": True},
            {"threshold": 0.5},
        )
    )

    assert strict["n_below_threshold"] > 20
    assert "lower its threshold" in strict["caution"]
    assert "caution" not in {**gated, **fair}
    assert fair["n_below_threshold"] <= 20


def test_diagnostics_say_how_much_lies_above_the_threshold() -> None:
    pool, _ = clusters(0)
    low, high = (
        choose(CCAL(threshold=threshold), pool, 8).diagnostics["above_threshold_ratio"]
        for threshold in (0.5, 0.95)
    )

    assert low > 0.3
    assert 0 < high < 0.05


def test_the_choice_follows_the_samples() -> None:
    for seed in range(30):
        pool = random_pool(seed)
        order = np.random.default_rng(seed).permutation(pool.ids.size)
        moved = pool.take(order)
        strategy = CCAL(encoder=TRAINED)
        first = pool.ids[choose(strategy, pool, 5).positions]

        assert first.tolist() == moved.ids[choose(strategy, moved, 5).positions].tolist()


def test_unknowns_are_not_asked_for() -> None:
    assert {key.on for key in CCAL().needs()} == {"pool", "labeled"}


def test_frozen_encoders_are_one() -> None:
    assert len(CCAL().needs()) == 2
    assert CCAL(n_views=3).needs() == CCAL().needs()


def test_trained_encoders_are_two_with_the_views_of_the_paper() -> None:
    paper = {
        f"{key.companion.setting} {key.companion.shifts}" for key in CCAL(encoder="paper").needs()
    }

    assert paper == {"paper:700 False", "paper:700 True"}
    assert {key.n_views for key in CCAL(encoder=TRAINED).needs()} == {10}


def test_a_strange_encoder_is_refused_in_words() -> None:
    scenario = ScenarioConfig()

    assert "'simclr'" in CCAL(encoder="simclr").problems(scenario)[0]
    assert CCAL(encoder="ssl:0").problems(scenario)
    for encoder in ("frozen", "ssl:30", "paper"):
        assert CCAL(encoder=encoder).problems(scenario) == ()


def test_a_cold_start_is_refused() -> None:
    assert CCAL().problems(ScenarioConfig(initial="random", n_initial=0))
    with pytest.raises(SelectionError, match="ccal needs a labeled sample"):
        choose(CCAL(), make_pool(CCAL(), n_labeled=0, n_unknowns=0), 2)
