from __future__ import annotations

import numpy as np
import pytest

from alscope.acquisition.balance import (
    QUOTAS,
    imbalance,
    marginal_overshoot,
    paper_quotas,
    waterfill_quotas,
)
from tests import oracles_balance


def random_counts(seed: int) -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 12, rng.integers(1, 8)), int(rng.integers(0, 30))


def test_a_class_lacks_what_separates_it_from_an_equal_share() -> None:
    assert paper_quotas(np.array([12, 3, 0]), 6).tolist() == [0, 4, 7]


def test_paper_quotas_are_the_definition() -> None:
    for seed in range(200):
        counts, k = random_counts(seed)

        assert paper_quotas(counts, k) == pytest.approx(oracles_balance.quotas(counts.tolist(), k))


@pytest.mark.parametrize(("n_initial", "n_query"), [(20, 20), (1000, 200), (5000, 2500)])
def test_the_share_follows_the_labels_that_exist(n_initial: int, n_query: int) -> None:
    counts = np.array([n_initial // 2, n_initial // 2, 0, 0])

    assert paper_quotas(counts, n_query)[3] == (n_initial + n_query) / 4


def test_waterfill_raises_the_poorest_classes_to_one_level() -> None:
    assert waterfill_quotas(np.array([12, 3, 0]), 6).tolist() == [0, 1.5, 4.5]


def test_waterfill_quotas_sum_to_the_query_and_end_on_one_level() -> None:
    for seed in range(200):
        counts, k = random_counts(seed)
        wanted = waterfill_quotas(counts, k)
        raised = (counts + wanted)[wanted > 0]

        assert wanted.sum() == pytest.approx(k)
        assert wanted.min() >= 0
        assert raised.size == 0 or np.ptp(raised) < 1e-9
        assert (counts[wanted == 0] >= raised.max(initial=0.0) - 1e-9).all()


def test_both_rules_agree_where_no_class_has_more_than_its_share() -> None:
    counts = np.array([4, 5, 3])

    assert QUOTAS["paper"](counts, 9) == pytest.approx(QUOTAS["waterfill"](counts, 9))


def test_marginal_overshoot_is_what_a_row_adds_above_quota() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        probs, room = rng.dirichlet(np.ones(4), 9), rng.normal(size=4)
        zero = np.zeros(4)
        before = oracles_balance.overshoot(zero, room)
        expected = [oracles_balance.overshoot(row, room) - before for row in probs]

        assert marginal_overshoot(probs, room) == pytest.approx(expected)


def test_the_distance_to_the_quotas_is_twice_the_overshoot_and_a_constant() -> None:
    rng = np.random.default_rng(0)
    probs, room = rng.dirichlet(np.ones(4), 30), rng.normal(size=4)
    distances = np.array([imbalance(row, room) for row in probs])

    assert np.ptp(distances - 2 * marginal_overshoot(probs, room)) < 1e-11


def test_marginal_overshoot_never_falls_while_samples_are_taken() -> None:
    rng = np.random.default_rng(1)
    probs, room = rng.dirichlet(np.ones(4), 30), rng.normal(size=4)

    assert (
        marginal_overshoot(probs, room) <= marginal_overshoot(probs, room - rng.random(4))
    ).all()


def test_every_row_overshoots_alike_where_every_class_is_full() -> None:
    probs = np.random.default_rng(2).dirichlet(np.ones(7), 50)

    assert (marginal_overshoot(probs, np.zeros(7)) == 1).all()
