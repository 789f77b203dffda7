from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from alscope.acquisition.balance import paper_quotas, waterfill_quotas
from alscope.acquisition.dual import BalancedBatch, Balancing, balanced_top_k
from alscope.acquisition.ranking import top_k
from alscope.acquisition.uncertainty import entropy_of_probs
from alscope.errors import ShapeError
from alscope.rng import tie_keys
from tests import oracles_balance

EXAMPLE_F = np.array([[0.5, 0.5], [0.4, 0.6], [0.1, 0.9], [0.9, 0.1]])


class Case(NamedTuple):
    probs: np.ndarray
    quotas: np.ndarray
    weight: float
    k: int

    def solved(self, seed: int = 0) -> BalancedBatch:
        keys = tie_keys(np.arange(len(self.probs)), seed=seed, round=0)
        return balanced_top_k(
            entropy_of_probs(self.probs),
            self.probs,
            self.k,
            quotas=self.quotas,
            weight=self.weight,
            keys=keys,
        )

    def ranked(self) -> list[int]:
        keys = tie_keys(np.arange(len(self.probs)), seed=0, round=0)
        return top_k(entropy_of_probs(self.probs), self.k, keys=keys).tolist()


def small(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    n, n_classes = int(rng.integers(4, 11)), int(rng.integers(2, 5))
    k = int(rng.integers(1, min(n, 6)))
    rule = (paper_quotas, waterfill_quotas)[seed % 2]
    quotas = rule(rng.integers(0, 6, n_classes), k)
    probs = rng.dirichlet(np.full(n_classes, 0.5), n)
    return Case(probs, quotas, (0.1, 0.6, 2.0)[seed % 3], k)


def large(n: int, n_classes: int, k: int, *, weight: float, sharpness: float = 3.0) -> Case:
    """Predictions and labels both favour the first classes, by ten to one."""
    rng = np.random.default_rng(n + n_classes)
    tail = np.linspace(0, -np.log(10), n_classes)
    logits = sharpness * rng.normal(size=(n, n_classes)) + tail
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    labels = rng.choice(n_classes, 2 * k, p=np.exp(tail) / np.exp(tail).sum())
    return Case(probs, paper_quotas(np.bincount(labels, minlength=n_classes), k), weight, k)


@pytest.mark.slow
def test_the_optimum_lies_between_the_bounds_and_is_nearly_always_found() -> None:
    n_found = 0
    for seed in range(200):
        case = small(seed)
        best, _ = oracles_balance.best_batch(case.probs, case.quotas, case.weight, case.k)
        batch = case.solved()
        cost = oracles_balance.batch_cost(case.probs, case.quotas, case.weight, batch.positions)
        n_found += cost <= best + 1e-9

        assert batch.upper == pytest.approx(cost)
        assert batch.lower <= best + 1e-9
        assert best <= batch.upper + 1e-9
    assert n_found >= 196


def test_sixteen_rows_are_solved_as_well() -> None:
    case = Case(np.random.default_rng(0).dirichlet(np.ones(3), 16), np.array([0.0, 1, 5]), 0.6, 5)
    best, batch = oracles_balance.best_batch(case.probs, case.quotas, case.weight, case.k)

    assert set(case.solved().positions.tolist()) == batch
    assert case.solved().upper == pytest.approx(best)


def test_any_prices_bound_the_cost_of_every_batch() -> None:
    for seed in range(60):
        case, rng = small(seed), np.random.default_rng(seed)
        best, _ = oracles_balance.best_batch(case.probs, case.quotas, case.weight, case.k)
        keys = np.arange(len(case.probs), dtype=np.uint64)
        problem = Balancing(
            entropy_of_probs(case.probs), case.probs, case.k, case.quotas, case.weight, keys
        )
        for _ in range(5):
            prices = rng.uniform(-case.weight, case.weight, case.quotas.size)
            bound = oracles_balance.dual_bound(case.probs, case.quotas, case.k, prices)

            assert problem.bound(prices) == pytest.approx(bound)
            assert bound <= best + 1e-9


@pytest.mark.parametrize(
    ("weight", "batch", "cost"), [(0.3, {0, 1}, -0.826), (1.0, {1, 2}, 0.0019)]
)
def test_example_f_turns_to_the_missing_class(weight: float, batch: set, cost: float) -> None:
    solved = Case(EXAMPLE_F, np.array([0.0, 2.0]), weight, 2).solved()

    assert set(solved.positions.tolist()) == batch
    assert solved.upper == pytest.approx(cost, abs=5e-4)


@pytest.mark.parametrize("reason", ["weight is 0", "no quota is reached", "all quotas are full"])
def test_a_class_term_that_is_constant_leaves_the_ranking_by_value(reason: str) -> None:
    for seed in range(40):
        case = small(seed)
        changed = {
            "weight is 0": case._replace(weight=0.0),
            "no quota is reached": case._replace(quotas=case.quotas + case.k),
            "all quotas are full": case._replace(quotas=0 * case.quotas),
        }[reason]

        assert changed.solved().positions.tolist() == case.ranked()
        assert changed.solved().gap == pytest.approx(0, abs=1e-9)


def test_the_names_of_the_classes_do_not_matter() -> None:
    for seed in range(40):
        case = small(seed)
        order = np.random.default_rng(seed).permutation(case.quotas.size)
        renamed = case._replace(probs=case.probs[:, order], quotas=case.quotas[order])

        assert renamed.solved().positions.tolist() == case.solved().positions.tolist()


def test_equal_rows_are_taken_by_key() -> None:
    case = Case(np.full((30, 3), [0.2, 0.3, 0.5]), np.array([0.0, 1.0, 9.0]), 0.7, 8)
    keys = tie_keys(np.arange(30), seed=4, round=0)

    assert case.solved(seed=4).positions.tolist() == np.argsort(keys)[:8].tolist()


def test_sure_predictions_are_divided_as_the_quotas_ask() -> None:
    probs = np.eye(3)[np.arange(3000) % 3]
    solved = Case(probs, np.array([0.0, 100.0, 200.0]), 0.6, 300).solved()

    assert probs[solved.positions].sum(axis=0).tolist() == [0, 100, 200]
    assert solved.gap == pytest.approx(0, abs=1e-9)


def test_a_batch_of_sure_predictions_that_costs_nothing_is_known_to_be_the_best() -> None:
    solved = Case(np.eye(2)[(np.arange(800) % 8) // 7], np.array([5.0, 5.0]), 0.6, 10).solved()

    assert (solved.upper, solved.lower) == (0, 0)


@pytest.mark.parametrize(
    ("n_classes", "weight", "sharpness"), [(10, 0.6, 1.0), (10, 0.6, 3.0), (10, 3.0, 8.0)]
)
def test_the_gap_is_small_for_a_pool_of_real_size(
    n_classes: int, weight: float, sharpness: float
) -> None:
    solved = large(20_000, n_classes, 500, weight=weight, sharpness=sharpness).solved()

    assert 0 <= solved.gap <= 0.005
    assert np.unique(solved.positions).size == 500


@pytest.mark.slow
def test_the_gap_is_small_with_a_hundred_classes() -> None:
    assert large(20_000, 100, 500, weight=2.0).solved().gap <= 0.005


def test_balancing_lowers_the_distance_to_the_quotas() -> None:
    case = large(2000, 10, 100, weight=0.6)
    before, after = case._replace(weight=0.0).solved(), case.solved()

    def distance(batch: BalancedBatch) -> float:
        return float(np.abs(case.quotas - case.probs[batch.positions].sum(axis=0)).sum())

    assert distance(after) < 0.9 * distance(before)


def test_none_and_all_can_be_asked_for() -> None:
    case = small(5)
    n = len(case.probs)

    assert case._replace(k=0).solved().positions.tolist() == []
    assert case._replace(k=-1).solved().positions.dtype == np.int64
    assert sorted(case._replace(k=n + 3).solved().positions) == list(range(n))
    assert case._replace(k=n).solved().gap == pytest.approx(0, abs=1e-9)
    assert case._replace(probs=case.probs[:0], k=3).solved().positions.tolist() == []


def test_all_can_be_asked_for_where_they_meet_the_quotas() -> None:
    # The cost is 0 up to rounding, and so is the bound: their relative difference says nothing.
    probs = np.tile([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]], (3, 1))
    keys, quotas = np.arange(12, dtype=np.uint64), np.array([4.8, 7.2])
    batch = balanced_top_k(np.zeros(12), probs, 12, quotas=quotas, weight=0.6, keys=keys)

    assert sorted(batch.positions) == list(range(12))
    assert batch.gap == 0


def test_one_row_is_left_out_of_all() -> None:
    for seed in range(20):
        case = small(seed)
        case = case._replace(k=len(case.probs) - 1)
        best, _ = oracles_balance.best_batch(case.probs, case.quotas, case.weight, case.k)

        assert case.solved().upper == pytest.approx(best)


def test_arrays_that_do_not_fit_are_refused() -> None:
    probs, keys = np.full((6, 2), 0.5), np.arange(6, dtype=np.uint64)

    def choose(values: np.ndarray, probs: np.ndarray) -> None:
        balanced_top_k(values, probs, 2, quotas=np.ones(2), weight=1.0, keys=keys)

    with pytest.raises(ShapeError, match="do not fit"):
        choose(np.zeros(5), probs)
    with pytest.raises(ShapeError, match="row 0 sum to 2"):
        choose(np.zeros(6), 2 * probs)
    with pytest.raises(ShapeError, match="values of row 3 hold NaN"):
        choose(np.where(np.arange(6) == 3, np.nan, 0), probs)
