from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alscope.acquisition import _price_path
from alscope.acquisition._price_path import Step, price_path
from alscope.acquisition._smoothed import SmoothedDual
from alscope.rng import tie_keys

N, N_CLASSES, K = 6_000, 5, 300


def path(*, n: int = N, k: int = K) -> tuple[SmoothedDual, list[Step]]:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(N_CLASSES, 0.3), n)
    quotas = np.linspace(0.02, 0.4, N_CLASSES) * k
    dual = SmoothedDual(rng.random(n), probs, k, quotas, weight=1.0)
    return dual, list(price_path(dual, tie_keys(np.arange(n), seed=0, round=0)))


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_price_path, "_SAMPLE", 500)


def test_no_price_that_may_move_would_raise_the_dual_of_all_rows() -> None:
    dual, steps = path()
    for step in steps:
        point = replace(dual, temperature=step.dual.temperature).at(step.prices)
        free = np.abs(step.prices) < dual.weight

        assert np.abs(point.gradient[free]).max() < 1e-5 * K
    assert [step.dual.temperature for step in steps] == sorted(
        (step.dual.temperature for step in steps), reverse=True
    )


def test_the_rows_worth_most_are_within_reach() -> None:
    dual, steps = path()
    sizes = []
    for step in steps:
        worth = dual.values + dual.probs @ step.prices
        rows = step.rows
        sizes.append(rows.size)

        assert set(np.argsort(-worth)[:K]) <= set(rows)
        np.testing.assert_array_equal(step.dual.probs, dual.probs[rows])
    assert sizes[0] == N
    assert sizes[-1] < N / 5


@pytest.mark.parametrize("room", [0.0, 1.0, 60.0])
def test_no_row_with_a_share_is_left_out(room: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_price_path, "_ROOM", room)
    dual, steps = path()
    for step in steps:
        point = replace(dual, temperature=step.dual.temperature).at(step.prices)

        assert set(np.flatnonzero(point.shares > 1e-15)) <= set(step.rows)
    assert steps[6].rows.size < N / 2


def test_a_sample_leads_to_the_prices_of_all_rows(request: pytest.FixtureRequest) -> None:
    plain = {step.dual.temperature: step.prices for step in path()[1]}
    request.getfixturevalue("sampling")
    sampled = path()[1]

    assert sampled[0].dual.temperature < max(plain)
    for step in sampled[:4]:
        np.testing.assert_allclose(step.prices, plain[step.dual.temperature], atol=1e-5)


@pytest.mark.usefixtures("sampling")
@pytest.mark.parametrize("k", [1, N - 1])
def test_a_sample_serves_for_one_pick_and_for_all_but_one(k: int) -> None:
    _, steps = path(k=k)

    assert all(np.isfinite(step.prices).all() for step in steps)
